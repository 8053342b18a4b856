"""Try all identities of a function one after the other. Collect the findings, and what the function does not accept."""

import warnings
from dataclasses import replace
from functools import partial
from time import perf_counter

import numpy as np

from tinyattr.errors import number_of
from tinyattr.testing import cases, identities
from tinyattr.testing.examine import FLOATS, finding
from tinyattr.testing.findings import Findings
from tinyattr.testing.subject import Subject, half_types, parameters_of, reason

SECONDS = 60.0  # about a hundred times longer than a NumPy function needs
SINGLE = "; if the function is meant for one vector at a time, say batches=False (--single)"


class Report:
    """A Report collects findings, and what was not tried. After `seconds` it tries one vector for each identity."""

    def __init__(self, seconds=SECONDS):
        self.found, self.not_tried, self.late, self.fit = [], [], [], True
        self.seconds = number_of(seconds, "seconds", 0, 1e9)
        self.stop = perf_counter() + self.seconds

    @property
    def findings(self):
        """Return the Findings so far. If the time was too short, warn, because users may look only at `holds`."""
        if self.late:
            warnings.warn(f"{self.seconds:g} seconds were too short for {len(self.late)} of {len(self.found)} "
                          "identities: seconds= gives more", stacklevel=3)
        return Findings(tuple(self.found), (*self.not_tried, *self.late))

    def in_time(self, name, vectors):
        """Yield the vectors of {kind: z}: always the first, then others for up to a quarter of the remaining time."""
        now = perf_counter()
        until = now + (self.stop - now) / 4
        for k, (kind, z) in enumerate(vectors.items()):
            if k and perf_counter() >= until:
                self.late.append(f"{name}: {len(vectors) - k:,} of {len(vectors):,} vectors, from {kind!r} on "
                                 f"(time: seconds={self.seconds:g} is too short)")
                return
            yield z

    def add(self, name, identity, vectors, types=FLOATS, hint=""):
        """Try an identity, z -> comparisons, on the vectors {kind: z}. Return whether it holds.

        hint: a text that the user reads if it does not hold.
        """
        found = finding(name, identity, self.in_time(name, vectors), types)
        self.found.append(found if found.holds else replace(found, example=found.example + hint))
        return found.holds

    def answers(self, s):
        """Return True if the function returns real numbers of the right shape. If not, this is the only finding."""
        self.fit = self.add(f"{s.kind.letter} has the right shape", partial(identities.shape, s), {"": cases.ORDINARY})
        if not self.fit:
            self.found = self.found[-1:]
        return self.fit

    def able(self, what, wanted, why_not):
        """Return whether to try something. `wanted` is True, False or a reason against it; None means: use why_not."""
        reason = {None: why_not, True: None, False: "you said so"}.get(wanted, wanted)
        if reason is not None:
            self.not_tried.append(f"{what}: {reason}")
        return reason is None


def subject(report, f, kind, axis=None, what="one vector (n,) by itself"):
    """Return the Subject of a function. If it takes only batches, it gets batches of one row."""
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
    """Try all identities of a function of logits. Return whether it takes masks."""
    def add(name, identity, vectors, types=FLOATS, **keywords):
        report.add(name, partial(identity, s, **keywords), vectors, types)

    if not report.answers(s):
        return False
    large = formula(report, s)
    if s.kind.total is not None:
        add("probabilities are in [0, 1] and sum to 1", identities.sums, cases.USUAL)
    moves = "adds t" if s.kind.kappa else "changes nothing  (8)"
    add(f"adding t to every logit {moves}", identities.shift, cases.SHIFTED)
    if s.kind.ordered:
        add("a larger logit never has less, equal ones the same", identities.order, cases.USUAL)
    answer = "reorders the answer" if s.kind.rank else "changes nothing"
    add(f"reordering classes {answer}", identities.reordering, cases.PLAIN)
    takes_masks = report.able("masks of -inf", masks, s.why_not(cases.ONE_MASK))
    if takes_masks:
        add("a masked logit (-inf) is as if it were not there", identities.masked, cases.MASKED)
    if report.able("NaN", None, s.why_not(np.array([0.0, np.nan, 1.0]))):
        add("NaN among the logits is not passed over", identities.undefined, cases.MASKED_RIVALS)
    takes_batches, in_pairs = report.able("batches", batches, s.why_not(cases.ROWS) and s.why_not(cases.SQUARE)), False
    if takes_batches:
        why = "the function takes batches (N, n) only" if s.wraps else s.why_not(cases.ROWS[None])
        axes = 3 if report.able("batches of three axes", None, why) else 2
        rows = partial(identities.rows, s, axes=axes)
        in_pairs = report.add("each row of a batch is answered by itself", rows, cases.BATCHED, hint=SINGLE)
        spoilt = (rows for _, rows, _ in cases.spoilt(cases.ORDINARY))
        if report.able("rows of NaN or infinity", None, s.why_not(*spoilt)):
            add("a row of NaN or infinity leaves the others alone", identities.spoilt, cases.SHIFTED)
    every_size(report, s, large, in_pairs)
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
    return takes_masks


def formula(report, s, of=""):
    """Try the formula. Return True if it holds and the function can take large vectors."""
    heavy = "the function takes memory for n x n numbers" if s.kind.rank < 2 and s.memory(1024) > 4 * 1024**2 else None
    large = s.kind.rank < 2 and report.able(f"50,257 classes, and every size up to 1,025{of}", None, heavy)
    vectors = cases.VALUES if large else cases.MODERATE if s.kind.rank < 2 else cases.SQUARES
    return report.add(s.kind.identity, partial(identities.value, s), vectors) and large


def every_size(report, s, large, in_pairs, of=""):
    """Try the formula at every size up to 1,025, in two rows if possible: some faults occur at a single size."""
    if large:
        identity = partial(identities.pair if in_pairs else identities.value, s)
        report.add(f"the formula at every size up to 1,025{of}", identity, cases.EVERY, [np.float32])


def of_derivative(report, s, others=(), batches=None, masks=False):
    """Try identities of a Jacobian, gradient or product: the formula, identities of its own, masks, rows, memory.

    masks: True to try masks, False or a reason to leave them out. Return whether we tried masks.
    """
    if not report.answers(s):
        return False
    a = s.kind.letter
    large, in_pairs = formula(report, s, f", {a}"), False
    for name, identity, tried in others:
        report.add(name, partial(identity, s), tried)
    takes_masks = bool(masks) and report.able(f"masks of -inf, {a}", None if masks is True else masks,
                                              s.why_not(cases.ONE_MASK))
    if takes_masks:
        masked = partial(identities.masked, s)
        report.add(f"a masked logit (-inf) is as if it were not there, {a}", masked, cases.MASKED)
    if report.able(f"batches of {a}", batches, s.why_not(cases.ROWS)):
        rows = partial(identities.rows, s)
        in_pairs = report.add(f"each row of a batch is answered by itself, {a}", rows, cases.SHIFTED, hint=SINGLE)
    every_size(report, s, large, in_pairs, f", {a}")
    unchanged(report, s, f", {a}")
    return takes_masks


def unchanged(report, s, of=""):
    """Test that a function does not change its argument, and that later calls do not change its result."""
    report.add(f"the argument is left unchanged{of}", partial(identities.argument, s), cases.SHIFTED)
    report.add(f"the same answer twice, in memory of its own{of}", partial(identities.memory, s), cases.SHIFTED)
