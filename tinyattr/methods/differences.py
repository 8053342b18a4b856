"""DeepLIFT explains how S differs between the picture x and a reference b. Shrikumar et al. 2017, arXiv 1704.02685.

For every value u of the tape, Delta u = u(x) - u(b). A walk carries multipliers m, which replace gradients and obey the
chain rule. C = m Delta u is what u contributes to Delta S. Rules use the tapes of x and b.
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

NEAR = 1e-10  # a smaller |Delta u| counts as 0
CARRIES = (*MOVES, *MEANS, "add", "sum")  # linear, no weights
SLOPES = {op: GRADIENT[op] for op in (*LINEAR, *CARRIES)}  # the multipliers of linear ops


def deeplift(net, x, target=None, score=None, layer=None, *, baseline="black", rule="rescale", row="secant"):
    """C_ijk = m_ijk (x - b)_ijk, m: multipliers of the score. If you name a layer, the map is C of its activations.

    b: the baseline. rule: "rescale" or "reveal_cancel", for activations. row: the signal that the walk starts with.
    "secant" is the mean of dS/dz on the line from z(b) to z(x), "tangent" is dS/dz at x. If dS/dz sums to 0, these two
    do, too. Then t(x), added to every logit, does not change the map. "softmax" (for post) treats softmax as a layer;
    with it, t does. Receipt (check sum): sum C = row . (z(x) - z(b)), if no path skips the layer.
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


def secant_row(request, z_b):
    """r = int_0^1 dS/dz(z_b + a (z - z_b)) da, so r . (z - z_b) = S(z) - S(z_b). Return (row, log_scale).

    r = row exp(log_scale). We cut [0, 1] into equal panels, at most 10,000. With fewer, no z_i - z_j changes by over 2
    in one. Each has 8 Gauss points. For `margin`, one also ends where the strongest rival changes: S has a corner.
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
    """Return the places a, 0 < a < 1, where another entry of z + a dz becomes the largest."""
    found, leader = [], np.lexsort((dz, z))[-1]
    while (faster := np.flatnonzero(dz > dz[leader])).size:
        meets = (z[leader] - z[faster]) / (dz[faster] - dz[leader])
        if meets.min() >= 1:
            break
        found.append(meets.min())
        leader = faster[meets.argmin()]
    return found


def softmax_row(request, z_b):
    """e_c (y_c(x) - y_c(b)) / (z_c(x) - z_c(b)): the multiplier of a softmax layer, as in the package shap."""
    if request.score != "post":
        raise InputError(f"row 'softmax' belongs to score='post'; got {request.score!r}")
    c = request.target
    (y_b,), _, _ = SCORES["post"](z_b[None], c)
    ratio = quotient(request.value - y_b, request.z[c] - z_b[c], y_b * (1 - y_b))
    return ratio * np.eye(len(z_b))[[c]], 0.0


ROWS = {"secant": secant_row, "tangent": lambda request, z_b: (request.row, request.log_scale), "softmax": softmax_row}


def rescale(request, reference, seed, layer):
    """Return C of `layer` by the Rescale rule: an input of a nonlinearity f has m_in = m Delta f / Delta u."""
    book = {**SLOPES, **{op: partial(rule, reference) for op, rule in BENT.items()}}
    m = request.walked(seed, book, layer)
    return m * (request.tape[layer].output - reference[layer].output)


def quotient(df, du, limit):
    """Delta f / Delta u, or its limit where Delta u is 0."""
    near = np.abs(du) < NEAR
    return np.where(near, limit, df / np.where(near, 1, du))


def slope(reference, record, m):
    """m_in = m Delta f / Delta u, or m f'(u) where Delta u is 0. m: the multiplier of the output f(u)."""
    (u,), other = record.x, reference[record.name]
    return (quotient(m * (record.output - other.output), u - other.x[0], GRADIENT[record.op](record, m)[0]),)


def mul(reference, record, m):
    """Delta (u v) = Delta u (v + v_b)/2 + Delta v (u + u_b)/2."""
    other = reference[record.name].x
    middle = tuple((v + v_b) / 2 for v, v_b in zip(record.x, other, strict=True))
    return GRADIENT["mul"](rerun(record, middle, ()), m)


def largest(reference, record, m):
    """For maxima, the place of x's maximum gets C = m (top - out_b), that of x_b's maximum C = m (out - top).

    top = max(out, out_b), m_in = C / Delta u. The two C sum to m Delta out. By the gradient's rule, they would not.
    """
    (x,), (x_b,), route = record.x, reference[record.name].x, GRADIENT[record.op]
    out, out_b = record.output, reference[record.name].output
    top, other = np.maximum(out, out_b), rerun(record, (np.broadcast_to(x_b, x.shape),), ())
    C = route(record, m * (top - out_b))[0] + route(other, m * (out - top))[0]
    return (quotient(C, x - x_b, 0),)


