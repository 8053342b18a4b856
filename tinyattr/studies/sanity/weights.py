"""Parameter randomisation: does the map depend on what the network has learned?

Adebayo et al. 2018, "Sanity Checks for Saliency Maps", arXiv 1810.03292, replace weights by random weights, layer by
layer, and compare the map with that of the trained network. A map that does not change cannot show what the network has
learned.
"""

from dataclasses import replace

import numpy as np

from tinyattr.engine.ops import WEIGHTS
from tinyattr.errors import rng_of
from tinyattr.studies.metrics import spearman


def cascade(net, explain, *, similarity=spearman, seed=0):
    """Return {layer: similarity of |L| before and after}, where weights from the logits down to this layer are random.

    explain: a function net -> L, for one picture, class and score. The first entry, "trained", compares the map with
    itself. The rank correlation (default, as in Quantus) is in [-1, 1] and should fall towards 0. Quantus calls this
    "top-down". (Quantus uses the same random numbers for every layer; we do not.)
    """
    return _compared(randomised(net, seed), explain, similarity)


def layer_by_layer(net, explain, *, similarity=spearman, seed=0):
    """Return {layer: similarity} as `cascade` does, but only this layer has random weights: Quantus' "independent"."""
    return _compared(randomised(net, seed, below=False), explain, similarity)


def _compared(networks, explain, similarity):
    maps = {name: np.abs(explain(network)) for name, network in networks}
    return {name: similarity(maps["trained"], L) for name, L in maps.items()}


def randomised(net, seed=0, below=True):
    """Yield ("trained", net), then (layer, network) for each layer from the logits down, with random weights in it.

    below: all layers after it have random weights too. Constants are left out, because they are not trained.
    """
    yield "trained", net
    changed = net
    for name, op, _ in reversed(net.layers):
        if name in net.weights and op != "constant":
            changed = drawn_anew(changed if below else net, name, op, seed)
            yield name, changed


def drawn_anew(net, name, op, seed=0):
    """Return the network with new weights in one layer: U(-1, 1) / sqrt(inputs of a unit), PyTorch's starting weights.

    Layers without a kernel (batch norms, slopes) keep their numbers, but in random order. Each layer has its own
    sequence of random numbers.
    """
    rng = np.random.default_rng([rng_of(seed).integers(2**32), [layer for layer, _, _ in net.layers].index(name)])
    arrays = net.weights[name]
    if "kernel" in WEIGHTS[op]:
        limit = 1 / np.sqrt(arrays[0][..., 0].size)
        new = tuple(rng.uniform(-limit, limit, w.shape).astype(w.dtype) for w in arrays)
    else:
        new = tuple(rng.permutation(w) for w in arrays)
    return replace(net, weights={**net.weights, name: new})
