"""Without Numba, or with its compiler switched off, NumPy computes the same heatmaps, and nothing fails."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("numba", reason="the kernels' heatmaps are what NumPy's are held to")

BLOCK = 'import sys; sys.modules["numba"] = None  # from now on `import numba` raises ImportError\n'
HEATMAPS = """
import sys
import numpy as np
import tinyattr as ta
from tinyattr.cli.main import main
from tinyattr.glyphs.scenes import example
from tinyattr.kernels.dispatch import forms
net = ta.load("glyphs")
tape = net.run(net.read(example().picture))
signals = ta.walk(tape, {"predictions": np.ones((1, 20))}, ta.GRADIENT)
maps = {name: ta.METHODS[name](net, tape, "heart", "log_odds").map for name in ("grad_cam", "gradient", "lrp")}
np.savez("found.npz", **maps, weights=ta.weight_gradients(tape, signals)["block1_conv2"][0], kernels=bool(forms()))
sys.exit(main(["demo", "--out", "demo.png", "--json", "demo.json"]))
"""
ENVIRONMENTS = {"as usual": ("", "0"), "no Numba": (BLOCK, "0"), "switched off": ("", "1")}
without = pytest.mark.parametrize("environment", ["no Numba", "switched off"])


def child(environment, code, folder):
    """A new Python process in one of the environments."""
    before, switch = ENVIRONMENTS[environment]
    return subprocess.run([sys.executable, "-c", before + code], cwd=folder, capture_output=True, text=True, check=False,
                          env={**os.environ, "NUMBA_DISABLE_JIT": switch})


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """{environment: (its arrays, the demo's numbers)}."""
    answers = {}
    for name in ENVIRONMENTS:
        folder = tmp_path_factory.mktemp("maps")
        done = child(name, HEATMAPS, folder)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert (folder / "demo.png").is_file()
        answers[name] = dict(np.load(folder / "found.npz")), json.loads((folder / "demo.json").read_text(encoding="utf-8"))
        assert answers[name][0].pop("kernels") == (name == "as usual")
    return answers


@without
def test_the_same_heatmaps_and_weight_gradients(found, environment):
    wanted = found["as usual"][0]
    for name, ours in found[environment][0].items():
        assert np.abs(ours - wanted[name]).max() <= 1e-5 * max(1, np.abs(wanted[name]).max()), name


@without
def test_the_demo_says_the_same(found, environment):
    _same(found[environment][1], found["as usual"][1])


def _same(ours, wanted):
    """Two JSON values are equal, numbers to four digits."""
    assert type(ours) is type(wanted)
    if isinstance(wanted, dict):
        assert ours.keys() == wanted.keys()
        ours, wanted = list(ours.values()), list(wanted.values())
    if isinstance(wanted, list):
        for a, b in zip(ours, wanted, strict=True):
            _same(a, b)
    elif isinstance(wanted, float):
        assert np.isclose(ours, wanted, rtol=1e-4, atol=1e-4)
    else:
        assert ours == wanted


@without
def test_what_measures_the_kernels_says_that_it_needs_numba(environment, tmp_path):
    done = child(environment, 'from tinyattr.cli.main import entry; import sys; sys.argv = ["tinyattr", "bench", "--quick"]; sys.exit(entry())', tmp_path)
    assert done.returncode == 1
    assert "need Numba" in done.stderr
    assert done.stderr.count("\n") == 1


@without
def test_a_lesson_about_convolutions_runs(environment, tmp_path):
    code = 'import sys; from tinyattr.cli.main import main; sys.exit(main(["lesson", "run", "3"]))'
    done = child(environment, code, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
