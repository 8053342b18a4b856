"""Eigen-CAM: the first principal direction of a layer, seen as a picture. No score, no class."""

import numpy as np

from tinyattr.methods.request import ask, feature_layer


def eigen_cam(net, x, target=None, score=None, layer=None, *, centred=False, weighted=False):
    """L = X v, X (Z, C) the activations, a row a place, v X's first right singular vector. Muhammad & Yeasin 2020.

    arXiv 2008.00299. The sign, which a singular vector leaves open, is the one that agrees with total activation.
    centred: X less each channel's mean, as in pytorch-grad-cam (not in the paper). weighted: X of g A instead of A,
    "Eigen-Grad-CAM". Only the weighted form depends on class and score; the plain one takes them to have one signature.
    """
    request = ask(net, x, target, score)
    layer = layer or feature_layer(net)
    A = request.activations(layer)  # (h, w, C)
    X = (request.gradient(layer) * A if weighted else A).reshape(-1, A.shape[-1])  # (Z, C)
    X = X - X.mean(0) if centred else X
    L = X @ np.linalg.svd(X, full_matrices=False)[2][0]  # (Z,)
    L = -L if L @ X.sum(-1) < 0 else L
    return request.heatmap("Eigen-Grad-CAM" if weighted else "Eigen-CAM", layer, L.reshape(A.shape[:2]),
                            log_scale=request.log_scale if weighted else 0.0)
