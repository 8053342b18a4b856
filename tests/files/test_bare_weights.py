"""Files of weights alone, for a network whose layers are known."""

import io
import zipfile

import h5py
import numpy as np
import pytest

import tinyattr as ta
from tests.references import FOLDER

LAYERS = [("first", "conv2d", {"padding": 1}), ("norm", "batch_norm", {}), ("act", "prelu", {}), ("each", "conv2d", {"groups": 4}),
          ("mix", "conv2d", {}), ("gap", "global_avg_pool", {}), ("head", "dense", {})]
SHAPES = {"first": [(3, 3, 3, 4), (4,)], "norm": [(4,), (4,)], "act": [(4,)], "each": [(3, 3, 1, 4), (4,)], "mix": [(1, 1, 4, 5), (5,)],
          "head": [(5, 2), (2,)]}
NET = ta.network(LAYERS, {name: tuple(np.zeros(shape, "f4") for shape in shapes) for name, shapes in SHAPES.items()})
RNG = np.random.default_rng(0)
IN_KERAS = {  # class of Keras 3: its arrays, of the layers above: "mix" is the second part of a separable convolution
    "conv2d": [(3, 3, 3, 4)], "batch_normalization": [(4,)] * 4, "p_re_lu": [(1, 1, 4)], "separable_conv2d": [(3, 3, 4, 1), (1, 1, 4, 5), (5,)],
    "dense": [(5, 2), (2,)]}
ARRAYS = {name: [RNG.uniform(0.5, 1.5, shape).astype("f4") for shape in shapes] for name, shapes in IN_KERAS.items()}
NAMED = {"conv2d": ["kernel"], "batch_normalization": ["gamma", "beta", "moving_mean", "moving_variance"], "p_re_lu": ["alpha"],
         "separable_conv2d": ["depthwise_kernel", "pointwise_kernel", "bias"], "dense": ["kernel", "bias"]}


def written(path, arrays, keras_3=True):
    """A file of weights alone, as Keras 3 writes it, or as tf_keras did."""
    with h5py.File(path, "w") as file:
        for name, given in arrays.items():
            for i, array in enumerate(given):
                file[f"layers/{name}/vars/{i}" if keras_3 else f"{name}/{name}/{NAMED[name][i]}:0"] = array
        file.create_group("layers/dropout/vars" if keras_3 else "dropout")
    return path


@pytest.mark.parametrize("keras_3", [True, False])
def test_arrays_go_to_the_layers_of_their_kind(keras_3, tmp_path):
    """The numbers, by hand: batch norm as scale and shift, no bias as zeros, a separable convolution as two."""
    net = NET.with_weights(written(tmp_path / "net.weights.h5", ARRAYS, keras_3), epsilon=1e-3)
    gamma, beta, mean, variance = ARRAYS["batch_normalization"]
    scale = gamma / np.sqrt(variance + 1e-3)
    each, mix, bias = ARRAYS["separable_conv2d"]
    expected = {"first": (*ARRAYS["conv2d"], np.zeros(4)), "norm": (scale, beta - mean * scale), "act": (ARRAYS["p_re_lu"][0].ravel(),),
                "each": (each.transpose(0, 1, 3, 2), np.zeros(4)), "mix": (mix, bias), "head": ARRAYS["dense"]}
    for name, arrays in expected.items():
        assert all(np.allclose(a, b, rtol=1e-6, atol=1e-6) for a, b in zip(net.weights[name], arrays, strict=True)), name
    assert net.source.endswith("net.weights.h5, weights alone")
    assert net(np.ones((1, 6, 6, 3))).shape == (1, 2)


