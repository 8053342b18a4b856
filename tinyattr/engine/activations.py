"""Elementwise functions y = f(x): one table {op: (f, f')}. All have the same backward rule: signal g becomes g f'(x).

At a kink, where the two sides have different slopes, f' is one of them: 0 for ReLU at 0, and 0 for a clip at both ends.
"""

from math import erf, pi, sqrt

import numpy as np

SELU = 1.6732632423543772, 1.0507009873554805  # alpha and scale, Klambauer et al. 2017, arXiv 1706.02515
TANH_GELU = sqrt(2 / pi), 0.044715  # Hendrycks & Gimpel 2016, arXiv 1606.08415


def sigmoid(x):
    """1 / (1 + e^-x), without overflow on either side."""
    return np.exp(-np.logaddexp(0, -x))


def normal(x):
    """P(X <= x) for X of the standard normal distribution (mean 0, variance 1)."""
    return ((1 + np.vectorize(erf, otypes=[float])(x / sqrt(2))) / 2).astype(x.dtype)


def elu(x, *, alpha=1.0):
    """x where x > 0, else alpha (e^x - 1)."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def d_elu(x, *, alpha=1.0):
    """1 where x > 0, else alpha e^x."""
    return np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0)))


def gelu(x, *, approximate=False):
    """x P(X <= x), X standard normal. If approximate: x sigmoid(2 u), u = sqrt(2/pi) (x + 0.044715 x^3)."""
    r, a = TANH_GELU
    return x * (sigmoid(2 * r * (x + a * x**3)) if approximate else normal(x))


def d_gelu(x, *, approximate=False):
    """P(X <= x) + x times the normal density. If approximate: the derivative of the formula with sigmoid."""
    r, a = TANH_GELU
    if not approximate:
        return normal(x) + x * np.exp(-x * x / 2) / sqrt(2 * pi)
    s = sigmoid(2 * r * (x + a * x**3))
    return s + x * s * (1 - s) * 2 * r * (1 + 3 * a * x * x)


ACTIVATIONS = {
    "relu": (lambda x: np.maximum(x, 0), lambda x: x > 0),
    "leaky_relu": (lambda x, *, slope=0.01: np.where(x > 0, x, slope * x),
                   lambda x, *, slope=0.01: np.where(x > 0, 1, slope)),
    "prelu": (lambda x, slope: np.where(x > 0, x, slope * x), lambda x, slope: np.where(x > 0, 1, slope)),
    "clip": (lambda x, *, low, high: np.clip(x, low, high), lambda x, *, low, high: (x > low) & (x < high)),
    "elu": (elu, d_elu),
    "selu": (lambda x: SELU[1] * elu(x, alpha=SELU[0]), lambda x: SELU[1] * d_elu(x, alpha=SELU[0])),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "hard_sigmoid": (lambda x, *, slope, offset: np.clip(slope * x + offset, 0, 1),
                     lambda x, *, slope, offset: slope * ((slope * x + offset > 0) & (slope * x + offset < 1))),
    "tanh": (lambda x: np.tanh(x), lambda x: 4 * sigmoid(2 * x) * sigmoid(-2 * x)),
    "softplus": (lambda x: np.logaddexp(0, x), sigmoid),
    "softsign": (lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x)) ** 2),
    "silu": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * sigmoid(-x))),
    "hard_swish": (lambda x: x * np.clip(x / 6 + 0.5, 0, 1), lambda x: np.where(np.abs(x) < 3, x / 3 + 0.5, x > 0)),
    "gelu": (gelu, d_gelu),
    "mish": (lambda x: x * np.tanh(np.logaddexp(0, x)),
             lambda x: np.tanh(np.logaddexp(0, x)) + x * sigmoid(x) * (1 - np.tanh(np.logaddexp(0, x)) ** 2)),
}

ELEMENTWISE = {  # exp, log and mod are parts of formulas, not activations of neurons: LRP has no rule for exp, log
    **ACTIVATIONS,
    "exp": (lambda x: np.exp(x), lambda x: np.exp(x)),
    "log": (lambda x: np.log(x), lambda x: 1 / x),
    "mod": (lambda x, *, modulus: x % modulus, lambda x, *, modulus: np.ones_like(x)),  # a sawtooth from 0 to modulus
}
