"""Arrays that nothing can change any more, so that what was computed from them stays true."""

import numpy as np


def sealed(a):
    """`a` seen through a window that is read-only for ever. For an array that nobody else holds: it is not copied."""
    return np.asarray(memoryview(a).toreadonly())


def is_sealed(a):
    """True if neither `a` nor any array whose memory it shows can be written, nor be made writable again."""
    while isinstance(a, np.ndarray):
        if a.flags.writeable:
            return False
        a = a.base
    return isinstance(a, bytes) or (isinstance(a, memoryview) and a.readonly)


def frozen(a):
    """`a` itself if it is sealed, else a sealed copy of it."""
    a = np.asarray(a)
    return a if is_sealed(a) else sealed(np.array(a))


def read_only(a):
    """`a` itself if it is read-only, else a view of it that is."""
    if a.flags.writeable:
        a = a.view()
        a.flags.writeable = False
    return a


def plain(value):
    """An attribute as plain data, so that nobody changes it later: lists as tuples, NumPy's numbers as Python's."""
    value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    return tuple(map(plain, value)) if isinstance(value, list | tuple) else value
