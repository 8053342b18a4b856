"""Scores: what a heatmap explains. Each gives its value and its row dS/dz at the logits.

    score(z, c) -> (value, row, log_scale)      dS/dz = row * exp(log_scale)

z has shape (n,) or (N, n), c is a class index (or N of them); value and log_scale have shape () or (N,), row that
of z, all float64. The scale stands beside the row as a logarithm, so that a saturated network, whose dy_c/dz
underflows, still has a direction.

A score is blind to "add t(x) to every logit" exactly when its row sums to zero: kappa = sum_i dS/dz_i = 0.
`pre` has kappa 1, all others 0. post, log and log_odds share one row and differ in scale only:

    dy_c/dz = y_c d(log y_c)/dz = y_c (1 - y_c) d(log_odds)/dz,      d(log_odds)/dz = e_c - q,

with q the softmax of the rivals j != c. Nothing is ever formed as 1 - y_c, which is rounding noise once y_c is near 1.
"""

import numpy as np

from tinyattr.errors import InputError
from tinyattr.softmax import finite, gaps, logsumexp, softmax


def pre(z, c):
    """S = z_c, the pre-softmax score. Row e_c; kappa = 1."""
    one_hot = _one_hot(z, c)
    return (finite(z) * one_hot).sum(-1), one_hot, np.zeros(one_hot.shape[:-1])


def log_odds(z, c):
    """S = log(y_c / (1 - y_c)) = z_c - logsumexp_{j != c} z_j. Row e_c - q, q_j = y_j / (1 - y_c), q_c = 0."""
    one_hot = _one_hot(z, c)
    if one_hot.shape[-1] == 1:
        raise InputError("log_odds compares a class with rivals; these logits have one class only: use 'pre'")
    d = gaps(z)
    rivals = _without(d, one_hot)
    q = np.zeros_like(one_hot)
    q[one_hot == 0] = softmax(rivals).ravel()
    value = (d * one_hot).sum(-1) - logsumexp(rivals)
    return value, one_hot - q, np.zeros_like(value)


def log(z, c):
    """S = log y_c = -log(1 + e^{-log_odds}). Row e_c - y = (1 - y_c)(e_c - q)."""
    odds, row = _odds_or_certain(z, c)
    return -np.logaddexp(0, -odds), row, -np.logaddexp(0, odds)


def post(z, c):
    """S = y_c, the post-softmax score. Row y_c (e_c - y) = y_c (1 - y_c)(e_c - q). Equation (4), row c."""
    value, row, log_rest = log(z, c)
    return np.exp(value), row, value + log_rest


def centred(z, c):
    """S = z_c - (1/n) sum_j z_j. Row e_c - 1/n."""
    one_hot, d = _one_hot(z, c), gaps(z)
    row = one_hot - 1 / d.shape[-1]
    return (d * one_hot).sum(-1) - d.mean(-1), row, np.zeros(d.shape[:-1])


def margin(z, c):
    """S = z_c - z_r, r the strongest rival (the first, if several tie). Row e_c - e_r."""
    one_hot, d = _one_hot(z, c), gaps(z)
    if d.shape[-1] == 1:
        raise InputError("margin compares a class with a rival; these logits have one class only: use 'pre'")
    rival = _one_hot(z, np.where(one_hot > 0, -np.inf, d).argmax(-1))
    row = one_hot - rival
    return (d * row).sum(-1), row, np.zeros(d.shape[:-1])


SCORES = {"pre": pre, "post": post, "log": log, "log_odds": log_odds, "centred": centred, "margin": margin}


def _one_hot(z, c):
    """e_c, shape of z. Raises InputError for a class that does not exist."""
    shape, c = np.shape(z), np.asarray(c)
    n = shape[-1] if shape else 0
    if c.dtype.kind not in "iu" or c.size == 0 or c.min() < 0 or c.max() >= n:
        raise InputError(f"class must be a whole number from 0 to {n - 1}; got {c.tolist()!r}")
    return (np.arange(n) == np.broadcast_to(c, shape[:-1])[..., None]).astype(np.float64)


def _without(d, one_hot):
    """The rivals' entries of d: (..., n) -> (..., n - 1)."""
    return d[one_hot == 0].reshape(*d.shape[:-1], d.shape[-1] - 1)


def _odds_or_certain(z, c):
    """(log-odds, row e_c - q); with a single class y_c = 1 whatever z is: odds infinite, row zero."""
    if np.shape(z)[-1:] == (1,):
        certain = _one_hot(z, c)
        return np.full(certain.shape[:-1], np.inf), np.zeros_like(certain)
    return log_odds(z, c)[:2]
