"""Faults put into the code on purpose, one at a time: each must be killed by an identity. `pytest -s` shows which."""

import sys
import types
from fractions import Fraction
from importlib.resources import files

import numpy as np
import pytest

from tests.softmax.identities import IDENTITIES, Case
from tinyattr import check
from tinyattr.engine.tape import Tape
from tinyattr.testing.findings import Findings

SOURCES = {name: (files("tinyattr") / name).read_text(encoding="utf-8") for name in ("softmax.py", "scores.py", "engine/rules.py", "engine/activations.py")}

MUTANTS = [  # (what is wrong, file, right, wrong)
    ("forgotten maximum", "softmax.py", "d = z - z.max(-1, keepdims=True)", "d = z - 0"),
    ("mean for maximum", "softmax.py", "d = z - z.max(-1, keepdims=True)", "d = z - z.mean(-1, keepdims=True)"),
    ("maximum of the whole batch", "softmax.py", "z.max(-1, keepdims=True)", "z.max(keepdims=True)"),
    ("sum over the wrong axis", "softmax.py", "return w / w.sum(-1, keepdims=True)", "return w / w.sum(0, keepdims=True)"),
    ("mean for sum", "softmax.py", "return w / w.sum(-1, keepdims=True)", "return w / w.mean(-1, keepdims=True)"),
    ("1 - y where y is near 1", "softmax.py", "np.put_along_axis(r, largest, others.sum(-1, keepdims=True), -1)", "pass"),
    ("sign of the Jacobian's diagonal", "softmax.py", "J[..., i, i] = rest(y)", "J[..., i, i] = -rest(y)"),
    ("sign of the Jacobian's rest", "softmax.py", "np.repeat(-y[..., None, :]", "np.repeat(y[..., None, :]"),
    ("transposed log-Jacobian", "softmax.py", "np.repeat(-y[..., None, :], y.shape[-1], -2)", "np.repeat(-y[..., :, None], y.shape[-1], -1)"),
    ("Jacobian scaled by the column", "softmax.py", "_exact_or_float(y)[..., :, None] * log_jacobian(y)", "_exact_or_float(y)[..., None, :] * log_jacobian(y)"),
    ("mean not weighted", "softmax.py", "return v - (y * v).sum(-1, keepdims=True)", "return v - v.sum(-1, keepdims=True)"),
    ("product without y", "softmax.py", "return _exact_or_float(y) * log_jacobian_times(y, v)", "return log_jacobian_times(y, v)"),
    ("gradient of the loss, sign", "softmax.py", "return -times_log_jacobian(t, y)", "return times_log_jacobian(t, y)"),
    ("sum of targets forgotten", "softmax.py", "return u * rest(y) - (u.sum(-1, keepdims=True) - u) * y", "return u - y"),
    ("post row without y_c", "softmax.py", "return (_exact_or_float(y) * e).sum(-1, keepdims=True) * log_row(y, e)", "return log_row(y, e)"),
    ("log row, sign", "softmax.py", "rest(y), -_exact_or_float(y))", "rest(y), _exact_or_float(y))"),
    ("log row as e - y", "softmax.py", "return np.where(np.asarray(e) == 1, rest(y), -_exact_or_float(y))", "return e - y"),
    ("1 - y_c in the gradient of the loss", "softmax.py", "return u * rest(y) - (u.sum(-1, keepdims=True) - u) * y", "return u - u.sum(-1, keepdims=True) * y"),
    ("a temperature below zero", "softmax.py", "not 0 < temperature < np.inf", "temperature == 0"),
    ("whole numbers not promoted", "softmax.py", "return a if a.dtype == object else a.astype(np.float64)", "return a"),
    ("the class among its rivals", "softmax.py", "return e - probabilities(np.where(e == 1, 0, w))", "return e - probabilities(w)"),
    ("missing 1/n", "softmax.py", "/ e.shape[-1]", "/ 1"),
    ("1/(n - 1)", "softmax.py", "/ e.shape[-1]", "/ (e.shape[-1] - 1)"),
    ("loss, sign", "softmax.py", "return -(_targets(t, log_y.shape[-1]) * log_y).sum(-1)", "return (_targets(t, log_y.shape[-1]) * log_y).sum(-1)"),
    ("log-softmax without the sum", "softmax.py", "return d - _log_total(d)[..., None]", "return d"),
    ("logsumexp without the maximum", "softmax.py", "return finite(z).max(-1) + _log_total(gaps(z))", "return _log_total(gaps(z))"),
    ("entropy's gradient without H", "softmax.py", "(log_softmax(z) + entropy(z)[..., None])", "log_softmax(z)"),
    ("temperature, once", "softmax.py", "return -jacobian_product(softmax(d), d) / temperature", "return -jacobian_product(softmax(d), d)"),
    ("e - y in float32", "scores.py", "return value, log_odds_row(w, e), ", "return value, (e - np.exp(d - logsumexp(d)[..., None])).astype('f4'), "),
    ("rivals' softmax from y", "scores.py", "w = np.exp(np.minimum(d - strongest, 0))", "w = np.exp(d)"),
    ("scale of log, sign", "scores.py", "return -np.logaddexp(0, -odds), row, -np.logaddexp(0, odds)", "return -np.logaddexp(0, -odds), row, np.logaddexp(0, odds)"),
    ("scale of post without y_c", "scores.py", "return np.exp(value), row, value + log_rest", "return np.exp(value), row, log_rest"),
    ("centred by the maximum", "scores.py", "- d.mean(-1), centred_row(e)", "- d.max(-1), centred_row(e)"),
    ("log y_c without its last digits", "softmax.py", "return np.log1p(w.sum(-1))", "return np.log(1 + w.sum(-1))"),
    ("margin to the class itself", "scores.py", "np.where(e == 1, -np.inf, d).argmax(-1)", "d.argmax(-1)"),
    ("margin to the weakest rival", "scores.py", "np.where(e == 1, -np.inf, d).argmax(-1)", "np.where(e == 1, np.inf, d).argmin(-1)"),
    ("pre less the maximum", "scores.py", "z, e = finite(z), one_hot(z, c)", "z, e = gaps(z), one_hot(z, c)"),
    (">= for > in ReLU's derivative", "engine/activations.py", "lambda x: x > 0)", "lambda x: x >= 0)"),
    ("last for first at a tie", "engine/rules.py", "first = windows.reshape(n, rows, columns, kh * kw, c).argmax(3)",
     "first = kh * kw - 1 - windows.reshape(n, rows, columns, kh * kw, c)[:, :, :, ::-1].argmax(3)"),
]


