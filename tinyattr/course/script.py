"""A lesson is a script in sphinx-gallery's format: a docstring, then cells that begin with `# %%`.

Comment lines directly after this marker are the cell's text, and the rest is its code. Since everything else is
ordinary Python, the same file runs as a script, and also becomes a web page and a notebook.
"""

import ast
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path

from tinyattr.errors import InputError
from tinyattr.files.embedded import embedded

MARKER = re.compile(r"^# ?%%")
EXERCISE = re.compile(r"^Exercise (\d+\.\d+) \((\w+)\): (.+)$", re.M)
KINDS = ("complete", "break", "predict", "prove", "decide", "explain")


@dataclass(frozen=True)
class Cell:
    """A Cell has text (without `# `) and the code after it. `line`: number of the code's first line in the file."""

    text: str
    code: str
    line: int

    @property
    def exercise(self):
        """The number of the exercise in the text, such as "5.1", or None."""
        found = EXERCISE.search(self.text)
        return found and found[1]


@dataclass(frozen=True)
class Lesson:
    """A Lesson has a file, a header and cells. The text of the first cell is the header."""

    path: Path
    number: int
    title: str
    question: str
    fields: dict[str, str]
    cells: tuple[Cell, ...]

    @property
    def exercises(self):
        """[(number, kind, title), ...] in order."""
        return [found for cell in self.cells for found in EXERCISE.findall(cell.text)]

    @property
    def needs(self):
        """The numbers of the lessons that this lesson needs, from its header: "lessons 7, 8 and 15; ..."."""
        said = re.match(r"lessons? ([\d, and]+)", self.fields.get("Needs", ""))
        return tuple(map(int, re.findall(r"\d+", said[1]))) if said else ()


def lessons():
    """Return all lessons in order."""
    return [read(path) for path in sorted(embedded("lessons").glob("[0-9][0-9]_*.py"))]


def numbered(n):
    """Return lesson number n. Raises InputError, which lists all numbers."""
    found = {lesson.number: lesson for lesson in lessons()}
    if n not in found:
        raise InputError(f"there is no lesson {n}; there are {', '.join(map(str, found))}")
    return found[n]


def read(path):
    """Return the lesson in a file. Raises InputError if it cannot be read, or has no lesson's header."""
    if Path(path).suffix.lower() == ".ipynb":
        raise InputError(f"{str(path)!r} is a notebook; Jupyter runs it: python3 -m notebook")
    try:
        text = text_of(path)
    except InputError as error:
        raise InputError(f"{str(path)!r} cannot be read as a lesson: {error}") from None
    try:
        return parsed(text, Path(path))
    except SyntaxError as error:
        raise InputError(f"{str(path)!r} cannot be read as a lesson: line {error.lineno}: {error.msg}") from None


def text_of(path):
    """Return the text of a script, as Python reads it: in UTF-8, unless its first lines name another encoding.

    Raises InputError with a message that does not name the file.
    """
    try:
        with tokenize.open(path) as file:
            return file.read()
    except OSError as error:
        raise InputError(f"it cannot be opened: {error.strerror}") from None
    except (SyntaxError, UnicodeDecodeError):
        raise InputError("it is not a text in UTF-8; save it in this encoding") from None


def parsed(source, path):
    """Return the lesson in a text with file name `path`. Raises InputError and SyntaxError."""
    module = ast.parse(source)
    header = ast.get_docstring(module) or ""
    title = re.match(r"(\d+)\. (.+)\n=+$", header, re.M)
    if not title:
        raise InputError(f"{str(path)!r} is not a lesson: its docstring must begin with a title such as "
                         "'5. The row that sums to zero', underlined with =")
    question = re.search(r"^\*\*Question:\*\* (.+?)\n\n", header, re.M | re.S)
    fields = dict(re.findall(r"^:([^:\n]+): (.+(?:\n    .+)*)", header, re.M))
    fields = {name: re.sub(r"\s+", " ", text) for name, text in fields.items()}
    return Lesson(path, int(title[1]), title[2], re.sub(r"\s+", " ", question[1]) if question else "", fields,
                  tuple(_split(source.splitlines(), header, module.body[0].end_lineno)))


def _split(lines, header, end_of_header):
    """Return the cells of a script, in order."""
    starts = [i for i, line in enumerate(lines) if MARKER.match(line)]
    cells = [_cell(header, lines, end_of_header, [*starts, len(lines)][0])]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        code = start + 1
        while code < end and lines[code].startswith("#") and not lines[code].startswith("###"):
            code += 1
        cells.append(_cell("\n".join(line[2:] for line in lines[start + 1:code]), lines, code, end))
    return cells


def _cell(text, lines, start, end):
    """Return the cell with code lines[start:end], without blank lines around it."""
    while start < end and not lines[start].strip():
        start += 1
    return Cell(text, "\n".join(lines[start:end]).rstrip(), start + 1)
