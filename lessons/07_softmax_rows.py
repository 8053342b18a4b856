"""
7. Softmax: the row that sums to zero
=====================================

**Question:** Which changes of the logits do not change any probability?

:Time: 95 min (15 read, 70 solve, 10 discuss)
:CPU: 2 s
:Needs: lesson 1; partial derivatives
:After this you can: write the softmax Jacobian and the rows of four scores; compute the sum of a score's row, and say what it means for the heatmaps; find an entry that is computed as 0, although its true value is not 0
:Figures: 07_jacobian.png, 07_saturation.png
:Words: explained in the `glossary <../glossary.html>`_

A classifier ends at its logits ``z = (z_1, ..., z_n)``, one number for each of n classes. Softmax turns the logits into
probabilities, ``y_c = e^{z_c} / Σ_j e^{z_j}``. Every score that a heatmap explains is a function ``S(z)``. The **row**
of a score is ``dS/dz``, its slopes with respect to the n logits. The backward pass of a gradient method starts from the
row and uses nothing else of the score. This lesson is about the rows.
"""

# %%
# Predict first
# -------------
#
# Three classes have the logits ``z = (4, 1, 0)``. Before you run the next cell, write down your answers:
#
# - What is roughly the probability of the first class?
# - How do the probabilities change if 100 is added to every logit?
# - The Jacobian is the table of all slopes ``dy_i/dz_j``. Is the sum of its first row positive, negative or zero?

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr import check
from tinyattr.course import agrees, explains, has, holds, predicts, same, show, unaided
from tinyattr.softmax import softmax, softmax_jacobian
from tinyattr.studies.draw import LINES, SIGNED

z = np.array([4.0, 1.0, 0.0])  # (n,)
print("y(z)       =", softmax(z).round(4))
print("y(z + 100) =", softmax(z + 100).round(4))
print("row sums   =", softmax_jacobian(z).sum(1))
holds("adding 100 to every logit changes no probability", (softmax(z) == softmax(z + 100)).all())

# %%
# Exercise 7.1 (complete): softmax for large logits
# -------------------------------------------------
#
# ``np.exp(1000)`` overflows, so the formula of softmax returns NaN for large logits. But adding the same number to all
# logits changes no probability: ``e^{z_c - m} / Σ_j e^{z_j - m}`` is the same number for every m. Choose m so that no
# exponential can overflow.


@unaided()
def my_softmax(z):
    """y_c = e^{z_c} / Σ_j e^{z_j} for logits z (n,) of any size."""
    ### BEGIN SOLUTION
    w = np.exp(z - z.max())
    return w / w.sum()
    ### END SOLUTION


same("7.1 the formula of softmax, for small logits", my_softmax(z), np.exp(z) / np.exp(z).sum())
same("7.1 large logits", my_softmax(np.array([1000.0, 999.0])), [1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))])
holds("7.1 all identities of softmax", check.softmax_identities(my_softmax, batches=False).holds,  # tests one vector at a time
      "print(check.softmax_identities(my_softmax, batches=False)) says which identity fails, and for which logits")

# %%
# The Jacobian
# ------------
#
# How does ``y_i`` change with ``z_j``? The quotient rule gives ``dy_i/dz_j = y_i (δ_ij - y_j)``, where ``δ_ij`` is 1 if
# ``i = j`` and 0 otherwise. This is equation (4) of Lerma and Lucas 2023a (arXiv 2306.13197).
#
# Exercise 7.2 (complete): the Jacobian of softmax
# ------------------------------------------------
#
# One line with ``np.diag`` and ``np.outer`` is enough.


@unaided(softmax)
def my_jacobian(z):
    """J_ij = dy_i/dz_j = y_i (δ_ij - y_j), (n, n)."""
    ### BEGIN SOLUTION
    y = softmax(z)
    return np.diag(y) - np.outer(y, y)
    ### END SOLUTION


def differences(f, z, step=1e-5):
    """The Jacobian of f by central differences, (n, n): column j is (f(z + step e_j) - f(z - step e_j)) / (2 step).

    e_j is 1 at place j and 0 elsewhere.
    """
    return np.stack([(f(z + step * e) - f(z - step * e)) / (2 * step) for e in np.eye(len(z))], axis=1)


