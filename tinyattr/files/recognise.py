"""What an open weight file is: which architecture, whose training, and so how photos must be preprocessed."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache

from tinyattr.engine.arrays import sealed
from tinyattr.errors import InputError, unknown
from tinyattr.files.architectures import Architecture, architectures_of
from tinyattr.files.formats import open_weights
from tinyattr.files.own_format import check_digests, family_of
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
        """(kernel, bias) of a layer by our name, float32. Raises InputError, naming the array, for damage."""
        arrays = self.file.read(self.architecture.names[layer])
        if self.description.sha256 is not None:
            with about(self.file.path):
                check_digests(self.description.sha256, layer, arrays)
        return arrays

    def network(self):
        """The Network that the file holds. Raises InputError for damaged arrays."""
        weights = {layer: tuple(map(sealed, self.read(layer))) for layer in self.architecture.names}
        known = self.description
        with about(self.file.path):
            return network(self.architecture.layers, weights, name=known.network, features=self.architecture.features,
                           classes=known.classes, input=known.input, source=known.source or str(self.file.path))


@contextmanager
def recognised(path, family=None):
    """`with recognised(path) as found`: an open weight file, Recognised. family, and what is raised: see `load`."""
    if family is not None and family not in FAMILIES:
        raise unknown("family", family, FAMILIES)
    with open_weights(path) as file:
        with about(file.path):
            found = _recognised(file, family)
        yield found


def _recognised(file, family):
    own, fitting = file.description, architectures_of(file.shapes)
    architecture = next((a for a in fitting if a.name == own.architecture), fitting[0])
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
        why = f"a {architecture.name} is {' or '.join(architecture.families)}"
    if given not in (None, family):
        raise InputError(f"family {given!r} cannot be right: {why}")
    if own is not None or family is None:
        return own
    return replace(FAMILIES[family], size=architecture.size or FAMILIES[family].size)
