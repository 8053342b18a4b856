"""A network with one output z, made for a sigmoid, is read as the two logits (0, z): sigmoid(z) = softmax(0, z)_1."""

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.softmax import softmax

RNG = np.random.default_rng(0)
X = RNG.standard_normal((1, 6, 6, 3))
CONV = ("conv", "conv2d", {"padding": 1}), ("relu1", "relu", {})
WEIGHTS = {"conv": (RNG.standard_normal((3, 3, 3, 4)), RNG.standard_normal(4))}
HEADS = {
    "dense": ([("pool", "global_avg_pool", {}), ("z", "dense", {})], {"z": (RNG.standard_normal((4, 1)), np.array([0.3]))}),
    "flattened": ([("flat", "flatten", {}), ("z", "dense", {})], {"z": (RNG.standard_normal((144, 1)), np.array([0.3]))}),
    "pooled": ([("z", "conv2d", {}), ("pool", "global_avg_pool", {})], {"z": (RNG.standard_normal((1, 1, 4, 1)), np.array([0.3]))}),
}


@pytest.fixture(params=HEADS)
def net(request):
    layers, weights = HEADS[request.param]
    return ta.network([*CONV, *layers], {**WEIGHTS, **weights}, classes=["cat", "dog"])


def z_of(net):
    tape = net.run(X)
    return float(tape[net.layers[-2][0]].output[0, 0])


def test_its_logits_are_0_and_z(net):
    z = z_of(net)
    assert net(X).tolist() == [[0.0, z]]
    assert np.isclose(softmax(net(X))[0, 1], 1 / (1 + np.exp(-z)), rtol=1e-14)
    assert (net.label(0), net.label(1)) == ("cat (0)", "dog (1)")


def test_scores_are_those_of_a_sigmoid(net):
    z = z_of(net)
    s = 1 / (1 + np.exp(-z))
    expected = {"pre": (0.0, z), "post": (1 / (1 + np.exp(z)), s), "log": (-np.logaddexp(0, z), -np.logaddexp(0, -z)), "log_odds": (-z, z),
                "margin": (-z, z), "centred": (-z / 2, z / 2)}
    for score, values in expected.items():
        for c, value in enumerate(values):
            assert np.isclose(ta.gradient(net, X, c, score).value, value, rtol=1e-12, atol=1e-14), (score, c)


def test_maps_of_the_two_classes_are_opposite(net):
    for score in ("post", "log_odds", "margin", "centred"):
        no, yes = (ta.hirescam(net, X, c, score, layer="relu1").raw for c in (0, 1))
        assert np.allclose(no, -yes, rtol=1e-12)
        assert yes.any()


@pytest.mark.parametrize("score", ta.SCORES)
def test_every_method_works(net, score):
    few = {"samples": 2, "steps": 4, "window": 3, "stride": 3, "groups": 2, "cells": 2, "batch": 2}
    for name, method in ta.METHODS.items():
        options = {k: v for k, v in few.items() if k in ta.methods.options_of(name)}
        layer = "relu1" if name in ta.AT_A_LAYER else None
        assert np.isfinite(method(net, X, "dog", score, layer, **options).raw).all(), name


def test_the_attack_moves_both_logits_and_no_probability(net):
    altered = ta.alter(net, K=10, layer="relu1")
    t = altered(X) - net(X)
    assert t[0, 0] == pytest.approx(t[0, 1], rel=1e-12)
    assert abs(t[0, 0]) > 1
    assert np.allclose(softmax(altered(X)), softmax(net(X)), rtol=1e-10)


def test_it_stays_one_network():
    """A change, a copy or a second construction adds no further layer."""
    layers, weights = HEADS["dense"]
    net = ta.network([*CONV, *layers], {**WEIGHTS, **weights})
    again = ta.network(net.layers, net.weights)
    assert [name for name, _, _ in again.layers] == [name for name, _, _ in net.layers]
    assert again(X).tolist() == net(X).tolist()
    assert net.astype(np.float32)(X).shape == (1, 2)


def test_one_name_for_two_classes_is_refused():
    layers, weights = HEADS["dense"]
    with pytest.raises(ta.InputError, match="1 class names for 2 logits"):
        ta.network([*CONV, *layers], {**WEIGHTS, **weights}, classes=["dog"])


def test_where_the_layers_do_not_tell_the_run_does():
    """One number for each picture by way of a sum: the error says which layer to add."""
    net = ta.network([("flat", "flatten", {}), ("total", "sum", {})], {})
    with pytest.raises(ta.InputError, match="two_logits"):
        net(X)
    net = ta.network([*net.layers, ("two_logits", "two_logits", {})], {})
    assert np.allclose(net(X), [[0, X.sum()]])


def test_a_repaired_network_has_centred_logits(net):
    from tinyattr.studies.detect import repair

    z = z_of(net)
    assert np.allclose(repair(net)(X), [[-z / 2, z / 2]])
