"""LRP: relevance R flows back from the logits; every layer divides its R among its inputs. Bach 2015; Montavon 2019.

    R_j = sum_k (contribution of j to k) / (sum of contributions to k) R_k

A rule defines the contributions; a composite says which layer uses which rule. A layer has input a_j, weights w_jk,
bias b_k, u_k = sum_j a_j w_jk + b_k; w+ = max(w, 0), w- = min(w, 0). The walk's signals are relevances. The stabiliser
s(u) = u + eps sign(u), where sign(0) = 1 and by default eps = 1e-6, keeps denominators away from 0.
"""

import numpy as np

from tinyattr.engine import GRADIENT, apply, rerun
from tinyattr.engine.rules import unbroadcast
from tinyattr.methods.linear import part, transposed

EPS = 1e-6


def stabilised(u, eps=EPS):
    """s(u) = u + eps sign(u), sign(0) = 1: never 0."""
    return u + np.where(u < 0, -eps, eps).astype(u.dtype)


def epsilon(eps=EPS):
    """R_j = sum_k a_j w_jk / s(u_k) R_k, eps >= 0. eps = 0 is LRP-0; then R_k is lost where u_k = 0."""
    def rule(record, R):
        u = record.output
        s = np.divide(R, u, out=np.zeros_like(R), where=u != 0) if eps == 0 else R / stabilised(u, eps)
        return tuple(x * m for x, m in zip(record.x, apply(GRADIENT[record.op], record, s), strict=True))
    return rule


def alpha_beta(alpha=2.0, beta=1.0):
    """R_j = sum_k (alpha c+_jk / s(sum_j c+_jk + b+_k) - beta c-_jk / s(sum_j c-_jk + b-_k)) R_k,  c = a w.

    c+ = max(c, 0), c- = min(c, 0). Rule z+: alpha = 1, beta = 0. If alpha - beta = 1, only biases and eps keep some R.
    """
    def rule(record, R):
        total = 0
        for factor, sign in ((alpha, 1), (-beta, -1)):
            if factor:
                total = total + factor * _by_sign(record, R, sign, part)
        return (total,)
    return rule


def z_plus():
    """R_j = sum_k (a+ w+ + a- w-)_jk / s(sum_j (a+ w+ + a- w-)_jk + b+_k) R_k."""
    return alpha_beta(1.0, 0.0)


def gamma(strength=0.25):
    """R_j = sum_k c_jk / s(sum_j c_jk + b + gamma b+) R_k, c_jk = a_j (w + gamma w+)_jk, where u_k > 0 and a >= 0.

    Where u_k < 0, gamma favours negative c. Where a < 0, w- and w+ change places. Where u_k = 0, R_k is lost.
    """
    def favoured(v, sign):
        return v + strength * part(v, sign)

    def rule(record, R):
        return (sum(_by_sign(record, np.where(record.output * sign > 0, R, 0), sign, favoured) for sign in (1, -1)),)
    return rule


def w_squared(record, R):
    """R_j = sum_k w_jk^2 / s(sum_j w_jk^2 + b_k^2) R_k."""
    (a,), (kernel, b) = record.x, record.weights
    return (_shared(record, R, [(np.ones_like(a), lambda: kernel**2, b**2)]),)


def flat(record, R):
    """R_j = sum_k R_k / (number of inputs of k): every input gets the same. Padding does not count."""
    (a,), (kernel, b) = record.x, record.weights
    return (_shared(record, R, [(np.ones_like(a), lambda: np.ones_like(kernel), np.zeros_like(b))]),)


def box(low, high):
    """z-box, for low <= x <= high: R_j = sum_k c_jk / s(sum_j c_jk) R_k, c_jk = (x w - low w+ - high w-)_jk.

    low, high: one number each, or a number for each channel. The bias cancels.
    """
    def rule(record, R):
        (x,), (kernel, b) = record.x, record.weights
        ends = [np.broadcast_to(np.asarray(end, x.dtype), x.shape) for end in (low, high)]
        return (_shared(record, R, [(x, lambda: kernel, b), (-ends[0], lambda: part(kernel, 1), -part(b, 1)),
                                    (-ends[1], lambda: part(kernel, -1), -part(b, -1))]),)
    return rule


def reweighted(rule, change):
    """Return the rule for a layer whose weights are change(kernel, bias)."""
    return lambda record, R: rule(rerun(record, record.x, change(*record.weights)), R)


def without_bias(rule):
    """Return the rule with bias 0: then the bias keeps no relevance."""
    return reweighted(rule, lambda kernel, bias: (kernel, np.zeros_like(bias)))


def pass_on(record, R):
    """R_j = R_k: each output of an activation has one input, which gets all of R."""
    return (R,)


def factors(constants):
    """y = a b: each factor gets half of R. If one factor is in `constants`, the other factor gets all of R.

    A product is not a sum of contributions. AttnLRP uses equal shares, too (Achtibat et al. 2024, arXiv 2402.05602).
    """
    def rule(record, R):
        count = sum(name not in constants for name in record.inputs)
        return tuple(unbroadcast(R / count, x.shape) for x in record.x)
    return rule


def _by_sign(record, R, sign, chosen):
    """R_j = sum_k c_jk / s(sum_j c_jk + b_k) R_k, c = a chosen(w, sign); where a < 0, c = a chosen(w, -sign)."""
    (a,), (kernel, b) = record.x, record.weights
    return _shared(record, R, [(part(a, 1), lambda: chosen(kernel, sign), chosen(b, sign)),
                               (part(a, -1), lambda: chosen(kernel, -sign), np.zeros_like(b))])


def _shared(record, R, terms):
    """R_j = sum of a_j (w^T r)_j over the terms (a, w, b), where r = R / s(sum of a w + b).

    Each w is a function, which makes a kernel only when we need it: that of VGG19's layer fc1 alone takes 411 MB.
    """
    terms = [(a, w(), b) for a, w, b in terms if a.any() or b.any()]  # after a ReLU no a is negative
    if not terms:
        return np.zeros_like(record.x[0])
    s = R / stabilised(sum(rerun(record, (a,), (w, b)).output for a, w, b in terms))
    return sum(a * transposed(record, w, s) for a, w, _ in terms)
