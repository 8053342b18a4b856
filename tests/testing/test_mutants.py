"""check finds mutants of softmax.py: a sample here; `python -m tests.testing.mutants` tries a hundred."""

import pytest

from tests.testing import mutants


@pytest.fixture(scope="module")
def original():
    found = list(mutants.told(mutants.SOURCE))
    assert not any(broken for _, broken, _, _ in found), found
    return found


def test_there_are_hundreds():
    assert len(list(mutants.mutants())) > 200


@pytest.mark.parametrize("k", range(8))
def test_a_sample_is_found(original, k):
    line, before, after, source = mutants.spread(100)[12 * k + 3]
    assert mutants.found_by(line, source, original) is not None, f"line {line}: {before}  ->  {after}"
