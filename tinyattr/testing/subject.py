"""The function under test as the identities see it: vectors of logits go in, an answer and its rounding come out."""

import inspect
import tracemalloc
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from tinyattr.testing.truth import Kind, rounding, size


class UnfitError(Exception):
    """The function raised an error, or what it answered is no array of the right shape."""


@contextmanager
def reasoned():
    """Whatever a function raises becomes an UnfitError that says so. Overflow is a finding here, not a warning."""
    try:
        with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
            yield
    except Exception as error:
        raise UnfitError(f"it raised {type(error).__name__}: {' '.join(str(error).split())[:100]}") from error


def beside(f, z, other, **keywords):
    """f(z, other), of a copy of `other`, a vector or targets. Raises UnfitError if f changes it."""
    mine = other.copy()
    answer = f(z, mine, **keywords)
    if not np.array_equal(mine, other):
        raise UnfitError("it overwrites its second argument")
    return answer


@dataclass
class Answer:
    """Numbers in float64, the roundings u of their type and of the logits', and its smallest normal number."""

    values: np.ndarray
    u: float
    u_logits: float
    tiny: float


@dataclass
class Subject:
    """`call` takes logits (..., n), `kind` says what it must answer, `axis` is its parameter for an axis, if any."""

    call: Callable
    kind: Kind
    axis: str | None = None
    along: int = -1
    wraps: bool = False  # one vector has to be called as a batch of one row
    truths: dict = field(default_factory=dict)

    def answer(self, z, axis=None):
        """The Answer to logits z (..., n), of which the function gets a copy. Raises UnfitError."""
        return self.given(z.copy(), axis)

    def given(self, z, axis=None):
        """The Answer to this very array. Raises UnfitError."""
        shape, dtype = z.shape, z.dtype
        return self.read(self.raw(z, axis), shape, dtype)

    def raw(self, z, axis=None, copied=True):
        """What the function itself returns, as an array: a copy, or the very memory. Raises UnfitError."""
        wrap = self.wraps and z.ndim == 1
        z = z[None] if wrap else z
        keywords = {self.axis: -1 if axis is None else axis} if self.axis and (z.ndim > 1 or axis is not None) else {}
        if self.along != -1 and z.ndim > 1:
            z = np.moveaxis(z, -1, self.along)
        with reasoned():
            a = np.asarray(self.call(z, **keywords))
        if self.along != -1 and z.ndim > 1 and self.kind.rank and a.ndim == z.ndim:
            a = np.moveaxis(a, self.along, -1)
        a = a[0] if wrap and a.ndim and len(a) else a
        return a.copy() if copied else a

    def read(self, a, shape, dtype):
        """An Answer from what was returned. Raises UnfitError for another shape, or what are no real numbers."""
        wanted = shape[:-1] + shape[-1:] * self.kind.rank
        if a.shape != wanted or not (a.dtype.kind in "fiu" or a.dtype.name == "bfloat16"):
            raise UnfitError(f"it gives {a.dtype} of shape {a.shape}; expected real numbers, {wanted}")
        (u, tiny), (u_logits, tiny_logits) = rounding(a.dtype), rounding(dtype)
        return Answer(np.array(a, np.float64), max(u, u_logits), u_logits, max(tiny, tiny_logits))

    def truth(self, z):
        """The right answer to one vector z (n,), float64; kept, as most are asked for again."""
        z = np.asarray(z, np.float64)
        key = z.tobytes()
        if key not in self.truths:
            self.truths[key] = self.kind.truth(z)
        return self.truths[key]

    def room(self, z, answer):
        """The error that rounding allows in the answer to one vector."""
        truth, z = self.truth(z), np.asarray(z, np.float64)
        lost = size(z) * answer.u * (answer.u > answer.u_logits)  # the logits themselves had to be rounded
        return self.kind.room(z, truth, answer.u, lost) + answer.tiny * self.kind.grown

    def why_not(self, *arrays):
        """Why the function cannot be given such arrays; None if it can."""
        return next((why for why in (reason(self.answer, z) for z in arrays) if why), None)

    def unknown(self, z):
        """"it gives NaN", if it does; else None."""
        return "it gives NaN" if np.isnan(self.answer(z).values).any() else None

    def takes(self, array):
        """Whether it answers this very array, of this layout in memory."""
        return reason(self.given, array) is None

    def memory(self, n):
        """The most bytes of NumPy's that one call with n logits holds at a time."""
        tracemalloc.start()
        try:
            reason(self.raw, np.zeros(n))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def reason(ask, *arguments):
    """The words of the UnfitError that ask(*arguments) ends with; None if there is none."""
    try:
        ask(*arguments)
    except UnfitError as error:
        return str(error)
    return None


def parameters_of(f):
    """The names of a function's parameters; none for builtins that do not say."""
    try:
        return set(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        return set()


def half_types():
    """float16, and bfloat16 where ml_dtypes is installed."""
    try:
        from ml_dtypes import bfloat16
    except ImportError:
        return [np.float16]
    return [np.float16, bfloat16]
