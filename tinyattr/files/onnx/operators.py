"""How an operator of the file becomes layers of ours: OPERATORS maps its name to a function (builder, node) -> Value.

What only moves numbers stands in constants.MOVES, windows in windows.py.
"""

import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.onnx.builder import Value, channels_first
from tinyattr.files.onnx.constants import listed, spans
from tinyattr.files.onnx.file import FLOATS
from tinyattr.files.onnx.windows import conv, conv_transpose, global_pool, pool


def per_number(op, **names):
    """An activation: `op`, whose attributes are named as given here: ours = (the file's, its default)."""
    def read(net, node):
        about = {ours: node.attributes.get(theirs, default) for ours, (theirs, default) in names.items()}
        return activated(net, node, op, **about)
    return read


def activated(net, node, op, weights=(), **about):
    """The Value of an activation of the node's first input: each number stays where it is."""
    value = node.value(0)
    return Value(net.add(node.name, op, (value.layer,), value.ours, weights, **about), value.shape, value.ours, value.places)


def clip(net, node):
    """Clip -> clip, or relu for what is only kept from being negative. Newer files give the limits as inputs."""
    low, high = (node.attributes.get(key) if node.constant(i) is None else float(node.constant(i))
                 for i, key in ((1, "min"), (2, "max")))
    if low == 0 and high is None:
        return activated(net, node, "relu")
    return activated(net, node, "clip", low=-np.inf if low is None else low, high=np.inf if high is None else high)


def gelu(net, node):
    """Gelu -> gelu."""
    return activated(net, node, "gelu", **({"approximate": True} if node.attributes.get("approximate") == "tanh" else {}))


def selu(net, node):
    """Selu: gamma elu(x, alpha); -> selu with the constants of the paper."""
    alpha, gamma = node.attributes.get("alpha", 1.67326319), node.attributes.get("gamma", 1.05070102)
    if abs(alpha - 1.67326319) < 1e-5 and abs(gamma - 1.05070102) < 1e-5:
        return activated(net, node, "selu")
    return affine(net, node, activated(net, node, "elu", alpha=alpha), scale=np.array(gamma))


def prelu(net, node):
    """PRelu -> prelu with a slope for each channel."""
    value, slope = node.value(0), node.constant(1)
    if net.opset < 7 and slope.ndim == 1:  # one for each channel, then
        slope = slope.reshape(-1, *[1] * (len(value.shape) - 2))
    slope = like(value, slope)
    if slope.ndim > 1:
        raise InputError("the slope differs between places")
    return activated(net, node, "prelu", (slope,))


def swish(net, node):
    """Swish -> silu."""
    if node.attributes.get("alpha", 1.0) != 1:
        raise InputError("only alpha = 1 is read")
    return activated(net, node, "silu")


def cast(net, node):
    """Cast of floats to floats: the network computes in one type."""
    if node.attributes["to"] not in FLOATS:
        raise InputError("what depends on the picture becomes whole numbers or booleans")
    return node.value(0)


def batch_norm(net, node):
    """BatchNormalization: y = gamma (x - mean) / sqrt(variance + eps) + beta -> batch_norm."""
    value, (gamma, beta, mean, variance) = node.value(0), (node.constant(i) for i in range(1, 5))
    if any(v is None or v.ndim != 1 for v in (gamma, beta, mean, variance)) or node.attributes.get("training_mode", 0):
        raise InputError("only batch normalisation after training is read, with four constant arrays; call model.eval()")
    scale = gamma / np.sqrt(variance.astype(np.float64) + node.attributes.get("epsilon", 1e-5))
    shape = (-1, *[1] * (len(value.shape) - 2))
    return affine(net, node, value, scale.reshape(shape), (beta - mean * scale).reshape(shape))


