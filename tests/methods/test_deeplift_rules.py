"""Rescale and RevealCancel, unit by unit in loops."""

import numpy as np
from hypothesis import given

import tinyattr as ta
from tests.methods import toys
from tests.methods.test_claims import apart
from tests.methods.toys import seeds, toy


def dense_toy(seed):
    """(net, x, b): dense - ReLU - dense on a picture of one colour, and a baseline that has some pixels in common with it."""
    rng = np.random.default_rng(seed)
    weights = {"h": (rng.standard_normal((4, 3)), rng.standard_normal(3)), "z": (rng.standard_normal((3, 2)), rng.standard_normal(2))}
    net = ta.network([("flat", "flatten", {}), ("h", "dense", {}), ("h_relu", "relu", {}), ("z", "dense", {})], weights)
    x, b = rng.standard_normal((2, 1, 2, 2, 1))
    b[0, 0, 0, 0] = x[0, 0, 0, 0]
    return net, x, b


@given(seeds)
def test_rescale_in_loops(seed):
    """C_i = sum_h (x - b)_i W_ih (Delta f / Delta u)_h V_hc."""
    net, x, b = dense_toy(seed)
    (W, _), (V, _) = net.weights["h"], net.weights["z"]
    u, u_b = (net.run(p)["h"].output[0] for p in (x, b))
    C = np.zeros(4)
    for i, h in np.ndindex(4, 3):
        C[i] += (x - b).ravel()[i] * W[i, h] * (max(u[h], 0) - max(u_b[h], 0)) / (u[h] - u_b[h]) * V[h, 1]
    assert np.allclose(ta.deeplift(net, x, 1, "pre", baseline=b).raw.ravel(), C, rtol=1e-9, atol=1e-11)


@given(seeds)
def test_reveal_cancel_in_loops(seed):
    """Section 3.4: positive and negative parts of Delta u, each with its own multiplier; where x = b the mean of both."""
    net, x, b = dense_toy(seed)
    (W, _), (V, _) = net.weights["h"], net.weights["z"]
    u_b, d = net.run(b)["h"].output[0], (x - b).ravel()
    C = np.zeros(4)

    def f(v):
        return max(v, 0)

    for h in range(3):
        p = sum(d[i] * W[i, h] for i in range(4) if d[i] * W[i, h] > 0)
        n = sum(d[i] * W[i, h] for i in range(4) if d[i] * W[i, h] < 0)
        u = u_b[h]
        f_p = (f(u + p) - f(u)) / 2 + (f(u + n + p) - f(u + n)) / 2
        f_n = (f(u + n) - f(u)) / 2 + (f(u + p + n) - f(u + p)) / 2
        for i in range(4):
            if d[i] * W[i, h] > 0:
                C[i] += d[i] * W[i, h] * f_p / p * V[h, 1]
            elif d[i] * W[i, h] < 0:
                C[i] += d[i] * W[i, h] * f_n / n * V[h, 1]
    assert np.allclose(ta.deeplift(net, x, 1, "pre", baseline=b, rule="reveal_cancel").raw.ravel(), C, rtol=1e-9, atol=1e-11)


def parted(x, b, W, u_b):
    """Of u = W x: (p, n, f_p, f_n), each (out,), in loops. p: the sum of what raises u."""
    p, n, f_p, f_n = np.zeros((4, W.shape[1]))
    for i, h in np.ndindex(W.shape):
        c = (x[i] - b[i]) * W[i, h]
        p[h], n[h] = p[h] + max(c, 0), n[h] + min(c, 0)
    for h in range(W.shape[1]):
        f = [max(v, 0) for v in (u_b[h], u_b[h] + p[h], u_b[h] + n[h], u_b[h] + p[h] + n[h])]
        f_p[h], f_n[h] = ((f[1] - f[0]) + (f[3] - f[2])) / 2, ((f[2] - f[0]) + (f[3] - f[1])) / 2
    return p, n, f_p, f_n


@given(seeds)
def test_reveal_cancel_through_two_layers(seed):
    """A hidden unit that p alone would have woken, and n keeps asleep, does not change; yet what would have raised it and what kept
    it down get their share, each from the mean of the multipliers above."""
    rng = np.random.default_rng(seed)
    (W1, W2, V), b1, b2 = (rng.standard_normal(shape) for shape in ((4, 5), (5, 3), (3, 1))), rng.standard_normal(5), rng.standard_normal(3)
    layers = [("flat", "flatten", {}), ("h1", "dense", {}), ("h1_relu", "relu", {}), ("h2", "dense", {}), ("h2_relu", "relu", {}), ("z", "dense", {})]
    net = ta.network(layers, {"h1": (W1, b1), "h2": (W2, b2), "z": (V, np.zeros(1))})
    x, b = rng.standard_normal((2, 1, 2, 2, 1))
    tape, reference = net.run(x), net.run(b)
    a0, a0_b, a1, a1_b = (t[name].output[0] for name in ("flat", "h1_relu") for t in (tape, reference))
    m = V[:, 0]
    for (below, below_b), name, W in (((a1, a1_b), "h2", W2), ((a0, a0_b), "h1", W1)):
        p, n, f_p, f_n = parted(below, below_b, W, reference[name].output[0])
        awake = tape[name].output[0] > 0
        m_p, m_n = (m * np.where(np.abs(part) < 1e-10, awake, f / np.where(part == 0, 1, part)) for part, f in ((p, f_p), (n, f_n)))
        m = np.zeros(len(below))
        for i, h in np.ndindex(W.shape):
            c = (below[i] - below_b[i]) * W[i, h]
            m[i] += W[i, h] * (m_p[h] if c > 0 else m_n[h] if c < 0 else (m_p[h] + m_n[h]) / 2)
    C = ta.deeplift(net, x, 1, "pre", baseline=b, rule="reveal_cancel").raw
    assert np.allclose(C.ravel(), m * (x - b).ravel(), rtol=1e-9, atol=1e-10)


@given(seeds)
def test_with_one_side_empty_reveal_cancel_is_rescale(seed):
    """Positive weights and a picture brighter than the baseline: nothing cancels, so there is nothing to reveal."""
    net, x = toy(seed)
    positive = toys.other(net, **{name: (np.abs(W), b) for name, (W, b) in net.weights.items()})
    maps = [ta.deeplift(positive, np.abs(x) + 0.1, 1, "log_odds", rule=rule).raw for rule in ("rescale", "reveal_cancel")]
    assert apart(*maps) <= 1e-9


def test_reveal_cancel_takes_a_value_apart_once():
    """A value added to itself 40 times over: 2^40 steps if every reader took it apart anew."""
    net, x, b = dense_toy(0)
    doubled = [(f"twice{i}", "add", {"inputs": [before, before]}) for i, before in enumerate(["h_relu", *(f"twice{i}" for i in range(39))])]
    small = {**net.weights, "z": (net.weights["z"][0] / 2.0**40, net.weights["z"][1])}
    deep = ta.network([*net.layers[:3], *doubled, ("z", "dense", {})], small)
    heat, same = (ta.deeplift(n, x, 1, "pre", baseline=b, rule="reveal_cancel") for n in (deep, net))
    assert np.allclose(heat.raw, same.raw, rtol=1e-9, atol=1e-11)
