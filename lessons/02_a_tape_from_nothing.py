"""
2. A tape from nothing
======================

**Question:** How can a single walk backwards find the slopes of an answer with respect to all its inputs?

:Time: 85 min (25 read, 50 solve, 10 discuss)
:CPU: 2 s
:Needs: the chain rule
:After this you can: write, in ten lines, a program that finds all slopes in one walk backwards (reverse-mode differentiation); find two mistakes that make a slope wrong; choose the step h of ``(S(a + h) - S(a - h)) / 2h``; change one rule of the walk, and get another heatmap method
:Figures: 02_tape.png, 02_step.png
:Words: explained in the `glossary <../glossary.html>`_

A program computes a number in small steps. If we write down every step while it happens, we get a list that is called a
**tape**. Then we can go through the tape in reverse. At each step we know the slope of the answer with respect to the
result of the step. From this slope we compute the slopes with respect to the values that the step used. This way back
is called a **walk**. The slopes of one number with respect to many numbers are called its **gradient**. All gradients
in this course come from such walks, so we build a tape and a walk ourselves.
"""

# %%
# Predict first
# -------------
#
# The program computes ``S = a b + e^a`` at a = 1 and b = 3. Before you run the next cell, write down your answers:
#
# - What are the slopes ``dS/da`` and ``dS/db``? Compute them by hand.
# - A slope is nearly ``(S(a + h) - S(a - h)) / 2h`` for a small h. This is called a **central difference**. How often
#   must S be computed to find both slopes by central differences? How often must S be computed if S has a thousand
#   inputs?
# - The program ``S = a + a`` reads the value a twice. What could a careless walk get wrong?

from collections import namedtuple
from itertools import permutations

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import holds, passes, predicts, same, show, unaided
from tinyattr.errors import InputError
from tinyattr.studies.draw import LINES


def differences(f, *x, step=1e-5):
    """df/dx_i for every i, (f(x + step e_i) - f(x - step e_i)) / (2 step). The vector e_i is 1 at place i, else 0."""
    return np.array([(f(*(x + step * e)) - f(*(x - step * e))) / (2 * step) for e in np.eye(len(x))])


ONE = np.float64(1)
print("dS/da, dS/db =", differences(lambda a, b: a * b + np.exp(a), 1, 3))

# %%
# The record
# ----------
#
# An **op** is one operation, such as a sum or a product. The tape is a list of **records**, and each record describes
# one step. A record says which op ran, which earlier records the op read, which values ``x`` these records held, and
# which output the op made. The field ``inputs`` holds the places of the earlier records on the tape. The inputs
# of the program, such as a and b, also have records. No op made these values. Such a record is called a **leaf**. A tape
# needs nothing more. (A record of the library also has weights and attributes. Our records have these two fields too,
# but the fields are always empty.)

Record = namedtuple("Record", "op inputs x output weights attributes", defaults=((), {}))
OPS = {"add": lambda a, b: a + b, "mul": lambda a, b: a * b, "exp": np.exp, "relu": lambda a: max(a, 0.0)}


def leaves(*values):
    """A new tape whose first records are leaves with these values."""
    return [Record("leaf", (), (), np.float64(value)) for value in values]


def write(tape, op, *inputs):
    """Apply an op to the outputs at these places and write a record of this step. Returns the new record's place."""
    x = tuple(tape[i].output for i in inputs)
    tape.append(Record(op, inputs, x, OPS[op](*x)))
    return len(tape) - 1


def simple(a, b):
    """The tape of S = a b + e^a. The leaves a and b stand at places 0 and 1. S is the last record."""
    tape = leaves(a, b)
    write(tape, "add", write(tape, "mul", 0, 1), write(tape, "exp", 0))
    return tape


def tangle(a, b):
    """The tape of c = a b, d = c + a, S = relu(c a) + d d. The values a, c and d are read more than once."""
    tape = leaves(a, b)
    c = write(tape, "mul", 0, 1)
    d = write(tape, "add", c, 0)
    r = write(tape, "relu", write(tape, "mul", c, 0))
    write(tape, "add", r, write(tape, "mul", d, d))
    return tape


