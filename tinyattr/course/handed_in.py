"""What a student hands in, a script or a notebook, taken apart by exercises. All else in it is not looked at."""

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
    """{number of an exercise: [(line, text), ...] of each place where it stands} in a file.

    A text reaches to the next exercise; line: how many lines are before it. Raises InputError for what cannot be read.
    """
    text = _script(Path(path))
    headings = list(HEADING.finditer(text))
    ends = [*(heading.start() for heading in headings), len(text)][1:]
    found = {}
    for heading, end in zip(headings, ends, strict=True):
        found.setdefault(heading[1], []).append((text.count("\n", 0, heading.end()), text[heading.end():end]))
    return found


def answer(line, text, checks):
    """The statements of an answer: all that stand before its checks, which have to be there, in their order.

    Cells are parsed one by one, as a slip in one does not concern the others. Raises InputError.
    """
    found, slip = [], None
    for cell in re.split(f"(?m){MARKER.pattern}.*\n", text):
        try:
            found += ast.increment_lineno(ast.parse(cell), line).body
        except (SyntaxError, ValueError) as error:
            place = line + (getattr(error, "lineno", 0) or 0)  # a zero byte has none
            slip = slip or f"no Python, line {place}: {getattr(error, 'msg', error)}"
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
    """The text of a file; a notebook becomes a script, texts and Jupyter's commands comments, each after a marker."""
    text = text_of(path)
    if path.suffix.lower() != ".ipynb":
        return text
    try:
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InputError("it is no notebook") from None
    return "\n".join(COMMAND.sub("# ", source) if kind == "code"
                     else textwrap.indent(f"%%\n{source}", "# ", lambda line: True) for kind, source in cells) + "\n"
