"""Class activation maps on toys with closed forms, and the identities that hold between them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta


def gap_head(A_shape, n, seed, bias=True):
    """A network of one ReLU, a global average pool and a dense layer: A = max(x, 0), z = mean(A) W + b."""
    rng = np.random.default_rng(seed)
    head = (rng.standard_normal((A_shape[-1], n)), rng.standard_normal(n) * bias)
    net = ta.network([("A", "relu", {}), ("pool", "global_avg_pool", {}), ("head", "dense", {})], {"head": head})
    return net, rng.standard_normal((1, *A_shape))


def small_vgg(seed):
    net = ta.vgg("A", width=1 / 16, classes=4, size=64, dense=(8, 8), seed=seed, dtype=np.float64)
    return net, np.random.default_rng(seed).standard_normal((1, 64, 64, 3))


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5), st.integers(2, 5), st.integers(0, 1000))
def test_with_a_pooled_linear_head_grad_cam_is_cam(h, w, channels, n, seed):
    """z_c = sum_k W_kc mean_ij A_ijk + b_c, so w_k = W_kc / Z: Grad-CAM = CAM / Z = HiResCAM, and it sums to z_c - b_c."""
    net, x = gap_head((h, w, channels), n, seed)
    W, b = net.weights["head"]
    A, c, Z = np.maximum(x[0], 0), seed % n, h * w
    for method in (ta.grad_cam, ta.hirescam):
        heat = method(net, x, c, score="pre", layer="A")
        assert np.allclose(heat.raw, A @ W[:, c] / Z, rtol=1e-12, atol=1e-14)
        assert np.isclose(heat.raw.sum(), heat.value - b[c], rtol=1e-10, atol=1e-12)


@given(st.integers(0, 1000), st.sampled_from(sorted(ta.SCORES)))
def test_definitions(seed, score):
    net, x = gap_head((2, 3, 4), 3, seed)
    tape = net.run(x)
    _, row, log_scale = ta.SCORES[score](net.logits(tape), 1)
    g = ta.walk(tape, {"head": row * np.exp(log_scale)[:, None]}, ta.GRADIENT)["A"][0]
    A = tape["A"].output[0]
    by_hand = np.zeros((2, 3))
    for i, j, k in np.ndindex(A.shape):
        by_hand[i, j] += sum(g[u, v, k] for u, v in np.ndindex(2, 3)) / 6 * A[i, j, k]
    assert np.allclose(ta.grad_cam(net, x, 1, score=score).raw, by_hand, rtol=1e-12, atol=1e-15)
    assert np.allclose(ta.hirescam(net, x, 1, score=score).raw, sum((g * A)[:, :, k] for k in range(4)), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("layer", ["block1_relu1", "block3_conv2", "block4_pool", "block5_conv2", "block5_relu2", "block5_pool"])
def test_any_layer_against_differences(layer):
    """<g, v> at a layer is the derivative of the score along v there: run the rest of the network on A +- step v."""
    net, x = small_vgg(1)
    names = [n for n, _, _ in net.layers]
    rest = net.layers[names.index(layer) + 1:]
    tail = ta.network(rest, {n: net.weights[n] for n, _, _ in rest if n in net.weights})
    A = net.run(x)[layer].output
    v = np.random.default_rng(0).standard_normal(A.shape)
    if "relu" in layer:
        v *= A > 0  # windows that are all zero are a tie for the max-pool that follows: no derivative there
    step = 1e-7
    for score in ("pre", "log_odds"):
        g = ta.gradient(net, x, 2, score=score, layer=layer).raw
        ahead, behind = (ta.SCORES[score](tail(A + s * step * v), 2)[0][0] for s in (1, -1))
        # A kink passed within a step errs by step |v| times a slope: relative 1e-4 leaves room for a few of them.
        assert np.isclose((g * v[0]).sum(), (ahead - behind) / (2 * step), rtol=1e-4, atol=1e-7)


@given(st.integers(0, 200))
def test_post_log_and_log_odds_draw_the_same_picture(seed):
    """P1: homogeneous methods only scale with the row, so the normalised maps agree."""
    net, x = gap_head((3, 3, 4), 3, seed)
    for method in (ta.gradient, ta.saliency, ta.input_x_gradient, ta.guided_backprop, ta.deconvnet, ta.grad_cam,
                   ta.grad_cam_plus, ta.hirescam, ta.xgrad_cam, ta.layercam, ta.guided_grad_cam):
        maps = [method(net, x, 0, score=s).map for s in ("post", "log", "log_odds")]
        assert np.allclose(maps[0], maps[2], atol=1e-12)
        assert np.allclose(maps[1], maps[2], atol=1e-12)


def test_a_network_that_is_sure_still_gets_a_map():
    """y_c = 1 - 1e-60: dy_c/dz underflows float32 and rounds to zero in naive float64; the map must be log_odds' all the same."""
    net, x = gap_head((4, 4, 6), 3, 0)
    kernel, bias = net.weights["head"]
    sure = ta.network(net.layers, {"head": (kernel, bias + np.array([138.0, 0, 0]))})
    maps = {s: ta.grad_cam(sure, x, 0, score=s) for s in ("post", "log", "log_odds")}
    assert maps["post"].value == 1
    assert maps["post"].map.max() == 1
    assert 0 < np.abs(maps["post"].raw).max() < 1e-50
    assert np.allclose(maps["post"].map, maps["log_odds"].map, atol=1e-12)
    single = sure.astype(np.float32)
    assert np.allclose(ta.grad_cam(single, x, 0, score="post").map, maps["log_odds"].map, atol=1e-5)