for place, record in enumerate(simple(1, 3)):
    print(place, f"{record.op:<5} reads {record.inputs!s:<7} output {record.output:.4f}")
same("the tape computes S", simple(1, 3)[-1].output, 3 + np.e)

# %%
# Exercise 2.1 (complete): rules
# ------------------------------
#
# A **signal** is a slope that the walk carries: the signal at a record is ``g = dS/d(output)``. A **rule** is a
# function of a record and its signal g. The rule returns a tuple with one signal for each input,
# ``g · d(output)/d(input)``. This is the chain rule for one step. The rule ``add`` is given. Write ``mul``, ``exp`` and
# ``relu`` in the same form. Use ``record.x`` and ``record.output``. At 0, let the slope of ReLU be 0.


def add(record, g):
    """output = a + b has the slope 1 with respect to a and the slope 1 with respect to b."""
    return g, g


### BEGIN SOLUTION
def mul(record, g):
    a, b = record.x
    return g * b, g * a


def exp(record, g):
    return (g * record.output,)


def relu(record, g):
    (a,) = record.x
    return (g * (a > 0),)
### END SOLUTION


my_book = {"add": add, "mul": unaided()(mul), "exp": unaided()(exp), "relu": unaided()(relu)}  # no calls of the library
for op, x in [("mul", (0.3, -1.1)), ("mul", (0.0, 5.0)), ("exp", (0.5,)), ("relu", (0.3,)), ("relu", (-1.5,))]:
    tape = leaves(*x)
    write(tape, op, *range(len(x)))
    signals = np.array([-2, 0.7])  # a signal may be negative
    mine = [my_book[op](tape[-1], g) for g in signals]
    same(f"2.1 {op} at {x}, by differences", mine, np.outer(signals, differences(OPS[op], *x)), within=1e-9)
    same(f"2.1 {op} at {x}, the library's rule", mine, [ta.GRADIENT[op](tape[-1], g) for g in signals])
at_kink = leaves(0.0)
write(at_kink, "relu", 0)
same("2.1 relu at 0", my_book["relu"](at_kink[-1], ONE), [0])

# %%
# A first walk
# ------------
#
# A **rule-book**, or book for short, is a dict that gives a rule for each op. An example is the library's
# ``ta.GRADIENT``; its rules can read our records. A walk starts from a signal that is called its **seed**. Here the
# seed is ``dS/dS = 1`` at the last record. From there the walk goes through the tape in reverse. The walk in the next
# cell has a fault. The walk is right if every value is read only once, as in a chain of ops. For ``S = a b + e^a`` it
# is wrong: compare the dS/da of this walk with yours.


def first_walk(tape, seed, book):
    """Return {place: signal}. The signal is dS/d(output at that place). This walk has a fault."""
    signals = {len(tape) - 1: seed}
    for place in reversed(range(len(tape))):
        record = tape[place]
        if place in signals and record.inputs:
            for i, m in zip(record.inputs, book[record.op](record, signals[place]), strict=True):
                signals[i] = m
    return signals


def refuses(walk):
    """True if the walk raises an error with a book that has no rule for `exp`."""
    try:
        walk({op: rule for op, rule in ta.GRADIENT.items() if op != "exp"})
    except (KeyError, InputError):
        return True
    return False


chain = leaves(0.3)
write(chain, "exp", write(chain, "relu", write(chain, "exp", 0)))
claimed = first_walk(chain, ONE, ta.GRADIENT)
same("the walk is right on a chain, S = exp(relu(exp(a)))", claimed[0], np.exp(0.3 + np.exp(0.3)))
claimed = first_walk(simple(1, 3), ONE, ta.GRADIENT)
print(f"S = a b + e^a: the first walk says dS/da = {claimed[0]:.4f}, dS/db = {claimed[1]:.4f}")
holds("the walk is wrong if a value is read twice", abs(claimed[0] - (3 + np.e)) > 2)
holds("a missing rule is an error", refuses(lambda book: first_walk(chain, ONE, book)))

