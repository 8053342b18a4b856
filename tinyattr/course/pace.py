"""How many minutes of class a lesson takes, from what there is to read and to solve. The pace is stated here alone."""

import re

from tinyattr.course.student import BEGIN, END

WORDS, LINES = 120, 12  # that a class reads in a minute: words of text, lines of code
EXERCISE = {"predict": 5, "decide": 5, "explain": 6, "complete": 8, "break": 10, "prove": 12}  # minutes: the idea
LINE = 1  # minutes for each line of the sample answer, to write it down
TALK = 10  # minutes, where the lesson ends in questions to talk about


def minutes(lesson):
    """{"read": minutes, "solve": minutes, "discuss": minutes} of a lesson with its solutions, each a multiple of 5."""
    code = [line.strip() for cell in lesson.cells for line in cell.code.splitlines() if line.strip()]
    answers = sum(code.index(END, i) - i - 1 for i, line in enumerate(code) if line == BEGIN)
    words = sum(len(re.findall(r"[^\W\d_]{2,}", _without_fields(cell.text))) for cell in lesson.cells)
    solved = sum(EXERCISE[kind] for _, kind, _ in lesson.exercises) + LINE * answers
    talk = TALK * any("Talk about it:" in cell.text for cell in lesson.cells)
    read = words / WORDS + (len(code) - answers) / LINES
    return {part: 5 * round(each / 5) for part, each in (("read", read), ("solve", solved), ("discuss", talk))}


def time(lesson):
    """What stands in the lesson's header: "90 min (25 read, 55 solve, 10 discuss)"."""
    parts = minutes(lesson)
    return f"{sum(parts.values())} min ({', '.join(f'{each} {part}' for part, each in parts.items() if each)})"


def _without_fields(text):
    """A header without its list of fields, which are no text to read aloud."""
    return re.sub(r"^:[^:\n]+: .+(?:\n    .+)*", "", text, flags=re.M)
