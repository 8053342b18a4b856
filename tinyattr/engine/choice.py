"""Which form of an op runs: plain NumPy, or the fast kernels, for whose compiled code toy arrays need not wait."""

from functools import cache
from importlib import import_module

import numpy as np

from tinyattr.engine.ops import pair

LEAST_PRODUCTS = 2_000_000  # about a millisecond of plain NumPy
LEAST_POOLED = 100_000
RANKS = {"conv2d": [4, 1], "dense": [2, 1]}


def worth_it(op, x, weights, attributes):
    """True if a fast kernel knows this call and it is large enough. What does not fit is left to the plain form."""
    if any(a.dtype != np.float32 for a in (*x, *weights)) or [w.ndim for w in weights] != RANKS.get(op, []):
        return False
    if op == "relu":
        return "relu" in (getattr(x[0], "beside", None) or {})
    if op == "max_pool":
        size, stride = attributes.get("size", 0), attributes.get("stride", 0)
        return x[0].ndim == 4 and x[0].size >= LEAST_POOLED and _fits(x[0].shape[1:3], size) and min(pair(stride)) >= 1
    if op == "dense":
        kernel, _ = weights
        return x[0].ndim == 2 and x[0].shape[1] == len(kernel) and len(x[0]) * kernel.size >= LEAST_PRODUCTS
    if op == "conv2d":
        (kernel, _), (x,) = weights, x
        padding, (sh, sw) = pair(attributes.get("padding", 0)), pair(attributes.get("stride", 1))
        padded = [length + 2 * p for length, p in zip(x.shape[1:3], padding, strict=False)]
        return (x.ndim == 4 and x.shape[3] == kernel.shape[2] and _fits(padded, kernel.shape[:2])
                and min(*padding, sh - 1, sw - 1) >= 0 and x.size // (sh * sw) * kernel[:, :, 0].size >= LEAST_PRODUCTS)
    return False


@cache
def kernels():
    """The module of fast forms, imported when first needed: it takes half a second, and once to compile, many more."""
    threads = import_module("tinyattr.engine.kernels.threads")
    threads.start()
    threads.announce()
    return import_module("tinyattr.engine.fast")


def _fits(lengths, size):
    return all(length >= k >= 1 for length, k in zip(lengths, pair(size), strict=True))
