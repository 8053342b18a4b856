"""
17. Write your own property
===========================

**Question:** How can you test a function whose right answers nobody knows? And how do you know that your test can fail?

:Time: 100 min (30 read, 60 solve, 10 discuss)
:CPU: 22 s
:Needs: lessons 7 and 11; hypothesis (extra "lessons")
:After this you can: turn an example into a property; judge a property by the faults that it finds; derive a test's tolerance from rounding errors; read a counter-example that a program has made simpler; test what a heatmap promises, on randomly drawn networks
:Figures: 17_mutants.png, 17_rounding.png
:Words: explained in the `glossary <../glossary.html>`_

A test by example needs an input whose right answer you know. A **property** needs no such input. It is a sentence that
should be true for every input. A program looks for an input that makes the sentence false. You will write such
sentences about softmax, scores and walks. You will also test the sentences themselves, on code that is wrong on
purpose.
"""

# %%
# Predict first
# -------------
#
# Somebody gives you a function f and says that it is a softmax. You can run f, but not read it. Write down:
#
# - three things that you would check;
# - for a right softmax in float64 and t = 10^9: how much may ``softmax(z + t)`` differ from ``softmax(z)``? Not at all,
#   by 1e-16, or by 1e-7?
# - with one class, every f whose output sums to 1 is right. What is the smallest number of classes for which such an
#   f can be wrong?
#
# The next cell contains a property, written as in a test file. The library hypothesis draws eighty vectors z of six
# kinds (see ``tinyattr/testing/strategies.py``) and runs the test on each. ``QUIET`` contains the settings of
# hypothesis: 80 draws, the same for everybody.

from dataclasses import replace

import numpy as np
from hypothesis import find, given
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr import check, strategies
from tinyattr.course import holds, passes, predicts, same, show, spoiled, unaided
from tinyattr.course.properties import QUIET, drawn
from tinyattr.engine import rules
from tinyattr.softmax import log_softmax, softmax
from tinyattr.studies.draw import LINES
from tinyattr.testing import museum

EPS = np.finfo(float).eps  # 2.2e-16


@QUIET
@given(strategies.logits())
def test_probabilities_sum_to_one(z):
    assert abs(softmax(z).sum() - 1) <= EPS * len(z)


test_probabilities_sum_to_one()
print("no counter-example in 80 draws")

# %%
# Right code and mutants
# ----------------------
#
# A property that no wrong code can break is worthless. So we need wrong code. Here are ten softmaxes with a fault,
# called **mutants**. Most of them are mistakes that somebody once made in real code. There are also three right
# softmaxes. A property must be true for these three.
#
# ``broken_by`` asks hypothesis for a draw for which a claim is false. When hypothesis has found such a draw, it
# *shrinks* the draw: it tries fewer classes and rounder numbers, as long as the claim stays false. So the result is not
# the draw that was found first, but the simplest draw that hypothesis could make from it. Most of what is left in
# this draw is needed for the failure.
#
# ``sum_is_1`` allows an error of ``EPS (n + 4)`` for n classes. It adds up n numbers twice: once in f, and once in the
# property. These are about 2n roundings of at most EPS/2 each, together ``n EPS``. The other 4 EPS are for the
# roundings of the differences, of exp and of the division. (Exercise 17.1 has the same tolerance: it calls f twice.)


def share(w):
    return w / w.sum()