same("7.2 by central differences", my_jacobian(z), differences(softmax, z), within=1e-8)
for logits in (z, np.array([-700.0, 0.5, 3.0, 700.0])):
    same(f"7.2 rows sum to zero at {logits}", np.sum(my_jacobian(logits), 1), np.zeros(len(logits)), within=1e-15)
    same(f"7.2 columns sum to zero at {logits}", np.sum(my_jacobian(logits), 0), np.zeros(len(logits)), within=1e-15)

# %%
# The next figure shows a Jacobian of softmax. Its entries are positive on the diagonal and negative elsewhere, and each
# row sums to zero.
#
# Take any score S, and add the same small t to every logit. Then S changes by about ``Σ_j dS/dz_j · t = κ t``, where
# ``κ = Σ_j dS/dz_j`` is the sum of the score's row. If this sum is zero for every z, S does not change at all, even for
# a large t.

five = np.array([2.0, 1.5, 0.5, 0.0, -1.0])
J = softmax_jacobian(five)  # (5, 5)
figure = Figure(figsize=(5.2, 4.2), layout="constrained")
ax = figure.subplots()
limit = np.abs(J).max()
image = ax.imshow(J, cmap=SIGNED, vmin=-limit, vmax=limit)
for i, j in np.ndindex(J.shape):
    ax.text(j, i, f"{J[i, j]:.2f}", ha="center", va="center", fontsize=8,
            color="white" if abs(J[i, j]) > 0.6 * limit else "black")
ax.set_xticks(range(5), [f"{v:g}" for v in five])
ax.set_yticks(range(5), [f"$y_{i}$" for i in range(1, 6)])
ax.set(xlabel="logit $z_j$", ylabel="probability $y_i$",
       title="Softmax Jacobian $dy_i/dz_j = y_i(\\delta_{ij} - y_j)$:\nevery row and every column sums to 0")
figure.colorbar(image)
show(figure, "07_jacobian.png")

# %%
# Exercise 7.3 (predict): kappa
# -----------------------------
#
# The **kappa** (κ) of a score is the sum of its row. Here are five scores: ``pre`` is ``z_c``, ``post`` is ``y_c``,
# ``log`` is ``log y_c``, ``log_odds`` is ``log (y_c / (1 - y_c))``, and ``centred`` is z_c minus the mean of all
# logits. Find the kappa of each score, and write ``kappa = {"pre": ..., ...}`` before you run the checks. You need not
# compute the rows. Ask yourself how S changes if the same t is added to every logit.

### BEGIN SOLUTION
kappa = {"pre": 1, "post": 0, "log": 0, "log_odds": 0, "centred": 0}
### END SOLUTION

row_sums, rises = {}, {}
for name in ("pre", "post", "log", "log_odds", "centred"):
    value, row, log_scale = ta.SCORES[name](z, 0)
    row_sums[name] = (row * np.exp(log_scale)).sum()  # dS/dz = row · exp(log_scale), two parts
    rises[name] = ta.SCORES[name](z + 1, 0)[0] - value
predicts("7.3 sums of the rows", kappa, row_sums)
predicts("7.3 the change of S if 1 is added to every logit", kappa, rises)

# %%
# Exercise 7.4 (complete): four rows
# ----------------------------------
#
# Write the rows ``dS/dz`` of the first four scores. You need three arrays (n,). The first is y, the probabilities. The
# second is e, which is **one-hot**: it is 1 for class c and 0 for all others. The third is q, the softmax of the
# **rivals**, which are all classes except c: ``q_j = y_j / Σ_{i≠c} y_i`` and ``q_c = 0``. (Equation
# (7) of arXiv 2306.13197 is the row of post times ``dz/dx``, and equation (18) is the row of log times ``dz/dx``.)


@unaided(softmax)
def my_rows(z, c):
    """{"pre": row, "post": row, "log": row, "log_odds": row}, each (n,)."""
    e, y = np.eye(len(z))[c], softmax(z)
    ### BEGIN SOLUTION
    q = np.where(e == 1, 0, y) / np.delete(y, c).sum()
    return {"pre": e, "post": y[c] * (e - y), "log": e - y, "log_odds": e - q}
    ### END SOLUTION


