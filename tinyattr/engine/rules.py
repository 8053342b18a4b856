"""Backward rules. A rule takes a record and the signal g at its output. It returns one signal m for each input.

A rule-book is a plain dict from op (or layer name) to rule. GRADIENT is the chain rule, m = (d output / d input)^T g.
Other methods change some entries of this dict: {**GRADIENT, "relu": my_rule}.
"""

import numpy as np

from tinyattr.engine.activations import ELEMENTWISE
from tinyattr.engine.ops import MOVES, OPS, around, grouped, lrn_below, within
from tinyattr.engine.windows import between, pad, pair, patches, pool_counts, pool_windows, sides, unpatch


def conv2d(record, g):
    """m[n,a,b,c] = sum of g[n,i,j,k] kernel[u,v,c,k] over all i,j,u,v,k with a = s i + d u - p, b = s j + d v - p.

    Output (i, j) reads input (a, b) through entry (u, v), so its signal returns there. s: stride, d: dilation, p: pad.
    """
    (kernel, _), groups = record.weights, record.attributes.get("groups", 1)
    if groups == 1:
        windows = np.tensordot(g, kernel, (3, 3))  # (N, Ho, Wo, kh, kw, C)
    else:
        windows = np.einsum("nijgk,uvcgk->nijuvgc", grouped(g, groups), grouped(kernel, groups))
        windows = windows.reshape(*windows.shape[:5], -1)
    return (unwindow(windows, record),)


def unwindow(p, record):
    """Add the signals in the windows of a convolution or pool, (N, Ho, Wo, kh, kw, C), to the places of the input.

    Where windows overlap, their signals are summed. Signals for places outside the input (padding) are dropped.
    """
    (n, h, w, c), about = record.x[0].shape, record.attributes
    (top, bottom), (left, right) = sides(about.get("padding", 0))
    stride, dilation = pair(about.get("stride", 1)), pair(about.get("dilation", 1))
    reach = [s * (count - 1) + d * (k - 1) + 1
             for s, count, d, k in zip(stride, p.shape[1:3], dilation, p.shape[3:5], strict=True)]
    rows, columns = max(top + h + bottom, reach[0]), max(left + w + right, reach[1])
    return unpatch(p, (n, rows, columns, c), stride, dilation)[:, top:top + h, left:left + w]


def conv2d_transpose(record, g):
    """m[n,i,j,c] = sum_{u,v,k} g[n, s i + u - p, s j + v - p, k] kernel[u,v,c,k]: a convolution of g."""
    return (np.tensordot(read_back(record, g), record.weights[0], ((3, 4, 5), (0, 1, 3))),)


def read_back(record, g):
    """Return, for each input place, g at the outputs to which this place contributed, (N, H, W, kh, kw, out)."""
    g = pad(g, padding=record.attributes.get("padding", 0))
    return patches(g, record.weights[0].shape[:2], record.attributes.get("stride", 1))


def dense(record, g):
    """m = g W^T."""
    kernel, _ = record.weights
    return (g @ kernel.T,)


def batch_norm(record, g):
    """m = g scale."""
    scale, _ = record.weights
    return (g * scale,)


def elementwise(record, g):
    """m = g f'(x), for every y = f(x) of activations.py. relu: m = g where x > 0, else 0; m = 0 at x = 0."""
    (x,), (_, derivative) = record.x, ELEMENTWISE[record.op]
    return (g * derivative(x, *record.weights, **record.attributes),)


def max_pool(record, g):
    """m = g at the window's largest x, else 0; a tie goes to the first maximum in row-major order."""
    x = np.maximum(record.x[0], np.finfo(g.dtype).min)  # an x of -inf would tie with the padding, so we raise it
    windows = pool_windows(x, **record.attributes)
    n, rows, columns, kh, kw, c = windows.shape
    first = windows.reshape(n, rows, columns, kh * kw, c).argmax(3)
    winners = np.arange(kh * kw).reshape(kh, kw, 1) == first[:, :, :, None, None]
    return (unwindow(winners * g[:, :, :, None, None], record),)


def avg_pool(record, g):
    """m = g / n at every place of the window. n: the number by which the pool divided its sum."""
    counts = pool_counts(record.x[0].shape[1:3], g.shape[1:3], **record.attributes)
    size = pair(record.attributes["size"])
    share = (g / counts.astype(g.dtype))[:, :, :, None, None]
    return (unwindow(np.broadcast_to(share, (*g.shape[:3], *size, g.shape[3])), record),)


