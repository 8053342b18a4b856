"""Split a student's script or notebook into exercises. All other content is ignored."""

import ast
import json
import re
import textwrap
from pathlib import Path

from tinyattr.course.script import MARKER, text_of
from tinyattr.errors import InputError

HEADING = re.compile(r"^# (?:#+ )?Exercise ((\d+)\.\d+) \(\w+\):.*\n", re.M)  # in a notebook, headings begin with #
COMMAND = re.compile(r"^(?=[%!])", re.M)  # a command for Jupyter, which is not Python, such as %matplotlib inline


def exercises(path):
    """Return {number of an exercise: [(line, text), ...]} of a file, with a pair for each place where the exercise is.

    text: up to the next exercise. line: how many lines come before it. Raises InputError if we cannot read the file.
    """
    text = _script(Path(path))
    headings = list(HEADING.finditer(text))
    ends = [*(heading.start() for heading in headings), len(text)][1:]
    found = {}
    for heading, end in zip(headings, ends, strict=True):
        found.setdefault(heading[1], []).append((text.count("\n", 0, heading.end()), text[heading.end():end]))
    return found


def answer(line, text, checks):
    """Return the statements of an answer: all that stand before its checks. The checks must be complete and in order.

    We parse cells one by one, so that a syntax error in one cell does not affect the others. Raises InputError.
    """
    found, slip = [], None
    for cell in re.split(f"(?m){MARKER.pattern}.*\n", text):
        try:
            found += ast.increment_lineno(ast.parse(cell), line).body
        except (SyntaxError, ValueError) as error:
            place = line + (getattr(error, "lineno", 0) or 0)  # a zero byte has none
            slip = slip or f"not Python, line {place}: {getattr(error, 'msg', error)}"
        line += cell.count("\n") + 1
    wanted, end = [ast.dump(statement) for statement in ast.parse(checks).body], len(found)
    for i in reversed(range(len(found))):
        if wanted and ast.dump(found[i]) == wanted[-1]:
            wanted.pop()
            end = i
    if wanted:
        raise InputError(slip or "its checks were changed or removed")
    return ast.Module(found[:end], [])


def _script(path):
    """Return a file's text. A notebook becomes a script, where cells of text and Jupyter's commands are comments."""
    text = text_of(path)
    if path.suffix.lower() != ".ipynb":
        return text
    try:
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InputError("it is not a notebook") from None
    return "\n".join(COMMAND.sub("# ", source) if kind == "code"
                     else textwrap.indent(f"%%\n{source}", "# ", lambda line: True) for kind, source in cells) + "\n"
