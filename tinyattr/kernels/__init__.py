"""The fast backend. You may skip this room: it computes what the engine's own lines say, and tests hold the two equal.

dispatch.py answers the engine's three questions. A call that is large enough goes to forms.py, all others go to NumPy.
A form is an op, a rule or a weight gradient of the engine, written once more with kernels. A kernel is a loop that
Numba compiles; it takes arrays and fills arrays, and knows nothing of tapes and records. The engine's ops and rules are
the reference implementation of all of them. Read tile.py first, then direct.py.
"""

from tinyattr.kernels.dispatch import KERNELS, release_memory

__all__ = ["KERNELS", "release_memory"]
