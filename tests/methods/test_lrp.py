"""LRP through whole networks: composites, start relevances, receipts, difference units; and excitation backprop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tests.methods import toys
from tests.methods.test_claims import apart
from tests.methods.test_lrp_rules import RULES, slow_box, slow_epsilon, slowly
from tests.methods.toys import few, seeds, toy
from tinyattr.methods import lrp_rules as rules
from tinyattr.methods.relevance import COMPOSITES, STARTS, composite
from tinyattr.methods.request import ask
from tinyattr.nets.pictures import InputSpec
from tinyattr.softmax import softmax
from tinyattr.studies.attacks import triggered

scores = st.sampled_from(sorted(ta.SCORES))
PARTS = {  # composite: rules of the first convolution, the second, the dense layers
    "zero": ("zero", "zero", "zero"), "epsilon": ("epsilon", "epsilon", "epsilon"), "epsilon_plus": ("z+", "z+", "epsilon"),
    "epsilon_plus_flat": ("flat", "z+", "epsilon"), "epsilon_gamma": ("gamma", "gamma", "epsilon"),
    "epsilon_alpha2_beta1": ("alpha 2 beta 1", "alpha 2 beta 1", "epsilon"),
    "epsilon_alpha2_beta1_flat": ("flat", "alpha 2 beta 1", "epsilon"),
    "w_squared": ("w squared", "w squared", "epsilon"), "flat": ("flat", "flat", "epsilon"),
    "excitation": ("z+ without bias", "z+ without bias", "z+ without bias"),
}


def slow_lrp(tape, parts, R):
    """Down the toy layer by layer: (R at the picture, {layer: what it keeps})."""
    kept = {}
    rule_of = dict(zip(("conv1", "conv2", "fc1", "logits"), (*parts, parts[-1]), strict=True))
    for record in reversed(list(tape)[1:]):
        if record.name in rule_of:
            before = R.sum()
            R = slowly(rule_of[record.name], record, R)
            kept[record.name] = before - R.sum()
        elif record.op == "max_pool":
            to = np.zeros_like(record.x[0])
            for n, i, j, k in np.ndindex(record.output.shape):  # windows of 2 x 2: all of it to the first maximum
                window = record.x[0][n, 2 * i:2 * i + 2, 2 * j:2 * j + 2, k]
                u, v = np.unravel_index(window.argmax(), (2, 2))
                to[n, 2 * i + u, 2 * j + v, k] += R[n, i, j, k]
            R = to
        else:
            R = R.reshape(record.x[0].shape)
    return R, kept


@pytest.mark.parametrize("name", PARTS)
@few
@given(seed=seeds, score=scores)
def test_composites_layer_by_layer(name, seed, score):
    """The map and what every layer keeps of it, for the start R_i = v_i z_i."""
    net, x = toy(seed)
    heat = ta.lrp(net, x, 1, score, composite=name)
    _, row, log_scale = ta.SCORES[score](net(x), 1)
    v = row * np.exp(log_scale)[:, None]
    R, kept = slow_lrp(net.run(x), [RULES[rule][1] for rule in PARTS[name]], v * net(x))
    assert apart(heat.raw, R[0]) <= 1e-8
    receipt, size = heat.receipt, np.abs(R).sum() + np.abs(v * net(x)).sum()
    assert np.isclose(receipt.owed, (v * net(x)).sum(), rtol=1e-9, atol=1e-12 * size)
    assert np.isclose(receipt.paid, R.sum(), rtol=1e-7, atol=1e-9 * size)
    assert {layer: receipt.shares[layer] for layer in kept} == pytest.approx(kept, rel=1e-6, abs=1e-8 * size)
    assert abs(receipt.gap) <= 1e-9 * size  # ReLUs and pools keep nothing


def test_the_table_of_composites_is_complete():
    assert set(PARTS) | {"epsilon_gamma_box"} == set(COMPOSITES)


@few
@given(seed=seeds)
def test_the_box_between_black_and_white(seed):
    """epsilon_gamma_box: z-box in the first layer, from a black to a white photo as the network's are preprocessed."""
    rng = np.random.default_rng(seed)
    spec = InputSpec(4, "BGR", (100.0, 110.0, 120.0), (50.0, 60.0, 70.0))
    weights = {"conv1": (rng.standard_normal((3, 3, 3, 2)), rng.standard_normal(2)), "logits": (rng.standard_normal((32, 3)), np.zeros(3))}
    layers = [("conv1", "conv2d", {"padding": 1}), ("relu", "relu", {}), ("flat", "flatten", {}), ("logits", "dense", {})]
    net = ta.network(layers, weights, input=spec)
    x = spec.encode(rng.integers(0, 256, (4, 4, 3))).astype(float)
    low, high = (np.tile((np.full(3, v) - spec.mean) / spec.scale, 16)[:, None] for v in (0, 255))
    tape = net.run(x)
    R = slowly(slow_epsilon(1e-6), tape["logits"], np.array([[0, tape["logits"].output[0, 1], 0]]))
    R = slowly(slow_box(low, high), tape["conv1"], R.reshape(1, 4, 4, 2))
    assert apart(ta.lrp(net, x, 1, "pre", composite="epsilon_gamma_box").raw, R[0]) <= 1e-6


