"""Gradients along a path of pictures, x(a) = b + a (x - b), from a baseline b at a = 0 to the picture at a = 1."""

from numbers import Real

import numpy as np

from tinyattr.errors import InputError, count_of, named, rng_of
from tinyattr.methods.baselines import BASELINES, baseline_of
from tinyattr.methods.heatmap import Receipt
from tinyattr.methods.request import BATCH, ask_picture, total

MOST_STEPS = 10_000  # the time for Gauss-Legendre's places grows as the cube of the steps


def gauss(N):
    """Gauss-Legendre: N places a and weights w. sum_m w_m f(a_m) is exact for polynomials of degree 2 N - 1."""
    a, w = np.polynomial.legendre.leggauss(N)
    return (a + 1) / 2, w / 2


def riemann(shift):
    """N -> a_m = (m + shift)/N, m = 0..N-1, with equal weights: the left, middle or right point of each step."""
    return lambda N: ((np.arange(N) + shift) / N, np.full(N, 1 / N))


def trapezoid(N):
    """a_m = m/N, m = 0..N. The two ends have half the weight of the other places."""
    w = np.full(N + 1, 1 / N)
    w[[0, -1]] /= 2
    return np.arange(N + 1) / N, w


QUADRATURES = {"gauss": gauss, "left": riemann(0), "right": riemann(1), "middle": riemann(0.5), "trapezoid": trapezoid}


def integrated_gradients(net, x, target=None, score=None, layer=None, *, baseline="black", steps=50, rule="gauss",
                         batch=BATCH):
    """IG_ijk = (x - b)_ijk int_0^1 dS/dx_ijk(x(a)) da.  Integrated gradients, Sundararajan et al. 2017, 1703.01365.

    b: the baseline, x(a) = b + a (x - b). rule: a key of `ta.QUADRATURES`. It replaces the integral by a sum of `steps`
    terms (trapezoid: steps + 1). batch: how many pictures run at a time. This method explains the picture; for a layer,
    use layer_integrated_gradients. Receipt (check sum): sum IG = S(x) - S(b), up to the rule's error.
    """
    request = ask_picture(net, x, target, score, layer, "integrated gradients", "; or use conductance")
    b = baseline_of(net, request.x, baseline)
    G, log_scale = mean_gradient(request, b, request.x, rule, steps, batch=batch)
    IG = (request.x[0].astype(np.float64) - b[0]) * G
    (start,) = request.values([b], count=1)
    return request.heatmap("integrated gradients", "input", IG, log_scale=log_scale,
                           receipt=complete(request, start, IG, log_scale))


def expected_gradients(net, x, target=None, score=None, layer=None, *, baselines=("black", "mean", "own_mean"),
                       samples=50, seed=0, draws=None, batch=BATCH):
    """E[(x - b) dS/dx(b + a (x - b))]: a mean over `samples` random draws of a baseline b and a number a in (0, 1).

    Expected gradients, Erion et al. 2021, arXiv 1906.10670 (shap's GradientExplainer). baselines: names, numbers or
    arrays. draws: your own draws (indices of baselines, values of a). Receipt: on average, sum EG = S(x) - mean S(b).
    """
    request = ask_picture(net, x, target, score, layer, "expected gradients")
    baselines = baselines if isinstance(baselines, tuple | list) else [baselines]
    references = [baseline_of(net, request.x, b) for b in baselines]
    if not references:
        raise InputError(f"expected gradients need at least one baseline: names ({', '.join(BASELINES)}) or arrays")
    if draws is None:
        rng = rng_of(seed)
        samples = count_of(samples, "samples")
        draws = rng.integers(0, len(references), samples), rng.random(samples)
    which, places = draws if isinstance(draws, tuple | list) and len(draws) == 2 else ((), ())
    if not (0 < np.size(which) == np.size(places) and np.ndim(which) == np.ndim(places) == 1
            and {*which} <= {*range(len(references))} and all(isinstance(a, Real) and 0 <= a <= 1 for a in places)):
        raise InputError(f"draws are (baselines' numbers from 0 to {len(references) - 1}, as many places from 0 to 1); "
                         f"got {draws!r:.60}")
    points = [(references[r], a) for r, a in zip(which, places, strict=True)]
    along = request.along((at(b, request.x, a) for b, a in points), count=len(points), batch=batch, what="samples")
    EG, log_scale = total(((request.x[0] - b[0]) * g / len(points), own)
                          for (b, _), (_, g, _, own) in zip(points, along, strict=True))
    mean = np.mean(request.values(references, count=len(references), batch=batch, what="baselines"))
    receipt = Receipt("mean of sum EG = S(x) - mean S(b)", request.value - mean, float(EG.sum() * np.exp(log_scale)))
    return request.heatmap("expected gradients", "input", EG, log_scale=log_scale, receipt=receipt)


def mean_gradient(request, start, end, rule, steps, layer="input", *, moved="input", batch):
    """Return (G, s), where G exp(s) = int_0^1 dS/dA da is the mean gradient at the output A of `layer`.

    At place a, layer `moved` has output start + a (end - start). Raises InputError for an unknown rule or wrong steps.
    """
    a, w = QUADRATURES[named("quadrature rule", rule, QUADRATURES)](count_of(steps, "steps", most=MOST_STEPS))
    along = request.along((at(start, end, t) for t in a), layer, moved, count=len(a), batch=batch)
    return total((w_m * g, own) for w_m, (_, g, _, own) in zip(w, along, strict=True))


def at(b, x, a):
    """Return the point b + a (x - b) of the path, in the dtype of x."""
    return (b + a * (x - b)).astype(x.dtype)


def complete(request, start, R, log_scale):
    """Return the receipt for a map R exp(log_scale) that should sum to S(x) - S(baseline). start: S(baseline)."""
    return Receipt("sum = S(x) - S(baseline)", float(request.value - start), float(R.sum() * np.exp(log_scale)))
