"""The identities of softmax, proved on arbitrary fractions by the very lines that run in floats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.softmax.identities import IDENTITIES, Case
from tinyattr import softmax, strategies

fractions = st.fractions(-20, 20, max_denominator=20)
positive = st.fractions(0, 20, max_denominator=20).filter(lambda v: v > 0)


@st.composite
def cases(draw):
    w = draw(strategies.weights(min_size=2))
    n = len(w)

    def vector(numbers):
        return np.array(draw(st.lists(numbers, min_size=n, max_size=n)), object)

    return Case(w, vector(fractions), vector(fractions), vector(positive), draw(fractions), draw(positive), draw(st.integers(0, n - 1)))


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda f: f.__name__)
@given(case=cases())
def test_identity(identity, case):
    identity(softmax, case)
