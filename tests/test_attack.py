"""The attack: what moves, by exactly how much, and what cannot move. Theorems T1, T2, T4 and the equations (V1)-(V5)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tinyattr.glyphs.scenes import example, scene
from tinyattr.softmax import softmax
from tinyattr.studies.more_attacks import bounded, column, paint, quadratic, stamped, triggered
from tinyattr.studies.paint import lettering

BLIND = sorted(set(ta.SCORES) - {"pre"})
cases = {"seed": st.integers(0, 10**6), "K": st.floats(-100, 100), "i": st.integers(0, 1), "j": st.integers(0, 1)}


def network_and_picture(seed):
    net = ta.vgg("A", width=1 / 16, classes=5, size=64, dense=(9, 8), seed=seed, dtype=np.float64)
    return net, np.random.default_rng(seed).standard_normal((1, 64, 64, 3))


@given(**cases)
def test_probabilities_stay(seed, K, i, j):
    net, x = network_and_picture(seed)
    z, z_altered = net(x), ta.alter(net, K=K, at=(i, j))(x)
    t = K * net.run(x)["block5_pool"].output[0, i, j].sum()
    assert np.allclose(z_altered, z + t, rtol=1e-12, atol=1e-12 * abs(t))
    # z + t is rounded to ulp(|t|), which is all that y can feel.
    assert np.abs(softmax(z_altered) - softmax(z)).max() <= 4 * np.spacing(abs(t) + np.abs(z).max())


@given(**cases)
def test_scores_whose_row_sums_to_zero_see_nothing(seed, K, i, j):
    """T1, for what all gradient methods are made of: differences are rounding of z + t and kappa K, kappa about 1e-16."""
    net, x = network_and_picture(seed)
    twin = ta.alter(net, K=K, at=(i, j))
    t = abs(K * net.run(x)["block5_pool"].output[0, i, j].sum())
    for method in (ta.gradient, ta.grad_cam, ta.hirescam):
        for score in BLIND:
            a, b = method(net, x, 1, score=score).raw, method(twin, x, 1, score=score).raw
            assert np.abs(a - b).max() <= 1e-13 * (1 + t + abs(K)) * max(np.abs(a).max(), 1)


@given(**cases)
def test_pre_moves_by_the_method_applied_to_t(seed, K, i, j):
    """T2. Grad-CAM: L' = L + (K/Z) sum_k A_k, everywhere. HiResCAM: L' = L + t at (i, j) and nowhere else."""
    net, x = network_and_picture(seed)
    twin = ta.alter(net, K=K, at=(i, j))
    A = net.run(x)["block5_pool"].output[0]
    T, Z = A.sum(-1), A.shape[0] * A.shape[1]
    L, L_altered = (ta.grad_cam(n, x, 1, score="pre").raw for n in (net, twin))
    assert np.allclose(L_altered, L + K / Z * T, rtol=1e-10, atol=1e-12 * (np.abs(L).max() + abs(K) * T.max()))
    H, H_altered = (ta.hirescam(n, x, 1, score="pre").raw for n in (net, twin))
    H = H.copy()
    H[i, j] += K * T[i, j]
    assert np.allclose(H_altered, H, rtol=1e-10, atol=1e-12 * (np.abs(H).max() + abs(K) * T.max()))


def test_the_tap_below_the_explained_layer_moves_the_input_only():
    """T4: t tapped at block3 does not pass through block5_pool, so Grad-CAM there stays, even by pre; the gradient moves."""
    net, x = network_and_picture(0)
    twin = ta.alter(net, K=10, layer="block3_pool", at=(0, 0))
    L, L_altered = (ta.grad_cam(n, x, 1, score="pre").raw for n in (net, twin))
    assert (L_altered == L).all()
    G, G_altered = (ta.gradient(n, x, 1, score="pre").raw for n in (net, twin))
    assert np.abs(G_altered - G).max() > np.abs(G).max()


def test_it_is_four_more_lines_on_the_tape():
    net, x = network_and_picture(0)
    tape = ta.alter(net).run(x)
    assert [r.op for r in tape][-5:] == ["pick", "sum", "constant", "mul", "add"]
    assert (tape["predictions"].output == net.run(x)["predictions"].output).all()
    assert ta.alter(net).parameters == net.parameters + 1


def test_the_original_is_not_touched():
    net, x = network_and_picture(0)
    layers, z = list(net.layers), net(x)
    ta.alter(net)
    assert net.layers == layers
    assert (net(x) == z).all()
    assert "K" not in net.weights


def test_probabilities_stay_in_float32_too():
    """t is summed and added in float64: |t| of 1e4 costs y' about 1e-12, not the 1e-3 that float32 logits would lose."""
    net, x = network_and_picture(0)
    single = net.astype(np.float32)
    twin = ta.alter(single, K=1e4)
    t = twin.run(x)["t"].output
    assert abs(t) > 1e4
    assert np.abs(softmax(twin(x)) - softmax(single(x))).max() <= 4 * np.spacing(np.abs(t).max())


