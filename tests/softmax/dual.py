"""Exact derivatives: a number and its slope, v + s dx with dx^2 = 0. Sums, products and quotients of Fractions stay exact."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np


@dataclass(frozen=True)
class Dual:
    value: Fraction
    slope: Fraction

    def __add__(self, other):
        other = dual(other)
        return Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other):
        other = dual(other)
        return Dual(self.value * other.value, self.value * other.slope + self.slope * other.value)

    def __truediv__(self, other):
        other = dual(other)
        return Dual(self.value / other.value, (self.slope * other.value - self.value * other.slope) / other.value**2)

    __radd__, __rmul__ = __add__, __mul__


def dual(v):
    return v if isinstance(v, Dual) else Dual(v, Fraction(0))


def moving(w, m):
    """Weights w_i = e^{z_i} whose logits move at dz_i/dx = m_i: dw_i/dx = w_i m_i."""
    return np.array([Dual(v, v * s) for v, s in zip(w, m, strict=True)], object)


def slopes(duals):
    return np.array([d.slope for d in duals], object)
