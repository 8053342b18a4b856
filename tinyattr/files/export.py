"""Write a VGG in the formats of other frameworks, so that you can compare our results with those of other tools."""

import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.new_hdf5 import new_hdf5
from tinyattr.files.pytorch import torchvision_arrays
from tinyattr.files.safetensors import write_safetensors

OF_A_VGG = ("conv2d", "relu", "max_pool", "flatten", "dense")


def write_keras(net, path):
    """Write a Keras file with the layout of the official files of 2016: {layer}/{layer}_W_1:0 and {layer}_b_1:0.

    Numbers are float32. The file appears complete or not at all. Raises InputError for layers that no VGG has.
    """
    other = next((name for name, op, _ in net.layers if op not in OF_A_VGG), None)
    if other:
        raise InputError(f"{net.name} has the layer '{other}', which is in no VGG; only a VGG can become a Keras file")
    layers = [name for name, _, _ in net.layers if "relu" not in name]  # a layer of Keras contains its ReLU
    with new_hdf5(path) as file:
        file.attrs["layer_names"] = np.array(layers, "S")
        for name in layers:
            group = file.create_group(name)
            arrays = net.weights.get(name, ())
            names = [f"{name}_{what}_1:0" for what in ("W", "b")][:len(arrays)]
            group.attrs["weight_names"] = np.array(names, "S")
            for what, array in zip(names, arrays, strict=True):
                group.create_dataset(what, data=np.ascontiguousarray(array, "<f4"))


def write_torchvision(net, path):
    """Write a .safetensors file with torchvision's names and axes, float32, for PyTorch's `load_state_dict`."""
    write_safetensors(path, torchvision_arrays(net))


EXPORTS = {"keras": write_keras, "torchvision": write_torchvision}
