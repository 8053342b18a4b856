"""Wrong implementations: each is a few lines of our own with one fault. Many faults were reported in public.

CATALOGUE is {part: {name: (what it does, function, public report, if any)}}. Functions of more than one line stand
before CATALOGUE.
"""

import numpy as np

from tinyattr.testing.right import (
    each_row,
    gaps,
    loss_of_gaps,
    maximum_off,
    no_share,
    share,
    target,
    top,
    total,
    weights,
)


def one_for_all_that_tie(z):
    """Give the probabilities of all tied largest logits to the first of them."""
    y, tied = maximum_off(z), z == top(z)
    first = np.arange(z.shape[-1]) == z.argmax(-1)[..., None]
    return np.where(tied, np.where(first, (y * tied).sum(-1, keepdims=True), 0), y)


def changed(f, where, factor=0.5):
    """Return f(z), multiplied by `factor` at places that depend only on the shape."""
    def g(z):
        y = f(z).copy()
        y[where(z.shape)] *= factor
        return y
    return g


def whole_blocks(z):
    """Divide by a sum that leaves out what follows the last whole block of 16."""
    n = z.shape[-1]
    return weights(z) / weights(z)[..., :n if n < 16 else n // 16 * 16].sum(-1, keepdims=True)


@each_row
def in_one_pass(z):
    """Start the maximum so far at -inf. If the first logit is -inf too, -inf - -inf gives NaN."""
    m, total = np.float64(-np.inf), np.float64(0)
    for v in z.astype(np.float64):
        new = max(m, v)
        total = total * (np.exp(m - new) if total else 1) + np.exp(v - new)
        m = new
    return (np.exp(z - m) / total).astype(z.dtype if z.dtype.kind == "f" else np.float64)


def in_place(z):
    """Compute everything in the caller's array."""
    if z.dtype.kind != "f" or not z.flags.writeable:
        return maximum_off(z)
    z -= top(z)
    np.exp(z, out=z)
    z /= z.sum(-1, keepdims=True)
    return z.copy()


def into_one_buffer(z):
    """Return a buffer that the next call uses again."""
    y = BUFFERS.setdefault((z.shape, z.dtype), np.empty(z.shape, maximum_off(z).dtype))
    y[...] = maximum_off(z)
    return y


BUFFERS = {}


def kept_for_later(z):
    """Keep answers in a cache like lru_cache, with the numbers as keys."""
    return KEPT.setdefault((z.shape, z.dtype, z.tobytes()), maximum_off(z))


KEPT = {}


def first_numbers_in_memory(z):
    """Read the memory from the first number of z on, without regard to strides."""
    if z.base is None or z.ndim == 0 or not z.size or 0 in z.strides:
        return maximum_off(z)
    start = z[tuple(slice(None) if s > 0 else slice(None, None, -1) for s in z.strides)]
    memory = np.lib.stride_tricks.as_strided(start, (start.size,), (z.itemsize,))
    return maximum_off(memory.copy().reshape(z.shape))


def diagonal(y):
    """Return a matrix with y on its diagonal, for each row."""
    return np.eye(y.shape[-1]) * y[..., None, :]


def outer(y):
    """y y^T, for each row."""
    return y[..., :, None] * y[..., None, :]


def log_sum_less_the_logit(z, t):
    """Compute the loss as logsumexp(z) - z_t: two large numbers, whose difference is mostly rounding."""
    log_sum = z.max(-1) + np.log(weights(z).sum(-1))
    return log_sum - np.take_along_axis(z, np.asarray(t)[..., None], -1)[..., 0]


def ignored_times_0(z, t, ignore_index=-100):
    """Compute the mean loss over the rows that count, after multiplying the loss of every ignored row by 0."""
    z, t = np.atleast_2d(z), np.atleast_1d(t)
    counts = t != ignore_index
    L = -(gaps(z) - np.log(total(weights(z))))[np.arange(len(t)), np.where(counts, t, 0)]
    return (L * counts).sum() / counts.sum()


CATALOGUE = {
    "softmax": {
        # ---- the formula
        "no maximum off": ("e^z overflows, or vanishes for very negative logits", lambda z: (
            share(np.exp(z))), "xFasterTransformer 326"),
        "maximum with zero off": ("max(0, max z) is subtracted: e^z of very negative logits is 0",
                                  lambda z: share(np.exp(z - np.maximum(top(z), 0))), "NNlib.jl 43"),
        "largest size off": ("the largest |z| is subtracted, not the largest z", lambda z: (
            share(np.exp(z - np.abs(z).max(-1, keepdims=True))))),
        "mean off": ("a leader still overflows", lambda z: share(np.exp(z - z.mean(-1, keepdims=True)))),
        "epsilon below": ("1e-7 is added to the sum", lambda z: weights(z) / (total(weights(z)) + 1e-7), "geti 1507"),
        "base two": ("2^z for e^z", lambda z: share(np.exp2(gaps(z)))),
        "half the gap": ("z / 2 for z: a forgotten temperature", lambda z: maximum_off(z / 2)),
        "small ones dropped": ("exponentials below e^-20 are left out", lambda z: (
            share(np.where(gaps(z) > -20, weights(z), 0)))),
        "never below 1e-7": ("probabilities are cut at 1e-7", lambda z: np.maximum(maximum_off(z), 1e-7)),
        "logits cut at 50": ("logits are cut at -50 and 50", lambda z: maximum_off(np.clip(z, -50, 50))),
        "one for all that tie": ("the first of several largest logits takes all that they should share",
                                 one_for_all_that_tie),
        "shares of sigmoids": ("1 / (1 + e^-z), divided by its sum", lambda z: share(1 / (1 + np.exp(-z)))),
        "float32 inside": ("computed in float32, returned as if it were float64", lambda z: (
            maximum_off(z.astype(np.float32)).astype(np.float64))),
        "float32 sum": ("the sum is kept in float32", lambda z: (
            weights(z) / weights(z).sum(-1, keepdims=True, dtype=np.float32).astype(np.float64))),
        "sorted on the way": ("probabilities come out in the order of size, not of the classes", lambda z: (
            maximum_off(np.sort(z, -1)))),
        # ---- sizes and blocks
        "last of 517 halved": ("right for every size but 517, whose last class is off", changed(
            maximum_off, lambda shape: (..., -1 if shape[-1:] == (517,) else slice(0, 0))), "PyTorch 143644"),
        "rest of the blocks forgotten": ("the sum goes over whole blocks of 16, if there is more than one",
                                         whole_blocks),
        "maximum of the first block": ("the maximum is that of the first 256 classes", lambda z: (
            share(np.exp(z - z[..., :256].max(-1, keepdims=True))))),
        "second row halved at 300": ("as at 781, at a size that is nothing special", changed(
            maximum_off, lambda shape: slice(1, None) if len(shape) > 1 and shape[-1] == 300 else slice(0, 0))),
        "second row halved at 781": ("a single row is right; at 781 classes the second row of a batch is off", changed(
            maximum_off, lambda shape: slice(1, None) if len(shape) > 1 and shape[-1] == 781 else slice(0, 0)),
            "PyTorch 147284"),
        # ---- rows and axes
        "sum over all rows": ("the sum goes over all rows of a batch", lambda z: (
            weights(z) / weights(z).sum()), "MLFundamentals 1"),
        "maximum of all rows": ("the maximum is that of the whole batch: a row far below it vanishes", lambda z: (
            share(np.exp(z - z.max()))), "nntrainer 430"),
        "batch as one vector": ("maximum and sum go over all rows", lambda z: (
            np.exp(z - z.max()) / np.exp(z - z.max()).sum()), "uTensor 171"),
        "first axis": ("along the first axis of a batch, not the last", lambda z: (
            np.exp(z - z.max(0)) / np.exp(z - z.max(0)).sum(0)), "NRI 25"),
        "no axis kept": ("max and sum of a row lose their axis: only square batches do not fail, and those are wrong",
                         lambda z: np.exp(z - z.max(-1)) / np.exp(z - z.max(-1)).sum(-1)),
        "axis not used": ("it takes an axis and does not use it", lambda z, axis=-1: maximum_off(z), "aprender 2152"),
        "one bad row spoils all": ("a NaN anywhere makes the whole batch NaN", lambda z: maximum_off(z) + 0 * z.sum()),
        # ---- masks
        "masked first is NaN": ("the maximum so far starts at -inf: a mask in the first place gives NaN",
                                in_one_pass, "burn 4694"),
        "mask is a large number": ("-inf becomes -1e9: beside very negative logits it masks nothing", lambda z: (
            maximum_off(np.maximum(z, -1e9))), "burn 4697"),
        "masked rows are shared": ("where any logit is masked, every class gets the same", lambda z: (
            np.where((z == -np.inf).any(-1, keepdims=True), 1 / z.shape[-1], maximum_off(z)))),
        "NaN is the smallest": ("the maximum and the sum pass over NaN, as fmax does, and its class gets 0", lambda z: (
            np.nan_to_num(maximum_off(np.where(np.isnan(z), -np.inf, z))))),
        # ---- memory
        "argument overwritten": ("it works in the caller's array", in_place, "CUDA.jl 592, NNlib.jl 264"),
        "one buffer for all answers": ("every answer is one array, which the next call overwrites", into_one_buffer),
        "answers kept for later": ("equal logits get the same array: who writes into an answer changes the next",
                                   kept_for_later),
        "whole numbers stay whole": ("the answer has the type of the logits: it is 0 or 1 for whole ones", lambda z: (
            maximum_off(z.astype(np.float64)).astype(z.dtype))),
        "strides not looked at": ("it reads the memory from the first number on, as if it were C-contiguous",
                                  first_numbers_in_memory)},
    "Jacobian": {
        "diagonal only": ("y_i (1 - y_i) on the diagonal, and nothing beside it", lambda z: (
            diagonal(maximum_off(z) * (1 - maximum_off(z)))), "libnd4j 440"),
        "one minus y": ("diag(y) - y y^T: where y_c rounds to 1, y_c - y_c^2 is 0 or noise beside entries of that size",
                        lambda z: diagonal(maximum_off(z)) - outer(maximum_off(z)), "lesson 7, exercise 7.2"),
        "Jacobian of the logarithm": ("delta_ij - y_j: y_i is missing", lambda z: (
            np.eye(z.shape[-1]) - maximum_off(z)[..., None, :] + 0 * z[..., None])),
        "sign turned": ("-J", lambda z: outer(maximum_off(z)) - diagonal(maximum_off(z)))},
    "product": {
        "mean not taken off": ("y v: the dot product y.v is missing", lambda z, v: maximum_off(z) * v,
                               "Odyssey 2134, cTensor 31"),
        "diagonal times v": ("y (1 - y) v: the derivative of a sigmoid", lambda z, v: (
            maximum_off(z) * (1 - maximum_off(z)) * v)),
        "mean without weights": ("y (v - sum v): the sum is not weighted by y", lambda z, v: (
            maximum_off(z) * (v - total(v)))),
        "dot product over all rows": ("y.v is summed over the batch", lambda z, v: (
            maximum_off(z) * (v - (maximum_off(z) * v).sum())))},
    "log-softmax": {
        "log without the maximum": ("z - log sum e^z, whose sum overflows: 88.72284 in float32 gives -inf", lambda z: (
            z - np.log(np.exp(z).sum(-1, keepdims=True))), "hb-pytorch 61"),
        "log of the softmax": ("log y of a y that has become 0 is -inf", lambda z: np.log(maximum_off(z))),
        "maximum and log in one": ("z - (max z + log sum): the logarithm is lost in a large maximum", lambda z: (
            z - (top(z) + np.log(total(weights(z))))), "PyTorch 38839"),
        "digits lost at the top": ("log(1 + 1e-20) is 0: what is left to the others is lost", lambda z: (
            gaps(z) - np.log(total(weights(z)))), "PyTorch 113708, SciPy 1.17")},
    "log-softmax product": {
        "log product of each by itself": ("v - y v: the sum of v is missing", lambda z, v: v - maximum_off(z) * v,
                                          "mlpack 2360"),
        "log product of the softmax": ("y (v - y.v): the derivative of softmax, not of its logarithm", lambda z, v: (
            maximum_off(z) * (v - total(maximum_off(z) * v))), "mlpack 3468")},
    "log-softmax Jacobian": {
        "log Jacobian turned": ("delta_ij - y_i: rows for columns", lambda z: (
            np.eye(z.shape[-1]) - maximum_off(z)[..., :, None] + 0 * z[..., None, :]))},
    "logsumexp": {
        "logsumexp without the maximum": ("log sum e^z overflows", lambda z: np.log(np.exp(z).sum(-1))),
        "maximum not put back": ("log sum e^(z - max z), without + max z", lambda z: np.log(weights(z).sum(-1)))},
    "cross-entropy": {
        "loss rounded at the maximum": ("log sum e^z - z_t: both are large, and what is left is rounding",
                                        log_sum_less_the_logit, "mlx 4169"),
        "loss of y and epsilon": ("-log(y_t + 1e-9): never above 20.7, whatever the logits say", lambda z, t: (
            -np.log(np.take_along_axis(maximum_off(z), np.asarray(t)[..., None], -1)[..., 0] + 1e-9))),
        "one-hot times the logarithm": ("-sum e_t log y: beside a masked class 0 times infinity is NaN", lambda z, t: (
            -(target(z, t) * (gaps(z) - np.log(total(weights(z))))).sum(-1))),
        "no smoothing times infinity": ("smoothing 0 times the mean of log y, which is infinite beside a mask", (
            lambda z, t, label_smoothing=0.0: (1 - label_smoothing) * loss_of_gaps(z, t) + (
                label_smoothing * loss_of_gaps(z, np.full(z.shape, 1 / z.shape[-1]))))),
        "never above 1e9": ("log y is cut at -1e9: a masked target has a finite loss", lambda z, t: (
            np.minimum(loss_of_gaps(z, t), 1e9))),
        "ignored rows times 0": ("the loss of class 0 times 0 for an ignored row: NaN if that class is masked",
                                 ignored_times_0),
        "smoothed to more than one": ("the target keeps 1, and all get eps / n on top: together 1 + eps", (
            lambda z, t, label_smoothing=0.0: (
                loss_of_gaps(z, t) + no_share(label_smoothing, loss_of_gaps(z, np.full(z.shape, 1 / z.shape[-1])))))),
        "ignored rows count": ("an ignored row has the loss of class 0", lambda z, t, ignore_index=-100: (
            loss_of_gaps(z, np.where(np.asarray(t) == ignore_index, 0, t)))),
        "weight of the top class": ("the weight is that of the likeliest class, not of the target", (
            lambda z, t, weight=None: loss_of_gaps(z, t) * (1 if weight is None else weight[z.argmax(-1)])))},
    "cross-entropy gradient": {
        "gradient of the target only": ("y_t - 1 at the target, and nothing at the other classes", lambda z, t: (
            (maximum_off(z) - 1) * target(z, t))),
        "gradient by a division": ("-t / y, and then through J: 0 / 0 at masked classes, where y is 0", lambda z, t: (
            maximum_off(z) * (total(target(z, t)) - target(z, t) / maximum_off(z)))),
        "gradient turned": ("t - y", lambda z, t: target(z, t) - maximum_off(z))},
    "temperature": {
        "temperature times": ("z T for z / T", lambda z, T: maximum_off(z * T)),
        "temperature last": ("softmax(z) / T, over its sum: T drops out", lambda z, T: share(maximum_off(z) / T))},
}
