"""A network is a list of layers and a dict of weights. Its tape ends at the logits; softmax is never a layer."""

from dataclasses import dataclass, field, fields, replace
from html import escape

import numpy as np

from tinyattr.engine import NUMPY, Tape
from tinyattr.engine.backend import PREFERRED, NumPy
from tinyattr.errors import InputError, count_of, of_type, unknown
from tinyattr.nets.folding import folded
from tinyattr.nets.pictures import InputSpec
from tinyattr.nets.wiring import checked, last_feature_maps, outputs, wired


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """A Network has layers, in order, and weights. The last layer gives the logits.

    layers: (name, op, attributes). A layer reads the layer before it, or the layers named in attributes["inputs"]. The
    name "input" stands for the picture x.
    weights: {layer name: its arrays}, all float32 or all float64. ops.WEIGHTS lists every op's arrays and their axes.
    name: for titles and messages. source: where the weights come from. backend: what computes the layers.
    features: the layer that CAMs explain by default. None: the layer before the first flatten or global pool on the
    main path. classes: their names, or None. input: how photos are preprocessed, or None.
    Weights are copied once and never change; dataclasses.replace returns a network with other weights. A network with
    one output z (made for a sigmoid) gets one more layer. It returns two logits, 0 and z: their softmax gives the
    sigmoid's probability. Raises InputError for an unknown op, missing weights, an input that no earlier layer gives,
    or a name that two layers share. A layer must not have the name of another op: no dense layer is named "relu".
    """

    layers: list
    weights: dict
    name: str = "network"
    features: str | None = None
    classes: tuple[str, ...] | None = None
    input: InputSpec | None = None
    source: str = ""
    backend: NumPy = field(default_factory=lambda: PREFERRED[0])

    def __post_init__(self):
        layers, weights = checked(self.layers, self.weights)
        features = last_feature_maps(layers) if self.features is None else self.features
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
        return Network, tuple(getattr(self, f.name) for f in fields(self))  # a copy is checked like every network

    def run(self, x):
        """Run x (N, H, W, C) forward and return the tape. Raises InputError if the network cannot take the picture."""
        return self.backend.again("run", self, x := self._checked(x)) or self.resume(None, "input", x)

    def resume(self, tape, layer, A, backend=None):
        """Return a new tape: `layer` has the value A (N, ...), and every layer that depends on it is computed again.

        `tape` holds one picture. An old output that is needed is repeated N times. If `tape` is None, all layers run.
        """
        new = Tape(backend or self.backend, self)  # if `backend` is None, this network's backend computes
        changed = {new.leaf(layer if tape is None else tape[layer].name, A)}
        for name, op, inputs, attributes in wired(self.layers):
            if op == "constant" and name not in new:  # not copied N times
                new.leaf(name, self.weights[name][0], op)
            elif op != "constant" and (tape is None or not changed.isdisjoint(inputs)):
                for i in inputs:
                    if i not in new:
                        new.leaf(i, np.repeat(tape[i].output, len(A), 0), tape[i].op)
                changed.add(new.write_checked(op, name, inputs, self.weights.get(name, ()), attributes))
        return new

    def __call__(self, x):
        """Return the logits z, (N, n) float64."""
        return self.logits(self.backend.again("ends", self, x := self._checked(x)) or self.resume(None, "input", x))

    def logits(self, tape):
        """Return the logits z at the end of a tape, (N, n) float64, because scores need this precision."""
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
        """Return a photo (path, PIL image or uint8 array) preprocessed for this network: (1, H, W, 3) float32."""
        if self.input is None:
            raise InputError(f"{self.name}: its file does not say how photos were preprocessed; "
                             "load it with family='oxford' or 'torchvision' (command line: --family oxford), or with "
                             "input=InputSpec(...) (command line: --size, --mean and --std)")
        from tinyattr.files.photo import read_photo  # imports from a room below, only for a photo
        return read_photo(photo, self.input)

    @property
    def dtype(self):
        """The dtype in which the network computes."""
        return np.result_type(*(w for arrays in self.weights.values() for w in arrays), np.float32)

    @property
    def parameters(self):
        """The number of numbers in all weights."""
        return sum(w.size for arrays in self.weights.values() for w in arrays)

    def folded(self):
        """Merge batch norms into the layers before them. Return (new network, [(batch norm not merged, reason)])."""
        return folded(self)

    def with_weights(self, path, epsilon=None):
        """Return a network with the arrays of a Keras file of weights (.weights.h5): see files/bare_weights.py."""
        from tinyattr.files.bare_weights import with_weights  # imports from a room below, as in `read`
        return with_weights(self, path, epsilon)

    def astype(self, dtype):
        """Return this network with weights in float32 or float64. Raises InputError for another dtype."""
        if isinstance(dtype, np.ndarray) or dtype not in (np.dtype("float32"), np.dtype("float64")):
            raise InputError(f"a network computes in float32 or float64; got {dtype!r}")
        weights = {name: tuple(w.astype(dtype) for w in arrays) for name, arrays in self.weights.items()}
        return replace(self, weights=weights)

    def without_kernels(self):
        """Return this network computed by NumPy, with the functions in engine/: slower, but easy to step through."""
        return replace(self, backend=NUMPY)

    def label(self, c):
        """Return the name and number of class c: "soccer ball (805)", or "class 805" if classes have no names."""
        return f"{self.classes[count_of(c, 'c', 0, len(self.classes) - 1)]} ({c})" if self.classes else f"class {c}"

    def __repr__(self):
        return f"<Network: {self.name}, {len(self.layers)} layers, {self.parameters:,} parameters, {self.dtype}>"

    def _repr_html_(self):
        """Return a description with one line for each layer, for notebooks."""
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
        if not np.isfinite((x.min(), x.max())).all():  # a NaN is the smallest and the largest of all
            raise InputError("the picture holds NaN or infinity")
        if self.input:
            self.input.expect_preprocessed(x)
        return x.astype(self.dtype, copy=False) if self.weights else x
