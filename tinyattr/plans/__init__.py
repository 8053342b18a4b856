"""Plans: the backend of a network that runs again and again. You may skip this room, too: it computes the same bytes as kernels/.

backend.py has two methods of a backend, run and walk. repeats.py says what is planned, plan.py how a plan is made and repeated.
"""

from tinyattr.plans.backend import PLANNED

__all__ = ["PLANNED"]
