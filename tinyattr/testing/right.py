"""Right implementations, one for each way to compute that we know. They round differently, but all must pass the check.

CATALOGUE is {part: {name: (what it does, function)}}. Functions of more than one line stand before CATALOGUE.
"""

from math import exp, fsum, inf

import numpy as np


def top(z):
    """Return the largest logit of each row, (..., 1)."""
    return z.max(-1, keepdims=True)


def total(w):
    """Return the sum of each row, (..., 1)."""
    return w.sum(-1, keepdims=True)


def gaps(z):
    """d = z - max z, for each row."""
    return z - top(z)


def weights(z):
    """w = e^d, for each row."""
    return np.exp(gaps(z))


def maximum_off(z):
    """y = w / sum w."""
    return weights(z) / total(weights(z))


def each_row(f):
    """Return a function of batches that calls f, a function of vectors, for each row."""
    return lambda z: np.apply_along_axis(f, -1, z) if z.size else np.zeros_like(z)


@each_row
def one_pass(z):
    """Compute maximum and sum in one pass: whenever the maximum grows, rescale the sum."""
    m, total = -inf, 0.0
    for v in z.tolist():
        if v > m:
            m, total = v, total * exp(m - v) if m > -inf else 0.0
        total += exp(v - m) if v > -inf else 0.0
    return np.exp(z - m) / total


@each_row
def in_blocks(z):
    """Sum blocks of 64, then add these sums, each times e^(maximum of the block - maximum of all)."""
    blocks = [z[i:i + 64] for i in range(0, len(z), 64)]
    tops = np.array([b.max() for b in blocks])
    sums = np.array([np.exp(b - t).sum() if t > -inf else 0 for b, t in zip(blocks, tops, strict=True)])
    return np.exp(z - tops.max()) / (sums * np.exp(tops - tops.max())).sum()


@each_row
def exact_sum(z):
    """Compute the sum with a single rounding."""
    w = np.exp(z - z.max())
    return w / fsum(w)


