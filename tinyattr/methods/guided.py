"""Two rule-books that change one line of the chain rule, what passes a ReLU with input u:

    gradient  m = g [u > 0]          deconvnet  m = max(g, 0)          guided  m = max(g, 0) [u > 0]

The papers speak of ReLUs only. For another activation f, its slope f'(u) takes the place of [u > 0] here.
"""

import numpy as np

from tinyattr.engine import ACTIVATIONS, GRADIENT, apply
from tinyattr.methods.cam import grad_cam
from tinyattr.methods.heatmap import relu, resize
from tinyattr.methods.request import ask_at


def passed_if_positive(record, g):
    """m = max(g, 0), whatever the activation did on the way up."""
    return (relu(g),)


def guided(record, g):
    """m = max(g, 0) f'(u): for a ReLU max(g, 0) where u > 0, else 0."""
    return apply(GRADIENT[record.op], record, relu(g))


DECONVNET = {**GRADIENT, **dict.fromkeys(ACTIVATIONS, passed_if_positive)}
GUIDED = {**GRADIENT, **dict.fromkeys(ACTIVATIONS, guided)}


def deconvnet(net, x, target=None, score=None, layer=None):
    """Walk by DECONVNET, pools by their switches. Zeiler & Fergus 2014, arXiv 1311.2901. Shown as max_k |R_ijk|."""
    return _walked(net, x, target, score, layer, DECONVNET, "deconvnet")


def guided_backprop(net, x, target=None, score=None, layer=None):
    """Walk by GUIDED. Springenberg et al. 2015, arXiv 1412.6806. Shown as max_k |R_ijk|.

    Nearly the same for every class (Nie et al. 2018; Adebayo et al. 2018). Not linear in the row, so post is not a
    combination of the classes' pre maps.
    """
    return _walked(net, x, target, score, layer, GUIDED, "guided backprop")


def guided_grad_cam(net, x, target=None, score=None, layer=None):
    """R_ijk = guided backprop_ijk at the picture times max(L, 0)_ij, L Grad-CAM's map of `layer` enlarged bilinearly.

    Selvaraju et al. 2017, arXiv 1610.02391, section 3.2. Both factors carry the score's scale.
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
