"""A network is a list of layers and a dict of weights. Its tape ends at the logits; softmax is never a layer."""

from dataclasses import dataclass, field, fields, replace
from html import escape

import numpy as np

from tinyattr.engine import NUMPY, Tape
from tinyattr.engine.arrays import frozen
from tinyattr.engine.backend import NumPy, preferred
from tinyattr.engine.ops import ELEMENTWISE, MAXIMA, MEANS, check_call
from tinyattr.errors import InputError, count_of, of_type, unknown
from tinyattr.nets.pictures import InputSpec


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """layers: (name, op, attributes) in order; weights: {layer name: (kernel, bias)}, all float32 or all float64.

    A layer reads the one before it, or those in attributes["inputs"]; "input" is the picture. Kernels are
    (kh, kw, in, out) or (in, out). Weights are copied once and cannot be changed; dataclasses.replace gives a network
    with others.
    features: the last layer of feature maps, the one CAMs explain unless told otherwise; default the last before a
    flatten or global pool. classes: their names (None: only numbers). input: how photos are preprocessed (None:
    unknown). backend: who computes. A network with one output z, made for a sigmoid, gets one more layer: its logits
    are (0, z), so that it has two classes and every score works.
    Raises InputError for an unknown op, a name used twice or that of another op, an input used before it exists, or
    missing weights.
    """

    layers: list
    weights: dict
    name: str = "network"
    features: str | None = None
    classes: tuple[str, ...] | None = None
    input: InputSpec | None = None
    source: str = ""
    backend: NumPy = field(default_factory=preferred)

    def __post_init__(self):
        layers, weights = checked(self.layers, self.weights)
        features = _last_feature_maps(layers) if self.features is None else self.features
        names = ["input", *(name for name, _, _ in layers)]
        if features is not None and of_type(features, str, "features") not in names:
            raise unknown("layer (features)", features, names)
        n = outputs(layers, weights)
        if n == 1:
            layers, n = [*layers, ("two_logits", "two_logits", {})], 2
        classes = () if self.classes is None else of_type(self.classes, (list, tuple), "classes")
        classes = tuple(map(str, classes)) or None
        if classes and n and len(classes) != n:
            raise InputError(f"{len(classes)} class names for {n} logits")
        of_type(self.input, (InputSpec, type(None)), "input")
        for key, value in (("layers", layers), ("weights", weights), ("features", features), ("classes", classes)):
            object.__setattr__(self, key, value)

    def __reduce__(self):
        return Network, tuple(getattr(self, f.name) for f in fields(self))  # copies are made, and checked, as all are

    def run(self, x):
        """Forward pass of x (N, H, W, C). Returns the tape. Raises InputError for a picture the network cannot take."""
        tape = Tape(self.backend, self)
        previous = tape.leaf("input", self._checked(x))
        for name, op, attributes in self.layers:
            inputs, attributes = inputs_of(attributes, previous)
            previous = self._write(tape, name, op, inputs, attributes)
        return tape

    def resume(self, tape, layer, A):
        """A new tape on which `layer` holds A (N, ...) instead, and all that depends on it is computed again.

        What does not depend on it is taken from `tape`, of one picture, and stands N times; constants stand once.
        """
        new, changed = Tape(self.backend, self), {tape[layer].name}
        new.leaf(layer, A)
        previous = "input"
        for name, op, attributes in self.layers:
            inputs, attributes = inputs_of(attributes, previous)
            if op != "constant" and not changed.isdisjoint(inputs):
                for i in inputs:
                    if i not in new:
                        kept = tape[i]
                        times = 1 if kept.op == "constant" else len(A)
                        new.leaf(i, kept.output if times == 1 else np.repeat(kept.output, times, 0), kept.op)
                changed.add(self._write(new, name, op, inputs, attributes))
            previous = name
        return new

    def _write(self, tape, name, op, inputs, attributes):
        if op == "constant":
            return tape.leaf(name, self.weights[name][0], "constant")
        return tape.write(op, name, inputs, self.weights.get(name, ()), **attributes)

    def __call__(self, x):
        """Logits z, (N, n) float64."""
        return self.logits(self.run(x))

    def logits(self, tape):
        """The logits z at the end of a tape, (N, n) float64: scores are never computed in less."""
        if of_type(tape, Tape, "tape").network is not self:
            by = "hand" if tape.network is None else f"another network, {tape.network.name}"
            raise InputError(f"this tape was not written by {self.name}, but by {by}; give the picture, or the tape "
                             "that the network's own run() returned")
        last = self.layers[-1][0]
        z = tape[last].output
        if z.ndim != 2 or z.shape[1] < 2:
            raise InputError(f"the last layer '{last}' must give logits (N, n), n >= 2; it gives shape {z.shape}"
                             + "; add the layer ('two_logits', 'two_logits', {}), (0, z)" * (z.shape[1:] == (1,)))
        return z.astype(np.float64)

    def read(self, photo):
        """A photo (path, PIL image or uint8 array) as this network wants it: (1, H, W, 3) float32."""
        if self.input is None:
            raise InputError(f"{self.name}: its file does not say how photos were preprocessed; "
                             "load it with family='oxford' or 'torchvision' (command line: --family oxford), or with "
                             "input=InputSpec(...)")
        from tinyattr.files.photo import read_photo  # a step out of this room, when a photo is to be opened
        return read_photo(photo, self.input)

    @property
    def dtype(self):
        """The dtype the network computes in."""
        return np.result_type(*(w for arrays in self.weights.values() for w in arrays), np.float32)

    @property
    def parameters(self):
        """How many numbers the weights hold."""
        return sum(w.size for arrays in self.weights.values() for w in arrays)

    def folded(self):
        """(the same function with batch norms merged into the layers before them, why others were not): folding.py."""
        from tinyattr.nets.folding import folded
        return folded(self)

    def astype(self, dtype):
        """The same network computing in float32 or float64. Raises InputError for another dtype."""
        if isinstance(dtype, np.ndarray) or dtype not in (np.dtype("float32"), np.dtype("float64")):
            raise InputError(f"a network computes in float32 or float64; got {dtype!r}")
        weights = {name: tuple(w.astype(dtype) for w in arrays) for name, arrays in self.weights.items()}
        return replace(self, weights=weights)

    def without_kernels(self):
        """The same network computed by NumPy alone, in the lines of the engine: slower, and easier to step through."""
        return replace(self, backend=NUMPY)

    def label(self, c):
        """Name and number of class c: "soccer ball (805)", "class 805" where classes have no names."""
        return f"{self.classes[count_of(c, 'c', 0, len(self.classes) - 1)]} ({c})" if self.classes else f"class {c}"

    def __repr__(self):
        return f"<Network: {self.name}, {len(self.layers)} layers, {self.parameters:,} parameters, {self.dtype}>"

    def _repr_html_(self):
        """The same and a line for each layer, as notebooks show it."""
        lines = (f"{op:<16} {name:<24} {[w.shape for w in self.weights.get(name, ())] or ''} {attributes or ''}"
                 for name, op, attributes in self.layers)
        return f"<pre>{escape(chr(10).join([repr(self), *lines]))}</pre>"

    def _checked(self, x):
        x, masked = np.asarray(x), np.ma.is_masked(x)
        if x.ndim != 4 or 0 in x.shape or masked or x.dtype.kind not in "fiu":
            raise InputError(f"a picture is (N, H, W, C) numbers, at least one; got shape {x.shape} {x.dtype}"
                             f"{', some of it masked' * masked}; net.read(photo) makes one from a file")
        if self.input and x.shape[1:] != self.input.shape:
            raise InputError(f"{self.name} takes pictures (N, {', '.join(map(str, self.input.shape))}); got {x.shape}")
        if not np.isfinite(x).all():
            raise InputError("the picture holds NaN or infinity")
        if self.input:
            self.input.expect_preprocessed(x)
        return x.astype(self.dtype, copy=False) if self.weights else x


