"""LRP: relevance R flows back from the logits; every layer shares out what it gets. Bach et al. 2015; Montavon 2019.

    R_j = sum_k (contribution of j to k) / (sum of contributions to k) R_k

A rule says what counts as a contribution; a composite says which layer goes by which rule. Input a_j, weights w_jk,
bias b_k, u_k = sum_j a_j w_jk + b_k; w+ = max(w, 0), w- = min(w, 0). The walk's signals are relevances. No denominator
is 0: s(u) = u + eps sign(u), sign(0) = 1, eps = 1e-6 unless said.
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
    """R_j = sum_k a_j w_jk / s(u_k) R_k, eps >= 0. LRP-0 for eps = 0: then u_k = 0 passes nothing on."""
    def rule(record, R):
        u = record.output
        s = np.divide(R, u, out=np.zeros_like(R), where=u != 0) if eps == 0 else R / stabilised(u, eps)
        return tuple(x * m for x, m in zip(record.x, apply(GRADIENT[record.op], record, s), strict=True))
    return rule


def alpha_beta(alpha=2.0, beta=1.0):
    """R_j = sum_k (alpha c+_jk / s(sum_j c+_jk + b+_k) - beta c-_jk / s(sum_j c-_jk + b-_k)) R_k,  c = a w by its sign.

    z+ is alpha = 1, beta = 0. Relevance is conserved if alpha - beta = 1 and neither sum is 0.
    """
    def rule(record, R):
        total = 0
        for factor, sign in ((alpha, 1), (-beta, -1)):
            if factor:
                total = total + factor * _by_sign(record, R, sign, part)
        return (total,)
    return rule


def z_plus():
    """R_j = sum_k (a+ w+ + a- w-)_jk / s(the same summed + b+_k) R_k."""
    return alpha_beta(1.0, 0.0)


def gamma(strength=0.25):
    """R_j = sum_k a_j (w + gamma w+)_jk / s(the same summed, with b + gamma b+) R_k, where u_k > 0 and a >= 0.

    Where u_k < 0, gamma favours what is negative; inputs a < 0 take the other sign's weights; u_k = 0 passes nothing.
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
    """R_j = sum_k R_k / (number of inputs of k): every input the same, padding not counted."""
    (a,), (kernel, b) = record.x, record.weights
    return (_shared(record, R, [(np.ones_like(a), lambda: np.ones_like(kernel), np.zeros_like(b))]),)


def box(low, high):
    """z-box, for inputs low <= x <= high: R_j = sum_k (x w - low w+ - high w-)_jk / s(the same summed) R_k.

    low, high: numbers, or one for each channel.
    """
    def rule(record, R):
        (x,), (kernel, b) = record.x, record.weights
        ends = [np.broadcast_to(np.asarray(end, x.dtype), x.shape) for end in (low, high)]
        return (_shared(record, R, [(x, lambda: kernel, b), (-ends[0], lambda: part(kernel, 1), -part(b, 1)),
                                    (-ends[1], lambda: part(kernel, -1), -part(b, -1))]),)
    return rule


def reweighted(rule, change):
    """The same rule for a layer whose weights are change(kernel, bias)."""
    return lambda record, R: rule(rerun(record, record.x, change(*record.weights)), R)


def without_bias(rule):
    """The same rule, with the layer's bias taken for 0: then nothing is kept for it."""
    return reweighted(rule, lambda kernel, bias: (kernel, np.zeros_like(bias)))


def pass_on(record, R):
    """R_j = R_k: an activation has one input for each output."""
    return (R,)


def factors(constants):
    """y = a b: half of R to each factor; all of it, where the other is one of `constants`.

    A product has no terms to share out by; AttnLRP takes equal shares, too (Achtibat et al. 2024, arXiv 2402.05602).
    """
    def rule(record, R):
        count = sum(name not in constants for name in record.inputs)
        return tuple(unbroadcast(R / count, x.shape) for x in record.x)
    return rule


def _by_sign(record, R, sign, chosen):
    """R_j = sum_k c_jk / s(sum_j c_jk + b_k) R_k, c = a chosen(w), where chosen = part takes what has this sign.

    Where a < 0, weights of the other sign give contributions of this one.
    """
    (a,), (kernel, b) = record.x, record.weights
    return _shared(record, R, [(part(a, 1), lambda: chosen(kernel, sign), chosen(b, sign)),
                               (part(a, -1), lambda: chosen(kernel, -sign), np.zeros_like(b))])


def _shared(record, R, terms):
    """terms (a, w, b), w a function that makes the kernel: R_j = sum of a_j (w^T s)_j, s = R / s(sum of a w + b).

    Kernels are made when needed, as fc1 of VGG19 alone has 411 MB, and only for inputs that are there.
    """
    terms = [(a, w(), b) for a, w, b in terms if a.any() or b.any()]  # after a ReLU there is no a < 0
    if not terms:
        return np.zeros_like(record.x[0])
    s = R / stabilised(sum(rerun(record, (a,), (w, b)).output for a, w, b in terms))
    return sum(a * transposed(record, w, s) for a, w, _ in terms)
