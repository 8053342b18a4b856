"""Feature maps with a border of zeros, (N, H + 2, W + 2, C): the kernels read a convolution's padding from memory."""

import threading
import weakref
from math import prod

import numpy as np

from tinyattr.kernels.vector import LINE

_kept = threading.local()
_returned = {}  # shape: memory that no array uses any more
MOST_KEPT = 2 << 30  # bytes of it
NONE = np.empty((0, 0, 0, 0), np.float32)  # stands for an output that is not wanted


def bordered(n, h, w, c, border=1):
    """Zeros, (N, H + 2 border, W + 2 border, C). A kernel fills the inside; the border stays zero."""
    return np.zeros((n, h + 2 * border, w + 2 * border, c), np.float32)


def recycled(n, h, w, c):
    """A bordered buffer of border 1 whose inside is still to be filled: of memory given back, where there is some.

    Fresh pages from the system cost half as much as a whole forward pass. Only kernels write these buffers, and none
    writes a border, so it is still zero. The memory comes back when the last view of the buffer is gone.
    """
    shape = (n, h + 2, w + 2, c)
    free = _returned.setdefault(shape, [])
    memory = free.pop() if free else line_aligned(prod(shape))
    # An array over foreign memory: views of views keep this very array alive, not the memory behind its back.
    buffer = np.frombuffer(memory.data, np.float32).reshape(shape)
    weakref.finalize(buffer.base, _give_back, shape, memory)
    return buffer


def line_aligned(size):
    """Zeros, float32, that begin with a line of the cache."""
    memory = np.zeros(size + LINE // 4, np.float32)
    first = -memory.ctypes.data % LINE // 4
    return memory[first:first + size]


def release_memory():
    """Give the system back what the kernels keep for the next run: at most MOST_KEPT bytes, none of it in use."""
    _returned.clear()


def _give_back(shape, memory):
    kept = sum(len(free) * 4 * prod(s) for s, free in list(_returned.items()))
    if kept + memory.nbytes <= MOST_KEPT:
        _returned.setdefault(shape, []).append(memory)


def inside(buffer, border=1):
    """The feature maps themselves, (N, H, W, C): a view."""
    return buffer[:, border:buffer.shape[1] - border, border:buffer.shape[2] - border]


def with_border(x, border=1):
    """A copy of x (N, H, W, C), as float32 with a border of zeros."""
    n, h, w, c = x.shape
    buffer = bordered(n, h, w, c, border)
    inside(buffer, border)[...] = x
    return buffer


def read(x):
    """x as the kernels read it: C-contiguous float32, copied only if it is not.

    Read-only, whatever x is: Numba would compile every kernel once for arrays that may be changed and once for others.
    """
    view = np.ascontiguousarray(x, np.float32).view()
    view.setflags(write=False)
    return view


def written(*outputs, shape):
    """The outputs, if kernels can write them: C-contiguous float32 of this shape, or empty for "not wanted".

    The kernels do not look at bounds, and what they wrote into a copy would be lost; so anything else is an error.
    """
    for y in outputs:
        demand(y.dtype == np.float32 and y.flags.c_contiguous, f"an output must be a C-contiguous float32 array, not {y.dtype}")
        demand(y.size == 0 or y.shape == tuple(shape), f"an output has shape {y.shape} instead of {tuple(shape)}")
    return outputs


def demand(condition, message):
    """Raise ValueError unless the condition holds: beyond it lies memory that is not ours."""
    if not condition:
        raise ValueError(message)


def scratch(*shapes):
    """Uninitialised float32 arrays that live until the next call in this thread.

    The memory is kept from call to call: fresh pages from the system cost more than some of the kernels.
    """
    sizes = [prod(shape) for shape in shapes]
    if getattr(_kept, "memory", np.empty(0)).size < sum(sizes):
        _kept.memory = np.empty(sum(sizes), np.float32)
    ends = np.cumsum([0, *sizes])
    return [_kept.memory[a:b].reshape(shape) for a, b, shape in zip(ends, ends[1:], shapes, strict=False)]
