"""The attack: add the same t(x) to every logit. Probabilities stay, pre-softmax heatmaps do not.

Lerma & Lucas (2023), "A Vulnerability of Attribution Methods Using Pre-Softmax Scores", arXiv 2307.03305.
"""

from dataclasses import replace
from itertools import chain, count
from operator import index

import numpy as np

from tinyattr.errors import InputError, unknown
from tinyattr.nets import network


def alter(net, K=10.0, layer=None, at=(0, 0)):
    """The altered network z'_i = z_i + t, t = K sum_k A_ijk, (i, j) = at. Equations (V1)-(V5), numbered in their order.

    Five ordinary layers more, so t is on the tape like everything else. y' = softmax(z + t) = softmax(z) = y.
    layer: default the network's last feature maps. Raises InputError for an unknown layer, a place that is no pair of
    whole numbers, a K that is no finite number; a place outside the maps is found when the network runs.
    """
    names = ["input", *(name for name, _, _ in net.layers)]
    layer = net.features if layer is None else layer
    if layer not in names:
        raise unknown("layer", layer, names)
    K, (i, j) = _number(K, net.dtype), _place(at)
    tap, total, strength, t, altered = _free(("tap", "tap_sum", "K", "t", "altered"), names)
    t_layers = [
        (tap, "pick", {"inputs": [layer], "at": (i, j)}),  # A_ij, (N, C)
        (total, "sum", {}),  # sum_k A_ijk, (N, 1)
        (strength, "constant", {}),  # K, ()
        (t, "mul", {"inputs": [total, strength]}),  # (N, 1)
        (altered, "add", {"inputs": [names[-1], t]}),  # z + t, (N, n)
    ]
    twin = network(net.layers + t_layers, {**net.weights, strength: (K,)}, features=net.features)
    return replace(net, layers=twin.layers, weights=twin.weights, name=f"{net.name}, altered")


def _free(wanted, taken):
    """The wanted names, numbered if one of them is taken: a network can be altered again."""
    for n in chain([""], count(2)):
        names = [f"{name}{n}" for name in wanted]
        if not set(names) & set(taken):
            return names


def _place(at):
    try:
        i, j = (index(v) for v in at)
    except (TypeError, ValueError):
        raise InputError(f"a place is (row, column), two whole numbers; got {at!r}") from None
    return i, j


def _number(K, dtype):
    try:
        with np.errstate(over="ignore"):
            value = np.array(float(K), dtype)
    except (TypeError, ValueError):
        raise InputError(f"K must be a number; got {K!r}") from None
    if not np.isfinite(value):
        raise InputError(f"K must be a finite number in {np.dtype(dtype)}; got {K}")
    return value
