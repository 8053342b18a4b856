"""Sanity checks: small examples, slow definitions, and the numbers of Quantus where its definition is the paper's."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tests.methods.toys import few, seeds, toy
from tinyattr.cli.main import main
from tinyattr.studies.metrics import pearson, ssim
from tinyattr.studies.sanity import (
    cascade,
    entropy,
    faithfulness,
    faithfulness_correlation,
    gini,
    layer_by_layer,
    max_sensitivity,
    random_logit,
    sensitivity_n,
    steadiness,
    weights,
)

QUANTUS = np.load(Path(__file__).parents[1] / "references" / "quantus.npz")
NAMES = ("conv1", "conv2", "fc1", "logits")


def stored(prefix=""):
    return {name: (QUANTUS[f"{prefix}{name}/kernel"], QUANTUS[f"{prefix}{name}/bias"]) for name in NAMES}


def their_network():
    """(the network of tests/references/make_quantus.py, its picture, its map by Quantus' own gradient)."""
    layers = [("conv1", "conv2d", {"padding": 1}), ("relu1", "relu", {}), ("pool", "max_pool", {"size": 2, "stride": 2}),
              ("conv2", "conv2d", {"padding": 1}), ("relu2", "relu", {}), ("flat", "flatten", {}), ("fc1", "dense", {}),
              ("relu3", "relu", {}), ("logits", "dense", {})]
    return ta.network(layers, stored()), QUANTUS["x"].transpose(0, 2, 3, 1), QUANTUS["map"][0, 0]


def slope(net, x, c=0):
    return ta.gradient(net, x, c, "pre").raw[..., 0]


def test_gini_and_entropy_of_small_maps():
    assert gini([[1, 1], [1, 1]]) == 0
    assert gini([[0, 0], [-3, 0]]) == 0.75
    assert gini([1, 2, 3, 4]) == 0.25  # (-3 - 2 + 3 + 12) / (4 x 10)
    assert entropy([[2, 2], [-2, 2]]) == pytest.approx(np.log(4))
    assert entropy([[0, 5], [0, 0]]) == 0
    assert entropy([1, 1, 2]) == pytest.approx(1.5 * np.log(2))
    assert np.isnan([gini(np.zeros(3)), entropy(np.zeros(3))]).all()
    assert entropy([5e-324, 4.0]) == 0  # a share that is no float holds nothing


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=12).filter(lambda v: np.abs(v).max() > 1e-3), st.floats(0.01, 100))
def test_gini_is_half_the_mean_difference(values, factor):
    """sum_ij |v_i - v_j| / (2 m^2 mean), over all pairs; it and entropy stay the same for a multiple of the map and for another order."""
    v = np.abs(values)
    slow = sum(abs(a - b) for a in v for b in v) / (2 * len(v) * v.sum())
    assert gini(values) == pytest.approx(slow, abs=1e-12)
    for of in (gini, entropy):
        assert of(-factor * np.array(values[::-1])) == pytest.approx(of(values), abs=1e-9)
    assert -1e-12 <= entropy(values) <= np.log(len(v)) + 1e-12


def additive(seed):
    """(net, x, what each place adds to z_1): z = sum w x, a picture of 3 x 3."""
    rng = np.random.default_rng(seed)
    w, x = rng.standard_normal((3, 3)), rng.standard_normal((1, 3, 3, 1))
    return ta.network([("flat", "flatten", {}), ("logits", "dense", {})], {"logits": (w.reshape(-1, 1), np.zeros(1))}), x, w * x[0, ..., 0]


@given(seeds, st.integers(1, 8))
def test_what_each_place_adds_is_faithful_for_every_n(seed, n):
    net, x, added = additive(seed)
    options = {"baseline": 0.0, "runs": 12}
    assert sensitivity_n(net, x, added, n, 1, "pre", **options) == pytest.approx(1, abs=1e-9)
    assert sensitivity_n(net, x, 3 - 2 * added, n, 1, "pre", **options) == pytest.approx(-1, abs=1e-9)


