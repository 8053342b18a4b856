"""The forward pass: every op as a plain function of arrays, f(*inputs, *weights, **attributes).

Shapes: pictures and feature maps (N, H, W, C), kernels (kh, kw, in, out), dense kernels (in, out). Activations are in
activations.py, padding and windows in windows.py, and ops that only move numbers in shapes.py.
"""

from inspect import signature

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinyattr.engine import shapes
from tinyattr.engine.activations import ACTIVATIONS, ELEMENTWISE
from tinyattr.engine.windows import between, crop, maps, pad, pair, patches, pool_counts, pool_windows, unpatch
from tinyattr.errors import InputError, of_type, unknown


def conv2d(x, kernel, bias, *, stride=1, padding=0, dilation=1, groups=1):
    """y[n,i,j,k] = bias[k] + sum_{u,v,c} x[n, s i + d u - p, s j + d v - p, c] kernel[u,v,c,k], x = 0 outside the map.

    s: stride; p: padding at the top or left, see windows.sides; d: dilation, the kernel reads only every d-th place.
    groups: input and output channels are divided into this number of groups. Each output group reads only its own
    input group, so the kernel is (kh, kw, in / groups, out). A depthwise convolution has groups = in.
    """
    _check_channels(x, kernel, groups)
    windows = patches(pad(x, padding=padding), kernel.shape[:2], stride, dilation)  # (N, Ho, Wo, kh, kw, C)
    if groups == 1:
        return np.tensordot(windows, kernel, 3) + bias
    y = np.einsum("nijuvgc,uvcgk->nijgk", grouped(windows, groups), grouped(kernel, groups))
    return y.reshape(*y.shape[:3], -1) + bias


def grouped(a, groups):
    """Divide the last axis into two: (groups, channels of each group)."""
    return a.reshape(*a.shape[:-1], groups, -1)


def conv2d_transpose(x, kernel, bias, *, stride=1, padding=0):
    """y[n,a,b,k] = bias[k] + sum of x[n,i,j,c] kernel[u,v,c,k], all i,j,u,v,c with a = s i + u - p, b = s j + v - p.

    The transpose of conv2d: every place of x adds a multiple of the kernel to the output. Overlaps are summed.
    (N, H, W, in) -> (N, (H - 1) s + kh - top - bottom, ..., out).
    """
    _check_channels(x, kernel)
    if min(pair(stride)) < 1:
        raise InputError(f"strides must be at least 1; got {stride}")
    windows = np.tensordot(x, kernel, (3, 2))  # (N, H, W, kh, kw, out)
    rows, columns = ((n - 1) * s + k for n, s, k in zip(x.shape[1:3], pair(stride), kernel.shape[:2], strict=True))
    return crop(unpatch(windows, (len(x), rows, columns, len(bias)), stride), padding=padding) + bias


def _check_channels(x, kernel, groups=1):
    if groups < 1 or kernel.shape[3] % groups:
        raise InputError(f"{kernel.shape[3]} channels of kernel {kernel.shape} cannot be divided into {groups} groups")
    if x.ndim != 4 or x.shape[3] != kernel.shape[2] * groups:
        raise InputError(f"kernel {kernel.shape} expects maps (N, H, W, {kernel.shape[2] * groups}), got {x.shape}")


def dense(x, kernel, bias):
    """y = x W + b, (N, in) -> (N, out). For maps (N, H, W, in), this is done at every place."""
    if x.ndim < 2 or x.shape[-1] != kernel.shape[0]:
        raise InputError(f"kernel {kernel.shape} expects shape (N, {kernel.shape[0]}), got {x.shape}; "
                         "does the picture have the size that the network was made for?")
    return x @ kernel + bias


def batch_norm(x, scale, shift):
    """y = x scale + shift, with one scale and one shift for each channel: batch normalisation after training.

    Training gives mean, variance, gamma, beta: scale = gamma / sqrt(variance + eps), shift = beta - mean scale.
    """
    if not scale.shape == shift.shape == x.shape[-1:]:
        raise InputError(f"needs a scale and a shift for each channel of {x.shape}; got {scale.shape}, {shift.shape}")
    return x * scale + shift


