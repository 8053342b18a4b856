"""A Subject is the function under test. It takes logits and returns an Answer, and knows which errors are allowed."""

import inspect
import tracemalloc
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from tinyattr.testing.truth import Kind, rounding, size


class UnfitError(Exception):
    """An UnfitError says that the function raised an error, or did not return an array of the right shape."""


@contextmanager
def reasoned():
    """Turn each error of the function under test into an UnfitError that describes it. Its warnings are not shown."""
    try:
        with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
            yield
    except Exception as error:
        raise UnfitError(f"it raised {type(error).__name__}: {' '.join(str(error).split())[:100]}") from error


def beside(f, z, other, **keywords):
    """Return f(z, other) for a copy of `other` (a vector or targets). Raises UnfitError if f changes the copy."""
    mine = other.copy()
    answer = f(z, mine, **keywords)
    if not np.array_equal(mine, other):
        raise UnfitError("it overwrites its second argument")
    return answer


@dataclass
class Answer:
    """An Answer has the function's result as float64.

    u: see truth.py; the larger one of the result's type and the logits' type. u_logits: that of the logits' type.
    tiny: the larger one of the smallest normal numbers of both types.
    """

    values: np.ndarray
    u: float
    u_logits: float
    tiny: float


@dataclass
class Subject:
    """A Subject is a function under test, `call`, of logits (..., n). kind: what is right.

    axis: name of its parameter for an axis, or None. along: the axis of a batch along which it works.
    """

    call: Callable
    kind: Kind
    axis: str | None = None
    along: int = -1
    wraps: bool = False  # True if one vector must be given as a batch of one row
    truths: dict = field(default_factory=dict)

    def answer(self, z, axis=None):
        """Return the Answer to a copy of logits z (..., n). Raises UnfitError."""
        return self.given(z.copy(), axis)

    def given(self, z, axis=None):
        """Return the Answer to this array, without a copy. Raises UnfitError."""
        shape, dtype = z.shape, z.dtype
        return self.read(self.raw(z, axis), shape, dtype)

    def raw(self, z, axis=None, copied=True):
        """Return the function's result as an array: a copy, or the memory that it returned. Raises UnfitError."""
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
        """Return the result as an Answer. Raises UnfitError for another shape, or if it is not real numbers."""
        wanted = shape[:-1] + shape[-1:] * self.kind.rank
        if a.shape != wanted or not (a.dtype.kind in "fiu" or a.dtype.name == "bfloat16"):
            raise UnfitError(f"it gives {a.dtype} of shape {a.shape}; expected real numbers, {wanted}")
        (u, tiny), (u_logits, tiny_logits) = rounding(a.dtype), rounding(dtype)
        return Answer(np.array(a, np.float64), max(u, u_logits), u_logits, max(tiny, tiny_logits))

    def truth(self, z):
        """Return the right answer to one vector z (n,), float64. We keep it, because it is often needed again."""
        z = np.asarray(z, np.float64)
        key = z.tobytes()
        if key not in self.truths:
            self.truths[key] = self.kind.truth(z)
        return self.truths[key]

    def room(self, z, answer):
        """Return how much rounding may change the answer to one vector."""
        truth, z = self.truth(z), np.asarray(z, np.float64)
        lost = size(z) * answer.u * (answer.u > answer.u_logits)  # the logits themselves had to be rounded
        return self.kind.room(z, truth, answer.u, lost) + answer.tiny * self.kind.grown

    def why_not(self, *arrays):
        """Return why the function does not take these arrays, as a text, or None if it takes them."""
        return next((why for why in (reason(self.answer, z) for z in arrays) if why), None)

    def unknown(self, z):
        """Return "it gives NaN" if the function returns NaN, else None."""
        return "it gives NaN" if np.isnan(self.answer(z).values).any() else None

    def takes(self, array):
        """Return True if the function takes this array with its memory layout."""
        return reason(self.given, array) is None

    def memory(self, n):
        """Return the largest number of bytes that NumPy holds during one call with n logits."""
        tracemalloc.start()
        try:
            reason(self.raw, np.zeros(n))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def reason(ask, *arguments):
    """Return the message of the UnfitError of ask(*arguments), or None."""
    try:
        ask(*arguments)
    except UnfitError as error:
        return str(error)
    return None


def parameters_of(f):
    """Return the names of a function's parameters; no names for builtins that do not tell them."""
    try:
        return set(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        return set()


def half_types():
    """Return float16, and bfloat16 if ml_dtypes is installed."""
    try:
        from ml_dtypes import bfloat16
    except ImportError:
        return [np.float16]
    return [np.float16, bfloat16]
