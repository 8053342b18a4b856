"""Wrong implementations, each a few lines of our own in the form of a fault that was reported somewhere."""

import numpy as np

from tinyattr.testing.exhibit import exhibit
from tinyattr.testing.right import each_row, loss_of_gaps, maximum_off


def share(w):
    """w / sum w."""
    return w / w.sum(-1, keepdims=True)


def top(z):
    """The largest logit of each row, (..., 1)."""
    return z.max(-1, keepdims=True)


# ------------------------------------------------------------------------------------------------ softmax: the formula


@exhibit("softmax", "xFasterTransformer 326")
def no_maximum_off(z):
    """e^z overflows for large logits, and vanishes for very negative ones."""
    return share(np.exp(z))


@exhibit("softmax", "NNlib.jl 43")
def maximum_with_zero_off(z):
    """max(0, max z) is subtracted: if all logits are far below 0, every exponential is 0."""
    return share(np.exp(z - np.maximum(top(z), 0)))


@exhibit("softmax")
def largest_size_off(z):
    """The largest |z| is subtracted, not the largest z."""
    return share(np.exp(z - np.abs(z).max(-1, keepdims=True)))


@exhibit("softmax")
def mean_off(z):
    """The mean is subtracted: a leader still overflows."""
    return share(np.exp(z - z.mean(-1, keepdims=True)))


@exhibit("softmax", "geti 1507")
def epsilon_below(z):
    """1e-7 is added to the sum, against a division by 0 that cannot happen."""
    w = np.exp(z - top(z))
    return w / (w.sum(-1, keepdims=True) + 1e-7)


@exhibit("softmax")
def base_two(z):
    """2^z for e^z."""
    return share(np.exp2(z - top(z)))


@exhibit("softmax")
def half_the_gap(z):
    """z / 2 for z: a forgotten temperature."""
    return maximum_off(z / 2)


@exhibit("softmax")
def small_ones_dropped(z):
    """Exponentials below e^-20 are left out."""
    return share(np.where(z > top(z) - 20, np.exp(z - top(z)), 0))


@exhibit("softmax")
def never_below_1e_7(z):
    """Probabilities are cut at 1e-7, so that a logarithm is finite."""
    return np.maximum(maximum_off(z), 1e-7)


@exhibit("softmax")
def logits_cut_at_50(z):
    """Logits are cut at -50 and 50."""
    return maximum_off(np.clip(z, -50, 50))


@exhibit("softmax")
def one_off_after_a_tie(z):
    """The first of several largest logits takes all that they should share."""
    y = maximum_off(z)
    tied = z == top(z)
    first = np.arange(z.shape[-1]) == z.argmax(-1)[..., None]
    return np.where(tied, np.where(first, (y * tied).sum(-1, keepdims=True), 0), y)


@exhibit("softmax")
def shares_of_sigmoids(z):
    """1 / (1 + e^-z), divided by its sum."""
    return share(1 / (1 + np.exp(-z)))


@exhibit("softmax")
def float32_inside(z):
    """Computed in float32, returned as if it were float64."""
    return maximum_off(z.astype(np.float32)).astype(np.float64)


@exhibit("softmax")
def sorted_on_the_way(z):
    """Probabilities come out in the order of size, not of the classes."""
    return maximum_off(np.sort(z, -1))


# -------------------------------------------------------------------------------------------- softmax: sizes and blocks


@exhibit("softmax", "PyTorch 143644")
def last_of_517_halved(z):
    """Right for every size but 517, whose last class is off."""
    y = maximum_off(z)
    if z.shape[-1] == 517:
        y[..., -1] /= 2
    return y


