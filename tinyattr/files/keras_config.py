"""Read a Keras model's config as data: which layers it calls, in which order, and on which values. No code is run.

A Sequential model is a list of layers. In a functional model each layer names the calls whose outputs it reads. A layer
of a model can be a model too. We make one list of all calls; a layer that is called twice is in this list twice.
"""

import json
import re
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from tinyattr.errors import InputError
from tinyattr.files.weight_file import LONGEST_NAME

LARGEST_CONFIG = 1 << 21  # bytes; 1,000 layers need 1.3 million
MOST_CALLS = 3000
DEEPEST_MODEL = 8  # levels of models inside models
SEQUENTIAL, FUNCTIONAL = ("Sequential",), ("Functional", "Model")
PACKAGES = ("keras", "tf_keras", "tensorflow")
TENSOR = "__keras_tensor__"  # files of Keras 3 have this name; files of tf.keras 2 have the names in the next line
ARRAYS = ("__numpy__", "__tensor__")  # classes of constants in the arguments of a call
AUGMENTS = (  # starts of names of layers whose calls always say training=True in Keras 3; a prediction overrules it
    "Rand", "AugMix", "AutoContrast", "CenterCrop", "CutMix", "Equalization", "MixUp", "Pipeline", "Resizing",
    "Solarization",
)
OPERATIONS, CONSTANT = ("TFOpLambda", "SlicingOpLambda"), "_CONSTANT_VALUE"


@dataclass(frozen=True)
class Call:
    """A Call is one use of a layer. name: unique, also names its output. kind: the layer's class. config: the layer's.

    inputs: names of the calls that it reads, "input" for the picture. path: one pair (name, name of its group in a
    .keras file) for each model around the layer, from outside to inside, and one for the layer. arguments: for an
    operation such as x / 255, its arguments in order: numbers, and None for each value that it reads.
    """

    name: str
    kind: str
    config: dict
    inputs: tuple[str, ...]
    path: tuple[tuple[str, str], ...]
    arguments: tuple = ()


def calls_of(text):
    """Return (the model's name, [Call], shape (H, W, C) of the picture). text: a config. An open size is None.

    The last call gives the model's output. Raises InputError if the text is no Keras model, if the model has several
    inputs or outputs, or if it is larger than any real model.
    """
    if len(text) > LARGEST_CONFIG:
        raise InputError(f"its config has {len(text):,} bytes; the limit is {LARGEST_CONFIG:,}")
    model = json.loads(text, parse_constant=_no_number)
    if not isinstance(model, dict) or not {"class_name", "config"} <= model.keys():
        raise InputError("its config describes no Keras model")
    reader = _Reader()
    output = reader.model(model, (), ("input",))
    needed, kept = {output}, []
    for call in reversed(reader.calls):
        if call.name in needed:
            needed.update(call.inputs)
            kept.insert(0, call)
    return _named(model["config"]), kept, _picture(model)


