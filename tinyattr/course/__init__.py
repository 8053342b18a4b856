"""Lessons: run them, copy them for students, grade them. The names below are the functions that lessons call."""

from tinyattr.course.cases import agrees, spoiled
from tinyattr.course.during import explains, has, holds, passes, predicts, same, show
from tinyattr.course.unaided import unaided

__all__ = ["agrees", "explains", "has", "holds", "passes", "predicts", "same", "show", "spoiled", "unaided"]