RIGHT = {
    "largest off first": softmax,
    "by its logarithm": lambda z: np.exp(log_softmax(z)),
    "one at a time": lambda z: 1 / np.exp(z - z[:, None]).sum(1),
}
MUTANTS = {
    "no maximum taken off": lambda z: share(np.exp(z)),
    "largest |z| taken off": lambda z: share(np.exp(z - np.abs(z).max())),
    "1e-7 added below": lambda z: np.exp(z - z.max()) / (np.exp(z - z.max()).sum() + 1e-7),
    "logits in float32": lambda z: softmax(z.astype(np.float32)),
    "logits cut at 50": lambda z: softmax(np.clip(z, -50, 50)),
    "shares of sigmoids": lambda z: share(1 / (1 + np.exp(-z))),
    "sorted on the way": lambda z: softmax(np.sort(z)),
    "base 2": lambda z: share(np.exp2(z - z.max())),
    "small ones dropped": lambda z: share(np.where(z > z.max() - 20, np.exp(z - z.max()), 0)),
    "all alike": lambda z: np.full(len(z), 1 / len(z)),
}


def broken_by(claim, draws):
    """Return the simplest draw that hypothesis finds for which claim(draw) is false, or None if it finds none."""
    try:
        with np.errstate(all="ignore"):  # mutants overflow
            return find(draws, lambda drawn: not passes(claim, drawn), settings=QUIET)  # claim is False, or its assert fails
    except NoSuchExample:
        return None


LOGITS = st.builds(np.add, strategies.logits(), st.sampled_from((0.0, -2000.0, 2000.0)))  # far from zero, too


def sum_is_1(f, z, t=0.0):
    return abs(f(z).sum() - 1) <= EPS * (len(z) + 4)


found = {fault: broken_by(lambda z, f=MUTANTS[fault]: sum_is_1(f, z), LOGITS)
         for fault in ("no maximum taken off", "largest |z| taken off", "1e-7 added below", "base 2")}
for fault, z in found.items():
    print(f"{fault:<22} does not sum to 1 at z = {z}")
holds("1e-7 added below: two classes are enough to show it", len(found["1e-7 added below"]) == 2)
holds("base 2: the sum is 1 everywhere", found["base 2"] is None)

# %%
# Exercise 17.1 (predict): which mutants survive?
# -----------------------------------------------
#
# Here are four properties that many people would name first. We try each with 200 wide draws of z and t (numbers up to
# 1024). We also try each with 200 tame draws (up to 1, as in most tests written by hand). In each draw, all numbers are
# multiples of one power of 2 and need at most 41 binary digits. ``z + t`` needs at most 42, and a float64 has 53. So
# ``z + t`` is computed without rounding, and ``f(z + t)`` may differ from ``f(z)`` only by the roundings inside f. A
# mutant is *killed* if one draw makes one property false. If f(z) contains NaN, all four are false.
#
# Which mutants survive all four properties, even with wide draws? Write down their names, ``alive = {...}``, before you
# run anything.


def blind_to_shifts(f, z, t):
    return np.abs(f(z + t) - f(z)).max() <= EPS * (len(z) + 4)


def order_kept(f, z, t):
    y = f(z)
    return (y[:, None] >= y)[z[:, None] > z].all()  # where z_i > z_j, never y_i < y_j


def top_class_kept(f, z, t):
    y = f(z)
    return y[z.argmax()] == y.max()


PROPERTIES = (sum_is_1, blind_to_shifts, order_kept, top_class_kept)


def on_a_grid(rng):
    """Draw logits z (n,) and a shift t: multiples of 2^-40 from -1 to 1, n from 2 to 8."""
    steps = rng.integers(-2**40, 2**40, rng.integers(3, 10))
    return steps[1:] / 2**40, steps[0] / 2**40


TAME, OTHERS = ([on_a_grid(rng) for _ in range(200)] for rng in map(np.random.default_rng, (0, 1)))
WIDE, OTHERS = ([(1024 * z, 1024 * t) for z, t in draws] for draws in (TAME, OTHERS))


def kills(claim, f, draws):
    with np.errstate(all="ignore"):
        return not all(claim(f, z, t) for z, t in draws)


def lives(fault, draws):
    return not any(kills(claim, MUTANTS[fault], draws) for claim in PROPERTIES)


### BEGIN SOLUTION
alive = {"base 2", "small ones dropped", "all alike"}
### END SOLUTION