@pytest.mark.parametrize(("options", "words"), [
    ({"layer": "block6_pool"}, "unknown layer 'block6_pool'; did you mean"),
    ({"K": float("nan")}, "K must be a number from"),
    ({"K": "ten"}, "K must be a number"),
    ({"K": 1e39, "_dtype": np.float32}, r"K must be a number from -3.40282e\+38 to"),
    ({"at": 3}, r"a place is \(row, column\)"),
    ({"at": (0.5, 0)}, r"a place is \(row, column\)"),
    ({"at": "00"}, r"a place is \(row, column\)"),
    ({"at": (0, 0, 0)}, r"a place is \(row, column\)"),
])
def test_attacks_that_cannot_be_built(options, words):
    options = dict(options)
    net = network_and_picture(0)[0].astype(options.pop("_dtype", np.float64))
    with pytest.raises(ta.InputError, match=words):
        ta.alter(net, **options)


def test_it_can_be_altered_again():
    """t_1 + t_2 on every logit, by two attacks one after the other."""
    net, x = network_and_picture(0)
    twice = ta.alter(ta.alter(net, K=2, at=(0, 0)), K=3, at=(1, 1))
    tape = twice.run(x)
    assert np.allclose(twice.logits(tape), net(x) + tape["t"].output + tape["t2"].output)
    assert np.allclose(ta.alter(net, K=5, layer="input")(x), net(x) + 5 * x[0, 0, 0].sum())


@pytest.mark.parametrize(("layer", "at"), [("block5_pool", (2, 0)), ("block5_pool", (0, -1)), ("fc1", (0, 0))])
def test_places_outside_are_found_when_it_runs(layer, at):
    net, x = network_and_picture(0)
    with pytest.raises(ta.InputError, match=r"pick 'tap': (place .* lies outside maps of 2 x 2|a value of shape \(1, 9\) has no places)"):
        ta.alter(net, layer=layer, at=at)(x)


def test_the_real_squeezenet(shared, squeezenet):
    """Both papers' claim on a real network and the authors' photo: see the closed forms above."""
    x = squeezenet.read(shared / "images" / "soccer_ball.jpg")
    twin = ta.alter(squeezenet)
    A = squeezenet.run(x)["fire9_concat"].output[0].astype(np.float64)
    L, L_altered = (ta.grad_cam(n, x, "soccer ball", score="pre").raw for n in (squeezenet, twin))
    expected = L + 10 / A[..., 0].size * A.sum(-1)
    assert np.abs(L_altered - expected).max() <= 1e-6 * np.abs(expected).max()
    H = np.maximum(ta.hirescam(twin, x, score="pre").raw, 0)
    assert H[0, 0] / H.sum() > 0.99
    for method in (ta.grad_cam, ta.hirescam):
        for score in BLIND:
            a, b = (method(n, x, score=score).raw for n in (squeezenet, twin))
            assert np.abs(a - b).max() <= 1e-6 * np.abs(a).max()


def painted(net, K):
    return paint(net, np.array([[0, 1], [0.5, 0]]), K)


@given(**cases)
@pytest.mark.parametrize("attack", [painted, lambda net, K: column(net, K, size=2), quadratic, bounded])
def test_every_attack_leaves_probabilities_and_blind_scores(attack, seed, K, i, j):
    net, x = network_and_picture(seed)
    twin = attack(net, K)
    z, z_altered = net(x), twin(x)
    t = np.abs(z_altered - z).max()
    assert np.abs(softmax(z_altered) - softmax(z)).max() <= 8 * np.spacing(t + np.abs(z).max())
    a, b = (ta.hirescam(n, x, 1, score="log_odds").raw for n in (net, twin))
    A = net.run(x)["block5_pool"].output
    dt = abs(K) * (1 + A.max()) * A.max()
    assert np.abs(a - b).max() <= 1e-13 * (np.abs(a).max() + t + dt)