def prelu(x, slope):
    """y = x where x > 0, else slope x. slope: (C,) or (H, W, C). He et al. 2015, arXiv 1502.01852."""
    if slope.shape not in (x.shape[-1:], x.shape[1:]):
        raise InputError(f"needs a slope for each channel, or each number, of {x.shape}; got {slope.shape}")
    return ACTIVATIONS["prelu"][0](x, slope)


def max_pool(x, *, size, stride, padding=0, ceil=False):
    """y[n,i,j,c] = the largest x in window (i, j); padding never counts. ceil: see windows.pool_windows."""
    return pool_windows(x, size=size, stride=stride, padding=padding, ceil=ceil).max((3, 4))


def avg_pool(x, *, size, stride, padding=0, ceil=False, count_padding=False):
    """y[n,i,j,c] = the mean of x in window (i, j). count_padding: zeros of the padding count in the mean."""
    about = {"size": size, "stride": stride, "padding": padding, "ceil": ceil}
    y = pool_windows(x, **about, value=0.0).sum((3, 4))
    return y / pool_counts(x.shape[1:3], y.shape[1:3], **about, count_padding=count_padding).astype(y.dtype)


def mean(x, *, axes, keep=True):
    """y = the mean of x over axes: places (1, 2) or channels (3,). keep: these axes stay, with length 1."""
    return x.mean(within(x, axes), keepdims=keep)


def max_(x, *, axes, keep=True):
    """y = the largest x over axes: places (1, 2) or channels (3,). keep: these axes stay, with length 1."""
    return x.max(within(x, axes), keepdims=keep)


def global_avg_pool(x, *, keep=False):
    """y[n,c] = (1/Z) sum_ij x[n,i,j,c], Z = H W. (N, H, W, C) -> (N, C), or (N, 1, 1, C) with keep."""
    return mean(maps(x), axes=(1, 2), keep=keep)


def global_max_pool(x, *, keep=False):
    """y[n,c] = the largest x[n,i,j,c]. (N, H, W, C) -> (N, C), or (N, 1, 1, C) with keep."""
    return max_(maps(x), axes=(1, 2), keep=keep)


def resize(x, *, size):
    """y[n,i,j,c] = sum_hw rows[i,h] columns[j,w] x[n,h,w,c], bilinear, (H, W) -> size; rows, columns: see `between`."""
    if min(pair(size)) < 1:
        raise InputError(f"a size must be at least 1; got {size}")
    rows, columns = map(between, maps(x).shape[1:3], pair(size))
    return np.einsum("ih,jw,nhwc->nijc", rows, columns, x, optimize=True).astype(x.dtype)


def sum_(x, *, axes=(-1,)):
    """y = sum of x over axes, which stay with length 1. y is float64, like scores."""
    return x.sum(within(x, axes, first=0), keepdims=True, dtype=np.float64)


def within(x, axes, first=1):
    """Return axes sorted and counted from 0. Raises InputError for an axis that x does not have, or below `first`."""
    if not axes or any(a not in range(-x.ndim, x.ndim) or a % x.ndim < first for a in axes):
        raise InputError(f"axes {tuple(axes)} are not axes of an input of shape {x.shape}")
    return tuple(sorted({a % x.ndim for a in axes}))


def lrn(x, *, size, alpha, beta, bias):
    """y_c = x_c / d_c^beta, d_c = bias + (alpha / size) sum of x^2 over the `size` channels around c.

    Local response normalisation, Krizhevsky et al. 2012, with ONNX's window: (size - 1) // 2 channels before c.
    """
    if not isinstance(size, int) or size < 1 or bias <= 0 or alpha < 0:
        raise InputError(f"needs size >= 1, alpha >= 0 and bias > 0; got {size}, {alpha}, {bias}")
    return x / lrn_below(x, size, alpha, bias) ** beta


