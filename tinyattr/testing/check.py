"""Identities that a softmax must keep, to point at your own code:

    print(check.softmax_identities(my_softmax, my_jacobian))

Functions take and return arrays; wrap others: lambda z: torch.softmax(torch.tensor(z), -1). They are given one vector
of logits at a time (batches=True tries several rows, too), exact in float32. The type of the answer says what it is
held to: float32 answers to float32 rounding, float64 answers to float64's; half precision is not tried. Not only the
usual softmax passes but any that rounds as its logits allow: an error of eps |z| in an exponent is no fault.
"""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cache

import numpy as np

from tinyattr.scores import SCORES
from tinyattr.softmax import jacobian

RNG = np.random.default_rng(0)
LOGITS = {  # every kind of logits that has broken a softmax; multiples of 1/256, so sums with whole numbers are exact
    "ordinary logits": np.round(RNG.normal(0, 2, 5) * 256) / 256,
    "all equal": np.zeros(4),
    "a tie at the top": np.array([3.0, 3.0, 1.0]),
    "one class": np.array([2.0]),
    "two classes": np.array([-1.0, 1.5]),
    "a leader by 20": np.array([20.0, 0.0, 0.0]),
    "a leader by 40": np.array([0.0, 40.0, 1.0]),
    "a leader by 80": np.array([80.0, 0.0]),
    "large logits": np.array([1000.0, 999.0, 998.0]),
    "very negative logits": np.array([-1000.0, -1001.0, -1002.0]),
    "gaps of thousands": np.array([-4000.0, 0.0, 4000.0]),
    "100 classes": np.round(RNG.normal(0, 3, 100) * 256) / 256,
    "1,000 classes": np.round(RNG.normal(0, 3, 1000) * 256) / 256,
}
MOST_CLASSES = 100  # that Jacobians are tried on: eigenvalues of 1,000 x 1,000 would take seconds
SHIFTS = (1.0, -1.0, 100.0, 2000.0, -2000.0)
ROOM = 4  # roundings allowed beyond those that the formula itself makes


@dataclass(frozen=True)
class Finding:
    """One identity: whether it holds, its worst error in units of what rounding allows, and where that was."""

    identity: str
    worst: float
    example: str

    @property
    def holds(self):
        """True if rounding explains the worst error."""
        return self.worst <= 1


@dataclass(frozen=True)
class Findings:
    """All findings; prints as a table."""

    findings: tuple[Finding, ...]

    @property
    def holds(self):
        """True if every identity holds."""
        return all(f.holds for f in self.findings)

    @property
    def broken(self):
        """Names of the identities that do not hold."""
        return [f.identity for f in self.findings if not f.holds]

    def __str__(self):
        width = max(len(f.identity) for f in self.findings)
        lines = [f"{'identity':<{width}}  holds  error / rounding"]
        for f in self.findings:
            lines.append(f"{f.identity:<{width}}  {'yes' if f.holds else 'NO':<5}  {f.worst:.3g}")
            if not f.holds:
                lines.append(f"{'':<{width}}  {f.example}")
        return "\n".join(lines)


def softmax_identities(my_softmax, my_jacobian=None, *, batches=False):
    """Findings on a softmax z (n,) -> y (n,) and, if given, its Jacobian z (n,) -> J (n, n), J_ij = dy_i/dz_j.

    batches: hold the softmax to one answer for each row of (k, n) logits, too.
    An error inside the functions is not caught: it says more than this table could. An answer of another shape or kind
    is the only finding, then. A Jacobian whose rows do not sum to 0 where a class leads was likely formed by 1 - y_c.
    """
    small = {kind: z for kind, z in LOGITS.items() if len(z) <= MOST_CLASSES}
    tests = [_sums_to_one, _definition, _shift, _order, _relabelling] + [_rows] * batches
    with np.errstate(all="ignore"):  # overflow is a finding here, not a warning
        shapes = [_worst(LOGITS, _shape, my_softmax, 1)]
        if my_jacobian is not None:
            shapes.append(_worst(small, _shape, my_jacobian, 2))
        if not all(found.holds for found in shapes):
            return Findings(tuple(shapes))
        found = [_worst(LOGITS, test, my_softmax) for test in tests]
        if my_jacobian is not None:
            tests = [_jacobian, _row_sums, _column_sums, _symmetry, _semidefinite]
            found += [_worst(small, test, my_jacobian) for test in tests]
            found.append(_worst(small, _differences, my_softmax, my_jacobian))
    return Findings(tuple(found))


