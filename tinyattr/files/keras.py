"""Read a user's own Keras network. Each call of a layer in its config becomes zero, one or several of our layers."""

from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

from tinyattr.engine.ops import OPS
from tinyattr.errors import InputError, count_of
from tinyattr.files.dataset import array_of
from tinyattr.files.keras_config import calls_of, unique
from tinyattr.files.keras_layers import LAYERS, activation
from tinyattr.files.preprocessing import size_of
from tinyattr.files.weight_file import DAMAGED, Description
from tinyattr.nets.pictures import InputSpec

MOST_VALUES = 1 << 30  # limit for the numbers in a layer's output for one picture
SOFTMAX = ("softmax", "log_softmax")
FROM_PHOTOS = ("Rescaling", "Normalization")  # as the first layer of a network, these read photos with values 0..255
LARGEST_PIXEL = 16  # largest value that such a layer makes of 255; a layer that makes more expects pictures 0..1


def keras_network(text, version, find, size=None):
    """Return (layers, {layer: its Arrays}, Description) of a model. text: its config. version: of Keras, as "2.0.5".

    find(path, i, name): the dataset of a weight. path: of its layer (see Call). i, name: the weight's number and name.
    size: size of pictures, a number or (H, W), if the config does not fix it.
    Raises InputError, which names the layer, for anything that is not supported.
    """
    name, calls, picture = calls_of(text)
    if None in picture[:2] and size is not None:
        lengths = zip(picture, np.broadcast_to(size, 2).tolist(), strict=False)
        picture = *(n or count_of(given, "size") for n, given in lengths), picture[2]
    if None in picture:
        raise InputError(f"it does not fix the shape of pictures, {picture}; give their size: size=224 (command line: "
                         "--size 224); the number of channels must be fixed: Input((None, None, 3))")
    made = _Translation(version, find)
    made.values["input"] = ("input", picture)
    for call in calls:
        try:
            made.add(call)
        except (InputError, *DAMAGED) as error:
            lacks = "its config lacks " if isinstance(error, KeyError) else ""
            raise InputError(f"layer {call.name!r} ({call.kind}): {lacks}{error}") from None
    note = _end_at_logits(made, made.values[calls[-1].name][1] if calls else picture)
    note = "; ".join(filter(None, (note, *map(_border, made.layers))))
    return made.layers, made.weights, Description(network=name, input=_spec(made, picture), note=note, picture=picture)


class _Translation:
    """A _Translation collects our layers and weights. values: {call: (our layer that computes its output, shape)}."""

    def __init__(self, version, find):
        self.version, self.find = version, find
        self.layers, self.weights, self.values, self.kinds = [], {}, {}, {}
        self.names = {"input": 1}
        self.shared = {}  # {(path, suffix): weights}: if a layer is called twice, both of our layers share weights

    def add(self, call):
        """Translate a call into our layers. The last one has the name of Keras' layer, and the same output.

        If it is an activation in Keras' layer, the name of the layer before it ends in _linear.
        """
        if call.kind not in LAYERS:
            raise InputError(f"layers of this class are not supported; supported are {', '.join(LAYERS)}")
        if call.config.get("data_format") == "channels_first":
            raise InputError("it has channels_first; convert it to channels_last in Keras")
        reads, shapes = zip(*(self.values[name] for name in call.inputs), strict=True)
        config = {**call.config, "arguments": call.arguments}
        steps = LAYERS[call.kind](config, partial(self.take, call.path), *shapes)
        after = activation(call.config, steps[-1].shape if steps else shapes[0], self.version)
        if steps and after:
            steps = [*steps[:-1], replace(steps[-1], suffix="linear"), *after]
        steps = steps or after
        made = dict(enumerate(reads))
        for step in steps:
            if prod(step.shape) > MOST_VALUES:
                raise InputError(f"its output has shape {step.shape}, which is larger than any network needs")
            reads = reads if step.reads is None else tuple(made[which] for which in step.reads)
            made[step.suffix] = self.append(call, step, reads)
            reads = (made[step.suffix],)
        self.values[call.name] = (*reads, steps[-1].shape if steps else shapes[0])

    def append(self, call, step, reads):
        """Add a step as a layer. Returns its name."""
        name = f"{call.name}_{step.suffix}" if step.suffix else call.name
        name = unique(_own_name(name, step.op), self.names)
        previous = self.layers[-1][0] if self.layers else "input"
        inputs = {} if reads == (previous,) else {"inputs": reads}
        self.layers.append((name, step.op, {**step.attributes, **inputs}))
        self.kinds[name] = call.kind
        if step.weights:
            self.weights[name] = self.shared.setdefault((call.path, step.suffix), step.weights)
        return name

    def take(self, path, wanted, after=0):
        """Return the Arrays of a layer. wanted: {name: shape}. after: how many weights come before them in the file."""
        arrays = []
        for i, (name, shape) in enumerate(wanted.items(), after):
            array = array_of(self.find(path, i, name))
            if array.shape != shape:
                raise InputError(f"its {name} has shape {array.shape}; its config needs {shape}")
            arrays.append(array)
        return arrays


