"""An exhibit of the museum: an implementation, and what it stands for."""

from collections.abc import Callable
from dataclasses import dataclass

WRONG, RIGHT = {}, {}


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


def wrong(part, report=""):
    """Make the function below a wrong exhibit."""
    return lambda f: _shown(WRONG, part, f, report)


def right(part):
    """Make the function below a right exhibit."""
    return lambda f: _shown(RIGHT, part, f, "")


def _shown(room, part, f, report):
    name = f.__name__.replace("_", " ")
    room[name] = Exhibit(name, part, f, report)
    return f
