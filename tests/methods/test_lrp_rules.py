"""LRP rule by rule against its definition: every pair of input j and output k has its own contribution, written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tests.methods.test_claims import apart
from tests.methods.toys import seeds
from tinyattr.engine import rerun
from tinyattr.methods import lrp_rules as rules

EPS = 1e-6


def up(v):
    return np.maximum(v, 0)


def down(v):
    return np.minimum(v, 0)


def s(u, eps=EPS):
    return np.where(u < 0, u - eps, u + eps)


def shared(contributions, total, R, eps=EPS):
    """R_j = sum_k c_jk / s(total_k) R_k."""
    return (contributions / s(total, eps) * R).sum(1)


# Each: (a (J, 1), w (J, K), b (K,), joined (J, K), R (K,)) -> R_j. joined: there is a weight, padding has none.


def slow_epsilon(eps):
    def rule(a, w, b, joined, R):
        u = (a * w).sum(0) + b
        return shared(a * w, u, R, eps) if eps else (a * w * np.divide(R, u, out=np.zeros_like(u), where=u != 0)).sum(1)
    return rule


def slow_alpha_beta(alpha, beta):
    def rule(a, w, b, joined, R):
        c = a * w
        return alpha * shared(up(c), up(c).sum(0) + up(b), R) - beta * shared(down(c), down(c).sum(0) + down(b), R)
    return rule


def slow_gamma(strength):
    def rule(a, w, b, joined, R):
        c, u = a * w, (a * w).sum(0) + b
        positive, negative = c + strength * up(c), c + strength * down(c)
        return (shared(positive, positive.sum(0) + b + strength * up(b), R * (u > 0))
                + shared(negative, negative.sum(0) + b + strength * down(b), R * (u < 0)))
    return rule


def slow_w_squared(a, w, b, joined, R):
    return shared(w**2, (w**2).sum(0) + b**2, R)


def slow_flat(a, w, b, joined, R):
    return shared(joined, joined.sum(0), R)


def slow_box(low, high):
    def rule(a, w, b, joined, R):
        c = a * w - low * up(w) - high * down(w)
        return shared(c, c.sum(0), R)
    return rule


def slow_without_bias(rule):
    return lambda a, w, b, joined, R: rule(a, w, 0 * b, joined, R)


RULES = {
    "epsilon": (rules.epsilon(), slow_epsilon(EPS)), "epsilon 0.5": (rules.epsilon(0.5), slow_epsilon(0.5)),
    "zero": (rules.epsilon(0), slow_epsilon(0)), "z+": (rules.z_plus(), slow_alpha_beta(1, 0)),
    "alpha 2 beta 1": (rules.alpha_beta(), slow_alpha_beta(2, 1)), "alpha 3 beta 2": (rules.alpha_beta(3, 2), slow_alpha_beta(3, 2)),
    "gamma": (rules.gamma(), slow_gamma(0.25)), "gamma 5": (rules.gamma(5), slow_gamma(5)),
    "w squared": (rules.w_squared, slow_w_squared), "flat": (rules.flat, slow_flat), "box": (rules.box(-3.0, 4.0), slow_box(-3.0, 4.0)),
    "z+ without bias": (rules.without_bias(rules.z_plus()), slow_without_bias(slow_alpha_beta(1, 0))),
    "gamma without bias": (rules.without_bias(rules.gamma()), slow_without_bias(slow_gamma(0.25))),
}


def taken_apart(record):
    """(w, joined): the layer as one matrix from all its inputs to all its outputs, and where that has weights."""
    x, kernel = record.x[0], record.weights[0]
    if record.op == "dense":
        return kernel, np.ones_like(kernel)
    w = np.zeros((*x.shape[1:], *record.output.shape[1:]))
    joined = np.zeros_like(w)
    step, border = record.attributes.get("stride", 1), record.attributes.get("padding", 0)
    for i, j in np.ndindex(record.output.shape[1:3]):
        for u, v in np.ndindex(kernel.shape[:2]):
            r, c = step * i + u - border, step * j + v - border
            if 0 <= r < x.shape[1] and 0 <= c < x.shape[2]:
                w[r, c, :, i, j, :], joined[r, c, :, i, j, :] = kernel[u, v], 1
    return w.reshape(x.size, -1), joined.reshape(x.size, -1)


def slowly(rule, record, R):
    """A slow rule, from a record and R at its output to R at its input."""
    w, joined = taken_apart(record)
    b = np.broadcast_to(record.weights[1], record.output.shape).ravel()
    return rule(record.x[0].reshape(-1, 1), w, b, joined, R.ravel()).reshape(record.x[0].shape)


@st.composite
def layers(draw):
    """(record, R) of a dense layer, or of a convolution with stride and padding; inputs of both signs, or none below 0."""
    rng = np.random.default_rng(draw(seeds))
    if draw(st.booleans()):
        layer, shape, kernel = ("l", "dense", {}), (1, 5), (5, 4)
    else:
        options = {"stride": draw(st.integers(1, 2)), "padding": draw(st.integers(0, 1))}
        layer, shape, kernel = ("l", "conv2d", options), (1, 5, 4, 2), (3, 3, 2, 3)
    x = rng.standard_normal(shape)
    tape = ta.Tape()
    tape.leaf("input", x if draw(st.booleans()) else np.abs(x))
    tape.write(layer[1], "l", "input", (rng.standard_normal(kernel), rng.standard_normal(kernel[-1])), **layer[2])
    return tape["l"], rng.standard_normal(tape["l"].output.shape)


@pytest.mark.parametrize("name", RULES)
@given(layers())
def test_rules_by_their_definition(name, drawn):
    record, R = drawn
    rule, slow = RULES[name]
    (found,) = rule(record, R)
    assert found.shape == record.x[0].shape
    expected = slowly(slow, record, R)
    # A denominator near 0 magnifies rounding: eps times its terms over itself.
    assert np.abs(found - expected).max() <= 1e-9 * max(np.abs(expected).max(), 1)


@given(layers())
def test_gamma_without_end_is_z_plus(drawn):
    """For outputs above 0, where gamma favours what is positive. Outputs below 0 go by the negative parts."""
    record, R = drawn
    positive = R * (record.output > 0)
    assert apart(rules.gamma(1e12)(record, positive)[0], rules.z_plus()(record, positive)[0]) <= 1e-4
    negative = R * (record.output < 0)
    assert apart(rules.gamma(1e12)(record, negative)[0], -rules.alpha_beta(0, 1)(record, negative)[0]) <= 1e-4


@given(layers())
def test_what_rules_conserve(drawn):
    """flat and box all of it, biases or not; without biases also w^2, epsilon and gamma, up to stabilisers."""
    record, R = drawn
    plain = rerun(record, record.x, (record.weights[0].copy(), np.zeros_like(record.weights[1])))
    absorbed = 2 * EPS * np.abs(R / plain.output).sum() + EPS * np.abs(R).sum()
    for rule in (rules.flat, rules.box(-4.0, 4.5)):
        assert abs(rule(record, R)[0].sum() - R.sum()) <= EPS * np.abs(R).sum()
    for rule in (rules.w_squared, rules.epsilon(), rules.gamma()):
        assert abs(rule(plain, R)[0].sum() - R.sum()) <= absorbed
        unbiased = rules.without_bias(rule) if rule is not rules.w_squared else rule
        assert apart(unbiased(record if unbiased is not rule else plain, R)[0], rule(plain, R)[0]) == 0


def test_an_output_of_zero():
    """LRP-0 passes nothing on, as 0/0 says nothing; epsilon passes a w / eps, s(0) = +eps."""
    tape = ta.Tape()
    tape.leaf("input", np.array([[2.0, 1.0]]))
    tape.write("dense", "l", "input", (np.array([[1.0], [-2.0]]), np.zeros(1)))
    R = np.ones((1, 1))
    assert rules.epsilon(0)(tape["l"], R)[0].tolist() == [[0, 0]]
    assert rules.epsilon(0.5)(tape["l"], R)[0].tolist() == [[4, -4]]
    assert rules.gamma()(tape["l"], R)[0].tolist() == [[0, 0]]
    assert rules.stabilised(np.array([0.0, -0.0, -1.0, 2.0]), 0.5).tolist() == [0.5, 0.5, -1.5, 2.5]


def test_alpha_beta_with_one_part_only():
    """Where no contribution is negative, alpha-beta passes on alpha R: it conserves only where both parts are there."""
    tape = ta.Tape()
    tape.leaf("input", np.array([[2.0, 1.0]]))
    tape.write("dense", "l", "input", (np.array([[1.0], [2.0]]), np.zeros(1)))
    assert np.allclose(rules.alpha_beta(2, 1)(tape["l"], np.ones((1, 1)))[0], [[1, 1]], rtol=1e-6)
