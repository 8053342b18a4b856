"""One kind of error for all a user can get wrong: one line, what was given, what was expected and what to do.

And the checks that raise it for arguments of every room: names, counts, flags, seeds, places.
"""

from difflib import get_close_matches
from numbers import Real
from operator import index

import numpy as np

LONGEST = 1000  # characters of a message
MOST = 10**9  # of whatever a user counts


class InputError(ValueError):
    """What was given cannot be used. The command line prints its one line and exits with status 1.

    What is quoted in the message may have many lines, or what a terminal would obey; the message has not.
    """

    def __init__(self, message=""):
        line = "".join(c if c.isprintable() else " " for c in str(message))
        super().__init__(line if len(line) <= LONGEST else f"{line[:LONGEST // 2]} ... {line[-LONGEST // 2:]}")


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
    return InputError(f"unknown {kind} {given!r:.60}; {hint}")


def named(kind, given, known):
    """The name among `known` that is meant by `given`: "Grad-CAM" and "GradCAM" mean grad_cam.

    Raises InputError as `unknown` says.
    """
    meant = {folded(name).replace("_", ""): name for name in known}
    if isinstance(given, str) and given in known:
        return given
    wanted = folded(given).replace("_", "") if isinstance(given, str) else None
    if wanted not in meant:
        raise unknown(kind, given, known)
    return meant[wanted]


def all_named(kind, given, known):
    """The names that are meant by a list of names, each once. Raises InputError as `named` does."""
    return list(dict.fromkeys(named(kind, name, known) for name in of_type(given, (list, tuple), f"{kind}s")))


def count_of(number, name, least=1, most=None):
    """A whole number of at least `least` and at most `most`, by default MOST. Raises InputError."""
    try:
        count = index(None if isinstance(number, bool) else number)
    except TypeError:
        count = least - 1
    if not least <= count <= (most or MOST):
        wanted = f"of at least {least}" if count < least and most is None else f"from {least} to {most or MOST}"
        raise InputError(f"{name} must be a whole number {wanted}; got {number!r:.60}")
    return count


def number_of(number, name, low, high):
    """A real number from low to high, two finite numbers, as a float. Raises InputError."""
    real = isinstance(number, Real) and not isinstance(number, bool)
    if not real or not low <= number <= high:  # as NaN is not
        raise InputError(f"{name} must be a number from {low:g} to {high:g}; got {number!r:.60}")
    return float(number)


def of_type(given, kind, what):
    """`given`, if it is of this type, or of one of these. Raises InputError."""
    if not isinstance(given, kind):
        kinds = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        raise InputError(f"{what} must be a {kinds}; got {given!r:.60}")
    return given


def floats_of(given, what):
    """An array of float64. Raises InputError for what is no array of numbers."""
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{what} must be numbers; got {given!r:.60}") from None


def place_of(given):
    """(row, column), two whole numbers. Raises InputError."""
    try:
        i, j = map(index, given)
    except (TypeError, ValueError):
        raise InputError(f"a place is (row, column), two whole numbers; got {given!r:.60}") from None
    return i, j


def flag_of(given, name):
    """True or False. Raises InputError for anything else: the text "no", say, counts as true in Python."""
    if not isinstance(given, bool | np.bool_):
        raise InputError(f"{name} must be True or False; got {given!r:.60}")
    return bool(given)


def rng_of(seed):
    """NumPy's random generator for a seed: a whole number of at least 0. Raises InputError."""
    return np.random.default_rng(count_of(seed, "seed", least=0, most=2**128))


def folded(name):
    """A name in one spelling: small letters, underscores for blanks and hyphens."""
    return "_".join(name.replace("+", " plus ").replace("-", " ").replace("_", " ").casefold().split())
