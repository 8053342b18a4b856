"""Make findings: try an identity on many vectors, keep the largest error, and look for a simple counter-example."""

from time import perf_counter

import numpy as np

from tinyattr.testing.findings import Finding
from tinyattr.testing.subject import UnfitError
from tinyattr.testing.words import apart, described

FLOATS = (np.float64, np.float32)
SECONDS, CALLS = 0.3, 300  # limits for shrinking one counter-example
PLAIN = 1e9  # an error that is this many times the allowed error is visible in the first digits of a number


def finding(name, identity, vectors, types=FLOATS):
    """Return the Finding of an identity, z -> comparisons, over vectors z in each of the types."""
    worst, failed, said = 0.0, None, ""
    for vector in vectors:
        for dtype in types:
            z = cast(vector, dtype)
            if z is None:
                continue
            found, sentence = outcome(identity, z)
            worst = max(worst, found)
            if found > 1 and (failed is None or len(z) < len(failed)):
                failed, said = z, sentence
    if failed is None:
        return Finding(name, worst, "")
    small = shrunk(identity, failed)
    again = outcome(identity, small)[1]
    return Finding(name, worst, f"{described(small)}: {again}" if again else
                   f"{described(failed)}: {said}; a second call is right, so something is kept between calls")


def outcome(identity, z):
    """Return (largest of error / allowed error, the first failure in words). A wrong shape has an infinite error."""
    worst, sentence = 0.0, ""
    with np.errstate(all="ignore"):
        try:
            for words, got, wanted, allowed in identity(z):
                found = ratio(distance(got, wanted), allowed)
                if worst <= 1 < found.max(initial=0):
                    i = np.unravel_index(found.argmax(), found.shape)
                    place = "".join(f"_{k}" for k in i) if len(i) < 2 else f"[{', '.join(map(str, i))}]"
                    sentence = f"{words}{place} is {apart(np.asarray(got)[i], np.broadcast_to(wanted, found.shape)[i])}"
                worst = max(worst, float(found.max(initial=0)))
        except UnfitError as reason:
            return np.inf, str(reason)
    return worst, sentence


def distance(a, b):
    """|a - b|, but 0 where both are the same infinity or both are NaN."""
    return np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0, np.abs(np.subtract(a, b)))


def ratio(error, allowed):
    """error / allowed, with 0 / 0 = 0. If the error is NaN or infinite, the result is infinite."""
    found = np.where(error == 0, 0, error / np.where(allowed == 0, 5e-324, allowed))
    return np.where(np.isfinite(error), found, np.inf)


def cast(z, dtype):
    """Return z in another type, or None if it does not fit into this type."""
    with np.errstate(over="ignore"):
        z = z.astype(dtype)
    return z if np.isfinite(z.astype(np.float64)).all() else None


def shrunk(identity, z):
    """Return a simpler vector that fails about as badly as z. We try fewer entries first, then rounder numbers."""
    stop, calls = perf_counter() + SECONDS, 0
    enough = max(min(outcome(identity, z)[0], PLAIN) / 10, 1)
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(z):
            calls += 1
            if calls > CALLS or perf_counter() > stop:
                return z
            if outcome(identity, candidate)[0] > enough:
                z, smaller = candidate, True
                break
    return z


def _smaller(z):
    """Yield vectors that are simpler than z, the simplest first."""
    n = len(z)
    cut = n // 2
    while cut:
        for start in range(0, n, cut):
            if 0 < n - len(z[start:start + cut]) < n:
                yield np.delete(z, slice(start, start + cut))
        cut = cut // 2 if n <= 40 or cut > n // 8 else 0
    alone = [np.where(np.arange(n) == i, 0, z).astype(z.dtype) for i in range(min(n, 12))]
    weight = _weight(z)
    for candidate in (z * 0, z * 0 + z[0], np.trunc(z), np.trunc(z / 2), np.trunc(z * 0.75), z - z[0], *alone):
        if np.isfinite(candidate.astype(float)).all() and _weight(candidate) < weight:
            yield candidate.astype(z.dtype)


def _weight(z):
    """Return how complex z is: a tuple of how many entries are not 0, how many digits they have, and so on."""
    z = z.astype(float)
    return (np.count_nonzero(z), sum(len(f"{v:.9g}") for v in z[:20]), len(set(z.tolist())), np.abs(z).sum())
