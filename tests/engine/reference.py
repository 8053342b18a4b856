"""Every op once more, one number at a time: slow, obvious, the definition that the fast forms are tested against."""

from math import ceil, exp, floor, log

import numpy as np

from tinyattr.engine.ops import pair


def conv2d(x, kernel, bias, *, stride=1, padding=0):
    """y[n,i,j,k] = bias[k] + sum_{u,v,c} x[n, s i + u - p, s j + v - p, c] kernel[u,v,c,k], x = 0 outside the map."""
    (N, H, W, C), (kh, kw, _, K) = x.shape, kernel.shape
    (sh, sw), (ph, pw) = pair(stride), pair(padding)
    y = np.zeros((N, (H + 2 * ph - kh) // sh + 1, (W + 2 * pw - kw) // sw + 1, K), x.dtype)
    for n, i, j, k in np.ndindex(y.shape):
        total = bias[k]
        for u, v, c in np.ndindex(kh, kw, C):
            row, column = sh * i + u - ph, sw * j + v - pw
            if 0 <= row < H and 0 <= column < W:
                total += x[n, row, column, c] * kernel[u, v, c, k]
        y[n, i, j, k] = total
    return y


def dense(x, kernel, bias):
    """y[n,k] = b[k] + sum_i x[n,i] W[i,k]."""
    y = np.zeros((len(x), kernel.shape[1]), x.dtype)
    for n, k in np.ndindex(y.shape):
        y[n, k] = bias[k] + sum(x[n, i] * kernel[i, k] for i in range(kernel.shape[0]))
    return y


def relu(x):
    """y = x where x > 0, else 0."""
    return _each(lambda v: v if v > 0 else 0, x)


def max_pool(x, *, size, stride, ceil=False):
    """y[n,i,j,c] = the largest x in window (i, j), of what the map holds of it."""
    return _pool(x, size, stride, ceil, max)


def avg_pool(x, *, size, stride):
    """y[n,i,j,c] = the mean of x in window (i, j)."""
    return _pool(x, size, stride, False, lambda values: sum(values) / len(values))


def global_avg_pool(x):
    """y[n,c] = (1/Z) sum_ij x[n,i,j,c]."""
    return _pool(x, x.shape[1:3], 1, False, lambda values: sum(values) / len(values))[:, 0, 0]


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


def exp_(x):
    """y = e^x."""
    return _each(exp, x)


def log_(x):
    """y = log x."""
    return _each(log, x)


def mod(x, *, modulus):
    """y = x - modulus floor(x / modulus)."""
    return _each(lambda v: v - modulus * floor(v / modulus), x)


def sum_(x, *, axes=(-1,)):
    """y = sum of x over axes, which stay with length 1."""
    axes = [axis % x.ndim for axis in axes]
    y = np.zeros([1 if axis in axes else length for axis, length in enumerate(x.shape)])
    for place in np.ndindex(x.shape):
        y[tuple(0 if axis in axes else p for axis, p in enumerate(place))] += x[place]
    return y


def concat(a, b):
    """The channels of a, then those of b."""
    y = np.zeros((*a.shape[:-1], a.shape[-1] + b.shape[-1]), a.dtype)
    for place in np.ndindex(y.shape):
        *rest, c = place
        y[place] = a[(*rest, c)] if c < a.shape[-1] else b[(*rest, c - a.shape[-1])]
    return y


def pick(x, *, at):
    """y[n,k] = x[n, i, j, k] with (i, j) = at."""
    return np.array([[x[n, at[0], at[1], k] for k in range(x.shape[3])] for n in range(x.shape[0])], x.dtype)


def two_logits(z):
    """y = (0, z)."""
    return np.array([[0, value] for (value,) in z], z.dtype)


REFERENCE = {
    "conv2d": conv2d, "dense": dense, "relu": relu, "max_pool": max_pool, "avg_pool": avg_pool,
    "global_avg_pool": global_avg_pool, "flatten": flatten, "add": add, "mul": mul, "exp": exp_, "log": log_,
    "sum": sum_, "concat": concat, "pick": pick, "mod": mod, "two_logits": two_logits,
}


def _pool(x, size, stride, ceil_mode, reduce):
    (N, H, W, C), (kh, kw), (sh, sw) = x.shape, pair(size), pair(stride)
    y = np.zeros((N, _windows(H, kh, sh, ceil_mode), _windows(W, kw, sw, ceil_mode), C), x.dtype)
    for n, i, j, c in np.ndindex(y.shape):
        y[n, i, j, c] = reduce([x[n, row, column, c] for row in range(sh * i, min(sh * i + kh, H))
                                for column in range(sw * j, min(sw * j + kw, W))])
    return y


def _windows(length, k, s, ceil_mode):
    """How many windows: with ceil those that start inside, at most one hanging over; else those that lie inside."""
    if ceil_mode:
        return min(ceil((length - k) / s) + 1, ceil(length / s))
    return (length - k) // s + 1


def _each(f, x):
    return np.array([f(v) for v in x.ravel()], x.dtype).reshape(x.shape)


def _both(f, a, b):
    a, b = np.broadcast_arrays(a, b)
    return np.array([f(v, w) for v, w in zip(a.ravel(), b.ravel(), strict=True)], np.result_type(a, b)).reshape(a.shape)
