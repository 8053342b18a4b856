"""What check says: of right code nothing, of wrong code the identity, the size of the error and the smallest logits."""

import itertools
import time

import numpy as np
import pytest

import tinyattr as ta
from tinyattr import check
from tinyattr.softmax import (
    cross_entropy,
    cross_entropy_gradient,
    jacobian_product,
    log_softmax,
    logsumexp,
    softmax,
    softmax_jacobian,
)
from tinyattr.testing import cases, report
from tinyattr.testing.right import gaps, loss_of_gaps, loss_with_everything, maximum_off, total, weights


def no_max(z):
    w = np.exp(z)
    return w / w.sum(-1, keepdims=True)


def lines(findings):
    return str(findings).splitlines()


def test_our_own_pass():
    for findings in (check.softmax_identities(softmax, softmax_jacobian, lambda z, v: jacobian_product(softmax(z), v)),
                     check.log_softmax_identities(log_softmax), check.logsumexp_identities(logsumexp, softmax),
                     check.cross_entropy_identities(cross_entropy, lambda z, t: cross_entropy_gradient(softmax(z), t)), check.score_identities()):
        assert findings.holds, str(findings)
        assert findings.broken == []


def test_scipys_pass():
    special = pytest.importorskip("scipy.special", reason="scipy is not installed: its softmax cannot be held to the identities")
    for findings in (check.softmax_identities(special.softmax), check.logsumexp_identities(special.logsumexp, special.softmax)):
        assert findings.holds, str(findings)
        assert not any("axis" in what for what in findings.not_tried)


def test_scipys_log_softmax_loses_its_digits_at_the_top():
    """It is right in absolute terms, and passes if no more is asked for."""
    special = pytest.importorskip("scipy.special", reason="scipy is not installed")
    assert check.log_softmax_identities(special.log_softmax, digits=False).holds
    assert check.log_softmax_identities(special.log_softmax).broken in ([], ["log y_c keeps its digits where y_c rounds to 1"])


def test_a_default_call_is_quick():
    check.softmax_identities(maximum_off)
    started = time.process_time()
    check.softmax_identities(maximum_off)
    assert time.process_time() - started < 3


def test_float32_code_is_held_to_float32():
    assert check.softmax_identities(lambda z: maximum_off(z.astype(np.float32))).holds
    assert not check.softmax_identities(lambda z: maximum_off(z.astype(np.float32)).astype(np.float64)).holds
    loss = check.cross_entropy_identities(lambda z, t: loss_of_gaps(z.astype(np.float32), t).astype(np.float32))
    assert loss.holds, str(loss)  # JAX's, say: the logits are rounded to float32 on the way


def test_a_missing_maximum_is_told_by_the_smallest_logits():
    found = lines(check.softmax_identities(no_max))
    assert found[0].split() == ["identity", "holds", "error", "/", "rounding"]
    k = next(k for k, line in enumerate(found) if line.startswith("adding t to every logit"))
    assert found[k].split()[-2:] == ["NO", "inf"]
    assert found[k + 1] == "    z = (0): with 1024 added to every logit, y_0 is nan, not 1"
    assert all(len(line) < 220 for line in found)


@pytest.mark.parametrize(("f", "example"), [
    (lambda z: maximum_off(z) * (1 - 0.5 * (z.shape[-1] == 517)), "z = 0, 517 times: y_0 is 0.000967118, not 0.00193424"),
    (lambda z: np.maximum(maximum_off(z), 1e-7), "z = (20, 0): y_1 is 1e-07, not 2.06115e-09"),
    (lambda z: maximum_off(z) * (1 if z.dtype == np.float64 else 2), "z = (0) in float32: y_0 is 2, not 1"),
])
def test_counter_examples_are_shrunk(f, example):
    findings = check.softmax_identities(f, batches=False)
    assert next(found.example for found in findings.findings if found.identity.startswith("y_c =")) == example


@pytest.mark.parametrize("f", [
    lambda z: np.append(maximum_off(z), 0), lambda z: maximum_off(z)[None], lambda z: 1.0, lambda z: z == z.max(), lambda z: maximum_off(z) + 0j,
    lambda z: None, lambda z: ["a"] * len(z), lambda z: nothing_of_that_name(z),  # noqa: F821
])
def test_answers_of_another_shape_or_kind_are_the_finding(f):
    findings = check.softmax_identities(f)
    assert findings.broken == ["y has the right shape"]
    assert "expected real numbers, (1,)" in str(findings) or "it raised NameError" in str(findings)
    assert check.softmax_identities(softmax, lambda z: softmax_jacobian(z)[:-1]).broken == ["J has the right shape"]


