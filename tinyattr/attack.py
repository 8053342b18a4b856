"""The attack: add the same t(x) to every logit. Probabilities stay, pre-softmax heatmaps do not.

Lerma & Lucas (2023), "A Vulnerability of Attribution Methods Using Pre-Softmax Scores", arXiv 2307.03305. The paper's t
is `alter`; studies/more_attacks.py has others. Each is a few ordinary layers behind the logits: t is on the tape, like
all else. y' = softmax(z + t) = softmax(z) = y for all of them, whatever x is.
"""

from dataclasses import replace

import numpy as np

from tinyattr.errors import number_of, of_type, place_of, unknown
from tinyattr.nets import Network


def alter(net, K=10.0, layer=None, at=(0, 0)):
    """The altered network z'_i = z_i + t, t = K sum_k A_ijk, (i, j) = at. Equations (V1)-(V5), numbered in their order.

    layer: A, default the network's last feature maps. Raises InputError for an unknown layer, a place that is no pair
    of whole numbers, a K that is no finite number; a place outside the maps is found when the network runs.
    """
    return plant(net, [
        ("tap", "pick", {"inputs": [tapped(net, layer)], "at": place_of(at)}),  # A_ij, (N, C)
        ("tap_sum", "sum", {}),  # sum_k A_ijk, (N, 1)
        ("K", "constant", number(K, net.dtype)),
        ("t", "mul", {"inputs": ["tap_sum", "K"]}),  # (N, 1)
    ])


def plant(net, t_layers):
    """The network with these layers behind it, the last of which is t (N, 1), and one more that adds t to every logit.

    t_layers: (name, op, attributes), or for constants and dense layers (name, op, weights); the last is called "t".
    Names already taken get a number, so that a network can be altered again.
    """
    taken = {"input", *(name for name, _, _ in net.layers)}
    names = [name for name, _, _ in t_layers] + ["altered"]
    suffix = next(s for s in ("", *map(str, range(2, 1000))) if taken.isdisjoint(name + s for name in names))
    layers, weights, renamed = list(net.layers), dict(net.weights), {}
    for name, op, given in t_layers:
        attributes = given if isinstance(given, dict) else {}
        if not isinstance(given, dict):
            weights[name + suffix] = tuple(np.asarray(w, net.dtype) for w in (given if op == "dense" else (given,)))
        if "inputs" in attributes:
            attributes = {**attributes, "inputs": [renamed.get(i, i) for i in attributes["inputs"]]}
        renamed[name] = name + suffix
        layers.append((renamed[name], op, attributes))
    layers.append((f"altered{suffix}", "add", {"inputs": [net.layers[-1][0], renamed["t"]]}))  # z + t, (N, n)
    return replace(net, layers=layers, weights=weights, name=f"{net.name}, altered")


def tapped(net, layer):
    """The name of the layer whose A goes into t: the network's last feature maps, unless told otherwise."""
    names = ["input", *(name for name, _, _ in of_type(net, Network, "net").layers)]
    layer = net.features if layer is None else layer
    if of_type(layer, str, "layer") not in names:
        raise unknown("layer", layer, names)
    return layer


def number(K, dtype):
    """K as an array of this dtype. Raises InputError for what is no finite number in it."""
    most = float(np.finfo(dtype).max)
    return np.array(number_of(K, "K", -most, most), dtype)
