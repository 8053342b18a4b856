"""Convolution 3 x 3, stride 1, padding 1 by Winograd's F(4 x 4, 3 x 3): 36 products for 16 outputs instead of 144.

Y = A^T [ sum_c (G w_c G^T) * (B^T d_c B) ] A, where d is a 6 x 6 piece of the input and * is elementwise. The matrices use the
points 0, 1, -1, 1/2, -2 and infinity (the leading coefficient). With the usual points (2 instead of 1/2), rounding errors are
larger: usually 1.2 to 1.6 times, at most 3.6 times.
"""

import numba
import numpy as np
from numba import prange

from tinyattr.engine.arrays import sealed
from tinyattr.kernels.buffers import NONE, demand, lie, line_aligned, read, scratch, written
from tinyattr.kernels.pointwise import ANY, pixel
from tinyattr.kernels.tile import P, W, by_rows, load, load_panel, splat_panel
from tinyattr.kernels.vector import (across, finisher, inlined, outer, parallel_kernel, pointer, prefetch, repeater, row_loader,
                                     shift, signed, store, store_rows)

GAP = 16  # floats between the 36 planes (i, j) of a scratch array: without this gap, they would share a few sets of the cache
LEAST = 8  # tiles; for fewer, reading the transformed weights, which are four times as large, takes longer than all products
MANY = 60  # tiles; from here on, the memory of transformed weights counts more than the time to make them again
BLOCK, CHUNK = 24, 256  # tiles that one thread takes at a time, and that all threads take at a time
FUSED = 16384  # largest C K for which the transformed weights stay in the cache from block to block

load_three, load_six, finished = row_loader(3, W), row_loader(6, W), finisher(W)


@inlined
def weight_line(w):
    """G w."""
    w0, w1, w2 = w
    third, fifteenth = np.float32(1 / 3), np.float32(1 / 15)
    even, odd = third * (w0 + w2), third * w1
    return (w0,
            even + odd,
            odd - even,
            np.float32(-16 / 15) * (w0 + np.float32(0.5) * w1 + np.float32(0.25) * w2),
            fifteenth * (w0 - np.float32(2) * w1 + np.float32(4) * w2),
            w2)


@inlined
def input_line(d):
    """B^T d."""
    d0, d1, d2, d3, d4, d5 = d
    half, two = np.float32(0.5), np.float32(2)
    return (d0 + np.float32(1.5) * (d3 - d1) - two * d2 + d4,
            d4 - d1 + half * d2 + np.float32(2.5) * d3,
            d4 + d1 - np.float32(2.5) * d2 + half * d3,
            d4 - d2 + two * (d3 - d1),
            d4 - d2 + half * (d1 - d3),
            d1 + np.float32(1.5) * (d4 - d2) - two * d3 + d5)


@inlined
def output_line(m):
    """A^T m."""
    m0, m1, m2, m3, m4, m5 = m
    plus, minus = m1 + m2, m1 - m2
    return (m0 + plus + m3 + m4,
            minus + np.float32(0.5) * m3 - np.float32(2) * m4,
            plus + np.float32(0.25) * m3 + np.float32(4) * m4,
            minus + np.float32(0.125) * m3 - np.float32(8) * m4 + m5)


