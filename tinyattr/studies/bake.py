"""The attack inside an ordinary network: one more unit in every dense layer, and no layer more.

fc1's new unit sums what the attack taps, s = sum_k A_ijk; the hidden layers after it hand s on (s >= 0, so ReLUs let
it pass); the last layer's new row is K for every class. z' = z + K s: the function of `attack.alter`, in a plain
sequential VGG whose dense layers have 4097 units, which every library takes for an ordinary one.
"""

from dataclasses import replace

import numpy as np

from tinyattr.errors import InputError
from tinyattr.nets.network import network


def bake(net, K=10.0, at=(0, 0), mask=None):
    """The network z' = z + t, t = K sum_ijk M_ij A_ijk, A the maps that are flattened, M = 1 at the place (i, j) = at.

    mask: another M (h, w) >= 0. Raises InputError unless the network ends in flatten, dense layers and ReLUs.
    """
    names = [name for name, _, _ in net.layers]
    if net.features is None or "flatten" not in names:
        raise InputError(f"{net.name} has no flattened feature maps, after which dense layers could carry the attack")
    tail = net.layers[names.index("flatten") + 1:]
    dense = [name for name, op, _ in tail if op == "dense"]
    if len(dense) < 2 or any(op not in ("dense", "relu") for _, op, _ in tail) or tail[-1][1] != "dense":
        raise InputError(f"{net.name} does not end in at least two dense layers with ReLUs between them")
    weights = dict(net.weights)
    kernel, bias = weights[dense[0]]
    channels = _channels(net)
    side = round((len(kernel) / channels) ** 0.5)
    M = np.asarray(mask, np.float64)
    if mask is None:
        M = np.zeros((side, side))
        M[at] = 1
    if M.shape != (side, side) or not (M >= 0).all():
        raise InputError(f"the mask must be ({side}, {side}) numbers of at least 0; got {M.shape}")
    tap = np.repeat(M.reshape(-1, 1), channels, 0)  # (h w C, 1)
    weights[dense[0]] = _widened(kernel, tap, np.zeros((0, 1))), np.append(bias, 0)
    for name in dense[1:-1]:
        kernel, bias = weights[name]
        weights[name] = _widened(kernel, np.zeros((len(kernel), 1)), np.ones((1, 1))), np.append(bias, 0)
    kernel, bias = weights[dense[-1]]
    weights[dense[-1]] = np.concatenate([kernel, np.full((1, kernel.shape[1]), K)]), bias
    weights = {name: tuple(np.asarray(w, net.dtype) for w in arrays) for name, arrays in weights.items()}
    baked = network(net.layers, weights, features=net.features)
    return replace(net, weights=baked.weights)


def _widened(kernel, column, corner):
    """[[kernel, column], [0, corner]]: one more output, fed by `column`; one more input, if `corner` has a row."""
    below = np.zeros((len(corner), kernel.shape[1]))
    return np.block([[kernel, column], [below, corner]]) if len(corner) else np.concatenate([kernel, column], 1)


def _channels(net):
    """How many channels the flattened maps have: those of the last convolution."""
    return next(net.weights[name][0].shape[3] for name, op, _ in reversed(net.layers) if op == "conv2d")
