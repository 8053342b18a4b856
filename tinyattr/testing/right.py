"""Right implementations, written in as many ways as we know: each must pass, whatever it rounds."""

from math import exp, fsum, inf

import numpy as np

from tinyattr.testing.exhibit import exhibit

LOG2_E = np.log2(np.e)


def each_row(f):
    """f of vectors, for batches: one row after the other."""
    return lambda z: np.apply_along_axis(f, -1, z) if z.size else np.zeros_like(z)


@exhibit("softmax")
def maximum_off(z):
    """w = e^(z - max z), then w / sum w: what most libraries do."""
    w = np.exp(z - z.max(-1, keepdims=True))
    return w / w.sum(-1, keepdims=True)


@exhibit("softmax")
def one_pass(z):
    """Maximum and sum in one pass, the sum rescaled whenever the maximum grows ("online")."""
    def row(z):
        m, total = -inf, 0.0
        for v in z.tolist():
            if v > m:
                m, total = v, total * exp(m - v) if m > -inf else 0.0
            total += exp(v - m) if v > -inf else 0.0
        return np.exp(z - m) / total
    return each_row(row)(z)


@exhibit("softmax")
def in_blocks(z):
    """Each block of 64 with a maximum and a sum of its own, joined in the end."""
    def row(z):
        blocks = [z[i:i + 64] for i in range(0, len(z), 64)]
        tops = np.array([b.max() for b in blocks])
        sums = np.array([np.exp(b - t).sum() if t > -inf else 0 for b, t in zip(blocks, tops, strict=True)])
        m = tops.max()
        return np.exp(z - m) / (sums * np.exp(tops - m)).sum()
    return each_row(row)(z)


@exhibit("softmax")
def powers_of_two(z):
    """2^((z - max z) log2 e), as on GPUs."""
    w = np.exp2((z - z.max(-1, keepdims=True)) * z.dtype.type(LOG2_E) if z.dtype.kind == "f" else (
        z - z.max(-1, keepdims=True)) * LOG2_E)
    return w / w.sum(-1, keepdims=True)


@exhibit("softmax")
def small_ones_first(z):
    """The sum from the smallest to the largest."""
    w = np.exp(z - z.max(-1, keepdims=True))
    return w / np.cumsum(np.sort(w, -1), -1)[..., -1:]


@exhibit("softmax")
def one_after_the_other(z):
    """The sum from left to right, one rounding for each class."""
    w = np.exp(z - z.max(-1, keepdims=True))
    return w / np.cumsum(w, -1)[..., -1:]


@exhibit("softmax")
def exact_sum(z):
    """The sum by math.fsum, which rounds once."""
    def row(z):
        w = np.exp(z - z.max())
        return w / fsum(w)
    return each_row(row)(z)


