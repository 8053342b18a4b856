"""The forward pass: every op as a plain function of arrays, f(*inputs, *weights, **attributes).

Pictures and feature maps are (N, H, W, C), kernels (kh, kw, in, out), dense kernels (in, out).
"""

from inspect import signature

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinyattr.errors import InputError, unknown


def pair(v):
    """One whole number for both directions, or (vertical, horizontal). Raises InputError for anything else."""
    both = (v, v) if np.ndim(v) == 0 else tuple(v)
    if len(both) != 2 or not all(isinstance(n, int | np.integer) for n in both):
        raise InputError(f"expected a whole number, or two (vertical, horizontal); got {v!r}")
    return both


def patches(x, size, stride):
    """p[n,i,j,u,v,c] = x[n, s i + u, s j + v, c]: a view of every window, (N, H, W, C) -> (N, Ho, Wo, kh, kw, C)."""
    (kh, kw), (sh, sw) = pair(size), pair(stride)
    if x.ndim != 4:
        raise InputError(f"expected feature maps (N, H, W, C), got shape {x.shape}")
    if min(kh, kw, sh, sw) < 1:
        raise InputError(f"windows and strides are at least 1; got a {kh} x {kw} window, stride {sh} x {sw}")
    if x.shape[1] < kh or x.shape[2] < kw:
        raise InputError(f"a {kh} x {kw} window does not fit into {x.shape[1]} x {x.shape[2]}; use a larger picture")
    windows = sliding_window_view(x, (kh, kw), axis=(1, 2))[:, ::sh, ::sw]  # (N, Ho, Wo, C, kh, kw)
    return windows.transpose(0, 1, 2, 4, 5, 3)


def pad(x, padding, value=0.0):
    """A border of `padding` pixels around each map. Padding is one number or (vertical, horizontal)."""
    ph, pw = pair(padding)
    if min(ph, pw) < 0:
        raise InputError(f"padding cannot be negative; got {ph} x {pw}")
    if ph == pw == 0:
        return x
    return np.pad(x, ((0, 0), (ph, ph), (pw, pw), (0, 0)), constant_values=value)


def conv2d(x, kernel, bias, *, stride=1, padding=0):
    """y[n,i,j,k] = bias[k] + sum_{u,v,c} x[n, s i + u - p, s j + v - p, c] kernel[u,v,c,k], x = 0 outside the map."""
    if kernel.ndim != 4 or bias.shape != kernel.shape[3:]:
        raise InputError(f"needs a kernel (kh, kw, in, out) and a bias (out,); got {kernel.shape} and {bias.shape}")
    if x.ndim != 4 or x.shape[3] != kernel.shape[2]:
        raise InputError(f"kernel {kernel.shape} expects maps (N, H, W, {kernel.shape[2]}), got shape {x.shape}")
    windows = patches(pad(x, padding), kernel.shape[:2], stride)  # (N, Ho, Wo, kh, kw, C)
    return np.tensordot(windows, kernel, 3) + bias


def dense(x, kernel, bias):
    """y = x W + b, (N, in) -> (N, out)."""
    if kernel.ndim != 2 or bias.shape != kernel.shape[1:]:
        raise InputError(f"needs a kernel (in, out) and a bias (out,); got {kernel.shape} and {bias.shape}")
    if x.ndim != 2 or x.shape[1] != kernel.shape[0]:
        raise InputError(f"kernel {kernel.shape} expects shape (N, {kernel.shape[0]}), got {x.shape}; "
                         "a picture of another size than the network was made for?")
    return x @ kernel + bias


def relu(x):
    """y = max(x, 0)."""
    return np.maximum(x, 0)


def pool_windows(x, *, size, stride, ceil=False):
    """The windows of a max-pool. With ceil, the last one may hang over the edge (-inf there) but must start inside."""
    if ceil and x.ndim == 4 and min(pair(stride)) > 0:
        hang = [overhang(length, k, s) for length, k, s in zip(x.shape[1:3], pair(size), pair(stride), strict=True)]
        x = np.pad(x, ((0, 0), (0, hang[0]), (0, hang[1]), (0, 0)), constant_values=-np.inf)
    return patches(x, size, stride)