class _Reader:
    """A _Reader collects the calls of a model and of models in it. It counts them: n models can make 2^n calls."""

    def __init__(self):
        self.calls, self.names, self.steps = [], {"input": 1}, 0

    def model(self, model, path, inputs):
        """Call a model. inputs: names of the values that it reads. Returns the name of its output."""
        if len(path) > DEEPEST_MODEL:
            raise InputError(f"its models are nested more than {DEEPEST_MODEL} deep")
        layers = _layers(model)
        path = [(*path, (_named(layer["config"]), group)) for layer, group in zip(layers, _groups(layers), strict=True)]
        if class_of(model) in SEQUENTIAL:
            for layer, where in zip(layers, path, strict=True):
                inputs = (self.call(layer, where, inputs, inputs),)
            return _single(inputs, "inputs")
        return self.functional(model["config"], layers, path, inputs)

    def functional(self, config, layers, path, inputs):
        """Make the calls of a functional model, each after the calls that it reads. Returns the name of its output."""
        ends = _ends(config, "input_layers")
        output = _single(_ends(config, "output_layers"), "outputs")
        if len(ends) != len(inputs):
            raise InputError(f"{_named(config)!r} has {len(ends)} inputs, and it is called with {len(inputs)}; "
                             "supported: one picture and one output")
        calls = {(where[-1][0], i): (layer, where, _arguments(node, layer))
                 for layer, where in zip(layers, path, strict=True)
                 for i, node in enumerate(layer.get("inbound_nodes", ()))}
        first = _first_calls(layers, [*(source for *_, given in calls.values() for source in _sources(given)), output])
        calls = {(name, i + first.get(name, 0)): call for (name, i), call in calls.items()}
        values = dict(zip(ends, inputs, strict=True))
        try:
            reads = {call: _sources(given) for call, (*_, given) in calls.items()}
            order = list(TopologicalSorter(reads).static_order())
        except CycleError:
            raise InputError(f"layers of {_named(config)!r} read each other in a circle") from None
        for call in order:
            if call not in values and call not in calls:
                raise InputError(f"{_named(config)!r} reads layer {str(call[0])!r:.60}, which is not in it")
            if call not in values:
                layer, where, given = calls[call]
                values[call] = self.call(layer, where, tuple(values[source] for source in _sources(given)), given)
        if output not in values:
            raise InputError(f"its output {str(output[0])!r:.60} is not one of its layers")
        return values[output]

    def call(self, layer, path, inputs, given):
        """Call a layer. given: its arguments, which are values or numbers. Returns the name of its output."""
        self.steps += 1
        if self.steps > MOST_CALLS:
            raise InputError(f"its layers are called more than {MOST_CALLS} times")
        kind, config = class_of(layer), layer["config"]
        if kind in (*SEQUENTIAL, *FUNCTIONAL):
            return self.model(layer, path, inputs)
        if kind == "InputLayer":
            return _single(inputs, "inputs")
        name = unique(path[-1][0], self.names)
        numbers = tuple(None if isinstance(argument, tuple | str) else argument for argument in given)
        self.calls.append(Call(name, kind, config, inputs, path, numbers))
        return name


def unique(name, taken):
    """Return the name, or name_2, name_3, ..., and add it to `taken`, {name: number of uses}."""
    free = name
    while free in taken:
        taken[name] += 1
        free = f"{name}_{taken[name]}"
    taken[free] = 1
    return free


def class_of(entry):
    """Return the name of the Keras class of a config entry. Raises InputError for a custom class.

    An operation in Python, such as x / 255, is "ops.Divide" in Keras 3, and "tf.math.truediv" in earlier versions. In
    an .h5 file of Keras 3, entries have no module, and the config of an operation holds only a name.
    """
    kind, module = entry["class_name"], entry.get("module") or "keras"
    parts = str(module).split(".")
    if kind in OPERATIONS:
        kind = f"tf.{entry['config']['function']}"
    if (not isinstance(kind, str) or len(kind) > LONGEST_NAME or parts[0] not in PACKAGES
            or ">" in str(entry.get("registered_name")) or "lambda" in kind.lower()):
        name = entry["config"].get("name") if isinstance(entry["config"], dict) else None
        raise InputError(f"it holds a {str(kind)[:40]!r} of {str(module)[:40]!r}, code that tinyattr never runs "
                         f"(layer {str(name)[:40]!r}); build the network from Keras' own layers")
    operation = "ops" in parts or ("module" not in entry and entry["config"] == {"name": entry.get("name")})
    return f"ops.{kind}" if operation else kind


def _layers(model):
    """Return the list of a model's layers. Before Keras 2.2.3, the config of a Sequential model was just this list."""
    kind = class_of(model)
    if kind not in (*SEQUENTIAL, *FUNCTIONAL):
        raise InputError(f"it holds a model of class {kind!r:.60}; supported are Sequential and functional models")
    config = model["config"]
    layers = config if isinstance(config, list) else config["layers"]
    if not layers:
        raise InputError("it holds a model without layers")
    return layers


def _groups(layers):
    """Return each layer's group in a .keras file: its class in snake case, then _1 for the second of this class, ..."""
    groups, count = [], {}
    for layer in layers:
        kind = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", class_of(layer))
        kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", kind).lower()
        count[kind] = count.get(kind, -1) + 1
        groups.append(f"{kind}_{count[kind]}" if count[kind] else kind)
    return groups


