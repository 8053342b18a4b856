"""Networks from arrays: what is checked, what is said, what runs."""

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.nets.pictures import InputSpec
from tinyattr.studies.more_attacks import paint

W = {"fc": (np.ones((3, 2)), np.zeros(2))}
LAYERS = [("flatten", "flatten", {}), ("fc", "dense", {})]


def test_a_network_of_a_student():
    net = ta.network(LAYERS, W, classes=["no", "yes"])
    assert net(np.ones((1, 1, 1, 3))).tolist() == [[3, 3]]
    assert net.features == "input"
    assert net.label(1) == "yes (1)"
    assert repr(net) == "<Network: network, 2 layers, 8 parameters, float64>"
    assert net.astype(np.float32).dtype == np.float32
    assert net.dtype == np.float64


def test_layers_that_name_their_inputs():
    layers = [("a", "relu", {}), ("b", "relu", {"inputs": ["input"]}), ("both", "concat", {"inputs": ["b", "a"]}),
              ("pool", "global_avg_pool", {})]
    net = ta.network(layers, {})
    assert net(np.array([1.0, -2.0]).reshape(1, 1, 1, 2)).tolist() == [[1, 0, 1, 0]]
    assert net.features == "both"


@pytest.mark.parametrize(("layers", "weights", "words"), [
    ([], {}, "at least one layer"),
    ([("fc", "linear", {})], W, "unknown op 'linear'"),
    ([("fc", "dense", {}), ("fc", "relu", {})], W, "two layers are called 'fc'"),
    ([("relu", "flatten", {})], {}, "the name of another op"),
    ([("fc", "dense", {"inputs": ["later"]})], W, "reads 'later', which does not come before"),
    ([("fc", "dense", {})], {}, "missing a required argument: 'kernel'"),
    ([("fc", "conv2d", {})], W, r"needs kernel \(kh, kw, in, out\) and bias \(out\)"),
    ([("fc", "relu", {})], W, "too many positional arguments"),
    ([("fc", "dense", {})], {"fc": (np.ones((3, 2)), np.zeros(3))}, r"needs kernel \(in, out\)"),
    ([("fc", "dense", {})], {"fc": (np.ones((3, 2), int), np.zeros(2))}, "float32 or float64"),
    ([("fc", "dense", {})], {**W, "fx": W["fc"]}, r"unknown layer \(in weights\) 'fx'; did you mean fc"),
    ([("K", "constant", {})], {}, r"needs value \(\.\.\.\)"),
    ([("bn", "batch_norm", {})], {"bn": (np.ones(3),)}, "missing a required argument: 'shift'"),
    ([("bn", "batch_norm", {})], {"bn": (np.ones(3), np.ones(2))}, r"needs scale \(C\) and shift \(C\)"),
    ([("r", "relu", {"inputs": []})], {"r": (np.ones(3),)}, "needs no weights"),
    ([("fc", "dense", {"inputs": "inptu"})], W, "reads 'inptu'"),
    ([("c", "conv2d", {"strides": 2})], {"c": (np.ones((1, 1, 3, 2)), np.zeros(2))}, r"conv2d 'c': got an unexpected keyword argument 'strides'.*stride=1"),
    ([("fc", "dense")], W, "a layer is"),
    ([("fc", "dense", {}), ("fd", "dense", {})], {**W, "fd": (np.ones((2, 2), np.float32), np.zeros(2, np.float32))}, "all float32 or all float64"),
])
def test_what_is_refused(layers, weights, words):
    with pytest.raises(ta.InputError, match=words):
        ta.network(layers, weights)


def test_unknown_features_and_too_few_names():
    with pytest.raises(ta.InputError, match=r"unknown layer \(features\) 'fcc'"):
        ta.network(LAYERS, W, features="fcc")
    pooled = ta.network([("p", "global_avg_pool", {})], {}, classes=["a", "b"])
    with pytest.raises(ta.InputError, match="2 class names for 3 logits"):
        ta.gradient(pooled, np.ones((1, 2, 2, 3)), score="pre")


def test_weights_cannot_be_changed_behind_its_back():
    kernel = np.ones((3, 2))
    net = ta.network(LAYERS, {"fc": (kernel, np.zeros(2))})
    with pytest.raises(ValueError, match="read-only"):
        net.weights["fc"][0][0, 0] = 5
    kernel[0, 0] = 1  # the caller's own array stays the caller's


def test_class_names_must_be_as_many_as_logits():
    with pytest.raises(ta.InputError, match="3 class names for 2 logits"):
        ta.network(LAYERS, W, classes=["a", "b", "c"])


@pytest.mark.parametrize(("x", "words"), [
    (np.ones((2, 2, 3)), r"a picture is \(N, H, W, C\)"),
    (np.full((1, 1, 1, 3), np.nan), "NaN or infinity"),
    (np.ones((1, 1, 1, 4)), "expects shape"),
    (np.array([[[["a"]]]]), r"a picture is \(N, H, W, C\)"),
])
def test_pictures_it_cannot_take(x, words):
    with pytest.raises(ta.InputError, match=words):
        ta.network(LAYERS, W)(x)


