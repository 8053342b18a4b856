"""Mutants of softmax.py: an operator, constant, axis or sign is changed, or a term dropped, and `check` must find it.

    python -m tests.testing.mutants            # 100 mutants, spread evenly over the file: how many live, and why

Every public function of the file is asked as one of the kinds that `check` knows, if need be by an equation: entropy by
logsumexp = H + y.z, the temperature's derivative by J z = -T^2 dy/dT. A mutant is found if an identity breaks, or if it
refuses what the file as it is takes.
"""

import ast
import sys
import types
import unittest.mock
from fractions import Fraction
from importlib.resources import files

import numpy as np

from tinyattr.testing import check, examine, report

SOURCE = (files("tinyattr") / "softmax.py").read_text(encoding="utf-8")
SCORES = (files("tinyattr") / "scores.py").read_text(encoding="utf-8")
OPERATORS = {ast.Add: [ast.Sub], ast.Sub: [ast.Add], ast.Mult: [ast.Div], ast.Div: [ast.Mult], ast.Eq: [ast.NotEq],
             ast.NotEq: [ast.Eq], ast.Gt: [ast.GtE, ast.Lt], ast.GtE: [ast.Gt], ast.Lt: [ast.LtE, ast.Gt], ast.LtE: [ast.Lt]}
NEUTRAL = {ast.Add: [0], ast.Sub: [0], ast.Mult: [1], ast.Div: [1]}  # for one side: that term or factor is dropped
NAMES = {"max": "min", "argmax": "argmin", "maximum": "minimum", "exp": "exp2", "log1p": "log", "log": "log2", "sum": "mean"}


def mutants(source=SOURCE):
    """(line number, the line as it was, as it is now, the module's source) of every mutant."""
    tree = ast.parse(source)
    skipped = {id(n) for node in ast.walk(tree) if isinstance(node, ast.Raise | ast.JoinedStr) for n in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) not in skipped:
            for change, undo in changes(node):
                change()
                changed = ast.unparse(ast.fix_missing_locations(tree))
                undo()
                before, after = ast.unparse(tree).splitlines(), changed.splitlines()
                k = next((k for k, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), None)
                if k is not None:
                    yield node.lineno, before[k].strip(), after[k].strip(), changed


def changes(node):
    """(do, undo) of every change of one node."""
    def swap(owner, name, new):
        old = getattr(owner, name)
        return lambda: setattr(owner, name, new), lambda: setattr(owner, name, old)

    if isinstance(node, ast.BinOp):
        yield from (swap(node, "op", new()) for new in OPERATORS.get(type(node.op), []))
        yield from (swap(node, side, ast.Constant(neutral)) for side in ("left", "right")
                    for neutral in NEUTRAL.get(type(node.op), []))
    elif isinstance(node, ast.Compare):
        for k, op in enumerate(node.ops):
            for new in OPERATORS.get(type(op), []):
                yield swap(node, "ops", [*node.ops[:k], new(), *node.ops[k + 1:]])
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield swap(node, "op", ast.UAdd())
        if isinstance(node.operand, ast.Constant) and node.operand.value == 1:  # an axis
            yield swap(node.operand, "value", 0)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield swap(node, "value", node.value + 1)
    elif isinstance(node, ast.keyword) and node.arg == "keepdims":
        yield swap(node.value, "value", False)
    elif isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield swap(node, "attr", NAMES[node.attr])


def load(name, source):
    """A module of this source."""
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, name, "exec"), module.__dict__)
    return module


def fractions(S):
    """S.probabilities of up to 64 exact weights: it must stay exact."""
    def softmax(z):
        if z.shape[-1] > 64:
            return S.softmax(z)
        w = np.vectorize(Fraction, otypes=[object])(np.exp(z.astype(float) - z.max(-1, keepdims=True)))
        return np.vectorize(lambda y: y.numerator / y.denominator, otypes=[float])(S.probabilities(w))
    return softmax


