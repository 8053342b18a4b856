"""What is done to every number by itself: one pass over maps, y = s x + t + z, cut to limits or let pass by a gate.

Whatever is not given falls away, so that one kernel is ReLU and clip, their way back (x is the signal, the gate says where it
passes), batch normalisation with its ReLU (s and t, for each channel), its way back (s alone), addition, and copying maps
into a place that is ready for them: a border of zeros, or their channels of a concatenation.
"""

import numpy as np
from numba import prange

from tinyattr.kernels.buffers import NONE, address, lie, read
from tinyattr.kernels.tile import by_lanes
from tinyattr.kernels.vector import at, finisher, given, inlined, loader, parallel_kernel, signed, store


def _numbers(width):
    load, finished = loader(width), finisher(width)

    @inlined
    def do(c, x, s, t, z, y, gate, low, high):
        """`width` numbers, from c on."""
        v = load(x, c)
        if given(s):
            v = load(s, c) * v
        if given(t):
            v = v + load(t, c)
        store(y, c, finished(v, c, z, gate, low, high))
    return do


numbers = by_lanes(_numbers)
ANY = -np.inf, np.inf  # limits that cut nothing


@inlined
def pixel(maps, image, i, j, k=0):
    """The pointer to channel k of a pixel; null for maps that are not given."""
    return at(maps[0] + (maps[0] != 0) * 4 * (image * maps[1] + i * maps[2] + j * maps[3] + k))


@parallel_kernel
def _pass(n, shape, x, z, y, gate, s, t, low, high):
    rows, columns, channels = shape
    for unit in prange(n * rows):
        image, i = divmod(signed(unit), rows)
        for j in range(columns):
            at_x, at_z = pixel(x, image, i, j), pixel(z, image, i, j)
            at_y, at_gate = pixel(y, image, i, j), pixel(gate, image, i, j)
            numbers(0, channels, at_x, at(s), at(t), at_z, at_y, at_gate, low, high)


def one_pass(x, y, *, scale=NONE, shift=NONE, z=NONE, gate=NONE, limits=ANY):
    """y = scale x + shift + z between the limits (low, high); with a gate, y = this where low < gate < high, else 0.

    All are maps (N, H, W, C) whose channels lie side by side; scale and shift are (C,). What is left out falls away.
    """
    if any(v.size and v.shape != x.shape for v in (y, z, gate)) or any(v.size not in (0, x.shape[3]) for v in (scale, shift)):
        raise ValueError(f"maps of shapes {[v.shape for v in (x, y, z, gate)]}, numbers {scale.shape}, {shift.shape}")
    s, t = read(scale), read(shift)
    places, (n, rows, columns, channels) = [lie(v) for v in (x, z, y, gate)], x.shape
    if s.size == t.size == 0 and all(p[3] in (0, channels) for p in places):  # every line is one long run of numbers
        columns, channels = 1, columns * channels
    _pass(n, (rows, columns, channels), *places, address(s) if s.size else 0, address(t) if t.size else 0, *limits)
