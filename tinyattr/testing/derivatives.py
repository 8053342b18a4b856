"""Jacobians, gradients and products with a vector: what each must be, its rounding, and the identities of a Jacobian.

A Jacobian is a function of logits like any other: its Kind has two axes of classes. So has a product v^T J, for a v
that is made of z by a rule. Rounding, with R_i the room of y_i and u as in truth.py:

J           products of two y; on the diagonal y_i times the sum of the others: 3 max b relative to the largest entry of
            the row, not to 1. A diagonal of y_i - y_i^2 is noise of size u where y_i is near 1, beside entries of size
            1 - y_i: that is a fault, for the row no longer sums to 0.
d log y     delta_ij - y_j, absolute: R_j, and 4 u on the diagonal.
v^T J       y_i (v_i - sum y_j v_j), with s = sum y_j |v_j|: R_i (|v_i| + s), y_i sum_j R_j |v_j|, and n + 8
            roundings of y_i (|v_i| + s).
g - y sum g the same for log y: R_i sum |g|, n + 8 roundings of y_i sum |g|, and of g_i.
"""

from functools import partial

import numpy as np

from tinyattr.testing import cases
from tinyattr.testing.identities import distance, ratio
from tinyattr.testing.truth import Kind, gap, jacobian, log_jacobian, size, softmax, softmax_room
from tinyattr.testing.words import apart


def jacobian_room(z, J, u, lost=0):
    """3 max b, relative to the largest entry of each row."""
    most = 4 * gap(z).max() + 4 * size(z) + 4 * len(z) + 16
    return 3 * most * u * np.abs(J).max(-1, keepdims=True)


def log_jacobian_room(z, J, u, lost=0):
    """R_j, and 4 u on the diagonal."""
    return softmax_room(z, softmax(z), u) + 4 * u * np.eye(len(z))


def direction(rule, z):
    """v (..., n) of a rule, made of logits z (..., n): whole multiples of 1/16, which are exact in every type."""
    i = np.arange(z.shape[-1])
    v = {"waves": np.round(16 * np.sin(3 * np.asarray(z, np.float64) + i)) / 16,
         "ones": np.ones(z.shape), "one": np.broadcast_to(i == 0, z.shape),
         "large": np.where(np.broadcast_to(i == z.shape[-1] - 1, z.shape), 4096.0, -1.0)}[rule]
    return v.astype(z.dtype if z.dtype.kind == "f" else np.float64)


def product(z, rule):
    """v^T J = y (v - y.v)."""
    y, v = softmax(z), direction(rule, z)
    return y * (v - y @ v)


def product_room(z, truth, u, lost=0, rule=None):
    """See above."""
    y, v = softmax(z), np.abs(direction(rule, z))
    R = softmax_room(z, y, u)
    return R * (v + y @ v) + y * (R @ v) + (len(z) + 8) * u * y * (v + y @ v)


def log_product(z, rule):
    """g^T (d log y / dz) = g - y sum g."""
    g = direction(rule, z)
    return g - softmax(z) * g.sum()


def log_product_room(z, truth, u, lost=0, rule=None):
    """See above."""
    y, g = softmax(z), np.abs(direction(rule, z))
    return softmax_room(z, y, u) * g.sum() + (len(z) + 8) * u * (g + y * g.sum())


RULES = ("waves", "ones", "one", "large")
JACOBIAN = Kind("J", "J_ij = y_i (delta_ij - y_j)  (4)", jacobian, jacobian_room, rank=2)
LOG_JACOBIAN = Kind("J", "d log y_i / dz_j = delta_ij - y_j", log_jacobian, log_jacobian_room, rank=2)
PRODUCTS = {rule: Kind("v^T J", "v^T J = y (v - y.v)", partial(product, rule=rule), partial(product_room, rule=rule),
                       grown=2.0**13)
            for rule in RULES}
LOG_PRODUCTS = {rule: Kind("v^T J", "v^T J = v - y sum v", partial(log_product, rule=rule),
                           partial(log_product_room, rule=rule), grown=2.0**13) for rule in RULES}
GRADIENT = Kind("gradient", "the gradient is softmax(z)", softmax, softmax_room)


def row_sums(s, z):
    """J 1 = 0."""
    return _sums("row", s, z, lambda a: a)


def column_sums(s, z):
    """1^T J = 0."""
    return _sums("column", s, z, np.transpose)


def _sums(what, s, z, turned):
    answer = s.answer(z)
    J, allowed = turned(answer.values), turned(np.broadcast_to(s.room(z, s.truth(z), answer), answer.values.shape))
    found = ratio(np.abs(J.sum(-1)), allowed.max(-1) + (len(z) + 4) * answer.u * np.abs(J).max(-1))
    i = int(found.argmax())
    return found[i], f"{what} {i} sums to {J[i].sum():.3g}, its largest entry is {np.abs(J[i]).max():.3g}"


def symmetry(s, z):
    """J = J^T: both are the product of the same two numbers, but for three roundings."""
    answer = s.answer(z)
    J = answer.values
    found = ratio(distance(J, J.T), 8 * answer.u * np.maximum(np.abs(J), np.abs(J.T)) + answer.tiny)
    i, j = np.unravel_index(found.argmax(), found.shape)
    return found.max(), f"J[{i}, {j}] is {apart(J[i, j], J[j, i])}, as J[{j}, {i}] is"


def semidefinite(s, z):
    """v^T J v >= 0, the variance of v under y: no eigenvalue is below 0."""
    answer = s.answer(z)
    J = answer.values
    if not np.isfinite(J).all():
        return np.inf, "J is not finite"
    least = np.linalg.eigvalsh((J + J.T) / 2)[0]
    allowed = np.linalg.norm(np.broadcast_to(s.room(z, s.truth(z), answer), J.shape))
    allowed += 8 * len(z) * answer.u * np.abs(J).max()
    return ratio(max(-least, 0), allowed), f"an eigenvalue is {least:.3g}"


def differences(f, s, z):
    """J v = (f(z + h v) - f(z - h v)) / 2 h, for Jacobians, and gradient.v for functions whose answer is a number.

    A central difference errs by h^2 / 6 times a third derivative, which is below 4, and by the rounding of f over h.
    """
    v = np.round(16 * np.cos(np.arange(len(z)))) / 16
    here, slope = f.answer(z), s.answer(z)
    h = 2.0 ** np.round(np.log2(max(here.u, slope.u)) / 3)
    up, down = (f.answer(z + np.asarray(k * h * v, z.dtype)) for k in (1, -1))
    difference = (up.values - down.values) / (2 * h)
    allowed = 4 * h**2 + (2 * f.room(z, f.truth(z), here) + 4 * here.u * (1 + np.abs(z).max())) / h
    got = np.atleast_1d(slope.values @ v)
    found = ratio(distance(got, difference), np.atleast_1d(allowed) + 8 * len(z) * slope.u)
    i = int(found.argmax())
    return found[i], f"along v = (1, 0.5625, ...) {f.kind.letter}{f'_{i}' if f.kind.rank else ''} grows by " \
                     f"{apart(got[i], np.atleast_1d(difference)[i])}, as differences say"




OF_JACOBIANS = (
    ("every row of J sums to 0: J 1 = 0", row_sums, cases.DERIVED),
    ("every column of J sums to 0: 1^T J = 0", column_sums, cases.DERIVED),
    ("J is symmetric", symmetry, cases.DERIVED), ("v^T J v >= 0 for every v", semidefinite, cases.DERIVED))
OF_LOG_JACOBIANS = OF_JACOBIANS[:1]
