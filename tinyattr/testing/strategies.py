"""Strategies of the package Hypothesis: they draw logits and small networks for property tests of your own code.

    from hypothesis import given
    from tinyattr import strategies

    @given(strategies.logits())
    def test_mine(z): ...

Hypothesis calls the test with many draws, and looks for one for which it fails. What the strategies draw, and why:

    logits            logits on which softmax code often fails: ties, all equal, a leader, shifted, huge gaps
    saturated_logits  one class leads by 20 to 700: its y_c is 1 or nearly 1, but the sum of the others is not 0
    shifted_logits    z and t, where z + t has no rounding error: a right softmax is the same for z + t as for z
    masked_logits     some logits are -inf, as in attention: all but one, or the first, or the largest, ...
    batches           rows that must not influence each other: similar, or far apart, or one row repeated
    laid_out          the same numbers in another memory layout: strided, reversed, Fortran order, read-only
    weights           weights e^z as Fractions, for which identities hold without rounding errors
    kink_free, tiny_networks, attacked        inputs and networks for properties of walks and heatmaps

This module needs the package: pip install hypothesis. A NumPy generator makes a network's weights, and we draw
only its seed. So a failing test prints few numbers. Hypothesis shrinks a failing draw, which means that it looks for a
simpler one: fewer classes or rows, rounder numbers, or the kind that is listed first.
"""

import numpy as np
from hypothesis import event
from hypothesis import strategies as st

from tinyattr.nets.network import Network

seeds = st.integers(0, 2**32 - 1)  # seeds of np.random.default_rng; a walk's seed is something else


@st.composite
def logits(draw, min_size=2, max_size=8, dtype=np.float64):
    """Draw logits (n,) of six kinds on which softmax code often fails. Hypothesis' statistics count these kinds.

    The kinds are: ordinary (|z_i| <= 30), ties at the top, all equal, one leads by 0..200, shifted by up to 1e4, and
    huge gaps (to 1e5).
    """
    n = draw(st.integers(min_size, max_size))
    kind = draw(st.sampled_from(["ordinary", "ties at the top", "all equal", "leader", "shifted", "huge gaps"]))
    event(f"logits: {kind}")
    z = np.array(draw(st.lists(st.floats(-30, 30, width=32), min_size=n, max_size=n)), np.float64)
    if kind == "all equal":
        z[:] = z[0]
    elif kind == "ties at the top":
        z[draw(st.lists(st.integers(0, n - 1), min_size=min(2, n), max_size=n, unique=True))] = 30
    elif kind == "leader":
        c = draw(st.integers(0, n - 1))
        z[c] = max(np.delete(z, c), default=0.0) + draw(st.floats(0, 200, width=32))
    elif kind == "shifted":
        z += draw(st.floats(-1e4, 1e4, width=32))
    elif kind == "huge gaps":
        z *= draw(st.sampled_from([30.0, 1600.0]))
    return z.astype(dtype)


@st.composite
def shifted_logits(draw, min_size=2, max_size=8, dtype=np.float64):
    """Draw (z, t) so that z + t is exact: all numbers are multiples of one power of 2. |z_i| and |t| are <= 2^12."""
    bits = 21 if np.dtype(dtype) == np.float32 else 50
    step = 2.0 ** (draw(st.integers(0, 12)) - bits)  # logits up to 2^0 ... 2^12: mostly all classes matter
    steps = st.integers(-(2**bits), 2**bits)
    z = draw(st.lists(steps, min_size=min_size, max_size=max_size))
    real = np.dtype(dtype).type
    return np.array(z, dtype) * real(step), real(draw(steps)) * real(step)


@st.composite
def saturated_logits(draw, min_size=2, max_size=8):
    """Draw (z, c), where class c leads all others by 20 to 700. So y_c rounds to 1 in float32, but 1 - y_c > 0."""
    z = draw(logits(min_size, max_size).filter(lambda z: np.ptp(z) < 100))
    c = draw(st.integers(0, len(z) - 1))
    z[c] = np.delete(z, c).max() + draw(st.floats(20, 700))
    return z, c


@st.composite
def masked_logits(draw, min_size=2, max_size=8, dtype=np.float64):
    """Draw logits (n,), of which some are -inf, but never all: one, the first, the largest, all but one, or any."""
    z = draw(logits(max(min_size, 2), max_size, dtype))
    n = len(z)
    kind = draw(st.sampled_from(["one", "the first", "the largest", "all but one", "any"]))
    event(f"masks: {kind}")
    i = draw(st.integers(0, n - 1))
    z[{"one": [i], "the first": [0], "the largest": [z.argmax()], "all but one": np.arange(n) != i,
       "any": draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=n - 1, unique=True))}[kind]] = -np.inf
    return z


@st.composite
def batches(draw, max_rows=4, min_size=1, max_size=8, dtype=np.float64):
    """Draw logits (N, n), N >= 1: rows of ordinary size, rows far apart (by up to 1e4), or one row repeated."""
    kind = draw(st.sampled_from(["alike", "far apart", "repeated"]))
    event(f"batches: {kind}")
    n, number = draw(st.integers(min_size, max_size)), draw(st.integers(1 if kind == "alike" else 2, max_rows))
    row = st.lists(st.floats(-30, 30, width=32), min_size=n, max_size=n)
    rows = np.array([draw(row)] * number if kind == "repeated" else [draw(row) for _ in range(number)], np.float64)
    if kind == "far apart":
        rows += np.array([0.0, 1e4, -1e4, 1e3])[np.arange(number) % 4, None]
    return rows.astype(dtype)


