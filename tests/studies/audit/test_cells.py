"""Cells of the audit: METHODS' predictions confirmed or corrected, on networks small enough for every method."""

import numpy as np
import pytest

import tinyattr as ta
from tests.references import network_of, peers
from tinyattr.files.photo import open_photo
from tinyattr.nets.pictures import InputSpec
from tinyattr.studies.audit import ATTACKS, AUDITED, Audit, compare, examine, predicted, verdict
from tinyattr.studies.samples import Picture

PICTURE = Picture("noise", np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8))
SPEC = InputSpec(16, "RGB", (127.0,) * 3, (64.0,) * 3)
ALL = tuple(ta.SCORES)


@pytest.fixture(scope="module")
def net():
    """The network of the peers' references: two blocks, three dense layers, float64."""
    stored = peers("peers_fc")
    other = network_of(stored, "orig")
    return ta.network(other.layers, other.weights, name="small", features=str(stored["cam_layer"]), input=SPEC)


FEW = {"samples": 4, "steps": 4, "window": 4, "stride": 4, "groups": 4}


@pytest.mark.parametrize("attack", ["corner", "column", "quadratic", "bounded", "input", "early"])
@pytest.mark.parametrize("method", sorted(AUDITED))
def test_the_table_of_predictions(net, method, attack):
    """Every cell is what the algebra says, and what it calls immune is so to rounding in float64."""
    rows = [row for score in ALL for row in examine(net, PICTURE, method, score, [attack], options=FEW)]
    assert [row["score"] for row in rows] == [s for s in ALL if AUDITED[method][2] in (None, s)]
    for row in rows:
        assert row["y_change"] <= 1e-12
        said = predicted(method, row["score"], attack)
        if said == "immune":
            assert row["change"] <= 1e-9, (method, row)
        elif said == "moved":
            assert verdict(row) != "immune", (method, row)


@pytest.mark.parametrize("attack", ["corner", "column", "input"])
def test_predictions_on_imagenet(shared, squeezenet, attack):
    """The real SqueezeNet and the authors' photo: methods that end in a second, by all scores."""
    picture = Picture("soccer ball", np.asarray(open_photo(shared / "images" / "soccer_ball.jpg")))
    for method in ("gradient", "grad_cam", "hirescam", "layercam", "guided_backprop", "eigen_cam", "lrp, from S"):
        for row in [row for score in ALL for row in examine(squeezenet, picture, method, score, [attack])]:
            assert row["y_change"] == 0
            assert (verdict(row) == "immune") == (predicted(method, row["score"], attack) == "immune"), (method, row)


def test_the_prediction_itself():
    """Spot checks by hand: the exceptions, and what an attack below the layer cannot reach."""
    assert predicted("grad_cam", "pre", "corner") == "moved"
    assert predicted("grad_cam", "pre", "early") == predicted("grad_cam", "log_odds", "corner") == "immune"
    assert predicted("guided_grad_cam", "pre", "input") == predicted("lrp, SGLRP", "post", "corner") == "moved"
    assert predicted("eigen_cam", "pre", "corner") == predicted("vargrad", "pre", "input") == "immune"
    assert predicted("eigen_cam, weighted", "pre", "early") == "immune"
    assert predicted("rise", "pre", "bounded") is None


def test_corrections_are_told():
    """A cell that is not as predicted stands in the table and in the numbers."""
    row = {"picture": "p", "method": "grad_cam", "attack": "corner", "y_change": 0.0}
    same, other = (compare(heat([[1, 2], [3, 4]]), heat(b)) for b in ([[1, 2], [3, 4]], [[4, 3], [2, 1]]))
    found = Audit("net", 10.0, [{**row, "score": "pre", **other}, {**row, "score": "post", **other}, {**row, "score": "log", **same}])
    assert found.corrections() == ([("grad_cam", "pre", "corner"), ("grad_cam", "log", "corner")], [("grad_cam", "post", "corner")])
    assert "2 cells confirmed, 1 not" in found.table()
    assert "grad_cam, post, corner: predicted immune, measured hijacked" in found.table()


def test_what_an_early_tap_and_a_bounded_t_do(net):
    """T4: t that does not pass through the layer leaves CAMs alone even by pre. A bounded t fools gradients, not differences."""
    verdicts = {(m, a): verdict(examine(net, PICTURE, m, "pre", [a], options={"window": 4, "stride": 4, "samples": 4})[0])
                for m, a in (("grad_cam", "early"), ("gradient", "early"), ("hirescam", "bounded"))}
    assert verdicts["grad_cam", "early"] == "immune"
    assert verdicts["gradient", "early"] != "immune"
    assert verdicts["hirescam", "bounded"] == "hijacked"
    (row,) = examine(net, PICTURE, "occlusion", "pre", ["bounded"], options={"window": 4, "stride": 4})
    assert row["pearson"] > 0.99


def test_every_attack_leaves_the_probabilities():
    net = ta.load("glyphs")
    picture = Picture("ramp", np.broadcast_to(np.arange(224, dtype=np.uint8)[:, None, None], (224, 224, 3)))
    for row in examine(net, picture, "hirescam", "log_odds", ATTACKS):
        assert row["y_change"] <= 1e-12, row["attack"]
        assert verdict(row) == "immune", row["attack"]


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
    for method in ("lrp", "deeplift"):
        for row in examine(net, picture, method, "log_odds", ATTACKS):
            assert verdict(row) == "immune", (row["attack"], method)


def test_an_early_tap_lies_before_the_explained_layer_with_and_without_max_pools():
    """At the max-pool in the middle of those before it; where there is none, at the convolution."""
    def tap(net, layer=None):
        altered = ATTACKS["early"](net, layer=layer)
        return next(own["inputs"][0] for name, _, own in altered.layers if name == "tap")

    assert tap(ta.load("glyphs")) == "block3_pool"
    assert tap(ta.load("glyphs"), "block2_pool") == "block1_pool"
    kernel = np.ones((1, 1, 2, 2)), np.zeros(2)
    plain = [("a", "conv2d", {}), ("b", "conv2d", {}), ("c", "conv2d", {}), ("gap", "global_avg_pool", {})]
    net = ta.network(plain, dict.fromkeys("abc", kernel))
    assert net.features == "c"
    assert tap(net) == "b"
    with pytest.raises(ta.InputError, match="attack early: no max-pool and no convolution comes before 'a'"):
        tap(net, "a")


def test_an_attack_on_pixels_needs_their_number():
    net = ta.network([("gap", "global_avg_pool", {})], {}, features="input")
    with pytest.raises(ta.InputError, match="does not say how large its pictures are"):
        ATTACKS["input"](net)
