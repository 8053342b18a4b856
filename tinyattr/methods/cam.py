"""Class activation maps are made from A, the activations of one layer. Most also use g = dS/dA; one walk gives g.

The layer has Z = h w places. Default: the last feature maps. A Heatmap's `raw` is the map L (h, w); the papers then
apply ReLU to it. A receipt is a check sum: what a map must add up to. In receipts, v is dS/dz, and b are biases.
"""

import numpy as np

from tinyattr.errors import flag_of
from tinyattr.methods.gradients import euler
from tinyattr.methods.heatmap import relu
from tinyattr.methods.request import ask_at


def grad_cam(net, x, target=None, score=None, layer=None):
    """L_ij = sum_k w_k A_ijk,  w_k = (1/Z) sum_ij g_ijk.  Grad-CAM, Selvaraju et al. 2017, arXiv 1610.02391.

    A: activations of the layer. Z: number of its places (i, j). g = dS/dA. The heatmap shows max(L, 0), enlarged.
    """
    request, layer, A, g = _asked(net, x, target, score, layer)
    w = g.mean((0, 1))  # (C,)
    return request.heatmap("Grad-CAM", layer, A @ w)


def grad_cam_plus(net, x, target=None, score=None, layer=None, *, active=False):
    """L_ij = sum_k w_k A_ijk,  w_k = (1/Z) sum_ij max(g_ijk, 0).  Grad-CAM+, Lerma & Lucas 2022, arXiv 2205.10838.

    active: the sum in w_k skips places with A_ijk <= 0. We still divide it by Z. Keras code calls this "guided".
    """
    request, layer, A, g = _asked(net, x, target, score, layer)
    w = (relu(g) * (A > 0) if flag_of(active, "active") else relu(g)).mean((0, 1))
    return request.heatmap("Grad-CAM+, active places" if active else "Grad-CAM+", layer, A @ w)


def hirescam(net, x, target=None, score=None, layer=None):
    """L_ij = sum_k g_ijk A_ijk.  HiResCAM, Draelos & Carin 2020, arXiv 2011.08891.

    A: activations of the layer. g = dS/dA. b: biases of later layers. z: the logits. v = dS/dz. Receipt (check
    sum): sum L + sum b dS/db = v . z. This is true if later layers are linear, ReLUs or pools, and no path skips A.
    """
    request, layer, A, g = _asked(net, x, target, score, layer)
    L = (g * A).sum(-1)
    return request.heatmap("HiResCAM", layer, L, receipt=euler(request, layer, L))


def layercam(net, x, target=None, score=None, layer=None):
    """L_ij = sum_k max(g_ijk, 0) A_ijk.  LayerCAM, Jiang et al. 2021, IEEE TIP 30, 5875."""
    request, layer, A, g = _asked(net, x, target, score, layer)
    return request.heatmap("LayerCAM", layer, (relu(g) * A).sum(-1))


def xgrad_cam(net, x, target=None, score=None, layer=None):
    """L_ij = sum_k w_k A_ijk,  w_k = sum_ij g_ijk A_ijk / sum_ij A_ijk.  XGrad-CAM, Fu et al. 2020, arXiv 2008.02312.

    The receipt is as for HiResCAM. A channel whose activations sum to 0 gets weight 0, so L misses the channel's share.
    """
    request, layer, A, g = _asked(net, x, target, score, layer)
    SA = A.sum((0, 1))  # (C,)
    w = np.divide((g * A).sum((0, 1)), SA, out=np.zeros_like(SA), where=SA != 0)
    L = A @ w
    return request.heatmap("XGrad-CAM", layer, L, receipt=euler(request, layer, L))


def eigen_cam(net, x, target=None, score=None, layer=None, *, centred=False, weighted=False):
    """L = X u. X (Z, C) holds the activations, one row for each place. u is the first right singular vector of X.

    Muhammad & Yeasin 2020, arXiv 2008.00299. u has no fixed sign: we choose it so that L is positive where A is large.
    centred: subtract each channel's mean from X, as pytorch-grad-cam does (the paper does not). weighted: X holds g A,
    not A ("Eigen-Grad-CAM"). Only the weighted form uses g, which depends on class and score.
    """
    request, layer = ask_at(net, x, target, score, layer)
    A = request.activations(layer)  # (h, w, C)
    X = (request.gradient(layer) * A if flag_of(weighted, "weighted") else A).reshape(-1, A.shape[-1])  # (Z, C)
    X = X - X.mean(0) if flag_of(centred, "centred") else X
    L = X @ np.linalg.svd(X, full_matrices=False)[2][0]  # (Z,)
    L = -L if L @ X.sum(-1) < 0 else L
    return request.heatmap("Eigen-Grad-CAM" if weighted else "Eigen-CAM", layer, L.reshape(A.shape[:2]),
                           log_scale=request.log_scale if weighted else 0.0)


def _asked(net, x, target, score, layer):
    request, layer = ask_at(net, x, target, score, layer)
    return request, layer, request.activations(layer), request.gradient(layer)
