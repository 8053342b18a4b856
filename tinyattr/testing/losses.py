"""Test a cross-entropy: the loss and its gradient, for every form of targets.

The loss of a row is always L = -w sum_i c_i log y_i, and its gradient is w (y sum c - c). The weight w and the
coefficients c depend on the target:

    a class t           c = e_t
    probabilities       c = t
    label smoothing     c = (1 - eps) e_t + eps / n; or, in another definition, eps / (n - 1) for every class but t
    class weights       c = e_t, w is the weight of class t
    an ignored class    w = 0, c = 0, whatever the row's logits are

Masks: a logit of -inf has y = 0, log y = -inf. L is +inf if c is not 0 there, as with smoothing. If c is 0, the class
has no effect, because 0 log 0 = 0 (the limit of y log y) and the gradient y sum c - c is 0.

Allowed errors: for L, sum c_i a_i (see truth.py) plus n + 4 roundings of sum c_i |log y_i|. For the gradient, R_j sum c
(R_j is that of y_j), plus n + 8 roundings of y_j sum c, plus 4 of c_j. A sum over N rows has N roundings more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from tinyattr.errors import InputError
from tinyattr.testing import cases
from tinyattr.testing.derivatives import differences
from tinyattr.testing.examine import finding
from tinyattr.testing.report import of_derivative, of_function
from tinyattr.testing.subject import Subject, UnfitError, beside, parameters_of, reason, reasoned
from tinyattr.testing.truth import Kind, log_softmax, log_softmax_room, rounding, softmax, softmax_room
from tinyattr.testing.words import text

EPS = 0.125
EACH, MEAN, WEIGHTED = "a number for each row", "the mean of the rows'", "the mean of the rows', by their weights"
INFINITE = ("; a masked class with target 0 adds nothing (0 log 0 = 0), with another target the loss is infinite; to "
            "try no masks, say masks=False (--unmasked)")
REDUCTIONS = {  # {reduction: w -> factor of each row's loss, (N,)}. Except for EACH, the losses are then summed
    EACH: lambda w: w, "the sum of the rows'": lambda w: w,
    MEAN: lambda w: w / len(w), WEIGHTED: lambda w: w / w.sum()}


@dataclass(frozen=True)
class Form:
    """A Form of targets makes targets (N,) or (N, n) for logits (N, n), and has their coefficients c and weights w."""

    name: str
    targets: Callable
    coefficients: Callable
    weights: Callable = lambda t, n: np.ones(len(t))
    keywords: Callable = lambda Z: {}
    means: tuple = (MEAN,)  # possible meanings of a mean over rows
    spread: bool = False  # True if all classes, also masked ones, have some probability


def mixed(Z):
    """Return a class for each row: in turn the most likely, the first, the last, the least likely."""
    n, r = Z.shape[-1], np.arange(len(Z))
    return np.stack([Z.argmax(-1), 0 * r, 0 * r + n - 1, Z.argmin(-1)])[r % 4, r]


def some_ignored(Z, mark):
    """Return classes as `mixed` does, but `mark`, the ignored class, for the first row, and class 0 for the second."""
    t = mixed(Z)
    t[:2] = mark, 0
    return t


def halves(k):
    """Return k probabilities 1/2, 1/4, ..., the last two equal: exact in every type. If k >= 100, all are 1 / k."""
    return 2.0 ** -np.minimum(np.arange(1, k + 1), k - 1.0) if k < 100 else np.full(k, 1 / k)


def shares(Z):
    """Return `halves` for each row, (..., n). Of three or more classes one gets 0. Each row is rotated by one more."""
    n = Z.shape[-1]
    t = np.append(halves(n - 1), 0) if n > 2 else halves(n)
    turned = np.stack([np.roll(t, r) for r in range(len(Z))]) if Z.ndim > 1 else t
    return turned.astype(Z.dtype if Z.dtype.kind == "f" else np.float64)


def one_hot(t, n):
    """e_t, (..., n)."""
    return (np.arange(n) == np.asarray(t)[..., None]).astype(np.float64)


def smoothed(t, n, others):
    """(1 - eps) e_t + eps / n. With `others`: (1 - eps) for class t, and eps / (n - 1) for each other class."""
    e = one_hot(t, n)
    return (1 - EPS) * e + EPS * ((1 - e) / max(n - 1, 1) if others else 1 / n)


def class_weights(n):
    """1, 2, 4, 1, 2, 4, ..."""
    return 2.0 ** (np.arange(n) % 3)


HARD = Form("a class", mixed, one_hot)
SOFT = Form("probabilities", shares, lambda t, n: t)
PARAMETERS = {  # {what: (possible names of the parameter, name -> lists of forms; one form of each list must fit)}
    "label smoothing": (("label_smoothing", "smoothing"), lambda name: [[
        Form(f"a class, label smoothing {EPS} shared by {whose}", mixed, partial(smoothed, others=others),
             keywords=lambda Z: {name: EPS}, spread=True)
        for whose, others in (("all", False), ("the others", True))]]),
    "class weights": (("weight", "weights", "class_weights"), lambda name: [[
        Form("a class, class weights", mixed, one_hot, lambda t, n: class_weights(n)[t],
             lambda Z: {name: class_weights(Z.shape[-1]).astype(Z.dtype)}, (MEAN, WEIGHTED))]]),
    "an ignored class": (("ignore_index", "ignored"), lambda name: [
        [Form(f"a class, {mark} ignored", partial(some_ignored, mark=mark), one_hot,
              lambda t, n, mark=mark: (t != mark).astype(float), lambda Z, mark=mark: {name: mark}, (WEIGHTED,))]
        for mark in (1, -100)])}


def cross_entropy(z, c):
    """-sum c log y of one row, where 0 log 0 = 0."""
    return -(c[c != 0] * log_softmax(z)[c != 0]).sum()


def loss_room(z, c, u, lost=0):
    """Return the error that rounding allows in -sum c log y of one row."""
    log_y = log_softmax(z)
    each = log_softmax_room(z, log_y, u, lost) + (len(z) + 4) * u * np.abs(log_y)
    return (c[c != 0] * each[c != 0]).sum()


def slope(z, c):
    """y sum c - c of one row, (n,)."""
    return softmax(z) * c.sum() - c


def slope_room(z, c, u, lost=0):
    """Return the error that rounding allows in y sum c - c of one row, (n,)."""
    y = softmax(z)
    return (softmax_room(z, y, u) + (len(z) + 8) * u * y) * c.sum() + 4 * u * c


LOSS, GRADIENT = ("L", 0, cross_entropy, loss_room), ("dL/dz", 1, slope, slope_room)


MASKS = {  # {which classes are masked: coefficients (N, n) -> mask (N, n)}; at least one class of a row is not masked
    "a class without probability": lambda c: (c == 0) & ((c == 0).cumsum(-1) == 1),
    "every class without probability": lambda c: (c == 0) & (one_hot(c.argmax(-1), c.shape[-1]) == 0),
    "the target of the second row": lambda c: (c > 0) & (np.arange(len(c)) == 1)[:, None] & (
        one_hot(c.argmax(-1), c.shape[-1]) > 0)}


def masked_rows(part, ask, form, reduction, z):
    """Compare as `of_rows` does, but with masks of -inf. Where the loss is infinite, there is no gradient."""
    for which, where in MASKS.items() if len(z) > 1 else ():
        for words, *compared in of_rows(part, ask, form, reduction, z, where):
            yield f"with {which} at -inf, {words}", *compared


def of_rows(part, ask, form, reduction, z, masks=None):
    """Make four rows from z, and compare their loss, or its gradient, with the truth for one reduction."""
    letter, rank, truth, room = part
    Z = np.stack([z, np.roll(z, 1), -z, z / 2]).astype(z.dtype)
    t, n = form.targets(Z), len(z)
    w = form.weights(t, n)
    c = form.coefficients(t, n).astype(float) * (w > 0)[:, None]
    hidden = np.zeros(Z.shape, bool) if masks is None else masks(c)
    if rank and c[hidden].any():
        return
    Z[hidden] = -np.inf
    with reasoned():
        answer = np.asarray(beside(ask, Z.copy(), t, **form.keywords(Z)))
    u_logits = rounding(z.dtype)[0]
    u = max(rounding(answer.dtype)[0], u_logits)
    lost = np.abs(z).max() * u * (u > u_logits)  # the logits were rounded too
    pairs = list(zip(Z.astype(float), c, strict=True))
    scale = REDUCTIONS[reduction](w).reshape(-1, *[1] * rank)
    wanted = scale * np.array([truth(row, c) for row, c in pairs])
    allowed = scale * np.array([room(row, c, u, lost) for row, c in pairs]) + len(Z) * u * np.abs(wanted)
    allowed = allowed + rounding(np.float32)[1]
    rows = [f"logits {text(row)}, target {text(k)}" for row, k in zip(Z, t, strict=True)]
    if rank == 0 and reduction != EACH:
        rows, wanted, allowed = ["; ".join(rows)], wanted.sum(keepdims=True), allowed.sum(keepdims=True)
        answer = answer[None]
    if answer.shape != wanted.shape:
        raise UnfitError(f"of four rows it gives shape {answer.shape}; {reduction} has {wanted.shape}")
    yield from zip([f"{row}: {letter}" for row in rows], answer.astype(np.float64), wanted, allowed, strict=True)


def of_loss(report, loss, gradient=None, batches=None, masks=None):
    """Test the loss with every form of targets that it takes, and its gradient."""
    takes = {form: refusal(loss, form) for form in (HARD, SOFT)}
    if None not in takes.values():
        raise InputError(f"the loss answers neither classes nor probabilities as targets: {takes[HARD]}; {takes[SOFT]}")
    main = next(form for form in takes if takes[form] is None)
    s = single(loss, main, LOSS, "L = -sum_c t_c log y_c  (11)")
    s.wraps = s.why_not(cases.ORDINARY) is not None
    if s.wraps:
        report.not_tried.append("one vector (n,) by itself: the loss takes batches only")
    ask, reduction = asked_for_rows(loss, main, batches), None
    one = None if np.ndim(ask(*two_rows(main))) else "the loss of a batch is one number, see below"
    masks = of_function(report, s, one or (batches if ask is loss else False), masks)
    if not report.fit:
        return
    masks_of_gradient = False
    if gradient is not None:
        g = single(gradient, main, GRADIENT, "dL/dz = y - t  (13)")
        g.wraps = s.wraps
        along = ("dL/dz . v is the derivative along v", partial(differences, s), cases.DISTINCT)
        masks_of_gradient = of_derivative(report, g, [along], "see below", masks)
    for alternatives in forms(report, loss, takes):
        form, reduction = best(ask, alternatives, reduction)
        by_form(report, f"targets: {form.name}; the loss of a batch is {reduction}",
                (LOSS, ask, form, reduction), masks, f"masks of -inf, targets: {form.name}", INFINITE)
        missing = set(form.keywords(cases.ROWS)) - parameters_of(gradient)
        why = f"the gradient has no parameter {missing.pop()}" if missing else None
        if gradient is not None and report.able(f"dL/dz, {form.name}", None, why):
            by_form(report, f"dL/dz = y sum t - t  (13), targets: {form.name}",
                    (GRADIENT, asked_for_rows(gradient, main, batches), form, reduction),
                    masks_of_gradient and not form.spread, f"masks of -inf, dL/dz, targets: {form.name}")


def by_form(report, name, asked, masks, masked_name, hint=""):
    """Test the loss or gradient of four rows and, if it is right, of rows with masks."""
    right = report.add(name, partial(of_rows, *asked), cases.RIVALS)
    if masks and report.able(masked_name, right or "without masks it is wrong already", None):
        report.add(masked_name, partial(masked_rows, *asked), cases.MASKED_RIVALS, hint=hint)


def forms(report, loss, takes):
    """Yield, for each way to call the function, a list of the forms of targets that may fit."""
    for form, why in takes.items():
        if report.able(f"targets: {form.name}", None, why):
            yield [form]
    for what, (names, asked_by) in PARAMETERS.items():
        name = next((name for name in names if name in parameters_of(loss)), None)
        why = f"the loss has no parameter {' or '.join(names)}" if name is None else None
        if report.able(what, None, why or (takes[HARD] and "classes are not taken")):
            yield from asked_by(name)


def best(ask, alternatives, reduction):
    """Return the (form, reduction) with the smallest error: several are in use. reduction: of earlier forms, if any."""
    def error(pair):
        return finding("", partial(of_rows, LOSS, ask, *pair), cases.PROBES.values()).worst
    pairs = [(form, other) for form in alternatives for other in (
        REDUCTIONS if reduction is None else form.means if reduction == MEAN else [reduction])]
    return min(pairs, key=error)


def two_rows(form):
    """Return two rows of ordinary logits and their targets."""
    return cases.ROWS.copy(), form.targets(cases.ROWS)


def asked_for_rows(f, form, batches):
    """Return f if it takes batches, else a function that calls f for each row."""
    def one_by_one(Z, t, **keywords):
        return np.array([f(z, k, **keywords) for z, k in zip(Z, t, strict=True)])

    why = reason(answered, f, *two_rows(form), ((), (2,), cases.ROWS.shape))
    return one_by_one if batches is False or (batches is None and why) else f


def answered(f, Z, t, shapes=((), (2,))):
    """Return f(Z, t) as an array. Raises UnfitError unless it has one of these shapes."""
    with reasoned():
        answer = np.asarray(f(Z, t))
    if answer.shape not in shapes:
        raise UnfitError(f"it gives shape {answer.shape}")
    return answer


def refusal(loss, form):
    """Return why a loss does not take such targets, or None. (A loss that multiplies by the class gives 0.)"""
    def asked(Z, t):
        if not answered(loss, Z, t).any() or (form is HARD and not answered(loss, Z, t * 0).any()):
            raise UnfitError("it gives 0")

    Z, t = two_rows(form)
    return reason(asked, Z, t) and reason(asked, Z[0], t[0])


def single(f, form, part, identity):
    """Return a loss or gradient as a function of logits alone. Its target is the top class, or fixed probabilities."""
    letter, rank, truth, room = part

    def target(Z):
        if form is HARD:
            return Z.argmax(-1) if Z.shape[-1:] != (0,) else np.zeros(Z.shape[:-1], int)
        return np.array([by_rank(z) for z in Z.reshape(-1, Z.shape[-1])]).reshape(Z.shape)

    def by_rank(z):
        t, down = np.zeros(z.shape, z.dtype if z.dtype.kind == "f" else float), (-z).argsort(kind="stable")
        k = np.count_nonzero(z > -np.inf)
        t[down[:k]] = halves(k)
        return t

    def coefficients(z):
        return np.asarray(form.coefficients(target(z), len(z)), float)
    return Subject(lambda Z: beside(f, Z, target(Z)), Kind(
        letter, identity, lambda z: truth(z, coefficients(z)),
        lambda z, y, u, lost: room(z, coefficients(z), u, lost), rank,
        given=lambda z: f"target {text(target(z))}, and "))
