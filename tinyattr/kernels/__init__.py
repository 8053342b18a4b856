"""The fast backend. You may skip this room: it computes what the engine's own lines say, and tests hold the two equal.

dispatch.py answers the engine's three questions: it sends a call that is large enough to a form in forms.py, and all
others to NumPy. A form knows the engine's ops and the kernels. A kernel is a loop for Numba, arrays in, arrays out; the
engine's ops and rules are its reference implementation. Read tile.py first, then direct.py.
"""

from tinyattr.kernels.dispatch import KERNELS, release_memory

__all__ = ["KERNELS", "release_memory"]
