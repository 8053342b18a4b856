"""The pointing game: the rule itself, and the report on scenes with a known truth."""

import json

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.cli.main import main
from tinyattr.glyphs import recipe as glyph_network
from tinyattr.glyphs import scenes as glyphs
from tinyattr.studies import pointing
from tinyattr.studies.metrics import points_at


@pytest.mark.parametrize(("place", "hit"), [((50, 50), True), ((50, 65), True), ((50, 66), False), ((61, 60), True), ((62, 61), False)])
def test_a_hit_is_within_fifteen_pixels(place, hit):
    L, mask = np.zeros((100, 100)), np.zeros((100, 100), bool)
    L[place], mask[50, 50] = 1, True
    assert points_at(L, mask) == hit


def test_nothing_points_at_nothing():
    L, mask = np.zeros((9, 9)), np.ones((9, 9), bool)
    assert not points_at(L, mask)
    L[3, 3] = 1
    assert not points_at(L, ~mask)


def test_the_report_measures_what_the_methods_draw(monkeypatch):
    """A method that marks the mask itself hits always and keeps all energy inside; one that marks the corner never does."""
    drawn = []
    real = pointing.scene
    monkeypatch.setattr(pointing, "scene", lambda *a, **k: drawn.append(real(*a, **k)) or drawn[-1])

    class Fixed:
        def __init__(self, L):
            self.map = L

    def knows(net, tape, c, score, layer):
        s = drawn[-1]
        return Fixed(s.masks[s.classes.index(c)].astype(float))

    def corner(net, tape, c, score, layer):
        L = np.zeros((224, 224))
        L[0, 223] = 1
        return Fixed(L)

    monkeypatch.setattr(pointing, "METHODS", {"knows": knows, "corner": corner})
    found = pointing.pointing_game(glyph_network.untrained(), 4, two=True, methods=("knows", "corner"), scores=("log_odds",))
    rows = {(r.network, r.method): r for r in found.rows}
    assert rows["original", "knows"].hits == rows["original", "knows"].energy == 1
    assert rows["original", "corner"].hits == rows["original", "corner"].energy == 0
    assert found.pictures == len(found.y_c) == len(drawn) == 4
    assert np.isclose(found.area, np.mean([s.masks[k % 2].mean() for k, s in enumerate(drawn)]))
    json.dumps(found.numbers(), allow_nan=False)
    assert len(found.table().splitlines()) == 3 + 3 + 4  # head, titles with a blank line and a rule, points


def test_scenes_are_the_same_every_time_and_not_those_of_training():
    a, b = (pointing.pointing_game(glyph_network.untrained(), 2, scores=("log_odds",)) for _ in range(2))
    assert (a.y_c == b.y_c).all()
    assert a.rows == b.rows
    trained_on = glyphs.scene(np.random.default_rng([0, 0]), difficulty=0.3).picture
    assert (trained_on != glyphs.scene(np.random.default_rng([7_000_001, 0]), difficulty=0.3).picture).any()


def test_training_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(glyph_network, "PICTURES", 2)
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--steps", "2", "--out", "g.h5"]) == 0
    assert "made by  tinyattr train --steps 2 --seed 0" in capsys.readouterr().out
    assert [p.name for p in tmp_path.iterdir()] == ["g.h5"]
    net = ta.load("g.h5")
    assert net.classes == glyphs.CLASSES
    assert net.input == glyphs.INPUT
    assert net.parameters == 734_300


@pytest.mark.parametrize("arguments", [
    ["train", "--steps", "0"], ["train", "--out", "no/such.h5"], ["train", "--checkpoint", "no/such.npz"], ["pointing", "--pictures", "0"],
    ["pointing", "--json", "no/such.json"],
])
def test_mistakes_get_one_line(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
