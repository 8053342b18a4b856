"""Keras models of users' own: Keras' numbers, what is taken for what, and what is refused."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import tinyattr as ta
from tests.files.keras_files import (
    conv,
    dense,
    functional,
    keras_zip,
    layer,
    pool,
    random_arrays,
    reads,
    sequential,
    whole_model,
)
from tests.files.layouts import write
from tests.references import FOLDER
from tinyattr.files.show import show_file
from tinyattr.files.vgg import CONVOLUTIONS, vgg_layers, vgg_shapes

OWN = FOLDER / "keras_own"
ANSWERS = np.load(OWN / "answers.npz")
NAMES = sorted(path.name for path in OWN.iterdir() if path.suffix != ".npz")
TOLERANCE = {"float32": 1e-5, "float64": 1e-5}  # Keras' answers are float32


def near(a, b, dtype):
    return np.abs(a - b).max() <= TOLERANCE[dtype] * max(np.abs(b).max(), 1e-30)


def seed(net, z, classes):
    return {net.layers[-1][0]: np.eye(z.shape[1])[classes]}


@pytest.mark.filterwarnings("ignore:the picture has values")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_kerass_numbers(name, dtype):
    """Logits, activations and gradients of networks that Keras wrote and ran, on JAX."""
    net = ta.load(OWN / name).astype(dtype)
    c, dx, A, z, high = (ANSWERS[f"{name}/{key}"] for key in ("c", "dx", "A", "z", "high"))
    x = np.random.default_rng(5).uniform(-1 if high == 1 else 0, high, dx.shape).astype("float32").astype(dtype)
    tape = net.run(x)
    signals = ta.walk(tape, seed(net, z, [c]), ta.GRADIENT, to=("input",))
    assert near(net.logits(tape), z, dtype)
    assert near(tape["tap"].output, A, dtype)
    assert near(signals["input"], dx, dtype)
    assert (net.input is not None) == (high == 255)  # a Rescaling or Normalization takes what photos hold
    if high == 255:
        assert (net.input.mean, net.input.scale) == ((0, 0, 0), (1, 1, 1))
        assert net.input.shape == dx.shape[1:]


@pytest.mark.filterwarnings("ignore:the picture has values")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("file", ["student_cnn.keras", "student_cnn.h5", "cats_dogs.keras", "cats_dogs.h5", "same_strides.keras",
                                  "same_strides.h5", "fer2013_mini_XCEPTION_102-0_66.hdf5"])
def test_shared_networks(shared, file, dtype):
    path = shared / "own_networks" / file
    stored, net = np.load(path.with_suffix(".npz")), ta.load(path).astype(dtype)
    tape = net.run(stored["x"].astype(dtype))
    if "same_strides" in file:
        net, tape = border_repeated(net, tape)
    to, z = str(stored["layer"]), stored["z"]
    signals = ta.walk(tape, seed(net, z, stored["c"]), ta.GRADIENT, to=(to,))
    assert near(net.logits(tape), z, dtype)
    assert near(tape[to].output, stored["A"], dtype)
    assert near(signals[to], stored["dzc_dA"], dtype)
    if "same_strides" not in file:
        signals = ta.walk(tape, seed(net, z, stored["c"]), ta.GRADIENT, to=("input",))
        assert near(signals["input"], stored["dzc_dx"], dtype)


def border_repeated(net, tape):
    """same_strides as Keras runs it on PyTorch, from its average pool on.

    Where padding differs on two sides, Keras on PyTorch repeats the border before it averages; TensorFlow, JAX, and so
    this project, average only what lies inside (strides.h5, the same network, has JAX's answers).
    """
    place = [name for name, _, _ in net.layers].index("average_pooling2d")
    (_, _, own), before = net.layers[place], tape[net.layers[place - 1][0]].output
    padded = np.pad(before, ((0, 0), *own["padding"], (0, 0)), mode="edge")
    y = sliding_window_view(padded, (3, 3), (1, 2))[:, ::2, ::2].mean((-2, -1))
    rest = net.layers[place + 1:]
    after = ta.network(rest, {name: net.weights[name] for name, _, _ in rest if name in net.weights})
    return after, after.run(y.astype(before.dtype))


def vgg11(first=(), activation="relu", pools=CONVOLUTIONS["A"], head=None, size=64):
    """(config, arrays) of a small Keras model with the shapes of a VGG11. pools: convolutions before each."""
    *shapes, fc1, fc2, predictions = vgg_shapes("A", (4, 4, 6, 6, 8), (10, 11), 7, size // 32 * 32).values()
    names = ["conv2d" + (f"_{i}" if i else "") for i in range(8)]
    convolutions = [conv(name, shape[-1], activation=activation) for name, shape in zip(names, shapes, strict=True)]
    layers = list(first)
    for i, count in enumerate(pools):
        layers += [*convolutions[:count], pool(f"max_pooling2d_{i}")]
        convolutions = convolutions[count:]
    layers += [*convolutions, head or layer("Flatten", "flatten"), dense("dense", 10), dense("dense_1", 11),
               dense("dense_2", 7, "softmax")]
    heads = {"dense": fc1, "dense_1": fc2, "dense_2": predictions}
    return sequential(layers, (size, size, 3)), random_arrays({**dict(zip(names, shapes, strict=True)), **heads})


@pytest.mark.parametrize("size", [64, 48, 150])
def test_a_vgg_in_keras_is_a_vgg_and_its_config_says_the_size(size):
    """48 and 150 pixels are no multiples of 32; the network is the same, photos have another size."""
    net = ta.load(keras_zip(*vgg11(size=size)), family="oxford")
    assert (net.name, net.input.size) == ("VGG11", size)
    assert [name for name, _, _ in net.layers] == [name for name, _, _ in vgg_layers("A")]
    assert net(net.read(np.zeros((size, size, 3), np.uint8))).shape == (1, 7)
    with pytest.raises(ta.InputError, match=rf"the network takes pictures \({size}, {size}, 3\), as the file says"):
        ta.load(keras_zip(*vgg11(size=size)), family="oxford", size=96)


@pytest.mark.parametrize(("change", "op"), [
    ({"activation": "tanh"}, "tanh"), ({"activation": "elu"}, "elu"), ({"pools": (2, 1, 1, 2, 2)}, "max_pool"),
    ({"first": [layer("Rescaling", "rescaling", scale=1 / 255, offset=0.0)]}, "batch_norm"),
    ({"head": layer("GlobalAveragePooling2D", "gap"), "size": 32}, "global_avg_pool"),
    ({"head": layer("GlobalAveragePooling2D", "gap"), "pools": (1, 1, 2), "size": 32}, "global_avg_pool"),
])
def test_a_network_with_a_vggs_shapes_is_not_taken_for_a_vgg(change, op):
    """It computes what its config says, layer by layer; as a VGG, it had other probabilities."""
    config, arrays = vgg11(**change)
    net = ta.load(keras_zip(config, arrays))
    assert net.name == "sequential"
    assert op in [op for _, op, _ in net.layers]
    kinds = [entry["class_name"] for entry in config["config"]["layers"]]
    ops = {"Conv2D": "conv2d", "Dense": "dense", "MaxPooling2D": "max_pool", "Flatten": "flatten", "Rescaling": "batch_norm",
           "GlobalAveragePooling2D": "global_avg_pool"}
    activation = change.get("activation", "relu")
    assert [op for _, op, _ in net.layers if op not in ("relu", activation)] == [ops[kind] for kind in kinds[1:]]
    x = np.random.default_rng(0).uniform(0, 1, (1, change.get("size", 64), change.get("size", 64), 3))
    if change.get("first"):
        as_vgg = ta.load(keras_zip(*vgg11()))
        assert np.allclose(net(255 * x), as_vgg(x), rtol=1e-4, atol=1e-5)
        assert net.input.size == 64
    elif change.get("size") != 32:
        assert not np.allclose(net(x), ta.load(keras_zip(*vgg11()))(x), rtol=1e-3)


def test_weights_alone_behind_a_single_place(tmp_path):
    """A GlobalAveragePooling leaves the shapes of a VGG for 32 pixels: it must be said."""
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for name, shape in vgg_shapes("A", (4, 4, 6, 6, 8), (10, 11), 7, 32).items():
            file[f"{name}/kernel"], file[f"{name}/bias"] = np.ones(shape, "f4"), np.ones(shape[-1], "f4")
    with pytest.raises(ta.InputError, match="reads a single place: a VGG11 for pictures of 32 to 63 pixels"):
        ta.load(tmp_path / "w.h5")
    assert ta.load(tmp_path / "w.h5", size=48, family="oxford").input.size == 48


def test_names_and_what_is_taken_off():
    net = ta.load(OWN / "student.keras")
    assert [name for name, _, _ in net.layers] == [
        "rescaling", "conv2d_linear", "conv2d_layer", "batch_normalization", "max_pooling2d", "tap_linear", "tap", "max_pooling2d_1",
        "flatten", "dense_linear", "dense_layer", "dense_1"]
    assert net.features == "max_pooling2d_1"
    assert net.source.endswith("student.keras; the last softmax (dense_1) is removed")
    shown = show_file(OWN / "student.keras")
    for words in ("a user's own network", "24 x 24, RGB, minus (0.0, 0.0, 0.0)", "logits   dense_1; the last softmax",
                  "conv2d_linear", "3 x 3 x 6 x 8  8"):
        assert words in shown
    one = ta.load(OWN / "sigmoid.keras")
    assert one.layers[-1] == ("two_logits", "two_logits", {})
    assert one.source.endswith("is removed; the one output z is read as the logits (0, z)")


def test_where_keras_on_pytorch_differs_it_is_said():
    words = "average_pooling2d averages only the map, as TensorFlow and JAX do; Keras on PyTorch repeats the border"
    assert words in ta.load(OWN / "strides.h5").source
    assert "averages" not in ta.load(OWN / "nested.h5").source  # padding is the same on all sides


@pytest.mark.parametrize("classes", ["classes", "dense"])
def test_a_layers_name_means_its_output_as_in_keras(classes):
    """So grad_cam(layer="last") explains the maps of get_layer("last").output, after the activation."""
    layers = [conv("first", 2, activation={"class_name": "LeakyReLU", "config": {"name": "l", "negative_slope": 0.1}}), conv("last", 2),
              layer("GlobalMaxPooling2D", "pool"), dense(classes, 3, "softmax")]
    net = ta.load(keras_zip(sequential(layers), random_arrays({"conv2d": (3, 3, 3, 2), "conv2d_1": (3, 3, 2, 2), "dense": (2, 3)})))
    assert [(name, op) for name, op, _ in net.layers] == [
        ("first_linear", "conv2d"), ("first", "leaky_relu"), ("last_linear", "conv2d"), ("last", "relu"), ("pool", "global_max_pool"), (classes, "dense")]
    assert [*net.weights] == ["first_linear", "last_linear", classes]
    assert net.features == "last"
    assert net.source.endswith(f"the last softmax ({classes}) is removed")


def test_a_layer_that_is_called_twice_has_one_set_of_weights():
    net = ta.load(OWN / "nested.h5")
    assert all(a is b for a, b in zip(net.weights["twice"], net.weights["twice_2"], strict=True))
    assert [name for name, _, _ in net.layers if name.startswith("twice")] == ["twice", "twice_2"]


def test_hard_sigmoid_is_another_function_in_keras_2():
    layers = [conv("conv2d", 1, activation="hard_sigmoid"), layer("GlobalMaxPooling2D", "pool")]
    arrays = {"conv2d/vars/0": np.zeros((3, 3, 3, 1), "f4") + 1e-9, "conv2d/vars/1": np.ones(1, "f4")}
    for version, y in (("2.15.0", 0.7), ("3.0.1", 4 / 6)):
        net = ta.load(keras_zip(sequential(layers), arrays, version))
        assert np.allclose(net.run(np.zeros((1, 32, 32, 3), "f4"))["pool"].output, y)
    with pytest.raises(ta.InputError, match="'hard_sigmoid' is not supported"):
        ta.load(keras_zip(sequential(layers), arrays, ""))


def test_a_model_in_a_model_of_keras_2():
    """Keras 2 numbers the calls of a functional model from 1, as its making was call 0; TensorFlow 1 adds _1 to names."""
    inner = functional([layer("InputLayer", "i", [], batch_input_shape=[None, 8, 8, 3]),
                        layer("Conv2D", "c", [reads(("i", 0))], filters=3, kernel_size=[1, 1], padding="same")],
                       [["i", 0, 0]], [["c", 0, 0]], "inner")
    inner.update(name="inner", inbound_nodes=[reads(("image", 0)), reads(("inner", 1))])
    config = functional([layer("InputLayer", "image", [], batch_input_shape=[None, 8, 8, 3]), inner,
                         layer("Add", "sum", [reads(("inner", 1), ("inner", 2))]),
                         layer("Flatten", "flat", [reads(("sum", 0))])], [["image", 0, 0]], [["flat", 0, 0]])
    kernel, bias = np.diag(np.float32([2, 3, 4])).reshape(1, 1, 3, 3), np.float32([1, 0, 0])
    net = ta.load(whole_model(config, {"inner/c_1/kernel:0": kernel, "inner/c_1/bias:0": bias}))
    x = np.random.default_rng(0).standard_normal((1, 8, 8, 3))
    once = x * [2, 3, 4] + bias
    assert np.allclose(net(x), (once + once * [2, 3, 4] + bias).reshape(1, -1), atol=1e-5)


def test_a_config_of_fixed_length_is_read_too(tmp_path):
    """And one of 400 kB, which no attribute of fixed length can hold."""
    config, arrays = sequential([dense("dense", 2, None), layer("Flatten", "flatten")], (2, 2, 1)), {
        "dense/dense/kernel:0": np.ones((1, 2), "f4"), "dense/dense/bias:0": np.zeros(2, "f4")}
    x = np.arange(4.0).reshape(1, 2, 2, 1)
    for text in (np.bytes_(json.dumps(config)), {**config, "more": "x" * 400_000}):
        assert np.allclose(ta.load(whole_model(text, arrays))(x), [[0, 0, 1, 1, 2, 2, 3, 3]])


PLAIN = [conv("conv2d", 2), layer("GlobalMaxPooling2D", "pool")]
ARRAYS = random_arrays({"conv2d": (3, 3, 3, 2)})


def changed(**config):
    return [{**PLAIN[0], "config": {**PLAIN[0]["config"], **config}}, PLAIN[1]]


@pytest.mark.parametrize(("layers", "words"), [
    ([layer("Lambda", "f")], r"holds a 'Lambda' of 'keras.layers', code that tinyattr never runs \(layer 'f'\)"),
    ([layer("SlicingOpLambda", "g", function="__operators__.getitem")], r"layer 'g' \(tf.__operators__.getitem\): layers of this class"),
    ([{**layer("Relu6", "a", threshold=1.0), "module": "keras.src.ops.nn"}], r"layer 'a' \(ops.Relu6\): it has options; supported is a plain relu6\(x\)"),
    ([{**layer("Dense", "d"), "registered_name": "Custom>Dense"}], "code that tinyattr never runs"),
    ([{**layer("Dense", "d"), "module": "os"}], "holds a 'Dense' of 'os', code that tinyattr never runs"),
    ([{**layer("Add", "a"), "module": "keras.src.ops.numpy"}], r"layer 'a' \(ops.Add\): .*has 1 arguments"),
    ([{**layer("GetItem", "g"), "module": "keras.src.ops.numpy"}], r"layer 'g' \(ops.GetItem\): layers of this class are not supported"),
    ([layer("TFOpLambda", "f", function="io.write_file")], r"layer 'f' \(tf.io.write_file\): layers of this class are not supported"),
    ([layer("TFOpLambda", "f", function=["x"])], r"layer 'f' \(tf.\['x'\]\): layers of this class are not supported"),
    ([layer("LSTM", "l")], r"layer 'l' \(LSTM\): layers of this class are not supported; supported are Conv2D, "),
    (changed(data_format="channels_first"), r"layer 'conv2d' \(Conv2D\): it has channels_first"),
    (changed(activation="log_sigmoid"), "the activation 'log_sigmoid' is not supported"),
    (changed(activation={"class_name": "Custom", "config": {}}), "the activation .* is not supported"),
    (changed(activation="softmax"), "'conv2d_layer' is a softmax inside the network"),
    (changed(filters=3), r"its kernel has shape \(3, 3, 3, 2\); its config needs \(3, 3, 3, 3\)"),
    (changed(kernel_size=[3, 3, 3]), "its kernel_size is"),
    (changed(strides=0), "its strides is 0; expected a whole number of at least 1"),
    (changed(strides=[True, True]), "its strides is True"),
    (changed(filters=10**9), "its filters is 1000000000"),
    (changed(padding="causal"), "its padding is 'causal'; supported: valid and same"),
    (changed(groups=2), r"3 channels and \d+ filters cannot be divided into 2 groups"),
    (changed(kernel_size=99, padding="valid"), "a 99 x 99 window does not fit"),
    (PLAIN[:1], r"its output has shape \(32, 32, 2\)"),
    ([*PLAIN, layer("Activation", "a", activation="sigmoid")], "it ends in 2 sigmoids"),
    ([layer("UpSampling2D", "u", size=[9999, 9999]), *PLAIN], "larger than any network needs"),
    ([layer("UpSampling2D", "u", size=2, interpolation="bicubic"), *PLAIN], "its interpolation is 'bicubic'"),
    ([*PLAIN, layer("Maximum", "m")], r"layer 'm' \(Maximum\): inputs of shapes \(2,\) are compared; supported are two or more"),
    ([layer("Permute", "p", dims=[3, 1, 1]), *PLAIN], r"\[3, 1, 1\] is not an order of 3 axes"),
    ([layer("Resizing", "r", height=9, width=9, crop_to_aspect_ratio=True), *PLAIN], "that crops or pads, is not supported"),
    ([layer("CenterCrop", "c", height=9, width=9), *PLAIN], "pictures of 32 x 32 are cropped or enlarged"),
    ([layer("BatchNormalization", "b", axis=1), *PLAIN], "it works along axis 1; only the last axis"),
    ([conv("other", 2), PLAIN[1]], None),
    ([layer("InputLayer", "second"), conv("conv2d_1", 3), *PLAIN], "its kernel has shape"),
    ([layer("Dense", "x" * 101, units=3)], "name is too long or not printable"),
    ([layer("Dense", "\x1b[2J", units=3)], "name is too long or not printable"),
    ([dense("dense", 2)], "its kernel is not in the file, at 'dense/vars/0'"),
])
def test_what_is_refused_by_name(layers, words):
    if words is None:  # the name of a layer does not matter in a .keras file, its class and place do
        assert "other" in [name for name, _, _ in ta.load(keras_zip(sequential(layers), ARRAYS)).layers]
        return
    with pytest.raises(ta.InputError, match=words) as error:
        ta.load(keras_zip(sequential(layers), ARRAYS))
    assert str(error.value).isprintable()


@pytest.mark.parametrize(("config", "words"), [
    (sequential(PLAIN, (None, None, 3)), "it does not fix the shape of pictures, .* give their size: size=224"),
    (sequential(PLAIN, (784,)), r"its input has shape \[None, 784\]; expected pictures"),
    (sequential([]), "its output has shape"),
    ({"class_name": "MyModel", "config": {}}, "it holds a model of class 'MyModel'"),
    (functional([layer("InputLayer", "i", []), layer("InputLayer", "j", [])], [["i", 0, 0], ["j", 0, 0]], [["i", 0, 0]]),
     "'model' has 2 inputs, and it is called with 1; supported: one picture and one output"),
    (functional([layer("InputLayer", "i", [])], [["i", 0, 0]], [["i", 0, 0], ["i", 0, 0]]), "it has 2 outputs"),
    (functional([layer("InputLayer", "i", []), layer("Add", "a", [reads(("b", 0))]), layer("Add", "b", [reads(("a", 0))])],
                [["i", 0, 0]], [["b", 0, 0]]), "read each other in a circle"),
    (functional([layer("InputLayer", "i", []), layer("Dropout", "d", [[["i", 0, 0, {"training": True}]]])],
                [["i", 0, 0]], [["d", 0, 0]]), "layer 'd' is called with training=True"),
])
def test_models_that_are_refused(config, words):
    with pytest.raises(ta.InputError, match=words):
        ta.load(keras_zip(config, ARRAYS))


TENSOR = {"class_name": "__keras_tensor__"}


def called(*arguments):
    """One call as Keras 3 writes it: a name stands for that layer's output, all else for itself."""
    return [{"args": [{**TENSOR, "config": {"keras_history": [a, 0, 0]}} if isinstance(a, str) else a for a in arguments], "kwargs": {}}]


def operation(kind, name, *arguments):
    return {**layer(kind, name, called(*arguments)), "module": "keras.src.ops.numpy"}


def array(value):
    return {"class_name": "__numpy__", "config": {"value": value, "dtype": "float32"}}


def arithmetic_model(steps, last, size=(6, 5, 3)):
    """image -> steps -> Flatten."""
    layers = [layer("InputLayer", "image", [], batch_shape=[None, *size]), *steps, layer("Flatten", "flat", called(last))]
    return keras_zip(functional(layers, [["image", 0, 0]], [["flat", 0, 0]]))


X = np.random.default_rng(3).uniform(1, 2, (2, 6, 5, 3))


@pytest.mark.parametrize(("steps", "expected"), [
    ([operation("TrueDivide", "a", "image", 127.5), operation("Subtract", "z", "a", 1.0)], X / 127.5 - 1),
    ([operation("Subtract", "z", 1.0, "image")], 1 - X),
    ([operation("Negative", "a", "image"), operation("Sigmoid", "z", "a")], 1 / (1 + np.exp(X))),
    ([operation("Subtract", "a", "image", 1.5), operation("Relu", "b", "a"), operation("Silu", "z", "b")],
     np.maximum(X - 1.5, 0) / (1 + np.exp(1.5 - X))),
    ([operation("Multiply", "a", 2, "image"), operation("Add", "z", "a", "image")], 3 * X),
    ([operation("Multiply", "a", [1.0, 2.0, 3.0], "image"), operation("Subtract", "z", "image", "a")], X - X * [1, 2, 3]),
    ([operation("Add", "a", "image", 0.5), operation("Multiply", "z", "a", "image")], (X + 0.5) * X),
    ([{**operation("Concatenate", "z"), "config": {"name": "z", "axis": 1},
       "inbound_nodes": [{"args": [called("image", "image")[0]["args"]], "kwargs": {}}]}], np.concatenate([X, X], 1)),
    ([{**operation("Reshape", "z", "image"), "config": {"name": "z", "newshape": [-1, 5, 18]}}], X),
    ([{**operation("Reshape", "z", "image"), "config": {"name": "z", "newshape": [-1, 45, -1]}}], X),
    ([{**operation("Reshape", "z", "image"), "config": {"name": "z", "newshape": [2, 90]}}], "it fixes the number of pictures, 2; write -1"),
    ([operation("Subtract", "a", "image", array([1.0, 2, 3])), operation("Multiply", "z", array([[2]]), "a")], 2 * (X - [1, 2, 3])),
    ([operation("Subtract", "z", "image", array([[1.0], [2], [3]]))], r"layer 'z' \(ops.Subtract\): it has .* where 3 numbers are expected"),
    ([layer("Reshape", "z", called("image"))], r"layer 'z' \(Reshape\): its config lacks 'target_shape'"),
    ([layer("Subtract", "z", called(["image", "image"]))], "called with arguments that are not outputs of layers"),
])
def test_arithmetic_written_as_operations_of_keras_3(steps, expected):
    if isinstance(expected, str):
        with pytest.raises(ta.InputError, match=expected):
            ta.load(arithmetic_model(steps, "z"))
        return
    assert np.allclose(ta.load(arithmetic_model(steps, "z"))(X), expected.reshape(2, -1), rtol=1e-5, atol=1e-5)


TRAINS = {"args": called("image")[0]["args"], "kwargs": {"training": True}}
FLIP, RESIZE = layer("RandomFlip", "flip"), layer("Resizing", "resize", height=6, width=5)


@pytest.mark.parametrize(("kind", "config", "words"), [
    ("Resizing", {"height": 6, "width": 5}, None), ("CenterCrop", {"height": 6, "width": 5}, None), ("RandAugment", {}, None),
    ("AugMix", {}, None), ("MixUp", {}, None), ("CutMix", {}, None), ("Solarization", {}, None), ("Pipeline", {"layers": [FLIP, FLIP]}, None),
    ("Pipeline", {"layers": [FLIP, RESIZE]}, "it contains 'Resizing'; call this layer without a Pipeline"),
    ("AutoContrast", {}, r"layer 'z' \(AutoContrast\): layers of this class are not supported"),
    ("Dropout", {"rate": 0.5}, "layer 'z' is called with training=True; only plain calls"),
])
def test_layers_for_photos_are_called_with_training(kind, config, words):
    """In a functional model, Keras 3 writes training=True for them all; a prediction overrules it."""
    data = arithmetic_model([layer(kind, "z", [TRAINS], **config)], "z")
    if words:
        with pytest.raises(ta.InputError, match=words):
            ta.load(data)
    else:
        assert np.allclose(ta.load(data)(X), X.reshape(2, -1), rtol=1e-5)


def test_a_softmax_that_is_called_as_a_function_is_removed():
    layers = [layer("InputLayer", "image", [], batch_shape=[None, 6, 5, 3]), layer("Flatten", "flat", called("image")),
              {**operation("Softmax", "end", "flat"), "config": {"name": "end", "axis": -1}}]
    net = ta.load(keras_zip(functional(layers, [["image", 0, 0]], [["end", 0, 0]])))
    assert [op for _, op, _ in net.layers] == ["flatten"]
    assert net.source.endswith("the last softmax (end) is removed")


@pytest.mark.parametrize(("function", "node", "expected"), [
    ("math.truediv", ["image", 0, 0, {"y": 127.5, "name": None}], X / 127.5),
    ("math.subtract", ["image", 0, 0, {"y": [1.0, 2.0, 3.0], "name": None}], X - [1, 2, 3]),
    ("math.subtract", ["_CONSTANT_VALUE", -1, 1.0, {"y": ["image", 0, 0], "name": None}], 1 - X),
    ("__operators__.add", ["image", 0, 0, {"y": ["image", 0, 0], "name": None}], 2 * X),
    ("math.multiply", ["image", 0, 0, {"y": ["image", 0, 0]}], X * X),
    ("math.negative", ["image", 0, 0, {"name": None}], -X),
    ("math.tanh", ["image", 0, 0, {}], np.tanh(X)),
])
def test_arithmetic_written_as_operations_of_tf_keras_2(function, node, expected):
    step = {"class_name": "TFOpLambda", "config": {"name": "z", "trainable": True, "dtype": "float32", "function": function}, "name": "z",
            "inbound_nodes": [node]}
    config = functional([layer("InputLayer", "image", [], batch_input_shape=[None, 6, 5, 3]), step, layer("Flatten", "flat", [reads(("z", 0))])],
                        [["image", 0, 0]], [["flat", 0, 0]])
    assert np.allclose(ta.load(whole_model(config, version="2.11.0"))(X), expected.reshape(2, -1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("steps", "expected"), [
    ([layer("Multiply", "z", [reads(("image", 0), ("image", 0), ("image", 0))])], X**3),
    ([layer("Rescaling", "a", [reads(("image", 0))], scale=3.0, offset=0.0), layer("Subtract", "z", [reads(("image", 0), ("a", 0))])], -2 * X),
    ([layer("GlobalAveragePooling2D", "a", [reads(("image", 0))]), layer("Multiply", "z", [reads(("image", 0), ("a", 0))])],
     X * X.mean((1, 2), keepdims=True)),
    ([layer("GlobalMaxPooling2D", "a", [reads(("image", 0))]), layer("Average", "z", [reads(("a", 0), ("image", 0))])],
     (X + X.max((1, 2), keepdims=True)) / 2),
    ([layer("Rescaling", "a", [reads(("image", 0))], scale=-2.0, offset=5.0), layer("Maximum", "z", [reads(("a", 0), ("image", 0))])],
     np.maximum(5 - 2 * X, X)),
    ([layer("Rescaling", "a", [reads(("image", 0))], scale=-2.0, offset=5.0),
      layer("Minimum", "z", [reads(("image", 0), ("a", 0), ("image", 0))])], np.minimum(5 - 2 * X, X)),
    ([layer("Concatenate", "z", [reads(("image", 0), ("image", 0))], axis=1)], np.concatenate([X, X], 1)),
    ([layer("Concatenate", "z", [reads(("image", 0), ("image", 0))], axis=-2)], np.concatenate([X, X], 2)),
    ([layer("Permute", "z", [reads(("image", 0))], dims=[2, 3, 1])], X.transpose(0, 2, 3, 1)),
    ([layer("Normalization", "z", [reads(("image", 0))], axis=[], mean=1.5, variance=4.0)], (X - 1.5) / 2),
    ([layer("Identity", "a", [reads(("image", 0))]), layer("RandomCrop", "z", [reads(("a", 0))], height=6, width=5)], X),
])
def test_layers_that_merge_and_move(steps, expected):
    """A gate of channels alone, (C,), belongs to every place, as Keras has it."""
    assert np.allclose(ta.load(arithmetic_model(steps, "z"))(X), expected.reshape(2, -1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shared", [None, [1], [2], [1, 2], [3]])
def test_a_prelu_has_a_slope_for_each_place_or_shares_them(shared):
    """Keras' default is a slope for every number of the maps."""
    own = [1 if axis in (shared or ()) else n for axis, n in enumerate((6, 5, 3), 1)]
    slope = np.random.default_rng(1).uniform(0, 1, own).astype("f4")
    config = sequential([layer("PReLU", "p", shared_axes=shared), layer("Flatten", "flat")], (6, 5, 3))
    net, x = ta.load(keras_zip(config, {"p_re_lu/vars/0": slope})), X - 1.5
    assert np.allclose(net(x), np.where(x > 0, x, slope * x).reshape(2, -1), rtol=1e-5)
    assert net.weights["p"][0].shape == ((3,) if shared == [1, 2] else (6, 5, 3))


def test_resizing_lies_between_the_places_as_the_resize_of_heatmaps_does():
    net = ta.load(keras_zip(sequential([layer("Resizing", "r", height=9, width=4), layer("UpSampling2D", "u", size=[1, 2], interpolation="bilinear"),
                                        layer("Flatten", "flat")], (6, 5, 3))))
    rows, columns = (np.maximum(1 - abs(np.clip((np.arange(N) + 0.5) * n / N - 0.5, 0, n - 1)[:, None] - np.arange(n)), 0) for n, N in ((6, 9), (5, 4)))
    smaller = np.einsum("ih,jw,nhwc->nijc", rows, columns, X)
    assert np.allclose(net.run(X)["r"].output, smaller, rtol=1e-6)
    wide = net.run(X)["u"].output
    assert wide.shape == (2, 9, 8, 3)
    assert np.allclose(wide[:, :, 3], 0.75 * smaller[:, :, 1] + 0.25 * smaller[:, :, 2], rtol=1e-6)


def test_a_model_that_leaves_the_size_open_needs_it_said():
    data = keras_zip(sequential(PLAIN, (None, None, 3)), ARRAYS)
    net = ta.load(data, size=(9, 7))
    assert net(np.ones((1, 9, 7, 3))).shape == (1, 2)
    assert ta.load(data, input=ta.InputSpec(8, scale=(255.0,) * 3)).input.size == 8
    half = keras_zip(sequential(PLAIN, (None, 20, 3)), ARRAYS)
    with pytest.raises(ta.InputError, match="the network takes pictures"):
        ta.load(half, size=(9, 7))
    with pytest.raises(ta.InputError, match="number of channels must be fixed"):
        ta.load(keras_zip(sequential(PLAIN, (9, 9, None)), ARRAYS), size=9)


@pytest.mark.parametrize(("activation", "said"), [("softmax_v2", "softmax"), ("log_softmax_v2", "log_softmax")])
def test_the_softmax_of_tensorflow_is_known_by_its_name(activation, said):
    """Keras 3 writes activation=tf.nn.softmax under the name of TensorFlow's function."""
    function = {"module": "builtins", "class_name": "function", "config": activation, "registered_name": "function"}
    net = ta.load(keras_zip(sequential([PLAIN[0], PLAIN[1], layer("Activation", "y", activation=function)]), ARRAYS))
    assert [op for _, op, _ in net.layers] == ["conv2d", "relu", "global_max_pool"]
    assert f"the last {said} (y) is removed" in net.source


def test_a_last_log_softmax_is_taken_off():
    layers = [conv("conv2d", 2), layer("GlobalMaxPooling2D", "pool"), layer("Activation", "end", activation="log_softmax")]
    net = ta.load(keras_zip(sequential(layers), ARRAYS))
    assert net.source.endswith("the last log_softmax (end) is removed")
    assert net.layers[-1][0] == "pool"


def test_attributes_that_newer_hdf5_stores_otherwise_are_refused():
    with pytest.raises(ta.InputError, match="its object headers have version"):
        ta.load(whole_model(sequential(PLAIN), libver="latest"))


def test_the_folder_holds_small_files():
    assert sum(path.stat().st_size for path in Path(OWN).iterdir()) < 600_000


@pytest.mark.parametrize("layout", ["keras-weights", "keras-3"])
def test_weights_of_a_network_without_pools_are_not_taken_for_a_vgg(layout, tmp_path):
    """Keras names the layers without weights, too: strides may stand for pools."""
    path = write(tmp_path / "strided.h5", ta.vgg("A", width=1 / 16, classes=3, size=64, dense=(5, 6)).weights, layout)
    with h5py.File(path, "r+") as file:
        root = file["layers"] if layout == "keras-3" else file
        root.require_group("flatten")
        for name in [name for name in root if "pool" in name]:
            del root[name]
    with pytest.raises(ta.InputError, match="it has 0 pooling layers, but a VGG has 5"):
        ta.load(path, size=64)
