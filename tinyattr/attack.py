"""The attack adds the same number t(x) to every logit. Probabilities stay the same, but pre-softmax heatmaps change.

Lerma & Lucas (2023), "A Vulnerability of Attribution Methods Using Pre-Softmax Scores", arXiv 2307.03305. The paper
does not number its equations: we call the first (V1), the second (V2), and so on. `alter` adds the paper's t; the
functions of studies/more_attacks.py add other numbers t. For every t, y' = softmax(z + t) = softmax(z) = y.

These attacks add a few ordinary layers behind the logits. So the tape (the list of all steps of a run) also contains t.
The added layers read one layer, called the tap: all its activations, or those at one place. (`triggered` also reads x.)
"""

from dataclasses import replace

import numpy as np

from tinyattr.errors import number_of, of_type, place_of, unknown
from tinyattr.nets import Network


def alter(net, K=10.0, layer=None, at=(0, 0)):
    """The altered network: z'_c = z_c + t, t = K sum_k A_ijk. The argument `at` is (i, j). Equations (V1)-(V5).

    layer: the layer with activations A, by default the network's last feature maps. Raises InputError if the layer is
    unknown, `at` is not two whole numbers, or K is not finite. If `at` is outside A, running the new network raises it.
    """
    return plant(net, [
        ("tap", "pick", {"inputs": [tapped(net, layer)], "at": place_of(at)}),  # A_ij, (N, C)
        ("tap_sum", "sum", {}),  # sum_k A_ijk, (N, 1)
        ("K", "constant", {}),
        ("t", "mul", {"inputs": ["tap_sum", "K"]}),  # (N, 1)
    ], {"K": (strength(net, K),)})


def plant(net, layers, weights):
    """Return the network with these layers at its end, then one more layer: it adds the output of "t" to every logit.

    layers, weights: as for a Network. One of these layers must be named "t". It gives (N, 1): one number for each
    picture. If a name is taken, all new names get a number at their end. So you can alter a network twice.
    """
    taken = {"input", *(name for name, _, _ in net.layers)}
    names = [name for name, _, _ in layers] + ["altered"]
    suffix = next(s for s in ("", *map(str, range(2, 1000))) if taken.isdisjoint(name + s for name in names))
    new, behind = {}, []  # new: {given name: name in the network} of the layers made so far
    for name, op, attributes in layers:
        inputs = {"inputs": [new.get(i, i) for i in attributes["inputs"]]} if "inputs" in attributes else {}
        new[name] = name + suffix
        behind.append((new[name], op, {**attributes, **inputs}))
    add = ("altered" + suffix, "add", {"inputs": [net.layers[-1][0], new["t"]]})  # z + t, (N, n)
    arrays = {new[name]: tuple(np.asarray(w, net.dtype) for w in given) for name, given in weights.items()}
    return replace(net, layers=[*net.layers, *behind, add], weights=net.weights | arrays, name=f"{net.name}, altered")


def tapped(net, layer):
    """Return the name of the layer from which t is computed, by default the network's last feature maps."""
    names = ["input", *(name for name, _, _ in of_type(net, Network, "net").layers)]
    layer = net.features if layer is None else layer
    if of_type(layer, str, "layer") not in names:
        raise unknown("layer", layer, names)
    return layer


def strength(net, K):
    """Return K if it is a finite number in the network's dtype. Raises InputError."""
    largest = float(np.finfo(net.dtype).max)
    return number_of(K, "K", -largest, largest)
