"""The way back through a convolution with few input channels, such as a picture's three, where panels would be nearly empty.

We treat columns of the kernel as channels, q[s i + u - p, j, (v,c)] = sum_{i,u,k} g[i,j,k] w[u,v,c,k]: the way back through a
kernel of one column. Then we add neighbours along the lines, m[i, s j + v - p, c] = sum_v q[i, j, (v,c)].
"""

from numba import prange

from tinyattr.kernels import direct
from tinyattr.kernels.buffers import inside, recycled
from tinyattr.kernels.tile import P
from tinyattr.kernels.vector import parallel_kernel, signed


def fits(kernel_width, channels, outputs):
    """Return True if a panel for each column would be nearly empty, and all columns fit into one panel."""
    return kernel_width > 1 and channels < 8 <= outputs and kernel_width * channels <= P


@parallel_kernel
def _fold(q, kw, stride, padding, m):
    n, height, width, channels = m.shape
    for unit in prange(n * height):
        image, i = divmod(signed(unit), height)
        m[image, i] = 0
        for j in range(q.shape[2]):
            first = j * stride - padding
            for v in range(max(0, -first), min(kw, width - first)):
                for c in range(channels):
                    m[image, i, first + v, c] += q[image, i, j, v * channels + c]


def pack_back(w, stride=(1, 1)):
    """Return packed weights of a kernel of one column. Its input channels are the columns and channels of w."""
    return direct.pack_back(w.reshape(len(w), 1, -1, w.shape[3]), (stride[0], 1))


def back(g, parts, m, *, size, stride=(1, 1), padding=(0, 0)):
    """m[n, s i + u - p, s j + v - p, c] = sum_{i,j,u,v,k} g[n,i,j,k] w[u,v,c,k], parts = pack_back(w, stride).

    g: (N, Ho, Wo, K) with enough zeros above and below it (direct.edge); m: (N, H, W, C).
    """
    buffer = recycled(len(m), m.shape[1] + 2, g.shape[2] + 2, size[1] * m.shape[3])
    q = inside(buffer)
    direct.back(g, parts, q, stride=(stride[0], 1), padding=(padding[0], 0))
    _fold(q, size[1], stride[1], padding[1], m)