predicts("17.1 by 200 wide draws", alive, {fault: lives(fault, WIDE) for fault in MUTANTS})
predicts("17.1 by 200 others", alive, {fault: lives(fault, OTHERS) for fault in MUTANTS})

# %%
# Here is the whole table: every property on every mutant, and on the right softmaxes.

faults, verdicts = [*MUTANTS, *RIGHT], ("lives", "wide draws only", "killed")
table = np.array([[int(kills(claim, f, TAME)) + int(kills(claim, f, WIDE)) for claim in PROPERTIES]
                  for f in [*MUTANTS.values(), *RIGHT.values()]])  # (13, 4)

figure = Figure(figsize=(7.2, 4.9), layout="constrained")
ax = figure.subplots()
ax.imshow(table, cmap=ListedColormap(["#eeeeee", LINES[1], LINES[0]]), vmin=0, vmax=2, aspect="auto")
for i, j in np.ndindex(table.shape):
    ax.text(j, i, verdicts[table[i, j]], ha="center", va="center", fontsize=9,
            color="white" if table[i, j] == 2 else "black")
ax.axhline(len(MUTANTS) - 0.5, color="black", lw=2)
ax.set_xticks(range(4), [claim.__name__.replace("_", " ") for claim in PROPERTIES])
ax.set_yticks(range(len(faults)), [*MUTANTS, *(f"right: {name}" for name in RIGHT)])
ax.tick_params(length=0, labelsize=9)
ax.xaxis.tick_top()
ax.set_title("Four properties, ten faulty softmaxes and three right ones", fontsize=10)
show(figure, "17_mutants.png")
holds("no property is false for a right softmax", not table[len(MUTANTS):].any())
holds("tame draws find no overflow", (table[:2] == 1).all())
holds("three mutants survive: their rows are grey", (table[:len(MUTANTS)].sum(1) == 0).sum() == 3)

# %%
# This table contains two warnings. Orange cells are a warning about draws: the property can find the fault, but tame
# draws do not show it. The grey rows above the black line are a warning about properties. Even wide draws cannot kill
# these mutants, because the four sentences together do not say what a softmax *is*.
#
# A tolerance is a claim, too
# ---------------------------
#
# So far ``z + t`` was exact. Now let t be any number. The next test looks careful, but it fails for a right softmax:

near, far = st.tuples(LOGITS, st.floats(-100, 100)), st.tuples(LOGITS, st.floats(1e9, 1e12))
NEAR, FAR, ZS = drawn(near), drawn(far), drawn(LOGITS)  # eighty draws each, for the exercises
alarm = broken_by(lambda d: np.abs(softmax(d[0] + d[1]) - softmax(d[0])).max() <= 1e-12, far)
print("|softmax(z + t) - softmax(z)| <= 1e-12 is false at z, t =", alarm)
holds("a tolerance that forgets rounding fails on right code", alarm is not None)

rng = np.random.default_rng(0)
sizes = 10.0 ** np.arange(13)
Z, U = rng.normal(0, 2, (200, 4)), rng.uniform(1, 2, (200, 1))
worst = np.array([np.abs(softmax(Z + size * U) - softmax(Z)).max() for size in sizes])  # t = size * u, u from 1 to 2
figure = Figure(figsize=(6, 3.6), layout="constrained")
ax = figure.subplots()
ax.loglog(sizes, worst, "o-", color=LINES[0], label="worst of 200 draws, four classes")
ax.axhline(1e-12, color=LINES[1], ls="--", label="a tolerance of 1e-12")
ax.axhline(EPS, color=LINES[4], ls=":", label="EPS")
ax.set(xlabel="size of the shift $t$", ylabel="largest $|y_c(z + t) - y_c(z)|$",
       title="A right softmax, shifted by t: the difference grows with t")
ax.legend(fontsize=9)
show(figure, "17_rounding.png")
same("if t is 10^8 times as large, so is the difference, nearly", np.log10(worst[12] / worst[4]), 8, within=0.1)