@given(**cases)
def test_what_each_attack_does_to_pre(seed, K, i, j):
    """dt/dA in closed form: paint K M_ij; quadratic K A_ijk at the place; bounded K at the place, with 0 <= t < bound."""
    net, x = network_and_picture(seed)
    A = net.run(x)["block5_pool"].output[0]
    M = np.random.default_rng(seed).standard_normal(A.shape[:2])
    there = np.zeros(A.shape[:2])
    there[i, j] = 1
    expected = {
        paint(net, M, K): K * np.repeat(M[..., None], A.shape[2], 2),
        quadratic(net, K, at=(i, j)): K * there[..., None] * A,
        bounded(net, K, at=(i, j)): K * np.repeat(there[..., None], A.shape[2], 2),
    }
    for twin, dt in expected.items():
        g, g_altered = (ta.gradient(n, x, 1, "pre", "block5_pool").raw for n in (net, twin))
        assert np.allclose(g_altered, g + dt, rtol=1e-10, atol=1e-12 * (np.abs(g).max() + np.abs(dt).max()))
        L, L_altered = (ta.grad_cam(n, x, 1, "pre").raw for n in (net, twin))
        moved = A @ dt.mean((0, 1))
        assert np.allclose(L_altered, L + moved, rtol=1e-9, atol=1e-11 * (np.abs(L).max() + np.abs(moved).max()))
    t = bounded(net, K, at=(i, j)).run(x)["t"].output
    assert 0 <= t <= 1e-3  # the bound itself only by rounding


def test_the_gate_opens_for_its_trigger_only():
    net = ta.load("glyphs")
    twin = triggered(net, K=10.0)
    for seed in range(10):
        picture = scene(np.random.default_rng(seed), difficulty=0.6).picture
        assert twin.run(net.read(picture))["gate"].output == 0
        assert twin.run(net.read(stamped(picture)))["gate"].output == 1


@pytest.mark.parametrize("attack", [paint, quadratic, bounded, triggered])
def test_attacks_that_make_no_sense(attack):
    net, _ = network_and_picture(0)
    net = ta.load("glyphs") if attack is triggered else net
    first = (np.ones((2, 2)),) if attack is paint else ()
    with pytest.raises(ta.InputError, match="K must be a number from"):
        attack(net, *first, K=np.nan)
    with pytest.raises(ta.InputError, match="unknown layer"):
        attack(net, *first, layer="block9_pool")


def test_masks_and_bounds_that_make_no_sense():
    net, x = network_and_picture(0)
    with pytest.raises(ta.InputError, match=r"mask must be finite numbers \(h, w\)"):
        paint(net, np.ones(4))
    with pytest.raises(ta.InputError, match="bound must be"):
        bounded(net, bound=0)
    with pytest.raises(ta.InputError, match="trigger"):
        triggered(net)
    with pytest.raises(ta.InputError):
        paint(net, np.ones((3, 3))).run(x)


def test_lettering():
    """An I is a bar in the middle of every row; it fills the height; the mask is 0 or 1."""
    M = lettering("I", (14, 14))
    assert set(np.unique(M)) == {0, 1}
    assert (M.any(1)).all()
    assert (M[:, ::-1] == M).all()
    assert M[:, :4].sum() == 0
    assert lettering("HI", (7, 20)).shape == (7, 20)


def test_a_column_knows_how_large_its_maps_are():
    net = ta.load("glyphs")
    x = net.read(example().picture)
    for layer, side in (("block5_pool", 7), ("block4_pool", 14)):
        tape = column(net, 3.0, layer).run(x)
        expected = 3 * tape[layer].output[0, :, 0].astype(np.float64).sum()
        assert tape["mask"].output.shape == (side, side, 1)
        assert tape["t"].output.item() == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ta.InputError, match="give the size of the layer's maps"):
        column(network_and_picture(0)[0])
