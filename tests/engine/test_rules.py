"""Every rule is the transpose of its op's derivative: <g, J v> from central differences = <J^T g, v> from the rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tests.engine.cases import calls, maps
from tinyattr.engine import OPS
from tinyattr.engine.windows import patches, unpatch

STEP = 1e-6  # kinks are at least 0.03 away; a central difference errs by about eps / STEP + STEP^2


def run(op, x, weights, attributes):
    tape = ta.Tape()
    names = [tape.leaf(f"x{i}", a) for i, a in enumerate(x)]
    tape.write(op, "y", names, weights, **attributes)
    return tape


def central_difference(f, arrays, directions):
    """The derivative of f at `arrays` along `directions`."""
    ahead, behind = ([a + sign * STEP * v for a, v in zip(arrays, directions, strict=True)] for sign in (1, -1))
    return (f(*ahead) - f(*behind)) / (2 * STEP)


@pytest.mark.parametrize("op", sorted(OPS))
@given(data=st.data())
def test_signal_to_inputs(op, data):
    x, weights, attributes = data.draw(calls(op))
    rng = np.random.default_rng(0)
    tape = run(op, x, weights, attributes)
    g, v = rng.standard_normal(tape["y"].output.shape), [rng.standard_normal(a.shape) for a in x]
    signals = ta.walk(tape, {"y": g}, ta.GRADIENT, to=[f"x{i}" for i in range(len(x))])
    walked = sum((signals[f"x{i}"] * v[i]).sum() for i in range(len(x)))
    differences = g * central_difference(lambda *a: OPS[op](*a, *weights, **attributes), x, v)
    assert abs(walked - differences.sum()) <= 1e-8 * (np.abs(differences).sum() + 100)


@pytest.mark.parametrize("op", sorted(set(ta.engine.WEIGHT_GRADIENT) - {"constant"}))
@given(data=st.data())
def test_gradient_of_weights(op, data):
    x, weights, attributes = data.draw(calls(op))
    rng = np.random.default_rng(0)
    tape = run(op, x, weights, attributes)
    g, v = rng.standard_normal(tape["y"].output.shape), [rng.standard_normal(w.shape) for w in weights]
    gradients = ta.weight_gradients(tape, {"y": g})["y"]
    walked = sum((a * b).sum() for a, b in zip(gradients, v, strict=True))
    differences = g * central_difference(lambda *w: OPS[op](*x, *w, **attributes), weights, v)
    assert abs(walked - differences.sum()) <= 1e-8 * (np.abs(differences).sum() + 100)


@given(maps(low=3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_unpatch_is_the_transpose_of_patches(x, kh, kw, stride):
    p = patches(x, (kh, kw), stride)
    q = np.random.default_rng(0).standard_normal(p.shape)
    assert np.isclose((p * q).sum(), (x * unpatch(q, x.shape, stride)).sum(), rtol=1e-12, atol=1e-12 * p.size)


def test_relu_has_derivative_zero_at_zero():
    tape = run("relu", [np.array([[-1.0, 0.0, 2.0]])], (), {})
    assert ta.walk(tape, {"y": np.ones((1, 3))}, ta.GRADIENT, to=["x0"])["x0"].tolist() == [[0, 0, 1]]


@pytest.mark.parametrize(("window", "first"), [
    ([[1, 1], [1, 1]], (0, 0)), ([[0, 1], [1, 1]], (0, 1)), ([[0, 0], [1, 1]], (1, 0)), ([[0, 0], [0, 1]], (1, 1)),
])
def test_a_max_pool_tie_goes_to_the_first_maximum_in_row_major_order(window, first):
    tape = run("max_pool", [np.array(window, float).reshape(1, 2, 2, 1)], (), {"size": 2, "stride": 2})
    m = ta.walk(tape, {"y": np.full((1, 1, 1, 1), 5.0)}, ta.GRADIENT, to=["x0"])["x0"][0, :, :, 0]
    expected = np.zeros((2, 2))
    expected[first] = 5
    assert (m == expected).all()


def test_overlapping_pool_windows_add_up():
    x = np.zeros((1, 5, 5, 1))
    x[0, 2, 2] = 1  # the largest value of all four 3x3 windows
    tape = run("max_pool", [x], (), {"size": 3, "stride": 2})
    m = ta.walk(tape, {"y": np.ones((1, 2, 2, 1))}, ta.GRADIENT, to=["x0"])["x0"]
    assert m[0, 2, 2, 0] == 4
    assert m.sum() == 4
