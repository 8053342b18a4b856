"""Gradients averaged over N noisy copies of the picture: G_m = dS/dx at x + s_m, s_m normal, standard deviation sigma.

Options of all three: samples N; sigma, in units of max x - min x; seed of the draws; noise, the draws themselves,
(N, H, W, C), instead; batch, how many copies run at a time. With a layer, G_m = dS/dA there.
"""

import numpy as np

from tinyattr.errors import InputError
from tinyattr.methods.asking import BATCH, ask, count_of, total


def smoothgrad(net, x, target=None, score=None, layer=None, *, batch=BATCH, **draws):
    """M = (1/N) sum_m G_m, signed; shown as max_k |M_ijk|. Smilkov et al. 2017, arXiv 1706.03825."""
    question = ask(net, x, target, score)
    M, log_scale = total(_gradients(question, layer, batch, **draws))
    count = _count(**draws)
    return question.heatmap("SmoothGrad", layer or "input", M / count, np.abs(M).max(-1) / count, log_scale=log_scale)


def smoothgrad_squared(net, x, target=None, score=None, layer=None, *, batch=BATCH, **draws):
    """(1/N) sum_m G_m^2, elementwise. Hooker et al. 2019, arXiv 1806.10758."""
    question = ask(net, x, target, score)
    squares, log_scale = total((g * g, 2 * own) for g, own in _gradients(question, layer, batch, **draws))
    squares /= _count(**draws)
    return question.heatmap("SmoothGrad squared", layer or "input", squares, squares.max(-1), log_scale=log_scale)


def vargrad(net, x, target=None, score=None, layer=None, *, batch=BATCH, **draws):
    """V = (1/N) sum_m (G_m - M)^2 >= 0. Adebayo et al. 2018, arXiv 1810.03307.

    Welford's recurrence: the difference of mean square and squared mean would cancel.
    """
    question = ask(net, x, target, score)
    own = question.log_scale if np.isfinite(question.log_scale) else 0.0
    M = V = 0.0
    for m, (g, log_scale) in enumerate(_gradients(question, layer, batch, **draws), 1):
        G = g * np.exp(log_scale - own)
        M, before = M + (G - M) / m, M
        V = V + (G - before) * (G - M)
    V /= m
    return question.heatmap("VarGrad", layer or "input", V, V.max(-1), log_scale=2 * own)


def _gradients(question, layer, batch, samples=50, sigma=0.15, seed=0, noise=None):
    """(g, log_scale) of every noisy copy."""
    x = question.x
    if noise is None:
        samples = count_of(samples, "samples")
        if not 0 <= sigma < np.inf:
            raise InputError(f"sigma must be 0 or more; got {sigma}")
        rng = np.random.default_rng(seed)
        noise = (sigma * (x.max() - x.min()) * rng.standard_normal(x.shape, x.dtype)[0] for _ in range(samples))
    elif np.shape(noise)[1:] != x.shape[1:] or len(noise) == 0:
        raise InputError(f"noise must be (N, {', '.join(map(str, x.shape[1:]))}); got {np.shape(noise)}")
    else:
        samples = len(noise)
    copies = (x + s for s in noise)
    for _, g, _, log_scale in question.along(copies, layer or "input", count=samples, batch=batch, what="noisy copies"):
        yield g, log_scale


def _count(samples=50, noise=None, **_):
    return samples if noise is None else len(noise)
