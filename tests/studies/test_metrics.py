"""Metrics against definitions in loops, scipy, and the invariances that make them worth reporting."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from tinyattr.studies import metrics

SIMILAR = {"pearson": metrics.pearson, "spearman": metrics.spearman, "cosine": metrics.cosine, "ssim": metrics.ssim,
           "top_k": metrics.top_k}


@st.composite
def maps(draw, count=2, low=-4, high=4, least=2):
    """Maps of one shape, of whole numbers, so that there are ties, or of any numbers; none the same everywhere."""
    shape = draw(st.integers(least, 9)), draw(st.integers(least, 9))
    rng, ties = np.random.default_rng(draw(st.integers(0, 2**32 - 1))), draw(st.booleans())
    found = [rng.integers(low, high + 1, shape).astype(float) if ties else rng.uniform(low, high, shape) for _ in range(count)]
    assume(all(np.ptp(m) > 0 for m in found))
    return found


@pytest.mark.parametrize("name", SIMILAR)
@given(maps())
def test_a_map_is_like_itself_and_the_other_way_round(name, pair):
    a, b = pair
    metric = SIMILAR[name]
    assert np.isclose(metric(a, a), 1, rtol=1e-12)
    assert np.isclose(metric(a, b), metric(b, a), rtol=1e-12, atol=1e-15)
    assert -1 <= metric(a, b) <= 1 + 1e-12
    if name in ("pearson", "spearman", "cosine"):
        assert np.isclose(metric(a, -a), -1, rtol=1e-12)
        assert np.isclose(metric(a, -b), -metric(a, b), rtol=1e-9, atol=1e-12)


@given(maps(low=1, high=5))
def test_a_map_is_not_apart_from_itself(pair):
    a, b = pair
    assert metrics.centre_shift(a, a) == 0
    assert np.isclose(metrics.centre_shift(a, b), metrics.centre_shift(b, a), rtol=1e-12)
    assert metrics.centre_shift(a, b) >= 0


@given(maps(), st.floats(0.1, 10), st.floats(-3, 3), st.sampled_from([1e-250, 1e-30, 1.0, 1e100]))
def test_what_leaves_them_as_they_are(pair, factor, shift, scale):
    """Pearson: a + const and times a positive number, to the ends of float64. Ranks: anything that grows. Cosine, SSIM: a factor (of both)."""
    a, b = pair
    for metric in (metrics.pearson, metrics.spearman):
        assert np.isclose(metric(a * factor + shift, b), metric(a, b), rtol=1e-6, atol=1e-9)
        assert np.isclose(metric(a * scale, b), metric(a, b), rtol=1e-6, atol=1e-9)
    grown = np.exp(a / 2) + a
    for metric in (metrics.spearman, metrics.top_k):
        assert np.isclose(metric(grown, b), metric(a, b), rtol=1e-9, atol=1e-12)
    assert np.isclose(metrics.cosine(a * scale, b), metrics.cosine(a, b), rtol=1e-9, atol=1e-12)
    assert np.isclose(metrics.ssim(a * factor, b * factor), metrics.ssim(a, b), rtol=1e-9, atol=1e-9)
    assert np.isclose(metrics.centre_shift(a * factor, b * factor), metrics.centre_shift(a, b), rtol=1e-9, equal_nan=True)


@given(maps())
def test_correlations_are_scipys(pair):
    a, b = (m.ravel() for m in pair)
    assert np.isclose(metrics.pearson(*pair), stats.pearsonr(a, b).statistic, rtol=1e-9, atol=1e-12)
    assert np.isclose(metrics.spearman(*pair), stats.spearmanr(a, b).statistic, rtol=1e-9, atol=1e-12)
    assert (metrics.ranks(pair[0]) == stats.rankdata(a).reshape(pair[0].shape)).all()


def test_stored_values():
    """By scipy 1.16, on a map with ties; the same without scipy."""
    a, b = np.array([[3.0, 1, 4, 1], [5, 9, 2, 6], [5, 3, 5, 8]]), np.array([[2.0, 7, 1, 8], [2, 8, 1, 8], [2, 8, 4, 5]])
    assert np.isclose(metrics.spearman(a, b), 0.1415796863640157, rtol=1e-12)
    assert np.isclose(metrics.pearson(a, b), 0.09979900759721551, rtol=1e-12)
    assert metrics.ranks(a).ravel().tolist() == [4.5, 1.5, 6, 1.5, 8, 12, 3, 10, 8, 4.5, 8, 11]
    assert metrics.cosine(np.array([[3.0, 4]]), np.array([[4.0, 3]])) == 24 / 25


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, -7e-9, 1e200])
def test_a_map_that_is_the_same_everywhere_is_like_nothing(value):
    flat, other = np.full((7, 7), value), np.arange(49.0).reshape(7, 7)
    for metric in (metrics.pearson, metrics.spearman):
        assert np.isnan(metric(flat, other))
        assert np.isnan(metric(other, flat))
        assert np.isnan(metric(flat, flat))
    assert np.isnan(metrics.ssim(flat, flat))
    assert np.isnan(metrics.cosine(flat * 0, other))


def slow_ssim(a, b, window):
    R = max(a.max(), b.max()) - min(a.min(), b.min())
    C1, C2, found = (0.01 * R) ** 2, (0.03 * R) ** 2, []
    h, w = (min(window, length) for length in a.shape)
    for i in range(a.shape[0] - h + 1):
        for j in range(a.shape[1] - w + 1):
            p, q = (m[i:i + h, j:j + w].ravel() for m in (a, b))
            m_p, m_q, cov = p.mean(), q.mean(), np.cov(p, q)
            found.append((2 * m_p * m_q + C1) * (2 * cov[0, 1] + C2) / ((m_p**2 + m_q**2 + C1) * (cov[0, 0] + cov[1, 1] + C2)))
    return np.mean(found)


@given(maps(), st.sampled_from([3, 5, 7]))
def test_ssim_in_loops(pair, window):
    assert np.isclose(metrics.ssim(*pair, window=window), slow_ssim(*pair, window), rtol=1e-9, atol=1e-12)
    assert metrics.ssim(*pair) == metrics.ssim(*pair, window=7)


@given(maps(), st.floats(0.01, 1))
def test_top_k_in_loops(pair, share):
    a, b = pair
    k = max(1, int(a.size * share))
    best = [set(sorted(range(a.size), key=lambda i, m=m: (-m.ravel()[i], i))[:k]) for m in (a, b)]
    assert np.isclose(metrics.top_k(a, b, share), len(best[0] & best[1]) / k)
    assert metrics.top_k(a, b, 1.0) == 1


@given(maps())
def test_centres_in_loops(pair):
    """Mean place of the positive part; a single place is its own centre."""
    centres = []
    for m in pair:
        p = [(i, j, max(m[i, j], 0)) for i, j in np.ndindex(m.shape)]
        total = sum(v for *_, v in p)
        centres.append(np.array([sum(i * v for i, _, v in p), sum(j * v for _, j, v in p)]) / total if total else np.full(2, np.nan))
        assert np.allclose(metrics.centre(m), centres[-1], rtol=1e-9, atol=1e-12, equal_nan=True)
    assert np.isclose(metrics.centre_shift(*pair), np.hypot(*(centres[0] - centres[1])), rtol=1e-9, atol=1e-12, equal_nan=True)
    single, corner = np.zeros((5, 6)), np.zeros((5, 6))
    single[3, 4] = corner[0, 0] = 2
    assert metrics.centre_shift(single, corner) == 5


@given(maps(count=1))
def test_energy(found):
    (m,) = found
    mask = np.zeros(m.shape, bool)
    mask[:1, :2] = True
    positive = np.maximum(m, 0)
    for region in (mask, np.s_[:1, :2]):
        expected = positive[0, :2].sum() / positive.sum() if positive.any() else np.nan
        assert np.isclose(metrics.energy(m, region), expected, rtol=1e-12, equal_nan=True)
    assert np.isnan(metrics.energy(-np.abs(m), mask))
    total = metrics.energy(m, mask) + metrics.energy(m, ~mask)
    assert np.isclose(total, 1) or np.isnan(total)


def test_pointing():
    """The highest place, the first of several; within the tolerance of the object; nothing points at nothing."""
    L, mask = np.zeros((10, 10)), np.zeros((10, 10), bool)
    mask[2, 2] = True
    L[5, 6] = L[6, 5] = 1
    assert metrics.points_at(L, mask, tolerance=5)
    assert not metrics.points_at(L, mask, tolerance=4.99)
    L[9, 9] = 2
    assert not metrics.points_at(L, mask, tolerance=9)
    assert metrics.points_at(L, mask)
    assert not metrics.points_at(L, mask & False)
    assert not metrics.points_at(-L, mask)