network = Network  # as scripts call it: network(layers, weights)


def inputs_of(attributes, previous):
    """(names of the layers read, the op's own attributes)."""
    own = {key: value for key, value in attributes.items() if key != "inputs"}
    inputs = of_type(attributes.get("inputs", (previous,)), (str, list, tuple), "inputs")
    return (inputs,) if isinstance(inputs, str) else tuple(inputs), own


def checked(layers, weights):
    """(layers, weights) of a network, as they are kept. Raises InputError: see Network."""
    if not all(isinstance(layer, list | tuple) and len(layer) == 3 and all(map(isinstance, layer, (str, str, dict)))
               for layer in of_type(layers, (list, tuple), "layers")):
        raise InputError("a layer is (name, op, attributes), for example ('conv1', 'conv2d', {'padding': 1})")
    layers = [(str(n), op, {key: _plain(v) for key, v in attributes.items()}) for n, op, attributes in layers]
    weights = {n: tuple(map(frozen, of_type(arrays, (list, tuple), f"what '{n}' has for weights")))
               for n, arrays in of_type(weights, dict, "weights").items()}
    seen = ["input"]
    for n, op, attributes in layers:
        if n in seen:
            raise InputError(f"two layers are called '{n}'; every layer needs its own name")
        inputs, own = inputs_of(attributes, seen[-1])
        for i in inputs:
            if i not in seen:
                raise InputError(f"layer '{n}' reads '{i}', which does not come before it")
        if op != "constant":
            check_call(op, n, own, len(inputs) + len(weights.get(n, ())))
        _check_weights(n, op, weights.get(n, ()))
        seen.append(n)
    if not layers:
        raise InputError("a network needs at least one layer")
    for n in weights:
        if n not in seen:
            raise unknown("layer (in weights)", n, seen[1:])
    if len({w.dtype for arrays in weights.values() for w in arrays}) > 1:
        raise InputError("weights must be all float32 or all float64")
    return layers, weights


