"""Lessons: how a script splits into cells, what a student's copy leaves out, and what a lesson needs while it runs."""

from tinyattr.course.during import holds, same, show

__all__ = ["holds", "same", "show"]
