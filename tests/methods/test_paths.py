"""Path methods: quadratures to their degree, toys with integrals by hand, completeness, pictures' and layers' paths."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tests.methods import toys
from tests.methods.test_claims import apart
from tests.methods.test_identities import signals
from tests.methods.toys import few, seeds, toy
from tinyattr.methods.path import QUADRATURES
from tinyattr.methods.request import ask
from tinyattr.softmax import softmax

scores = st.sampled_from(sorted(ta.SCORES))
rules = st.sampled_from(sorted(QUADRATURES))
DEGREE = {"gauss": lambda N: 2 * N - 1, "left": lambda N: 0, "right": lambda N: 0, "middle": lambda N: 1, "trapezoid": lambda N: 1}


@pytest.mark.parametrize("rule", QUADRATURES)
@pytest.mark.parametrize("N", [1, 2, 3, 5, 12])
def test_quadratures_to_their_degree(rule, N):
    """int_0^1 a^d da = 1/(d + 1) exactly up to the rule's degree, and not beyond."""
    a, w = QUADRATURES[rule](N)
    assert len(a) == N + (rule == "trapezoid")
    assert ((a >= 0) & (a <= 1)).all()
    assert (w > 0).all()
    degree = DEGREE[rule](N)
    for d in range(degree + 1):
        assert np.isclose(w @ a**d, float(Fraction(1, d + 1)), rtol=1e-13)
    assert abs(w @ a ** (degree + 1) - 1 / (degree + 2)) > 1e-15 or degree > 10
    places = {"left": np.arange(N) / N, "right": np.arange(1, N + 1) / N, "middle": (np.arange(N) + 0.5) / N,
              "trapezoid": np.arange(N + 1) / N}
    if rule in places:
        assert np.allclose(a, places[rule], rtol=1e-15)


def affine(seed):
    """(net, x): logits W x + b, so that the way from b to x is straight in z too."""
    rng = np.random.default_rng(seed)
    layers = [("flat", "flatten", {}), ("logits", "dense", {})]
    return ta.network(layers, {"logits": (rng.standard_normal((12, 3)), rng.standard_normal(3))}), rng.standard_normal((1, 3, 2, 2))


@given(seeds, rules, st.integers(1, 6), st.floats(-2, 2))
def test_where_the_score_is_affine_every_quadrature_is_exact(seed, rule, steps, b):
    net, x = affine(seed)
    heat = ta.integrated_gradients(net, x, 1, "pre", baseline=b, rule=rule, steps=steps)
    W = net.weights["logits"][0][:, 1].reshape(3, 2, 2)
    assert np.allclose(heat.raw, (x[0] - b) * W, rtol=1e-12, atol=1e-12)
    assert abs(heat.receipt.gap) <= 1e-12 * (1 + np.abs(heat.raw).sum())


