"""The generated parts of lessons/README.md: what lessons need and show, their figures, wrong answers.

`python -m tests.teachers_guide` runs every lesson (for the figures' titles) and writes them.
"""

import re
import tomllib
from contextlib import chdir
from difflib import SequenceMatcher
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from tests.generated import ROOT, with_part, write
from tests.lessons.solutions import solutions
from tinyattr.course import pace
from tinyattr.course.run import run
from tinyattr.course.script import lessons

PATH = ROOT / "lessons" / "README.md"
WIDEST = 100  # letters of a wrong answer that its table shows
PLANS = {  # for whom: (hours, lessons in their order); no lesson without those that it needs
    "To see what the course is about": (1.5, [0, 1]),
    "Half a day: what a heatmap explains": (4.25, [0, 1, 7, 8]),
    "A day: the two papers": (6, [0, 1, 7, 8, 15]),
    "A day for people who read code": (6, [2, 3, 4, 5, 21]),
    "For people who test": (10, [0, 1, 2, 3, 7, 8, 11, 17]),
    "For people who use heatmaps": (13.5, [0, 1, 2, 3, 7, 8, 11, 14, 15, 16, 18]),
    "Twelve hours": (12, [0, 1, 2, 3, 7, 8, 9, 15, 16]),
    "A semester, two hours a week: all": (27, list(range(22))),
}


def plans():
    """The pace; a line for each plan: its lessons, with their minutes and their sum."""
    kinds = ", ".join(f"{kind} {spent}" for kind, spent in pace.EXERCISE.items())
    said = (f"We compute the minutes as follows. A class reads {pace.WORDS} words or {pace.LINES} lines of code in a minute. To find the "
            f"idea of an exercise, it needs this many minutes: {kinds}. To write the answer, it needs {pace.LINE} more minute for each "
            f"line of the sample answer. The talk at the end takes {pace.TALK} minutes. `tinyattr/course/pace.py` contains these numbers.")
    spent = {lesson.number: sum(pace.minutes(lesson).values()) for lesson in lessons()}
    lines = [said, "", "| plan | hours | lessons (minutes) |", "|---|---|---|"]
    for name, (_, numbers) in PLANS.items():
        each = ", ".join(f"{n} ({spent[n]})" for n in numbers)
        lines.append(f"| {name} | {sum(spent[n] for n in numbers) / 60:.1f} | {each} |")
    return "\n".join(lines)


def needs_and_shows():
    """A line for each lesson: what it needs, what can be done after it."""
    lines = ["| lesson | time | CPU | needs | after it, one can |", "|---|---|---|---|---|"]
    for lesson in lessons():
        f = lesson.fields
        lines.append(f"| [{lesson.number}. {lesson.title}]({lesson.path.name}) | {f['Time']} | {f['CPU']} | {f['Needs']} | "
                     f"{f['After this you can']} |".replace("``", "`"))
    return "\n".join(lines)


def wrong_answers():
    """A line for each wrong answer: exercise, what the student writes, what is wrong with it, which check catches it."""
    right, wrong = {}, {}  # {exercise: the lines of all its right answers, or of all its wrong ones}
    for lesson in lessons():
        for (number, _, _), answer in zip(lesson.exercises, solutions(lesson.path.read_text(encoding="utf-8")), strict=True):
            right[number], wrong[number] = lines_of(answer), []
    for entry in stored("right"):
        right[entry["exercise"]] += lines_of(entry["answer"])
    for entry in stored("wrong"):
        wrong[entry["exercise"]] += lines_of(entry["answer"])
    lines = ["| exercise | a student writes | what is wrong | caught by |", "|---|---|---|---|"]
    for entry in stored("wrong"):
        number, why, caught_by = entry["exercise"], entry["why"], entry["caught_by"].split(" ", 1)[1]
        cells = (number, shown(entry["answer"], right[number], wrong[number]), why, caught_by)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def lines_of(code):
    """The lines of some code, without comments. What stands in brackets is one line, even if it was broken after a comma."""
    code = re.sub(r"(?<=[(\[{])\n\s*", "", re.sub(r"\s+# .*", "", code))
    return [line.strip() for line in re.sub(r",\n\s*", ", ", code).splitlines() if line.strip()]


def shown(answer, right, wrong):
    """The line of a wrong answer that tells most: the first that is in no right answer and, if possible, in no other wrong one."""
    lines = lines_of(answer)
    own = [line for line in lines if line not in right] or lines[:len(lines) == 1]
    if not own:
        return "only lines that right answers contain, too"
    first = next((line for line in own if wrong.count(line) == 1), own[0])
    return f"`{cut(first, right)}`" + " …" * (len(own) > 1)


def cut(line, right):
    """A line, or if it is too long, the part around the place where it begins to differ from the most similar right line."""
    similar = max(right, key=lambda one: SequenceMatcher(None, line, one, autojunk=False).ratio())
    differs = next(k for k in range(len(line) + 1) if not similar.startswith(line[:k + 1]) or k == len(line))
    if len(line) > WIDEST and differs > 0.6 * WIDEST:
        line = "… " + line[line.find(" ", min(differs - WIDEST // 2, len(line) - WIDEST)) + 1:]
    return line if len(line) <= WIDEST + 2 else line[:WIDEST].rsplit(" ", 1)[0] + " …"


def explanations():
    """A line for each exercise that is answered in words: what the teacher looks for. The lesson has a sample answer."""
    lines = ["| exercise | what a good answer says |", "|---|---|"]
    return "\n".join([*lines, *(f"| {rubric['exercise']} | {' '.join(rubric['points'])} |" for rubric in stored("rubric"))])


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
    write(PATH, lambda guide: with_parts(guide, plans=plans(), lessons=needs_and_shows(), figures=figures(), explanations=explanations(),
                                            wrong_answers=wrong_answers()))
