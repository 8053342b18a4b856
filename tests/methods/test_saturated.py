"""Networks that are sure: y_c = 1 - 1e-60 has maps with a direction, by every method and score; and networks of one class."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from tests.methods import toys
from tests.methods.claims import CLAIMS
from tests.methods.test_claims import apart, explained
from tests.methods.toys import few, seeds, toy


def sure(seed, lead, bias=1.0):
    """A toy whose class 1 leads by about `lead` wherever the picture is."""
    net, x = toy(seed, bias)
    W, b = net.weights["logits"]
    return toys.other(net, logits=(W, b + lead * (np.arange(toys.CLASSES) == 1))), x


COMPARES = {"score_cam", "ablation_cam", "occlusion", "feature_ablation", "rise"}  # values, which all are 1: nothing to see


@pytest.mark.parametrize("label", sorted(set(CLAIMS) - {"eigen_cam", "fullgrad", "excitation_backprop", "ablation_cam, relative"}))
@pytest.mark.parametrize("lead", [138.0, 800.0, 1e4])
@few
@given(seed=seeds)
def test_a_direction_at_any_lead(label, lead, seed):
    """Where 1 - y_c is 1e-60, and where e^-lead is no float at all, post and log still say where to look: as log_odds does,
    whose gradient they have times the same tiny factor all over the neighbourhood."""
    net, x = sure(seed, lead)
    claim = CLAIMS[label]
    post, log, log_odds = (explained(claim, net, x, 1, score) for score in ("post", "log", "log_odds"))
    for heat in (post, log, log_odds):
        assert np.isfinite(heat.raw).all()
        assert np.isfinite(heat.direction).all()
        assert np.isfinite(heat.map).all()
        assert heat.receipt is None or np.isfinite([heat.receipt.owed, heat.receipt.paid, heat.receipt.gap]).all()
    if claim.method not in {*COMPARES, "grad_cam_plus_plus"}:
        assert np.abs(log_odds.direction).max() == 0 or np.abs(post.direction).max() > 0
        assert apart(post.direction * np.exp(post.log_scale - log.log_scale), log.direction) <= 1e-6  # y_c = 1
    if claim.degree == 1:
        assert apart(post.map, log_odds.map) <= 1e-9


@pytest.mark.parametrize("label", sorted(set(CLAIMS) - {"ablation_cam, relative"}))
@few
@given(seed=seeds)
def test_logits_in_the_thousands(label, seed):
    """A little noise, or half a path, changes dy_c/dz by factors that are no floats: no overflow, no NaN."""
    net, x = toy(seed)
    W, b = net.weights["logits"]
    factor = 100 if CLAIMS[label].method == "deeplift" else 3000  # whose secant takes a panel for every 2 in z
    steep = toys.other(net, logits=(factor * W, factor * b))
    for score in ("post", "log"):
        heat = explained(CLAIMS[label], steep, x, 1, score)
        assert np.isfinite(heat.direction).all()
        assert np.isfinite(heat.map).all()


@few
@given(seed=seeds)
def test_in_float32_too(seed):
    """The same maps at float32's precision, though y_c rounds to 1 there from a lead of 17 on."""
    net, x = sure(seed, 40.0)
    for label in ("gradient", "grad_cam", "hirescam", "smoothgrad", "integrated_gradients", "lrp, zero", "deeplift"):
        claim = CLAIMS[label]
        if "noise" in claim.options:
            claim = replace(claim, options={"noise": claim.options["noise"].astype(np.float32)})
        for score in ("post", "log"):
            single, double = (explained(claim, net.astype(dtype), x, 1, score) for dtype in (np.float32, np.float64))
            assert apart(single.direction * np.exp(single.log_scale - double.log_scale), double.direction) <= 1e-2
