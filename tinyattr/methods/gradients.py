"""The gradient itself, its size, and its product with the picture."""

import numpy as np

from tinyattr.methods.receipt import Receipt, bias_shares
from tinyattr.methods.request import ask


def gradient(net, x, target=None, score=None, layer=None):
    """G = dS/dx, signed, (h, w, C); shown as max_k |G_ijk|. With a layer, dS/dA of that layer.

    Simonyan et al. 2014, arXiv 1312.6034.
    """
    request = ask(net, x, target, score)
    layer = layer or "input"
    G = request.gradient(layer)  # (h, w, C)
    return request.heatmap("gradient", layer, G, np.abs(G).max(-1))


def saliency(net, x, target=None, score=None, layer=None):
    """L_ij = max_k |dS/dx_ijk|: the size of the gradient, over colours or channels. Simonyan et al. 2014, 1312.6034."""
    request = ask(net, x, target, score)
    layer = layer or "input"
    return request.heatmap("saliency", layer, np.abs(request.gradient(layer)).max(-1))


def input_x_gradient(net, x, target=None, score=None, layer=None):
    """R_ijk = x_ijk dS/dx_ijk; with a layer, A_ijk dS/dA_ijk. Shrikumar et al. 2016, arXiv 1605.01713.

    Receipt: in a network of linear layers, ReLUs and pools sum R + sum of b dS/db = v . z, v = dS/dz. For post that is
    y_c (log y_c + H(y)), H the entropy.
    """
    request = ask(net, x, target, score)
    layer = layer or "input"
    A, g = request.activations(layer), request.gradient(layer)
    return request.heatmap("input x gradient", layer, A * g, (A * g).sum(-1), receipt=euler(request, layer, A * g))


def euler(request, layer, R):
    """The receipt of a map R = A dS/dA, summed over channels or not: Euler's identity for piecewise linear networks."""
    scale = np.exp(request.log_scale)
    shares = bias_shares(request.tape, request.signals(to=layer), scale)
    shares.pop(layer, None)  # its own bias is part of A
    owed = float(request.row[0] @ request.z) * scale
    return Receipt(f"sum of A dS/dA over {layer} + sum of b dS/db = v . z", owed, float(R.sum()) * scale, shares)
