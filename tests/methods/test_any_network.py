"""Methods on networks with every kind of layer: finite, complete, blind where they claim to be."""

import numpy as np
import pytest

import tinyattr as ta
from tests.methods.any_networks import NETWORKS, picture
from tests.methods.test_claims import apart
from tinyattr.methods.lrp_rules import epsilon

CHEAP = {"samples": 3, "steps": 3, "masks": None}


def options(method):
    known = ta.methods.options_of(method)
    return {key: value for key, value in CHEAP.items() if key in known and value is not None} | ({"window": 4, "stride": 3} if method == "occlusion" else {})


@pytest.mark.parametrize("which", NETWORKS)
@pytest.mark.parametrize("method", ta.METHODS)
def test_every_method_answers_every_score(method, which):
    net, x = NETWORKS[which](), picture()
    for score in ta.SCORES:
        heat = ta.METHODS[method](net, x, 1, score, **options(method))
        assert np.isfinite(heat.raw).all() and heat.map.shape == (9, 11)


@pytest.mark.parametrize("which", NETWORKS)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
@pytest.mark.parametrize("row", ["secant", "tangent"])
@pytest.mark.parametrize("seed", range(5))
def test_deeplift_is_complete(which, rule, row, seed):
    net, x = NETWORKS[which](seed), picture(seed)
    for score in ta.SCORES:
        receipt = ta.deeplift(net, x, 1, score, rule=rule, row=row).receipt
        assert abs(receipt.gap) <= 1e-8 * (1 + abs(receipt.owed))


@pytest.mark.parametrize("which", NETWORKS)
@pytest.mark.parametrize("composite", sorted(set(ta.COMPOSITES) - {"epsilon_gamma_box"}))
@pytest.mark.parametrize("seed", range(3))
def test_lrp_says_what_every_layer_keeps(which, composite, seed):
    net, x = NETWORKS[which](seed), picture(seed)
    for score in ta.SCORES:
        receipt = ta.lrp(net, x, 1, score, composite=composite).receipt
        size = 1 + abs(receipt.owed) + sum(map(abs, receipt.shares.values()))
        assert abs(receipt.gap) <= 1e-8 * size


@pytest.mark.parametrize("seed", range(5))
def test_without_biases_lrp_zero_keeps_nothing(seed):
    """Batch norms, sums, products, moves and pools hand on what they get: LRP-0 keeps only what biases contribute."""
    net, x = NETWORKS["mobile"](seed, bias=0), picture(seed)
    book = {**ta.COMPOSITES["zero"](net), **dict.fromkeys(("avg_pool", "global_avg_pool"), epsilon(0))}
    receipt = ta.lrp(net, x, 1, "pre", composite=book).receipt
    assert max(map(abs, receipt.shares.values())) <= 1e-9
    assert np.isclose(receipt.paid, receipt.owed, rtol=1e-9)


def test_a_product_gives_half_to_each_factor_and_nothing_to_a_constant():
    layers = [("two", "constant", {}), ("twice", "mul", {"inputs": ["two", "input"]}), ("gate", "global_avg_pool", {"keep": True}),
              ("gated", "mul", {"inputs": ["twice", "gate"]}), ("gap", "global_avg_pool", {}), ("z", "dense", {})]
    net = ta.network(layers, {"two": (np.array(2.0),), "z": (np.eye(2), np.zeros(2))})
    x = np.arange(1.0, 9).reshape(1, 2, 2, 2)
    R = ta.lrp(net, x, 0, "pre", composite="zero").raw[..., 0]
    expected = x[0, ..., 0] / x[0, ..., 0].sum() * net(x)[0, 0]  # one half by each place's x in the product, one by its x in the gate
    assert np.allclose(R, expected, rtol=1e-6)


def test_no_rule_is_an_error():
    net = ta.network([("e", "exp", {}), ("gap", "global_avg_pool", {}), ("z", "dense", {})], {"z": (np.eye(3), np.zeros(3))})
    with pytest.raises(ta.InputError, match=r"no rule for 'exp' \(layer 'e'\)"):
        ta.lrp(net, picture() / 10, 1, "pre")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_deeplift_does_not_change_when_batch_norms_are_folded(rule, seed):
    net, x = NETWORKS["mobile"](seed), picture(seed)
    folded, kept = net.folded()
    assert kept == []
    assert not any(op == "batch_norm" for _, op, _ in folded.layers)
    assert np.allclose(folded(x), net(x), rtol=1e-12, atol=1e-12)
    maps = [ta.deeplift(n, x, 1, "log_odds", rule=rule).raw for n in (net, folded)]
    assert apart(*maps) <= 1e-9


def test_a_box_of_photos_needs_a_layer_that_reads_them():
    """Behind a layer that rescales, black and white are other numbers than the photo's."""
    net = NETWORKS["mobile"]()
    seen = ta.network(net.layers, net.weights, input=ta.InputSpec((9, 11)))
    with pytest.raises(ta.InputError, match="'stem', does not read the photo"):
        ta.lrp(seen, picture(), 1, "pre", composite="epsilon_gamma_box")


BLIND = ["gradient", "input_x_gradient", "grad_cam", "hirescam", "layercam", "deeplift", "lrp", "conductance", "guided_backprop", "fullgrad"]


@pytest.mark.parametrize("which", NETWORKS)
@pytest.mark.parametrize("method", BLIND)
def test_scores_with_kappa_zero_are_blind_to_t(method, which):
    net, x = NETWORKS[which](), picture()
    altered = ta.alter(net, K=10.0, layer="A")
    for score in set(ta.SCORES) - {"pre"}:
        maps = [ta.METHODS[method](n, x, 1, score, **options(method)).raw for n in (net, altered)]
        assert apart(*maps) <= 1e-7
