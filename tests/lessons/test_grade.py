"""Grading: a class is marked as it should be; foul play is caught by the rule that is said to catch it; limits hold."""

import csv
import json
import os
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.lessons import classroom
from tinyattr.cli.main import main
from tinyattr.course import grade
from tinyattr.course.handed_in import exercises
from tinyattr.course.script import numbered, read
from tinyattr.course.student import student

FEW = ("bert.py", "dana.ipynb", "jack.ipynb", "kurt.ipynb", "lena.py", "mona.py", "tina.ipynb", "udo.py", "vera.py", "yves.py", "zoe.ipynb", "adam.py", "mal03.py")
TINY = '''"""
98. Tiny
========

**Question:** Is it small?

:Time: 1 min
"""

# %%
# Text.

import numpy as np

import tinyattr as ta
from tinyattr.course import holds, same
from tinyattr.softmax import softmax

data = np.arange(3.0)

# %%
# Exercise 98.1 (complete): the double

kept = [1, 2]


def double(a):
    """2 a"""
    ### BEGIN SOLUTION
    return 2 * a
    ### END SOLUTION


same("98.1 two", double(1), 2)
same("98.1 more", double(data), np.array([0.0, 2.0, 4.0]))
holds("98.1 the library's", softmax(data).argmax() == kept[1])

# %%
# Exercise 98.2 (predict): a number
#

### BEGIN SOLUTION
number = 3
### END SOLUTION

for k in range(2):
    holds(f"98.2 it is three, {k}", number == 3)
'''


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A lesson of two exercises, in a working folder of its own."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "98_tiny.py"
    path.write_text(TINY, encoding="utf-8")
    return read(path)


def why(lesson, first="return 2 * a", second="number = 3", change=lambda text: text, seconds=20, **options):
    """Why there are no points for the two exercises of a student's copy with these answers."""
    text = student(TINY)
    for exercise, answer, indent in (("98.1", first, "    "), ("98.2", second, "")):
        line = next(line for line in text.splitlines() if f"Exercise {exercise} is yours" in line)
        text = text.replace(line, textwrap.indent(answer, indent))
    Path("mine.py").write_text(change(text), encoding="utf-8")
    return list(grade.reasons(lesson, {"mine.py": exercises("mine.py")}, seconds, **options)["mine.py"].values())


@pytest.mark.parametrize("names", [FEW, pytest.param(tuple(classroom.CLASS), marks=pytest.mark.skipif(
    "TINYATTR_WHOLE_CLASS" not in os.environ, reason="the whole class takes a minute: set TINYATTR_WHOLE_CLASS"))])
