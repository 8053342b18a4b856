"""One kind of error for all a user can get wrong: one line, what was given, what was expected and what to do.

And the checks that raise it for arguments of every room: names, counts, seeds.
"""

from difflib import get_close_matches
from operator import index

import numpy as np


class InputError(ValueError):
    """What was given cannot be used. The command line prints its one line and exits with status 1."""


def unknown(kind, given, known):
    """The error for a name that does not exist: lists the near matches, else all names when they are few."""
    known = [str(name) for name in known]
    near = get_close_matches(str(given), known, n=5, cutoff=0.5)
    if near:
        hint = f"did you mean {', '.join(near)}?"
    elif len(known) <= 12:
        hint = f"known: {', '.join(known) or 'none'}"
    else:
        hint = f"known: {', '.join(known[:4])}, ... {', '.join(known[-4:])} ({len(known)} in all)"
    return InputError(f"unknown {kind} {given!r}; {hint}")


def named(kind, given, known):
    """The name among `known` that is meant by `given`: "Grad-CAM" means grad_cam.

    Raises InputError as `unknown` says.
    """
    meant = {folded(name): name for name in known}
    if isinstance(given, str) and given in known:
        return given
    if not isinstance(given, str) or folded(given) not in meant:
        raise unknown(kind, given, known)
    return meant[folded(given)]


def count_of(number, name, least=1, most=None):
    """A whole number of at least `least` and, if given, at most `most`. Raises InputError."""
    try:
        count = index(None if isinstance(number, bool) else number)
    except TypeError:
        count = least - 1
    if count < least or (most is not None and count > most):
        wanted = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise InputError(f"{name} must be a whole number {wanted}; got {number!r}")
    return count


def number_of(number, name, low, high):
    """A real number from low to high, two finite numbers, as a float. Raises InputError."""
    real = isinstance(number, int | float | np.integer | np.floating) and not isinstance(number, bool)
    if not real or not low <= number <= high:  # as NaN is not
        raise InputError(f"{name} must be a number from {low:g} to {high:g}; got {number!r}")
    return float(number)


def rng_of(seed):
    """NumPy's random generator for a seed: a whole number of at least 0. Raises InputError."""
    return np.random.default_rng(count_of(seed, "seed", least=0))


def folded(name):
    """A name in one spelling: small letters, underscores for blanks and hyphens."""
    return "_".join(name.replace("+", " plus ").replace("-", " ").replace("_", " ").casefold().split())
