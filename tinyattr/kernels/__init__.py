"""The fast backend. You may skip this room: it computes the same as the engine's own lines, and tests compare the two.

dispatch.py has the methods of a backend (engine/backend.py). A large call goes to forms.py, and all other calls go to
NumPy. A form is an op, a rule or a weight gradient of the engine, written again with kernels. A kernel is a loop that
Numba compiles. It takes arrays and fills arrays, and does not use tapes and records. The engine's ops and rules are the reference
implementation of all forms. Read tile.py first, then direct.py.
"""

from tinyattr.kernels.dispatch import KERNELS, release_memory

__all__ = ["KERNELS", "release_memory"]
