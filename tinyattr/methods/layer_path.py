"""Path methods at a layer: they integrate the layer's gradient along x(a) = b + a (x - b), from a baseline b to x."""

from itertools import chain

import numpy as np

from tinyattr.errors import count_of, named
from tinyattr.methods.baselines import baseline_of
from tinyattr.methods.heatmap import relu
from tinyattr.methods.path import at, complete, mean_gradient
from tinyattr.methods.request import BATCH, ask_at, places, total

VARIANTS = ("plain", "rectified", "masked")


def internal_influence(net, x, target=None, score=None, layer=None, *, baseline="black", steps=50, rule="gauss",
                       batch=BATCH):
    """int_0^1 dS/dA_ijk(x(a)) da.  Internal influence, Leino et al. 2018, arXiv 1802.03788."""
    request, layer = ask_at(net, x, target, score, layer)
    b = baseline_of(net, request.x, baseline)
    G, log_scale = mean_gradient(request, b, request.x, rule, steps, layer, batch=batch)
    return request.heatmap("internal influence", layer, G, log_scale=log_scale)


def conductance(net, x, target=None, score=None, layer=None, *, baseline="black", steps=50, batch=BATCH):
    """I_ijk = int dS/dA_ijk dA_ijk along the path.  Conductance, Dhamdhere et al. 2018, arXiv 1805.12233.

    Each step adds (mean of dS/dA at its two ends) x (change of A): a Riemann-Stieltjes sum. If every path from picture
    to score crosses the layer, the receipt (check sum) is sum I = S(x) - S(b), up to errors at kinks.
    """
    request, layer = ask_at(net, x, target, score, layer)
    b = baseline_of(net, request.x, baseline)
    integral, log_scale, start = stieltjes(request, b, layer, steps, batch)
    return request.heatmap("conductance", layer, integral, log_scale=log_scale,
                           receipt=complete(request, start, integral, log_scale))


def stieltjes(request, b, layer, steps, batch, change=lambda g: g):
    """Return (I, log_scale, S(b)): I = sum_{l=1..steps} (g(l-1) + g(l))/2 (A(l) - A(l-1)), with change(g) for g."""
    steps = count_of(steps, "steps")
    points = (at(b, request.x, step / steps) for step in range(steps))
    end = (request.activations(layer), request.gradient(layer), request.value, request.log_scale)  # x has run already
    along = chain(request.along(points, layer, count=steps, batch=batch), [end])
    first = next(along)

    def terms():
        A0, g0, _, own0 = first
        for A1, g1, _, own1 in along:
            yield change(g0) / 2 * (A1 - A0), own0
            yield change(g1) / 2 * (A1 - A0), own1
            A0, g0, own0 = A1, g1, own1

    return *total(terms()), first[2]


def rsi_grad_cam(net, x, target=None, score=None, layer=None, *, variant="plain", baseline="black", steps=50,
                 batch=BATCH):
    """L_ij = sum_k w_k A_ijk(x),  w_k = (1/Z) sum_ij I_ijk,  I_ijk = int dS/dA_ijk dA_ijk from b to x.

    Lucas, Lerma, Furst & Raicu 2022, arXiv 2205.10900. I is the layer's conductance. Two variants are from the authors'
    notebooks: "rectified" integrates max(dS/dA, 0); "masked" keeps I where I, A(x) and A(x) - A(b) are positive.
    Baseline "unsure" is their "autobaseline". "plain" has conductance's receipt: Z sum_k w_k = S(x) - S(b).
    """
    variant = named("variant", variant, VARIANTS)
    request, layer = ask_at(net, x, target, score, layer)
    b = baseline_of(net, request.x, baseline)
    A = request.activations(layer)  # (h, w, C)
    change = relu if variant == "rectified" else np.asarray
    integral, log_scale, start = stieltjes(request, b, layer, steps, batch, change)
    if variant == "masked":
        integral = integral * ((integral > 0) & (A > 0) & (A - net.run(b)[layer].output[0] > 0))
    w = integral.mean((0, 1))  # (C,)
    receipt = complete(request, start, integral, log_scale) if variant == "plain" else None
    return request.heatmap(f"RSI-Grad-CAM{'' if variant == 'plain' else f', {variant}'}", layer, A @ w,
                           log_scale=log_scale, receipt=receipt)


def layer_integrated_gradients(net, x, target=None, score=None, layer=None, *, baseline="black", steps=50, rule="gauss",
                               batch=BATCH):
    """(A(x) - A(b))_ijk int_0^1 dS/dA_ijk at A(b) + a (A(x) - A(b)) da: a straight path between activations.

    Conductance takes a straight path between pictures instead. captum calls this method LayerIntegratedGradients. If
    every path from picture to score crosses the layer, the receipt is sum = S(x) - S(b).
    """
    request, layer = ask_at(net, x, target, score, layer)
    before = net.run(baseline_of(net, request.x, baseline))
    A, A_b = (places(net, tape[layer]) for tape in (request.tape, before))
    G, log_scale = mean_gradient(request, A_b, A, rule, steps, layer, moved=layer, batch=batch)
    R = (A[0].astype(np.float64) - A_b[0]) * G
    return request.heatmap("layer integrated gradients", layer, R, log_scale=log_scale,
                           receipt=complete(request, request.scored(request.net.logits(before))[0][0], R, log_scale))
