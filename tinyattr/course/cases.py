"""Checks with many cases: `agrees` tries an answer on several arguments; `spoiled` makes arrays that have an error."""

import numpy as np

from tinyattr.course.during import apart, has


def agrees(name, yours, truth, cases, within=1e-12):
    """Check that yours(*case) equals truth(*case) for every case, and changes no argument. Prints the result.

    yours, truth: functions that return an array, or a tuple or a dict of arrays. cases: tuples of arguments.
    Raises AssertionError for the first case that differs, as `same` does, and for an argument that was changed.
    """
    worst = 0.0
    for number, case in enumerate(cases, 1):
        here = f"{name}, case {number} of {len(cases)}" if len(cases) > 1 else name
        arguments = _copied(case)
        got, wanted = yours(*arguments), truth(*_copied(case))
        worst = max([worst, *(apart(*parts, within) for parts in _parts(here, got, wanted))])
        for place, (before, after) in enumerate(zip(case, arguments, strict=True), 1):
            if isinstance(before, np.ndarray) and not np.array_equal(before, after):
                raise AssertionError(f"{here}: your answer changes its argument number {place}; change a copy of it")
    print(f"{name}: ok, apart by {worst:.1g} at most, number of cases: {len(cases)}")


def spoiled(a):
    """Return {error: array}: copies of an array (h, w, ...), each with one error. A claim should be false for each."""
    found = {"the other sign": -a, "twice as large": 2 * a,
             "rows in reverse order": a[::-1], "columns in reverse order": a[:, ::-1]}
    high, low = (np.unravel_index(i, a.shape) for i in (a.argmax(), a.argmin()))
    for which, place in (("highest", high), ("lowest", low)):
        for how, factor in (("more", 1.01), ("less", 0.99)):
            wrong = found[f"a hundredth {how} at the {which} place"] = a.copy()
            wrong[place] *= factor
    wrong = found["the highest and the lowest place exchanged"] = a.copy()
    wrong[high], wrong[low] = a[low], a[high]
    return found


def _parts(name, got, wanted):
    """Return [(name, part of got, part of wanted), ...]: the entries of a dict or a tuple, or the whole."""
    if isinstance(wanted, dict):
        has(name, got, wanted)
        return [(f"{name}, {key!r}", got[key], true) for key, true in wanted.items()]
    if isinstance(wanted, tuple):
        if not isinstance(got, tuple | list) or len(got) != len(wanted):
            raise AssertionError(f"{name}: return {len(wanted)} things, with commas between them")
        return [(f"{name}, thing {i}", *both) for i, both in enumerate(zip(got, wanted, strict=True), 1)]
    return [(name, got, wanted)]


def _copied(case):
    """Return the arguments, with copies of the arrays."""
    return [a.copy() if isinstance(a, np.ndarray) else a for a in case]
