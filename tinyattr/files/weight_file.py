"""WeightFile: what each reader of a format returns. It has layers with arrays, which are checked but not read yet."""

import re
import struct
import zipfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tinyattr.errors import InputError
from tinyattr.nets.pictures import InputSpec

MOST_NUMBERS = 200_000_000  # in all arrays of a file: VGG19 has 143,667,240
MOST_SWELLING = 16  # arrays may need at most 16 times the bytes of the file; a compressed SqueezeNet needs 4 times
LONGEST_NAME = 100
LARGEST_WEIGHT = 1e4  # real networks stay below 100
DAMAGED = (  # errors that readers raise for a damaged file
    OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, EOFError, struct.error,
    zipfile.BadZipFile,
)


@dataclass(frozen=True)
class Description:
    """A Description holds what a file says about its network, besides the numbers. A default says that it has none.

    network: its name; source: where its numbers come from; input: how photos are preprocessed; classes: their names.
    features: the layer that CAMs explain, None for a Network's default; note: what the reader of the file left out;
    picture: the shape (H, W, C) of pictures, if the file says it.
    sha256: {"layer/kernel": sha256 of its bytes}; only our own files have it.
    """

    network: str = ""
    architecture: str = ""
    source: str = ""
    input: InputSpec | None = None
    classes: tuple[str, ...] | None = None
    features: str | None = None
    note: str = ""
    picture: tuple[int, int, int] | None = None
    sha256: dict[str, str] | None = None


@dataclass(frozen=True)
class Array:
    """An Array has its name in the file, its shape in our order of axes, and `fetch`, which reads it as floats.

    vet: a function that checks the numbers. It returns them if they can be weights, else it raises InputError.
    """

    name: str
    shape: tuple[int, ...]
    fetch: Callable[[], np.ndarray]
    vet: Callable = field(default=lambda a, where: plausible(a, where))

    def read(self):
        """Return the numbers. Raises InputError, which names the array, if it is damaged or `vet` refuses it."""
        try:
            with np.errstate(all="ignore"):  # a float64 too large for float32 becomes infinite, and `vet` refuses it
                return self.vet(self.fetch(), self.name)
        except InputError as error:
            raise error if self.name in str(error) else InputError(f"{self.name}: {error}") from None


@dataclass(frozen=True)
class WeightFile:
    """A WeightFile has layers, {the layer's name in the file: its Arrays}, in order. layout: name of the format.

    path: path of the file, or its name in messages. size: of the file, in bytes.
    graph: the list of layers for a Network, if the file says what its layers do; None for a file of weights alone. In
    such a file each layer has a kernel and a bias. bare: names of layers without weights, if the file has such names.
    measured: True if the reader has compared every array's size with the bytes that the file has for it.
    Kernels are (kh, kw, in, out) and (in, out), whatever the file's order of axes; a dense `in` counts H, W, C.
    """

    path: Path
    size: int
    layout: str
    layers: dict[str, tuple[Array, ...]]
    description: Description = Description()
    graph: list | None = None
    bare: tuple[str, ...] = ()
    measured: bool = False

    def __post_init__(self):
        distinct = {id(arrays): arrays for arrays in self.layers.values()}  # layers may share arrays
        arrays = [array for arrays in distinct.values() for array in arrays]
        numbers = sum(float(np.prod(array.shape, dtype=float)) for array in arrays)
        if not arrays and self.graph is None:
            raise InputError("it holds no layer with a kernel and a bias; is it a weight file?")
        if any(len(layer) > LONGEST_NAME or not layer.isprintable() for layer in self.layers):
            raise InputError("a layer's name is too long or not printable")
        if not all(all(array.shape) for array in arrays):
            raise InputError("it holds an array without numbers")
        swollen = not self.measured and 4 * numbers > MOST_SWELLING * (self.size + (1 << 20))
        if numbers > MOST_NUMBERS or swollen:
            raise InputError(f"it declares {numbers:.3g} numbers; the limit is {MOST_NUMBERS:,}, and they may need at "
                             f"most {MOST_SWELLING} times as much memory as the file has bytes")

    @property
    def shapes(self):
        """{layer: the shapes of its arrays}."""
        return {layer: tuple(array.shape for array in arrays) for layer, arrays in self.layers.items()}

    def read(self, layer):
        """Return a layer's arrays as floats. Raises InputError for damage, and for numbers that no network has."""
        with about(self.path):
            return tuple(array.read() for array in self.layers[layer])


@contextmanager
def about(path):
    """`with about(path):` read the file. Each error that damage can cause becomes an InputError that names the file."""
    try:
        yield
    except InputError as error:
        words = _one_line(error)
        raise InputError(words if repr(path.name) in words else f"{path.name!r}: {words}") from None
    except PermissionError:
        raise InputError(f"{path.name!r} cannot be read: no permission") from None
    except DAMAGED as error:
        lacks = "it lacks " if isinstance(error, KeyError) else ""
        raise InputError(f"{path.name!r} is damaged or not a weight file: {lacks}{_one_line(error)}") from None


def _one_line(error):
    """Return an error's message, shortened. It may quote a file, so characters that control a terminal are left out."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(error)).split())[:400]


def plausible(a, where):
    """Return the array if it can be weights: finite, at most LARGEST_WEIGHT, not all zeros. Raises InputError."""
    largest = max(a.max(), -a.min())  # NaN fails the comparison
    if not largest <= LARGEST_WEIGHT:
        raise InputError(f"{where} holds {largest}; weights are finite numbers below {LARGEST_WEIGHT:g}")
    if a.ndim > 1 and largest == 0:
        raise InputError(f"{where} is all zeros; was the file never completed?")
    return a


def natural(name):
    """Return a sort key that puts conv2d_2 before conv2d_10."""
    return [int(part) if i % 2 else part for i, part in enumerate(re.split(r"([0-9]+)", name))]
