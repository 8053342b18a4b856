"""Translate each operator of the file into our layers: OPERATORS has a function (builder, node) -> Value for its name.

This module has activations, slices, padding, and operators at the end of a network. Operators that only move numbers
are in constants.MOVES; windows and sums have their own modules.
"""

from dataclasses import replace

import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.onnx import arithmetic
from tinyattr.files.onnx.arithmetic import affine, like
from tinyattr.files.onnx.builder import MOST_PLACES, Value
from tinyattr.files.onnx.constants import listed, spans
from tinyattr.files.onnx.file import FLOATS, before_export
from tinyattr.files.onnx.windows import conv, conv_transpose, global_pool, pool

MOST_PARTS = 100  # limit for the parts that one Tile or Gather puts side by side


def per_number(op, **names):
    """Return a function that reads the activation `op`. names: our attribute = (its name in the file, its default)."""
    def read(net, node):
        about = {ours: node.attributes.get(theirs, default) for ours, (theirs, default) in names.items()}
        return activated(net, node, op, **about)
    return read


def activated(net, node, op, weights=(), **about):
    """Return the Value of an activation of the node's first input. Each number keeps its place."""
    value = node.value(0)
    layer = net.add(node.name, op, (value.layer,), value.ours, weights, **about)
    return Value(layer, value.shape, value.ours, value.places)


def clip(net, node):
    """Clip -> clip, or relu if the only limit is 0 from below. Newer files give the limits as inputs."""
    low, high = (node.attributes.get(key) if node.constant(i) is None else before_export(node.constant(i))
                 for i, key in ((1, "min"), (2, "max")))
    if low == 0 and high is None:
        return activated(net, node, "relu")
    return activated(net, node, "clip", low=-np.inf if low is None else low, high=np.inf if high is None else high)


def gelu(net, node):
    """Gelu -> gelu."""
    tanh = node.attributes.get("approximate") == "tanh"
    return activated(net, node, "gelu", **({"approximate": True} if tanh else {}))


def selu(net, node):
    """Selu: gamma elu(x, alpha). With the paper's constants it becomes selu, else an elu and a product."""
    alpha, gamma = node.attributes.get("alpha", 1.67326319), node.attributes.get("gamma", 1.05070102)
    if abs(alpha - 1.67326319) < 1e-5 and abs(gamma - 1.05070102) < 1e-5:
        return activated(net, node, "selu")
    return affine(net, node, activated(net, node, "elu", alpha=alpha), scale=np.array(gamma))


def absolute(net, node):
    """Abs: |x| is -x below 0 -> leaky_relu with the slope -1."""
    return activated(net, node, "leaky_relu", slope=-1.0)


def celu(net, node):
    """Celu: alpha elu(x / alpha), elu with its alpha of 1."""
    alpha = node.attributes.get("alpha", 1.0)
    if alpha == 1:
        return activated(net, node, "elu", alpha=1.0)
    inner = affine(net, node, node.value(0), scale=np.array(1 / alpha))
    return affine(net, node, activated(net, replace(node, inputs=(inner,)), "elu", alpha=1.0), scale=np.array(alpha))


def extreme(sign):
    """Max (sign 1), Min (sign -1) -> with a number: clip. Of two values or more: concat along a new axis, then max."""
    def read(net, node):
        values, constants = node.values(), node.constants()
        if len(values) == len(constants) == constants[0].size == 1 and constants[0].ndim <= len(values[0].shape):
            limits = (constants[0], None) if sign > 0 else (None, constants[0])
            return clip(net, replace(node, inputs=(values[0], *limits)))
        if constants or len({v.shape for v in values}) > 1:
            raise InputError(f"it has values of shapes {[v.shape for v in values]} and {len(constants)} constants; "
                             "supported are values of equal shapes, and one value and one number")
        *places, c = ours = (*values[0].shape[2:], values[0].shape[1])
        inner, name = node, f"{node.name}_input"
        if sign < 0:  # the smallest is -max(-a, -b)
            inner = replace(node, name=f"{node.name}_minus")
            values = [affine(net, inner, v, scale=np.array(-1.0)) for v in values]
        split = [net.add(name, "reshape", (net.maps(v),), (*places, 1, c), shape=(*places, 1, c)) for v in values]
        joined = net.add(f"{node.name}_joined", "concat", split, (*places, len(split), c), axis=len(ours))
        found = net.result(inner.name, "max", (joined,), ours, values[0].shape[0], axes=(len(ours),), keep=False)
        return affine(net, node, found, scale=np.array(-1.0)) if sign < 0 else found
    return read


