"""Measure how much a little noise in the picture changes the map."""

import numpy as np

from tinyattr.errors import count_of, number_of, rng_of


def max_sensitivity(explain, x, *, radius=0.2, samples=200, seed=0):
    """max_u |L(x + u) - L(x)| / |L(x)|, where u is uniform in [-radius, radius] at every number of x.

    |.| is the Euclidean norm. 0 means that noise does not matter. explain: a function x -> L, for a fixed class and
    score. radius: in the units of x. NaN for a map of zeros. Yeh et al. 2019, arXiv 1901.09392; we divide by |L(x)|, as
    Quantus does. The maximum over `samples` draws is a lower bound of the true maximum.
    """
    rng, L = rng_of(seed), np.asarray(explain(x), np.float64)
    radius = number_of(radius, "radius", 0, 1e300)
    moved = [np.linalg.norm(explain((x + rng.uniform(-radius, radius, x.shape)).astype(x.dtype)) - L)
             for _ in range(count_of(samples, "samples"))]
    return float(max(moved) / np.linalg.norm(L)) if L.any() else float("nan")