@parallel_kernel
def _transform_weights(w, u):
    """u[6 i + j, panel, c, :] = (G w_c G^T)[i, j]. w: (3, 3, C, K), u: (36, panels, C, P), unwritten beyond K."""
    _, _, channels, outputs = w.shape
    plane, tap = u.shape[1] * channels * P, channels * outputs
    for unit in prange(channels):
        c = signed(unit)
        for k in range(0, outputs, W):
            p, to = pointer(w, c * outputs + k), pointer(u, (k // P * channels + c) * P + k % P)
            r0, r1, r2, r3, r4, r5 = across((
                weight_line(load_three(p, 3 * tap)),
                weight_line(load_three(shift(p, tap), 3 * tap)),
                weight_line(load_three(shift(p, 2 * tap), 3 * tap))))
            store_rows(to, plane, weight_line(r0))
            store_rows(shift(to, 6 * plane), plane, weight_line(r1))
            store_rows(shift(to, 12 * plane), plane, weight_line(r2))
            store_rows(shift(to, 18 * plane), plane, weight_line(r3))
            store_rows(shift(to, 24 * plane), plane, weight_line(r4))
            store_rows(shift(to, 30 * plane), plane, weight_line(r5))


@inlined
def place_of(tile, shape):
    """Return (image, i, j) of a tile's first pixel, for buffers of this shape (N, H + 2, W + 2, C)."""
    down, along = (shape[1] + 1) // 4, (shape[2] + 1) // 4
    image, place = divmod(tile, along * down)
    return image, 4 * (place // along), 4 * (place % along)


@inlined
def load_column(p, rows):
    """Load six pixels of one column."""
    r0, r1, r2, r3, r4, r5 = rows
    return load(p, r0), load(p, r1), load(p, r2), load(p, r3), load(p, r4), load(p, r5)


@inlined
def transform_input(x, shape, tile, v, plane):
    """v[6 i + j] = (B^T d B)[i, j], for all channels of one tile. x: (N, H + 2, W + 2, C).

    A tile that goes beyond the edge reads the zeros of the border again.
    """
    _, height, width, channels = shape
    line = width * channels
    image, i, j = place_of(tile, shape)
    top, last = image * height * line, height - 1
    rows = (top + i * line, top + (i + 1) * line, top + (i + 2) * line,
            top + min(i + 3, last) * line, top + min(i + 4, last) * line, top + min(i + 5, last) * line)
    j3, j4, j5 = min(j + 3, width - 1), min(j + 4, width - 1), min(j + 5, width - 1)
    for c in range(0, channels, W):
        r0, r1, r2, r3, r4, r5 = across((
            input_line(load_column(shift(x, j * channels + c), rows)),
            input_line(load_column(shift(x, (j + 1) * channels + c), rows)),
            input_line(load_column(shift(x, (j + 2) * channels + c), rows)),
            input_line(load_column(shift(x, j3 * channels + c), rows)),
            input_line(load_column(shift(x, j4 * channels + c), rows)),
            input_line(load_column(shift(x, j5 * channels + c), rows))))
        to = shift(v, c)
        store_rows(to, plane, input_line(r0))
        store_rows(shift(to, 6 * plane), plane, input_line(r1))
        store_rows(shift(to, 12 * plane), plane, input_line(r2))
        store_rows(shift(to, 18 * plane), plane, input_line(r3))
        store_rows(shift(to, 24 * plane), plane, input_line(r4))
        store_rows(shift(to, 30 * plane), plane, input_line(r5))


def _product(early):
    def make(rows):
        repeat = repeater(rows)

        @inlined
        def do(first, count, v, u, channels, m, m_row):
            """m[first + r] = sum_c v[first + r, c] u[c], one panel wide. early: ask for this tile's share of the next panel."""
            acc, soon, hop = repeat(splat_panel(np.float32(0))), channels * (P + first * P // count), rows * P // count
            for c in range(channels):
                if early:
                    prefetch(u, soon)
                    soon += hop
                acc = outer(acc, v, first * channels + c, channels, load_panel(u, c * P))
            store_rows(shift(m, first * m_row), m_row, acc)
        return do
    return by_rows(make)


product, early_product = _product(early=False), _product(early=True)


@inlined
def put_column(column, bias, y, y_line, end, at, line, rows):
    """Finish four pixels of one column, or the first `rows` of them, with end = (z, gate, low, high), and store them at y."""
    v0, v1, v2, v3 = column
    store(y, 0, finished(v0 + bias, at, *end))
    if rows > 1:
        store(y, y_line, finished(v1 + bias, at + line, *end))
    if rows > 2:
        store(y, 2 * y_line, finished(v2 + bias, at + 2 * line, *end))
    if rows > 3:
        store(y, 3 * y_line, finished(v3 + bias, at + 3 * line, *end))


@inlined
def transform_output(m, plane, bias, tile, shape, y, end):
    """A^T m A + bias for all channels of one tile. Its 4 x 4 pixels are cut at the edge. shape: (N, H + 2, W + 2, K)."""
    _, height, width, channels = shape
    line = width * channels
    image, i, j = place_of(tile, shape)
    rows, columns = height - 2 - i, width - 2 - j
    first = (image * height + i + 1) * line + (j + 1) * channels
    for k in range(0, channels, W):
        p, b, at, to = shift(m, k), load(bias, k), first + k, pixel(y, image, i, j, k)
        c0, c1, c2, c3 = across((
            output_line(load_six(p, plane)),
            output_line(load_six(shift(p, 6 * plane), plane)),
            output_line(load_six(shift(p, 12 * plane), plane)),
            output_line(load_six(shift(p, 18 * plane), plane)),
            output_line(load_six(shift(p, 24 * plane), plane)),
            output_line(load_six(shift(p, 30 * plane), plane))))
        put_column(output_line(c0), b, to, y[2], end, at, line, rows)
        if columns > 1:
            put_column(output_line(c1), b, shift(to, y[3]), y[2], end, at + channels, line, rows)
        if columns > 2:
            put_column(output_line(c2), b, shift(to, 2 * y[3]), y[2], end, at + 2 * channels, line, rows)
        if columns > 3:
            put_column(output_line(c3), b, shift(to, 3 * y[3]), y[2], end, at + 3 * channels, line, rows)


@parallel_kernel
def _fused(x, u, bias, y, z, gate, limits, shape, tiles, block, v, m):
    """Each thread does all three steps for a block of tiles in its own scratch array, which stays in its cache."""
    channels, panels, threads, v_plane, m_plane = x.shape[3], u.shape[1], v.shape[0], v.shape[2], m.shape[2]
    for unit in prange(threads):
        thread = signed(unit)
        own_v, own_m = pointer(v, thread * 36 * v_plane), pointer(m, thread * 36 * m_plane)
        end = pointer(z, 0), pointer(gate, 0), limits[0], limits[1]
        own_end = (thread + 1) * tiles // threads
        for first in range(thread * tiles // threads, own_end, block):
            count = min(block, own_end - first)
            for i in range(count):
                transform_input(pointer(x, 0), x.shape, first + i, shift(own_v, i * channels), v_plane)
            for e in range(36):
                for p in range(panels):
                    weights = pointer(u, (e * panels + p) * channels * P)
                    product(count, count, shift(own_v, e * v_plane), weights, channels, shift(own_m, e * m_plane + p * P), panels * P)
            for i in range(count):
                transform_output(shift(own_m, i * panels * P), m_plane, pointer(bias, 0), first + i, shape, y, end)


@parallel_kernel
def _phased(x, u, bias, y, z, gate, limits, shape, tiles, block, v, m):
    """All threads do each step together, so that the transformed weights are read once for many tiles."""
    channels, panels, v_plane, m_plane = x.shape[3], u.shape[1], v.shape[2], m.shape[2]
    for first in range(0, tiles, block):
        count = min(block, tiles - first)
        for unit in prange(count):
            i = signed(unit)
            transform_input(pointer(x, 0), x.shape, first + i, pointer(v, i * channels), v_plane)
        for unit in prange(36 * panels):
            e, p = divmod(signed(unit), panels)
            weights = pointer(u, (e * panels + p) * channels * P)
            early_product(count, count, pointer(v, e * v_plane), weights, channels, pointer(m, e * m_plane + p * P), panels * P)
        for unit in prange(count):
            i, end = signed(unit), (pointer(z, 0), pointer(gate, 0), limits[0], limits[1])
            transform_output(pointer(m, i * panels * P), m_plane, pointer(bias, 0), first + i, shape, y, end)


def fits(c, k):
    """Return True if `convolve` supports these numbers of channels, in and out: both must fill whole registers."""
    return c % W == 0 and k % W == 0


def transform(w, new=line_aligned):
    """Return the weights for `convolve`, which are four times as large. (3, 3, C, K) -> (36, panels, C, P). new(size): memory."""
    size, (c, k) = w.shape[:2], w.shape[2:]
    demand(size == (3, 3) and fits(c, k), f"Winograd's kernels are (3, 3, C, K), C and K multiples of {W}, not {w.shape}")
    u = new(36 * -(-k // P) * c * P).reshape(36, -1, c, P)
    _transform_weights(read(w), u)
    return u


def turned(w):
    """Return the kernel of the way back: rotated by 180 degrees, with in and out exchanged. (3, 3, C, K) -> (3, 3, K, C)."""
    return sealed(np.ascontiguousarray(w[::-1, ::-1].transpose(0, 1, 3, 2)))


def convolve(x, u, bias, y, z=NONE, gate=NONE, limits=ANY):
    """y[n,i,j,k] = bias[k] + sum_{r,s,c} x[n,i+r,j+s,c] w[r,s,c,k]. The argument u is transform(w).

    Then z is added. limits = (low, high). Without a gate, the result is clipped to the limits. With a gate, the result stays
    where low < gate < high, and becomes 0 elsewhere. z and gate may be left out.
    x: (N, H + 2, W + 2, C), z, gate: (N, H + 2, W + 2, K), each with a border of zeros. Channels fill whole registers (`fits`).
    y: (N, H, W, K), the output. It may be a part of a larger array, but its channels must be neighbours in memory.
    """
    n, height, width, channels = x.shape
    shape, panels = (n, height, width, bias.size), -(-bias.size // P)
    demand(u.shape == (36, panels, channels, P), f"weights {u.shape} do not lead from {channels} channels to {bias.size}")
    demand(y.shape == (n, height - 2, width - 2, bias.size), f"an output has shape {y.shape}")
    z, gate = written(z, gate, shape=shape)
    x, u, bias, z, gate = read(x), read(u), read(bias), read(z), read(gate)
    tiles, threads = n * ((height + 1) // 4) * ((width + 1) // 4), numba.get_num_threads()
    fused = channels * panels * P <= FUSED and tiles >= threads * BLOCK
    block, copies = (BLOCK, threads) if fused else (min(CHUNK, tiles), 1)
    v, m = scratch((copies, 36, block * channels + GAP), (copies, 36, block * panels * P + GAP))
    (_fused if fused else _phased)(x, u, bias, lie(y), z, gate, limits, shape, tiles, block, v, m)
