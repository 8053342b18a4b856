"""The attack: add the same t(x) to every logit. Probabilities stay, pre-softmax heatmaps do not.

Lerma & Lucas (2023), "A Vulnerability of Attribution Methods Using Pre-Softmax Scores", arXiv 2307.03305.
"""

from dataclasses import replace

import numpy as np

from tinyattr.errors import InputError, unknown
from tinyattr.nets import network


def alter(net, K=10.0, layer=None, at=(0, 0)):
    """The altered network z'_i = z_i + t, t = K sum_k A_ijk with (i, j) = at: equations (V1)-(V5).

    Four ordinary layers more, so t is on the tape like everything else. y' = softmax(z + t) = softmax(z) = y.
    layer: default the network's last feature maps. Raises InputError for an unknown layer.
    """
    layer = layer or net.features
    names = [name for name, _, _ in net.layers]
    if layer not in names:
        raise unknown("layer", layer, names)
    i, j = _place(at)
    if not np.isfinite(K):
        raise InputError(f"K must be a finite number; got {K}")
    z = names[-1]
    t_layers = [
        ("tap", "pick", {"inputs": [layer], "at": (i, j)}),  # A_ij, (N, C)
        ("tap_sum", "sum", {}),  # sum_k A_ijk, (N, 1)
        ("K", "constant", {}),
        ("t", "mul", {"inputs": ["tap_sum", "K"]}),  # (N, 1)
        ("altered", "add", {"inputs": [z, "t"]}),  # z + t, (N, n)
    ]
    altered = network(net.layers + t_layers, {**net.weights, "K": (np.array(K, net.dtype),)})
    return replace(net, layers=altered.layers, weights=altered.weights, name=f"{net.name}, altered")


def _place(at):
    try:
        i, j = (int(v) for v in at)
    except (TypeError, ValueError):
        raise InputError(f"a place is (row, column); got {at!r}") from None
    return i, j
