"""LRP hands the score back, layer by layer, by a composite of rules (lrp_rules.py). Excitation backprop has only z+."""

from dataclasses import replace
from functools import partial

import numpy as np

from tinyattr.engine import ACTIVATIONS, GRADIENT, LINEAR, MAXIMA, MEANS, MOVES
from tinyattr.errors import InputError, flag_of, named
from tinyattr.methods import lrp_rules as rules
from tinyattr.methods.heatmap import Receipt
from tinyattr.methods.request import ask_at
from tinyattr.nets.wiring import reads
from tinyattr.softmax import softmax


def lrp(net, x, target=None, score=None, layer=None, *, composite="epsilon_plus", start="row"):
    """R_j = sum_k (contribution of j to k) / (sum of contributions to k) R_k, from the logits back; see lrp_rules.py.

    R_j is the relevance of activation j: its part of the score. k is in the next layer. Bach et al. 2015,
    10.1371/journal.pone.0130140; Montavon et al. 2019, 10.1007/978-3-030-28954-6_10.
    composite: a key of `ta.COMPOSITES`, or a book {op or layer name: rule}.
    start: a key of `ta.STARTS`; it says what R is at the logits. By default R_i = v_i z_i, v = dS/dz. In ReLU networks,
    composite "zero" (LRP-0) then gives the map of `ta.input_x_gradient`. If a network adds t(x) to every logit, t gets
    the relevance sum_i v_i t: 0 if v sums to 0. Then t does not change the map. Nor does it with start "pairs" (only
    for log_odds); but it does with "score", "sglrp" (only for post) and "clrp" (only for pre).
    The receipt (check sum) compares R at the logits with R of the map and R that biases, borders, constants, eps keep.
    """
    start = named("start", start, STARTS)
    composite = composite if isinstance(composite, dict) else named("composite", composite, COMPOSITES)
    request, layer = ask_at(net, x, target, score, layer, "input")
    needs, relevances = STARTS[start]
    if needs not in (None, score):
        raise InputError(f"start {start!r} belongs to score={needs!r}; got {score!r}")
    R, log_scale = relevances(request)
    book = composite if isinstance(composite, dict) else COMPOSITES[composite](net)
    if start == "pairs":
        book = with_pairs(book, request)
    name = f"LRP {composite if isinstance(composite, str) else 'own rules'}" + (f", start {start}" * (start != "row"))
    return _relevance(request, layer, R, log_scale, book, name)


def excitation_backprop(net, x, target=None, score=None, layer=None, *, contrast=False):
    """R_j = sum_k c_jk / (sum_j c_jk) R_k, c = max(a w, 0), from e_c: z+ without bias. Zhang et al. 2016, 1608.00507.

    contrast: subtract the map of a network whose last dense layer has negated weights. The score has no influence.
    """
    request, layer = ask_at(net, x, target, score, layer, "input")
    e = np.eye(len(request.z))[[request.target]]
    book = COMPOSITES["excitation"](net)
    heat = _relevance(request, layer, e, 0.0, book, "excitation backprop")
    if not flag_of(contrast, "contrast"):
        return heat
    last = _last_linear(request)
    negated = {**book, last.name: rules.reweighted(book[last.op], lambda kernel, bias: (-kernel, -bias))}
    other = _relevance(request, layer, e, 0.0, negated, "")
    return replace(heat, method="excitation backprop, contrastive", direction=heat.direction - other.direction,
                   plane=heat.plane - other.plane, receipt=None)


def _relevance(request, layer, start, log_scale, book, name):
    kept = {}
    R = request.at_places(layer, request.walked(start, _weighed(book, kept, request.tape), layer))
    scale = np.exp(log_scale)
    receipt = Receipt(f"sum of R over {layer} + what layers keep = sum of R at the logits",
                      float(start.sum()) * scale, float(R.sum()) * scale, {name: v * scale for name, v in kept.items()})
    return request.heatmap(name, layer, R, log_scale=log_scale, receipt=receipt)


PASSES = {*ACTIVATIONS, *MOVES, *MAXIMA, "lrn", "mul"} - {"pad"}  # ops that pass on all of R, if no input is constant


def _weighed(book, kept, tape):
    """Return the book, where each rule also writes into `kept` what biases, stabilisers, borders and constants keep."""
    def weighed(rule, record, R):
        signals = rule(record, R)
        constants = [tape[i].op == "constant" for i in record.inputs]
        if record.op not in PASSES or record.weights or any(constants):
            passed = (m for m, constant in zip(signals, constants, strict=True) if not constant)
            kept[record.name] = float(np.sum(R, dtype=np.float64) - sum(np.sum(m, dtype=np.float64) for m in passed))
        return signals
    return {key: partial(weighed, rule) for key, rule in book.items()}


def row_start(request):
    """R_i = v_i z_i, v = dS/dz. pre: z_c, else 0. log: (delta_ic - y_i) z_i. log_odds: R_c = z_c, R_j = -q_j z_j."""
    return request.row * request.z, request.log_scale


def score_start(request):
    """R_c = S, R_j = 0. For pre, R_c = z_c, the usual LRP. For post, the map is that of pre times y_c / z_c."""
    return request.value * np.eye(len(request.z))[[request.target]], 0.0


