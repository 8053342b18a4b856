"""Direct convolution: any kernel, stride and padding, through the register tile.

For one output pixel and one row of the kernel, the kw pixels x C channels of the input are kw C contiguous floats, and so are
the weights that belong to them: a convolution is kh such products, whatever its stride.
"""

import numpy as np
from numba import prange

from tinyattr.kernels.buffers import NONE, demand, inside, read, with_border, written
from tinyattr.kernels.tile import P, by_rows, load_panel, sums
from tinyattr.kernels.vector import (
    gated,
    given,
    inlined,
    on_line,
    parallel_kernel,
    pointer,
    shift,
    signed,
    store,
    store_some,
    stream,
)


@inlined
def put(p, at, v, count):
    """p[at : at + P] = v, or the first `count` of it."""
    if count >= P:
        store(p, at, v)
    else:
        store_some(p, at, v, count)


def _pixels(rows):
    tile = sums(rows)

    @inlined
    def do(first, x, x_step, x_line, n, lines, w, bias, y, a, y_step, count):
        """So many output pixels, one panel of channels. n = kw C floats in each of kh lines of x."""
        acc = tile(shift(x, first * x_step), (x_step, x_line, 1), w, (n * P, P), lines, n, load_panel(bias, 0))
        for r in range(rows):
            at = (first + r) * y_step
            if given(y):
                if given(a) and count >= P and on_line(shift(y, at)):  # the next layer reads a, y only goes on record
                    stream(y, at, acc[r])
                else:
                    put(y, at, acc[r], count)
            if given(a):
                put(a, at, gated(acc[r], acc[r]), count)
    return do


pixels = by_rows(_pixels)


@parallel_kernel
def _convolve(x, corner, size, stride, w, bias, y, a, shape, origin, step, out):
    """Output pixel (i, j) goes to y[:, origin + step (i, j)], its window starts at x[:, corner + stride (i, j)]."""
    n, x_height, x_width, channels = x.shape
    _, y_height, y_width, columns = shape
    line, panel = size[1] * channels, size[0] * size[1] * channels * P
    for unit in prange(w.shape[0] * n * out[0]):
        p, rest = divmod(signed(unit), n * out[0])
        image, i = divmod(rest, out[0])
        x_at = ((image * x_height + corner[0] + i * stride[0]) * x_width + corner[1]) * channels
        y_at = ((image * y_height + origin[0] + i * step[0]) * y_width + origin[1]) * columns + p * P
        pixels(out[1], pointer(x, x_at), stride[1] * channels, x_width * channels, line, size[0],
               pointer(w, p * panel), pointer(bias, p * P), pointer(y, y_at), pointer(a, y_at), step[1] * columns,
               columns - p * P)


def pack(w):
    """Columns by panels, the last one filled with zeros. (kh, kw, C, K) -> (panels, kh kw C, P)."""
    rows, k = w[..., 0].size, w.shape[3]
    full = np.zeros((rows, -(-k // P) * P), np.float32)
    full[:, :k] = w.reshape(rows, k)
    return np.ascontiguousarray(full.reshape(rows, -1, P).transpose(1, 0, 2))


def _filled(bias):
    """The bias, with zeros up to a whole panel."""
    return read(np.pad(bias, (0, -bias.size % P)))


def convolve(x, w, bias, y=NONE, a=NONE, *, size, stride=(1, 1), corner=(0, 0), border=1):
    """y[n,i,j,k] = bias[k] + sum_{u,v,c} x[n, s i + u + corner, s j + v + corner, c] w[u,v,c,k], w = pack(w); a = max(y, 0).

    x: (N, ...) with its padding in memory: corner is where the first window starts. y, a: (N, Ho + 2 border,
    Wo + 2 border, K); either may be left out.
    """
    shape = (y if y.size else a).shape
    out = (shape[1] - 2 * border, shape[2] - 2 * border)
    demand(shape[0] == len(x) and shape[3] == bias.size, f"maps of shape {shape} for {len(x)} pictures, {bias.size} channels")
    demand(w.shape == (-(-bias.size // P), size[0] * size[1] * x.shape[3], P), f"weights {w.shape} do not fit to {x.shape}")
    demand(all(c >= 0 and c + s * (o - 1) + k <= length for c, s, o, k, length in zip(
        corner, stride, out, size, x.shape[1:3], strict=True)), f"{out} windows do not lie within maps of shape {x.shape}")
    y, a = written(y, a, shape=shape)
    _convolve(read(x), corner, size, stride, read(w), _filled(bias), y, a, shape, (border, border), (1, 1), out)


def pack_back(w, stride=(1, 1)):
    """The weights for the way back: rows of (size, packed weights), None where there is no weight.

    Input pixels fall into sh x sw classes; class (a, b) is a convolution of g with every s-th weight from (a, b) on,
    turned by 180 degrees, in and out exchanged.
    """
    def part(a, b):
        piece = w[a::stride[0], b::stride[1]][::-1, ::-1]
        return (piece.shape[:2], pack(piece.transpose(0, 1, 3, 2))) if piece.size else None
    return [[part(a, b) for b in range(stride[1])] for a in range(stride[0])]


def back(g, parts, m, *, stride=(1, 1), padding=(0, 0), border=1):
    """m[n, s i + u - p, s j + v - p, c] = sum_{i,j,u,v,k} g[n,i,j,k] w[u,v,c,k], parts = pack_back(w, stride).

    g: (N, Ho, Wo, K); m: (N, H + 2 border, W + 2 border, C).
    """
    (m,), bias = written(m, shape=(len(g), *m.shape[1:])), np.zeros(m.shape[3], np.float32)
    lengths = m.shape[1] - 2 * border, m.shape[2] - 2 * border
    rows, columns = (
        [_class(a, s, p, length) for a in range(s)] for s, p, length in zip(stride, padding, lengths, strict=True))
    around, edge = _surrounded(g, parts, rows, columns)
    for (i, height, top), row in zip(rows, parts, strict=True):
        for (j, width, left), part in zip(columns, row, strict=True):
            if part is None:
                inside(m, border)[:, i::stride[0], j::stride[1]] = 0
            else:
                (kh, kw), w = part
                demand(w.shape == (-(-bias.size // P), kh * kw * g.shape[3], P), f"weights {w.shape} do not fit to {g.shape}")
                _convolve(read(around), (edge + top - kh + 1, edge + left - kw + 1), (kh, kw), (1, 1), read(w), _filled(bias),
                          m, NONE, m.shape, (border + i, border + j), stride, (height, width))


def _class(a, s, p, length):
    """Of the input's pixels i with (i + p) mod s = a: the first, how many, and the output pixel (i + p - a) / s of the first."""
    first = (a - p) % s
    return first, max(0, -(-(length - first) // s)), (first + p - a) // s


def _surrounded(g, parts, rows, columns):
    """g with enough zeros around it for the windows of every class, and how many."""
    before = [length - 1 for row in parts for part in row if part for length in part[0]]
    below = [top + height - g.shape[1] for _, height, top in rows]
    beside = [left + width - g.shape[2] for _, width, left in columns]
    edge = max(*before, *below, *beside)
    return with_border(g, edge), edge
