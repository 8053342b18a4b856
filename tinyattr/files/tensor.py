"""A tensor in a PyTorch file: some of the numbers in a window of the file. We check it, then read it part by part."""

from dataclasses import dataclass
from math import prod

import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.window import Window

SLAB = 1 << 22  # bytes that are read at once
MOST_AXES = 8
BFLOAT16 = "bfloat16"  # the upper half of a float32, which NumPy does not have
DTYPES = {  # {name in safetensors: (name of PyTorch's storage, NumPy's dtype)}
    "F16": ("Half", "<f2"), "BF16": ("BFloat16", BFLOAT16), "F32": ("Float", "<f4"), "F64": ("Double", "<f8"),
    "BOOL": ("Bool", "|b1"), "U8": ("Byte", "|u1"), "I8": ("Char", "|i1"), "I16": ("Short", "<i2"),
    "I32": ("Int", "<i4"), "I64": ("Long", "<i8"),
}
FLOATS = {"<f2", "<f4", "<f8", BFLOAT16}  # other dtypes are for counters


def bytes_of(dtype):
    """Return how many bytes one number of this dtype has, such as 2 for BFLOAT16."""
    return 2 if dtype == BFLOAT16 else np.dtype(dtype).itemsize


def contiguous(shape):
    """Return the strides, counted in numbers, of a tensor whose numbers lie without gaps in the order of its axes."""
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))


@dataclass(frozen=True)
class Tensor:
    """A Tensor says which numbers of `window` belong to it: offset and strides, both counted in numbers.

    dtype: a little-endian NumPy dtype such as "<f4", or BFLOAT16. Raises InputError for a tensor that reaches beyond
    its window, or that has more numbers than the window, because it repeats some of them.
    """

    window: Window
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    def __post_init__(self):
        if len(self.shape) != len(self.strides) or len(self.shape) > MOST_AXES or any(
            type(n) is not int or n < 0 for n in (*self.shape, *self.strides, self.offset)
        ):
            raise InputError("a tensor in it has a shape or strides that make no sense")
        held = self.window.length // bytes_of(self.dtype)
        if prod(self.shape) > held or self.offset + self.span(self.shape) > held:
            raise InputError(f"a tensor of shape {self.shape} in it needs more than the {held:,} numbers stored; "
                             "call contiguous() on an expanded tensor before you save it")

    def span(self, shape):
        """Return how many stored numbers a tensor of this shape reaches over, from its first number to its last."""
        return 1 + sum((n - 1) * s for n, s in zip(shape, self.strides, strict=True)) if prod(shape) else 0

    def rows(self):
        """Yield (start, stop, array of numbers) for parts (slabs) of the first axis. Raises InputError."""
        self.window.check()
        n, slab = self.shape[0], SLAB // bytes_of(self.dtype)
        step = max(1, slab // max(1, self.strides[0])) if self.strides == contiguous(self.shape) else n
        for start in range(0, n, step):
            stop = min(start + step, n)
            shape = (stop - start, *self.shape[1:])
            stored = self._stored(self.offset + start * self.strides[0], self.span(shape))
            strides = tuple(s * stored.itemsize for s in self.strides)
            yield start, stop, np.lib.stride_tricks.as_strided(stored, shape, strides, writeable=False)

    def _stored(self, first, count):
        raw = np.empty(count, "<u2" if self.dtype == BFLOAT16 else self.dtype)
        self.window.seek(first * bytes_of(self.dtype))
        if self.window.readinto(raw) != raw.nbytes:
            raise InputError("the file ends within it")
        return (raw.astype("<u4") << 16).view("<f4") if self.dtype == BFLOAT16 else raw
