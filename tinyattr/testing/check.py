"""Identities that a softmax and its kin must keep, to point at your own code: one function for each kind.

    print(check.softmax_identities(my_softmax, my_jacobian, my_product))
    assert check.log_softmax_identities(my_log_softmax).holds            # the line for pytest
    tinyattr check my_module:my_softmax                                  # from the command line

The answer prints as a table: the identities, whether each holds, its worst error in units of what rounding allows, and
for a broken one the smallest logits found that break it. Functions take and return arrays; wrap those of a framework:

    lambda z: torch.softmax(torch.tensor(z), -1)                         # functions of jax need no wrapper

Logits are given in float64 and float32 and, where the function takes them, in float16, bfloat16 (with ml_dtypes) and as
whole numbers. The type of the answer says what rounding it is held to: `truth.py` counts it. What else the function
takes is found by trying: batches (..., n), masks of -inf, an axis (a parameter "axis" or "dim"), empty arrays. What it
refuses with an error stands in the table, as "not tried". A batch that it does take must be answered row by row: for a
function of single vectors, which sums over all that it is given, say batches=False.

Time: a function of NumPy's takes a second. One that is compiled anew for every size (jax.jit, Triton) may take minutes:
after `seconds` of wall time, 60 by default, each identity is tried on one vector only, the table says what is left out,
and a warning does, too. The sizes go from small to large; each identity has a quarter of the time that is left.
"""

from functools import partial

from tinyattr.testing import cases, derivatives, identities
from tinyattr.testing.findings import Findings
from tinyattr.testing.losses import of_loss
from tinyattr.testing.report import SECONDS, Report, of_derivative, of_function, subject
from tinyattr.testing.score_rows import of_scores
from tinyattr.testing.subject import Subject, beside
from tinyattr.testing.truth import COLDEST, HOTTEST, LOG_SOFTMAX, LOGSUMEXP, SOFTMAX, tempered

TEMPERATURES = (0.1, 0.5, 2.0, 3.0, 16.0)


def softmax_identities(my_softmax, my_jacobian=None, my_product=None, *, batches=None, masks=None, axis=None,
                       seconds=SECONDS) -> Findings:
    """Findings on a softmax z -> y and, if given, on its Jacobian z -> J and on the product (z, v) -> v^T J.

    z, y and v have shape (n,) or (..., n), J (n, n) or (..., n, n), J_ij = dy_i/dz_j. A backward pass that takes y is
    wrapped: lambda z, v: backward(my_softmax(z), v).
    batches, masks: None finds out by trying whether the function takes them; False leaves them out; True insists.
    axis: along which axis of a batch the function works; default: the last, and all if it has a parameter for it.
    """
    report = Report(seconds)
    f = subject(report, my_softmax, SOFTMAX, axis)
    masks = of_function(report, f, batches, masks)
    _of_jacobian(report, f, my_jacobian, derivatives.JACOBIAN, derivatives.OF_JACOBIANS, batches, masks)
    _of_product(report, my_product, derivatives.PRODUCTS, batches, masks)
    return report.findings


def log_softmax_identities(my_log_softmax, my_jacobian=None, my_product=None, *, batches=None, masks=None, axis=None,
                           digits=True, seconds=SECONDS) -> Findings:
    """Findings on a log-softmax, and on its Jacobian and product v^T J, as `softmax_identities` takes them.

    digits: log y_c must keep its digits where y_c rounds to 1: it is -log1p(what is left to the others). By log(sum),
    as in SciPy 1.17, it is 0 there, which is right in absolute terms only: digits=False lets that pass.
    """
    report = Report(seconds)
    f = subject(report, my_log_softmax, LOG_SOFTMAX, axis)
    masks = of_function(report, f, batches, masks) and "log y = -inf has no derivative"
    if digits:
        report.add("log y_c keeps its digits where y_c rounds to 1", partial(identities.digits, f), cases.LEADERS,
                   hint="; -log1p(sum of the others) keeps what they have; if that does not matter, say digits=False")
    _of_jacobian(report, f, my_jacobian, derivatives.LOG_JACOBIAN, derivatives.OF_LOG_JACOBIANS, batches, masks)
    _of_product(report, my_product, derivatives.LOG_PRODUCTS, batches, masks)
    return report.findings