def lrn(reference, record, m):
    """y = x v, v = d^-beta, d: see ops.lrn. We apply the rules of a product, a slope and a sum of squares in turn:

    Delta y = mean(v) Delta x + mean(x) Delta v, Delta v = (Delta v / Delta d) Delta d, Delta x^2 = (x + x_b) Delta x.
    """
    (x,), (x_b,) = record.x, reference[record.name].x
    size, alpha, beta, bias = (record.attributes[key] for key in ("size", "alpha", "beta", "bias"))
    d, d_b = lrn_below(x, size, alpha, bias), lrn_below(x_b, size, alpha, bias)
    secant = quotient(d**-beta - d_b**-beta, d - d_b, -beta * d ** (-beta - 1))
    crossed = around(m * (x + x_b) / 2 * secant, size // 2, (size - 1) // 2)
    return (m * (d**-beta + d_b**-beta) / 2 + alpha / size * (x + x_b) * crossed,)


BENT = {**dict.fromkeys(ELEMENTWISE, slope), **dict.fromkeys(MAXIMA, largest), "mul": mul, "lrn": lrn}


def reveal_cancel(request, reference, seed, layer):
    """Return C of `layer` by the RevealCancel rule (section 3.4): it separates positive and negative contributions.

    Delta u = p + n, where p >= 0 >= n; p and n have different multipliers. The tape holds the picture twice, so that
    every signal has two rows: row 0 is the multiplier of p, row 1 is the multiplier of n.
    """
    tape = request.net.run(np.repeat(request.x, 2, 0))
    found = {}  # {layer: (p, n)}, computed so far
    book = {**SLOPES, **{op: partial(one_sided, rule, reference) for op, rule in BENT.items()},
            **{op: partial(revealed, tape, reference, found) for op in ACTIVATIONS},
            **dict.fromkeys(LINEAR, partial(by_sign, reference)), "batch_norm": turned}
    m = request.walked(np.repeat(seed, 2, 0), book, layer, tape)
    p, n = parts(tape, reference, layer, found)
    return m[:1] * p + m[1:] * n


def parts(tape, reference, name, found):
    """Return (p, n) of a layer. For a linear layer they are the sums of positive and of negative w Delta u; for an
    activation, see `through`. Sums, means, MOVES and batch norms take p from their input's p, n from its n; a batch
    norm's scale < 0 swaps them. Others have the positive and negative part of Delta u. found: {layer: (p, n)} so far.
    """
    if name not in found:
        record = tape[name]
        carried = record.inputs if record.op in (*CARRIES, *ACTIVATIONS, "batch_norm") else ()
        found[name] = _parts(record, reference[name], [parts(tape, reference, i, found) for i in carried])
    return found[name]


def _parts(record, other, read):
    """Return (p, n) of a record's output. read: (p, n) of each of its inputs."""
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
    for sign in (1, -1):  # half of the kernel at a time, because fc1 of VGG19 alone has 411 MB
        half, none = part(kernel, sign), np.zeros_like(bias)
        p = p + rerun(record, (part(d, sign),), (half, none)).output
        n = n + rerun(record, (part(d, -sign),), (half, none)).output
    return p, n


def through(record, u_b, p, n):
    """Return (f_p, f_n) of an activation f. f_p is the change of f when p is added, before n and after n on average.

    f_p = (f(u_b + p) - f(u_b) + f(u_b + p + n) - f(u_b + n)) / 2, and f_n with p and n swapped.
    """
    f = [rerun(record, (u,), record.weights).output for u in (u_b, u_b + p, u_b + n, u_b + p + n)]
    both, crossed = f[3] - f[0], f[1] - f[2]
    return (both + crossed) / 2, (both - crossed) / 2


def by_sign(reference, record, m):
    """Linear layer: w Delta u > 0 adds to p, w Delta u < 0 adds to n. m_in depends on the sign of Delta u."""
    kernel, _ = record.weights
    d = record.x[0][:1] - reference[record.name].x[0]
    up, down = (transposed(record, part(kernel, sign), m) for sign in (1, -1))  # (2, ...)
    rising, falling = up[:1] + down[1:], down[:1] + up[1:]
    m_in = np.where(d > 0, rising, np.where(d < 0, falling, (rising + falling) / 2))  # the mean where d is 0
    return (np.repeat(m_in, 2, 0),)


def turned(record, m):
    """Batch norm: m_in = m scale. A negative scale swaps the multipliers of p and n."""
    scale, _ = record.weights
    return (scale * np.where(scale > 0, m, m[::-1]),)


def revealed(tape, reference, found, record, m):
    """Activation: m_p = m f_p / p and m_n = m f_n / n. Where p or n is 0, use the gradient's rule."""
    du = np.concatenate(parts(tape, reference, *record.inputs, found))
    df = np.concatenate(parts(tape, reference, record.name, found))
    return (quotient(m * df, du, GRADIENT[record.op](record, m)[0]),)


def one_sided(rule, reference, record, m):
    """Other ops: an output that is larger for x than for b has the multiplier of p, else of n; then use Rescale."""
    rises = record.output[:1] >= reference[record.name].output
    return rule(reference, record, np.repeat(np.where(rises, m[:1], m[1:]), 2, 0))


BOOKS = {"rescale": rescale, "reveal_cancel": reveal_cancel}
