"""Max-pooling. All loops end in one over the channels, which lie side by side."""

import numpy as np
from numba import prange

from tinyattr.kernels.buffers import NONE, demand, read, written
from tinyattr.kernels.tile import W
from tinyattr.kernels.vector import (
    gated,
    inlined,
    larger,
    loader,
    parallel_kernel,
    pointer,
    signed,
    splatter,
    store,
    where_equal,
)

STRIP = 64  # channels that one unit of work takes where windows overlap


def _check(x, y, size, stride, x_border, border):
    """Every window must start inside."""
    starts = [s * (length - 2 * border - 1) for s, length in zip(stride, y.shape[1:3], strict=True)]
    fine = all(start < length - 2 * x_border for start, length in zip(starts, x.shape[1:3], strict=True)) and min(size) > 0
    demand(fine and (len(y), y.shape[3]) == (len(x), x.shape[3]), f"windows {size}, stride {stride}: {x.shape} to {y.shape}")


@parallel_kernel
def _forward(x, size, stride, y, x_border, y_border):
    n, x_height, x_width, channels = x.shape
    rows, columns = y.shape[1] - 2 * y_border, y.shape[2] - 2 * y_border
    for unit in prange(n * rows):
        image, i = divmod(signed(unit), rows)
        top, bottom = stride[0] * i + x_border, min(stride[0] * i + size[0] + x_border, x_height - x_border)
        for j in range(columns):
            left, right = stride[1] * j + x_border, min(stride[1] * j + size[1] + x_border, x_width - x_border)
            best = y[image, i + y_border, j + y_border]
            for c in range(channels):
                best[c] = x[image, top, left, c]
            for u in range(top, bottom):
                for v in range(left, right):
                    pixel = x[image, u, v]
                    for c in range(channels):
                        best[c] = pixel[c] if pixel[c] > best[c] or pixel[c] != pixel[c] else best[c]


def forward(x, y, *, size, stride, x_border=1, border=1):
    """y[n,i,j,c] = the largest x in window (i, j), which is cut where it hangs over the edge. A NaN is the largest of all.

    x: (N, H + 2 x_border, W + 2 x_border, C), y: (N, Ho + 2 border, Wo + 2 border, C).
    """
    _check(x, y, size, stride, x_border, border)
    written(y, shape=y.shape)
    _forward(read(x), size, stride, y, x_border, border)


def _window(width):
    load, splat = loader(width), splatter(width)

    @inlined
    def do(x, line, step, rows, columns, g, m):
        """m += g at the first of the window's largest x, for `width` channels. What was given away is not given twice."""
        best = load(x, 0)
        for u in range(rows):
            for v in range(columns):
                best = larger(best, load(x, u * line + v * step))
        left, nothing = load(g, 0), splat(np.float32(0))
        for u in range(rows):
            for v in range(columns):
                at = u * line + v * step
                value = load(x, at)
                store(m, at, load(m, at) + where_equal(value, best, left, nothing))
                left = where_equal(value, best, nothing, left)
    return do


def _mask(width):
    load = loader(width)

    @inlined
    def do(x, m, masked):
        store(masked, 0, gated(load(m, 0), load(x, 0)))
    return do


windows, window = _window(W), _window(1)
masks, mask = _mask(W), _mask(1)


@parallel_kernel
def _back(x, g, size, stride, m, masked, x_border, g_border):
    n, x_height, x_width, channels = x.shape
    _, g_height, g_width, _ = g.shape
    rows, columns = g_height - 2 * g_border, g_width - 2 * g_border
    apart = stride[0] >= size[0]  # windows above each other share no pixel: every row of them is a unit of its own
    bands, strips = (rows, 1) if apart else (1, (channels + STRIP - 1) // STRIP)
    line = x_width * channels
    for unit in prange(n * bands * strips):
        image, rest = divmod(signed(unit), bands * strips)
        band, strip = divmod(rest, strips)
        first, last = (band, band + 1) if apart else (0, rows)
        c0, c1 = (0, channels) if apart else (strip * STRIP, min((strip + 1) * STRIP, channels))
        whole = c1 - (c1 - c0) % W
        top = x_border + stride[0] * first
        bottom = x_height - x_border if last == rows else x_border + stride[0] * last
        m[image, top:bottom, x_border:x_width - x_border, c0:c1] = 0
        for i in range(first, last):
            u = x_border + stride[0] * i
            height = min(size[0], x_height - x_border - u)
            for j in range(columns):
                v = x_border + stride[1] * j
                width = min(size[1], x_width - x_border - v)
                x_at = (image * x_height + u) * line + v * channels
                g_at = ((image * g_height + i + g_border) * g_width + j + g_border) * channels
                for c in range(c0, whole, W):
                    windows(pointer(x, x_at + c), line, channels, height, width, pointer(g, g_at + c), pointer(m, x_at + c))
                for c in range(whole, c1):
                    window(pointer(x, x_at + c), line, channels, height, width, pointer(g, g_at + c), pointer(m, x_at + c))
        if masked.size:
            for u in range(top, bottom):
                for v in range(x_border, x_width - x_border):
                    at = (image * x_height + u) * line + v * channels
                    for c in range(c0, whole, W):
                        masks(pointer(x, at + c), pointer(m, at + c), pointer(masked, at + c))
                    for c in range(whole, c1):
                        mask(pointer(x, at + c), pointer(m, at + c), pointer(masked, at + c))


def back(x, g, m, masked=NONE, *, size, stride, x_border=1, border=1):
    """m = g at each window's first largest x in row-major order, summed where windows overlap; masked = m where x > 0, else 0.

    x, m, masked: (N, H + 2 x_border, W + 2 x_border, C), g: (N, Ho + 2 border, Wo + 2 border, C). masked may be left out.
    """
    _check(x, g, size, stride, x_border, border)
    written(m, masked, shape=x.shape)
    _back(read(x), read(g), size, stride, m, masked, x_border, border)
