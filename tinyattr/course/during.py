"""What lessons call while they run: two checks that say what is wrong, and figures that end up in files."""

import numpy as np


def same(name, got, wanted, within=1e-12):
    """Check that `got` equals `wanted` but for rounding; print the verdict.

    within: allowed difference, relative to the largest magnitude in `wanted`, or to 1 where all of it is 0.
    Raises AssertionError, which names the check, the difference and both values, or their shapes if these differ.
    """
    got, wanted = np.asarray(got, np.float64), np.asarray(wanted, np.float64)
    if got.shape != wanted.shape:
        raise AssertionError(f"{name}: the answer has shape {got.shape}, expected {wanted.shape}")
    scale = np.abs(wanted).max(initial=0) or 1.0
    apart = np.abs(got - wanted).max(initial=0) / scale
    if not apart <= within:  # also where `apart` is NaN
        raise AssertionError(f"{name}: off by {apart:.2g} of the largest value, at most {within:.2g} is rounding; "
                             f"got {_short(got)}, expected {_short(wanted)}")
    print(f"{name}: ok, apart by {apart:.1g}")


def holds(name, truth, hint=""):
    """Check that `truth` is true; print the verdict. Raises AssertionError with the hint."""
    if not truth:
        raise AssertionError(f"{name}: does not hold" + (f"; {hint}" if hint else ""))
    print(f"{name}: ok")


def show(figure, name):
    """Write a figure into the working folder and say so; a notebook shows it, too."""
    from tinyattr.studies.draw import save_figure  # matplotlib is loaded only by lessons that draw

    save_figure(figure, name)
    print(f"figure  {name}")
    try:
        from IPython import get_ipython
    except ImportError:
        return
    if get_ipython() is not None:
        from IPython.display import Image, display

        display(Image(filename=name))


def _short(a):
    """At most five numbers of an array."""
    flat = a.ravel()
    numbers = ", ".join(f"{v:.6g}" for v in flat[:5])
    return numbers if a.ndim == 0 else f"[{numbers}{', ...' if flat.size > 5 else ''}]"