def score_identities(scores=None):
    """Findings on a table of scores like SCORES: {name: score(z, c) -> (value, row, log_scale)}; default: our own.

    kappa is whatever the score's own answer to a shift shows: S(z + t) = S(z) + kappa t, and so must the row sum to it.
    """
    scores = scores or SCORES
    rivals = {kind: z for kind, z in LOGITS.items() if len(z) > 1}  # a single class has no odds
    with np.errstate(all="ignore"):
        found = [_worst(rivals, test, name, score)
                 for name, score in scores.items() for test in (_kappa, _score_shift, _score_differences)]
        if {"post", "log", "log_odds"} <= set(scores):
            found.append(_worst(rivals, _proportional, scores))
    return Findings(tuple(found))


# ------------------------------------------------------------- each test returns (identity, error / allowed, example)


def _shape(z, f, axes):
    a, wanted = np.asarray(f(z.copy())), z.shape * axes
    fine = a.shape == wanted and a.dtype.kind in "fiu"
    what = "the softmax" if axes == 1 else "the Jacobian"
    example = f"it gives {a.dtype} of shape {a.shape}; expected real numbers, {wanted}"
    return f"{what} answers in the right shape", 0.0 if fine else np.inf, example


def _sums_to_one(z, f):
    y = _answer(f, z)
    outside = max((-y).max(), y.max() - 1, 0)
    error = _ratio(abs(y.sum(dtype=float) - 1) + outside, _room(z, y))
    return "probabilities are in [0, 1] and sum to 1", error, f"y = {_text(y)}, its sum {y.sum(dtype=float):.17g}"


def _definition(z, f):
    y, exact = _answer(f, z), _exact(z)
    allowed = _room(z, y) * exact + _tiny(y)
    errors = _ratio(np.abs(y - exact), allowed)
    i = errors.argmax()
    return "y_c = e^(z_c) / sum e^(z_i)  (1)", errors[i], f"y_{i} is {_apart(y[i], exact[i])}"


def _shift(z, f):
    y = _answer(f, z)
    errors = [_ratio(np.abs(_answer(f, z + t) - y), (_room(z + t, y) + _room(z, y)) * np.abs(y) + _tiny(y)).max()
              for t in SHIFTS]
    t = SHIFTS[int(np.argmax(errors))]
    example = f"t = {t:g}: y = {_text(y)} becomes {_text(_answer(f, z + t))}"
    return "adding t to every logit changes nothing  (8)", np.max(errors), example


def _order(z, f):
    y = _answer(f, z)
    wrong = (z[:, None] >= z) & ~(y[:, None] >= y)  # also where y is NaN
    i, j = np.unravel_index(wrong.argmax(), wrong.shape)
    example = f"z_{i} = {z[i]:.6g} >= z_{j} = {z[j]:.6g}, but y_{i} is {_apart(y[i], y[j])}, that of y_{j}"
    return "a larger logit never has less, equal ones the same", np.inf if wrong.any() else 0.0, example


def _relabelling(z, f):
    y, back = _answer(f, z), _answer(f, z[::-1])[::-1]
    error = _ratio(np.abs(y - back), 2 * _room(z, y) * np.abs(y) + _tiny(y)).max()
    return "reordering classes reorders probabilities", error, f"y = {_text(y)}, from the reversed logits {_text(back)}"


def _rows(z, f):
    Z = np.stack([z, z[::-1], z / 2])
    Y, each = _answer(f, Z), np.stack([_answer(f, row) for row in Z])
    if Y.shape != each.shape:
        return "each row of a batch is answered by itself", np.inf, f"a batch {Z.shape} gives shape {Y.shape}"
    error = _ratio(np.abs(Y - each), 2 * _room(z, Y) * np.abs(each) + _tiny(Y)).max()
    return "each row of a batch is answered by itself", error, f"a batch of 3 gives {_text(Y.ravel())}"


