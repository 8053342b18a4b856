"""Identities for every function of logits. An identity takes a Subject (the function under test) and a vector z (n,).
It yields comparisons: words, what the function returned, what it should have returned, and the error that we allow:

    ("with 8 added to every logit, y", y(z + 8), y(z), allowed rounding error of both)

Only `value` and `pair` compare with the formula. The others compare two results of the function, and both may have
rounding errors. So a wrong formula need not break `rows`, and a function that mixes rows need not break `value`. An
identity makes batches, shifts and masks from z. So a counter-example is a single vector, which we can make simpler.
"""

import numpy as np

from tinyattr.testing import cases
from tinyattr.testing.words import text


def shape(s, z):
    """The result is an array of real numbers, and its shape fits the logits. If not, UnfitError says what it is."""
    s.answer(z)
    return ()


def value(s, z):
    """The result equals the formula in every entry."""
    answer = s.answer(z)
    yield s.kind.given(z) + s.kind.letter, answer.values, s.truth(z), s.room(z, answer)


def pair(s, z):
    """The result equals the formula in both rows of a batch."""
    batch = np.stack([z, z[::-1]])
    answer = s.answer(batch)
    for r, row in enumerate(batch):
        yield (f"row {r} of a batch of shape {batch.shape} is {text(row)}, and its {s.kind.letter}", answer.values[r],
               s.truth(row), s.room(row, answer))


def sums(s, z):
    """Probabilities are in [0, 1] and sum to 1."""
    answer = s.answer(z)
    y, allowed = s.kind.total(answer.values, s.room(z, answer))
    allowed = allowed.sum() + 4 * answer.u
    yield f"of probabilities {text(y)} the largest, up to 1,", max(y.max(), 1), 1, allowed
    yield f"of probabilities {text(y)} the smallest, down to 0,", min(y.min(), 0), 0, allowed
    yield f"the sum of probabilities {text(y)}", y.sum(), 1, allowed


def shift(s, z):
    """f(z + t) = f(z) + kappa t, for numbers t for which z + t has no rounding error."""
    before = s.answer(z)
    for t in cases.shifts(z, 1 / before.tiny):
        after, wanted = s.answer(z + t), before.values + s.kind.kappa * float(t)
        yield f"with {t:g} added to every logit, {s.kind.letter}", after.values, wanted, (
            s.room(z, before) + s.room(z + t, after))


def order(s, z):
    """If z_i >= z_j, then y_i >= y_j, up to rounding."""
    answer, up = s.answer(z), np.argsort(z, kind="stable")
    y, allowed = answer.values[up], np.broadcast_to(s.room(z, answer), z.shape)[up]
    for k in range(len(z) - 1):
        i, j, tied = up[k + 1], up[k], z[up[k + 1]] == z[up[k]]
        wanted = y[k] if tied else np.maximum(y[k], y[k + 1])
        a, said = s.kind.letter, f"z_{i} = {'' if tied else f'{z[i]:.6g} > '}z_{j} = {z[j]:.6g}"
        yield f"{said}, and {a}_{j} = {y[k]:.6g}, but {a}_{i}", y[k + 1], wanted, allowed[k] + allowed[k + 1]


def reordering(s, z):
    """If the logits are put into another order, the results are in the same new order."""
    straight = s.answer(z)
    for p in cases.permutations(len(z)):
        answer, wanted = s.answer(z[p]), straight.values[p] if s.kind.rank else straight.values
        yield f"reordered to {text(z[p])}, {s.kind.letter}", answer.values, wanted, 2 * s.room(z[p], answer)


def masked(s, z):
    """A logit of -inf acts as if its class did not exist: its probability and all its derivatives are exactly 0."""
    for which, m in cases.masks(z):
        kept = m > -np.inf
        answer = s.answer(m)
        wanted = np.full(answer.values.shape, s.kind.hidden)
        wanted[np.ix_(*[kept] * s.kind.rank)] = s.answer(m[kept]).values
        yield (f"with {which} at -inf, z = {text(m)}: {s.kind.letter}", answer.values, wanted, 2 * s.room(m, answer))


def undefined(s, z):
    """If one of several logits is NaN, the sum of the result is NaN. For a single class the result may be 1."""
    for i in {0, len(z) - 1}:
        with_nan = z.copy()
        with_nan[i] = np.nan
        yield f"with z_{i} = NaN, the sum of {s.kind.letter}", s.answer(with_nan).values.sum(), np.nan, 0


def rows(s, z, axes=2):
    """Each row of a batch has the same result as the row alone. axes: largest number of axes of a batch."""
    for batch in cases.batches(z):
        if batch.ndim <= axes:
            yield from by_rows(s, batch, s.answer(batch))


