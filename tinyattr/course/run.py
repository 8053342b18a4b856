"""Run a lesson cell by cell, like a notebook: an exercise without an answer does not stop the following cells."""

import sys
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

from tinyattr.errors import InputError


@dataclass(frozen=True)
class Outcome:
    """An Outcome is the result of a cell: number of its exercise (or None), line of its code, its error (or None).

    trace: the lines of the lesson's own code that led to the error, from the outermost call to the innermost.
    """

    exercise: str | None
    line: int
    error: Exception | SystemExit | None
    trace: tuple[str, ...] = ()

    def __str__(self):
        if isinstance(self.error, NotImplementedError):
            return str(self.error)
        what = f"exercise {self.exercise}" if self.exercise else "no exercise"
        if isinstance(self.error, AssertionError):
            told = f"{what}: not yet. {self.error}"
        else:
            told = f"{what}: the cell at line {self.line} ends in {said(self.error)}"
        return "\n".join([told, *(f"    {line}" for line in self.trace)])


@dataclass(frozen=True)
class Run:
    """A Run holds all Outcomes, in order, and their CPU seconds."""

    outcomes: tuple[Outcome, ...]
    cpu: float

    @property
    def failed(self):
        """Return the Outcomes that have an error."""
        return [o for o in self.outcomes if o.error is not None]


def said(error):
    """Return an error's type and message, and a hint if an answer may have forgotten its return."""
    words = f"{type(error).__name__}: {error}".removesuffix(": ")
    return f"{words}; None is what a function without return hands back" if "NoneType" in words else words


def run(lesson, told=print):
    """Run a lesson's cells in one namespace. Errors are printed and returned. Figures go to the working folder.

    Raises InputError if a library that the lesson needs is not installed.
    """
    began, outcomes = time.process_time(), []
    with stage(lesson) as names:
        for cell in lesson.cells:
            outcomes.append(execute(cell, names))
            if outcomes[-1].error is not None:
                told(str(outcomes[-1]))
    return Run(tuple(outcomes), time.process_time() - began)


@contextmanager
def stage(lesson):
    """Yield the namespace that a lesson's cells share. It is that of a module "__main__", as in a script that runs."""
    module = ModuleType("__main__")
    module.__file__ = str(lesson.path)
    before = sys.modules["__main__"]
    sys.modules["__main__"] = module
    try:
        yield module.__dict__
    finally:
        sys.modules["__main__"] = before


def execute(cell, names):
    """Run one cell's code, with the file's line numbers. Returns the Outcome, even if the cell calls exit().

    Raises InputError if a library that the lesson needs is not installed.
    """
    try:
        exec(compile("\n" * (cell.line - 1) + cell.code, names["__file__"], "exec"), names)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and cell.exercise is None:
            raise InputError(f"this lesson needs {error.name}, which is not installed; what all lessons need comes by "
                             "python3 -m pip install hypothesis") from None
        frames = traceback.extract_tb(error.__traceback__)
        trace = tuple(f"line {f.lineno}: {f.line}" for f in frames if f.filename == names["__file__"])
        return Outcome(cell.exercise, cell.line, error, trace)
    return Outcome(cell.exercise, cell.line, None)
