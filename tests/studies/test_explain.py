"""The main job: its numbers, its table, its figure, and the command line around it."""

import json
import os
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

import tinyattr as ta
from tests.files.layouts import write
from tinyattr.cli.main import main
from tinyattr.glyphs.scenes import example
from tinyattr.methods import AT_A_LAYER
from tinyattr.studies import curves, draw
from tinyattr.studies.explain import explain, region
from tinyattr.studies.metrics import energy, pearson


@pytest.fixture(scope="module")
def demo():
    net = ta.load("glyphs")
    return net, net.read(example().picture)


def test_numbers_are_those_of_the_methods(demo):
    net, x = demo
    altered = ta.alter(net, K=7, at=(5, 1))
    numbers = explain(net, x, 3, K=7, at=(5, 1)).numbers()
    assert numbers["attack"] == {"K": 7.0, "tap": "block5_pool", "at": [5, 1]}
    assert [(m["method"], m["score"]) for m in numbers["maps"]] == [
        (m, s) for m in ("grad_cam", "hirescam") for s in ("pre", "post", "log", "log_odds")
    ]
    for entry in numbers["maps"]:
        a, b = (ta.METHODS[entry["method"]](n, x, 3, score=entry["score"]).raw for n in (net, altered))
        a, b = np.maximum(a, 0), np.maximum(b, 0)
        assert np.isclose(entry["corner_energy"], a[5, 1] / a.sum(), rtol=1e-9)
        assert np.isclose(entry["corner_energy_altered"], b[5, 1] / b.sum(), rtol=1e-9)
        assert np.isclose(entry["correlation"], np.corrcoef(a.ravel(), b.ravel())[0, 1], rtol=1e-9)
        assert (entry["correlation"] > 0.999999) == (entry["score"] != "pre")
    assert numbers["class"] == 3
    assert numbers["max_change_of_y"] < 1e-12


def test_without_an_altered_network(demo):
    net, x = demo
    found = explain(net, x, scores=["margin"], methods=["gradient"])
    assert "altered" not in found.table()
    assert list(found.numbers()["maps"][0]) == ["method", "score", "layer", "value", "note", "corner_energy", "receipt"]
    assert draw.side_by_side(found).axes


def test_table_and_json_say_the_same(demo):
    net, x = demo
    found = explain(net, x, K=10)
    json.dumps(found.numbers(), allow_nan=False)
    lines = found.table().splitlines()
    assert len(lines) == 3 + 3 + 8  # head, titles with a blank line and a rule, maps
    assert "t = 10 sum_k A_00k, A = block5_pool" in lines[2]
    for line, entry in zip(lines[6:], found.numbers()["maps"], strict=True):
        assert line.split()[:3] == [entry["method"], entry["score"], entry["layer"]]
        assert float(line.split()[5]) == pytest.approx(entry["correlation"], abs=1e-6)


def test_curves_are_those_of_the_maps_and_of_their_networks(demo, tmp_path, capsys):
    """--curves: for each map, original and altered, the areas under insertion and deletion of y_c; in table and JSON."""
    net, x = demo
    out = tmp_path / "n.json"
    assert main(["demo", "--curves", "--score", "pre", "--method", "hirescam", "--json", str(out), "--out", str(tmp_path / "f.png")]) == 0
    (found,) = json.loads(out.read_text())["maps"]
    for n, ending in ((net, ""), (ta.alter(net, K=10), "_altered")):
        L = ta.hirescam(n, x, score="pre").map
        for curve in (curves.insertion, curves.deletion):
            expected = curves.area(curve(n, x, L, score="post"))
            assert found[f"{curve.__name__}{ending}"] == pytest.approx(expected, rel=1e-12)
    assert found["insertion"] > found["insertion_altered"] + 0.01  # the corner is not what the network needs
    table = capsys.readouterr().out.splitlines()
    (row,) = (line for line in table if line.startswith("hirescam"))
    shown = [found[name] for name in ("insertion", "insertion_altered", "deletion", "deletion_altered")]
    assert row.split()[-4:] == [f"{v:.4f}" for v in shown]
    assert "insertion, altered" in "".join(table)


def test_an_empty_map_has_no_correlation():
    """A class whose weights are all negative: nothing speaks for it, in words and as null, never NaN."""
    net = ta.network([("A", "relu", {}), ("pool", "global_avg_pool", {}), ("head", "dense", {})],
                     {"head": (np.array([[-1.0, 2.0]]), np.zeros(2))})
    found = explain(net, np.abs(np.random.default_rng(0).standard_normal((1, 3, 3, 1))), 0, K=0.01)
    first = found.numbers()["maps"][0]
    assert first["correlation"] is first["corner_energy"] is None
    assert first["note"] == "no place speaks for this class"
    assert " - " in found.table()
    assert draw.side_by_side(found)


