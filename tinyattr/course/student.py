"""Make a student's copy of a lesson: it has the checks but not the solutions. We make it each time it is needed."""

from tinyattr.course.script import EXERCISE
from tinyattr.errors import InputError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
OPEN = 'raise NotImplementedError("Exercise {} is yours to solve")  # your lines'


def student(source):
    """Return the source of a lesson without solutions. One line, which names the exercise, replaces each solution.

    Raises InputError for a BEGIN without END, an END without BEGIN, or either of them outside an exercise.
    """
    kept, exercise, inside = [], None, False
    for number, line in enumerate(source.splitlines(), 1):
        found = EXERCISE.match(line.removeprefix("# "))
        exercise = found[1] if found else exercise
        word = line.strip()
        if word in (BEGIN, END) and (inside != (word == END) or exercise is None):
            raise InputError(f"line {number}: '{word}' is misplaced; solutions must be in exercises, BEGIN before END")
        if word == BEGIN:
            kept.append(line[:len(line) - len(line.lstrip())] + OPEN.format(exercise))
            inside = True
        elif word == END:
            inside = False
        elif not inside:
            kept.append(line)
    if inside:
        raise InputError(f"the last '{BEGIN}' has no '{END}'")
    return "\n".join(kept) + "\n"


def halves(code):
    """Return an exercise's code as (lines up to the end of the statement that contains the answer, the checks)."""
    lines = code.splitlines(keepends=True)
    end = next(i for i, line in enumerate(lines, 1) if line.strip() == END or line.lstrip().startswith(OPEN[:36]))
    while end < len(lines) and lines[end][0] in " \n":  # the function continues after the answer
        end += 1
    return "".join(lines[:end]), "".join(lines[end:])
