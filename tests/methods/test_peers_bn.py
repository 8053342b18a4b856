"""DeepLIFT of captum and LRP of zennit, with its canonizer, on networks with batch normalisation and residual sums.

What they do otherwise than their papers is imitated here, and then they agree: captum routes a max-pool's multipliers as a
gradient, so that its contributions do not sum to the difference of the score; zennit's canonizer makes a merged norm the
identity but for its epsilon, so that every one still divides by sqrt(1 + epsilon).
"""

from dataclasses import replace

import numpy as np
import pytest

import tinyattr as ta
from tests.methods.oracle import routing
from tests.references import peers
from tests.references.bn_networks import EPSILON, NETWORKS, network, picture
from tinyattr.methods.lrp_rules import box, epsilon
from tinyattr.methods.request import ask

STORED = peers("peers_bn")


def apart(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


@pytest.fixture(params=sorted(NETWORKS))
def name(request):
    return request.param


def test_the_logits_are_pytorchs(name):
    """With norms as layers of their own, and folded; every norm could be folded."""
    net, x = network(name), picture()
    folded, kept = net.folded()
    assert kept == []
    assert np.allclose(net(x), STORED[f"{name}_z"], rtol=1e-12, atol=1e-14)
    assert np.allclose(folded(x), STORED[f"{name}_z"], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("fold", [False, True])
def test_deeplift_of_captum(name, fold):
    net, x, theirs = network(name), picture(), STORED[f"{name}_captum_deeplift"]
    net = net.folded()[0] if fold else net
    request = ask(net, x, int(net(x).argmax()), "pre")
    ours, reference = ta.deeplift(net, request, request.target, "pre", baseline=0.0), net.run(np.zeros_like(x))
    assert abs(ours.receipt.gap) < 1e-12
    missing = abs(theirs.sum() - ours.receipt.owed) / abs(ours.receipt.owed)
    if name == "resnet":
        assert apart(ours.raw, theirs) < 1e-12
        assert missing < 1e-12
    else:
        routed = routing(request, reference, ta.SCORES["pre"](request.z[None], request.target))
        assert apart(routed.transpose(1, 2, 0), theirs) < 1e-12
        assert missing > 0.05  # of what its map should sum to


@pytest.mark.parametrize("what", ["epsilon_plus", "epsilon_gamma_box"])
def test_lrp_of_zennit(name, what):
    net, x, theirs = network(name).folded()[0], picture(), STORED[f"{name}_zennit_{what}"]
    c = int(net(x).argmax())

    def by(net):
        book = {**ta.COMPOSITES[what.removesuffix("_box")](net), "add": epsilon()}  # its sums have a stabiliser, ours need none
        if what == "epsilon_gamma_box":
            book[net.layers[0][0]] = box(-3.0, 3.0)
        return ta.lrp(net, x, c, "pre", composite=book).raw

    norms = {layer: tuple(w / np.sqrt(1 + EPSILON) for w in ws) if ws[0].ndim == 4 else ws for layer, ws in net.weights.items()}
    assert apart(by(replace(net, weights=norms)), theirs) < 1e-9
    assert 1e-6 < apart(by(net), theirs) < 1e-4  # what the epsilon left over makes of it
