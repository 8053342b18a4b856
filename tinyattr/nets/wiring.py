"""What a network's list of layers says: which layers each layer reads, whether it is valid, the last feature maps."""

import numpy as np

from tinyattr.engine.arrays import frozen, plain
from tinyattr.engine.ops import ELEMENTWISE, MAXIMA, MEANS, check_call, check_weights
from tinyattr.errors import InputError, of_type, unknown


def wired(layers):
    """Yield (name, op, names of the layers that it reads, the op's own attributes) for each layer.

    A layer reads the layers in attributes["inputs"], or else the layer before it; "input" is x. A constant reads none.
    """
    previous = "input"
    for name, op, attributes in layers:
        own = dict(attributes)
        inputs = of_type(own.pop("inputs", previous), (str, list, tuple), "inputs") if op != "constant" else ()
        yield name, op, (inputs,) if isinstance(inputs, str) else tuple(inputs), own
        previous = name


def reads(layers):
    """Return {layer: names of the layers that it reads}."""
    return {name: inputs for name, _, inputs, _ in wired(layers)}


def checked(layers, weights):
    """Return (layers, weights) in the form that a Network stores. Raises InputError: see Network."""
    if not of_type(layers, (list, tuple), "layers"):
        raise InputError("a network needs at least one layer")
    if not all(isinstance(layer, list | tuple) and len(layer) == 3 and all(map(isinstance, layer, (str, str, dict)))
               for layer in layers):
        raise InputError("a layer is (name, op, attributes), for example ('conv1', 'conv2d', {'padding': 1})")
    layers = [(str(n), op, {key: plain(v) for key, v in attributes.items()}) for n, op, attributes in layers]
    weights = {n: tuple(map(frozen, of_type(arrays, (list, tuple), f"what '{n}' has for weights")))
               for n, arrays in of_type(weights, dict, "weights").items()}
    seen = ["input"]
    for n, op, inputs, own in wired(layers):
        arrays = weights.get(n, ())
        if n in seen:
            raise InputError(f"two layers are called '{n}'; every layer needs its own name")
        for i in inputs:
            if i not in seen:
                raise InputError(f"layer '{n}' reads '{i}', which does not come before it")
        if op == "constant":
            check_weights(op, n, arrays)
        else:
            check_call(op, n, len(inputs), arrays, own)
        if any(w.dtype not in (np.float32, np.float64) for w in arrays):
            raise InputError(f"{op} '{n}': weights must be float32 or float64; got {[str(w.dtype) for w in arrays]}")
        seen.append(n)
    for n in weights:
        if n not in seen:
            raise unknown("layer (in weights)", n, seen[1:])
    if len({w.dtype for arrays in weights.values() for w in arrays}) > 1:
        raise InputError("weights must be all float32 or all float64")
    return layers, weights


def last_feature_maps(layers):
    """Return the layer that the first flatten or global pool reads, or None if there is neither.

    A layer is on a side path if there is a path from the picture to the logits that does not cross it, as in a block
    of squeeze-and-excite. A flatten or global pool on a side path counts only if all of them are on side paths.
    """
    read, ends, flat = reads(layers), [], set()  # flat: names of layers whose output has no rows and columns
    for name, op, inputs, own in wired(layers):
        pool = "global" in op or (op in ("mean", "max", "sum") and not {1, 2}.isdisjoint(own.get("axes", ())))
        end = pool or op == "flatten" or len(own.get("shape", "maps")) == 1
        if end and not flat.issuperset(inputs):
            ends.append(name)
        if end or flat.issuperset(inputs):
            flat.add(name)
    crossed = [end for end in ends if not _goes_around(read, end)]
    return read[(crossed or ends)[0]][0] if ends else None


def _goes_around(read, end):
    """Return True if some path from the picture to the last layer does not cross the layer `end`."""
    reached = {"input"}
    for name, inputs in read.items():
        if name != end and not reached.isdisjoint(inputs):
            reached.add(name)
    return name in reached


KEEP = (*ELEMENTWISE, *MAXIMA, *MEANS, "batch_norm", "pad", "crop", "upsample", "channel_shuffle", "lrn", "add", "mul")


def outputs(layers, weights):
    """Return n if layers and weights show that the output is (N, n), else None. Ops in KEEP do not change n."""
    found, flat = {name: (op, inputs, own) for name, op, inputs, own in wired(layers)}, False
    last = layers[-1][0]
    op, inputs, own = found[last]
    while op in KEEP and {3, -1}.isdisjoint(own.get("axes", ())):
        flat = flat or ("global" in op and not own.get("keep"))
        last = next((i for i in inputs if i == "input" or found[i][0] != "constant"), None)
        op, inputs, own = found.get(last, ("input", (), {}))
    if op == "two_logits":
        return 2
    return weights[last][-1].size if op == "dense" or (op == "conv2d" and flat) else None
