"""The backend that sends large float32 calls to the kernels, and all others to NumPy, so that small arrays need not wait
for a compilation. Without Numba, or with NUMBA_DISABLE_JIT=1, NumPy computes everything.
"""

import os
import sys
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec
from math import prod

import numpy as np

from tinyattr.engine.backend import NumPy
from tinyattr.engine.rules import GRADIENT
from tinyattr.engine.windows import pair, sides
from tinyattr.errors import InputError
from tinyattr.kernels.memory import WRITTEN, Waiting

LEAST_PRODUCTS = 2_000_000  # about a millisecond of NumPy
LEAST_MOVED = 100_000  # numbers that are read, each by itself or through a pool's windows
FLOAT32 = np.dtype(np.float32)
MERGES = {"conv2d", "batch_norm", "add"}  # their passes can also compute what comes next: a batch norm, a sum, a ReLU or a clip
# After a matrix product, NumPy's threads wait busily for a tenth of a second; on two processors, kernels then take twice as long.
FOLLOWS = 1000  # if kernels wrote the input, they are compiled: then a call may be 1000 times smaller


class Kernels(NumPy):
    """Uses a form, the fast version of an op or rule (forms.py), where one supports the call and is faster; else NumPy."""

    def forward(self, record):
        """Return the record's output: see NumPy."""
        found = form("FORWARD", record)
        return super().forward(record) if found is None else found

    def again(self, what, *about):
        """Return a run or walk that is planned, or None: see NumPy. Until the first kernel is needed, nothing is planned."""
        if _started and forms():
            return getattr(import_module("tinyattr.kernels.repeats"), what)(self, *about)

    def put_off(self, record):
        """If one pass can compute this op and the next, return a stand-in for the output, full of NaN (a wrong use shows); else None."""
        return form("PUT_OFF", record) if record.op in MERGES else None

    def back(self, rule, record, g):
        """Return the rule's signals: see NumPy. The engine's own rules have fast forms; a rule of the user has none."""
        found = form("BACK", record, g) if rule is GRADIENT.get(record.op) else None
        return super().back(rule, record, self.computed(g)) if found is None else (found,) * len(record.sources)

    def plus(self, g, m):
        """Return the sum of two signals: see NumPy. If kernels made one of them, the sum is computed when somebody asks for it."""
        if not any(isinstance(a, Waiting) or WRITTEN.get(a) is not None for a in (g, m)):
            return super().plus(g, m)
        with forms().TURN():
            return forms().plus(g, m)

    def computed(self, g):
        """Return the signal as an array: see NumPy."""
        if not isinstance(g, Waiting):
            return g
        with forms().TURN():
            return forms().computed(g)

    def weight_gradient(self, record, g):
        """Return a tuple of gradients, one for each of the record's weights: see NumPy."""
        found = form("WEIGHTS", record, g) if record.weights else None
        return super().weight_gradient(record, g) if found is None else found

    def __reduce__(self):
        return "KERNELS"  # copies and pickles stand for this one object, and hold nothing of what it remembers


KERNELS = Kernels()


def form(kind, record, *signals):
    """Return what the form of this kind computes, or None if NumPy must compute."""
    found = forms() if pays(record, *signals) else None
    if found is None:
        return None
    with found.TURN():
        known = getattr(found, kind).get(record.op)
        return known and known(record, *signals)


def pays(record, *signals):
    """Return True if a form supports this call and the call is large enough. A wrong call is False: NumPy raises its error."""
    x = [source.outline for source in record.sources]
    if record.op in ("relu", "clip") and not signals and record.sources[0].waits:
        return True  # the pass that computes what waits can do it
    if record.op not in SIZE or any(a.dtype != FLOAT32 for a in (*x, *record.weights, *signals)):
        return False
    try:
        size = _size(record.op, tuple([a.shape for a in x]), tuple([w.shape for w in record.weights]), tuple(record.attributes.items()))
    except TypeError:  # an attribute that is no plain data
        return False
    return size >= 1 or (size * FOLLOWS >= 1 and (
        any(map(follows, record.sources)) or any(isinstance(g, Waiting) or WRITTEN.get(g) is not None for g in signals)))


