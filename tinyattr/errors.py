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


def all_known(kind, given, known):
    """Raises the error of `unknown` for the first of the given names that does not exist."""
    for name in given:
        if name not in known:
            raise unknown(kind, name, known)