# %%
# Exercise 17.2 (prove): how much rounding allows
# -----------------------------------------------
#
# The computer rounds ``z_i + t`` to a nearby float, with an error of at most ``EPS / 2 · |z_i + t|``. The
# **conditioning** of softmax says how much such an error in the input changes the answer. Softmax depends only on the
# gaps ``z_i - z_j``. What is the largest error of a gap? If no gap has an error larger than D, by which factor can y_c
# change? Give the tolerance as a formula in z and t, and add ``EPS * (n + 4)`` for the roundings inside softmax, as
# above (n is the number of classes). If the tolerance is too narrow, the test fails for right code. If it is too wide,
# the test does not find a mutant.


def room(z, t):
    """Return the largest difference of f(z + t) and f(z) that rounding can cause if f is right."""
    ### BEGIN SOLUTION
    return EPS * np.abs(z + t).max() + EPS * (len(z) + 4)
    ### END SOLUTION


def blind_within_room(f, z, t):
    with np.errstate(over="ignore"):  # "one at a time" computes 1 / inf, and the result 0 is right
        return np.abs(f(z + t) - f(z)).max() <= room(z, t)


rng = np.random.default_rng(2)
high = [(np.append(rng.uniform(2047.5, 2048.5, 2), np.zeros(30)), rng.uniform(-1, 1)) for _ in range(500)]  # at 2048 floats change their spacing
equal = [(t + rng.uniform(-1, 1, 5), t) for t in rng.uniform(1e9, 1e12, 100)]
small = [(rng.uniform(-0.01, 0.01, 30), rng.uniform(-0.01, 0.01)) for _ in range(500)]
for name, f in RIGHT.items():
    for kind, draws in (("z near 2048", high), ("t up to 100", NEAR), ("t up to 10^12", FAR), ("z near t", equal), ("all near 0", small)):
        holds(f"17.2 no false alarm, {name}, {kind}", all(blind_within_room(f, *d) for d in draws))
holds("17.2 narrow enough to find the mutant: logits in float32", not all(blind_within_room(MUTANTS["logits in float32"], *d) for d in NEAR))
holds("17.2 not much wider than rounding", all(room(z, t) <= 4 * EPS * (np.abs(z + t).max() + len(z) + 4) for z, t in NEAR))

# %%
# Exercise 17.3 (prove): kill them all
# ------------------------------------
#
# Write one property that is true of every right softmax. For each of the ten mutants, the property must be false for at
# least one z. The property may have as many parts as you like. Do not compare with a softmax that you compute yourself.
# Say what must hold *between* the logits and the numbers in ``f(z)``. A hint: the mutant "base 2" has the right sum,
# shift and order. What is wrong?


@unaided()
def my_property(f, z):
    """True for every z (n,) if f is a softmax. If f is not a softmax: false (or a failed assert) for some z."""
    ### BEGIN SOLUTION
    y, tolerance = f(z), EPS * (len(z) + 4)
    ratios = np.abs(y - y.max() * np.exp(z - z.max())).max()  # y_i / y_j = e^{z_i - z_j}, j the top class
    return ratios <= tolerance and abs(y.sum() - 1) <= tolerance
    ### END SOLUTION


with np.errstate(all="ignore"):  # mutants overflow
    for name, f in RIGHT.items():
        false = next((z for z in ZS if not passes(my_property, f, z)), None)
        holds(f"17.3 true of the right softmax, {name}", false is None, f"allow for rounding, and for probabilities that are 0; look at z = {false}")
    for fault, f in MUTANTS.items():
        holds(f"17.3 kills: {fault}", not all(passes(my_property, f, z) for z in ZS))
print("1e-7 added below is killed at", broken_by(lambda z: my_property(MUTANTS["1e-7 added below"], z), LOGITS))

