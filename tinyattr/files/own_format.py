"""Our HDF5 format, version 2, for any network: the layers as data, and every array under the name of its layer.

    /about                 JSON in UTF-8: layers (name, op, attributes), input, classes, features, digests
    /weights/conv1/kernel  float32 or float64, contiguous; "conv1" is the layer, the op names its arrays: kernel, bias

The root has the attributes format ("tinyattr"), version ("2") and sha256, the check sum (digest) of /about. /about has
the digests of all arrays. So damage is always found. A "/" in a layer's name is written %2F.
"""

import json
from dataclasses import asdict, replace
from hashlib import sha256

import h5py
import numpy as np

from tinyattr.engine.ops import WEIGHTS
from tinyattr.errors import InputError
from tinyattr.files.dataset import array_of
from tinyattr.files.new_hdf5 import new_hdf5
from tinyattr.files.own_format_1 import described
from tinyattr.files.weight_file import LONGEST_NAME
from tinyattr.nets.pictures import FAMILIES

LARGEST_ABOUT = 1 << 21  # bytes; 1,000 layers need 200,000
TEXTS = ("network", "source", "note", "features")


def write(path, layers, weights, description):
    """Write a network. weights: pairs (layer's name, arrays); from a generator, one layer is in memory at a time.

    path: where the file appears, complete or not at all; or a file object. This function computes all digests.
    Raises InputError for weights that are not finite, and for attributes that JSON cannot hold.
    """
    ops, digests, dtype = {name: op for name, op, _ in layers}, {}, "float32"
    for layer in ops:
        if len(layer) > LONGEST_NAME or not layer.isprintable():
            raise InputError(f"a layer's name has at most {LONGEST_NAME} printable characters; got {layer[:40]!r}")
    texts = {key: getattr(description, key) for key in TEXTS}
    for text in (*texts.values(), *(description.classes or ())):
        if text is not None and not text.isprintable():
            raise InputError(f"the name {text!r} holds characters that cannot be printed")
    with new_hdf5(path) as file:
        for layer, arrays in weights:
            for what, array in zip(names_of(ops[layer]), arrays, strict=True):
                where = f"{layer}/{what}"
                array = np.asarray(finite(array, where), "<f8" if array.dtype == np.float64 else "<f4", order="C")
                dtype, digests[where] = str(array.dtype), digest_of(array)
                file.create_dataset(f"weights/{escaped(layer)}/{what}", data=array)
        said = {"layers": layers, "dtype": dtype, "input": description.input and asdict(description.input),
                "classes": description.classes, "sha256": digests, **texts}
        try:
            text = json.dumps(said, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise InputError(f"an attribute of a layer cannot be written: {error}") from None
        if len(text) > LARGEST_ABOUT:
            raise InputError(f"layers and names have {len(text):,} bytes; a file can hold at most {LARGEST_ABOUT:,}")
        file.create_dataset("about", data=np.frombuffer(text, np.uint8))
        for key, value in {"format": "tinyattr", "version": "2", "sha256": sha256(text).hexdigest()}.items():
            file.attrs.create(key, np.bytes_(value))


def own_network(about, digest, arrays):
    """Return (layers, {layer: its Arrays}, Description) of a file of version 2. Raises InputError for other content.

    about: the dataset /about. arrays: {"weights/conv1/kernel": dataset}. digest: the file's attribute sha256.
    """
    text = _bytes(about)
    if sha256(text).hexdigest() != digest:
        raise InputError("its description of the network is damaged: the sha256 differs; get the file again")
    said = json.loads(text)
    layers, dtype = said.pop("layers"), np.dtype(said.pop("dtype"))
    if not isinstance(layers, list) or dtype not in (np.float32, np.float64):
        raise InputError("its description of the network does not describe a network")
    weights = {}
    for name, op, _ in layers:
        if len(name) > LONGEST_NAME or not name.isprintable():
            raise InputError("a layer's name is too long or not printable")
        if op in WEIGHTS:
            datasets = [arrays[f"weights/{escaped(name)}/{what}"] for what in names_of(op)]
            weights[name] = tuple(replace(array_of(d, dtype), vet=finite) for d in datasets)
    return layers, weights, described(said)


def _bytes(d):
    """Return the bytes of /about. Raises InputError unless they are stored in one piece."""
    plist = d.id.get_create_plist() if isinstance(d, h5py.Dataset) else None
    if (plist is None or d.dtype != np.uint8 or d.ndim != 1 or d.size > LARGEST_ABOUT or plist.get_external_count()
            or plist.get_layout() != h5py.h5d.CONTIGUOUS or d.id.get_storage_size() != d.size):
        raise InputError("its description of the network is not stored as in a tinyattr file")
    return d[...].tobytes()


def names_of(op):
    """Return the names of an op's arrays, such as ["kernel", "bias"]."""
    return list(WEIGHTS.get(op, ()))


def escaped(layer):
    """Return a layer's name as HDF5 can use it for one group: without "/", and not made of dots alone."""
    name = layer.replace("%", "%25").replace("/", "%2F")
    return name.replace(".", "%2E") if set(name) == {"."} else name


def finite(a, where):
    """Return the array if all its numbers are finite. Raises InputError."""
    if not np.isfinite(a).all():
        raise InputError(f"{where} holds {a[~np.isfinite(a)].flat[0]}; weights must be finite numbers")
    return a


def check_digests(digests, name, arrays, whats):
    """Raise InputError, which names the array, unless a layer's arrays have exactly the bytes that we once wrote."""
    for what, array in zip(whats, arrays, strict=True):
        if digests.get(f"{name}/{what}") != digest_of(array):
            raise InputError(f"{name}/{what} is damaged: its sha256 differs; get the file again")


def digest_of(array):
    """Return the sha256 of an array's bytes, little-endian."""
    return sha256(np.ascontiguousarray(array, array.dtype.newbyteorder("<"))).hexdigest()


def family_of(spec):
    """Return the family that has the channel order, means and scales of `spec`, or "own". If spec is None: None."""
    same = (family for family, other in FAMILIES.items()
            if spec and (other.order, other.mean, other.scale) == (spec.order, spec.mean, spec.scale))
    return next(same, spec and "own")
