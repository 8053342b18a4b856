"""Write a VGG as other frameworks store it, so that theirs can be asked the same questions."""

import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.new_hdf5 import new_hdf5
from tinyattr.files.pytorch import torchvision_arrays
from tinyattr.files.safetensors import write_safetensors

OF_A_VGG = ("conv2d", "relu", "max_pool", "flatten", "dense")


def write_keras(net, path):
    """The layout of Keras' official 2016 files, float32: {layer}/{layer}_W_1:0 and _b_1:0, with Keras' attributes.

    The file appears whole or not at all. Raises InputError for a network with other layers than a VGG has.
    """
    other = next((name for name, op, _ in net.layers if op not in OF_A_VGG), None)
    if other:
        raise InputError(f"{net.name} has the layer '{other}', which is in no VGG; only these become Keras files")
    layers = [name for name, _, _ in net.layers if "relu" not in name]  # Keras' layers hold their ReLU
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
    """torchvision's names and axes, float32, in a .safetensors file, which `load_state_dict` takes."""
    write_safetensors(path, torchvision_arrays(net))


EXPORTS = {"keras": write_keras, "torchvision": write_torchvision}
