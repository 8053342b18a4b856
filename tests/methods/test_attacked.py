"""What the attack does to every map by pre, to the last digit: t = K sum_k A_ijk adds K to dS/dA at one place (T2)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tests.methods import toys
from tests.methods.test_claims import apart
from tests.methods.test_identities import signals
from tests.methods.toys import few, seeds, toy
from tinyattr.softmax import softmax

Z = toys.HALF * toys.HALF
relu = np.maximum


def moved(g, K, at):
    """dS'/dA."""
    g = g.copy()
    g[at] += K
    return g


CLOSED = {  # method: (A, A at the baseline, dS/dA, K, at) -> what is added to its map
    "grad_cam": lambda A, A_b, g, K, at: K / Z * A.sum(-1),
    "grad_cam_plus": lambda A, A_b, g, K, at: A @ (relu(g[at] + K, 0) - relu(g[at], 0)) / Z,
    "hirescam": lambda A, A_b, g, K, at: moved(0 * A[..., 0], K * A[at].sum(), at),
    "layercam": lambda A, A_b, g, K, at: moved(0 * A[..., 0], (relu(g[at] + K, 0) - relu(g[at], 0)) @ A[at], at),
    "xgrad_cam": lambda A, A_b, g, K, at: A @ (K * A[at] / A.sum((0, 1))),
    "rsi_grad_cam": lambda A, A_b, g, K, at: A @ (K * (A - A_b)[at] / Z),
    "conductance": lambda A, A_b, g, K, at: moved(0 * A, K * (A - A_b)[at], at),
    "layer_integrated_gradients": lambda A, A_b, g, K, at: moved(0 * A, K * (A - A_b)[at], at),
    "internal_influence": lambda A, A_b, g, K, at: moved(0 * A, K, at),
    "ablation_cam": lambda A, A_b, g, K, at: A @ (K * A[at]),
    "grad_cam_plus_plus": lambda A, A_b, g, K, at: A @ (added(A, g[at] + K) - added(A, g[at])),
}


def added(A, g):
    """alpha max(g, 0) of one place, at most 1 / SA_k."""
    return relu(g, 0) / (2 + A.sum((0, 1)) * relu(g, 0))


@pytest.mark.parametrize("method", CLOSED)
@few
@given(seed=seeds, K=st.floats(-20, 20), i=st.integers(0, 3), j=st.integers(0, 3), steps=st.integers(1, 5))
def test_closed_forms(method, seed, K, i, j, steps):
    """RSI and conductance: exact for any number of steps, as the changes of A add up to A(x) - A(b)."""
    net, x = toy(seed)
    twin, at = ta.alter(net, K=K, at=(i, j)), (i, j)
    options = {"steps": steps, "baseline": 0.7} if "steps" in ta.methods.options_of(method) else {}
    M, M_altered = (ta.METHODS[method](n, x, 1, "pre", **options).raw for n in (net, twin))
    A, g = signals(net, x, 1, "pre", "A")
    A_b = net.run(np.full_like(x, 0.7))["A"].output[0]
    expected = M + CLOSED[method](A, A_b, g, K, at)
    size = max(np.abs(M).max(), np.abs(M_altered).max(), abs(K) * A.max())
    assert np.abs(M_altered - expected).max() <= 1e-10 * size


@given(seeds, st.floats(1e3, 1e9), st.integers(0, 3), st.integers(0, 3))
def test_grad_cam_plus_plus_is_moved_by_a_bounded_amount(seed, K, i, j):
    """However large K is, no channel's weight grows by more than 1 / SA_k, so no place by more than sum_k A_ijk / SA_k."""
    net, x = toy(seed)
    A = net.run(x)["A"].output[0]
    L, L_altered = (ta.grad_cam_plus_plus(n, x, 1, "pre").raw for n in (net, ta.alter(net, K=K, at=(i, j))))
    assert (L_altered - L >= -1e-12 * L.max()).all()
    assert (L_altered - L <= A @ (1 / A.sum((0, 1))) + 1e-12 * L.max()).all()


@given(seeds, st.floats(-20, 20), st.integers(0, 3), st.integers(0, 3))
def test_the_output_of_the_convolution_before_the_relu(seed, K, i, j):
    """There only channels that are active at the tap feel it: w'_k = w_k + (K/Z) [A_ijk > 0]."""
    net, x = toy(seed)
    L, L_altered = (ta.grad_cam(n, x, 1, "pre", "conv2").raw for n in (net, ta.alter(net, K=K, at=(i, j))))
    u = net.run(x)["conv2"].output[0]
    assert apart(L_altered, L + u @ (K / Z * (u[i, j] > 0))) <= 1e-10


