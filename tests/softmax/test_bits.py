"""Where no rounding is due, none is tolerated: a shift that is exact changes no bit. Equation (8), float32 and float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tinyattr import softmax as S
from tinyattr import strategies

both = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@both
@pytest.mark.parametrize("f", [S.softmax, S.log_softmax, S.softmax_jacobian, S.entropy, S.entropy_gradient], ids=lambda f: f.__name__)
@given(data=st.data())
def test_functions(f, dtype, data):
    z, t = data.draw(strategies.shifted_logits(min_size=1, dtype=dtype))
    assert (f(z + t) == f(z)).all()


@both
@given(data=st.data())
def test_losses(dtype, data):
    z, t = data.draw(strategies.shifted_logits(dtype=dtype))
    targets = np.arange(len(z)) / len(z)
    assert S.cross_entropy(z + t, targets) == S.cross_entropy(z, targets)


@both
@pytest.mark.parametrize("score", sorted(ta.SCORES))
@given(data=st.data())
def test_scores(score, dtype, data):
    """Every row and scale; every value but that of pre, which moves by t exactly."""
    z, t = data.draw(strategies.shifted_logits(dtype=dtype))
    c = data.draw(st.integers(0, len(z) - 1))
    before, after = ta.SCORES[score](z, c), ta.SCORES[score](z + t, c)
    assert (before[1] == after[1]).all()
    assert before[2] == after[2]
    assert after[0] == (before[0] + np.float64(t) if score == "pre" else before[0])


def test_batches_are_rows():
    z = np.random.default_rng(0).standard_normal((3, 4, 5))
    for f in (S.softmax, S.log_softmax, S.softmax_jacobian, S.logsumexp, S.entropy):
        assert (f(z)[1, 2] == f(z[1, 2])).all()
    y, v = S.softmax(z), np.cos(z)
    for f in (S.jacobian_product, S.log_jacobian_times, S.cross_entropy_gradient, lambda y, v: S.times_log_jacobian(v, y)):
        assert (f(y, v)[1, 2] == f(y[1, 2], v[1, 2])).all()
