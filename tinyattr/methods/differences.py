"""DeepLIFT: contributions of differences from a reference. Shrikumar et al. 2017, arXiv 1704.02685.

Delta u = u(x) - u(b) for every value u of the tape. Multipliers m = C / Delta u take the place of gradients and chain
as they do; contributions C = m Delta u sum to Delta S. A book is made from two tapes, that of x and that of b.
"""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np

from tinyattr.engine import ACTIVATIONS, ELEMENTWISE, GRADIENT, LINEAR, MAXIMA, MEANS, MOVES, rerun
from tinyattr.engine.ops import around, lrn_below
from tinyattr.errors import InputError, named
from tinyattr.methods.baselines import baseline_of
from tinyattr.methods.heatmap import Receipt
from tinyattr.methods.linear import part, transposed
from tinyattr.methods.path import gauss
from tinyattr.methods.request import ask_at, batched, total
from tinyattr.scores import SCORES

NEAR = 1e-10  # a Delta u below this is taken for 0
CARRIES = (*MOVES, *MEANS, "add", "sum")  # linear, no weights
SLOPES = {op: GRADIENT[op] for op in (*LINEAR, *CARRIES)}  # the multipliers of linear ops


def deeplift(net, x, target=None, score=None, layer=None, *, baseline="black", rule="rescale", row="secant"):
    """C_ijk = m_ijk (x - b)_ijk, m the multipliers of the score; with a layer, C of its activations.

    rule: "rescale" or "reveal_cancel". row: what the walk starts with at the logits, "secant", the mean of dS/dz
    between the two pictures' logits, so that the sum is Delta S for every score; or "tangent", dS/dz at x. Both sum
    to 0 where kappa = 0 and are then blind to t(x), as "softmax", what other programs do for y_c, is not.
    Receipt: sum C = row . Delta z (secant: = Delta S), if every path from picture to score crosses the layer.
    """
    rule, row = named("rule", rule, BOOKS), named("row", row, ROWS)
    request, layer = ask_at(net, x, target, score, layer, "input")
    b = baseline_of(net, request.x, baseline)
    reference = net.run(b)
    seed, log_scale = ROWS[row](request, net.logits(reference)[0])
    C = request.at_places(layer, BOOKS[rule](request, reference, seed, layer))
    owed, paid = (float(v) * np.exp(log_scale) for v in (seed[0] @ (request.z - net.logits(reference)[0]), C.sum()))
    name = "DeepLIFT" if rule == "rescale" else "DeepLIFT, RevealCancel"
    return request.heatmap(name, layer, C, log_scale=log_scale,
                           receipt=Receipt(f"sum of C over {layer} = {row} row . (z(x) - z(b))", owed, paid))


# ------------------------------------------------------------------------------------------------------------- rows


def tangent_row(request, z_b):
    """dS/dz at the picture."""
    return request.row, request.log_scale


def secant_row(request, z_b):
    """r = int_0^1 dS/dz(z_b + a (z - z_b)) da, so that r . (z - z_b) = S(z) - S(z_b). (row, log_scale).

    Gauss-Legendre of 8 points on panels along which no gap between logits changes by more than 2 (for gaps of up to
    20,000: more than 10,000 panels are not made). The margin has corners, where its rival changes: panels end there.
    """
    dz, c, score = request.z - z_b, request.target, SCORES[request.score]
    panels = 1 + int(min(np.ptp(dz) / 2, 9999))
    corners = overtakings(np.delete(z_b, c), np.delete(dz, c)) if request.score == "margin" else []
    places, w = gauss(8)

    def terms():
        for some in batched(pairwise(np.union1d(np.linspace(0, 1, panels + 1), corners)), 256):
            low, high = np.array(some).T[..., None]
            a = (low + (high - low) * places).reshape(-1, 1)
            _, rows, log_scales = score(z_b + a * dz, np.full(len(a), c))
            yield from zip(((high - low) * w).reshape(-1, 1) * rows, log_scales, strict=True)

    row, log_scale = total(terms())
    return row[None], log_scale


def overtakings(z, dz):
    """Places a < 1 where another entry becomes the largest of z + a dz, a growing from 0."""
    found, leader = [], np.lexsort((dz, z))[-1]
    while (faster := np.flatnonzero(dz > dz[leader])).size:
        meets = (z[leader] - z[faster]) / (dz[faster] - dz[leader])
        if meets.min() >= 1:
            break
        found.append(meets.min())
        leader = faster[meets.argmin()]
    return found


