"""The strategies draw what they promise, and all of it."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

import tinyattr as ta
from tinyattr import strategies
from tinyattr.softmax import softmax

seek = settings(max_examples=2000, database=None, derandomize=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data())
def test_logits(dtype, data):
    z = data.draw(strategies.logits(min_size=1, dtype=dtype))
    assert z.dtype == dtype
    assert 1 <= len(z) <= 8
    assert np.isfinite(z).all()


@pytest.mark.parametrize("property_", [
    lambda z: len(set(z)) == 1 and len(z) > 2, lambda z: np.sum(z == z.max()) > 1 and len(set(z)) > 1,
    lambda z: z.max() - np.sort(z)[-2] > 150, lambda z: np.abs(z).max() > 5000 and np.ptp(z) < 100, lambda z: np.ptp(z) > 2e4,
    lambda z: softmax(z).max() == 1, lambda z: softmax(z).max() < 0.3,
])
def test_every_kind_of_logits_is_drawn(property_):
    assert property_(find(strategies.logits(min_size=2), property_, settings=settings(seek, max_examples=200)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data())
def test_shifts_are_exact(dtype, data):
    z, t = data.draw(strategies.shifted_logits(dtype=dtype))
    assert z.dtype == (z + t).dtype == dtype
    for v in z:
        assert Fraction(float(v)) + Fraction(float(t)) == Fraction(float(v + t))


@given(strategies.masked_logits())
def test_some_logits_are_masked_and_some_are_not(z):
    assert 1 <= np.isneginf(z).sum() < len(z)
    assert not np.isnan(z).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data())
def test_batches(dtype, data):
    rows = data.draw(strategies.batches(dtype=dtype))
    assert rows.dtype == dtype
    assert 1 <= rows.shape[0] <= 4 and 1 <= rows.shape[1] <= 8
    assert np.isfinite(rows).all()


@given(st.data())
def test_laid_out_holds_the_same_numbers(data):
    a = data.draw(strategies.batches())
    assert (data.draw(strategies.laid_out(st.just(a))) == a).all()


@pytest.mark.parametrize(("draws", "property_"), [
    (strategies.masked_logits(), lambda z: np.isfinite(z).sum() == 1 and len(z) > 2),
    (strategies.masked_logits(), lambda z: z[0] == -np.inf),
    (strategies.masked_logits(), lambda z: np.isneginf(z).sum() == 1),
    (strategies.batches(), lambda Z: len(Z) == 1), (strategies.batches(), lambda Z: np.ptp(Z) > 5000),
    (strategies.batches(), lambda Z: len(Z) > 1 and (Z[0] == Z).all() and np.ptp(Z[0]) > 0),
    (strategies.laid_out(strategies.batches()), lambda Z: not Z.flags.writeable),
    (strategies.laid_out(strategies.batches()), lambda Z: Z.flags.f_contiguous and not Z.flags.c_contiguous),
    (strategies.laid_out(strategies.logits()), lambda z: z.strides[0] == 16), (strategies.laid_out(strategies.logits()), lambda z: z.strides[0] < 0),
])
def test_every_kind_is_drawn_within_200_examples(draws, property_):
    assert property_(find(draws, property_, settings=settings(seek, max_examples=200)))


def test_examples_shrink_to_what_can_be_read():
    z = find(strategies.masked_logits(), lambda z: True, settings=seek)
    assert sorted(z) == [-np.inf, 0]
    assert find(strategies.batches(), lambda Z: np.ptp(Z) > 5000, settings=seek).shape == (2, 1)


@given(strategies.saturated_logits())
def test_saturated_logits(drawn):
    z, c = drawn
    _, _, log_rest = ta.SCORES["log"](z, c)
    assert -720 < log_rest < np.log(len(z)) - 14
    assert np.float32(softmax(z)[c]) == 1


@given(strategies.weights())
def test_weights_are_positive_fractions(w):
    assert all(isinstance(v, Fraction) and v > 0 for v in w)


@given(strategies.kink_free((2, 3, 3, 1)))
def test_kink_free(x):
    assert x.shape == (2, 3, 3, 1)
    values = np.sort(x.ravel())
    assert np.abs(values).min() >= 0.03
    assert np.diff(values).min() >= 0.03


@given(strategies.tiny_networks())
def test_tiny_networks_stay_off_the_kinks(drawn):
    net, x = drawn
    tape = net.run(x)
    assert net.dtype == np.float64
    for record in tape:
        if record.op == "relu":
            assert np.abs(record.x[0]).min() > 1e-4
    v = np.random.default_rng(0).standard_normal(x.shape)
    row = np.ones_like(net.logits(tape))
    g = ta.walk(tape, {"logits": row}, ta.GRADIENT)["input"]
    step = 1e-7
    difference = (net(x + step * v) - net(x - step * v)).sum() / (2 * step)
    assert np.isclose((g * v).sum(), difference, rtol=1e-4, atol=1e-6)


def test_both_kinds_and_all_depths_are_drawn():
    for kind in ("conv2d", "dense"):
        for depth in (1, 2, 3):
            net, _ = find(strategies.tiny_networks(), lambda d, kind=kind, depth=depth: [op for _, op, _ in d[0].layers[:-1]].count(kind) == depth, settings=seek)
            assert net.layers


@given(st.data())
def test_attacked_networks_add_t(data):
    net, x = data.draw(strategies.tiny_networks())
    twin = data.draw(strategies.attacked(net))
    tape = twin.run(x)
    assert (tape["logits"].output == net.run(x)["logits"].output).all()
    assert np.allclose(tape["altered"].output, tape["logits"].output + tape["t"].output)
    assert tape["t"].output.shape == (1, 1)
