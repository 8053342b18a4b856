"""The VGG family: layers, parameters, random weights, and VGG19 at full size against PyTorch."""

from pathlib import Path

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.files.vgg import vgg_layers, vgg_shapes
from tinyattr.nets.pictures import InputSpec

TORCH = np.load(Path(__file__).parents[1] / "references" / "vgg19_torch.npz")


def parameters(configuration):
    return sum(np.prod(s) + s[-1] for s in vgg_shapes(configuration).values())


@pytest.mark.parametrize(("configuration", "count", "convolutions"), [
    ("A", 132_863_336, 8), ("B", 133_047_848, 10), ("D", 138_357_544, 13), ("E", 143_667_240, 16),
])
def test_parameters(configuration, count, convolutions):
    assert parameters(configuration) == count
    ops = [op for _, op, _ in vgg_layers(configuration)]
    assert (ops.count("conv2d"), ops.count("max_pool"), ops.count("dense")) == (convolutions, 5, 3)


def test_kerass_layer_names():
    names = [n for n, _, _ in vgg_layers("E")]
    assert names[:5] == ["block1_conv1", "block1_relu1", "block1_conv2", "block1_relu2", "block1_pool"]
    assert names[-9:] == ["block5_conv4", "block5_relu4", "block5_pool", "flatten", "fc1", "fc1_relu", "fc2", "fc2_relu",
                          "predictions"]


def test_random_weights_are_he_scaled_and_repeatable():
    net, again, other = (ta.vgg("A", width=1 / 8, classes=7, seed=s) for s in (3, 3, 4))
    for name, (kernel, bias) in net.weights.items():
        assert (kernel == again.weights[name][0]).all()
        assert not (kernel == other.weights[name][0]).all()
        fan_in, count = np.prod(kernel.shape[:-1]), kernel.size
        # The variance of a sample of `count` normal numbers has relative standard deviation sqrt(2 / count); 5 of them.
        assert abs(kernel.var() * fan_in / 2 - 1) < 5 * np.sqrt(2 / count)
        assert (bias == 0).all()
    assert net(np.zeros((2, 224, 224, 3))).shape == (2, 7)


def test_class_names_and_sizes():
    net = ta.vgg("A", width=1 / 16, classes=["cat", "dog"], size=64, dense=(5, 6))
    assert net.classes == ("cat", "dog")
    assert net.weights["fc2"][0].shape == (5, 6)
    assert net.run(np.zeros((1, 64, 64, 3)))["block5_pool"].output.shape == (1, 2, 2, 32)
    for wrong in ({"size": 100}, {"width": 1 / 1000}, {"classes": 0}, {"dense": (8, 8, 5)}, {"dense": ()},
                  {"size": 64, "input": InputSpec(224)}):
        with pytest.raises(ta.InputError):
            ta.vgg("A", **{"width": 1 / 16, **wrong})
    with pytest.raises(ta.InputError, match="unknown VGG configuration 'C'"):
        ta.vgg("C")


@pytest.fixture(scope="module")
def vgg19():
    return ta.vgg("E", seed=0)


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(1).standard_normal((1, 224, 224, 3))


@pytest.fixture(scope="module")
def in_float64(vgg19, picture):
    """(tape, signals of log y_c) of VGG19 in float64."""
    net = vgg19.astype(np.float64)
    tape = net.run(picture)
    _, row, log_scale = ta.SCORES["log"](net.logits(tape), int(TORCH["target"]))
    return tape, ta.walk(tape, {"predictions": row * np.exp(log_scale)}, ta.GRADIENT)


def test_vgg19_has_all_its_layers(vgg19):
    assert vgg19.parameters == 143_667_240
    assert vgg19.dtype == np.float32
    assert [op for _, op, _ in vgg19.layers].count("conv2d") == 16


def test_vgg19_in_float64_equals_pytorch_at_every_layer(in_float64):
    """Outputs and gradients of all 46 layers at 64 random places each, relative to the layer's largest value."""
    tape, signals = in_float64
    for i, record in enumerate(tape):
        places = np.random.default_rng(i).choice(record.output.size, min(64, record.output.size), replace=False)
        for what, array in (("output", record.output), ("gradient", signals[record.name])):
            error = np.abs(array.ravel()[places] - TORCH[f"{what}/{record.name}"]).max()
            assert error <= 1e-12 * TORCH[f"{what}_max/{record.name}"], f"{what} of {record.name}"


def test_vgg19_in_float32_errs_by_rounding_only(vgg19, in_float64, picture):
    """Per layer, from the same input and signal: 1e-5 of the largest value. Logits end to end: 1e-5.

    End to end, gradients of any two float32 programs differ by 1e-2: ReLUs and max-pools near a tie choose differently.
    """
    logits = TORCH["logits"]
    assert np.abs(vgg19(picture)[0] - logits).max() <= 1e-5 * np.abs(logits).max()
    tape, signals = in_float64
    attributes = {name: a for name, _, a in vgg19.layers}
    for record in tape:
        if record.op in ("conv2d", "dense"):
            alone = ta.Tape()
            alone.leaf("x", record.x[0].astype(np.float32))
            alone.write(record.op, record.name, "x", vgg19.weights[record.name], **attributes[record.name])
            y = alone[record.name].output
            assert y.dtype == np.float32
            assert np.abs(y - record.output).max() <= 1e-5 * np.abs(record.output).max(), record.name
            g = signals[record.name]
            m = ta.walk(alone, {record.name: g}, ta.GRADIENT, to=["x"])["x"]
            exact = ta.GRADIENT[record.op](record, g)[0]
            assert np.abs(m - exact).max() <= 1e-5 * np.abs(exact).max(), record.name
