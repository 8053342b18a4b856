"""Two rule-books that change one line of the chain rule: a ReLU with input u gets a signal g and passes on m.

    gradient  m = g [u > 0]          deconvnet  m = max(g, 0)          guided  m = max(g, 0) [u > 0]

[u > 0] is 1 if u > 0, else 0. The papers use only ReLUs. For another activation f we take its slope f'(u) instead.
"""

import numpy as np

from tinyattr.engine import ACTIVATIONS, GRADIENT, apply
from tinyattr.methods.cam import grad_cam
from tinyattr.methods.heatmap import relu, resize
from tinyattr.methods.request import ask_at


def passed_if_positive(record, g):
    """m = max(g, 0), for every input of the activation."""
    return (relu(g),)


def guided(record, g):
    """m = max(g, 0) f'(u). For a ReLU: max(g, 0) where u > 0, else 0."""
    return apply(GRADIENT[record.op], record, relu(g))


DECONVNET = {**GRADIENT, **dict.fromkeys(ACTIVATIONS, passed_if_positive)}
GUIDED = {**GRADIENT, **dict.fromkeys(ACTIVATIONS, guided)}


def deconvnet(net, x, target=None, score=None, layer=None):
    """R: a walk's signal at x, with m = max(g, 0) at ReLUs. Zeiler & Fergus 2014, 1311.2901. Shown as max_k |R_ijk|."""
    return _walked(net, x, target, score, layer, DECONVNET, "deconvnet")


def guided_backprop(net, x, target=None, score=None, layer=None):
    """R: a walk's signal at x, with m = max(g, 0) [u > 0]. Springenberg et al. 2015, 1412.6806. Shown: max_k |R_ijk|.

    u: input of a ReLU, g: signal at its output. The map is nearly the same for every class (Nie et al. 2018; Adebayo et
    al. 2018). The walk is not linear in the row, so the map of post is not a weighted sum of the classes' maps of pre.
    """
    return _walked(net, x, target, score, layer, GUIDED, "guided backprop")


def guided_grad_cam(net, x, target=None, score=None, layer=None):
    """R_ijk = G_ijk M_ij. G is guided backprop's map of the picture. M is max(L, 0), enlarged, for Grad-CAM's map L.

    Selvaraju et al. 2017, 1610.02391, section 3.2. G and L both have the row's scale as a factor, so R has its square.
    """
    request, layer = ask_at(net, x, target, score, layer)
    G = guided_backprop(net, request, request.target, score).direction  # (H, W, C)
    L = grad_cam(net, request, request.target, score, layer).direction
    R = G * resize(relu(L), request.x.shape[1:3])[..., None]
    return request.heatmap("guided Grad-CAM", layer, R, np.abs(R).max(-1), log_scale=2 * request.log_scale)


def _walked(net, x, target, score, layer, book, method):
    request, layer = ask_at(net, x, target, score, layer, "input")
    R = request.at_places(layer, request.signals(book, layer)[layer])  # (h, w, C)
    return request.heatmap(method, layer, R, np.abs(R).max(-1))