def follows(record):
    """Return True if kernels wrote, or will write, the output of the record, or of its first source, or of that one's, and so on."""
    while record.sources and not record.waits and WRITTEN.get(record.output) is None:
        record = record.sources[0]
    return bool(record.sources)


@lru_cache(maxsize=4096)
def _size(op, x, weights, attributes):
    """Return how large a call with inputs and weights of these shapes is; from 1 on, a form is faster. 0: no form."""
    try:
        return SIZE[op](x, weights, **dict(attributes))
    except (InputError, TypeError, ValueError):
        return 0


def convolution(x, weights, *, stride=1, padding=0, dilation=1, groups=1):
    """Return the size of a conv2d call. A call with both a stride and a dilation has no form."""
    ((x,), ((kh, kw, c, k), bias)), stride, dilation = (x, weights), pair(stride), pair(dilation)
    if (len(x) != 4 or bias != (k,) or groups < 1 or x[3] != c * groups or k % groups or min(*stride, *dilation) < 1
            or (1, 1) not in (stride, dilation)):
        return 0
    out = [(length + sum(p) - d * (w - 1) - 1) // s + 1
           for length, p, w, s, d in zip(x[1:3], sides(padding), (kh, kw), stride, dilation, strict=True)]
    slow = 1 if groups == 1 else 10  # NumPy takes ten times as long for each product of a grouped one
    return min(*out, kh, kw) > 0 and slow * x[0] * prod(out) * kh * kw * c * k / LEAST_PRODUCTS


def matrix(x, weights):
    """Return the size of a dense call on vectors."""
    (x,), ((inputs, outputs), bias) = x, weights
    return len(x) == 2 and x[1] == inputs and bias == (outputs,) and x[0] * inputs * outputs / LEAST_PRODUCTS


def pooling(x, weights, *, size, stride, padding=0, ceil=False):
    """Return the size of a max_pool call."""
    (x,) = x
    fits = len(x) == 4 and min(pair(stride)) > 0 and all(
        max(p) < k <= length + sum(p) for length, k, p in zip(x[1:3], pair(size), sides(padding), strict=True))
    return fits and prod(x) / LEAST_MOVED


def averages(x, weights, *, size, stride, padding=0, ceil=False, count_padding=False):
    """Return the size of an avg_pool call. A call with padding, or windows that go beyond the map, has no form."""
    return sides(padding) == ((0, 0), (0, 0)) and not ceil and pooling(x, weights, size=size, stride=stride)


def by_numbers(x, weights, **limits):
    """Return the size of a call of an op that computes every number by itself. Its weights have one number per channel."""
    fits = len(x[0]) == 4 and set(x) == {x[0]} and all(w == x[0][3:] for w in weights)
    return fits and set(limits) <= {"low", "high"} and prod(x[0]) / LEAST_MOVED


def side_by_side(x, weights):
    """Return the size of a concat call."""
    return len(x[0]) == 4 and len({a[:3] for a in x}) == 1 and sum(map(prod, x)) / LEAST_MOVED


SIZE = {"conv2d": convolution, "dense": matrix, "max_pool": pooling, "avg_pool": averages,
        "global_avg_pool": lambda x, weights, keep=False: averages(x, weights, size=x[0][1:3], stride=1), "relu": by_numbers, "clip": by_numbers,
        "batch_norm": by_numbers, "add": lambda x, weights: len(x) == 2 and by_numbers(x, weights), "concat": side_by_side}


def forms():
    """Return the module forms.py. The first call imports it in half a second. On a new machine it also compiles it.

    Return None without Numba, and in a process that was forked after the kernels had run: it has no copy of their threads.
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
    """Give the system back the memory that the kernels keep for the next run, up to 2 GiB, and that of plans, up to 1 GiB."""
    if "tinyattr.kernels.buffers" in sys.modules:
        sys.modules["tinyattr.kernels.buffers"].POOL.empty()
        sys.modules["tinyattr.kernels.memory"].PLANS.clear()


_started = []  # the process whose threads the kernels use