def prelu(net, node):
    """PRelu -> prelu with a slope for each channel, or for each number."""
    value, slope = node.value(0), node.constant(1)
    if net.opset < 7 and slope.ndim == 1:  # before opset 7: one slope for each channel
        slope = slope.reshape(-1, *[1] * (len(value.shape) - 2))
    return activated(net, node, "prelu", (like(net, value, slope),))


def mish(net, node):
    """Mish: x tanh(softplus(x)) -> softplus, tanh and mul."""
    value = node.value(0)
    inner = net.add(f"{node.name}_softplus", "softplus", (value.layer,), value.ours)
    inner = net.add(f"{node.name}_tanh", "tanh", (inner,), value.ours)
    layer = net.add(node.name, "mul", (value.layer, inner), value.ours)
    return Value(layer, value.shape, value.ours, value.places)


def swish(net, node):
    """Swish -> silu."""
    if node.attributes.get("alpha", 1.0) != 1:
        raise InputError("only alpha = 1 is supported")
    return activated(net, node, "silu")


def cast(net, node):
    """Cast of floats to floats changes nothing, because the network computes in one type."""
    if node.attributes["to"] not in FLOATS:
        raise InputError("a value that depends on the picture becomes whole numbers or booleans")
    return node.value(0)


def expand(net, node):
    """Expand: the same number at more places or in more channels -> mul with a constant of ones."""
    value, wanted = node.value(0), tuple(listed(node, "shape", node.constant(1)))
    shape = np.broadcast_shapes(value.shape, wanted)
    if len(shape) != len(value.shape) or shape[0] != value.shape[0] or np.prod(shape, dtype=float) > MOST_PLACES:
        raise InputError(f"values {value.shape} become {shape}: another number of axes or pictures, or too many "
                         "numbers")
    if shape == value.shape:
        return value
    ours, times = (*shape[2:], shape[1]), [m if n == 1 else 1 for n, m in zip(value.shape, shape, strict=True)]
    ones = arithmetic.fixed(net, node, np.ones((*times[2:], times[1])))
    return net.result(node.name, "mul", (net.maps(value), ones), ours, shape[0])


def concat(net, node):
    """Concat of channels, or of places -> concat."""
    if node.constants():
        raise InputError("it joins a constant and a value that depends on the picture")
    return joined(net, node, node.values(), node.attributes["axis"])


def joined(net, node, values, axis):
    """Return the Value in which these values are side by side, along an axis as the file counts axes."""
    if len(values) == 1:
        return values[0]
    shape = values[0].shape
    axis %= len(shape)
    if axis == 0 or len({(*v.shape[:axis], *v.shape[axis + 1:], len(v.shape)) for v in values}) > 1:
        raise InputError(f"values of shapes {[v.shape for v in values]} cannot be joined along axis {axis}")
    joined = (*shape[:axis], sum(v.shape[axis] for v in values), *shape[axis + 1:])
    about = {} if axis == 1 else {"axis": axis - 1}  # in our order places come before channels
    return net.result(node.name, "concat", [net.maps(v) for v in values], (*joined[2:], joined[1]), shape[0], **about)


def tile(net, node):
    """Tile: the same channels or places several times, side by side -> concat."""
    value, times = node.value(0), listed(node, "repeats", node.constant(1))
    if len(times) != len(value.shape) or times[0] != 1 or not all(1 <= n <= MOST_PARTS for n in times):
        raise InputError(f"it repeats axes {times[:8]} times; expected one number for each axis, 1 for the pictures of "
                         f"a batch, and from 1 to {MOST_PARTS} for the others")
    for axis, n in enumerate(times):
        value = joined(net, node, [value] * n, axis)
    return value


def cut(net, node, value, where):
    """Return a slice of a value, or the value itself if the slice is all of it. where: {axis: (start, stop, step)}."""
    shape = value.shape
    where = {axis % len(shape): slice(*span).indices(shape[axis]) for axis, span in where.items()}
    where = {axis: span for axis, span in where.items() if span != (0, shape[axis], 1)}
    if 0 in where or any(step < 1 for _, _, step in where.values()):
        raise InputError("it picks pictures of a batch, or reverses an axis; neither is supported")
    if not where:
        return value
    all_axes = [where.get(axis, (0, shape[axis], 1)) for axis in (*range(2, len(shape)), 1)]
    ours = tuple(len(range(*span)) for span in all_axes)
    start, stop, step = zip(*all_axes, strict=True)
    return net.result(node.name, "slice", (net.maps(value),), ours, shape[0], start=start, stop=stop, step=step)