def test_a_known_size_is_demanded():
    net = ta.network(LAYERS, W, input=InputSpec(2))
    with pytest.raises(ta.InputError, match=r"takes pictures \(N, 2, 2, 3\); got \(1, 1, 1, 3\)"):
        net(np.ones((1, 1, 1, 3)))


def test_logits_are_demanded():
    net = ta.network([("r", "relu", {})], {})
    with pytest.raises(ta.InputError, match="must give logits"):
        net(np.ones((1, 2, 2, 3)))


def test_photos_need_a_known_preparation():
    with pytest.raises(ta.InputError, match="does not say how photos were preprocessed"):
        ta.network(LAYERS, W).read("photo.jpg")


def test_a_network_goes_on_from_a_layer_with_many_activations_beside_constants():
    """Constants, whatever their shape, belong to no picture: they stand once, all else N times."""
    net = ta.vgg("A", width=1 / 16, dense=(4, 4), classes=3, size=32, dtype=np.float64)
    net = paint(ta.alter(net, layer="block4_pool"), np.array([[2.0]]), layer="block5_pool")
    x = np.random.default_rng(0).standard_normal((1, 32, 32, 3))
    tape = net.run(x)
    A = tape["block5_pool"].output * np.array([0.5, 1, 3])[:, None, None, None]
    together = net.logits(net.resume(tape, "block5_pool", A))
    one_by_one = [net.logits(net.resume(tape, "block5_pool", a[None]))[0] for a in A]
    assert np.allclose(together, one_by_one, rtol=1e-13)
    assert np.allclose(together[1], net(x)[0], rtol=1e-13)


def test_a_tape_of_another_network_is_refused():
    """It would give numbers: a map of one network by the activations of another."""
    net, x = ta.vgg("A", width=1 / 16, classes=3, size=32), np.zeros((1, 32, 32, 3))
    other = ta.vgg("A", width=1 / 16, classes=3, size=32, seed=1)
    for tape in (other.run(x), net.without_kernels().run(x)):
        with pytest.raises(ta.InputError, match="this tape was not written by VGG11 layout"):
            ta.grad_cam(net, tape, score="pre")
    by_hand = ta.Tape()
    by_hand.leaf("predictions", np.zeros((1, 3)))
    with pytest.raises(ta.InputError, match="by hand"):
        net.logits(by_hand)
    assert ta.grad_cam(net, net.run(x), score="pre").target == 0


@pytest.mark.parametrize("dtype", ["int8", "float16", np.int64, np.float128, bool])
def test_networks_compute_in_two_dtypes(dtype):
    with pytest.raises(ta.InputError, match="float32 or float64"):
        ta.network(LAYERS, W).astype(dtype)


def test_an_engines_mistake_is_not_taken_for_the_users(monkeypatch):
    """Only what the user gave becomes an InputError: a TypeError inside an op keeps its name and its traceback."""
    from tinyattr.engine import OPS

    def broken(x):
        return x["no such thing"]

    monkeypatch.setitem(OPS, "flatten", broken)
    with pytest.raises(IndexError):
        ta.network(LAYERS, W)(np.ones((1, 1, 1, 3)))


@pytest.mark.parametrize(("op", "name", "attributes", "words"), [
    ("relu", "dense", {}, "with the name of another op"), ("max_pool", "it", {"size": 2}, "missing a required argument: 'stride'"),
    ("conv2d", "it", {"padding": (1, 2, 3)}, "padding is one whole number"), ("conv2d", "it", {"padding": "same"}, "numbers as attributes"),
    ("sum", "it", {"axes": (7,)}, "not axes"), ("add", "it", {}, "do not fit together"), ("concat", "it", {}, "cannot be joined"),
])
def test_calls_on_a_bare_tape_are_checked_too(op, name, attributes, words):
    tape = ta.Tape()
    tape.leaf("a", np.ones((1, 4, 4, 2)))
    tape.leaf("b", np.ones((1, 3, 3, 2)))
    weights = (np.ones((1, 1, 2, 2)), np.ones(2)) if op == "conv2d" else ()
    with pytest.raises(ta.InputError, match=words):
        tape.write(op, name, ["a", "b"] if op in ("add", "concat") else "a", weights, **attributes)


def test_calls_with_too_many_or_too_few_arrays():
    tape = ta.Tape()
    tape.leaf("a", np.ones((1, 4, 4, 2)))
    for op, inputs, weights, attributes in (("relu", ["a", "a"], (), {}), ("conv2d", ["a"], (np.ones((1, 1, 2, 2)),), {}),
                                            ("add", [], (), {}), ("mul", ["a"], (), {})):
        with pytest.raises(ta.InputError, match="its arrays and attributes are|takes arrays"):
            tape.write(op, "it", inputs, weights, **attributes)