def _plain(value):
    """An attribute as plain data, so that nobody changes it later: lists as tuples, NumPy's numbers as Python's."""
    value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


RANKS = {  # how many axes the weights of an op have
    "conv2d": (4, 1), "conv2d_transpose": (4, 1), "dense": (2, 1), "batch_norm": (1, 1), "prelu": (1,),
}


def _check_weights(name, op, arrays):
    shapes = [w.shape for w in arrays]
    if len(arrays) != 1 if op == "constant" else tuple(map(len, shapes)) != RANKS.get(op, ()):
        needs = "one array" if op == "constant" else f"arrays with {RANKS.get(op, ())} axes"
        raise InputError(f"{op} '{name}' needs {needs} as weights; got shapes {shapes}")
    if op in RANKS and len({shape[-1] for shape in shapes}) > 1:
        raise InputError(f"{op} '{name}': weights of shapes {shapes} do not fit each other")
    if any(w.dtype not in (np.float32, np.float64) for w in arrays):
        raise InputError(f"{op} '{name}': weights must be float32 or float64; got {[str(w.dtype) for w in arrays]}")


def reads(layers):
    """{layer: names of the layers it reads}; a constant reads none."""
    found, previous = {}, "input"
    for name, op, attributes in layers:
        found[name], previous = () if op == "constant" else inputs_of(attributes, previous)[0], name
    return found


def _last_feature_maps(layers):
    """The layer that the first flatten or global pool reads which no path from picture to logits goes around (as one
    does around squeeze-and-excite); where there is none such, the first at all. None where there is neither.
    """
    read, ends, flat = reads(layers), [], set()  # flat: without places
    for name, op, own in layers:
        pool = "global" in op or (op in ("mean", "max", "sum") and sorted(own.get("axes", ())) == [1, 2])
        end = pool or op == "flatten" or len(own.get("shape", "maps")) == 1
        if end and not flat.issuperset(read[name]):
            ends.append(name)
        if end or flat.issuperset(read[name]):
            flat.add(name)
    crossed = [end for end in ends if not _goes_around(read, end)]
    return read[(crossed or ends)[0]][0] if ends else None


def _goes_around(read, end):
    """True if a path from the picture to the last layer does not cross the layer `end`."""
    reached = {"input"}
    for name, inputs in read.items():
        if name != end and not reached.isdisjoint(inputs):
            reached.add(name)
    return name in reached


KEEP = (*ELEMENTWISE, *MAXIMA, *MEANS, "batch_norm", "pad", "crop", "upsample", "channel_shuffle", "lrn", "add", "mul")


def outputs(layers, weights):
    """n, where layers and weights tell that the network gives (N, n); else None. KEEP: as many channels as before."""
    ops, read, flat = {name: (op, own) for name, op, own in layers}, reads(layers), False
    last = layers[-1][0]
    op, own = ops[last]
    while op in KEEP and {3, -1}.isdisjoint(own.get("axes", ())):
        flat = flat or ("global" in op and not own.get("keep"))
        last = next((i for i in read[last] if ops.get(i, ("input",))[0] != "constant"), None)
        op, own = ops.get(last, ("input", {}))
    if op == "two_logits":
        return 2
    return weights[last][-1].size if op == "dense" or (op == "conv2d" and flat) else None
