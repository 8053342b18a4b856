"""The generated parts of lessons/README.md: what lessons need and show, their figures, wrong answers.

`python -m tests.teachers_guide` runs every lesson (for the figures' titles) and writes them.
"""

import os
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from tinyattr.lesson.run import run
from tinyattr.lesson.script import folder, lessons

PATH = folder() / "README.md"


def needs_and_shows():
    """A line for each lesson: what it needs, what can be done after it."""
    lines = ["| lesson | time | CPU | needs | after it, one can |", "|---|---|---|---|---|"]
    for lesson in lessons():
        f = lesson.fields
        lines.append(f"| [{lesson.number}. {lesson.title}]({lesson.path.name}) | {f['Time']} | {f['CPU']} | {f['Needs']} | "
                     f"{f['After this you can']} |".replace("``", "`"))
    return "\n".join(lines)


def wrong_answers():
    """A line for each wrong answer: exercise, what it stems from, which check catches it."""
    lines = ["| exercise | where it goes wrong | caught by |", "|---|---|---|"]
    for path in sorted((folder() / "wrong_answers").glob("*.toml")):
        for wrong in tomllib.loads(path.read_text(encoding="utf-8"))["wrong"]:
            why = wrong["why"].replace("|", "\\|")
            lines.append(f"| {wrong['exercise']} | {why} | {wrong['caught_by'].split(' ', 1)[1]} |")
    return "\n".join(lines)


def figure_line(path):
    """A line for one figure: its file, and the words that stand in it."""
    with Image.open(path) as image:
        words = image.info["Description"].replace("|", "\\|")
    return f"| `{path.name}` | {words} |"


def figures():
    """A line for each figure, in the lessons' order. Runs all lessons."""
    lines = ["| figure | its title |", "|---|---|"]
    back = Path.cwd()
    for lesson in lessons():
        with TemporaryDirectory() as room:
            os.chdir(room)
            try:
                assert not run(lesson).failed
                lines += [figure_line(Path(name)) for name in lesson.fields["Figures"].split(", ")]
            finally:
                os.chdir(back)
    return "\n".join(lines)


def with_parts(guide, **parts):
    """The guide's text with some of its generated parts anew."""
    for name, text in parts.items():
        name = name.replace("_", " ")
        before, rest = guide.split(f"<!-- {name} -->")
        guide = f"{before}<!-- {name} -->\n{text}\n<!-- end of {name} -->{rest.split(f'<!-- end of {name} -->')[1]}"
    return guide


if __name__ == "__main__":
    guide = PATH.read_text(encoding="utf-8")
    guide = with_parts(guide, lessons=needs_and_shows(), figures=figures(), wrong_answers=wrong_answers())
    PATH.write_text(guide, encoding="utf-8")
