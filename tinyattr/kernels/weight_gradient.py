"""The gradient of a convolution's weights: dw[u,v,c,k] = sum_{n,i,j} x[n, s i + u, s j + v, c] g[n,i,j,k], x with its padding.

For one row u of the kernel, (v, c) are kw C contiguous floats of x. They are the rows of a tile, which sums over pixels.
"""

import numba
import numpy as np
from numba import prange

from tinyattr.kernels.buffers import demand, read
from tinyattr.kernels.tile import ROWS, P, by_rows, load_panel, splat_panel, sums
from tinyattr.kernels.vector import inlined, parallel_kernel, pointer, shift, signed, store

NEAR = 65536  # floats of x and g that a thread uses at a time, so that they stay in its cache for all rows of the tile


def _weights(rows):
    tile = sums(rows)

    @inlined
    def do(first, x, x_line, x_step, g, g_line, g_step, lines, n, dw, columns):
        """dw[first + r] += a sum over n pixels in each of `lines` rows, one panel wide."""
        acc = tile(shift(x, first), (1, x_line, x_step), g, (g_line, g_step), lines, n, splat_panel(np.float32(0)))
        for r in range(rows):
            at = (first + r) * columns
            store(dw, at, load_panel(dw, at) + acc[r])
    return do


weights = by_rows(_weights)


@parallel_kernel
def _add(x, corner, stride, g, size, near, dw, threads):
    _, x_height, x_width, channels = x.shape
    n, rows, width, columns = g.shape
    line, panels = size[1] * channels, columns // P
    strips = (line + ROWS - 1) // ROWS
    for thread in prange(threads):
        for image in range(n):
            for i in range(0, rows, near):
                for unit in range(signed(thread), size[0] * strips * panels, threads):
                    u, rest = divmod(unit, strips * panels)
                    strip, p = rest // panels * ROWS, rest % panels * P
                    x_at = ((image * x_height + corner[0] + i * stride[0] + u) * x_width + corner[1]) * channels + strip
                    weights(min(ROWS, line - strip), pointer(x, x_at), stride[0] * x_width * channels, stride[1] * channels,
                            pointer(g, (image * rows + i) * width * columns + p), width * columns, columns, min(near, rows - i),
                            width, pointer(dw, (u * line + strip) * columns + p), columns)


def weight_gradient(x, g, *, size, stride=(1, 1), corner=(0, 0)):
    """Return (dw, db) of shapes (kh, kw, C, K) and (K,). x: (N, ...) with its padding; corner: start of the first window.

    g: (N, Ho, Wo, K). Channels that do not fill a panel are copied and followed by zeros.
    """
    k, channels = g.shape[3], x.shape[3]
    demand(len(g) == len(x) and all(c >= 0 and c + s * (o - 1) + k <= length for c, s, o, k, length in zip(
        corner, stride, g.shape[1:3], size, x.shape[1:3], strict=True)), f"windows of {g.shape} do not lie within {x.shape}")
    full = read(np.pad(g, ((0, 0), (0, 0), (0, 0), (0, -k % P))) if k % P else g)
    dw = np.zeros((*size, channels, full.shape[3]), np.float32)
    near = max(1, NEAR // (g.shape[2] * (channels * stride[0] * stride[1] + full.shape[3])))
    _add(read(x), corner, stride, full, size, near, dw, numba.get_num_threads())
    return np.ascontiguousarray(dw[..., :k]), g.sum(2).sum(1).sum(0)
