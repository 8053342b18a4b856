"""Lessons: split a script into cells, make a student's copy, run, hand out, grade; helpers for running lessons."""

from tinyattr.course.cases import agrees, spoiled
from tinyattr.course.during import explains, has, holds, passes, predicts, same, show
from tinyattr.course.unaided import unaided

__all__ = ["agrees", "explains", "has", "holds", "passes", "predicts", "same", "show", "spoiled", "unaided"]
