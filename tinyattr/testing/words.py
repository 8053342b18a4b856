"""Write numbers and vectors as text, for counter-examples."""

import numpy as np


def apart(got, wanted):
    """Return a text such as "0.3, not 0.4". If both numbers would look the same, the text tells their difference."""
    got, wanted = got + 0.0, wanted + 0.0  # no -0
    if f"{got:.6g}" != f"{wanted:.6g}" or got == wanted or got != got:
        return f"{got:.6g}, not {wanted:.6g}"
    return f"{got:.6g}, off by {abs(got - wanted):.1e}"


def text(values):
    """Return a text such as "(1, 2.5, 3)"; for more than six values "(1, 2, 3, ... 500 in all)"; for one number "1"."""
    if np.ndim(values) == 0:
        return f"{values:.6g}"
    values = np.ravel(values) + 0  # no -0
    few = values if values.size <= 6 else values[:3]
    return f"({', '.join(f'{v:.6g}' for v in few)}{f', ... {values.size:,} in all' if values.size > 6 else ''})"


def described(z):
    """Describe a counter-example: "z = (1, 2)", or "z = 0.5, 517 times", or "z = 0, 17 times, but z_16 = 20"."""
    kind = "" if z.dtype == np.float64 else f" in {z.dtype.name}"
    if z.size > 6:
        most = max(set(z.tolist()), key=z.tolist().count)
        others = np.flatnonzero(z != most)
        if len(others) <= 3:
            but = ", ".join(f"z_{i} = {z[i]:g}" for i in others)
            return f"z = {most:g}, {z.size:,} times{', but ' if but else ''}{but}{kind}"
    return f"z = {text(z)}{kind}"
