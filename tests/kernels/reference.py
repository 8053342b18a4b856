"""What the kernels compute, by the engine's own ops and rules, which run in the dtype they are given."""

import numpy as np

from tinyattr.engine import GRADIENT, OPS, WEIGHT_GRADIENT, Record
from tinyattr.kernels.reference import winograd, winograd_matrices

__all__ = ["winograd", "winograd_matrices"]


def record(op, x, weights=(), **attributes):
    return Record(op, "it", (Record("input", "x", (), {"value": x}),), attributes, weights)


def convolve(x, w, bias, **about):
    return OPS["conv2d"](x, w, bias, **about)


def convolve_back(g, w, shape, **about):
    (m,) = GRADIENT["conv2d"](record("conv2d", np.zeros(shape), (w, None), **about), g)
    return m


def weight_gradient(x, g, size, stride=(1, 1), padding=(0, 0)):
    weights = np.zeros((*size, x.shape[3], g.shape[3])), None
    return WEIGHT_GRADIENT["conv2d"](record("conv2d", x, weights, stride=stride, padding=padding), g)


def gated(v, gate, low=0, high=np.inf):
    return np.where((gate > low) & (gate < high), v, 0)


def max_pool(x, **about):
    return OPS["max_pool"](x, **about)


def max_pool_back(x, g, **about):
    return GRADIENT["max_pool"](record("max_pool", x, **about), g)[0]


def dense(x, w, bias):
    return OPS["dense"](x, w, bias)


def dense_back(g, w):
    return GRADIENT["dense"](record("dense", None, (w, None)), g)[0]


def dense_weight_gradient(x, g):
    return WEIGHT_GRADIENT["dense"](record("dense", x), g)