# %%
# ``tinyattr.testing.check`` contains a list of such properties for your own code. Instead of random draws, it uses
# fixed vectors that have broken somebody's softmax. Some vectors have only large logits, some have only very negative
# ones, and some have ties. In some, a few logits are masked, which means that they are minus infinity. They have up to
# 50,257 classes, and come in float64, in float32 and in batches. The check takes a second, and everybody gets the same
# failures. Our functions are for single vectors, so we say ``batches=False``. The right softmax "one at a time" cannot
# take masked logits, so we say ``masks=False`` for the right ones.

passed = [fault for fault, f in MUTANTS.items() if check.softmax_identities(f, batches=False).holds]
print("tinyattr.testing.check finds nothing wrong with:", passed)
holds("check lets none of the ten pass", passed == [])
for name, f in RIGHT.items():
    holds(f"check finds nothing wrong with: {name}", check.softmax_identities(f, batches=False, masks=False).holds)
print(check.softmax_identities(MUTANTS["base 2"], batches=False))

# %%
# A museum of faults
# ------------------
#
# How good is ``check``? We judge it as you judge a property: by the faults that it finds. ``tinyattr.testing.museum``
# contains more than sixty wrong implementations, many of them from public bug reports, and more than thirty right ones.
# An *identity* is an equation that is true for every right implementation and all logits. A test makes sure that each
# wrong implementation breaks exactly those identities that ``lessons/MUSEUM.md`` lists for it (one exception is named
# there).

for name in ("epsilon below", "last of 517 halved", "argument overwritten", "digits lost at the top"):
    exhibit = museum.WRONG[name]
    print(f"{name} ({exhibit.part}; {exhibit.report}): {exhibit.says}\n    breaks: {'; '.join(museum.asked(exhibit).broken)}")

# %%
# One wrong implementation in the museum is the solution of our own exercise 7.2, ``np.diag(y) - np.outer(y, y)``. This
# cell shows which identities it breaks, and why.

findings = museum.asked(museum.WRONG["one minus y"])
print("\n".join(f"{f.identity}\n    {f.example}" for f in findings.findings if not f.holds))
holds("rows no longer sum to 0", "every row of J sums to 0: J 1 = 0" in findings.broken)
lead = softmax(np.array([40.0, 0.0]))
print("y_c - y_c^2 =", lead[0] - lead[0] ** 2, "  y_c (sum of the others) =", lead[0] * lead[1])
holds("the true entry is not 0", lead[0] * lead[1] > 4e-18 and lead[0] - lead[0] ** 2 == 0)

# %%
# With exact numbers, this solution is right, and the checks of lesson 7 do not see the fault. But if one class leads by
# 40, ``y_c`` rounds to 1. Then ``y_c - y_c²`` is computed as 0, but the true entry is 4e-18. May we forget such a small
# number? No: the other entry of the row is -4e-18, which is equally small. Compared with it, the error is 100 per cent,
# and the row no longer sums to 0. The sum of the row is κ, and if κ is not 0, a heatmap by this row changes when a
# network adds a number t(x) to all logits. The remedy is to add up the other probabilities, ``y_c Σ_{j≠c} y_j``, as
# ``softmax_jacobian`` does. The row of log y_c has the same fault: see exercise 7.6.
#
# Fixed examples find faults that somebody has made before. Random draws may also find faults that nobody has made yet.
# Use both.

# %%
# Networks nobody has seen
# ------------------------
#
# The library claims that a walk computes a derivative. We test this claim by central differences. They only run the
# network forward, so they cannot make the same mistake as the walk. ``strategies.tiny_networks`` draws a network, dense or
# convolutional, with one to three hidden layers. It also draws a picture for which no ReLU is near its kink, because
# there is no derivative at a kink. Between kinks the network is linear. So the differences have no error except
# rounding, about ``EPS |z| / step``.


