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
from tinyattr.files.weight_file import WeightFile, about
from tinyattr.nets.classes import imagenet_names
from tinyattr.nets.network import network
from tinyattr.nets.pictures import FAMILIES, InputSpec


@dataclass(frozen=True)
class Recognised:
    """An open weight file and its architecture.

    published: the published network whose numbers it has, or None; compared: {array: whether it is as published}.
    input: how photos are preprocessed, None where nothing says it.
    """

    file: WeightFile
    architecture: Architecture
    published: Published | None
    compared: dict[str, bool]
    input: InputSpec | None

    def read(self, layer):
        """(kernel, bias) of a layer by our name, float32. Raises InputError, naming the array, for damage."""
        arrays, digests = self.file.read(self.architecture.names[layer]), self.file.description.sha256
        if digests is not None:
            with about(self.file.path):
                check_digests(digests, layer, arrays)
        return arrays

    def network(self):
        """The Network that the file holds. Raises InputError for damaged arrays."""
        weights = {layer: tuple(map(sealed, self.read(layer))) for layer in self.architecture.names}
        with about(self.file.path):
            return network(self.architecture.layers, weights, name=self.name, features=self.architecture.features,
                           classes=self.classes, input=self.input,
                           source=self.file.description.source or str(self.file.path))

    @property
    def name(self):
        """The network's name."""
        return self.file.description.network or self.architecture.name

    @property
    def family(self):
        """Whose training it is, a key of FAMILIES; "own" for another, None where nothing says it."""
        return family_of(self.input)

    @property
    def classes(self):
        """Names of the classes: the file's own, ImageNet's where there are 1000, else None."""
        names = self.file.description.classes
        return imagenet_names() if names is None and self.architecture.classes == 1000 else names


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
    fitting = architectures_of(file.shapes)
    named = (a for a in fitting if a.name == file.description.architecture)
    architecture = next(named, fitting[0])
    published, compared = identify(architecture.name, lru_cache(1)(lambda layer: file.read(architecture.names[layer])))
    spec = file.description.input
    if spec is not None:
        why = "the file says itself how photos are preprocessed"
    elif published:
        spec, why = _preprocessing(published.family, architecture), f"its numbers are those of {published.title}"
    elif family in architecture.families:
        spec, why = _preprocessing(family, architecture), ""
    else:
        why = f"a {architecture.name} is {' or '.join(architecture.families)}"
    if family not in (None, family_of(spec)):
        raise InputError(f"family {family!r} cannot be right: {why}")
    return Recognised(file, architecture, published, compared, spec)


def _preprocessing(family, architecture):
    return replace(FAMILIES[family], size=architecture.size or FAMILIES[family].size)