@given(seeds, st.floats(-20, 20), st.floats(-1, 1))
def test_integrated_gradients_are_moved_by_those_of_t(seed, K, b):
    """IG' = IG + IG(t): totals differ by t(x) - t(b), and no step is too coarse for the identity itself."""
    net, x = toy(seed)
    twin = ta.alter(net, K=K, at=(2, 1))
    options = {"baseline": b, "steps": 3}
    IG, IG_altered, IG_t = (ta.integrated_gradients(n, x, c, "pre", **options) for n, c in ((net, 1), (twin, 1), (toys.only_t(twin), 1)))
    assert np.abs(IG_altered.raw - IG.raw - IG_t.raw).max() <= 1e-10 * (np.abs(IG.raw).max() + np.abs(IG_t.raw).max())
    t = [twin.run(p)["t"].output[0, 0] for p in (x, np.full_like(x, b))]
    assert np.isclose(IG_altered.receipt.owed - IG.receipt.owed, t[0] - t[1], rtol=1e-9, atol=1e-9)


@given(seeds, st.floats(-20, 20))
def test_covering_moves_by_what_t_loses(seed, K):
    """Occlusion's drop grows by t(x) - t(x occluded), RISE's map by the same map of t, Score-CAM's weights by factors e^t."""
    net, x = toy(seed)
    twin = ta.alter(net, K=K, at=(2, 1))
    masks = np.random.default_rng(seed).random((5, toys.SIDE, toys.SIDE))
    for method, options in ((ta.occlusion, {"window": 3, "stride": 2}), (ta.feature_ablation, {"groups": 2}), (ta.rise, {"masks": masks})):
        M, M_altered, M_t = (method(n, x, c, "pre", **options).raw for n, c in ((net, 1), (twin, 1), (toys.only_t(twin), 1)))
        assert np.abs(M_altered - M - M_t).max() <= 1e-9 * (np.abs(M).max() + np.abs(M_t).max() + abs(K))
    A, H = twin.run(x)["A"].output[0], np.random.default_rng(seed).random((toys.CHANNELS, toys.SIDE, toys.SIDE))
    pictures = [x * h[..., None] for h in H]
    s = [twin.run(p)["logits"].output[0, 1] + twin.run(p)["t"].output[0, 0] for p in pictures]
    w = np.exp(np.array(s) - max(s))
    assert apart(ta.score_cam(twin, x, 1, "pre", masks=H).raw, A @ (w / w.sum())) <= 1e-9


@given(seeds)
def test_the_repaired_network_is_centred(seed):
    """Last weights less their class mean: z sums to 0, y stays, with and without the attack in the weights."""
    net, x = toy(seed)
    for attacked in (net, toys.widened(net)):
        cured = toys.without_class_mean(attacked)
        assert abs(cured(x).sum()) <= 1e-12 * np.abs(attacked(x)).max()
        assert np.allclose(cured(x), net(x) - net(x).mean(), rtol=1e-9, atol=1e-9)


@given(seeds, st.floats(-20, 20), st.integers(0, 3), st.integers(0, 3))
def test_the_attack_in_the_weights_is_the_attack_on_the_tape(seed, K, i, j):
    net, x = toy(seed)
    assert np.allclose(toys.widened(net, K, (i, j))(x), ta.alter(net, K=K, at=(i, j))(x), rtol=1e-12, atol=1e-9)


@few
@given(seed=seeds, K=st.floats(-5, 5))
def test_training_cannot_tell_the_two_apart(seed, K):
    """Equation (V7): twenty steps of gradient descent on cross-entropy leave both with the same weights, K where it was, and
    the class-sum of the last weights, whose gradient is (sum_i (y_i - t_i)) h = 0, where that was."""
    net, x = toy(seed)
    trained = []
    for network in (net, ta.alter(net, K=K, at=(1, 2))):
        sums, to = network.weights["logits"][0].sum(1), ("input", *({"K"} & set(network.weights)))
        for _ in range(20):
            tape = network.run(x)
            row = softmax(network.logits(tape)) - np.eye(toys.CLASSES)[[3]]
            g = ta.weight_gradients(tape, ta.walk(tape, {network.layers[-1][0]: row}, ta.GRADIENT, to))
            network = ta.network(network.layers, {name: tuple(w - 0.05 * d for w, d in zip(arrays, g[name], strict=True))
                                                  for name, arrays in network.weights.items()}, features="A")
        assert np.abs(network.weights["logits"][0].sum(1) - sums).max() <= 1e-12 * (1 + np.abs(sums).max())
        trained.append(network)
    assert abs(trained[1].weights["K"][0] - K) <= 1e-12
    for name in net.weights:
        for w, w_altered in zip(trained[0].weights[name], trained[1].weights[name], strict=True):
            assert np.abs(w - w_altered).max() <= 1e-9
    assert any(apart(trained[0].weights[name][0], net.weights[name][0]) > 1e-4 for name in net.weights)
