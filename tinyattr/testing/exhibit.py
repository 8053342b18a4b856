"""An exhibit of the museum: an implementation, and what it stands for."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Exhibit:
    """An implementation: its name, which part of what kind it is, and the public report that it stands for."""

    name: str
    part: str
    f: Callable
    report: str = ""

    @property
    def says(self):
        """What it does: the first line of its docstring."""
        return self.f.__doc__.splitlines()[0]


def exhibit(part, report=""):
    """Make the function below an exhibit of its module."""
    def shown(f):
        f.exhibit = Exhibit(f.__name__.replace("_", " "), part, f, report)
        return f
    return shown


def exhibits(module):
    """{name: Exhibit} of all exhibits that a module defines, in its order."""
    found = [f.exhibit for f in vars(module).values() if hasattr(f, "exhibit") and f.__module__ == module.__name__]
    return {e.name: e for e in found}