def affine(net, node, value, scale=None, shift=None):
    """value scale + shift for constants of the file: batch_norm where they differ by channel only.

    One that only this node reads, and that scales and shifts already, takes them over.
    """
    none = np.ones(()), np.zeros(())
    s, t = (like(value, d if v is None else v.astype(np.float64)) for v, d in zip((scale, shift), none, strict=True))
    ours, layer = value.ours, value.layer
    if s.ndim == t.ndim == 1 and layer in net.scaled & node.alone:
        first, before = (w.astype(np.float64) for w in net.weights[layer])
        net.weights[layer] = net.vetted((first * s, before * s + t))
    elif s.ndim == t.ndim == 1:
        layer = net.add(node.name, "batch_norm", (layer,), ours, (s, t))
        net.scaled.add(layer)
    else:
        for op, v, given in (("mul", s, scale), ("add", t, shift)):
            if given is not None:
                layer = net.add(node.name, op, (layer, fixed(net, node, v)), ours)
    return Value(layer, value.shape, ours, value.places)


def fixed(net, node, v):
    """A constant as a layer."""
    return net.add(f"{node.name}_constant", "constant", (), v.shape, (v,))


def like(value, constant):
    """A constant that is broadcast to a Value, in our order: (C,) where it differs by channel only, else as our output."""
    shape = (*[1] * (len(value.shape) - constant.ndim), *constant.shape)
    if len(shape) > len(value.shape) or shape[0] != 1 or any(n not in (1, m) for n, m in zip(shape, value.shape, strict=True)):
        raise InputError(f"a constant {constant.shape} does not fit a value {value.shape}")
    if value.places is None and max(shape[2:], default=1) == 1:
        return np.broadcast_to(constant.ravel(), value.ours[-1:])
    ordered = np.empty(value.ours, constant.dtype)
    ordered.reshape(-1)[value.numbered()[0].ravel()] = np.broadcast_to(constant, value.shape)[0].ravel()
    channels = ordered.reshape(-1, value.ours[-1])
    return channels[0] if (channels == channels[0]).all() else ordered


def add(net, node, sign=1):
    """Add, Sub, Sum -> add; with a constant batch_norm, or the bias of the layer before."""
    values, constants = node.values(), node.constants()
    if len(values) == 1 and len(constants) == 1:
        negative = sign < 0 and node.inputs[1] is values[0]  # constant - value
        shift = sign * constants[0] if not negative else constants[0]
        return shifted(net, node, values[0], shift, negative)
    if constants:
        raise InputError("only two inputs, one of them constant, are added")
    if sign < 0:
        values[1] = affine(net, node, values[1], scale=np.array(-1.0))
    return together(net, node, "add", values)


def shifted(net, node, value, shift, negative=False):
    """value + shift, as the bias of a layer that has none and that nobody else reads."""
    by_channel = like(value, shift)
    if value.layer in net.free & node.alone and by_channel.ndim == 1 and not negative:
        net.free.remove(value.layer)
        net.weights[value.layer] = net.weights[value.layer][0], np.array(by_channel, net.dtype)
        return value
    return affine(net, node, value, np.array(-1.0) if negative else None, shift)


def subtract(net, node):
    """Sub: a - b."""
    return add(net, node, -1)


def multiply(net, node):
    """Mul -> mul; with a constant batch_norm."""
    values, constants = node.values(), node.constants()
    if len(values) == 1:
        return affine(net, node, values[0], scale=constants[0])
    return together(net, node, "mul", values)


def divide(net, node):
    """Div by a constant."""
    return affine(net, node, node.value(0), scale=1 / node.constant(1).astype(np.float64))


def power(net, node):
    """Pow with exponent 2 -> mul of a value with itself."""
    if node.constant(1).ravel().tolist() != [2]:
        raise InputError("only the exponent 2 is read")
    return together(net, node, "mul", [node.value(0)] * 2)


def together(net, node, op, values):
    """An op of values that are broadcast to each other."""
    first = values[0]
    if all(v.shape == first.shape and v.ours == first.ours and _same(v.places, first.places) for v in values):
        return Value(net.add(node.name, op, [v.layer for v in values], first.ours), first.shape, first.ours, first.places)
    if len({len(v.shape) for v in values}) > 1:
        raise InputError(f"values of shapes {[v.shape for v in values]} do not have as many axes")
    shape = np.broadcast_shapes(*(v.shape for v in values))
    ours = (*shape[2:], shape[1])
    return channels_first(net.add(node.name, op, [net.maps(v) for v in values], ours), ours, shape[0])


def _same(a, b):
    return a is b or (a is not None and b is not None and np.array_equal(a, b))


