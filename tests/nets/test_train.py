"""Training: the gradient of the loss, Adam's formula, checkpoints, and the same bytes every time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tinyattr import strategies
from tinyattr.glyphs import recipe as glyph_network
from tinyattr.glyphs.train import State, adam, clipped, loss_and_gradients, refreshed, resumed, train


def small():
    return ta.vgg("A", width=1 / 16, classes=3, size=32, dense=(6, 6), seed=2)


def batch(step, state):
    """Four noise pictures, each tinted by its class: a step's number says all. At step 3 the optimiser starts anew."""
    rng = np.random.default_rng([9, step])
    c = rng.integers(0, 3, 4)
    x = rng.standard_normal((4, 32, 32, 3), np.float32) * 0.5 + 2 * np.eye(3, dtype=np.float32)[c][:, None, None]
    state = refreshed(state) if step == 3 else state
    return x, np.eye(3)[c], {}, replace(state, difficulty=state.difficulty + 0.5)


def same(a, b):
    return all((v == w).all() and v.dtype == w.dtype for n in a for v, w in zip(a[n], b[n], strict=True))


@given(strategies.tiny_networks(), st.data())
def test_the_gradient_of_the_loss(drawn, data):
    """Hard and soft targets, with and without prices of activations, every weight of every layer, against central
    differences along a random direction.
    """
    net, x = drawn
    rng = np.random.default_rng(data.draw(strategies.seeds))
    n = net(x).shape[1]
    t = rng.dirichlet(np.ones(n), 1) if data.draw(st.booleans()) else np.eye(n)[[0]]
    layer = data.draw(st.sampled_from([None, *(name for name, *_ in net.layers[:-1])]))
    prices = {} if layer is None else {layer: rng.standard_normal(net.run(x)[layer].output.shape)}
    loss, right, gradients = loss_and_gradients(net, x, t, prices)
    assert right in (0, 1)
    direction = {name: tuple(rng.standard_normal(w.shape) for w in arrays) for name, arrays in net.weights.items()}
    step = 1e-6

    def at(s):
        moved = {name: tuple(w + s * d for w, d in zip(arrays, direction[name], strict=True)) for name, arrays in net.weights.items()}
        moved = replace(net, weights=moved)
        paid = sum((p / 2 * moved.run(x)[name].output ** 2).sum() for name, p in prices.items())
        return loss_and_gradients(moved, x, t)[0] + paid

    walked = sum((g * d).sum() for name in gradients for g, d in zip(gradients[name], direction[name], strict=True))
    assert np.isclose(walked, (at(step) - at(-step)) / (2 * step), rtol=1e-3, atol=1e-5)
    assert loss >= 0


def one(value):
    return {"w": (np.array([value]),)}


def test_adam_by_hand():
    """Two steps on one number, gradients 3 and -1, as in algorithm 1."""
    state = State(0, one(1.0), one(0.0), one(0.0), 0, 0)
    state = adam(state, one(3.0), 0.1)
    m, v = 0.1 * 3, 0.001 * 9
    w = 1 - 0.1 * (m / 0.1) / (np.sqrt(v / 0.001) + 1e-8)
    assert np.isclose(state.weights["w"][0][0], w, rtol=1e-14)
    state = adam(state, one(-1.0), 0.1)
    m, v = 0.9 * m + 0.1 * -1, 0.999 * v + 0.001
    w -= 0.1 * (m / (1 - 0.9**2)) / (np.sqrt(v / (1 - 0.999**2)) + 1e-8)
    assert np.isclose(state.weights["w"][0][0], w, rtol=1e-14)
    assert state.step == 2
    again = adam(refreshed(state), one(3.0), 0.1)
    assert np.isclose(again.weights["w"][0][0], w - 0.1 * 3 / (3 + 1e-8), rtol=1e-14)
    assert (again.step, again.since) == (3, 2)


