"""Occlusion, ablation and RISE in loops, on scores that are sums of pixels, where the right answer is the pixel's own term."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tests.methods import toys
from tests.methods.test_claims import apart
from tests.methods.toys import few, seeds, toy
from tinyattr.methods.heatmap import resize
from tinyattr.methods.perturb import _rise_masks

scores = st.sampled_from(sorted(ta.SCORES))


def value(net, x, c, score):
    return float(ta.SCORES[score](net(x)[0], c)[0])


def sums(seed, H=5, W=7):
    """(net, x, w): z_0 = sum w x over a picture of one colour."""
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((H, W))
    net = ta.network([("flat", "flatten", {}), ("logits", "dense", {})], {"logits": (w.reshape(-1, 1), np.ones(1))})
    return net, rng.standard_normal((1, H, W, 1)), w


@given(seeds, scores, st.integers(1, 9), st.integers(1, 5), st.floats(-1, 1))
def test_occlusion_in_loops(seed, score, window, stride, b):
    """Windows from 0 on every stride until one reaches the edge, cut there; every pixel has the mean of its windows' drops."""
    net, x = toy(seed)
    starts = [0]
    while starts[-1] + window < toys.SIDE:
        starts.append(starts[-1] + stride)
    drops, covered = np.zeros((8, 8)), np.zeros((8, 8))
    for i in starts:
        for j in starts:
            hidden = x.copy()
            hidden[:, i:i + window, j:j + window] = b
            drops[i:i + window, j:j + window] += value(net, x, 1, score) - value(net, hidden, 1, score)
            covered[i:i + window, j:j + window] += 1
    if stride > window or covered.min() == 0:
        return
    heat = ta.occlusion(net, x, 1, score, window=window, stride=stride, baseline=b)
    assert apart(heat.raw, drops / covered) <= 1e-8


@given(seeds, st.floats(-1, 1))
def test_single_pixels_of_a_sum(seed, b):
    """Windows and groups of one pixel: w (x - b) exactly, the input x gradient from b, and the same by both methods."""
    net, x, w = sums(seed)
    expected = w * (x[0, ..., 0] - b)
    groups = np.arange(35).reshape(5, 7)
    for heat in (ta.occlusion(net, x, 1, "pre", window=1, stride=1, baseline=b), ta.feature_ablation(net, x, 1, "pre", groups=groups, baseline=b)):
        assert np.allclose(heat.raw, expected, rtol=1e-9, atol=1e-10)


