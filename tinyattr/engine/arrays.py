"""Arrays that cannot change any more, so results that were computed from them stay valid."""

import numpy as np


def sealed(a):
    """Return a view of `a` that stays read-only for ever. `a` is not copied, so no other code may keep `a`."""
    return np.asarray(memoryview(a).toreadonly())


def is_sealed(a):
    """Return True if nobody can write to the memory of `a`, or make it writable again."""
    while isinstance(a, np.ndarray):
        if a.flags.writeable:
            return False
        a = a.base
    return isinstance(a, bytes) or (isinstance(a, memoryview) and a.readonly)


def frozen(a):
    """Return `a` itself if it is sealed, else a sealed copy."""
    a = np.asarray(a)
    return a if is_sealed(a) else sealed(np.array(a))


def read_only(a):
    """Return `a` itself if it is read-only, else a read-only view."""
    if a.flags.writeable:
        a = a.view()
        a.flags.writeable = False
    return a


def plain(value):
    """Return an attribute as data that nobody can change: lists become tuples, NumPy's numbers become Python's."""
    value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    return tuple(map(plain, value)) if isinstance(value, list | tuple) else value