def softmax_row(request, z_b):
    """(y_c(x) - y_c(b)) / (z_c(x) - z_c(b)) e_c: softmax as one more layer with a multiplier of its own, as shap does.

    It sums to Delta y_c, and kappa is not 0: here to show that explaining y_c is no protection by itself.
    """
    if request.score != "post":
        raise InputError(f"row 'softmax' belongs to score='post'; got {request.score!r}")
    c = request.target
    (y_b,), _, _ = SCORES["post"](z_b[None], c)
    ratio = quotient(request.value - y_b, request.z[c] - z_b[c], y_b * (1 - y_b))
    return ratio * np.eye(len(z_b))[[c]], 0.0


ROWS = {"secant": secant_row, "tangent": tangent_row, "softmax": softmax_row}

# ------------------------------------------------------------------------------------------------- rules: Rescale


def rescale(request, reference, seed, layer):
    """C of `layer` by the Rescale rule: m = m_out Delta f / Delta u at every nonlinearity."""
    book = {**SLOPES, **{op: partial(rule, reference) for op, rule in BENT.items()}}
    m = request.walked(seed, book, layer)[layer]
    return m * (request.tape[layer].output - reference[layer].output)


def quotient(df, du, limit):
    """Delta f / Delta u; where Delta u is 0, its limit."""
    near = np.abs(du) < NEAR
    return np.where(near, limit, df / np.where(near, 1, du))


def slope(reference, record, m):
    """m_in = m Delta f / Delta u; the gradient where Delta u is 0."""
    (u,), other = record.x, reference[record.name]
    return (quotient(m * (record.output - other.output), u - other.x[0], GRADIENT[record.op](record, m)[0]),)


def mul(reference, record, m):
    """Delta (u v) = Delta u (v + v_b)/2 + Delta v (u + u_b)/2."""
    other = reference[record.name].x
    middle = tuple((v + v_b) / 2 for v, v_b in zip(record.x, other, strict=True))
    return GRADIENT["mul"](rerun(record, middle, ()), m)


def largest(reference, record, m):
    """C = m (top - out_b) at the maximum of x, m (out - top) at that of b, top = max(out, out_b). m_in = C / Delta u.

    The two sum to m Delta out, which the gradient's routing does not. For pools and maxima over axes.
    """
    (x,), (x_b,), route = record.x, reference[record.name].x, GRADIENT[record.op]
    out, out_b = record.output, reference[record.name].output
    top, other = np.maximum(out, out_b), rerun(record, (np.broadcast_to(x_b, x.shape),), ())
    C = route(record, m * (top - out_b))[0] + route(other, m * (out - top))[0]
    return (quotient(C, x - x_b, 0),)


