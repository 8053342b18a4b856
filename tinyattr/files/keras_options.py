"""Check the options of a Keras layer (whole numbers, pairs and words), and compute the padding from them."""

from math import isfinite

import numpy as np

from tinyattr.errors import InputError

LARGEST = 100_000  # limit for the kernel's size, stride, padding, number of channels and number of units


def count(config, key, default=None, least=1):
    """Return an option that is a whole number from `least` to LARGEST. Raises InputError."""
    n = config.get(key, default)
    if type(n) is not int or not least <= n <= LARGEST:
        raise InputError(f"its {key} is {n!r:.40}; expected a whole number of at least {least}")
    return n


def two(config, key, default=None):
    """Return (vertical, horizontal) of an option that is one whole number or two. Raises InputError."""
    given = config.get(key, default)
    both = [given, given] if type(given) is int else given
    if not isinstance(both, list | tuple) or len(both) != 2:
        raise InputError(f"its {key} is {given!r:.40}; expected one whole number or two")
    return tuple(count({key: n}, key) for n in both)


def number(config, key, default=None):
    """Return an option that is a finite number. Raises InputError."""
    n = config.get(key, default)
    if type(n) not in (int, float) or not isfinite(n):
        raise InputError(f"its {key} is {n!r:.40}; expected a number")
    return float(n)


def choice(config, key, known):
    """Return an option that is one of the words `known`, by default the first. Raises InputError."""
    word = config.get(key, known[0])
    if word not in known:
        raise InputError(f"its {key} is {word!r:.40}; supported: {' and '.join(known)}")
    return word


def numbers(given, c):
    """Return c numbers, float64, given one number, or c numbers along the last axis of lists. Raises InputError."""
    a = np.asarray(given)
    if a.dtype.kind not in "if" or a.size not in (1, c) or a.size != max(a.shape[-1:], default=1) or (
            not np.isfinite(a).all()):
        raise InputError(f"it has {str(given)[:40]} where {c} numbers are expected")
    return np.broadcast_to(a.astype(np.float64).ravel(), (c,))


def frame(given):
    """Return ((top, bottom), (left, right)) from one whole number, two, or two pairs. Raises InputError."""
    sides = given if isinstance(given, list) else [given, given]
    pairs = [side if isinstance(side, list) else [side, side] for side in sides]
    if len(pairs) != 2 or any(len(pair) != 2 for pair in pairs):
        raise InputError(f"it has {given!r:.40}; expected one whole number, two, or two pairs")
    return tuple(tuple(count({"padding": n}, "padding", least=0) for n in pair) for pair in pairs)


def maps(shape):
    """Return the shape if it is (H, W, C). Raises InputError."""
    if len(shape) != 3:
        raise InputError(f"it reads values of shape {shape}; expected maps (H, W, C)")
    return shape


def last_axis(config, shape):
    """Raise InputError unless the layer works along the last axis, the channels."""
    axis = config.get("axis", -1)
    axes = axis if isinstance(axis, list) else [axis]
    if axes not in ([-1], [len(shape)]):
        raise InputError(f"it works along axis {axis!r:.20}; only the last axis, the channels, is supported")


def window(config, lengths, size, stride, dilation=(1, 1)):
    """Return (((top, bottom), (left, right)), (Ho, Wo)): padding and output size of windows over maps of these lengths.

    "same" gives ceil(H / s) rows, padded so that the last window is complete. An odd number of rows has one more below.
    """
    same = choice(config, "padding", ("valid", "same")) == "same"
    padding, places = [], []
    for n, k, s, d in zip(lengths, size, stride, dilation, strict=True):
        reach = (k - 1) * d + 1
        padding.append(halves(max((-(-n // s) - 1) * s + reach - n, 0) if same else 0))
        places.append((n + sum(padding[-1]) - reach) // s + 1)
    if min(places) < 1:
        raise InputError(f"a {size[0]} x {size[1]} window does not fit into maps of {lengths[0]} x {lengths[1]}")
    return tuple(padding), tuple(places)


def halves(total):
    """Divide a padding into (before, after). If it is odd, `after` is larger."""
    return total // 2, total - total // 2


def short(value):
    """Return a pair, or a pair of pairs, in its shortest form: ((1, 1), (1, 1)) is 1, ((1, 1), (2, 2)) is (1, 2)."""
    if not isinstance(value, tuple):
        return value
    a, b = map(short, value)
    return value if isinstance(a, tuple) or isinstance(b, tuple) else a if a == b else (a, b)
