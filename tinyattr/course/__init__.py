"""Lessons: how a script splits into cells, what a student's copy leaves out, and what a lesson needs while it runs."""

from tinyattr.course.during import explains, has, holds, passes, predicts, same, show
from tinyattr.course.unaided import unaided

__all__ = ["explains", "has", "holds", "passes", "predicts", "same", "show", "unaided"]
