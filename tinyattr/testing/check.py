"""Test your own softmax, or a related function, with identities: equations that every right function satisfies.

    print(check.softmax_identities(my_softmax, my_jacobian, my_product))
    assert check.log_softmax_identities(my_log_softmax).holds            # the line for pytest
    tinyattr check my_module:my_softmax                                  # from the command line

The result prints as a table. It says for each identity whether it holds, and its largest error divided by the error
that rounding may cause. For a broken identity, it shows the simplest logits that we found for which the identity fails.
Functions take and return arrays. Wrap functions of other frameworks:

    lambda z: torch.softmax(torch.tensor(z), -1)                         # functions of jax need no wrapper

Logits come in float64 and float32 and, if the function accepts them, in float16, bfloat16 (with ml_dtypes) and as
whole numbers. The type of the result decides how much error is allowed, see `truth.py`. We also try batches
(..., n), masks (logits of -inf), an axis (a parameter "axis" or "dim"), and empty arrays. A first call of each kind
finds out whether the function accepts it. If this call raises an error, we leave out the tests of this kind, and the
table says "not tried". A function that accepts a batch must compute each row separately. If yours is meant for single
vectors only, and sums over its whole argument, give batches=False.

Testing a NumPy function takes a second. If a function is compiled for every size (jax.jit, Triton), it may take
minutes. After `seconds` (default 60) we try each further identity on one vector only; the table and a warning say what
is left out. An identity may use a quarter of the time that is left when it starts. It tries small vectors first.
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
    """Return Findings on a softmax z -> y and, if given, on its Jacobian z -> J and its product (z, v) -> v^T J.

    z, y and v have shape (n,) or (..., n). J_ij = dy_i/dz_j has shape (n, n) or (..., n, n). If your backward pass
    takes y instead of z, wrap it: lambda z, v: backward(my_softmax(z), v).
    batches, masks: None means: test them if the function accepts them. False leaves them out. True requires them.
    axis: the axis of a batch along which the function works. The default None means the last axis, but if the function
    has a parameter "axis" or "dim", we try every axis.
    """
    report = Report(seconds)
    f = subject(report, my_softmax, SOFTMAX, axis)
    masks = of_function(report, f, batches, masks)
    _of_jacobian(report, f, my_jacobian, derivatives.JACOBIAN, derivatives.OF_JACOBIANS, batches, masks)
    _of_product(report, my_product, derivatives.PRODUCTS, batches, masks)
    return report.findings


def log_softmax_identities(my_log_softmax, my_jacobian=None, my_product=None, *, batches=None, masks=None, axis=None,
                           digits=True, seconds=SECONDS) -> Findings:
    """Return Findings on a log-softmax, its Jacobian and its product v^T J; for arguments see `softmax_identities`.

    digits: True demands accurate digits of log y_c also where y_c rounds to 1. The formula -log1p(sum of
    e^(z_j - z_c), j != c) has them. Code with log(sum), as in SciPy 1.17, gives 0 there. Its absolute error is small;
    digits=False accepts this.
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
    """Return Findings on z -> log sum_i e^{z_i}, one number for each row, and on its gradient, softmax(z)."""
    report = Report(seconds)
    f = subject(report, my_logsumexp, LOGSUMEXP, axis)
    masks = of_function(report, f, batches, masks)
    _of_jacobian(report, f, my_gradient, derivatives.GRADIENT, (), batches, masks)
    return report.findings


def temperature_identities(my_softmax, *, batches=None, masks=None, seconds=SECONDS) -> Findings:
    """Return Findings on (z, T) -> softmax(z / T). At T = 1 we try all identities of a softmax, else only the formula.

    At T = 0 and T = infinity the function must return the limit, unless it raises an error or returns NaN.
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
    """Return Findings on a loss (z, t) -> L = -sum_c t_c log y_c, and on its gradient (z, t) -> dL/dz.

    The loss is equation (11) of arXiv 2306.13197.

    t holds classes (one whole number for each row) or probabilities (in the shape of z). If the function takes both, we
    try both. The loss of a batch is one number for each row, or their sum, or their mean. We also try label smoothing,
    class weights and an ignored class, if the function has a parameter for them: label_smoothing or smoothing; weight,
    weights or class_weights; ignore_index or ignored.
    Masks: a class with logit -inf has y = 0. If its target is not 0 (as with smoothing), the loss is +inf. If it is 0,
    loss and gradient are as without this class (0 log 0 = 0). An ignored row adds nothing to the loss.
    """
    report = Report(seconds)
    of_loss(report, my_loss, my_gradient, batches, masks)
    return report.findings


def score_identities(scores=None, *, seconds=SECONDS) -> Findings:
    """Return Findings on a table of scores, {name: score(z, c) -> (value, row, log_scale)}. The default is SCORES.

    dS/dz = row * exp(log_scale). If t is added to every logit, S must grow by t times the sum of dS/dz, which is kappa.
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
    """Test products with vectors v that several rules make. Memory and batches are tried only with the first rule."""
    if product is not None and report.fit:
        subjects = [subject(report, lambda z, rule=rule: beside(product, z, derivatives.direction(rule, z)), kind,
                            what="v^T J of one vector (n,)") for rule, kind in kinds.items()]
        first, *others = subjects
        tests = [(f"the same, v = {rule}", lambda _, z, s=s: identities.value(s, z), cases.USUAL)
                 for rule, s in zip(list(kinds)[1:], others, strict=True)]
        of_derivative(report, first, tests, batches, masks)
