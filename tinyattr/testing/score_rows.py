"""Identities of scores: functions z, c -> (value S, row, log_scale), where dS/dz = row exp(log_scale).

Allowed errors, with u = 2^-53: we count 4 roundings for an exponential and n for a sum of n numbers. Then a value S has
an error of at most 8 (n + |S| + max |z|) u, and a row of 8 (n + max |z|) u. After a shift by t, |z| becomes |z| + |t|.
"""

from functools import partial

import numpy as np

from tinyattr.scores import SCORES
from tinyattr.testing import cases
from tinyattr.testing.subject import UnfitError, reason, reasoned
from tinyattr.testing.words import text

U = 2.0**-53
TIMES = (1.0, -1.0, 100.0, 2000.0, -2000.0)


def of_scores(report, scores=None):
    """Try four identities for each score, and one for post, log and log_odds together, on two classes or more."""
    scores = scores or SCORES
    for name, score in scores.items():
        for says, identity in (("the row sums to kappa", kappa), ("the row is dS/dz", slope),
                               ("a shift t changes S by kappa t, the row not at all", shift)):
            report.add(f"{name}: {says}", each_class(identity, partial(asked, score)), cases.RIVALS, [np.float64])
        if report.able(f"{name}, batches", None, reason(asked, score, cases.ROWS, np.array([0, 1]))):
            report.add(f"{name}: each row of a batch by itself", partial(rows, partial(asked, score)), cases.RIVALS,
                       [np.float64])
    if {"post", "log", "log_odds"} <= set(scores):
        three = [partial(asked, scores[name]) for name in ("post", "log", "log_odds")]
        report.add("post, log and log_odds: one direction, dy_c = y_c dlog y_c = y_c (1 - y_c) dlog_odds",
                   each_class(proportional, three), cases.RIVALS, [np.float64])


def asked(score, z, c):
    """Return (S, row, log_scale) in float64. Raises UnfitError."""
    with reasoned():
        S, row, scale = (np.asarray(a, np.float64) for a in score(z.copy(), c))
    wanted = z.shape[:-1], z.shape, z.shape[:-1]
    if (S.shape, row.shape, scale.shape) != wanted:
        raise UnfitError(f"it gives shapes {S.shape}, {row.shape}, {scale.shape}; expected {wanted}")
    return S[()], row, scale[()]


def each_class(identity, ask):
    """Return an identity z -> comparisons, which tries the first five classes, the last one and the most likely one."""
    def of(z):
        for c in sorted({*range(min(len(z), 5)), len(z) - 1, int(z.argmax())}):
            for words, *compared in identity(ask, z, c):
                yield f"class {c}: {words}", *compared
    return of


def kappa(ask, z, c):
    """If 1 is added to every logit, S grows by the sum of the row. We add 256 and divide the change of S by 256."""
    S, row, scale = ask(z, c)
    yield ("a shift of 1 adds as much, and the row's sum", row.sum() * np.exp(scale), (ask(z + 256.0, c)[0] - S) / 256,
           8 * U * (len(z) + np.abs(z).max() + (abs(S) + np.abs(z).max() + 256) / 256))


def shift(ask, z, c):
    """S(z + t) = S(z) + kappa t, and row and log_scale do not change."""
    S, row, scale = ask(z, c)
    kappa = np.round(row.sum() * np.exp(scale))
    for t in TIMES:
        moved = ask(z + t, c)
        allowed = 16 * U * (len(z) + abs(S) + abs(scale) + np.abs(z).max() + abs(t))
        for what, now, wanted in zip(("S", "the row", "log_scale"), moved, (S + kappa * t, row, scale), strict=True):
            yield f"kappa is {kappa:g}; with {t:g} added to every logit, {what}", now, wanted, allowed


def slope(ask, z, c):
    """dS/dz . v = (S(z + h v) - S(z - h v)) / 2 h. We leave out ties of the largest rivals: margin has a kink there."""
    v, h = np.cos(np.arange(len(z))), 2.0**-17
    (S, row, scale), rivals = ask(z, c), np.sort(np.delete(z, c))
    if len(rivals) < 2 or rivals[-1] - rivals[-2] >= 4 * h:
        difference = (ask(z + h * v, c)[0] - ask(z - h * v, c)[0]) / (2 * h)
        yield ("along v = (1, 0.54, ...) differences say how S grows, and dS/dz v", row @ v * np.exp(scale), difference,
               4 * h**2 + 8 * U * (len(z) + abs(S) + np.abs(z).max()) / h)


def rows(ask, z):
    """A batch of three rows gives the same S, row and log_scale as each row alone, with two axes and with three."""
    Z, c = np.stack([z, z[::-1] / 2, z]), np.array([0, len(z) - 1, z.argmax()])
    for batch, classes in ((Z, c), (Z[:, None], c[:, None])):
        answers = [a.reshape(3, *a.shape[batch.ndim - 1:]) for a in ask(batch, classes)]
        for r, (row, k) in enumerate(zip(Z, c, strict=True)):
            for what, got, wanted in zip(("S", "the row", "log_scale"), answers, ask(row, k), strict=True):
                allowed = 16 * U * (len(z) + np.abs(wanted).max() + np.abs(z).max())
                said = f"row {r} of a batch of shape {batch.shape} is {text(row)}, class {k}: {what}"
                yield said, got[r], wanted, allowed


def proportional(ask, z, c):
    """post, log and log_odds have the same row; their scales differ by log y_c and by log(1 - y_c)."""
    (_, row, scale), (log_y, row_log, scale_log), (odds, row_odds, _) = (score(z, c) for score in ask)
    allowed = 8 * len(z) * U
    yield "as that of log_odds, the row of post", row, row_odds, allowed
    yield "as that of log_odds, the row of log", row_log, row_odds, allowed
    yield "as log y_c says, log_scale of post less that of log", scale - scale_log, log_y, allowed * (1 + abs(scale))
    yield "as log(1 - y_c) says, log_scale of log", scale_log, -np.logaddexp(0, odds), allowed * (1 + abs(odds))
