"""Compare a map with the truth: where the glyphs are, which glyph is explained, and whether there is a glyph.

`points_at` (the pointing game) and `energy` are in studies/metrics.py. This file has other measures, and intervals.
"""

import numpy as np

from tinyattr.methods.baselines import baseline_of
from tinyattr.studies.metrics import energy, spearman

SHARES = (0, 0.05, 0.1, 0.2, 0.4, 1)  # shares of pixels at which curves are measured; a glyph covers at most a tenth


def rank_correlation(L, mask, block=4):
    """Spearman correlation of a map and a mask (H, W), in [-1, 1]; 0 if one of them is constant.

    1 means that every place on the mask is higher than every place outside. We first average map and mask over block x
    block pixels: the ranks of all pixels would take most of the time, and maps are smooth. Fong & Vedaldi 2017, arXiv
    1704.03296, and others compare maps with masks; ranks are as in Ghorbani et al. 2019, arXiv 1710.10547.
    """
    h, w = (length // block for length in np.shape(L))
    small = [m[:h * block, :w * block].reshape(h, block, w, block).mean((1, 3)) for m in (L, mask)]
    return float(np.nan_to_num(spearman(*small)))


def own_share(L, own, other):
    """(positive part on mask `own`) / (positive part on both masks), in [0, 1]; 1/2 if both are 0."""
    on, off = (np.maximum(L, 0)[mask].sum() for mask in (own, other))
    return float(on / (on + off)) if on + off > 0 else 0.5


def follows(a, b, mask_a, mask_b):
    """s_a(a) + s_b(b) - 1, in [-1, 1]: does the map move to the glyph of the explained class? s is `own_share`.

    a, b: the maps of the two classes in a picture. 1: each map is on its own glyph; -1: on the other glyph; 0: the map
    is the same for both classes. Selvaraju et al. 2017, arXiv 1610.02391, asked whether maps tell classes apart; Sixt
    et al. 2020, arXiv 1912.09818, compared maps of random logits. Here we know where each glyph is.
    """
    return own_share(a, mask_a, mask_b) + own_share(b, mask_b, mask_a) - 1


def told_apart(with_glyph, without):
    """Return (n, m): 1 where map i, with a glyph, is higher than map j, without a glyph; 1/2 where both are equal.

    The mean, in [0, 1], is the area under the ROC curve of the rule "a high map means that a glyph is there" (Hanley &
    McNeil 1982, 10.1148/radiology.143.1.7063747): 1 is always right, 1/2 is chance. Maps are compared before min-max.
    """
    a, b = np.asarray(with_glyph, float)[:, None], np.asarray(without, float)
    return (a > b) + (a == b) / 2


def areas(request, L):
    """Return (area under insertion, area under deletion) of y_c, in [0, 1]. A good map has a large and a small area.

    They are as in studies/curves.py (Petsiuk et al. 2018, arXiv 1806.07421), but only at SHARES of the pixels, with the
    trapezoid rule. The request must have the score "post". Pixels that are not shown get the mean colour.
    """
    x, b = request.x, baseline_of(request.net, request.x, "mean")
    rank = np.empty(L.size, int)
    rank[np.argsort(-L, axis=None, kind="stable")] = np.arange(L.size)  # 0: the highest place
    highest = [(rank < share * L.size).reshape(*L.shape, 1) for share in SHARES[1:-1]]
    pictures = [np.where(top, x, b) for top in highest] + [np.where(top, b, x) for top in highest]
    (y_b,) = request.values([b], count=1)
    y = request.values(pictures, count=len(pictures), batch=len(pictures))
    inserted, deleted = [y_b, *y[:len(highest)], request.value], [request.value, *y[len(highest):], y_b]
    return tuple(float(np.trapezoid(curve, SHARES)) for curve in (inserted, deleted))


def on_the_glyph(L, mask):
    """Return the share of the map's positive part that lies on the mask (`energy`); 0 for an empty map."""
    return float(np.nan_to_num(energy(L, mask)))


def interval(values, seed=0, resamples=1000):
    """Return (mean, low, high): the mean and its 95 % bootstrap interval. Efron 1979, 10.1214/aos/1176344552.

    We draw n of the n pictures, some of them several times, and take the mean of their values. low and high are the
    percentiles 2.5 and 97.5 of many such means. values: (n,), or (n, m) from `told_apart`, whose rows and columns we
    draw independently. All maps use the same draws.
    """
    M = np.asarray(values, float).reshape(len(values), -1)
    rng = np.random.default_rng(seed)
    rows, columns = (rng.multinomial(n, np.full(n, 1 / n), resamples) / n for n in M.shape)
    means = (rows @ M * columns).sum(1)
    return float(M.mean()), *np.percentile(means, (2.5, 97.5)).tolist()
