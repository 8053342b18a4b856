"""The board: what is shared changes no map, what is left out is in other rows, scenes are finished once, and the rule of a hit."""

import json
from pathlib import Path

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.cli.main import main
from tinyattr.glyphs import recipe as glyph_network
from tinyattr.glyphs import scenes as glyphs
from tinyattr.methods.request import ask
from tinyattr.studies import board
from tinyattr.studies.audit import ATTACKS, AUDITED
from tinyattr.studies.board import one_scene, run
from tinyattr.studies.board.rows import ALTERED, ANY, NO_SCORE, ORIGINAL, networks_of, options, scores_of
from tinyattr.studies.board.shared import Passes
from tinyattr.studies.metrics import points_at

SCORES = tuple(ta.SCORES)
SETTINGS = {"seed": 1, "methods": ["grad_cam", "hirescam"], "scores": ["pre", "log_odds"], "attacks": ["corner", "bounded"], "K": 10.0,
            "layer": "block5_relu4"}


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


# ------------------------------------------------------------------------------------------- what is shared, and left out


@pytest.fixture(scope="module")
def small():
    """A small network in float64, altered ones, and a picture."""
    rng = np.random.default_rng(5)
    layers = [("conv1", "conv2d", {"padding": 1}), ("relu1", "relu", {}), ("pool1", "max_pool", {"size": 2, "stride": 2}),
              ("conv2", "conv2d", {"padding": 1}), ("relu2", "relu", {}), ("flatten", "flatten", {}), ("fc", "dense", {}), ("fc_relu", "relu", {}),
              ("predictions", "dense", {})]
    shapes = {"conv1": (3, 3, 3, 4), "conv2": (3, 3, 4, 5), "fc": (320, 8), "predictions": (8, 6)}
    weights = {name: (rng.standard_normal(s) * np.sqrt(2 / np.prod(s[:-1])), 0.1 * rng.standard_normal(s[-1])) for name, s in shapes.items()}
    net = ta.network(layers, weights, input=ta.InputSpec(16, mean=(100.0, 110, 120), scale=(50.0, 50, 50)))
    networks = {ORIGINAL: net, **{name: ATTACKS[name](net, K=3.0) for name in ALTERED}}
    return networks, net.read(rng.integers(0, 256, (16, 16, 3)).astype(np.uint8))


