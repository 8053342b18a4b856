"""The attack as one more unit in every dense layer is the attack on the tape: same logits, same maps by every score."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tests.references import FOLDER, baked_networks
from tinyattr.files.export import EXPORTS
from tinyattr.softmax import softmax
from tinyattr.studies.bake import bake
from tinyattr.studies.metrics import energy
from tinyattr.studies.more_attacks import paint


def network_and_picture(seed, size=64):
    net = ta.vgg("A", width=1 / 16, classes=5, size=size, dense=(9, 8), seed=seed, dtype=np.float64,
                 input=ta.InputSpec(size))
    return net, np.random.default_rng(seed).standard_normal((1, size, size, 3))


@given(st.integers(0, 10**6), st.floats(-100, 100), st.integers(0, 1), st.integers(0, 1))
def test_same_function_same_maps(seed, K, i, j):
    net, x = network_and_picture(seed)
    on_tape, baked = ta.alter(net, K=K, at=(i, j)), bake(net, K, (i, j))
    assert [layer[:2] for layer in baked.layers] == [layer[:2] for layer in net.layers]
    size = np.abs(on_tape(x)).max()
    assert np.abs(baked(x) - on_tape(x)).max() <= 1e-13 * size
    for method in (ta.gradient, ta.hirescam, ta.grad_cam, ta.guided_backprop):
        for score in ("pre", "log_odds"):
            a, b = (method(n, x, 2, score).raw for n in (on_tape, baked))
            if method is ta.guided_backprop and K < 0:
                continue  # a ReLU between s and K: the guided rule stops what would go down
            assert np.abs(a - b).max() <= 1e-11 * (np.abs(a).max() + abs(K))


def test_a_painted_mask_and_more_or_fewer_dense_layers():
    net, x = network_and_picture(1)
    M = np.array([[0.0, 2.0], [1.0, 0.5]])
    assert np.allclose(bake(net, 3.0, mask=M)(x), paint(net, M, 3.0)(x), rtol=1e-12)
    rng = np.random.default_rng(0)
    for widths in ((8, 6, 4), (8, 7, 6, 5, 4)):
        layers, weights = [("A", "relu", {}), ("flatten", "flatten", {})], {}
        layers.insert(0, ("conv", "conv2d", {"padding": 1}))
        weights["conv"] = (rng.standard_normal((3, 3, 3, 2)), rng.standard_normal(2))
        for n, (a, b) in enumerate(zip((8, *widths), widths, strict=False)):
            weights[f"fc{n}"] = (rng.standard_normal((a, b)), rng.standard_normal(b))
            layers += [(f"fc{n}", "dense", {}), (f"relu{n}", "relu", {})]
        small = ta.network(layers[:-1], weights, input=ta.InputSpec(2))
        x = rng.uniform(0, 255, (1, 2, 2, 3))
        assert np.allclose(bake(small, 3.0, mask=M)(x), paint(small, M, 3.0, layer="A")(x), rtol=1e-12)


def test_a_saved_file_stays_baked(tmp_path):
    net = bake(ta.load("glyphs"), 10.0)
    ta.save(net, tmp_path / "baked.h5")
    again = ta.load(tmp_path / "baked.h5")
    assert again.weights["fc1"][0].shape[1] == 129
    assert all((a == b).all() for name in net.weights for a, b in zip(net.weights[name], again.weights[name], strict=True))


@pytest.mark.parametrize(("options", "words"), [({"mask": np.ones((3, 3))}, r"must be \(2, 2\)"), ({"mask": -np.ones((2, 2))}, "at least 0")])
def test_masks_that_do_not_fit(options, words):
    with pytest.raises(ta.InputError, match=words):
        bake(network_and_picture(0)[0], **options)


def test_networks_without_dense_layers_cannot_carry_it():
    net = ta.network([("A", "relu", {}), ("pool", "global_avg_pool", {})], {})
    with pytest.raises(ta.InputError, match="no flattened"):
        bake(net)


def test_real_frameworks_are_fooled_by_an_ordinary_file():
    """Stored from PyTorch, captum and Keras, which loaded the files that we write: same probabilities, other maps by pre."""
    stored = np.load(FOLDER / "baked_torch.npz")
    *networks, x, c = baked_networks()
    y, keras = ([softmax(stored[f"{name}/{which}"]) for name in ("original", "baked")] for which in ("z", "keras_z"))
    # z' is near 700 in float32 there, so y' holds to ulp(700) = 6e-5
    assert np.abs(y[1] - y[0]).max() <= 2e-4
    assert np.abs(keras[1] - y[0]).max() <= 2e-4
    for name, net in zip(("original", "baked"), networks, strict=True):
        assert np.abs(net(x)[0] - stored[f"{name}/z"]).max() <= 1e-6 * np.abs(stored[f"{name}/z"]).max()
        for method in ("grad_cam", "hirescam"):
            for score in ("pre", "post"):
                theirs = stored[f"{name}/{score}/{method}"]
                raw = ta.METHODS[method](net, x, c, score).raw
                # their post row of the baked network is rounded as z' is; ours is not
                assert np.abs(raw - theirs).max() <= (1e-3 if score == "post" else 1e-5) * np.abs(theirs).max()
    assert energy(stored["original/pre/hirescam"], np.s_[0, 0]) < 0.6
    assert energy(stored["baked/pre/hirescam"], np.s_[0, 0]) > 0.99
    T = networks[0].run(x)["block5_pool"].output[0].sum(-1)
    assert np.corrcoef(stored["baked/pre/grad_cam"].ravel(), T.ravel())[0, 1] > 0.999


@pytest.mark.parametrize("layout", ["keras", "torchvision"])
def test_exported_files_are_read_back(layout, tmp_path):
    net = baked_networks()[1]
    path = tmp_path / "net.file"
    EXPORTS[layout](net, path)
    again = ta.load(path, family="tinyattr", size=net.input.size if net.input else 64)
    assert all((a == b).all() for name in net.weights for a, b in zip(net.weights[name], again.weights[name], strict=True))


def test_only_a_vgg_has_torchvisions_names(tmp_path):
    net = ta.network([("A", "relu", {}), ("pool", "global_avg_pool", {})], {})
    with pytest.raises(ta.InputError, match="not a VGG"):
        EXPORTS["torchvision"](net, tmp_path / "x.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("at", [(9, 9), (-1, -1), (0, 2), (2, 0)])
def test_a_place_outside_the_maps(at):
    with pytest.raises(ta.InputError, match="outside maps of 2 x 2 places"):
        bake(network_and_picture(0)[0], at=at)


@pytest.mark.parametrize(("K", "at", "words"), [(float("nan"), (0, 0), "K must be"), ("3", (0, 0), "K must be"), (1.0, 3, "a place is"), (1.0, (0.5, 1), "a place is")])
def test_what_is_no_attack(K, at, words):
    with pytest.raises(ta.InputError, match=words):
        bake(network_and_picture(0)[0], K, at)


@pytest.mark.parametrize("at", [(0, 0), (0, 3), (1, 5), (3, 1)])
def test_maps_that_are_not_square(at):
    """A place of 2 x 8 maps, or 4 x 4 of the same number, is the place that the attack on the tape reads."""
    rng = np.random.default_rng(3)
    shape = (4, 4) if at == (3, 1) else (2, 8)
    weights = {"conv": (rng.standard_normal((3, 3, 3, 2)), rng.standard_normal(2)), "fc": (rng.standard_normal((32, 5)), rng.standard_normal(5)),
               "logits": (rng.standard_normal((5, 4)), rng.standard_normal(4))}
    net = ta.network([("conv", "conv2d", {"padding": 1}), ("A", "relu", {}), ("flat", "flatten", {}), ("fc", "dense", {}), ("fc_relu", "relu", {}),
                      ("logits", "dense", {})], weights, input=ta.InputSpec(shape))
    x = rng.uniform(0, 255, (1, *shape, 3))
    assert np.allclose(bake(net, 3.0, at)(x), ta.alter(net, 3.0, at=at)(x), rtol=1e-12)
    with pytest.raises(ta.InputError, match="does not say how large its pictures are"):
        bake(ta.network(net.layers, weights), 3.0, at)


def test_maps_that_may_be_negative_cannot_carry_it():
    weights = {"fc": (np.ones((4, 2)), np.zeros(2)), "logits": (np.ones((2, 2)), np.zeros(2))}
    net = ta.network([("A", "tanh", {}), ("flatten", "flatten", {}), ("fc", "dense", {}), ("fc_relu", "relu", {}), ("logits", "dense", {})],
                     weights, input=ta.InputSpec(2, "L", (0.0,), (1.0,)))
    with pytest.raises(ta.InputError, match="may be negative"):
        bake(net)
