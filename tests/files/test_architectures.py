"""Which network a file holds, by names and shapes of its layers, and that a new architecture is one function more."""

import h5py
import numpy as np
import pytest

import tinyattr as ta
from tinyattr.files import architectures
from tinyattr.files.architectures import Architecture, architectures_of
from tinyattr.files.squeezenet import squeezenet_shapes
from tinyattr.files.vgg import vgg_shapes

POSITIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)  # of VGG16's convolutions among torchvision's features


def with_biases(kernels):
    return {layer: (kernel, kernel[-1:]) for layer, kernel in kernels.items()}


def test_a_vgg_by_names_or_order():
    shapes = with_biases(vgg_shapes("D", (4, 4, 6, 6, 8), (10, 11), 7, 64))
    (found,) = architectures_of(shapes)
    assert (found.name, found.sizes, found.classes) == ("VGG16", range(64, 96), 7)
    assert found.names == {layer: layer for layer in shapes}
    renamed = {f"conv2d_{i}": pair for i, pair in enumerate(shapes.values())}
    assert list(architectures_of(renamed)[0].names.values()) == list(renamed)
    features = {f"features.{i}": pair for i, pair in zip(POSITIONS, shapes.values(), strict=False)}
    heads = {f"classifier.{i}": pair for i, pair in zip((0, 3, 6), list(shapes.values())[-3:], strict=True)}
    assert architectures_of({**features, **heads})[0].names["block5_conv3"] == "features.28"
    moved = {layer.replace("features.28", "features.29"): pair for layer, pair in features.items()}
    for other in ({"a": ((3, 3, 3, 4), (4,))}, {**moved, **heads}):
        with pytest.raises(ta.InputError, match="neither a whole VGG with its dense layers nor a SqueezeNet"):
            architectures_of(other)
    for layer, wrong in (("block3_conv2", (3, 3, 7, 6)), ("fc1", (33, 10)), ("fc2", (9, 11)), ("block1_conv1", (3, 3, 4, 4))):
        with pytest.raises(ta.InputError, match="needs"):
            architectures_of({**shapes, layer: (wrong, wrong[-1:])})
    with pytest.raises(ta.InputError, match=r"layer 'fc2' has kernel \(10, 11\) and bias \(12,\); VGG16 needs"):
        architectures_of({**shapes, "fc2": ((10, 11), (12,))})


def test_squeezenets_by_names_and_shapes():
    shapes = with_biases(squeezenet_shapes())
    assert [found.name for found in architectures_of(shapes)] == ["SqueezeNet v1.0", "SqueezeNet v1.0 (torchvision)"]
    assert [found.name for found in architectures_of(with_biases(squeezenet_shapes("1.1")))] == ["SqueezeNet v1.1"]
    assert architectures_of({**shapes, "conv10": ((1, 1, 512, 9), (9,))})[0].classes == 9
    with pytest.raises(ta.InputError, match="neither a whole VGG"):
        architectures_of({"conv1": shapes["conv1"]})
    with pytest.raises(ta.InputError, match=r"layer 'conv10' has kernel \(1, 1, 511, 1000\)"):
        architectures_of({**shapes, "conv10": ((1, 1, 511, 1000), (1000,))})


def test_another_architecture_is_one_function(tmp_path, monkeypatch):
    """Weights alone of a network that nobody knew."""
    def linear(shapes):
        if list(shapes) == ["d"]:
            layers = [("p", "global_avg_pool", {}), ("d", "dense", {})]
            yield Architecture("linear", layers, {"d": (3, shapes["d"][0][-1])}, {"d": "d"}, ("torchvision",))

    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["d/kernel"], file["d/bias"] = np.eye(3, 2, dtype="f4"), np.zeros(2, "f4")
    with pytest.raises(ta.InputError, match=r"neither .* save the whole model: model\.save\('net\.keras'\)"):
        ta.load(tmp_path / "w.h5")
    monkeypatch.setattr(architectures, "SUGGEST", (*architectures.SUGGEST, linear))
    net = ta.load(tmp_path / "w.h5")
    assert (net.name, [op for _, op, _ in net.layers]) == ("linear", ["global_avg_pool", "dense"])
    assert (net.weights["d"][0] == np.eye(3, 2)).all()


def test_what_shows_that_a_file_of_weights_is_no_vgg():
    shapes = with_biases(vgg_shapes("A", (4, 4, 6, 6, 8), (10, 11), 7, 64))
    vgg = ("input_layer", "max_pooling2d", *(f"max_pooling2d_{i}" for i in range(1, 5)), "flatten", "dropout", "dropout_1")
    assert architectures_of(shapes, vgg)[0].name == "VGG11"
    for other in ("rescaling", "activation", "leaky_re_lu", "global_average_pooling2d", "batch_normalization"):
        with pytest.raises(ta.InputError, match=f"'{other}', which is in no VGG or SqueezeNet"):
            architectures_of(shapes, (*vgg, other))
    with pytest.raises(ta.InputError, match="it has 4 pooling layers, but a VGG has 5"):
        architectures_of(shapes, vgg[:5])
