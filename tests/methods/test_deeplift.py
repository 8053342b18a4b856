"""DeepLIFT: summation to Delta S for every score and layer kind, rules by loops, and the paper's own example."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tests.methods import toys
from tests.methods.test_claims import apart
from tests.methods.toys import few, seeds, toy
from tinyattr import strategies
from tinyattr.studies.attacks import ATTACKS

scores = st.sampled_from(sorted(ta.SCORES))
rules = st.sampled_from(["rescale", "reveal_cancel"])


def change(net, x, b, c, score):
    """S(x) - S(b)."""
    return float(ta.SCORES[score](net(x)[0], c)[0] - ta.SCORES[score](net(b)[0], c)[0])


def minimum():
    """min(i1, i2) = i1 - relu(i1 - i2), as two convolutions of one pixel with a ReLU between."""
    layers = [("h", "conv2d", {}), ("h_relu", "relu", {}), ("both", "concat", {"inputs": ["input", "h_relu"]}),
              ("flat", "flatten", {}), ("out", "dense", {})]
    return ta.network(layers, {"h": (np.array([1.0, -1.0]).reshape(1, 1, 2, 1), np.zeros(1)),
                               "out": (np.array([[1.0], [0.0], [-1.0]]), np.zeros(1))})


@given(st.floats(0.1, 10), st.floats(0.1, 10))
def test_the_papers_minimum(i1, i2):
    """From (0, 0): RevealCancel credits both inputs with half of the minimum. Rescale gives all of it to the smaller, i1 or i2."""
    net, x = minimum(), np.array([i1, i2]).reshape(1, 1, 1, 2)
    assert np.allclose(ta.deeplift(net, x, 1, "pre", rule="reveal_cancel").raw.ravel(), min(i1, i2) / 2, rtol=1e-9)
    if abs(i1 - i2) > 1e-6:
        rescaled = ta.deeplift(net, x, 1, "pre").raw.ravel()
        assert np.allclose(rescaled, [0, i2] if i1 > i2 else [i1, 0], rtol=1e-9, atol=1e-9)


@given(seeds, scores, rules, st.floats(-1, 1))
def test_the_sum_is_the_change_of_the_score(seed, score, rule, b):
    net, x = toy(seed)
    baseline = b + 0.5 * np.random.default_rng(seed).standard_normal(x.shape)
    heat = ta.deeplift(net, x, 1, score, baseline=baseline, rule=rule)
    owed = change(net, x, baseline, 1, score)
    assert abs(heat.raw.sum() - owed) <= 1e-9 * (1 + np.abs(heat.raw).sum())
    assert np.isclose(heat.receipt.owed, owed, rtol=1e-9, atol=1e-9)
    assert np.isclose(heat.receipt.paid, heat.raw.sum(), rtol=1e-9, atol=1e-12)
    assert apart(heat.plane * np.exp(heat.log_scale), heat.raw.sum(-1)) <= 1e-12


@given(seeds, scores, rules, st.sampled_from(["conv1", "relu1", "pool1", "conv2", "A"]))
def test_the_sum_over_any_layer(seed, score, rule, layer):
    net, x = toy(seed)
    heat = ta.deeplift(net, x, 1, score, layer, baseline=0.3, rule=rule)
    assert heat.raw.shape == net.run(x)[layer].output.shape[1:]
    assert abs(heat.raw.sum() - change(net, x, np.full_like(x, 0.3), 1, score)) <= 1e-9 * (1 + np.abs(heat.raw).sum())


@given(seeds, scores, st.sampled_from([3.0, 30.0, 100.0, 1000.0]))
def test_logits_that_are_far_apart(seed, score, gap):
    """The secant row of a straight line through logits whose gaps change by up to 1000, as softmax turns over on the way."""
    rng = np.random.default_rng(seed)
    W, b = rng.standard_normal((4, 5)), rng.standard_normal(5)
    net = ta.network([("flat", "flatten", {}), ("logits", "dense", {})], {"logits": (W, b)})
    start, step = rng.standard_normal((2, 1, 2, 2, 1))
    step *= gap / np.ptp(W.T @ step.ravel())
    for baseline, x in ((start, start + step), (start - step / 2, start + step / 2)):
        heat, owed = ta.deeplift(net, x, 1, score, baseline=baseline), change(net, x, baseline, 1, score)
        assert abs(heat.raw.sum() - owed) <= 1e-9 * max(abs(owed), 1)


@given(seeds, rules, st.sampled_from([("max_pool", {"size": 3, "stride": 2, "ceil": True}), ("max_pool", {"size": 3, "stride": 1}),
                                      ("max_pool", {"size": 2, "stride": 2}), ("avg_pool", {"size": 3, "stride": 2})]), st.booleans())
def test_pools_keep_the_sum(seed, rule, pool, first):
    """Windows that overlap, that hang over the edge; pools before and after a ReLU."""
    rng = np.random.default_rng(seed)
    middle = [("relu", "relu", {}), ("pool", *pool)]
    layers = [("conv", "conv2d", {"padding": 1, "stride": 1}), *(middle[::-1] if first else middle), ("flat", "flatten", {})]
    weights = {"conv": (rng.standard_normal((3, 3, 2, 3)), rng.standard_normal(3))}
    x, baseline = rng.standard_normal((2, 1, 6, 6, 2))
    width = ta.network(layers, weights).run(x)["flat"].output.shape[1]
    head = rng.standard_normal((width, 3)), rng.standard_normal(3)
    net = ta.network([*layers, ("logits", "dense", {})], {**weights, "logits": head})
    C = ta.deeplift(net, x, 1, "pre", baseline=baseline, rule=rule).raw
    assert abs(C.sum() - change(net, x, baseline, 1, "pre")) <= 1e-9 * np.abs(C).sum()


@given(strategies.tiny_networks(), rules, st.data())
def test_any_shift_on_the_tape_keeps_the_sum(drawn, rule, data):
    """t(x) by sums, squares and exponentials: products and exponentials share out their change, too."""
    net, x = drawn
    twin = data.draw(strategies.attacked(net))
    baseline = np.random.default_rng(0).standard_normal(x.shape)
    C = ta.deeplift(twin, x, 0, "pre", baseline=baseline, rule=rule).raw
    assert abs(C.sum() - change(twin, x, baseline, 0, "pre")) <= 1e-8 * (1 + np.abs(C).sum())


@pytest.mark.parametrize("attack", sorted(set(ATTACKS) - {"triggered"}))
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_every_attack_keeps_the_sum(attack, rule):
    net, x = toy(2)
    twin = ATTACKS[attack](net, K=0.5, **({"size": 4} if attack == "column" else {}))
    C = ta.deeplift(twin, x, 1, "pre", baseline=0.2, rule=rule).raw
    assert abs(C.sum() - change(twin, x, np.full_like(x, 0.2), 1, "pre")) <= 1e-9 * np.abs(C).sum()


@given(seeds, scores, rules)
def test_the_tangent_row(seed, score, rule):
    """Started with dS/dz at x: the sum is dS/dz . Delta z."""
    net, x = toy(seed)
    heat = ta.deeplift(net, x, 1, score, baseline=0.4, rule=rule, row="tangent")
    _, v, log_scale = ta.SCORES[score](net(x)[0], 1)
    owed = v @ (net(x) - net(np.full_like(x, 0.4)))[0] * np.exp(log_scale)
    assert abs(heat.raw.sum() - owed) <= 1e-9 * (np.abs(heat.raw).sum() + abs(owed))
    assert np.isclose(heat.receipt.owed, owed, rtol=1e-9, atol=1e-12)


@given(seeds, scores, rules)
def test_a_picture_explained_against_itself(seed, score, rule):
    """No difference, no contribution, and no 0 / 0."""
    net, x = toy(seed)
    heat = ta.deeplift(net, x, 1, score, baseline=x, rule=rule)
    assert (heat.raw == 0).all()
    assert heat.receipt.owed == heat.receipt.paid == 0


@few
@given(seed=seeds, rule=rules)
def test_layers_that_part_and_meet_again(seed, rule):
    """Skips, means, concatenations, products and exponentials between ReLUs: each hands on what it was given."""
    rng = np.random.default_rng(seed)
    weights = {"conv": (rng.standard_normal((3, 3, 2, 2)), rng.standard_normal(2)), "one": (rng.standard_normal((1, 1, 2, 2)), rng.standard_normal(2)),
               "logits": (rng.standard_normal((12, 3)), rng.standard_normal(3)), "scale": (np.array(0.3),)}
    layers = [
        ("conv", "conv2d", {"padding": 1}), ("relu1", "relu", {}), ("met", "add", {"inputs": ["input", "conv", "relu1"]}), ("relu2", "relu", {}),
        ("means", "avg_pool", {"size": 2, "stride": 2}), ("relu3", "relu", {}), ("one", "conv2d", {}), ("product", "mul", {"inputs": ["one", "one"]}),
        ("relu4", "relu", {}), ("scale", "constant", {}), ("small", "mul", {"inputs": ["one", "scale"]}), ("grown", "exp", {}), ("relu5", "relu", {}),
        ("shifted", "add", {"inputs": ["one", "scale"]}), ("relu6", "relu", {}), ("all", "concat", {"inputs": ["relu4", "relu5", "relu6"]}),
        ("top", "max_pool", {"size": 2, "stride": 1}), ("relu7", "relu", {}), ("gap", "global_avg_pool", {}), ("gap_relu", "relu", {}),
        ("picked", "pick", {"inputs": ["relu7"], "at": (0, 1)}), ("joined", "concat", {"inputs": ["gap_relu", "picked"]}), ("logits", "dense", {}),
    ]
    net = ta.network(layers, weights)
    x, baseline = rng.standard_normal((2, 1, 6, 6, 2))
    for layer in ("input", "one", "top"):  # all paths cross these
        C = ta.deeplift(net, x, 1, "pre", layer, baseline=baseline, rule=rule).raw
        assert abs(C.sum() - change(net, x, baseline, 1, "pre")) <= 1e-8 * np.abs(C).sum()


@given(seeds)
def test_softmax_as_one_more_layer_is_complete_and_hijacked(seed):
    """(Delta y_c / Delta z_c) times DeepLIFT of z_c: it sums to Delta y_c, and under the attack to the same, but C(t) is in it."""
    net, x = toy(seed)
    b = np.full_like(x, 0.3)
    heat, pre = ta.deeplift(net, x, 1, "post", baseline=b, row="softmax"), ta.deeplift(net, x, 1, "pre", baseline=b)
    slope = change(net, x, b, 1, "post") / change(net, x, b, 1, "pre")
    assert apart(heat.raw, slope * pre.raw) <= 1e-9
    assert abs(heat.raw.sum() - change(net, x, b, 1, "post")) <= 1e-9 * np.abs(heat.raw).sum()
    twin = ta.alter(net, K=10, at=(1, 2))
    C, C_t = ta.deeplift(twin, x, 1, "post", baseline=b, row="softmax").raw, ta.deeplift(toys.only_t(twin), x, 1, "pre", baseline=b).raw
    assert apart(C, change(net, x, b, 1, "post") / change(twin, x, b, 1, "pre") * (pre.raw + C_t)) <= 1e-8
    assert (ta.deeplift(net, x, 1, "post", baseline=x, row="softmax").raw == 0).all()
