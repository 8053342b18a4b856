"""Split a student's script or notebook into exercises. All other content is ignored."""

import ast
import json
import re
import textwrap
from pathlib import Path

from tinyattr.course.script import MARKER, text_of
from tinyattr.errors import InputError

HEADING = re.compile(r"^# (?:#+ )?Exercise ((\d+)\.\d+) \(\w+\):.*\n", re.M)  # a notebook's has # of its own
COMMAND = re.compile(r"^(?=[%!])", re.M)  # such as %matplotlib inline: for Jupyter, not for Python


def exercises(path):
    """Return {number of an exercise: [(line, text), ...] for each place where it is} in a file.

    A text ends at the next exercise. line: number of lines before it. Raises InputError for a file that we cannot read.
    """
    text = _script(Path(path))
    headings = list(HEADING.finditer(text))
    ends = [*(heading.start() for heading in headings), len(text)][1:]
    found = {}
    for heading, end in zip(headings, ends, strict=True):
        found.setdefault(heading[1], []).append((text.count("\n", 0, heading.end()), text[heading.end():end]))
    return found


def answer(line, text, checks):
    """Return the statements of an answer: all statements before its checks, which must be there in the right order.

    We parse cells one by one, because a syntax error in one cell does not matter for others. Raises InputError.
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
    """Return a file's text. A notebook becomes a script: texts and Jupyter's commands become comments after markers."""
    text = text_of(path)
    if path.suffix.lower() != ".ipynb":
        return text
    try:
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InputError("it is no notebook") from None
    return "\n".join(COMMAND.sub("# ", source) if kind == "code"
                     else textwrap.indent(f"%%\n{source}", "# ", lambda line: True) for kind, source in cells) + "\n"