def _jacobian(z, f):
    J, exact = _answer(f, z), jacobian(_exact(z))
    errors = _ratio(np.abs(J - exact), 2 * _room(z, J) * np.abs(exact).max(-1, keepdims=True) + _tiny(J))
    i, j = np.unravel_index(errors.argmax(), errors.shape)
    return "J_ij = y_i (delta_ij - y_j)  (4)", errors.max(), f"J[{i}, {j}] is {_apart(J[i, j], exact[i, j])}"


def _row_sums(z, f):
    return _sums("every row of J sums to 0: J 1 = 0", "row", z, _answer(f, z))


def _column_sums(z, f):
    return _sums("every column of J sums to 0: 1^T J = 0", "column", z, _answer(f, z).T)


def _sums(identity, what, z, J):
    largest = np.abs(J).max(-1)
    errors = _ratio(np.abs(J.sum(-1, dtype=float)), 2 * _room(z, J) * largest + _tiny(J))
    i = int(errors.argmax())
    return identity, errors[i], f"{what} {i} sums to {J[i].sum():.3g}, its largest entry is {largest[i]:.3g}"


def _symmetry(z, f):
    J = _answer(f, z)
    errors = _ratio(np.abs(J - J.T), ROOM * len(z) * _eps(J) * np.minimum(np.abs(J), np.abs(J.T)) + _tiny(J))
    i, j = np.unravel_index(errors.argmax(), errors.shape)
    return "J is symmetric", errors.max(), f"J[{i}, {j}] = {J[i, j]:.6g}, J[{j}, {i}] = {J[j, i]:.6g}"


def _semidefinite(z, f):
    J = np.asarray(_answer(f, z), float)
    least = np.linalg.eigvalsh((J + J.T) / 2)[0] if np.isfinite(J).all() else -np.inf
    allowed = ROOM * len(z) * _eps(_answer(f, z)) * np.abs(J).max() + _tiny(J)
    return "v^T J v >= 0 for every v", _ratio(max(-least, 0), allowed), f"an eigenvalue is {least:.3g}"


def _differences(z, f, g):
    y, v = _answer(f, z), np.cos(np.arange(len(z)))
    eps = max(_eps(y), _eps(_answer(g, z)))
    step = eps ** (1 / 3)
    difference = (_answer(f, z + step * v).astype(float) - _answer(f, z - step * v)) / (2 * step)
    # A central difference errs by step^2 |y'''| / 6 and by the logits' rounding over the step.
    allowed = ROOM * step**2 + ROOM * eps * (1 + np.abs(z).max()) / step
    errors = np.abs(_answer(g, z) @ v - difference)
    i = errors.argmax()
    slope = (_answer(g, z) @ v)[i]
    example = f"along v = (cos 0, cos 1, ...) y_{i} grows by {_apart(slope, difference[i])} of differences"
    return "J v is the derivative of the softmax along v", _ratio(errors[i], allowed), example


def _kappa(z, name, score):
    t, eps = 256.0, np.finfo(float).eps
    found = []
    for c in range(min(len(z), 5)):
        (S, row, scale), shifted = score(z, c), score(z + t, c)[0]
        kappa, slope = (shifted - S) / t, row.sum() * np.exp(scale)
        allowed = eps * (len(z) + (abs(S) + np.abs(z).max() + t) / t) * ROOM
        example = f"class {c}: it sums to {slope:.3g}, a shift of 1 adds {kappa:.3g}"
        found.append((_ratio(abs(slope - kappa), allowed), example))
    return f"{name}: the row sums to kappa", *max(found)


def _score_shift(z, name, score):
    worst, example, n = 0.0, "", len(z)
    for c in range(min(n, 5)):
        for t in SHIFTS:
            (S, row, scale), (S_t, row_t, scale_t) = score(z, c), score(z + t, c)
            kappa = round(float(row.sum() * np.exp(scale)))
            allowed = ROOM * np.finfo(float).eps * (n + abs(S) + np.abs(z).max() + abs(t))
            moved = abs(S_t - S - kappa * t) + np.abs(row_t - row).max() + abs(scale_t - scale)
            error = _ratio(moved, allowed)
            if not error <= worst:
                worst, example = error, f"class {c}, t = {t:g}: S goes from {S:.6g} to {S_t:.6g}, kappa is {kappa}"
    return f"{name}: a shift t changes S by kappa t, the row not at all", worst, example