def test_attributes_do_not_change_the_dtype():
    """A NumPy number as attribute is a number like any other: a float32 tape stays one."""
    tape = ta.Tape()
    tape.leaf("a", np.ones((1, 2), np.float32))
    tape.write("leaky_relu", "b", "a", slope=np.float64(0.2))
    assert tape["b"].output.dtype == np.float32


def test_one_number_as_place_works_both_ways():
    tape = ta.Tape()
    tape.leaf("a", np.ones((1, 4, 4, 2)))
    tape.write("pick", "b", "a", at=1)
    assert ta.walk(tape, {"b": np.ones((1, 2))}, ta.GRADIENT, to="a")["a"].sum() == 2


def features(*layers):
    return ta.network(list(layers), {name: (np.ones((1, 1, 2, 2)), np.ones(2)) for name, op, _ in layers if op == "conv2d"}).features


KEPT, GATE = {"keep": True}, {"inputs": ["A", "gate"]}


@pytest.mark.parametrize(("layers", "expected"), [
    ([("A", "relu", {}), ("gap", "global_avg_pool", {})], "A"),
    ([("A", "relu", {}), ("gap", "global_avg_pool", KEPT), ("gate", "sigmoid", {}), ("B", "mul", GATE), ("end", "flatten", {})], "B"),
    ([("A", "relu", {}), ("gap", "global_avg_pool", {}), ("up", "reshape", {"shape": (1, 1, 2)}), ("gate", "conv2d", {}),
      ("B", "mul", {"inputs": ["gate", "A"]}), ("gmp", "global_max_pool", {})], "B"),  # squeeze-and-excite as Keras writes it
    ([("A", "relu", {}), ("gap", "global_avg_pool", KEPT), ("scores", "conv2d", {}), ("end", "flatten", {})], "A"),  # as MobileNet ends
    ([("A", "relu", {}), ("m", "mean", {"axes": (1, 2), "keep": False})], "A"),
    ([("A", "relu", {}), ("row", "reshape", {"shape": (8,)})], "A"),
    ([("A", "relu", {}), ("gap", "global_avg_pool", {}), ("gmp", "global_max_pool", {"inputs": "A"}), ("both", "concat", {"inputs": ["gap", "gmp"]}),
      ("row", "reshape", {"shape": (4,)})], "A"),  # two heads: each goes around the other
    ([("A", "relu", {}), ("strong", "max", {"axes": (3,)})], None),
])
def test_the_last_feature_maps_are_what_every_path_crosses_before_places_end(layers, expected):
    assert features(*layers) == expected


def test_classes_are_counted_through_what_keeps_them():
    one = np.ones(3)
    layers = [("conv", "conv2d", {}), ("bn", "batch_norm", {}), ("K", "constant", {}), ("scaled", "mul", {"inputs": ["K", "bn"]}), ("gmp", "global_max_pool", {})]
    weights = {"conv": (np.ones((1, 1, 2, 3)), one), "bn": (one, one), "K": (np.array(2.0),)}
    with pytest.raises(ta.InputError, match="2 class names for 3 logits"):
        ta.network(layers, weights, classes=["a", "b"])
    moved = [*layers, ("cut", "slice", {"start": (0,), "stop": (2,), "step": (1,)})]
    assert ta.network(moved, weights, classes=["a", "b"]).classes == ("a", "b")  # what layers do not tell is not guessed


def test_one_output_after_a_global_pool_gets_a_second_logit():
    net = ta.network([("conv", "conv2d", {}), ("gap", "global_avg_pool", {})], {"conv": (np.ones((1, 1, 2, 1)), np.ones(1))})
    assert net(np.ones((1, 2, 2, 2))).tolist() == [[0, 3]]


def test_an_empty_batch_and_masked_numbers_are_no_pictures():
    net = ta.network(LAYERS, W)
    for x in (np.ones((0, 1, 1, 3)), np.ma.masked_array(np.ones((1, 1, 1, 3)), [[[[True, False, False]]]])):
        with pytest.raises(ta.InputError, match="at least one|some of it masked"):
            net(x)


def test_flags_of_layers_are_true_or_false():
    for given in ("no", 0, None, 1):
        with pytest.raises(ta.InputError, match="True or False as ceil"):
            ta.network([("pool", "max_pool", {"size": 2, "stride": 2, "ceil": given})], {})
    with pytest.raises(ta.InputError, match="numbers as attributes"):
        ta.network([("pool", "max_pool", {"size": True, "stride": 2})], {})


@pytest.mark.parametrize("layer", [("block1_relu1", "relu9", {}), ("block1_relu1", "relu", {"slope": 1})])
def test_a_list_of_layers_changed_by_hand_is_an_error_that_names_the_layer(layer):
    """A network's layers are checked when it is made, and not again in every run."""
    net = ta.vgg("A", width=1 / 16, size=32, classes=5, seed=0)
    net.layers[[name for name, _, _ in net.layers].index(layer[0])] = layer
    with pytest.raises(ta.InputError, match=f"{layer[1]} 'block1_relu1': "):
        net(np.zeros((1, 32, 32, 3), np.float32))
