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
    ("conv2d", (1, 4, 4, 2), [(3, 2), (2,)], {}, "needs kernel"),
    ("conv2d", (1, 4, 4, 2), [(3, 3, 2, 3), (1,)], {}, "needs kernel"),
    ("conv2d", (1, 4, 4, 2), [(3, 3, 2, 3), (3,)], {"stride": -1}, "at least 1"),
    ("max_pool", (1, 4, 4, 2), [], {"size": 2, "stride": 0, "ceil": True}, "at least 1"),
    ("avg_pool", (1, 4, 4, 2), [], {"size": 0, "stride": 1}, "at least 1"),
    ("dense", (1, 4), [(4,), (1,)], {}, "needs kernel"),
    ("relu", (1, 2), [], {"slope": 2}, "slope"),
    ("conv2d", (1, 4, 4, 2), [(1, 1, 1, 3), (3,)], {"groups": 2}, "cannot be divided into 2 groups"),
    ("conv2d", (1, 4, 4, 3), [(1, 1, 1, 4), (4,)], {"groups": 2}, "expects maps"),
    ("conv2d", (1, 4, 4, 2), [(3, 3, 2, 3), (3,)], {"dilation": 0}, "at least 1"),
    ("conv2d", (1, 4, 4, 2), [(3, 3, 2, 3), (3,)], {"dilation": 2}, "5 x 5 window does not fit"),
    ("conv2d", (1, 4, 4, 2), [(3, 3, 2, 3), (3,)], {"padding": -1}, "padding is"),
    ("conv2d", (1, 4, 4, 2), [(3, 3, 2, 3), (3,)], {"padding": ((1, 0), 1)}, "padding is"),
    ("conv2d", (1, 4, 4, 2), [(3, 3, 2, 3), (3,)], {"padding": 0.5}, "padding is"),
    ("conv2d_transpose", (1, 4, 4, 3), [(3, 3, 2, 3), (3,)], {}, "expects maps"),
    ("conv2d_transpose", (1, 1, 1, 2), [(2, 2, 2, 3), (3,)], {"padding": 1}, "leaves nothing"),
    ("conv2d_transpose", (1, 4, 4, 2), [(3, 3, 2, 3), (3,)], {"stride": 0}, "at least 1"),
    ("batch_norm", (1, 4, 4, 2), [(3,), (3,)], {}, "for each channel"),
    ("prelu", (1, 4, 4, 2), [(1,)], {}, "for each channel"),
    ("prelu", (1, 4, 4, 2), [(1, 4, 2)], {}, "for each channel"),
    ("resize", (1, 4, 4, 2), [], {"size": (2, 0)}, "at least 1"),
    ("resize", (1, 4), [], {"size": 2}, "feature maps"),
    ("concat", (1, 4, 4, 2), [], {"axis": 0}, "cannot be joined along axis 0"),
    ("concat", (1, 4, 4, 2), [], {"axis": 4}, "cannot be joined along axis 4"),
    ("dense", (1, 2, 2, 3), [(4, 2), (2,)], {}, "expects shape"),
    ("max_pool", (1, 4, 4, 2), [], {"size": 2, "stride": 2, "padding": 2}, "less than the window"),
    ("avg_pool", (1, 4, 4, 2), [], {"size": 2, "stride": 2, "padding": ((0, 0), (0, 2))}, "less than the window"),
    ("global_max_pool", (1, 3), [], {}, "feature maps"),
    ("mean", (1, 4, 4, 2), [], {"axes": (0,)}, "not axes"),
    ("max", (1, 4, 4, 2), [], {"axes": ()}, "not axes"),
    ("max", (1, 4, 4, 2), [], {"axes": (4,)}, "not axes"),
    ("crop", (1, 4, 4, 2), [], {"padding": 2}, "leaves nothing"),
    ("pad", (1, 4), [], {"padding": 1}, "feature maps"),
    ("slice", (1, 4, 4, 2), [], {"start": (0,), "stop": (1,), "step": (1,)}, "need 3 numbers"),
    ("slice", (1, 4), [], {"start": (3,), "stop": (1,), "step": (1,)}, "nothing of shape"),
    ("upsample", (1, 4, 4, 2), [], {"factor": 0}, "at least 1"),
    ("reshape", (1, 4, 4, 2), [], {"shape": (31,)}, "cannot become"),
    ("reshape", (1, 4, 4, 2), [], {"shape": (-1, -32)}, "cannot become"),
    ("transpose", (1, 4, 4, 2), [], {"axes": (0, 1, 2)}, "the numbers 1 to 3"),
    ("channel_shuffle", (1, 4, 4, 2), [], {"groups": 3}, "cannot be divided into 3 groups"),
    ("lrn", (1, 4, 4, 2), [], {"size": 0, "alpha": 1.0, "beta": 1.0, "bias": 1.0}, "size >= 1"),
    ("clip", (1, 2), [], {"low": 0}, "missing a required argument: 'high'"),
])
def test_shapes_that_do_not_fit_name_the_layer(op, x, weights, attributes, words):
    tape = ta.Tape()
    tape.leaf("input", np.ones(x))
    with pytest.raises(ta.InputError, match=f"{op} 'it'.*{words}"):
        tape.write(op, "it", "input", [np.ones(w) for w in weights], **attributes)


def test_padding_never_wins():
    """A map of nothing but -infinity has a maximum of its own, and the signal goes to it, not to the border."""
    tape = ta.Tape()
    tape.leaf("x", np.full((1, 2, 2, 1), -np.inf))
    tape.write("max_pool", "y", "x", size=2, stride=2, padding=1)
    m = ta.walk(tape, {"y": np.ones((1, 2, 2, 1))}, ta.GRADIENT, to=["x"])["x"]
    assert (m == 1).all()


@pytest.mark.parametrize(("op", "attributes", "kinks"), [
    ("relu", {}, [0]), ("leaky_relu", {}, []), ("clip", {"low": 0, "high": 6}, [0, 6]), ("hard_sigmoid", {"slope": 0.5, "offset": 0.5}, [-1, 1]),
])
def test_a_kink_has_the_slope_of_its_flatter_side(op, attributes, kinks):
    tape = ta.Tape()
    tape.leaf("x", np.array([[*kinks, 0.5]]))
    tape.write(op, "y", "x", **attributes)
    m = ta.walk(tape, {"y": np.ones((1, len(kinks) + 1))}, ta.GRADIENT, to=["x"])["x"][0]
    assert (m[:-1] == 0).all() and m[-1] > 0


@pytest.mark.parametrize("op", ["sigmoid", "tanh", "softplus", "silu", "gelu", "mish", "elu", "selu", "softsign", "hard_swish"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_are_stable_far_from_zero(op, dtype):
    x = np.array([[-1e4, -200, 200, 1e4]], dtype)
    tape = ta.Tape()
    tape.leaf("x", x)
    tape.write(op, "y", "x")
    m = ta.walk(tape, {"y": np.ones((1, 4), dtype)}, ta.GRADIENT, to=["x"])["x"]
    assert np.isfinite(tape["y"].output).all() and np.isfinite(m).all()
    assert (m >= -1e-30).all()
