"""What must hold of every function of logits. Each identity takes a Subject and one vector z (n,), and returns

    (error / what rounding allows, a sentence that shows the worst place).

Only the formula is compared with the truth. All others compare two answers of the function itself, each with its own
rounding: so a wrong formula breaks the formula, and a batch that is mixed up breaks the rows. Batches, shifts, masks
and orders are made of z, so that a counter-example is one vector, which can be shrunk.
"""

import numpy as np

from tinyattr.testing import cases
from tinyattr.testing.words import apart, text


def ratio(error, allowed):
    """error / allowed, with 0 / 0 = 0; NaN is infinitely wrong."""
    error, allowed = np.asarray(error, float), np.asarray(allowed, float)
    with np.errstate(all="ignore"):
        found = np.where(error == 0, 0, error / np.where(allowed == 0, 5e-324, allowed))
    return np.where(np.isnan(error), np.inf, found)


def distance(a, b):
    """|a - b|, 0 where both are the same infinity or both NaN."""
    with np.errstate(all="ignore"):
        return np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0, np.abs(a - b))


def room(s, z, answer):
    """What rounding allows in an answer to one vector."""
    return s.room(z, s.truth(z), answer)


def worst(findings):
    """Of (ratio, sentence) the first that fails, else the largest: with the largest ratio of all."""
    findings = list(findings)
    most = max((found for found, _ in findings), default=0.0)
    return most, next((sentence for found, sentence in findings if found > 1), "")


def located(s, found, values, wanted):
    """(largest of `found`, "y_2 is 0.3, not 0.4")."""
    i = np.unravel_index(np.argmax(found), np.shape(found))
    where = "".join(f"_{k}" for k in i) if len(i) < 2 else f"[{', '.join(str(k) for k in i)}]"
    return np.max(found), f"{s.kind.letter}{where} is {apart(values[i], np.asarray(wanted)[i])}"


def shape(s, z):
    """An array of real numbers, in the shape that the logits ask for; an UnfitError says what else it is."""
    s.answer(z)
    return 0.0, ""


def value(s, z):
    """The formula itself, entry by entry."""
    answer, truth = s.answer(z), s.truth(z)
    with np.errstate(all="ignore"):  # NaN is never right here
        error = np.where(answer.values == truth, 0, np.abs(answer.values - truth))
    return located(s, ratio(error, room(s, z, answer)), answer.values, truth)


def sums(s, z):
    """Probabilities are in [0, 1] and sum to 1."""
    answer = s.answer(z)
    with np.errstate(all="ignore"):
        y, allowed = s.kind.total(answer.values, room(s, z, answer))
    outside = max((-y).max(), y.max() - 1, 0) if not np.isnan(y).any() else np.nan
    error = abs(y.sum() - 1) + outside
    return ratio(error, allowed.sum() + 4 * answer.u), f"probabilities {text(y)}, their sum {y.sum():.17g}"


def shift(s, z):
    """f(z + t) = f(z) + kappa t, for shifts that keep the logits exact."""
    before = s.answer(z)

    def moved():
        for t in cases.shifts(z):
            after = s.answer(z + t)
            error = distance(after.values, before.values + s.kind.kappa * float(t))
            found = ratio(error, room(s, z, before) + room(s, z + t, after)).max()
            grows = f"; it should grow by {t:g}" if s.kind.kappa else ""
            yield found, f"t = {t:g}: {s.kind.letter} = {text(before.values)} becomes {text(after.values)}{grows}"
    return worst(moved())


