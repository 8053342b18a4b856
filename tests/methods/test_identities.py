"""Identities between methods, and totals, each under its exact conditions: Euler's, equal maps, limits of Grad-CAM++, dead channels."""


import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tests.methods import toys
from tests.methods.claims import CLAIMS
from tests.methods.test_claims import apart, raw
from tests.methods.toys import few, seeds, toy
from tinyattr.methods.heatmap import resize
from tinyattr.softmax import entropy, log_softmax, softmax

scores = st.sampled_from(sorted(ta.SCORES))


def pooled(seed):
    """A toy whose maps A go through a global average pool into the last layer."""
    net, x = toy(seed)
    rng = np.random.default_rng(seed)
    head = rng.standard_normal((toys.CHANNELS, toys.CLASSES)), rng.standard_normal(toys.CLASSES)
    layers = [*net.layers[:5], ("gap", "global_avg_pool", {}), ("logits", "dense", {})]
    return ta.network(layers, {"conv1": net.weights["conv1"], "conv2": net.weights["conv2"], "logits": head}), x


def signals(net, x, c, score, layer):
    """(A, dS/dA) of a layer, (h, w, C), by a walk from the true dS/dz."""
    tape = net.run(x)
    _, row, log_scale = ta.SCORES[score](net.logits(tape), c)
    seed = row * np.exp(log_scale)[:, None]
    return tape[layer].output[0], ta.walk(tape, {net.layers[-1][0]: seed}, ta.GRADIENT, (layer,))[layer][0]


# ------------------------------------------------------------------------------------------------- Euler's identity


@given(seeds, st.sampled_from(["input", "conv1", "relu1", "pool1", "conv2", "A"]))
def test_totals_by_euler(seed, layer):
    """H1-H3 with biases: sum A dS/dA + sum of b dS/db above = v . z, which for log is log y_c + H(y), for post y_c times that."""
    net, x = toy(seed)
    z = net(x)[0]
    y, H, c = softmax(z), entropy(z), 2
    names = ["input", *(name for name, _, _ in net.layers)]
    rivals = np.delete(z, c)
    log = log_softmax(z)[c] + H
    owed = {"pre": z[c], "log": log, "post": y[c] * log, "log_odds": z[c] - softmax(rivals) @ rivals, "centred": z[c] - z.mean(),
            "margin": z[c] - rivals.max()}
    for score, due in owed.items():
        receipt = ta.input_x_gradient(net, x, c, score, layer).receipt
        assert np.isclose(receipt.owed, due, rtol=1e-9, atol=1e-12)
        assert abs(receipt.gap) <= 1e-12 * (1 + np.abs(z).max())
        assert list(receipt.shares) == [name for name in names[names.index(layer) + 1:] if name in net.weights]


@given(seeds, st.sampled_from(["conv1", "conv2", "fc1", "logits"]), scores)
def test_a_bias_takes_its_share(seed, layer, score):
    """Its share b dS/db is how S changes when b grows by a factor: by differences."""
    net, x = toy(seed)
    W, b = net.weights[layer]
    step = 1e-6
    ahead, behind = (ta.SCORES[score](toys.other(net, **{layer: (W, b * (1 + s))})(x)[0], 0)[0] for s in (step, -step))
    share = ta.input_x_gradient(net, x, 0, score).receipt.shares[layer]
    assert np.isclose(share, (ahead - behind) / (2 * step), rtol=1e-4, atol=1e-5)  # atol: the odd kink within a step


@given(seeds, scores)
def test_receipts_of_layer_maps(seed, score):
    """HiResCAM and XGrad-CAM add up to the same, as do FullGrad's parts before they are made positive."""
    net, x = toy(seed)
    paid = [method(net, x, 1, score).receipt for method in (ta.hirescam, ta.xgrad_cam, ta.fullgrad)]
    assert all(abs(receipt.gap) <= 1e-11 * (1 + np.abs(net(x)).max()) for receipt in paid)
    assert np.isclose(paid[0].paid, paid[1].paid, rtol=1e-9, atol=1e-12)
    assert np.isclose(paid[0].paid, ta.hirescam(net, x, 1, score).raw.sum(), rtol=1e-9, atol=1e-12)


