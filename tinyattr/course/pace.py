"""Estimate how many minutes a lesson takes, from its words, code and exercises. Only this file sets the pace."""

import re

from tinyattr.course.student import BEGIN, END

WORDS, LINES = 120, 12  # words of text, or lines of code, that a class reads in a minute
EXERCISE = {"predict": 5, "decide": 5, "explain": 6, "complete": 8, "break": 10, "prove": 12}  # minutes for the idea
LINE = 1  # minutes to write one line of code, for each line of the sample solution
TALK = 10  # minutes, if the lesson ends with questions to discuss


def minutes(lesson):
    """Return {"read", "solve", "discuss": minutes} of a lesson with its solutions, each a multiple of 5."""
    code = [line.strip() for cell in lesson.cells for line in cell.code.splitlines() if line.strip()]
    answers = sum(code.index(END, i) - i - 1 for i, line in enumerate(code) if line == BEGIN)
    words = sum(len(re.findall(r"[^\W\d_]{2,}", _without_fields(cell.text))) for cell in lesson.cells)
    solved = sum(EXERCISE[kind] for _, kind, _ in lesson.exercises) + LINE * answers
    talk = TALK * any("Talk about it:" in cell.text for cell in lesson.cells)
    read = words / WORDS + (len(code) - answers) / LINES
    return {part: 5 * round(each / 5) for part, each in (("read", read), ("solve", solved), ("discuss", talk))}


def time(lesson):
    """Return the text for the lesson's header: "90 min (25 read, 55 solve, 10 discuss)"."""
    parts = minutes(lesson)
    return f"{sum(parts.values())} min ({', '.join(f'{each} {part}' for part, each in parts.items() if each)})"


def _without_fields(text):
    """Return a header without its list of fields, which takes no time to read."""
    return re.sub(r"^:[^:\n]+: .+(?:\n    .+)*", "", text, flags=re.M)
