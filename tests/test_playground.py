"""The playground: every widget and a click move both maps, and the maps are those of the methods."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
from base64 import b64decode
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pytest
from matplotlib.backend_bases import MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import tinyattr as ta
from tinyattr.cli.main import main
from tinyattr.glyphs.scenes import example
from tinyattr.methods import AT_A_LAYER
from tinyattr.studies import draw
from tinyattr.studies.playground import QUICK, Ground, Playground, page


@pytest.fixture(scope="module")
def window():
    net = ta.load("glyphs")
    return Playground(net, net.read(example().picture))


def agrees(window):
    """Both maps are what the library computes for the choice shown, and what is drawn is their colours."""
    ground, choice = window.ground, window.choice
    x = ground.tape["input"].output
    altered = ta.alter(ground.net, K=choice.K, layer=choice.layer, at=choice.at)
    layer = choice.layer if choice.method in AT_A_LAYER else None
    for heatmap, net, image in ((window.cell.original, ground.net, window.images[0]), (window.cell.altered, altered, window.images[1])):
        wanted = ta.METHODS[choice.method](net, x, choice.target, choice.score, layer)
        assert (heatmap.plane == wanted.plane).all()
        assert heatmap.caption == wanted.caption
        assert (image.get_array() == draw.coloured(wanted, ground.grey)).all()
    assert window.text.get_text().startswith(window.cell.original.caption.split(":")[0])


def test_every_button_changes_its_choice(window):
    classes, scores, methods, layers, _ = window.widgets
    for buttons, field, values in ((classes, "target", window.ground.classes), (scores, "score", list(ta.SCORES)),
                                   (methods, "method", QUICK), (layers, "layer", window.ground.layers)):
        before = window.choice
        for k, value in enumerate(values):
            buttons.set_active(k)
            assert window.choice == replace(before, **{field: value}, at=window.choice.at)
            agrees(window)
        buttons.set_active(list(values).index(getattr(before, field)))
    window.widgets[4].set_val(3.0)
    assert window.choice.K == 3
    agrees(window)


@pytest.mark.parametrize(("pixel", "place"), [((0, 0), (0, 0)), ((223, 223), (6, 6)), ((40, 100), (1, 3))])
def test_a_click_moves_the_place(window, pixel, place):
    window.choose(replace(window.choice, layer="block5_pool"))
    for ax in window.axes:
        x, y = ax.transData.transform(pixel[::-1])
        window.figure.canvas.callbacks.process("button_press_event", MouseEvent("button_press_event", window.figure.canvas, x, y, 1))
        assert window.choice.at == place
        agrees(window)
        window.choose(replace(window.choice, at=(3, 3)))
    before = window.choice
    outside = MouseEvent("button_press_event", window.figure.canvas, 1, 1, 1)
    window.figure.canvas.callbacks.process("button_press_event", outside)
    assert window.choice == before


def test_a_coarser_layer_keeps_the_place_inside(window):
    window.choose(replace(window.choice, layer="block4_relu4", at=(27, 20)))
    window.choose(replace(window.choice, layer="block5_pool"))
    assert window.choice.at == (6, 6)


def test_networks_without_class_names_or_pools():
    rng = np.random.default_rng(0)
    net = ta.network([("conv", "conv2d", {"padding": 1}), ("relu", "relu", {}), ("pool", "global_avg_pool", {}), ("head", "dense", {})],
                     {"conv": (rng.standard_normal((3, 3, 3, 4)), np.zeros(4)), "head": (rng.standard_normal((4, 3)), np.zeros(3))})
    window = Playground(net, rng.standard_normal((1, 8, 8, 3)))
    assert window.ground.layers == ["relu"]
    agrees(window)


def test_a_still_picture_and_mistakes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["play", "--out", "play.png"]) == 0
    assert (tmp_path / "play.png").stat().st_size > 50_000
    assert main(["play"]) == 1
    assert "--browser" in capsys.readouterr().err
    assert main(["play", "no.jpg"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_one_run_serves_all_clicks(monkeypatch):
    """Choices run nothing of the network but what the attack plants behind it; the original's map is made once."""
    net = ta.load("glyphs")
    ground = Ground(net, net.read(example().picture))
    ran = []
    forward = net.backend.forward
    monkeypatch.setattr(type(net.backend), "forward", lambda self, record: (ran.append(record.op), forward(record))[1])
    for K in (1.0, 2.0):
        ground.compare(replace(ground.first, K=K))
    assert ran == ["pick", "sum", "mul", "add"] * 2
    assert ground.original.cache_info().misses == 1


