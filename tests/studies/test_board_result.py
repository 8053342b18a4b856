"""The committed board: what its page says of it, and that today's methods still draw what was measured."""

import numpy as np
import pytest

import tinyattr as ta
from tests import board_table
from tests.generated import PAGES, ROOT
from tinyattr.studies.audit import AUDITED
from tinyattr.studies.board import one_scene
from tinyattr.studies.board.rows import ALTERED
from tinyattr.studies.board.summary import MEASURES, in_per_cent
from tinyattr.studies.metrics import spearman

SOME = {"methods": ["gradient", "grad_cam", "hirescam"], "scores": ["pre", "log_odds"], "attacks": ["corner", "bounded"]}


COMBINATIONS = [(row["method"], score, network) for row in board_table.result("glyphs")["rows"] if row["peak of two"]
                for score in row["scores"].split(", ") for network in row["networks"].split(", ")]
PAGE = (PAGES / "which_map.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def board():
    return board_table.result("glyphs")


def test_its_page_shows_its_best_and_worst_rows_and_those_of_the_other_network(board):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert board_table.with_both(PAGE) == PAGE, "run: python -m tests.board_table"
    assert board_table.with_few(readme) == readme, "run: python -m tests.board_table"
    assert len(board_table.table(board).splitlines()) == 2 + 2 + 10 + 1 + 5
    assert len(board_table.few(board).splitlines()) == 2 + 2 + 6


@pytest.mark.parametrize("net", board_table.RESULTS)
def test_it_is_the_whole_board_with_an_interval_for_each_number(net):
    """Every method, score and attack; low <= mean <= high, but for rounding, in the range of the measure; best first."""
    board = board_table.result(net)
    assert board_table.RESULTS[net].stat().st_size < 300_000
    assert ta.load(net).name in board["head"][1]
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


def said_on_the_page(board, row, key, said):
    """Assert that the page says this of a row's number, "93 % (89-96)". Return the number."""
    number = in_per_cent(board_table.row_of(board, *row)[key]).replace(" (", " % (")
    assert said.format(number) in " ".join(PAGE.split())
    return number


@pytest.mark.parametrize(("method", "score", "network", "key", "said"), [
    ("lrp", "log_odds", "any", "peak of two", "glyphs in {} of scenes, by post, log and log_odds"),
    ("grad_cam", "log_odds", "any", "peak of two", "By log_odds, Grad-CAM finds the right one of two glyphs in {};"),
    ("grad_cam", "pre", "original", "peak of two", "by pre, in {}."),
    ("grad_cam", "pre", "corner", "peak of two", "it finds the right glyph in {}, like a coin"),
    ("hirescam", "pre", "corner", "peak of two", "It finds the right glyph in {}, as seldom as"),
    ("rise", "post", "any", "peak of two", "it finds the right one of two glyphs in {};"),
    ("rise", "centred", "any", "peak of two", "by centred, in {}."),
    ("random numbers", "any", "any", "peak of two", "of two glyphs in {}."),
    ("lrp, SGLRP", "post", "column", "peak of two", "but in {} under the attack column"),
    ("lrp, SGLRP", "post", "original", "peak of two", "SGLRP finds the right glyph in {} in the original network"),
    ("lrp, CLRP", "pre", "original", "peak of two", "from {} to"),
    ("lrp, CLRP", "pre", "column", "peak of two", "to {}, towards"),
    ("lrp", "centred", "any", "peak of two", "LRP by centred, {}."),
])
def test_what_the_page_says_of_a_row(board, method, score, network, key, said):
    number = said_on_the_page(board, (method, score, network), key, said)
    if method == "grad_cam" and network != "original":
        assert number.partition(" (")[0] in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("method", "score", "network", "key", "said"), [
    ("lrp", "log_odds", "any", "peak of two", "It finds the right one of two glyphs in {}. Grad-CAM"),
    ("grad_cam", "log_odds", "any", "peak of two", "falls from 93 % to {},"),
    ("hirescam", "log_odds", "any", "peak of two", "HiResCAM by log_odds to {}."),
    ("grad_cam", "pre", "corner", "peak of two", "Grad-CAM by pre finds the right glyph in {}, and"),
    ("hirescam", "pre", "corner", "peak of two", "HiResCAM by pre finds it in {}."),
    ("grad_cam", "pre", "corner", "peak", "they lie on the glyph in {}, and"),
    ("grad_cam", "pre", "original", "peak", "and only in {} in the original network."),
])
def test_what_the_page_says_of_the_other_network(method, score, network, key, said):
    said_on_the_page(board_table.result("glyphs_no_masks"), (method, score, network), key, said)


@pytest.mark.parametrize(("net", "method", "score", "network", "said"), [
    ("glyphs", "grad_cam", "log_odds", "any", "With the score `log_odds`, {} of Grad-CAM's maps are right."),
    ("glyphs", "grad_cam", "pre", "original", "With `pre`, {} are right,"), ("glyphs", "grad_cam", "pre", "corner", "in the altered network only {}."),
    ("glyphs_no_masks", "grad_cam", "log_odds", "any", "trained without masks, {} of Grad-CAM's `log_odds` maps are right, and"),
    ("glyphs_no_masks", "lrp", "log_odds", "any", "and {} of LRP's."),
])
def test_what_the_readme_says_of_both(net, method, score, network, said):
    mean = round(100 * board_table.row_of(board_table.result(net), method, score, network)["peak of two"][0])
    assert said.format(f"{mean} %") in " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())


def test_both_boards_have_a_similar_order():
    ours, other = ([board_table.row_of(board_table.result(net), *row)["peak of two"][0] for row in COMBINATIONS]
                   for net in board_table.RESULTS)
    assert f"correlate by {spearman(np.array(ours), np.array(other)):.2f}." in " ".join(PAGE.split())


def measured(board, net="glyphs"):
    """One scene, anew: {row: numbers} of SOME."""
    settings = {key: board[key] for key in ("seed", "K", "layer")}
    return one_scene.measure(ta.load(net), board["one scene"]["k"], **SOME, **settings)["rows"]


def apart(a, b):
    """The largest difference of two rows' numbers; heights by their ratio."""
    return max(abs(a[key] / b[key] - 1) if key == "height" else abs(a[key] - b[key]) for key in b)


def test_a_scene_of_the_other_network_is_measured_as_it_was():
    board = board_table.result("glyphs_no_masks")
    for row, found in measured(board, "glyphs_no_masks").items():
        assert apart(found, board["one scene"]["rows"][row]) < 0.02, row


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