def is_the_gradient(book, net, x, step=1e-6):
    """True if g·v is nearly the central difference of S = 1 z_1 + 2 z_2 + ... + n z_n along a fixed direction v.

    g = dS/dx comes from a walk.
    """
    tape = net.run(x)
    row = np.arange(1.0, net(x).shape[1] + 1)[None]  # (1, n)
    v = np.cos(np.arange(x.size)).reshape(x.shape)
    g = ta.walk(tape, {"logits": row}, book)["input"]
    pushed = ((net(x + step * v) - net(x - step * v)) * row).sum() / (2 * step)
    return abs((g * v).sum() - pushed) <= 16 * EPS * (1 + np.abs(net(x) * row).sum()) / step


FAULTY_WALKS = {
    "no mask at the ReLU": {"relu": lambda record, g: (g,)},
    "guided": {"relu": lambda record, g: (g * (record.x[0] > 0) * (g > 0),)},
    "kernel turned by 180 degrees": {"conv2d": lambda record, g: rules.conv2d(
        replace(record, weights=(record.weights[0][::-1, ::-1], record.weights[1])), g)},
    "mean without 1/Z": {"global_avg_pool": lambda record, g: (g[:, None, None] + 0 * record.x[0],)},
}
holds("the library's walk is the gradient",
      broken_by(lambda d: is_the_gradient(ta.GRADIENT, *d), strategies.tiny_networks()) is None)
for fault, change in FAULTY_WALKS.items():
    book = {**ta.GRADIENT, **change}
    found = broken_by(lambda d, book=book: is_the_gradient(book, *d), strategies.tiny_networks())
    holds(f"killed: {fault}", found is not None)
    print("   by", " > ".join(name for name, _, _ in found[0].layers), "on a picture", found[1].shape)

# %%
# Exercise 17.4 (break): outwit the property
# ------------------------------------------
#
# Every fault was found. For each fault, the library hypothesis has shrunk the network to a small one that still shows
# the fault. Now write a rule for the ReLU that differs from the library's ``g · (x > 0)``, although no draw of
# ``tiny_networks`` ever shows the difference. The text above ``is_the_gradient`` says where to look.


def survivor(record, g):
    """Return (m,): m is the signal at the ReLU's input record.x[0], g is the signal at its output."""
    (x,) = record.x
    ### BEGIN SOLUTION
    return (g * (x >= 0),)
    ### END SOLUTION


u = np.array([[-1.0, -1e-9, 0.0, 1e-9, 1.0]])
g = np.array([[1.0, -1.0, 1.0, -1.0, 1.0]])
tape = ta.Tape()
tape.leaf("x", u)
record = tape[tape.write("relu", "relu", "x")]
(yours,), (theirs,) = survivor(record, g), rules.elementwise(record, g)
holds("17.4 it is another rule", (yours != theirs).any())
holds("17.4 not by rounding: away from the kink both rules agree", (yours == theirs)[np.abs(u) == 1].all())
found = broken_by(lambda d: is_the_gradient({**ta.GRADIENT, "relu": survivor}, *d), strategies.tiny_networks())
holds("17.4 no draw finds a difference", found is None)

# %%
# Scores, too, have a property that we can test without any derivative. If t is added to all logits, the score becomes
# ``S(z + t) = S(z) + κ t``. Here κ is the sum of the score's row. The numbers in ``z + t`` go up to 8192, and the
# tolerance is a few roundings of such a number.

KAPPA = {score: 1 if score == "pre" else 0 for score in ta.SCORES}
for score, S in ta.SCORES.items():
    def answers(d, S=S, kappa=KAPPA[score]):
        z, t = d
        return abs(S(z + t, 0)[0] - (S(z, 0)[0] + kappa * t)) <= 16 * EPS * 8192

    holds(f"{score}: S(z + t) = S(z) + {KAPPA[score]} t", broken_by(answers, strategies.shifted_logits()) is None)

@st.composite
def altered_networks(draw):
    net, x = draw(strategies.tiny_networks())
    return net, draw(strategies.attacked(net)), x