def test_colours_are_those_of_the_figures():
    """As matplotlib mixes them: a map over its picture, a map with a sign, and one without."""
    net = ta.load("glyphs")
    ground = Ground(net, net.read(example().picture))
    for method, layer in (("hirescam", "block5_pool"), ("gradient", None), ("saliency", None)):
        heatmap = ta.METHODS[method](net, ground.tape, None, "log_odds", layer)
        figure = Figure(figsize=(2.24, 2.24), dpi=100)
        ax = figure.add_axes((0, 0, 1, 1), frameon=False, xticks=[], yticks=[])
        draw.draw_small(ax, heatmap, ground.grey)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        drawn = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)
        assert np.abs(drawn - draw.coloured(heatmap, ground.grey)).max() <= 3


@contextmanager
def served():
    net = ta.load("glyphs")
    with page.server(net, net.read(example().picture), 0) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{serving.server_port}"
        finally:
            serving.shutdown()


def test_every_browser_has_its_own_choice():
    """An answer depends on what is asked, and on nothing that was asked before."""
    with served() as address:
        queries = ["", "?K=0", "?K=0&score=log_odds&method=gradient", "?target=17&layer=block4_pool&i=99&j=-5", ""]
        answers = [json.load(urlopen(f"{address}/maps{query}", timeout=60)) for query in queries]
        assert answers[0] == answers[-1]
        pictures = [[np.asarray(Image.open(BytesIO(b64decode(m.split(",")[1])))) for m in a["maps"]] for a in answers]
        assert (pictures[1][0] == pictures[1][1]).all() and (pictures[0][0] != pictures[0][1]).any()
        assert (pictures[0][0] == pictures[1][0]).all()
        assert answers[3]["at"] == [13, 0] and answers[3]["places"] == [14, 14]
        assert "K = 10" not in answers[1]["sentences"][1] and "gradient" in answers[2]["sentences"][0]
        for wrong in ("?K=nan", "?K=much", "?score=none", "?target=-1", "?method=occlusion", "?layer=fc1"):
            with pytest.raises(HTTPError, match="400"):
                urlopen(f"{address}/maps{wrong}", timeout=60)
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"{address}/etc/passwd", timeout=60)


LOOK = """<script>if (top === window) {
  document.body.innerHTML = '<pre id="found">waiting</pre><iframe src="/" width="390" height="900"></iframe>';
  const rest = ms => new Promise(done => setTimeout(done, ms)), frame = document.querySelector("iframe");
  frame.onload = async () => {
    const inside = frame.contentDocument, maps = [...inside.querySelectorAll("figure img")], K = inside.getElementById("K");
    while (!maps[1].src) await rest(50);
    await maps[1].decode();
    const before = maps.map(m => m.src), [a, b] = maps.map(m => m.getBoundingClientRect());
    K.value = 0; K.dispatchEvent(new Event("input"));
    while (maps[1].src === before[1]) await rest(50);
    document.getElementById("found").textContent = JSON.stringify({
      beside: Math.abs(a.top - b.top) < 1 && b.left >= a.right, fits: inside.documentElement.scrollWidth <= 390,
      same: maps[0].src === before[0], equal: maps[0].src === maps[1].src});
  };
}</script>"""


def test_the_page_in_a_real_browser(tmp_path, monkeypatch):
    """On a phone's width the two maps stand side by side, nothing is wider, and a change of K changes one of them."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium here to open the page in")
    (tmp_path / "page.html").write_text(page.PAGE.read_text(encoding="utf-8").replace("</html>", LOOK), encoding="utf-8")
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.html")
    with served() as address:
        assert "adds one number, t, to all its logits" in urlopen(f"{address}/", timeout=60).read().decode()
        seen = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=120000", "--dump-dom", address],
                              capture_output=True, text=True, timeout=240, check=True)
    assert '{"beside":true,"fits":true,"same":true,"equal":true}' in seen.stdout, seen.stdout[:500]


def test_in_a_browser(tmp_path):
    """The page is served on this machine. The process is ended as a user would, by Ctrl+C."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tinyattr", "play", "--browser", "--port", str(port)]
    served = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        while f":{port}" not in (line := served.stdout.readline()):
            assert line, "it ended before it served"
        with urlopen(f"http://127.0.0.1:{port}/", timeout=60) as shown:
            assert b"Two networks" in shown.read()
        with socket.socket() as taken:  # a second one says so
            taken.bind(("127.0.0.1", 0))
            again = subprocess.run([*command[:-1], str(taken.getsockname()[1])], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
            assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    finally:
        served.send_signal(signal.SIGINT)
        served.communicate(timeout=60)
    assert list(tmp_path.iterdir()) == []
