"""The kernels remember plans, and facts about arrays: a fact until its array is deleted, and only if nothing can change it."""

import threading
import weakref
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tinyattr.engine.arrays import is_sealed


class ByArray:
    """A dict whose keys are arrays, told apart by identity. An entry ends with its array."""

    def __init__(self):
        self._entries = {}

    def get(self, array):
        """The entry of this very array, or None."""
        reference, value = self._entries.get(id(array), (None, None))
        return value if reference is not None and reference() is array else None

    def set(self, array, value):
        """Remember a value that must not hold the array itself. Returns it."""
        key = id(array)
        self._entries[key] = weakref.ref(array, lambda _: self._entries.pop(key, None)), value
        return value


class Waiting(NamedTuple):
    """A signal that is not computed before somebody asks for it. It has the form of feature maps, in float32.

    make(z=, gate=, limits=) computes it; vector.finisher says what the three arguments do at the end. z: maps that must be added,
    or None. norm: None, or, at the input of a batch norm, (the weights of this layer, the signal at its output).
    """

    make: Callable
    z: np.ndarray | None = None
    norm: tuple | None = None
    dtype = np.dtype(np.float32)


class Making(threading.local):
    """plan: the plan (plan.py) that this thread makes now, or None."""

    plan = None


def start(function, *arguments):
    """Call a function that fills arrays. If a plan is made now, it notes the call."""
    if MAKING.plan is not None:
        MAKING.plan.now.append((function, tuple(map(MAKING.plan.apart, arguments))))
    function(*arguments)


MAKING = Making()
WRITTEN = ByArray()  # feature maps: the buffer in which they lie, with a border of zeros
ROOM = ByArray()  # the first channels of larger maps: (these maps, the same to write to, [number of channels in use]); forms.concat
PACKED = ByArray()  # weights: {what for: the same numbers in a kernel's order}
PLANS = weakref.WeakKeyDictionary()  # {network: its plans}, see repeats.py


def packed(weights, use, make):
    """Return make(): the weights in a kernel's order. If nothing can change the weights, it is called once for each key `use`.

    A plan that is made now does not note this: it would make the same at each repetition.
    """
    kept = kept_of(weights)
    if use not in kept:
        plan, MAKING.plan = MAKING.plan, None
        try:
            kept[use] = make()
        finally:
            MAKING.plan = plan
    return kept[use]


def kept_of(weights):
    """Return a dict of what was made of these weights so far. If they could be changed, it is empty and is not remembered."""
    kept = PACKED.get(weights)
    return kept if kept is not None else PACKED.set(weights, {}) if is_sealed(weights) else {}


def asked_for(weights):
    """Remember that an earlier run read the output of the layer with these weights, so later runs compute it in a pass of its own."""
    if is_sealed(weights) and "asked for" not in kept_of(weights):
        kept_of(weights)["asked for"] = True
        PLANS.clear()
