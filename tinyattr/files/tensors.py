"""PyTorch's tensors in a file, and layers made of them: from its names and axes to ours.

PyTorch writes kernels (out, in, kh, kw) and (out, in), and a flattened map as C, H, W; here kernels are (kh, kw, in,
out) and (in, out), and a flattened map is H, W, C. So the first dense layer after feature maps needs its inputs
reordered; without that every shape fits and every answer is wrong.
"""

from dataclasses import dataclass
from functools import partial
from math import isqrt, prod

import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.weight_file import Array, natural
from tinyattr.files.window import Window

SLAB = 1 << 22  # bytes that are read at once
MOST_AXES = 8
BFLOAT16 = "bfloat16"
FLOATS = {"<f2", "<f4", "<f8", BFLOAT16}  # other dtypes only count things
PARTS = ("features", "pre_logits", "classifier", "head")  # of a network, in their order


def bytes_of(dtype):
    """Bytes of a number, 2 of BFLOAT16."""
    return 2 if dtype == BFLOAT16 else np.dtype(dtype).itemsize


@dataclass(frozen=True)
class Tensor:
    """Numbers in a file: which of those in `window`, by offset and strides (counted in numbers).

    dtype: a little-endian NumPy dtype such as "<f4", or BFLOAT16. Raises InputError for a tensor that leaves its
    window, and for one that repeats numbers to look larger than its storage.
    """

    window: Window
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    def __post_init__(self):
        numbers = (*self.shape, *self.strides, self.offset)
        if len(self.shape) != len(self.strides) or len(self.shape) > MOST_AXES or any(
            type(n) is not int or n < 0 for n in numbers
        ):
            raise InputError("a tensor in it has a shape or strides that make no sense")
        held = self.window.length // bytes_of(self.dtype)
        if prod(self.shape) > held or self.offset + self.span(self.shape) > held:
            raise InputError(f"a tensor of shape {self.shape} in it needs more than the {held:,} numbers stored; "
                             "an expanded one must be made contiguous() before it is saved")

    def span(self, shape):
        """How many stored numbers lie between the first and the last number of a tensor of this shape."""
        return 1 + sum((n - 1) * s for n, s in zip(shape, self.strides, strict=True)) if prod(shape) else 0

    def rows(self):
        """(start, stop, float32 array) for stretches of the first axis, a slab at a time. Raises InputError."""
        self.window.check()
        n = self.shape[0]
        step = max(1, SLAB // max(1, self.strides[0] * bytes_of(self.dtype))) if self._contiguous else n
        for start in range(0, n, step):
            stop = min(start + step, n)
            shape = (stop - start, *self.shape[1:])
            stored = self._stored(self.offset + start * self.strides[0], self.span(shape))
            strides = tuple(s * stored.itemsize for s in self.strides)
            yield start, stop, np.lib.stride_tricks.as_strided(stored, shape, strides, writeable=False)

    @property
    def _contiguous(self):
        return self.strides == tuple(prod(self.shape[i + 1 :]) for i in range(len(self.shape)))

    def _stored(self, first, count):
        raw = np.empty(count, "<u2" if self.dtype == BFLOAT16 else self.dtype)
        self.window.seek(first * bytes_of(self.dtype))
        if self.window.readinto(raw) != raw.nbytes:
            raise InputError("the file ends within it")
        return (raw.astype("<u4") << 16).view("<f4") if self.dtype == BFLOAT16 else raw


def layers_of(tensors):
    """{layer: (kernel, bias)}, Arrays in our axes, of a state dict {name: Tensor} with torchvision's or timm's names.

    Raises InputError for batch normalisation and other tensors that no layer here has.
    """
    wrapper = next((name.partition("features.")[0] for name in tensors if "features." in name), "")
    tensors = {name.removeprefix(wrapper): tensor for name, tensor in tensors.items()}  # "module." of DataParallel
    if any(name.endswith("running_mean") for name in tensors):
        raise InputError("it has batch normalisation (vgg19_bn?); read are the VGGs without it, and SqueezeNet")
    named = {}
    for name, tensor in tensors.items():
        layer, _, what = name.rpartition(".")
        named.setdefault(layer, {})[what] = tensor
    layers, channels = {}, None
    for layer in named:
        if layer.partition(".")[0] not in PARTS:
            raise InputError(f"{layer!r} in it is no name that torchvision or timm give to a layer here")
    for layer in sorted(named, key=_order):
        if named[layer].keys() != {"weight", "bias"}:
            raise InputError(f"{layer!r} in it has {', '.join(map(repr, named[layer]))}; expected weight and bias")
        weight, bias = named[layer]["weight"], named[layer]["bias"]
        if not {weight.dtype, bias.dtype} <= FLOATS or len(weight.shape) not in (2, 4) or len(bias.shape) != 1:
            raise InputError(f"{layer!r} in it has weight {weight.shape} {weight.dtype} and bias {bias.shape} "
                             f"{bias.dtype}; expected floats with 2 or 4 axes, and 1")
        dense = len(weight.shape) == 2 or layer.startswith("pre_logits")  # timm's are convolutions over the whole map
        oihw = _as_convolution(weight.shape, channels) if dense else weight.shape
        out, into, height, width = oihw
        shape = (height * width * into, out) if dense else (height, width, into, out)
        layers[layer] = (Array(f"{layer}.weight", shape, partial(_kernel, weight, oihw, shape)),
                         Array(f"{layer}.bias", bias.shape, partial(_bias, bias)))
        channels = None if dense else out
    return layers


def _order(layer):
    return PARTS.index(layer.partition(".")[0]), natural(layer)


def _as_convolution(shape, channels):
    """(out, in, h, w) of a dense kernel (out, in) that reads a flattened square map of so many channels, if it does."""
    out, into = shape[:2]
    if len(shape) == 4:
        return shape
    side = isqrt(into // channels) if channels else 1
    return (out, channels, side, side) if channels and side * side * channels == into else (out, into, 1, 1)


def _kernel(tensor, oihw, shape):
    """Read a kernel (out, in, h, w) as (h, w, in, out), then give it its shape."""
    out, into, height, width = oihw
    kernel = np.empty((height, width, into, out), np.float32)
    for start, stop, rows in tensor.rows():
        kernel[..., start:stop] = rows.reshape(-1, into, height, width).transpose(2, 3, 1, 0)
    return kernel.reshape(shape)


def _bias(tensor):
    return np.concatenate([rows.astype(np.float32) for _, _, rows in tensor.rows()])