@given(seeds, scores)
def test_fullgrad_by_its_definition(seed, score):
    net, x = toy(seed)

    def psi(part):
        a = np.abs(part)
        return resize(((a - a.min()) / (a.max() - a.min())).sum(-1), (toys.SIDE, toys.SIDE))

    L = psi(x[0] * signals(net, x, 1, score, "input")[1])
    for name in ("conv1", "conv2"):
        L = L + psi(net.weights[name][1] * signals(net, x, 1, score, name)[1])
    assert apart(ta.fullgrad(net, x, 1, score).raw, L) <= 1e-10


# -------------------------------------------------------------------------------------------------- methods that agree


@given(seeds)
def test_without_biases_five_methods_are_one(seed):
    """S = z_c: GxI = IG from zero by any rule whose places are positive = DeepLIFT from zero = LRP-0, and HiResCAM's sum is theirs."""
    net, x = toy(seed, bias=0)
    R = ta.input_x_gradient(net, x, 1, "pre").raw
    others = [ta.integrated_gradients(net, x, 1, "pre", rule=rule, steps=steps).raw
              for rule, steps in (("gauss", 1), ("gauss", 3), ("right", 2), ("middle", 2))]
    others += [ta.deeplift(net, x, 1, "pre").raw, ta.lrp(net, x, 1, "pre", composite="zero").raw]
    assert max(apart(other, R) for other in others) <= 1e-9
    assert np.isclose(R.sum(), net(x)[0, 1], rtol=1e-9, atol=1e-12)
    assert np.isclose(ta.hirescam(net, x, 1, "pre").raw.sum(), R.sum(), rtol=1e-9, atol=1e-12)


@given(seeds, scores, st.sampled_from(["input", "relu1", "conv2", "A"]))
def test_lrp_zero_is_input_times_gradient(seed, score, layer):
    """For every score, with biases: what reaches a unit is a w g / z times z."""
    net, x = toy(seed)
    assert apart(ta.lrp(net, x, 1, score, layer, composite="zero").raw, ta.input_x_gradient(net, x, 1, score, layer).raw) <= 1e-9


@given(seeds, scores)
def test_a_global_average_pool_makes_three_cams_one(seed, score):
    """dS/dA is the same at all places, so Grad-CAM = HiResCAM = XGrad-CAM, for every score."""
    net, x = pooled(seed)
    L = ta.grad_cam(net, x, 1, score).raw
    assert max(apart(method(net, x, 1, score).raw, L) for method in (ta.hirescam, ta.xgrad_cam)) <= 1e-10


@given(seeds, scores)
def test_cams_with_positive_parts(seed, score):
    """For A >= 0: Grad-CAM+ >= Grad-CAM and LayerCAM >= HiResCAM at every place, equal where no dS/dA is negative."""
    net, x = toy(seed)
    plus, plain, layer, hires = (method(net, x, 1, score).raw for method in (ta.grad_cam_plus, ta.grad_cam, ta.layercam, ta.hirescam))
    slack = 1e-12 * np.abs(plus).max()
    assert (plus >= plain - slack).all()
    assert (layer >= hires - slack).all()


@given(seeds, scores, st.sampled_from(["A", "conv2", "input"]))
def test_cams_by_their_formulas(seed, score, layer):
    """At any layer, the picture too, whose numbers have both signs (before a ReLU, dS/dA is 0 where A is below 0)."""
    net, x = toy(seed)
    A, g = signals(net, x, 1, score, layer)
    positive, SA = np.maximum(g, 0), A.sum((0, 1))
    w = np.where(SA == 0, 0, (g * A).sum((0, 1)) / np.where(SA == 0, 1, SA))
    for L, method, options in (
            (A @ g.mean((0, 1)), ta.grad_cam, {}), (A @ positive.mean((0, 1)), ta.grad_cam_plus, {}),
            (A @ (positive * (A > 0)).mean((0, 1)), ta.grad_cam_plus, {"active": True}), ((positive * A).sum(-1), ta.layercam, {}),
            ((g * A).sum(-1), ta.hirescam, {}), (A @ w, ta.xgrad_cam, {})):
        assert apart(method(net, x, 1, score, layer, **options).raw, L) <= 1e-9