def load(file, source):
    """A module of (mutated) source, standing in nobody's way."""
    module = types.ModuleType(f"mutant_{file.removesuffix('.py').replace('/', '_')}")
    sys.modules[module.__name__] = module
    exec(compile(source, file, "exec"), module.__dict__)
    return module


def examples(number=20):
    """Cases in fractions, the same every time."""
    rng = np.random.default_rng(0)
    for _ in range(number):
        n = int(rng.integers(2, 5))

        def vector(low, n=n):
            return np.array([Fraction(int(v), int(u)) for v, u in zip(rng.integers(low, 20, n), rng.integers(1, 7, n), strict=True)], object)

        yield Case(vector(1), vector(-20), vector(-20), vector(1), Fraction(int(rng.integers(1, 9)), 7), Fraction(3, 2), int(rng.integers(n)))


CASES = list(examples())


def closed_forms(S):
    """Functions with logarithms, on examples whose answers are known: z = log(1, 2, 5)."""
    z, y = np.log([1.0, 2.0, 5.0]), np.array([1, 2, 5]) / 8
    t = np.array([0, 0.5, 0.5])
    H = -(y * np.log(y)).sum()
    yield "log-softmax is log y", S.log_softmax(z), np.log(y)
    yield "logsumexp of log w is log sum w", S.logsumexp(z), np.log(8)
    yield "cross-entropy, equation (11)", S.cross_entropy(z, t), -0.5 * np.log(y[1] * y[2])
    yield "entropy", S.entropy(z), H
    yield "gradient of the entropy", S.entropy_gradient(z), -y * (np.log(y) + H)
    y = S.softmax([40.0, 0.0])
    e, small = np.array([1.0, 0.0]), np.exp(-40.0) / (1 + np.exp(-40.0))
    yield "log y_c keeps its digits where y_c is 1", S.log_softmax([40.0, 0.0])[0] / small, -1
    yield "the log row keeps its digits where y_c is 1", S.log_row(y, e) / small, [1, -1]
    yield "the loss's gradient keeps its digits where y_c is 1", S.cross_entropy_gradient(y, e) / small, [-1, 1]
    yield "whole numbers are numbers", S.jacobian_product([0.25, 0.75], np.array([1, 2], np.uint8)), [-0.1875, 0.1875]
    yield "temperatures below zero are refused", _refused(S.temper, [0.0, 1.0], -1.0), True
    d = z / 2 - (np.sqrt([1, 2, 5]) / np.sqrt([1, 2, 5]).sum()) @ (z / 2)
    yield "derivative to the temperature", S.temperature_derivative(z, 2.0), -np.sqrt([1, 2, 5]) / np.sqrt([1, 2, 5]).sum() * d / 2


