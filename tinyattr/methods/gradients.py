"""Methods that draw the gradient, its size, its product with the picture, or what biases add to the score."""

import numpy as np

from tinyattr.methods.heatmap import Receipt, min_max, resize
from tinyattr.methods.request import ask_at, ask_picture


def gradient(net, x, target=None, score=None, layer=None):
    """G = dS/dx (h, w, C), signed; shown as max_k |G_ijk|. At a layer: dS/dA. Simonyan et al. 2014, arXiv 1312.6034."""
    request, layer = ask_at(net, x, target, score, layer, "input")
    G = request.gradient(layer)  # (h, w, C)
    return request.heatmap("gradient", layer, G, np.abs(G).max(-1))


def saliency(net, x, target=None, score=None, layer=None):
    """L_ij = max_k |dS/dx_ijk|, the largest over colours or channels. Simonyan et al. 2014, arXiv 1312.6034."""
    request, layer = ask_at(net, x, target, score, layer, "input")
    return request.heatmap("saliency", layer, np.abs(request.gradient(layer)).max(-1))


def input_x_gradient(net, x, target=None, score=None, layer=None):
    """R_ijk = x_ijk dS/dx_ijk; with a layer: A_ijk dS/dA_ijk. Shrikumar et al. 2016, arXiv 1605.01713.

    In networks of linear layers, ReLUs and pools, the receipt checks that sum R + sum of b dS/db = v . z, where b
    are the biases and v = dS/dz. For score post, v . z = y_c (log y_c + H(y)), where H is the entropy.
    """
    request, layer = ask_at(net, x, target, score, layer, "input")
    A, g = request.activations(layer), request.gradient(layer)
    return request.heatmap("input x gradient", layer, A * g, receipt=euler(request, layer, A * g))


def euler(request, layer, R):
    """Return the receipt of a map R = A dS/dA: Euler's identity. It holds in piecewise linear networks. For A = x it is

    x . dS/dx + sum_l b_l . dS/db_l = v . z, with biases b_l, v = dS/dz (Srinivas & Fleuret 2019, arXiv 1905.00780).
    """
    scale = np.exp(request.log_scale)
    shares = {name: float(part.sum()) * scale for name, part in gradient_parts(request, layer).items() if name != layer}
    owed = float(request.row[0] @ request.z) * scale
    return Receipt(f"sum of A dS/dA over {layer} + sum of b dS/db = v . z", owed, float(R.sum()) * scale, shares)


def fullgrad(net, x, target=None, score=None, layer=None):
    """L = sum_k psi(x dS/dx)_k + sum_l sum_k psi(b_l dS/db_l)_k, over channels k and layers l of feature maps.

    psi takes |a|, scales it to [0, 1] in each layer, and enlarges it. x dS/dx leaves out what biases b_l add to S, so L
    adds b dS/db. In networks of linear layers, ReLUs and pools, the receipt is v . z, v = dS/dz: the parts sum to it
    without psi, but with the b dS/db of dense layers. Srinivas & Fleuret 2019, arXiv 1905.00780.
    """
    request = ask_picture(net, x, target, score, layer, "FullGrad")
    parts = gradient_parts(request)
    L = sum(resize(min_max(np.abs(part)).sum(-1), request.x.shape[1:3]) for part in parts.values() if part.ndim == 3)
    return request.heatmap("FullGrad", "input", L, log_scale=0.0, receipt=euler(request, "input", parts["input"]))


def gradient_parts(request, layer="input"):
    """Return {layer: A dS/dA, each later layer: b dS/d(its output)}, without the row's factor exp(log_scale)."""
    signals = request.signals(to=layer)
    parts = {layer: request.activations(layer) * request.gradient(layer)}
    for record in request.tape:
        if record.name in signals and record.name != layer and len(record.weights) == 2:  # A contains its own bias
            parts[record.name] = record.weights[1] * signals[record.name][0].astype(np.float64)
    return parts
