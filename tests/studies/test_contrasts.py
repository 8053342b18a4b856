"""The three contrasts: what is asked of each, on a few scenes."""

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.cli.main import main
from tinyattr.softmax import log_softmax
from tinyattr.studies.contrasts import FROZEN, clever_hans, contrasts, fgsm, table


def test_fgsm_is_a_step_up_the_loss():
    """Every input moves by eps or not at all, and log y_c falls by eps |d log y_c/dx|_1, to first order."""
    net = ta.vgg("A", width=1 / 16, dense=(8, 8), classes=5, size=32, seed=1, dtype=np.float64)
    x = np.random.default_rng(1).standard_normal((1, 32, 32, 3))
    moved = fgsm(net, x, 2, 1e-6)
    assert set(np.round(np.abs(moved - x) / 1e-6, 3).ravel()) <= {0.0, 1.0}
    slope = np.abs(ta.gradient(net, x, 2, "log").raw).sum()
    fall = log_softmax(net(x))[0, 2] - log_softmax(net(moved))[0, 2]
    assert fall == pytest.approx(1e-6 * slope, rel=1e-3)


def test_the_attack_moves_only_the_map_and_the_example_only_the_input():
    attack, adversarial, hans = found = contrasts(ta.load("glyphs"), pictures=2, hans_steps=2)
    assert attack.input_change == attack.answers == 0
    assert attack.output_change <= 1e-12
    assert attack.log_odds > 1 - 1e-9 > attack.pre
    assert adversarial.input_change == pytest.approx(8, rel=1e-5)
    assert adversarial.output_change > 1e-3
    assert hans.input_change == 0
    assert table(found).count("\n") == 6


def test_clever_hans_keeps_its_eyes():
    """Layers up to FROZEN stay as they are, all others learn; the same seed gives the same bytes."""
    net = ta.load("glyphs")
    hans, again = clever_hans(net, 3), clever_hans(net, 3)
    changed = {name for name in net.weights if (net.weights[name][0] != hans.weights[name][0]).any()}
    names = [name for name, _, _ in net.layers]
    assert changed == {name for name in net.weights if names.index(name) > names.index(FROZEN)}
    assert all((hans.weights[name][0] == again.weights[name][0]).all() for name in names if name in net.weights)


def test_what_makes_no_sense(capsys):
    assert main(["contrasts", "--pictures", "0"]) == 1
    assert "--pictures must be at least 1" in capsys.readouterr().err
