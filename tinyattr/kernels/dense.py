"""Dense layers. The weights (in, out) are read once, in memory order, and never copied."""

import numpy as np
from numba import prange

from tinyattr.kernels import weight_gradient as weight_kernels
from tinyattr.kernels.buffers import bordered, demand, read, scratch, written
from tinyattr.kernels.tile import ROWS, P, W, by_rows, load, load_panel, splat, splat_panel, sums
from tinyattr.kernels.vector import inlined, inner, parallel_kernel, pointer, repeater, shift, signed, store, total

PARTS, STRIP = 16, 8  # partial sums over the inputs, for any number of threads; rows of weights read together
SHARE = 256  # outputs of which a thread adds the partial sums


def _forward_rows(rows):
    tile = sums(rows)

    @inlined
    def do(first, x, x_step, w, w_step, n, y, y_step):
        """y[first + r] += sum_i x[first + r, i] w[i] over n inputs, one panel wide."""
        acc = tile(shift(x, first * x_step), (x_step, 0, 1), w, (0, w_step), 1, n, splat_panel(np.float32(0)))
        for r in range(rows):
            at = (first + r) * y_step
            store(y, at, load_panel(y, at) + acc[r])
    return do


forward_rows = by_rows(_forward_rows)


@parallel_kernel
def _forward(x, w, bias, parts, y):
    """parts[part] = the sum over one part of the inputs, (PARTS, N, out); then y = bias + the sum of all parts."""
    (n, inputs), outputs = x.shape, w.shape[1]
    whole = outputs - outputs % P
    share = (inputs + PARTS - 1) // PARTS
    for unit in prange(PARTS):
        part = signed(unit)
        parts[part] = 0
        for i in range(part * share, min((part + 1) * share, inputs), STRIP):
            count = min(STRIP, min((part + 1) * share, inputs) - i)
            for o in range(0, whole, P):
                forward_rows(n, pointer(x, i), inputs, pointer(w, i * outputs + o), outputs, count,
                             pointer(parts, part * n * outputs + o), outputs)
            for row in range(n):
                for k in range(i, i + count):
                    for o in range(whole, outputs):
                        parts[part, row, o] += x[row, k] * w[k, o]
    for unit in prange((outputs + SHARE - 1) // SHARE):
        first = signed(unit) * SHARE
        for row in range(n):
            for o in range(first, min(first + SHARE, outputs)):
                y[row, o] = bias[o]
            for part in range(PARTS):
                for o in range(first, min(first + SHARE, outputs)):
                    y[row, o] += parts[part, row, o]


def forward(x, w, bias, y):
    """y = x w + bias. (N, in) -> (N, out)."""
    demand(x.shape[1] == len(w) and bias.size == w.shape[1], f"weights {w.shape} do not fit to {x.shape}, bias {bias.shape}")
    written(y, shape=(len(x), w.shape[1]))
    parts, = scratch((PARTS, *y.shape))
    _forward(read(x), read(w), read(bias), parts, y)


def _back_rows(rows):
    repeat = repeater(rows)

    @inlined
    def do(first, w, step, g, whole, m):
        """m[first + r] = sum_o w[first + r, o] g[o], over whole registers."""
        acc = repeat(splat(np.float32(0)))
        for o in range(0, whole, W):
            acc = inner(acc, w, first * step + o, step, load(g, o))
        for r in range(rows):
            store(m, first + r, total(acc[r]))
    return do


def _back_pairs(rows):
    repeat = repeater(rows)

    @inlined
    def do(first, w, step, g, whole, m, m_step):
        """m[first + r] = sum_o w[first + r, o] g[o] for two pictures, g and g[step:], which share each number of w."""
        acc, other = repeat(splat(np.float32(0))), repeat(splat(np.float32(0)))
        for o in range(0, whole, W):
            acc = inner(acc, w, first * step + o, step, load(g, o))
            other = inner(other, w, first * step + o, step, load(g, step + o))
        for r in range(rows):
            store(m, first + r, total(acc[r]))
            store(m, m_step + first + r, total(other[r]))
    return do


back_rows, back_pairs = by_rows(_back_rows), by_rows(_back_pairs)


@parallel_kernel
def _back(g, w, m):
    (n, outputs), inputs = g.shape, w.shape[0]
    whole = outputs - outputs % W
    for block in prange((inputs + ROWS - 1) // ROWS):
        i = signed(block) * ROWS
        count = min(ROWS, inputs - i)
        weights, single = pointer(w, i * outputs), n - n % 2
        for row in range(0, single, 2):
            back_pairs(count, weights, outputs, pointer(g, row * outputs), whole, pointer(m, row * inputs + i), inputs)
        for row in range(single, n):
            back_rows(count, weights, outputs, pointer(g, row * outputs), whole, pointer(m, row * inputs + i))
        for row in range(n):
            for k in range(i, i + count):
                for o in range(whole, outputs):
                    m[row, k] += w[k, o] * g[row, o]


def back(g, w, m):
    """m = g w^T. (N, out) -> (N, in)."""
    demand(g.shape[1] == w.shape[1], f"weights {w.shape} do not fit to {g.shape}")
    written(m, shape=(len(g), len(w)))
    _back(read(g), read(w), m)


def weight_gradient(x, g):
    """dw = x^T g, db = sum_n g, (N, in), (N, out) -> (in, out), (out,): the pictures are the pixels of a 1 x 1 convolution."""
    demand(len(x) == len(g), f"{len(x)} inputs, {len(g)} signals")
    pixels = bordered(1, 1, *g.shape, border=0)
    pixels[...] = g
    dw, db = weight_kernels.weight_gradient(read(x)[None, None], pixels, size=(1, 1))
    return dw[0, 0], db
