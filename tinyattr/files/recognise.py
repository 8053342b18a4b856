"""What an open weight file is: which architecture, whose training, and so how photos must be preprocessed."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache

from tinyattr.engine.arrays import sealed
from tinyattr.errors import InputError, unknown
from tinyattr.files.architectures import Architecture, architecture_of, architectures_of
from tinyattr.files.formats import open_weights
from tinyattr.files.own_format import check_digests, family_of, names_of
from tinyattr.files.registry import Published, identify
from tinyattr.files.weight_file import Description, WeightFile, about
from tinyattr.nets.classes import imagenet_names
from tinyattr.nets.network import network
from tinyattr.nets.pictures import FAMILIES


@dataclass(frozen=True)
class Recognised:
    """An open weight file, its architecture, and the description of its network: what the file says, or what follows.

    published: the published network whose numbers it has, or None; compared: {array: whether it is as published}.
    """

    file: WeightFile
    architecture: Architecture
    description: Description
    published: Published | None
    compared: dict[str, bool]

    @property
    def family(self):
        """Whose training it is, a key of FAMILIES; "own" for another, None where nothing says it."""
        return family_of(self.description.input)

    def read(self, layer):
        """A layer's arrays, by our name, as floats. Raises InputError, naming the array, for damage."""
        name = self.architecture.names[layer]
        arrays = self.file.read(name)
        if self.description.sha256 is not None:
            with about(self.file.path):
                check_digests(self.description.sha256, name, arrays, names_of(self.op(layer)))
        return arrays

    def op(self, layer):
        """What a layer does."""
        return next(op for name, op, _ in self.architecture.layers if name == layer)

    def network(self):
        """The Network that the file holds. Raises InputError for damaged arrays."""
        weights, read, known = {}, {}, self.description  # layers that share their arrays share them again
        for layer, name in self.architecture.names.items():
            arrays = self.file.layers[name]
            if id(arrays) not in read:
                read[id(arrays)] = tuple(map(sealed, self.read(layer)))
            weights[layer] = read[id(arrays)]
        source = known.source or "; ".join(filter(None, (str(self.file.path), known.note)))
        with about(self.file.path):
            return network(self.architecture.layers, weights, name=known.network, classes=known.classes,
                           features=known.features or self.architecture.features, input=known.input, source=source)


@contextmanager
def recognised(path, family=None, size=None):
    """`with recognised(path) as found`: an open weight file, Recognised. family, size, what is raised: see `load`."""
    if family is not None and family not in FAMILIES:
        raise unknown("family", family, FAMILIES)
    with open_weights(path, size) as file:
        with about(file.path):
            found = _recognised(file, family)
        yield found


def _recognised(file, family):
    own = file.description
    if file.graph is None:
        fitting = architectures_of(file.shapes)
        architecture = next((a for a in fitting if a.name == own.architecture), fitting[0])
    else:
        architecture = architecture_of(file)
    published, compared = identify(architecture.name, lru_cache(1)(lambda layer: file.read(architecture.names[layer])))
    spec = _preprocessing(own.input, published, family, architecture)
    classes = imagenet_names() if own.classes is None and architecture.classes == 1000 else own.classes
    description = replace(own, network=own.network or architecture.name, architecture=architecture.name, input=spec,
                          classes=classes)
    return Recognised(file, architecture, description, published, compared)


def _preprocessing(own, published, given, architecture):
    """How photos are preprocessed, an InputSpec: as the file says, or its numbers, or the given family; else None."""
    if own is not None:
        family, why = family_of(own), "the file says itself how photos are preprocessed"
    elif published:
        family, why = published.family, f"its numbers are those of {published.title}"
    else:
        family = given if given in architecture.families else None
        why = (f"a {architecture.name} is {' or '.join(architecture.families)}" if architecture.families else
               "it is a network of somebody's own; say with input=InputSpec(...) how photos are preprocessed")
    if given not in (None, family):
        raise InputError(f"family {given!r} cannot be right: {why}")
    if own is not None or family is None:
        return own
    return replace(FAMILIES[family], size=architecture.size or FAMILIES[family].size)
