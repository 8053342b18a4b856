"""A network of somebody's own from Keras: the calls of its config become our layers, with the arrays of its file."""

from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

from tinyattr.engine.ops import OPS
from tinyattr.errors import InputError, count_of
from tinyattr.files.dataset import array_of
from tinyattr.files.keras_config import calls_of, unique
from tinyattr.files.keras_layers import LAYERS, activation
from tinyattr.files.weight_file import Description
from tinyattr.nets.pictures import InputSpec

MOST_VALUES = 1 << 30  # numbers that a layer may give for one picture
SOFTMAX = ("softmax", "log_softmax")
FROM_PHOTOS = ("Rescaling", "Normalization")  # as a network's first layer, they take what a photo holds, 0..255
LARGEST_PIXEL = 16  # that such a layer makes of 255; more, and it was made for pictures 0..1


def keras_network(text, version, find, size=None):
    """(layers, {layer: its Arrays}, Description) of a model, by its config. version: of Keras, such as "2.0.5".

    find(path, i, name): the dataset of a layer's weight, by the layer's path (see Call), by number and by name. size:
    of pictures, a number or (H, W), where the config leaves it open.
    Raises InputError for what is not read here, and names the layer.
    """
    name, calls, picture = calls_of(text)
    if None in picture[:2] and size is not None:
        lengths = zip(picture, np.broadcast_to(size, 2).tolist(), strict=False)
        picture = *(n or count_of(given, "size") for n, given in lengths), picture[2]
    if None in picture:
        raise InputError(f"it leaves the shape of pictures open, {picture}; say their size: size=224 (command line: "
                         "--size 224); the number of channels must be fixed: Input((None, None, 3))")
    made = _Translation(version, find)
    made.values["input"] = ("input", picture)
    for call in calls:
        try:
            made.add(call)
        except InputError as error:
            raise InputError(f"layer {call.name!r} ({call.kind}): {error}") from None
    note = _end_at_logits(made.layers, made.values[calls[-1].name][1] if calls else picture)
    note = "; ".join(filter(None, (note, *map(_border, made.layers))))
    return made.layers, made.weights, Description(network=name, input=_spec(made, picture), note=note, picture=picture)


class _Translation:
    """layers and weights of ours so far; values: {call: (the layer of ours that gives it, its shape)}."""

    def __init__(self, version, find):
        self.version, self.find = version, find
        self.layers, self.weights, self.values, self.kinds = [], {}, {}, {}
        self.names = {"input": 1}
        self.shared = {}  # {(path, suffix): weights}: a layer that is called twice has one set

    def add(self, call):
        """Translate a call."""
        if call.kind not in LAYERS:
            raise InputError(f"layers of this class are not read; read are {', '.join(LAYERS)}")
        if call.config.get("data_format") == "channels_first":
            raise InputError("it has channels_first; read are networks with channels_last, which Keras can convert")
        reads, shapes = zip(*(self.values[name] for name in call.inputs), strict=True)
        config = {**call.config, "arguments": call.arguments}
        steps = LAYERS[call.kind](config, partial(self.take, call.path), *shapes)
        after = activation(call.config, steps[-1].shape if steps else shapes[0], self.version)
        steps += after if steps else [replace(step, suffix="") for step in after]
        made = dict(enumerate(reads))
        for step in steps:
            if prod(step.shape) > MOST_VALUES:
                raise InputError(f"it gives values of shape {step.shape}, more than any network here")
            reads = reads if step.reads is None else tuple(made[which] for which in step.reads)
            made[step.suffix] = self.append(call, step, reads)
            reads = (made[step.suffix],)
        self.values[call.name] = (*reads, steps[-1].shape if steps else shapes[0])

    def append(self, call, step, reads):
        """Write a step down as a layer. Returns its name."""
        name = f"{call.name}_{step.suffix}" if step.suffix else call.name
        name = unique(f"{name}_layer" if name in OPS and name != step.op else name, self.names)
        previous = self.layers[-1][0] if self.layers else "input"
        inputs = {} if reads == (previous,) else {"inputs": reads}
        self.layers.append((name, step.op, {**step.attributes, **inputs}))
        self.kinds[name] = call.kind
        if step.weights:
            self.weights[name] = self.shared.setdefault((call.path, step.suffix), step.weights)
        return name

    def take(self, path, wanted, after=0):
        """The Arrays of a layer's weights {name: shape}, of which `after` stand before them in the file."""
        arrays = []
        for i, (name, shape) in enumerate(wanted.items(), after):
            array = array_of(self.find(path, i, name))
            if array.shape != shape:
                raise InputError(f"its {name} has shape {array.shape}; its config needs {shape}")
            arrays.append(array)
        return arrays