def by_rows(s, batch, answer, skip=None, what="", before=""):
    """Compare every row of the result for a batch with the result for this row alone."""
    flat = batch.reshape(-1, batch.shape[-1])
    values = answer.values.reshape(len(flat), *(flat.shape[1:] * s.kind.rank))
    for r, z in enumerate(flat):
        if r != skip:
            yield (f"{before}row {r} of a batch of shape {batch.shape}{what} is {text(z)}, and its {s.kind.letter}",
                   values[r], s.answer(z).values, 2 * s.room(z, answer))


def spoilt(s, z):
    """A row with NaN, infinities or only masks does not change other rows."""
    for what, batch, row in cases.spoilt(z):
        yield from by_rows(s, batch, s.answer(batch), skip=row, what=f" with {what}")


def axes(s, z):
    """f(Z, axis=k) works along axis k, for arrays Z of two and of three axes."""
    block = np.stack([np.stack([z, np.roll(z, 1), z / 2, -z]) * k for k in (1, 0.5)]).astype(z.dtype)  # (2, 4, n)
    for batch in (block[0], block) if s.why_not(block) is None else (block[0],):
        for k in (*range(batch.ndim), *range(-batch.ndim, 0)):
            turned = np.ascontiguousarray(np.moveaxis(batch, -1, k))
            got = s.raw(turned, axis=k)
            got = np.moveaxis(got, k, -1) if s.kind.rank and got.ndim == batch.ndim else got
            answer = s.read(got, batch.shape, batch.dtype)
            yield from by_rows(s, batch, answer, before=f"{s.axis}={k} of logits of shape {turned.shape}: ")


def layout(s, z):
    """The result does not depend on the memory layout of the logits, such as strided, reversed or Fortran-ordered."""
    for name, array in cases.layouts(z):
        plain = np.array(array, order="C")
        if s.why_not(plain) is None and s.takes(array):
            answer, wanted = s.given(array), s.answer(plain)
            rooms = [s.room(row, answer) for row in plain.reshape(-1, len(z))]
            allowed = 2 * np.reshape(rooms, wanted.values.shape if s.kind.rank else plain.shape[:-1])
            yield f"of {name} logits {text(plain)} {s.kind.letter}", answer.values, wanted.values, allowed


def whole(s, z):
    """Whole numbers give the same result as equal floats."""
    for kind in (np.int64, np.int32):
        answer = s.answer(z.astype(kind))
        yield f"given as {kind.__name__}, {s.kind.letter}", answer.values, s.answer(z).values, 2 * s.room(z, answer)


def empty(s, z, shape):
    """An empty array, (0,) without logits or (0, 3) without rows, gives an empty result of the right shape."""
    s.answer(np.zeros(shape, z.dtype))
    return ()


def single(s, z):
    """A number without axes counts as a single class."""
    number, vector = s.answer(np.array(2, z.dtype)), s.answer(np.array([2], z.dtype))
    allowed = np.max(2 * s.room(np.array([2.0]), number))
    yield f"of the number 2 {s.kind.letter}", number.values, vector.values.reshape(()), allowed


def argument(s, z):
    """The function does not change its argument."""
    for array in (z, np.stack([z, z / 2]).astype(z.dtype)):
        if array.ndim == 1 or s.why_not(array) is None:
            mine = array.copy()
            s.raw(mine)
            yield "after the call, the array that was given has changed: z", mine.astype(float), array.astype(float), 0


def memory(s, z):
    """Two equal calls give equal results in separate memory: a result must not change after it was returned."""
    other, mine = (z[::-1] / 2 + 1).astype(z.dtype), z.copy()
    returned = s.raw(mine, copied=False)
    first = s.read(returned, z.shape, z.dtype)
    elsewhere = s.answer(other)
    later = s.read(returned, z.shape, z.dtype)
    if returned.flags.writeable:
        returned[...] = -1
    again = s.answer(z)
    mine[...] = other
    reused, a = s.given(mine), s.kind.letter
    yield f"after another call, the answer of the first has changed: {a}", later.values, first.values, 0
    yield (f"asked a second time, after -1 was written into the first answer, {a}", again.values, first.values,
           2 * s.room(z, first))
    yield (f"with {text(other)} written into the same array, {a}", reused.values, elsewhere.values,
           4 * s.room(other, reused))


def digits(s, z):
    """log y_c is accurate where y_c rounds to 1. It is -log(1 + sum of e^{d_i} of the others), d_i = z_i - z_c."""
    answer, log_y, c = s.answer(z), s.truth(z), int(z.argmax())
    if 0 < -log_y[c] < answer.u:
        allowed = (4 * np.partition(z[c] - z, 1)[1] + 4 * len(z) + 16) * answer.u * -log_y[c] + answer.tiny
        yield f"{s.kind.letter}_{c}", answer.values[c], log_y[c], allowed