has("7.4 all four rows", my_rows(z, 0), ("pre", "post", "log", "log_odds"))
for logits, c in ((z, 0), (z, 2), (five, 1)):
    for name, row in my_rows(logits, c).items():
        slopes = [(ta.SCORES[name](logits + h, c)[0] - ta.SCORES[name](logits - h, c)[0]) / 2e-5 for h in 1e-5 * np.eye(len(logits))]
        same(f"7.4 {name} of class {c} of {len(logits)}, by central differences", row, slopes, within=1e-8)
        same(f"7.4 {name} of class {c} of {len(logits)}, the sum of the row", np.sum(row), 1 if name == "pre" else 0, within=1e-14)

# %%
# Three scores, one direction
# ---------------------------
#
# The rows of ``post``, ``log`` and ``log_odds`` are proportional. We write e_c for the one-hot e of class c. With
# ``y_j = (1 - y_c) q_j`` for each rival j, the three rows become ``y_c (1 - y_c) (e_c - q)``, ``(1 - y_c) (e_c - q)``
# and ``e_c - q``. For many methods this is true: if the row is multiplied by a positive number, the map is multiplied by
# the same number. If each map is scaled to a maximum of 1, these methods draw the same map for all three scores.
#
# Only the sizes of the rows differ. The next figure shows these sizes. If a network is sure of class c, ``post`` and
# ``log`` hardly change any more when the logits change, so their rows are nearly 0. This is called **saturation**. Then
# rounding errors can spoil the map (exercise 7.6).

gaps = np.linspace(-40, 40, 161)  # the lead: the logit of the class minus the logit of each of its two rivals
rows = {name: [np.abs(row * np.exp(scale)).sum() for g in gaps for _, row, scale in [ta.SCORES[name](np.array([g, 0, 0]), 0)]]
        for name in ("pre", "post", "log", "log_odds")}
figure = Figure(figsize=(6, 3.6), layout="constrained")
ax = figure.subplots()
for (name, sizes), style, colour in zip(rows.items(), ("-", "--", "-.", ":"), LINES, strict=False):
    ax.semilogy(gaps, sizes, style, color=colour, lw=2, label=name)
ax.set(xlabel="lead of the class over its rivals, $z_c - z_j$", ylabel="size of the row, $\\Sigma_j |dS/dz_j|$",
       title="Size of a score's row: post vanishes on both sides,\nlog if the class is certain, log_odds never")
ax.legend()
show(figure, "07_saturation.png")
holds("the row of log_odds never vanishes", min(rows["log_odds"]) > 1.99)
holds("the row of post vanishes for y_c near 0 and for y_c near 1", rows["post"][0] < 1e-16 and rows["post"][-1] < 1e-16)
holds("the row of log vanishes only for y_c near 1", rows["log"][0] > 1 and rows["log"][-1] < 1e-16)

# %%
# Exercise 7.5 (prove): a softmax with a hidden class
# ---------------------------------------------------
#
# A colleague gives softmax one more class. This hidden class means "none of these", and its logit is always 0. The
# answer does not contain the hidden class: ``y_c = e^{z_c} / (1 + Σ_j e^{z_j})``. Every y_c is still between 0 and 1.
# Row c of the Jacobian contains ``dy_c/dz_j`` for all visible classes j. Write the sum of this row as a formula in y.
# Does a ``post`` heatmap of this network stay the same if the same t is added to all visible logits?


def with_a_way_out(z):
    """y_c = e^{z_c} / (1 + Σ_j e^{z_j}): softmax with a way out, the hidden class."""
    return softmax(np.append(z, 0.0))[:-1]


def kappa_with_a_way_out(z, c):
    """Σ_j dy_c/dz_j for y = with_a_way_out(z), by formula."""
    ### BEGIN SOLUTION
    y = with_a_way_out(z)
    return y[c] * (1 - y.sum())
    ### END SOLUTION