def logsumexp_identities(my_logsumexp, my_gradient=None, *, batches=None, masks=None, axis=None,
                         seconds=SECONDS) -> Findings:
    """Findings on z -> log sum_i e^{z_i}, a number for each row, and on its gradient, the softmax."""
    report = Report(seconds)
    f = subject(report, my_logsumexp, LOGSUMEXP, axis)
    masks = of_function(report, f, batches, masks)
    _of_jacobian(report, f, my_gradient, derivatives.GRADIENT, (), batches, masks)
    return report.findings


def temperature_identities(my_softmax, *, batches=None, masks=None, seconds=SECONDS) -> Findings:
    """Findings on (z, T) -> softmax(z / T): at T = 1 all identities of a softmax, at other T > 0 the formula.

    At T = 0 and infinity a function may raise an error or give NaN, which the table says, or else the limit.
    """
    report = Report(seconds)
    f = subject(report, lambda z: my_softmax(z, 1.0), SOFTMAX)
    of_function(report, f, batches, masks)
    for T in TEMPERATURES:
        warm = Subject(lambda z, T=T: my_softmax(z, T), tempered(T), wraps=f.wraps)
        report.add(f"y = softmax(z / T) at T = {T:g}", partial(identities.value, warm), cases.WARM)
    for T, says, kind in ((0.0, "the largest has all", COLDEST), (float("inf"), "all have the same", HOTTEST)):
        end = Subject(lambda z, T=T: my_softmax(z, T), kind, wraps=f.wraps)
        if report.fit and report.able(f"T = {T:g}", None, end.why_not(cases.ORDINARY) or end.unknown(cases.ORDINARY)):
            report.add(f"the limit at T = {T:g}: {says}", partial(identities.value, end), cases.DISTINCT)
    return report.findings


def cross_entropy_identities(my_loss, my_gradient=None, *, batches=None, masks=None, seconds=SECONDS) -> Findings:
    """Findings on a loss (z, t) -> L = -sum_c t_c log y_c, equation (11), and its gradient (z, t) -> dL/dz.

    t is a class, one whole number for each row, or probabilities in the shape of z; both, if the function takes both.
    The loss of a batch is a number for each row, or their sum, or their mean. Label smoothing, class weights and an
    ignored class are tried if the function has a parameter for them: label_smoothing or smoothing; weight, weights or
    class_weights; ignore_index or ignored.
    Masks: a class whose logit is -inf has y = 0. The loss is +inf if its target is not 0, as with smoothing, and else
    as if the class were not there, 0 log 0 = 0; its gradient is 0. A row that is ignored counts 0, whatever it holds.
    """
    report = Report(seconds)
    of_loss(report, my_loss, my_gradient, batches, masks)
    return report.findings


def score_identities(scores=None, *, seconds=SECONDS) -> Findings:
    """Findings on a table of scores like SCORES: {name: score(z, c) -> (value, row, log_scale)}; default: our own.

    kappa is whatever the score's own answer to a shift shows: S(z + t) = S(z) + kappa t, and so must the row sum to it.
    """
    report = Report(seconds)
    of_scores(report, scores)
    return report.findings


KINDS = {"softmax": softmax_identities, "log_softmax": log_softmax_identities, "logsumexp": logsumexp_identities,
         "cross_entropy": cross_entropy_identities, "temperature": temperature_identities}


def _of_jacobian(report, f, g, kind, tests, batches, masks):
    if g is not None and report.fit:
        s = subject(report, g, kind, what=f"{kind.letter} of one vector (n,)")
        slope = ("J v is the derivative along v", partial(derivatives.differences, f), cases.PLAIN)
        of_derivative(report, s, (*tests, slope), batches, masks)


def _of_product(report, product, kinds, batches, masks):
    """Products with vectors v of several rules; the first stands for all where memory and batches are tried."""
    if product is not None and report.fit:
        subjects = [subject(report, lambda z, rule=rule: beside(product, z, derivatives.direction(rule, z)), kind,
                            what="v^T J of one vector (n,)") for rule, kind in kinds.items()]
        first, *others = subjects
        tests = [(f"the same, v = {rule}", lambda _, z, s=s: identities.value(s, z), cases.USUAL)
                 for rule, s in zip(list(kinds)[1:], others, strict=True)]
        of_derivative(report, first, tests, batches, masks)
