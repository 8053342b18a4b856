"""Measure how concentrated a map L is. Both numbers use |L|, and do not change if L is multiplied by a factor."""

import numpy as np


def gini(L):
    """Gini coefficient of the m magnitudes v_1 <= ... <= v_m: sum_k (2k - m - 1) v_k / (m sum_k v_k).

    It is 0 if all places are equal, 1 - 1/m if one place holds all, NaN for a map of zeros. Chalasani et al. 2020,
    arXiv 1810.06583, call it "sparseness".
    """
    v = np.sort(np.abs(np.ravel(L).astype(np.float64)))
    m, total = v.size, v.sum()
    return float((2 * np.arange(1, m + 1) - m - 1) @ v / (m * total)) if total > 0 else float("nan")


def entropy(L):
    """-sum p log p, p = |L| / sum |L|, in nats. exp(entropy) is the effective number of places of the map.

    It is 0 if one place holds all, log m if all m places are equal, NaN for a map of zeros. Bhatt et al. 2020, arXiv
    2005.00631, call it "complexity".
    """
    v = np.abs(np.ravel(L).astype(np.float64))
    if not v.any():
        return float("nan")
    p = v / v.sum()
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())
