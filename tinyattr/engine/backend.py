"""The backend: the object that computes. An engine asks it three questions; here NumPy answers them.

Another backend is any object with the same three methods. The engine, the networks and the methods know nothing else of
it: they only carry a reference to the one that was chosen.
"""

from tinyattr.engine.ops import OPS
from tinyattr.engine.weight_gradients import WEIGHT_GRADIENT


class NumPy:
    """Every op, rule and weight gradient by its own lines in ops.py, rules.py and weights.py."""

    def forward(self, op, x, weights, attributes):
        """The output of `op` for its inputs x and its weights, both tuples of arrays."""
        return OPS[op](*x, *weights, **attributes)

    def back(self, rule, record, g):
        """What `rule` answers for the signal g at the record's output: a tuple of signals, one for each input."""
        return rule(record, g)

    def weight_gradient(self, record, g):
        """A tuple of gradients, one for each of the record's weights, given the signal g at its output."""
        return WEIGHT_GRADIENT[record.op](record, g)

    def __reduce__(self):
        return "NUMPY"  # copies and pickles stand for this one object


NUMPY = NumPy()
_preferred = [NUMPY]


def prefer(backend):
    """Let networks use this backend unless they are told another. The package does so once, when it is imported."""
    _preferred[0] = backend


def preferred():
    """The backend of networks that are not told another."""
    return _preferred[0]
