"""From a file to a network: which architecture, whose training, how photos must be prepared."""

from dataclasses import replace
from pathlib import Path

from tinyattr.errors import InputError, unknown
from tinyattr.files.classes import imagenet_names
from tinyattr.files.formats import open_weights
from tinyattr.files.images import InputSpec
from tinyattr.files.store import own_facts
from tinyattr.nets.network import network
from tinyattr.nets.squeezenet import recognise_squeezenet
from tinyattr.nets.vgg import recognise_vgg, vgg

FAMILIES = {
    # The same architecture trained by different people wants differently prepared photos.
    "oxford": InputSpec(224, "BGR", (103.939, 116.779, 123.68), (1.0, 1.0, 1.0), "keras-nearest"),
    "torchvision": InputSpec(224, "RGB", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "center-crop-256"),
    "squeezenet-caffe": InputSpec(227, "BGR", (104.0, 117.0, 123.0), (1.0, 1.0, 1.0), "bilinear-squash"),
    "tinyattr": InputSpec(224, "RGB", (127.0, 127.0, 127.0), (64.0, 64.0, 64.0), "bilinear-squash"),
}


def load(source, *, family=None):
    """A Network from a weight file (files/formats.py lists the layouts), or "demo", a small VGG19 with random weights.

    family: whose training, a key of FAMILIES; it fixes how photos are prepared. Our own files, the official Keras
    files and SqueezeNet v1.0 need none; for any other file `net.read` refuses photos until it is given.
    Raises InputError for a missing, damaged or unknown file.
    """
    if family is not None and family not in FAMILIES:
        raise unknown("family", family, FAMILIES)
    if source == "demo":
        return demo()
    with open_weights(source) as stored:
        facts = recognise_squeezenet(stored.shapes) or recognise_vgg(stored.shapes)
        if facts is None:
            raise InputError(f"{Path(source).name!r} holds {len(stored.shapes)} layers with weights "
                             f"({', '.join(list(stored.shapes)[:3])}, ...): neither a VGG nor SqueezeNet v1.0")
        weights = {ours: stored.read(theirs) for ours, theirs in facts["names"].items()}
        spec, classes = own_facts(stored.attributes)
        official = stored.layout == "keras-2016"  # only the Oxford weights were ever published in that layout
    family = family or (None if spec else facts["family"] or ("oxford" if official else None))
    if family:
        spec = replace(FAMILIES[family], size=facts["size"])
    if classes is None and facts["classes"] == 1000:
        classes = imagenet_names()
    return network(facts["layers"], weights, name=facts["name"], features=facts["features"],
                   classes=classes, input=spec, source=str(source))


def demo():
    """VGG19's layout at an eighth of its width, ten classes, weights from seed 0. It has learned nothing."""
    net = vgg("E", width=1 / 8, classes=10, seed=0, input=FAMILIES["tinyattr"])
    return replace(net, name="demo (VGG19 layout, random weights)")
