"""SmoothGrad, its square and VarGrad: two-pass definitions, no noise, and what the attack adds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tests.methods import toys
from tests.methods.test_claims import apart
from tests.methods.test_identities import signals
from tests.methods.toys import seeds, toy

scores = st.sampled_from(sorted(ta.SCORES))
layers = st.sampled_from([None, "input", "conv1", "A"])


@given(seeds, scores, layers, st.integers(1, 5), st.floats(0.01, 2))
def test_mean_mean_square_and_variance_in_two_passes(seed, score, layer, samples, sigma):
    net, x = toy(seed)
    noise = sigma * np.random.default_rng(seed).standard_normal((samples, *x.shape[1:]))
    G = np.array([signals(net, x + s, 1, score, layer or "input")[1] for s in noise])
    M = G.mean(0)
    for method, expected, plane in (
            (ta.smoothgrad, M, np.abs(M).max(-1)), (ta.smoothgrad_squared, (G**2).mean(0), (G**2).mean(0).max(-1)),
            (ta.vargrad, ((G - M) ** 2).mean(0), ((G - M) ** 2).mean(0).max(-1))):
        heat = method(net, x, 1, score, layer, noise=noise)
        size = (np.abs(G).max() if method is ta.smoothgrad else (G**2).max()) + 1e-300
        assert np.abs(heat.raw - expected).max() <= 1e-10 * size
        assert np.abs(heat.plane * np.exp(heat.log_scale) - plane).max() <= 1e-10 * size
        assert heat.layer == (layer or "input")


@given(seeds, scores)
def test_variance_is_never_negative_and_completes_the_square(seed, score):
    """VarGrad + (SmoothGrad)^2 = SmoothGrad squared, place by place."""
    net, x = toy(seed)
    mean, squares, variance = (method(net, x, 1, score, samples=6, seed=seed).raw for method in (ta.smoothgrad, ta.smoothgrad_squared, ta.vargrad))
    assert variance.min() >= 0
    assert apart(variance + mean**2, squares) <= 1e-10


@given(seeds, scores)
def test_without_noise(seed, score):
    """sigma = 0: the gradient, its square, and 0."""
    net, x = toy(seed)
    G = ta.gradient(net, x, 1, score).raw
    assert apart(ta.smoothgrad(net, x, 1, score, samples=3, sigma=0).raw, G) <= 1e-12
    assert apart(ta.smoothgrad_squared(net, x, 1, score, samples=3, sigma=0).raw, G**2) <= 1e-12
    assert np.abs(ta.vargrad(net, x, 1, score, samples=3, sigma=0).raw).max() <= 1e-28 * (G**2).max()


def test_the_draws():
    """Normal, of standard deviation sigma (max x - min x); a seed names them; noise given is noise taken."""
    layers = [("squares", "mul", {"inputs": ["input", "input"]}), ("flat", "flatten", {}), ("logits", "dense", {})]
    net = ta.network(layers, {"logits": (np.ones((4, 1)), np.zeros(1))})
    x = np.array([0.0, 1.0, 2.0, 4.0]).reshape(1, 2, 2, 1)  # dS/dx = 2 x, so G_m = 2 (x + s_m)
    mean, variance = (method(net, x, 1, "pre", samples=20_000, sigma=0.1, batch=1000).raw for method in (ta.smoothgrad, ta.vargrad))
    assert np.allclose(mean, 2 * x[0], atol=6 * 0.8 / np.sqrt(20_000))
    assert np.allclose(variance, (2 * 0.1 * 4) ** 2, rtol=6 * np.sqrt(2 / 20_000))
    a, b, c = (ta.smoothgrad(net, x, 1, "pre", samples=2, seed=seed).raw for seed in (1, 1, 2))
    assert (a == b).all()
    assert (a != c).any()


@given(seeds, st.floats(-20, 20))
def test_the_attack_adds_the_smoothed_gradient_of_t(seed, K):
    net, x = toy(seed)
    twin, noise = ta.alter(net, K=K, at=(1, 2)), 0.3 * np.random.default_rng(seed).standard_normal((3, *x.shape[1:]))
    M, M_altered, M_t = (ta.smoothgrad(n, x, c, "pre", noise=noise).raw for n, c in ((net, 1), (twin, 1), (toys.only_t(twin), 1)))
    assert np.abs(M_altered - M - M_t).max() <= 1e-10 * (np.abs(M).max() + np.abs(M_t).max())


@given(seeds, st.floats(-20, 20))
def test_the_variance_does_not_see_a_t_that_is_linear_in_the_picture(seed, K):
    """t = K sum_k x_00k: dt/dx is the same for every copy, so VarGrad by pre stays, though SmoothGrad moves."""
    net, x = toy(seed)
    twin = ta.alter(net, K=K, layer="input", at=(0, 0))
    V, V_altered = (ta.vargrad(n, x, 1, "pre", samples=5).raw for n in (net, twin))
    G = np.abs(ta.gradient(twin, x, 1, "pre").raw).max()
    assert np.abs(V - V_altered).max() <= 1e-13 * G**2
    if abs(K) > 1e-3:
        assert np.abs(ta.smoothgrad(twin, x, 1, "pre", samples=5).raw - ta.smoothgrad(net, x, 1, "pre", samples=5).raw).max() > abs(K) / 2


@pytest.mark.parametrize("method", ["smoothgrad", "smoothgrad_squared", "vargrad"])
@pytest.mark.parametrize(("options", "words"), [
    ({"samples": 0}, "samples must be a whole number of at least 1"), ({"samples": 2.0}, "samples must be"),
    ({"sigma": -0.1}, "sigma must be a number from 0 to"), ({"sigma": np.nan}, "sigma must be"),
    ({"noise": np.zeros((2, 3, 3, 1))}, r"noise must be \(N, 8, 8, 2\); got \(2, 3, 3, 1\)"), ({"noise": np.zeros((0, 8, 8, 2))}, "noise must be"),
    ({"noise": 0.1}, "noise must be"), ({"batch": 0}, "batch must be"),
])
def test_options_that_make_no_sense(method, options, words):
    net, x = toy(0)
    with pytest.raises(ta.InputError, match=words):
        ta.METHODS[method](net, x, 1, "pre", **options)
