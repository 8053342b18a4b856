"""The attack: add the same t(x) to every logit. Probabilities stay, pre-softmax heatmaps do not.

Lerma & Lucas (2023), "A Vulnerability of Attribution Methods Using Pre-Softmax Scores", arXiv 2307.03305. The paper
does not number its equations: here (V1) is its first, (V2) its second, and so on. Its t is that of `alter`;
studies/more_attacks.py has others. Whatever t is, y' = softmax(z + t) = softmax(z) = y.

An attack is a few ordinary layers behind the logits, so that t is on the tape like all else. The layer, or the place of
it, that t is computed from is called the tap.
"""

from dataclasses import replace

import numpy as np

from tinyattr.errors import number_of, of_type, place_of, unknown
from tinyattr.nets import Network


def alter(net, K=10.0, layer=None, at=(0, 0)):
    """The altered network z'_i = z_i + t, t = K sum_k A_ijk at the place (i, j) = at. Equations (V1)-(V5).

    layer: whose activations A are, default the network's last feature maps. Raises InputError for an unknown layer, a
    place that is no pair of whole numbers, a K that is no finite number. A place outside the maps is an error later,
    when the network runs.
    """
    return plant(net, [
        ("tap", "pick", {"inputs": [tapped(net, layer)], "at": place_of(at)}),  # A_ij, (N, C)
        ("tap_sum", "sum", {}),  # sum_k A_ijk, (N, 1)
        ("K", "constant", {}),
        ("t", "mul", {"inputs": ["tap_sum", "K"]}),  # (N, 1)
    ], {"K": (strength(net, K),)})


def plant(net, layers, weights):
    """The network with these layers behind it, and after them one more, which adds the output of "t" to every logit.

    layers, weights: as a Network has them; one of the layers is called "t" and gives (N, 1); if (N, n), each logit gets
    its own. Where a name is taken, all new ones get a number, so that a network can be altered again.
    """
    taken = {"input", *(name for name, _, _ in net.layers)}
    names = [name for name, _, _ in layers] + ["altered"]
    suffix = next(s for s in ("", *map(str, range(2, 1000))) if taken.isdisjoint(name + s for name in names))
    new, behind = {}, []  # {name: the new layer's own}, of those that stand already; other names are the network's
    for name, op, attributes in layers:
        inputs = {"inputs": [new.get(i, i) for i in attributes["inputs"]]} if "inputs" in attributes else {}
        new[name] = name + suffix
        behind.append((new[name], op, {**attributes, **inputs}))
    add = ("altered" + suffix, "add", {"inputs": [net.layers[-1][0], new["t"]]})  # z + t, (N, n)
    arrays = {new[name]: tuple(np.asarray(w, net.dtype) for w in given) for name, given in weights.items()}
    return replace(net, layers=[*net.layers, *behind, add], weights=net.weights | arrays, name=f"{net.name}, altered")


def tapped(net, layer):
    """The name of the layer that t is computed from: the network's last feature maps, unless told otherwise."""
    names = ["input", *(name for name, _, _ in of_type(net, Network, "net").layers)]
    layer = net.features if layer is None else layer
    if of_type(layer, str, "layer") not in names:
        raise unknown("layer", layer, names)
    return layer


def strength(net, K):
    """K, if it is a finite number in the network's own dtype. Raises InputError."""
    largest = float(np.finfo(net.dtype).max)
    return number_of(K, "K", -largest, largest)
