"""Insertion and deletion: on a score that is a sum of pixels the whole curve is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tests.methods import toys
from tests.methods.toys import seeds, toy
from tinyattr.studies import curves

scores = st.sampled_from(sorted(ta.SCORES))


def value(net, x, score, c=1):
    return float(ta.SCORES[score](net(x)[0], c)[0])


@given(seeds, scores, st.integers(1, 70), st.floats(-1, 1), st.booleans())
def test_in_loops(seed, score, pixels, b, ties):
    """Step m: the m x pixels highest places (ties by position) are the baseline's, in all channels, or the only ones that are not."""
    net, x = toy(seed)
    rng = np.random.default_rng(seed)
    L = rng.integers(0, 4, (8, 8)).astype(float) if ties else rng.standard_normal((8, 8))
    order = sorted(np.ndindex(8, 8), key=lambda place: (-L[place], place))
    deleted, inserted = [], []
    for m in range(int(np.ceil(64 / pixels)) + 1):
        without, only = x.copy(), np.full_like(x, b)
        for i, j in order[:m * pixels]:
            without[0, i, j], only[0, i, j] = b, x[0, i, j]
        deleted.append(value(net, without, score))
        inserted.append(value(net, only, score))
    options = {"baseline": b, "pixels": pixels}
    assert np.allclose(curves.deletion(net, x, L, 1, score, **options), deleted, rtol=1e-9, atol=1e-12)
    assert np.allclose(curves.insertion(net, x, L, 1, score, **options), inserted, rtol=1e-9, atol=1e-12)


@given(seeds, scores, st.sampled_from([1, 3, 16, 64, 100]))
def test_both_ends(seed, score, pixels):
    """Deletion goes from the picture to the baseline, insertion from the baseline to the picture; insertion of L is deletion of -L backwards."""
    net, x = toy(seed)
    L = np.random.default_rng(seed).standard_normal((8, 8))
    ends = value(net, x, score), value(net, x * 0, score)
    deletion, insertion = (curve(net, x, L, 1, score, pixels=pixels) for curve in (curves.deletion, curves.insertion))
    assert np.allclose((deletion[0], deletion[-1]), ends, rtol=1e-9)
    assert np.allclose((insertion[-1], insertion[0]), ends, rtol=1e-9)
    if 64 % pixels == 0:
        assert np.allclose(curves.deletion(net, x, -L, 1, score, pixels=pixels)[::-1], insertion, rtol=1e-9, atol=1e-12)


@given(seeds)
def test_the_true_order_has_the_best_area(seed):
    """z = sum w x: by w x itself the deletion curve lies below every other order's, and insertion above."""
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((4, 4))
    net = ta.network([("flat", "flatten", {}), ("logits", "dense", {})], {"logits": (w.reshape(-1, 1), np.zeros(1))})
    x = rng.standard_normal((1, 4, 4, 1))
    true, other = w * x[0, ..., 0], rng.standard_normal((4, 4))
    deletion = curves.deletion(net, x, true, 1, "pre", pixels=1)
    assert np.allclose(deletion, true.sum() - np.concatenate([[0], np.cumsum(-np.sort(-true.ravel()))]), rtol=1e-9, atol=1e-12)
    assert (deletion <= curves.deletion(net, x, other, 1, "pre", pixels=1) + 1e-12).all()
    assert curves.area(curves.insertion(net, x, true, 1, "pre", pixels=1)) >= curves.area(curves.insertion(net, x, other, 1, "pre", pixels=1)) - 1e-12


def test_area():
    """Trapezoids over [0, 1]: exact for what is linear between its points."""
    assert curves.area([1.0, 0.0]) == 0.5
    assert curves.area(np.linspace(3, 7, 11)) == pytest.approx(5)
    assert curves.area([0.0, 1, 0]) == 0.5
    s = np.random.default_rng(0).random(9)
    assert curves.area(s) == pytest.approx(np.trapezoid(s, dx=1 / 8) if hasattr(np, "trapezoid") else np.trapz(s, dx=1 / 8))


@given(seeds, st.floats(-20, 20))
def test_the_attacked_network_has_the_same_curves(seed, K):
    """They are asked of y, which the attack leaves alone: they judge the map, not the network that drew it."""
    net, x = toy(seed)
    L = ta.grad_cam(net, x, 1, "pre").map
    for curve in (curves.deletion, curves.insertion):
        ours, theirs = (curve(n, x, L, 1, pixels=8) for n in (net, ta.alter(net, K=K)))
        assert np.allclose(ours, theirs, rtol=1e-9, atol=1e-12)
        assert np.allclose(ours, curve(net, x, L, 1, pixels=8, batch=3), rtol=1e-12)


@pytest.mark.parametrize(("L", "options", "words"), [
    (np.zeros((4, 4)), {}, r"the picture's size \(8, 8\); got \(4, 4\)"), (np.zeros((8, 8)), {"pixels": 0}, "pixels must be a whole number"),
    (np.zeros((8, 8)), {"pixels": 2.0}, "pixels must be"), (np.zeros((8, 8)), {"baseline": "grey"}, "unknown baseline"),
    (np.full((8, 8), np.nan), {}, "finite"), (np.zeros((8, 8)), {"score": "prob"}, "unknown score"),
])
def test_maps_and_options_that_make_no_sense(L, options, words):
    net, x = toy(0)
    assert x.shape[1] == toys.SIDE
    for curve in (curves.deletion, curves.insertion):
        with pytest.raises(ta.InputError, match=words):
            curve(net, x, L, 1, **options)
