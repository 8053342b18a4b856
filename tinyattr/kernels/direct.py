"""Direct convolution: any kernel, stride, padding, dilation and groups, in tiles of outputs that stay in registers.

The window of an output pixel is read line by line. One line has kw pixels of C channels: kw C floats, side by side in memory.
So a convolution is a matrix product: each row is a pixel's window, and the weights are cut into panels of columns. ROWS pixels
in reading order make a tile; a tile may go on in the next line:

        pixel  0  |  window's kh lines x kw C floats  |     | w |     | y[0] |
        pixel  1  |  ...                              |  x  | : |  =  | y[1] |       a panel: `width` output channels
        ...                                                              ...

All calls are this one loop; only addresses and distances differ. A 1 x 1 kernel needs no border, so it reads maps without a copy. A dilated or
grouped one reads the pixels of a line one by one. On the way back the signal is convolved, once for each class of input pixels
(pack_back). A depthwise kernel multiplies channel by channel, and does not add up over channels.
"""

from functools import cache, lru_cache
from math import gcd

import numba
import numpy as np
from numba import prange

from tinyattr.engine.arrays import sealed
from tinyattr.kernels.buffers import NONE, address, lie, line_aligned, read
from tinyattr.kernels.memory import packed, start
from tinyattr.kernels.pointwise import ANY, one_pass, pixel
from tinyattr.kernels.tile import P, W, panels_for
from tinyattr.kernels.vector import (at, broadcast_each, finisher, given, inlined, lanes_each, lister, loader,
                                     parallel_kernel, prefetch, repeater, signed, store, store_some, unrolled)

ROWS = {16: 12, 8: 6, 4: 6}[W]  # pixels of a tile: 12 x 2 of 32 registers hold sums, or 6 x 2 of 16
MORE = {16: 13, 8: 6, 4: 6}[W]  # pixels of a tile of few pixels: 7 x 7 are four tiles of 13, but five of 12
NEAR = 131072  # floats of maps that a thread goes through for one panel after the other: they stay in its cache
FEW, LARGE = 256, 65536  # with at most FEW pixels and at least LARGE weights, a thread would wait for weights from memory

zeros = cache(lambda size: sealed(np.zeros(size, np.float32)))  # no bias


def _unit(width, multiply, rows=ROWS, early=False):
    """rows: pixels of a tile. early: while a thread works with a panel, it asks for the cache lines of the next one."""
    load, finished, listed, repeat = loader(width), finisher(width), lister(rows), repeater(rows)

    @inlined
    def put(r, acc, ys, zs, gates, low, high, count):
        """Finish and store pixel r."""
        v = finished(acc[r], 0, zs[r], gates[r], low, high)
        if count < width:
            store_some(ys[r], 0, v, count)
        else:
            store(ys[r], 0, v)
    put_all = unrolled(rows, put)

    @inlined
    def do(unit, x, window, w, bias, y, z, gate, places, split, limits):
        """One block of pixels of one picture, one panel of channels: see `_plan` for the numbers."""
        lines, line, taps, tap, n = window
        (pixels, channels, block, blocks, groups, panels, x_group, y_group), (low, high) = split, limits
        rest, panel = divmod(unit, groups * panels)
        image, part = divmod(rest, blocks)
        group, p = divmod(panel, panels)
        k = group * y_group + p * width
        count = min(width, min(y_group - p * width, channels - k))
        weights, start = at(w + 4 * panel * lines * taps * n * width), load(at(bias), group * panels * width + p * width)
        of_x, of_y = pixel(x, image, 0, 0, group * x_group), pixel(y, image, 0, 0, k)
        of_z, of_gate = pixel(z, image, 0, 0, k), pixel(gate, image, 0, 0, k)
        nowhere = repeat(at(0))
        end = min((part + 1) * block, pixels)
        soon, hop = lines * taps * n * width, width // max(1, (end - part * block + rows - 1) // rows)
        for first in range(part * block, end, rows):
            xs = listed(of_x, places[0], first)
            acc, step = repeat(start), 0
            for u in range(lines):
                for v in range(taps):
                    place = u * line + v * tap
                    for c in range(n):
                        if early:
                            prefetch(weights, soon)
                            soon += hop
                        acc = multiply(acc, xs, place + c, load(weights, step))
                        step += width
            ys = listed(of_y, places[1], first)
            zs = listed(of_z, places[2], first) if given(of_z) else nowhere
            gates = listed(of_gate, places[3], first) if given(of_gate) else nowhere
            put_all(acc, ys, zs, gates, low, high, count)
    return do


wide, narrow, lanes = _unit(P, broadcast_each), _unit(W, broadcast_each), _unit(P, lanes_each)
early = _unit(P, broadcast_each, MORE, early=True)