# %%
# Exercise 2.2 (predict): n times in a row
# ----------------------------------------
#
# The smallest program for which this walk is wrong is ``S = a + a``. Find out on paper which slope the walk gives. Now
# take two longer programs. Both programs start with v = a, and S is the last v. One program repeats ``v = v + v`` n
# times, the other repeats ``v = v · v`` n times. By what factor is the walk's ``dS/da`` too small? The factor is the
# same for both programs.


def factor(n):
    """(true dS/da) / (dS/da by the first walk)."""
    ### BEGIN SOLUTION
    return 2**n
    ### END SOLUTION


def repeated(op, n):
    """The tape of a program that starts with v = a = 1.1 and repeats v = op(v, v) n times."""
    tape = leaves(1.1)
    for place in range(n):
        write(tape, op, place, place)
    return tape


def paths(tape, place):
    """The number of ways through the tape from this place down to the leaves."""
    return sum(paths(tape, i) for i in tape[place].inputs) if tape[place].inputs else 1


yours = {n: factor(n) for n in (1, 2, 5)}
for op, slope in [("add", lambda n: 2.0**n), ("mul", lambda n: 2**n * 1.1 ** (2**n - 1))]:  # S = 2^n a, S = a^(2^n)
    walked = {n: slope(n) / first_walk(repeated(op, n), ONE, ta.GRADIENT)[0] for n in yours}
    predicts(f"2.2 {op} repeated once, twice and five times", yours, walked)
predicts("2.2 the number of paths from S to a", yours, {n: paths(repeated("add", n), n) for n in yours})

# %%
# The factor is the number of **paths**, the ways through the tape from S down to a. Each path gives a product: the
# slopes of its steps, multiplied. The slope is the sum of these products over **all** paths. Here there are ``2^n``
# paths. The first walk overwrites a signal when a second one arrives, so it keeps only one path. A walk that adds the
# signals counts all paths. Such a walk still needs only n steps, because it visits every record once.
#
# Exercise 2.3 (complete): a walk that is right
# ---------------------------------------------
#
# Write the walk again, so that all signals that arrive at a place are added. If an op has no rule, the walk must still
# raise a ``KeyError``. Otherwise the signal would stop at this op, or go through this op without a change. Then a
# heatmap would be wrong, and nobody would be warned.


def my_walk(tape, seed, book):
    """{place: dS/d(output at that place)} for all places that S depends on; KeyError if a rule is missing."""
    ### BEGIN SOLUTION
    signals = {len(tape) - 1: seed}
    for place in reversed(range(len(tape))):
        record = tape[place]
        if place in signals and record.inputs:
            for i, m in zip(record.inputs, book[record.op](record, signals[place]), strict=True):
                signals[i] = signals.get(i, 0.0) + m
    return signals
    ### END SOLUTION


rules = {op: lambda record, g, rule=rule: rule(record, np.float64(g)) for op, rule in ta.GRADIENT.items()}  # g may be a float, and rules need arrays
walked = my_walk(simple(1, 3), ONE, rules)
same("2.3 the formulas dS/da = b + e^a and dS/db = a", [walked[0], walked[1]], [3 + np.e, 1])
walked = my_walk(tangle(0.7, 0.4), ONE, rules)
same("2.3 the tangle, by differences", [walked[0], walked[1]],
     differences(lambda a, b: tangle(a, b)[-1].output, 0.7, 0.4), within=1e-9)
same("2.3 a seed of 2 doubles every signal", my_walk(tangle(0.7, 0.4), 2 * ONE, rules)[1], 2 * walked[1])
tape = leaves(0.7, 0.4)
write(tape, "mul", 0, 1)
write(tape, "exp", 0)  # S = e^a: nothing reads the product
walked = my_walk(tape, ONE, rules)
same("2.3 a value that S does not depend on gets no signal, or the signal 0", [walked[0], walked.get(1, 0), walked.get(2, 0)], [np.exp(0.7), 0, 0])
holds("2.3 a missing rule is an error", refuses(lambda book: my_walk(simple(1, 3), ONE, {op: rules[op] for op in book})),
      "find the rule with book[record.op]")

