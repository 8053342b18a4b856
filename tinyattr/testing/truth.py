"""The true result of a function, and its "room": the largest error that we allow, because rounding may cause it.

u is half the spacing of floats at 1: 2^-53 in float64, 2^-24 in float32. The rounding of one operation changes a result
by a factor of at most 1 + u. d_i = z_i - max z. The room is large enough for every right way to compute that we know.

e^{d_i}     d_i has one rounding. Code that uses 2^x multiplies by log2(e), which has two more. So the exponent has an
            error of up to 3 |d_i| u. The exponential adds up to 2 units in the last place, 4 u.
sum         A sum has n - 1 roundings in any order. Code that needs only one pass rescales its sum when the maximum
            grows, by an exponential each time. Errors of d add sum y_j |d_j| <= log n. Their sum is below 4 n u.
y_i         The relative error contains also a division, a cast, and the error of our own truth (5 u of float64):
                b_i = (4 |d_i| + 4 max |z| + 4 n + 16) u.
            4 max |z| is for code that first subtracts logsumexp(z), or divides by a temperature: its roundings have
            the size of z. Two classes may be computed with tanh or as 1 - y: for n = 2 we add 4 u to the error itself.
log y_i     Absolute error: a_i = (4 |d_i| + 2 |log y_i| + 4 n + 16) u. An error of the size of z is not allowed.
log sum     Absolute error: (2 max |z| + (n + 2) |log sum| + 4 n + 16) u. The result has this size, and code that adds
            one class after the other to the logarithm rounds n times.
loss        sum_i t_i a_i, plus n roundings of sum_i |t_i log y_i|.
gradients   y_j sum t - t_j has the absolute error y_j b_j sum t, plus 4 roundings of the two terms.

If the result has a narrower type than the logits, the logits were rounded too: we add max |z| u to a_i. Below the
smallest normal number of a type, rounding errors are not relative. So an error as large as this number is allowed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

WIDE = np.finfo(np.float64)


@dataclass(frozen=True)
class Kind:
    """A Kind of function, such as SOFTMAX. truth: z -> the right result, for one vector z (n,) in float64.

    room: (z, truth, u, lost) -> the allowed error. lost: the error of logits that were rounded to a narrower type.
    kappa: adding 1 to every logit adds kappa to the truth.
    """

    letter: str
    identity: str
    truth: Callable
    room: Callable
    rank: int = 1
    kappa: int = 0
    total: Callable | None = None  # (answer, room) -> (probabilities, their room)
    ordered: bool = False  # True if a larger logit has a larger answer
    hidden: float = 0.0  # the answer for a masked logit
    grown: float = 1.0  # factor by which the error of very small numbers may grow
    given: Callable = lambda z: ""  # a text about the function's other arguments


# ----------------------------------------------------------------- truth of one vector of float64, a few u of float64


def softmax(z):
    """e^{d_i} / sum."""
    w = np.exp(z - z.max())
    return w / _sum(w)


def log_softmax(z):
    """d_i - log(1 + sum of e^{d_j} over all j but the largest)."""
    return z - z.max() - _log_total(z)


def logsumexp(z):
    """max z + log(1 + sum of e^{d_j} over all j but the largest)."""
    return z.max() + _log_total(z)


def _log_total(z):
    w = np.exp(z - z.max())
    w[z.argmax()] = 0
    return np.log1p(_sum(w))


def _sum(w):
    """Return the sum, computed in long double: on most machines it has only the error of the last rounding."""
    return float(w.sum(dtype=np.longdouble))


def rest(z):
    """1 - y_i, (n,), computed as the sum of the others."""
    y = softmax(z)
    top, r = y.argmax(), 1 - y
    r[top] = _sum(np.delete(y, top))
    return r


def jacobian(z):
    """J_ij = y_i (delta_ij - y_j). Every entry is accurate to a few u."""
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
    """|d_i|, but 0 for masked logits, whose probability is exactly 0."""
    return np.where(np.isfinite(z), z.max() - z, 0)


def size(z):
    """Return the largest |z_i| without masks."""
    return np.abs(z[np.isfinite(z)]).max(initial=0)


def softmax_room(z, y, u, lost=0):
    """Return b_i y_i, plus 4 u for two classes. max |z| u contains the rounding of logits."""
    return np.where(y > 0, (4 * gap(z) + 4 * size(z) + 4 * len(z) + 16) * u * y, 0) + 4 * u * (len(z) == 2)


def log_softmax_room(z, log_y, u, lost=0):
    """Return a_i + lost."""
    return (4 * gap(z) + 2 * np.abs(np.where(np.isfinite(log_y), log_y, 0)) + 4 * len(z) + 16) * u + 2 * lost


def logsumexp_room(z, value, u, lost=0):
    """Return (2 max |z| + (n + 2) |log sum| + 4 n + 16) u. max |z| u contains the rounding of logits."""
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
    """Return the Kind of a limit of softmax(z / T). y: z -> the limit. We allow the rounding errors of softmax(0)."""
    return Kind("y", "the limit", y, lambda z, y, u, lost: softmax_room(0 * z, y, u))


COLDEST = limit(lambda z: (z == z.max()) / (z == z.max()).sum())  # T -> 0
HOTTEST = limit(lambda z: np.full(z.shape, 1 / len(z)))  # T -> infinity


# -------------------------------------------------------------------------------------------------------------- types


@cache
def rounding(dtype):
    """Return (u, smallest normal number) of a type of floats; of float64 for whole numbers and wider floats."""
    dtype = np.dtype(dtype)
    if dtype.name == "bfloat16":
        return 2.0**-8, 2.0**-126
    limits = np.finfo(dtype if dtype.kind == "f" else np.float64)
    return max(float(limits.eps), WIDE.eps) / 2, max(float(limits.tiny), WIDE.tiny)