@parallel_kernel
def _wide(units, x, window, w, bias, y, z, gate, places, split, limits):
    for unit in prange(units):
        wide(signed(unit), x, window, w, bias, y, z, gate, places, split, limits)


@parallel_kernel
def _narrow(units, x, window, w, bias, y, z, gate, places, split, limits):
    for unit in prange(units):
        narrow(signed(unit), x, window, w, bias, y, z, gate, places, split, limits)


@parallel_kernel
def _lanes(units, x, window, w, bias, y, z, gate, places, split, limits):
    for unit in prange(units):
        lanes(signed(unit), x, window, w, bias, y, z, gate, places, split, limits)


@parallel_kernel
def _early(units, x, window, w, bias, y, z, gate, places, split, limits):
    for unit in prange(units):
        early(signed(unit), x, window, w, bias, y, z, gate, places, split, limits)


def pack(w, groups=1):
    """Return w (kh, kw, C / groups, K) in panels of `width` columns, the last ones zeros: (groups, panels, kh kw C / groups, width).

    A column is the kernel of one output channel. For a depthwise w, each panel takes the place of a group.
    """
    rows, k = w[..., 0].size, w.shape[3]
    deep = depthwise(w.shape, groups)
    own = k if deep else k // groups
    width = P if deep else panels_for(own)[1]
    full = np.zeros((rows, k // own, -(-own // width) * width), np.float32)
    full[:, :, :own] = w.reshape(rows, -1, own)
    cut = full.reshape(rows, k // own, -1, width).transpose(1, 2, 0, 3)
    packed = line_aligned(cut.size).reshape(cut.shape)
    packed[...] = cut
    return packed.swapaxes(0, 1) if deep else packed


def depthwise(shape, groups):
    """Does every output channel read just its own input channel?"""
    return groups > 1 and shape[2] == 1 and shape[3] == groups


def convolve(x, w, bias, y, z=NONE, gate=NONE, *, size, stride=(1, 1), corner=(0, 0), dilation=(1, 1), groups=1, limits=ANY):
    """y[n,i,j,k] = bias[k] + sum_{u,v,c} x[n, s i + d u + corner, s j + d v + corner, c] w[u,v,c,k], w = pack(w).

    Then z is added, and the limits or the gate cut: see vector.finisher.
    x: (N, H, W, C) with its padding in memory around it: corner, which may be negative, is where the first window starts.
    y, z, gate: (N, Ho, Wo, K); z and gate may be left out. All are maps whose channels lie side by side (buffers.lie). The
    kernel also reads, and ignores, up to SLACK numbers after the last pixel of z and gate.
    """
    width = w.shape[3]
    if bias.size != y.shape[3] or any(v.size and v.shape != y.shape for v in (z, gate)):
        raise ValueError(f"maps {y.shape}, {z.shape}, {gate.shape} and a bias {bias.shape}")
    units, panels, offset, steps, window, few, split = _plan(
        x.shape, x.strides, y.shape, w.shape, size, stride, corner, dilation, groups, numba.get_num_threads())
    lacking = -(bias.size // panels) % width  # each group's bias ends with zeros, up to whole panels
    filled = packed(bias, (panels, lacking), lambda: np.pad(bias.reshape(panels, -1), ((0, 0), (0, lacking)))) if lacking else read(bias)
    kernel = _lanes if panels == 1 < groups else _narrow if width != P else _early if few else _wide
    maps = (lie(x)[0] + offset, *steps), lie(y), lie(z), lie(gate)
    places = tuple([address(_places(y.shape[1:3], *lies[2:])) for lies in maps])
    kernel(units, maps[0], window, address(w), address(filled), *maps[1:], places, split, limits)


@lru_cache(maxsize=512)
def _places(lengths, line, step):
    """Return the distance of every pixel from the first one, in reading order. The last one comes MORE times, for the last tile."""
    distances = np.add.outer(line * np.arange(lengths[0]), step * np.arange(lengths[1])).ravel()
    if distances[-1] >= 1 << 31:
        raise ValueError(f"maps of {lengths} pixels, {step} numbers each, are too large")
    return sealed(np.append(distances, distances[-1:].repeat(MORE - 1)).astype(np.int32))


@lru_cache(maxsize=4096)
def _plan(x, strides, out, w, size, stride, corner, dilation, groups, threads):
    """(units of work, groups of panels, offset in bytes of the first window, distances of pictures, lines and columns,
    window, few pixels for many weights, split) of `_unit`, from shapes. Raises ValueError for shapes that do not fit.
    """
    (n, rows, columns, k), channels, width = out, x[3], w[3]
    deep = depthwise((*size, channels // groups, k), groups)
    of_group = (width, width) if deep else (channels // groups, k // groups)  # channels in and out
    expected = ((-(-k // width), 1) if deep else (groups, -(-of_group[1] // width))), size[0] * size[1] * (channels // groups)
    if (w[:2], w[2]) != expected or x[0] != n or (strides[3] != 4 and channels > 1):
        raise ValueError(f"weights {w} of size {size}, {groups} groups, and maps {x}, strides {strides}, do not give {out}")
    image, line, pixel = (s // 4 for s in strides[:3])
    if groups == dilation[1] == 1 and (size[1] == 1 or pixel == channels):
        window = size[0], line * dilation[0], 1, 0, size[1] * channels
    else:
        window = size[0], line * dilation[0], size[1], pixel * dilation[1], channels // groups
    pieces, weights = w[0] * w[1], w[0] * w[1] * w[2] * width
    few = rows * columns <= FEW and weights >= LARGE and width == P and not deep
    tile = MORE if few else ROWS
    size_x = rows * columns * channels * stride[0] * stride[1]
    share = n if n * size_x > weights else n * pieces  # threads share the maps, or the weights: what is larger
    blocks = -(-size_x // NEAR)
    blocks += -blocks % (threads // gcd(threads, share))  # the same number of units for every thread, one after the other
    block = -(-rows * columns // (blocks * tile)) * tile
    blocks = -(-rows * columns // block)
    return (n * blocks * pieces, 1 if deep else groups, 4 * (corner[0] * line + corner[1] * pixel),
            (image, line * stride[0], pixel * stride[1]), window, few, (rows * columns, k, block, blocks, *w[:2], *of_group))


def turned(w, groups=1):
    """The weights of the way back: turned by 180 degrees, in and out exchanged. (kh, kw, C / G, K) -> (kh, kw, K / G, C)."""
    kh, kw, c, k = w.shape
    return w[::-1, ::-1].reshape(kh, kw, c, groups, k // groups).transpose(0, 1, 4, 3, 2).reshape(kh, kw, k // groups, -1)


def pack_back(w, stride=(1, 1), groups=1):
    """Return the weights for the way back: parts[a][b] = (size, packed weights), or None if no weight is left.

    Input pixels fall into sh x sw classes. Those of class (a, b) get a convolution of g with every s-th weight from (a, b) on.
    """
    def part(a, b):
        piece = w[a::stride[0], b::stride[1]]
        return (piece.shape[:2], pack(turned(piece, groups), groups)) if piece.size else None
    return [[part(a, b) for b in range(stride[1])] for a in range(stride[0])]


def back(g, parts, m, z=NONE, gate=NONE, *, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, limits=ANY):
    """m[n, s i + d u - p, s j + d v - p, c] = sum_{i,j,u,v,k} g[n,i,j,k] w[u,v,c,k], parts = pack_back(w, stride).

    Then z is added, and the limits or the gate cut, as in `convolve`.
    g: (N, Ho, Wo, K) with enough zeros around it (`edge`); m, z, gate: (N, H, W, C). Either stride or dilation is 1.
    """
    nothing = zeros(m.shape[3])
    classes = [[first_of(a, s, p, length) for a in range(s)] for s, p, length in zip(stride, padding, m.shape[1:3], strict=True)]
    for (i, top), row in zip(classes[0], parts, strict=True):
        for (j, left), part in zip(classes[1], row, strict=True):
            own, *then = (v[:, i::stride[0], j::stride[1]] if v.size else v for v in (m, z, gate))
            if part is None:
                start(own.fill, 0)
                one_pass(own, own, z=then[0], gate=then[1], limits=limits)
            elif own.size:
                (kh, kw), w = part
                convolve(g, w, nothing, own, *then, size=(kh, kw), dilation=dilation, groups=groups, limits=limits,
                         corner=(top - dilation[0] * (kh - 1), left - dilation[1] * (kw - 1)))


def first_of(a, s, p, length):
    """Return the first input pixel i with (i + p) mod s = a, and the output pixel (i + p - a) / s that belongs to it."""
    first = (a - p) % s
    return first, (first + p - a) // s


def edge(g, lengths, parts, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    """Return how many zeros around g (N, Ho, Wo, K) the way back reads in each direction. lengths: (H, W) of the input."""
    most = 0
    for axis, (s, p, d, length) in enumerate(zip(stride, padding, dilation, lengths, strict=True)):
        for a in range(s):
            part = parts[a][0] if axis == 0 else parts[0][a]
            first, at = first_of(a, s, p, length)
            if part is not None and first < length:
                last = at + (length - 1 - first) // s
                most = max(most, d * (part[0][axis] - 1) - at, last + 1 - g.shape[1 + axis])
    return most
