"""The page "Bring your own network": it runs as it stands, offline, on the small file that Keras wrote."""

import runpy
import sys
from importlib.util import find_spec

from tests.generated import ROOT

LESSONS = ROOT / "lessons"


def test_the_page_runs_and_draws_its_figure(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    runpy.run_path(LESSONS / "bring_your_own_network.py")
    assert [path.name for path in tmp_path.iterdir()] == ["own_network_maps.png"]
    printed = capsys.readouterr().out
    assert printed.count(": ok") == 10
    assert "ALTERED" in printed


def test_its_file_is_small_and_its_drawing_needs_no_keras():
    assert (LESSONS / "own_network.keras").stat().st_size < 150_000
    drawn = runpy.run_path(LESSONS / "train_own_network.py")
    pictures, classes, masks = drawn["pictures"](4, 2)
    assert pictures.shape == (4, 48, 48, 3)
    assert masks.any((1, 2)).all() and set(classes) <= {0, 1, 2}
    assert find_spec("keras") is None or "keras" not in drawn
