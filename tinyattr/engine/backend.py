"""The backend is the object that computes. The engine asks it four questions; here NumPy answers them.

Another backend is any object with the same four methods. Engine, networks and methods use nothing else of a backend;
they only pass on the chosen one.
"""

from tinyattr.engine.ops import OPS
from tinyattr.engine.weight_gradients import WEIGHT_GRADIENT


class NumPy:
    """Every op, rule and weight gradient by its own lines in ops.py, rules.py and weight_gradients.py."""

    def forward(self, record):
        """Return the record's output."""
        return OPS[record.op](*record.x, *record.weights, **record.attributes)

    def put_off(self, record):
        """Return None: the output is computed at once. To put it off, return any array of its shape and dtype."""

    def back(self, rule, record, g):
        """Return the rule's signals for the signal g at the record's output: a tuple, one for each input."""
        return rule(record, g)

    def weight_gradient(self, record, g):
        """Return a tuple: the gradient of each weight of the record, given the signal g at the output."""
        return WEIGHT_GRADIENT[record.op](record, g)

    def __reduce__(self):
        return "NUMPY"  # copies and pickles stand for this one object


NUMPY = NumPy()
PREFERRED = [NUMPY]  # its one entry computes for networks that name no other; `import tinyattr` puts a fast one here
