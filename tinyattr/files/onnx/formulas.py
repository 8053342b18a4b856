"""Find formulas that exporters write as many nodes but that are one op here. We search back from their last node.

A pattern is "x", the formula's input; or a number; or a name, such as "alpha", for any constant; or (operator, pattern,
...). The inputs of Add and Mul may be in either order. PyTorch computes a local response normalisation by a pool over
(N, 1, C, H, W): in this formula we skip nodes that only change the shape, and a Pad by 0.
"""

from math import pi, sqrt

import numpy as np

from tinyattr.files.onnx.constants import listed
from tinyattr.files.onnx.file import before_export

SHAPES = ("Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten")  # these change the shape, not the order
HALF_ERF = ("Add", ("Erf", ("Div", "x", sqrt(2))), 1), ("Add", ("Erf", ("Mul", "x", sqrt(0.5))), 1)
THIRD_POWER = ("Mul", "x", ("Mul", "x", "x")), ("Pow", "x", 3)
ONE_TANH = [("Add", 1, ("Tanh", ("Mul", sqrt(2 / pi), ("Add", "x", ("Mul", 0.044715, cube))))) for cube in THIRD_POWER]
HALVES = *((e, "Gelu") for e in HALF_ERF), *((e, "TanhGelu") for e in ONE_TANH)  # x / 2 times such an e is the GELU
SQUARE = ("Mul", "x", "x"), ("Pow", "x", 2)
FORMULAS = [  # (pattern, the operator that it means)
    *((pattern, op) for e, op in HALVES for pattern in (
        ("Mul", ("Mul", "x", e), 0.5), ("Mul", ("Mul", "x", 0.5), e), ("Mul", "x", ("Mul", e, 0.5)))),
    (("Mul", "x", ("Sigmoid", "x")), "Swish"),
    (("Mul", "x", ("HardSigmoid", "x")), "HardSwish"),
    (("Div", "x", ("Add", ("Abs", "x"), 1)), "Softsign"),
    (("Where", ("Greater", "x", 20), "x", ("Softplus", "x")), "Softplus"),  # log(1 + e^x) - x < 3e-9 above 20
    *((("Div", "x", ("Pow", ("Add", ("Mul", ("AveragePool", ("Pad", square)), "alpha"), "bias"), "beta")), "LRN")
      for square in SQUARE),
]
ROOTS = {pattern[0] for pattern, _ in FORMULAS}


def formula(node, makers, values):
    """Return (operator, the name of x, attributes) of the formula that ends with a node, or None.

    makers: {value: the node that makes it}; values: {value: array or Value}.
    """
    if node.op not in ROOTS:
        return None
    for pattern, op in FORMULAS:
        if pattern[0] != node.op:
            continue
        found = _match(pattern, node.outputs[0], {}, makers, values, SHAPES if op == "LRN" else ())
        if found is not None and (about := _attributes(op, found, values)) is not None:
            return about[0], found["x"], about[1]
    return None


def _match(pattern, name, found, makers, values, through):
    """Return {"x": name of x, "alpha": number, ...} if the value `name` has this pattern, else None."""
    if isinstance(pattern, tuple):
        node = makers.get(source(name, makers, through))
        if node is None or node.op != pattern[0]:
            return None
        inputs = [i for i in node.inputs if i][:len(pattern) - 1]
        orders = [inputs, inputs[::-1]] if node.op in ("Add", "Mul") else [inputs]
        for order in orders if len(inputs) == len(pattern) - 1 else []:
            inner = {**found, node.op: node}
            for part, i in zip(pattern[1:], order, strict=True):
                inner = inner if inner is None else _match(part, i, inner, makers, values, through)
            if inner is not None:
                return inner
        return None
    number = values.get(name)
    if pattern == "x":
        first = found.get("x", name)
        return {"x": first, **found} if source(first, makers, through) == source(name, makers, through) else None
    if not isinstance(number, np.ndarray) or number.size != 1:
        return None
    number = before_export(number)
    if isinstance(pattern, str):
        return {**found, pattern: number}
    return found if abs(number - pattern) < 1e-4 * abs(pattern) else None


def source(name, makers, through):
    """Return the value from which `name` comes through operators in `through` only, or through an If of these."""
    for _ in range(len(makers) + 1):  # a limit, because a cycle would never end
        node = makers.get(name)
        if node is None or (node.op not in (*through, "If") and not _pads_nothing(node)):
            break
        ends = {_inside(branch, through) for key, branch in node.attributes.items() if key.endswith("_branch")}
        ends = ends if node.op == "If" else {node.inputs[0]}
        if not through or len(ends) != 1 or None in ends:
            break
        (name,) = ends
    return name


def _pads_nothing(node):
    """Return True for a Pad by 0. At opset 9, PyTorch writes one before each AveragePool."""
    return node.op == "Pad" and not any(node.attributes.get("pads", [1]))


def _inside(branch, through):
    """Return the outer value that a branch of an If reads; None if it has an operator that is not in `through`."""
    made = {n.output[0]: n for n in branch.node if n.output}
    name = branch.output[0].name if branch.output else None
    for _ in branch.node:
        if name in made:
            name = made[name].input[0] if made[name].op_type in through and made[name].input else None
    return None if name in made else name


def _attributes(op, found, values):
    """Return (operator, its attributes) for a formula that was found; None if its numbers do not fit the operator."""
    if op == "TanhGelu":
        return "Gelu", {"approximate": "tanh"}
    if op == "HardSwish":
        about = found["HardSigmoid"].attributes
        fits = abs(about.get("alpha", 0.2) - 1 / 6) < 1e-6 and about.get("beta", 0.5) == 0.5
        return (op, {}) if fits else None
    if op != "LRN":
        return op, {}
    about, size = found["AveragePool"].attributes, found["AveragePool"].attributes["kernel_shape"]
    x, pooled = (getattr(values.get(name), "shape", ()) for name in (found["x"], found["Pad"].inputs[0]))
    pads = [0, 0, size[0] // 2, 0, 0] * 2
    fits = len(size) == 3 and size[0] % 2 and size[1:] == [1, 1] and not any(about.get("pads", [])) and set(
        about.get("strides", [1])) == {1} and pooled == (*x[:1], 1, *x[1:]) and listed(
        found["Pad"], "pads", values.get((*found["Pad"].inputs, "")[1])) == pads
    return (op, {"size": size[0], **{key: found[key] for key in ("alpha", "beta", "bias")}}) if fits else None
