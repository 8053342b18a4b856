"""Identities of softmax in exact fractions: each takes the module under test and a case, and asserts equality, no tolerance.

A case has weights w_i = e^{z_i}, slopes m_i = dz_i/dx, a slope tau = dt/dx, any vector a, targets t, a factor k > 0, a class c.
Slopes of probabilities come from dual numbers, that is from the quotient rule alone, not from a Jacobian.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tests.softmax.dual import moving, slopes


@dataclass(frozen=True)
class Case:
    w: np.ndarray
    m: np.ndarray
    a: np.ndarray
    t: np.ndarray
    tau: Fraction
    k: Fraction
    c: int

    @property
    def n(self):
        return len(self.w)

    @property
    def e(self):
        return np.array([Fraction(i == self.c) for i in range(self.n)], object)


def equal(a, b):
    assert np.shape(a) == np.shape(b)
    assert np.all(np.asarray(a) == np.asarray(b))


def normalisation(S, case):
    """Equations (1), (V1): y_c = w_c / sum_i w_i is positive, sums to 1, and keeps the weights' ratios."""
    y = S.probabilities(case.w)
    assert (y > 0).all()
    assert y.sum() == 1
    equal(y[:, None] * case.w, (y[:, None] * case.w).T)


def shift_invariance(S, case):
    """Equations (8), (V2): z + t makes weights e^t w, for every t the same probabilities."""
    equal(S.probabilities(case.k * case.w), S.probabilities(case.w))


def shift_invariance_step_by_step(S, case):
    """Equation (V2): y'_c = e^{z_c + t} / sum e^{z_i + t} = e^{z_c} e^t / sum e^{z_i} e^t = e^{z_c} e^t / (e^t sum e^{z_i}) = y_c."""
    w, k, c = case.w, case.k, case.c
    steps = [(k * w)[c] / (k * w).sum(), w[c] * k / (w * k).sum(), w[c] * k / (k * w.sum()), w[c] / w.sum(), S.probabilities(w)[c]]
    assert len(set(steps)) == 1


def quotient_rule(S, case):
    """Equation (2): dy_i/dz_j = (delta_ij w_i D - w_i w_j) / D^2, D = sum_k w_k."""
    w, D = case.w, case.w.sum()
    expected = [[((i == j) * w[i] * D - w[i] * w[j]) / D**2 for j in range(case.n)] for i in range(case.n)]
    equal(S.jacobian(S.probabilities(w)), np.array(expected, object))


def kronecker(S, case):
    """Equation (3): delta_ij = 1 if i = j, else 0: y_i delta_ij is diag(y), and J_ij = y_i delta_ij - y_i y_j."""
    y = S.probabilities(case.w)
    delta = np.array([[Fraction(i == j) for j in range(case.n)] for i in range(case.n)], object)
    equal(S.jacobian(y), y[:, None] * delta - y[:, None] * y)


def jacobian_by_slopes(S, case):
    """Equation (4): column j of J is the slope of y when z_j alone moves."""
    J = S.jacobian(S.probabilities(case.w))
    for j in range(case.n):
        unit = [Fraction(i == j) for i in range(case.n)]
        equal(J[:, j], slopes(S.probabilities(moving(case.w, unit))))


def jacobian_annihilates_ones(S, case):
    """J 1 = 0, 1^T J = 0, J = J^T."""
    J = S.jacobian(S.probabilities(case.w))
    assert (J.sum(0) == 0).all()
    assert (J.sum(1) == 0).all()
    equal(J, J.T)


def positive_semidefinite(S, case):
    """a^T J a = sum_{i<j} y_i y_j (a_i - a_j)^2 >= 0, the variance of a under y."""
    y = S.probabilities(case.w)
    pairs = [y[i] * y[j] * (case.a[i] - case.a[j]) ** 2 for i in range(case.n) for j in range(i)]
    assert case.a @ S.jacobian(y) @ case.a == sum(pairs) >= 0


