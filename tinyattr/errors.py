"""One kind of error for all mistakes of users. Its message is one line: what was given, what was expected, what to do.

Here are also checks of arguments, which raise this error: names, counts, flags, seeds, places.
"""

from difflib import get_close_matches
from numbers import Real
from operator import index

import numpy as np

LONGEST = 1000  # characters of a message
MOST = 10**9  # largest count that a user may give


class InputError(ValueError):
    """An InputError says that an argument cannot be used. The command line prints its message and exits with status 1.

    A message may quote an argument with line breaks, or with characters that control a terminal. They become blanks.
    """

    def __init__(self, message=""):
        line = "".join(c if c.isprintable() else " " for c in str(message))
        super().__init__(line if len(line) <= LONGEST else f"{line[:LONGEST // 2]} ... {line[-LONGEST // 2:]}")


def unknown(kind, given, known):
    """Return the error for an unknown name. The message lists similar names, else all names if they are few."""
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
    """Return the name in `known` that `given` means: "Grad-CAM" and "GradCAM" mean grad_cam.

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
    """Return the known names that a list of names means, each once. Raises InputError as `named` does."""
    return list(dict.fromkeys(named(kind, name, known) for name in of_type(given, (list, tuple), f"{kind}s")))


def count_of(number, name, least=1, most=None):
    """Return `number` as an int from `least` to `most` (by default MOST). Raises InputError."""
    try:
        count = index(None if isinstance(number, bool) else number)
    except TypeError:
        count = least - 1
    if not least <= count <= (most or MOST):
        wanted = f"of at least {least}" if count < least and most is None else f"from {least} to {most or MOST}"
        raise InputError(f"{name} must be a whole number {wanted}; got {number!r:.60}")
    return count


def number_of(number, name, low, high):
    """Return `number` as a float from low to high, which are finite. Raises InputError."""
    real = isinstance(number, Real) and not isinstance(number, bool)
    if not real or not low <= number <= high:  # NaN fails this test too
        raise InputError(f"{name} must be a number from {low:g} to {high:g}; got {number!r:.60}")
    return float(number)


def of_type(given, kind, what):
    """Return `given` if it has this type, or one of these types. Raises InputError."""
    if not isinstance(given, kind):
        kinds = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        raise InputError(f"{what} must be a {kinds}; got {given!r:.60}")
    return given


def floats_of(given, what):
    """Return `given` as an array of float64. Raises InputError if it is not an array of numbers."""
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{what} must be numbers; got {given!r:.60}") from None


def place_of(given):
    """Return (row, column), two whole numbers. Raises InputError."""
    try:
        i, j = map(index, given)
    except (TypeError, ValueError):
        raise InputError(f"a place is (row, column), two whole numbers; got {given!r:.60}") from None
    return i, j


def flag_of(given, name):
    """Return `given` if it is True or False. Raises InputError for anything else: to Python the text "no" is true."""
    if not isinstance(given, bool | np.bool_):
        raise InputError(f"{name} must be True or False; got {given!r:.60}")
    return bool(given)


def rng_of(seed):
    """Return NumPy's random generator for a seed, a whole number of at least 0. Raises InputError."""
    return np.random.default_rng(count_of(seed, "seed", least=0, most=2**128))


def folded(name):
    """Return a name in small letters, with underscores instead of blanks and hyphens, to compare it with others."""
    return "_".join(name.replace("+", " plus ").replace("-", " ").replace("_", " ").casefold().split())