def pushed(net, altered, x):
    """Return ({score: [dS/dx before, after]}, dt/dx, how much the rounding of z + t can change dS/dx)."""
    gradients = {score: [ta.gradient(one, x, 0, score).raw for one in (net, altered)] for score in ta.SCORES}
    dt = ta.walk(altered.run(x), {"t": np.ones((1, 1))}, ta.GRADIENT)["input"][0]
    steepest = sum(np.abs(ta.gradient(net, x, c, "pre").raw).max() for c in range(net(x).shape[1]))
    rounding = 16 * EPS * (1 + np.abs(net(x)).max() + np.abs(altered(x)).max())
    return gradients, dt, rounding * (EPS + steepest + np.abs(dt).max())


PUSHED = [case for draw in drawn(altered_networks(), count=60) if np.isfinite((case := pushed(*draw))[2])]  # those without overflow

# %%
# Exercise 17.5 (prove): what a heatmap promises
# ----------------------------------------------
#
# ``strategies.attacked`` plants a random t(x) after a network. This t is K times one of three numbers, made from the
# activations of any layer: their sum, the sum of their squares, or ``e^{0.01 sum}``. How does the gradient of a score S
# change? Write the answer as a property for any κ. (For κ = 1 it is equation (V4), see lesson 15.) ``before`` and
# ``after`` are dS/dx in the original network and in the altered network. ``tolerance`` says how much the rounding of
# ``z + t`` can change dS/dx.


def moves_by_kappa(before, after, dt, kappa, tolerance):
    """Return True if dS/dx changes from `before` to `after` as dt/dx and kappa say. All gradients are (h, w, C)."""
    ### BEGIN SOLUTION
    return np.abs(after - (before + kappa * dt)).max() <= tolerance
    ### END SOLUTION


def kept(score, kappa):
    return all(passes(moves_by_kappa, *gradients[score], dt, kappa, tolerance) for gradients, dt, tolerance in PUSHED)


for score in ta.SCORES:
    holds(f"17.5 true of {score} with kappa = {KAPPA[score]}", kept(score, KAPPA[score]))
for score, wrong in (("pre", 0), ("log_odds", 1)):
    holds(f"17.5 it can fail: {score} with kappa = {wrong}", not kept(score, wrong))
before, dt = np.random.default_rng(5).normal(size=(2, 16, 16, 3))
right = before + dt  # kappa = 1
holds("17.5 for any kappa: half of dt", passes(moves_by_kappa, before, before + dt / 2, dt, 0.5, 1e-6)
      and not passes(moves_by_kappa, before, right, dt, 0.5, 1e-6))
for what, after in spoiled(right).items():
    holds(f"17.5 it can fail: {what}", not passes(moves_by_kappa, before, after, dt, 1, 1e-6))
for off, true in ((-0.05, False), (-0.005, True), (0.005, True), (0.05, False)):
    after = right + off * (right == right.min())
    holds(f"17.5 the tolerance counts: one place off by {off}, tolerance 0.01", passes(moves_by_kappa, before, after, dt, 1, 0.01) == true)

# %%
# What you can say now
# --------------------
#
# - We judge a property by the mutants that it kills. Sum, shift and order let three of ten survive. Sum and ratios
#   ``y_i / y_j = e^{z_i - z_j}`` together let none survive, because only softmax has both.
# - The draws matter as much as the property: tame logits never overflow, so they cannot find an overflow.
# - A tolerance follows from the roundings of the computation. A narrower tolerance gives false alarms; a wider
#   tolerance hides mutants.
# - For every t(x), from any layer, a gradient changes by ``κ dt/dx``. No single example could show this.
#
# Talk about it: the rule ``x >= 0`` survives in exercise 17.4. Is this a gap in the property, in the draws, or no fault
# at all? Some heatmaps are not gradients, such as Grad-CAM's. Which property should they have? Could a test of this
# property fail?
