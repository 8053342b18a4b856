"""SqueezeNet v1.0: its layers, and the real ImageNet weights on six photos."""

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.files.squeezenet import squeezenet_layers, squeezenet_shapes
from tinyattr.softmax import softmax


def random_squeezenet(seed=0):
    rng = np.random.default_rng(seed)
    weights = {
        n: ((rng.standard_normal(k) * np.sqrt(2 / np.prod(k[:-1]))).astype(np.float32), np.zeros(k[-1], np.float32))
        for n, k in squeezenet_shapes().items()
    }
    return ta.network(squeezenet_layers(), weights, features="fire9_concat")


def test_layers_and_parameters():
    net = random_squeezenet()
    assert net.parameters == 1_248_424
    tape = net.run(np.zeros((1, 227, 227, 3)))
    assert tape["conv1"].output.shape == (1, 111, 111, 96)
    assert [tape[p].output.shape[1] for p in ("pool1", "pool4", "pool8", "conv10")] == [55, 27, 13, 15]
    assert tape["fire9_concat"].output.shape == (1, 13, 13, 512)
    assert net.logits(tape).shape == (1, 1000)


def test_the_walk_passes_fire_modules():
    """A fire module's squeeze is read twice; its signal is the sum of both branches'."""
    net = random_squeezenet(1).astype(np.float64)
    rng = np.random.default_rng(0)
    x, v = rng.standard_normal((2, 1, 227, 227, 3))
    row = rng.standard_normal((1, 1000))
    tape = net.run(x)
    g = ta.walk(tape, {"pool10": row}, ta.GRADIENT)["input"]
    step = 1e-7
    difference = ((net(x + step * v) - net(x - step * v)) * row).sum() / (2 * step)
    assert np.isclose((g * v).sum(), difference, rtol=1e-5)


@pytest.mark.parametrize(("photo", "first", "p", "second", "q"), [
    ("beagle", "beagle", 0.4296, "soccer ball", 0.1417),
    ("dog-and-cat", "German shepherd", 0.7186, "tabby", 0.1174),
    ("soccer_ball", "soccer ball", 0.8783, "golf ball", 0.0601),
    ("space_shuttle", "space shuttle", 0.9981, "airliner", 0.0017),
    ("pick", "pick", 0.9983, None, None),
    ("yellow_ladys_slipper", "yellow lady's slipper", 0.999998, None, None),
])
def test_the_real_network_names_six_photos(shared, squeezenet, photo, first, p, second, q):
    y = softmax(squeezenet(squeezenet.read(shared / "images" / f"{photo}.jpg")))[0]
    one, two = np.argsort(-y)[:2]
    assert squeezenet.classes[one] == first
    assert abs(y[one] - p) < 1e-3
    if second:
        assert squeezenet.classes[two] == second
        assert abs(y[two] - q) < 1e-3
