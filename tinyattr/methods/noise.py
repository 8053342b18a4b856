"""Gradients averaged over N noisy copies of the picture: G_m = dS/dx at x + s_m, s_m normal, standard deviation sigma.

Options: samples is N. sigma is in units of max x - min x. seed: the start of the random numbers. noise: your own s_m,
(N, H, W, C), instead of random ones. batch: how many copies run at a time. layer: if given, G_m = dS/dA of this layer.
"""

import numpy as np

from tinyattr.errors import InputError, count_of, number_of, rng_of
from tinyattr.methods.request import BATCH, ask_at, total


def smoothgrad(net, x, target=None, score=None, layer=None, *, samples=50, sigma=0.15, seed=0, noise=None, batch=BATCH):
    """M = (1/N) sum_m G_m, signed; shown as max_k |M_ijk|. Smilkov et al. 2017, arXiv 1706.03825."""
    request, layer, N, gradients = _noisy(net, x, target, score, layer, samples, sigma, seed, noise, batch)
    M, log_scale = total((g / N, own) for g, own in gradients)
    return request.heatmap("SmoothGrad", layer, M, np.abs(M).max(-1), log_scale=log_scale)


def smoothgrad_squared(net, x, target=None, score=None, layer=None, *, samples=50, sigma=0.15, seed=0, noise=None,
                       batch=BATCH):
    """(1/N) sum_m G_m^2, elementwise. Hooker et al. 2019, arXiv 1806.10758."""
    request, layer, N, gradients = _noisy(net, x, target, score, layer, samples, sigma, seed, noise, batch)
    squares, log_scale = total((g * g / N, 2 * own) for g, own in gradients)
    return request.heatmap("SmoothGrad squared", layer, squares, squares.max(-1), log_scale=log_scale)


def vargrad(net, x, target=None, score=None, layer=None, *, samples=50, sigma=0.15, seed=0, noise=None, batch=BATCH):
    """V = (1/N) sum_m (G_m - M)^2 >= 0, by Welford's recurrence. Adebayo et al. 2018, arXiv 1810.03307."""
    request, layer, N, gradients = _noisy(net, x, target, score, layer, samples, sigma, seed, noise, batch)
    M = V = 0.0
    top = -np.inf  # M is in units of exp(top), the largest scale so far; V is in units of exp(2 top)
    for m, (g, log_scale) in enumerate(gradients, 1):
        before, top = top, max(top, log_scale)
        old, new = (np.exp(s - top) if s > -np.inf else 0.0 for s in (before, log_scale))
        G, M, V = g * new, M * old, V * old**2
        d = G - M
        M = M + d / m
        V = V + d * (G - M)
    return request.heatmap("VarGrad", layer, V / N, V.max(-1) / N, log_scale=2 * top)


def _noisy(net, x, target, score, layer, samples, sigma, seed, noise, batch):
    """Return (request, layer, N, generator of (G_m, log_scale of G_m))."""
    request, layer = ask_at(net, x, target, score, layer, "input")
    shape = request.x.shape[1:]
    if noise is None:
        N, sigma = count_of(samples, "samples"), number_of(sigma, "sigma", 0, 1e6)
        noise = sigma * np.ptp(request.x) * rng_of(seed).standard_normal((N, *shape), request.x.dtype)
    elif np.ndim(noise) != 4 or np.shape(noise)[1:] != shape or len(noise) == 0:
        raise InputError(f"noise must be (N, {', '.join(map(str, shape))}); got {np.shape(noise)}")
    copies = (request.x + s for s in noise)
    along = request.along(copies, layer, count=len(noise), batch=batch, what="noise")
    return request, layer, len(noise), ((g, log_scale) for _, g, _, log_scale in along)