def drawn(small, method, score, network, passes=None):
    """A map of class 2: by a request that shares, or by a plain one."""
    networks, x = small
    score = "pre" if score == ANY else score
    request = ask(networks[network], x, 2, score) if passes is None else passes.request(networks[network], 2, score)
    chosen = {k: v // 8 if k in ("window", "stride") else v for k, v in options(method).items()}
    return ta.METHODS[AUDITED[method][0]](request.net, request, 2, score, **chosen)


@pytest.mark.parametrize("method", AUDITED)
def test_what_is_shared_changes_no_map(small, method):
    """All rows of a method from one Passes, in turns; each is what the method draws by itself."""
    passes = Passes(list(small[0].values()), small[1])
    for score in scores_of(method, SCORES)[::2]:
        for network in networks_of(method, score, ALTERED):
            a, b = drawn(small, method, score, network, passes), drawn(small, method, score, network)
            assert a.log_scale == b.log_scale or np.isclose(a.log_scale, b.log_scale, rtol=1e-9)
            assert np.allclose(a.direction, b.direction, rtol=1e-9, atol=1e-10 * np.abs(b.direction).max()), (score, network)


@pytest.mark.parametrize("method", AUDITED)
def test_networks_that_are_left_out_are_in_other_rows(small, method):
    """A row stands for all networks that it names: their maps are its map."""
    passes = Passes(list(small[0].values()), small[1])
    for score in scores_of(method, SCORES)[::3]:
        for network, stands_for in networks_of(method, score, ALTERED).items():
            first = drawn(small, method, score, network, passes).raw
            for other in small[0] if stands_for == ANY else stands_for.split(", "):
                change = np.abs(drawn(small, method, score, other, passes).raw - first).max()
                assert change <= 1e-9 * np.abs(first).max(), (score, network, other)


@pytest.mark.parametrize("method", NO_SCORE)
def test_the_score_changes_nothing_in_these(small, method):
    assert scores_of(method, SCORES) == (ANY,)
    first, *others = (drawn(small, method, score, ORIGINAL).plane for score in SCORES)
    assert all((plane == first).all() for plane in others)


def test_a_forward_pass_is_made_once(small, monkeypatch):
    """By the original network, whatever scores, classes and attacks ask."""
    networks, x = small
    passes, runs = Passes(list(networks.values()), x), []
    monkeypatch.setattr(ta.Network, "resume", lambda net, *a, real=ta.Network.resume: runs.append(net.name) or real(net, *a))
    for name, net in networks.items():
        for c, score in ((0, "pre"), (2, "log")):
            ta.rise(net, passes.request(net, c, score), c, score, samples=16)
            ta.smoothgrad(net, passes.request(net, c, score), c, score, samples=8)
            ta.conductance(net, passes.request(net, c, score), c, score, steps=8)
        assert runs == [networks[ORIGINAL].name] * 4, name  # 16 masks, 8 at a time; 8 copies; 8 steps


# ------------------------------------------------------------------------------------------------------------ one scene


def test_scenes_come_in_turns_and_are_not_those_of_training():
    kinds = [len(one_scene.drawn(k, 1)[0].classes) for k in range(8)]
    assert kinds == [1, 2, 1, 0, 1, 2, 1, 0]
    a, b, c = (one_scene.drawn(1, seed)[0].picture for seed in (1, 1, 2))
    assert (a == b).all()
    assert (a != c).any()
    assert (a != glyphs.scene(np.random.default_rng([0, 0]), difficulty=0.3).picture).any()


def test_the_board_measures_what_the_methods_draw(monkeypatch):
    """A method that marks the mask itself is right in everything, one that marks a corner in nothing, as random numbers follow nothing."""
    net = glyph_network.untrained()

    def knows(net, request, c, score, layer):
        return request.heatmap("", "input", scene.masks[scene.classes.index(c)] * 1.0 if c in scene.classes else np.zeros((224, 224)))

    def corner(net, request, c, score, layer):
        return request.heatmap("", "input", np.eye(224)[[0]] * np.eye(224)[:, [223]])

    for name, method in {"grad_cam": knows, "hirescam": corner}.items():
        monkeypatch.setitem(one_scene.METHODS, name, method)
    monkeypatch.setattr(one_scene, "CURVES", 1000)
    scenes = []
    for k in (1, 2, 3):
        scene, _ = one_scene.drawn(k, 1)
        scenes.append(json.loads(json.dumps(one_scene.measure(net, k, **SETTINGS), allow_nan=False)))
    rows = {(r["method"], r["networks"]): r for r in board.Board("", SETTINGS, scenes, {}).rows() if r["scores"] in ("pre", ANY)}
    right, wrong = rows["grad_cam", ORIGINAL], rows["hirescam", ORIGINAL]
    truth, chance = rows[one_scene.TRUTH, ANY], rows[one_scene.CHANCE, ANY]
    for key in ("peak", "energy", "rank", "peak of two", "energy of two", "follows", "told apart"):
        assert right[key] == truth[key], key
        assert right[key][0] > 0.9, key
        assert wrong[key][0] < 0.1 or key == "told apart", key
    assert wrong["told apart"][0] == 0.5  # one height whatever is there
    assert abs(chance["follows"][0]) < 0.3
    assert right["insertion"] is None
    assert [s["area"] for s in scenes] == [one_scene.drawn(k, 1)[0].masks.mean() for k in (1, 2)] + [0]


# ---------------------------------------------------------------------------------------------------- all scenes, and the command


def numbers(found):
    return json.dumps({k: v for k, v in found.numbers().items() if k != "milliseconds"})


@pytest.fixture(scope="module")
def expected():
    return numbers(board.evaluate("glyphs", 3, jobs=2, **SETTINGS | {"seed": 6}))


def test_a_run_that_was_cut_off_goes_on(expected, tmp_path, monkeypatch):
    """Here, after two processes elsewhere: the same bytes. What is finished is not measured again, half a file is."""
    folder, compute, done = tmp_path / "scenes", run.compute, []

    def cut_off(*task):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(task[3])
        return compute(*task)

    monkeypatch.setattr(run, "compute", cut_off)
    settings = {**SETTINGS, "seed": 6, "folder": folder}
    with pytest.raises(KeyboardInterrupt):
        board.evaluate("glyphs", 3, **settings)
    first, second = sorted(folder.iterdir())
    second.write_bytes(second.read_bytes()[:-9])
    again = []
    monkeypatch.setattr(run, "compute", lambda *task: (again.append(task[3]), compute(*task))[1])
    assert numbers(board.evaluate("glyphs", 3, **settings)) == expected
    assert (done, again) == ([0, 1], [1, 2])
    board.evaluate("glyphs", 1, **settings)
    assert again == [1, 2]
    monkeypatch.setattr(run, "program", lambda: "another version")
    board.evaluate("glyphs", 1, **settings)
    assert again == [1, 2, 0]
    assert first.is_file()
    assert len(list(folder.iterdir())) == 4


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "--pictures", "2", "--method", "Grad-CAM", "--score", "pre", "--attack", "corner", "--jobs", "1", "--json", "b.json", "--out", "b.png"]) == 0
    said = capsys.readouterr().out
    found = json.loads(Path("b.json").read_text())
    assert {row["networks"] for row in found["rows"]} == {ORIGINAL, "corner", ANY}
    assert found["rows"][0]["method"] == one_scene.TRUTH
    assert found["rows"][0]["peak of two"] == [1, 1, 1]
    assert "trained with the masks" in said
    assert "cannot miss a single glyph" in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.json", "b.json.scenes", "b.png"]


