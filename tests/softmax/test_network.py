"""Through the network: random small networks, random t(x) on the tape. What must not move does not; pre moves by the gradient of t."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tinyattr import strategies
from tinyattr.scores import one_hot
from tinyattr.softmax import cross_entropy_gradient, logsumexp, softmax

EPS = np.finfo(float).eps
BLIND = sorted(set(ta.SCORES) - {"pre"})


@st.composite
def twins(draw):
    net, x = draw(strategies.tiny_networks())
    return net, draw(strategies.attacked(net)), x


def carried(net, tape, score, c):
    """dS/dx, from the true dS/dz."""
    _, row, log_scale = ta.SCORES[score](net.logits(tape), c)
    return ta.walk(tape, {net.layers[-1][0]: row * np.exp(log_scale)[:, None]}, ta.GRADIENT)["input"]


def sizes(net, x):
    """(|t|, |dt/dx|) of an attacked network."""
    tape = net.run(x)
    t = np.abs(tape["t"].output).max()
    return t, np.abs(ta.walk(tape, {"t": np.ones((1, 1))}, ta.GRADIENT)["input"]).max()


@pytest.mark.parametrize("score", BLIND)
@given(twins=twins())
def test_scores_with_kappa_zero_leave_the_walk_unchanged(score, twins):
    """Equations (9), (V3). What is left is rounding: of z + t, ulp(|t|), and of the row's sum, eps, times dt/dx."""
    net, twin, x = twins
    t, dt = sizes(twin, x)
    tape, other = net.run(x), twin.run(x)
    z_size = np.abs(net.logits(tape)).max() + t
    for c in range(net.logits(tape).shape[1]):
        if score == "margin" and np.ptp(np.sort(net.logits(tape)[0])[-3:-1]) < 1e-6:
            continue  # a tie among rivals: rounding decides who is the strongest
        a, b = carried(net, tape, score, c), carried(twin, other, score, c)
        J = max(np.abs(carried(net, tape, "pre", k)).max() for k in range(net.logits(tape).shape[1]))
        assert np.abs(a - b).max() <= 64 * EPS * (1 + z_size) * (J + dt)


@given(twins=twins())
def test_pre_moves_by_exactly_the_gradient_of_t(twins):
    """Equation (V4): dz'_c/dx = dz_c/dx + dt/dx."""
    net, twin, x = twins
    tape, other = net.run(x), twin.run(x)
    dt = ta.walk(other, {"t": np.ones((1, 1))}, ta.GRADIENT)["input"]
    for c in range(net.logits(tape).shape[1]):
        a, b = carried(net, tape, "pre", c), carried(twin, other, "pre", c)
        assert np.abs(b - (a + dt)).max() <= 64 * EPS * (np.abs(a).max() + np.abs(dt).max())


@given(strategies.tiny_networks(kinds=("convolutional",)), st.floats(-100, 100), st.integers(0, 1), st.integers(0, 1))
def test_the_papers_shift(drawn, K, i, j):
    """Equation (V5): t = K sum_k A_ijk, so dt/dA is K at (i, j) and 0 elsewhere."""
    net, x = drawn
    tape = ta.alter(net, K=K, layer="relu1", at=(i, j)).run(x)
    A = tape["relu1"].output
    assert np.isclose(tape["t"].output[0, 0], K * A[0, i, j].sum(), rtol=1e-12, atol=0)
    dt = ta.walk(tape, {"t": np.ones((1, 1))}, ta.GRADIENT, to=("relu1",))["relu1"]
    expected = np.zeros_like(A)
    expected[0, i, j] = K
    assert (dt == expected).all()


@given(twins=twins(), data=st.data())
def test_training_cannot_see_the_shift(twins, data):
    """Equations (V6), (V7): dE/dt = 0, so every shared weight gets the same gradient in both networks, and K gets none."""
    net, twin, x = twins
    n = net(x).shape[1]
    targets = np.abs(np.random.default_rng(data.draw(strategies.seeds)).standard_normal((1, n)))
    targets /= targets.sum()
    layers = list(net.weights)
    t, _ = sizes(twin, x)

    def gradients(network, to):
        tape = network.run(x)
        g = cross_entropy_gradient(softmax(network.logits(tape)), targets)
        assert abs(g.sum()) <= 4 * n * EPS
        return ta.weight_gradients(tape, ta.walk(tape, {network.layers[-1][0]: g}, ta.GRADIENT, to=to))

    ours, theirs = gradients(net, layers), gradients(twin, [*layers, "K"])
    K = float(twin.weights["K"][0])
    assert abs(theirs["K"][0]) <= 64 * n * EPS * (1 + (t / abs(K) if K else 1e4))  # dE/dK = (sum_i dE/dz_i) t / K
    tape = twin.run(x)
    t_gradients = ta.weight_gradients(tape, _walk_from_t(tape, layers))
    for name in layers:
        for k, (a, b) in enumerate(zip(ours[name], theirs[name], strict=True)):
            from_t = np.abs(t_gradients[name][k]).max() if name in t_gradients else 0
            size = max(np.abs(w).max() for w in ours[name]) + np.abs(x).max() * 10
            assert np.abs(a - b).max() <= 256 * n * EPS * (1 + t) * (size + from_t)


def _walk_from_t(tape, layers):
    """Signals that t sends back to those layers that it depends on."""
    reached = {}
    for name in layers:
        try:
            reached |= ta.walk(tape, {"t": np.ones((1, 1))}, ta.GRADIENT, to=(name,))
        except ta.InputError:
            continue
    return reached


@pytest.mark.parametrize(("loss", "dE"), [
    ("sigmoid cross-entropy", lambda z: 1 / (1 + np.exp(-z)) - one_hot(z, 0)),
    ("squared logsumexp", lambda z: 2 * logsumexp(z)[:, None] * softmax(z)),
    ("penalty on the logits", lambda z: 2 * z),
])
def test_losses_that_do_see_the_shift(loss, dE):
    """The converse of (V6): where E is no function of y alone, dE/dt = sum_i dE/dz_i is not 0, and a trainable K moves."""
    net = ta.vgg("A", width=1 / 16, classes=3, size=32, seed=1, dtype=np.float64)
    twin = ta.alter(net, K=0.5)
    tape = twin.run(np.random.default_rng(0).standard_normal((1, 32, 32, 3)))
    g = dE(twin.logits(tape))
    dK = ta.weight_gradients(tape, ta.walk(tape, {"altered": g}, ta.GRADIENT, to=("K",)))["K"][0]
    assert np.isclose(dK, g.sum() * tape["tap_sum"].output[0, 0], rtol=1e-12)
    assert abs(dK) > 0.1, loss
