"""Max-pooling, forward and back. The innermost loop goes over channels, which are neighbours in memory."""

import numba
import numpy as np
from numba import prange

from tinyattr.kernels.buffers import NONE, lie
from tinyattr.kernels.pointwise import ANY, numbers, pixel
from tinyattr.kernels.tile import W, by_lanes
from tinyattr.kernels.vector import at, inlined, larger, loader, parallel_kernel, signed, splatter, store, where_equal


@inlined
def window(i, s, k, p, length):
    """Return (first, end) of the window of output i, cut at the edge of the map."""
    first = s * i - p
    return max(first, 0), min(first + k, length)


def _largest(width):
    load = loader(width)

    @inlined
    def do(c, x, line, step, rows, columns, y):
        """y = the largest of rows x columns pixels, `width` channels. A NaN is the largest of all."""
        best = load(x, c)
        for u in range(rows):
            for v in range(columns):
                best = larger(best, load(x, u * line + v * step + c))
        store(y, c, best)
    return do


largest = by_lanes(_largest)


@parallel_kernel
def _forward(n, x, lengths, size, stride, padding, y, out):
    rows, columns, channels = out
    for unit in prange(n * rows):
        image, i = divmod(signed(unit), rows)
        top, bottom = window(i, stride[0], size[0], padding[0], lengths[0])
        for j in range(columns):
            left, right = window(j, stride[1], size[1], padding[1], lengths[1])
            of = pixel(x, image, top, left)
            largest(0, channels, of, x[2], x[3], bottom - top, right - left, pixel(y, image, i, j))


def _check(x, y, size, stride, padding):
    """Raise ValueError unless every window contains a pixel of the map."""
    fine = all(0 <= p < k and s * (out - 1) - p < length for p, k, s, out, length in zip(
        padding, size, stride, y.shape[1:3], x.shape[1:3], strict=True))
    if not fine or (len(y), y.shape[3]) != (len(x), x.shape[3]):
        raise ValueError(f"windows {size}, stride {stride}, padding {padding}: {x.shape} to {y.shape}")


def forward(x, y, *, size, stride, padding=(0, 0)):
    """y[n,i,j,c] = the largest x in window (i, j), which is cut at the edge. A NaN is the largest of all.

    x: (N, H, W, C), y: (N, Ho, Wo, C), with channels as neighbours in memory. padding: (top, left).
    """
    _check(x, y, size, stride, padding)
    _forward(len(x), lie(x), x.shape[1:3], size, stride, padding, lie(y), y.shape[1:])


def _give(width):
    load, splat = loader(width), splatter(width)

    @inlined
    def do(c, x, line, step, rows, columns, g, m, m_line, m_step):
        """m += g at the first of the window's largest x, for `width` channels. Each g is added only once."""
        best = load(x, c)
        for u in range(rows):
            for v in range(columns):
                best = larger(best, load(x, u * line + v * step + c))
        left, nothing = load(g, c), splat(np.float32(0))
        for u in range(rows):
            for v in range(columns):
                to, value = u * m_line + v * m_step + c, load(x, u * line + v * step + c)
                store(m, to, load(m, to) + where_equal(value, best, left, nothing))
                left = where_equal(value, best, nothing, left)
    return do


give = by_lanes(_give)


@parallel_kernel
def _back(bands, strips, width, x, lengths, size, stride, padding, g, out, m, z, gate, low, high):
    n, rows, columns, channels = out
    for unit in prange(n * bands * strips):
        image, rest = divmod(signed(unit), bands * strips)
        band, strip = divmod(rest, strips)
        c0, c1 = strip * width, min((strip + 1) * width, channels)
        first, last = band * rows // bands, (band + 1) * rows // bands
        top = 0 if band == 0 else stride[0] * first - padding[0]
        bottom = lengths[0] if band == bands - 1 else stride[0] * last - padding[0]
        for u in range(top, bottom):
            for v in range(lengths[1]):
                to = pixel(m, image, u, v)
                for c in range(c0, c1):
                    store(to, c, np.float32(0))
        for i in range(first, last):
            upper, lower = window(i, stride[0], size[0], padding[0], lengths[0])
            for j in range(columns):
                left, right = window(j, stride[1], size[1], padding[1], lengths[1])
                of, by, to = pixel(x, image, upper, left), pixel(g, image, i, j), pixel(m, image, upper, left)
                give(c0, c1, of, x[2], x[3], lower - upper, right - left, by, to, m[2], m[3])
        for u in range(top, bottom if z[0] != 0 or gate[0] != 0 else top):
            for v in range(lengths[1]):
                to = pixel(m, image, u, v)
                numbers(c0, c1, to, at(0), at(0), pixel(z, image, u, v), to, pixel(gate, image, u, v), low, high)


def back(x, g, m, z=NONE, gate=NONE, *, size, stride, padding=(0, 0), limits=ANY):
    """m = g at each window's first largest x in row-major order, summed where windows overlap.

    Then z is added. The result stays where low < gate < high, and becomes 0 elsewhere; limits = (low, high). z and gate may be
    left out.
    x, m, z, gate: (N, H, W, C), g: (N, Ho, Wo, C), with channels as neighbours in memory.
    """
    _check(x, g, size, stride, padding)
    if any(v.size and v.shape != x.shape for v in (m, z, gate)):
        raise ValueError(f"maps of shapes {[v.shape for v in (x, m, z, gate)]}")
    channels, threads = x.shape[3], numba.get_num_threads()
    if stride[0] >= size[0]:  # windows in different rows share no pixel, so every row is an independent unit
        bands, width = g.shape[1], channels
    else:
        bands, width = 1, max(1, channels // (W * threads)) * W
    _back(bands, -(-channels // width), width, lie(x), x.shape[1:3], size, stride, padding, lie(g), g.shape, lie(m), lie(z), lie(gate),
          *limits)
