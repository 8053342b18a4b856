"""The gradient of a convolution's weights: dw[u,v,c,k] = sum_{n,i,j} x[n, s i + u, s j + v, c] g[n,i,j,k], x with its padding.

For one row u of the kernel, (v, c) are kw C contiguous floats of x. They are the rows of a tile, which sums over pixels. The
bias is the weight of an input that is always 1, so its gradient is one more row, of a number that lies still.
"""

import numba
import numpy as np
from numba import prange

from tinyattr.kernels.buffers import address, demand, lie
from tinyattr.kernels.tile import ROWS, P, W, by_rows, sums
from tinyattr.kernels.vector import at, inlined, loader, parallel_kernel, shift, signed, splatter, store

NEAR = 65536  # floats of x and g that a thread uses at a time, so that they stay in its cache for all rows of the tile
ONE = np.ones(1, np.float32)


def _weights(width):
    load, splat = loader(width), splatter(width)

    def make(rows):
        tile = sums(rows, load)

        @inlined
        def do(first, x, x_line, x_step, g, g_line, g_step, lines, n, dw, columns):
            """dw[first + r] += a sum over n pixels in each of `lines` rows, one panel wide."""
            acc = tile(shift(x, first), (1, x_line, x_step), g, (g_line, g_step), lines, n, splat(np.float32(0)))
            for r in range(rows):
                to = (first + r) * columns
                store(dw, to, load(dw, to) + acc[r])
        return do
    return by_rows(make)


wide, narrow = _weights(P), _weights(W)


@parallel_kernel
def _add(threads, pictures, lengths, x, step, one, g, size, line, panels, width, near, dw):
    strips, columns = (line + ROWS - 1) // ROWS, panels * width
    units, weights = size * strips * panels, size * line * columns
    for thread in prange(threads):
        for image in range(pictures):
            for i in range(0, lengths[0], near):
                lines = min(near, lengths[0] - i)
                for unit in range(signed(thread), units + panels, threads):
                    u, rest = divmod(unit, strips * panels)
                    strip, p = rest // panels * ROWS, rest % panels * width
                    of, rows, x_line, x_step = at(x[0] + 4 * (image * x[1] + i * step[0] + u * x[2] + strip)), line - strip, *step
                    to = at(dw + 4 * ((u * line + strip) * columns + p))
                    if unit >= units:  # the bias
                        p = (unit - units) * width
                        of, to, rows, x_line, x_step = at(one), at(dw + 4 * (weights + p)), 1, 0, 0
                    by = at(g[0] + 4 * (image * g[1] + i * g[2] + p))
                    if width == P:
                        wide(min(ROWS, rows), of, x_line, x_step, by, g[2], g[3], lines, lengths[1], to, columns)
                    else:
                        narrow(min(ROWS, rows), of, x_line, x_step, by, g[2], g[3], lines, lengths[1], to, columns)


def weight_gradient(x, g, *, size, stride=(1, 1), corner=(0, 0)):
    """Return (dw, db) of shapes (kh, kw, C, K) and (K,).

    x: (N, H, W, C), a part of a buffer with its padding around it; corner, which may be negative, is where the first window
    starts. g: (N, Ho, Wo, K). The kernel also reads, and ignores, up to SLACK numbers after the last pixel of g.
    """
    (n, rows, columns, k), channels, (address_x, image, line, pixel) = g.shape, x.shape[3], lie(x)
    demand(len(x) == n and pixel == channels, f"pixels of {x.shape} are not neighbours, or there are not {n}")
    width = W if k < 2 * P and 0 < k % P <= W else P  # where a panel of P would be half empty
    dw = np.zeros((size[0] * size[1] * channels + 1, -(-k // width) * width), np.float32)
    near = max(1, NEAR // (columns * (channels * stride[0] * stride[1] + k)))
    first = address_x + 4 * (corner[0] * line + corner[1] * pixel), image, line
    _add(numba.get_num_threads(), n, (rows, columns), first, (stride[0] * line, stride[1] * pixel), address(ONE), lie(g), size[0],
         size[1] * channels, dw.shape[1] // width, width, near, address(dw))
    return np.ascontiguousarray(dw[:-1, :k]).reshape(*size, channels, k), dw[-1, :k].copy()
