"""Every op equals its slow, obvious reference implementation, in both precisions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tests.engine.cases import calls
from tests.engine.reference import REFERENCE
from tinyattr.engine import ELEMENTWISE, OPS


def test_every_op_has_a_reference_and_a_rule():
    assert set(OPS) == set(REFERENCE) == set(ta.GRADIENT)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op", sorted(OPS))
@given(data=st.data())
def test_op_equals_its_reference(op, dtype, data):
    x, weights, attributes = data.draw(calls(op))
    x, weights = [a.astype(dtype) for a in x], [w.astype(dtype) for w in weights]
    y, expected = OPS[op](*x, *weights, **attributes), REFERENCE[op](*x, *weights, **attributes)
    assert y.shape == expected.shape
    assert y.dtype == (np.float64 if op == "sum" else dtype)
    # Two orders of summing m products differ by at most about m eps times the sum of their sizes.
    m = np.prod(weights[0].shape[:-1]) + 2 if weights else x[0].size + 4
    size = np.abs(OPS[op](*(np.abs(a) for a in x), *(np.abs(w) for w in weights), **attributes)).max()
    size = max(size, 1, np.abs(x[0]).max()) if op in ELEMENTWISE else size  # formulas with terms as large as x, or 1
    assert np.abs(y - expected).max() <= 2 * m * np.finfo(dtype).eps * max(size, np.abs(expected).max())


@pytest.mark.parametrize(("length", "windows"), [(111, 55), (55, 27), (27, 13), (6, 3), (5, 2), (3, 1), (4, 2)])
def test_ceil_mode_counts_windows_as_squeezenet_needs(length, windows):
    assert OPS["max_pool"](np.zeros((1, length, length, 1)), size=3, stride=2, ceil=True).shape[1] == windows


def test_no_window_starts_outside_the_map():
    # (5 - 2) / 3 rounds up to a third window at row 6, outside: only two are made, as PyTorch does.
    assert OPS["max_pool"](np.arange(25.0).reshape(1, 5, 5, 1), size=2, stride=3, ceil=True).shape == (1, 2, 2, 1)
    assert OPS["max_pool"](np.ones((1, 4, 4, 1)), size=1, stride=3, ceil=True).shape == (1, 2, 2, 1)


@pytest.mark.parametrize(("op", "x", "weights", "attributes", "words"), [
    ("conv2d", (1, 4, 4, 2), [(3, 3, 5, 1), (1,)], {}, "expects maps"),
    ("conv2d", (1, 2, 2, 5), [(3, 3, 5, 1), (1,)], {}, "does not fit"),
    ("dense", (1, 3), [(4, 2), (2,)], {}, "expects shape"),
    ("max_pool", (1, 3), [], {"size": 2, "stride": 2}, "feature maps"),
    ("global_avg_pool", (1, 3), [], {}, "feature maps"),
    ("pick", (1, 2, 2, 1), [], {"at": (2, 0)}, "outside"),
    ("pick", (1, 2, 2, 1), [], {"at": (0.5, 0)}, "whole number"),
    ("pick", (1, 2), [], {"at": (0, 0)}, "no places"),
    ("conv2d", (1, 4, 4, 2), [(3, 2), (2,)], {}, "needs a kernel"),
    ("conv2d", (1, 4, 4, 2), [(3, 3, 2, 3), (1,)], {}, "needs a kernel"),
    ("conv2d", (1, 4, 4, 2), [(3, 3, 2, 3), (3,)], {"stride": -1}, "at least 1"),
    ("max_pool", (1, 4, 4, 2), [], {"size": 2, "stride": 0, "ceil": True}, "at least 1"),
    ("avg_pool", (1, 4, 4, 2), [], {"size": 0, "stride": 1}, "at least 1"),
    ("dense", (1, 4), [(4,), (1,)], {}, "needs a kernel"),
    ("relu", (1, 2), [], {"slope": 2}, "slope"),
])
def test_shapes_that_do_not_fit_name_the_layer(op, x, weights, attributes, words):
    tape = ta.Tape()
    tape.leaf("input", np.ones(x))
    with pytest.raises(ta.InputError, match=f"{op} 'it'.*{words}"):
        tape.write(op, "it", "input", [np.ones(w) for w in weights], **attributes)
