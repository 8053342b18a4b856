"""Grad-CAM++ computes its weights from second and third derivatives. Chattopadhay et al. 2018, arXiv 1710.11063.

    L_ij = sum_k w_k A_ijk,    w_k = sum_ij alpha_ijk max(Y', 0),    alpha = Y'' / (2 Y'' + SA_k Y''')

Y is a function of the score S; Y', Y'', Y''' are its derivatives by A_ijk; SA_k = sum_ij A_ijk; g = dS/dA_ijk. If S is
piecewise linear in A, as z_c is, and Y = e^S, the derivatives are Y g, Y g^2, Y g^3. By (19), alpha = 1 / (2 + SA_k g).
"""

import numpy as np

from tinyattr.engine import GRADIENT
from tinyattr.errors import InputError, named
from tinyattr.methods.heatmap import relu
from tinyattr.methods.request import BATCH, ask_at, bar, batched
from tinyattr.softmax import softmax

VARIANTS = ("paper", "normalised", "softmax")


def grad_cam_plus_plus(net, x, target=None, score=None, layer=None, *, variant="paper"):
    """L_ij = sum_k w_k A_ijk, w_k = sum_ij alpha_ijk max(g_ijk, 0), alpha = 1 / (2 + SA_k g) where g != 0, else 0.

    g = dS/dA_ijk. SA_k = sum_ij A_ijk. The paper explains Y = e^S, so its w_k have a factor e^S, which we leave out.
    Variant "normalised" divides alpha_ijk by its sum over the places with g > 0, as the authors' code does. Variant
    "softmax" explains Y = y_c. It needs score post, and uses the second and third derivatives of the softmax.
    If dS/dz is multiplied by a number, alpha changes: the maps of post, log and log_odds differ in more than a factor.
    """
    variant = named("variant", variant, VARIANTS)
    request, layer = ask_at(net, x, target, score, layer)
    A, g = request.activations(layer), request.gradient(layer)
    SA = A.sum((0, 1))  # (C,)
    if variant == "softmax":
        alpha = _softmax_alpha(request, layer, SA)
    else:
        below = 2 + SA * g * np.exp(request.log_scale)
        alpha = np.divide(1, below, out=np.zeros_like(g), where=(g != 0) & (below != 0))
    if variant == "normalised":
        norm = np.where(g > 0, alpha, 0).sum((0, 1))
        alpha = np.divide(alpha, norm, out=np.zeros_like(alpha), where=norm != 0)
    w = (alpha * relu(g)).sum((0, 1))
    name = "Grad-CAM++" if variant == "paper" else f"Grad-CAM++, {variant}"
    return request.heatmap(name, layer, A @ w)


def _softmax_alpha(request, layer, SA):
    """alpha for Y = y_c, if the logits are piecewise linear in A. With g_j = dz_j/dA, mu = sum_j y_j g_j, u = g_c - mu,
    V = sum_j y_j (g_j - mu)^2 and M = sum_j y_j (g_j - mu)^3:  Y'' = Y (u^2 - V),  Y''' = Y (u^3 - 3 u V - M).
    """
    if request.score != "post":
        raise InputError(f"the softmax form of Grad-CAM++ explains y_c: score='post'; got {request.score!r}")
    y = softmax(request.z)
    mu = sum(y_j * g for y_j, g in zip(y, _class_gradients(request, layer), strict=True))
    V = M = 0.0
    for j, (y_j, g) in enumerate(zip(y, _class_gradients(request, layer), strict=True)):
        V, M = V + y_j * (g - mu) ** 2, M + y_j * (g - mu) ** 3
        if j == request.target:
            u = g - mu
    second, third = u**2 - V, u**3 - 3 * u * V - M
    below = 2 * second + SA * third
    return np.divide(second, below, out=np.zeros_like(below), where=below != 0)


def _class_gradients(request, layer):
    """Yield dz_j/dA (h, w, C) for every class j in turn."""
    A, rows = request.tape[layer].output, np.eye(len(request.z))
    for some in batched(bar(rows, "classes", len(rows)), BATCH):
        tape = request.net.resume(request.tape, layer, np.repeat(A, len(some), 0))
        yield from request.walked(np.stack(some), GRADIENT, layer, tape).astype(np.float64)
