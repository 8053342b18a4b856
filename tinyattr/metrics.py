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
