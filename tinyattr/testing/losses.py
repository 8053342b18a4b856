"""Cross-entropy: every form of target, its loss and its gradient.

Every loss of a row is L = -w sum_i c_i log y_i, and its gradient w (y sum c - c), for a weight w and coefficients c
that follow from the target:

    a class t           c = e_t
    probabilities       c = t
    label smoothing     c = (1 - eps) e_t + eps / n, or, as some define it, eps / (n - 1) for every other class
    class weights       c = e_t, w that of class t
    an ignored class    w = 0

Rounding: L errs by sum c_i a_i (truth.py) and n + 4 roundings of sum c_i |log y_i|; the gradient by R_j sum c, n + 8
roundings of y_j sum c, and 4 of c_j. A sum over N rows adds N roundings.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from tinyattr.errors import InputError
from tinyattr.testing import cases
from tinyattr.testing.derivatives import differences
from tinyattr.testing.examine import finding
from tinyattr.testing.identities import ratio
from tinyattr.testing.report import ORDINARY, of_derivative, of_function
from tinyattr.testing.subject import Subject, UnfitError
from tinyattr.testing.truth import Kind, log_softmax, log_softmax_room, rounding, softmax, softmax_room
from tinyattr.testing.words import apart, text

EPS, IGNORED = 0.125, (1, -100)
PARAMETERS = {"label smoothing": ("label_smoothing", "smoothing"),
              "class weights": ("weight", "weights", "class_weights"),
              "an ignored class": ("ignore_index", "ignored")}
REDUCTIONS = {  # what a function makes of L (N,) and w (N,): its loss, and the factor of each row's gradient
    "a number for each row": (lambda L, w: w * L, lambda w: w),
    "the sum of the rows'": (lambda L, w: (w * L).sum(), lambda w: w),
    "the mean of the rows'": (lambda L, w: (w * L).mean(), lambda w: w / len(w)),
    "the weighted mean of the rows'": (lambda L, w: (w * L).sum() / w.sum(), lambda w: w / w.sum())}


@dataclass(frozen=True)
class Form:
    """How targets (N,) or (N, n) are made of logits (N, n), and what they mean: coefficients (N, n), weights (N,)."""

    name: str
    targets: Callable
    coefficients: Callable
    weights: Callable = lambda t, n: np.ones(len(t))
    keywords: Callable = lambda Z: {}
    weighs: bool = False  # a mean may be weighted


def mixed(Z):
    """A class for each row: the likeliest, the first, the last, the least likely, in turns."""
    n = Z.shape[-1]
    choices = np.stack([Z.argmax(-1), 0 * Z.argmax(-1), 0 * Z.argmax(-1) + n - 1, Z.argmin(-1)])
    return choices[np.arange(len(Z)) % 4, np.arange(len(Z))]


def some_ignored(Z, mark):
    """The same with the first row ignored, by its class or by a mark that is no class; the second row counts."""
    t = mixed(Z)
    t[0] = mark
    t[1] = 0
    return t


def halves(Z):
    """Probabilities 1/2, 1/4, ..., the last one twice, turned from row to row: exact in every type, (..., n)."""
    n = Z.shape[-1]
    t = 2.0 ** -np.minimum(np.arange(1, n + 1), n - 1.0) if n < 100 else np.full(n, 1 / n)
    turned = np.stack([np.roll(t, r) for r in range(len(Z))]) if Z.ndim > 1 else t
    return turned.astype(Z.dtype if Z.dtype.kind == "f" else np.float64)


def one_hot(t, n):
    """e_t, (..., n)."""
    return (np.arange(n) == np.asarray(t)[..., None]).astype(np.float64)


def smoothed(t, n, others):
    """(1 - eps) e_t + eps / n, or eps / (n - 1) for all classes but t."""
    e = one_hot(t, n)
    return (1 - EPS) * e + EPS * ((1 - e) / max(n - 1, 1) if others else 1 / n)


def class_weights(n):
    """1, 2, 4, 1, 2, 4, ..."""
    return 2.0 ** (np.arange(n) % 3)


HARD = Form("a class", mixed, one_hot)
SOFT = Form("probabilities", halves, lambda t, n: t)


def loss_room(z, c, u, lost=0):
    """The error allowed in -sum c log y of one row."""
    log_y = log_softmax(z)
    some = c != 0
    each = log_softmax_room(z, log_y, u, lost) + (len(z) + 4) * u * np.abs(log_y)
    return (c[some] * each[some]).sum()


def gradient_room(z, c, u, lost=0):
    """The error allowed in y sum c - c of one row, (n,)."""
    y = softmax(z)
    return (softmax_room(z, y, u) + (len(z) + 8) * u * y) * c.sum() + 4 * u * c


def cross_entropy(z, c):
    """-sum c log y of one row; 0 log 0 = 0."""
    return -(c[c != 0] * log_softmax(z)[c != 0]).sum()


def slope(z, c):
    """y sum c - c of one row, (n,)."""
    return softmax(z) * c.sum() - c


# ------------------------------------------------------------------------------------------------- one form, in batches


def loss_of_form(ask, form, reduction, z):
    """The loss of four rows made of z."""
    Z, t, c, w, u, answer = _asked(ask, form, z)
    L = np.array([cross_entropy(row, k) for row, k in zip(Z, c, strict=True)])
    wanted = REDUCTIONS[reduction][0](L, w)
    if answer.shape != np.shape(wanted):
        return np.inf, f"it gives shape {answer.shape}; {reduction} has {np.shape(wanted)}"
    rooms = np.array([loss_room(row, k, u) for row, k in zip(Z, c, strict=True)]) + len(Z) * u * np.abs(L)
    allowed = REDUCTIONS[reduction][0](rooms, w) + rounding(np.float32)[1]
    return _worst_of(answer, wanted, allowed, "L", Z, t)


def gradient_of_form(ask, form, reduction, z):
    """Its gradient, (4, n)."""
    Z, t, c, w, u, answer = _asked(ask, form, z)
    factor = REDUCTIONS[reduction][1](w)[:, None]
    wanted = factor * np.array([slope(row, k) for row, k in zip(Z, c, strict=True)])
    if answer.shape != wanted.shape:
        return np.inf, f"it gives shape {answer.shape}; expected {wanted.shape}"
    rooms = np.array([gradient_room(row, k, u) for row, k in zip(Z, c, strict=True)])
    allowed = factor * rooms + 4 * u * np.abs(wanted)
    return _worst_of(answer, wanted, allowed + rounding(np.float32)[1], "dL/dz", Z, t)


def _asked(ask, form, z):
    Z = np.stack([z, np.roll(z, 1), -z, z / 2]).astype(z.dtype)
    t, n = form.targets(Z), len(z)
    try:
        with np.errstate(all="ignore"):
            answer = np.asarray(ask(Z.copy(), t.copy(), **form.keywords(Z)))
    except Exception as error:
        raise UnfitError(f"it raised {type(error).__name__}: {' '.join(str(error).split())[:100]}") from error
    u = max(rounding(answer.dtype)[0], rounding(z.dtype)[0])
    return Z.astype(float), t, form.coefficients(t, n).astype(float), form.weights(t, n), u, answer.astype(np.float64)


def _worst_of(got, wanted, allowed, letter, Z, t):
    found = ratio(np.where(got == wanted, 0, np.abs(got - wanted)), allowed)
    i = np.unravel_index(found.argmax(), found.shape)
    where, row = f"[{', '.join(map(str, i))}]" if i else "", i[0] if i else 0
    asked = f"of logits {text(Z[row])} and target {text(t[row])}, row {row} of {len(Z)}"
    return found.max(), f"{letter}{where} is {apart(got[i], np.asarray(wanted)[i])}, {asked}"


# --------------------------------------------------------------------------------------------------- all that is tried


def of_loss(report, loss, gradient=None, batches=None):
    """The loss with targets of every form that it takes, and its gradient."""
    takes = {form: _refusal(loss, form) for form in (HARD, SOFT)}
    if None not in takes.values():
        raise InputError(f"the loss answers neither classes nor probabilities as targets: {takes[HARD]}; {takes[SOFT]}")
    main = next(form for form in takes if takes[form] is None)
    s = single(loss, main, cross_entropy, loss_room, ("L", "L = -sum_c t_c log y_c  (11)", 0))
    s.wraps = s.why_not(ORDINARY) is not None
    if s.wraps:
        report.not_tried.append("one vector (n,) by itself: the loss takes batches only")
    ask, reduction = asked_for_rows(loss, main, batches), None
    one = None if np.ndim(ask(*two_rows(main))) else "the loss of a batch is one number, see below"
    masks = "a class without probability has an infinite loss"
    of_function(report, s, one or (batches if ask is loss else False), masks)
    if not report.fit:
        return
    for alternatives in forms(report, loss, takes):
        fixed = reduction is not None and not alternatives[0].weighs
        form, reduction = _best(ask, alternatives, [reduction] if fixed else REDUCTIONS)
        report.add(f"targets: {form.name}; the loss of a batch is {reduction}",
                   partial(loss_of_form, ask, form, reduction), cases.LOSSES)
        if gradient is not None and set(form.keywords(cases.ROWS)) <= parameters_of(gradient):
            of_rows = asked_for_rows(gradient, main, batches)
            report.add(f"dL/dz = y sum t - t  (13), targets: {form.name}",
                       partial(gradient_of_form, of_rows, form, reduction), cases.LOSSES)
    if gradient is not None:
        g = single(gradient, main, slope, gradient_room, ("dL/dz", "dL/dz = y - t  (13)", 1))
        g.wraps = s.wraps
        along = ("dL/dz . v is the derivative along v", lambda g, z: differences(s, g, z), cases.DISTINCT)
        of_derivative(report, g, cases.MODERATE, [along], "see below")


def forms(report, loss, takes):
    """[the forms of targets that fit one way of asking], for every way that the function has."""
    for form, refusal in takes.items():
        if report.able(f"targets: {form.name}", None, refusal):
            yield [form]
    for what, names in PARAMETERS.items():
        name = next((name for name in names if name in parameters_of(loss)), None)
        why = f"the loss has no parameter {' or '.join(names)}" if name is None else None
        if report.able(what, None, why or (takes[HARD] and "classes are not taken")):
            yield from forms_with(what, name)


def forms_with(what, name):
    """The forms of a loss that has a parameter of this name for label smoothing, class weights or an ignored class."""
    if what == "label smoothing":
        return [[Form(f"a class, label smoothing {EPS} shared by {whose}", mixed, partial(smoothed, others=others),
                      keywords=lambda Z: {name: EPS}) for whose, others in (("all", False), ("the others", True))]]
    if what == "class weights":
        return [[Form("a class, class weights", mixed, one_hot, lambda t, n: class_weights(n)[t],
                      lambda Z: {name: class_weights(Z.shape[-1]).astype(Z.dtype)}, True)]]
    return [[Form(f"a class, {mark} ignored", partial(some_ignored, mark=mark), one_hot,
                  lambda t, n, mark=mark: (t != mark).astype(float), lambda Z, mark=mark: {name: mark}, True)]
            for mark in IGNORED]


def _best(ask, alternatives, reductions):
    """(form, reduction) that fit the function best: several are in use, and all are right."""
    def error(pair):
        return finding("", partial(loss_of_form, ask, *pair), cases.PROBES).worst
    pairs = [(form, reduction) for form in alternatives for reduction in reductions]
    return min(pairs, key=error)


def two_rows(form):
    """Two rows of ordinary logits, and their targets."""
    return cases.ROWS.copy(), form.targets(cases.ROWS)


def asked_for_rows(f, form, batches):
    """f itself if it takes batches, else f of one row after the other."""
    try:
        if batches is not False:
            with np.errstate(all="ignore"):
                answer = np.asarray(f(*two_rows(form)))
            if answer.shape in ((), (2,), cases.ROWS.shape):
                return f
    except Exception:
        if batches:
            raise
    return lambda Z, t, **keywords: np.array([f(z, k, **keywords) for z, k in zip(Z, t, strict=True)])


def _refusal(loss, form):
    """Why a loss does not take such targets; None if it does. A class that is used as a number gives 0 for class 0."""
    why = ""
    for Z, t in (two_rows(form), (ORDINARY.copy(), form.targets(cases.ROWS)[0])):
        try:
            with np.errstate(all="ignore"):
                answer = np.asarray(loss(Z, t))
                zero = form is HARD and not np.asarray(loss(Z, t * 0)).any()
        except Exception as error:
            why = f"it raised {type(error).__name__}: {' '.join(str(error).split())[:80]}"
            continue
        if answer.shape not in ((), (2,)):
            why = f"it gives shape {answer.shape}"
        elif not answer.any() or zero:
            why = "it gives 0"
        else:
            return None
    return why


def parameters_of(f):
    """The names of a function's parameters."""
    try:
        return set(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        return set()


def single(f, form, truth, room, names):
    """A loss or gradient as a function of logits alone: the target is the likeliest class, or fixed probabilities."""
    def target(Z):
        if form is SOFT:
            place = (-Z).argsort(-1, kind="stable").argsort(-1)
            return np.take(halves(Z.reshape(-1)[:Z.shape[-1]]), place)
        return Z.argmax(-1) if Z.shape[-1:] != (0,) else np.zeros(Z.shape[:-1], int)

    def coefficients(z):
        return np.asarray(form.coefficients(target(z), len(z)), float)
    letter, identity, rank = names
    return Subject(lambda Z: f(Z, target(Z)), Kind(
        letter, identity, lambda z: truth(z, coefficients(z)),
        lambda z, y, u, lost: room(z, coefficients(z), u, lost), rank))