def test_what_is_refused_is_said():
    """A function for single vectors; one that takes no masks; one for batches only."""
    def single(z):
        assert z.ndim == 1, "one vector, please"
        return maximum_off(z)

    findings = check.softmax_identities(single)
    assert findings.holds
    assert "not tried: batches: it raised AssertionError: one vector, please" in str(findings)
    assert any("masks of -inf: it raised InputError: logits must be finite" in what for what in check.softmax_identities(softmax).not_tried)

    def batches_only(z):
        w = np.exp(z - z.max(1)[:, None])
        return w / w.sum(1)[:, None]

    findings = check.softmax_identities(batches_only)
    assert findings.holds, str(findings)
    assert any(what.startswith("one vector (n,) by itself: it raised AxisError") for what in findings.not_tried)


def test_a_loop_over_the_logits_passes():
    """In one pass, for single vectors: it takes no batches, and of (0, 3) it would make (0,), which nobody asks for."""
    def one_pass(z):
        m, total = -np.inf, 0.0
        for v in z:
            new = max(m, v)
            total = total * np.exp(m - new) + np.exp(v - new) if new > -np.inf else 0.0
            m = new
        return np.array([np.exp(v - m) / total for v in z])

    findings = check.softmax_identities(one_pass)
    assert findings.holds, str(findings)


def test_batches_can_be_left_out_or_insisted_on():
    def flat(z):
        w = np.exp(z - z.max())
        return w / w.sum()

    assert check.softmax_identities(flat, batches=False).holds
    findings = check.softmax_identities(flat)
    assert "each row of a batch is answered by itself" in findings.broken
    assert "row 0 of a batch of shape (2, 1) is (0), and its y_0 is 0, not 1; if the function is meant for one" in str(findings)
    assert "it raised" in str(check.softmax_identities(lambda z: maximum_off(z.reshape(len(z))), batches=True))


def test_a_batch_that_is_refused_unless_it_is_square_is_no_refusal():
    def no_axis_kept(z):
        w = np.exp(z - z.max(-1))
        return w / w.sum(-1)

    assert check.softmax_identities(no_axis_kept).broken == ["each row of a batch is answered by itself"]


def test_a_function_for_batches_only_is_given_one_row_at_a_time():
    findings = check.softmax_identities(lambda z: softmax(z + 0 * z.shape[1]), lambda z: softmax_jacobian(z[:, :]))
    assert findings.holds, str(findings)
    assert "one vector (n,) by itself: it raised IndexError: tuple index out of range" in findings.not_tried


def test_losses_are_asked_with_masks():
    """A loss that refuses them is not; one that takes them must answer right, in every form of targets."""
    refuses = check.cross_entropy_identities(cross_entropy)
    assert any(what.startswith("masks of -inf: it raised InputError: logits must be finite") for what in refuses.not_tried)
    takes = str(check.cross_entropy_identities(loss_with_everything))
    for form in ("a class", "a class, label smoothing 0.125 shared by all", "a class, class weights", "a class, -100 ignored"):
        assert any(line.startswith(f"masks of -inf, targets: {form}  ") and " yes " in line for line in takes.splitlines()), takes

    def textbook(z, t):
        log_y = gaps(z) - np.log(total(weights(z)))
        return -(np.eye(z.shape[-1])[t] * log_y).sum(-1) if t.dtype.kind in "iu" else -(t * log_y).sum(-1)

    told = str(check.cross_entropy_identities(textbook))
    assert "z = (0, 0): with a class without probability at -inf, logits (0, -inf), target 0: L is nan, not 0;" in told
    assert "not tried: masks of -inf: you said so" in str(check.cross_entropy_identities(loss_of_gaps, masks=False))


@pytest.mark.parametrize("size", [300, 2048])
def test_a_fault_at_one_size_only_is_found(size):
    def second_row(z):
        y = maximum_off(z)
        return y if z.shape[-1] != size or z.ndim < 2 else y * [[1]] * np.where(np.arange(len(z)) == 1, 0.5, 1)[:, None]

    findings = check.softmax_identities(second_row, seconds=1e6)
    assert findings.broken == ["the formula at every size up to 1,025"]
    assert f"z = 0, {size:,} times in float32: row 1 of a batch" in str(findings)
    assert {len(z) for z in (cases.VALUES | cases.EVERY).values()} >= set(range(1, 1026))


def test_when_time_is_over_the_table_says_what_is_left_out(monkeypatch):
    """By a clock that goes on by a second whenever one looks: of each identity at least one vector is tried."""
    monkeypatch.setattr(report, "perf_counter", itertools.count().__next__)
    tried = set()

    def wrong_at_1000(z):
        tried.add(z.shape[-1])
        return maximum_off(z) * (1 - 0.5 * (z.shape[-1] == 1000))

    with pytest.warns(UserWarning, match="40 seconds were too short for 1[0-9] of [12][0-9] identities: seconds= gives more"):
        findings = check.softmax_identities(wrong_at_1000, seconds=40)
    assert findings.holds and max(tried - {1024}) < 1000
    assert any(what.startswith("y_c = e^(z_c) / sum e^(z_i)  (1): ") and what.endswith("(time: seconds=40 is too short)")
               for what in findings.not_tried), findings
    with pytest.warns(UserWarning, match="0 seconds were too short"):
        assert not check.softmax_identities(no_max, seconds=0).holds
    with pytest.raises(ta.InputError, match="seconds must be a number from 0"):
        check.softmax_identities(maximum_off, seconds=-1)