@pytest.mark.parametrize(("at", "tapped", "shape", "rows", "columns"), [
    ((0, 0), (7, 7), (7, 7), (0, 1), (0, 1)), ((6, 3), (7, 7), (7, 7), (6, 7), (3, 4)),
    ((0, 1), (7, 7), (224, 224), (0, 32), (32, 64)), ((13, 0), (14, 14), (7, 7), (6, 7), (0, 1)),
])
def test_the_tapped_place_in_maps_of_other_sizes(at, tapped, shape, rows, columns):
    assert region(at, tapped, shape) == (slice(*rows), slice(*columns))


def test_metrics():
    a = np.array([[1.0, 2.0], [3.0, -4.0]])
    assert pearson(a, a) == pytest.approx(1)
    assert pearson(a, 5 - 2 * a) == pytest.approx(-1)
    assert np.isnan(pearson(a, np.ones((2, 2))))
    assert energy(a, (1, 0)) == pytest.approx(3 / 6)
    assert energy(a, (slice(0, 1), slice(0, 2))) == pytest.approx(3 / 6)
    assert np.isnan(energy(-np.ones((2, 2)), (0, 0)))


def test_the_command_line(tmp_path, capsys):
    image, out, numbers = tmp_path / "p.png", tmp_path / "f.png", tmp_path / "n.json"
    Image.fromarray(example().picture).save(image)
    assert main(["explain", str(image), "--altered", "--score", "pre", "log_odds", "--target", "2", "--layer", "block5_relu4",
                 "--out", str(out), "--json", str(numbers)]) == 0
    said = capsys.readouterr().out
    stored = json.loads(numbers.read_text())
    assert "class    telephone (2)" in said
    assert stored["picture"] == str(image)
    assert [m["layer"] for m in stored["maps"]] == ["block5_relu4"] * 4
    with Image.open(out) as figure:
        assert figure.size[0] > 500
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f.png", "n.json", "p.png"]


