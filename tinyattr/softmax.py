"""Softmax, cross-entropy and their Jacobians, written out as in the papers. NumPy only: no tape, no network.

Numbers in brackets, such as (4), are equations of Lerma & Lucas (2023), "Pre or Post-Softmax Scores in Gradient-based
Attribution Methods, What is Best?" (arXiv 2306.13197). (V4) is an equation of their second paper, see attack.py. Logits
z and probabilities y have shape (..., n): the last axis counts the classes. The argument `e` of a function is the
vector e_c: 1 at class c, else 0. In e^z, e is Euler's number.

The first half of this file takes logits of any real type and returns float64. No exponential can overflow. If two
logits differ by more than the largest float64, an InputError says so. The second half takes weights w_i = e^{z_i} or
probabilities y. It uses no root and no exponential. So tests can run it on fractions, where identities hold exactly.
"""

import numpy as np

from tinyattr.errors import InputError, floats_of

# ---------------------------------------------------------------------------------------------- functions of logits


def finite(z):
    """Return z as float64, (..., n). Raises InputError unless all z are finite and there is at least one class."""
    z = floats_of(z, "logits")
    if z.ndim == 0 or z.shape[-1] == 0:
        raise InputError(f"logits need a last axis with at least one class; got shape {z.shape}")
    if not np.isfinite(z).all():
        raise InputError("logits must be finite; got NaN or infinity: check the network's input and weights")
    return z


def gaps(z):
    """d_i = z_i - max_j z_j <= 0, float64, (..., n).

    Softmax depends only on d. So adding a number to every logit does not change softmax: equation (8). But logsumexp
    grows by this number. No e^d can overflow. Raises InputError for logits that are not finite, or too far apart.
    """
    z = finite(z)
    with np.errstate(over="ignore"):
        d = z - z.max(-1, keepdims=True)
    if not np.isfinite(d).all():
        raise InputError(f"logits from {z.min():.1e} to {z.max():.1e} are further apart than the largest float")
    return d


def softmax(z):
    """y_c = e^{z_c} / sum_i e^{z_i}, in [0, 1], (..., n). Equation (1)."""
    return probabilities(np.exp(gaps(z)))


def log_softmax(z):
    """log y_c = z_c - log sum_i e^{z_i} <= 0, (..., n). The result is accurate also where y_c rounds to 1."""
    d = gaps(z)
    return d - _log_total(d)[..., None]


def logsumexp(z):
    """log sum_i e^{z_i}, (...). Its gradient is y = softmax(z), its Hessian `jacobian(y)`."""
    return finite(z).max(-1) + _log_total(gaps(z))


def _log_total(d):
    """log sum_i e^{d_i} for gaps d. The largest e^{d_i} is 1, so we compute log(1 + sum of the others)."""
    w = np.exp(d)
    np.put_along_axis(w, d.argmax(-1)[..., None], 0, -1)
    return np.log1p(w.sum(-1))


def softmax_jacobian(z):
    """dy_i/dz_j = y_i (delta_ij - y_j), (..., n, n). Equation (4); also the Hessian of logsumexp."""
    return jacobian(softmax(z))


def cross_entropy(z, t):
    """L = -sum_c t_c log y_c, (...), for targets t >= 0 with any sum. Equation (11). See cross_entropy_gradient."""
    log_y = log_softmax(z)
    return -(_targets(t, log_y.shape[-1]) * log_y).sum(-1)


def entropy(z):
    """H(y) = -sum_c y_c log y_c, (...), from 0 to log n, where y = softmax(z)."""
    return -(softmax(z) * log_softmax(z)).sum(-1)


def entropy_gradient(z):
    """dH/dz_j = -y_j (log y_j + H), (..., n)."""
    return -softmax(z) * (log_softmax(z) + entropy(z)[..., None])


def temper(z, temperature):
    """(z - max z) / T. Its softmax y is softer for T > 1 and sharper for T < 1; dy/dz = jacobian(y) / T.

    A result below -1e300 becomes -1e300: its exponential is 0 anyway. Raises InputError unless 0 < T < infinity.
    """
    if not isinstance(temperature, int | float | np.number) or not 0 < temperature < np.inf:
        raise InputError(f"a temperature is a finite number above 0; got {temperature!r}")
    with np.errstate(over="ignore"):
        return np.maximum(gaps(z) / temperature, -1e300)


def temperature_derivative(z, temperature):
    """dy/dT = -jacobian(y) z / T^2, (..., n), where y = softmax(z / T)."""
    d = temper(z, temperature)
    return -jacobian_product(softmax(d), d) / temperature


