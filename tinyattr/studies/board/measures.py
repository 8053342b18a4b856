"""How far a map agrees with what is known: where the glyphs are, which one is asked for, whether there is one at all.

`points_at` (the pointing game) and `energy` are in studies/metrics.py. Here are the others, and the intervals.
"""

import numpy as np

from tinyattr.methods.baselines import baseline_of
from tinyattr.studies.metrics import energy, spearman

SHARES = (0, 0.05, 0.1, 0.2, 0.4, 1)  # of the pixels: where the curves are measured; a glyph covers a tenth at most


def rank_correlation(L, mask, block=4):
    """Spearman correlation of a map and a mask (H, W), in [-1, 1]; 0 where either is the same everywhere.

    1 says that every place on the mask is above every place off it. Both are first averaged over block x block pixels:
    maps are smoother than that, and ranks of all pixels would take most of the board's time. Fong & Vedaldi 2017,
    arXiv 1704.03296, among others, compare maps with masks; ranks as in Ghorbani et al. 2019, arXiv 1710.10547.
    """
    h, w = (length // block for length in np.shape(L))
    small = [m[:h * block, :w * block].reshape(h, block, w, block).mean((1, 3)) for m in (L, mask)]
    return float(np.nan_to_num(spearman(*small)))


def own_share(L, own, other):
    """Of the map's positive part on either of two masks, the share on the first, in [0, 1]; 1/2 if there is none."""
    on, off = (np.maximum(L, 0)[mask].sum() for mask in (own, other))
    return float(on / (on + off)) if on + off > 0 else 0.5


def follows(a, b, mask_a, mask_b):
    """Does the map move to the glyph of the explained class? s_a(a) + s_b(b) - 1, in [-1, 1]; s: `own_share`.

    a, b: the maps of the two classes in a picture. 1: each lies on its own glyph; -1: on the other's; 0: the map is
    the same for both classes, whatever it shows. The question is that of class-discriminative maps in Selvaraju et al.
    2017, arXiv 1610.02391, and of random logits in Sixt et al. 2020, arXiv 1912.09818, asked with a known truth.
    """
    return own_share(a, mask_a, mask_b) + own_share(b, mask_b, mask_a) - 1


def told_apart(with_glyph, without):
    """(n, m): 1 where the map of picture i, with a glyph, is higher than that of j, without; 1/2 where they are equal.

    Its mean, in [0, 1], is the area under the ROC curve of "the map's height says that something is there" (Hanley &
    McNeil 1982, 10.1148/radiology.143.1.7063747): 1 always right, 1/2 no better than a coin. min-max hides the height.
    """
    a, b = np.asarray(with_glyph, float)[:, None], np.asarray(without, float)
    return (a > b) + (a == b) / 2


def areas(request, L):
    """(area under insertion, area under deletion) of y_c, in [0, 1]: the first shall be large, the second small.

    As studies/curves.py has them, Petsiuk et al. 2018, arXiv 1806.07421, but at SHARES of the pixels only: the
    trapezoid rule over these. request: by score "post". The rest of the picture has the mean colour.
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
    """`energy` with 0 for an empty map."""
    return float(np.nan_to_num(energy(L, mask)))


def interval(values, seed=0, resamples=1000):
    """(mean, low, high): 95 % bootstrap interval, the 2.5th and 97.5th percentile of the means of resampled values.

    values: (n,), or (n, m) as `told_apart` gives, whose rows and columns are pictures that are drawn independently.
    Drawing n of n with replacement gives each a count: multinomial numbers, the same for every map, as the same
    pictures are drawn. Efron 1979, 10.1214/aos/1176344552.
    """
    M = np.asarray(values, float).reshape(len(values), -1)
    rng = np.random.default_rng(seed)
    rows, columns = (rng.multinomial(n, np.full(n, 1 / n), resamples) / n for n in M.shape)
    means = (rows @ M * columns).sum(1)
    return float(M.mean()), *np.percentile(means, (2.5, 97.5)).tolist()
