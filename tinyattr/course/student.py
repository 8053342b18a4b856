"""A student's copy: the solutions out, the checks in. It is made whenever it is asked for, so it cannot drift."""

from tinyattr.course.script import EXERCISE
from tinyattr.errors import InputError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
OPEN = 'raise NotImplementedError("Exercise {} is yours to solve")  # your lines'


def student(source):
    """The source of a lesson without its solutions: each becomes one line that says which exercise is to be solved.

    Raises InputError for markers that do not pair or stand outside an exercise.
    """
    kept, exercise, inside = [], None, False
    for number, line in enumerate(source.splitlines(), 1):
        found = EXERCISE.match(line.removeprefix("# "))
        exercise = found[1] if found else exercise
        word = line.strip()
        if word in (BEGIN, END) and (inside != (word == END) or exercise is None):
            raise InputError(f"line {number}: '{word}' out of place; solutions stand in exercises, BEGIN before END")
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
    """An exercise's code in two: all to the end of the statement that holds the answer, or will; the checks."""
    lines = code.splitlines(keepends=True)
    end = next(i for i, line in enumerate(lines, 1) if line.strip() == END or line.lstrip().startswith(OPEN[:36]))
    while end < len(lines) and lines[end][0] in " \n":  # the function goes on behind the answer
        end += 1
    return "".join(lines[:end]), "".join(lines[end:])
