"""nbgrader itself makes the students' notebooks of ours and grades them: a solved one, an open one. Slow, so of one lesson."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tinyattr.cli.main import main

pytest.importorskip("nbgrader", reason="nbgrader is not installed")


def nbgrader(*words):
    done = subprocess.run([sys.executable, "-m", "nbgrader", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def test_generate_release_autograde(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")  # nbgrader calls alembic
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    Path("nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "heatmaps"\n'
                                          "c.ExecutePreprocessor.timeout = c.ExecutePreprocessor.iopub_timeout = 600\n", encoding="utf-8")
    Path("source", "first").mkdir(parents=True)
    assert main(["lesson", "notebook", "0", "--nbgrader", "--out", "source/first/lesson.ipynb"]) == 0
    nbgrader("generate_assignment", "first", "--create")
    released = Path("release", "first", "lesson.ipynb")
    assert "SOLUTION" not in released.read_text(encoding="utf-8")
    for student, notebook in (("solved", Path("source", "first", "lesson.ipynb")), ("unsolved", released)):
        Path("submitted", student, "first").mkdir(parents=True)
        shutil.copy(notebook, Path("submitted", student, "first"))
    nbgrader("autograde", "first", "--create")
    nbgrader("export", "--to", "grades.csv")
    assert points(Path("grades.csv")) == {"solved": (3, 3), "unsolved": (0, 3)}
    ran = json.loads(Path("autograded", "unsolved", "first", "lesson.ipynb").read_text(encoding="utf-8"))["cells"]
    assert all(cell["execution_count"] for cell in ran if cell["cell_type"] == "code"), "an open exercise stopped the notebook"


def points(path):
    """{student: (points, of)} of the table that nbgrader exports."""
    title, *rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [dict(zip(title, row, strict=True)) for row in rows]
    return {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in rows}
