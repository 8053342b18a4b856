"""Softmax and its Jacobian, written out as in the papers. NumPy only: no tape, no network.

Equation numbers are those of Lerma & Lucas (2023), "Pre or Post-Softmax Scores in Gradient-based
Attribution Methods, What is Best?". Logits z have shape (..., n); the last axis holds the classes.
"""

import numpy as np

from tinyattr.errors import InputError


def finite(z):
    """z as float64, shape (..., n). Raises InputError unless it is finite, with at least one class."""
    z = np.asarray(z, dtype=np.float64)
    if z.ndim == 0 or z.shape[-1] == 0:
        raise InputError(f"logits need a last axis with at least one class; got shape {z.shape}")
    if not np.isfinite(z).all():
        raise InputError("logits must be finite; got NaN or infinity: check the network's input and weights")
    return z


def gaps(z):
    """d_i = z_i - max_j z_j <= 0, float64, shape (..., n).

    Everything below is a function of d, so a number added to every logit leaves no trace (equation 8),
    and no exponential can overflow. Raises InputError for logits that are not finite.
    """
    z = finite(z)
    return z - z.max(-1, keepdims=True)


def logsumexp(z):
    """log sum_i e^{z_i}, shape (...)."""
    return np.max(z, -1) + np.log(np.exp(gaps(z)).sum(-1))


def softmax(z):
    """y_c = e^{z_c} / sum_i e^{z_i}, in (0, 1), shape (..., n). Equation (1)."""
    e = np.exp(gaps(z))
    return e / e.sum(-1, keepdims=True)


def log_softmax(z):
    """log y_c = z_c - log sum_i e^{z_i} <= 0, shape (..., n)."""
    d = gaps(z)
    return d - np.log(np.exp(d).sum(-1, keepdims=True))


def softmax_jacobian(z):
    """dy_i/dz_j = y_i (delta_ij - y_j), that is J = diag(y) - y y^T, shape (..., n, n). Equation (4).

    The diagonal is y_i sum_{j != i} y_j, not y_i (1 - y_i), which cancels to nothing once y_i rounds to 1.
    """
    y = softmax(z)
    J = -y[..., :, None] * y[..., None, :]
    i = np.arange(y.shape[-1])
    J[..., i, i] = 0
    J[..., i, i] = -J.sum(-1)
    return J