def test_demo_needs_nothing(tmp_path):
    """As a user runs it: another process, another folder, no arguments."""
    done = subprocess.run([sys.executable, "-m", "tinyattr", "demo"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "class    heart (13)" in done.stdout
    assert "log_odds" in done.stdout
    assert (tmp_path / "demo.png").stat().st_size > 10_000


@pytest.fixture(scope="module")
def unknown_family(tmp_path_factory):
    net = ta.vgg("A", width=1 / 16, classes=3, size=32)
    return write(tmp_path_factory.mktemp("w") / "unknown.h5", net.weights, "keras-weights")


@pytest.mark.parametrize(("arguments", "words"), [
    (["explain", "nowhere.jpg"], "no picture at 'nowhere.jpg'"),
    (["explain", __file__], "is not a picture"),
    (["explain", "--net", "nowhere.h5"], "no weight file at 'nowhere.h5'"),
    (["explain", "--net", __file__], "not a weight file"),
    (["explain", "--net", "UNKNOWN", "--size", "32"], "does not say how photos were preprocessed"),
    (["explain", "--layer", "block6"], "unknown layer 'block6'"),
    (["explain", "--layer", "fc1", "--altered"], "no places"),
    (["explain", ""], "image is given, but empty"),
    (["explain", "--K", "3"], "give --altered too"),
    (["explain", "--altered", "--at", "99", "99"], "place (99, 99) lies outside maps of 7 x 7 places"),
    (["demo", "--family", "oxford"], "the file says itself how photos are preprocessed"),
    (["demo", "--out", "same.png", "--json", "same.png"], "named twice"),
    (["explain", "photo.png", "--out", "photo.png"], "named twice"),
    (["demo", "--json", "/dev/null"], "not an ordinary file"),
    (["demo", "--out", "x.pgf"], "the ending '.pgf'"),
    (["explain", "--score", "odds"], "unknown score 'odds'; did you mean log_odds"),
    (["explain", "--target", "cat"], "unknown class 'cat'"),
    (["explain", "--target", "umbrela"], "did you mean umbrella (0)?"),
    (["explain", "--target", "20"], "from 0 to 19; got 20"),
    (["explain", "--method", "gradcamm"], "unknown method 'gradcamm'; did you mean grad_cam"),
    (["explain", "--family", "oxfort"], "unknown family 'oxfort'"),
    (["explain", "--altered", "--at", "7", "0"], "place (7, 0) lies outside"),
    (["explain", "--altered", "--K", "inf"], "K must be a number from"),
    (["explain", "--tap", "block9", "--altered"], "unknown layer 'block9'"),
    (["explain", "--out", "no/such/folder.png"], "no folder"),
    (["explain", "--out", "figure.xyz"], "the ending '.xyz'"),
    (["explain", "--json", "no/such.json"], "no folder"),
])
def test_mistakes_get_one_line(arguments, words, unknown_family, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = [str(unknown_family) if a == "UNKNOWN" else a for a in arguments]
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("tinyattr: ")
    assert error.count("\n") == 1
    assert any(w in error for w in words.split("|"))
    assert not [p for p in tmp_path.iterdir() if p.suffix in (".part", ".json")]


@pytest.mark.parametrize("name", ["cost$5_$6.png", "a$\\frac{$.png", "\u8db3\u7403.png"])
def test_names_that_are_no_plain_text(name, tmp_path, monkeypatch, capsys):
    """A dollar sign starts no formula in a title; a script that the font lacks is no reason to stop."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(example().picture).save(name)
    assert main(["explain", name, "--score", "pre", "--method", "hirescam"]) == 0
    assert capsys.readouterr().err == ""


def test_a_link_stays_a_link(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "target.json").write_text("old")
    (tmp_path / "link.json").symlink_to("target.json")
    assert main(["demo", "--score", "pre", "--json", "link.json"]) == 0
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "target.json").read_text())["weights"] == "glyphs"


def texts(figure):
    """Where every visible text of a figure stands, with its words."""
    FigureCanvasAgg(figure).draw()
    found = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return [(text.get_window_extent(), text.get_text()) for text in found]


def assert_readable(figure):
    """No text leaves the figure, none lies over another, none over a picture but the notes inside it."""
    boxes = texts(figure)
    assert boxes
    for box, words in boxes:
        assert box.x0 >= 0 and box.x1 <= figure.bbox.width and box.y0 >= 0 and box.y1 <= figure.bbox.height, words
    for (a, words), (b, others) in combinations(boxes, 2):
        assert min(a.x1, b.x1) <= max(a.x0, b.x0) + 0.5 or min(a.y1, b.y1) <= max(a.y0, b.y0) + 0.5, (words, others)


LONG = "a name as long as people give to photos of black-and-tan coonhounds, cost$5_$6.jpg"


@pytest.mark.parametrize("picture", ["p.jpg", LONG])
@pytest.mark.parametrize(("scores", "K"), [(["pre"], None), (["pre", "log_odds"], 10), (list(ta.SCORES), 1000)])
def test_side_by_side_can_be_read(demo, scores, K, picture):
    net, x = demo
    assert_readable(draw.side_by_side(explain(net, x, scores=scores, methods=["integrated_gradients"], K=K, options={"steps": 2}), picture))


@pytest.mark.parametrize("size", [(8, 8), (6, 24), (24, 6)])
def test_other_shapes_and_many_methods_can_be_read(size):
    net = ta.network([("pool", "global_avg_pool", {}), ("head", "dense", {})], {"head": (np.eye(3), np.zeros(3))})
    methods = [m for m in ta.METHODS if m in AT_A_LAYER][:13]
    found = explain(net, np.random.default_rng(0).random((1, *size, 3)), scores=["pre", "log_odds"], methods=methods, layer="input", K=10,
                    options={"steps": 2})
    assert_readable(draw.page(found, LONG))
    assert_readable(draw.side_by_side(found, LONG))
    first = found.cells[0].original
    assert_readable(draw.grid(["class of black-and-tan coonhounds"] * 2, ["of black-and-tan coonhounds"] * 3, [[first] * 3] * 2, LONG))


def test_networks_that_do_not_say_how_pictures_look():
    """No picture to show: grey, not black, and the map over it; wide inputs get wide cells."""
    net = ta.network([("pool", "global_avg_pool", {}), ("head", "dense", {})], {"head": (np.eye(3), np.zeros(3))})
    figure = draw.side_by_side(explain(net, np.random.default_rng(0).random((1, 4, 16, 3)), scores=["pre"], methods=["hirescam"], layer="input"))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    box = figure.axes[0].get_window_extent()
    assert (pixels[int(figure.bbox.height - (box.y0 + box.y1) / 2), int((box.x0 + box.x1) / 2)] == 128).all()
    assert 3.5 < box.width / box.height < 4.5


def test_the_figure_on_a_real_network(shared, squeezenet, tmp_path):
    """The papers' layout on the authors' photo: the corner lights up for pre and HiResCAM only, in the picture itself."""
    x = squeezenet.read(shared / "images" / "soccer_ball.jpg")
    found = explain(squeezenet, x, K=10)
    rows = {(m["method"], m["score"]): m for m in found.numbers()["maps"]}
    assert rows["hirescam", "pre"]["corner_energy_altered"] > 0.99
    assert rows["grad_cam", "pre"]["corner_energy_altered"] < 0.05
    for (_, score), m in rows.items():
        assert (m["correlation"] > 0.999999) == (score != "pre")
    figure = draw.side_by_side(found, "soccer_ball.jpg")
    assert "soccer ball (805)" in figure.get_suptitle()
    assert "t = 10 sum_k A_00k, A = fire9_concat" in figure.get_suptitle()
    assert "Grad-CAM\nmap\nfire9_concat" in [ax.get_ylabel() for ax in figure.axes]
    columns = [ax.get_title().split("\n") for ax in figure.axes[:8]]
    assert [(column[0], column[-1]) for column in columns] == [
        (score, network) for score in ("pre", "post", "log", "log_odds") for network in ("original", "altered")]
    draw.save_figure(figure, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 50_000


def test_closing_the_pipe_early_is_no_error(tmp_path):
    """As in `tinyattr demo | head -1`, where nobody reads the table any more."""
    read, back = os.pipe()
    os.close(read)
    with open(back, "wb") as gone:
        done = subprocess.run([sys.executable, "-m", "tinyattr", "demo"], cwd=tmp_path, stdout=gone, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (141, "")