def _own_name(name, op):
    """Return a layer's name. No layer is called like another op, because a rule-book has rules for both, by name."""
    return f"{name}_layer" if name in OPS and name != op else name


def _end_at_logits(made, shape):
    """Remove a softmax at the end, or a sigmoid of a single unit. Returns a note about what is removed.

    If it was part of a layer, the rest of this layer, which gives the logits, gets its name.
    """
    if len(shape) != 1:
        raise InputError(f"its output has shape {shape}; expected one number for each class, (n,)")
    (n,), note, layers = shape, "", made.layers
    name, op, _ = layers[-1] if layers else ("", "", {})
    if op == "sigmoid" and n > 1:
        raise InputError(f"it ends in {n} sigmoids: {n} separate answers; supported are networks that choose one class")
    if op in SOFTMAX and n == 1:
        raise InputError("it ends in a softmax of a single unit, which is 1 for every picture")
    if op in (*SOFTMAX, "sigmoid"):
        layers.pop()
        before, linear, own = layers[-1] if layers else ("input", "", {})
        whole = before.removesuffix("_linear")
        if before != whole and name == _own_name(whole, op):
            name = _own_name(whole, linear)
            layers[-1], made.weights[name] = (name, linear, own), made.weights.pop(before)
        note = f"the last {op} ({name}) is removed"
    inner = next((name for name, op, _ in layers if op in SOFTMAX), None)
    if inner:
        raise InputError(f"layer {inner!r} is a softmax inside the network; only a softmax at the end is supported")
    return "; ".join(filter(None, (note, "the one output z is read as the logits (0, z)" * (n == 1))))


def _border(layer):
    """Return a note about an average pool with uneven padding, if the layer is one: backends of Keras differ in it."""
    name, op, own = layer
    uneven = op == "avg_pool" and np.ndim(own.get("padding", 0)) == 2
    return f"{name} averages only the map, as TensorFlow and JAX do; Keras on PyTorch repeats the border" * uneven


def _spec(made, picture):
    """Return an InputSpec that changes nothing if the first layer preprocesses photos, else None (unknown)."""
    first = [layer for i, (layer, _, attributes) in enumerate(made.layers)
             if "input" in attributes.get("inputs", () if i else ("input",))]
    *size, c = picture
    if c not in (1, 3) or any(made.kinds[layer] not in FROM_PHOTOS for layer in first):
        return None
    if any(np.abs(made.weights[layer][0].read()).max() * 255 > LARGEST_PIXEL for layer in first):
        return None
    return InputSpec(size_of(size), "L" if c == 1 else "RGB", (0.0,) * c, (1.0,) * c)


def find_in_keras(datasets, path, i, name):
    """Return a weight of a .keras file, {"conv2d/vars/0": dataset}. Raises InputError if it is missing."""
    where = "/layers/".join(group for _, group in path) + f"/vars/{i}"
    if where not in datasets:
        raise InputError(f"its {name} is not in the file, at {where!r:.80}")
    return datasets[where]


def find_in_model(datasets, path, i, name):
    """Return a weight of a whole-model .h5 file, {"conv2d/conv2d/kernel:0": dataset}. Raises InputError if missing.

    The first group is a layer of the outermost model. Below it, each version of Keras writes another number of groups,
    and TensorFlow 1 added _1 to names. The name of the weight comes last.
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
    """Return True if a path starts with the group `top`, then has the groups `wanted` in order, and ends in `name`."""
    if not where.startswith(f"{top}/"):
        return False
    *groups, last = where.removeprefix(f"{top}/").split("/")
    groups, last = iter(groups), last.removesuffix(":0")
    known = (name, "kernel") if name == "depthwise_kernel" else (name,)  # Keras 3 calls a depthwise kernel "kernel"
    return last in known and all(part in groups for part in "/".join(wanted).split("/") if part)