@given(seeds, scores)
def test_what_lrp_zero_keeps_is_the_biases_share(seed, score):
    """b R / u = b dS/db: the shares are those of input x gradient."""
    net, x = toy(seed)
    ours, theirs = ta.lrp(net, x, 1, score, composite="zero").receipt, ta.input_x_gradient(net, x, 1, score).receipt
    assert ours.shares == pytest.approx(theirs.shares, rel=1e-8, abs=1e-10 * (1 + np.abs(net(x)).max()))


# -------------------------------------------------------------------------------------------------------------- starts


@given(seeds, st.integers(0, toys.CLASSES - 1))
def test_starts_by_their_formulas(seed, c):
    net, x = toy(seed)
    z, n = net(x)[0], toys.CLASSES
    y, q = softmax(z), np.zeros(n)
    rivals = [j for j in range(n) if j != c]
    q[rivals] = softmax(z[rivals])
    e = np.eye(n)[c]
    expected = {
        ("row", "pre"): e * z, ("row", "log"): (e - y) * z, ("row", "post"): y[c] * (e - y) * z, ("row", "log_odds"): (e - q) * z,
        ("row", "centred"): (e - 1 / n) * z, ("score", "pre"): e * z[c], ("score", "post"): e * y[c],
        ("sglrp", "post"): y[c] * (e - y), ("clrp", "pre"): z[c] * (e - (1 - e) / (n - 1)), ("pairs", "log_odds"): q * (z[c] - z),
    }
    assert set(STARTS) == {start for start, _ in expected}
    for (start, score), R in expected.items():
        found, log_scale = STARTS[start][1](ask(net, x, c, score))
        assert np.allclose(found[0] * np.exp(log_scale), R, rtol=1e-9, atol=1e-12 * np.abs(z).max())


@given(seeds)
def test_starts_by_what_arrives(seed):
    """LRP-0 takes R_i at logit i to R_i / z_i times the input x gradient of z_i; log-odds pairs to the GxI of the log-odds."""
    net, x = toy(seed)
    z = net(x)[0]
    GxI = np.array([ta.input_x_gradient(net, x, i, "pre").raw for i in range(toys.CLASSES)])
    for start, score in (("score", "pre"), ("score", "post"), ("sglrp", "post"), ("clrp", "pre")):
        R, log_scale = STARTS[start][1](ask(net, x, 1, score))
        expected = np.tensordot(R[0] * np.exp(log_scale) / z, GxI, 1)
        assert apart(ta.lrp(net, x, 1, score, composite="zero", start=start).raw, expected) <= 1e-8
    assert apart(ta.lrp(net, x, 1, "log_odds", composite="zero", start="pairs").raw,
                 ta.input_x_gradient(net, x, 1, "log_odds").raw) <= 1e-8