@given(seeds, rules, st.integers(1, 6))
def test_a_quadratic_score_by_hand(seed, rule, steps):
    """z = sum_i w_i x_i^2, two factors of one product: IG_i = (x - b)_i 2 w_i (b_i + (x - b)_i sum_m w_m a_m)."""
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((4, 1))
    net = ta.network([("squares", "mul", {"inputs": ["input", "input"]}), ("flat", "flatten", {}), ("logits", "dense", {})],
                     {"logits": (w, np.zeros(1))})
    x, b = rng.standard_normal((2, 1, 2, 2, 1))
    middle = {"left": (steps - 1) / (2 * steps), "right": (steps + 1) / (2 * steps)}.get(rule, 0.5)
    IG = (x - b) * 2 * w.reshape(2, 2, 1) * (b + (x - b) * middle)
    heat = ta.integrated_gradients(net, x, 1, "pre", baseline=b, rule=rule, steps=steps)
    assert np.allclose(heat.raw, IG[0], rtol=1e-11, atol=1e-12)
    if middle == 0.5:
        assert np.isclose(heat.raw.sum(), (w.T @ (x**2 - b**2).ravel()).item(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("rule", "order"), [("left", 1), ("right", 1), ("middle", 2), ("trapezoid", 2)])
def test_twice_the_steps(rule, order):
    """On a smooth score the gap halves for the one-sided rules and falls to a quarter for the even ones; Gauss has none left."""
    net, x = affine(1)
    gaps = [ta.integrated_gradients(net, x, 1, "post", rule=rule, steps=N).receipt.gap for N in (64, 128)]
    assert abs(gaps[0]) > 1e-7
    assert np.isclose(gaps[0] / gaps[1], 2**order, rtol=0.05)
    assert abs(ta.integrated_gradients(net, x, 1, "post", steps=20).receipt.gap) < 1e-12


@few
@given(seed=seeds, score=scores, b=st.floats(-1, 1))
def test_completeness_up_to_the_kinks(seed, score, b):
    """A kink costs at most its jump times a step. 100 steps leave 5% of what the map holds; receipts say how much exactly."""
    net, x = toy(seed)
    owed = float(ta.SCORES[score](net(x)[0], 1)[0] - ta.SCORES[score](net(np.full_like(x, b))[0], 1)[0])
    for method in (ta.integrated_gradients, ta.conductance, ta.layer_integrated_gradients, ta.rsi_grad_cam):
        heat = method(net, x, 1, score, baseline=b, steps=100, batch=50)
        assert np.isclose(heat.receipt.owed, owed, rtol=1e-9, atol=1e-9)
        assert abs(heat.receipt.gap) <= 0.05 * (abs(owed) + np.abs(heat.raw).sum())
        if method is not ta.rsi_grad_cam:
            assert np.isclose(heat.receipt.paid, heat.raw.sum(), rtol=1e-9, atol=1e-12)
            assert apart(heat.plane, heat.direction.sum(-1)) <= 1e-12


@given(seeds, scores, st.integers(1, 4), st.floats(-1, 1))
def test_layer_paths_in_loops(seed, score, steps, b):
    """Conductance: trapezoids of dS/dA over dA along the pictures' path; RSI: its channel means over Z as weights."""
    net, x = toy(seed)
    points = [signals(net, b + step / steps * (x - b), 1, score, "A") for step in range(steps + 1)]
    units, rectified = np.zeros_like(points[0][0]), np.zeros_like(points[0][0])
    for step in range(1, steps + 1):
        (A0, g0), (A1, g1) = points[step - 1], points[step]
        units += (g0 + g1) / 2 * (A1 - A0)
        rectified += (np.maximum(g0, 0) + np.maximum(g1, 0)) / 2 * (A1 - A0)
    A0, A = points[0][0], points[-1][0]
    options = {"baseline": b, "steps": steps}
    assert apart(ta.conductance(net, x, 1, score, **options).raw, units) <= 1e-9
    masked = units * (units > 0) * (A > 0) * (A - A0 > 0)
    for variant, integral in (("plain", units), ("rectified", rectified), ("masked", masked)):
        assert apart(ta.rsi_grad_cam(net, x, 1, score, variant=variant, **options).raw, A @ integral.mean((0, 1))) <= 1e-9
    plain = ta.rsi_grad_cam(net, x, 1, score, **options).receipt
    assert np.isclose(plain.paid, units.sum(), rtol=1e-9, atol=1e-11)
    influence = sum(signals(net, b + (m + 0.5) / steps * (x - b), 1, score, "A")[1] for m in range(steps)) / steps
    assert apart(ta.internal_influence(net, x, 1, score, rule="middle", **options).raw, influence) <= 1e-9


@given(seeds, scores, st.floats(-1, 1))
def test_the_straight_path_in_the_layers_own_space(seed, score, b):
    """Layer IG is the IG of what lies above A, run on A itself."""
    net, x = toy(seed)
    above = ta.network(net.layers[5:], {name: net.weights[name] for name in ("fc1", "logits")})
    A, A_b = (net.run(p)["A"].output for p in (x, np.full_like(x, b)))
    expected = ta.integrated_gradients(above, A, 1, score, baseline=A_b, steps=4).raw
    assert apart(ta.layer_integrated_gradients(net, x, 1, score, baseline=b, steps=4).raw, expected) <= 1e-9


@given(seeds, scores)
def test_a_layer_that_is_the_picture(seed, score):
    """With layer="input" conductance and layer IG are integrated gradients, by trapezoids and by any rule."""
    net, x = toy(seed)
    IG = ta.integrated_gradients(net, x, 1, score, baseline=0.2, rule="trapezoid", steps=3).raw
    assert apart(ta.conductance(net, x, 1, score, "input", baseline=0.2, steps=3).raw, IG) <= 1e-9
    assert apart(ta.layer_integrated_gradients(net, x, 1, score, "input", baseline=0.2, rule="trapezoid", steps=3).raw, IG) <= 1e-9


@given(seeds, scores)
def test_pixels_of_the_baseline_get_nothing(seed, score):
    """Dummy: x_i = b_i, no attribution; and a baseline that is the picture leaves none at all."""
    net, x = toy(seed)
    b = np.where(np.random.default_rng(seed).random(x.shape) < 0.5, x, 0)
    assert (ta.integrated_gradients(net, x, 1, score, baseline=b, steps=2).raw[(b == x)[0]] == 0).all()
    heat = ta.integrated_gradients(net, x, 1, score, baseline=x, steps=2)
    assert (heat.raw == 0).all()
    assert heat.receipt.owed == 0


@given(seeds)
def test_without_biases_the_log_probability_starts_at_the_uniform_one(seed):
    """b = 0: sum IG(log y_c) = log(n y_c), as y = 1/n at 0."""
    net, x = toy(seed, bias=0)
    receipt = ta.integrated_gradients(net, x, 1, "log").receipt
    assert np.isclose(receipt.owed, np.log(toys.CLASSES * softmax(net(x))[0, 1]), rtol=1e-9)
    assert abs(receipt.gap) <= 1e-6 * (1 + np.abs(net(x)).max())


# -------------------------------------------------------------------------------------------------- expected gradients


@given(seeds, scores)
def test_expected_gradients_are_the_mean_over_their_draws(seed, score):
    net, x = toy(seed)
    rng = np.random.default_rng(seed)
    references, draws = [0.3, rng.standard_normal(x.shape)], (rng.integers(0, 2, 5), rng.random(5))
    EG = np.zeros(x.shape[1:])
    for r, a in zip(*draws, strict=True):
        b = references[r] * np.ones_like(x)
        EG += (x - b)[0] * signals(net, b + a * (x - b), 1, score, "input")[1] / 5
    heat = ta.expected_gradients(net, x, 1, score, baselines=references, draws=draws)
    assert apart(heat.raw, EG) <= 1e-9
    starts = [float(ta.SCORES[score](net(b * np.ones_like(x))[0], 1)[0]) for b in references]
    assert np.isclose(heat.receipt.owed, heat.value - np.mean(starts), rtol=1e-9, atol=1e-9)
    again = [ta.expected_gradients(net, x, 1, score, baselines=references, samples=3, seed=s).raw for s in (4, 4, 5)]
    assert (again[0] == again[1]).all()
    assert (again[0] != again[2]).any()


def test_expected_gradients_are_complete_in_the_mean():
    """The mean over many draws comes within four standard errors of S(x) - mean S(b)."""
    net, x = affine(3)
    sums = [ta.expected_gradients(net, x, 1, "post", baselines=(0.0, 1.0), samples=20, seed=s).receipt for s in range(60)]
    paid = np.array([receipt.paid for receipt in sums])
    assert abs(paid.mean() - sums[0].owed) <= 4 * paid.std() / np.sqrt(60)
    assert paid.std() < abs(sums[0].owed)


# ------------------------------------------------------------------------------------------------------ in batches too


@pytest.mark.parametrize("method", [name for name in ta.METHODS if "batch" in ta.methods.options_of(name)])
@few
@given(seed=seeds, score=scores)
def test_how_many_run_at_a_time_changes_nothing(method, seed, score):
    net, x = toy(seed)
    options = {name: value for name, value in {"steps": 5, "samples": 5, "window": 3, "stride": 2}.items()
               if name in ta.methods.options_of(method)}
    maps = [ta.METHODS[method](net, x, 1, score, batch=batch, **options).raw for batch in (1, 3, 8)]
    assert max(apart(maps[0], other) for other in maps[1:]) <= 1e-10


def test_a_question_keeps_the_order_of_its_pictures():
    net, x = toy(1)
    request = ask(net, x, 1, "log")
    pictures = [x * f for f in (1, 2, 3, 4, 5)]
    for batch in (1, 2, 5):
        found = request.values(iter(pictures), count=5, batch=batch)
        assert np.allclose(found, [float(ta.SCORES["log"](net(p)[0], 1)[0]) for p in pictures], rtol=1e-12)
