"""HDF5 weight files. Nothing is read before it is vetted; of a foreign file no attribute but `format` is looked at.

    tinyattr        /block1_conv1/kernel                        our own; attributes say what the network is
    keras-2016      /block1_conv1/block1_conv1_W_1:0            the official keras.applications files
    keras-weights   /block1_conv1/block1_conv1/kernel:0         tf_keras save_weights; also plain /block1_conv1/kernel
    keras-model     /model_weights/block1_conv1/...             Keras 2 and 3 whole-model .h5
    keras-3         /layers/conv2d/vars/0                       Keras 3 .weights.h5 and the inside of .keras
"""

from contextlib import contextmanager
from functools import partial
from math import prod

import h5py
import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.chunks import FILTERS, filters_of, read_chunks
from tinyattr.files.weight_file import Array, natural

MOST_MEMBERS = 1000  # met in all groups; a group can be a member of many: VGG19 has 120
DEEPEST = 3  # groups below a layer's own
OWN = ("format", "version", "network", "architecture", "source", "input", "classes", "sha256")
LARGEST_ATTRIBUTE = 1 << 16  # bytes, which is HDF5's own limit


@contextmanager
def open_hdf5(file):
    """Open a path or a binary file: `with open_hdf5(path) as (layout, layers, attributes)`, as `Stored` has them.

    Raises InputError for what is not to be read, and what h5py raises for a damaged file.
    """
    with h5py.File(file, "r", rdcc_nbytes=1 << 16, locking="best-effort") as opened:
        yield _contents(opened)


def _contents(file):
    met = []
    members = _members(file, met)
    attributes = _own_attributes(file)
    if attributes:
        layout, root = "tinyattr", file
    elif "model_weights" in members:
        layout, root = "keras-model", file["model_weights"]
    elif "layers" in members:
        layout, root = "keras-3", file["layers"]
    else:
        layout, root = "keras-weights", file
    if not isinstance(root, h5py.Group):
        raise InputError(f"{root.name} in it is not a group of layers")
    layers, official = {}, True
    for name in sorted(_members(root, met), key=natural):
        if root.get(name, getclass=True) is h5py.Group and (found := _datasets(root[name], met)):
            kernel, bias = _kernel_and_bias(found, name)
            official = official and kernel.name.endswith("_W_1:0")
            layers[name] = tuple(Array(d.name, d.shape, partial(_read, d)) for d in (kernel, bias))
    return "keras-2016" if official and layout == "keras-weights" else layout, layers, attributes


def _own_attributes(file):
    """{name: text} of a file of our own, {} for another.

    Only text of fixed length is read: HDF5 believes the length that a variable one claims, and crashes.
    """
    found = {}
    for name in OWN:
        if name in file.attrs:
            identity = file.attrs.get_id(name)
            if identity.shape == () and identity.dtype.kind == "S" and identity.dtype.itemsize <= LARGEST_ATTRIBUTE:
                found[name] = bytes(file.attrs[name]).decode()
            elif found:
                raise InputError(f"its attribute {name!r} is no text of fixed length")
        if found.get("format") != "tinyattr":
            return {}
    return found


def _members(group, met):
    """Names in a group, added to those `met` so far. Only hard links: others may lead to another place or file."""
    if len(met) + len(group) > MOST_MEMBERS:
        raise InputError(f"its groups have more than {MOST_MEMBERS} members")
    names = list(group)
    met += names
    for name in names:
        if not isinstance(name, str):
            raise InputError(f"a member's name in it is not text: {name!r}")
        if group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
            raise InputError(f"{name!r} in it is a link to another place; weights must lie in the file itself")
    return names


def _datasets(group, met, depth=0):
    """All datasets of a layer's group, at most DEEPEST groups down."""
    if depth > DEEPEST:
        raise InputError(f"{group.name} in it lies too deep; a layer's arrays lie at most {DEEPEST} groups down")
    found = []
    for name in _members(group, met):
        member = group[name]
        found += _datasets(member, met, depth + 1) if isinstance(member, h5py.Group) else [member]
        if len(found) > 2:
            raise InputError(f"{group.name} in it holds more than a kernel and a bias; one network per file, please")
    return found


def _kernel_and_bias(found, layer):
    """The two arrays of a layer, told apart by their rank, vetted but not read."""
    for d in found:
        if not isinstance(d, h5py.Dataset) or d.shape is None:
            raise InputError(f"{d.name} in it is no array")
        _vet(d)
    kernels = [d for d in found if d.ndim in (2, 4)]
    biases = [d for d in found if d.ndim == 1]
    if len(kernels) != 1 or len(biases) != 1:
        raise InputError(f"{layer!r} in it has arrays of shapes {[d.shape for d in found]}; "
                         "expected one kernel (2 or 4 axes) and one bias (1 axis)")
    return kernels[0], biases[0]


def _vet(d):
    """Refuse a dataset whose reading could leave the file, run a plugin, or cost more than the array itself."""
    plist = d.id.get_create_plist()
    if plist.get_layout() == h5py.h5d.VIRTUAL or plist.get_external_count():
        raise InputError(f"{d.name} keeps its numbers in another file; weights must lie in the file itself")
    if d.dtype.kind != "f" or d.dtype.itemsize not in (2, 4, 8) or h5py.h5t.py_create(d.dtype) != d.id.get_type():
        raise InputError(f"{d.name} has type {d.dtype}; weights are float16, float32 or float64")
    filters = filters_of(d)
    if filters != [number for number in FILTERS if number in filters]:
        raise InputError(f"{d.name} uses the HDF5 filters {filters}; read are {' and '.join(FILTERS.values())} "
                         "(h5repack -f SHUF -f GZIP=4 makes such a file)")
    nbytes = prod(d.shape) * d.dtype.itemsize
    if d.chunks:
        if prod(d.chunks) * d.dtype.itemsize > max(nbytes, 1 << 20):
            raise InputError(f"{d.name} has chunks of {d.chunks} for an array of {d.shape}")
        if prod(-(-n // c) for n, c in zip(d.shape, d.chunks, strict=True)) > 64 + nbytes // 4096:
            raise InputError(f"{d.name} has tiny chunks of {d.chunks} for an array of {d.shape}")
        written = d.id.get_space_status() == h5py.h5d.SPACE_STATUS_ALLOCATED
    else:
        written = plist.get_layout() == h5py.h5d.COMPACT or d.id.get_storage_size() == nbytes
    if not written or not nbytes:
        raise InputError(f"{d.name} was never written completely; the file comes from an interrupted run")


def _read(d):
    a = np.empty(d.shape, np.float32)
    if d.chunks:
        read_chunks(d, a)
    else:
        d.read_direct(a)
    return a
