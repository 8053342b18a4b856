"""The glyph world: same seed, same picture; masks right to the pixel; twenty shapes that can be told apart."""

import numpy as np
import pytest
from PIL import Image

import tinyattr as ta
from tinyattr.glyphs import scenes as glyphs
from tinyattr.glyphs.scenes import CLASSES, SIZE, scene


def rng(seed=0):
    return np.random.default_rng(seed)


def test_the_same_seed_draws_the_same_picture():
    for options in ({}, {"classes": (3, 7)}, {"watermark": True}, {"difficulty": 0}):
        a, b, c = (scene(rng(seed), **options) for seed in (5, 5, 6))
        assert (a.picture == b.picture).all() and (a.masks == b.masks).all() and a.classes == b.classes
        assert (a.picture != c.picture).any()


def test_pictures_and_masks():
    for seed in range(20):
        s = scene(rng(seed), difficulty=seed / 19)
        assert s.picture.shape == (SIZE, SIZE, 3) and s.picture.dtype == np.uint8
        assert s.masks.shape == (1, SIZE, SIZE) and s.masks.dtype == bool
        assert 0.005 < s.masks.mean() < 0.6


def test_the_mask_is_where_the_glyph_is():
    """On a plain easy background the glyph's pixels are far from the background's colour, all others near it."""
    found = 0
    for seed in range(40):
        s = scene(rng(seed), difficulty=0)
        outside = s.picture[~s.masks[0]].astype(float)
        if outside.std(0).max() > 12:
            continue  # one of the patterned backgrounds
        found += 1
        grey = s.picture @ np.array([0.299, 0.587, 0.114])
        background = np.median(grey[~s.masks[0]])
        assert (np.abs(grey[s.masks[0]] - background) > 25).mean() > 0.98
        assert (np.abs(grey[~s.masks[0]] - background) < 35).mean() > 0.98  # but for the antialiased rim
    assert found > 10


def test_two_glyphs_keep_apart():
    for seed in range(20):
        s = scene(rng(seed), classes=(seed % 20, (seed + 7) % 20))
        assert s.classes == (seed % 20, (seed + 7) % 20)
        assert not (s.masks[0] & s.masks[1]).any()
        assert s.masks[0][:, SIZE // 2:].sum() == s.masks[1][:, : SIZE // 2].sum() == 0
        assert s.masks.any((1, 2)).all()


def test_a_scene_without_a_glyph_is_its_background():
    s = scene(rng(3), (), difficulty=0)
    assert (s.classes, s.masks.shape) == ((), (0, SIZE, SIZE))
    assert np.abs(s.picture - np.median(s.picture, (0, 1))).max() < 15  # one colour, and noise


def test_the_watermark_is_in_its_corner_only():
    a, b = (scene(rng(1), classes=(0,), watermark=w) for w in (False, True))
    changed = (a.picture != b.picture).any(-1)
    assert changed.any()
    i, j = np.nonzero(changed)
    assert i.min() > SIZE - 40
    assert j.min() > SIZE - 100


def test_every_glyph_is_in_the_font():
    """A character that the font lacks is drawn as the same box as any other that it lacks."""
    font = glyphs._font(SIZE)
    missing = font.getmask("\U000fffff").getbbox(), bytes(font.getmask("\U000fffff"))
    for name, character in glyphs.GLYPHS.items():
        assert bytes(font.getmask(character)) != missing[1], name


def test_the_shapes_differ():
    """No two glyphs, scaled to one size, overlap in more than three quarters of their union."""
    def square(name):
        shape = Image.new("L", (64, 64))
        glyph = glyphs._shape(name, 64)
        shape.paste(glyph, ((64 - glyph.width) // 2, (64 - glyph.height) // 2))
        return np.asarray(shape) > 127

    shapes = [square(name) for name in CLASSES]
    for i in range(len(shapes)):
        for j in range(i):
            overlap = (shapes[i] & shapes[j]).sum() / (shapes[i] | shapes[j]).sum()
            assert overlap < 0.75, (CLASSES[i], CLASSES[j], overlap)


def test_colour_and_class_are_independent():
    """Mean colours of two classes differ by chance only: 5 standard errors."""
    means = [np.array([scene(rng([c, k]), classes=(c,)).picture.mean((0, 1)) for k in range(30)]) for c in (0, 1)]
    error = np.sqrt(sum(m.var(0) / len(m) for m in means))
    assert (np.abs(means[0].mean(0) - means[1].mean(0)) < 5 * error).all()


@pytest.mark.parametrize("options", [{"difficulty": 1.5}, {"difficulty": -1}, {"classes": (20,)}, {"classes": (-1, 2)}, {"classes": (0, 1, 2)}])
def test_scenes_that_cannot_be_drawn(options):
    with pytest.raises(ta.InputError):
        scene(rng(), **options)
