"""From raw map to picture: each step by its definition, and no NaN anywhere."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import tinyattr as ta
from tinyattr.methods.heatmap import Heatmap, min_max, relu, resize


def heatmap(plane, size=(8, 8), picture=None):
    plane = np.asarray(plane, float)
    return Heatmap("Grad-CAM", "log_odds", "A", 0, "cat", 1.0, 0.0, plane, plane, size, picture)


def bilinear(L, size):
    """Each new pixel centre, in old pixels, weighs its four neighbours by closeness; outside counts as the border."""
    (h, w), (H, W) = L.shape, size
    y = np.zeros(size)
    for i, j in np.ndindex(size):
        a, b = (i + 0.5) * h / H - 0.5, (j + 0.5) * w / W - 0.5
        for p, q in ((0, 0), (0, 1), (1, 0), (1, 1)):
            r, s = int(np.floor(a)) + p, int(np.floor(b)) + q
            y[i, j] += (1 - abs(a - r)) * (1 - abs(b - s)) * L[np.clip(r, 0, h - 1), np.clip(s, 0, w - 1)]
    return y


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 9), st.integers(0, 9), st.floats(1e-200, 1e200), st.integers(0, 99))
def test_resize(h, w, more_h, more_w, scale, seed):
    L = np.random.default_rng(seed).standard_normal((h, w)) * scale
    size = (h + more_h, w + more_w)
    assert np.allclose(resize(L, size), bilinear(L, size), rtol=0, atol=2e-6 * scale)  # Pillow's float32


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9))
def test_the_map_is_in_zero_one_and_keeps_the_order(values):
    heat = heatmap([values], size=(1, len(values)))
    assert np.isfinite(heat.map).all()
    assert heat.map.min() == 0
    assert heat.map.max() in (0, 1)
    if not heat.note:
        assert heat.map.max() == 1
        order = np.argsort(values, kind="stable")
        assert (np.diff(heat.map[0][order]) >= 0).all()


@pytest.mark.parametrize(("plane", "note"), [
    ([[-1, -2]], "no place speaks"), ([[0, 0]], "no place speaks"), ([[3, 3]], "every place speaks equally"), ([[1, 2]], ""),
])
def test_maps_with_nothing_to_show_say_so(plane, note):
    heat = heatmap(plane)
    assert heat.note.startswith(note)
    assert bool(heat.note) == bool(note)
    assert (heat.map.max() == 0) == bool(note)
    assert heat.note in heat.caption


def test_named_steps():
    L = np.array([[-1.0, 3.0]])
    assert relu(L).tolist() == [[0, 3]]
    assert min_max(L).tolist() == [[0, 1]]
    assert min_max(L * 0).tolist() == [[0, 0]]


@pytest.mark.parametrize("picture", [None, np.full((8, 8, 3), 200, np.uint8)])
def test_saving(tmp_path, picture):
    heatmap([[0, 1], [2, 3]], picture=picture).save(tmp_path / "heat.png")
    with Image.open(tmp_path / "heat.png") as image:
        assert image.size[0] == 900
        assert 800 < image.size[1] < 940
        assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 100
    assert [p.name for p in tmp_path.iterdir()] == ["heat.png"]
    with pytest.raises(ta.InputError, match="the ending '.gifx'"):
        heatmap([[0, 1]]).save(tmp_path / "heat.gifx")
    with pytest.raises(ta.InputError, match="no folder"):
        heatmap([[0, 1]]).save(tmp_path / "no" / "heat.png")


def test_heatmaps_tapes_and_networks_show_themselves_in_notebooks(tmp_path):
    """A heatmap is the very picture that save writes; a tape and a network have a line for each layer."""
    heat = heatmap([[1, 2], [3, -4]])
    heat.save(tmp_path / "h.png")
    with Image.open(tmp_path / "h.png") as saved, Image.open(BytesIO(heat._repr_png_())) as shown:
        assert (np.asarray(saved) == np.asarray(shown)).all()
    net = ta.network([("<A>", "relu", {}), ("pool", "global_avg_pool", {}), ("head", "dense", {})], {"head": (np.ones((1, 2)), np.zeros(2))})
    tape = net.run(np.ones((1, 2, 2, 1)))
    for shown, lines in ((net._repr_html_(), 1 + 3), (tape._repr_html_(), 4)):
        assert len(shown.splitlines()) == lines and shown.startswith("<pre>")
        assert "&lt;A&gt;" in shown and "<A>" not in shown
    assert "(1, 2)" in net._repr_html_()