def halves(w):
    """Return the sum of w, as the sum of two halves; each half is summed in the same way."""
    n = w.shape[-1]
    return w if n == 1 else halves(w[..., :n // 2]) + halves(w[..., n // 2:])


def share(w):
    """w / sum w, for each row."""
    return w / total(w)


def powers_of_two(z):
    """Compute e^d as 2^(d log2 e), where log2 e is rounded to the type of the logits."""
    d = gaps(z)
    return share(np.exp2(d * (d.dtype.type if d.dtype.kind == "f" else float)(np.log2(np.e))))


def logsumexp(z):
    """max z + log sum e^d, (..., 1)."""
    return top(z) + np.log(total(weights(z)))


def of_two(f):
    """Return a softmax that uses f for two classes, and the usual way for any other number."""
    return lambda z: f(z) if z.shape[-1] == 2 else maximum_off(z)


def any_axis(z, axis=-1):
    """Compute the usual way along an axis."""
    w = np.exp(z - z.max(axis, keepdims=True))
    return w / w.sum(axis, keepdims=True)


def row_times_row(z):
    """Return J: -y_i y_j, but on the diagonal y_i times the sum of the others."""
    y, i = maximum_off(z), np.arange(z.shape[-1])
    J = -y[..., :, None] * y[..., None, :]
    J[..., i, i] = y * np.where(i[:, None] == i, 0, y[..., None, :]).sum(-1)
    return J


def in_two_terms(z, v):
    """y v - y sum(y v): the first term is used again in the second."""
    w = maximum_off(z) * v
    return w - maximum_off(z) * total(w)


def without_the_largest(z):
    """Return (d, place of the largest, sum of the others) for each row."""
    d = gaps(z)
    w, first = np.exp(d), d.argmax(-1)[..., None]
    np.put_along_axis(w, first, 0, -1)
    return d, first, total(w)


def log1p_of_the_rest(z):
    """d - log(1 + sum of e^d of the others)."""
    d, _, others = without_the_largest(z)
    return d - np.log1p(others)


def log1p_where_it_counts(z):
    """Use log1p only for the largest logit."""
    d, first, others = without_the_largest(z)
    log_y = d - np.log(total(np.exp(d)))
    np.put_along_axis(log_y, first, -np.log1p(others), -1)
    return log_y


def loss_of_gaps(z, t):
    """-log y_t for classes t, -sum t log y for probabilities."""
    t, log_y = np.asarray(t), gaps(z) - np.log(total(weights(z)))
    return -np.take_along_axis(log_y, t[..., None], -1)[..., 0] if t.dtype.kind in "iu" else -no_share(t, log_y).sum(-1)


def no_share(t, log_y):
    """t log y, but 0 where t is 0, because 0 times -inf is NaN."""
    return np.where(t == 0, 0, t * log_y)


def loss_with_everything(z, t, label_smoothing=0.0, weight=None, ignore_index=-100):
    """Compute the loss with smoothing, weights and an ignored class."""
    z, t = np.atleast_2d(z), np.atleast_1d(t)
    counts, log_y = t != ignore_index, gaps(z) - np.log(total(weights(z)))
    t = np.where(counts, t, 0)
    w = counts * (1.0 if weight is None else weight[t])
    L = -(1 - label_smoothing) * log_y[np.arange(len(t)), t] - no_share(label_smoothing, log_y.mean(-1))
    return no_share(w, L).sum() / w.sum()


def target(z, t):
    """Return probabilities unchanged, and classes as one-hot vectors."""
    t = np.asarray(t)
    return np.arange(z.shape[-1]) == t[..., None] if t.dtype.kind in "iu" else t


CATALOGUE = {
    "softmax": {
        "maximum off": ("It is w / sum w with w = e^(z - max z), as in most libraries.", maximum_off),
        "one pass": ('One "online" pass finds maximum and sum; the sum is rescaled if the maximum grows.', one_pass),
        "in blocks": ("It takes maximum and sum of each block of 64, and joins them in the end.", in_blocks),
        "powers of two": ("It takes 2^((z - max z) log2 e), as GPUs do.", powers_of_two),
        "small ones first": ("It sums from the smallest number to the largest.", lambda z: (
            weights(z) / np.cumsum(np.sort(weights(z), -1), -1)[..., -1:])),
        "one after the other": ("It sums from left to right, with one rounding for each class.", lambda z: (
            weights(z) / np.cumsum(weights(z), -1)[..., -1:])),
        "exact sum": ("It sums by math.fsum, which rounds once.", exact_sum),
        "in pairs": ("It sums two halves, each in the same way.", lambda z: weights(z) / halves(weights(z))),
        "times the reciprocal": ("It is w times 1 / sum w.", lambda z: weights(z) * (1 / total(weights(z)))),
        "in float32": ("It computes in float32 and returns float32.", lambda z: (
            maximum_off(z.astype(np.float32)))),
        "in long double": ("It computes and returns long double.", lambda z: maximum_off(z.astype(np.longdouble))),
        "wider inside": ("It computes half and single precision in double precision, and rounds once.", lambda z: (
            maximum_off(z.astype(np.float64)).astype(z.dtype if z.dtype.kind == "f" else np.float64))),
        "through the logarithm": ("It is e^(log y).", lambda z: np.exp(gaps(z) - np.log(total(weights(z))))),
        "logsumexp off": ("It is e^(z - log sum e^z); its rounding grows with z, which is allowed.", lambda z: (
            np.exp(z - logsumexp(z)))),
        "sigmoid of two": ("For two classes, it is 1 / (1 + e^(z_j - z_i)).", of_two(
            lambda z: 1 / (1 + np.exp(z[..., ::-1] - z)))),
        "tanh of two": ("For two classes, it is (1 + tanh((z_i - z_j) / 2)) / 2.", of_two(
            lambda z: (1 + np.tanh((z - z[..., ::-1]) / 2)) / 2)),
        "any axis": ("It works along the axis that it is given.", any_axis),
        "maximum off twice": ("It subtracts the maximum twice; the second time, this is 0.", lambda z: (
            maximum_off(gaps(z)))),
        "a little more than the maximum off": ("It subtracts max z + 1; what is near max z is good enough.", lambda z: (
            share(np.exp(gaps(z) - 1))))},
    "Jacobian": {
        "row times row": ("It is -y_i y_j, but on the diagonal y_i times the sum of the other y.", row_times_row)},
    "product": {
        "less the mean": ("It is y (v - y.v), as in every backward pass.", lambda z, v: (
            maximum_off(z) * (v - total(maximum_off(z) * v)))),
        "by the matrix": ("It is v^T J, with J in full.", lambda z, v: (row_times_row(z) * v[..., :, None]).sum(-2)),
        "in two terms": ("It is y v - y sum(y v).", in_two_terms)},
    "log-softmax": {
        "log1p of the rest": ("It is d - log1p(r), d = z - max z; r sums all e^d but the largest.", log1p_of_the_rest),
        "log1p where it counts": ("It is -log1p(r) for the largest logit, and d - log(sum) for all others.",
                                  log1p_where_it_counts)},
    "log-softmax Jacobian": {
        "identity less y": ("It is delta_ij - y_j, as in most programs.", lambda z: (
            np.eye(z.shape[-1]) - maximum_off(z)[..., None, :] + np.zeros_like(maximum_off(z))[..., None]))},
    "log-softmax product": {
        "less y times the sum": ("It is v - y sum v, as in every backward pass.", lambda z, v: (
            v - maximum_off(z) * total(v)))},
    "logsumexp": {
        "maximum and log": ("It is max z + log sum e^(z - max z).", lambda z: logsumexp(z)[..., 0]),
        "two at a time": ("It is log(e^a + e^b) of the first two logits, then of this and the third, ...", lambda z: (
            np.logaddexp.reduce(z, -1)))},
    "cross-entropy": {
        "loss of gaps": ("It is log sum e^d - d_t (d = z - max z), or -sum t log y for probabilities t.", loss_of_gaps),
        "loss with everything": ("It is the weighted mean of all rows that are not ignored, with smoothing.",
                                 loss_with_everything)},
    "cross-entropy gradient": {"y less the target": ("It is y - t.", lambda z, t: maximum_off(z) - target(z, t))},
    "temperature": {
        "divided first": ("It is softmax(z / T).", lambda z, T: maximum_off(z / T)),
        "divided last": ("It is e^((z - max z) / T), divided by its sum.", lambda z, T: share(np.exp(gaps(z) / T)))},
}
