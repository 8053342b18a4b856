"""Recognise an open weight file: its architecture, who trained it, and so how photos must be preprocessed."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache

from tinyattr.engine.arrays import sealed
from tinyattr.errors import named
from tinyattr.files.architectures import Architecture, architecture_of, architectures_of
from tinyattr.files.formats import open_weights
from tinyattr.files.own_format import check_digests, family_of, names_of
from tinyattr.files.preprocessing import check_given, class_names, preprocessing
from tinyattr.files.registry import Published, identify
from tinyattr.files.weight_file import Description, WeightFile, about
from tinyattr.nets.network import Network
from tinyattr.nets.pictures import FAMILIES


@dataclass(frozen=True)
class Recognised:
    """A Recognised holds an open weight file, the architecture of its network, and a description of the network.

    published: the published network that has the same numbers, or None. compared: {array: whether it is as published}.
    """

    file: WeightFile
    architecture: Architecture
    description: Description
    published: Published | None
    compared: dict[str, bool]

    @property
    def family(self):
        """Who trained it: a key of FAMILIES, "own" for another training, or None if unknown."""
        return family_of(self.description.input)

    def read(self, layer):
        """Return a layer's arrays as floats, given our name of the layer. Raises InputError for a damaged array."""
        name = self.architecture.names[layer]
        arrays = self.file.read(name)
        if self.description.sha256 is not None:
            with about(self.file.path):
                check_digests(self.description.sha256, name, arrays, names_of(self.op(layer)))
        return arrays

    def op(self, layer):
        """Return the op of a layer."""
        return next(op for name, op, _ in self.architecture.layers if name == layer)

    def network(self):
        """Return the Network that the file holds. Raises InputError for damaged arrays."""
        weights, read, known = {}, {}, self.description  # layers that share arrays in the file share them here, too
        for layer, name in self.architecture.names.items():
            arrays = self.file.layers[name]
            if id(arrays) not in read:
                read[id(arrays)] = tuple(map(sealed, self.read(layer)))
            weights[layer] = read[id(arrays)]
        source = known.source or f"{self.file.path}; {known.note}".removesuffix("; ")
        with about(self.file.path):
            return Network(self.architecture.layers, weights, name=known.network, classes=known.classes,
                           features=known.features or self.architecture.features, input=known.input, source=source)


@contextmanager
def recognised(path, *, classes=None, **said):
    """Open a weight file: `with recognised(path) as found` gives a Recognised.

    said: family, input, size. For these, for classes, and for errors see `load`.
    """
    if said.get("family") is not None:
        said["family"] = named("family", said["family"], FAMILIES)
    check_given(classes=classes, **said)
    spec = said.get("input")
    with open_weights(path, spec.shape[:2] if spec else said.get("size")) as file:
        with about(file.path):
            found = _recognised(file, classes, said)
        yield found


def _recognised(file, classes, said):
    own = file.description
    if file.graph is None:
        fitting = architectures_of(file.shapes, file.bare)
        architecture = next((a for a in fitting if a.name == own.architecture), fitting[0])
    else:
        architecture = architecture_of(file)
    known = architecture.families
    published, compared = identify(
        known and architecture.name, lru_cache(1)(lambda layer: file.read(architecture.names[layer])))
    foreign = own.sha256 is None  # a network from our own file keeps its name; others get the architecture's name
    name = architecture.name if known and foreign else own.network or architecture.name
    description = replace(own, network=name, architecture=architecture.name, note="" if known else own.note,
                          input=preprocessing(own, architecture, published, **said),
                          classes=class_names(own, architecture, classes))
    return Recognised(file, architecture, description, published, compared)
