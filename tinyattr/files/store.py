"""Our HDF5: /layer/kernel and /layer/bias, contiguous float32; the root's attributes say what they mean."""

import json
from dataclasses import asdict
from hashlib import sha256

import h5py
import numpy as np

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
    arrays = {f"{name}/{what}": np.ascontiguousarray(array, "<f4") for name, pair in net.weights.items()
              for what, array in zip(("kernel", "bias"), pair, strict=True)}
    with whole(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(format="tinyattr", version=VERSION, network=net.name, source=net.source,
                          input=json.dumps(net.input and asdict(net.input)), classes=json.dumps(net.classes),
                          sha256=json.dumps({where: sha256(array).hexdigest() for where, array in arrays.items()}))
        for where, array in arrays.items():
            file.create_dataset(where, data=array)


def own_facts(attributes):
    """{"network", "source", "input", "classes", "sha256"} from the attributes of a file that `write` wrote, checked.

    {} for a foreign file, whose attributes are not to be trusted. Raises InputError.
    """
    if not attributes:
        return {}
    try:
        if attributes["version"] != VERSION:
            raise InputError(f"the file has format version {attributes['version']}; this program reads {VERSION}")
        spec, classes, digests = (json.loads(attributes[key]) for key in ("input", "classes", "sha256"))
        if spec is not None:
            spec = InputSpec(**{key: tuple(v) if isinstance(v, list) else v for key, v in spec.items()})
        if classes is not None and not (isinstance(classes, list) and all(isinstance(c, str) for c in classes)):
            raise InputError("the file's class names are not a list of names")
        return {"network": str(attributes["network"]), "source": str(attributes["source"]), "input": spec,
                "classes": classes, "sha256": dict(digests)}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"the file's attributes do not say what a tinyattr file must: {error}") from None


def check_digests(digests, name, arrays):
    """Raises InputError, naming the array, unless a layer's kernel and bias are the very bytes that were written."""
    for what, array in zip(("kernel", "bias"), arrays, strict=True):
        where = f"{name}/{what}"
        if digests.get(where) != sha256(np.ascontiguousarray(array, "<f4")).hexdigest():
            raise InputError(f"{where} is not what was written: its sha256 differs; get the file again")
