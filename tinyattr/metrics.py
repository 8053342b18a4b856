"""How far two maps are apart, and where a map's energy lies."""

import numpy as np


def pearson(a, b):
    """Correlation of two maps of one shape, in [-1, 1]; NaN if either is the same everywhere."""
    a, b = a - a.mean(), b - b.mean()
    norm = np.sqrt((a * a).sum() * (b * b).sum())
    return float(np.clip((a * b).sum() / norm, -1, 1)) if norm > 0 else float("nan")


def energy(L, region):
    """Share of a map's positive part that lies in a region (index or mask), in [0, 1]; NaN if nothing is positive."""
    positive = np.maximum(L, 0)
    total = positive.sum()
    return float(positive[region].sum() / total) if total > 0 else float("nan")


def points_at(L, mask, tolerance=15):
    """True if the highest place of L (the first, if several tie) lies on the mask or within `tolerance` pixels of it.

    False for a map with nothing positive. The pointing game, Zhang et al. 2016, arXiv 1608.00507.
    """
    if not L.max() > 0:
        return False
    i, j = np.unravel_index(L.argmax(), L.shape)
    rows, columns = np.nonzero(mask)
    return bool(len(rows) and ((rows - i) ** 2 + (columns - j) ** 2).min() <= tolerance**2)
