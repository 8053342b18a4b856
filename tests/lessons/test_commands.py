"""`tinyattr lesson`: list, run, a student's copy, a notebook, as users call them."""

import json

import pytest

from tests.lessons.solutions import solutions
from tinyattr.cli.main import main
from tinyattr.course.notebook import markdown, notebook
from tinyattr.course.script import lessons, numbered, parsed, read
from tinyattr.course.student import student
from tinyattr.errors import InputError


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_list_has_every_lesson(capsys):
    assert main(["lesson", "list"]) == 0
    printed = capsys.readouterr().out
    for lesson in lessons():
        assert f"{lesson.number:>2}  {lesson.title}" in printed
        assert lesson.fields["CPU"] in printed


def test_a_lesson_runs_into_a_folder(here, capsys):
    (here / "figures").mkdir()
    assert main(["lesson", "run", "7", "--out", "figures"]) == 0
    assert "exercises solved: 7 of 7" in capsys.readouterr().out
    assert sorted(p.name for p in (here / "figures").iterdir()) == ["07_jacobian.png", "07_saturation.png"]
    assert [p.name for p in here.iterdir()] == ["figures"]


def test_a_students_copy_from_first_to_last_exercise(here, capsys):
    """Open exercises are named, each solved one less; a wrong answer says which check it fails."""
    assert main(["lesson", "student", "7", "--out", "mine.py"]) == 0
    left = ["7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "7.7"]
    answers = solutions(numbered(7).path.read_text(encoding="utf-8"))
    for exercise, answer in zip([None, *left], [None, *answers], strict=True):
        if exercise:
            text = (here / "mine.py").read_text(encoding="utf-8").splitlines()
            at = next(i for i, line in enumerate(text) if f'NotImplementedError("Exercise {exercise} ' in line)
            (here / "mine.py").write_text("\n".join([*text[:at], answer, *text[at + 1:], ""]), encoding="utf-8")
        done = left[:left.index(exercise) + 1] if exercise else []
        still = [e for e in left if e not in done]
        capsys.readouterr()
        assert main(["lesson", "run", "mine.py"]) == (1 if still else 0)
        told = capsys.readouterr()
        assert f"exercises solved: {len(done)} of 7" in told.out
        assert told.err == (f"tinyattr: exercises left: {', '.join(still)}\n" if still else "")
        assert all(f"Exercise {e} is yours to solve" in told.out for e in still)
    wrong = (here / "mine.py").read_text(encoding="utf-8").replace("np.diag(y) - np.outer(y, y)", "np.diag(y)")
    (here / "mine.py").write_text(wrong, encoding="utf-8")
    assert main(["lesson", "run", "mine.py"]) == 1
    assert "exercise 7.2: not yet. 7.2 by central differences: off by" in capsys.readouterr().out


def test_a_slip_outside_of_exercises_is_told_with_its_line(here, capsys):
    text = student(numbered(7).path.read_text(encoding="utf-8")).replace("J = softmax_jacobian(five)", "J = softmax_jacobian(fife)")
    (here / "mine.py").write_text(text, encoding="utf-8")
    assert main(["lesson", "run", "mine.py"]) == 1
    line = next(i for i, words in enumerate(text.splitlines(), 1) if words.startswith("five = "))
    assert f"the cell at line {line} ends in NameError" in capsys.readouterr().out


def test_a_notebook_is_a_valid_one(here):
    nbformat = pytest.importorskip("nbformat", reason="validating notebooks needs nbformat")
    for options, solved in (([], True), (["--student", "--overwrite"], False)):
        assert main(["lesson", "notebook", "7", *options]) == 0
        book = json.loads((here / "07_softmax_rows.ipynb").read_text(encoding="utf-8"))
        nbformat.validate(nbformat.from_dict(book))
        cells = ["".join(cell["source"]) for cell in book["cells"]]
        assert cells[0].lstrip().startswith("# 7. Softmax")
        assert any("BEGIN SOLUTION" in cell for cell in cells) == solved
        assert any("NotImplementedError" in cell for cell in cells) != solved
        assert not any(":CPU:" in cell for cell in cells)


def test_cells_are_sphinx_gallerys_cells():
    parser = pytest.importorskip("sphinx_gallery.py_source_parser", reason="its parser is the reference")
    for lesson in lessons():
        _, blocks = parser.split_code_and_text_blocks(str(lesson.path))
        code = [block.content.strip() for block in blocks if block.type == "code" and block.content.strip()]
        assert [cell.code.strip() for cell in lesson.cells if cell.code.strip()] == code
        text = [block.content.strip() for block in blocks if block.type == "text"]
        assert [cell.text.strip() for cell in lesson.cells] == text


def test_what_a_student_does_in_one_exercise_ends_no_lesson(here, capsys):
    """To call exit(), or to import what is not installed; the file begins with a byte order mark, as some editors write."""
    text = '"""\n1. Two\n======\n"""\n' + "".join(f"\n# %%\n# Exercise 1.{n} (prove): it\n\n{line}\n" for n, line in
                                              enumerate(("raise SystemExit(0)", "import nmupy", "x = 3"), 1))
    (here / "mine.py").write_text(text, encoding="utf-8-sig")
    assert main(["lesson", "run", "mine.py"]) == 1
    told = capsys.readouterr()
    assert "exercise 1.1: the cell at line 9 ends in SystemExit: 0" in told.out
    assert "exercise 1.2: the cell at line 14 ends in ModuleNotFoundError: No module named 'nmupy'" in told.out
    assert told.err == "tinyattr: exercises left: 1.1, 1.2\n"


@pytest.mark.parametrize(("arguments", "words"), [
    (["run", "99"], "there is no lesson 99; there are 0, 1"), (["run", "no.py"], "cannot be read as a lesson"),
    (["student", "99"], "there is no lesson 99"), (["notebook", "99"], "there is no lesson 99"),
    (["run", "7", "--out", "nowhere"], "no folder 'nowhere'"), (["student", "7", "--out", "no/such.py"], "no folder 'no'"),
    (["run", "none.py"], "is not a lesson"), (["run", "broken.py"], "cannot be read as a lesson: line 4: '(' was never closed"),
    (["run", "latin.py"], "cannot be read as a lesson: it is not a text in UTF-8; save it"), (["run", "7.ipynb"], "is a notebook; Jupyter runs it"),
])
def test_mistakes_get_one_line(arguments, words, here, capsys):
    (here / "none.py").write_text('"""Only a script."""\n', encoding="utf-8")
    (here / "broken.py").write_text('"""1. Half\n======\n"""\nx = (\n', encoding="utf-8")
    (here / "latin.py").write_text('"""1. Grüße\n========\n"""\n', encoding="latin-1")
    assert main(["lesson", *arguments]) == 1
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1


def test_a_copy_never_takes_the_lessons_place(here, capsys):
    lesson = numbered(7).path
    before = lesson.read_bytes()
    for options, words in (([], "exists already, and is kept"), (["--overwrite"], "is named twice")):
        assert main(["lesson", "student", "7", "--out", str(lesson), *options]) == 1
        assert words in capsys.readouterr().err
        assert lesson.read_bytes() == before


@pytest.mark.parametrize("kind", ["student", "notebook"])
def test_no_work_is_overwritten_unless_one_says_so(kind, here, capsys):
    assert main(["lesson", kind, "7", "--out", "mine"]) == 0
    (here / "mine").write_text("an hour's work", encoding="utf-8")
    assert main(["lesson", kind, "7", "--out", "mine"]) == 1
    assert capsys.readouterr().err == "tinyattr: 'mine' exists already, and is kept; give another name, or --overwrite\n"
    assert (here / "mine").read_text(encoding="utf-8") == "an hour's work"
    assert main(["lesson", kind, "7", "--out", "mine", "--overwrite"]) == 0
    assert "softmax" in (here / "mine").read_text(encoding="utf-8")


def test_answers_and_checks_have_cells_of_their_own():
    """Together they are the lesson's code; what is open may fail, what is solved may not."""
    for lesson in lessons():
        solved, opened = lesson, parsed(student(lesson.path.read_text(encoding="utf-8")), lesson.path)
        for each, tagged in ((solved, 0), (opened, 2 * len(lesson.exercises))):
            cells = json.loads(notebook(each))["cells"]
            code = "\n".join(cell["source"] for cell in cells if cell["cell_type"] == "code")
            assert [line for line in code.splitlines() if line] == [line for cell in each.cells for line in cell.code.splitlines() if line]
            assert sum(cell["metadata"].get("tags") == ["raises-exception"] for cell in cells) == tagged
        graded = [cell["metadata"]["nbgrader"] for cell in json.loads(notebook(solved, nbgrader=True))["cells"] if cell["cell_type"] == "code"]
        assert len({about["grade_id"] for about in graded}) == len(graded)
        assert sum(about.get("points", 0) for about in graded) == sum(about["grade"] for about in graded) == len(lesson.exercises)
        assert [about["grade_id"] for about in graded if about["solution"]] == [f"answer-{n}".replace(".", "-") for n, _, _ in lesson.exercises]


@pytest.mark.parametrize(("rest", "mark"), [
    ("Title\n=====\n\nText", "# Title\n\nText"), ("Part\n----\n", "## Part\n"), ("``a b`` and **b**", "`a b` and **b**"),
    (":Time: 1 min", "- **Time:** 1 min"), ("`page <https://a.b>`_", "[page](https://a.b)"), (":math:`x_1`", "$x_1$"),
    (".. math::\n\n   a = b\n   c\n\nMore", "$$\n   a = b\n   c\n$$\n\nMore"),
])
def test_a_notebooks_text_is_markdown(rest, mark):
    assert markdown(rest) == mark


@pytest.mark.parametrize("source", [
    '# %%\n# Exercise 1.1 (complete): x\n\n### BEGIN SOLUTION\n1\n', "### BEGIN SOLUTION\n1\n### END SOLUTION\n",
    '# Exercise 1.1 (complete): x\n### END SOLUTION\n', "# Exercise 1.1 (complete): x\n### BEGIN SOLUTION\n### BEGIN SOLUTION\n",
])
def test_markers_that_do_not_pair(source):
    with pytest.raises(InputError, match="SOLUTION"):
        student(source)


def test_a_broken_header_is_named(here):
    (here / "x.py").write_text('"""A title without a number\n========================\n"""\n', encoding="utf-8")
    with pytest.raises(InputError, match="must begin with a title"):
        read(here / "x.py")


def test_a_library_that_is_missing_is_named(here, capsys):
    (here / "x.py").write_text('"""1. Needs more\n=============\n"""\n\n# %%\n# Text.\n\nimport nowhere_to_be_found\n', encoding="utf-8")
    assert main(["lesson", "run", "x.py"]) == 1
    assert "needs nowhere_to_be_found" in capsys.readouterr().err
