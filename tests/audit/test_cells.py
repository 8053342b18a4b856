"""Cells of the audit: METHODS' predictions confirmed or corrected, on networks small enough for every method."""

import numpy as np
import pytest

import tinyattr as ta
from tests.references import network_of, peers
from tinyattr.audit import ATTACKS, AUDITED, Audit, Picture, compare, examine, verdict
from tinyattr.files.images import InputSpec

PICTURE = Picture("noise", np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8))
SPEC = InputSpec(16, "RGB", (127.0,) * 3, (64.0,) * 3)
UNSAFE = {"excitation_backprop", "lrp, from S", "lrp, SGLRP", "lrp, CLRP", "deeplift, softmax as a layer"}
ALL = ("pre", "post", "log", "log_odds", "centred", "margin")


@pytest.fixture(scope="module")
def net():
    """The network of the peers' references: two blocks, three dense layers, float64."""
    stored = peers("peers_fc")
    other = network_of(stored, "orig")
    return ta.network(other.layers, other.weights, name="small", features=str(stored["cam_layer"]), input=SPEC)


@pytest.mark.parametrize("method", sorted(AUDITED))
def test_the_table_of_predictions(net, method):
    """Scores with kappa = 0 are immune for every method that uses only x -> S; pre is not; the named exceptions never are."""
    rows = examine(net, PICTURE, method, "corner", options={"samples": 4, "steps": 4, "window": 4, "stride": 4, "groups": 4})
    assert [row["score"] for row in rows] == [s for s in ALL if AUDITED[method][2] in (None, s)]
    for row in rows:
        assert row["y_change"] <= 1e-12
        if method == "eigen_cam":
            assert verdict(row) == "immune"
        elif row["score"] == "pre" or method in UNSAFE:
            assert verdict(row) != "immune", (method, row)
        else:
            assert row["change"] <= 1e-9, (method, row)


def test_what_an_early_tap_and_a_bounded_t_do(net):
    """T4: t that does not pass through the layer leaves CAMs alone even by pre. A bounded t fools gradients, not differences."""
    verdicts = {(m, a): verdict(examine(net, PICTURE, m, a, ("pre",), options={"window": 4, "stride": 4, "samples": 4})[0])
                for m, a in (("grad_cam", "early"), ("gradient", "early"), ("hirescam", "bounded"))}
    assert verdicts["grad_cam", "early"] == "immune"
    assert verdicts["gradient", "early"] != "immune"
    assert verdicts["hirescam", "bounded"] == "hijacked"
    (row,) = examine(net, PICTURE, "occlusion", "bounded", ("pre",), options={"window": 4, "stride": 4})
    assert row["pearson"] > 0.99


def test_every_attack_leaves_the_probabilities():
    net = ta.load("glyphs")
    picture = Picture("ramp", np.broadcast_to(np.arange(224, dtype=np.uint8)[:, None, None], (224, 224, 3)))
    for attack in ATTACKS:
        (row,) = examine(net, picture, "hirescam", attack, ("log_odds",))
        assert row["y_change"] <= 1e-12, attack
        assert verdict(row) == "immune", attack


def heat(plane):
    return ta.Heatmap("m", "pre", "A", 0, "class 0", 0.0, 0.0, np.array(plane, float), np.array(plane, float), (2, 2))


@pytest.mark.parametrize(("original", "altered", "expected"), [
    ([[1, 2], [3, 4]], [[1, 2], [3, 4]], "immune"), ([[1, 2], [3, 4]], [[1, 2], [3, 5]], "moved"),
    ([[1, 2], [3, 4]], [[4, 3], [2, 1]], "hijacked"), ([[-1, -1], [-1, -1]], [[0, 0], [0, 1]], "hijacked"),
    ([[-1, -1], [-1, -1]], [[-2, -1], [-1, -1]], "moved"), ([[0, 0], [0, 0]], [[0, 0], [0, 0]], "immune"),
    ([[0, 0], [0, 0]], [[0, 0], [0, 1]], "hijacked"),
])
def test_verdicts(original, altered, expected):
    assert verdict(compare(heat(original), heat(altered))) == expected


def test_the_worst_picture_decides():
    rows = [{"picture": p, "method": "m", "attack": "a", "score": "pre", "y_change": 0.0,
             **compare(heat([[1, 2], [3, 4]]), heat(altered), np.eye(2, dtype=bool))}
            for p, altered in (("one", [[1, 2], [3, 4]]), ("two", [[4, 3], [2, 1]]))]
    found = Audit("net", 10.0, rows)
    (cell,) = found.cells().values()
    assert cell["verdict"] == "hijacked"
    assert cell["verdicts"] == {"immune": 1, "hijacked": 1}
    assert cell["pearson"] == pytest.approx(0)
    assert "hijacked" in found.table()


def test_lrp_and_deeplift_pass_every_attack():
    """Whatever layers t is made of: a blind score is blind to it, and the rules know them all."""
    net = ta.load("glyphs")
    picture = Picture("ramp", np.broadcast_to(np.arange(224, dtype=np.uint8)[:, None, None], (224, 224, 3)))
    for attack in ATTACKS:
        for method in ("lrp", "deeplift"):
            (row,) = examine(net, picture, method, attack, ("log_odds",))
            assert verdict(row) == "immune", (attack, method)
