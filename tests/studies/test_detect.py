"""The detector: no alarm for clean networks, one for every attack it can see. Repair: the same y, and pre is blind to t."""

import json

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.glyphs.scenes import scene
from tinyattr.softmax import softmax
from tinyattr.studies.bake import bake
from tinyattr.studies.detect import inspect, outlier_units, repair
from tinyattr.studies.more_attacks import bounded, column, quadratic, stamped, triggered


@pytest.fixture(scope="module")
def glyphs():
    net = ta.load("glyphs")
    rng = np.random.default_rng(11)
    return net, [scene(rng, difficulty=0.5).picture for _ in range(3)]


def read(net, pictures):
    return [net.read(picture) for picture in pictures]


def test_twenty_clean_networks_raise_no_alarm(glyphs):
    net, pictures = glyphs
    assert not inspect(net, read(net, pictures)).alarm
    for seed in range(19):
        other = ta.vgg("ABDE"[seed % 4], width=1 / 16, dense=(24, 16), classes=3 + seed, size=64, seed=seed)
        x = [np.random.default_rng(seed).standard_normal((1, 64, 64, 3), np.float32)]
        found = inspect(other, x)
        assert not found.alarm, (seed, found)


@pytest.mark.parametrize(("attack", "K"), [(ta.alter, 10.0), (column, 10.0), (quadratic, 100.0), (bounded, 10.0), (bake, 10.0)])
def test_attacks_raise_it(glyphs, attack, K):
    """The quadratic one's gradient is 2 K A, and A is small in the corner: it needs a larger K to do the same."""
    net, pictures = glyphs
    found = inspect(attack(net, K=K), read(net, pictures))
    assert found.alarm
    assert "ALTERED" in found.table()
    assert bool(found.units) == (attack is bake)


def test_a_planted_unit_is_named_however_small_its_K(glyphs):
    """The row's spread is zero, whatever its size; the gradient is not looked at here."""
    net, _ = glyphs
    ((unit, numbers),) = outlier_units(bake(net, 10.0))[0].items()
    assert unit == net.weights["fc2"][0].shape[1]
    assert numbers == (10.0, 0.0)  # mean and spread


def test_a_trigger_hides_until_it_is_shown(glyphs):
    """On ordinary pictures the gate is shut and there is nothing to see: no detector of gradients can find it there."""
    net, pictures = glyphs
    altered = triggered(net)
    assert not inspect(altered, read(net, pictures)).alarm
    assert inspect(altered, read(net, [stamped(p) for p in pictures])).alarm


@pytest.mark.parametrize("attack", [lambda net: net, ta.alter, quadratic, bake])
def test_repair(glyphs, attack):
    """y stays; z is centred; the pre map of the repaired altered network is the centred map of the original."""
    net, pictures = glyphs
    net = net.astype(np.float64)
    x = net.read(pictures[0])
    repaired = repair(attack(net))
    z = repaired(x)
    size = np.abs(attack(net)(x)).max()  # the numbers whose rounding is left
    assert np.abs(z.mean()) <= 1e-14 * size
    assert np.abs(softmax(z) - softmax(net(x))).max() <= 1e-14 * size
    for method in (ta.hirescam, ta.grad_cam, ta.gradient):
        a, b = method(repaired, x, score="pre").raw, method(net, x, score="centred").raw
        assert np.abs(a - b).max() <= 1e-11 * np.abs(b).max()
    assert not inspect(repaired, [x]).alarm


def test_a_repaired_file_can_be_saved(glyphs, tmp_path):
    net, pictures = glyphs
    ta.save(repair(bake(net)), tmp_path / "repaired.h5")
    again = ta.load(tmp_path / "repaired.h5")
    assert np.abs(softmax(again(net.read(pictures[0]))) - softmax(net(net.read(pictures[0])))).max() < 1e-6


def test_shares_are_told_class_by_class(glyphs):
    """By the definition, on the gradients of single logits; the first is the top class, whose share decides."""
    net, pictures = glyphs
    net = net.astype(np.float64)
    x = net.read(pictures[0])
    found = inspect(net, [x])
    slopes = {c: ta.gradient(net, x, c, "pre", net.features).raw for c in range(len(net.classes))}
    mean = np.mean(list(slopes.values()), 0)
    likely = np.argsort(-net(x)[0])[:5]
    assert list(found.classes) == [net.label(c) for c in likely]
    for c in likely:
        expected = np.linalg.norm(mean) / np.linalg.norm(slopes[c] - mean)
        assert found.classes[net.label(c)] == pytest.approx(expected, rel=1e-10)
    assert found.shares == (found.classes[net.label(likely[0])],)
    assert net.label(likely[1]) in found.table()


def test_a_network_that_says_nothing_of_its_own_can_be_written_down():
    """All classes have the same weights: the class's own part is 0, the share infinite; JSON says null."""
    net = ta.network([("A", "relu", {}), ("pool", "global_avg_pool", {}), ("fc", "dense", {})],
                     {"fc": (np.ones((3, 4)), np.zeros(4))})
    found = inspect(net, [np.ones((1, 2, 2, 3))])
    assert found.shares == (np.inf,)
    assert found.alarm
    written = json.dumps(found.numbers(), allow_nan=False)
    assert json.loads(written)["shares"] == [None]
    assert set(json.loads(written)["classes"].values()) == {None}


def test_no_picture():
    with pytest.raises(ta.InputError, match="at least one picture"):
        inspect(ta.load("glyphs"), [])
