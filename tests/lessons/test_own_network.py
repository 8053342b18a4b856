"""What the lesson "Bring your own network" reads: a small file that Keras wrote, and pictures that need no Keras."""

import runpy
from importlib.util import find_spec

from tests.generated import ROOT

FOLDER = ROOT / "lessons" / "own_network"


def test_its_file_is_small_and_its_drawing_needs_no_keras():
    assert (FOLDER / "own_network.keras").stat().st_size < 150_000
    drawn = runpy.run_path(FOLDER / "train_own_network.py")
    pictures, classes, masks = drawn["pictures"](4, 2)
    assert pictures.shape == (4, 48, 48, 3)
    assert masks.any((1, 2)).all() and set(classes) <= {0, 1, 2}
    assert find_spec("keras") is None or "keras" not in drawn
