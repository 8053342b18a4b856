"""The generated parts of lessons/README.md: what lessons need and show, their figures, wrong answers.

`python -m tests.teachers_guide` runs every lesson (for the figures' titles) and writes them.
"""

import tomllib
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from tests.generated import ROOT, with_part, write
from tinyattr.course.run import run
from tinyattr.course.script import lessons

PATH = ROOT / "lessons" / "README.md"


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
    for wrong in stored("wrong"):
        why = wrong["why"].replace("|", "\\|")
        lines.append(f"| {wrong['exercise']} | {why} | {wrong['caught_by'].split(' ', 1)[1]} |")
    return "\n".join(lines)


def explanations():
    """A line for each exercise that is answered in words: what the teacher looks for. The lesson has a sample answer."""
    lines = ["| exercise | what a good answer says |", "|---|---|"]
    return "\n".join([*lines, *(f"| {rubric['exercise']} | {'; '.join(rubric['points'])} |" for rubric in stored("rubric"))])


def stored(kind):
    """All entries of lessons/answers in the lessons' order: "wrong" and "right" answers, and a "rubric" for words."""
    for path in sorted((ROOT / "lessons" / "answers").glob("*.toml")):
        yield from tomllib.loads(path.read_text(encoding="utf-8")).get(kind, ())


def figure_line(path):
    """A line for one figure: its file, and the words that stand in it."""
    with Image.open(path) as image:
        words = image.info["Description"].replace("|", "\\|")
    return f"| `{path.name}` | {words} |"


def figures():
    """A line for each figure, in the lessons' order. Runs all lessons."""
    lines = ["| figure | its title |", "|---|---|"]
    for lesson in lessons():
        with TemporaryDirectory() as room, chdir(room):
            assert not run(lesson).failed
            lines += [figure_line(Path(name)) for name in lesson.fields["Figures"].split(", ")]
    return "\n".join(lines)


def with_parts(guide, **parts):
    """The guide's text with some of its generated parts anew."""
    for name, text in parts.items():
        name = name.replace("_", " ")
        guide = with_part(guide, f"<!-- {name} -->", f"<!-- end of {name} -->", text)
    return guide


if __name__ == "__main__":
    write(PATH, lambda guide: with_parts(guide, lessons=needs_and_shows(), figures=figures(), explanations=explanations(),
                                            wrong_answers=wrong_answers()))
