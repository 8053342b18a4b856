"""The engine's heavy ops by the fast kernels. Same formulas and results as ops.py and rules.py, other loops.

Feature maps travel as `Maps`: the inside of a buffer with a border of zeros, where the next convolution finds its
padding. A pass over memory costs as much as the arithmetic, so a kernel that has numbers at hand writes what the next
step will ask for: a convolution also its ReLU, its way back also the signal behind the ReLU below. Who asks, checks
that it was written for just this array; who does not ask, has lost nothing but the writing.
"""

import numpy as np

from tinyattr.engine import rules
from tinyattr.engine.kernels import dense as dense_kernels
from tinyattr.engine.kernels import direct, pool, thin, winograd
from tinyattr.engine.kernels import weight_gradient as weight_kernels
from tinyattr.engine.kernels.buffers import NONE, inside, recycled, with_border
from tinyattr.engine.ops import pair, pool_shape


class Maps(np.ndarray):
    """Feature maps (N, H, W, C) that lie inside `buffer` (N, H + 2, W + 2, C), whose border is zero.

    beside: what the kernel wrote in the same pass, {"relu": Maps} or {id of a gate: (gate, Maps)}. Arrays computed from
    these are new arrays and know nothing of buffers.
    """

    buffer, beside = None, None

    def __array_finalize__(self, other):
        self.buffer, self.beside = None, {}


def maps(shape):
    """Maps of this shape (N, H, W, C), to be filled."""
    buffer = recycled(*shape)
    view = inside(buffer).view(Maps)
    view.buffer = buffer
    return view


def surrounded(x, border=1):
    """x in a buffer with a border of zeros: its own, if it has one."""
    own = getattr(x, "buffer", None)
    return own if own is not None and border == 1 else with_border(x, border)


def prepare(prepared, key, make):
    """prepared[key], made when first asked for."""
    if key not in prepared:
        prepared[key] = make()
    return prepared[key]


def prepare_again(prepared, key, make):
    """The same for what takes four times the weights' memory: kept from its second use on, not for a single heatmap."""
    if prepared.get(key) is not None:
        return prepared[key]
    made = make()
    prepared[key] = made if key in prepared else None
    return made


def conv2d(prepared, x, kernel, bias, *, stride=1, padding=0):
    """ops.conv2d, and its ReLU beside it."""
    stride, padding = pair(stride), pair(padding)
    size, (c, k) = kernel.shape[:2], kernel.shape[2:]
    out = [(length + 2 * p - w) // s + 1 for length, p, w, s in zip(x.shape[1:3], padding, size, stride, strict=True)]
    y = maps((len(x), *out, k))
    y.beside["relu"] = a = maps(y.shape)
    if size == (3, 3) and stride == padding == (1, 1) and winograd.fits(c, k):
        u = prepare_again(prepared, "winograd", lambda: winograd.transform(kernel))
        winograd.convolve(surrounded(x), u, bias, y.buffer, a.buffer)
    else:
        border = max(1, *padding)
        packed = prepare(prepared, "direct", lambda: direct.pack(kernel))
        direct.convolve(surrounded(x, border), packed, bias, y.buffer, a.buffer, size=size, stride=stride,
                        corner=(border - padding[0], border - padding[1]))
    return y


def relu(prepared, x):
    """ops.relu of a convolution's output, which the convolution has written already."""
    return x.beside["relu"]


def max_pool(prepared, x, *, size, stride, ceil=False):
    """ops.max_pool."""
    y = maps((len(x), *pool_shape(x.shape[1:3], size, stride, ceil), x.shape[3]))
    pool.forward(surrounded(x), y.buffer, size=pair(size), stride=pair(stride))
    return y


def conv2d_back(record, g):
    """rules.conv2d; if the input is a ReLU's output, beside it the signal behind that ReLU."""
    (x,), (kernel, _) = record.x, record.weights
    stride, padding = pair(record.attributes.get("stride", 1)), pair(record.attributes.get("padding", 0))
    size, (c, k) = kernel.shape[:2], kernel.shape[2:]
    m = maps(x.shape)
    if size == (3, 3) and stride == padding == (1, 1) and winograd.fits(c, k):
        u = prepare_again(record.prepared, "winograd back", lambda: winograd.transform_back(kernel))
        behind, gate = NONE, NONE
        if getattr(x, "buffer", None) is not None:
            m.beside[id(x)] = (x, gated := maps(x.shape))
            behind, gate = gated.buffer, x.buffer
        winograd.convolve(surrounded(g), u, np.zeros(c, np.float32), m.buffer, behind, gate)
    elif stride == (1, 1) and thin.fits(size[1], c) and max(padding[0], size[0] - 1 - padding[0]) <= 1:
        packed = prepare(record.prepared, "thin back", lambda: thin.pack_back(kernel))
        thin.back(surrounded(g), packed, m.buffer, size=size, padding=padding)
    else:
        parts = prepare(record.prepared, "direct back", lambda: direct.pack_back(kernel, stride))
        direct.back(g, parts, m.buffer, stride=stride, padding=padding)
    return (m,)


def relu_back(record, g):
    """rules.relu, if the signal behind this ReLU was written beside g; else None."""
    gate, behind = getattr(g, "beside", {}).get(id(record.output), (None, None))
    return (behind,) if gate is record.output else None


def max_pool_back(record, g):
    """rules.max_pool, and beside it the signal behind a ReLU."""
    (x,) = record.x
    m, behind = maps(x.shape), maps(x.shape)
    m.beside[id(x)] = (x, behind)
    pool.back(surrounded(x), surrounded(g), m.buffer, behind.buffer,
              size=pair(record.attributes["size"]), stride=pair(record.attributes["stride"]))
    return (m,)


def dense(prepared, x, kernel, bias):
    """ops.dense."""
    return dense_kernels.forward(x, kernel, bias)


def dense_back(record, g):
    """rules.dense."""
    return (dense_kernels.back(g, record.weights[0]),)


def conv2d_weights(record, g):
    """weights.conv2d."""
    (x,), (kernel, _) = record.x, record.weights
    padding = pair(record.attributes.get("padding", 0))
    border = max(1, *padding)
    return weight_kernels.weight_gradient(
        surrounded(x, border), g, size=kernel.shape[:2], stride=pair(record.attributes.get("stride", 1)),
        corner=(border - padding[0], border - padding[1]))


def dense_weights(record, g):
    """weights.dense."""
    return dense_kernels.weight_gradient(record.x[0], g)


FORWARD = {"conv2d": conv2d, "dense": dense, "relu": relu, "max_pool": max_pool}
BACK = {rules.conv2d: conv2d_back, rules.dense: dense_back, rules.relu: relu_back, rules.max_pool: max_pool_back}
WEIGHTS = {"conv2d": conv2d_weights, "dense": dense_weights}
