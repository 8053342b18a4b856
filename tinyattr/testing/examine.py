"""How findings are made: every identity on every vector, the worst error kept, the first failure shrunk."""

from time import perf_counter

import numpy as np

from tinyattr.testing.findings import Finding
from tinyattr.testing.subject import UnfitError
from tinyattr.testing.words import described

FLOATS = (np.float64, np.float32)
SECONDS, CALLS = 0.3, 300  # at most, for shrinking one counter-example


def finding(name, test, vectors, types=FLOATS):
    """The Finding of test(z) -> (ratio, sentence) over {kind: z}, in each of the types."""
    worst, failed = 0.0, None
    for dtype in types:
        for z in vectors.values():
            z = cast(z, dtype)
            if z is None:
                continue
            ratio, _ = outcome(test, z)
            worst = max(worst, ratio)
            if ratio > 1 and (failed is None or len(z) < len(failed)):
                failed = z
    if failed is None:
        return Finding(name, worst, "")
    failed = shrunk(test, failed)
    return Finding(name, worst, f"{described(failed)}: {outcome(test, failed)[1]}")


def cast(z, dtype):
    """z in another type; None if that type has no room for it."""
    with np.errstate(over="ignore"):
        z = z.astype(dtype)
    return z if np.isfinite(z.astype(np.float64)).all() else None


def outcome(test, z):
    """(ratio, sentence) of a test; an error, or an answer of another shape, is infinitely wrong."""
    try:
        ratio, sentence = test(z)
    except UnfitError as reason:
        return np.inf, str(reason)
    return float(ratio), sentence


def shrunk(test, z):
    """The smallest vector found that fails as z does: fewer entries, then rounder ones."""
    stop, calls = perf_counter() + SECONDS, 0
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(z):
            calls += 1
            if calls > CALLS or perf_counter() > stop:
                return z
            if outcome(test, candidate)[0] > 1:
                z, smaller = candidate, True
                break
    return z


def _smaller(z):
    """Vectors simpler than z, the boldest first."""
    n = len(z)
    cut = n // 2
    while cut:
        for start in range(0, n, cut):
            if 0 < n - len(z[start:start + cut]) < n:
                yield np.delete(z, slice(start, start + cut))
        cut = cut // 2 if n <= 40 or cut > n // 8 else 0
    simple = [np.zeros_like(z), np.full_like(z, z[0]), np.trunc(z), np.trunc(z / 2), np.trunc(z * 0.75),
              z - z[0], *(
        np.where(np.arange(n) == i, 0, z).astype(z.dtype) for i in range(min(n, 12)))]
    weight = _weight(z)
    for candidate in simple:
        if np.isfinite(candidate.astype(float)).all() and _weight(candidate) < weight:
            yield candidate


def _weight(z):
    """How much there is to read in z: entries that are not 0, their digits, how large they are."""
    z = z.astype(float)
    return (np.count_nonzero(z), sum(len(f"{v:.9g}") for v in z[:20]), len(set(z.tolist())), np.abs(z).sum())