@given(seeds)
def test_guided_walks_by_hand(seed):
    """conv1 - ReLU - pool - conv2 - ReLU - dense - ReLU - dense, from the logits down, ReLU by ReLU."""
    net, x = toy(seed)
    tape = net.run(x)
    for method, masked in ((ta.guided_backprop, True), (ta.deconvnet, False)):
        g = np.zeros_like(tape["logits"].output)
        g[0, 1] = 1
        for stop, unit in (("fc1_relu", "fc1"), ("A", "conv2"), ("relu1", "conv1")):
            start = {"fc1_relu": "logits", "A": "fc1", "relu1": "conv2"}[stop]
            g = ta.walk(tape, {start: g}, ta.GRADIENT, (stop,))[stop]
            g = np.maximum(g, 0) * (tape[unit].output > 0 if masked else 1)
        assert apart(method(net, x, 1, "pre").raw, ta.walk(tape, {"conv1": g}, ta.GRADIENT)["input"][0]) <= 1e-12


@given(seeds)
def test_guided_grad_cam_is_the_product(seed):
    net, x = toy(seed)
    L = np.maximum(ta.grad_cam(net, x, 1, "post").raw, 0)
    R = ta.guided_backprop(net, x, 1, "post").raw * resize(L, (toys.SIDE, toys.SIDE))[..., None]
    assert apart(ta.guided_grad_cam(net, x, 1, "post").raw, R) <= 1e-10


@given(seeds, st.booleans(), st.booleans())
def test_eigen_cam_by_the_eigenvectors_of_its_covariance(seed, centred, weighted):
    """v is the eigenvector of X^T X with the largest eigenvalue; no other unit vector gives a longer X v."""
    net, x = toy(seed)
    A, g = signals(net, x, 1, "post", "A")
    X = (A * g if weighted else A).reshape(-1, toys.CHANNELS)
    X = X - X.mean(0) if centred else X
    values, vectors = np.linalg.eigh(X.T @ X)
    L = (X @ vectors[:, -1]).reshape(4, 4)
    L = -L if L.ravel() @ X.sum(-1) < 0 else L
    if values[-1] > 1.01 * values[-2]:
        assert apart(ta.eigen_cam(net, x, 1, "post", centred=centred, weighted=weighted).raw, L) <= 1e-7


# ------------------------------------------------------------------------------------------------------- dead channels


@pytest.mark.parametrize("label", [label for label, claim in CLAIMS.items() if claim.method in ta.methods.AT_A_LAYER])
@few
@given(seed=seeds)
def test_a_channel_that_is_zero_adds_nothing(label, seed):
    """Whatever weight it gets: A has a fourth channel, 0 everywhere, that the next layer reads. Score-CAM keeps the shape of its
    map: its weights are a softmax over all channels, of which a dead one takes a part."""
    net, x = toy(seed)
    rng = np.random.default_rng(seed)
    (K2, b2), (W1, b1) = net.weights["conv2"], net.weights["fc1"]
    wide = np.concatenate([toys.places(W1), rng.standard_normal((4, 4, 1, toys.UNITS))], 2)
    dead = toys.other(net, conv2=(np.concatenate([K2, np.zeros((3, 3, 4, 1))], -1), np.append(b2, -1)),
                      fc1=(wide.reshape(-1, toys.UNITS), b1))
    M, M_dead = raw(CLAIMS[label], net, x), raw(CLAIMS[label], dead, x)
    if M.ndim == 3 and M_dead.shape[-1] == 4:
        if label != "internal_influence":  # which answers in units of dS/dA, not of S
            assert (M_dead[..., 3] == 0).all()
        M_dead = M_dead[..., :3]
    if label == "score_cam":
        M, M_dead = M / M.max(), M_dead / M_dead.max()
    assert apart(M, M_dead) <= 1e-8
