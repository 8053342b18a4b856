"""One kind of error for all a user can get wrong: one line, what was given, what was expected and what to do."""

from difflib import get_close_matches


class InputError(ValueError):
    """What was given cannot be used. The command line prints its one line and exits with status 1."""


def unknown(kind, given, known):
    """The error for a name that does not exist: lists the near matches, else all names when they are few."""
    known = [str(name) for name in known]
    near = get_close_matches(str(given), known, n=5, cutoff=0.5)
    if near:
        hint = f"did you mean {', '.join(near)}?"
    elif len(known) <= 12:
        hint = f"known: {', '.join(known)}"
    else:
        hint = f"known: {', '.join(known[:4])}, ... {', '.join(known[-4:])} ({len(known)} in all)"
    return InputError(f"unknown {kind} {given!r}; {hint}")


def named(kind, given, known):
    """The name among `known` that is meant by `given`: "Grad-CAM" means grad_cam.

    Raises InputError as `unknown` says.
    """
    meant = {_folded(name): name for name in known}
    if isinstance(given, str) and given in known:
        return given
    if not isinstance(given, str) or _folded(given) not in meant:
        raise unknown(kind, given, known)
    return meant[_folded(given)]


def _folded(name):
    return "_".join(name.replace("+", " plus ").replace("-", " ").replace("_", " ").casefold().split())