# %%
# The same in the library
# -----------------------
#
# The library's ``ta.Tape`` holds arrays instead of numbers, and it uses names instead of places. ``ta.walk`` is your
# walk with additional checks. The next figure shows the tape of ``S = a b + e^a``. Each box shows a value and the
# signal that the walk left there. Each arrow shows the slope of one step. There are two paths from S back to a.
# Multiply the slopes along each path, and add the two products: ``1 · 3 + 1 · 2.718 = 5.718``.

theirs = ta.Tape()
theirs.leaf("a", 1.0)
theirs.leaf("b", 3.0)
theirs.write("mul", "ab", ["a", "b"])
theirs.write("exp", "$e^a$", "a")
theirs.write("add", "S", ["ab", "$e^a$"])
signals = ta.walk(theirs, {"S": 1.0}, ta.GRADIENT, to=["a", "b"])
same("the library's walk", [signals["a"], signals["b"]], [3 + np.e, 1])
holds("a missing rule is an error in the library's walk", refuses(lambda book: ta.walk(theirs, {"S": 1.0}, book, to="a")))

at = {"b": (0, 1), "a": (0, 0), "ab": (1, 1), "$e^a$": (1, 0), "S": (2, 0.5)}
figure = Figure(figsize=(7.2, 2.9), layout="constrained")
ax = figure.subplots()
for record in theirs:
    x, y = at[record.name]
    ax.text(x, y, f"{record.name} = {record.output:.4g}\nsignal {signals[record.name]:.4g}",
            ha="center", va="center",
            bbox={"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": LINES[0], "lw": 1.5})
    slopes = ta.GRADIENT[record.op](record, np.float64(1)) if record.inputs else ()
    for name, slope in zip(record.inputs, slopes, strict=True):
        u, v = at[name]
        ax.annotate("", (x - 0.2, y), (u + 0.2, v),
                    arrowprops={"arrowstyle": "->", "color": LINES[4], "lw": 1.5})
        ax.text((u + x) / 2, (v + y) / 2, f"{slope:.4g}", ha="center", va="center", fontsize=9,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})
ax.set(xlim=(-0.3, 2.3), ylim=(-0.3, 1.3))
ax.set_title("The tape of S = a b + $e^a$: values follow the arrows, signals go back")
ax.set_axis_off()
show(figure, "02_tape.png")

# %%
# Exercise 2.4 (prove): which orders are safe?
# --------------------------------------------
#
# Must the walk visit the records in exactly the reverse order of writing? The function ``walk_in`` takes any order. Its
# argument ``order`` lists the places of all records except the leaves. When the turn of a record comes, the record
# passes its signal on to its inputs. An order is safe if every signal comes out right. Write the exact condition for a
# safe order. The check tries all 720 orders of the six records of ``tangle`` that are not leaves. Your function
# ``safe`` must return True for all orders that make every signal right, and False for all other orders.


def walk_in(order, tape, book):
    """Return the signals at all places. The records pass their signals on in this order, each record once."""
    signals = np.zeros(len(tape))
    signals[-1] = 1
    for place in order:
        np.add.at(signals, list(tape[place].inputs), book[tape[place].op](tape[place], signals[place]))
    return signals


def safe(order, tape):
    """True if, in this order, no record passes its signal on too early."""
    ### BEGIN SOLUTION
    turn = {place: k for k, place in enumerate(order)}
    return all(turn[i] > turn[place] for place in order for i in tape[place].inputs if i in turn)
    ### END SOLUTION


tangled = tangle(0.7, 0.4)
right = walk_in((7, 6, 5, 4, 3, 2), tangled, ta.GRADIENT)
orders = list(permutations((2, 3, 4, 5, 6, 7)))
is_right = [np.allclose(walk_in(order, tangled, ta.GRADIENT), right) for order in orders]
holds("2.4 a chain has one safe order", [o for o in permutations((1, 2, 3)) if passes(safe, o, chain)] == [(3, 2, 1)])
agree = sum(passes(safe, order, tangled) == right for order, right in zip(orders, is_right, strict=True))
holds("2.4 exactly the right orders are safe", agree == len(orders), f"safe is right for {agree} of 720 orders")
print(f"{sum(is_right)} of {len(orders)} orders are right")