@given(seeds, scores, st.integers(1, 8))
def test_groups_in_loops(seed, score, n):
    """A grid of n x n (pixel i in row floor(i n / H)), or any labels: every pixel has its group's drop."""
    net, x = toy(seed)
    labels = np.random.default_rng(seed).integers(-3, 4, (8, 8))
    grid = np.array([[(i * n // 8) * n + j * n // 8 for j in range(8)] for i in range(8)])
    for groups, where in ((n, grid), (labels, labels)):
        expected = np.zeros((8, 8))
        for label in np.unique(where):
            hidden = np.where((where == label)[None, :, :, None], 0, x)
            expected[where == label] = value(net, x, 1, score) - value(net, hidden, 1, score)
        assert np.abs(ta.feature_ablation(net, x, 1, score, groups=groups).raw - expected).max() <= 1e-9 * (1 + np.abs(expected).max())


@given(seeds, st.integers(1, 7))
def test_a_grid_on_a_picture_that_is_no_square(seed, n):
    net, x, w = sums(seed)
    cells = np.array([[(i * n // 5, j * n // 7) for j in range(7)] for i in range(5)])
    terms = w * x[0, ..., 0]
    expected = [[sum(terms[p] for p in np.ndindex(5, 7) if (cells[p] == cells[i, j]).all()) for j in range(7)] for i in range(5)]
    assert np.allclose(ta.feature_ablation(net, x, 1, "pre", groups=n).raw, expected, rtol=1e-9, atol=1e-10)


@given(seeds, scores, st.floats(0.1, 1))
def test_rise_in_loops(seed, score, p):
    """(1 / (N p)) sum_m S(x * M_m) M_m; a constant in S adds its share of the mean mask."""
    net, x = toy(seed)
    masks = np.random.default_rng(seed).random((4, 8, 8))
    expected = sum(value(net, x * M[..., None], 1, score) * M for M in masks) / (4 * p)
    assert apart(ta.rise(net, x, 1, score, masks=masks, p=p).raw, expected) <= 1e-9
    W, b = net.weights["logits"]
    lifted = ta.rise(toys.other(net, logits=(W, b + 5)), x, 1, "pre", masks=masks, p=p).raw
    assert apart(lifted, ta.rise(net, x, 1, "pre", masks=masks, p=p).raw + 5 * masks.mean(0) / p) <= 1e-9


@given(seeds, st.integers(1, 4), st.integers(1, 4), st.floats(0.05, 1))
def test_rise_masks(seed, cells, samples, p):
    """A grid of zeros and ones enlarged to one cell more than the picture and cut at an offset of less than a cell."""
    size = (8, 12)
    masks = _rise_masks(samples, cells, p, seed, size)
    assert masks.shape == (samples, *size)
    assert masks.min() >= 0
    assert masks.max() <= 1 + 1e-6
    rng = np.random.default_rng(seed)
    for mask in masks:
        grid = rng.random((cells, cells)) < p
        cell = [int(np.ceil(length / cells)) for length in size]
        i, j = rng.integers(0, cell)
        enlarged = resize(grid.astype(float), ((cells + 1) * cell[0], (cells + 1) * cell[1]))
        assert np.allclose(mask, enlarged[i:i + size[0], j:j + size[1]], atol=1e-6)
    assert (_rise_masks(samples, cells, 1, seed, size) == 1).all()


def test_rise_masks_have_mean_p():
    """So that (1/p) sum of masks is one: over 2000 masks to four standard errors."""
    masks = _rise_masks(2000, 4, 0.3, 0, (8, 8))
    assert np.abs(masks.mean(0) - 0.3).max() <= 4 * 0.46 / np.sqrt(2000)
    net, x, _ = sums(0)
    a, b, c = (ta.rise(net, x, 1, "pre", samples=3, seed=seed).raw for seed in (0, 0, 1))
    assert (a == b).all()
    assert (a != c).any()


@few
@given(seed=seeds, score=scores)
def test_score_cam_and_ablation_cam_in_loops(seed, score):
    net, x = toy(seed)
    tape = net.run(x)
    A = tape["A"].output[0]
    s, drops = [], []
    for k in range(toys.CHANNELS):
        H = resize(A[..., k], (8, 8))
        H = (H - H.min()) / (H.max() - H.min())
        s.append(value(net, x * H[..., None], 1, score))
        without = tape["A"].output.copy()
        without[..., k] = 0
        z = net.logits(net.resume(tape, "A", without))[0]
        drops.append(value(net, x, 1, score) - float(ta.SCORES[score](z, 1)[0]))
    w = np.exp(np.array(s) - max(s))
    assert apart(ta.score_cam(net, x, 1, score).raw, A @ (w / w.sum())) <= 1e-9
    assert np.abs(ta.ablation_cam(net, x, 1, score).raw - A @ drops).max() <= 1e-9 * (1 + np.abs(A @ drops).max())
    relative = ta.ablation_cam(net, x, 1, score, relative=True).raw
    assert apart(relative * value(net, x, 1, score), A @ np.array(drops)) <= 1e-6


@given(seeds)
def test_ablation_behind_a_global_average_pool(seed):
    """Linear head: the drop is the class's weight times the channel's mean."""
    rng = np.random.default_rng(seed)
    W, b = rng.standard_normal((4, 3)), rng.standard_normal(3)
    net = ta.network([("A", "relu", {}), ("pool", "global_avg_pool", {}), ("logits", "dense", {})], {"logits": (W, b)})
    x = rng.standard_normal((1, 3, 2, 4))
    A = np.maximum(x[0], 0)
    assert np.allclose(ta.ablation_cam(net, x, 1, "pre").raw, A @ (W[:, 1] * A.mean((0, 1))), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("method", "options", "words"), [
    ("occlusion", {"window": 0}, "window must be a whole number of at least 1; got 0"), ("occlusion", {"stride": 1.5}, "stride must be"),
    ("occlusion", {"stride": True}, "stride must be"), ("occlusion", {"baseline": "grey"}, "unknown baseline 'grey'"),
    ("occlusion", {"baseline": np.zeros((3, 3))}, "a baseline is a name .* a number or"), ("occlusion", {"baseline": np.inf}, "finite"),
    ("occlusion", {"window": 2, "stride": 3}, "stride"),
    ("feature_ablation", {"groups": 0}, "groups must be"), ("feature_ablation", {"groups": np.zeros((3, 3))}, r"\(8, 8\); got shape \(3, 3\)"),
    ("rise", {"samples": -1}, "samples must be"), ("rise", {"cells": 0}, "cells must be"), ("rise", {"p": 0}, "p must be a number"),
    ("rise", {"p": 1.5}, "p must be a number"), ("rise", {"masks": np.zeros((2, 3, 3))}, r"masks must be \(N, 8, 8\); got \(2, 3, 3\)"),
    ("rise", {"masks": np.zeros((0, 8, 8))}, "masks must be"), ("rise", {"masks": np.ones((2, 8, 8)), "p": 0}, "p must be a number"),
    ("rise", {"masks": 0.5}, "masks must be"), ("rise", {"batch": 0}, "batch must be"),
    ("score_cam", {"masks": np.ones((2, 8, 8))}, r"masks must be \(3, 8, 8\); got \(2, 8, 8\)"),
    ("integrated_gradients", {"steps": 0}, "steps must be"), ("integrated_gradients", {"steps": -3}, "steps must be"),
    ("integrated_gradients", {"rule": "simpson"}, "unknown quadrature rule 'simpson'"), ("conductance", {"steps": 0}, "steps must be"),
    ("rsi_grad_cam", {"variant": "guided"}, "unknown variant 'guided'"), ("rsi_grad_cam", {"baseline": "autobaseline"}, "unknown baseline"),
    ("grad_cam_plus_plus", {"variant": "code"}, "unknown variant 'code'"), ("grad_cam_plus_plus", {"variant": "softmax"}, "score='post'; got 'pre'"),
    ("expected_gradients", {"baselines": ()}, "at least one baseline"), ("expected_gradients", {"samples": 0}, "samples must be"),
    ("expected_gradients", {"draws": ([0], [0.1, 0.2])}, "draws"), ("expected_gradients", {"draws": ([7], [0.1])}, "draws"),
    ("expected_gradients", {"draws": ([], [])}, "draws"),
    ("deeplift", {"rule": "gradient"}, "unknown rule 'gradient'"), ("deeplift", {"row": "mean"}, "unknown row 'mean'"),
    ("deeplift", {"row": "softmax"}, "score='post'; got 'pre'"), ("lrp", {"composite": "alpha"}, "unknown composite 'alpha'"),
    ("lrp", {"start": "zc"}, "unknown start 'zc'"), ("lrp", {"start": "pairs"}, "belongs to score='log_odds'"),
    ("lrp", {"start": "sglrp"}, "belongs to score='post'"), ("lrp", {"composite": "epsilon_gamma_box"}, "how photos are preprocessed"),
    ("lrp", {"composite": {}}, "no rule for"), ("ablation_cam", {"batch": -1}, "batch must be"),
    ("smoothgrad", {"sigma": "high"}, "sigma must be a number"), ("smoothgrad", {"seed": -1}, "seed must be a whole number"),
    ("smoothgrad", {"seed": 1.5}, "seed must be a whole number"), ("smoothgrad", {"noise": 3}, "noise must be"),
    ("rise", {"seed": "x"}, "seed must be"), ("rise", {"p": "half"}, "p must be a number"), ("rise", {"p": True}, "p must be a number"),
    ("expected_gradients", {"draws": 3}, "draws are"), ("expected_gradients", {"draws": (0, 1, 2)}, "draws are"),
    ("lrp", {"composite": 3}, "unknown composite 3"), ("lrp", {"start": ["row"]}, "unknown start"),
    ("occlusion", {"window": "wide"}, "window must be"), ("integrated_gradients", {"baseline": [[1]]}, "a baseline is"),
    ("integrated_gradients", {"baseline": None}, "a baseline is"), ("deeplift", {"rule": None}, "unknown rule"),
    ("conductance", {"steps": 1.5}, "steps must be"), ("eigen_cam", {"layer": ["conv"]}, "layer must be a str"),
    ("grad_cam", {"target": "nobody"}, "unknown class"), ("grad_cam", {"target": [1, 2]}, "a class that is not a name must be"),
])
def test_options_that_make_no_sense(method, options, words):
    net, x = toy(0)
    with pytest.raises(ta.InputError, match=words) as caught:
        ta.METHODS[method](net, x, options.pop("target", 1), "pre", **options)
    assert "\n" not in str(caught.value)


def test_names_in_any_spelling():
    net, x = toy(0)
    expected = ta.lrp(net, x, 1, "log_odds", composite="epsilon_plus").raw
    assert (ta.lrp(net, x, 1, "Log-Odds", composite="Epsilon Plus").raw == expected).all()
    assert ta.grad_cam(net, x, 1, "PRE").score == "pre"


def test_one_baseline_need_not_be_in_a_list():
    net, x = toy(0)
    one, listed = (ta.expected_gradients(net, x, 1, "pre", baselines=b, samples=3).raw for b in ("mean", ["mean"]))
    assert (one == listed).all()
