"""Scores: the numbers S that a heatmap can explain. Each score is a function. It returns S, and dS/dz in two parts:

    score(z, c) -> (value, row, log_scale)      dS/dz = row * exp(log_scale)

The logits z have shape (n,), or (N, n) for N pictures. c is one class index, or N of them. e_c has 1 at c, 0 elsewhere.
y = softmax(z). value and log_scale have shape () or (N,), row has the shape of z; all are float64. In this
file, `row` means dS/dz divided by exp(log_scale). If the network is very sure, dy_c/dz rounds to 0. `row` does not.
Numbers in brackets are equations of the first paper; softmax.py states (4), (7) and (18).

kappa = sum_i dS/dz_i, the sum of the slopes. Adding t(x) to every logit leaves S unchanged if and only if kappa is
0 at every z. `pre` has kappa 1, all others 0. The derivatives of post, log and log_odds differ only in scale:

    dy_c/dz = y_c d(log y_c)/dz = y_c (1 - y_c) d(log_odds)/dz,      d(log_odds)/dz = e_c - q,

where q is the softmax of the rivals j != c. So all three return the row e_c - q; exp(log_scale) is its factor. If y_c
is near 1, the computed difference 1 - y_c is mostly rounding error. So we compute log(1 - y_c) from the log-odds.
"""

import numpy as np

from tinyattr.errors import InputError
from tinyattr.softmax import centred_row, finite, gaps, log_odds_row, logsumexp, margin_row, pre_row


def pre(z, c):
    """S = z_c, the pre-softmax score. Row e_c; kappa = 1."""
    z, e = finite(z), one_hot(z, c)
    return (z * e).sum(-1), pre_row(e), np.zeros(e.shape[:-1])


def log_odds(z, c):
    """S = log(y_c / (1 - y_c)) = z_c - logsumexp_{j != c} z_j. Row e_c - q, q the rivals' softmax."""
    d, e = gaps(z), one_hot(z, c)
    rivals = _rivals(d, e, "log_odds")
    strongest = rivals.max(-1, keepdims=True)
    w = np.exp(np.minimum(d - strongest, 0))  # the rivals' largest w is 1: the sum of their w is not 0; w_c is not used
    value = (d * e).sum(-1) - logsumexp(rivals)
    return value, log_odds_row(w, e), np.zeros_like(value)


def log(z, c):
    """S = log y_c = -log(1 + e^{-log_odds}). dS/dz = e_c - y = (1 - y_c) (e_c - q). Row e_c - q. Equation (18)."""
    odds, row = _odds_or_certain(z, c)
    return -np.logaddexp(0, -odds), row, -np.logaddexp(0, odds)  # log y_c, row, and log_scale = log(1 - y_c)


def post(z, c):
    """S = y_c, post-softmax. dS/dz = y_c (e_c - y) = y_c (1 - y_c) (e_c - q). Row e_c - q. Equations (4), (7)."""
    value, row, log_rest = log(z, c)
    return np.exp(value), row, value + log_rest


def centred(z, c):
    """S = z_c - (1/n) sum_j z_j. Row e_c - 1/n."""
    d, e = gaps(z), one_hot(z, c)
    return (d * e).sum(-1) - d.mean(-1), centred_row(e), np.zeros(d.shape[:-1])


def margin(z, c):
    """S = z_c - z_r, where r is the strongest rival (the first one, if several are equal). Row e_c - e_r."""
    d, e = gaps(z), one_hot(z, c)
    _rivals(d, e, "margin")
    row = margin_row(e, one_hot(z, np.where(e == 1, -np.inf, d).argmax(-1)))
    return (d * row).sum(-1), row, np.zeros(d.shape[:-1])


SCORES = {"pre": pre, "post": post, "log": log, "log_odds": log_odds, "centred": centred, "margin": margin}


def one_hot(z, c):
    """Return e_c, float64, in the shape of z. Raises InputError for a class that does not exist."""
    shape, c = np.shape(z), np.asarray(c)
    n = shape[-1]
    if c.dtype.kind not in "iu" or c.shape not in ((), shape[:-1]) or c.size == 0 or c.min() < 0 or c.max() >= n:
        raise InputError(f"class must be a whole number from 0 to {n - 1}; got {c.tolist()!r}")
    return (np.arange(n) == np.broadcast_to(c, shape[:-1])[..., None]).astype(np.float64)


def _rivals(d, e, score):
    """Return d without the entry of class c: (..., n) -> (..., n - 1)."""
    if d.shape[-1] == 1:
        raise InputError(f"{score} compares a class with its rivals; these logits have only one class: use 'pre'")
    return d[e == 0].reshape(*d.shape[:-1], d.shape[-1] - 1)


def _odds_or_certain(z, c):
    """Return (log-odds, row e_c - q). If there is one class, y_c is always 1: the odds are infinite, the row is 0."""
    if gaps(z).shape[-1] == 1:
        certain = one_hot(z, c)
        return np.full(certain.shape[:-1], np.inf), np.zeros_like(certain)
    return log_odds(z, c)[:2]
