"""Wrong implementations: each is a few lines of our own with one fault. Many faults were reported in public.

CATALOGUE is {part: {name: (what it does, function, public report, if any)}}. Functions of more than one line stand
before CATALOGUE.
"""

import numpy as np

from tinyattr.testing.right import each_row, gaps, loss_of_gaps, maximum_off, share, target, top, total, weights


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
        "no maximum off": ("It takes e^z of the logits themselves, which overflows, or is 0 for very negative logits.",
                           lambda z: share(np.exp(z)), "xFasterTransformer 326"),
        "maximum with zero off": ("It subtracts max(0, max z), so e^z becomes 0 if all logits are very negative.",
                                  lambda z: share(np.exp(z - np.maximum(top(z), 0))), "NNlib.jl 43"),
        "largest size off": ("It subtracts the largest |z| instead of the largest z.", lambda z: (
            share(np.exp(z - np.abs(z).max(-1, keepdims=True))))),
        "mean off": ("It subtracts the mean, so a logit far above the mean still overflows.",
                     lambda z: share(np.exp(z - z.mean(-1, keepdims=True)))),
        "epsilon below": ("It adds 1e-7 to the sum.", lambda z: weights(z) / (total(weights(z)) + 1e-7), "geti 1507"),
        "base two": ("It takes 2^z instead of e^z.", lambda z: share(np.exp2(gaps(z)))),
        "half the gap": ("It takes z / 2 instead of z, as if T were 2.", lambda z: maximum_off(z / 2)),
        "small ones dropped": ("It leaves out exponentials below e^-20.", lambda z: (
            share(np.where(gaps(z) > -20, weights(z), 0)))),
        "never below 1e-7": ("It raises smaller probabilities to 1e-7.", lambda z: np.maximum(maximum_off(z), 1e-7)),
        "logits cut at 50": ("It cuts the logits at -50 and 50.", lambda z: maximum_off(np.clip(z, -50, 50))),
        "one for all that tie": ("If several logits are the largest, the first of them gets the sum of their y.",
                                 one_for_all_that_tie),
        "shares of sigmoids": ("It divides 1 / (1 + e^-z) by its sum.", lambda z: share(1 / (1 + np.exp(-z)))),
        "float32 inside": ("It computes in float32, but returns float64.", lambda z: (
            maximum_off(z.astype(np.float32)).astype(np.float64))),
        "float32 sum": ("It keeps the sum in float32.", lambda z: (
            weights(z) / weights(z).sum(-1, keepdims=True, dtype=np.float32).astype(np.float64))),
        "sorted on the way": ("It returns probabilities in the order of size, not of the classes.", lambda z: (
            maximum_off(np.sort(z, -1)))),
        # ---- sizes and blocks
        "last of 517 halved": ("It halves the last probability of 517 classes; otherwise it is right.", changed(
            maximum_off, lambda shape: (..., -1 if shape[-1:] == (517,) else slice(0, 0))), "PyTorch 143644"),
        "rest of the blocks forgotten": ("It sums only whole blocks of 16: from 17 classes on, it forgets the rest.",
                                         whole_blocks),
        "maximum of the first block": ("It subtracts the maximum of the first 256 classes.", lambda z: (
            share(np.exp(z - z[..., :256].max(-1, keepdims=True))))),
        "second row halved at 300": ("With 300 classes, it halves all rows of a batch but the first.", changed(
            maximum_off, lambda shape: slice(1, None) if len(shape) > 1 and shape[-1] == 300 else slice(0, 0))),
        "second row halved at 781": ("With 781 classes, it halves all rows of a batch but the first.", changed(
            maximum_off, lambda shape: slice(1, None) if len(shape) > 1 and shape[-1] == 781 else slice(0, 0)),
            "PyTorch 147284"),
        # ---- rows and axes
        "sum over all rows": ("It divides by the sum over all rows of a batch.", lambda z: (
            weights(z) / weights(z).sum()), "MLFundamentals 1"),
        "maximum of all rows": ("It subtracts the whole batch's maximum; in a much lower row, all exponentials are 0.",
                                lambda z: share(np.exp(z - z.max())), "nntrainer 430"),
        "batch as one vector": ("It takes maximum and sum over all rows of a batch.", lambda z: (
            np.exp(z - z.max()) / np.exp(z - z.max()).sum()), "uTensor 171"),
        "first axis": ("It works along the first axis of a batch, not along the last.", lambda z: (
            np.exp(z - z.max(0)) / np.exp(z - z.max(0)).sum(0)), "NRI 25"),
        "no axis kept": ("max and sum lose their axis: one row is right, a square batch is wrong, others raise errors.",
                         lambda z: np.exp(z - z.max(-1)) / np.exp(z - z.max(-1)).sum(-1)),
        "axis not used": ("It takes an axis and ignores it.", lambda z, axis=-1: maximum_off(z), "aprender 2152"),
        "one bad row spoils all": ("One NaN makes the whole batch NaN.", lambda z: maximum_off(z) + 0 * z.sum()),
        # ---- masks
        "masked first is NaN": ("Its running maximum starts at -inf, so a masked first class gives NaN.",
                                in_one_pass, "burn 4694"),
        "mask is a large number": ("It replaces -inf by -1e9, which masks nothing beside very negative logits.",
                                   lambda z: maximum_off(np.maximum(z, -1e9)), "burn 4697"),
        "masked rows are shared": ("If any class of a row is masked, all its classes get the same.", lambda z: (
            np.where((z == -np.inf).any(-1, keepdims=True), 1 / z.shape[-1], maximum_off(z)))),
        "NaN is the smallest": ("It ignores NaN in maximum and sum, as np.fmax does; a NaN's y is 0.", lambda z: (
            np.nan_to_num(maximum_off(np.where(np.isnan(z), -np.inf, z))))),
        # ---- memory
        "argument overwritten": ("It works in the caller's array.", in_place, "CUDA.jl 592, NNlib.jl 264"),
        "one buffer for all answers": ("It returns an array that its next call overwrites.", into_one_buffer),
        "answers kept for later": ("Equal logits get the same array, so a change in one answer changes later ones.",
                                   kept_for_later),
        "whole numbers stay whole": ("The answer has the type of the logits, so it is 0 or 1 for whole numbers.",
                                     lambda z: maximum_off(z.astype(np.float64)).astype(z.dtype)),
        "strides not looked at": ("It reads the memory from the first number on, as if z were C-contiguous.",
                                  first_numbers_in_memory)},
    "Jacobian": {
        "diagonal only": ("It has y_i (1 - y_i) on the diagonal and 0 elsewhere.", lambda z: (
            diagonal(maximum_off(z) * (1 - maximum_off(z)))), "libnd4j 440"),
        "one minus y": ("It is diag(y) - y y^T: if y_c rounds to 1, its own entry y_c - y_c^2 loses all digits.",
                        lambda z: diagonal(maximum_off(z)) - outer(maximum_off(z)), "lesson 7, exercise 7.2"),
        "Jacobian of the logarithm": ("It is delta_ij - y_j; the factor y_i is missing.", lambda z: (
            np.eye(z.shape[-1]) - maximum_off(z)[..., None, :] + 0 * z[..., None])),
        "sign turned": ("It is -J.", lambda z: outer(maximum_off(z)) - diagonal(maximum_off(z)))},
    "product": {
        "mean not taken off": ("It is y v; the dot product y.v is missing.", lambda z, v: maximum_off(z) * v,
                               "Odyssey 2134, cTensor 31"),
        "diagonal times v": ("It is y (1 - y) v, with the derivative of a sigmoid.", lambda z, v: (
            maximum_off(z) * (1 - maximum_off(z)) * v)),
        "mean without weights": ("It is y (v - sum v); the sum has no weights y.", lambda z, v: (
            maximum_off(z) * (v - total(v)))),
        "dot product over all rows": ("It sums y.v over the whole batch.", lambda z, v: (
            maximum_off(z) * (v - (maximum_off(z) * v).sum())))},
    "log-softmax": {
        "log without the maximum": ("It is z - log sum e^z; the sum overflows if a float32 logit is 88.72284.",
                                    lambda z: z - np.log(np.exp(z).sum(-1, keepdims=True)), "hb-pytorch 61"),
        "log of the softmax": ("It takes log y, which is -inf if y has become 0.", lambda z: np.log(maximum_off(z))),
        "maximum and log in one": ("It is z - (max z + log sum); a large max z leaves no digits for the logarithm.",
                                   lambda z: z - (top(z) + np.log(total(weights(z)))), "PyTorch 38839"),
        "digits lost at the top": ("It rounds 1 + r before it takes the log, so a small sum r of the others is lost.",
                                   lambda z: gaps(z) - np.log(total(weights(z))), "PyTorch 113708, SciPy 1.17")},
    "log-softmax product": {
        "log product of each by itself": ("It is v - y v; the sum of v is missing.",
                                          lambda z, v: v - maximum_off(z) * v, "mlpack 2360"),
        "log product of the softmax": ("It is y (v - y.v), the product of softmax, not of its log.", lambda z, v: (
            maximum_off(z) * (v - total(maximum_off(z) * v))), "mlpack 3468")},
    "log-softmax Jacobian": {
        "log Jacobian turned": ("It is delta_ij - y_i; rows and columns are exchanged.", lambda z: (
            np.eye(z.shape[-1]) - maximum_off(z)[..., :, None] + 0 * z[..., None, :]))},
    "logsumexp": {
        "logsumexp without the maximum": ("It is log sum e^z, and e^z overflows.", lambda z: np.log(np.exp(z).sum(-1))),
        "maximum not put back": ("It is log sum e^(z - max z); max z is missing.",
                                 lambda z: np.log(weights(z).sum(-1)))},
    "cross-entropy": {
        "loss rounded at the maximum": ("It is log sum e^z - z_t; if both are large, only rounding is left.",
                                        log_sum_less_the_logit, "mlx 4169"),
        "loss of y and epsilon": ("It is -log(y_t + 1e-9), which is never above 20.7.", lambda z, t: (
            -np.log(np.take_along_axis(maximum_off(z), np.asarray(t)[..., None], -1)[..., 0] + 1e-9))),
        "one-hot times the logarithm": ("It is -sum e_t log y, e_t one-hot; at a masked class, 0 times inf is NaN.",
                                        lambda z, t: -(target(z, t) * (gaps(z) - np.log(total(weights(z))))).sum(-1)),
        "no smoothing times infinity": ("Without smoothing, it adds 0 times the mean of log y: a mask makes it NaN.", (
            lambda z, t, label_smoothing=0.0: (1 - label_smoothing) * loss_of_gaps(z, t) + (
                label_smoothing * loss_of_gaps(z, np.full(z.shape, 1 / z.shape[-1]))))),
        "never above 1e9": ("It cuts log y at -1e9, so a masked target has a finite loss.", lambda z, t: (
            np.minimum(loss_of_gaps(z, t), 1e9))),
        "ignored rows times 0": ("For an ignored row, it takes 0 times the loss of class 0: NaN if class 0 is masked.",
                                 ignored_times_0),
        "smoothed to more than one": ("The target keeps 1, and all classes get eps / n more: together 1 + eps.", (
            lambda z, t, label_smoothing=0.0: (
                loss_of_gaps(z, t) + (label_smoothing and label_smoothing * loss_of_gaps(
                    z, np.full(z.shape, 1 / z.shape[-1])))))),
        "ignored rows count": ("It gives an ignored row the loss of class 0.", lambda z, t, ignore_index=-100: (
            loss_of_gaps(z, np.where(np.asarray(t) == ignore_index, 0, t)))),
        "weight of the top class": ("It takes the weight of the most probable class, not of the target.", (
            lambda z, t, weight=None: loss_of_gaps(z, t) * (1 if weight is None else weight[z.argmax(-1)])))},
    "cross-entropy gradient": {
        "gradient of the target only": ("It is y_t - 1 at the target and 0 at all other classes.", lambda z, t: (
            (maximum_off(z) - 1) * target(z, t))),
        "gradient by a division": ("It multiplies -t / y by J; at a masked class, t / y is 0 / 0.", lambda z, t: (
            maximum_off(z) * (total(target(z, t)) - target(z, t) / maximum_off(z)))),
        "gradient turned": ("It is t - y.", lambda z, t: target(z, t) - maximum_off(z))},
    "temperature": {
        "temperature times": ("It takes z T instead of z / T.", lambda z, T: maximum_off(z * T)),
        "temperature last": ("It divides softmax(z) / T by its sum: T cancels.",
                             lambda z, T: share(maximum_off(z) / T))},
}
