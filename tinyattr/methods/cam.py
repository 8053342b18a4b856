"""Class activation maps: read-outs of A, the activations of one layer, and g = dS/dA, with Z = h w places."""

from tinyattr.errors import InputError
from tinyattr.methods.asking import ask


def grad_cam(net, x, target=None, score=None, layer=None):
    """L_ij = sum_k w_k A_ijk,  w_k = (1/Z) sum_ij g_ijk.  Grad-CAM, Selvaraju et al. 2017, arXiv 1610.02391, eqs. 1-2.

    Default layer: the network's last feature maps. raw is L (h, w) before its ReLU.
    """
    question = ask(net, x, target, score)
    layer = layer or feature_layer(net)
    A, g = question.activations(layer)  # (h, w, C)
    w = g.mean((0, 1))  # (C,)
    return question.heatmap("Grad-CAM", layer, A @ w)


def hirescam(net, x, target=None, score=None, layer=None):
    """L_ij = sum_k g_ijk A_ijk.  HiResCAM, Draelos & Carin 2020, arXiv 2011.08891.

    No pooling: each place keeps its own weight. raw is L (h, w) before its ReLU.
    """
    question = ask(net, x, target, score)
    layer = layer or feature_layer(net)
    A, g = question.activations(layer)  # (h, w, C)
    return question.heatmap("HiResCAM", layer, (g * A).sum(-1))


def feature_layer(net):
    """The layer a CAM explains unless told otherwise."""
    if net.features is None:
        raise InputError(f"{net.name} has no flatten or global pool to find its last feature maps by; give layer=")
    return net.features
