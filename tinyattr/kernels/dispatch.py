"""The backend that sends large float32 calls to the kernels, and all others to NumPy: toy arrays need not wait for code
that is still to be compiled. Without Numba, or with NUMBA_DISABLE_JIT=1, NumPy computes everything.
"""

import os
import sys
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from tinyattr.engine.backend import NumPy
from tinyattr.engine.ops import WEIGHTS
from tinyattr.engine.rules import GRADIENT
from tinyattr.engine.windows import overhang, pair, sides
from tinyattr.errors import InputError
from tinyattr.kernels.memory import WRITTEN

LEAST_PRODUCTS = 2_000_000  # about a millisecond of NumPy
LEAST_POOLED = 100_000
FAST = ("conv2d", "dense", "max_pool", "relu")  # ops that forms.py has


class Kernels(NumPy):
    """forms.py where a form knows the call and it pays, else NumPy."""

    def forward(self, op, x, weights, attributes):
        """The output of `op`: see NumPy."""
        if pays(op, x, weights, attributes) and forms():
            with forms().TURN:
                return forms().FORWARD[op](*x, *weights, **ordinary(op, attributes))
        return super().forward(op, x, weights, attributes)

    def back(self, rule, record, g):
        """What `rule` answers: see NumPy. The engine's own rules have fast forms, a rule of the user's own has none."""
        found = None
        if rule is GRADIENT.get(record.op) and pays(record.op, record.x, record.weights, record.attributes) and forms():
            with forms().TURN:
                found = forms().BACK[record.op](_known(record), g)
        return super().back(rule, record, g) if found is None else found

    def weight_gradient(self, record, g):
        """A tuple of gradients, one for each of the record's weights: see NumPy."""
        if record.weights and pays(record.op, record.x, record.weights, record.attributes) and forms():
            with forms().TURN:
                return forms().WEIGHTS[record.op](_known(record), g)
        return super().weight_gradient(record, g)

    def __reduce__(self):
        return "KERNELS"  # copies and pickles stand for this one object, and hold nothing of what it remembers


KERNELS = Kernels()


def ordinary(op, attributes):
    """The attributes in the form that forms.py knows; None for what it does not: groups, dilation, different padding on
    opposite sides, padding of a pool.
    """
    known = {key: value for key, value in attributes.items() if key not in ("groups", "dilation", "padding")}
    try:
        (top, bottom), (left, right) = sides(attributes.get("padding", 0))
        dilation = pair(attributes.get("dilation", 1))
    except InputError:
        return None
    if (top, left) != (bottom, right) or dilation != (1, 1) or attributes.get("groups", 1) != 1:
        return None
    if op == "conv2d":
        return {**known, "padding": (top, left)}
    return known if (top, left) == (0, 0) else None


def _known(record):
    return replace(record, attributes=ordinary(record.op, record.attributes))


def pays(op, x, weights, attributes):
    """True if a form knows this call and it is large enough. What makes no sense is left to NumPy, which says why."""
    attributes = ordinary(op, attributes)
    axes = [len(axes.split()) for axes in WEIGHTS.get(op, {}).values()]
    if (op not in FAST or attributes is None or [w.ndim for w in weights] != axes
            or any(a.dtype != np.float32 for a in (*x, *weights))):
        return False
    if op == "relu":
        written = WRITTEN.get(x[0])
        return written is not None and written.relu is not None
    if op == "max_pool":
        size, stride = attributes.get("size", 0), attributes.get("stride", 0)
        return x[0].ndim == 4 and x[0].size >= LEAST_POOLED and _fits(x[0].shape[1:3], size) and min(pair(stride)) >= 1
    if op == "dense":
        kernel, _ = weights
        return x[0].ndim == 2 and x[0].shape[1] == len(kernel) and len(x[0]) * kernel.size >= LEAST_PRODUCTS
    (kernel, _), (x,) = weights, x
    padding, (sh, sw) = pair(attributes.get("padding", 0)), pair(attributes.get("stride", 1))
    padded = [length + 2 * p for length, p in zip(x.shape[1:3], padding, strict=False)]
    return (x.ndim == 4 and x.shape[3] == kernel.shape[2] and _fits(padded, kernel.shape[:2])
            and min(*padding, sh - 1, sw - 1) >= 0 and x.size // (sh * sw) * kernel[:, :, 0].size >= LEAST_PRODUCTS)


def pool_shape(lengths, size, stride, ceil=False):
    """(Ho, Wo) of a pool without padding over maps of these lengths (H, W)."""
    return tuple((length + ceil * overhang(length, k, s) - k) // s + 1
                 for length, k, s in zip(lengths, pair(size), pair(stride), strict=True))


def _fits(lengths, size):
    return all(length >= k >= 1 for length, k in zip(lengths, pair(size), strict=True))


def forms():
    """The module forms.py, imported when first needed: it takes half a second, and once, to compile, many more.

    None without Numba, and in a process that was forked after the kernels had run: their threads stayed behind.
    """
    return _forms(os.getpid())


@cache
def _forms(process):
    why = "Numba is switched off" if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0") else None
    if find_spec("numba") is None:
        why = "Numba is not installed"
    elif _started[:1] not in ([], [process]):
        why = "the kernels' threads do not live in a forked process (multiprocessing's 'spawn' starts a new one)"
    if why is None:
        _started.append(process)
        return import_module("tinyattr.kernels.forms")
    if sys.stderr.isatty():
        print(f"tinyattr: {why}; NumPy computes, slower", file=sys.stderr)
    return None


def release_memory():
    """Give the system back the memory that the kernels keep for the next run, up to 2 GiB."""
    if "tinyattr.kernels.buffers" in sys.modules:
        sys.modules["tinyattr.kernels.buffers"].release_memory()


_started = []  # the process whose threads the kernels use