def questions(S):
    """Every function of the module, asked as a kind that `check` knows."""
    def y(z):
        return S.softmax(z)

    def divided(z, v):
        positive = np.where(y(z) > 0, y(z), 1)
        return S.jacobian_product(y(z), -S.cross_entropy_slopes(positive, v * positive))

    scores = load("mutant_scores", SCORES.replace("from tinyattr.softmax", "from mutant_softmax"))

    def row_of_y(z, c):
        e = scores.one_hot(z, c)
        return (y(z) * e).sum(-1), S.post_row(y(z), e), np.zeros(z.shape[:-1])

    def row_of_log(z, c):
        e = scores.one_hot(z, c)
        return (S.log_softmax(z) * e).sum(-1), S.log_row(y(z), e), np.zeros(z.shape[:-1])

    yield lambda: check.softmax_identities(y, S.softmax_jacobian, lambda z, v: S.jacobian_product(y(z), v))
    yield lambda: check.log_softmax_identities(S.log_softmax, lambda z: S.log_jacobian(y(z)),
                                               lambda z, v: S.times_log_jacobian(v, y(z)))
    yield lambda: check.logsumexp_identities(S.logsumexp, y)
    yield lambda: check.cross_entropy_identities(S.cross_entropy, lambda z, t: S.cross_entropy_gradient(y(z), t))
    yield lambda: check.softmax_identities(y, None, lambda z, v: y(z) * S.log_jacobian_times(y(z), v))
    yield lambda: check.softmax_identities(y, None, divided)
    yield lambda: check.temperature_identities(lambda z, T: y(S.temper(z, T)))
    yield lambda: check.logsumexp_identities(
        lambda z: S.entropy(z) + (y(z) * z).sum(-1), lambda z: S.entropy_gradient(z) + y(z) + S.jacobian_product(y(z), z))
    yield lambda: check.logsumexp_identities(
        S.logsumexp, lambda z: S.entropy_gradient(z) + y(z) - 2 * S.temperature_derivative(2.0 * z, 2.0))
    yield lambda: check.score_identities(scores.SCORES)
    yield lambda: check.score_identities({"y_c": row_of_y, "log y_c": row_of_log})
    yield lambda: check.softmax_identities(fractions(S))


def told(source, only=None):
    """(question's number, broken identities, what was not tried, functions called) for every question, or for some."""
    called = set()
    try:
        with (np.errstate(all="ignore"), unittest.mock.patch.object(examine, "SECONDS", 0),  # nobody reads the examples
              unittest.mock.patch.object(report, "perf_counter", return_value=0.0)):  # however busy the machine is
            module = load("mutant_softmax", source)
            watch(module, called)
            for k, ask in enumerate(questions(module)):
                if only is None or k in only:
                    called.clear()
                    findings = ask()
                    yield k, findings.broken, findings.not_tried, set(called)
    except Exception as error:
        yield -1, [f"{type(error).__name__}: {error}"], (), called


def watch(module, called):
    """Every function of the module adds its name to `called`."""
    for name, f in list(vars(module).items()):
        if isinstance(f, types.FunctionType):
            def watched(*arguments, f=f, name=name, **keywords):
                called.add(name)
                return f(*arguments, **keywords)
            setattr(module, name, watched)


def found_by(line, source, original):
    """What tells a mutant of this line from the original; None if nothing does. Questions that never call it are spared."""
    function = next(f.name for f in ast.parse(SOURCE).body if isinstance(f, ast.FunctionDef) and f.lineno <= line <= f.end_lineno)
    wanted = {k: (broken, not_tried) for k, broken, not_tried, called in original if function in called}
    assert wanted, f"no question calls {function}"
    for k, broken, not_tried, _ in told(source, wanted):
        if (broken, not_tried) != wanted.get(k):
            return broken[0] if broken else f"not tried: {next(iter({*not_tried} ^ {*wanted[k][1]}), '')}"
    return None


def spread(number, source=SOURCE):
    """`number` mutants, evenly spread over the file."""
    every = list(mutants(source))
    return [every[int(k)] for k in np.linspace(0, len(every) - 1, number)]


def main(number=100):
    """Prints what finds each mutant, and those that live; returns how many were found."""
    original = list(told(SOURCE))
    assert not any(broken for _, broken, _, _ in original), original
    alive = []
    for k, (line, before, after, source) in enumerate(spread(number), 1):
        found = found_by(line, source, original)
        print(f"{k:>3}  line {line}: {before}\n     {'':>{4 + len(str(line))}}: {after}\n     {found or 'LIVES'}", flush=True)
        if found is None:
            alive.append((line, before, after))
    print(f"{number - len(alive)} of {number} mutants found")
    return number - len(alive)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
