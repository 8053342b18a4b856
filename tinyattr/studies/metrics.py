"""Measure how different two maps are, and where a map's energy is. Two maps to compare must have the same shape (h, w).

Energy means the positive part of a map. A correlation is NaN if a map is constant: there is nothing to compare.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def pearson(a, b):
    """Pearson correlation of two maps of one shape, in [-1, 1]; NaN if a map is constant."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:  # for a constant map, a - mean would be nothing but rounding error
        return float("nan")
    return cosine(*(m - m.mean() for m in (_unit(a), _unit(b))))


def spearman(a, b):
    """Pearson correlation of the ranks, in [-1, 1]. Only the order of the values matters. Equal values share a rank."""
    return pearson(ranks(a), ranks(b))


def ranks(a):
    """Return the rank of each value in ascending order, from 1. Equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(a, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    return (last - (counts - 1) / 2)[inverse].reshape(np.shape(a))


def cosine(a, b):
    """a.b / (|a| |b|), in [-1, 1]; NaN if either is zero."""
    a, b = _unit(a), _unit(b)
    norm = np.sqrt((a * a).sum() * (b * b).sum())
    return float(np.clip((a * b).sum() / norm, -1, 1)) if norm > 0 else float("nan")


def _unit(m):
    """m / max |m|, float64. So squares neither overflow nor underflow, and the factor does not change a correlation."""
    m = np.asarray(m, np.float64)
    return m / np.abs(m).max() if m.any() else m


def ssim(a, b, window=7):
    """Structural similarity, in [-1, 1]: 1 for equal maps. Wang et al. 2004, 10.1109/TIP.2003.819861.

    Mean over all windows of (2 m_a m_b + C1)(2 s_ab + C2) / ((m_a^2 + m_b^2 + C1)(s_a^2 + s_b^2 + C2)). In a window, m
    are means, s^2 variances, s_ab is the covariance (with n - 1). C1 = (0.01 R)^2, C2 = (0.03 R)^2, R = max - min of
    both maps. Windows have `window` x `window` pixels, in small maps fewer. NaN if both maps are the same constant.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    R = max(a.max(), b.max()) - min(a.min(), b.min())
    if R == 0:
        return float("nan")
    size = [min(window, length) for length in a.shape]
    a, b = (sliding_window_view(m, size).reshape(-1, size[0] * size[1]) for m in (a, b))
    m_a, m_b = a.mean(-1), b.mean(-1)
    d_a, d_b, n = a - m_a[:, None], b - m_b[:, None], max(a.shape[1] - 1, 1)
    s_aa, s_bb, s_ab = (d_a * d_a).sum(-1) / n, (d_b * d_b).sum(-1) / n, (d_a * d_b).sum(-1) / n
    C1, C2 = (0.01 * R) ** 2, (0.03 * R) ** 2
    return float(((2 * m_a * m_b + C1) * (2 * s_ab + C2) / ((m_a**2 + m_b**2 + C1) * (s_aa + s_bb + C2))).mean())


def top_k(a, b, share=0.1):
    """Take the highest places of each map, a fraction `share` of all. Return which part of them both maps have, 0 to 1.

    Ghorbani et al. 2019, arXiv 1710.10547.
    """
    k = max(1, int(np.size(a) * share))
    best = [np.argsort(-np.ravel(m), kind="stable")[:k] for m in (a, b)]
    return np.intersect1d(*best).size / k


def centre(L):
    """Return the centre of mass (row, column) of a map's positive part; NaN if no place is positive."""
    p = np.maximum(L, 0)
    total = p.sum()
    if not total > 0:
        return np.full(2, np.nan)
    return np.array([(p.sum(1) @ np.arange(p.shape[0])), (p.sum(0) @ np.arange(p.shape[1]))]) / total


def centre_shift(a, b):
    """Return the distance between the centres of mass of both maps' positive parts, in places of the map."""
    return float(np.linalg.norm(centre(a) - centre(b)))


def energy(L, region):
    """Return the share of a map's positive part in a region (index or mask), in [0, 1]; NaN if no place is positive."""
    positive = np.maximum(L, 0)
    total = positive.sum()
    return float(positive[region].sum() / total) if total > 0 else float("nan")


def points_at(L, mask, tolerance=15):
    """True if the highest place of L (the first, if several tie) lies on the mask or within `tolerance` pixels of it.

    False if no place of the map is positive. This is the pointing game, Zhang et al. 2016, arXiv 1608.00507.
    """
    if not L.max() > 0:
        return False
    i, j = np.unravel_index(L.argmax(), L.shape)
    rows, columns = np.nonzero(mask)
    return bool(len(rows) and ((rows - i) ** 2 + (columns - j) ** 2).min() <= tolerance**2)
