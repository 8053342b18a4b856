"""The gradient of a convolution's weights: dw[u,v,c,k] = sum_{n,i,j} x[n, s i + u, s j + v, c] g[n,i,j,k], x with its padding.

For one row u of the kernel, (v, c) are kw C contiguous floats of x. They are the rows of a tile, which sums over pixels, and
the outputs k are its columns. If there are few outputs, (v, c) are the columns, and k the rows: then fewer columns are empty.
The bias is the weight of an input that is always 1, so its gradient is one more row, of a number that lies still.
"""

import numba
import numpy as np
from numba import prange

from tinyattr.kernels.buffers import address, demand, lie
from tinyattr.kernels.tile import ROWS, P, W, by_rows, panels_for, sums
from tinyattr.kernels.vector import at, inlined, loader, parallel_kernel, shift, signed, splatter, store

NEAR = 65536  # floats of x and g that a thread uses at a time, so that they stay in its cache for all rows of the tile
PARTS, SMALL = 8, 16384  # up to SMALL weights have PARTS partial sums, for any number of threads, which share the pixels
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
def _add(threads, pictures, lengths, x, g, one, turned, size, rows, panels, width, biases, near, parts, part_floats, dw):
    """dw[part, u rows + r, c] += sum_{n,i,j} a[r] b[c], a, b = x, g or, turned, g, x; behind them dw[part, ...] += sum_{n,i,j} g.

    x, g: (address, and in floats the distances of pictures, lines, pixels and rows u of the kernel).
    """
    strips, columns, blocks = (rows + ROWS - 1) // ROWS, panels * width, (lengths[0] + near - 1) // near
    (a, b), units, weights = (g, x) if turned else (x, g), size * strips * panels, size * rows * columns
    for unit_of_thread in prange(threads):
        thread = signed(unit_of_thread)
        first, step = (0, 1) if parts > 1 else (thread, threads)  # threads share the parts, or the units
        for block in range(pictures * blocks):
            part = block % parts
            if parts == 1 or part % threads == thread:
                image, i = block // blocks, block % blocks * near
                lines, own = min(near, lengths[0] - i), dw + 4 * part * part_floats
                for unit in range(first, units + biases, step):
                    if unit >= units:
                        p = (unit - units) * W
                        by, to = at(g[0] + 4 * (image * g[1] + i * g[2] + p)), at(own + 4 * (weights + p))
                        narrow(1, at(one), 0, 0, by, g[2], g[3], lines, lengths[1], to, 0)
                        continue
                    u, rest = divmod(unit, strips * panels)
                    strip, p = rest // panels * ROWS, rest % panels * width
                    of = at(a[0] + 4 * (image * a[1] + i * a[2] + u * a[4] + strip))
                    by = at(b[0] + 4 * (image * b[1] + i * b[2] + u * b[4] + p))
                    to, count = at(own + 4 * ((u * rows + strip) * columns + p)), min(ROWS, rows - strip)
                    if width == P:
                        wide(count, of, a[2], a[3], by, b[2], b[3], lines, lengths[1], to, columns)
                    else:
                        narrow(count, of, a[2], a[3], by, b[2], b[3], lines, lengths[1], to, columns)


def weight_gradient(x, g, *, size, stride=(1, 1), corner=(0, 0)):
    """Return (dw, db) of shapes (kh, kw, C, K) and (K,).

    x: (N, H, W, C), a part of a buffer with its padding around it; corner, which may be negative, is where the first window
    starts. g: (N, Ho, Wo, K). The kernel also reads, and ignores, up to SLACK numbers after the last pixel of x and of g.
    """
    (n, rows, columns, k), channels, (address_x, image, line, pixel) = g.shape, x.shape[3], lie(x)
    demand(len(x) == n and pixel == channels, f"pixels of {x.shape} are not neighbours, or there are not {n}")
    window = size[1] * channels
    work = [-(-r // ROWS) * np.prod(panels_for(c)) for r, c in ((window, k), (k, window))]
    turned = bool(work[1] < work[0] and window <= P)
    r, (number, width) = (k, panels_for(window)) if turned else (window, panels_for(k))
    weights, biases = size[0] * r * number * width, -(-k // W)
    dw = np.zeros((PARTS if weights <= SMALL else 1, weights + biases * W), np.float32)
    of_x = address_x + 4 * (corner[0] * line + corner[1] * pixel), image, stride[0] * line, stride[1] * pixel, line
    blocks = -(-rows // max(1, NEAR // (columns * (channels * stride[0] * stride[1] + k))))
    near = -(-rows // blocks)  # lines of a block: about the same number in all
    _add(numba.get_num_threads(), n, (rows, columns), of_x, (*lie(g), 0), address(ONE), turned, size[0], r, number, width, biases, near,
         *dw.shape, address(dw))
    dw = dw.sum(0) if len(dw) > 1 else dw[0]
    kernel = dw[:weights].reshape(size[0], r, number * width)
    kernel = kernel[:, :, :window].swapaxes(1, 2) if turned else kernel[:, :, :k]
    return np.ascontiguousarray(kernel).reshape(*size, channels, k), dw[weights:weights + k].copy()
