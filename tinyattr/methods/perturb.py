"""Cover parts of the picture and measure the score. These methods need no gradient, only forward passes."""

from itertools import product

import numpy as np

from tinyattr.errors import InputError, count_of, number_of, rng_of
from tinyattr.methods.baselines import baseline_of
from tinyattr.methods.heatmap import resize
from tinyattr.methods.request import BATCH, ask_picture


def occlusion(net, x, target=None, score=None, layer=None, *, window=32, stride=16, baseline="mean", batch=BATCH):
    """L_ij = mean of S(x) - S(x_w) over the windows w that cover (i, j). x_w is x, but in w it is the baseline.

    Zeiler & Fergus 2014, 1311.2901. baseline: a number, an array, or a key of `ta.BASELINES`; "mean" is all zeros.
    """
    request = ask_picture(net, x, target, score, layer, "occlusion")
    window, stride = count_of(window, "window"), count_of(stride, "stride")
    if stride > window:
        raise InputError(f"with stride {stride}, no window of {window} covers the pixels between; use a smaller stride")
    size = request.x.shape[1:3]
    starts = (range(0, max(length - window, 0) + stride, stride) for length in size)  # so all pixels are covered
    corners = list(product(*starts))
    regions = np.zeros((len(corners), *size), bool)
    for region, (i, j) in zip(regions, corners, strict=True):
        region[i:i + window, j:j + window] = True
    drops = _drops(request, regions, baseline, batch, "windows")
    L = np.tensordot(drops, regions, 1) / regions.sum(0)
    return request.heatmap("occlusion", "input", L, log_scale=0.0)


def feature_ablation(net, x, target=None, score=None, layer=None, *, groups=7, baseline="mean", batch=BATCH):
    """L_ij = S(x) - S(x_G). G is the group of pixel (i, j), and x_G is x with the baseline at the pixels of G.

    groups: a number n for a grid of n x n groups, or an array (H, W) that holds the group number of each pixel.
    """
    request = ask_picture(net, x, target, score, layer, "feature ablation")
    H, W = request.x.shape[1:3]
    if np.ndim(groups) == 0:
        n = count_of(groups, "groups", most=max(H, W))
        groups = np.arange(H)[:, None] * n // H * n + np.arange(W) * n // W
    if np.shape(groups) != (H, W):
        raise InputError(f"groups must be a number or whole numbers ({H}, {W}); got shape {np.shape(groups)}")
    regions = np.asarray(groups) == np.unique(groups)[:, None, None]
    L = np.tensordot(_drops(request, regions, baseline, batch, "groups"), regions, 1)
    return request.heatmap("feature ablation", "input", L, log_scale=0.0)


def rise(net, x, target=None, score=None, layer=None, *, samples=1000, cells=7, p=0.5, seed=0, masks=None, batch=BATCH):
    """L_ij = (1/(N p)) sum_m S(x * M_m) M_ijm, M_m random masks in [0, 1]. RISE, Petsiuk et al. 2018, arXiv 1806.07421.

    A mask has `cells` x `cells` cells, each 1 with probability p. It is enlarged bilinearly and shifted at random by
    less than a cell. masks: your own M_m (N, H, W); set p to their mean. If S of each
    masked picture grows by t, L grows by t/p times the mean of the masks. This part says nothing about the picture.
    """
    request = ask_picture(net, x, target, score, layer, "RISE")
    p = number_of(p, "p", 1e-6, 1)
    if masks is None:
        size = request.x.shape[1:3]
        masks = _rise_masks(count_of(samples, "samples"), count_of(cells, "cells", most=max(7, *size)), p, seed, size)
    elif np.shape(masks)[1:] != request.x.shape[1:3] or len(masks) == 0:
        raise InputError(f"masks must be (N, {request.x.shape[1]}, {request.x.shape[2]}); got {np.shape(masks)}")
    pictures = ((request.x * M[..., None]).astype(request.x.dtype) for M in masks)
    found = np.array(request.values(pictures, count=len(masks), batch=batch, what="masks"))
    return request.heatmap("RISE", "input", np.tensordot(found, masks, 1) / (len(masks) * p), log_scale=0.0)


def _drops(request, regions, baseline, batch, what):
    """Return S(x) - S(x with the baseline inside a region), for every region (H, W)."""
    b = baseline_of(request.net, request.x, baseline)
    pictures = (np.where(region[..., None], b, request.x) for region in regions)
    return request.value - np.array(request.values(pictures, count=len(regions), batch=batch, what=what))


def _rise_masks(samples, cells, p, seed, size):
    """Return (N, H, W) float32: grids of 0 and 1, enlarged to one cell more than the picture, then cut at random."""
    rng = rng_of(seed)
    cell = [-(-length // cells) for length in size]
    masks = np.empty((samples, *size), np.float32)
    for mask in masks:
        large = resize(rng.random((cells, cells)) < p, [(cells + 1) * c for c in cell])
        i, j = rng.integers(0, cell)
        mask[:] = large[i:i + size[0], j:j + size[1]]
    return masks