@st.composite
def laid_out(draw, arrays):
    """Draw an array from the strategy `arrays`, and put the same numbers into another memory layout."""
    a = draw(arrays)
    kind = draw(st.sampled_from(["C order", "Fortran order", "strided", "reversed", "read-only"]))
    event(f"layout: {kind}")
    if kind == "strided":
        wide = np.full((*a.shape[:-1], 2 * a.shape[-1]), 7, a.dtype)
        wide[..., ::2] = a
        return wide[..., ::2]
    if kind == "reversed":
        return a[..., ::-1].copy()[..., ::-1]
    a = np.array(a, order="F" if kind == "Fortran order" else "C")
    a.flags.writeable = kind != "read-only"
    return a


@st.composite
def weights(draw, min_size=1, max_size=6):
    """Draw positive Fractions w_i, in place of e^{z_i}, as an object array: identities of softmax hold exactly."""
    fractions = st.fractions(min_value=0, max_value=50, max_denominator=50).filter(lambda w: w > 0)
    return np.array(draw(st.lists(fractions, min_size=min_size, max_size=max_size)), object)


@st.composite
def kink_free(draw, shape, margin=0.03):
    """Draw numbers that differ from zero and from each other by `margin` or more: no kink and no tie is near."""
    n = int(np.prod(shape))
    rng = np.random.default_rng(draw(seeds))
    steps = (np.arange(n) - n // 2 + 0.5) * 4 * margin + rng.uniform(-margin, margin, n)
    return rng.permutation(steps).reshape(shape)


@st.composite
def tiny_networks(draw, kinds=("dense", "convolutional"), margin=1e-3):
    """Draw (net, x): a random network of 1 to 3 hidden layers in float64, and a picture away from the kinks.

    We move biases until each number before a ReLU is at least about `margin` times its channel's range away from 0.
    """
    kind, depth, rng = draw(st.sampled_from(kinds)), draw(st.integers(1, 3)), np.random.default_rng(draw(seeds))
    n, side, channels = draw(st.integers(2, 5)), draw(st.integers(2, 5)), draw(st.integers(1, 3))
    x = rng.standard_normal((1, side, side, channels))
    first, last, name, op, attributes, window, width = {
        "dense": ([("flatten", "flatten", {})], [], "dense", "dense", {}, (), x.size),
        "convolutional": ([], [("pool", "global_avg_pool", {})], "conv", "conv2d", {"padding": 1}, (3, 3), channels),
    }[kind]
    layers, weights = first, {}
    for i in range(1, depth + 1):
        shape = (*window, width, draw(st.integers(1, 4)))
        *_, width = shape
        kernel = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))
        layers = [*layers, (f"{name}{i}", op, attributes)]
        bias = _away_from_zero(layers, {**weights, f"{name}{i}": (kernel, rng.standard_normal(width))}, x, margin)
        weights[f"{name}{i}"] = (kernel, bias)
        layers.append((f"relu{i}", "relu", {}))
    weights["logits"] = (rng.standard_normal((width, n)), rng.standard_normal(n))
    return Network([*layers, *last, ("logits", "dense", {})], weights), x


def _away_from_zero(layers, weights, x, margin):
    """Return the last layer's bias, moved where needed so that zero lies in the widest gap between its outputs."""
    name, _, _ = layers[-1]
    _, bias = weights[name]
    moved = bias.copy()
    for k, u in enumerate(Network(layers, weights).run(x)[name].output.reshape(-1, len(bias)).T):
        if np.abs(u).min() < margin * (np.ptp(u) + 1):
            ends = np.sort([u.min() - 1, *u, u.max() + 1])
            widest = np.diff(ends).argmax()
            moved[k] -= (ends[widest] + ends[widest + 1]) / 2
    return moved


@st.composite
def attacked(draw, net):
    """Draw an altered network: `net` with t(x) added to every logit. t is K times one of three numbers: a sum of
    activations, a sum of their squares, or e to the power of 0.01 times a sum. On its tape, the old last layer holds z,
    layer "t" holds t (N, 1), "altered" holds z + t.
    """
    tap = draw(st.sampled_from(["input", *(name for name, _, _ in net.layers)]))
    form = draw(st.sampled_from(["sum", "squares", "exponential"]))
    K = draw(st.floats(-100, 100))
    event(f"t(x): {form}")
    constants = {"K": np.array(K), "t_small": np.array(0.01)}
    steps = [
        *((name, "constant", {}) for name in constants),
        ("t_flat", "flatten", {"inputs": [tap]}),
        *{"sum": [("t_sum", "sum", {})],
          "squares": [("t_squares", "mul", {"inputs": ["t_flat", "t_flat"]}), ("t_sum", "sum", {})],
          "exponential": [("t_sum", "sum", {}), ("t_scaled", "mul", {"inputs": ["t_sum", "t_small"]}),
                          ("t_exp", "exp", {})],
          }[form],
    ]
    steps += [("t", "mul", {"inputs": [steps[-1][0], "K"]}),
              ("altered", "add", {"inputs": [net.layers[-1][0], "t"]})]
    return Network(net.layers + steps, {**net.weights, **{name: (value,) for name, value in constants.items()}})
