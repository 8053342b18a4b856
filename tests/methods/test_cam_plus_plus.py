"""Grad-CAM++: equation 19 in loops, its limit, its bound, and the softmax form by third derivatives."""

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, taylor

import tinyattr as ta
from tests.methods import toys
from tests.methods.test_claims import apart
from tests.methods.test_identities import signals
from tests.methods.toys import seeds, toy

scores = st.sampled_from(sorted(ta.SCORES))


@given(seeds, scores)
def test_grad_cam_plus_plus_by_equation_19(seed, score):
    """alpha = g^2 / (2 g^2 + SA g^3) where g != 0, in loops; "normalised": over its sum over the places with g > 0."""
    net, x = toy(seed)
    A, g = signals(net, x, 1, score, "A")
    w, w_normalised = np.zeros(toys.CHANNELS), np.zeros(toys.CHANNELS)
    for k in range(toys.CHANNELS):
        SA = A[..., k].sum()
        alpha = [(G, G**2 / (2 * G**2 + SA * G**3)) for G in g[..., k].ravel() if G != 0]
        total = sum(a for G, a in alpha if G > 0)
        for G, a in alpha:
            if G > 0:
                w[k] += a * G
                w_normalised[k] += a / total * G
                assert a * G < 1 / SA  # so much, and no more, can one place add
    assert apart(ta.grad_cam_plus_plus(net, x, 1, score).raw, A @ w) <= 1e-8
    assert apart(ta.grad_cam_plus_plus(net, x, 1, score, variant="normalised").raw, A @ w_normalised) <= 1e-8
    if g.max() > 0:
        assert (w < (g > 0).sum((0, 1)) / A.sum((0, 1)) + 1e-300).all()


@given(seeds)
def test_for_small_gradients_grad_cam_plus_plus_is_grad_cam_plus(seed):
    """|SA g| << 1: alpha -> 1/2, so the map is Z/2 times Grad-CAM+; normalised, it is the mean over the places with g > 0."""
    net, x = toy(seed)
    W, b = net.weights["logits"]
    faint = toys.other(net, logits=(W * 1e-9, b))
    A, g = signals(faint, x, 1, "pre", "A")
    assert apart(ta.grad_cam_plus_plus(faint, x, 1, "pre").raw, 16 / 2 * ta.grad_cam_plus(faint, x, 1, "pre").raw) <= 1e-6
    mean = np.maximum(g, 0).sum((0, 1)) / np.maximum((g > 0).sum((0, 1)), 1)
    assert apart(ta.grad_cam_plus_plus(faint, x, 1, "pre", variant="normalised").raw, A @ mean) <= 1e-6


@given(st.integers(0, 1000))
def test_the_softmax_form_of_grad_cam_plus_plus_by_third_derivatives(seed):
    """Y = y_c with logits linear in A: Y', Y'', Y''' along every A_ijk by mpmath's differences at 60 digits."""
    rng = np.random.default_rng(seed)
    W, b = rng.standard_normal((2 * 2 * 2, 3)), rng.standard_normal(3)
    net = ta.network([("A", "relu", {}), ("flat", "flatten", {}), ("logits", "dense", {})], {"logits": (W, b)})
    A = np.abs(rng.standard_normal((1, 2, 2, 2)))
    z, w = net(A)[0], np.zeros(2)
    for i, j, k in product(range(2), repeat=3):
        slopes = W[(i * 2 + j) * 2 + k]
        with mp.workdps(60):
            def y_c(h, slopes=slopes):
                return mp.exp(z[1] + h * slopes[1]) / sum(mp.exp(u + h * s) for u, s in zip(z, slopes, strict=True))
            _, first, half_second, sixth_third = taylor(y_c, 0, 3)
            second, third = 2 * half_second, 6 * sixth_third
            w[k] += float(second / (2 * second + A[..., k].sum() * third) * max(first, 0))
    assert apart(ta.grad_cam_plus_plus(net, A, 1, "post", variant="softmax").raw, A[0] @ w) <= 1e-7
