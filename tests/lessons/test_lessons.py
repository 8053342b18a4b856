"""Every lesson runs and keeps the form; its student's copy fails at exactly its exercises; wrong answers are caught."""

import ast
import re
import textwrap
from dataclasses import replace
from pathlib import Path
from time import process_time

import pytest

from tests import teachers_guide
from tests.generated import ROOT
from tests.lessons.solutions import solutions
from tinyattr.course import pace
from tinyattr.course.run import execute, stage
from tinyattr.course.script import EXERCISE, KINDS, lessons, read
from tinyattr.course.student import BEGIN, END, student

LESSONS = lessons()
each = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.path.stem)
FIELDS = {"Time", "CPU", "Needs", "After this you can", "Figures", "Words"}
CHECKS = ("same", "agrees", "holds", "has", "predicts", "explains")


@pytest.fixture(autouse=True)
def coarse_figures(monkeypatch):
    """What a figure shows is looked at elsewhere: coarse ones are drawn in a third of the time."""
    monkeypatch.setattr("tinyattr.studies.draw.DPI", 40)


def source(lesson):
    return lesson.path.read_text(encoding="utf-8")


def by_exercise(kind):
    """{exercise: [entry, ...]} of the tables of this kind, in the lessons' order."""
    found = {}
    for entry in teachers_guide.stored(kind):
        found.setdefault(entry["exercise"], []).append(entry)
    return found


WRONG, RIGHT, RUBRICS = by_exercise("wrong"), by_exercise("right"), by_exercise("rubric")
EXERCISES = {number: kind for lesson in LESSONS for number, kind, _ in lesson.exercises}


@each
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # wrong answers overflow and divide by 0
def test_it_runs_and_judges_every_answer(lesson, tmp_path, monkeypatch):
    """One run of the student's copy, which fails at exactly its exercises. In an exercise's own cell the solution and each
    right answer pass, each wrong one is caught by the check that is said to. Under 30 seconds of processor time, answers
    of students left out, and with the figures that the header names, no more and no fewer."""
    monkeypatch.chdir(tmp_path)
    Path("figures").mkdir()
    copy = tmp_path / lesson.path.name
    copy.write_text(student(source(lesson)), encoding="utf-8")
    monkeypatch.chdir("figures")
    open_ones, not_caught, refused, spent = [], [], [], 0
    with stage(read(copy)) as names:
        for cell, solved in zip(read(copy).cells, lesson.cells, strict=True):
            before, began = dict(names), process_time()
            found = execute(cell, names)
            if not cell.exercise:
                assert found.error is None, str(found)
                spent += process_time() - began
                continue
            assert str(found) == f"Exercise {cell.exercise} is yours to solve"
            open_ones.append(cell.exercise)
            done = execute(solved, before)
            assert done.error is None, str(done)
            spent += process_time() - began
            for wrong in WRONG.get(cell.exercise, ()):
                error = execute(answered(cell, wrong["answer"]), dict(names)).error
                if not (isinstance(error, AssertionError) and str(error).startswith(wrong["caught_by"])):
                    not_caught.append((cell.exercise, wrong["answer"], repr(error)))
            for right in RIGHT.get(cell.exercise, ()):
                tried = execute(answered(cell, right["answer"]), dict(names))
                if tried.error is not None:
                    refused.append((right["answer"], str(tried)))
    assert not_caught == []
    assert refused == []
    assert open_ones == [number for number, _, _ in lesson.exercises]
    assert spent < 30
    figures = sorted(Path().iterdir())
    assert [path.name for path in figures] == sorted(lesson.fields["Figures"].split(", "))
    guide = teachers_guide.PATH.read_text(encoding="utf-8")
    for path in figures:
        assert teachers_guide.figure_line(path) in guide, "run: python -m tests.teachers_guide"


def answered(cell, answer):
    """An exercise's cell with an answer in the place of "yours to solve"."""
    code = cell.code
    line = re.search(r'^( *)raise NotImplementedError\("Exercise .*$', code, re.M)
    return replace(cell, code=code[:line.start()] + textwrap.indent(answer.strip("\n"), line[1]) + code[line.end():])


@each
def test_no_solution_is_left_in_the_students_copy(lesson):
    text = student(source(lesson))
    assert BEGIN not in text
    assert END not in text
    for block in solutions(source(lesson)):
        assert block.strip()
        assert block not in text


@each
def test_its_form(lesson):
    """What sphinx-gallery and Markdown readers need: blank line before every marker, code that begins with no comment."""
    assert set(lesson.fields) == FIELDS
    assert lesson.question.endswith("?")
    assert lesson.fields["Time"] == pace.time(lesson), "run: python -m tests.lesson_table"
    assert lesson.path.name.startswith(f"{lesson.number:02d}_")
    lines = source(lesson).splitlines()
    for before, line, after in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
        if re.match("# ?%%", line):
            assert line == "# %%"
            assert before == ""
            assert after.startswith("# "), "a cell begins with text"
        assert not re.match("#{20,}", line), "sphinx-gallery takes a line of # for a marker"
    for cell in lesson.cells:
        assert not cell.code.startswith("# ")
        heading = re.findall(r"^(.+)\n([-=~^]{3,})$", cell.text, re.M)
        assert all(len(under) >= len(title) for title, under in heading)


