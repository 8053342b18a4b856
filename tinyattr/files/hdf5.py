"""HDF5 weight files. Everything is checked before it is read.

    tinyattr        /weights/block1_conv1/kernel, /about        our own, see own_format; version 1: /block1_conv1/kernel
    keras-model     /model_weights/block1_conv1/...             a whole model (.h5) of Keras 2 or 3, with its config
    keras           /layers/conv2d/vars/0                       inside a .keras file, which also holds the config
    keras-3         /layers/conv2d/vars/0                       Keras 3 .weights.h5: only weights
    keras-2016      /block1_conv1/block1_conv1_W_1:0            the official keras.applications files
    keras-weights   /block1_conv1/block1_conv1/kernel:0         tf_keras' save_weights; also plain /block1_conv1/kernel

We read two attributes of a Keras file, the config and Keras' version, without the library HDF5 (see variable_text).
"""

from functools import partial

import h5py

from tinyattr.errors import InputError
from tinyattr.files.dataset import array_of
from tinyattr.files.keras import find_in_keras, find_in_model, keras_network
from tinyattr.files.keras_config import LARGEST_CONFIG
from tinyattr.files.own_format import own_network
from tinyattr.files.own_format_1 import description_1, text_of
from tinyattr.files.variable_text import variable_text
from tinyattr.files.weight_file import Description, natural

SAVE_WHOLE = ("save the whole model: model.save('net.keras'); or build the same network with ta.network, and give it "
              "these weights: net.with_weights(path)")
HDF5_START = b"\x89HDF\r\n\x1a\n"
MOST_MEMBERS = 1000  # in all groups together; a group that is in several groups counts each time; VGG19 has 120
MOST_IN_MODELS = 10_000  # a layer of batch normalisation has 6
DEEPEST = 3  # levels of groups below the group of a layer
DEEPEST_IN_MODELS = 20


def open_hdf5(file):
    """Open a binary file as h5py.File, which the caller closes. Raises h5py's errors for a damaged file."""
    return h5py.File(file, "r", rdcc_nbytes=1 << 16)


def hdf5_contents(file, stream, config=None, version="", size=None):
    """Return (layout, layers, description, graph, names of layers without weights) of an h5py.File: see WeightFile.

    stream: the same file, for reading bytes. config, version: texts of the .keras file that contains this file. size:
    size of pictures, if the config does not fix it. Raises InputError.
    """
    members = _members(file, met := [])
    own = text_of(file.attrs, "format") == "tinyattr" and text_of(file.attrs, "version")
    if own == "2":
        arrays = dict(tree(file, met))
        graph, layers, description = own_network(arrays.pop("about", None), text_of(file.attrs, "sha256"), arrays)
        return "tinyattr", layers, description, graph
    if own == "1":
        return "tinyattr", _pairs(file, met)[0], description_1(file.attrs)
    if own is not False:
        raise InputError(f"the file has format version {own}; supported are versions 1 and 2")
    if config is None and "model_weights" in members:
        config, version = (_text(file, stream, name) for name in ("model_config", "keras_version"))
        return "keras-model", *_model(config, version or "", find_in_model, file["model_weights"], met, size)
    if config is not None:
        return "keras", *_model(config, version, find_in_keras, file.get("layers"), met, size)
    layout, root = ("keras-3", file["layers"]) if "layers" in members else ("keras-weights", file)
    layers, bare = _pairs(root, met)
    if layout == "keras-weights" and all(kernel.name.endswith("_W_1:0") for kernel, _ in layers.values()):
        layout = "keras-2016"
    return layout, layers, Description(), None, bare


def _model(config, version, find, root, met, size):
    """Return (layers, description, graph) of a Keras model from its config; `find` finds its weights in `root`."""
    if config is None:
        raise InputError("it holds no config of the model, so it does not say what its layers do")
    datasets = dict(tree(root, met)) if root is not None else {}
    graph, layers, description = keras_network(config, version, partial(find, datasets), size)
    return layers, description, graph


def _text(file, stream, name):
    """Return a text in the file's attributes, of fixed or variable length, or None."""
    if file.userblock_size:
        raise InputError("it has a user block before the HDF5 data; Keras writes no user block")
    fixed = text_of(file.attrs, name)
    return variable_text(stream, h5py.h5o.get_info(file.id).addr, name, LARGEST_CONFIG) if fixed is None else fixed


def tree(group, met, path=""):
    """Yield (path, dataset) for all datasets in a group and below. met: list of names, for `_members`."""
    if not isinstance(group, h5py.Group):
        raise InputError(f"{group.name} in it is not a group of layers")
    if path.count("/") > DEEPEST_IN_MODELS:
        raise InputError(f"{group.name} in it is too deep; arrays may be at most {DEEPEST_IN_MODELS} groups deep")
    for name in _members(group, met, MOST_IN_MODELS):
        member = group[name]
        if isinstance(member, h5py.Group):
            yield from tree(member, met, f"{path}{name}/")
        else:
            yield f"{path}{name}", member


def _pairs(root, met):
    """Return ({layer: (kernel, bias)}, names of groups without arrays) of a file with weights alone."""
    if not isinstance(root, h5py.Group):
        raise InputError(f"{root.name} in it is not a group of layers")
    layers, bare = {}, []
    for name in sorted(_members(root, met), key=natural):
        if root.get(name, getclass=True) is h5py.Group:
            if found := _datasets(root[name], met):
                layers[name] = _kernel_and_bias([array_of(d) for d in found], name)
            else:
                bare.append(name)
    return layers, tuple(bare)


def _members(group, met, most=MOST_MEMBERS):
    """Return the names in a group, and add them to `met`. Only hard links are allowed: others may leave the file."""
    if len(met) + len(group) > most:
        raise InputError(f"its groups have more than {most} members")
    names = list(group)
    met += names
    for name in names:
        if not isinstance(name, str):
            raise InputError(f"a member's name in it is not text: {name!r}")
        if group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
            raise InputError(f"{name!r} in it is a link to another place; weights must be in the file itself")
    return names


def _datasets(group, met, depth=0):
    """Return all datasets in a layer's group, at most DEEPEST groups deep."""
    if depth > DEEPEST:
        raise InputError(f"{group.name} in it is too deep; a layer's arrays may be at most {DEEPEST} groups deep")
    found = []
    for name in _members(group, met):
        member = group[name]
        found += _datasets(member, met, depth + 1) if isinstance(member, h5py.Group) else [member]
        if len(found) > 2:
            raise InputError(f"{group.name} in it holds more than a kernel and a bias; for a network other than "
                             f"a VGG or SqueezeNet, {SAVE_WHOLE}")
    return found


def _kernel_and_bias(arrays, layer):
    """Return (kernel, bias) of a layer: the kernel has 2 or 4 axes, the bias 1."""
    kernels = [array for array in arrays if len(array.shape) in (2, 4)]
    biases = [array for array in arrays if len(array.shape) == 1]
    if len(kernels) != 1 or len(biases) != 1:
        raise InputError(f"{layer!r} in it has arrays of shapes {[array.shape for array in arrays]}; "
                         "expected one kernel (2 or 4 axes) and one bias (1 axis)")
    return kernels[0], biases[0]
