"""The playground: every widget and a click move both maps, and the maps are those of the methods."""

import signal
import socket
import subprocess
import sys
from dataclasses import replace
from urllib.request import urlopen

import numpy as np
import pytest
from matplotlib.backend_bases import MouseEvent

import tinyattr as ta
from tinyattr.cli.main import main
from tinyattr.glyphs.scenes import example
from tinyattr.methods import AT_A_LAYER
from tinyattr.studies.playground import QUICK, Playground


@pytest.fixture(scope="module")
def ground():
    net = ta.load("glyphs")
    return Playground(net, net.read(example().picture))


def agrees(ground):
    """Both maps are what the library computes for the choice shown."""
    choice, x = ground.choice, ground.tape["input"].output
    altered = ta.alter(ground.net, K=choice.K, layer=choice.layer, at=choice.at)
    layer = choice.layer if choice.method in AT_A_LAYER else None
    for heatmap, net in ((ground.cell.original, ground.net), (ground.cell.altered, altered)):
        wanted = ta.METHODS[choice.method](net, x, choice.target, choice.score, layer)
        assert (heatmap.plane == wanted.plane).all()
        assert heatmap.caption == wanted.caption
    assert ground.text.get_text().startswith(ground.cell.original.caption.split(":")[0])


def test_every_button_changes_its_choice(ground):
    classes, scores, methods, layers, _ = ground.widgets
    for buttons, field, values in ((classes, "target", ground.classes), (scores, "score", list(ta.SCORES)),
                                   (methods, "method", QUICK), (layers, "layer", ground.layers)):
        before = ground.choice
        for k, value in enumerate(values):
            buttons.set_active(k)
            assert ground.choice == replace(before, **{field: value}, at=ground.choice.at)
            agrees(ground)
        buttons.set_active(list(values).index(getattr(before, field)))
    ground.widgets[4].set_val(3.0)
    assert ground.choice.K == 3
    agrees(ground)


@pytest.mark.parametrize(("pixel", "place"), [((0, 0), (0, 0)), ((223, 223), (6, 6)), ((40, 100), (1, 3))])
def test_a_click_moves_the_place(ground, pixel, place):
    ground.choose(replace(ground.choice, layer="block5_pool"))
    for ax in ground.axes:
        x, y = ax.transData.transform(pixel[::-1])
        ground.figure.canvas.callbacks.process("button_press_event", MouseEvent("button_press_event", ground.figure.canvas, x, y, 1))
        assert ground.choice.at == place
        agrees(ground)
        ground.choose(replace(ground.choice, at=(3, 3)))
    before = ground.choice
    outside = MouseEvent("button_press_event", ground.figure.canvas, 1, 1, 1)
    ground.figure.canvas.callbacks.process("button_press_event", outside)
    assert ground.choice == before


def test_a_coarser_layer_keeps_the_place_inside(ground):
    ground.choose(replace(ground.choice, layer="block4_relu4", at=(27, 20)))
    ground.choose(replace(ground.choice, layer="block5_pool"))
    assert ground.choice.at == (6, 6)


def test_networks_without_class_names_or_pools():
    rng = np.random.default_rng(0)
    net = ta.network([("conv", "conv2d", {"padding": 1}), ("relu", "relu", {}), ("pool", "global_avg_pool", {}), ("head", "dense", {})],
                     {"conv": (rng.standard_normal((3, 3, 3, 4)), np.zeros(4)), "head": (rng.standard_normal((4, 3)), np.zeros(3))})
    ground = Playground(net, rng.standard_normal((1, 8, 8, 3)))
    assert ground.layers == ["relu"]
    agrees(ground)


def test_a_still_picture_and_mistakes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["play", "--out", "play.png"]) == 0
    assert (tmp_path / "play.png").stat().st_size > 50_000
    assert main(["play"]) == 1
    assert "--browser" in capsys.readouterr().err
    assert main(["play", "no.jpg"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_in_a_browser(tmp_path):
    """WebAgg serves the figure on this machine. The process is ended as a user would, by Ctrl+C."""
    pytest.importorskip("tornado", reason="the browser form needs tornado")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "import matplotlib as m; m.rcParams['webagg.open_in_browser'] = False; "
               f"from tinyattr.cli.main import main; raise SystemExit(main(['play', '--browser', '--port', '{port}']))"]
    served = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        while f":{port}" not in (line := served.stdout.readline()):
            assert line, "it ended before it served"
        with urlopen(f"http://127.0.0.1:{port}/", timeout=60) as page:
            assert b"mpl.figure" in page.read()
    finally:
        served.send_signal(signal.SIGINT)
        served.communicate(timeout=60)
    assert list(tmp_path.iterdir()) == []