def test_the_second_argument_is_left_unchanged_too():
    def product(z, v):
        y = softmax(z)
        v -= (y * v).sum(-1, keepdims=True)
        return y * v

    def loss(z, t):
        L = cross_entropy(z, np.eye(z.shape[-1])[t])
        if t.ndim:
            t[...] = 0
        return L

    for findings in (check.softmax_identities(softmax, None, product), check.cross_entropy_identities(loss)):
        assert "it overwrites its second argument" in str(findings)


def test_an_ignored_row_does_not_count_in_a_mean():
    """Class weights may count in it or not: both are in use, and the table says which."""
    def loss(z, t, weight=None, ignore_index=-100, weighted=True, counted=True):
        z, t = np.atleast_2d(z), np.atleast_1d(t)
        kept = t != ignore_index
        w = kept * (1.0 if weight is None else weight[np.where(kept, t, 0)])
        L = cross_entropy(z, np.eye(z.shape[-1])[np.where(kept, t, 0)])
        return (w * L).sum() / (w.sum() if weight is None or weighted else len(t) if counted else 1)

    for weighted, words in ((True, "the mean of the rows', by their weights"), (False, "the mean of the rows'")):
        findings = check.cross_entropy_identities(lambda z, t, weight=None, ignore_index=-100, weighted=weighted: loss(
            z, t, weight, ignore_index, weighted))
        assert findings.holds, str(findings)
        assert f"targets: a class, class weights; the loss of a batch is {words}  " in str(findings)

    def counts_all(z, t, ignore_index=-100):
        return loss(z, t, None, ignore_index) * (np.atleast_1d(t) != ignore_index).mean()

    assert len(check.cross_entropy_identities(counts_all).broken) == 2


@pytest.mark.parametrize("axis", [0, 1])
def test_the_axis_that_is_named(axis):
    def f(z):
        return maximum_off(z) if z.ndim < 2 else np.moveaxis(maximum_off(np.moveaxis(z, axis, -1)), -1, axis)

    assert check.softmax_identities(f, axis=axis).holds
    assert not check.softmax_identities(f, axis=1 - axis).holds


def test_functions_of_n_squared_memory_are_spared_the_largest_size():
    findings = check.softmax_identities(lambda z: 1 / np.exp(z - z[:, None]).sum(1), batches=False, masks=False)
    assert findings.holds, str(findings)
    assert any(what.startswith("50,257 classes") for what in findings.not_tried)


def test_losses_say_what_they_make_of_a_batch():
    def loss(z, t, reduce):
        log_y = z - z.max(-1, keepdims=True)
        log_y = log_y - np.log(np.exp(log_y).sum(-1, keepdims=True))
        return reduce(-np.take_along_axis(log_y, np.asarray(t)[..., None], -1)[..., 0])

    for reduce, words in ((np.mean, "the mean of the rows'"), (np.sum, "the sum of the rows'"), (lambda L: L, "a number for each row")):
        findings = check.cross_entropy_identities(lambda z, t, reduce=reduce: loss(z, t, reduce))
        assert findings.holds, str(findings)
        assert f"the loss of a batch is {words}" in str(findings)
    with pytest.raises(ta.InputError, match="neither classes nor probabilities"):
        check.cross_entropy_identities(lambda z, t: None)


def test_the_gradient_of_a_mean_is_divided_by_its_rows():
    def loss(z, t):
        return cross_entropy(z, t).mean()

    def gradient(z, t):
        return cross_entropy_gradient(softmax(z), t) / (len(z) if z.ndim > 1 else 1)

    assert check.cross_entropy_identities(loss, gradient).holds
    assert not check.cross_entropy_identities(loss, lambda z, t: cross_entropy_gradient(softmax(z), t)).holds


def test_scores_of_others():
    """Named otherwise, written otherwise: held to the same; and their faults found."""
    from tinyattr.scores import SCORES, one_hot

    textbook = {"z_c": SCORES["pre"], "mine": lambda z, c: (z[c] - logsumexp(z), one_hot(z, c) - softmax(z), 0.0)}
    assert check.score_identities(textbook).holds, str(check.score_identities(textbook))
    wrong = {"half": lambda z, c: (z[c] - logsumexp(z) / 2, one_hot(z, c) - softmax(z), 0.0)}
    assert check.score_identities(wrong).broken == ["half: the row sums to kappa", "half: the row is dS/dz",
                                                    "half: a shift t changes S by kappa t, the row not at all"]
    assert len(check.score_identities().findings) == 4 * len(ta.SCORES) + 1


def test_findings_as_numbers():
    numbers = check.softmax_identities(no_max).numbers
    assert numbers["holds"] is False
    worst = {line["identity"]: line["error_over_rounding"] for line in numbers["identities"]}
    assert worst["adding t to every logit changes nothing  (8)"] is None
    assert worst["the argument is left unchanged"] == 0
