"""Baselines: black, white and mean as photos are preprocessed, and the one about which the network is unsure."""

import numpy as np
import pytest
from hypothesis import given

import tinyattr as ta
from tests.methods import toys
from tests.methods.test_identities import signals
from tests.methods.toys import few, seeds, toy
from tinyattr.methods.baselines import BASELINES, baseline_of
from tinyattr.methods.path import at
from tinyattr.nets.pictures import FAMILIES
from tinyattr.softmax import softmax


def test_baselines_by_name():
    net, x = toy(0)
    assert set(BASELINES) == {"black", "white", "mean", "own_mean", "unsure"}
    for name in ("black", "mean"):
        assert (baseline_of(net, x, name) == 0).all()
    own = baseline_of(net, x, "own_mean")
    assert own.shape == x.shape
    for k in range(toys.COLOURS):
        assert np.allclose(own[..., k], x[..., k].mean(), rtol=1e-12)
    with pytest.raises(ta.InputError, match="so white is unknown"):
        baseline_of(net, x, "white")
    for given_, expected in ((0.5, 0.5), (x[0] * 2, x * 2), (x * 3, x * 3)):
        assert (baseline_of(net, x, given_) == expected).all()
    assert (at(x * 0, x, 0.25) == x / 4).all()


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_black_and_white_photos(family):
    """(0 - mean) / scale and (255 - mean) / scale, in the order of the network's channels."""
    spec = FAMILIES[family]
    net = ta.network([("pool", "global_avg_pool", {})], {}, input=spec)
    x = np.zeros((1, spec.size, spec.size, 3))
    for name, value in (("black", 0), ("white", 255)):
        expected = (value - np.array(spec.mean)) / spec.scale
        assert np.allclose(baseline_of(net, x, name), expected, rtol=1e-6)
    assert (baseline_of(net, x, "mean") == 0).all()


@few
@given(seed=seeds)
def test_the_unsure_baseline_lowers_what_it_minimises(seed):
    """0.99 max_i |y_i - 1/n| + 0.01 mean (b - black)^2, from black on."""
    net, x = toy(seed)

    def objective(b):
        return 0.99 * np.abs(softmax(net(b))[0] - 1 / toys.CLASSES).max() + 0.01 * (b**2).mean()

    black, v = np.zeros_like(x), 0
    b = black + 0.0
    for _ in range(4):
        y = softmax(net(b))[0]
        i = int(np.abs(y - 1 / toys.CLASSES).argmax())
        g = 0.99 * np.sign(y[i] - 1 / toys.CLASSES) * signals(net, b, i, "post", "input")[1] + 0.01 * 2 * (b - black) / b.size
        v = 0.99 * v + 0.01 * g**2
        b = b - 0.1 * g / (np.sqrt(v) + 1e-8)
    assert np.allclose(BASELINES["unsure"](net, x, epochs=4), b, rtol=1e-9, atol=1e-12)
    slope = signals(net, black, 0, "post", "input")[1]
    b = BASELINES["unsure"](net, x, epochs=40, rate=0.01)
    assert objective(b) < objective(black) or not slope.any()
