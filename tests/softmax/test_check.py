"""check.py finds the usual faults in other people's softmax, says where, and passes what is right."""

import numpy as np
import pytest

import tinyattr as ta
from tinyattr import check
from tinyattr.softmax import jacobian, logsumexp, softmax, softmax_jacobian


def no_max(z):
    w = np.exp(z)
    return w / w.sum()


def one_minus_y(z):
    """The Jacobian as most people write it: diag(y) - y y^T."""
    y = softmax(z)
    return np.diag(y) - np.outer(y, y)


def shifted(z):
    """What scipy.special.softmax does."""
    w = np.exp(z - np.amax(z, axis=-1, keepdims=True))
    return w / np.sum(w, axis=-1, keepdims=True)


def test_ours_and_scipys_pass():
    for f in (softmax, shifted):
        findings = check.softmax_identities(f, lambda z: jacobian(softmax(z)), batches=True)
        assert findings.holds, str(findings)
        assert findings.broken == []


def test_scipys_own():
    special = pytest.importorskip("scipy.special", reason="scipy is not installed: its softmax cannot be held to the identities")
    assert check.softmax_identities(special.softmax).holds
    assert check.softmax_identities(lambda z: special.softmax(z, axis=-1), softmax_jacobian, batches=True).holds


def test_float32_code_is_held_to_float32():
    assert check.softmax_identities(lambda z: shifted(z.astype(np.float32)), lambda z: softmax_jacobian(z).astype(np.float32)).holds
    assert not check.softmax_identities(lambda z: shifted(z.astype(np.float32)).astype(np.float64)).holds


def test_a_missing_maximum_is_found():
    findings = check.softmax_identities(no_max)
    assert not findings.holds
    assert "adding t to every logit changes nothing  (8)" in findings.broken
    assert "ordinary logits, z = (0.25, -0.2656, 1.281, ...): t = 2000: y =" in str(findings)
    assert "becomes (nan, nan, nan, ...)" in str(findings)


def test_one_minus_y_is_found():
    findings = check.softmax_identities(softmax, one_minus_y)
    assert "every row of J sums to 0: J 1 = 0" in findings.broken
    assert "a leader by 20, z = (20, 0, 0): row 0 sums to" in str(findings)
    assert "J_ij = y_i (delta_ij - y_j)  (4)" in findings.broken


@pytest.mark.parametrize(("fault", "f", "g", "identity"), [
    ("no sum", lambda z: np.exp(z - z.max()), None, "sum to 1"),
    ("mean for sum", lambda z: shifted(z) * len(z), None, "sum to 1"),
    ("base 2", lambda z: shifted(z * np.log(2)), None, "(1)"),
    ("absolute logits", lambda z: shifted(np.abs(z)), None, "(1)"),
    ("sorted", lambda z: np.sort(shifted(z)), None, "larger logit"),
    ("clipped", lambda z: np.clip(shifted(z), 1e-7, 1), None, "(1)"),
    ("bias to the first", lambda z: shifted(z + (np.arange(len(z)) == 0)), None, "reordering"),
    ("float16", lambda z: shifted(z.astype(np.float16)).astype(np.float64), None, "(1)"),
    ("all axes", lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(), None, "row of a batch"),
    ("log-softmax's", softmax, lambda z: np.eye(len(z)) - softmax(z), "(4)"),
    ("sign", softmax, lambda z: -softmax_jacobian(z), "v^T J v"),
    ("not symmetric", softmax, lambda z: softmax_jacobian(z) * (1 + 1e-9 * np.arange(len(z))), "symmetric"),
    ("of another softmax", lambda z: shifted(z / 2), softmax_jacobian, "derivative"),
])
def test_faults_are_found(fault, f, g, identity):
    broken = check.softmax_identities(f, g, batches=fault == "all axes").broken
    assert any(identity in name for name in broken), (fault, broken)


@pytest.mark.parametrize("f", [
    lambda z: (_ for _ in ()).throw(RuntimeError("mine")) if z is None else shifted(z)[:-1], lambda z: np.append(shifted(z), 0),
    lambda z: shifted(z)[None], lambda z: shifted(z)[:, None], lambda z: 1.0, lambda z: z == z.max(), lambda z: shifted(z) + 0j,
    lambda z: None, lambda z: ["a"] * len(z),
])
def test_answers_of_another_shape_or_kind_are_the_finding(f):
    findings = check.softmax_identities(f)
    assert findings.broken == ["the softmax answers in the right shape"]
    assert "expected real numbers, (5,)" in str(findings)
    assert check.softmax_identities(softmax, lambda z: softmax_jacobian(z)[:-1]).broken == ["the Jacobian answers in the right shape"]


def test_right_code_in_other_forms_passes():
    """Through the logarithm, lists, wide floats, mixed types, memory used again, input overwritten."""
    kept = {}

    def again(z):
        y = kept.setdefault(z.shape, np.empty(z.shape))
        y[...] = shifted(z)
        return y

    def overwrites(z):
        z -= z.max()
        np.exp(z, out=z)
        z /= z.sum()
        return z

    for f in (lambda z: np.exp(z - logsumexp(z)), lambda z: shifted(z).tolist(), lambda z: shifted(z.astype(np.longdouble)), again, overwrites):
        assert check.softmax_identities(f).holds, str(check.softmax_identities(f))
    assert check.softmax_identities(softmax, lambda z: softmax_jacobian(z).astype(np.float32)).holds


def test_memory_used_again_hides_no_fault():
    kept = {}

    def f(z):
        y = kept.setdefault(z.shape, np.empty(z.shape))
        m = max(z.max(), 0)
        y[...] = np.exp(z - m) / (np.exp(-m) + np.exp(z - m).sum())
        return y

    assert "adding t to every logit changes nothing  (8)" in check.softmax_identities(f).broken


def test_scores_of_others():
    """Named otherwise, written otherwise: held to the same; and their faults found."""
    from tinyattr.scores import SCORES, one_hot

    textbook = {"z_c": SCORES["pre"], "mine": lambda z, c: (z[c] - logsumexp(z), one_hot(z, c) - softmax(z), 0.0)}
    assert check.score_identities(textbook).holds, str(check.score_identities(textbook))
    wrong = {"half": lambda z, c: (z[c] - logsumexp(z) / 2, one_hot(z, c) - softmax(z), 0.0)}
    assert check.score_identities(wrong).broken == ["half: the row sums to kappa", "half: a shift t changes S by kappa t, the row not at all",
                                                    "half: the row is dS/dz"]


def test_our_scores_pass():
    findings = check.score_identities()
    assert findings.holds, str(findings)
    assert len(findings.findings) == 3 * len(ta.SCORES) + 1


def test_the_table_reads_well():
    lines = str(check.softmax_identities(no_max)).splitlines()
    assert lines[0].split() == ["identity", "holds", "error", "/", "rounding"]
    assert lines[1].split()[-2:] == ["NO", "inf"]
    assert lines[2].strip().startswith("large logits, z = (1000, 999, 998):")
    assert all(len(line) < 200 for line in lines)
