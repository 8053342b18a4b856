"""What an open weight file is: which architecture, whose training, and so how photos must be preprocessed."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache

from tinyattr.engine.arrays import sealed
from tinyattr.errors import InputError, unknown
from tinyattr.files.architectures import SAVE_IT_WHOLE, Architecture, architecture_of, architectures_of
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
        source = known.source or f"{self.file.path}; {known.note}".removesuffix("; ")
        with about(self.file.path):
            return network(self.architecture.layers, weights, name=known.network, classes=known.classes,
                           features=known.features or self.architecture.features, input=known.input, source=source)


@contextmanager
def recognised(path, family=None, size=None):
    """`with recognised(path) as found`: an open weight file, Recognised. family, size, what is raised: see `load`."""
    if family is not None and family not in FAMILIES:
        raise unknown("family", family, FAMILIES)
    with open_weights(path) as file:
        with about(file.path):
            found = _recognised(file, family, size)
        yield found


def _recognised(file, family, size):
    own = file.description
    if file.graph is None:
        fitting = architectures_of(file.shapes, file.bare)
        architecture = next((a for a in fitting if a.name == own.architecture), fitting[0])
    else:
        architecture = architecture_of(file)
    size = _size(file, architecture, size)
    known = architecture.families
    published, compared = identify(known and architecture.name, lru_cache(1)(lambda layer: file.read(architecture.names[layer])))
    spec = _preprocessing(own.input, published, family, architecture, size)
    classes = imagenet_names() if own.classes is None and architecture.classes == 1000 else own.classes
    foreign = own.sha256 is None  # a file of our own keeps its network's name; a known one has its own in Keras' files
    name = architecture.name if known and foreign else own.network or architecture.name
    description = replace(own, network=name, architecture=architecture.name, input=spec, classes=classes,
                          note="" if known else own.note)
    return Recognised(file, architecture, description, published, compared)


def _size(file, architecture, given):
    """The size of pictures, where it is known: as the file says, or as given. Raises InputError for one that cannot be.

    And for weights alone whose dense layers read a single place: behind a GlobalAveragePooling, they would look the same.
    """
    own, sizes = file.description, architecture.sizes
    said = own.picture[0] if own.picture else None
    if given is not None and (given != said if said else sizes is None or given not in sizes):
        fits = f"of {said} pixels, as its config says" if said else f"of {sizes[0]} to {sizes[-1]} pixels" if sizes else "of any size"
        raise InputError(f"size {given!r} cannot be right: it takes pictures {fits}")
    if sizes and sizes[0] == 32 and not (given or said or own.sha256 is not None):
        raise InputError(f"its first dense layer reads a single place: a {architecture.name} for pictures of 32 to 63 pixels "
                         "(then say size=32 or what it is), or another network with a GlobalAveragePooling; "
                         f"{SAVE_IT_WHOLE}")
    return given or said


def _preprocessing(own, published, given, architecture, size):
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
    spec, sizes = FAMILIES[family], architecture.sizes
    if size is None and sizes and spec.size not in sizes:
        raise InputError(f"its dense layers fit pictures of {sizes[0]} to {sizes[-1]} pixels; say the size: size={sizes[0]}")
    return spec if size is None else replace(spec, size=size)