def lrn(reference, record, m):
    """y = x v, v = d^-beta, d a sum of squares: the rules of products, of slopes and of sums, one after the other.

    Delta y = mean(v) Delta x + mean(x) Delta v, Delta v = (Delta v / Delta d) Delta d, Delta x^2 = (x + x_b) Delta x.
    """
    (x,), (x_b,) = record.x, reference[record.name].x
    size, alpha, beta, bias = (record.attributes[key] for key in ("size", "alpha", "beta", "bias"))
    d, d_b = lrn_below(x, size, alpha, bias), lrn_below(x_b, size, alpha, bias)
    secant = quotient(d**-beta - d_b**-beta, d - d_b, -beta * d ** (-beta - 1))
    crossed = around(m * (x + x_b) / 2 * secant, size // 2, (size - 1) // 2)
    return (m * (d**-beta + d_b**-beta) / 2 + alpha / size * (x + x_b) * crossed,)


BENT = {**dict.fromkeys(ELEMENTWISE, slope), **dict.fromkeys(MAXIMA, largest), "mul": mul, "lrn": lrn}

# -------------------------------------------------------------------------------------------- rules: RevealCancel


def reveal_cancel(request, reference, seed, layer):
    """C of `layer` by the RevealCancel rule, section 3.4 of the paper: what raises a value is kept from what lowers it.

    Delta u = p + n, p >= 0 >= n, each with its own multiplier. The tape holds the picture twice, so that a signal has
    two rows: row 0 is the multiplier of p, row 1 that of n.
    """
    tape = request.net.run(np.repeat(request.x, 2, 0))
    found = {}  # (p, n) of the values whose parts were asked for
    book = {**SLOPES, **{op: partial(one_sided, rule, reference) for op, rule in BENT.items()},
            **{op: partial(revealed, tape, reference, found) for op in ACTIVATIONS},
            **dict.fromkeys(LINEAR, partial(by_sign, reference)), "batch_norm": turned}
    m = request.walked(np.repeat(seed, 2, 0), book, layer, tape)[layer]
    p, n = parts(tape, reference, layer, found)
    return m[:1] * p + m[1:] * n


def parts(tape, reference, name, found):
    """(p, n) of a value: after a linear layer sums of positive and negative w Delta u, after an activation f_p, f_n.

    Sums, means and moves carry the parts of what they read; a batch norm, too, and where its scale is negative they
    change places. Elsewhere a value rises or falls: the difference is p or n.
    found: what was computed before, so that a value that many others read is taken apart once.
    """
    if name not in found:
        record = tape[name]
        carried = record.inputs if record.op in (*CARRIES, *ACTIVATIONS, "batch_norm") else ()
        found[name] = _parts(record, reference[name], [parts(tape, reference, i, found) for i in carried])
    return found[name]


def _parts(record, other, read):
    """(p, n) of a record's output, given those of what it reads."""
    if record.op == "pad":
        record = replace(record, attributes={**record.attributes, "value": 0})  # the border does not change
    if record.op in CARRIES:
        return tuple(rerun(record, side, ()).output for side in zip(*read, strict=True))
    if record.op in ACTIVATIONS:
        return through(record, other.x[0], *read[0])
    if record.op == "batch_norm":
        (p, n), (scale, _) = read[0], record.weights
        return scale * np.where(scale > 0, p, n), scale * np.where(scale > 0, n, p)
    if record.op == "constant":
        return np.zeros_like(record.output), np.zeros_like(record.output)
    if not record.weights:
        d = record.output[:1] - other.output
        return part(d, 1), part(d, -1)
    d, (kernel, bias) = record.x[0][:1] - other.x[0], record.weights
    p = n = 0
    for sign in (1, -1):  # one half of the kernel at a time: fc1 of VGG19 alone has 411 MB
        half, none = part(kernel, sign), np.zeros_like(bias)
        p = p + rerun(record, (part(d, sign),), (half, none)).output
        n = n + rerun(record, (part(d, -sign),), (half, none)).output
    return p, n


def through(record, u_b, p, n):
    """(f_p, f_n) of an activation f. p comes to u_b once before n and once after it, and half of each counts:

    f_p = (f(u_b + p) - f(u_b) + f(u_b + p + n) - f(u_b + n)) / 2, and f_n with p and n swapped.
    """
    f = [rerun(record, (u,), record.weights).output for u in (u_b, u_b + p, u_b + n, u_b + p + n)]
    both, crossed = f[3] - f[0], f[1] - f[2]
    return (both + crossed) / 2, (both - crossed) / 2


def by_sign(reference, record, m):
    """Linear layer: u feeds p through w where w Delta u > 0, n where w Delta u < 0; half of each if Delta u = 0."""
    kernel, _ = record.weights
    d = record.x[0][:1] - reference[record.name].x[0]
    up, down = (transposed(record, part(kernel, sign), m) for sign in (1, -1))  # (2, ...)
    rising, falling = up[:1] + down[1:], down[:1] + up[1:]
    m_in = np.where(d > 0, rising, np.where(d < 0, falling, (rising + falling) / 2))
    return (np.repeat(m_in, 2, 0),)


def turned(record, m):
    """Batch norm: m scale; where the scale is negative, what raises the input lowers the output."""
    scale, _ = record.weights
    return (scale * np.where(scale > 0, m, m[::-1]),)


def revealed(tape, reference, found, record, m):
    """Activation: m_p = m f_p / p and m_n = m f_n / n; the gradient where a part is 0."""
    du = np.concatenate(parts(tape, reference, *record.inputs, found))
    df = np.concatenate(parts(tape, reference, record.name, found))
    return (quotient(m * df, du, GRADIENT[record.op](record, m)[0]),)


def one_sided(rule, reference, record, m):
    """All else: what rises has the multiplier of p, what falls that of n; then as for Rescale."""
    rises = record.output[:1] >= reference[record.name].output
    return rule(reference, record, np.repeat(np.where(rises, m[:1], m[1:]), 2, 0))


BOOKS = {"rescale": rescale, "reveal_cancel": reveal_cancel}
