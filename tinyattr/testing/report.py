"""What is asked of every function, in order; findings are gathered, and what the function does not take."""

from dataclasses import replace
from functools import partial

import numpy as np

from tinyattr.testing import cases, identities
from tinyattr.testing.examine import FLOATS, finding
from tinyattr.testing.findings import Findings
from tinyattr.testing.subject import Subject, half_types, parameters_of, reason

SINGLE = "; if the function is meant for one vector at a time, say batches=False (--single)"


class Report:
    """Findings as they are made, and what was not tried."""

    def __init__(self):
        self.found, self.not_tried, self.fit = [], [], True

    @property
    def findings(self):
        """The Findings so far."""
        return Findings(tuple(self.found), tuple(self.not_tried))

    def add(self, name, identity, vectors, types=FLOATS, hint=""):
        """One more identity, z -> comparisons, on {kind: z}. The hint says what else to do if it does not hold."""
        found = finding(name, identity, vectors, types)
        self.found.append(found if found.holds else replace(found, example=found.example + hint))

    def answers(self, s):
        """Whether a function answers with real numbers in the right shape; if not, that is all that is said."""
        self.add(f"{s.kind.letter} has the right shape", partial(identities.shape, s), {"": cases.ORDINARY})
        self.fit = self.found[-1].holds
        if not self.fit:
            self.found = self.found[-1:]
        return self.fit

    def able(self, what, wanted, why_not):
        """Whether to try something. `wanted` decides: True, False or a reason not to; None leaves it to why_not."""
        reason = {None: why_not, True: None, False: "you said so"}.get(wanted, wanted)
        if reason is not None:
            self.not_tried.append(f"{what}: {reason}")
        return reason is None


def subject(report, f, kind, axis=None, what="one vector (n,) by itself"):
    """The Subject of a function; one that takes batches only is given batches of one row."""
    name = next((name for name in ("axis", "dim") if axis is None and name in parameters_of(f)), None)
    s = Subject(f, kind, name, -1 if axis is None else axis)
    why = s.why_not(cases.ORDINARY)
    if why is not None:
        s.wraps = True
        s.wraps = s.why_not(cases.ORDINARY) is None
        if s.wraps:
            report.not_tried.append(f"{what}: {why}")
    return s


def of_function(report, s, batches=None, masks=None):
    """All that holds of every function of logits."""
    def add(name, identity, vectors, types=FLOATS, **keywords):
        report.add(name, partial(identity, s, **keywords), vectors, types)

    if not report.answers(s):
        return
    heavy = "the function takes memory for n x n numbers" if s.memory(1024) > 512 * 1024 * 8 else None
    tried = cases.VALUES if report.able("50,257 classes", None, heavy) else cases.MODERATE
    add(s.kind.identity, identities.value, tried)
    if s.kind.total is not None:
        add("probabilities are in [0, 1] and sum to 1", identities.sums, cases.USUAL)
    moves = "adds t" if s.kind.kappa else "changes nothing  (8)"
    add(f"adding t to every logit {moves}", identities.shift, cases.SHIFTED)
    if s.kind.ordered:
        add("a larger logit never has less, equal ones the same", identities.order, cases.USUAL)
    answer = "reorders the answer" if s.kind.rank else "changes nothing"
    add(f"reordering classes {answer}", identities.reordering, cases.PLAIN)
    if report.able("masks of -inf", masks, s.why_not(np.array([0.0, -np.inf, 1.0]))):
        add("a masked logit (-inf) is as if it were not there", identities.masked, cases.MASKED)
    takes_batches = report.able("batches", batches, s.why_not(cases.ROWS) and s.why_not(cases.SQUARE))
    if takes_batches:
        why = "the function takes batches (N, n) only" if s.wraps else s.why_not(cases.ROWS[None])
        axes = 3 if report.able("batches of three axes", None, why) else 2
        rows = partial(identities.rows, s, axes=axes)
        report.add("each row of a batch is answered by itself", rows, cases.BATCHED, hint=SINGLE)
        spoilt = (rows for _, rows, _ in cases.spoilt(cases.ORDINARY))
        if report.able("rows of NaN or infinity", None, s.why_not(*spoilt)):
            add("a row of NaN or infinity leaves the others alone", identities.spoilt, cases.SHIFTED)
    if report.able("an axis", None, None if s.axis else "the function has no parameter axis or dim"):
        add(f"{s.axis}=k works along axis k", identities.axes, cases.SHIFTED)
    refused = [f"{name} arrays" for name, array in cases.layouts(cases.ORDINARY) if not s.takes(array)
               and s.why_not(np.array(array)) is None]
    if refused:
        report.not_tried.append(f"{', '.join(refused)}: the function refuses them")
    add("strides and order in memory change nothing", identities.layout, cases.SHIFTED)
    if report.able("whole numbers", None, s.why_not(np.array([1, 2]))):
        add("whole numbers are logits like others", identities.whole, cases.WHOLE, [np.float64])
    for dtype in half_types():
        if report.able(np.dtype(dtype).name, None, s.why_not(cases.ORDINARY.astype(dtype))):
            add(f"the formula in {np.dtype(dtype).name}", identities.value, cases.SHORT, [dtype])
    nothing = {"no logits, (0,)": (0,), **({"no rows, (0, 3)": (0, 3)} if takes_batches else {})}
    for what, none in nothing.items():
        if report.able(what, None, reason(s.raw, np.zeros(none))):
            add(f"{what}, have an answer of their own shape", identities.empty, {"": cases.ORDINARY}, shape=none)
    if report.able("a single number ()", None, s.why_not(np.array(2.0))):
        add("a single number () is one class", identities.single, {"": cases.ORDINARY})
    unchanged(report, s)


def of_derivative(report, s, vectors, others=(), batches=None):
    """What holds of a Jacobian, gradient or product, too: the formula, identities of its own, rows, memory."""
    if not report.answers(s):
        return
    report.add(s.kind.identity, partial(identities.value, s), vectors)
    for name, identity, tried in others:
        report.add(name, partial(identity, s), tried)
    a = s.kind.letter
    if report.able(f"batches of {a}", batches, s.why_not(cases.ROWS)):
        rows = partial(identities.rows, s)
        report.add(f"each row of a batch is answered by itself, {a}", rows, cases.SHIFTED, hint=SINGLE)
    unchanged(report, s, f", {a}")


def unchanged(report, s, of=""):
    """A function changes nothing but its answer, and its answer is not changed by it."""
    report.add(f"the argument is left unchanged{of}", partial(identities.argument, s), cases.SHIFTED)
    report.add(f"the same answer twice, in memory of its own{of}", partial(identities.memory, s), cases.SHIFTED)
