"""Test whether another class has another map."""

import numpy as np

from tinyattr.errors import InputError, count_of, rng_of
from tinyattr.studies.metrics import ssim


def random_logit(explain, c, n, *, similarity=ssim, seed=0):
    """Return the similarity between the map of class c and the map of a random other class (of n classes).

    explain: a function class -> L (h, w), for one picture and score. Each map is divided by its largest magnitude.
    The result is in [-1, 1] for SSIM (as in Quantus) and for correlations. 1 means that the map does not depend on the
    class. So this test can reveal a planted t(x) without looking at weights: under the attack, the maps by pre become
    equal for all classes. Sixt et al. 2020, arXiv 1912.09818. (Quantus 0.6 joins the rows of a map into one row before
    the SSIM, so neighbours in a column are far apart.)
    """
    if count_of(n, "n") < 2:
        raise InputError("with one class there is no other class to explain")
    other = int(rng_of(seed).integers(n - 1))
    return similarity(*(L / (np.abs(L).max() or 1) for L in (explain(c), explain(other + (other >= c)))))
