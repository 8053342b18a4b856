"""Sums and products. With a constant they become batch_norm or dense; with two values they become add and mul."""

import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.onnx.builder import Value


def batch_norm(net, node):
    """BatchNormalization: y = gamma (x - mean) / sqrt(variance + eps) + beta -> batch_norm."""
    value, (gamma, beta, mean, variance) = node.value(0), (node.constant(i) for i in range(1, 5))
    if any(v is None or v.ndim != 1 for v in (gamma, beta, mean, variance)) or node.attributes.get("training_mode", 0):
        raise InputError("batch normalisation is read only after training, with constant arrays: export model.eval()")
    scale = gamma / np.sqrt(variance.astype(np.float64) + node.attributes.get("epsilon", 1e-5))
    shape = (-1, *[1] * (len(value.shape) - 2))
    return affine(net, node, value, scale.reshape(shape), (beta - mean * scale).reshape(shape))


def affine(net, node, value, scale=None, shift=None):
    """Return value scale + shift. If the constants scale and shift differ only by channel, this is a batch_norm.

    If the value comes from such a batch_norm, and only this node reads it, we change its weights; we add no layer.
    """
    none = np.ones(()), np.zeros(())
    s, t = (like(net, value, d if v is None else v.astype(np.float64))
            for v, d in zip((scale, shift), none, strict=True))
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
    """Add a layer whose output is the constant v. Returns its name."""
    return net.add(f"{node.name}_constant", "constant", (), v.shape, (v,))


def like(net, value, constant):
    """Return a constant, broadcast to the shape of a Value, in our order of axes; (C,) if only channels differ."""
    shape = (*[1] * (len(value.shape) - constant.ndim), *constant.shape)
    fits = len(shape) == len(value.shape) and all(n in (1, m) for n, m in zip(shape, value.shape, strict=True))
    if not fits or shape[0] != 1:
        raise InputError(f"a constant {constant.shape} does not fit a value {value.shape}")
    if value.places is None and max(shape[2:], default=1) == 1:
        return np.broadcast_to(constant.ravel(), value.ours[-1:])
    ordered = np.empty(value.ours, constant.dtype)
    ordered.reshape(-1)[net.places_of(value)[0].ravel()] = np.broadcast_to(constant, value.shape)[0].ravel()
    channels = ordered.reshape(-1, value.ours[-1])
    return channels[0] if (channels == channels[0]).all() else ordered


def add(net, node, sign=1):
    """Add, Sub, Sum -> add. With a constant: batch_norm, or the bias of the layer before."""
    values, constants = node.values(), node.constants()
    if len(values) == 1 and len(constants) == 1:
        negative = sign < 0 and node.inputs[1] is values[0]  # constant - value
        shift = sign * constants[0] if not negative else constants[0]
        return shifted(net, node, values[0], shift, negative)
    if constants:
        raise InputError("a constant can only be added to one other input")
    if sign < 0:
        values[1] = affine(net, node, values[1], scale=np.array(-1.0))
    return together(net, node, "add", values)


def shifted(net, node, value, shift, negative=False):
    """Return value + shift. The shift becomes the bias of the value's layer, if it has none and no other reader."""
    by_channel = like(net, value, shift)
    if value.layer in net.free & node.alone and by_channel.ndim == 1 and not negative:
        net.free.remove(value.layer)
        net.weights[value.layer] = net.weights[value.layer][0], np.array(by_channel, net.dtype)
        return value
    return affine(net, node, value, np.array(-1.0) if negative else None, shift)


def subtract(net, node):
    """Sub: a - b."""
    return add(net, node, -1)


def multiply(net, node):
    """Mul -> mul. With a constant: batch_norm."""
    values, constants = node.values(), node.constants()
    if len(values) == 1:
        return affine(net, node, values[0], scale=constants[0])
    return together(net, node, "mul", values)