agrees("7.5 by central differences", kappa_with_a_way_out, lambda z, c: differences(with_a_way_out, z)[c].sum(),
       [(logits, c) for logits in (z, five) for c in range(3)], within=1e-7)
at = np.array([np.log(2), np.log(3)])  # e^z = 2, 3, so y = 2/6, 3/6 and the hidden class has 1/6
same("7.5 to the last digit", kappa_with_a_way_out(at, 0), 1 / 18, within=1e-14)
same("7.5 if the hidden class is likely", kappa_with_a_way_out(np.array([-9.0, -9.0]), 1), np.exp(-9.0), within=1e-3)
holds("7.5 the sum is not 0", kappa_with_a_way_out(z, 0) > 0)

# %%
# Exercise 7.6 (complete): a zero that is only rounding
# -----------------------------------------------------
#
# Suppose that class c has a lead of 20: its logit is larger than every other logit by 20. Then ``1 - y_c`` is about
# 4e-9 for three classes. **float32** has about 7 decimal digits, so it stores y_c as exactly 1. If we compute the row
# of ``log`` as ``e_c - y``, its entry for class c is then 0. So the class's own logit is missing in the explanation of
# the class. The true entry is ``1 - y_c = Σ_{j≠c} y_j``. Write a function that loses no digit of this entry, even
# if the lead of class c is large (up to 60).

lead = np.array([20.0, 0.0, 0.0], np.float32)
print("e_c - y, float32:", np.eye(3, dtype=np.float32)[0] - softmax(lead).astype(np.float32))


def own_entry(z, c):
    """1 - y_c for logits z (n,), with full relative accuracy."""
    ### BEGIN SOLUTION
    w = np.exp(z - z.max())
    return np.delete(w, c).sum() / w.sum()
    ### END SOLUTION


for ahead in (0, 20, 60):
    true = 2 / (np.exp(float(ahead)) + 2)
    same(f"7.6 a lead of {ahead}", own_entry(np.array([ahead, 0, 0], np.float32), 0), true, within=1e-5)
cases = [(np.add(shift, logits, dtype=np.float32), c) for shift in (-1000, 0, 1000) for logits in ([4, 1, 0, -3], [2, 2, 30]) for c in range(3)]
agrees("7.6 by the log-odds, other logits and classes", own_entry, lambda z, c: 1 / (1 + np.exp(ta.SCORES["log_odds"](z, c)[0])), cases, within=1e-5)
same("7.6 a class with a much smaller logit", own_entry(lead, 1), 1, within=1e-5)
same("7.6 the row sums to zero again", own_entry(lead, 0) - softmax(lead.astype(np.float64))[1:].sum(), 0, within=1e-13)

# %%
# Exercise 7.7 (explain): advice for a friend
# -------------------------------------------
#
# A friend explains a classifier by its logits. Your friend says: "The probabilities are nearly all 0 or 1, so I cannot
# use them." Write two or three sentences for your friend. What is the risk of the logits? Which score would you take
# instead? Why does this score still work if the probabilities are nearly 0 or 1? Your teacher reads your answer; the
# check only counts words.

### BEGIN SOLUTION
why = """A network may add any number to all logits, and no probability shows this. So the map of z_c can be a map of this
number. Take the log-odds instead. Their row sums to zero, so a number that all logits share cannot change their map. The
log-odds depend only on differences of logits, and their row does not vanish when the network is sure."""
### END SOLUTION

explains("7.7 in your own words", why)

# %%
# What you can say now
# --------------------
#
# - Suppose that the same number t(x) is added to every logit of a picture x. Then no probability changes. A score whose
#   row sums to zero does not change either.
# - ``pre`` has kappa 1, so its heatmap also shows t. Lesson 15 uses this fact for an attack.
# - The rows of ``post``, ``log`` and ``log_odds`` have the same direction, but different sizes. The row of ``post``
#   vanishes if y_c is near 0 or 1. The row of ``log`` vanishes only if y_c is near 1. That of ``log_odds`` never vanishes.
#
# Talk about it: suppose that training uses only the probabilities. Can training ever remove such a t? (Lesson 16.)
