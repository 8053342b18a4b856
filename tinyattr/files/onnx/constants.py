"""Compute the values that do not depend on the picture, with NumPy, when a file is loaded: shapes, indices, weights.

Operators in MOVES only move numbers. Their functions move constants. For a value that depends on the picture they move
an array of places instead (see builder). A function takes a node and its inputs' arrays (None: the input is left out).
"""

from math import prod

import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.onnx.file import DTYPES, FLOATS
from tinyattr.files.weight_file import MOST_NUMBERS

MOST_COMPUTED = 1 << 23  # limit for numbers that all nodes of a file compute together; numbers that move do not count


def listed(node, name, array=None):
    """Return whole numbers: from an input (newer files), or an attribute (older files), or None if both are missing."""
    if array is not None:
        return [int(n) for n in np.ravel(array)]
    return node.attributes.get(name)


def reshaped(node, a, shape=None):
    """Reshape: a length 0 keeps that of the input's axis; a length -1 is computed from the others."""
    keep = not node.attributes.get("allowzero", 0)
    return a.reshape([a.shape[i] if n == 0 and keep else n for i, n in enumerate(listed(node, "shape", shape))])


def flattened(node, a):
    """Flatten: join axes so that two remain; the second one starts at `axis`."""
    axis = node.attributes.get("axis", 1)
    axis = axis + a.ndim if axis < 0 else axis
    return a.reshape(prod(a.shape[:axis]), prod(a.shape[axis:]))


def squeezed(node, a, axes=None):
    """Squeeze: remove these axes of length 1."""
    axes = listed(node, "axes", axes)
    return np.squeeze(a, None if axes is None else tuple(axes))


def unsqueezed(node, a, axes=None):
    """Unsqueeze: add axes of length 1."""
    return np.expand_dims(a, tuple(listed(node, "axes", axes)))


def transposed(node, a):
    """Transpose: axes in another order."""
    return a.transpose(node.attributes.get("perm"))


