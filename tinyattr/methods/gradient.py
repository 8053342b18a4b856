"""The gradient itself, seen as a picture (Simonyan et al. 2014, arXiv 1312.6034)."""

import numpy as np

from tinyattr.methods.asking import ask


def gradient(net, x, target=None, score=None, layer=None):
    """G = dS/dx, shown as max_c |G_ijc|; with a layer, dS/dA of that layer. raw has the layer's shape, (h, w, C)."""
    question = ask(net, x, target, score)
    layer = layer or "input"
    G = question.activations(layer)[1]  # (h, w, C)
    return question.heatmap("gradient", layer, G, np.abs(G).max(-1))