def gemm(net, node):
    """Gemm: alpha x B + beta c -> dense; the kernel's rows go where our numbers lie."""
    value, kernel, bias = node.value(0), node.constant(1), node.constant(2)
    if kernel.ndim != 2 or len(value.shape) != 2 or node.attributes.get("transA", 0):
        raise InputError("read is a product of a value (N, in) and a constant with two axes")
    kernel = kernel.T if node.attributes.get("transB", 0) else kernel
    alpha, beta = node.attributes.get("alpha", 1.0), node.attributes.get("beta", 1.0)
    if bias is not None and (bias.size not in (1, kernel.shape[1]) or bias.size != max(bias.shape[-1:], default=1)):
        raise InputError(f"a bias {bias.shape} does not fit {kernel.shape[1]} outputs")
    bias = None if bias is None else np.broadcast_to(bias.ravel() if beta == 1 else beta * bias.ravel(), kernel.shape[1:])
    return dense(net, node, value, kernel if alpha == 1 else alpha * kernel, bias)


def dense(net, node, value, kernel, bias=None):
    """x W + b, with the rows of W where the numbers of x lie in our output; a bias that is left out may follow."""
    if kernel.shape[0] != value.shape[-1]:
        raise InputError(f"a kernel {kernel.shape} does not fit a value {value.shape}")
    layer, weights = value.layer, (kernel, np.zeros(kernel.shape[1:]) if bias is None else bias)
    if len(value.shape) == 2:
        if value.places is not None:
            rows = np.empty_like(kernel)
            rows[value.numbered()[0]] = kernel
            weights = rows, weights[1]
        layer = layer if len(value.ours) == 1 else net.add(f"{layer}_flat", "flatten", (layer,), kernel.shape[:1])
        result = channels_first(net.add(node.name, "dense", (layer,), kernel.shape[1:], weights), kernel.shape[1:], value.shape[0])
    else:
        shape = (*value.shape[:-1], kernel.shape[1])
        layer = net.add(node.name, "dense", (net.arranged(value, *range(1, len(shape))),), shape[1:], weights)
        result = Value(layer, shape, shape[1:], np.arange(np.prod(shape)).reshape(shape))
    net.free |= {result.layer} if bias is None else set()
    return result


def matmul(net, node):
    """MatMul with a constant -> dense, over the last axis."""
    kernel = node.constant(1)
    if kernel.ndim != 2 or len(node.value(0).shape) < 2:
        raise InputError("read is a product of a value and a constant with two axes")
    return dense(net, node, node.value(0), kernel)


def concat(net, node):
    """Concat of channels -> concat; of other axes there is no op."""
    values, axis = node.values(), node.attributes["axis"]
    if node.constants():
        raise InputError("a constant is joined to what depends on the picture")
    if len({len(v.shape) for v in values}) > 1 or axis % len(values[0].shape) != 1:
        raise InputError(f"only channels are joined, axis 1; got axis {axis}")
    if len(values) == 1:
        return values[0]
    if len({v.shape[:1] + v.shape[2:] for v in values}) > 1:
        raise InputError(f"values of shapes {[v.shape for v in values]} differ in more than their channels")
    channels = sum(v.shape[1] for v in values)
    ours = (*values[0].shape[2:], channels)
    return channels_first(net.add(node.name, "concat", [net.maps(v) for v in values], ours), ours, values[0].shape[0])


def cut(net, node, value, where):
    """A strided slice {axis: (start, stop, step)} of a value; the whole value where nothing is cut off."""
    shape = value.shape
    where = {axis % len(shape): slice(start, stop, step).indices(shape[axis]) for axis, (start, stop, step) in where.items()}
    where = {axis: span for axis, span in where.items() if span != (0, shape[axis], 1)}
    if 0 in where or any(step < 1 for _, _, step in where.values()):
        raise InputError("it picks pictures of a batch, or turns an axis round; neither is read")
    if not where:
        return value
    spans_ = [where.get(axis, (0, shape[axis], 1)) for axis in (*range(2, len(shape)), 1)]
    ours = tuple(len(range(*span)) for span in spans_)
    start, stop, step = zip(*spans_, strict=True)
    layer = net.add(node.name, "slice", (net.maps(value),), ours, start=start, stop=stop, step=step)
    return channels_first(layer, ours, shape[0])


