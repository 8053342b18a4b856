"""Write a VGG as other frameworks store it, so that theirs can be asked the same questions."""

import json
from math import isqrt

import h5py
import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.atomic import whole


def write_keras(net, path):
    """The layout of Keras' official 2016 files, float32: {layer}/{layer}_W_1:0 and _b_1:0, with Keras' attributes.

    All of the file, or none.
    """
    layers = [name for name, _, _ in net.layers if "relu" not in name]  # Keras' layers hold their ReLU
    with whole(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["layer_names"] = np.array(layers, "S")
        for name in layers:
            group = file.create_group(name)
            arrays = net.weights.get(name, ())
            names = [f"{name}_{what}_1:0" for what in ("W", "b")][:len(arrays)]
            group.attrs["weight_names"] = np.array(names, "S")
            for what, array in zip(names, arrays, strict=True):
                group.create_dataset(what, data=np.ascontiguousarray(array, "<f4"))


def write_torchvision(net, path):
    """torchvision's names and axes in a .safetensors file, float32; `load_state_dict` takes it. All of it, or none."""
    arrays = {name: np.ascontiguousarray(array, "<f4") for name, array in torchvision_arrays(net).items()}
    header, end = {}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header).encode()
    with whole(path) as temporary, temporary.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(array)


def torchvision_arrays(net):
    """{"features.0.weight": (out, in, kh, kw), ..., "classifier.6.bias": (n,)} of a VGG; fc1 reads C, H, W there.

    Raises InputError for another network.
    """
    maps = [name for name, op, _ in net.layers if op in ("conv2d", "relu", "max_pool") and name.startswith("block")]
    if not {"fc1", "fc2", "predictions"} <= set(net.weights) or not maps:
        raise InputError(f"{net.name} is no VGG; only these have torchvision's names here")
    found, channels = {}, None
    for index, name in enumerate(maps):
        if name in net.weights:
            kernel, bias = net.weights[name]
            channels = len(bias)
            found[f"features.{index}.weight"], found[f"features.{index}.bias"] = kernel.transpose(3, 2, 0, 1), bias
    for index, name in ((0, "fc1"), (3, "fc2"), (6, "predictions")):
        kernel, bias = net.weights[name]
        if name == "fc1":
            side = isqrt(len(kernel) // channels)
            kernel = kernel.reshape(side, side, channels, -1).transpose(2, 0, 1, 3).reshape(len(kernel), -1)
        found[f"classifier.{index}.weight"], found[f"classifier.{index}.bias"] = kernel.T, bias
    return found


EXPORTS = {"keras": write_keras, "torchvision": write_torchvision}