def test_a_class_is_marked_as_it_should_be(names, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("class").mkdir()
    classroom.write("class", names)
    assert main(["lesson", "grade", "class", "--lesson", "1", "--timeout", "10", "--csv", "marks.csv", "--json", "marks.json"]) == 1
    told = capsys.readouterr()
    with open("marks.csv", encoding="utf-8", newline="") as file:
        rows = {Path(row["file"]).name: row for row in csv.DictReader(file)}
    marks = {name: "".join(row[number] for number in ("1.1", "1.2", "1.3")) for name, row in rows.items()}
    assert marks == {name: classroom.CLASS[name][1] for name in names}
    for row in json.loads(Path("marks.json").read_text(encoding="utf-8")):
        name = Path(row["file"]).name
        assert (row["points"], row["of"], row["lesson"]) == (classroom.CLASS[name][1].count("1"), 3, 1)
        assert row["why"] or all(bool(e["why"]) != bool(e["points"]) for e in row["exercises"].values())
        assert f"{row['file']}" in told.out
    short = sum(points != "111" for _, points in map(classroom.CLASS.get, names))
    assert told.err == f"tinyattr: {short} of {len(names)} files do not have all points\n"


def test_a_solved_copy_has_all_points(tiny):
    assert why(tiny) == ["", ""]
    assert why(tiny, "raise NotImplementedError('Exercise 98.1 is yours to solve')", "raise NotImplementedError") == ["open", "open"]


@pytest.mark.parametrize(("first", "second", "reason"), [
    ("return a", "number = 3", "98.1 two: yours 1, truth 2; off by 0.5 of it"),
    ("return helper(a)", "number = 3", "NameError: name 'helper' is not defined"),
    ("def double_of(a):\n    2 * a\n\nreturn 1 * double_of(a)", "number = 3",
     "TypeError: unsupported operand type(s) for *: 'int' and 'NoneType'; None is what a function without return"),
    ("raise SystemExit(0)", "number = 3", "SystemExit: 0"),
    ("raise KeyboardInterrupt", "number = 3", "KeyboardInterrupt"),
    ("import os\nos._exit(0)", "number = 3", "it ended its process"),
    ("import os\nos.closerange(3, 99)", "number = 3", "it ended its process"),
    ("import os\nfor fd in range(3, 99):\n    try:\n        os.write(fd, b'\\0\\0\\0\\1 ')\n    except OSError:\n        pass", "number = 3", "it sends a verdict of its own"),
    ("import os\nos.system('true')\nreturn 2 * a", "number = 3", "it calls os.system"),
    ("try:\n    import os\n    os.fork()\nexcept PermissionError:\n    pass\nreturn 2 * a", "number = 3", "it calls os.fork"),
    ("import tinyattr.files.embedded as e\nopen(e.embedded('lessons') / '01_first_heatmap.py')\nreturn 2 * a", "number = 3", "it opens the lessons"),
    ("from tinyattr.course.script import numbered\nnumbered(1)\nreturn 2 * a", "number = 3", "it opens the lessons"),
    ("np.argmax = None\nreturn 2 * a", "number = 3", "it replaces numpy.argmax"),
    ("import tinyattr.softmax as s\ns.softmax = abs\nreturn 2 * a", "number = 3", "it replaces tinyattr.softmax.softmax"),
    ("softmax.__code__ = (lambda z: z).__code__\nreturn 2 * a", "number = 3", "it replaces the code of tinyattr"),
    ("np.asarray = None\nreturn 2 * a", "number = 3", "it replaces numpy.asarray"),  # with which the check itself fails
    ("ta.SCORES['pre'] = ta.SCORES['post']\nreturn 2 * a", "number = 3", "it replaces tinyattr"),
    ("ta.Tape.write = None\nreturn 2 * a", "number = 3", "it replaces tinyattr"),
    ("import builtins\nbuiltins.sum = max\nreturn 2 * a", "number = 3", "it replaces builtins.sum"),
    ("global same\nsame = print\nreturn 2", "number = 3", "it replaces same"),
    ("import sys\nsys._getframe(1).f_globals['same'] = lambda *a: None\nreturn 2", "number = 3", "it replaces same"),
    ("return 2 * a", "number = 4\nholds = print", "it replaces holds"),
    ("return 2 * a", "number = 4\nrange = lambda n: ()", "98.2 it is three, 0: does not hold"),
    ("return 2 * a", "number = 3\ndata[:] = 7", "it changes data"),
    ("return 2 * a", "numbers = 3", "NameError: name 'number' is not defined"),
    ("return 2 * a", "print('98.2 ok')\nnumber = 4", "98.2 it is three, 0: does not hold"),
    ("return 2 * a", 'number = 3\n"""', "not Python, line"),
    ("return 2 * a", "number = 3\nimport os\nos._exit(0)", "it ended its process"),
])
def test_foul_play_and_mistakes_are_said(first, second, reason, tiny):
    """In the exercise where it happens; the other one keeps its point."""
    found = why(tiny, first, second)
    at = 0 if second == "number = 3" else 1
    assert found[at].startswith(reason), found
    assert found[1 - at] == ""


def test_an_answer_may_use_the_names_of_pythons_functions(tiny):
    assert why(tiny, second="from numpy import *\nrange = sum = 1\nnumber = 2 + sum") == ["", ""]


def test_no_answer_finds_or_loses_what_another_one_did_to_files(tiny):
    wipes = "import os, shutil\nopen('left.txt', 'w').close()\nshutil.rmtree(os.getcwd())\nnumber = 3"
    looks = "import os\nnumber = 3 + len(os.listdir())\nopen('left.txt', 'x').close()"
    reads = f"text = open({str(Path('0.py').resolve())!r}).read()\nnumber = 3"
    for place, number in enumerate((wipes, looks, looks, reads)):
        text = student(TINY).replace('raise NotImplementedError("Exercise 98.2 is yours to solve")', number)
        Path(f"{place}.py").write_text(text, encoding="utf-8")
    files = [f"{place}.py" for place in range(4)]
    found = grade.reasons(tiny, {file: exercises(file) for file in files}, 20)
    assert [found[file]["98.2"] for file in files] == ["", "", "", "it opens what somebody else hands in"]


def test_folders_are_searched_and_no_file_is_lost(tmp_path, monkeypatch, capsys):
    """Also a class that a learning platform packed, a folder for each, and names in another encoding."""
    monkeypatch.chdir(tmp_path)
    there = ("ann/lesson.py", "bob/LESSON.PY", "bob/handout/lessons/one.ipynb", "zoe\n.py")
    skipped = ("bob/handout/tinyattr/softmax.py", "bob/handout/lessons/own_network/train.py", ".venv/a.py",
               "bob/venv/lib/site-packages/a.py", "bob/._lesson.py", "bob/README.md")
    for name in (*there, *skipped, "carl/report.docx", "kim.py.txt"):
        Path("class", name).parent.mkdir(parents=True, exist_ok=True)
        Path("class", name).write_text("# %%\n# Exercise 77.1 (prove): nothing\n", encoding="utf-8")
    with suppress(OSError):  # a system may have no such names
        Path("class", os.fsdecode(b"j\xf6rg.py")).write_text("", encoding="utf-8")
    assert main(["lesson", "grade", "class", "class/ann", "--csv", "marks.csv"]) == 1
    with open("marks.csv", encoding="utf-8", newline="") as file:
        names = [row["file"].removeprefix("class/") for row in csv.DictReader(file)]
    assert [name for name in names if name[0] != "j"] == [name.replace("\n", "\ufffd") for name in there]
    told = capsys.readouterr().out.splitlines()
    assert "neither scripts nor notebooks: class/carl, class/kim.py.txt" in told
    before = Path("class/ann/lesson.py").read_text(encoding="utf-8")
    assert main(["lesson", "grade", "class", "--csv", "class/ann/lesson.py", "--overwrite"]) == 1
    assert "is named twice" in capsys.readouterr().err
    assert Path("class/ann/lesson.py").read_text(encoding="utf-8") == before


def test_an_endless_loop_ends_and_so_does_what_it_started(tiny):
    began = time.monotonic()
    assert why(tiny, "while True:\n    pass", seconds=1) == ["not done after 1 seconds", ""]
    assert time.monotonic() - began < 30


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its memory")
def test_memory_has_a_limit(tiny):
    assert why(tiny, "return np.ones(10**10)")[0].startswith("MemoryError: Unable to allocate")


@pytest.mark.parametrize(("change", "reasons"), [
    (lambda text: text.replace("double(1), 2)", "double(1), double(1))"), ["its checks were changed or removed", ""]),
    (lambda text: text[:text.index("same(")] + text[text.index("# %%\n# Exercise 98.2"):], ["its checks were changed or removed", ""]),
    (lambda text: text[:text.index("# %%\n# Exercise 98.2")], ["", "it is not in the file"]),
    (lambda text: text + text[text.index("# %%\n# Exercise 98.2"):], ["", "it is in the file 2 times; keep one"]),
    (lambda text: "raise SystemExit(0)\n" + text.replace("import numpy as np", "syntax error ("), ["", ""]),
    (lambda text: text.replace("same(", "print(double(3))\nsame(").replace("range(2)", "range( 2 )"), ["", ""]),
    (lambda text: text.replace("kept = [1, 2]", "kept = [0, 0]"), ["", ""]),
    (lambda text: text.replace("def double(a):", "def double(a)"), ["not Python, line 27: expected ':'", ""]),
], ids=["changed", "removed", "exercise removed", "twice", "elsewhere", "additions", "data", "broken"])
def test_only_answers_are_taken(change, reasons, tiny):
    assert why(tiny, change=change) == reasons


def test_a_child_that_has_nothing_of_its_parent_judges_alike(tiny):
    """As on Windows and macOS, where processes do not split."""
    assert why(tiny, second="number = 4", way="spawn") == ["", "98.2 it is three, 0: does not hold"]


def test_exercises_are_worth_what_the_teacher_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("worth.toml").write_text('"2.1" = 4\n"2.2" = 0.5\n', encoding="utf-8")
    assert main(["lesson", "student", "2"]) == 0
    assert main(["lesson", "grade", "02_a_tape_from_nothing.py", "--points", "worth.toml", "--json", "marks.json"]) == 1
    (row,) = json.loads(Path("marks.json").read_text(encoding="utf-8"))
    assert [e["of"] for e in row["exercises"].values()] == [4, 0.5, 1, 1]
    assert (row["points"], row["of"]) == (0, 6.5)
    assert "02_a_tape_from_nothing.py: 2.1, 2.2, 2.3, 2.4: open" in capsys.readouterr().out
    for text, words in (("1.1 = 4", "exercise '1'"), ('"2.1" = "a"', "must be a number from 0"), ("[", "cannot be read as points")):
        Path("worth.toml").write_text(text, encoding="utf-8")
        assert main(["lesson", "grade", "02_a_tape_from_nothing.py", "--points", "worth.toml"]) == 1
        assert words in capsys.readouterr().err


def test_texts_are_left_to_the_teacher_and_lessons_have_tables_of_their_own(tmp_path, monkeypatch, capsys):
    """Of an exercise "explain", the point is given, and the teacher told to read."""
    monkeypatch.chdir(tmp_path)
    Path("softmax.py").write_text(numbered(7).path.read_text(encoding="utf-8"), encoding="utf-8")
    Path("other.py").write_text("# %%\n# Exercise 77.1 (prove): nothing\n", encoding="utf-8")
    assert main(["lesson", "grade", "other.py", "softmax.py"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told if line.endswith("  of")] == ["file", "file"]
    assert next(line for line in told if line.startswith("softmax.py")).split()[1:] == ["1"] * 7 + ["7", "7"]
    assert told[-2:] == ["softmax.py: 7.7: a text, which you must read", "other.py: there is no lesson 77"]


@pytest.mark.parametrize(("arguments", "words"), [
    (["none.py"], "there is no file 'none.py'"), (["."], "no script and no notebook in '.'"),
    (["x.txt", "--timeout", "0"], "--timeout must be a number from 0.1"), (["x.txt", "--lesson", "99"], "there is no lesson 99"),
    (["x.txt", "--csv", "x.txt"], "exists already, and is kept"),
])
def test_what_cannot_be_graded_is_one_line(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("x.txt").write_text("x", encoding="utf-8")
    assert main(["lesson", "grade", *arguments]) == 1
    assert words in capsys.readouterr().err
