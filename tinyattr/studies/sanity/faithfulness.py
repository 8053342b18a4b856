"""Test whether the score falls if we remove the places that a map calls important."""

import numpy as np

from tinyattr.errors import InputError, count_of, floats_of, rng_of
from tinyattr.methods.baselines import baseline_of
from tinyattr.methods.request import BATCH, ask
from tinyattr.studies.metrics import pearson


def sensitivity_n(net, x, L, n, target=None, score="post", *, runs=100, baseline="black", seed=0, batch=BATCH):
    """Pearson correlation of sum_(ij in I) L_ij and S(x) - S(x with the baseline at places I), in [-1, 1].

    I runs over `runs` random sets of n places; L is (H, W). If S is a sum over places and L holds its terms, the
    result is 1 for every n. It is NaN if one of the two numbers never changes. The paper has n from 1 to 80 % of all
    places. Ancona et al. 2018, arXiv 1711.06104. (Quantus 0.6 computes something else under this name: it compares the
    drop after all steps so far with the places of the last step only.) Raises InputError for a map of another size,
    and for n outside 1 ... H W.
    """
    request = ask(net, x, target, score)
    H, W = request.x.shape[1:3]
    L = floats_of(L, "the map")
    if L.shape != (H, W):
        raise InputError(f"the map must have the picture's size ({H}, {W}); got {L.shape}; heat.map has this size")
    sets = subsets(count_of(n, "n", most=H * W), H * W, count_of(runs, "runs", least=2), seed)
    b = baseline_of(net, request.x, baseline)
    pictures = (np.where(np.isin(np.arange(H * W), chosen).reshape(H, W, 1), b, request.x) for chosen in sets)
    values = request.values(pictures, count=len(sets), batch=batch, what="sensitivity")
    return pearson(L.ravel()[sets].sum(1), request.value - np.array(values))


def faithfulness_correlation(net, x, L, target=None, score="post", **options):
    """Return sensitivity-n for one n, 224 as in Quantus. Bhatt et al. 2020, arXiv 2005.00631, gave it this name."""
    return sensitivity_n(net, x, L, 224, target, score, **options)


def subsets(n, places, runs, seed):
    """Return `runs` random sets of n numbers below `places`, (runs, n). The same seed gives the same sets."""
    rng = rng_of(seed)
    return np.stack([rng.choice(places, n, replace=False) for _ in range(runs)])
