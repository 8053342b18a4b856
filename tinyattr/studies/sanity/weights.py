"""Parameter randomisation: does the map depend on what the network has learned?

Adebayo et al. 2018, "Sanity Checks for Saliency Maps", arXiv 1810.03292: weights are drawn anew, layer by layer, and
the map is compared with that of the trained network. A map that stays the same does not show what was learned.
"""

from dataclasses import replace

import numpy as np

from tinyattr.engine.ops import WEIGHTS
from tinyattr.errors import rng_of
from tinyattr.studies.metrics import spearman


def cascade(net, explain, *, similarity=spearman, seed=0):
    """{layer: similarity of |L| before and after}, all weights from the logits down to this layer drawn anew.

    explain: a function net -> L, for one picture, class and score. The first entry, "trained", compares the map with
    itself. In [-1, 1] for rank correlation, the default as in Quantus; it should fall towards 0. "Top-down" there.
    (Quantus starts its generator anew for every layer, so that all draw the same numbers; ours do not.)
    """
    return _compared(randomised(net, seed), explain, similarity)


def layer_by_layer(net, explain, *, similarity=spearman, seed=0):
    """The same with one layer drawn anew at a time, and all others as they were trained. "Independent" in Quantus."""
    return _compared(randomised(net, seed, below=False), explain, similarity)


def _compared(networks, explain, similarity):
    maps = {name: np.abs(explain(network)) for name, network in networks}
    return {name: similarity(maps["trained"], L) for name, L in maps.items()}


def randomised(net, seed=0, below=True):
    """("trained", net), then (layer, network) for each layer with weights from the logits down, drawn anew.

    below: together with all the layers after it, else alone. A constant counts for no layer: nobody has trained it.
    """
    yield "trained", net
    changed = net
    for name, op, _ in reversed(net.layers):
        if name in net.weights and op != "constant":
            changed = drawn_anew(changed if below else net, name, op, seed)
            yield name, changed


def drawn_anew(net, name, op, seed=0):
    """The network with new weights in one layer: U(-1, 1) / sqrt(inputs of a unit), as PyTorch starts to train.

    Layers without a kernel (batch norms, slopes) get their own numbers back in random order. Each layer draws from a
    stream of its own.
    """
    rng = np.random.default_rng([rng_of(seed).integers(2**32), [layer for layer, _, _ in net.layers].index(name)])
    arrays = net.weights[name]
    if "kernel" in WEIGHTS[op]:
        limit = 1 / np.sqrt(arrays[0][..., 0].size)
        new = tuple(rng.uniform(-limit, limit, w.shape).astype(w.dtype) for w in arrays)
    else:
        new = tuple(rng.permutation(w) for w in arrays)
    return replace(net, weights={**net.weights, name: new})
