"""What every format gives: layers in the file's order, each a kernel and a bias, vetted but not yet read."""

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
MOST_SWELLING = 16  # times the file's size may its arrays need in memory; compressed SqueezeNet needs 4
LONGEST_NAME = 100
LARGEST_WEIGHT = 1e4  # real networks stay below 100
DAMAGED = (  # what readers meet in a damaged file
    OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, EOFError, struct.error,
    zipfile.BadZipFile,
)


@dataclass(frozen=True)
class Description:
    """What is known of a network beside its numbers. A foreign file says nothing: its fields are as they stand here.

    network: its name; source: where its numbers come from; input: how photos are preprocessed; classes: their names.
    features: the layer that CAMs explain, None for a Network's default; note: what the reader of the file left out;
    picture: the shape (H, W, C) of pictures, where the file says it.
    sha256: {"layer/kernel": digest of its bytes}, which only a file of our own has.
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
    """An array of a file: its name there, its shape in our axes, `fetch`, which reads it as floats in that shape.

    vet: returns the numbers if they can be weights; else raises InputError.
    """

    name: str
    shape: tuple[int, ...]
    fetch: Callable[[], np.ndarray]
    vet: Callable = field(default=lambda a, where: plausible(a, where))

    def read(self):
        """The numbers. Raises InputError, which names the array, for damage and for what `vet` refuses."""
        try:
            with np.errstate(all="ignore"):  # float64 that float32 cannot hold becomes infinite, and is refused
                return self.vet(self.fetch(), self.name)
        except InputError as error:
            raise error if self.name in str(error) else InputError(f"{self.name}: {error}") from None


@dataclass(frozen=True)
class WeightFile:
    """layers: {the layer's name in the file: its Arrays}, in order; layout: what the format is called.

    path: where the file lies, or what messages call it where it has no name; size: its bytes.
    graph: the network's layers, as a Network has them, if the file says them; None for a file of weights alone, whose
    layers have a kernel and a bias each. bare: names of the file's layers without weights, as far as it says them.
    measured: whether the format's reader has held every array against the bytes that it has.
    Kernels are (kh, kw, in, out) and (in, out), where `in` counts H, W, C, whatever axes the file has.
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
        distinct = {id(arrays): arrays for arrays in self.layers.values()}  # layers may share theirs
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
            raise InputError(f"it declares {numbers:.3g} numbers; read are at most {MOST_NUMBERS:,}, and at most "
                             f"{MOST_SWELLING} times the bytes of the file")

    @property
    def shapes(self):
        """{layer: the shapes of its arrays}."""
        return {layer: tuple(array.shape for array in arrays) for layer, arrays in self.layers.items()}

    def read(self, layer):
        """A layer's arrays, as floats. Raises InputError for damaged data, NaN, or numbers no network has."""
        with about(self.path):
            return tuple(array.read() for array in self.layers[layer])


@contextmanager
def about(path):
    """`with about(path):` read the file; whatever goes wrong becomes one InputError of one line that names it."""
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
    """An error's words, which may quote the file: short, and without what a terminal would obey."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(error)).split())[:400]


def plausible(a, where):
    """The array, if it could be weights: finite, none above LARGEST_WEIGHT, no kernel of zeros. Raises InputError."""
    largest = max(a.max(), -a.min())  # NaN fails the comparison
    if not largest <= LARGEST_WEIGHT:
        raise InputError(f"{where} holds {largest}; weights are finite numbers below {LARGEST_WEIGHT:g}")
    if a.ndim > 1 and largest == 0:
        raise InputError(f"{where} is all zeros; a file that was never completed?")
    return a


def natural(name):
    """Sort key under which conv2d_2 comes before conv2d_10."""
    return [int(part) if i % 2 else part for i, part in enumerate(re.split(r"([0-9]+)", name))]