def _arguments(node, layer):
    """Return a call's arguments. A value is (layer, index of the layer's call); operations also have numbers.

    Keras 3 writes {"args": tensors and numbers}. Earlier versions write [[layer, call, 0, {}]]. There an operation has
    its second argument in {"y": ...}; a first argument that is a number is ["_CONSTANT_VALUE", -1, number, {}].
    """
    name, kind = _named(layer["config"]), class_of(layer)
    if isinstance(node, dict):
        args, options = node["args"], [node.get("kwargs") or {}]
        given = args[0] if len(args) == 1 and isinstance(args[0], list) else args
        given = [_unpacked(argument) for argument in given]
    else:
        node = [node] if node and isinstance(node[0], str) else node
        options = [dict(t[3]) for t in node if len(t) > 3]
        given = [t[2] if t[0] == CONSTANT else t[:3] for t in node]
        given += [option.pop("y") for option in options if kind.startswith("tf.") and "y" in option]
    found = [_source(*t) if isinstance(t, list) and len(t) == 3 and isinstance(t[0], str) else t for t in given]
    if any(not isinstance(t, tuple) for t in found) and not kind.startswith(("tf.", "ops.")):
        raise InputError(f"layer {name!r} is called with arguments that are not outputs of layers")
    for option in options:
        for key, value in option.items():
            if value not in (None, False) and not (key == "training" and kind.startswith(AUGMENTS)):
                raise InputError(f"layer {name!r} is called with {key}={value!r:.40}; only plain calls are supported")
    return found


def _unpacked(argument):
    """Return an argument of Keras 3: a value as [layer, call, 0], a constant as a number or a list of numbers."""
    kind = argument.get("class_name") if isinstance(argument, dict) else None
    if kind == TENSOR:
        return argument["config"]["keras_history"]
    return argument["config"]["value"] if kind in ARRAYS else argument


def _sources(given):
    """Return the arguments of a call that are outputs of layers."""
    return [argument for argument in given if isinstance(argument, tuple)]


def _source(layer, call, output):
    if output != 0:
        raise InputError(f"layer {str(layer)!r:.60} has several outputs; only layers with one output are supported")
    return layer, call


def _first_calls(layers, references):
    """Return {model: index of its first call}. It is 1 if Keras counted the making of the model as a call, else 0."""
    models = {_named(layer["config"]) for layer in layers if class_of(layer) in (*SEQUENTIAL, *FUNCTIONAL)}
    return {name: min((call for layer, call in references if layer == name), default=0) for name in models}


def _ends(config, key):
    """Return [(layer, index of its call)] of a model's inputs or outputs. For a single one, Keras 3 writes no list."""
    ends = config[key]
    if isinstance(ends, list) and ends and isinstance(ends[0], str):
        ends = [ends]
    if not isinstance(ends, list):
        raise InputError(f"{_named(config)!r} names its {key}; supported: one picture and one output")
    return [_source(*end) for end in ends]


def _single(values, what):
    if len(values) != 1:
        raise InputError(f"it has {len(values)} {what}; supported: one picture and one output")
    return values[0]


def _named(config):
    """Return the name in a config. Raises InputError if it is not a name."""
    name = "sequential" if isinstance(config, list) else config["name"]
    if not isinstance(name, str) or not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError(f"a layer's name is too long or not printable: {str(name)[:40]!r}")
    return name


def _picture(model):
    """Return the shape (H, W, C) of the picture, with None for open sizes."""
    config, (entry, *others) = model["config"], _layers(model)
    if class_of(model) in FUNCTIONAL:
        (first, _), *_ = _ends(config, "input_layers")
        entry = next(layer for layer in (entry, *others) if _named(layer["config"]) == first)
    if class_of(entry) in (*SEQUENTIAL, *FUNCTIONAL):
        return _picture(entry)
    own = entry["config"]
    shape = own.get("batch_shape") or own.get("batch_input_shape")  # Keras 3, Keras 2
    if shape is None and isinstance(config, dict):
        shape = config.get("build_input_shape")
    if not isinstance(shape, list) or len(shape) != 4:
        raise InputError(f"its input has shape {shape!r:.60}; expected pictures, (None, H, W, C)")
    for n in shape[1:]:
        if n is not None and (type(n) is not int or not 1 <= n <= 1 << 16):
            raise InputError(f"its input has shape {shape!r:.60}, which makes no sense")
    return tuple(shape[1:])


def _no_number(word):
    raise InputError(f"its config holds {word}, which is not a number")
