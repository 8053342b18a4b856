"""Insertion and deletion: does the score rise if we show the pixels that a map calls important, and fall without them?

Petsiuk et al. 2018 (RISE), arXiv 1806.07421. By default the score is y_c. It is equal in the original and the altered
network. So if their curves differ, their maps differ.
"""

import numpy as np

from tinyattr.errors import InputError, count_of, floats_of
from tinyattr.methods.baselines import baseline_of
from tinyattr.methods.request import BATCH, ask


def deletion(net, x, L, target=None, score="post", *, baseline="mean", pixels=224, batch=BATCH):
    """Return S after deleting the 0, 1, 2, ... x `pixels` highest places of L (H, W). A better map makes S fall sooner.

    Deleted pixels get the values of the baseline in all channels. Ties are ordered by their position. See `area`.
    """
    return _curve(net, x, L, target, score, baseline, pixels, batch, keep=False)


def insertion(net, x, L, target=None, score="post", *, baseline="mean", pixels=224, batch=BATCH):
    """Return S after inserting the 0, 1, 2, ... x `pixels` highest places of L into the baseline: S should rise."""
    return _curve(net, x, L, target, score, baseline, pixels, batch, keep=True)


def areas(net, x, L, target=None):
    """Return {"insertion": area, "deletion": area} under both curves of y_c.

    A better map, which marks the places that the network needs, has more area under insertion and less under deletion.
    """
    return {curve.__name__: area(curve(net, x, L, target)) for curve in (insertion, deletion)}


def area(curve):
    """Area under a curve over [0, 1] by the trapezoid rule: (sum of s - (first + last) / 2) / number of steps."""
    return float((np.sum(curve) - (curve[0] + curve[-1]) / 2) / (len(curve) - 1))


def _curve(net, x, L, target, score, baseline, pixels, batch, keep):
    request = ask(net, x, target, score)
    H, W = request.x.shape[1:3]
    L = floats_of(L, "the map")
    if np.shape(L) != (H, W):
        raise InputError(f"the map must have the picture's size ({H}, {W}); got {np.shape(L)}; heat.map has this size")
    if not np.isfinite(L).all():
        raise InputError("the map must be finite numbers; got NaN or infinity, which have no order")
    count_of(pixels, "pixels")
    rank = np.empty(H * W, int)
    rank[np.argsort(-np.ravel(L), kind="stable")] = np.arange(H * W)
    rank = rank.reshape(H, W, 1)  # the highest place has rank 0
    b = baseline_of(net, request.x, baseline)
    changed = range(0, H * W + pixels, pixels)
    pictures = (np.where((rank < n) == keep, request.x, b) for n in changed)
    return np.array(request.values(pictures, count=len(changed), batch=batch, what="curve"))
