"""RSI-Grad-CAM: Grad-CAM whose channel weights are integrated from a baseline to the picture, not read at one point."""

import numpy as np

from tinyattr.errors import named
from tinyattr.methods.baselines import baseline_of
from tinyattr.methods.heatmap import relu
from tinyattr.methods.layer_path import stieltjes
from tinyattr.methods.path import complete
from tinyattr.methods.request import BATCH, ask, feature_layer

VARIANTS = ("plain", "rectified", "masked")


def rsi_grad_cam(net, x, target=None, score=None, layer=None, *, variant="plain", baseline="black", steps=50,
                 batch=BATCH):
    """L_ij = sum_k w_k A_ijk(x),  w_k = (1/Z) sum_ij I_ijk,  I_ijk = int dS/dA_ijk dA_ijk from b to x.

    Lucas, Lerma, Furst & Raicu 2022, arXiv 2205.10900; I is the layer's conductance. Variants, from the authors'
    notebooks: "rectified" integrates max(dS/dA, 0); "masked" keeps I where I, A(x) and A(x) - A(b) are positive.
    Baselines: their "autobaseline" is "unsure" here. Receipt (plain): Z sum_k w_k = S(x) - S(b), up to the kinks.
    """
    variant = named("variant", variant, VARIANTS)
    request = ask(net, x, target, score)
    layer = layer or feature_layer(net)
    b = baseline_of(net, request.x, baseline)
    A = request.activations(layer)  # (h, w, C)
    change = relu if variant == "rectified" else np.asarray
    integral, log_scale, start = stieltjes(request, b, layer, steps, batch, change)
    if variant == "masked":
        integral = integral * ((integral > 0) & (A > 0) & (A - net.run(b)[layer].output[0] > 0))
    w = integral.mean((0, 1))  # (C,)
    receipt = complete(request, start, integral.sum() * np.exp(log_scale)) if variant == "plain" else None
    return request.heatmap(f"RSI-Grad-CAM{'' if variant == 'plain' else f', {variant}'}", layer, A @ w,
                            log_scale=log_scale, receipt=receipt)