def products_are_those_of_the_explicit_jacobians(S, case):
    """J a, (d log y/dz) a and a^T (d log y/dz) without forming the matrix."""
    y = S.probabilities(case.w)
    equal(S.jacobian_product(y, case.a), S.jacobian(y) @ case.a)
    equal(S.log_jacobian_times(y, case.a), S.log_jacobian(y) @ case.a)
    equal(S.times_log_jacobian(case.a, y), case.a @ S.log_jacobian(y))


def log_jacobian(S, case):
    """d log y_i/dz_j = (dy_i/dz_j) / y_i = delta_ij - y_j."""
    y = S.probabilities(case.w)
    equal(S.log_jacobian(y), S.jacobian(y) / y[:, None])
    equal(S.rest(y), 1 - y)


def chain_rule(S, case):
    """Equation (5): df/dx = sum_i (df/dy_i)(dy_i/dx), here for f = sum_i a_i y_i^2."""
    y = S.probabilities(case.w)
    f = (case.a * (moved := S.probabilities(moving(case.w, case.m))) * moved).sum()
    assert f.slope == (2 * case.a * y) @ (S.jacobian(y) @ case.m)


def chain_rule_through_softmax(S, case):
    """Equation (6): df/dx = sum_j [sum_i (df/dy_i) y_i (delta_ij - y_j)] dz_j/dx, for f = sum_i a_i y_i^2."""
    y = S.probabilities(case.w)
    f = (case.a * (moved := S.probabilities(moving(case.w, case.m))) * moved).sum()
    assert f.slope == S.jacobian_product(y, 2 * case.a * y) @ case.m


def post_softmax_gradient(S, case):
    """Equation (7): dy_c/dx = y_c (dz_c/dx - sum_i y_i dz_i/dx)."""
    y, m, c = S.probabilities(case.w), case.m, case.c
    slope = slopes(S.probabilities(moving(case.w, m)))[c]
    assert slope == y[c] * (m[c] - y @ m) == S.post_row(y, case.e) @ m


def post_softmax_gradient_ignores_the_shift(S, case):
    """Equations (9), (V3): with z' = z + t the slopes are m + tau, and dy'/dx = dy/dx."""
    equal(slopes(S.probabilities(moving(case.w, case.m + case.tau))), slopes(S.probabilities(moving(case.w, case.m))))
    y = S.probabilities(case.w)
    for row in (S.post_row(y, case.e), S.log_row(y, case.e), S.log_odds_row(case.w, case.e), S.centred_row(case.e)):
        assert row @ (case.m + case.tau) == row @ case.m


def pre_softmax_gradient_takes_the_shift(S, case):
    """Equation (V4): dz'_c/dx = dz_c/dx + dt/dx: the row of pre lets dt/dx through, whole."""
    assert S.pre_row(case.e) @ (case.m + case.tau) == case.m[case.c] + case.tau


def equal_slopes_leave_no_post_softmax_gradient(S, case):
    """Equation (10): if dz_i/dx = K for all i, dy_c/dx = y_c (1 - 1) K = 0, while dz_c/dx = K is arbitrary."""
    y, K = S.probabilities(case.w), np.array([case.tau] * case.n, object)
    assert (slopes(S.probabilities(moving(case.w, K))) == 0).all()
    assert S.post_row(y, case.e) @ K == 0
    assert S.pre_row(case.e) @ K == case.tau


def kappa(S, case):
    """kappa = sum_i dS/dz_i is 1 for pre, 0 for post, log, log_odds, centred and margin."""
    y, r = S.probabilities(case.w), np.roll(case.e, 1)
    for row in (S.post_row(y, case.e), S.log_row(y, case.e), S.log_odds_row(case.w, case.e), S.centred_row(case.e),
                S.margin_row(case.e, r)):
        assert row.sum() == 0
    assert S.pre_row(case.e).sum() == 1


