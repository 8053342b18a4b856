"""The way back through a convolution with few input channels, the picture's three: panels of three columns would be wasted.

The kernel's columns become columns of the panel, q[i,j,v,c] = sum_{u,k} g[n, i + p - u, j, k] w[u,v,c,k]; what is left is to
add kw neighbours, m[i,j,c] = sum_v q[i, j + p - v, v, c].
"""

import numpy as np
from numba import prange

from tinyattr.kernels.buffers import demand, read, written
from tinyattr.kernels.tile import by_rows, sums
from tinyattr.kernels.vector import (
    inlined,
    loader,
    parallel_kernel,
    pointer,
    shift,
    signed,
    splatter,
    store_rows,
)

NARROW = 16  # columns of the panel here: three columns of the kernel, three channels
load_narrow, splat_narrow = loader(NARROW), splatter(NARROW)


def fits(kernel_width, channels):
    """Do kw C columns fit into one panel?"""
    return kernel_width * channels <= NARROW


def _pixels(rows):
    tile = sums(rows, load_narrow)

    @inlined
    def do(first, g, k, g_line, lines, w, q):
        """q[first + r] = sum over `lines` rows of g and their k channels, one panel wide."""
        acc = tile(shift(g, first * k), (k, g_line, 1), w, (k * NARROW, NARROW), lines, k, splat_narrow(np.float32(0)))
        store_rows(shift(q, first * NARROW), NARROW, acc)
    return do


pixels = by_rows(_pixels)


@parallel_kernel
def _back(g, w, size, padding, m, g_border, m_border):
    n, g_height, g_width, k = g.shape
    _, m_height, m_width, channels = m.shape
    lines, kw = size
    width, g_inner = m_width - 2 * m_border, g_width - 2 * g_border
    height = m_height - 2 * m_border
    for unit in prange(n * height):
        image, i = divmod(signed(unit), height)
        q = np.empty((g_inner, NARROW), np.float32)
        top = image * g_height + i + padding[0] - lines + 1 + g_border
        pixels(g_inner, pointer(g, (top * g_width + g_border) * k), k, g_width * k, lines, pointer(w, 0), pointer(q, 0))
        line = m[image, m_border + i]
        line[m_border:m_border + width] = 0
        for v in range(kw):
            for j in range(max(0, v - padding[1]), min(width, g_inner + v - padding[1])):
                for c in range(channels):
                    line[m_border + j, c] += q[j + padding[1] - v, v * channels + c]


def pack_back(w):
    """(kh, kw, C, K) -> (kh K, NARROW): rows of the kernel from below, v and c as columns."""
    kh, kw, c, k = w.shape
    full = np.zeros((kh * k, NARROW), np.float32)
    full[:, :kw * c] = w[::-1].transpose(0, 3, 1, 2).reshape(kh * k, kw * c)
    return full


def back(g, w, m, *, size, padding=(0, 0), g_border=1, border=1):
    """m[n, i + u - p, j + v - p, c] = sum_{i,j,u,v,k} g[n,i,j,k] w[u,v,c,k], w = pack_back(w), stride 1.

    g: (N, Ho + 2 g_border, Wo + 2 g_border, K) with g_border >= kh - 1 - p, p; m: (N, H + 2 border, W + 2 border, C).
    """
    height, width = m.shape[1] - 2 * border, m.shape[2] - 2 * border
    out = (height + 2 * padding[0] - size[0] + 1, width + 2 * padding[1] - size[1] + 1)
    shape = (len(m), out[0] + 2 * g_border, out[1] + 2 * g_border, g.shape[3])
    demand(g.shape == shape and g_border >= max(padding[0], size[0] - 1 - padding[0]), f"g has shape {g.shape}, not {shape}")
    demand(w.shape == (size[0] * g.shape[3], NARROW) and fits(size[1], m.shape[3]), f"weights of shape {w.shape}")
    written(m, shape=m.shape)
    _back(read(g), read(w), size, padding, m, g_border, border)
