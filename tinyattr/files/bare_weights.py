"""Read a Keras file of weights alone into a network whose layers we know already: net.with_weights("net.weights.h5").

    Keras 3        /layers/conv2d_1/vars/0            the layers of each class are numbered, in the order of creation
    earlier        /conv2d_1/conv2d_1/kernel:0        each group has the name of its layer

Such a file does not say what its layers do. So each array goes to the layer of the network that has the same name. If
the file has only Keras' default names, arrays go to layers of the same kind. Then the layers of each kind must have the
same order as in Keras' model.layers. Every shape must fit, and every array must be used.
"""

import re
from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np

from tinyattr.errors import InputError, number_of
from tinyattr.files.dataset import array_of
from tinyattr.files.hdf5 import HDF5_START, open_hdf5, tree
from tinyattr.files.weight_file import about, natural

ORDER = ("kernel", "depthwise_kernel", "gamma", "alpha", "pointwise_kernel", "beta", "moving_mean", "moving_variance",
         "bias")  # the order of a layer's weights; before Keras 3, files have these names
DEFAULT = re.compile(r"(conv2d|depthwise_conv2d|separable_conv2d|dense|batch_normalization|p_re_lu)(_\d+)?")
WHOLE = "save the whole model instead: model.save('net.keras')"


def with_weights(net, path, epsilon=None):
    """Return the network with the file's arrays. epsilon: of batch normalisations; such a file does not contain it.

    Raises InputError for a file that holds more than weights, and for arrays that do not fit the network.
    """
    path = Path(path)
    with about(path):
        with open(path, "rb") as stream:
            if stream.read(8) != HDF5_START:
                raise InputError("not an HDF5 file of weights alone (.weights.h5); ta.load reads whole models")
            stream.seek(0)
            with open_hdf5(stream) as file:
                groups = list(_groups(file))
                count = sum(prod(array.shape) for _, arrays in groups for array in arrays)
                if count > 4 * net.parameters:  # a batch normalisation has four arrays there, and two here
                    raise InputError(f"it holds {count:,} numbers, but the network has {net.parameters:,}")
                arrays = ((name, [array.read() for array in arrays]) for name, arrays in groups)
                found = [part for name, read in arrays for part in _parts(name, read, epsilon)]
        weights = {**net.weights, **_matched(net, found)}
    return replace(net, weights=weights, source=f"{path}, weights alone")


def _groups(file):
    """Yield (name, its Arrays) for each layer of the file that has weights. Layers of one class have Keras' order."""
    if "model_weights" in file or "weights" in file:
        raise InputError("a whole model, not weights alone; ta.load reads it")
    groups = {}
    for where, dataset in tree(file.get("layers", file), []):
        name, *between, last = where.split("/")
        if "layers" in between:
            raise InputError(f"{name!r} in it is a model inside a model; {WHOLE}")
        if dataset.shape is not None and name != "optimizer":
            groups.setdefault(name, {})[last.removesuffix(":0")] = dataset
    for name in sorted(groups, key=natural):
        known = [int(last) if last.isdecimal() else ORDER.index(last) for last in groups[name] if last in ORDER
                 or last.isdecimal()]
        if len(known) != len(groups[name]):
            raise InputError(f"{name!r} in it has arrays {', '.join(groups[name])[:80]}, not supported; {WHOLE}")
        yield name, [array_of(groups[name][last]) for _, last in sorted(zip(known, groups[name], strict=True))]


def _parts(name, arrays, epsilon):
    """Return [(name, kind, weights)] of a layer of the file; a separable convolution has two. Raises InputError."""
    axes = [a.ndim for a in arrays]
    if "transpose" in name:
        raise InputError(f"{name!r} in it is a transposed convolution, which is not read from weights alone; {WHOLE}")
    if axes == [1, 1, 1, 1]:
        if epsilon is None:
            raise InputError(f"{name!r} in it is a batch normalisation, and its epsilon is not in the file; give it: "
                             "net.with_weights(path, epsilon=1e-3), Keras' default")
        gamma, beta, mean, variance = (a.astype(np.float64) for a in arrays)
        scale = gamma / np.sqrt(variance + number_of(epsilon, "epsilon", 0, 1))
        return [(name, "batch_norm", (scale, beta - mean * scale))]
    if axes[:2] == [4, 4]:
        return [*_parts(f"{name}_depthwise", arrays[:1], epsilon), (name, "conv2d", _with_bias(arrays[1:]))]
    if axes in ([4], [4, 1], [2], [2, 1]):
        kernel, *bias = arrays
        if "depthwise" in name:
            kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
        kind = "dense" if kernel.ndim == 2 else "depthwise" if "depthwise" in name else "conv2d"
        return [(name, kind, _with_bias((kernel, *bias)))]
    if len(axes) == 1:
        return [(name, "prelu", (arrays[0].reshape(-1) if max(arrays[0].shape[:-1], default=1) == 1 else arrays[0],))]
    raise InputError(f"{name!r} in it has arrays of shapes {[a.shape for a in arrays]}, not supported; {WHOLE}")


def _with_bias(arrays):
    kernel, *bias = arrays
    return kernel, *(bias or [np.zeros(kernel.shape[-1], kernel.dtype)])


def _matched(net, found):
    """Return {layer: its arrays}. Layers match by name, or by kind and order. Raises InputError if one does not fit."""
    ours = {name: _kind(op, own, net.weights[name]) for name, op, own in net.layers if name in net.weights}
    ours = {name: kind for name, kind in ours.items() if kind != "constant"}
    by_name = {name: weights for name, _, weights in found}
    if set(by_name) == set(ours):
        pairs = {name: (name, by_name[name]) for name in ours}
    else:
        strange = next((name for name, _, _ in found if not DEFAULT.fullmatch(name.removesuffix("_depthwise"))), None)
        if strange:
            raise InputError(f"its layer {strange!r} is not in the network ({', '.join(ours)[:120]}); give the "
                             "network's layers the names that they have in the file")
        pairs = {}
        for kind in dict.fromkeys([*ours.values(), *(kind for _, kind, _ in found)]):
            names, given = [n for n in ours if ours[n] == kind], [(n, w) for n, k, w in found if k == kind]
            if len(names) != len(given):
                raise InputError(f"it has {len(given)} layers of the kind {kind}, but the network has {len(names)}")
            pairs |= dict(zip(names, given, strict=True))
    for name, (theirs, weights) in pairs.items():
        needed = [w.shape for w in net.weights[name]]
        if [w.shape for w in weights] != needed:
            raise InputError(f"its layer {theirs!r} has arrays {[w.shape for w in weights]}; the network's {name!r} "
                             f"needs {needed}")
    return {name: tuple(w.astype(net.dtype) for w in weights) for name, (_, weights) in pairs.items()}


def _kind(op, own, weights):
    """Return the op, or another name for a depthwise convolution, because Keras numbers these separately."""
    return "depthwise" if op == "conv2d" and own.get("groups", 1) > 1 and weights[0].shape[2] == 1 else op