def lrn_below(x, size, alpha, bias):
    """d_c = bias + (alpha / size) sum of x^2 over the channels around c, as in `lrn`."""
    return bias + alpha / size * around(x * x, (size - 1) // 2, size // 2)


def around(v, before, after):
    """y_c = the sum of v over the channels from c - before to c + after that exist."""
    padded = np.pad(v, [(0, 0)] * (v.ndim - 1) + [(before, after)])
    return sliding_window_view(padded, before + after + 1, -1).sum(-1)


def add(*x):
    """y = x_1 + x_2 + ...; the shapes are broadcast."""
    return sum(_broadcasting(*x)[1:], start=x[0])


def mul(a, b):
    """y = a b, elementwise; the shapes are broadcast."""
    return np.multiply(*_broadcasting(a, b))


def _broadcasting(*x):
    """Return the arrays. Raises InputError if their shapes do not broadcast."""
    try:
        np.broadcast_shapes(*(a.shape for a in x))
    except ValueError:
        raise InputError(f"inputs of shapes {', '.join(str(a.shape) for a in x)} do not fit together") from None
    return x


MOVES = {  # each number of the output is a number of the input, or a constant
    "flatten": shapes.flatten, "reshape": shapes.reshape, "transpose": shapes.transpose, "slice": shapes.slice_,
    "pad": pad, "crop": crop, "upsample": shapes.upsample, "channel_shuffle": shapes.channel_shuffle,
    "concat": shapes.concat, "pick": shapes.pick, "two_logits": shapes.two_logits,
}
MEANS = {"avg_pool": avg_pool, "global_avg_pool": global_avg_pool, "mean": mean, "resize": resize}
MAXIMA = {"max_pool": max_pool, "global_max_pool": global_max_pool, "max": max_}
LINEAR = {"conv2d": conv2d, "conv2d_transpose": conv2d_transpose, "dense": dense, "batch_norm": batch_norm}  # W x + b
OPS = {**LINEAR, **MOVES, **MEANS, **MAXIMA, **{op: f for op, (f, _) in ELEMENTWISE.items()}, "prelu": prelu,
       "add": add, "mul": mul, "sum": sum_, "lrn": lrn}
SIGNATURES = {op: signature(f) for op, f in OPS.items()}
WEIGHTS = {  # {op: {array: its axes}}; "..." means any axes; the last axes of an op's arrays are equally long
    "conv2d": {"kernel": "kh, kw, in, out", "bias": "out"}, "dense": {"kernel": "in, out", "bias": "out"},
    "conv2d_transpose": {"kernel": "kh, kw, in, out", "bias": "out"}, "batch_norm": {"scale": "C", "shift": "C"},
    "prelu": {"slope": "..."}, "constant": {"value": "..."},
}


def check_call(op, name, inputs, weights, attributes):
    """Raise InputError unless this op exists and accepts this layer name, number of inputs, weights and attributes."""
    if of_type(op, str, "op") not in OPS:
        raise unknown("op", op, OPS)
    if of_type(name, str, "a layer's name") in OPS and name != op:
        raise InputError(f"layer '{name}' is a {op} with the name of another op, so rule-books, which use both, would "
                         "use the wrong rule; give it another name")
    try:
        SIGNATURES[op].bind(*[None] * (inputs + len(weights)), **attributes)
    except TypeError as error:
        raise InputError(f"{op} '{name}': {error}; its arrays and attributes are {SIGNATURES[op]}") from None
    check_weights(op, name, weights)
    flags = {key for key, p in SIGNATURES[op].parameters.items() if isinstance(p.default, bool)}
    odd = [key for key, value in attributes.items()
           if value is None or isinstance(value, str) or isinstance(value, bool | np.bool_) != (key in flags)]
    if odd or not inputs:
        raise InputError(f"{op} '{name}' takes arrays, and numbers as attributes{', True or False as ' * bool(flags)}"
                         f"{', '.join(sorted(flags))}; got {attributes}")


def check_weights(op, name, weights):
    """Raise InputError unless the weights of this layer have the number and axes of WEIGHTS."""
    needs, given = WEIGHTS.get(op, {}), [w.shape for w in weights]
    fit = len(needs) == len(given) and all(
        axes == "..." or len(axes.split()) == len(shape) for axes, shape in zip(needs.values(), given, strict=True))
    if not fit or len({shape[-1:] for shape in given}) > 1:
        expected = " and ".join(f"{array} ({axes})" for array, axes in needs.items()) or "no weights"
        raise InputError(f"{op} '{name}' needs {expected}; got shapes {given}")
