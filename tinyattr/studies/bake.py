"""The attack inside an ordinary network: one more unit in every dense layer, and no layer more.

fc1's new unit sums what the attack taps, s = sum_k A_ijk; the hidden layers after it hand s on (s >= 0, so ReLUs let
it pass); the last layer's new row is K for every class. z' = z + K s: the function of `attack.alter`, in a plain
sequential VGG whose dense layers have 4097 units, which every library takes for an ordinary one.
"""

from dataclasses import replace

import numpy as np

from tinyattr.attack import place, strength
from tinyattr.errors import InputError


def bake(net, K=10.0, at=(0, 0), mask=None):
    """The network z' = z + t, t = K sum_ijk M_ij A_ijk, A the maps that are flattened, M = 1 at the place (i, j) = at.

    mask: another M (h, w) >= 0. Raises InputError unless the network ends in flatten, dense layers and ReLUs,
    for a place outside the maps, and for a K that is not finite.
    """
    names = [name for name, _, _ in net.layers]
    if net.features is None or "flatten" not in names:
        raise InputError(f"{net.name} has no flattened feature maps, after which dense layers could carry the attack")
    tail = net.layers[names.index("flatten") + 1:]
    dense = [name for name, op, _ in tail if op == "dense"]
    if len(dense) < 2 or any(op not in ("dense", "relu") for _, op, _ in tail) or tail[-1][1] != "dense":
        raise InputError(f"{net.name} does not end in at least two dense layers with ReLUs between them")
    K = strength(net, K)
    kernels, biases = ({name: net.weights[name][k] for name in dense} for k in (0, 1))
    first, *hidden, last = dense
    channels = next(net.weights[name][0].shape[3] for name, op, _ in reversed(net.layers) if op == "conv2d")
    side = round((len(kernels[first]) / channels) ** 0.5)
    M = np.zeros((side, side)) if mask is None else np.asarray(mask, np.float64)
    if mask is None:
        i, j = place(at)
        if not (0 <= i < side and 0 <= j < side):
            raise InputError(f"place {i, j} lies outside maps of {side} x {side} places")
        M[i, j] = 1
    if M.shape != (side, side) or not (M >= 0).all():
        raise InputError(f"the mask must be ({side}, {side}) numbers of at least 0; got {M.shape}")
    kernels[first] = np.column_stack([kernels[first], np.repeat(M.ravel(), channels)])  # (h w C, units + 1)
    for name in hidden:
        kernels[name] = np.pad(kernels[name], (0, 1))
        kernels[name][-1, -1] = 1
    kernels[last] = np.pad(kernels[last], ((0, 1), (0, 0)), constant_values=K)
    biases |= {name: np.append(biases[name], 0) for name in (first, *hidden)}
    new = {name: (kernels[name].astype(net.dtype), biases[name].astype(net.dtype)) for name in dense}
    return replace(net, weights=net.weights | new)
