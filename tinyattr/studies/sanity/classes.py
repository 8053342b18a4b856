"""Is the map of another class another map?"""

import numpy as np

from tinyattr.errors import InputError, count_of, rng_of
from tinyattr.studies.metrics import ssim


def random_logit(explain, c, n, *, similarity=ssim, seed=0):
    """Similarity of the maps of class c and of another class, drawn at random from the other n - 1.

    explain: a function class -> L (h, w), for one picture and score; both maps are divided by their largest magnitude.
    In [-1, 1] for SSIM, as in Quantus, and for correlations: 1 for a map that does not ask which class it explains.
    That alone tells of a planted t(x), without a look at weights: under the attack the maps of all classes by `pre`
    become one. Sixt et al. 2020, arXiv 1912.09818. (Quantus 0.6 lays the rows of a map end to end before the SSIM, so
    that neighbours in a column are far apart.)
    """
    if count_of(n, "n") < 2:
        raise InputError("with one class there is no other to explain")
    other = int(rng_of(seed).integers(n - 1))
    return similarity(*(L / (np.abs(L).max() or 1) for L in (explain(c), explain(other + (other >= c)))))