def gather(net, node):
    """Gather: x[:, 1] or x[:, [2, 1, 0]] -> a slice for each number of the list, side by side."""
    value, which, axis = node.value(0), node.constant(1), node.attributes.get("axis", 0) % len(node.value(0).shape)
    n = value.shape[axis]
    if axis == 0 or which.ndim > 1 or not 1 <= which.size <= MOST_PARTS or (which < -n).any() or (which >= n).any():
        raise InputError(f"it picks {which.tolist()!s:.40} along axis {axis} of {value.shape}; expected at most "
                         f"{MOST_PARTS} numbers of channels or places, and no pictures of a batch")
    picked = [int(i) % n for i in which.ravel()]
    found = joined(net, node, [cut(net, node, value, {axis: (i, i + 1, 1)}) for i in picked], axis)
    return found if which.ndim else found.moved(np.squeeze(net.places_of(found), axis))


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
    """Pad with a constant -> pad. A negative padding cuts the border off -> slice."""
    value, rank = node.value(0), len(node.value(0).shape)
    if node.attributes.get("mode", "constant") != "constant":
        raise InputError(f"padding by {node.attributes['mode']!r:.30} is not supported")
    pads, axes = listed(node, "pads", node.constant(1)), listed(node, "axes", node.constant(3))
    fill = node.attributes.get("value", 0.0) if node.constant(2) is None else float(node.constant(2))
    axes = range(rank) if axes is None else [a % rank for a in axes]
    sides = {a: (pads[i], pads[len(pads) // 2 + i]) for i, a in enumerate(axes) if pads[i] or pads[len(pads) // 2 + i]}
    if not sides:
        return value
    if rank != 4 or 0 in sides:
        raise InputError("only maps (N, C, H, W) can be padded, not pictures of a batch")
    inner = {a: (max(0, -before), value.shape[a] - max(0, -after), 1) for a, (before, after) in sides.items()}
    value = cut(net, node, value, inner)
    rows, columns, channels = (tuple(max(0, p) for p in sides.get(a, (0, 0))) for a in (2, 3, 1))
    if not any((*rows, *columns, *channels)):
        return value
    more = ({"channels": channels} if any(channels) else {}) | ({"value": fill} if fill else {})
    ours = tuple(n + sum(p) for n, p in zip((*value.shape[2:], value.shape[1]), (rows, columns, channels), strict=True))
    return net.result(node.name, "pad", (net.maps(value),), ours, value.shape[0], padding=(rows, columns), **more)


def resize(net, node):
    """Upsample, Resize: nearest neighbour by whole factors -> upsample; bilinear -> resize."""
    value, shape = node.value(0), node.value(0).shape
    newer = node.op == "Resize" and len(node.names) > 2  # Resize since opset 11: x, region, scales, sizes
    scales, sizes = node.constant(2 if newer else 1), node.constant(3)
    scales = node.attributes.get("scales") if scales is None or not scales.size else scales.ravel().tolist()
    about = node.attributes
    axes = [a % len(shape) for a in about.get("axes", range(len(shape)))]
    scales = [float(n / shape[a]) for a, n in zip(axes, sizes, strict=True)] if scales is None else scales
    scales = [dict(zip(axes, scales, strict=True)).get(a, 1) for a in range(len(shape))]
    way = about.get("coordinate_transformation_mode", "half_pixel" if newer else "asymmetric")
    rounding = about.get("nearest_mode", "round_prefer_floor" if newer else "floor")
    nearest = rounding == "floor" if way == "asymmetric" else rounding.startswith("round") and "half_pixel" in way
    if len(shape) != 4 or tuple(scales[:2]) != (1, 1):
        raise InputError(f"factors {scales} must leave pictures and channels as they are")
    if about.get("mode", "nearest") == "linear" and "half_pixel" in way and not about.get("antialias", 0):
        size = tuple(round(n * s) for n, s in zip(shape[2:], scales[2:], strict=True))
        if any(abs(n * s - new) > 1e-4 for n, s, new in zip(shape[2:], scales[2:], size, strict=True)) or min(size) < 2:
            raise InputError(f"factors {scales} give no whole number of rows and columns of maps {shape}")
        return net.result(node.name, "resize", (net.maps(value),), (*size, shape[1]), shape[0], size=size)
    if about.get("mode", "nearest") != "nearest" or not nearest:
        raise InputError("supported are the nearest neighbour with whole factors, and mode linear with half_pixel")
    if any(s != int(s) or s < 1 for s in scales):
        raise InputError(f"factors {scales} are no whole factors of rows and columns")
    down, across = (int(s) for s in scales[2:])
    ours = (shape[2] * down, shape[3] * across, shape[1])
    factor = down if down == across else (down, across)
    return net.result(node.name, "upsample", (net.maps(value),), ours, shape[0], factor=factor)


def reduce(op, everywhere):
    """ReduceMean, ReduceMax, ReduceSum -> a global pool over rows and columns, else mean, max or sum over some axes."""
    def read(net, node):
        value = node.value(0)
        rank, axes = len(value.shape), listed(node, "axes", node.constant(1))
        keep = node.attributes.get("keepdims", 1)
        axes = sorted({a % rank for a in axes or []})
        if not axes or 0 in axes:
            raise InputError("it also reduces over the pictures of a batch")
        if rank == 4 and axes == [2, 3] and everywhere:
            found = global_pool(everywhere)(net, node, flat=not keep)
        else:
            order = [*range(2, rank), 1]
            ours = tuple(1 if a in axes else value.shape[a] for a in order)
            which = tuple(sorted(order.index(a) + 1 for a in axes))
            found = net.result(node.name, op, (net.maps(value),), ours, value.shape[0], axes=which)
        return found if keep else found.moved(np.squeeze(net.places_of(found), tuple(axes)))
    return read


def lrn(net, node):
    """LRN -> lrn."""
    value = node.value(0)
    about = {"alpha": 1e-4, "beta": 0.75, "bias": 1.0} | node.attributes
    ours = (*value.shape[2:], value.shape[1])
    return net.result(node.name, "lrn", (net.maps(value),), ours, value.shape[0], **about)


def softmax(net, node):
    """Remove Softmax or LogSoftmax over all classes at the end, so that the network ends at the logits."""
    value, old = node.value(0), net.opset < 13
    axis, n = node.attributes.get("axis", 1 if old else -1) % len(value.shape), np.prod(value.shape[1:])
    over = np.prod(value.shape[axis:]) if old else value.shape[axis]  # before opset 13: this and all later axes
    if not node.closing or over != n or axis == 0:
        raise InputError("only a softmax over all classes, at the end, is supported")
    if n == 1:
        raise InputError("it is a softmax of a single number, which is 1 for every picture")
    net.taken_off = node.op
    return value


def sigmoid(net, node):
    """Sigmoid -> sigmoid. At the end, a sigmoid of a single number is removed, and the logits are (0, z)."""
    if not node.closing:
        return activated(net, node, "sigmoid")
    value = node.value(0)
    n = np.prod(value.shape[1:])
    if n != 1:
        raise InputError(f"it ends with {n} separate sigmoids, but scores need a softmax over classes; "
                         "export the network without them to explain these numbers as logits")
    net.taken_off = node.op
    return value


OPERATORS = {
    "Conv": conv, "ConvTranspose": conv_transpose,
    "MaxPool": pool("max_pool", "global_max_pool"), "AveragePool": pool("avg_pool", "global_avg_pool"),
    "GlobalMaxPool": global_pool("global_max_pool"), "GlobalAveragePool": global_pool("global_avg_pool"),
    "ReduceMean": reduce("mean", "global_avg_pool"), "ReduceMax": reduce("max", "global_max_pool"),
    "ReduceSum": reduce("sum", None), "LRN": lrn, "Concat": concat, "Tile": tile, "Expand": expand, "Slice": slice_,
    "Gather": gather, "Split": split, "Pad": pad, "Upsample": resize, "Resize": resize, "Cast": cast,
    "BatchNormalization": arithmetic.batch_norm, "Gemm": arithmetic.gemm, "MatMul": arithmetic.matmul,
    "Add": arithmetic.add, "Sum": arithmetic.add, "Sub": arithmetic.subtract, "Mul": arithmetic.multiply,
    "Neg": arithmetic.negative, "Div": arithmetic.divide, "Pow": arithmetic.power,
    "Max": extreme(1), "Min": extreme(-1), "Abs": absolute, "Clip": clip,
    "Relu": per_number("relu"), "LeakyRelu": per_number("leaky_relu", slope=("alpha", 0.01)), "PRelu": prelu,
    "Elu": per_number("elu", alpha=("alpha", 1.0)), "Celu": celu, "Selu": selu, "Gelu": gelu,
    "HardSigmoid": per_number("hard_sigmoid", slope=("alpha", 0.2), offset=("beta", 0.5)), "Sigmoid": sigmoid,
    "HardSwish": per_number("hard_swish"), "Tanh": per_number("tanh"), "Softplus": per_number("softplus"),
    "Softsign": per_number("softsign"), "Mish": mish, "Swish": swish, "Exp": per_number("exp"),
    "Log": per_number("log"), "Softmax": softmax, "LogSoftmax": softmax,
}
