"""FullGrad: what the gradient leaves out, the biases, gets a map too. Srinivas & Fleuret 2019, arXiv 1905.00780."""

import numpy as np

from tinyattr.methods.gradients import euler
from tinyattr.methods.heatmap import min_max, resize
from tinyattr.methods.request import ask, no_layer


def fullgrad(net, x, target=None, score=None, layer=None):
    """L = psi(x * dS/dx) + sum over convolutions l and channels k of psi((b_l dS/db_l)_k), summed over channels.

    psi = |.|, min-max over the layer, bilinear to the picture's size. Receipt: its parts before psi, with those of the
    dense layers, sum to v . z, v = dS/dz, in networks of linear layers, ReLUs and pools. The map itself keeps no scale.
    """
    no_layer(layer, "FullGrad")
    request = ask(net, x, target, score)
    parts = gradient_parts(request)
    L = sum(resize(min_max(np.abs(part)).sum(-1), request.x.shape[1:3]) for part in parts.values() if part.ndim == 3)
    return request.heatmap("FullGrad", "input", L, log_scale=0.0, receipt=euler(request, "input", parts["input"]))


def gradient_parts(request):
    """{"input": x dS/dx, layer: b dS/d(its output)}, without the row's scale: (H, W, C), (h, w, K) or (K,).

    Every number that makes up v . z: they are each layer's share of the score.
    """
    signals = request.signals()
    parts = {"input": request.x[0] * signals["input"][0].astype(np.float64)}
    for record in request.tape:
        if record.name in signals and len(record.weights) == 2:
            parts[record.name] = record.weights[1] * signals[record.name][0].astype(np.float64)
    return parts