@each
def test_its_exercises(lesson):
    """Three or more, of three kinds or more, numbered in order, each with one solution and two checks of its own."""
    assert [n for n, _, _ in lesson.exercises] == [f"{lesson.number}.{k + 1}" for k in range(len(lesson.exercises))]
    kinds = {kind for _, kind, _ in lesson.exercises}
    assert kinds <= set(KINDS)
    assert len(lesson.exercises) >= 3
    if lesson.number:
        assert len(kinds) >= 3
    assert len(solutions(source(lesson))) == len(lesson.exercises)
    for cell in lesson.cells:
        found = EXERCISE.findall(cell.text)
        assert len(found) <= 1, "one exercise a cell"
        for number, _, _ in found:
            names = {name for name in check_names(cell.code) if name.startswith(f"{number} ")}
            several = any("{" in name for name in names)  # a check in a loop has another name each time
            assert len(names) + several >= (1 if EXERCISES[number] == "explain" else 2), f"exercise {number} has the checks {names}"


def check_names(code):
    """The first words of every call of a check: text, or the first part of an f-string."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CHECKS:
            first = node.args[0].values[0] if isinstance(node.args[0], ast.JoinedStr) else node.args[0]
            yield ast.unparse(node.args[0])[2:-1] if first is not node.args[0] else first.value


def test_every_exercise_has_five_wrong_answers_and_three_right_ones():
    """All different. What is explained in words has a rubric instead, for the teacher who reads it."""
    tried = [number for number, kind in EXERCISES.items() if kind != "explain"]
    for table, least in ((WRONG, 5), (RIGHT, 3)):
        assert list(table) == tried
        assert {number: len(table[number]) for number in tried if len({entry["answer"] for entry in table[number]}) < least} == {}
    assert all(wrong["why"] for wrongs in WRONG.values() for wrong in wrongs)
    assert all(right["style"] for rights in RIGHT.values() for right in rights)
    assert list(RUBRICS) == [number for number in EXERCISES if number not in tried]
    assert all(len(rubric["points"]) >= 2 for rubrics in RUBRICS.values() for rubric in rubrics)


def test_the_teachers_guide_shows_todays_lessons():
    guide = teachers_guide.PATH.read_text(encoding="utf-8")
    anew = teachers_guide.with_parts(guide, plans=teachers_guide.plans(), lessons=teachers_guide.needs_and_shows(), explanations=teachers_guide.explanations(),
                                     wrong_answers=teachers_guide.wrong_answers())
    assert guide == anew, "run: python -m tests.teachers_guide"


def test_the_glossary_has_the_courses_words():
    """In alphabetical order; each stands in the lesson that is said to have it first; every lesson links to it."""
    rows = re.findall(r"^\| (?!word|---)(.+?) \| .+ \| (\d+) \|$", (ROOT / "lessons" / "GLOSSARY.md").read_text(encoding="utf-8"), re.M)
    words = [word for word, _ in rows]
    assert words == sorted(words, key=lambda word: word.casefold().replace("-", " "))
    assert {"logit", "score", "row", "rule-book", "seed", "receipt", "kappa", "feature map", "saturation", "conditioning"} <= set(words)
    texts = {lesson.number: source(lesson).casefold() for lesson in LESSONS}
    for word, number in rows:
        short = re.split(r" \(|, ", word.casefold())[0]
        assert short in texts[int(number)], f"{word!r} is not in lesson {number}"
    assert {lesson.fields["Words"] for lesson in LESSONS} == {"explained in the `glossary <../glossary.html>`_"}


def test_needs_are_earlier_lessons():
    for lesson in LESSONS:
        assert all(n < lesson.number for n in lesson.needs), lesson.fields["Needs"]
        assert bool(lesson.needs) == lesson.fields["Needs"].startswith("lesson")


def test_plans_hold():
    """No plan has a lesson before one that it needs, or without it; its minutes add up to what it says."""
    by_number = {lesson.number: lesson for lesson in LESSONS}
    for name, (hours, numbers) in teachers_guide.PLANS.items():
        seen = set()
        for number in numbers:
            assert set(by_number[number].needs) <= seen, f"{name}: lesson {number} needs {by_number[number].needs}"
            seen.add(number)
        spent = sum(sum(pace.minutes(by_number[number]).values()) for number in numbers)
        assert hours * 60 * 0.85 <= spent <= hours * 60 * 1.05, f"{name}: {spent} minutes"
