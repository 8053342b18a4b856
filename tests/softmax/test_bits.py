"""Softmax and its Jacobian against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tinyattr.softmax import log_softmax, logsumexp, softmax, softmax_jacobian

logits = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8)


@given(logits)
def test_probabilities_and_their_jacobian(z):
    y, J = softmax(z), softmax_jacobian(z)
    n = len(z)
    assert abs(y.sum() - 1) <= n * np.finfo(float).eps
    assert np.allclose(J, np.diag(y) - np.outer(y, y), rtol=0, atol=2 * n * np.finfo(float).eps)
    assert (J == J.T).all()
    assert np.allclose(J.sum(-1), 0, atol=1e-15 * n)
    assert np.allclose(log_softmax(z), np.asarray(z) - logsumexp(z), rtol=1e-15, atol=1e-12)


@given(logits, st.integers(-(2**20), 2**20))
def test_an_exact_shift_changes_no_bit(z, t):
    """Equation (8). Logits on a grid of 1/256 and a whole t: z + t is exact, and so must be the rest."""
    z = np.round(np.asarray(z) * 256) / 256
    for f in (softmax, log_softmax, softmax_jacobian):
        assert (f(z + t) == f(z)).all()


def test_batches_are_rows():
    z = np.random.default_rng(0).standard_normal((3, 4, 5))
    assert softmax(z).shape == (3, 4, 5)
    assert softmax_jacobian(z).shape == (3, 4, 5, 5)
    assert (softmax(z)[1, 2] == softmax(z[1, 2])).all()


@pytest.mark.parametrize("z", [[np.nan, 0], [np.inf, 0], [-np.inf, 0], [], 3.0])
def test_what_is_not_logits_is_refused(z):
    with pytest.raises(ta.InputError, match="logits"):
        softmax(z)
