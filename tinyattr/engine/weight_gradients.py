"""Weight gradients, a read-out of the walk: a layer's input and the signal at its output are all they need."""

import numpy as np

from tinyattr.engine.ops import pad, patches
from tinyattr.errors import InputError


def weight_gradients(tape, signals):
    """{layer name: one gradient for each of its weights}, from the signals that a walk left at the layers' outputs.

    Layers that no signal reached are left out; walk with to=<layer names> to go just as far as they need.
    Raises InputError for a layer that has weights but no entry in WEIGHT_GRADIENT.
    """
    gradients = {}
    for record in tape:
        if record.name in signals and (record.weights or record.op == "constant"):
            if record.op not in WEIGHT_GRADIENT:
                raise InputError(f"no weight gradient for op '{record.op}' (layer '{record.name}')")
            gradients[record.name] = record.backend.weight_gradient(record, signals[record.name])
    return gradients


def conv2d(record, g):
    """dS/dkernel[u,v,c,k] = sum_nij x[n, s i + u - p, s j + v - p, c] g[n,i,j,k];  dS/dbias[k] = sum_nij g[n,i,j,k]."""
    (x,), (kernel, _) = record.x, record.weights
    padded = pad(x, record.attributes.get("padding", 0))
    windows = patches(padded, kernel.shape[:2], record.attributes.get("stride", 1))  # (N, Ho, Wo, kh, kw, C)
    return np.tensordot(windows, g, ((0, 1, 2), (0, 1, 2))), g.sum((0, 1, 2))


def dense(record, g):
    """dS/dW = x^T g;  dS/db = sum_n g."""
    (x,) = record.x
    return x.T @ g, g.sum(0)


def constant(record, g):
    """The signal that arrives at a constant is its gradient."""
    return (g,)


WEIGHT_GRADIENT = {"conv2d": conv2d, "dense": dense, "constant": constant}
