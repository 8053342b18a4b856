"""In a browser there is no Numba, no thread and no other process: the package asks for none of them, and lessons run."""

import re
import subprocess
import sys

import pytest

from tests import browser_table
from tests.generated import ROOT
from tinyattr.course.script import lessons


def test_the_wheel_asks_for_numba_except_in_a_browser():
    requirements = pytest.importorskip("packaging.requirements")
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = [requirements.Requirement(r) for r in re.findall(r'"([^"]+)"', re.search(r"^dependencies = \[(.*)\]$", text, re.M)[1])]
    asked = {platform: {r.name for r in needed if r.marker is None or r.marker.evaluate({"sys_platform": platform})} for platform in ("linux", "emscripten")}
    assert asked["linux"] - asked["emscripten"] == {"numba"}


def test_a_lesson_runs_with_what_a_browser_has():
    assert browser_table.measured(5)["failed"] == []


def test_what_a_browser_lacks_is_taken_away():
    """Otherwise the lessons would prove nothing."""
    lines = ["import numba", "import resource", "threading.Thread(target=print).start()", "subprocess.run(['true'])"]
    tries = "".join(f"try:\n    {line}\n    sys.exit({line!r})\nexcept (ImportError, RuntimeError, OSError):\n    pass\n" for line in lines)
    done = subprocess.run([sys.executable, "-c", browser_table.WITHOUT + tries], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_table_has_every_lesson():
    part = browser_table.PATH.read_text(encoding="utf-8").split(browser_table.START)[1]
    rows = re.findall(r"^\| (\d+ .+?) \| \d+ \| \d+ \| (yes|no) \|$", part, re.M)
    assert rows == [(f"{lesson.number} {lesson.title}", "yes") for lesson in lessons()]
