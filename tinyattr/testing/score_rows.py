"""Identities of scores z, c -> (value S, row, log_scale), dS/dz = row e^log_scale: kappa, shifts, differences.

Rounding, in u = 2^-53, with an exponential at 4 and a sum of n at n: a value S, formed from gaps, errs by
8 (n + |S| + max |z|) u, which a shift by t brings to |z| + |t|; a row, its entries at most 1, by 8 (n + max |z|) u.
"""

from functools import partial

import numpy as np

from tinyattr.scores import SCORES
from tinyattr.testing import cases
from tinyattr.testing.identities import ratio, worst
from tinyattr.testing.subject import UnfitError
from tinyattr.testing.words import apart

U = 2.0**-53
RIVALS = {kind: z for kind, z in {**cases.USUAL, **cases.FINE, **{k: cases.EXTREME[k] for k in (
    "gaps of thousands", "a leader by 300")}, "100 classes": cases.MANY["100 classes"]}.items() if len(z) > 1}
TIMES = (1.0, -1.0, 100.0, 2000.0, -2000.0)


def of_scores(report, scores=None):
    """Three identities for each score, and one that joins post, log and log_odds. A single class has no odds."""
    scores = scores or SCORES
    for name, score in scores.items():
        for says, test in (("the row sums to kappa", kappa), ("the row is dS/dz", slope),
                           ("a shift t changes S by kappa t, the row not at all", shift)):
            report.add(f"{name}: {says}", partial(test, score), RIVALS, [np.float64])
    if {"post", "log", "log_odds"} <= set(scores):
        name = "post, log and log_odds: one direction, dy_c = y_c dlog y_c = y_c (1 - y_c) dlog_odds"
        report.add(name, partial(proportional, scores), RIVALS, [np.float64])


def asked(score, z, c):
    """(S, row, log_scale) in float64. Raises UnfitError."""
    try:
        with np.errstate(all="ignore"):
            S, row, scale = (np.asarray(a, np.float64) for a in score(z.copy(), c))
    except Exception as error:
        raise UnfitError(f"it raised {type(error).__name__}: {error}") from error
    if S.shape or scale.shape or row.shape != z.shape:
        raise UnfitError(f"it gives shapes {S.shape}, {row.shape}, {scale.shape}; expected (), {z.shape}, ()")
    return float(S), row, float(scale)


def classes(z):
    """Up to five classes, and the last."""
    return sorted({*range(min(len(z), 5)), len(z) - 1, int(z.argmax())})


def kappa(score, z):
    """The row's sum, and what a shift by 256 adds for each 1."""
    def each():
        for c in classes(z):
            S, row, scale = asked(score, z, c)
            added, total = (asked(score, z + 256.0, c)[0] - S) / 256, row.sum() * np.exp(scale)
            allowed = 8 * U * (len(z) + np.abs(z).max() + (abs(S) + np.abs(z).max() + 256) / 256)
            said = f"class {c}: it sums to {total:.3g}, a shift of 1 adds {added:.3g}"
            yield ratio(abs(total - added), allowed), said
    return worst(each())


def shift(score, z):
    """S(z + t) = S + kappa t; row and scale stay."""
    def each():
        for c in classes(z):
            S, row, scale = asked(score, z, c)
            kappa = np.round(row.sum() * np.exp(scale))
            for t in TIMES:
                S_t, row_t, scale_t = asked(score, z + t, c)
                moved = abs(S_t - S - kappa * t) + np.abs(row_t - row).max() + abs(scale_t - scale)
                allowed = 16 * U * (len(z) + abs(S) + abs(scale) + np.abs(z).max() + abs(t))
                said = f"class {c}, t = {t:g}: S goes from {S:.6g} to {S_t:.6g}, kappa is {kappa:g}"
                yield ratio(moved, allowed), said
    return worst(each())


def slope(score, z):
    """The row against (S(z + h v) - S(z - h v)) / 2 h. Not where the largest rivals tie: margin has a kink there."""
    v, h = np.cos(np.arange(len(z))), 2.0**-17

    def each():
        for c in classes(z):
            S, row, scale = asked(score, z, c)
            rivals = np.sort(np.delete(z, c))
            if len(rivals) > 1 and rivals[-1] - rivals[-2] < 4 * h:
                continue
            difference = (asked(score, z + h * v, c)[0] - asked(score, z - h * v, c)[0]) / (2 * h)
            got = row @ v * np.exp(scale)
            allowed = 4 * h**2 + 8 * U * (len(z) + abs(S) + np.abs(z).max()) / h
            said = f"class {c}: along v it grows by {apart(got, difference)}, as differences say"
            yield ratio(abs(got - difference), allowed), said
    return worst(each())


def proportional(scores, z):
    """One row for all three; the scales differ by log y_c and by log(1 - y_c)."""
    def each():
        for c in classes(z):
            _, row, scale = asked(scores["post"], z, c)
            log_y, row_log, scale_log = asked(scores["log"], z, c)
            odds, row_odds, _ = asked(scores["log_odds"], z, c)
            error = np.abs(row - row_odds).max() + np.abs(row_log - row_odds).max()
            error += abs(scale - scale_log - log_y) / (1 + abs(scale))  # log y_c
            error += abs(scale_log + np.logaddexp(0, odds)) / (1 + abs(odds))  # log (1 - y_c)
            yield ratio(error, 8 * len(z) * U), f"class {c}: log_scale {scale:.6g} of post, {scale_log:.6g} of log"
    return worst(each())
