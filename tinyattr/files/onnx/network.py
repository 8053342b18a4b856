"""Go through the nodes of an ONNX file, in the file's order, and make the layers of a Network from them."""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from tinyattr.errors import InputError, count_of
from tinyattr.files.onnx import constants as fold
from tinyattr.files.onnx.builder import Builder, Value, channels_first, readable
from tinyattr.files.onnx.file import read_graph
from tinyattr.files.onnx.formulas import formula, source
from tinyattr.files.onnx.operators import OPERATORS
from tinyattr.files.weight_file import DAMAGED, MOST_NUMBERS, Array, Description

NHWC = [0, 3, 1, 2]  # most files from TensorFlow start with this Transpose
COLOURS = (1, 3)  # numbers of channels of a grey and of a coloured picture


def onnx_contents(data, path, size=None):
    """Return (layout, layers, description, graph, (), True) of an ONNX file's bytes: see `WeightFile`.

    path: path of the file, or a name for messages. size: of pictures, a number or (H, W), if the file does not fix it.
    Raises InputError, which names the node and its operator, if something is not supported.
    """
    graph = read_graph(data, path.parent if path.exists() else None)
    shape = picture_shape(graph, size)
    walk = Walk(graph, shape, np.dtype(np.float64 if graph.double else np.float32))
    layers, weights = walk.network()
    arrays = {layer: tuple(_array(f"{layer}/{i}", w) for i, w in enumerate(ws)) for layer, ws in weights.items()}
    picture = (*shape[1:3], shape[3]) if _channels_last(graph) else (*shape[2:], shape[1])
    return "onnx", arrays, Description(network=readable(path.stem), note=walk.note, picture=picture), layers, (), True


def _array(name, w):
    return Array(name, w.shape, lambda: np.ascontiguousarray(w), lambda a, where: a)  # the builder has checked it


def picture_shape(graph, size):
    """Return the picture's shape in the file, (N, C, H, W) or (N, H, W, C). An open N becomes 1."""
    shape = list(graph.shape)
    rows = slice(1, 3) if _channels_last(graph) else slice(2, 4)
    if len(shape) != 4:
        raise InputError(f"its input {graph.picture!r:.40} has {len(shape)} axes; expected pictures (N, C, H, W)")
    if size is not None:
        size = [count_of(n, "size") for n in np.broadcast_to(size, 2).tolist()]
        if any(a not in (None, b) for a, b in zip(shape[rows], size, strict=True)):
            raise InputError(f"its pictures are {shape[rows][0]} x {shape[rows][1]}; got size {size[0]} x {size[1]}")
        shape[rows] = size
    if None in shape[rows]:
        raise InputError("it does not fix the size of pictures; give size=224 (command line: --size 224), or "
                         "input=InputSpec((H, W), ...)")
    if None in shape[1:]:
        raise InputError("it does not fix the number of channels; export it with a fixed number")
    if min(shape[1:]) < 1 or (shape[0] or 1) < 1 or prod(shape[1:]) * (shape[0] or 1) > MOST_NUMBERS:
        raise InputError(f"its pictures have shape {shape}, which makes no sense")
    return (shape[0] or 1, *shape[1:])


def _channels_last(graph):
    """Return True if the picture is (N, H, W, C), as TensorFlow has it.

    We see this if the first nodes transpose it to (N, C, H, W), or if only the last axis has 1 or 3 numbers. The answer
    decides in which order of axes users give their pictures. The network computes the same in both cases.
    """
    first = [n for n in graph.nodes if graph.picture in n.inputs]
    transposed = bool(first) and all(n.op == "Transpose" and n.attributes.get("perm") == NHWC for n in first)
    return transposed or (len(graph.shape) == 4 and graph.shape[3] in COLOURS and graph.shape[1] not in COLOURS)


@dataclass(frozen=True)
class Call:
    """A Call is a node with the values of its inputs. readers: operators of the nodes that read its first output.
    closing: whether the network ends with it. alone: the layers that no other node reads.
    """

    op: str
    name: str
    names: tuple[str, ...]
    inputs: tuple
    outputs: tuple[str, ...]
    attributes: dict
    readers: frozenset = frozenset()
    closing: bool = False
    alone: frozenset = frozenset()

    def value(self, i):
        """Return input i. Raises InputError unless it depends on the picture."""
        if i >= len(self.inputs) or not isinstance(self.inputs[i], Value):
            raise InputError(f"its input {i} is a constant or missing; expected a value that depends on the picture")
        return self.inputs[i]

    def constant(self, i):
        """Return input i as an array, or None if it is left out. Raises InputError if it depends on the picture."""
        found = self.inputs[i] if i < len(self.inputs) else None
        if isinstance(found, Value):
            raise InputError(f"its input {i} depends on the picture; expected a constant")
        return found

    def values(self):
        """Return all inputs that depend on the picture."""
        return [v for v in self.inputs if isinstance(v, Value)]

    def constants(self):
        """Return all inputs that are constant."""
        return [v for v in self.inputs if isinstance(v, np.ndarray)]


