"""Our HDF5: /layer/kernel and /layer/bias, contiguous float32; the root's attributes say what they mean."""

import json
from dataclasses import asdict

import h5py

from tinyattr.errors import InputError
from tinyattr.files.images import InputSpec
from tinyattr.files.whole import whole


def save(net, path):
    """Write a network's weights, input preparation and class names to `path`. The file appears whole or not at all.

    Layers that are not convolutions or dense cannot be restored by `load` and are refused with InputError.
    """
    for name, arrays in net.weights.items():
        if len(arrays) != 2:
            raise InputError(f"layer '{name}' is neither convolution nor dense; only VGG and SqueezeNet can be saved")
    with whole(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(format="tinyattr", version=1, network=net.name, source=net.source,
                          input=json.dumps(net.input and asdict(net.input)), classes=json.dumps(net.classes))
        for name, (kernel, bias) in net.weights.items():
            file.create_dataset(f"{name}/kernel", data=kernel, dtype="<f4")
            file.create_dataset(f"{name}/bias", data=bias, dtype="<f4")


def own_facts(attributes):
    """(InputSpec or None, class names or None) from the attributes of a file that `save` wrote. Raises InputError."""
    if not attributes:
        return None, None
    try:
        spec, classes = json.loads(attributes["input"]), json.loads(attributes["classes"])
        return spec and InputSpec(**{key: tuple(v) if isinstance(v, list) else v for key, v in spec.items()}), classes
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the file's attributes do not say what a tinyattr file must: {error}") from None
