"""What a class gets: everything to work with and nothing of the teacher's; what the teacher's guide says of it is tried."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.generated import ROOT
from tests.lessons import classroom
from tests.lessons.solutions import solutions
from tinyattr.cli.main import main
from tinyattr.course.script import lessons

GUIDE = (ROOT / "lessons" / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def handout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["lesson", "handout", "class", "--lessons", "1", "7", "--notebooks"]) == 0
    return tmp_path / "class"


def test_it_holds_copies_and_no_solutions(handout):
    assert {p.name for p in handout.iterdir()} == {"README.md", "requirements.txt", "GLOSSARY.md", "lessons", "tinyattr", "01_first_heatmap.ipynb",
                                                   "07_softmax_rows.ipynb"}
    assert {p.name for p in (handout / "lessons").glob("*.py")} == {"01_first_heatmap.py", "07_softmax_rows.py"}
    everything = "\n".join(p.read_text(encoding="utf-8") for p in handout.rglob("*") if p.suffix in (".py", ".ipynb", ".md", ".toml", ".txt"))
    for lesson in lessons():
        for block in solutions(lesson.path.read_text(encoding="utf-8")):
            longest = max(block.splitlines(), key=len)
            assert len(longest) < 40 or longest.strip() not in everything, longest
    assert not list(handout.rglob("[0-9][0-9].toml"))
    assert not list(handout.rglob("grade*")) and not list(handout.rglob("marks*"))
    page = (handout / "README.md").read_text(encoding="utf-8")
    assert "requirements.txt" in page and "lessons/01_first_heatmap.py" in page and ".ipynb" in page
    assert {"numpy", "matplotlib", "hypothesis"} <= {re.match(r"\w+", line)[0] for line in (handout / "requirements.txt").read_text(encoding="utf-8").split()}


def test_its_command_runs_there_and_neither_grades_nor_hands_out(handout, monkeypatch):
    """In a process that finds the handout's package, not this one."""
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")  # or the kernels of the new folder would be compiled

    def there(*words):
        return subprocess.run([sys.executable, "-m", "tinyattr", "lesson", *words], cwd=handout, capture_output=True, text=True, check=False)

    listed = there("list").stdout
    assert "A first heatmap" in listed and "A tape" not in listed
    (handout / "lessons" / "01_first_heatmap.py").write_text(classroom.copy(e2=None), encoding="utf-8")
    done = there("run", "lessons/01_first_heatmap.py")
    assert "exercises solved: 2 of 3" in done.stdout, done.stderr
    assert done.stderr == "tinyattr: exercises left: 1.2\n"
    for words in (["grade", "lessons"], ["handout", "again"]):
        assert there(*words).stderr == "tinyattr: a student's package cannot grade or make a handout; use the full package\n"


def test_it_never_takes_a_folders_place(handout, capsys):
    before = sorted(handout.rglob("*"))
    assert main(["lesson", "handout", "class"]) == 1
    assert "is not empty; somebody may have worked there" in capsys.readouterr().err
    assert sorted(handout.rglob("*")) == before
    assert main(["lesson", "handout", "no/such"]) == 1
    assert "no folder 'no'" in capsys.readouterr().err
    Path("empty").mkdir()
    assert main(["lesson", "handout", "empty", "--lessons", "7"]) == 0
    assert sorted(p.name for p in Path("empty", "lessons").glob("*.py")) == ["07_softmax_rows.py"]


def test_an_open_notebook_runs_to_its_end(handout):
    """As "Run All" does: a cell that fails stops the rest, unless it is tagged. The last cell tells that it was reached."""
    nbformat = pytest.importorskip("nbformat", reason="notebooks are run by nbclient")
    client = pytest.importorskip("nbclient", reason="notebooks are run by nbclient")
    pytest.importorskip("ipykernel", reason="notebooks are run by nbclient")
    book = nbformat.read(handout / "01_first_heatmap.ipynb", as_version=4)
    client.NotebookClient(book, timeout=600, iopub_timeout=600, resources={"metadata": {"path": str(handout)}}).execute()
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    shown = [output for cell in code for output in cell.outputs if "image/png" in output.get("data", {})]
    assert len(shown) == 3, "every figure is shown"
    assert sum(output.output_type == "error" for cell in code for output in cell.outputs) == 5, "of the first exercise, only the checks fail"


def test_the_guides_workflow_grades_a_handout(handout, monkeypatch, capsys):
    """All that runs offline of the workflow for GitHub Classroom: its last step, in a repository made of a handout."""
    workflow = re.search(r"```yaml\n(.*?)```", GUIDE, re.S)[1]
    installs, grades = re.findall(r"- run: (.+)$", workflow, re.M)
    assert installs.startswith("pip install")
    assert grades.startswith("tinyattr ")
    monkeypatch.chdir(handout)
    shutil.rmtree("tinyattr")
    Path("lessons", "07_softmax_rows.py").unlink()
    Path("lessons", "01_first_heatmap.py").write_text(classroom.copy("1.3"), encoding="utf-8")
    assert main(grades.split()[1:]) == 1
    (row,) = json.loads(Path("marks.json").read_text(encoding="utf-8"))
    assert (row["points"], row["of"]) == (2, 3)
    assert "1.3 the map for heart" in capsys.readouterr().out


def test_the_guides_script_makes_otters_tests(tmp_path, monkeypatch):
    """And otter, where it is installed, gives a solved notebook all points and an open one none."""
    monkeypatch.chdir(tmp_path)
    script = re.search(r"### otter-grader.*?```python\n(.*?)```", GUIDE, re.S)[1]
    assert main(["lesson", "notebook", "1", "--student", "--nbgrader", "--out", "lesson.ipynb"]) == 0
    exec(compile(script, "README.md", "exec"), {})
    assert sorted(p.name for p in Path("tests").iterdir()) == ["checks_1_1.py", "checks_1_2.py", "checks_1_3.py"]
    opened = json.loads(Path("lesson_otter.ipynb").read_text(encoding="utf-8"))
    assert sum("grader.check(" in cell["source"] for cell in opened["cells"]) == 3
    pytest.importorskip("otter", reason="otter-grader is not installed")
    for cell in opened["cells"]:
        cell["source"] = classroom.copy(text=cell["source"])
    Path("solved.ipynb").write_text(json.dumps(opened), encoding="utf-8")
    for name, told in (("solved", "All tests passed!"), ("lesson_otter", "failed")):
        done = subprocess.run([sys.executable, "-m", "otter", "check", f"{name}.ipynb", "-t", "tests"], capture_output=True, text=True, check=False)
        assert told in done.stdout, done.stdout + done.stderr
        assert done.stdout.count("Test case failed") == (0 if name == "solved" else 3)