def overhang(length, k, s):
    """How many pixels the last of ceil((length - k) / s) + 1 windows lacks."""
    last = -(-(length - k) // s) * s
    if last >= length:  # a window that would start outside is not made
        last -= s
    return max(last + k - length, 0)


def pool_shape(lengths, size, stride, ceil=False):
    """(Ho, Wo) of a pool over maps of these lengths (H, W)."""
    return tuple((length + ceil * overhang(length, k, s) - k) // s + 1
                 for length, k, s in zip(lengths, pair(size), pair(stride), strict=True))


def max_pool(x, *, size, stride, ceil=False):
    """y[n,i,j,c] = the largest x in window (i, j)."""
    return pool_windows(x, size=size, stride=stride, ceil=ceil).max((3, 4))


def avg_pool(x, *, size, stride):
    """y[n,i,j,c] = the mean of x in window (i, j)."""
    return patches(x, size, stride).mean((3, 4))


def global_avg_pool(x):
    """y[n,c] = (1/Z) sum_ij x[n,i,j,c], Z = H W. (N, H, W, C) -> (N, C)."""
    if x.ndim != 4:
        raise InputError(f"expected feature maps (N, H, W, C), got shape {x.shape}")
    return x.mean((1, 2))


def flatten(x):
    """(N, H, W, C) -> (N, H W C), rows first, channels last, as in Keras."""
    return x.reshape(len(x), -1)


def add(*x):
    """y = x_1 + x_2 + ..., shapes broadcast."""
    return sum(_broadcasting(*x)[1:], start=x[0])


def mul(a, b):
    """y = a b, elementwise, shapes broadcast."""
    return np.multiply(*_broadcasting(a, b))


def _broadcasting(*x):
    """The arrays, if their shapes broadcast. Raises InputError."""
    try:
        np.broadcast_shapes(*(a.shape for a in x))
    except ValueError:
        raise InputError(f"inputs of shapes {', '.join(str(a.shape) for a in x)} do not fit each other") from None
    return x


def exp(x):
    """y = e^x."""
    return np.exp(x)


def log(x):
    """y = log x, x > 0."""
    return np.log(x)


def mod(x, *, modulus):
    """y = x - modulus floor(x / modulus), from 0 to modulus: a sawtooth."""
    return x % modulus


def sum_(x, *, axes=(-1,)):
    """y = sum of x over axes, which stay with length 1. Summed and kept in float64, as all sums that scores see are."""
    if not all(isinstance(axis, int | np.integer) and -x.ndim <= axis < x.ndim for axis in axes):
        raise InputError(f"axes {tuple(axes)} are not axes of an input of shape {x.shape}")
    return x.sum(tuple(axes), keepdims=True, dtype=np.float64)


def concat(*x):
    """The channels of x_1, then those of x_2, ..."""
    if len({a.shape[:-1] for a in x}) > 1:
        raise InputError(f"inputs of shapes {', '.join(str(a.shape) for a in x)} differ in more than their channels")
    return np.concatenate(x, -1)


def pick(x, *, at):
    """y[n,k] = x[n, i, j, k] with (i, j) = at: the activations of one place. (N, H, W, C) -> (N, C)."""
    i, j = pair(at)
    if x.ndim != 4:
        raise InputError(f"a value of shape {x.shape} has no places (row, column) to pick from")
    if not (0 <= i < x.shape[1] and 0 <= j < x.shape[2]):
        raise InputError(f"place {tuple(at)} lies outside maps of {x.shape[1]} x {x.shape[2]} places")
    return x[:, i, j, :]


def two_logits(z):
    """y = (0, z), (N, 1) -> (N, 2): the logits of a network with one output, as sigmoid(z) = softmax(0, z)_1."""
    if z.ndim != 2 or z.shape[1] != 1:
        raise InputError(f"expected one logit for each picture, (N, 1); got shape {z.shape}")
    return np.concatenate([np.zeros_like(z), z], 1)


OPS = {
    "conv2d": conv2d, "dense": dense, "relu": relu, "max_pool": max_pool, "avg_pool": avg_pool,
    "global_avg_pool": global_avg_pool, "flatten": flatten, "add": add, "mul": mul, "exp": exp, "log": log,
    "sum": sum_, "concat": concat, "pick": pick, "mod": mod, "two_logits": two_logits,
}
ATTRIBUTES = {  # of each op: {name: whether it can be left out}
    op: {p.name: p.default is not p.empty for p in signature(f).parameters.values() if p.kind is p.KEYWORD_ONLY}
    for op, f in OPS.items()
}
ACTIVATIONS = ("relu",)  # functions of each number by itself: LRP passes through them, DeepLIFT takes their slope


def check_call(op, name, attributes):
    """Raise InputError unless a layer of this name may be this op, with these attributes."""
    if op not in OPS:
        raise unknown("op", op, OPS)
    if name in OPS and name != op:
        raise InputError(f"layer '{name}' is a {op}, with the name of another op: rule-books, which go by both, would "
                         "take the wrong rule; call it something else")
    for key in attributes:
        if key not in ATTRIBUTES[op]:
            raise unknown(f"attribute of {op} '{name}'", key, ATTRIBUTES[op])
    missing = [key for key, optional in ATTRIBUTES[op].items() if not optional and key not in attributes]
    if missing:
        raise InputError(f"{op} '{name}' needs {', '.join(missing)}")
