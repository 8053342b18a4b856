"""The board's measures by hand, against slow versions in loops, and against scipy."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import tinyattr as ta
from tinyattr.methods.request import ask
from tinyattr.softmax import softmax
from tinyattr.studies import curves
from tinyattr.studies.board import measures

SEEDS = st.integers(0, 2**32 - 1)


def test_rank_correlation_by_hand():
    """Three blocks: ranks 3, 1, 2 of the map, 3, 1.5, 1.5 of the mask; 1.5 / sqrt(2 * 1.5)."""
    L, mask = (np.kron([values], np.ones((4, 4))) for values in ([9.0, 0, 5], [1, 0, 0]))
    assert np.isclose(measures.rank_correlation(L, mask > 0), np.sqrt(3) / 2, rtol=1e-12)
    assert measures.rank_correlation(L, mask * 0 > 0) == measures.rank_correlation(L * 0 + 7, mask > 0) == 0


@given(SEEDS, st.integers(2, 5), st.integers(2, 5))
def test_rank_correlation_in_loops(seed, h, w):
    rng = np.random.default_rng(seed)
    L, mask = rng.integers(0, 9, (4 * h + 1, 4 * w + 3)).astype(float), rng.random((4 * h + 1, 4 * w + 3)) < 0.3
    blocks = [[m[4 * i:4 * i + 4, 4 * j:4 * j + 4].sum() for i in range(h) for j in range(w)] for m in (L, mask)]
    if np.ptp(blocks[0]) and np.ptp(blocks[1]):
        assert np.isclose(measures.rank_correlation(L, mask), stats.spearmanr(*blocks).statistic, rtol=1e-9, atol=1e-12)


def test_follows_by_hand():
    """Two glyphs, a pixel each. 3 of 4 parts on the own one, then 1 of 2: 3/4 + 1/2 - 1."""
    left, right = np.array([[True, False, False]]), np.array([[False, True, False]])
    assert measures.follows(np.array([[3.0, 1, 50]]), np.array([[2.0, 2, -9]]), left, right) == 0.25
    assert measures.follows(left * 2.0, right * 1.0, left, right) == 1
    assert measures.follows(right * 2.0, left * 1.0, left, right) == -1
    assert measures.own_share(left * -1.0, left, right) == 0.5


@given(SEEDS)
def test_a_map_that_is_the_same_for_both_classes_does_not_follow(seed):
    rng = np.random.default_rng(seed)
    L, where = rng.standard_normal((6, 7)), rng.integers(0, 3, (6, 7))
    assert np.isclose(measures.follows(L, L, where == 0, where == 1), 0, atol=1e-15)


@given(SEEDS, st.integers(1, 8), st.integers(1, 8))
def test_told_apart_is_the_area_under_the_roc_curve(seed, n, m):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 5, n), rng.integers(0, 5, m)
    slow = sum((x > y) + 0.5 * (x == y) for x, y in product(a, b)) / (n * m)
    assert np.isclose(measures.told_apart(a, b).mean(), slow, rtol=1e-12)
    assert np.isclose(slow, stats.mannwhitneyu(a, b).statistic / (n * m), rtol=1e-12)


def test_told_apart_by_hand():
    assert measures.told_apart([3, 1], [1, 2]).tolist() == [[1, 1], [0.5, 0]]


def test_intervals_by_hand():
    """Of 27 samples of (0, 1, 5) one in 27 is 0, 0, 0 and one 5, 5, 5: more than 2.5 % each."""
    assert measures.interval([0.0, 1, 5]) == (2.0, 0.0, 5.0)
    assert np.allclose(measures.interval([0.25] * 7), 0.25, rtol=1e-12)
    rng = np.random.default_rng(0)
    mean, low, high = measures.interval(rng.standard_normal(900))
    assert np.allclose([low - mean, high - mean], [-1.96 / 30, 1.96 / 30], rtol=0.15)


@given(SEEDS, st.integers(1, 6), st.integers(1, 6))
def test_intervals_with_every_draw_written_out(seed, n, m):
    """Rows and columns are drawn again by their numbers, one sample after the other."""
    M = np.random.default_rng(seed).random((n, m))
    rng = np.random.default_rng(3)
    rows, columns = (rng.multinomial(k, np.full(k, 1 / k), 40) for k in (n, m))
    means = [M[np.repeat(np.arange(n), i)][:, np.repeat(np.arange(m), j)].mean() for i, j in zip(rows, columns, strict=True)]
    found = measures.interval(M, seed=3, resamples=40)
    assert np.allclose(found, [M.mean(), np.percentile(means, 2.5), np.percentile(means, 97.5)], rtol=1e-12)


def tiny(seed=0):
    rng = np.random.default_rng(seed)
    layers = [("conv", "conv2d", {"padding": 1}), ("relu", "relu", {}), ("flatten", "flatten", {}), ("predictions", "dense", {})]
    weights = {"conv": (rng.standard_normal((3, 3, 3, 2)), np.zeros(2)), "predictions": (rng.standard_normal((200, 4)), np.zeros(4))}
    return ta.network(layers, weights)


@pytest.mark.parametrize("seed", range(3))
def test_areas_pixel_by_pixel(seed):
    """Take the places one after the other, highest first and ties by position; sum the trapezoids."""
    rng, net = np.random.default_rng(seed), tiny(seed)
    x, L, c = rng.standard_normal((1, 10, 10, 3)), rng.integers(0, 6, (10, 10)).astype(float), 2
    order = sorted(np.ndindex(L.shape), key=lambda place: (-L[place], place))
    slow = []
    for start, end in ((np.zeros_like(x), x), (x, np.zeros_like(x))):  # insertion, deletion
        picture, y, done = start.copy(), [], 0
        for share in measures.SHARES:
            for i, j in order[done:round(share * 100)]:
                picture[0, i, j] = end[0, i, j]
            done = round(share * 100)
            y.append(softmax(net(picture))[0, c])
        slow.append(sum((b - a) * (p + q) / 2 for a, b, p, q in zip(measures.SHARES, measures.SHARES[1:], y, y[1:], strict=False)))
    assert np.allclose(measures.areas(ask(net, x, c, "post"), L), slow, rtol=1e-12)


def test_the_few_shares_come_close_to_every_pixel():
    """Against studies/curves.py with a hundred steps."""
    rng, net = np.random.default_rng(1), tiny(1)
    x, L = rng.standard_normal((1, 10, 10, 3)), rng.random((10, 10))
    fine = [curves.area(curve(net, x, L, 2, pixels=1)) for curve in (curves.insertion, curves.deletion)]
    assert np.allclose(measures.areas(ask(net, x, 2, "post"), L), fine, atol=0.1)
