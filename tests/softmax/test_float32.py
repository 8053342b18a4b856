"""Where float32 autograd fails and this project does not: a network that is sure to 1 - 1e-12."""

from pathlib import Path

import numpy as np
import pytest

import tinyattr as ta

TORCH = np.load(Path(__file__).parents[1] / "references" / "saturated_torch.npz")
NET = ta.network([("A", "relu", {}), ("pool", "global_avg_pool", {}), ("head", "dense", {})], {"head": (TORCH["kernel"], TORCH["bias"])})


def normalised(L):
    return L / np.abs(L).max() if L.any() else L


TRUTH = normalised(TORCH["log_odds/float64"])


def test_the_network_is_that_sure():
    z = NET.astype(np.float64)(TORCH["x"])
    assert np.isclose(np.exp(ta.SCORES["post"](z, 0)[2][0]), 1e-12, rtol=1e-3)
    assert np.float32(1 - 1e-12) == 1


@pytest.mark.parametrize("score", ["post", "log", "log_odds"])
def test_our_float32_maps_equal_the_truth(score):
    heat = ta.grad_cam(NET, TORCH["x"], 0, score=score)
    assert np.abs(normalised(heat.raw) - TRUTH).max() < 1e-5
    double = ta.grad_cam(NET.astype(np.float64), TORCH["x"], 0, score=score)
    assert np.abs(heat.raw - double.raw).max() < 1e-5 * np.abs(double.raw).max()


@pytest.mark.parametrize("score", ["post", "log"])
def test_float32_autograd_loses_the_class_itself(score):
    """PyTorch forms 1 - y_c = 0: z_c drops out of the row, and the map that is left is wrong, in places by its whole range."""
    assert np.abs(normalised(TORCH[f"{score}/float32"]) - TRUTH).max() > 0.5
    assert np.abs(normalised(TORCH["log_odds/float32"]) - TRUTH).max() < 1e-5
