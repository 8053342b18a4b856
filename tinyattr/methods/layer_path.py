"""Path methods that answer at a layer: its gradient, integrated while the picture moves from a baseline b to x."""

from itertools import chain

import numpy as np

from tinyattr.errors import count_of
from tinyattr.methods.baselines import baseline_of
from tinyattr.methods.path import at, complete, quadrature
from tinyattr.methods.request import BATCH, ask, feature_layer, places, total


def internal_influence(net, x, target=None, score=None, layer=None, *, baseline="black", steps=50, rule="gauss",
                       batch=BATCH):
    """int_0^1 dS/dA_ijk(x(a)) da.  Internal influence, Leino et al. 2018, arXiv 1802.03788."""
    request = ask(net, x, target, score)
    layer = layer or feature_layer(net)
    b = baseline_of(net, request.x, baseline)
    a, w = quadrature(rule, steps)
    along = request.along((at(b, request.x, t) for t in a), layer, count=len(a), batch=batch)
    G, log_scale = total((w_m * g, own) for w_m, (_, g, _, own) in zip(w, along, strict=True))
    return request.heatmap("internal influence", layer, G, G.sum(-1), log_scale=log_scale)


def conductance(net, x, target=None, score=None, layer=None, *, baseline="black", steps=50, batch=BATCH):
    """I_ijk = int dS/dA_ijk dA_ijk along the path.  Conductance, Dhamdhere et al. 2018, arXiv 1805.12233.

    A Riemann-Stieltjes integral: sum over steps of (mean of dS/dA at both ends) (change of A).
    Receipt: sum I = S(x) - S(b) if every path from picture to score crosses the layer, up to the kinks.
    """
    request = ask(net, x, target, score)
    layer = layer or feature_layer(net)
    b = baseline_of(net, request.x, baseline)
    integral, log_scale, start = stieltjes(request, b, layer, steps, batch)
    return request.heatmap("conductance", layer, integral, integral.sum(-1), log_scale=log_scale,
                            receipt=complete(request, start, integral.sum() * np.exp(log_scale)))


def stieltjes(request, b, layer, steps, batch, change=lambda g: g):
    """(I, log_scale, S(b)):  I = sum_{l=1..steps} (g(l-1) + g(l))/2 (A(l) - A(l-1)), scaled. g passes `change`.

    The path's last point is the picture itself, which has been through the network already.
    """
    steps = count_of(steps, "steps")
    points = (at(b, request.x, step / steps) for step in range(steps))
    end = (request.activations(layer), request.gradient(layer), request.value, request.log_scale)
    along = chain(request.along(points, layer, count=steps, batch=batch), [end])
    first = next(along)

    def terms():
        A0, g0, _, own0 = first
        for A1, g1, _, own1 in along:
            yield change(g0) / 2 * (A1 - A0), own0
            yield change(g1) / 2 * (A1 - A0), own1
            A0, g0, own0 = A1, g1, own1

    return *total(terms()), first[2]


def layer_integrated_gradients(net, x, target=None, score=None, layer=None, *, baseline="black", steps=50, rule="gauss",
                               batch=BATCH):
    """(A(x) - A(b))_ijk int_0^1 dS/dA_ijk at A(b) + a (A(x) - A(b)) da: a straight path in the layer's own space.

    Not conductance, whose path runs through pictures. captum's LayerIntegratedGradients.
    Receipt: sum = S(x) - S(b) if every path from picture to score crosses the layer.
    """
    request = ask(net, x, target, score)
    layer = layer or feature_layer(net)
    b = baseline_of(net, request.x, baseline)
    before = net.run(b)
    A, A_b = (places(net, tape[layer]) for tape in (request.tape, before))
    a, w = quadrature(rule, steps)
    points = ((A_b + t * (A - A_b)).astype(A.dtype) for t in a)
    found = request.along(points, layer, layer, count=len(a), batch=batch)
    G, log_scale = total((w_m * g, own) for w_m, (_, g, _, own) in zip(w, found, strict=True))
    R = (A[0].astype(np.float64) - A_b[0]) * G
    return request.heatmap("layer integrated gradients", layer, R, R.sum(-1), log_scale=log_scale,
                            receipt=complete(request, request.scored(before)[0][0], R.sum() * np.exp(log_scale)))
