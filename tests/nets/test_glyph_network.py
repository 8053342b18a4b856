"""The embedded network's two terms: batches, targets, prices and rates, by their definitions."""

import numpy as np
import pytest

from tinyattr.glyphs import recipe as glyph_network
from tinyattr.glyphs.recipe import LAYER, near, one_glyph, rate_at, two_glyphs
from tinyattr.glyphs.scenes import CLASSES, HARDEST, INPUT, SIZE, scene
from tinyattr.glyphs.train import start


def test_the_untrained_network():
    net = glyph_network.untrained()
    assert net.parameters == 734_300
    assert net.classes == CLASSES
    assert net.run(np.zeros((1, SIZE, SIZE, 3)))["block5_pool"].output.shape == (1, 7, 7, 64)
    assert (net.weights["fc1"][0] == glyph_network.untrained().weights["fc1"][0]).all()
    head, wide = (glyph_network.untrained().weights["predictions"][0], np.sqrt(2 / 128))
    assert np.isclose(head.std(), 0.3 * wide, rtol=0.1)


def batch_of(term, **numbers):
    from dataclasses import replace

    state = replace(start(glyph_network.untrained().weights, 3.0), **numbers)
    return term(np.random.default_rng(4), state)


def test_a_batch_of_the_first_term(monkeypatch):
    monkeypatch.setattr(glyph_network, "PICTURES", 3)
    x, t, prices, state = batch_of(one_glyph, loss=0.9, difficulty=0.2)
    assert x.shape == (3, SIZE, SIZE, 3)
    assert prices == {}
    assert np.isclose(state.difficulty, 0.21)
    rng = np.random.default_rng(4)
    for k in range(3):
        s = scene(rng, difficulty=0.21 * rng.random())
        assert (x[k] == INPUT.encode(s.picture)[0]).all()
        assert t[k].tolist() == [float(c == s.classes[0]) for c in range(len(CLASSES))]
    assert batch_of(one_glyph, loss=1.1, difficulty=0.2)[3].difficulty == 0.2
    assert batch_of(one_glyph, loss=0.1, difficulty=HARDEST)[3].difficulty == HARDEST


def test_a_batch_of_the_second_term(monkeypatch):
    """Every target shares 5 % among all classes; half the pictures have two glyphs; no price near ink."""
    monkeypatch.setattr(glyph_network, "PICTURES", 8)
    _, t, prices, state = batch_of(two_glyphs, loss=0.3, difficulty=0.6)
    assert np.allclose(t.sum(1), 1, rtol=1e-15)
    assert np.allclose(np.sort(t)[:4, -2:], [[0.0025, 0.9525]] * 4)
    assert np.allclose(np.sort(t)[4:, -3:], [[0.0025, 0.4775, 0.4775]] * 4)
    price = prices[LAYER]
    assert price.shape == (8, 14, 14, 1)
    assert np.isclose(price.max(), 0.3 / (8 * 196))
    assert 0.2 < (price > 0).mean() < 0.9
    assert state.difficulty == 0.6


@pytest.mark.parametrize("place", [(0, 0), (100, 100), (223, 40)])
def test_near_is_the_place_and_its_neighbours(place):
    mask = np.zeros((SIZE, SIZE), bool)
    mask[tuple(slice(v - v % 16, v - v % 16 + 16) for v in place)] = True
    i, j = (v // 16 for v in place)
    wanted = {(a, b) for a in range(i - 1, i + 2) for b in range(j - 1, j + 2) if 0 <= a < 14 and 0 <= b < 14}
    assert set(zip(*map(np.ndarray.tolist, np.nonzero(near(mask))), strict=True)) == wanted


def test_a_speck_of_ink_does_not_count():
    mask = np.zeros((SIZE, SIZE), bool)
    mask[50, 50] = True
    assert not near(mask).any()


def test_rates():
    assert rate_at(0.0, 0.5, 2.0) == rate_at(0.5, 0.5, 2.0) == 2
    assert np.isclose(rate_at(0.75, 0.5, 2.0), 1)
    assert rate_at(1.0, 0.5, 2.0) == 0
    assert np.isclose(rate_at(1 / 3, 0, 2.0), 1.5)
