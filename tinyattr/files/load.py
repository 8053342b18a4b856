"""From a file to a network: which architecture, whose training, how photos must be preprocessed."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from tqdm import tqdm

from tinyattr.engine.arrays import sealed
from tinyattr.errors import InputError, unknown
from tinyattr.files.atomic import writable
from tinyattr.files.embedded import embedded
from tinyattr.files.fetch import FETCHABLE, fetched, published
from tinyattr.files.formats import open_weights
from tinyattr.files.own_format import check_digests, own_facts, write
from tinyattr.files.registry import Known, identify
from tinyattr.files.weight_file import Stored, about
from tinyattr.nets.classes import imagenet_names
from tinyattr.nets.network import network
from tinyattr.nets.pictures import FAMILIES, InputSpec
from tinyattr.nets.squeezenet import recognise_squeezenet
from tinyattr.nets.vgg import recognise_vgg


def load(source, *, family=None):
    """A Network from a weight file in any format and layout that files/formats.py knows.

    source: a path; "glyphs", the embedded network; or the name of a fetched file, such as "vgg19".
    family: whose training, a key of FAMILIES; it fixes how photos are preprocessed. Files of our own say it, and the
    published networks are known by their numbers; for any other file `net.read` refuses photos until it is given.
    Raises InputError for a missing, damaged or unknown file, and for a family that cannot be the file's.
    """
    with holding(file_of(source), family) as held:
        return network_of(held)


def save(net, path):
    """Write a VGG or SqueezeNet into a file that `load` reads: float32 weights, input preparation, class names.

    The file appears whole or not at all. Raises InputError for another network, or weights that are not finite.
    """
    shapes = {name: (arrays[0].shape, arrays[-1].shape) for name, arrays in net.weights.items()}
    facts = next((facts for facts in recognise(shapes, net.name) if facts["layers"] == net.layers), None)
    if facts is None:
        raise InputError(f"{net.name} has other layers than a VGG or SqueezeNet; only these can be saved")
    write(path, net.weights.items(), network=net.name, architecture=facts["name"], family=family_of(net.input),
          input=net.input, classes=net.classes, source=net.source)


def convert(source, path, *, family=None):
    """Write any weight file that `load` reads as a file of our own, which says itself how photos are preprocessed.

    One layer is in memory at a time. Raises InputError as `load` does, where nothing says whose training it is, and for
    a damaged copy of a published file.
    """
    source, path = file_of(source), writable(path)
    with holding(source, family) as held:
        if held.input is None:
            raise InputError(f"{source.name!r} does not say whose training it is, and its numbers are of no published "
                             f"network; say it with --family {' or '.join(held.facts['families'])}")
        found, claimed = published(source)
        if claimed and found != claimed.sha256:
            raise InputError(f"{source.name!r} is not the published file of {claimed.title}, whose name or size it "
                             f"has: its sha256 is {found}; get it again")
        origin = held.own.get("source") or f"{source.name}, {source.stat().st_size:,} bytes, sha256 {found}"
        names = tqdm(held.facts["names"], unit=" layers", desc=path.name, disable=None, leave=False)
        layers = ((name, held.read(name)) for name in names)
        write(path, layers, network=held.name, architecture=held.facts["name"], family=held.family, input=held.input,
              classes=held.classes, source=origin)


@dataclass(frozen=True)
class Holding:
    """What an open weight file holds: `facts` of its architecture, and what a file of our own says (`own`, else {}).

    known: the published network whose numbers it has, or None; compared: {array: whether it is as published}.
    family and input: whose training, how photos are preprocessed; None where nothing says it.
    """

    stored: Stored
    facts: dict
    own: dict
    known: Known | None
    compared: dict
    family: str | None
    input: InputSpec | None

    def read(self, layer):
        """(kernel, bias) of a layer by our name, float32. Raises InputError, naming the array, for damage."""
        arrays = self.stored.read(self.facts["names"][layer])
        if self.own:
            with about(self.stored.path):
                check_digests(self.own["sha256"], layer, arrays)
        return arrays

    @property
    def name(self):
        """The network's name."""
        return self.own.get("network") or self.facts["name"]

    @property
    def classes(self):
        """Names of the classes: the file's own, ImageNet's where there are 1000, else None."""
        names = self.own.get("classes")
        return imagenet_names() if names is None and self.facts["classes"] == 1000 else names


def network_of(held):
    """The Network that an open weight file holds. Raises InputError for damaged arrays."""
    weights = {layer: tuple(map(sealed, held.read(layer))) for layer in held.facts["names"]}
    with about(held.stored.path):
        return network(held.facts["layers"], weights, name=held.name, features=held.facts["features"],
                       classes=held.classes, input=held.input, source=held.own.get("source") or str(held.stored.path))


@contextmanager
def holding(path, family=None):
    """`with holding(path) as held`: an open weight file, recognised. family, and what is raised: see `load`."""
    if family is not None and family not in FAMILIES:
        raise unknown("family", family, FAMILIES)
    with open_weights(path) as stored:
        with about(stored.path):
            held = _recognised(stored, family)
        yield held


def _recognised(stored, family):
    own = own_facts(stored.attributes)
    candidates = recognise(stored.shapes, stored.path.name)
    facts = next((facts for facts in candidates if facts["name"] == own.get("architecture")), candidates[0])
    known, compared = identify(facts["name"], lru_cache(1)(lambda layer: stored.read(facts["names"][layer])))
    family = checked_family(family, facts, own, known)
    spec = own.get("input")
    if spec is None and family:
        spec = replace(FAMILIES[family], size=facts["size"] or FAMILIES[family].size)
    return Holding(stored, facts, own, known, compared, family, spec)


def checked_family(given, facts, own, known):
    """Whose training: what the file says, or its numbers, or what was given; else None. Raises InputError."""
    if own.get("input") is not None:
        family, why = family_of(own["input"]), "the file says itself how photos are preprocessed"
    elif known:
        family, why = known.family, f"its numbers are those of {known.title}"
    elif given in (None, *facts["families"]):
        return given
    else:
        family, why = None, f"a {facts['name']} is {' or '.join(facts['families'])}"
    if given not in (None, family):
        raise InputError(f"family {given!r} cannot be right: {why}")
    return family


def family_of(spec):
    """The family whose channel order, means and scales these are; "own" where there is none, None for None."""
    same = (family for family, other in FAMILIES.items()
            if spec and (other.order, other.mean, other.scale) == (spec.order, spec.mean, spec.scale))
    return next(same, spec and "own")


def recognise(shapes, source):
    """Facts of the architectures with these {layer: (kernel shape, bias shape)}, likeliest first. Raises InputError."""
    found = recognise_squeezenet(shapes) or recognise_vgg(shapes)
    if not found:
        few = ", ".join([*list(shapes)[:3], *(["..."] if len(shapes) > 3 else [])])
        raise InputError(f"{source!r} holds {len(shapes)} layer(s) with weights ({few}): "
                         "neither a whole VGG, dense layers included, nor SqueezeNet")
    return found


def file_of(source):
    """Where a weight file lies, given its path or the name of the embedded or a fetched network. Raises InputError."""
    if source == "glyphs":
        return embedded("weights/glyphs.h5")
    return fetched(source) if source in FETCHABLE else Path(source)
