"""Options of a Keras layer, checked: whole numbers, pairs, words, and the paddings that follow from them."""

from math import isfinite

import numpy as np

from tinyattr.errors import InputError

LARGEST = 100_000  # so large are kernels, strides, paddings, channels and units at most


def count(config, key, default=None, least=1):
    """A whole number from `least` to LARGEST. Raises InputError."""
    n = config.get(key, default)
    if type(n) is not int or not least <= n <= LARGEST:
        raise InputError(f"its {key} is {n!r:.40}; expected a whole number of at least {least}")
    return n


def two(config, key, default=None):
    """(vertical, horizontal) of an option that is one whole number or two. Raises InputError."""
    given = config.get(key, default)
    both = [given, given] if type(given) is int else given
    if not isinstance(both, list | tuple) or len(both) != 2:
        raise InputError(f"its {key} is {given!r:.40}; expected one whole number or two")
    return tuple(count({key: n}, key) for n in both)


def number(config, key, default=None):
    """A finite number. Raises InputError."""
    n = config.get(key, default)
    if type(n) not in (int, float) or not isfinite(n):
        raise InputError(f"its {key} is {n!r:.40}; expected a number")
    return float(n)


def choice(config, key, known):
    """One of the words `known`; the first one where the config does not say it. Raises InputError."""
    word = config.get(key, known[0])
    if word not in known:
        raise InputError(f"its {key} is {word!r:.40}; read are {' and '.join(known)}")
    return word


def numbers(given, c):
    """(c,) float64 of one number, or of c numbers in lists. Raises InputError."""
    a = np.asarray(given)
    if a.dtype.kind not in "if" or a.size not in (1, c) or not np.isfinite(a).all():
        raise InputError(f"it has {str(given)[:40]} where {c} numbers are expected")
    return np.broadcast_to(a.astype(np.float64).ravel(), (c,))


def frame(given):
    """((top, bottom), (left, right)) of a whole number, of two, or of two pairs. Raises InputError."""
    sides = given if isinstance(given, list) else [given, given]
    pairs = [side if isinstance(side, list) else [side, side] for side in sides]
    if len(pairs) != 2 or any(len(pair) != 2 for pair in pairs):
        raise InputError(f"it has {given!r:.40}; expected one whole number, two, or two pairs")
    return tuple(tuple(count({"padding": n}, "padding", least=0) for n in pair) for pair in pairs)


def maps(shape):
    """The shape, if it is (H, W, C). Raises InputError."""
    if len(shape) != 3:
        raise InputError(f"it reads values of shape {shape}; expected maps (H, W, C)")
    return shape


def last_axis(config, shape):
    """Raises InputError unless the layer works along the last axis, the channels."""
    axis = config.get("axis", -1)
    axes = axis if isinstance(axis, list) else [axis]
    if axes not in ([-1], [len(shape)]):
        raise InputError(f"it works along axis {axis!r:.20}; channels come last here")


def window(config, lengths, size, stride, dilation=(1, 1)):
    """(((top, bottom), (left, right)), (Ho, Wo)): padding and output of windows over maps of these lengths.

    "same" gives ceil(H / s) rows, and TensorFlow pads just what the last window lacks, the odd row at the bottom.
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
    """(before, after): a padding, the odd one after."""
    return total // 2, total - total // 2


def short(value):
    """The shortest form of a pair or a pair of pairs: 1 for ((1, 1), (1, 1)), (1, 2) for ((1, 1), (2, 2))."""
    if not isinstance(value, tuple):
        return value
    a, b = map(short, value)
    return value if isinstance(a, tuple) or isinstance(b, tuple) else a if a == b else (a, b)