def _end_at_logits(layers, shape):
    """Take off a last softmax, or the sigmoid of a single unit, from `layers`. Returns what was taken off, in words."""
    if len(shape) != 1:
        raise InputError(f"it ends in values of shape {shape}; expected one number for each class, (n,)")
    (n,), note = shape, ""
    name, op, _ = layers[-1] if layers else ("", "", {})
    if op == "sigmoid" and n > 1:
        raise InputError(f"it ends in {n} sigmoids, answers to {n} questions; networks that choose one class are read")
    if op in SOFTMAX and n == 1:
        raise InputError("it ends in a softmax of a single unit, which is 1 for every picture")
    if op in (*SOFTMAX, "sigmoid"):
        layers.pop()
        note = f"the last {op} ({name}) is taken off"
    inner = next((name for name, op, _ in layers if op in SOFTMAX), None)
    if inner:
        raise InputError(f"layer {inner!r} is a softmax inside the network; read is a last one only")
    return "; ".join(filter(None, (note, "the one output z is taken for the logits (0, z)" * (n == 1))))


def _border(layer):
    """What to know of an average pool whose padding differs between the sides: Keras does not say it in the file."""
    name, op, own = layer
    uneven = op == "avg_pool" and np.ndim(own.get("padding", 0)) == 2
    return f"{name} averages what lies inside, as TensorFlow and JAX do; Keras on PyTorch repeats the border" * uneven


def _spec(made, picture):
    """How photos are preprocessed: not at all, where the network begins with a layer for that; else None, unknown."""
    first = [layer for i, (layer, _, attributes) in enumerate(made.layers)
             if "input" in attributes.get("inputs", () if i else ("input",))]
    *size, c = picture
    if c not in (1, 3) or any(made.kinds[layer] not in FROM_PHOTOS for layer in first):
        return None
    if any(np.abs(made.weights[layer][0].read()).max() * 255 > LARGEST_PIXEL for layer in first):
        return None
    size = size[0] if size[0] == size[1] else tuple(size)
    return InputSpec(size, "L" if c == 1 else "RGB", (0.0,) * c, (1.0,) * c)


def find_in_keras(datasets, path, i, name):
    """A weight in a .keras file, {"conv2d/vars/0": dataset}. Raises InputError where it is not."""
    where = "/layers/".join(group for _, group in path) + f"/vars/{i}"
    if where not in datasets:
        raise InputError(f"its {name} is not in the file, at {where!r:.80}")
    return datasets[where]


def find_in_model(datasets, path, i, name):
    """A weight in a whole-model .h5 file, {"conv2d/conv2d/kernel:0": dataset}. Raises InputError where it is not.

    The first group is the outermost model's layer. Below it, Keras' versions write more groups or fewer, and TensorFlow
    1 added _1 to names; the weight's name comes last.
    """
    names = [name for name, _ in path]
    spellings = ([], ) if len(names) == 1 else (names[1:], names[-1:], [f"{names[-1]}_1"])
    for wanted in spellings:
        found = [dataset for where, dataset in datasets.items() if _leads_to(where, names[0], wanted, name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(f"its {name} is in the file {len(found)} times")
    raise InputError(f"its {name} is not in the file")


def _leads_to(where, top, wanted, name):
    """Whether a path begins with group `top`, has the groups `wanted` in this order, and ends with the name."""
    if not where.startswith(f"{top}/"):
        return False
    *groups, last = where.removeprefix(f"{top}/").split("/")
    groups, last = iter(groups), last.removesuffix(":0")
    known = (name, "kernel") if name == "depthwise_kernel" else (name,)  # Keras 3 calls it so
    return last in known and all(part in groups for part in "/".join(wanted).split("/") if part)