def proportional_rows(S, case):
    """P1: dy_c = y_c dlog y_c = y_c (1 - y_c) dlog_odds."""
    y = S.probabilities(case.w)
    y_c = y[case.c]
    equal(S.post_row(y, case.e), y_c * S.log_row(y, case.e))
    equal(S.post_row(y, case.e), y_c * (1 - y_c) * S.log_odds_row(case.w, case.e))
    equal(S.post_row(y, case.e), S.jacobian(y)[case.c])
    equal(S.log_row(y, case.e), S.log_jacobian(y)[case.c])


def centred_is_pre_minus_the_mean(S, case):
    """centred: row e_c - 1/n, the mean over classes of pre taken off."""
    equal(S.centred_row(case.e), case.e - np.array([Fraction(1, case.n)] * case.n, object))


def cross_entropy_gradient(S, case):
    """Equations (12), (13): dL/dz_j = sum_i (-t_i/y_i) y_i (delta_ij - y_j) = y_j sum t - t_j, for targets of any sum."""
    y = S.probabilities(case.w)
    equal(S.cross_entropy_gradient(y, case.t), S.cross_entropy_slopes(y, case.t) @ S.jacobian(y))
    equal(S.cross_entropy_gradient(y, case.t), y * case.t.sum() - case.t)


def cross_entropy_gradient_post_and_pre(S, case):
    """Equations (14), (15): dL/dx = -sum_i (t_i/y_i) dy_i/dx = sum_i (y_i - t_i) dz_i/dx, for targets that sum to 1."""
    y, t = S.probabilities(case.w), case.t / case.t.sum()
    dy = slopes(S.probabilities(moving(case.w, case.m)))
    assert S.cross_entropy_slopes(y, t) @ dy == (y - t) @ case.m == S.cross_entropy_gradient(y, t) @ case.m


def one_hot_loss(S, case):
    """Equations (16), (17): dL/dx = sum_i (y_i - delta_ic) dz_i/dx needs all n slopes; dy_c/dx = -y_c dL/dx needs one."""
    y, dy = S.probabilities(case.w), slopes(S.probabilities(moving(case.w, case.m)))
    dL = S.cross_entropy_gradient(y, case.e) @ case.m
    assert dL == sum((y[i] - (i == case.c)) * case.m[i] for i in range(case.n))
    assert dy[case.c] == -y[case.c] * dL


def log_probability(S, case):
    """Equation (18): d log y_c/dx = (1/y_c) dy_c/dx = -dL/dx."""
    y, dy = S.probabilities(case.w), slopes(S.probabilities(moving(case.w, case.m)))
    assert S.log_row(y, case.e) @ case.m == dy[case.c] / y[case.c] == -(S.cross_entropy_gradient(y, case.e) @ case.m)


def no_loss_of_probabilities_feels_the_shift(S, case):
    """Equation (V6): dE/dt = sum_i (dE/dy'_i)(dy'_i/dt) = 0 for every E(y), here E = sum a_i y_i^2 and cross-entropy."""
    moved = S.probabilities(moving(case.w, [Fraction(1)] * case.n))  # all logits move with t
    assert (case.a * moved * moved).sum().slope == 0
    y = S.probabilities(case.w)
    assert S.jacobian_product(y, case.a).sum() == 0
    assert S.cross_entropy_gradient(y, case.t).sum() == 0


IDENTITIES = [
    normalisation, shift_invariance, shift_invariance_step_by_step, quotient_rule, kronecker, jacobian_by_slopes,
    jacobian_annihilates_ones, positive_semidefinite, products_are_those_of_the_explicit_jacobians, log_jacobian, chain_rule,
    chain_rule_through_softmax, post_softmax_gradient, post_softmax_gradient_ignores_the_shift,
    pre_softmax_gradient_takes_the_shift, equal_slopes_leave_no_post_softmax_gradient, kappa, proportional_rows,
    centred_is_pre_minus_the_mean, cross_entropy_gradient, cross_entropy_gradient_post_and_pre, one_hot_loss, log_probability,
    no_loss_of_probabilities_feels_the_shift,
]