def depth_to_space(node, a):
    """DepthToSpace: s x s channels become s x s places. Channels are in order CRD (PyTorch's pixel shuffle) or DCR."""
    s, (n, c, h, w) = node.attributes["blocksize"], a.shape
    if node.attributes.get("mode", "DCR") == "CRD":
        blocks = a.reshape(n, c // s**2, s, s, h, w).transpose(0, 1, 4, 2, 5, 3)
    else:
        blocks = a.reshape(n, s, s, c // s**2, h, w).transpose(0, 3, 4, 1, 5, 2)
    return blocks.reshape(n, c // s**2, h * s, w * s)


def dropped(node, a, ratio=None, training=None):
    """Dropout does nothing outside training. Raises InputError if the file is for training."""
    if training is not None and np.any(training):
        raise InputError("it is exported for training; call model.eval() before the export")
    return a


MOVES = {
    "Identity": lambda node, a: a, "Dropout": dropped, "Reshape": reshaped, "Flatten": flattened, "Squeeze": squeezed,
    "Unsqueeze": unsqueezed, "Transpose": transposed, "DepthToSpace": depth_to_space,
}


def constant(node):
    """Constant: the array, number or list that the node holds."""
    (value,) = node.attributes.values()
    kind = next(iter(node.attributes))
    return np.asarray(value, np.float32 if "float" in kind else None if kind == "value" else np.int64)


def constant_of_shape(node, shape):
    """ConstantOfShape: the same number at all places. The array needs no memory until it becomes a weight."""
    if min(shape, default=1) < 0 or prod(map(int, shape)) > MOST_NUMBERS:
        raise InputError(f"it makes an array of shape {tuple(map(int, shape[:8]))}; the limit is {MOST_NUMBERS:,} "
                         "numbers")
    return np.broadcast_to(node.attributes.get("value", np.zeros(1, np.float32)).reshape(()), tuple(map(int, shape)))


def cast(node, a):
    """Cast: change the type of numbers. Floats do not change here: the network converts all of them together."""
    if node.attributes["to"] in FLOATS and a.dtype.kind == "f":
        return a
    return a.astype(DTYPES[node.attributes["to"]][0])


def divided(node, a, b):
    """Div: for whole numbers the result is rounded towards zero."""
    return np.trunc(a / b).astype(a.dtype) if a.dtype.kind in "iu" else a / b


def remainder(node, a, b):
    """Mod of whole numbers: the result has the sign of b, or that of a if fmod is set."""
    if a.dtype.kind not in "iu":
        raise InputError(f"it divides numbers of type {a.dtype}; only whole numbers are supported")
    return np.fmod(a, b) if node.attributes.get("fmod", 0) else np.mod(a, b)


def spans(node, starts=None, ends=None, axes=None, steps=None):
    """Return [(axis, start, end, step)] of the axes of a Slice."""
    starts, ends = listed(node, "starts", starts), listed(node, "ends", ends)
    axes, steps = listed(node, "axes", axes), listed(node, "steps", steps)
    axes = range(len(starts)) if axes is None else axes
    return list(zip(axes, starts, ends, [1] * len(starts) if steps is None else steps, strict=True))


def sliced(node, a, *where):
    """Slice of a constant."""
    for axis, start, end, step in spans(node, *where):
        index = [slice(None)] * a.ndim
        index[axis] = slice(start, end if step > 0 or end >= -a.shape[axis] else None, step)
        a = a[tuple(index)]
    return a


def counted(node, start, limit, step):
    """Range: start, start + step, ... below limit."""
    if not 0 <= (limit - start) / step <= MOST_COMPUTED:
        raise InputError(f"it counts from {start} to {limit} in steps of {step}")
    return np.arange(start, limit, step)


def multiplied(node, a, axes=None):
    """ReduceProd: the product over some axes, or over all."""
    axes = listed(node, "axes", axes)
    return a.prod(tuple(axes) if axes else None, keepdims=bool(node.attributes.get("keepdims", 1)))


def shape_of(node, shape):
    """Shape: the sizes from `start` to `end`."""
    return np.array(shape, np.int64)[node.attributes.get("start", 0):node.attributes.get("end")]


COMPUTED = {
    "Constant": constant, "ConstantOfShape": constant_of_shape, "Range": counted, "Cast": cast, "Slice": sliced,
    "Shape": lambda node, a: shape_of(node, a.shape), "Size": lambda node, a: np.array(a.size),
    "Gather": lambda node, a, i: np.take(a, i, node.attributes.get("axis", 0)),
    "Concat": lambda node, *a: np.concatenate(a, node.attributes["axis"]),
    "Expand": lambda node, a, shape: np.broadcast_to(a, np.broadcast_shapes(a.shape, tuple(map(int, shape)))),
    "Where": lambda node, a, b, c: np.where(a, b, c), "ReduceProd": multiplied,
    "Add": lambda node, a, b: a + b, "Sub": lambda node, a, b: a - b, "Mul": lambda node, a, b: a * b, "Div": divided,
    "MatMul": lambda node, a, b: a @ b, "Mod": remainder,
    "Neg": lambda node, a: -a, "Abs": lambda node, a: abs(a), "Sqrt": lambda node, a: np.sqrt(a),
    "Pow": lambda node, a, b: a**b, "Exp": lambda node, a: np.exp(a), "Floor": lambda node, a: np.floor(a),
    "Ceil": lambda node, a: np.ceil(a), "Equal": lambda node, a, b: a == b, "Greater": lambda node, a, b: a > b,
    "Less": lambda node, a, b: a < b, "Not": lambda node, a: ~a, "And": lambda node, a, b: a & b,
    "Or": lambda node, a, b: a | b, "Min": lambda node, *a: np.minimum.reduce(np.broadcast_arrays(*a)),
    "Max": lambda node, *a: np.maximum.reduce(np.broadcast_arrays(*a)),
}
CHECKED = ("Constant", "ConstantOfShape", "Expand", "Shape", "Size", "Range")  # they need no memory, or limit it
BROADCAST = ("Add", "Sub", "Mul", "Div", "Mod", "Pow", "Where", "Min", "Max", "Equal", "Greater", "Less", "And", "Or")
FREE = (*MOVES, *CHECKED)


def computed(node, arrays, budget):
    """Return the constant that a node computes from constants.

    Raises InputError if this would be more than `budget` numbers, and for an operator that is not in the tables above.
    """
    if node.op not in MOVES and node.op not in COMPUTED:
        raise InputError("this operator is not supported for constants")
    largest = _largest(node, arrays)
    if largest > (budget if node.op not in FREE else MOST_COMPUTED if _repeats(arrays) else MOST_NUMBERS):
        raise InputError(f"with it, the file would compute more than {MOST_COMPUTED:,} constants")
    with np.errstate(all="ignore"):  # numbers that are not finite are refused when they become weights
        return np.asarray((MOVES.get(node.op) or COMPUTED[node.op])(node, *arrays))


def _repeats(arrays):
    """Return True if an array shows one number at many places. A copy of it would need more memory."""
    return any(a is not None and 0 in a.strides for a in arrays)


def _largest(node, arrays):
    """Return how many numbers the output can have at most."""
    sizes = [a.size for a in arrays if a is not None]
    if node.op == "Gather":
        return sizes[1] * arrays[0].size // max(1, arrays[0].shape[node.attributes.get("axis", 0)])
    if node.op == "MatMul":  # (m, k) and (k, n) give m n numbers
        return sum(sizes) + prod(sizes) // max(1, arrays[0].shape[-1]) ** 2
    if node.op in CHECKED:
        return 0
    return prod(np.broadcast_shapes(*(a.shape for a in arrays))) if node.op in BROADCAST else sum(sizes)