@exhibit("softmax")
def in_pairs(z):
    """The sum of halves, each the sum of its halves."""
    def total(w):
        n = w.shape[-1]
        return w[..., 0] if n == 1 else total(w[..., :n // 2]) + total(w[..., n // 2:])
    w = np.exp(z - z.max(-1, keepdims=True))
    return w / total(w)[..., None]


@exhibit("softmax")
def times_the_reciprocal(z):
    """w times 1 / sum w."""
    w = np.exp(z - z.max(-1, keepdims=True))
    return w * (1 / w.sum(-1, keepdims=True))


@exhibit("softmax")
def in_float32(z):
    """All in float32, and the answer says so by its type."""
    return maximum_off(z.astype(np.float32))


@exhibit("softmax")
def in_long_double(z):
    """All in long double, and the answer, too."""
    return maximum_off(z.astype(np.longdouble))


@exhibit("softmax")
def wider_inside(z):
    """Half and single precision are computed in double, then rounded once."""
    return maximum_off(z.astype(np.float64)).astype(z.dtype if z.dtype.kind == "f" else np.float64)


@exhibit("softmax")
def through_the_logarithm(z):
    """e^(log y)."""
    d = z - z.max(-1, keepdims=True)
    return np.exp(d - np.log(np.exp(d).sum(-1, keepdims=True)))


@exhibit("softmax")
def logsumexp_off(z):
    """e^(z - log sum e^z): it rounds at the size of z, which is allowed."""
    m = z.max(-1, keepdims=True)
    return np.exp(z - (m + np.log(np.exp(z - m).sum(-1, keepdims=True))))


@exhibit("softmax")
def sigmoid_of_two(z):
    """Two classes by 1 / (1 + e^(z_j - z_i)), more by the usual way."""
    if z.shape[-1] != 2:
        return maximum_off(z)
    return 1 / (1 + np.exp(z[..., ::-1] - z))


@exhibit("softmax")
def tanh_of_two(z):
    """Two classes by (1 + tanh((z_i - z_j) / 2)) / 2, more by the usual way."""
    if z.shape[-1] != 2:
        return maximum_off(z)
    return (1 + np.tanh((z - z[..., ::-1]) / 2)) / 2


@exhibit("softmax")
def any_axis(z, axis=-1):
    """Along the axis that is asked for."""
    w = np.exp(z - z.max(axis, keepdims=True))
    return w / w.sum(axis, keepdims=True)


@exhibit("softmax")
def maximum_off_twice(z):
    """The maximum of the gaps is 0: to take it off again changes nothing."""
    return maximum_off(z - z.max(-1, keepdims=True))


@exhibit("softmax")
def a_little_more_than_the_maximum_off(z):
    """max z + 1 is subtracted: any number near the maximum will do."""
    w = np.exp(z - z.max(-1, keepdims=True) - 1)
    return w / w.sum(-1, keepdims=True)


@exhibit("Jacobian")
def row_times_row(z):
    """y_i (delta_ij - y_j), its diagonal y_i times the sum of the others."""
    y = maximum_off(z)
    n = z.shape[-1]
    J = -y[..., :, None] * y[..., None, :]
    others = np.where(np.eye(n, dtype=bool), 0, np.broadcast_to(y[..., None, :], J.shape)).sum(-1)
    J[..., np.arange(n), np.arange(n)] = y * others
    return J


@exhibit("product")
def less_the_mean(z, v):
    """y (v - y.v), as every backward pass has it."""
    y = maximum_off(z)
    return y * (v - (y * v).sum(-1, keepdims=True))


@exhibit("product")
def by_the_matrix(z, v):
    """v^T J with J written out."""
    return (row_times_row(z) * v[..., :, None]).sum(-2)


@exhibit("product")
def in_two_terms(z, v):
    """y v - y sum(y v)."""
    w = maximum_off(z) * v
    return w - maximum_off(z) * w.sum(-1, keepdims=True)


@exhibit("log-softmax")
def log1p_of_the_rest(z):
    """d - log(1 + what the largest leaves to the others), d = z - max z."""
    d = z - z.max(-1, keepdims=True)
    w = np.exp(d)
    np.put_along_axis(w, d.argmax(-1)[..., None], 0, -1)
    return d - np.log1p(w.sum(-1, keepdims=True))


@exhibit("log-softmax")
def log1p_where_it_counts(z):
    """log y by log(sum) for most classes, and by -log1p(rest) for the largest."""
    d = z - z.max(-1, keepdims=True)
    top = d.argmax(-1)[..., None]
    w = np.exp(d)
    log_y = d - np.log(w.sum(-1, keepdims=True))
    np.put_along_axis(w, top, 0, -1)
    np.put_along_axis(log_y, top, -np.log1p(w.sum(-1, keepdims=True)), -1)
    return log_y


@exhibit("log-softmax Jacobian")
def identity_less_y(z):
    """delta_ij - y_j, as everybody writes it."""
    y = maximum_off(z)
    return np.eye(z.shape[-1]) - y[..., None, :] + np.zeros_like(y)[..., None]


@exhibit("log-softmax product")
def less_y_times_the_sum(z, v):
    """v - y sum v, as every backward pass has it."""
    return v - maximum_off(z) * v.sum(-1, keepdims=True)


@exhibit("logsumexp")
def maximum_and_log(z):
    """max z + log sum e^(z - max z)."""
    m = z.max(-1, keepdims=True)
    return (m + np.log(np.exp(z - m).sum(-1, keepdims=True)))[..., 0]


@exhibit("logsumexp")
def two_at_a_time(z):
    """log(e^a + e^b) of the first two, of that and the third, ..."""
    return np.logaddexp.reduce(z, -1)


@exhibit("cross-entropy")
def loss_of_gaps(z, t):
    """log sum e^d - d_t for classes, d = z - max z; -sum t log y for probabilities."""
    d = z - z.max(-1, keepdims=True)
    log_y = d - np.log(np.exp(d).sum(-1, keepdims=True))
    if np.asarray(t).dtype.kind in "iu":
        return -np.take_along_axis(log_y, np.asarray(t)[..., None], -1)[..., 0]
    return -(t * log_y).sum(-1)


@exhibit("cross-entropy")
def loss_with_everything(z, t, label_smoothing=0.0, weight=None, ignore_index=-100):
    """The weighted mean over the rows that count, with smoothing, weights and an ignored class."""
    z, t = np.atleast_2d(z), np.atleast_1d(t)
    d = z - z.max(-1, keepdims=True)
    log_y = d - np.log(np.exp(d).sum(-1, keepdims=True))
    counts = t != ignore_index
    t = np.where(counts, t, 0)
    w = counts * (1.0 if weight is None else weight[t])
    L = -(1 - label_smoothing) * log_y[np.arange(len(t)), t] - label_smoothing * log_y.mean(-1)
    return (w * L).sum() / w.sum()


@exhibit("cross-entropy gradient")
def y_less_the_target(z, t):
    """y - t."""
    y = maximum_off(z)
    t = np.asarray(t)
    return y - ((np.arange(z.shape[-1]) == t[..., None]) if t.dtype.kind in "iu" else t)


@exhibit("temperature")
def divided_first(z, T):
    """softmax(z / T)."""
    return maximum_off(z / T)


@exhibit("temperature")
def divided_last(z, T):
    """e^((z - max z) / T), divided by its sum."""
    w = np.exp((z - z.max(-1, keepdims=True)) / T)
    return w / w.sum(-1, keepdims=True)