@few
@given(seeds, st.integers(1, 60), st.sampled_from(sorted(ta.SCORES)))
def test_sensitivity_n_in_loops(seed, n, score):
    """Picture by picture, each set by itself."""
    net, x = toy(seed)
    L = np.random.default_rng(seed).standard_normal((8, 8))
    sums, drops = [], []
    for chosen in faithfulness.subsets(n, 64, 7, 5):
        without = x.copy()
        for k in chosen:
            without[0, k // 8, k % 8] = 0.25
        sums.append(sum(L[k // 8, k % 8] for k in chosen))
        drops.append(float(ta.SCORES[score](net(x)[0], 2)[0] - ta.SCORES[score](net(without)[0], 2)[0]))
    found = sensitivity_n(net, x, L, n, 2, score, runs=7, baseline=0.25, seed=5, batch=3)
    assert found == pytest.approx(pearson(np.array(sums), np.array(drops)), abs=1e-6)


def test_sets_are_random_and_without_repetition():
    sets = faithfulness.subsets(2, 4, 600, 0)
    pairs = [tuple(sorted(s)) for s in sets.tolist()]
    counts = [pairs.count(pair) for pair in combinations(range(4), 2)]
    assert sum(counts) == 600
    assert min(counts) > 60  # 100 each; five standard deviations are 46


def test_what_quantus_calls_sensitivity_n():
    """On a score that is a sum, with a map that is exact, each n has correlation 1 by the paper's definition; Quantus gives other numbers, as
    it compares the drop after all steps so far with the last step's place alone."""
    x, w = QUANTUS["linear/x"], np.array([4.0, 3, 2, 1])
    added = x.reshape(6, 4) * w
    order = np.argsort(-added, 1)
    ordered = np.take_along_axis(added, order, 1)
    theirs = [pearson(ordered.cumsum(1)[:, n], ordered[:, n]) for n in range(4)]
    assert np.allclose(QUANTUS["linear/sensitivity_n"], theirs, atol=1e-6)
    assert max(QUANTUS["linear/sensitivity_n"][1:]) < 0.8
    for n in (1, 2, 3):
        assert pearson(ordered[:, :n].sum(1), ordered.cumsum(1)[:, n - 1]) == pytest.approx(1)


def test_the_numbers_of_quantus(monkeypatch):
    net, x, L = their_network()
    assert np.allclose(slope(net, x), L, rtol=1e-9, atol=1e-12)
    assert gini(np.abs(L) / np.abs(L).max() + 1e-7) == pytest.approx(QUANTUS["gini"][0], rel=1e-12)  # what it adds, added
    assert gini(L) == pytest.approx(QUANTUS["gini"][0], rel=1e-6)
    assert entropy(L) == pytest.approx(QUANTUS["entropy"][0], rel=1e-9)
    monkeypatch.setattr(faithfulness, "subsets", lambda *_: QUANTUS["subsets"])
    found = sensitivity_n(net, x, L, 20, 0, "pre", runs=30, baseline=0.0)
    assert found == pytest.approx(QUANTUS["faithfulness"][0], rel=1e-6)
    assert faithfulness_correlation is faithfulness.faithfulness_correlation


class Draws:
    """A generator that gives stored numbers."""

    def __init__(self, stored):
        self.stored = iter(stored)

    def uniform(self, low, high, shape):
        assert (low, high) == (-0.2, 0.2)
        return next(self.stored).reshape(shape)


def test_max_sensitivity_is_that_of_quantus(monkeypatch):
    net, x, _ = their_network()
    monkeypatch.setattr(steadiness, "rng_of", lambda seed: Draws(QUANTUS["noise"]))
    assert max_sensitivity(lambda x: slope(net, x), x, samples=10) == pytest.approx(QUANTUS["max_sensitivity"][0], rel=1e-9)


def test_max_sensitivity_of_small_maps():
    """L = 2 x moves by |u| / |x|; a map that is the same everywhere does not move; without noise none does."""
    x = np.ones((1, 2, 2, 1))
    u = np.random.default_rng(4).uniform(-0.5, 0.5, (20, 2, 2))  # the same numbers, in one draw
    assert max_sensitivity(lambda x: 2 * x, x, radius=0.5, samples=20, seed=4) == pytest.approx(max(np.linalg.norm(u, axis=(1, 2))) / 2)
    assert max_sensitivity(lambda x: np.ones(3), x, samples=2) == 0
    assert max_sensitivity(lambda x: x, x, radius=0.0, samples=2) == 0
    assert np.isnan(max_sensitivity(lambda x: 0 * x, x, samples=2))


def test_random_logit_is_that_of_quantus_once_rows_are_no_rows():
    """Quantus takes the SSIM of maps as lines of places: it calls places neighbours that are at the two ends of rows."""
    net, x, _ = their_network()
    lines = random_logit(lambda c: slope(net, x, c).reshape(1, 64), 0, 2)
    assert lines == pytest.approx(QUANTUS["random_logit"][0], rel=1e-9)
    a, b = np.random.default_rng(3).random((2, 8, 8))
    assert ssim(a, b) == pytest.approx(ssim(a.T, b.T))  # a picture on its side is as alike; as lines of places it is not
    assert ssim(a.reshape(1, 64), b.reshape(1, 64)) != pytest.approx(ssim(a.T.reshape(1, 64), b.T.reshape(1, 64)), abs=0.01)


@given(seeds)
def test_random_logit_draws_every_other_class(seed):
    asked = []
    random_logit(lambda c: asked.append(c) or np.eye(2), 1, 4, seed=seed)
    assert asked[0] == 1
    assert asked[1] in (0, 2, 3)
    assert random_logit(lambda c: np.eye(3), 0, 5) == pytest.approx(1)


def test_random_logit_tells_of_the_attack():
    """Grad-CAM by pre in the altered network is the map of total activation for every class; by log_odds it is what it was."""
    net, x = toy(11)
    of = {(name, score): random_logit(lambda c: ta.grad_cam(n, x, c, score).raw, 0, 4)  # noqa: B023
          for name, n in (("original", net), ("altered", ta.alter(net, K=1e6))) for score in ("pre", "log_odds")}
    assert of["altered", "pre"] > 1 - 1e-3
    assert of["original", "pre"] < 0.99
    assert of["altered", "log_odds"] == pytest.approx(of["original", "log_odds"], abs=1e-6)


def test_randomised_weights_are_judged_as_by_quantus(monkeypatch):
    net, x, _ = their_network()
    anew = stored("anew/")
    monkeypatch.setattr(weights, "drawn_anew", lambda net, name, op, seed: ta.network(net.layers, {**net.weights, name: anew[name]}))
    for order, function in (("top_down", cascade), ("independent", layer_by_layer)):
        found = function(net, lambda network: slope(network, x))
        assert list(found) == ["trained", "logits", "fc1", "conv2", "conv1"]
        for name in NAMES:
            assert found[name] == pytest.approx(QUANTUS[f"{order}/{name}"][0], abs=1e-12), (order, name)
        assert found["trained"] == pytest.approx(1)


def test_two_oddities_of_quantus():
    """Every layer draws the same numbers, scaled; and its average correlation counts the untouched network, whose correlation is 1."""
    first = [QUANTUS[f"anew/{name}/kernel"].flat[0] * np.sqrt(inputs) for name, inputs in (("conv1", 9), ("conv2", 36), ("logits", 5))]
    assert np.allclose(first, first[0], rtol=1e-6)
    cascade = [QUANTUS[f"top_down/{name}"][0] for name in NAMES]
    assert QUANTUS["average"][0] == pytest.approx((1 + sum(cascade)) / 5)


def test_weights_are_drawn_as_pytorch_draws_them():
    """U(-1, 1) / sqrt(inputs) for kernel and bias, another stream for every layer; nothing else changes; a constant stays."""
    rng = np.random.default_rng(0)
    layers = [("conv", "conv2d", {"padding": 1}), ("bn", "batch_norm", {}), ("gap", "global_avg_pool", {}), ("logits", "dense", {})]
    given = {"conv": (rng.standard_normal((3, 3, 4, 500)), np.zeros(500)), "bn": (np.arange(500.0), np.arange(500.0)),
             "logits": (rng.standard_normal((500, 7)), np.zeros(7))}
    net = ta.alter(ta.network(layers, given, features="conv"))
    names = dict(weights.randomised(net))
    assert list(names) == ["trained", "logits", "bn", "conv"]
    last = names["conv"].weights
    for name, inputs in (("conv", 36), ("logits", 500)):
        drawn = np.concatenate([w.ravel() for w in last[name]]) * np.sqrt(inputs)
        assert np.abs(drawn).max() <= 1
        assert drawn.var() == pytest.approx(1 / 3, abs=0.03)
    assert sorted(last["bn"][0]) == list(range(500))
    assert (last["bn"][0] != given["bn"][0]).mean() > 0.9
    assert last["K"] is not None
    assert np.array_equal(last["K"][0], net.weights["K"][0])
    alone = dict(weights.randomised(net, below=False))
    assert np.array_equal(alone["conv"].weights["logits"][0], given["logits"][0])
    assert np.array_equal(alone["conv"].weights["conv"][0], last["conv"][0])
    assert not np.array_equal(dict(weights.randomised(net, seed=1))["conv"].weights["conv"][0], last["conv"][0])


@pytest.mark.parametrize(("call", "words"), [
    (lambda net, x: sensitivity_n(net, x, np.zeros((4, 4)), 2, 0), r"the picture's size \(8, 8\); got \(4, 4\)"),
    (lambda net, x: sensitivity_n(net, x, np.zeros((8, 8)), 65, 0), "n must be a whole number from 1 to 64"),
    (lambda net, x: sensitivity_n(net, x, np.zeros((8, 8)), 2, 0, runs=1), "runs must be a whole number of at least 2"),
    (lambda net, x: max_sensitivity(np.asarray, x, radius=-1), "radius must be a number"),
    (lambda net, x: max_sensitivity(np.asarray, x, samples=0), "samples must be a whole number"),
    (lambda net, x: random_logit(np.eye, 0, 1), "with one class there is no other"),
])
def test_what_makes_no_sense(call, words):
    with pytest.raises(ta.InputError, match=words):
        call(*toy(0))


def test_the_command(tmp_path, capsys):
    """Numbers for both networks, cascades over all layers, a figure; under the attack the maps by pre become class-blind."""
    figure, numbers, small = (str(tmp_path / name) for name in ("sanity.png", "sanity.json", "small.h5"))
    ta.save(ta.vgg("A", width=1 / 16, dense=(8, 8), classes=5, size=64, seed=2, input=ta.InputSpec(64, scale=(64.0,) * 3)), small)
    assert main(["sanity", "--net", small, "--pictures", "2", "--method", "Grad-CAM", "--K", "1e5", "--out", figure, "--json", numbers]) == 0
    found = json.loads(Path(numbers).read_text())
    blind = {(check["network"], check["score"]): check["other_class"] for check in found["checks"]}
    assert blind["altered", "pre"] > 0.99 > blind["original", "pre"]
    assert blind["altered", "log_odds"] == pytest.approx(blind["original", "log_odds"], abs=1e-6)
    assert len(found["cascade"]["grad_cam, pre"]) == 12  # 11 layers with weights, and none
    assert Path(figure).stat().st_size > 10_000
    assert "other class" in capsys.readouterr().out
