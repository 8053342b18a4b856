"""Feature maps with a border of zeros, (N, H + 2, W + 2, C): the kernels read a convolution's padding from memory."""

import threading
import weakref
from math import prod

import numpy as np

from tinyattr.kernels.memory import WRITTEN
from tinyattr.kernels.vector import LINE

_kept = threading.local()
_returned, _in_use = {}, {}  # shape: memory that no array uses any more, longest unused first; id: who watches an array
_held = [0]  # bytes in _returned
SLACK = 32  # floats that a kernel may read, and throw away, behind the last pixel of a buffer: no panel is wider
MOST_KEPT = 2 << 30  # bytes of it
NONE = np.empty((0, 0, 0, 0), np.float32)  # stands for an output that is not wanted


def bordered(n, h, w, c, border=1):
    """Zeros, (N, H + 2 border, W + 2 border, C). A kernel fills the inside; the border stays zero."""
    shape = n, h + 2 * border, w + 2 * border, c
    return line_aligned(prod(shape))[:prod(shape)].reshape(shape)


def recycled(n, h, w, c):
    """(A bordered buffer of border 1 whose inside is still to be filled, where that lies): of memory given back, where
    there is some.

    Fresh pages from the system cost half as much as a whole forward pass. Only kernels write these buffers, and none
    writes a border, so it is still zero. The memory comes back when the last view of the buffer is gone.
    """
    shape = (n, h + 2, w + 2, c)
    free = _returned.get(shape)
    if free:
        memory, begin = free.pop()
        _held[0] -= memory.nbytes
    else:
        memory = line_aligned(prod(shape))
        begin = address(memory)
    # An array over foreign memory: views of views keep this very array alive, not the memory behind its back.
    owner = np.frombuffer(memory.data, np.float32)
    key = id(owner)
    _in_use[key] = weakref.ref(owner, lambda _: _give_back(shape, memory, begin, _in_use.pop(key, None)))
    line = (w + 2) * c
    return owner[:(h + 2) * n * line].reshape(shape), (begin + 4 * (line + c), (h + 2) * line, line, c)


def line_aligned(size):
    """Zeros, float32, that begin with a line of the cache; SLACK more than asked for."""
    memory = np.zeros(size + SLACK + LINE // 4, np.float32)
    first = -memory.ctypes.data % LINE // 4
    return memory[first:first + size + SLACK]


def release_memory():
    """Give the system back what the kernels keep for the next run: at most MOST_KEPT bytes, none of it in use."""
    _returned.clear()
    _held[0] = 0


def _give_back(shape, memory, begin, _):
    """Keep memory that no array uses any more. What was given back longest ago makes room for it."""
    free = _returned[shape] = _returned.pop(shape, [])  # now the youngest
    free.append((memory, begin))
    _held[0] += memory.nbytes
    while _held[0] > MOST_KEPT and _returned:
        oldest = next(iter(_returned))
        if _returned[oldest]:
            _held[0] -= _returned[oldest].pop(0)[0].nbytes
        else:
            del _returned[oldest]


def inside(buffer, border=1):
    """The feature maps themselves, (N, H, W, C): a view."""
    return buffer[:, border:buffer.shape[1] - border, border:buffer.shape[2] - border]


def read(x):
    """x as the kernels read it: C-contiguous float32, copied only if it is not.

    Read-only, whatever x is: Numba would compile every kernel once for arrays that may be changed and once for others.
    """
    view = np.ascontiguousarray(x, np.float32).view()
    view.setflags(write=False)
    return view


def address(x):
    """Where an array begins in memory. Who asks keeps the array alive while a kernel runs."""
    return x.__array_interface__["data"][0]


def lie(x):
    """Where maps (N, H, W, C) lie: (address, and in floats the distance of pictures, lines and pixels); zeros for NONE.

    Channels lie side by side; the maps may be a part of larger ones.
    """
    if x.size == 0:
        return 0, 0, 0, 0
    known = WRITTEN.get(x)
    if known:
        return known.place
    image, line, pixel, channel = x.strides
    if x.dtype != np.float32 or (channel != 4 and x.shape[3] != 1):
        raise ValueError(f"needs maps of float32 whose channels lie side by side, not of {x.dtype} with strides {x.strides}")
    return address(x), image // 4, line // 4, pixel // 4


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