def _targets(t, n):
    t = floats_of(t, "targets")
    if t.shape[-1:] != (n,):
        raise InputError(f"targets must hold one number for each of {n} classes; got shape {t.shape}")
    if not (np.isfinite(t).all() and (t >= 0).all()):
        raise InputError("targets must be finite and not negative")
    return t


# ------------------------------------------------------------------- rational functions of weights or probabilities


def probabilities(w):
    """y_c = w_c / sum_i w_i, (..., n), for weights w = e^z. Equation (1)."""
    w = _exact_or_float(w)
    return w / w.sum(-1, keepdims=True)


def rest(y):
    """r_i = sum_{j != i} y_j = 1 - y_i, (..., n): the sum of all other probabilities.

    If y_i is near 1, 1 - y_i is mostly rounding error. Only the largest y_i can be near 1: there we add up the others.
    """
    y = _exact_or_float(y)
    r, largest = 1 - y, y.argmax(-1)[..., None]
    others = np.array(y)
    np.put_along_axis(others, largest, 0, -1)
    np.put_along_axis(r, largest, others.sum(-1, keepdims=True), -1)
    return r


def jacobian(y):
    """J_ij = dy_i/dz_j = y_i (delta_ij - y_j), that is diag(y) - y y^T, (..., n, n). Equations (2)-(4)."""
    return _exact_or_float(y)[..., :, None] * log_jacobian(y)


def jacobian_product(y, v):
    """J v = y (v - y.v) = J^T v, (..., n): J is symmetric. If v = df/dy for some f, J v = df/dz: see equation (6)."""
    return _exact_or_float(y) * log_jacobian_times(y, v)


def log_jacobian(y):
    """d log y_i / dz_j = delta_ij - y_j, (..., n, n): row i is e_i - y. Not symmetric."""
    y = _exact_or_float(y)
    J = np.repeat(-y[..., None, :], y.shape[-1], -2)
    i = np.arange(y.shape[-1])
    J[..., i, i] = rest(y)
    return J


def log_jacobian_times(y, v):
    """(d log y / dz) v = v - (y.v), (..., n): the number y.v is subtracted from every entry of v."""
    y, v = np.broadcast_arrays(_exact_or_float(y), _exact_or_float(v))
    v = v - np.take_along_axis(v, y.argmax(-1)[..., None], -1)  # the same result, with smaller rounding errors
    return v - (y * v).sum(-1, keepdims=True)


def times_log_jacobian(u, y):
    """u^T (d log y / dz) = u - (sum_i u_i) y, (..., n)."""
    u, y = _exact_or_float(u), _exact_or_float(y)
    return u * rest(y) - (u.sum(-1, keepdims=True) - u) * y


def cross_entropy_slopes(y, t):
    """dL/dy_i = -t_i / y_i, (..., n), for L = -sum_c t_c log y_c. Equation (12)."""
    return -_exact_or_float(t) / _exact_or_float(y)


def cross_entropy_gradient(y, t):
    """dL/dz_j = y_j sum_c t_c - t_j, (..., n). Equation (13) is this for sum t = 1, and (16) for one-hot t."""
    return -times_log_jacobian(t, y)


def post_row(y, e):
    """dy_c/dz = y_c (e_c - y), (..., n): row c of the Jacobian; e is e_c. Equation (7) is this row times dz/dx."""
    return (_exact_or_float(y) * e).sum(-1, keepdims=True) * log_row(y, e)


def log_row(y, e):
    """d log y_c / dz = e_c - y, (..., n). Equation (18) is this row times dz/dx."""
    return np.where(np.asarray(e) == 1, rest(y), -_exact_or_float(y))


def log_odds_row(w, e):
    """d log(y_c / (1 - y_c)) / dz = e_c - q, (..., n). q is the rivals' softmax: q_j = w_j / sum_{i != c} w_i, q_c = 0.

    e is e_c: 1 at c, else 0. w_j = exp(z_j), up to one positive factor. At least one rival must have w > 0.
    """
    e = _exact_or_float(e)
    return e - probabilities(np.where(e == 1, 0, w))


def pre_row(e):
    """dz_c/dz = e_c, (..., n). Its sum is 1. So if t(x) is added to every logit, dz_c/dx grows by dt/dx (V4)."""
    return _exact_or_float(e)


def centred_row(e):
    """d(z_c - mean z)/dz = e_c - 1/n, (..., n)."""
    e = _exact_or_float(e)
    return e - e.sum(-1, keepdims=True) / e.shape[-1]


def margin_row(e, r):
    """d(z_c - z_r)/dz = e_c - e_r, (..., n), r one-hot for the strongest rival."""
    return _exact_or_float(e) - _exact_or_float(r)


def _exact_or_float(a):
    """Return object arrays (such as Fractions) unchanged, and all other numbers in float64."""
    a = np.asarray(a)
    return a if a.dtype == object else a.astype(np.float64)