def test_networks_that_know_no_glyphs(tmp_path):
    ta.save(ta.vgg("A", width=1 / 64, dense=(2, 2), classes=20), tmp_path / "other.h5")
    with pytest.raises(ta.InputError, match="does not know the 20 glyphs"):
        board.evaluate(tmp_path / "other.h5", 1)


def test_training_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(glyph_network, "PICTURES", 2)
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--steps", "2", "--out", "g.h5"]) == 0
    assert "made by  tinyattr train --steps 2 --seed 0\n" in capsys.readouterr().out
    assert [p.name for p in tmp_path.iterdir()] == ["g.h5"]
    net = ta.load("g.h5")
    assert net.classes == glyphs.CLASSES
    assert net.input == glyphs.INPUT
    assert net.parameters == 734_300


def test_training_without_masks(tmp_path, monkeypatch, capsys):
    """No layer has a price, and the file says so."""
    monkeypatch.setattr(glyph_network, "train", lambda net, batch, steps, **_: (net, [seen.append(batch(k, glyph_network_state(net))[2]) for k in range(steps)]))
    monkeypatch.setattr(glyph_network, "FIRST", 0)
    monkeypatch.setattr(glyph_network, "PICTURES", 2)
    monkeypatch.chdir(tmp_path)
    seen = []
    glyph_network.train_glyphs(1)
    net = glyph_network.train_glyphs(1, masks=False)
    assert [list(prices) for prices in seen] == [[glyph_network.LAYER], []]
    assert net.source == "tinyattr train --steps 1 --seed 0 --no-masks"


def glyph_network_state(net):
    from tinyattr.glyphs.train import start

    return start(net.weights, 3.0)


@pytest.mark.parametrize("arguments", [
    ["train", "--steps", "0"], ["train", "--out", "no/such.h5"], ["train", "--checkpoint", "no/such.npz"], ["evaluate", "--pictures", "0"],
    ["evaluate", "--json", "no/such.json"], ["evaluate", "--net", "no_such.h5"], ["evaluate", "--method", "no such"],
])
def test_mistakes_get_one_line(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
