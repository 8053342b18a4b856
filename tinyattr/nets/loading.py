"""From a file to a network: which architecture, whose training, how photos must be prepared."""

from dataclasses import replace
from pathlib import Path

from tinyattr.errors import InputError, unknown
from tinyattr.files.classes import imagenet_names
from tinyattr.files.embedded import embedded
from tinyattr.files.formats import open_weights
from tinyattr.files.images import InputSpec
from tinyattr.files.store import check_digests, own_facts, write
from tinyattr.nets.network import network
from tinyattr.nets.squeezenet import recognise_squeezenet
from tinyattr.nets.vgg import recognise_vgg

FAMILIES = {
    # The same architecture trained by different people wants differently prepared photos.
    "oxford": InputSpec(224, "BGR", (103.939, 116.779, 123.68), (1.0, 1.0, 1.0), "keras-nearest"),
    "torchvision": InputSpec(224, "RGB", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "center-crop-256"),
    "squeezenet-caffe": InputSpec(227, "BGR", (104.0, 117.0, 123.0), (1.0, 1.0, 1.0), "bilinear-squash"),
    "tinyattr": InputSpec(224, "RGB", (127.0, 127.0, 127.0), (64.0, 64.0, 64.0), "bilinear-squash"),
}


def load(source, *, family=None):
    """A Network from a weight file (files/formats.py lists the layouts), or "glyphs", the embedded one.

    family: whose training, a key of FAMILIES; it fixes how photos are prepared. Our own files, the official Keras
    files and SqueezeNet v1.0 say it themselves; for any other file `net.read` refuses photos until it is given.
    Raises InputError for a missing, damaged or unknown file, and for a family that cannot be the file's.
    """
    if family is not None and family not in FAMILIES:
        raise unknown("family", family, FAMILIES)
    path = embedded("glyphs.h5") if source == "glyphs" else Path(source)
    with open_weights(path) as stored:
        facts = recognise(stored.shapes, path.name)
        own = own_facts(stored.attributes)
        official = stored.layout == "keras-2016"  # only the Oxford weights were ever published in that layout
        says_itself = own.get("input") is not None
        family = checked_family(family, facts["families"], "oxford" if official else None, says_itself)
        weights = {ours: stored.read(theirs) for ours, theirs in facts["names"].items()}
    if own:
        for layer, arrays in weights.items():
            check_digests(own["sha256"], layer, arrays)
    classes = own.get("classes")
    if classes is None and facts["classes"] == 1000:
        classes = imagenet_names()
    return network(facts["layers"], weights, name=own.get("network") or facts["name"], features=facts["features"],
                   classes=classes, source=own.get("source") or str(path),
                   input=replace(FAMILIES[family], size=facts["size"]) if family else own.get("input"))


def save(net, path):
    """Write a VGG or SqueezeNet into a file that `load` reads: float32 weights, input preparation, class names.

    The file appears whole or not at all. Raises InputError for another network, or weights that are not finite.
    """
    shapes = {name: (arrays[0].shape, arrays[-1].shape) for name, arrays in net.weights.items()}
    if [op for _, op, _ in net.layers] != [op for _, op, _ in recognise(shapes, net.name)["layers"]]:
        raise InputError(f"{net.name} has other layers than a VGG or SqueezeNet; only these can be saved")
    write(net, path)


def recognise(shapes, source):
    """The facts of the architecture with these {layer: (kernel shape, bias shape)}. Raises InputError for others."""
    facts = recognise_squeezenet(shapes) or recognise_vgg(shapes)
    if facts is None:
        few = ", ".join(list(shapes)[:3])
        raise InputError(f"{source!r} holds {len(shapes)} layer(s) with weights ({few}, ...): "
                         "neither a whole VGG, dense layers included, nor SqueezeNet v1.0")
    return facts


def checked_family(family, possible, known, says_itself):
    """The family to prepare photos for: what the file says or is known for, else what was given, else None."""
    if len(possible) == 1:
        known = possible[0]
    if family is None:
        return None if says_itself else known
    if says_itself or (known and family != known) or family not in possible:
        raise InputError(f"family {family!r} cannot be right: "
                         + ("the file says itself how photos are prepared" if says_itself
                            else f"this file is {known or ' or '.join(possible)}"))
    return family
