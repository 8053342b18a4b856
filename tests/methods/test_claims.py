"""Every method against every property: a claim holds on all drawn networks, a claim not made fails on a committed one.

The table is claims.py. A property is a distance, 0 where it holds, relative to the maps' largest value.
"""

from inspect import signature
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given

import tinyattr as ta
from tests.methods import toys
from tests.methods.claims import CLAIMS
from tests.methods.toys import few, seeds, toy
from tinyattr.softmax import softmax

BLIND = sorted(set(ta.SCORES) - {"pre"})
EXAMPLE = 10  # the committed network on which claims not made fail


def explained(claim, net, x, c, score, **options):
    return ta.METHODS[claim.method](net, x, c, score, **{**claim.options, **options})


def raw(claim, net, x, c=1, score="log_odds", **options):
    return explained(claim, net, x, c, score, **options).raw


def apart(a, b):
    """The largest difference, relative to the largest value of either; 0 for two maps of zeros."""
    size = max(np.abs(a).max(), np.abs(b).max())
    return np.abs(a - b).max() / size if size else 0.0


def linear(claim, seed):
    """M(a S1 + b S2) = a M(S1) + b M(S2), for S1 = log_odds and S2 = centred."""
    net, x = toy(seed)
    a, b = 0.7, -1.9

    def mixed(z, c):
        (v1, r1, s1), (v2, r2, s2) = (ta.SCORES[score](z, c) for score in ("log_odds", "centred"))
        return a * v1 + b * v2, a * r1 * np.exp(s1)[..., None] + b * r2 * np.exp(s2)[..., None], np.zeros_like(s1)

    with patch.dict(ta.SCORES, mixed=mixed):
        return apart(raw(claim, net, x, 1, "mixed"), a * raw(claim, net, x, 1, "log_odds") + b * raw(claim, net, x, 1, "centred"))


def additive(claim, seed):
    """T2: M(z'_c) - M(z_c) = M(t). The method applied to t is the whole distortion."""
    net, x = toy(seed)
    twin = ta.alter(net, K=10, at=(1, 2))
    M, M_altered = (raw(claim, n, x, 1, "pre") for n in (net, twin))
    return apart(M_altered, M + raw(claim, toys.only_t(twin), x, 1, "pre"))


def proportional(claim, seed):
    """P1: M(post) = y_c^d M(log) = (y_c (1 - y_c))^d M(log_odds)."""
    net, x = toy(seed)
    y = softmax(net(x))[0]
    post, log, log_odds = (raw(claim, net, x, 1, score) for score in ("post", "log", "log_odds"))
    rest = np.delete(y, 1).sum()
    return min(max(apart(post, y[1] ** d * log), apart(post, (y[1] * rest) ** d * log_odds))
               for d in ((0, 1, 2) if claim.degree is None else (claim.degree,)))


def summing(claim, seed):
    """Without biases: sum M = S(x) - S(0), or v . z, whose difference for log_odds is the entropy of y's rivals less log(n - 1)."""
    net, x = toy(seed, bias=0)
    heat = explained(claim, net, x, 1, "log_odds", **({"steps": 100, "batch": 50} if "steps" in claim.options else {}))
    value, row, _ = ta.SCORES["log_odds"](net(x)[0], 1)
    sums = {"change": value + np.log(toys.CLASSES - 1), "euler": row @ net(x)[0]}
    owed = sums.values() if claim.sums is None else [sums[claim.sums]]
    return min(abs(heat.raw.sum() - due) for due in owed) / np.abs(heat.raw).sum()


def rescaled(claim, seed):
    """A_k -> a_k A_k with the next layer's weights divided by a_k: the same function, so the same map."""
    net, x = toy(seed)
    factors = np.exp(np.random.default_rng(seed).uniform(-1, 1, 4 + 3 + 5))
    turned = toys.rescaled(net, factors[:4], factors[4:7], factors[7:])
    assert np.allclose(turned(x), net(x), rtol=1e-10)
    return apart(raw(claim, turned, x), raw(claim, net, x))


def above(claim, seed):
    """T4: dS'/dA = dS/dA if t leaves the network below A, and what sees no more than that does not move, even by pre."""
    net, x = toy(seed)
    twin = ta.alter(net, K=10, layer="pool1", at=(1, 2))
    return apart(raw(claim, twin, x, 1, "pre"), raw(claim, net, x, 1, "pre"))


def blind_on_the_tape(claim, seed):
    """T1: S'(x) = S(x) for every t, so maps made of S and A alone are the same."""
    net, x = toy(seed)
    score = BLIND[seed % len(BLIND)]
    return apart(raw(claim, ta.alter(net, K=10, at=(1, 2)), x, 1, score), raw(claim, net, x, 1, score))


def blind_in_the_weights(claim, seed):
    """T1, T3: as above, with the attack as a plain stack of layers."""
    net, x = toy(seed)
    score = BLIND[seed % len(BLIND)]
    return apart(raw(claim, toys.widened(net, K=10, at=(1, 2)), x, 1, score), raw(claim, net, x, 1, score))


