"""Jacobians, gradients and products with a vector: true values, allowed rounding errors, and identities of a Jacobian.

We test a Jacobian like any function of logits; its result has two axes of classes. A product v^T J is a function of
logits too, because a rule makes v from z. Allowed errors, where R_i is that of y_i, and b and u are as in truth.py:

J           An entry is a product of two y; on the diagonal, y_i times the sum of the others. We allow 3 max b times the
            largest entry of the row. If y_i is near 1, the entries have the size 1 - y_i, but code that computes
            y_i - y_i^2 has an error of size u. This is a fault, because the row no longer sums to 0.
d log y     delta_ij - y_j: we allow R_j, and 4 u more on the diagonal.
v^T J       y_i (v_i - sum y_j v_j): R_i (|v_i| + s) + y_i sum_j R_j |v_j| + (n + 8) u y_i (|v_i| + s), where
            s = sum y_j |v_j|.
g - y sum g This is the product for log y: R_i sum |g| + (n + 8) u (|g_i| + y_i sum |g|).
"""

from functools import partial

import numpy as np

from tinyattr.testing import cases
from tinyattr.testing.truth import Kind, gap, jacobian, log_jacobian, size, softmax, softmax_room
from tinyattr.testing.words import text


def jacobian_room(z, J, u, lost=0):
    """Return 3 max b, relative to the largest entry of each row."""
    most = 4 * gap(z).max() + 4 * size(z) + 4 * len(z) + 16
    return 3 * most * u * np.abs(J).max(-1, keepdims=True)


def log_jacobian_room(z, J, u, lost=0):
    """Return R_j, plus 4 u on the diagonal."""
    return softmax_room(z, softmax(z), u) + 4 * u * np.eye(len(z))


def direction(rule, z):
    """Return v (..., n), which a rule makes from logits z (..., n): multiples of 1/16, which are exact in every type.

    Masks in z change v only at the masked classes.
    """
    i, finite = np.arange(z.shape[-1]), np.isfinite(z)
    v = {"waves": lambda: np.round(16 * np.sin(3 * np.where(finite, z, 0).astype(float) + finite.cumsum(-1) - 1)) / 16,
         "ones": lambda: np.ones(z.shape), "one": lambda: np.broadcast_to(i == 0, z.shape),
         "large": lambda: np.where(np.broadcast_to(i == z.shape[-1] - 1, z.shape), 4096.0, -1.0)}[rule]()
    return v.astype(z.dtype if z.dtype.kind == "f" else np.float64)


def product(z, rule):
    """v^T J = y (v - y.v)."""
    y, v = softmax(z), direction(rule, z)
    return y * (v - y @ v)


def product_room(z, truth, u, lost=0, rule=None):
    """Return the allowed error, as in the first lines of this file."""
    y, v = softmax(z), np.abs(direction(rule, z))
    R = softmax_room(z, y, u)
    return R * (v + y @ v) + y * (R @ v) + (len(z) + 8) * u * y * (v + y @ v)


def log_product(z, rule):
    """g^T (d log y / dz) = g - y sum g."""
    g = direction(rule, z)
    return g - softmax(z) * g.sum()


def log_product_room(z, truth, u, lost=0, rule=None):
    """Return the allowed error, as in the first lines of this file."""
    y, g = softmax(z), np.abs(direction(rule, z))
    return softmax_room(z, y, u) * g.sum() + (len(z) + 8) * u * (g + y * g.sum())


def products(identity, truth, room):
    """Return {rule: the Kind of v^T J with v from this rule}. v can multiply errors of very small numbers: `grown`."""
    return {rule: Kind("v^T J", identity, partial(truth, rule=rule), partial(room, rule=rule), grown=2.0**13,
                       given=lambda z, rule=rule: f"v = {text(direction(rule, z))}, and ")
            for rule in ("waves", "ones", "one", "large")}


JACOBIAN = Kind("J", "J_ij = y_i (delta_ij - y_j)  (4)", jacobian, jacobian_room, rank=2)
LOG_JACOBIAN = Kind("J", "d log y_i / dz_j = delta_ij - y_j", log_jacobian, log_jacobian_room, rank=2)
PRODUCTS = products("v^T J = y (v - y.v)", product, product_room)
LOG_PRODUCTS = products("v^T J = v - y sum v", log_product, log_product_room)
GRADIENT = Kind("gradient", "the gradient is softmax(z)", softmax, softmax_room)


def row_sums(s, z, turned=np.asarray, what="row"):
    """J 1 = 0."""
    answer = s.answer(z)
    J, allowed = turned(answer.values), turned(np.broadcast_to(s.room(z, answer), answer.values.shape))
    yield (f"the largest entry of J is {np.abs(J).max():.3g}, but the sum of {what}", J.sum(-1), 0,
           allowed.max(-1) + (len(z) + 4) * answer.u * np.abs(J).max(-1))


def column_sums(s, z):
    """1^T J = 0."""
    return row_sums(s, z, np.transpose, "column")


def symmetry(s, z):
    """J_ij = J_ji up to three roundings: both are the product of the same two numbers."""
    answer = s.answer(z)
    J = answer.values
    yield "as its mirror image says, J", J, J.T, 8 * answer.u * np.maximum(np.abs(J), np.abs(J.T)) + answer.tiny


def semidefinite(s, z):
    """No eigenvalue of J is below 0, because v^T J v is a variance: that of the numbers v_i with probabilities y_i."""
    answer = s.answer(z)
    J, finite = answer.values, np.isfinite(answer.values).all()
    least = np.linalg.eigvalsh((J + J.T) / 2)[0] if finite else np.nan
    allowed = np.linalg.norm(np.broadcast_to(s.room(z, answer), J.shape)) + 8 * len(z) * answer.u * np.abs(J).max()
    yield "the smallest eigenvalue, down to 0,", np.minimum(least, 0), 0, allowed


def differences(f, s, z):
    """J v = (f(z + h v) - f(z - h v)) / 2 h, where J is the Jacobian, or the gradient if f returns a number.

    Its error is h^2 / 6 times a third derivative, which is below 4, plus (rounding error of f) / h.
    """
    v = np.round(16 * np.cos(np.arange(len(z)))) / 16
    here, slope = f.answer(z), s.answer(z)
    h = 2.0 ** np.round(np.log2(max(here.u, slope.u)) / 3)
    up, down = (f.answer(z + np.asarray(k * h * v, z.dtype)).values for k in (1, -1))
    allowed = 4 * h**2 + (2 * f.room(z, here) + 4 * here.u * (1 + np.abs(z).max())) / h + 8 * len(z) * slope.u
    yield (f"along v = (1, 0.5625, ...) differences say how {f.kind.letter} grows, and {s.kind.letter} v",
           slope.values @ v, (up - down) / (2 * h), allowed)


OF_LOG_JACOBIANS = (("every row of J sums to 0: J 1 = 0", row_sums, cases.DERIVED),)
OF_JACOBIANS = (*OF_LOG_JACOBIANS,
                ("every column of J sums to 0: 1^T J = 0", column_sums, cases.DERIVED),
                ("J is symmetric", symmetry, cases.DERIVED), ("v^T J v >= 0 for every v", semidefinite, cases.DERIVED))