def _score_differences(z, name, score):
    identity = f"{name}: the row is dS/dz"
    if name == "margin" and len(set(z)) < len(z):  # a tie among rivals is a kink
        return identity, 0.0, ""
    v, step = np.cos(np.arange(len(z))), np.finfo(float).eps ** (1 / 3)
    worst, example = 0.0, ""
    for c in range(min(len(z), 5)):
        S, row, scale = score(z, c)
        difference = (score(z + step * v, c)[0] - score(z - step * v, c)[0]) / (2 * step)
        allowed = ROOM * (step**2 + np.finfo(float).eps * (1 + abs(S) + np.abs(z).max()) / step)
        slope = row @ v * np.exp(scale)
        error = _ratio(abs(slope - difference), allowed)
        if not error <= worst:
            worst, example = error, f"class {c}: along v it gives {slope:.6g}, differences {difference:.6g}"
    return identity, worst, example


def _proportional(z, scores):
    identity = "post, log and log_odds: one direction, dy_c = y_c dlog y_c = y_c (1 - y_c) dlog_odds"
    worst, example = 0.0, ""
    for c in range(min(len(z), 5)):
        _, row, scale = scores["post"](z, c)
        log_y, row_log, scale_log = scores["log"](z, c)
        odds, row_odds, _ = scores["log_odds"](z, c)
        error = np.abs(row - row_odds).max() + np.abs(row_log - row_odds).max()
        error += abs(scale - scale_log - log_y) / (1 + abs(scale))  # log y_c
        error += abs(scale_log + np.logaddexp(0, odds)) / (1 + abs(odds))  # log (1 - y_c)
        if not error <= worst:
            worst, example = error, f"class {c}: log_scale {scale:.6g} of post, {scale_log:.6g} of log"
    return identity, _ratio(worst, ROOM * len(z) * np.finfo(float).eps), example


# ------------------------------------------------------------------------------------------------------------- helpers


def _worst(logits, test, *functions):
    """The finding of test(z, *functions) over all kinds of logits: the worst error, and the first kind that fails."""
    worst, shown = -1.0, ""
    for kind, z in logits.items():
        identity, error, example = test(z, *functions)
        error = np.inf if np.isnan(error) else float(error)
        if error > worst and worst <= 1:
            shown = f"{kind}, z = {_text(z)}: {example}"
        worst = max(worst, error)
    return Finding(identity, worst, shown)


def _exact(z):
    """softmax(z), right to the last bit: in 40 decimal digits, then rounded."""
    return np.array(_decimal_softmax(tuple(z.tolist())))


@cache
def _decimal_softmax(z):
    with localcontext() as context:
        context.prec = 40
        w = [(Decimal(v) - Decimal(max(z))).exp() for v in z]
        total = sum(w)
        return [float(v / total) for v in w]


def _answer(f, z):
    """f(z), copied: some functions change their input or answer in the same memory every time."""
    return np.array(f(z.copy()))


def _room(z, a):
    """Relative error that rounding explains in an answer `a` to logits z: of the gaps, of the logits, of n sums."""
    return (np.ptp(z) + np.abs(z).max() + len(z) + ROOM) * _eps(a)


def _apart(got, wanted):
    """"0.3, not 0.4"; where that would read the same, how far apart."""
    if f"{got:.6g}" != f"{wanted:.6g}":
        return f"{got:.6g}, not {wanted:.6g}"
    return f"{got:.6g}, off by {abs(got - wanted):.1e} from the value"


def _eps(a):
    """Rounding of the answer's own type, float64's for whole numbers and for wider floats."""
    return max(np.finfo(a.dtype if a.dtype.kind == "f" else np.float64).eps, np.finfo(np.float64).eps)


def _tiny(a):
    """The smallest normal number: below it relative rounding ends."""
    return max(np.finfo(a.dtype if a.dtype.kind == "f" else np.float64).tiny, np.finfo(np.float64).tiny)


def _ratio(error, allowed):
    """error / allowed, with 0 / 0 = 0."""
    error, allowed = np.asarray(error, float), np.asarray(allowed, float)
    return np.where(error == 0, 0.0, error / np.where(allowed == 0, np.finfo(float).tiny, allowed))


def _text(values):
    """(1, 2.5, 3), shortened."""
    few = np.ravel(values) if np.size(values) <= 4 else np.ravel(values)[:3]
    return f"({', '.join(f'{v:.4g}' for v in few)}{', ...' if np.size(values) > 4 else ''})"
