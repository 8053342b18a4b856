"""Our HDF5: /layer/kernel and /layer/bias, contiguous float32; the root's attributes say what they mean."""

import json
from dataclasses import asdict

import h5py

from tinyattr.errors import InputError
from tinyattr.files.formats import plausible
from tinyattr.files.images import InputSpec
from tinyattr.files.whole import whole

VERSION = 1


def write(net, path):
    """Write a network's weights as float32, its name, input preparation and class names. All of the file, or none.

    Raises InputError for weights that `load` would not take.
    """
    for name, arrays in net.weights.items():
        for what, array in zip(("kernel", "bias"), arrays, strict=True):
            plausible(array, f"{name}/{what}")
    with whole(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(format="tinyattr", version=VERSION, network=net.name, source=net.source,
                          input=json.dumps(net.input and asdict(net.input)), classes=json.dumps(net.classes))
        for name, (kernel, bias) in net.weights.items():
            file.create_dataset(f"{name}/kernel", data=kernel, dtype="<f4")
            file.create_dataset(f"{name}/bias", data=bias, dtype="<f4")


def own_facts(attributes):
    """(name, source, InputSpec or None, class names or None) from the attributes of a file that `write` wrote.

    Four times None for a foreign file, which has no attributes to trust. Raises InputError.
    """
    if not attributes:
        return None, None, None, None
    try:
        if attributes["version"] != VERSION:
            raise InputError(f"the file has format version {attributes['version']}; this program reads {VERSION}")
        spec, classes = json.loads(attributes["input"]), json.loads(attributes["classes"])
        if spec is not None:
            spec = InputSpec(**{key: tuple(v) if isinstance(v, list) else v for key, v in spec.items()})
        if classes is not None and not (isinstance(classes, list) and all(isinstance(c, str) for c in classes)):
            raise InputError("the file's class names are not a list of names")
        return str(attributes["network"]), str(attributes["source"]), spec, classes
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"the file's attributes do not say what a tinyattr file must: {error}") from None