def test_clipping():
    gradients = {"a": (np.array([3.0]), np.array([0.0])), "b": (np.array([4.0]), np.array([0.0]))}
    assert clipped(gradients, 10) == gradients
    short = clipped(gradients, 1)
    assert np.isclose(short["a"][0][0], 0.6) and np.isclose(short["b"][0][0], 0.8)


def test_it_learns():
    """One convolution, ReLU, pool and dense layer learn to name a tint."""
    rng = np.random.default_rng(0)
    weights = {"conv": (rng.standard_normal((3, 3, 3, 8), np.float32) / 4, np.zeros(8, np.float32)),
               "head": (rng.standard_normal((8, 3), np.float32) / 2, np.zeros(3, np.float32))}
    start = ta.network([("conv", "conv2d", {"padding": 1}), ("relu", "relu", {}), ("pool", "global_avg_pool", {}),
                        ("head", "dense", {})], weights)
    net, state = train(start, batch, 80, rate=lambda step: 3e-2)
    assert state.loss < 0.3 * np.log(3)
    assert state.difficulty == 40
    x, t, _, _ = batch(1000, state)
    assert (net(x).argmax(-1) == t.argmax(-1)).all()


def test_resumed_equals_uninterrupted(tmp_path):
    whole, _ = train(small(), batch, 7, rate=lambda step: 1e-3)
    path = tmp_path / "c.npz"

    def stops(step, state):
        if step == 4:
            raise KeyboardInterrupt
        return batch(step, state)

    with pytest.raises(KeyboardInterrupt):
        train(small(), stops, 7, rate=lambda step: 1e-3, checkpoint=path, every=1)
    assert resumed(path, small()).step == 4
    again, state = train(small(), batch, 7, rate=lambda step: 1e-3, checkpoint=path, every=1)
    assert same(again.weights, whole.weights)
    assert state.difficulty == 3.5
    assert [p.name for p in tmp_path.iterdir()] == ["c.npz"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a checkpoint", None])
def test_checkpoints_that_are_none(tmp_path, content):
    path = tmp_path / "c.npz"
    if content is None:
        np.savez(path, x=np.zeros(3))
    else:
        path.write_bytes(content)
    with pytest.raises(ta.InputError, match="not a checkpoint of this network"):
        train(small(), batch, 7, rate=lambda step: 1e-3, checkpoint=path)


def test_checkpoints_of_another_network(tmp_path):
    path = tmp_path / "c.npz"
    train(small(), batch, 1, rate=lambda step: 1e-3, checkpoint=path)
    other = ta.vgg("A", width=1 / 16, classes=3, size=32, dense=(7, 6))
    with pytest.raises(ta.InputError, match="layer 'fc1' has other shapes"):
        train(other, batch, 2, rate=lambda step: 1e-3, checkpoint=path)


def test_two_runs_of_the_glyph_network_end_with_the_same_bytes(monkeypatch, tmp_path):
    """Both terms, uninterrupted, and stopped in either and resumed."""
    monkeypatch.setattr(glyph_network, "PICTURES", 4)
    monkeypatch.setattr(glyph_network, "FIRST", 2)
    monkeypatch.setattr(glyph_network, "STEPS", 4)
    a, b, c = (glyph_network.train_glyphs(4, seed=seed) for seed in (0, 0, 1))
    assert same(a.weights, b.weights)
    assert not same(a.weights, c.weights)
    assert not same(a.weights, glyph_network.untrained().weights)

    def stops(rng, state, real=glyph_network.two_glyphs):
        if state.step == stop:
            raise KeyboardInterrupt
        return real(rng, state)

    real = train

    def every_step(*args, **options):
        return real(*args, **options, every=1)

    monkeypatch.setattr(glyph_network, "train", every_step)
    path = tmp_path / "c.npz"
    for stop in (2, 3):
        with monkeypatch.context() as context:
            context.setattr(glyph_network, "two_glyphs", stops)
            with pytest.raises(KeyboardInterrupt):
                glyph_network.train_glyphs(4, checkpoint=path)
        assert resumed(path, a).step == stop
    assert same(glyph_network.train_glyphs(4, checkpoint=path).weights, a.weights)