def order(s, z):
    """z_i >= z_j: y_i >= y_j, but for rounding."""
    answer = s.answer(z)
    up = np.argsort(z, kind="stable")
    y, allowed = answer.values[up], np.broadcast_to(room(s, z, answer), z.shape)[up]
    if len(z) == 1:
        return 0.0, ""
    tied = np.diff(z[up]) == 0
    with np.errstate(all="ignore"):
        error = np.where(tied, distance(y[1:], y[:-1]), np.where(y[1:] >= y[:-1], 0, y[:-1] - y[1:]))
    found = ratio(error, allowed[:-1] + allowed[1:])
    k = int(found.argmax())
    i, j, a = up[k + 1], up[k], s.kind.letter
    said = f"z_{i} = {z[i]:.6g} {'=' if tied[k] else '>'} z_{j} = {z[j]:.6g}"
    return found.max(), f"{said}, but {a}_{i} = {y[k + 1]:.6g} and {a}_{j} = {y[k]:.6g}"


def reordering(s, z):
    """f(z in another order) = f(z) in that order."""
    straight = s.answer(z)

    def turned():
        for p in cases.permutations(len(z)):
            answer = s.answer(z[p])
            wanted = straight.values[p] if s.kind.rank else straight.values
            found = ratio(distance(answer.values, wanted), 2 * room(s, z[p], answer)).max()
            yield found, f"{s.kind.letter} = {text(straight.values)}; of {text(z[p])} it is {text(answer.values)}"
    return worst(turned())


def masked(s, z):
    """A logit of -inf is as if it were not there: its probability is exactly 0."""
    def hidden():
        for which, m in cases.masks(z):
            kept = m > -np.inf
            answer, short = s.answer(m), s.answer(m[kept])
            wanted = short.values
            if s.kind.rank:
                wanted = np.full(m.shape, s.kind.hidden)
                wanted[kept] = short.values
            found = ratio(distance(answer.values, wanted), 2 * room(s, m, answer))
            yield found.max(), f"with {which} at -inf, z = {text(m)}: {located(s, found, answer.values, wanted)[1]}"
    return worst(hidden())


def rows(s, z, hint="", axes=2):
    """Each row of a batch, of up to so many axes, is answered as it is by itself."""
    return worst((found, example + hint) for batch in cases.batches(z) if batch.ndim <= axes
                 for found, example in by_rows(s, batch, s.answer(batch)))


def by_rows(s, batch, answer, skip=None, what=""):
    """(ratio, sentence) of every row of an answer to a batch, against the answer to that row alone."""
    flat = batch.reshape(-1, batch.shape[-1])
    values = answer.values.reshape(len(flat), *(flat.shape[1:] * s.kind.rank))
    for r, z in enumerate(flat):
        if r != skip:
            alone = s.answer(z)
            found = ratio(distance(values[r], alone.values), 2 * room(s, z, answer))
            _, example = located(s, found, values[r], alone.values)
            yield found.max(), f"row {r} of a batch of shape {batch.shape}{what} is {text(z)}, and its {example}"


def one_long_vector(s):
    """What to say of a function that takes a batch for one long vector; nothing of others."""
    if s.kind.rank != 1 or s.why_not(cases.ROWS) is not None:
        return ""
    long = np.allclose(s.answer(cases.ROWS).values.ravel(), s.truth(cases.ROWS.ravel()), rtol=1e-3)
    return "; the batch is taken for one long vector (batches=False, if the function is for single ones)" * long


def spoilt(s, z):
    """A row of NaN, of infinities or of masks only leaves other rows alone."""
    return worst(found for what, batch, row in cases.spoilt(z)
                 for found in by_rows(s, batch, s.answer(batch), skip=row, what=f" with {what}"))


def axes(s, z):
    """f(Z, axis=k) works along axis k, of two or three."""
    def along():
        block = np.stack([np.stack([z, np.roll(z, 1), z / 2, -z]) * k for k in (1, 0.5)]).astype(z.dtype)  # (2, 4, n)
        for batch in (block[0], block) if s.why_not(block) is None else (block[0],):
            for k in (*range(batch.ndim), *range(-batch.ndim, 0)):
                turned = np.ascontiguousarray(np.moveaxis(batch, -1, k))
                got = s.raw(turned, axis=k)
                got = np.moveaxis(got, k, -1) if s.kind.rank and got.ndim == batch.ndim else got
                for found, example in by_rows(s, batch, s.read(got, batch.shape, batch.dtype)):
                    yield found, f"{s.axis}={k} of logits of shape {turned.shape}: {example}"
    return worst(along())