class Walk(Builder):
    """A Walk reads each node once. values: {name: Value, or array, or the InputError of a node that we could not read}.

    This error is raised only if another node needs the value, because a formula may replace the node. makers: {value:
    the node that makes it}; readers: {value: operators that read it}; holders: {layer: number of Values that it holds};
    budget: how many constants we may still compute; copies: how many we may still copy when they move; taken_off: the
    operator that we removed at the end; note: a sentence about it.
    """

    def __init__(self, graph, shape, dtype):
        super().__init__(dtype)
        self.graph, self.opset, self.budget = graph, graph.opset, fold.MOST_COMPUTED
        self.copies = fold.MOST_COMPUTED + sum(a.size for a in graph.constants.values())
        self.taken_off, self.note = None, ""
        self.makers, self.readers, self.holders = {}, defaultdict(list), Counter()
        for node in graph.nodes:
            branches = [g for g in node.attributes.values() if hasattr(g, "node")]
            for name in (*node.inputs, *(i for g in branches for n in g.node for i in n.input)):
                self.readers[name].append(node.op)
            for name in node.outputs:
                if name in self.makers or name in graph.constants or name == graph.picture:
                    raise InputError(f"two nodes make the value {name!r:.60}")
                if name:
                    self.makers[name] = node
        self.readers[graph.output].append("the output")
        self.values = {**graph.constants, graph.picture: self._picture(shape)}
        last = self.makers.get(source(graph.output, self.makers, tuple(fold.MOVES)))
        self.closing = last.outputs[0] if last else None

    def _picture(self, shape):
        if _channels_last(self.graph):
            return self.in_file_order("input", shape[1:], shape[0])
        return channels_first("input", (*shape[2:], shape[1]), shape[0])

    def network(self):
        """Return (layers, weights) for a Network, without those that the logits do not need."""
        for node in self.graph.nodes:
            self.read(node)
        value = self.lookup(self.graph.output)
        if not isinstance(value, Value):
            raise InputError("its output does not depend on the picture")
        if np.prod(value.shape[1:]) != max(value.shape[1:], default=1):
            raise InputError(f"its output has shape {value.shape}; expected logits (N, classes)")
        last = self.arranged(value.moved(self.places_of(value).reshape(value.shape[0], -1)), 1)
        self.note = f"the last {self.taken_off} is removed" if self.taken_off else ""
        if np.prod(value.shape[1:]) == 1:
            last = self.add("logits", "two_logits", (last,), (2,))
            self.note = "; ".join(filter(None, (self.note, "the one output z is read as the logits (0, z)")))
        return self._needed(last)

    def read(self, node):
        """Put the values that a node makes into `values`, or an InputError if we cannot read the node."""
        which = f"node {node.name!r:.80} ({node.op:.40})"
        missing = InputError(f"{which}: only its first output is supported")
        try:
            made = self._made(node)
        except InputError as error:
            missing = error if str(error).startswith("node ") else InputError(f"{which}: {error}")
            made = []
        except DAMAGED as error:
            missing, made = InputError(f"{which} makes no sense: {error}"), []
        made = [*made, *[missing] * (len(node.outputs) - len(made))]
        self.values.update(zip(node.outputs, made, strict=False))
        self.holders.update(value.layer for value in made if isinstance(value, Value))

    def _made(self, node):
        found = formula(node, self.makers, self.values)
        if found is not None and isinstance(self.values.get(found[1]), Value):
            op, x, attributes = found
            return [OPERATORS[op](self, self.call(replace(node, op=op, inputs=(x,), attributes=attributes)))]
        call = self.call(node)
        if node.op == "Shape" and call.values():
            return [fold.shape_of(node, call.value(0).shape)]
        if not call.values():
            made = fold.computed(node, call.inputs, self.budget)
            self.budget -= 0 if node.op in fold.FREE else made.size
            self.copies -= made.size if node.op in fold.MOVES and not np.may_share_memory(made, call.inputs[0]) else 0
            if self.copies < 0:
                raise InputError("with it, the file would move its constants several times; simplify the file, for "
                                 "example with the package onnxsim")
            return [made]
        if node.op in fold.MOVES:
            value = call.value(0)
            if node.op in ("Identity", "Dropout"):
                return [fold.MOVES[node.op](node, value, *call.inputs[1:])]
            return [value.moved(fold.MOVES[node.op](node, self.places_of(value), *call.inputs[1:]))]
        if node.op not in OPERATORS:
            raise InputError("this operator is not supported")
        made = OPERATORS[node.op](self, call)
        return made if isinstance(made, list) else [made]

    def call(self, node):
        """Return the Call of a node. Raises the InputError of an input that we could not read."""
        inputs = tuple(self.lookup(name) if name else None for name in node.inputs)
        while inputs and inputs[-1] is None:
            inputs = inputs[:-1]
        alone = {v.layer for name, v in zip(node.inputs, inputs, strict=False)
                 if isinstance(v, Value) and self.readers[name] == [node.op] and self.holders[v.layer] == 1}
        return Call(node.op, node.name, node.inputs, inputs, node.outputs, node.attributes,
                    frozenset(self.readers[node.outputs[0]]), node.outputs[0] == self.closing, frozenset(alone))

    def lookup(self, name):
        """Return the Value or array of this name. Raises InputError."""
        value = self.values.get(name)
        if value is None:
            later = "only later: the nodes are not in order, or form a circle" if name in self.makers else "nowhere"
            raise InputError(f"{name!r:.60} is read, but made {later}")
        if isinstance(value, InputError):
            raise value
        return value

    def _needed(self, last):
        """Return the layers that `last` needs, and their weights. A layer that reads the one before has no "inputs"."""
        reads, needed = {name: inputs for name, _, inputs, _ in self.layers}, set()
        open_ = [last]
        while open_:
            name = open_.pop()
            if name not in needed and name in reads:
                needed.add(name)
                open_ += reads[name]
        layers, previous = [], "input"
        for name, op, inputs, attributes in self.layers:
            if name in needed:
                named = {} if inputs in ((previous,), ()) else {"inputs": inputs}
                layers.append((name, op, {**named, **attributes}))
                previous = name
        return layers, {name: arrays for name, arrays in self.weights.items() if name in needed}
