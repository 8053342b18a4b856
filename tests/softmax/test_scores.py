"""Scores: value, row and scale against definitions, differences and, where floats end, exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

import tinyattr as ta
from tinyattr.softmax import softmax_jacobian

mp.prec = 400
logits = st.lists(st.floats(-30, 30), min_size=2, max_size=7)
wide = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=7)


def exact(score, z, c):
    """(S, dS/dz) in 400 bits, from the definitions; 1 - y_c as the rivals' share, so nothing cancels."""
    z = [mpf(float(v)) for v in z]
    n, rivals = len(z), [i for i in range(len(z)) if i != c]
    w = [mp.exp(v - max(z)) for v in z]
    total, rest = sum(w), sum(w[i] for i in rivals)
    e = [mpf(i == c) for i in range(n)]
    d_log = [rest / total if i == c else -w[i] / total for i in range(n)]
    r = max(rivals, key=lambda i: (z[i], -i))
    return {
        "pre": (z[c], e),
        "post": (w[c] / total, [w[c] / total * d for d in d_log]),
        "log": (-mp.log1p(rest / w[c]), d_log),
        "log_odds": (mp.log(w[c]) - mp.log(rest), [e[i] - (i != c) * w[i] / rest for i in range(n)]),
        "centred": (z[c] - sum(z) / n, [e[i] - mpf(1) / n for i in range(n)]),
        "margin": (z[c] - z[r], [e[i] - mpf(i == r) for i in range(n)]),
    }[score]


@pytest.mark.parametrize("score", sorted(ta.SCORES))
@given(z=wide, data=st.data())
def test_value_and_row_are_exact_to_rounding(score, z, data):
    c = data.draw(st.integers(0, len(z) - 1))
    value, row, log_scale = ta.SCORES[score](z, c)
    S, dS = exact(score, z, c)
    eps, gap = np.finfo(float).eps, max(z) - min(z)
    # Differences of logits err by eps times the gap, which the exponential of post and log turns into a relative error.
    size = abs(S) * (1 + gap) if score in ("post", "log") else abs(S) + gap + 1
    assert abs(mpf(float(value)) - S) <= 8 * len(z) * eps * size + np.finfo(float).tiny
    # The row is compared with dS / scale, so that a saturated network counts as much as any other.
    scale = mp.exp(mpf(float(log_scale)))
    for got, want in zip(row, dS, strict=True):
        assert abs(mpf(float(got)) - want / scale) <= 16 * len(z) * eps * (1 + gap)


@pytest.mark.parametrize("score", sorted(ta.SCORES))
@given(z=logits, data=st.data())
def test_kappa(score, z, data):
    """The row sums to 1 for pre, to 0 for all others: that decides whether the attack is seen."""
    row = ta.SCORES[score](z, data.draw(st.integers(0, len(z) - 1)))[1]
    assert abs(row.sum() - (score == "pre")) <= len(z) * np.finfo(float).eps


@given(logits, st.data())
def test_post_is_a_row_of_the_jacobian(z, data):
    c = data.draw(st.integers(0, len(z) - 1))
    _, row, log_scale = ta.SCORES["post"](z, c)
    J = softmax_jacobian(z)[c]
    assert np.allclose(row * np.exp(log_scale), J, rtol=0, atol=1e-13 * np.abs(J).max())


@given(logits, st.data())
def test_post_log_and_log_odds_share_their_row_bit_for_bit(z, data):
    """P1: their maps can differ by a factor only, whatever a homogeneous method does with the row."""
    c = data.draw(st.integers(0, len(z) - 1))
    rows = [ta.SCORES[s](z, c)[1] for s in ("post", "log", "log_odds")]
    assert (rows[0] == rows[1]).all()
    assert (rows[0] == rows[2]).all()


@pytest.mark.parametrize("gap", [1, 17, 40, 800, 1e5, 1e30])
def test_a_saturated_network_still_has_a_direction(gap):
    """The class leads by `gap`: 1 - y_c is 2 e^-gap / (1 + ...), far below what y_c can show."""
    z = [gap, 0.0, 0.0]
    for score in ("post", "log", "log_odds"):
        value, row, log_scale = ta.SCORES[score](z, 0)
        assert np.allclose(row, [1, -0.5, -0.5], rtol=1e-15)
    assert np.isclose(ta.SCORES["log_odds"](z, 0)[0], gap - np.log(2), rtol=1e-15)
    value, _, log_scale = ta.SCORES["log"](z, 0)
    assert np.isclose(log_scale, -np.logaddexp(0, gap - np.log(2)), rtol=1e-15)
    assert value == 0 if gap > 745 else np.isclose(value, -np.log1p(2 * np.exp(-gap)), rtol=1e-14)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_logits_of_any_size(scale):
    for score, f in ta.SCORES.items():
        value, row, log_scale = f(np.array([1.0, -1.0, 0.5]) * scale, 2)
        assert np.isfinite(value), score
        assert np.isfinite(row).all(), score
        assert np.isfinite(log_scale), score


def test_ties_and_the_runner_up():
    _, row, _ = ta.SCORES["margin"]([1.0, 3.0, 3.0, 3.0], 1)
    assert row.tolist() == [0, 1, -1, 0]  # the first of the strongest rivals
    _, row, _ = ta.SCORES["log_odds"]([1.0, 1.0, 1.0], 0)
    assert row.tolist() == [1, -0.5, -0.5]


def test_rational_example():
    """Weights e^z = 1, 2, 5 (c = 2): y = 5/8, q = (1/3, 2/3); everything is a fraction."""
    z = np.log([1.0, 2.0, 5.0])
    y, q = Fraction(5, 8), [Fraction(1, 3), Fraction(2, 3)]
    value, row, log_scale = ta.SCORES["post"](z, 2)
    assert np.isclose(value, float(y), rtol=1e-15)
    assert np.allclose(row, [-float(q[0]), -float(q[1]), 1], rtol=1e-15)
    assert np.isclose(np.exp(log_scale), float(y * (1 - y)), rtol=1e-15)


def test_batches():
    z = np.random.default_rng(0).standard_normal((4, 5))
    c = np.array([0, 4, 2, 2])
    for f in ta.SCORES.values():
        value, row, log_scale = f(z, c)
        assert value.shape == log_scale.shape == (4,)
        assert row.shape == (4, 5)
        for n in range(4):
            one = f(z[n], int(c[n]))
            assert value[n] == one[0]
            assert (row[n] == one[1]).all()
            assert log_scale[n] == one[2]


def test_one_class_has_no_rivals():
    assert ta.SCORES["post"]([3.0], 0)[0] == 1
    assert ta.SCORES["log"]([3.0], 0)[0] == 0
    assert ta.SCORES["post"]([3.0], 0)[1].tolist() == [0]
    assert ta.SCORES["centred"]([3.0], 0)[1].tolist() == [0]
    for score in ("log_odds", "margin"):
        with pytest.raises(ta.InputError, match="have only one class"):
            ta.SCORES[score]([3.0], 0)


@pytest.mark.parametrize("c", [-1, 3, 1.0, True, "a", None])
def test_classes_that_do_not_exist(c):
    for f in ta.SCORES.values():
        with pytest.raises(ta.InputError, match="class must be a whole number from 0 to 2"):
            f([1.0, 2.0, 3.0], c)


def test_logits_that_are_not_finite():
    for f in ta.SCORES.values():
        with pytest.raises(ta.InputError, match="finite"):
            f([1.0, np.nan], 0)