def negative(net, node):
    """Neg: -x -> batch_norm."""
    return affine(net, node, node.value(0), scale=np.array(-1.0))


def divide(net, node):
    """Div by a constant -> batch_norm."""
    return affine(net, node, node.value(0), scale=1 / node.constant(1).astype(np.float64))


def power(net, node):
    """Pow with exponent 2 -> mul of a value with itself."""
    if node.constant(1).ravel().tolist() != [2]:
        raise InputError("only the exponent 2 is supported")
    return together(net, node, "mul", [node.value(0)] * 2)


def together(net, node, op, values):
    """Return op(values); NumPy's rules of broadcasting make their shapes equal."""
    first = values[0]
    if all(v.shape == first.shape and v.ours == first.ours and _same(net, v, first) for v in values):
        layer = net.add(node.name, op, [v.layer for v in values], first.ours)
        return Value(layer, first.shape, first.ours, first.places)
    if len({len(v.shape) for v in values}) > 1:
        raise InputError(f"values of shapes {[v.shape for v in values]} have different numbers of axes")
    shape = np.broadcast_shapes(*(v.shape for v in values))
    ours = (*shape[2:], shape[1])
    return net.result(node.name, op, [net.maps(v) for v in values], ours, shape[0])


def _same(net, a, b):
    """Return True if the numbers of two values are at the same places of their layers."""
    return a.places is b.places or (
        a.places is not None and b.places is not None and np.array_equal(net.places_of(a), b.places))


def gemm(net, node):
    """Gemm: alpha x B + beta c -> dense. Its kernel is alpha B, with the rows in our order of numbers."""
    value, kernel, bias = node.value(0), node.constant(1), node.constant(2)
    if kernel.ndim != 2 or len(value.shape) != 2 or node.attributes.get("transA", 0):
        raise InputError("supported is a product of a value (N, in) and a constant with two axes")
    kernel = kernel.T if node.attributes.get("transB", 0) else kernel
    alpha, beta = node.attributes.get("alpha", 1.0), node.attributes.get("beta", 1.0)
    if bias is not None:
        if bias.size not in (1, kernel.shape[1]) or bias.size != max(bias.shape[-1:], default=1):
            raise InputError(f"a bias {bias.shape} does not fit {kernel.shape[1]} outputs")
        bias = np.broadcast_to(bias.ravel() if beta == 1 else beta * bias.ravel(), kernel.shape[1:])
    return dense(net, node, value, kernel if alpha == 1 else alpha * kernel, bias)


def dense(net, node, value, kernel, bias=None):
    """Return x W + b. We put the rows of W into our order of the numbers of x. If b is None, a later Add may set it."""
    if kernel.shape[0] != value.shape[-1]:
        raise InputError(f"a kernel {kernel.shape} does not fit a value {value.shape}")
    layer, weights = value.layer, (kernel, np.zeros(kernel.shape[1:]) if bias is None else bias)
    if len(value.shape) == 2:
        if value.places is not None:
            rows = np.empty_like(kernel)
            rows[net.places_of(value)[0]] = kernel
            weights = rows, weights[1]
        layer = layer if len(value.ours) == 1 else net.add(f"{layer}_flat", "flatten", (layer,), kernel.shape[:1])
        result = net.result(node.name, "dense", (layer,), kernel.shape[1:], value.shape[0], weights)
    else:
        shape = (*value.shape[:-1], kernel.shape[1])
        layer = net.add(node.name, "dense", (net.arranged(value, *range(1, len(shape))),), shape[1:], weights)
        result = net.in_file_order(layer, shape[1:], shape[0])
    net.free |= {result.layer} if bias is None else set()
    return result


def matmul(net, node):
    """MatMul with a constant -> dense, over the last axis."""
    kernel = node.constant(1)
    if kernel.ndim != 2 or len(node.value(0).shape) < 2:
        raise InputError("supported is a product of a value and a constant with two axes")
    return dense(net, node, node.value(0), kernel)
