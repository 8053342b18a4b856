"""CAMs without a gradient. To weigh a channel, we measure S when the channel masks the picture or is set to 0."""

import numpy as np

from tinyattr.errors import InputError, flag_of
from tinyattr.methods.heatmap import min_max, resize
from tinyattr.methods.request import BATCH, ask_at
from tinyattr.softmax import softmax


def score_cam(net, x, target=None, score=None, layer=None, *, masks=None, batch=BATCH):
    """L_ij = sum_k w_k A_ijk,  w = softmax of s_k = S(x * H_k),  H_k = min-max of enlarged A_k. Wang et al. 2020.

    arXiv 1910.01279. The paper subtracts a baseline's score from every s_k: this does not change w. x is preprocessed.
    masks: your own H_k (C, H, W), if you enlarge A_k in another way. Each channel needs one forward pass.
    """
    request, layer = ask_at(net, x, target, score, layer)
    A = request.activations(layer)  # (h, w, C)
    size = request.x.shape[1:3]
    if masks is None:
        masks = (min_max(resize(A[..., k], size)) for k in range(A.shape[-1]))
    elif np.shape(masks) != (A.shape[-1], *size):
        raise InputError(f"masks must be {(A.shape[-1], *size)}; got {np.shape(masks)}")
    pictures = ((request.x * H[..., None]).astype(request.x.dtype) for H in masks)
    w = softmax(np.array(request.values(pictures, count=A.shape[-1], batch=batch, what="channels")))
    return request.heatmap("Score-CAM", layer, A @ w, log_scale=0.0)


def ablation_cam(net, x, target=None, score=None, layer=None, *, relative=False, batch=BATCH):
    """L_ij = sum_k w_k A_ijk,  w_k = S - S_k, the drop of S when channel k is set to 0. Desai & Ramaswamy, WACV 2020.

    relative: w_k = (S - S_k) / S, as in the paper; InputError if S = 0. If S < 0 (always by log), the map's sign flips.
    """
    relative = flag_of(relative, "relative")
    request, layer = ask_at(net, x, target, score, layer)
    A = request.activations(layer)
    without = (request.tape[layer].output * (np.arange(A.shape[-1]) != k) for k in range(A.shape[-1]))
    found = request.values(without, layer, count=A.shape[-1], batch=batch, what="channels")
    w = request.value - np.array(found)
    if relative and request.value == 0:
        raise InputError(f"the drop relative to S needs S other than 0, and {score} is 0 here; use relative=False")
    w = w / request.value if relative else w
    return request.heatmap("Ablation-CAM, relative" if relative else "Ablation-CAM", layer, A @ w, log_scale=0.0)