def test_the_inside_of_a_keras_file_gives_the_same_logits(tmp_path):
    """student.keras as Keras wrote it: what it holds as model.weights.h5 is a file of weights alone."""
    whole = ta.load(FOLDER / "keras_own" / "student.keras")
    (tmp_path / "w.weights.h5").write_bytes(zipfile.ZipFile(FOLDER / "keras_own" / "student.keras").read("model.weights.h5"))
    layers = [layer for layer in whole.layers if layer[0] != "rescaling"]  # it has no weights in Keras
    layers[0] = (layers[0][0], layers[0][1], {key: v for key, v in layers[0][2].items() if key != "inputs"})
    bare = ta.network(layers, {name: tuple(np.zeros_like(w) for w in ws) for name, ws in whole.weights.items() if name != "rescaling"})
    net = bare.with_weights(tmp_path / "w.weights.h5", epsilon=1e-3)
    x = np.random.default_rng(0).uniform(0, 255, (1, 24, 24, 3)).astype("f4")
    assert np.array_equal(net(x / np.float32(127.5) - 1), whole(x)) or np.allclose(net(x / 127.5 - 1), whole(x), rtol=1e-5, atol=1e-6)


def test_by_name_where_the_names_are_the_networks(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for name, kernel in (("b", 2.0), ("a", 1.0)):
            file[f"{name}/{name}/kernel:0"], file[f"{name}/{name}/bias:0"] = np.full((3, 3), kernel, "f4"), np.zeros(3, "f4")
    net = ta.network([("gap", "global_avg_pool", {}), ("a", "dense", {}), ("b", "dense", {})],
                     {name: (np.ones((3, 3), "f4"), np.zeros(3, "f4")) for name in "ab"})
    found = net.with_weights(tmp_path / "w.h5")
    assert [found.weights[name][0][0, 0] for name in "ab"] == [1, 2]
    other = ta.network([("gap", "global_avg_pool", {}), ("x", "dense", {}), ("y", "dense", {})], dict.fromkeys("xy", net.weights["a"]))
    with pytest.raises(ta.InputError, match=r"its layer 'a' is not in the network \(x, y\); give"):
        other.with_weights(tmp_path / "w.h5")


@pytest.mark.parametrize(("change", "words"), [
    ({}, "'batch_normalization' in it is a batch normalisation, and its epsilon is not in the file"),
    ({"dense": [(5, 3), (3,)]}, r"its layer 'dense' has arrays \[\(5, 3\), \(3,\)\]; the network's 'head' needs \[\(5, 2\)"),
    ({"dense_1": [(2, 2), (2,)]}, "it has 2 layers of the kind dense, but the network has 1"),
    ({"conv2d_transpose": [(3, 3, 4, 4), (4,)]}, "transposed convolution, which is not read from weights alone"),
    ({"functional/layers/dense": [(2, 2)]}, "'functional' in it is a model inside a model"),
    ({"group_normalization": [(4,), (4,)]}, r"'group_normalization' in it has arrays of shapes \[\(4,\), \(4,\)\]"),
])
def test_what_does_not_fit_is_refused(change, words, tmp_path):
    changed = {name: [np.ones(shape, "f4") for shape in shapes] for name, shapes in change.items()}
    path = written(tmp_path / "w.weights.h5", {**ARRAYS, **changed})
    with pytest.raises(ta.InputError, match=words) as error:
        NET.with_weights(path, epsilon=1e-3 if change else None)
    assert "'w.weights.h5'" in str(error.value)


def test_more_numbers_than_the_network_has_are_not_read(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("layers/dense/vars/0", (30_000, 30_000), "f4", chunks=(500, 500), compression="gzip", fillvalue=0)
        file["layers/dense/vars/0"][:1, :1] = 1
    with pytest.raises(ta.InputError, match=r"it holds 900,000,000 numbers|never written completely"):
        NET.with_weights(tmp_path / "w.h5")


def test_whole_models_and_other_files_are_refused(tmp_path):
    for name, words in (("nested.h5", "a whole model, not weights alone; ta.load reads it"), ("student.keras", "not an HDF5 file of weights alone")):
        with pytest.raises(ta.InputError, match=words):
            NET.with_weights(FOLDER / "keras_own" / name)
    with pytest.raises(ta.InputError, match="not an HDF5 file"):
        NET.with_weights(__file__)
    with pytest.raises(ta.InputError, match=r"save the whole model: model.save\('net.keras'\); or build"):
        ta.load(io.BytesIO(written(tmp_path / "w.weights.h5", ARRAYS).read_bytes()))
