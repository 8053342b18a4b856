"""The committed board: what its page says of it, and that today's methods still draw what was measured."""

import json

import numpy as np
import pytest

import tinyattr as ta
from tests import board_table
from tests.generated import PAGES
from tinyattr.studies.audit import AUDITED
from tinyattr.studies.board import one_scene
from tinyattr.studies.board.rows import ALTERED
from tinyattr.studies.board.summary import MEASURES

METHODS = ["gradient", "grad_cam", "hirescam", "layercam", "eigen_cam"]


@pytest.fixture(scope="module")
def board():
    return json.loads(board_table.RESULT.read_text(encoding="utf-8"))


def test_its_page_shows_its_best_and_worst_rows():
    page = (PAGES / "which_map.md").read_text(encoding="utf-8")
    assert page == board_table.with_table(page), "run: python -m tests.board_table"
    assert len(board_table.table(json.loads(board_table.RESULT.read_text(encoding="utf-8"))).splitlines()) == 2 + 2 + 10 + 1 + 5


def test_it_is_the_whole_board_with_an_interval_for_each_number(board):
    """Every method, score and attack; low <= mean <= high, but for rounding, in the range of the measure; best first."""
    assert board_table.RESULT.stat().st_size < 300_000
    assert (board["methods"], board["scores"], board["attacks"]) == (list(AUDITED), list(ta.SCORES), list(ALTERED))
    assert {row["method"] for row in board["rows"]} == {*AUDITED, one_scene.CHANCE, one_scene.TRUTH}
    signed = ("rank", "rank of two", "follows")
    for row in board["rows"]:
        for key in (*MEASURES, "told apart"):
            mean, low, high = row[key] or (0, 0, 0)
            assert -1e-4 <= mean - low <= 2, (row["method"], key)
            assert -1e-4 <= high - mean <= 2, (row["method"], key)
            assert (-1 if key in signed else 0) <= low <= high <= 1
    order = [row["peak of two"][0] for row in board["rows"]]
    assert order == sorted(order, reverse=True)


def measured(board):
    """One scene, anew: {row: numbers} of METHODS."""
    settings = {key: board[key] for key in ("seed", "scores", "attacks", "K", "layer")}
    return one_scene.measure(ta.load("glyphs"), board["one scene"]["k"], methods=METHODS, **settings)["rows"]


def apart(a, b):
    """The largest difference of two rows' numbers; heights by their ratio."""
    return max(abs(a[key] / b[key] - 1) if key == "height" else abs(a[key] - b[key]) for key in b)


def test_a_scene_is_measured_as_it_was_and_a_changed_method_changes_its_rows(board, monkeypatch):
    stored = board["one scene"]["rows"]
    for row, found in measured(board).items():
        assert apart(found, stored[row]) < 0.02, row
    hirescam = ta.hirescam

    def turned(net, x, *asked, **options):
        heat = hirescam(net, x, *asked, **options)
        return x.heatmap("", heat.layer, heat.direction[::-1])

    monkeypatch.setitem(one_scene.METHODS, "hirescam", turned)
    for row, found in measured(board).items():
        assert (apart(found, stored[row]) > 0.02) == row.startswith("hirescam"), row
    assert np.isfinite([n for numbers in stored.values() for n in numbers.values()]).all()