def sglrp_start(request):
    """R_c = y_c (1 - y_c), R_j = -y_c y_j: the softmax gradient. Iwana et al. 2019, arXiv 1908.04351."""
    return request.row, request.log_scale


def clrp_start(request):
    """R_c = z_c, R_j = -z_c / (n - 1). Gu et al. 2018, arXiv 1812.02100, without their final ReLU."""
    e = np.eye(len(request.z))[[request.target]]
    return request.value * (e - (1 - e) / (e.size - 1)), 0.0


def pairs_start(request):
    """R_j = q_j (z_c - z_j): relevance of the units z_c - z_j, j != c, that form the log-odds. Montavon et al. 2019."""
    rivals = np.delete(request.z, request.target)
    q = np.insert(softmax(rivals), request.target, 0.0)
    return (q * (request.z[request.target] - request.z))[None], 0.0


STARTS = {"row": (None, row_start), "score": (None, score_start), "sglrp": ("post", sglrp_start),
          "clrp": ("pre", clrp_start), "pairs": ("log_odds", pairs_start)}


def with_pairs(book, request):
    """Return the book, changed so that the last linear layer computes z_c - z_j, j = 1..n. They do not contain t(x).

    Later layers, such as the sum z + t of an altered network, pass no relevance to inputs that all classes share.
    """
    last, c = _last_linear(request), request.target
    differences = rules.reweighted(book.get(last.name, book[last.op]), lambda W, b: (W[:, [c]] - W, b[c] - b))
    records = list(request.tape)
    above = [record for record in records[records.index(last) + 1:] if record.outline.shape == last.outline.shape]
    for record in above:
        if record.op != "add":
            raise InputError(f"start 'pairs' needs logits of a dense layer; '{record.name}' is {record.op}")
    return {**book, last.name: differences, **{record.name: partial(_to_the_classes, c) for record in above}}


def _to_the_classes(c, record, R):
    """z_c - z_j is a sum over the layer's inputs. Each input gets what its values at c and j add to this difference."""
    whole = record.output[:, [c]] - record.output
    parts = (np.broadcast_to(x, whole.shape) for x in record.x)
    shares = [np.divide(part[:, [c]] - part, whole, out=np.zeros_like(whole), where=whole != 0) * R for part in parts]
    return tuple(share if x.shape == share.shape else share.sum(1, keepdims=True)
                 for x, share in zip(record.x, shares, strict=True))


def _last_linear(request):
    """Return the record of the last dense layer with one output for each class. Raises InputError if there is none."""
    dense = [record for record in request.tape if record.op == "dense" and record.outline.size == request.z.size]
    if not dense:
        raise InputError("this needs a network whose logits come from a dense layer")
    return dense[-1]


SHARED = {
    **dict.fromkeys((*ACTIVATIONS, "lrn"), rules.pass_on),
    **{op: GRADIENT[op] for op in (*MOVES, *MAXIMA)},
    **dict.fromkeys(MEANS, rules.epsilon()),
    **dict.fromkeys(("add", "sum", "mod"), rules.epsilon(0)),
}


def composite(conv, dense, first=None):
    """Return a function net -> book. conv, dense: rules of such layers. first: net -> rule of the first linear layer.

    Batch norms use the rule of dense layers and keep the relevance of their shifts; `net.folded()` removes batch norms.
    """
    def book(net):
        constants = {name for name, op, _ in net.layers if op == "constant"}
        chosen = {**SHARED, "conv2d": conv, "conv2d_transpose": conv, "dense": dense, "batch_norm": dense,
                 "mul": rules.factors(constants)}
        linear = [name for name, op, _ in net.layers if op in LINEAR and op != "batch_norm"]
        return {**chosen, linear[0]: first(net)} if first else chosen
    return book


def photo_box(net):
    """Return rule z-box, from black to white. Raises InputError if the network does not say how to preprocess."""
    if net.input is None:
        raise InputError(f"{net.name} does not say how photos are preprocessed, so black is unknown; give a book, "
                         "{**ta.COMPOSITES['epsilon_plus'](net), first_layer: box(low, high)}")
    first = next(name for name, op, _ in net.layers if op in LINEAR)
    if reads(net.layers)[first] != ("input",):
        raise InputError(f"{net.name}: the first linear layer, '{first}', does not read the photo; give a book")
    return rules.box(*net.input.limits)


COMPOSITES = {
    "zero": composite(rules.epsilon(0), rules.epsilon(0)),
    "epsilon": composite(rules.epsilon(), rules.epsilon()),
    "epsilon_plus": composite(rules.z_plus(), rules.epsilon()),
    "epsilon_plus_flat": composite(rules.z_plus(), rules.epsilon(), lambda net: rules.flat),
    "epsilon_gamma": composite(rules.gamma(), rules.epsilon()),
    "epsilon_gamma_box": composite(rules.gamma(), rules.epsilon(), photo_box),
    "epsilon_alpha2_beta1": composite(rules.alpha_beta(2, 1), rules.epsilon()),
    "epsilon_alpha2_beta1_flat": composite(rules.alpha_beta(2, 1), rules.epsilon(), lambda net: rules.flat),
    "w_squared": composite(rules.w_squared, rules.epsilon()),
    "flat": composite(rules.flat, rules.epsilon()),
    "excitation": composite(rules.without_bias(rules.z_plus()), rules.without_bias(rules.z_plus())),
}