def _refused(f, *arguments):
    try:
        f(*arguments)
    except ValueError:
        return True
    return False


def values_of_scores(scores):
    """Every score of z = log(1, 2, 5), for each class."""
    w = [1.0, 2.0, 5.0]
    for c in range(3):
        rivals = w[:c] + w[c + 1:]
        y, odds = w[c] / 8, w[c] / sum(rivals)
        values = {"pre": np.log(w[c]), "post": y, "log": np.log(y), "log_odds": np.log(odds),
                  "centred": np.log(w[c]) - np.log(10) / 3, "margin": np.log(w[c] / max(rivals))}
        for name, value in values.items():
            yield f"{name} of an example", scores.SCORES[name](np.log(w), c)[0], value


def rules_at_kinks(rules, activations):
    """The documented choices of subgradient."""
    _, derivative = activations.ACTIVATIONS["relu"]
    yield "ReLU's derivative at 0 is 0", derivative(np.zeros(1)), [0]
    tape = Tape()
    tape.leaf("x", np.ones((1, 2, 2, 1)))
    tape.write("max_pool", "p", "x", size=2, stride=2)
    yield "a tie goes to the first maximum", rules.max_pool(tape["p"], np.ones((1, 1, 1, 1)))[0].ravel(), np.array([1, 0, 0, 0])


def killers(S, scores, rules, activations):
    """(identity, function that raises or returns False) over everything that must hold."""
    for identity in IDENTITIES:
        yield identity.__name__.replace("_", " "), lambda identity=identity: [identity(S, case) for case in CASES] and True
    yield "", lambda: check.softmax_identities(S.softmax, S.softmax_jacobian, batches=True)
    yield "", lambda: check.score_identities(scores.SCORES)
    for source in (closed_forms(S), values_of_scores(scores), rules_at_kinks(rules, activations)):
        for name, got, want in list(source):
            yield name, lambda got=got, want=want: bool(np.allclose(got, want, rtol=1e-13, atol=1e-13))


def killed_by(changes):
    """Name of the first identity that fails with the changed sources, or None."""
    S = load("softmax.py", changes.get("softmax.py", SOURCES["softmax.py"]))
    scores = load("scores.py", changes.get("scores.py", SOURCES["scores.py"]).replace("from tinyattr.softmax", "from mutant_softmax"))
    rules, activations = (load(file, changes.get(file, SOURCES[file])) for file in ("engine/rules.py", "engine/activations.py"))
    with np.errstate(all="ignore"):
        for name, holds in killers(S, scores, rules, activations):
            try:
                verdict = holds()
            except (AssertionError, ZeroDivisionError, ValueError, IndexError, TypeError) as error:
                return name or f"{type(error).__name__} in check"
            if isinstance(verdict, Findings):
                if not verdict.holds:
                    return verdict.broken[0]
            elif not verdict:
                return name
    return None


def test_the_code_as_it_is_survives():
    assert killed_by({}) is None


@pytest.mark.parametrize(("fault", "file", "right", "wrong"), MUTANTS, ids=[m[0] for m in MUTANTS])
def test_mutant_is_killed(fault, file, right, wrong):
    assert SOURCES[file].count(right) >= 1, "the line to break is gone: update this list"
    killer = killed_by({file: SOURCES[file].replace(right, wrong, 1)})
    assert killer is not None, f"nothing notices: {fault}"
    print(f"\n  {fault:<36} killed by: {killer}")