def slice_(net, node):
    """Slice -> slice."""
    given = spans(node, *(node.constant(i) for i in range(1, 5)))
    return cut(net, node, node.value(0), {axis: (start, stop, step) for axis, start, stop, step in given})


def split(net, node):
    """Split -> a slice for each part."""
    value, axis = node.value(0), node.attributes.get("axis", 0)
    parts, length = listed(node, "split", node.constant(1)), value.shape[axis]
    if parts is None:
        each = -(-length // len(node.outputs))
        parts = [min(each, length - each * i) for i in range(len(node.outputs))]
    if min(parts) < 1 or sum(parts) != length or len(parts) != len(node.outputs):
        raise InputError(f"parts {parts[:8]} do not fill an axis of {length}")
    ends = np.cumsum(parts).tolist()
    return [cut(net, node, value, {axis: (end - n, end, 1)}) for n, end in zip(parts, ends, strict=True)]


def pad(net, node):
    """Pad with a constant -> pad, and slice where it is negative."""
    value, rank = node.value(0), len(node.value(0).shape)
    if node.attributes.get("mode", "constant") != "constant":
        raise InputError(f"padding by {node.attributes['mode']!r:.30} is not read")
    pads, axes = listed(node, "pads", node.constant(1)), listed(node, "axes", node.constant(3))
    fill = node.attributes.get("value", 0.0) if node.constant(2) is None else float(node.constant(2))
    axes = range(rank) if axes is None else [a % rank for a in axes]
    sides = {a: (pads[i], pads[len(pads) // 2 + i]) for i, a in enumerate(axes) if pads[i] or pads[len(pads) // 2 + i]}
    if not sides:
        return value
    if rank != 4 or 0 in sides:
        raise InputError("only maps (N, C, H, W) are padded, not pictures of a batch")
    value = cut(net, node, value, {a: (max(0, -before), value.shape[a] - max(0, -after), 1) for a, (before, after) in sides.items()})
    rows, columns, channels = (tuple(max(0, p) for p in sides.get(a, (0, 0))) for a in (2, 3, 1))
    if not any((*rows, *columns, *channels)):
        return value
    more = ({"channels": channels} if any(channels) else {}) | ({"value": fill} if fill else {})
    ours = tuple(n + sum(p) for n, p in zip((*value.shape[2:], value.shape[1]), (rows, columns, channels), strict=True))
    layer = net.add(node.name, "pad", (net.maps(value),), ours, padding=(rows, columns), **more)
    return channels_first(layer, ours, value.shape[0])


def resize(net, node):
    """Upsample, Resize to the nearest neighbour by whole factors -> upsample."""
    value, shape = node.value(0), node.value(0).shape
    newer = node.op == "Resize" and len(node.names) > 2  # Resize since opset 11: x, region, scales, sizes
    scales, sizes = node.constant(2 if newer else 1), node.constant(3)
    scales = node.attributes.get("scales") if scales is None or not scales.size else scales.ravel().tolist()
    scales = [b / a for a, b in zip(shape, sizes, strict=True)] if scales is None and len(sizes) == len(shape) else scales
    about = node.attributes
    way = about.get("coordinate_transformation_mode", "half_pixel" if newer else "asymmetric")
    rounding = about.get("nearest_mode", "round_prefer_floor" if newer else "floor")
    nearest = rounding == "floor" if way == "asymmetric" else rounding.startswith("round") and "half_pixel" in way
    if about.get("mode", "nearest") != "nearest" or not nearest or "axes" in about:
        raise InputError("only the nearest neighbour with whole factors is read")
    if len(shape) != 4 or len(scales) != 4 or tuple(scales[:2]) != (1, 1) or any(s != int(s) or s < 1 for s in scales):
        raise InputError(f"factors {scales} are no whole factors of rows and columns")
    down, across = (int(s) for s in scales[2:])
    ours = (shape[2] * down, shape[3] * across, shape[1])
    factor = down if down == across else (down, across)
    return channels_first(net.add(node.name, "upsample", (net.maps(value),), ours, factor=factor), ours, shape[0])


def reduce(op, everywhere):
    """ReduceMean, ReduceMax, ReduceSum: a global pool over rows and columns, else mean, max or sum over our axes."""
    def read(net, node):
        value = node.value(0)
        rank, axes = len(value.shape), listed(node, "axes", node.constant(1))
        keep = node.attributes.get("keepdims", 1)
        axes = sorted({a % rank for a in axes or []})
        if not axes or 0 in axes:
            raise InputError("it goes over the pictures of a batch, too")
        if rank == 4 and axes == [2, 3] and everywhere:
            found = global_pool(everywhere)(net, node, flat=not keep)
        else:
            order = [*range(2, rank), 1]
            ours = tuple(1 if a in axes else value.shape[a] for a in order)
            which = tuple(order.index(a) + 1 for a in axes)
            found = channels_first(net.add(node.name, op, (net.maps(value),), ours, axes=tuple(sorted(which))), ours, value.shape[0])
        return found if keep else found.moved(np.squeeze(found.numbered(), tuple(axes)))
    return read


def lrn(net, node):
    """LRN -> lrn."""
    value = node.value(0)
    about = {key: node.attributes.get(key, default) for key, default in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))}
    layer = net.add(node.name, "lrn", (net.maps(value),), (*value.shape[2:], value.shape[1]), size=node.attributes["size"], **about)
    return channels_first(layer, (*value.shape[2:], value.shape[1]), value.shape[0])


def softmax(net, node):
    """Softmax, LogSoftmax at the end, over all classes, are taken off: the network ends at the logits."""
    value = node.value(0)
    if not node.closing or max(value.shape[1:]) != np.prod(value.shape[1:]):
        raise InputError("only a softmax over all classes, at the end, is read")
    axis = node.attributes.get("axis", 1 if net.opset < 13 else -1) % len(value.shape)
    if value.shape[axis] != np.prod(value.shape[1:]) and net.opset >= 13:
        raise InputError(f"its axis {axis} is not that of the classes")
    net.taken_off = node.op
    return value


def sigmoid(net, node):
    """Sigmoid; one of a single number at the end is taken off, and the logits are (0, z)."""
    if not node.closing:
        return activated(net, node, "sigmoid")
    value = node.value(0)
    if np.prod(value.shape[1:]) != 1:
        raise InputError(f"it ends with {np.prod(value.shape[1:])} sigmoids, each for itself, where scores need a softmax over "
                         "classes; export the network without them to explain these numbers as logits")
    net.taken_off = node.op
    return value


OPERATORS = {
    "Conv": conv, "ConvTranspose": conv_transpose, "BatchNormalization": batch_norm, "Gemm": gemm, "MatMul": matmul,
    "MaxPool": pool("max_pool", "global_max_pool"), "AveragePool": pool("avg_pool", "global_avg_pool"),
    "GlobalMaxPool": global_pool("global_max_pool"), "GlobalAveragePool": global_pool("global_avg_pool"),
    "ReduceMean": reduce("mean", "global_avg_pool"), "ReduceMax": reduce("max", "global_max_pool"),
    "ReduceSum": reduce("sum", None), "LRN": lrn, "Add": add, "Sum": add, "Sub": subtract, "Mul": multiply, "Div": divide,
    "Pow": power, "Concat": concat, "Slice": slice_, "Split": split, "Pad": pad, "Upsample": resize, "Resize": resize,
    "Relu": per_number("relu"), "LeakyRelu": per_number("leaky_relu", slope=("alpha", 0.01)), "PRelu": prelu,
    "Elu": per_number("elu", alpha=("alpha", 1.0)), "Selu": selu, "Gelu": gelu, "Clip": clip, "Cast": cast,
    "HardSigmoid": per_number("hard_sigmoid", slope=("alpha", 0.2), offset=("beta", 0.5)), "Sigmoid": sigmoid,
    "HardSwish": per_number("hard_swish"), "Tanh": per_number("tanh"), "Softplus": per_number("softplus"),
    "Softsign": per_number("softsign"), "Mish": per_number("mish"), "Swish": swish, "Exp": per_number("exp"),
    "Log": per_number("log"), "Softmax": softmax, "LogSoftmax": softmax,
}
