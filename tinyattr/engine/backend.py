"""The backend is the object that computes. The engine calls its seven methods; those of this file compute in NumPy.

Another backend is any object with the same seven methods. Networks and attribution methods only pass it on.
"""

import numpy as np

from tinyattr.engine.arrays import read_only
from tinyattr.engine.ops import OPS
from tinyattr.engine.weight_gradients import WEIGHT_GRADIENT
from tinyattr.errors import InputError


class NumPy:
    """Computes every op, rule and weight gradient with the lines in ops.py, rules.py and weight_gradients.py."""

    def again(self, what, *about):
        """Return None. A backend that has planned this run or walk before may compute it here and return the result."""

    def forward(self, record):
        """Return the record's output."""
        return OPS[record.op](*record.x, *record.weights, **record.attributes)

    def put_off(self, record):
        """Return None: the output is computed at once. (Or return a stand-in: then it is computed when first read.)"""

    def back(self, rule, record, g):
        """Return the rule's signals for the signal g at the record's output: a tuple, one for each input."""
        signals, x = rule(record, g), [source.outline for source in record.sources]
        shapes = [np.shape(m) for m in signals] if isinstance(signals, tuple) else type(signals).__name__
        if shapes != [a.shape for a in x]:
            expected = ", ".join(str(a.shape) for a in x)
            raise InputError(f"the rule for '{record.op}' (layer '{record.name}') must return a tuple of {len(x)} "
                             f"signals, one for each input, of shape {expected}; it gave {shapes}")
        return tuple(read_only(np.asarray(m, a.dtype)) for m, a in zip(signals, x, strict=True))

    def plus(self, g, m):
        """Return the sum of two signals that reach the same record."""
        return read_only(g + m)

    def computed(self, g):
        """Return the signal as an array. (Another backend may hold signals not yet computed, and compute them here.)"""
        return g

    def weight_gradient(self, record, g):
        """Return a tuple: the gradient of each weight of the record, given the signal g at the output."""
        return WEIGHT_GRADIENT[record.op](record, g)

    def __reduce__(self):
        return "NUMPY"  # copying or unpickling gives this same object


NUMPY = NumPy()
PREFERRED = [NUMPY]  # its one entry is the backend of networks that name none; `import tinyattr` puts a fast one here
