"""Weight gradients, a read-out of the walk: they need only the input of a layer and the signal at its output."""

from collections.abc import Iterable

import numpy as np

from tinyattr.engine.ops import grouped
from tinyattr.engine.rules import read_back, unbroadcast
from tinyattr.engine.windows import pad, patches
from tinyattr.errors import InputError, of_type


def weight_gradients(tape, signals):
    """Return {layer name: one gradient for each of its weights}, from a walk's signals at the outputs of the layers.

    Layers without a signal are left out. walk(..., to=<layer names>) goes only as far back as these layers need.
    Raises InputError for a layer that has weights but no entry in WEIGHT_GRADIENT.
    """
    gradients = {}
    for record in of_type(tape, Iterable, "tape"):
        if record.name in of_type(signals, dict, "signals") and (record.weights or record.op == "constant"):
            if record.op not in WEIGHT_GRADIENT:
                raise InputError(f"no weight gradient for op '{record.op}' (layer '{record.name}')")
            gradients[record.name] = record.backend.weight_gradient(record, signals[record.name])
    return gradients


def conv2d(record, g):
    """dS/dkernel[u,v,c,k] = sum_nij x[n, s i + d u - p, s j + d v - p, c] g[n,i,j,k];  dS/dbias = sum_nij g[n,i,j]."""
    (x,), (kernel, _), about = record.x, record.weights, record.attributes
    x, groups = pad(x, padding=about.get("padding", 0)), about.get("groups", 1)
    windows = patches(x, kernel.shape[:2], about.get("stride", 1), about.get("dilation", 1))  # (N, Ho, Wo, kh, kw, C)
    if groups == 1:
        return np.tensordot(windows, g, ((0, 1, 2), (0, 1, 2))), per_channel(g)
    found = np.einsum("nijuvgc,nijgk->uvcgk", grouped(windows, groups), grouped(g, groups))
    return found.reshape(kernel.shape), per_channel(g)


def conv2d_transpose(record, g):
    """dS/dkernel[u,v,c,k] = sum_nij x[n,i,j,c] g[n, s i + u - p, s j + v - p, k];  dS/dbias = sum_nij g[n,i,j]."""
    found = np.tensordot(record.x[0], read_back(record, g), ((0, 1, 2), (0, 1, 2)))  # (in, kh, kw, out)
    return np.moveaxis(found, 0, 2), per_channel(g)


def dense(record, g):
    """dS/dW = x^T g;  dS/db = sum_n g. If x is feature maps, both also sum over places."""
    (x,) = record.x
    return x.reshape(-1, x.shape[-1]).T @ g.reshape(-1, g.shape[-1]), per_channel(g)


def batch_norm(record, g):
    """dS/dscale = sum x g;  dS/dshift = sum g, for each channel."""
    return per_channel(record.x[0] * g), per_channel(g)


def prelu(record, g):
    """dS/dslope = sum of x g where x <= 0, for each slope."""
    return (unbroadcast(np.minimum(record.x[0], 0) * g, record.weights[0].shape),)


def per_channel(v):
    """Sum v over pictures and places."""
    return v.sum(tuple(range(v.ndim - 1)))


WEIGHT_GRADIENT = {"conv2d": conv2d, "conv2d_transpose": conv2d_transpose, "dense": dense, "batch_norm": batch_norm,
                   "prelu": prelu, "constant": lambda record, g: (g,)}
