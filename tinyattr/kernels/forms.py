"""The engine's heavy ops by the kernels. Same formulas and results as ops.py and rules.py, other loops.

Feature maps lie inside a buffer with a border of zeros, where the next convolution finds its padding. A pass over memory
costs as much as the arithmetic, so a kernel that has numbers at hand writes what the next step will ask for: a
convolution also its ReLU, its way back also the signal behind the ReLU below. What was written is remembered for just
that array, which is read-only; if nobody asks for it, nothing is lost but the writing.
"""

from dataclasses import dataclass, field

import numpy as np

from tinyattr.engine.arrays import sealed
from tinyattr.engine.windows import pair
from tinyattr.kernels import dense as dense_kernels
from tinyattr.kernels import direct, pool, thin, threads, winograd
from tinyattr.kernels import weight_gradient as weight_kernels
from tinyattr.kernels.backend import pool_shape
from tinyattr.kernels.buffers import NONE, inside, recycled, with_border
from tinyattr.kernels.memory import WRITTEN, packed, packed_if_used_again

threads.announce()
TURN = threads.start()  # held while a form computes


@dataclass(eq=False)
class Written:
    """What the kernels know of feature maps (N, H, W, C) that they wrote.

    buffer: (N, H + 2, W + 2, C), the maps with a border of zeros. relu: max(maps, 0), if the same pass wrote it.
    gated: {id of x: (x, the maps where x > 0, else 0)}, likewise.
    """

    buffer: np.ndarray
    relu: np.ndarray | None = None
    gated: dict = field(default_factory=dict)


def maps(shape):
    """(feature maps (N, H, W, C), read-only; what is known of them, with the buffer that is still to be filled)."""
    buffer = recycled(*shape)
    array = sealed(inside(buffer))
    return array, WRITTEN.set(array, Written(buffer))


def surrounded(x, border=1):
    """x in a buffer with a border of zeros: its own, if it has one."""
    own = WRITTEN.get(x)
    return own.buffer if own and border == 1 else with_border(x, border)


def conv2d(x, kernel, bias, *, stride=1, padding=0):
    """ops.conv2d, and its ReLU in the same pass."""
    stride, padding = pair(stride), pair(padding)
    size, (c, k) = kernel.shape[:2], kernel.shape[2:]
    out = [(length + 2 * p - w) // s + 1 for length, p, w, s in zip(x.shape[1:3], padding, size, stride, strict=True)]
    (y, own), (a, relu) = maps((len(x), *out, k)), maps((len(x), *out, k))
    own.relu = a
    if size == (3, 3) and stride == padding == (1, 1) and winograd.fits(c, k):
        u = packed_if_used_again(kernel, "winograd", lambda: winograd.transform(kernel))
        winograd.convolve(surrounded(x), u, bias, own.buffer, relu.buffer)
    else:
        border = max(1, *padding)
        panels = packed(kernel, "direct", lambda: direct.pack(kernel))
        direct.convolve(surrounded(x, border), panels, bias, own.buffer, relu.buffer, size=size, stride=stride,
                        corner=(border - padding[0], border - padding[1]))
    return y


def relu(x):
    """ops.relu: of a convolution's output it has been written already."""
    return WRITTEN.get(x).relu


def max_pool(x, *, size, stride, ceil=False):
    """ops.max_pool."""
    y, own = maps((len(x), *pool_shape(x.shape[1:3], size, stride, ceil), x.shape[3]))
    pool.forward(surrounded(x), own.buffer, size=pair(size), stride=pair(stride))
    return y


def conv2d_back(record, g):
    """rules.conv2d; if the kernels wrote the input, also the signal behind a ReLU that it may come from."""
    (x,), (kernel, _) = record.x, record.weights
    stride, padding = pair(record.attributes.get("stride", 1)), pair(record.attributes.get("padding", 0))
    size, (c, k) = kernel.shape[:2], kernel.shape[2:]
    m, own = maps(x.shape)
    if size == (3, 3) and stride == padding == (1, 1) and winograd.fits(c, k):
        u = packed_if_used_again(kernel, "winograd back", lambda: winograd.transform_back(kernel))
        behind = gate = NONE
        if written := WRITTEN.get(x):
            gated, of_gated = maps(x.shape)
            own.gated[id(x)] = (x, gated)
            behind, gate = of_gated.buffer, written.buffer
        winograd.convolve(surrounded(g), u, np.zeros(c, np.float32), own.buffer, behind, gate)
    elif stride == (1, 1) and thin.fits(size[1], c) and max(padding[0], size[0] - 1 - padding[0]) <= 1:
        columns = packed(kernel, "thin back", lambda: thin.pack_back(kernel))
        thin.back(surrounded(g), columns, own.buffer, size=size, padding=padding)
    else:
        parts = packed(kernel, ("direct back", stride), lambda: direct.pack_back(kernel, stride))
        direct.back(g, parts, own.buffer, stride=stride, padding=padding)
    return (m,)


def relu_back(record, g):
    """rules.relu, if the signal behind this ReLU was written with g; else None."""
    own = WRITTEN.get(g)
    gate, behind = own.gated.get(id(record.output), (None, None)) if own else (None, None)
    return (behind,) if gate is record.output and behind is not None else None


def max_pool_back(record, g):
    """rules.max_pool, and the signal behind a ReLU that its input may come from."""
    (x,) = record.x
    (m, own), (behind, of_behind) = maps(x.shape), maps(x.shape)
    own.gated[id(x)] = (x, behind)
    pool.back(surrounded(x), surrounded(g), own.buffer, of_behind.buffer,
              size=pair(record.attributes["size"]), stride=pair(record.attributes["stride"]))
    return (m,)


def dense(x, kernel, bias):
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
BACK = {"conv2d": conv2d_back, "dense": dense_back, "relu": relu_back, "max_pool": max_pool_back}
WEIGHTS = {"conv2d": conv2d_weights, "dense": dense_weights}