def layout(s, z):
    """How logits lie in memory changes nothing: strided, reversed, read-only, Fortran-ordered, repeated."""
    def laid():
        for name, array in cases.layouts(z):
            plain = np.array(array, order="C")
            if s.why_not(plain) is None and s.takes(array):
                answer, wanted = s.given(array), s.answer(plain)
                pairs = zip(plain.reshape(-1, len(z)), *(
                    a.values.reshape(-1, *z.shape * s.kind.rank) for a in (answer, wanted)), strict=True)
                for row, got, want in pairs:
                    found = ratio(distance(got, want), 2 * room(s, row, answer))
                    yield found.max(), f"{name}: {located(s, found, got, want)[1]} of the same logits side by side"
    return worst(laid())


def whole(s, z):
    """Whole numbers are logits."""
    def typed():
        for kind in (np.int64, np.int32):
            answer, wanted = s.answer(z.astype(kind)), s.answer(z)
            found = ratio(distance(answer.values, wanted.values), 2 * room(s, z, answer))
            yield found.max(), f"as {kind.__name__}: {located(s, found, answer.values, wanted.values)[1]}"
    return worst(typed())


def empty(s, z, shape):
    """No logits, (0,), and no rows, (0, 3), have answers of their own shape."""
    s.answer(np.zeros(shape, z.dtype))
    return 0.0, ""


def single(s, z):
    """A number without axes is answered as the one class that it is."""
    number, wanted = s.answer(np.array(2, z.dtype)), s.answer(np.array([2], z.dtype))
    found = ratio(distance(number.values, wanted.values.reshape(())), np.max(2 * room(s, np.array([2.0]), number)))
    return found, f"the number 2 has {s.kind.letter} = {number.values:.6g}; the vector (2) has {text(wanted.values)}"


def argument(s, z):
    """The argument is left as it was."""
    def after():
        for array in (z, np.stack([z, z / 2]).astype(z.dtype)):
            if array.ndim == 1 or s.why_not(array) is None:
                mine = array.copy()
                s.raw(mine)
                yield (0.0 if (mine == array).all() else np.inf), f"after the call the array given holds {text(mine)}"
    return worst(after())


def memory(s, z):
    """The same answer twice, in memory of its own: no buffer that the next call overwrites, nothing remembered."""
    other, mine = (z[::-1] / 2 + 1).astype(z.dtype), z.copy()
    returned = s.raw(mine, copied=False)
    first = s.read(returned, z.shape, z.dtype)
    elsewhere = s.answer(other)
    later, again = s.read(returned, z.shape, z.dtype), s.answer(z)
    mine[...] = other
    reused, allowed = s.given(mine), 2 * room(s, z, first)
    pairs = [
        (later, first, 0 * allowed, f"the answer {text(first.values)} holds {text(later.values)} after another call: "
                                    "it shares memory"),
        (again, first, allowed, f"the second time it gives {text(again.values)}, the first time {text(first.values)}"),
        (reused, elsewhere, 2 * room(s, other, reused),
         f"the same array, holding {text(other)} by now, gives {text(reused.values)}: old logits are remembered")]
    return worst((np.max(ratio(distance(got.values, wanted.values), limit)), sentence)
                 for got, wanted, limit, sentence in pairs)


def digits(s, z):
    """log y_c keeps its digits where y_c rounds to 1: it is -log(1 + what is left to the others)."""
    answer, truth, c = s.answer(z), s.truth(z), int(z.argmax())
    gap = z.max() - z[z < z.max()].max() if (z < z.max()).any() else 0
    allowed = (4 * gap + 4 * len(z) + 16) * answer.u * abs(truth[c]) + answer.tiny
    found = ratio(distance(answer.values[c], truth[c]), allowed)
    return found, f"{s.kind.letter}_{c} is {apart(answer.values[c], truth[c])}"
