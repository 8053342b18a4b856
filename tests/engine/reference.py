"""Every op once more, one number at a time: slow, obvious, the definition that the fast forms are tested against."""

from math import ceil, erf, exp, expm1, floor, log, pi, sqrt, tanh

import numpy as np

from tinyattr.engine.windows import pair


def conv2d(x, kernel, bias, *, stride=1, padding=0, dilation=1, groups=1):
    """y[n,i,j,k] = bias[k] + sum_{u,v,c} x[n, s i + d u - p, s j + d v - p, c0 + c] kernel[u,v,c,k], x = 0 outside the map,
    c0 the first channel of the group that k belongs to."""
    (N, H, W, _), (kh, kw, C, K) = x.shape, kernel.shape
    (sh, sw), (dh, dw), ((top, bottom), (left, right)) = pair(stride), pair(dilation), four(padding)
    y = np.zeros((N, (H + top + bottom - dh * (kh - 1) - 1) // sh + 1, (W + left + right - dw * (kw - 1) - 1) // sw + 1, K), x.dtype)
    for n, i, j, k in np.ndindex(y.shape):
        total, first = bias[k], k // (K // groups) * C
        for u, v, c in np.ndindex(kh, kw, C):
            row, column = sh * i + dh * u - top, sw * j + dw * v - left
            if 0 <= row < H and 0 <= column < W:
                total += x[n, row, column, first + c] * kernel[u, v, c, k]
        y[n, i, j, k] = total
    return y


def conv2d_transpose(x, kernel, bias, *, stride=1, padding=0):
    """Every place (i, j) adds its multiple of the kernel at (s i - p, s j - p)."""
    (N, H, W, C), (kh, kw, _, K) = x.shape, kernel.shape
    (sh, sw), ((top, bottom), (left, right)) = pair(stride), four(padding)
    y = np.zeros((N, (H - 1) * sh + kh - top - bottom, (W - 1) * sw + kw - left - right, K), x.dtype)
    for n, i, j, u, v, c, k in np.ndindex(N, H, W, kh, kw, C, K):
        row, column = sh * i + u - top, sw * j + v - left
        if 0 <= row < y.shape[1] and 0 <= column < y.shape[2]:
            y[n, row, column, k] += x[n, i, j, c] * kernel[u, v, c, k]
    for place in np.ndindex(y.shape):
        y[place] += bias[place[-1]]
    return y


def four(padding):
    """((top, bottom), (left, right))."""
    if isinstance(padding, int):
        return (padding, padding), (padding, padding)
    return tuple((p, p) if isinstance(p, int) else tuple(p) for p in padding)


def dense(x, kernel, bias):
    """y[...,k] = b[k] + sum_i x[...,i] W[i,k]."""
    y = np.zeros((*x.shape[:-1], kernel.shape[1]), x.dtype)
    for place in np.ndindex(y.shape):
        *at, k = place
        y[place] = bias[k] + sum(x[(*at, i)] * kernel[i, k] for i in range(kernel.shape[0]))
    return y


def batch_norm(x, scale, shift):
    """y[...,c] = x[...,c] scale[c] + shift[c]."""
    return _channels(lambda v, c: v * scale[c] + shift[c], x)


def prelu(x, slope):
    """y[...,c] = x[...,c] where it is positive, else slope[c] x[...,c]; or slope[i,j,c]."""
    y = np.zeros_like(x)
    for n, *place in np.ndindex(x.shape):
        v = x[(n, *place)]
        y[(n, *place)] = v if v > 0 else slope[tuple(place[x.ndim - 1 - slope.ndim:])] * v
    return y


def activation(f):
    """y = f(x), number by number in float64."""
    return lambda x, **attributes: _each(lambda v: f(float(v), **attributes), x)


def sigmoid(v):
    """1 / (1 + e^-v)."""
    return 1 / (1 + exp(-v))


def gelu(v, approximate=False):
    """v P(X <= v), X normal, or the formula with tanh."""
    return v / 2 * (1 + (tanh(sqrt(2 / pi) * (v + 0.044715 * v**3)) if approximate else erf(v / sqrt(2))))


SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772
ACTIVATIONS = {
    "relu": lambda v: v if v > 0 else 0,
    "leaky_relu": lambda v, slope=0.01: v if v > 0 else slope * v,
    "clip": lambda v, low, high: min(max(v, low), high),
    "elu": lambda v, alpha=1.0: v if v > 0 else alpha * expm1(v),
    "selu": lambda v: SCALE * (v if v > 0 else ALPHA * expm1(v)),
    "sigmoid": sigmoid,
    "hard_sigmoid": lambda v, slope, offset: min(max(slope * v + offset, 0), 1),
    "tanh": tanh,
    "softplus": lambda v: log(1 + exp(v)),
    "softsign": lambda v: v / (1 + abs(v)),
    "silu": lambda v: v / (1 + exp(-v)),
    "hard_swish": lambda v: v * min(max(v + 3, 0), 6) / 6,
    "gelu": gelu,
    "mish": lambda v: v * tanh(log(1 + exp(v))),
    "exp": exp,
    "log": log,
    "mod": lambda v, modulus: v - modulus * floor(v / modulus),
}


def max_pool(x, *, size, stride, padding=0, ceil=False):
    """y[n,i,j,c] = the largest x in window (i, j), of what the map holds of it."""
    return _pool(x, size, stride, padding, ceil, lambda values, padded: max(values))


def avg_pool(x, *, size, stride, padding=0, ceil=False, count_padding=False):
    """y[n,i,j,c] = the mean of x in window (i, j), of what the map holds of it, or with the zeros of the padding."""
    return _pool(x, size, stride, padding, ceil,
                 lambda values, padded: sum(values) / (len(values) + (padded if count_padding else 0)))


def global_avg_pool(x, *, keep=False):
    """y[n,c] = (1/Z) sum_ij x[n,i,j,c]."""
    return mean(x, axes=(1, 2), keep=keep)


def global_max_pool(x, *, keep=False):
    """y[n,c] = the largest x[n,i,j,c]."""
    return max_(x, axes=(1, 2), keep=keep)


def mean(x, *, axes, keep=True):
    """The mean of x over axes."""
    return _over(x, axes, keep, lambda values: sum(values) / len(values))


def max_(x, *, axes, keep=True):
    """The largest x over axes."""
    return _over(x, axes, keep, max)


def _over(x, axes, keep, reduce):
    axes = [axis % x.ndim for axis in axes]
    found = {}
    for place in np.ndindex(x.shape):
        kept = tuple(0 if axis in axes else p for axis, p in enumerate(place))
        found.setdefault(kept, []).append(x[place])
    y = np.zeros([1 if axis in axes else length for axis, length in enumerate(x.shape)], x.dtype)
    for place, values in found.items():
        y[place] = reduce(values)
    return y if keep else y.reshape([length for axis, length in enumerate(x.shape) if axis not in axes])


def lrn(x, *, size, alpha, beta, bias):
    """y_c = x_c / (bias + alpha / size sum_i x_i^2)^beta, i from c - floor((size - 1) / 2) to c + ceil((size - 1) / 2)."""
    y = np.zeros_like(x)
    for *at, c in np.ndindex(x.shape):
        near = range(max(0, c - floor((size - 1) / 2)), min(x.shape[-1], c + ceil((size - 1) / 2) + 1))
        y[(*at, c)] = x[(*at, c)] / (bias + alpha / size * sum(x[(*at, i)] ** 2 for i in near)) ** beta
    return y


def pad(x, *, padding, value=0.0, channels=(0, 0)):
    """y[n, i + top, j + left, before + c] = x[n,i,j,c], `value` elsewhere."""
    ((top, bottom), (left, right)), (before, after) = four(padding), channels
    N, H, W, C = x.shape
    y = np.full((N, H + top + bottom, W + left + right, before + C + after), value, x.dtype)
    for n, i, j, c in np.ndindex(x.shape):
        y[n, i + top, j + left, before + c] = x[n, i, j, c]
    return y


def crop(x, *, padding):
    """y[n,i,j,c] = x[n, i + top, j + left, c]."""
    (top, bottom), (left, right) = four(padding)
    N, H, W, C = x.shape
    y = np.zeros((N, H - top - bottom, W - left - right, C), x.dtype)
    for n, i, j, c in np.ndindex(y.shape):
        y[n, i, j, c] = x[n, i + top, j + left, c]
    return y


def slice_(x, *, start, stop, step):
    """The places start, start + step, ... before stop along each axis."""
    places = [range(length)[a:b:s] for length, a, b, s in zip(x.shape[1:], start, stop, step, strict=True)]
    y = np.zeros((len(x), *map(len, places)), x.dtype)
    for n, *at in np.ndindex(y.shape):
        y[(n, *at)] = x[(n, *(p[a] for p, a in zip(places, at, strict=True)))]
    return y


def upsample(x, *, factor):
    """y[n,i,j,c] = x[n, i // factor, j // factor, c]."""
    (N, H, W, C), (down, across) = x.shape, pair(factor)
    y = np.zeros((N, H * down, W * across, C), x.dtype)
    for n, i, j, c in np.ndindex(y.shape):
        y[n, i, j, c] = x[n, i // down, j // across, c]
    return y


def reshape(x, *, shape):
    """The numbers of each picture in a row, then in the new shape."""
    y = np.zeros((len(x), *shape), x.dtype)
    for n in range(len(x)):
        for place, value in zip(np.ndindex(*shape), x[n].ravel(), strict=True):
            y[(n, *place)] = value
    return y


def transpose(x, *, axes):
    """y[n, i_axes[0], i_axes[1], ...] = x[n, i_1, i_2, ...]."""
    y = np.zeros((len(x), *(x.shape[axis] for axis in axes)), x.dtype)
    for place in np.ndindex(x.shape):
        y[(place[0], *(place[axis] for axis in axes))] = x[place]
    return y


def channel_shuffle(x, *, groups):
    """y[..., c g + k] = x[..., k (C / g) + c]."""
    y = np.zeros_like(x)
    for *at, channel in np.ndindex(x.shape):
        k, c = divmod(channel, x.shape[-1] // groups)
        y[(*at, c * groups + k)] = x[(*at, channel)]
    return y


def flatten(x):
    """y[n, (i W + j) C + c] = x[n,i,j,c]."""
    N, H, W, C = x.shape
    y = np.zeros((N, H * W * C), x.dtype)
    for n, i, j, c in np.ndindex(x.shape):
        y[n, (i * W + j) * C + c] = x[n, i, j, c]
    return y


def add(a, b):
    """y = a + b, shapes broadcast."""
    return _both(lambda v, w: v + w, a, b)


def mul(a, b):
    """y = a b, shapes broadcast."""
    return _both(lambda v, w: v * w, a, b)


def sum_(x, *, axes=(-1,)):
    """y = sum of x over axes, which stay with length 1."""
    axes = [axis % x.ndim for axis in axes]
    y = np.zeros([1 if axis in axes else length for axis, length in enumerate(x.shape)])
    for place in np.ndindex(x.shape):
        y[tuple(0 if axis in axes else p for axis, p in enumerate(place))] += x[place]
    return y


def concat(a, b, *, axis=-1):
    """The channels of a, then those of b; or its rows, or columns."""
    shape, first = list(a.shape), a.shape[axis]
    shape[axis] += b.shape[axis]
    y = np.zeros(shape, a.dtype)
    for place in np.ndindex(*shape):
        other = list(place)
        other[axis] -= first
        y[place] = a[place] if place[axis] < first else b[tuple(other)]
    return y


def resize(x, *, size):
    """y[n,i,j,c] lies at ((i + 1/2) H / H' - 1/2, ...) between up to four places of x, and takes of each by its nearness."""
    (N, H, W, C), (rows, columns) = x.shape, pair(size)
    y = np.zeros((N, rows, columns, C), x.dtype)
    for n, i, j, c in np.ndindex(y.shape):
        at = [min(max((k + 0.5) * length / new - 0.5, 0), length - 1) for k, length, new in ((i, H, rows), (j, W, columns))]
        for h in (floor(at[0]), floor(at[0]) + 1):
            for w in (floor(at[1]), floor(at[1]) + 1):
                if h < H and w < W:
                    y[n, i, j, c] += (1 - abs(at[0] - h)) * (1 - abs(at[1] - w)) * x[n, h, w, c]
    return y


def pick(x, *, at):
    """y[n,k] = x[n, i, j, k] with (i, j) = at."""
    return np.array([[x[n, at[0], at[1], k] for k in range(x.shape[3])] for n in range(x.shape[0])], x.dtype)


def two_logits(z):
    """y = (0, z)."""
    return np.array([[0, value] for (value,) in z], z.dtype)


REFERENCE = {
    **{op: activation(f) for op, f in ACTIVATIONS.items()}, "prelu": prelu,
    "conv2d": conv2d, "conv2d_transpose": conv2d_transpose, "dense": dense, "batch_norm": batch_norm,
    "max_pool": max_pool, "avg_pool": avg_pool, "global_avg_pool": global_avg_pool, "global_max_pool": global_max_pool,
    "mean": mean, "max": max_, "lrn": lrn, "flatten": flatten, "reshape": reshape, "transpose": transpose, "slice": slice_,
    "pad": pad, "crop": crop, "upsample": upsample, "resize": resize, "channel_shuffle": channel_shuffle, "concat": concat, "pick": pick,
    "two_logits": two_logits, "add": add, "mul": mul, "sum": sum_,
}


def _pool(x, size, stride, padding, ceil_mode, reduce):
    """reduce(values on the map, how many places of the window lie on the padding) for every window."""
    (N, H, W, C), (kh, kw), (sh, sw), ((top, bottom), (left, right)) = x.shape, pair(size), pair(stride), four(padding)
    y = np.zeros((N, _windows(H, kh, sh, top, bottom, ceil_mode), _windows(W, kw, sw, left, right, ceil_mode), C), x.dtype)
    for n, i, j, c in np.ndindex(y.shape):
        places = [(row, column) for row in range(sh * i - top, min(sh * i - top + kh, H + bottom))
                  for column in range(sw * j - left, min(sw * j - left + kw, W + right))]
        values = [x[n, row, column, c] for row, column in places if 0 <= row < H and 0 <= column < W]
        y[n, i, j, c] = reduce(values, len(places) - len(values))
    return y


def _windows(length, k, s, before, after, ceil_mode):
    """How many windows: with ceil those that start on the map or before it, one may hang over; else those inside."""
    padded = length + before + after
    if ceil_mode:
        return min(ceil((padded - k) / s) + 1, ceil((length + before) / s))
    return (padded - k) // s + 1


def _channels(f, x):
    y = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        y[place] = f(x[place], place[-1])
    return y


def _each(f, x):
    return np.array([f(v) for v in x.ravel()], x.dtype).reshape(x.shape)


def _both(f, a, b):
    a, b = np.broadcast_arrays(a, b)
    return np.array([f(v, w) for v, w in zip(a.ravel(), b.ravel(), strict=True)], np.result_type(a, b)).reshape(a.shape)
