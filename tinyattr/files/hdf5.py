"""HDF5 weight files. Nothing is read before it is vetted; of a foreign file no attribute but `format` is looked at.

    tinyattr        /block1_conv1/kernel                        our own; attributes say what the network is
    keras-2016      /block1_conv1/block1_conv1_W_1:0            the official keras.applications files
    keras-weights   /block1_conv1/block1_conv1/kernel:0         tf_keras save_weights; also plain /block1_conv1/kernel
    keras-model     /model_weights/block1_conv1/...             Keras 2 and 3 whole-model .h5
    keras-3         /layers/conv2d/vars/0                       Keras 3 .weights.h5 and the inside of .keras
"""


import h5py

from tinyattr.errors import InputError
from tinyattr.files.dataset import array_of
from tinyattr.files.own_format import own_description
from tinyattr.files.weight_file import Description, natural

HDF5_START = b"\x89HDF\r\n\x1a\n"
MOST_MEMBERS = 1000  # met in all groups; a group can be a member of many: VGG19 has 120
DEEPEST = 3  # groups below a layer's own


def open_hdf5(file):
    """An h5py.File of a binary file, to be closed. Raises what h5py raises for a damaged file."""
    return h5py.File(file, "r", rdcc_nbytes=1 << 16)


def hdf5_contents(file):
    """(layout, layers, description) of an open h5py.File, as `WeightFile` has them. Raises InputError."""
    met = []
    members = _members(file, met)
    description = own_description(file.attrs)
    if description:
        layout, root = "tinyattr", file
    elif "model_weights" in members:
        layout, root = "keras-model", file["model_weights"]
    elif "layers" in members:
        layout, root = "keras-3", file["layers"]
    else:
        layout, root = "keras-weights", file
    if not isinstance(root, h5py.Group):
        raise InputError(f"{root.name} in it is not a group of layers")
    layers = {}
    for name in sorted(_members(root, met), key=natural):
        if root.get(name, getclass=True) is h5py.Group and (found := _datasets(root[name], met)):
            layers[name] = _kernel_and_bias([array_of(d) for d in found], name)
    if layout == "keras-weights" and all(kernel.name.endswith("_W_1:0") for kernel, _ in layers.values()):
        layout = "keras-2016"
    return layout, layers, description or Description()


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


def _kernel_and_bias(arrays, layer):
    """The two arrays of a layer, told apart by their rank."""
    kernels = [array for array in arrays if len(array.shape) in (2, 4)]
    biases = [array for array in arrays if len(array.shape) == 1]
    if len(kernels) != 1 or len(biases) != 1:
        raise InputError(f"{layer!r} in it has arrays of shapes {[array.shape for array in arrays]}; "
                         "expected one kernel (2 or 4 axes) and one bias (1 axis)")
    return kernels[0], biases[0]
