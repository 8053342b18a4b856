"""Winograd's form of a convolution in readable NumPy, in the dtype of its input: the reference of winograd.py.

The reference of all other kernels is the engine's own ops and rules.
"""

from fractions import Fraction
from itertools import product

import numpy as np


def winograd_matrices(points=(Fraction(0), Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(-2))):
    """Return A^T (4, 6), G (6, 3), B^T (6, 6) of F(4, 3) as exact numbers, from the points and infinity.

    Five values and the leading coefficient determine a product of polynomials of degree 3 and 2. The transpose of this
    interpolation is a correlation: y_r = sum_e A^T_re (G w)_e (B^T d)_e.
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
    """Return the coefficients of the product of (t - root), the lowest first."""
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