@exhibit("softmax")
def rest_of_the_blocks_forgotten(z):
    """The sum goes over whole blocks of 16 and forgets the rest, if there are more classes than one block."""
    n = z.shape[-1]
    w = np.exp(z - top(z))
    return w / w[..., :n if n < 16 else n // 16 * 16].sum(-1, keepdims=True)


@exhibit("softmax")
def maximum_of_the_first_block(z):
    """The maximum is that of the first 256 classes."""
    return share(np.exp(z - top(z[..., :256])))


@exhibit("softmax", "PyTorch 147284")
def second_row_halved_at_781(z):
    """A single row is right; at 781 classes the second row of a batch is off."""
    y = maximum_off(z)
    if z.ndim > 1 and z.shape[-1] == 781:
        y[1:] /= 2
    return y


# ---------------------------------------------------------------------------------------------- softmax: rows and axes


@exhibit("softmax", "MLFundamentals 1")
def sum_over_all_rows(z):
    """The sum goes over all rows of a batch."""
    w = np.exp(z - top(z))
    return w / w.sum()


@exhibit("softmax", "nntrainer 430")
def maximum_of_all_rows(z):
    """The maximum is that of the whole batch: a row far below it vanishes."""
    return share(np.exp(z - z.max()))


@exhibit("softmax", "uTensor 171")
def batch_as_one_vector(z):
    """Maximum and sum go over all rows."""
    w = np.exp(z - z.max())
    return w / w.sum()


@exhibit("softmax", "NRI 25")
def first_axis(z):
    """Along the first axis of a batch, not the last."""
    w = np.exp(z - z.max(0))
    return w / w.sum(0)


@exhibit("softmax", "aprender 2152")
def axis_not_used(z, axis=-1):
    """It takes an axis and does not use it."""
    return maximum_off(z)


@exhibit("softmax")
def one_bad_row_spoils_all(z):
    """A NaN anywhere makes the whole batch NaN."""
    return maximum_off(z) + 0 * z.sum()


# ------------------------------------------------------------------------------------------------------ softmax: masks


@exhibit("softmax", "burn 4694")
def masked_first_is_nan(z):
    """In one pass, the maximum so far starts at -inf: a mask in the first place makes -inf - -inf, NaN."""
    def row(z):
        m, total = np.float64(-np.inf), np.float64(0)
        for v in z.astype(np.float64):
            new = max(m, v)
            total = total * (np.exp(m - new) if total else 1) + np.exp(v - new)
            m = new
        return (np.exp(z - m) / total).astype(z.dtype if z.dtype.kind == "f" else np.float64)
    return each_row(row)(z)


@exhibit("softmax", "burn 4697")
def mask_is_a_large_number(z):
    """-inf is replaced by -1e9: beside very negative logits a mask is no mask."""
    return maximum_off(np.maximum(z, -1e9))


@exhibit("softmax")
def masked_rows_are_shared(z):
    """Where any logit is masked, every class gets the same."""
    return np.where((z == -np.inf).any(-1, keepdims=True), 1 / z.shape[-1], maximum_off(z))


# ----------------------------------------------------------------------------------------------------- softmax: memory


@exhibit("softmax", "CUDA.jl 592, NNlib.jl 264")
def argument_overwritten(z):
    """It works in the caller's array."""
    if z.dtype.kind != "f" or not z.flags.writeable:
        return maximum_off(z)
    z -= top(z)
    np.exp(z, out=z)
    z /= z.sum(-1, keepdims=True)
    return z.copy()


BUFFERS = {}


@exhibit("softmax")
def one_buffer_for_all_answers(z):
    """Every answer is the same array, which the next call overwrites."""
    y = BUFFERS.setdefault((z.shape, z.dtype), np.empty(z.shape, maximum_off(z).dtype))
    y[...] = maximum_off(z)
    return y


@exhibit("softmax")
def whole_numbers_stay_whole(z):
    """The answer has the type of the logits: of whole numbers it is 0 and 1."""
    return maximum_off(z.astype(np.float64)).astype(z.dtype)


@exhibit("softmax")
def strides_not_looked_at(z):
    """It reads the memory from the first number on, as if it were C-contiguous."""
    if z.base is None or z.ndim == 0 or not z.size or 0 in z.strides:
        return maximum_off(z)
    start = z[tuple(slice(None) if s > 0 else slice(None, None, -1) for s in z.strides)]
    memory = np.lib.stride_tricks.as_strided(start, (start.size,), (z.itemsize,)) if start.size else start
    return maximum_off(memory.copy().reshape(z.shape))


# --------------------------------------------------------------------------------------------------------- derivatives


@exhibit("Jacobian", "libnd4j 440")
def diagonal_only(z):
    """y_i (1 - y_i) on the diagonal, and nothing beside it."""
    y = maximum_off(z)
    return np.eye(z.shape[-1]) * (y * (1 - y))[..., None, :]


@exhibit("Jacobian", "lesson 5, exercise 5.2")
def one_minus_y(z):
    """diag(y) - y y^T: where y_c rounds to 1, y_c - y_c^2 is 0 or noise beside entries of the size of the rest."""
    y = maximum_off(z)
    return np.eye(z.shape[-1]) * y[..., None, :] - y[..., :, None] * y[..., None, :]


@exhibit("Jacobian")
def jacobian_of_the_logarithm(z):
    """delta_ij - y_j: y_i is missing."""
    return np.eye(z.shape[-1]) - maximum_off(z)[..., None, :] + 0 * z[..., None]


@exhibit("Jacobian")
def sign_turned(z):
    """-J."""
    y = maximum_off(z)
    return y[..., :, None] * y[..., None, :] - np.eye(z.shape[-1]) * y[..., None, :]


@exhibit("product", "Odyssey 2134, cTensor 31")
def mean_not_taken_off(z, v):
    """y v: the dot product y.v is missing."""
    return maximum_off(z) * v


@exhibit("product")
def diagonal_times_v(z, v):
    """y (1 - y) v: the derivative of a sigmoid."""
    y = maximum_off(z)
    return y * (1 - y) * v


@exhibit("product")
def mean_without_weights(z, v):
    """y (v - sum v): the sum is not weighted by y."""
    return maximum_off(z) * (v - v.sum(-1, keepdims=True))


@exhibit("product")
def dot_product_over_all_rows(z, v):
    """y.v is summed over the batch."""
    y = maximum_off(z)
    return y * (v - (y * v).sum())


# ------------------------------------------------------------------------------------------------------- log-softmax


@exhibit("log-softmax", "hb-pytorch 61")
def log_without_the_maximum(z):
    """z - log sum e^z, whose sum overflows: 88.72284 in float32 gives -inf."""
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


@exhibit("log-softmax")
def log_of_the_softmax(z):
    """log y of a y that has become 0 is -inf."""
    return np.log(maximum_off(z))


@exhibit("log-softmax", "PyTorch 38839")
def maximum_and_log_in_one(z):
    """z - (max z + log sum): the logarithm is lost in a large maximum."""
    m = top(z)
    return z - (m + np.log(np.exp(z - m).sum(-1, keepdims=True)))


@exhibit("log-softmax", "PyTorch 113708, SciPy 1.17")
def digits_lost_at_the_top(z):
    """log(1 + 1e-20) is 0: log y_c is 0 although something is left to the others."""
    d = z - top(z)
    return d - np.log(np.exp(d).sum(-1, keepdims=True))


@exhibit("log-softmax product", "mlpack 2360")
def log_product_of_each_by_itself(z, v):
    """v - y v: the sum of v is missing."""
    return v - maximum_off(z) * v


@exhibit("log-softmax product", "mlpack 3468")
def log_product_of_the_softmax(z, v):
    """y (v - y.v): the derivative of softmax, not of its logarithm."""
    y = maximum_off(z)
    return y * (v - (y * v).sum(-1, keepdims=True))


@exhibit("log-softmax Jacobian")
def log_jacobian_turned(z):
    """delta_ij - y_i: rows for columns."""
    y = maximum_off(z)
    return np.eye(z.shape[-1]) - y[..., :, None] + 0 * y[..., None, :]


# --------------------------------------------------------------------------- logsumexp, cross-entropy, temperature


@exhibit("logsumexp")
def logsumexp_without_the_maximum(z):
    """log sum e^z overflows."""
    return np.log(np.exp(z).sum(-1))


@exhibit("logsumexp")
def maximum_not_put_back(z):
    """log sum e^(z - max z), without + max z."""
    return np.log(np.exp(z - top(z)).sum(-1))


@exhibit("cross-entropy", "mlx 4169")
def loss_rounded_at_the_maximum(z, t):
    """log sum e^z - z_t: both are large, and what is left of the difference is rounding."""
    m = top(z)
    log_sum = m + np.log(np.exp(z - m).sum(-1, keepdims=True))
    return (log_sum - np.take_along_axis(z, np.asarray(t)[..., None], -1))[..., 0]


@exhibit("cross-entropy")
def loss_of_y_and_epsilon(z, t):
    """-log(y_t + 1e-9): never above 20.7, whatever the logits say."""
    return -np.log(np.take_along_axis(maximum_off(z), np.asarray(t)[..., None], -1)[..., 0] + 1e-9)


@exhibit("cross-entropy")
def smoothed_to_more_than_one(z, t, label_smoothing=0.0):
    """The likeliest target keeps 1, and all get eps / n on top: the targets sum to 1 + eps."""
    return loss_of_gaps(z, t) + label_smoothing * loss_of_gaps(z, np.full(z.shape, 1 / z.shape[-1]))


@exhibit("cross-entropy")
def ignored_rows_count(z, t, ignore_index=-100):
    """An ignored row has the loss of class 0."""
    return loss_of_gaps(z, np.where(np.asarray(t) == ignore_index, 0, t))


@exhibit("cross-entropy")
def weight_of_the_top_class(z, t, weight=None):
    """The weight is that of the likeliest class, not of the target."""
    return loss_of_gaps(z, t) * (1 if weight is None else weight[z.argmax(-1)])


@exhibit("cross-entropy gradient")
def gradient_of_the_target_only(z, t):
    """y_t - 1 at the target, and nothing at the other classes."""
    e = np.arange(z.shape[-1]) == np.asarray(t)[..., None] if np.asarray(t).dtype.kind in "iu" else t
    return (maximum_off(z) - 1) * e


@exhibit("cross-entropy gradient")
def gradient_turned(z, t):
    """t - y."""
    e = np.arange(z.shape[-1]) == np.asarray(t)[..., None] if np.asarray(t).dtype.kind in "iu" else t
    return e - maximum_off(z)


@exhibit("temperature")
def temperature_times(z, T):
    """z T for z / T."""
    return maximum_off(z * T)


@exhibit("temperature")
def temperature_last(z, T):
    """softmax(z) / T, divided by its sum: T drops out."""
    return share(maximum_off(z) / T)
