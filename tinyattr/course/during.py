"""Functions that lessons call while they run: checks that say what is wrong, and figures written to files."""

import numpy as np

from tinyattr.course.unaided import OutOfReachError


def same(name, got, wanted, within=1e-12):
    """Check that `got` equals `wanted` up to rounding, and print the result. Raises AssertionError as `apart` does."""
    print(f"{name}: ok, apart by {apart(name, got, wanted, within):.1g}")


def apart(name, got, wanted, within):
    """Return the largest difference of two arrays, divided by the largest |number| in `wanted` (by 1 if that is 0).

    Raises AssertionError for a result above `within`, which names the check, the largest difference, its place and both
    values there; and for different shapes, which names both.
    """
    wanted = np.asarray(wanted, np.float64)
    try:
        yours = np.asarray(got, np.float64)
    except (TypeError, ValueError):
        raise AssertionError(f"{name}: {_thing(got)} is not a number or an array of numbers") from None
    if got is None:
        raise AssertionError(f"{name}: nothing was returned; does your answer end in return?")
    if yours.shape != wanted.shape:
        raise AssertionError(f"{name}: yours has shape {yours.shape}, expected {wanted.shape}")
    scale = np.abs(wanted).max(initial=0) or 1.0
    off = np.abs(yours - wanted)
    worst = off.max(initial=0) / scale
    if not worst <= within:  # this is also true for NaN
        at = np.unravel_index(off.argmax(), off.shape)
        both, rounding = f"yours {yours[at]:.6g}, truth {wanted[at]:.6g}", f"at most {within:.2g} is rounding"
        raise AssertionError(f"{name}: off by {worst:.2g} of the largest value, {rounding}; the most at "
                             f"[{', '.join(map(str, at))}]: {both}" if at else
                             f"{name}: {both}; off by {worst:.2g} of {'it' if wanted else '1'}, {rounding}")
    return worst


def holds(name, truth, hint=""):
    """Check that `truth` is true, and print the result. Raises AssertionError with the hint."""
    if not truth:
        raise AssertionError(f"{name}: does not hold" + (f"; {hint}" if hint else ""))
    print(f"{name}: ok")


def has(name, yours, keys):
    """Check that `yours` is a dict with exactly these keys. Raises AssertionError with the missing and extra keys."""
    if not isinstance(yours, dict):
        raise AssertionError(f"{name}: write a dict with the keys {_listed(keys)}; yours is {_thing(yours)}")
    wrong = {"no answer for": [key for key in keys if key not in yours],
             "nothing was asked about": [key for key in yours if key not in keys]}
    if any(wrong.values()):
        told = [f"{what} {_listed(which)}" for what, which in wrong.items() if which]
        raise AssertionError(f"{name}: {'; '.join(told)}")


def predicts(name, yours, truth, within=1e-12, hint=""):
    """Check predictions, and print how many are right, but not which ones, so that students think about their errors.

    yours: {key: prediction} with the keys of `truth`. If every truth is True or False, a list of the true keys is
    enough. A number may be off by `within` times the larger one of 1 and |truth|.
    Raises AssertionError for missing or extra keys, for values of another kind, and for wrong predictions.
    """
    if not isinstance(yours, dict) and all(isinstance(true, bool | np.bool_) for true in truth.values()):
        yours = _chosen(name, yours, truth)
    has(name, yours, truth)
    right = 0
    for key, true in truth.items():
        kind, fits, plain = _kind(true)
        if not fits(yours[key]):
            raise AssertionError(f"{name}: the answer for {key!r} should be {kind}, yours is {_thing(yours[key])}")
        answer = plain(yours[key])  # a student's own class could define ==, so we compare plain values
        right += _agree(answer, true, within) if kind == "a number" else answer == true
    if right < len(truth):
        raise AssertionError(f"{name}: {right} of {len(truth)} are right" + (f"; {hint}" if hint else ""))
    print(f"{name}: ok, all {len(truth)}")


def explains(name, text, least=20):
    """Accept an explanation, which the teacher will read. The program checks only how many words it has.

    Raises AssertionError for fewer than `least` words.
    """
    words = len(text.split()) if isinstance(text, str) else 0
    if words < least:
        raise AssertionError(f"{name}: write {least} words or more, in quotes, for your teacher; yours are {words}")
    print(f"{name}: ok, {words} words for your teacher to read")


def passes(claim, *arguments):
    """Return True if claim(*arguments) returns a true value, or returns None and raises no AssertionError."""
    try:
        answer = claim(*arguments)
    except OutOfReachError:  # this error says nothing about the claim
        raise
    except AssertionError:
        return False
    return answer is None or bool(np.all(answer))


def show(figure, name):
    """Write a figure or a heatmap into the working folder, and print its name. A notebook also shows it."""
    from tinyattr.studies.draw import save_figure  # only lessons that draw load matplotlib

    if hasattr(figure, "save"):  # a heatmap draws itself
        figure.save(name)
    else:
        save_figure(figure, name)
    print(f"figure  {name}")
    try:
        from IPython import get_ipython
    except ImportError:
        return
    if get_ipython() is not None:
        from IPython.display import Image, display

        display(Image(filename=name))


def _chosen(name, yours, truth):
    """Return {key: whether it is among `yours`}, a collection of keys. "ae", "a, e" and ["a", "e"] mean the same."""
    between = ", " if isinstance(yours, str) else ()
    try:
        chosen = [yours] if yours in list(truth) else [key for key in yours if key not in between]
    except TypeError:
        raise AssertionError(f"{name}: write which of {_listed(truth)} are true; yours is {_thing(yours)}") from None
    return {key: key in chosen for key in truth} | {key: True for key in chosen if key not in truth}


def _kind(true):
    """Return (what a prediction should be, in words; a test for it; a function that turns it into plain Python)."""
    if isinstance(true, bool | np.bool_):
        return "True or False", lambda v: isinstance(v, int | float | np.generic) and v in (0, 1), bool
    if isinstance(true, str | None):
        return "a name in quotes, or None", lambda v: isinstance(v, str | None), lambda v: v if v is None else str(v)
    return "a number", lambda v: np.ndim(v) == 0 and hasattr(v, "__float__"), float


def _agree(number, true, within):
    """Return True if the number differs from the truth by at most `within` times the larger one of 1 and |truth|."""
    return abs(number - true) <= within * max(1, abs(true))


def _thing(v):
    """Describe a value that has the wrong type, in a few words."""
    words = repr(v)
    return f"{type(v).__name__} {words if len(words) < 60 else words[:57] + '...'}"


def _listed(keys):
    return ", ".join(map(repr, keys))