@pytest.mark.parametrize(("start", "score"), [("score", "pre"), ("score", "post"), ("sglrp", "post"), ("clrp", "pre")])
def test_starts_that_the_attack_hijacks(start, score):
    """Although S = y_c does not move, the denominators z + t do: y_c, SGLRP and CLRP starts are as exposed as z_c (E6)."""
    net, x = toy(3)
    for twin in (ta.alter(net, K=10), toys.widened(net, K=10)):
        R, R_altered = (ta.lrp(n, x, 1, score, composite="zero", start=start).raw for n in (net, twin))
        assert apart(R, R_altered) > 0.1


ANY_RULES = {**{name: name for name in COMPOSITES if name != "epsilon_gamma_box"},
             "z+ everywhere": composite(rules.z_plus(), rules.z_plus())(toy(0)[0]),
             "coarse": composite(rules.epsilon(0.5), rules.epsilon(0.5))(toy(0)[0]),
             "alpha-beta everywhere": composite(rules.alpha_beta(), rules.alpha_beta())(toy(0)[0])}


@pytest.mark.parametrize("name", ANY_RULES)
@few
@given(seed=seeds, K=st.floats(-20, 20))
def test_difference_units_are_blind_whatever_the_rules(name, seed, K):
    """z_c - z_j holds no t, on the tape or in the weights: nothing any rule could divide by moves."""
    net, x = toy(seed)
    for twin in (ta.alter(net, K=K, at=(1, 2)), toys.widened(net, K=K, at=(1, 2)), ta.alter(ta.alter(net, K=K), K=3)):
        R, R_altered = (ta.lrp(n, x, 1, "log_odds", composite=ANY_RULES[name], start="pairs").raw for n in (net, twin))
        assert apart(R, R_altered) <= 1e-8


def test_difference_units_behind_an_attack_with_dense_layers_of_its_own():
    """The triggered t(x) has dense layers too; the logits' is the one whose differences count."""
    spec = InputSpec(32)
    rng = np.random.default_rng(0)
    net = ta.network([("A", "relu", {}), ("pool", "global_avg_pool", {}), ("logits", "dense", {})],
                     {"logits": (rng.standard_normal((3, 4)), rng.standard_normal(4))}, input=spec, features="A")
    x = rng.uniform(0, 255, (1, 32, 32, 3))
    for options in ({"start": "pairs"}, {"start": "row"}):
        R, R_altered = (ta.lrp(n, x, 1, "log_odds", composite="zero", **options).raw for n in (net, triggered(net)))
        assert apart(R, R_altered) <= 1e-9
    EB, EB_altered = (ta.excitation_backprop(n, x, 1, "pre", contrast=True) for n in (net, triggered(net)))
    assert EB.raw.shape == EB_altered.raw.shape


# ------------------------------------------------------------------------------------------------- excitation backprop


@given(seeds)
def test_excitation_backprop_loses_nothing_where_no_unit_is_dead(seed):
    """R = 1 at the class arrives whole, if every unit on the way has a positive contribution; and no score changes it."""
    net, x = toy(seed)
    maps = [ta.excitation_backprop(net, x, 1, score) for score in sorted(ta.SCORES)]
    assert all((heat.raw == maps[0].raw).all() for heat in maps)
    assert maps[0].raw.min() >= 0
    assert maps[0].receipt.owed == 1
    positive = toys.other(net, **{name: (np.abs(W), np.abs(b)) for name, (W, b) in net.weights.items()})
    assert np.isclose(ta.excitation_backprop(positive, np.abs(x), 1, "pre").raw.sum(), 1, rtol=1e-4)


@given(seeds, st.sampled_from(["input", "A"]))
def test_contrast_is_against_the_negated_top(seed, layer):
    net, x = toy(seed)
    W, b = net.weights["logits"]
    positive, negative = (ta.excitation_backprop(n, x, 1, "pre", layer).raw for n in (net, toys.other(net, logits=(-W, -b))))
    contrast = ta.excitation_backprop(net, x, 1, "pre", layer, contrast=True)
    assert apart(contrast.raw, positive - negative) <= 1e-10
    assert apart(contrast.plane, (positive - negative).sum(-1)) <= 1e-10
    assert contrast.receipt is None
