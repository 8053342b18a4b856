"""Backward rules. A rule takes a record and the signal g at its output; it returns one signal for each input.

A rule-book is a plain dict from op (or layer name) to rule. GRADIENT is the chain rule, m = (d output / d input)^T g;
other methods change a line of it: {**GRADIENT, "relu": my_rule}.
"""

import numpy as np

from tinyattr.engine.ops import pair, pool_windows


def unpatch(p, shape, stride):
    """x[n, s i + u, s j + v, c] = sum of p[n,i,j,u,v,c]: windows back to their places, the transpose of `patches`."""
    x = np.zeros(shape, p.dtype)
    _, rows, columns, kh, kw, _ = p.shape
    sh, sw = pair(stride)
    for u in range(kh):
        for v in range(kw):
            x[:, u:u + sh * rows:sh, v:v + sw * columns:sw] += p[:, :, :, u, v]
    return x


def conv2d(record, g):
    """m[n, s i + u - p, s j + v - p, c] = sum_{i,j,u,v,k} g[n,i,j,k] kernel[u,v,c,k]."""
    (x,), (kernel, _) = record.x, record.weights
    stride, (ph, pw) = record.attributes.get("stride", 1), pair(record.attributes.get("padding", 0))
    n, h, w, c = x.shape
    windows = np.tensordot(g, kernel, (3, 3))  # (N, Ho, Wo, kh, kw, C)
    m = unpatch(windows, (n, h + 2 * ph, w + 2 * pw, c), stride)
    return (m[:, ph:ph + h, pw:pw + w],)


def dense(record, g):
    """m = g W^T."""
    kernel, _ = record.weights
    return (g @ kernel.T,)


def relu(record, g):
    """m = g where x > 0, else 0. At x = 0 the derivative is taken as 0."""
    (x,) = record.x
    return (g * (x > 0),)


def max_pool(record, g):
    """m = g at the window's largest x, else 0; a tie goes to the first maximum in row-major order."""
    return (unpool(winners(record) * g[:, :, :, None, None], record),)


def winners(record):
    """True at the first maximum of each window of a max-pool, (N, Ho, Wo, kh, kw, C)."""
    windows = pool_windows(record.x[0], **record.attributes)
    n, rows, columns, kh, kw, c = windows.shape
    first = windows.reshape(n, rows, columns, kh * kw, c).argmax(3)
    return np.arange(kh * kw).reshape(kh, kw, 1) == first[:, :, :, None, None]


def unpool(p, record):
    """Windows (N, Ho, Wo, kh, kw, C) of a max-pool back to the places of its input, added where they overlap."""
    (x,), (sh, sw) = record.x, pair(record.attributes["stride"])
    _, rows, columns, kh, kw, _ = p.shape
    shape = (len(x), max(x.shape[1], sh * (rows - 1) + kh), max(x.shape[2], sw * (columns - 1) + kw), x.shape[3])
    return unpatch(p, shape, (sh, sw))[:, :x.shape[1], :x.shape[2]]


def avg_pool(record, g):
    """m = g / (kh kw), spread over the window."""
    (x,), (kh, kw) = record.x, pair(record.attributes["size"])
    windows = np.broadcast_to((g / (kh * kw))[:, :, :, None, None], (*g.shape[:3], kh, kw, g.shape[3]))
    return (unpatch(windows, x.shape, record.attributes["stride"]),)


def global_avg_pool(record, g):
    """m = g / Z, spread over all Z = H W places."""
    (x,) = record.x
    return (np.broadcast_to((g / (x.shape[1] * x.shape[2]))[:, None, None], x.shape),)


def flatten(record, g):
    """m = g in the shape of x."""
    return (g.reshape(record.x[0].shape),)


def add(record, g):
    """m_i = g, summed over the axes along which x_i was broadcast."""
    return tuple(unbroadcast(g, x.shape) for x in record.x)


def mul(record, g):
    """m_a = g b, m_b = g a, summed over the axes along which they were broadcast."""
    a, b = record.x
    return unbroadcast(g * b, a.shape), unbroadcast(g * a, b.shape)


def exp(record, g):
    """m = g e^x."""
    return (g * record.output,)


def log(record, g):
    """m = g / x."""
    return (g / record.x[0],)


def mod(record, g):
    """m = g: the sawtooth's slope is 1, except at its jumps, where it has none."""
    return (g,)


def sum_(record, g):
    """m = g, repeated along the summed axes."""
    return (np.broadcast_to(g, record.x[0].shape),)


def concat(record, g):
    """m_i = the channels of g that came from x_i."""
    ends = np.cumsum([x.shape[-1] for x in record.x])
    return tuple(np.split(g, ends[:-1], -1))


def pick(record, g):
    """m = g at the picked place, 0 elsewhere."""
    i, j = record.attributes["at"]
    m = np.zeros(record.x[0].shape, g.dtype)
    m[:, i, j] = g
    return (m,)


def two_logits(record, g):
    """m = g_1, what arrives at z: the 0 does not depend on it."""
    return (g[:, 1:],)


GRADIENT = {
    "conv2d": conv2d, "dense": dense, "relu": relu, "max_pool": max_pool, "avg_pool": avg_pool,
    "global_avg_pool": global_avg_pool, "flatten": flatten, "add": add, "mul": mul, "exp": exp, "log": log,
    "sum": sum_, "concat": concat, "pick": pick, "mod": mod, "two_logits": two_logits,
}


def unbroadcast(g, shape):
    """Sum g down to `shape`, over the axes along which such an array was broadcast. Transpose of broadcasting."""
    g = g.sum(tuple(range(g.ndim - len(shape))))
    stretched = tuple(axis for axis, length in enumerate(shape) if length == 1 and g.shape[axis] != 1)
    return g.sum(stretched, keepdims=True)
