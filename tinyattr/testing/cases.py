"""The test cases: vectors of logits, and shifts, masks and batches made of them.

For each kind of vector, some published softmax was wrong. Unless we say otherwise, the numbers are multiples of 1/256.
So their sums with powers of two are exact, also in float32.
"""

import numpy as np

RNG = np.random.default_rng(0)
SMALL = (*range(1, 10), 15, 16, 17, 31, 32, 33)  # numbers of classes near the widths of a processor's registers
LARGE = (63, 64, 65, 100, 127, 128, 129, 255, 256, 257, *range(511, 518), 781, 1000, 1023, 1024, 1025, 4096, 50_257)
TOP = 2.0**126  # the largest power of two for which the gap 2 TOP, times log2(e), does not overflow in float32


def drawn(n, spread=2.0):
    """Return n random logits of this spread, multiples of 1/256."""
    return np.round(RNG.normal(0, spread, n) * 256) / 256


def leading(n, at, by):
    """Return n logits. The one at index `at` is the largest: `by`. If code misses it, e^z may be too large."""
    z = drawn(n, 1.0)
    z[at] = by
    return z


USUAL = {
    "ordinary logits": np.array([0.25, -0.265625, 1.28125, 0.203125, -1.0703125]),
    "one class": np.array([2.0]),
    "two classes": np.array([-1.0, 1.5]),
    "all equal": np.zeros(4),
    "a tie at the top": np.array([3.0, 3.0, 1.0]),
    "a tie at the bottom": np.array([-2.0, 4.0, -2.0]),
    "close to each other": np.array([1.0, 1 + 2.0**-20, 1 - 2.0**-21]),
    "falling": np.arange(33, 0, -1) / 2,
    "rising": np.arange(33) / 2,
    "a leader by 20": np.array([20.0, 0.0, 0.0]),
    "a leader by 40": np.array([0.0, 40.0, 1.0]),
    "a leader by 80": np.array([80.0, 0.0]),
    "all large": np.array([1000.0, 999.0, 998.0]),
    "all very negative": np.array([-1000.0, -1001.0, -1002.0]),
    "one class, large": np.array([1000.0]),
    "one class, very negative": np.array([-1000.0]),
    **{f"{n} classes": drawn(n) for n in SMALL},
}
EXTREME = {
    "gaps of thousands": np.array([-4000.0, 0.0, 4000.0]),
    "a leader by 300": np.array([0.0, 300.0, -1.0]),
    "where e^z leaves float32": np.array([88.75]),
    "where e^z leaves float64": np.array([710.0]),
    "where e^z vanishes in float32": np.array([-104.0, -104.5]),
    "where e^z vanishes in float64": np.array([-746.0, -745.5]),
    "gaps of 1e30": np.array([-1e30, 0.0, 1e30]),
    "ties at the end of the type": np.array([TOP, TOP, -TOP]),
    "ties at the negative end": np.array([-TOP, -TOP]),
}
MANY = {
    **{f"{n:,} classes": drawn(n) for n in LARGE},
    **{f"{n:,} classes, all equal": np.full(n, 0.5) for n in LARGE},
    **{f"{n:,} classes, the last leads": leading(n, -1, 1000.0) for n in LARGE},
    **{f"{n:,} classes, the first leads": leading(n, 0, 20.0) for n in LARGE},
    **{f"{n:,} classes, a leader within": leading(n, n // 2, 40.0) for n in LARGE},
}
FINE = {  # not exact in float32
    "tenths": np.array([0.1, 0.7, -0.3]),
    "thirds far from zero": np.array([1 / 3, 2 / 3, -5 / 3]) + 100,
    "drawn from a normal": RNG.normal(0, 3, 7),
}
LEADERS = {f"a leader by {lead}": np.array([0.0, float(lead), -1.0]) for lead in (20, 40, 60, 80)}
PLAIN = {kind: z for kind, z in USUAL.items() if np.abs(z).max() <= 100}
FAR = {kind: EXTREME[kind] for kind in ("gaps of thousands", "a leader by 300")}
DERIVED = {**USUAL, **FAR, "65 classes": MANY["65 classes"], "100 classes": MANY["100 classes"]}
SQUARES = {**USUAL, **FINE, **FAR, **{kind: z for kind, z in MANY.items() if len(z) <= 129 or kind == "517 classes"}}
VALUES = {**USUAL, **EXTREME, **MANY, **FINE}
MODERATE = {kind: z for kind, z in VALUES.items() if len(z) <= 1025}  # small enough for n x n matrices
SHIFTED = {kind: USUAL[kind] for kind in (
    "ordinary logits", "one class", "two classes", "all equal", "a tie at the top", "9 classes", "17 classes")}
BATCHED = {
    **{kind: USUAL[kind] for kind in (
        "ordinary logits", "one class", "two classes", "a tie at the top", "8 classes", "17 classes")},
    **{f"{n:,} classes": MANY[f"{n:,} classes"] for n in LARGE if n <= 1025}}
WHOLE = {"whole numbers": np.array([2.0, -1.0, 0.0, 3.0]), "whole numbers, large": np.array([1000.0, 998.0, 1000.0])}
ORDINARY = USUAL["ordinary logits"]
ROWS = np.stack([ORDINARY, ORDINARY[::-1]])
ONE_MASK = np.array([0.0, -np.inf, 1.0])
SQUARE = np.stack([ORDINARY * k for k in (1, 0.5, -1, 0, 2)])  # as many rows as classes
SHORT = {kind: z for kind, z in USUAL.items() if len(z) < 60}
MASKED = {**SHIFTED, "all large": USUAL["all large"],
          "at the negative end": np.full(3, float(np.finfo(np.float32).min))}
MASKED_RIVALS = {kind: z for kind, z in MASKED.items() if len(z) > 1}
RIVALS = {kind: z for kind, z in {**DERIVED, **FINE}.items() if len(z) > 1}
WARM = {**USUAL, **FINE, **FAR}
SHIFTS = [s * 2.0**k for k in (-20, -8, 0, 3, 5, *range(6, 12), 13, 15, 17, 20, 126, 1020) for s in (1, -1)]
DISTINCT = {kind: z for kind, z in PLAIN.items() if len(z) > 1 and np.diff(np.sort(z)).min() > 1 / 16}
ENDS = {end + j for end in (*range(128, 4097, 128), 8192, 16384, 32768) for j in (-1, 0, 1)}  # sizes near full blocks
ALL = {*range(1, 1026), *ENDS, *RNG.choice(np.arange(1026, 4096), 64, replace=False).tolist()}
EVERY = {f"{n:,} classes": drawn(n) for n in sorted(ALL - {*SMALL, *LARGE})}  # for faults that occur at a single size
PROBES = {kind: RIVALS[kind] for kind in ("ordinary logits", "5 classes", "9 classes")}


def shifts(z, most):
    """Yield numbers t up to `most`, the small ones first, for which z + t has no rounding error in the type of z."""
    for t in SHIFTS:
        t = z.dtype.type(t)
        if ((z + t).astype(np.float64) - float(t) == z).all() and abs(t) <= most:
            yield t


def permutations(n):
    """Return some orders of n classes: reversed, rotated by one, halves exchanged, random."""
    order = np.arange(n)
    return [order[::-1], np.roll(order, 1), np.roll(order, n // 2), np.random.default_rng(n).permutation(n)]


def masks(z):
    """Yield (which logits are masked, the logits with -inf there): one, every second, or all but one."""
    n = len(z)
    which = {"the first": [0], "the last": [n - 1], "the largest": [int(z.argmax())],
             "every second": range(0, n - 1, 2), "all but the first": range(1, n), "all but the last": range(n - 1)}
    for name, i in which.items():
        masked = z.copy()
        masked[list(i)] = -np.inf
        if np.isfinite(masked).any() and not np.isfinite(masked).all():
            yield name, masked


def batches(z):
    """Yield batches of 1, 2, 3, 17 and 2 x 3 rows. Each row is z (n,), rotated; some are shifted far away or halved."""
    n, far = len(z), (0.0, 900.0, -1000.0, 0.0, 30_000.0, -30_000.0)
    sizes = ((1,), (2,), (3,), (17,), (2, 3)) if n < 60 else ((2,), (3,))
    for size in sizes:
        rows = [np.roll(z, r) * (0.5 if r % 5 == 3 else 1) + far[r % 6] for r in range(int(np.prod(size)))]
        yield np.array(rows).reshape(*size, n).astype(z.dtype)
    yield np.stack([z, np.roll(z, 1)]).astype(z.dtype)
    if n > 1:
        yield np.stack([z, z * 0, -z]).astype(z.dtype)


def spoilt(z):
    """Yield (what, three rows, index of the spoilt row), which holds NaN, an infinity, or only masks."""
    n = len(z)
    for what, value in {"NaN": np.nan, "+inf": np.inf, "-inf": -np.inf}.items():
        for at in (slice(None), slice(0, 1)) if value != -np.inf or n > 1 else (slice(None),):
            for row in (0, 1, 2):
                rows = np.stack([z, np.roll(z, 1), z / 2]).astype(z.dtype)
                rows[row, at] = value
                yield f"{'all' if at == slice(None) else 'one'} of row {row} {what}", rows, row


def layouts(z):
    """Yield (layout, an array with the logits z (n,), or a batch of rows made from z, in this memory layout)."""
    rows = np.stack([z, np.roll(z, 1), z / 2]).astype(z.dtype)
    wide = np.full(2 * len(z), 7, z.dtype)
    wide[::2] = z
    fixed = z.copy()
    fixed.flags.writeable = False
    yield "strided", wide[::2]
    yield "reversed", z[::-1].copy()[::-1]
    yield "read-only", fixed
    yield "Fortran-ordered", np.asfortranarray(rows)
    yield "transposed", rows.T.copy().T
    yield "upside-down", rows[::-1]
    yield "repeated", np.broadcast_to(z, (2, len(z)))
