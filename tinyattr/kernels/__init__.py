"""The fast backend. You may skip this room: it computes what the engine's own lines say, and tests hold the two equal.

backend.py answers the engine's three questions: it sends a call that is large enough to a form in forms.py, and all
others to NumPy. A form knows the engine's ops and the kernels: loops for Numba, arrays in, arrays out. reference.py
has every kernel once more, slow and obvious.
"""

from tinyattr.kernels.backend import KERNELS

__all__ = ["KERNELS"]
