"""Feature maps with a border of zeros, (N, H + 2, W + 2, C): so kernels read a convolution's padding from memory."""

import threading
import weakref
from contextlib import suppress
from math import prod

import numpy as np

from tinyattr.kernels.memory import MAKING, WRITTEN
from tinyattr.kernels.vector import LINE

_kept = threading.local()
SLACK = 32  # floats after the last pixel of a buffer that a kernel may read and ignore: no panel is wider
MOST_KEPT = 2 << 30  # bytes of free memory
NONE = np.empty((0, 0, 0, 0), np.float32)  # means: these maps are not given
WRITTEN.set(NONE, NONE)


def bordered(n, h, w, c, border=1):
    """Return zeros, (N, H + 2 border, W + 2 border, C). A kernel fills the inside, and the border stays zero."""
    shape = n, h + 2 * border, w + 2 * border, c
    return line_aligned(prod(shape) + SLACK)[:prod(shape)].reshape(shape)


class Pool:
    """Free memory of buffers: {shape of a picture: pieces}, the oldest first, at most `most` bytes. new(size) gives zeros."""

    def __init__(self, new, most):
        self.new, self.most = new, most
        self.empty()

    def empty(self):
        """Give all of it back to the system."""
        self.free, self.held = {}, 0

    def take(self, shape):
        """Return memory for a buffer of this shape. Its border is zero.

        Memory of more pictures serves for fewer, too. If there is only memory of fewer, a larger one takes its place.
        """
        size, memory, pieces = prod(shape) + SLACK, NONE, self.free.get(shape[1:], [])
        enough = [(piece.size, -i) for i, piece in enumerate(pieces) if piece.size >= size]
        with suppress(IndexError):
            memory = pieces.pop(-min(enough)[1] if enough else 0)
            self.held -= memory.nbytes
        return memory if memory.size >= size else self.new(size)

    def give_back(self, shape, memory):
        """Keep memory that no array uses any more. If there is too much, delete the oldest."""
        free = self.free[shape[1:]] = self.free.pop(shape[1:], [])  # now the newest
        free.append(memory)
        self.held += memory.nbytes
        while self.held > self.most and self.free:
            oldest = next(iter(self.free))
            if self.free[oldest]:
                self.held -= self.free[oldest].pop(0).nbytes
            else:
                del self.free[oldest]


def recycled(*shape):
    """Return a buffer of maps (N, H + 2, W + 2, C), whose inside a kernel must fill, or of numbers; from free memory if possible.

    New pages from the system cost half as much as a whole forward pass. Only kernels write these buffers, and no kernel
    writes a border, so the border is still zero. The memory is free again when the last view of the buffer is deleted.
    """
    pool = POOL if MAKING.plan is None else MAKING.plan.region
    memory = pool.take(shape)
    # An array over foreign memory: views of views keep this array alive, so its finalizer runs after all of them.
    buffer = np.ndarray(shape, np.float32, memory.data)
    weakref.finalize(buffer, pool.give_back, shape, memory).atexit = False
    return buffer


def line_aligned(size):
    """Return float32 zeros that start at a cache line."""
    memory = np.zeros(size + LINE // 4, np.float32)
    first = -memory.ctypes.data % LINE // 4
    return memory[first:first + size]


POOL = Pool(line_aligned, MOST_KEPT)


def inside(buffer, border=1):
    """Return the feature maps in a buffer, (N, H, W, C), as a view."""
    return buffer[:, border:buffer.shape[1] - border, border:buffer.shape[2] - border]


def read(x):
    """Return x as C-contiguous float32. It is copied only if necessary.

    The result is always read-only: otherwise Numba would compile every kernel twice, also for writable arrays.
    """
    view = np.ascontiguousarray(x, np.float32).view()
    view.setflags(write=False)
    return view


def address(x):
    """Return the address of an array. The caller must keep the array alive while a kernel runs."""
    if MAKING.plan is not None:
        MAKING.plan.keep(x)
    return x.__array_interface__["data"][0]


def lie(x):
    """Return (address, and in floats the distances of pictures, lines and pixels) of maps (N, H, W, C); zeros for NONE.

    Channels must be neighbours in memory; the maps may be a part of larger maps.
    """
    if x.size == 0:
        return 0, 0, 0, 0
    image, line, pixel, channel = x.strides
    if x.dtype != np.float32 or (channel != 4 and x.shape[3] != 1):
        raise ValueError(f"needs maps of float32 whose channels lie side by side, not of {x.dtype} with strides {x.strides}")
    return address(x), image // 4, line // 4, pixel // 4


def written(*outputs, shape):
    """Return the outputs if kernels can write them: C-contiguous float32 of this shape, or empty for "not wanted".

    Kernels do not check bounds, and results in a copy would be lost, so all other arrays are an error.
    """
    for y in outputs:
        demand(y.dtype == np.float32 and y.flags.c_contiguous, f"an output must be a C-contiguous float32 array, not {y.dtype}")
        demand(y.size == 0 or y.shape == tuple(shape), f"an output has shape {y.shape} instead of {tuple(shape)}")
    return outputs


def demand(condition, message):
    """Raise ValueError unless the condition holds; otherwise a kernel would use memory that is not ours."""
    if not condition:
        raise ValueError(message)


def scratch(*shapes):
    """Return uninitialised float32 arrays that are valid until the next call in this thread, or in the plan that is made.

    We keep the memory from call to call, because new pages from the system cost more than some kernels.
    """
    sizes, kept = [prod(shape) for shape in shapes], _kept if MAKING.plan is None else MAKING.plan
    if getattr(kept, "scratch", NONE).size < sum(sizes):
        kept.scratch = line_aligned(sum(sizes))
    ends = np.cumsum([0, *sizes])
    return [kept.scratch[a:b].reshape(shape) for a, b, shape in zip(ends, ends[1:], shapes, strict=False)]
