"""Gradient, Grad-CAM and HiResCAM equal captum's, pytorch-grad-cam's and autograd's, by every score, original and altered."""

import numpy as np
import pytest

import tinyattr as ta
from tests.references import network_of, peers

VARIANTS = [("peers_fc", "orig"), ("peers_fc", "alt"), ("peers_gap", "orig")]
SCORES = ["pre", "post", "log", "log_odds", "centred"]


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_raw_maps(name, variant, score):
    stored = peers(name)
    net, x, c, layer = network_of(stored, variant), stored["x"][None], int(stored["target"]), str(stored["cam_layer"])
    ours = {
        "captum.gradient": ta.gradient(net, x, c, score=score).raw,
        "captum.grad_cam": ta.grad_cam(net, x, c, score=score, layer=layer).raw,
        "jgil.grad_cam": ta.grad_cam(net, x, c, score=score, layer=layer).raw,
        "jgil.hirescam": ta.hirescam(net, x, c, score=score, layer=layer).raw,
        "g": ta.gradient(net, x, c, score=score, layer=layer).raw,
        "A": net.run(x)[layer].output[0],
        "score": ta.SCORES[score](net(x), c)[0][0],
    }
    for entry, value in ours.items():
        expected = stored[f"{variant}/{score}/{entry}"]
        if entry == "captum.grad_cam":
            expected = np.squeeze(expected)
        if entry == "score":
            expected = expected[c]
        assert np.abs(value - expected).max() <= 1e-9 * np.abs(expected).max(), entry


def test_the_attack_on_the_tape_is_the_attack_in_the_weights():
    """t by four more layers, and t by one more unit in each dense layer, are one function: same logits, same maps."""
    stored = peers("peers_fc")
    x, c, layer = stored["x"][None], int(stored["target"]), str(stored["cam_layer"])
    on_tape = ta.alter(network_of(stored, "orig"), K=float(stored["K"]), layer=layer)
    in_weights = network_of(stored, "alt")
    assert np.allclose(on_tape(x), in_weights(x), rtol=1e-12)
    for method in ta.METHODS.values():
        a, b = (method(n, x, c, score="pre", layer=layer).raw for n in (on_tape, in_weights))
        assert np.abs(a - b).max() <= 1e-11 * np.abs(b).max()
