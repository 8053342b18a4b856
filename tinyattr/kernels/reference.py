"""The slow, obvious twins of the fast kernels: each definition with its indices. They run in the dtype they are given."""

from fractions import Fraction
from itertools import product

import numpy as np


def _window(i, s, p, k, length):
    """Pairs (u, s i + u - p) of a window's places that lie inside a line of this length."""
    return [(u, s * i + u - p) for u in range(k) if 0 <= s * i + u - p < length]


def _places(x, out, size, stride, padding):
    """Every (i, j, u, v, row, column) with row = s i + u - p and column = s j + v - p inside x."""
    for i, j in product(range(out[0]), range(out[1])):
        for u, row in _window(i, stride[0], padding[0], size[0], x[0]):
            for v, column in _window(j, stride[1], padding[1], size[1], x[1]):
                yield i, j, u, v, row, column


def convolve(x, w, bias, stride=(1, 1), padding=(0, 0)):
    """y[n,i,j,k] = bias[k] + sum_{u,v,c} x[n, s i + u - p, s j + v - p, c] w[u,v,c,k], with x = 0 outside."""
    size = w.shape[:2]
    out = [(length + 2 * p - k) // s + 1 for length, k, s, p in zip(x.shape[1:3], size, stride, padding, strict=True)]
    y = np.zeros((len(x), *out, w.shape[3]), x.dtype) + bias
    for i, j, u, v, row, column in _places(x.shape[1:3], out, size, stride, padding):
        y[:, i, j] += x[:, row, column] @ w[u, v]
    return y


def convolve_back(g, w, shape, stride=(1, 1), padding=(0, 0)):
    """m[n, s i + u - p, s j + v - p, c] = sum_{i,j,u,v,k} g[n,i,j,k] w[u,v,c,k]. shape: that of the input."""
    m = np.zeros(shape, g.dtype)
    for i, j, u, v, row, column in _places(shape[1:3], g.shape[1:3], w.shape[:2], stride, padding):
        m[:, row, column] += g[:, i, j] @ w[u, v].T
    return m


def weight_gradient(x, g, size, stride=(1, 1), padding=(0, 0)):
    """dw[u,v,c,k] = sum_{n,i,j} x[n, s i + u - p, s j + v - p, c] g[n,i,j,k];  db[k] = sum_{n,i,j} g[n,i,j,k]."""
    dw = np.zeros((*size, x.shape[3], g.shape[3]), x.dtype)
    for i, j, u, v, row, column in _places(x.shape[1:3], g.shape[1:3], size, stride, padding):
        dw[u, v] += x[:, row, column].T @ g[:, i, j]
    return dw, g.sum((0, 1, 2))


def gated(v, gate):
    """v where gate > 0, else 0."""
    return np.where(gate > 0, v, 0)


def max_pool(x, out, size, stride):
    """y[n,i,j,c] = the largest x in window (i, j), cut at the edge. out: how many windows, (Ho, Wo)."""
    y = np.full((len(x), *out, x.shape[3]), -np.inf, x.dtype)
    for i, j, _, _, row, column in _places(x.shape[1:3], out, size, stride, (0, 0)):
        y[:, i, j] = np.maximum(y[:, i, j], x[:, row, column])
    return y


def max_pool_back(x, g, size, stride):
    """m = g at each window's first largest x in row-major order, summed where windows overlap."""
    m = np.zeros_like(x)
    y = max_pool(x, g.shape[1:3], size, stride)
    waiting = np.ones(g.shape, bool)  # windows whose maximum was not met yet
    for i, j, _, _, row, column in _places(x.shape[1:3], g.shape[1:3], size, stride, (0, 0)):
        hit = waiting[:, i, j] & (x[:, row, column] == y[:, i, j])
        m[:, row, column] += g[:, i, j] * hit
        waiting[:, i, j] &= ~hit
    return m


def dense(x, w, bias):
    """y[n,o] = bias[o] + sum_i x[n,i] w[i,o]."""
    return x @ w + bias


def dense_back(g, w):
    """m[n,i] = sum_o g[n,o] w[i,o]."""
    return g @ w.T


def dense_weight_gradient(x, g):
    """dw[i,o] = sum_n x[n,i] g[n,o];  db[o] = sum_n g[n,o]."""
    return x.T @ g, g.sum(0)


def winograd_matrices(points=(Fraction(0), Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(-2))):
    """A^T (4, 6), G (6, 3), B^T (6, 6) of F(4, 3), exactly, from the points and infinity.

    A product of polynomials of degree 3 and 2 is fixed by its values at five points and its leading coefficient; read
    backwards, interpolation is correlation: y_r = sum_e A^T_re (G w)_e (B^T d)_e.
    """
    columns = []
    for at in points:
        others = [q for q in points if q != at]
        columns.append(([*_polynomial(others), Fraction(0)], np.prod([at - q for q in others])))
    a = [[p ** r for p in points] + [Fraction(int(r == 3))] for r in range(4)]
    g = [[p ** r / norm for r in range(3)] for p, (_, norm) in zip(points, columns, strict=True)] + [[0, 0, 1]]
    b = [coefficients for coefficients, _ in columns] + [_polynomial(points)]
    return tuple(np.array(m, float) for m in (a, g, b))


def _polynomial(roots):
    """Coefficients of the product of (t - root), the lowest first."""
    coefficients = [Fraction(1)]
    for root in roots:
        coefficients = [low - root * high for low, high in zip([0, *coefficients], [*coefficients, 0], strict=True)]
    return coefficients


def winograd(x, w, bias, matrices=None):
    """Convolution 3 x 3, stride 1, padding 1, by 4 x 4 tiles: A^T [ sum_c (G w G^T) * (B^T d B) ] A + bias."""
    a, g, b = (m.astype(x.dtype) for m in matrices or winograd_matrices())
    n, height, width, _ = x.shape
    down, across = -(-height // 4), -(-width // 4)
    x = np.pad(x, ((0, 0), (1, 4 * down - height + 1), (1, 4 * across - width + 1), (0, 0)))
    y = np.zeros((n, 4 * down, 4 * across, w.shape[3]), x.dtype)
    u = np.einsum("eu,fv,uvck->efck", g, g, w)
    for i, j in product(range(0, 4 * down, 4), range(0, 4 * across, 4)):
        v = np.einsum("eu,fv,nuvc->nefc", b, b, x[:, i:i + 6, j:j + 6])
        y[:, i:i + 4, j:j + 4] = np.einsum("re,sf,nefk->nrsk", a, a, np.einsum("nefc,efck->nefk", v, u)) + bias
    return y[:, :height, :width]