# %%
# Another book, another method
# ----------------------------
#
# The slope of each step comes from the rule-book; the walk only passes signals on and adds them. If we change one rule,
# the walk carries other numbers than slopes. An example is guided backpropagation (Springenberg et al. 2015). Its rule
# for ReLU lets a signal pass only if the signal and the input of the ReLU are both positive. All its other rules are
# the rules of the gradient.


def guided(record, g):
    """m = max(g, 0) where x > 0, else 0."""
    return (g.clip(min=0) * (record.x[0] > 0),)


small = ta.Tape()
small.leaf("a", 2.0)
small.leaf("-1", -1.0)
small.write("relu", "r", "a")
small.write("mul", "-r", ["r", "-1"])
small.write("add", "S", ["-r", "a"])  # S = a - relu(a)
for name, book, expected in [("gradient", ta.GRADIENT, 0), ("guided", {**ta.GRADIENT, "relu": guided}, 1)]:
    same(f"S = a - relu(a) at a = 2, {name}", ta.walk(small, {"S": 1.0}, book, to="a")["a"], expected)

# %%
# How good are differences?
# -------------------------
#
# We checked the walk by central differences. How exact are central differences? If the step is too long, the curve
# bends within the step. The error is then proportional to ``step^2``; it is about ``(S'''/6) step^2``, where S''' is
# the third derivative of S. For our S, S''' is e = 2.718 at a = 1. If the step is too short, relative rounding errors
# of about 1e-16 are divided by a small number. The best step lies between these two cases, near 1e-5. Then about ten
# digits are right. So our checks allow a relative error of 1e-9. A check that allows only 1e-14 would reject right
# answers. A check that allows 0.01 would accept wrong answers.

steps = np.logspace(-12, 0, 97)
true = [3 + np.e, 1]
errors = [np.abs(differences(lambda a, b: a * b + np.exp(a), 1, 3, step=s) - true).max() for s in steps]
figure = Figure(figsize=(6, 3.6), layout="constrained")
ax = figure.subplots()
ax.loglog(steps, errors, ".", color=LINES[0], label="central differences")
ax.loglog(steps, np.e / 6 * steps**2, "-", color=LINES[1], lw=2, label="(e/6) step$^2$: the curve bends")
ax.loglog(steps, 2.0**-53 * (3 + np.e) / steps, "--", color=LINES[2], lw=2,
          label="rounding of S, divided by step")
ax.set(xlabel="step", ylabel="largest error", ylim=(1e-14, 10),
       title="Central differences of S = a b + $e^a$:\na step near 1e-5 is best")
ax.legend()
show(figure, "02_step.png")
holds("the best step keeps ten digits", 1e-14 < min(errors) < 1e-10 * (3 + np.e))
holds("the best step is near 1e-5", 1e-7 < steps[np.argmin(errors)] < 1e-4)
same("the error of a long step is (e/6) step^2", errors[-25] / steps[-25] ** 2, np.e / 6, within=1e-5)

# %%
# What you can say now
# --------------------
#
# - A tape is a list of records. The walk goes through the tape once in reverse, uses the rules of a book, and adds the
#   signals that arrive at each place.
# - Because signals are added, the slope is a sum over all paths from S to an input. If a walk overwrites a signal or
#   passes it on too early, some paths are lost.
# - A missing rule is an error. A changed rule makes another method.
#
# Talk about it: a picture has 150,528 numbers (224 x 224 x 3). Suppose that one run of the network takes a tenth of a
# second. How long would it take to compute all slopes by central differences? Some frameworks add the gradients of a new
# walk to those of the last walk. They need a call (``zero_grad``) that sets the gradients to 0 first. Why do our walks
# not need such a call?
