"""What a function must answer, and how far rounding may take it from there.

u is half the spacing of floats at 1: 2^-53 in float64, 2^-24 in float32. One operation errs by a factor 1 + u at most.
d_i = z_i - max z. The roundings counted below are those of every right form that we know; a form may use fewer.

e^{d_i}     d_i carries one rounding; a form by 2^x multiplies by log2(e), two more: 3 |d_i| u in the exponent. The
            exponential errs by up to 2 units in the last place, 4 u.
sum         n - 1 roundings in any order. A one-pass form, which rescales the sum as the maximum grows, multiplies each
            time, too, by an exponential. Errors of d weigh in with sum y_j |d_j| <= log n. All of it is below 4 n u.
y_i         division, a cast and our own reference (5 u of float64) included, relative:
                b_i = (4 |d_i| + 4 max |z| + 4 n + 16) u.
            max |z| is for forms that subtract logsumexp(z) or divide by a temperature first: each rounds at the size
            of z. Two classes may be written by tanh or by 1 - y: for n = 2, 4 u absolute come on top.
log y_i     absolute: a_i = (4 |d_i| + 2 |log y_i| + 4 n + 16) u. Nothing of the size of z is needed: it is not allowed.
log sum     absolute: (2 max |z| + (n + 2) |log sum| + 4 n + 16) u: the answer itself is of that size, and a form that
            adds one class after the other to the logarithm rounds n times at that size.
loss        sum_i t_i a_i, and n roundings of sum_i |t_i log y_i|.
gradients   y_j sum t - t_j, absolute: y_j b_j sum t, and 4 roundings of the two terms.

If the answer is of a narrower type than the logits, these were rounded on the way: max |z| u comes on top of a_i.
Below the smallest normal number relative rounding ends: that number is always allowed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

WIDE = np.finfo(np.float64)


@dataclass(frozen=True)
class Kind:
    """What is asked: `truth` of one vector of logits (n,) in float64, and `room(z, truth, u, lost)`, the error allowed.

    truth is a vector (n,) or a number; kappa is what adding 1 to every logit adds to it.
    """

    letter: str
    identity: str
    truth: Callable
    room: Callable
    rank: int = 1
    kappa: int = 0
    total: Callable | None = None  # (answer, room) -> (probabilities, their room)
    ordered: bool = False  # a larger logit has the larger answer
    hidden: float = 0.0  # the answer for a masked logit
    grown: float = 1.0  # by how much an error of the smallest normal number may have been multiplied
    given: Callable = lambda z: ""  # what else the function was given, in words


# ----------------------------------------------------------------- truth of one vector of float64, a few u of float64


def softmax(z):
    """e^{d_i} / sum."""
    w = np.exp(z - z.max())
    return w / _sum(w)


def log_softmax(z):
    """d_i - log(1 + what the largest leaves to the others)."""
    return z - z.max() - _log_total(z)


def logsumexp(z):
    """max z + log(1 + what the largest leaves to the others)."""
    return z.max() + _log_total(z)


def _log_total(z):
    w = np.exp(z - z.max())
    w[z.argmax()] = 0
    return np.log1p(_sum(w))


def _sum(w):
    """The sum in long double, which on most machines is exact but for its last rounding."""
    return float(w.sum(dtype=np.longdouble))


def rest(z):
    """1 - y_i, (n,), as the sum of the others."""
    y = softmax(z)
    top, r = y.argmax(), 1 - y
    r[top] = _sum(np.delete(y, top))
    return r


def jacobian(z):
    """J_ij = y_i (delta_ij - y_j), every entry to a few u."""
    y = softmax(z)
    J = -np.outer(y, y)
    np.fill_diagonal(J, y * rest(z))
    return J


def log_jacobian(z):
    """d log y_i / dz_j = delta_ij - y_j."""
    J = np.tile(-softmax(z), (len(z), 1))
    np.fill_diagonal(J, rest(z))
    return J


# ------------------------------------------------------------------------------------------------ room: error allowed


def gap(z):
    """|d_i|; 0 for masked logits, whose probability is exactly 0."""
    return np.where(np.isfinite(z), z.max() - z, 0)


def size(z):
    """The largest |z_i| that is no mask."""
    return np.abs(z[np.isfinite(z)]).max(initial=0)


def softmax_room(z, y, u, lost=0):
    """b_i y_i, for two classes 4 u on top; what the logits lost is in max |z| u."""
    return np.where(y > 0, (4 * gap(z) + 4 * size(z) + 4 * len(z) + 16) * u * y, 0) + 4 * u * (len(z) == 2)


def log_softmax_room(z, log_y, u, lost=0):
    """a_i + lost."""
    return (4 * gap(z) + 2 * np.abs(np.where(np.isfinite(log_y), log_y, 0)) + 4 * len(z) + 16) * u + 2 * lost


def logsumexp_room(z, value, u, lost=0):
    """2 max |z| + (n + 2) |log sum| + 4 n + 16, in u; what the logits lost is in max |z| u."""
    return (2 * size(z) + (len(z) + 2) * abs(value) + 4 * len(z) + 16) * u


SOFTMAX = Kind("y", "y_c = e^(z_c) / sum e^(z_i)  (1)", softmax, softmax_room, total=lambda y, room: (y, room),
               ordered=True)
LOG_SOFTMAX = Kind("log y", "log y_c = z_c - log sum e^(z_i)", log_softmax, log_softmax_room,
                   total=lambda log_y, room: (np.exp(log_y), np.exp(np.minimum(log_y, 0)) * np.minimum(room, 1) * 2),
                   ordered=True, hidden=-np.inf)
LOGSUMEXP = Kind("the answer", "it is log sum e^(z_i)", logsumexp, logsumexp_room, rank=0, kappa=1)


def tempered(T):
    """softmax(z / T)."""
    return Kind("y", "y = softmax(z / T)", lambda z: softmax(z / T),
                lambda z, y, u, lost: softmax_room(z / T, y, u) + lost / T * y)


def limit(y):
    """A limit of softmax(z / T), y(z), which rounds as softmax(0) does."""
    return Kind("y", "the limit", y, lambda z, y, u, lost: softmax_room(0 * z, y, u))


COLDEST = limit(lambda z: (z == z.max()) / (z == z.max()).sum())  # T -> 0
HOTTEST = limit(lambda z: np.full(z.shape, 1 / len(z)))  # T -> infinity


# -------------------------------------------------------------------------------------------------------------- types


@cache
def rounding(dtype):
    """(u, smallest normal number) of a type of floats; float64's for whole numbers and for wider floats."""
    dtype = np.dtype(dtype)
    if dtype.name == "bfloat16":
        return 2.0**-8, 2.0**-126
    limits = np.finfo(dtype if dtype.kind == "f" else np.float64)
    return max(float(limits.eps), WIDE.eps) / 2, max(float(limits.tiny), WIDE.tiny)
