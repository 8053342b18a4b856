"""Run a lesson cell by cell, as a notebook does: an exercise that is still open does not stop what comes after it."""

import sys
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

from tinyattr.errors import InputError


@dataclass(frozen=True)
class Outcome:
    """What became of one cell: its exercise's number or None, the line of its code, the error or None, and its trace.

    trace: the lines of the lesson's own code on the way to the error, the innermost last.
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
    """All outcomes, in order, and the processor seconds that they took."""

    outcomes: tuple[Outcome, ...]
    cpu: float

    @property
    def failed(self):
        """The outcomes with an error."""
        return [o for o in self.outcomes if o.error is not None]


def said(error):
    """An error's kind and words, and what is behind them where an answer forgot its return."""
    words = f"{type(error).__name__}: {error}".removesuffix(": ")
    return f"{words}; None is what a function without return hands back" if "NoneType" in words else words


def run(lesson, told=print):
    """Run a lesson's cells in one namespace; what fails is told and kept. Figures go to the working folder.

    Raises InputError where a library that the lesson needs is not installed.
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
    """The namespace that a lesson's cells share, that of a main module: its classes look each other up there."""
    module = ModuleType("__main__")
    module.__file__ = str(lesson.path)
    before = sys.modules["__main__"]
    sys.modules["__main__"] = module
    try:
        yield module.__dict__
    finally:
        sys.modules["__main__"] = before


def execute(cell, names):
    """Run one cell's code, its line numbers those of the file. Returns the Outcome, also of a cell that calls exit().

    Raises InputError where a library that the lesson needs is not installed.
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