def test_the_gradient_is_shown_by_its_strongest_colour():
    """Simonyan et al.: max over channels of |G|, so a strong negative channel counts."""
    net = ta.network([("pool", "global_avg_pool", {}), ("head", "dense", {})],
                     {"head": (np.array([[1.0], [-3.0], [2.0]]), np.zeros(1))})
    heat = ta.gradient(net, np.ones((1, 1, 1, 3)), 1, "pre")
    assert heat.raw.tolist() == [[[1, -3, 2]]]
    assert heat.plane.tolist() == [[3]]


def test_a_tape_can_stand_for_the_picture():
    net, x = small_vgg(2)
    tape = net.run(x)
    for name, method in ta.METHODS.items():
        options = {option: 2 for option in ("samples", "steps") if option in ta.methods.options_of(name)}
        assert (method(net, x, score="pre", **options).raw == method(net, tape, score="pre", **options).raw).all()


def test_defaults_are_said_in_the_caption():
    net, x = small_vgg(3)
    top = int(net(x).argmax())
    assert ta.grad_cam(net, x, score="log").caption.startswith(f"Grad-CAM, score log, layer block5_pool, class {top}")
    assert ta.gradient(net, x, 1, "pre").caption == "gradient, score pre, layer input, class 1"
    assert ta.gradient(net, x, 1, "pre").raw.shape == (64, 64, 3)


@pytest.mark.parametrize(("arguments", "words"), [
    ({}, "give the score.*log_odds.*pre"),
    ({"score": "prob"}, "unknown score 'prob'"),
    ({"score": "pre", "target": 4}, "from 0 to 3; got"),
    ({"score": "pre", "target": "cat"}, "no names"),
    ({"score": "pre", "layer": "block5_conv9"}, r"unknown layer 'block5_conv9'; did you mean .*block5_conv2"),
    ({"score": "pre", "layer": "fc1"}, "no places to show"),
])
@pytest.mark.parametrize("method", sorted(ta.METHODS))
def test_questions_that_cannot_be_answered(method, arguments, words):
    net, x = small_vgg(4)
    with pytest.raises(ta.InputError, match=f"{words}|explains the picture, not layer"):
        ta.METHODS[method](net, x, **arguments)


def test_one_picture_at_a_time():
    net, x = small_vgg(4)
    with pytest.raises(ta.InputError, match="one picture; got 2"):
        ta.grad_cam(net, np.concatenate([x, x]), score="pre")


def test_a_layer_behind_the_logits_path_is_an_error():
    layers = [("A", "relu", {}), ("aside", "exp", {"inputs": ["A"]}), ("pool", "global_avg_pool", {"inputs": ["A"]})]
    net = ta.network(layers, {})
    with pytest.raises(ta.InputError, match="no signal reaches 'aside'"):
        ta.grad_cam(net, np.ones((1, 2, 2, 3)), score="pre", layer="aside")


def test_networks_without_feature_maps_ask_for_a_layer():
    net = ta.network([("picked", "pick", {"at": (0, 0)})], {})
    with pytest.raises(ta.InputError, match="give layer="):
        ta.grad_cam(net, np.ones((1, 2, 2, 3)), score="pre")
