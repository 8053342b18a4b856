"""The attack inside an ordinary network: every hidden dense layer gets one more unit, and the last layer a new row.

The new unit of fc1 computes s = sum_k A_ijk, where A are the maps that the attack reads. The hidden layers after fc1
pass s on (s >= 0, so ReLUs do not change it). The last layer gets a new row, which is K for every class. So
z' = z + K s: the network computes the same as `attack.alter`'s. It is a sequential VGG whose hidden dense layers have
4097 units, and every library reads it as an ordinary VGG.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from tinyattr.attack import strength
from tinyattr.engine import MAXIMA, MEANS, MOVES
from tinyattr.errors import InputError, of_type, place_of
from tinyattr.nets import Network
from tinyattr.nets.wiring import reads


def bake(net, K=10.0, at=(0, 0), mask=None):
    """Return the network z' = z + t, t = K sum_ijk M_ij A_ijk. A: the maps before flatten. M: 1 at place `at`, else 0.

    Unlike `alter`, it adds no layer, only one unit in each hidden dense layer. mask: another M (h, w),
    M >= 0. The network must end in flatten and at least two dense layers, perhaps with ReLUs between them. If there are
    ReLUs, the flattened maps must come from a ReLU, so that they are never negative. The size of its pictures must be
    known. Raises InputError for any other network, for a K that is not finite, for a place outside the maps, and for a
    mask that is not (h, w) finite numbers of at least 0.
    """
    K = strength(of_type(net, Network, "net"), K)
    A, dense = _ending(net)
    h, w, channels = _shape(net, A)
    M = _mask(h, w, at, mask)
    kernels, biases = ({name: net.weights[name][k] for name in dense} for k in (0, 1))
    first, *hidden, last = dense
    kernels[first] = np.column_stack([kernels[first], np.repeat(M.ravel(), channels)])  # (h w C, units + 1)
    for name in hidden:
        kernels[name] = np.pad(kernels[name], (0, 1))
        kernels[name][-1, -1] = 1
    kernels[last] = np.pad(kernels[last], ((0, 1), (0, 0)), constant_values=K)
    biases |= {name: np.append(biases[name], 0) for name in (first, *hidden)}
    new = {name: (kernels[name].astype(net.dtype), biases[name].astype(net.dtype)) for name in dense}
    return replace(net, weights=net.weights | new)


def _ending(net):
    """Return (name of the flattened layer, names of the dense layers after it). Raises InputError for another end."""
    names, read = [name for name, _, _ in net.layers], reads(net.layers)
    flat = next((i for i, (_, op, _) in enumerate(net.layers) if op == "flatten"), None)
    if flat is None:
        raise InputError(f"{net.name} has no flattened feature maps before dense layers, which the attack needs")
    ops = [op for _, op, _ in net.layers[flat + 1:]]
    straight = all(read[name] == (before,) for before, name in pairwise(names[flat:]))
    if ops.count("dense") < 2 or {*ops} - {"dense", "relu"} or ops[-1] != "dense" or not straight:
        raise InputError(f"{net.name} does not end in at least two dense layers with ReLUs between them")
    (A,) = read[names[flat]]
    if "relu" in ops and not _never_negative(net, A):
        raise InputError(f"the maps {A!r} that {net.name} flattens may be negative, and the ReLUs after them would "
                         "not pass negative values")
    return A, [name for name, op, _ in net.layers[flat + 1:] if op == "dense"]


def _never_negative(net, layer):
    """Return True if a layer's values come from a ReLU, perhaps through means, maxima or moves."""
    keep = {*MOVES, *MEANS, *MAXIMA} - {"pad"}  # the border of `pad` may be any number
    ops, read = {name: op for name, op, _ in net.layers}, reads(net.layers)
    while ops.get(layer) in keep and len(read[layer]) == 1:
        (layer,) = read[layer]
    return ops.get(layer) == "relu"


def _shape(net, layer):
    """Return (h, w, C) of a layer's maps. Raises InputError if the picture size is unknown."""
    if net.input is None:
        raise InputError(f"{net.name} does not say how large its pictures are, so the numbers of a place are unknown; "
                         "load it with family, size or input (command line: --family, --size)")
    shape = net.run(np.zeros((1, *net.input.shape), net.dtype))[layer].outline.shape[1:]
    if len(shape) != 3:
        raise InputError(f"{net.name} flattens values of shape {shape}, which have no places (row, column)")
    return shape


def _mask(h, w, at, mask):
    """Return M (h, w): the given mask, or 1 at one place. Raises InputError."""
    if mask is None:
        i, j = place_of(at)
        if not (0 <= i < h and 0 <= j < w):
            raise InputError(f"place {i, j} lies outside maps of {h} x {w} places")
        mask = np.zeros((h, w))
        mask[i, j] = 1
    M = np.asarray(mask)
    if M.shape != (h, w) or M.dtype.kind not in "fiub" or not (np.isfinite(M) & (M >= 0)).all():
        raise InputError(f"the mask must be ({h}, {w}) finite numbers of at least 0; got {M.shape} {M.dtype}")
    return M.astype(np.float64)