def constant(claim, seed):
    """Two classes of one logit: y_c = 1/2 for every picture, and a score that never changes has nothing to show."""
    net, x = toy(seed)
    W, b = net.weights["logits"]
    return np.abs(raw(claim, toys.other(net, logits=(W[:, [0, 0]], b[[0, 0]])), x, 0, "post")).max()


def shuffled(claim, seed):
    """Hidden channels in another order: maps of the picture stay, those of A have their channels in that order."""
    net, x = toy(seed)
    rng = np.random.default_rng(seed)
    first, second, units = (rng.permutation(n) for n in (4, toys.CHANNELS, toys.UNITS))
    heat, turned = (explained(claim, n, x, 1, all_scores(seed)) for n in (net, toys.shuffled(net, first, second, units)))
    return apart(turned.raw, heat.raw[..., second] if heat.raw.shape == (4, 4, toys.CHANNELS) else heat.raw)


def mirrored(claim, seed):
    """A mirrored network shows the mirrored map of a mirrored picture (with mirrored draws)."""
    return _mirrored(claim, toys.averaged(toy(seed)[0]), seed)


def mirrored_with_ties(claim, seed):
    """The same with a max-pool, whose windows are often all 0 after a ReLU: the first place of such a tie is the last in the mirror."""
    return _mirrored(claim, toy(seed)[0], seed)


def _mirrored(claim, net, seed):
    x = toy(seed)[1]
    turned = {name: value[:, :, ::-1] for name, value in claim.options.items() if name in ("noise", "masks")}
    score = all_scores(seed)
    return apart(raw(claim, toys.flipped(net), x[:, :, ::-1], 1, score, **turned)[:, ::-1], raw(claim, net, x, 1, score))


def relabelled(claim, seed):
    """The classes in another order: every class keeps its map."""
    net, x = toy(seed)
    order = np.random.default_rng(seed).permutation(toys.CLASSES)
    score = all_scores(seed)
    return max(apart(raw(claim, toys.relabelled(net, order), x, i, score), raw(claim, net, x, c, score)) for i, c in enumerate(order))


def repaired(claim, seed):
    """Last weights less their class mean: z is centred, t is gone, and even pre shows what it showed without the attack."""
    net, x = toy(seed)
    cured, cured_twin = toys.without_class_mean(net), toys.without_class_mean(toys.widened(net, K=10, at=(1, 2)))
    return apart(raw(claim, cured_twin, x, 1, "pre"), raw(claim, cured, x, 1, "pre"))


def all_scores(seed):
    return sorted(ta.SCORES)[seed % len(ta.SCORES)]


PROPERTIES = {  # property: by which methods it is claimed
    linear: lambda claim: claim.linear,
    additive: lambda claim: claim.linear,
    proportional: lambda claim: claim.degree is not None,
    summing: lambda claim: claim.sums is not None,
    rescaled: lambda claim: claim.rescaled,
    above: lambda claim: claim.above,
    blind_on_the_tape: lambda claim: claim.blind is not None,
    blind_in_the_weights: lambda claim: claim.blind == "in the weights too",
    constant: lambda claim: claim.constant,
    shuffled: lambda claim: True, mirrored: lambda claim: True, relabelled: lambda claim: True, repaired: lambda claim: True,
    mirrored_with_ties: lambda claim: claim.ties,
}


def tolerance(property_, claim):
    """Rounding; LRP's stabilisers, 1e-6 beside denominators of about 0.01 and more; quadratures of 100 steps."""
    if property_ is summing and "steps" in claim.options:
        return 2e-2
    return 1e-3 if claim.method in ("lrp", "excitation_backprop") else 1e-8


def pairs(claimed):
    return [pytest.param(property_, label, id=f"{property_.__name__}-{label}")
            for property_, makes in PROPERTIES.items() for label, claim in CLAIMS.items() if makes(claim) == claimed]


@pytest.mark.parametrize(("property_", "label"), pairs(True))
@few
@given(seed=seeds)
def test_claimed(property_, label, seed):
    assert property_(CLAIMS[label], seed) <= tolerance(property_, CLAIMS[label])


@pytest.mark.parametrize(("property_", "label"), pairs(False))
def test_not_claimed(property_, label):
    assert property_(CLAIMS[label], EXAMPLE) > 3 * tolerance(property_, CLAIMS[label])


@pytest.mark.parametrize("label", sorted(set(CLAIMS) - {"eigen_cam"}))
def test_pre_is_moved_by_the_attack(label):
    """Else there would be nothing to be blind to. Eigen-CAM, without a score, is the exception."""
    net, x = toy(EXAMPLE)
    assert apart(raw(CLAIMS[label], ta.alter(net, K=10, at=(1, 2)), x, 1, "pre"), raw(CLAIMS[label], net, x, 1, "pre")) > 1e-2


def test_the_table_is_complete():
    assert {claim.method for claim in CLAIMS.values()} == set(ta.METHODS)
    for claim in CLAIMS.values():
        assert set(claim.options) <= set(signature(ta.METHODS[claim.method]).parameters)
