"""Batch norms merged into the layers before them: the same logits, and a reason for each that stays."""

import numpy as np
import pytest

import tinyattr as ta


def normalised(op, shape, attributes, seed=0):
    """(net, x): a layer of this op, its batch norm, ReLU, and a dense layer on the pooled maps."""
    rng = np.random.default_rng(seed)
    k = shape[-1]
    weights = {"w": (rng.standard_normal(shape), rng.standard_normal(k)), "bn": (rng.standard_normal(k), rng.standard_normal(k)),
               "z": (rng.standard_normal((k, 3)), rng.standard_normal(3))}
    layers = [("w", op, attributes), ("bn", "batch_norm", {}), ("A", "relu", {}), ("gap", "global_avg_pool", {}), ("z", "dense", {})]
    return ta.network(layers, weights), rng.standard_normal((2, 6, 5, 4))


@pytest.mark.parametrize(("op", "shape", "attributes"), [
    ("conv2d", (3, 2, 4, 5), {"padding": ((1, 0), (0, 1)), "stride": 2}), ("conv2d", (3, 3, 1, 4), {"groups": 4}),
    ("conv2d", (1, 1, 2, 6), {"groups": 2}), ("conv2d_transpose", (2, 3, 4, 2), {"stride": 2}), ("dense", (4, 6), {}),
])
def test_the_same_logits_without_the_batch_norm(op, shape, attributes):
    net, x = normalised(op, shape, attributes)
    folded, kept = net.folded()
    assert kept == []
    assert [name for name, _, _ in folded.layers] == ["w", "A", "gap", "z"]
    assert np.allclose(folded(x), net(x), rtol=1e-12, atol=1e-12)
    assert np.allclose(folded.run(x)["A"].output, net.run(x)["A"].output, rtol=1e-12, atol=1e-12)
    assert folded.features == net.features == "A"


def test_what_cannot_be_merged_says_why():
    one = np.ones(2)
    layers = [("first", "batch_norm", {}), ("conv", "conv2d", {}), ("second", "batch_norm", {}), ("both", "add", {"inputs": ["conv", "second"]}),
              ("pool", "avg_pool", {"size": 1, "stride": 1}), ("third", "batch_norm", {}), ("mix", "conv2d", {}), ("last", "batch_norm", {}),
              ("gap", "global_avg_pool", {})]
    weights = {**dict.fromkeys(("first", "second", "third", "last"), (2 * one, one)), **{name: (np.ones((1, 1, 2, 2)), one) for name in ("conv", "mix")}}
    net = ta.network(layers, weights)
    folded, kept = net.folded()
    assert dict(kept) == {"first": "the layer before it, input, is the picture", "second": "the layer before it, conv, is also read by both",
                          "third": "the layer before it, pool, is avg_pool"}
    assert folded.features == "mix"
    x = np.arange(8.0).reshape(1, 2, 2, 2)
    assert np.allclose(folded(x), net(x), rtol=1e-13)


def test_the_maps_that_cams_explain_stay_what_they_are():
    net, _ = normalised("conv2d", (1, 1, 4, 3), {})
    folded, kept = ta.network(net.layers, net.weights, features="w").folded()
    assert kept == [("bn", "the layer before it, w, is also read by CAMs, as their default layer")]
    assert folded.features == "w"


def test_constants_and_named_inputs_stay():
    layers = [("K", "constant", {}), ("twice", "mul", {"inputs": ["input", "K"]}), ("conv", "conv2d", {}), ("bn", "batch_norm", {}),
              ("total", "add", {"inputs": ["bn", "twice"]}), ("gap", "global_avg_pool", {})]
    weights = {"K": (np.array(2.0),), "conv": (np.ones((1, 1, 2, 2)), np.ones(2)), "bn": (np.array([1.0, 3.0]), np.ones(2))}
    net, x = ta.network(layers, weights), np.arange(8.0).reshape(1, 2, 2, 2)
    folded, _ = net.folded()
    assert np.allclose(folded(x), net(x), rtol=1e-13)
    assert folded.layers[-2] == ("total", "add", {"inputs": ["conv", "twice"]})
