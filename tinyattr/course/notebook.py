"""Write a lesson as a Jupyter notebook, with answers and checks in separate cells."""

import json
import re

from tinyattr.course.script import EXERCISE
from tinyattr.course.student import OPEN, halves

MARKDOWN = (  # (pattern in reStructuredText, replacement in Markdown)
    (r"^(.+)\n=+$", r"# \1"), (r"^(.+)\n-+$", r"## \1"),
    (r"^:([A-Z][^:\n]+):", r"- **\1:**"),
    (r":math:`([^`]+)`", r"$\1$"), (r"^\.\. math::\s*\n\n?((?: +.*\n?|\n(?= ))+)", r"$$\n\1$$\n"),
    (r"<\.\./glossary\.html>", "<GLOSSARY.md>"),  # its place in a handout
    (r"``(.+?)``", r"`\1`"), (r"`([^`<]+?)\s+<([^>`]+)>`_+", r"[\1](\2)"),
)


def notebook(lesson, nbgrader=False):
    """Return the notebook of a lesson, or of a student's copy, as JSON text.

    If a cell without an answer fails, "Run All" continues after it. nbgrader: name the cells and give each exercise a
    point, as the program nbgrader wants it. It removes the solutions itself.
    """
    cells = []

    def add(kind, source, **metadata):
        cells.append({"cell_type": kind, "id": f"cell-{len(cells)}", "metadata": metadata, "source": source.strip()})
        if kind == "code":
            cells[-1] |= {"execution_count": None, "outputs": []}

    for cell in lesson.cells:
        add("markdown", markdown(cell.text))
        if cell.exercise:
            answer, checks = halves(cell.code)
            tags = {"tags": ["raises-exception"]} if nbgrader or OPEN[:36] in answer else {}
            read = EXERCISE.search(cell.text)[2] == "explain"  # a person reads this answer and gives the point
            add("code", answer, **tags, **_graded(nbgrader, f"answer-{cell.exercise}", points=read, solution=True))
            add("code", checks, **tags, **_graded(nbgrader, f"checks-{cell.exercise}", points=not read))
        elif cell.code:
            add("code", cell.code, **_graded(nbgrader, f"lesson-{len(cells)}"))
    about = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
             "language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


def markdown(text):
    """Return a cell's text in Markdown."""
    for rest, mark in MARKDOWN:
        text = re.sub(rest, mark, text, flags=re.M)
    return text


def _graded(nbgrader, name, points=False, solution=False):
    """Return nbgrader's metadata of a cell: https://nbgrader.readthedocs.io, "nbgrader metadata"."""
    if not nbgrader:
        return {}
    about = {"schema_version": 3, "grade_id": name.replace(".", "-"), "grade": points, "solution": solution,
             "locked": not solution, "task": False}
    return {"nbgrader": about | ({"points": 1} if points else {})}