def mean(record, g):
    """m = g / Z at each of the Z places in the mean."""
    x, g, _ = _with_all_axes(record, g)
    return (np.broadcast_to(g / (x.size // g.size), x.shape),)


def max_(record, g):
    """m = g at the largest x, else 0; a tie goes to the first maximum in row-major order."""
    x, g, axes = _with_all_axes(record, g)
    last = range(-len(axes), 0)
    front = np.moveaxis(x, axes, last)
    flat = front.reshape(*front.shape[:x.ndim - len(axes)], -1)
    first = np.arange(flat.shape[-1]) == flat.argmax(-1)[..., None]
    return (np.moveaxis(first.reshape(front.shape), last, axes) * g,)


def resize(record, g):
    """m[n,h,w,c] = sum_ij rows[i,h] columns[j,w] g[n,i,j,c], with the weights of the forward pass: see ops.resize."""
    rows, columns = map(between, record.x[0].shape[1:3], g.shape[1:3])
    return (np.einsum("ih,jw,nijc->nhwc", rows, columns, g, optimize=True),)


def _with_all_axes(record, g):
    """Return (x, g with as many axes as x, axes of the mean or maximum). A global pool has axes 1 and 2."""
    (x,) = record.x
    axes = within(x, record.attributes.get("axes", (1, 2)))
    return x, np.expand_dims(g, axes) if g.ndim < x.ndim else g, axes


def reshaped(record, g):
    """m = g in the shape of x."""
    return (g.reshape(record.x[0].shape),)


def moved(record, g):
    """m = g, moved back to where each number came from.

    To find this place, we run the op on the numbers 1, 2, 3, ... instead of x. Each number in the output then says
    which number of x moved there; 0 means a border. (So we leave out "value", the number that fills a border.)
    """
    (x,) = record.x
    attributes = {key: v for key, v in record.attributes.items() if key != "value"}
    place = OPS[record.op](np.arange(1, x[0].size + 1).reshape(1, *x.shape[1:]), **attributes)
    m = [np.bincount(place.ravel(), one.ravel(), x[0].size + 1)[1:] for one in g]
    return (np.reshape(m, x.shape),)


def concat(record, g):
    """m_i = the part of g that belongs to x_i: the output holds x_1, x_2, ... side by side."""
    axis = record.attributes.get("axis", -1)
    return tuple(np.split(g, np.cumsum([x.shape[axis] for x in record.x[:-1]]), axis))


def add(record, g):
    """m_i = g, summed over the axes along which x_i was broadcast."""
    return tuple(unbroadcast(g, x.shape) for x in record.x)


def mul(record, g):
    """m_a = g b, m_b = g a, summed over the axes along which a or b was broadcast."""
    a, b = record.x
    return unbroadcast(g * b, a.shape), unbroadcast(g * a, b.shape)


def sum_(record, g):
    """m = g, repeated along the summed axes."""
    return (np.broadcast_to(g, record.x[0].shape),)


def lrn(record, g):
    """m_i = g_i / d_i^beta - (2 alpha beta / size) x_i sum_c g_c x_c / d_c^(beta+1), i in c's window; d: ops.lrn."""
    (x,), (size, alpha, beta, bias) = record.x, (record.attributes[key] for key in ("size", "alpha", "beta", "bias"))
    d = lrn_below(x, size, alpha, bias)
    crossed = around(g * x / d ** (beta + 1), size // 2, (size - 1) // 2)
    return (g / d**beta - 2 * alpha * beta / size * x * crossed,)


def unbroadcast(g, shape):
    """Sum g over the axes along which an array of this shape was broadcast: the transpose of broadcasting."""
    if g.shape == shape:
        return g  # summing over no axes would copy g
    g = g.sum(tuple(range(g.ndim - len(shape))))
    stretched = tuple(axis for axis, length in enumerate(shape) if length == 1 and g.shape[axis] != 1)
    return g.sum(stretched, keepdims=True)


GRADIENT = {
    "conv2d": conv2d, "conv2d_transpose": conv2d_transpose, "dense": dense, "batch_norm": batch_norm,
    **dict.fromkeys(ELEMENTWISE, elementwise), **dict.fromkeys(MOVES, moved),
    "flatten": reshaped, "reshape": reshaped, "concat": concat,
    "avg_pool": avg_pool, "max_pool": max_pool, "max": max_, "global_max_pool": max_, "mean": mean,
    "global_avg_pool": mean, "resize": resize, "add": add, "mul": mul, "sum": sum_, "lrn": lrn,
}
