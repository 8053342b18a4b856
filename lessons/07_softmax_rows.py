"""
7. Softmax: the row that sums to zero
=====================================

**Question:** Which changes of the logits can a probability not see?

:Time: 90 min (15 read, 65 solve, 10 discuss)
:CPU: 2 s
:Needs: lesson 1; partial derivatives
:After this you can: write the softmax Jacobian from its formula, and the rows of four scores; say for a score, by one sum, whether a number added to every logit changes its heatmaps; spot a zero that is only rounding
:Figures: 07_jacobian.png, 07_saturation.png
:Words: explained in the `glossary <../glossary.html>`_

A classifier ends at its logits ``z = (z_1, ..., z_n)``, one number a class. Softmax turns them into probabilities,
``y_c = e^{z_c} / Σ_j e^{z_j}``. Every score that a heatmap explains is a function ``S(z)``, and all that the backward
pass ever sees of it is its row ``dS/dz``. This lesson is about those rows.
"""

# %%
# Predict first
# -------------
#
# Three classes have the logits ``z = (4, 1, 0)``. Write down, before you run the next cell:
#
# - roughly, the probability of the first class;
# - what becomes of the probabilities when 100 is added to every logit;
# - the sum of the first row of the Jacobian ``dy_i/dz_j``: positive, negative, or zero?

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr import check
from tinyattr.course import explains, has, holds, predicts, same, show, unaided
from tinyattr.softmax import softmax, softmax_jacobian
from tinyattr.studies.draw import LINES, SIGNED

z = np.array([4.0, 1.0, 0.0])  # (n,)
print("y(z)       =", softmax(z).round(4))
print("y(z + 100) =", softmax(z + 100).round(4))
print("row sums   =", softmax_jacobian(z).sum(1))
holds("a shift changes no probability", (softmax(z) == softmax(z + 100)).all())

# %%
# Exercise 7.1 (complete): a softmax that survives
# ------------------------------------------------
#
# ``np.exp(1000)`` overflows, so the formula as printed answers NaN for large logits. But you have just seen that a
# shift changes nothing: ``e^{z_c - m} / Σ_j e^{z_j - m}`` is the same number for every m. Choose the m that cannot
# overflow.


@unaided()
def my_softmax(z):
    """y_c = e^{z_c} / Σ_j e^{z_j} for logits z (n,), whatever their size."""
    ### BEGIN SOLUTION
    w = np.exp(z - z.max())
    return w / w.sum()
    ### END SOLUTION


same("7.1 the printed formula, where it works", my_softmax(z), np.exp(z) / np.exp(z).sum())
same("7.1 large logits", my_softmax(np.array([1000.0, 999.0])), [1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))])
holds("7.1 all identities", check.softmax_identities(my_softmax, batches=False).holds,  # for one vector, not for many
      "print(check.softmax_identities(my_softmax, batches=False)) says which one breaks, and where")

# %%
# The Jacobian
# ------------
#
# How does ``y_i`` move with ``z_j``? The quotient rule gives ``dy_i/dz_j = y_i (δ_ij - y_j)``, equation (4) of Lerma
# and Lucas 2023a, with ``δ_ij = 1`` if ``i = j`` and else 0.
#
# Exercise 7.2 (complete): write it out
# -------------------------------------
#
# One line with ``np.diag`` and ``np.outer`` will do.


@unaided(softmax)
def my_jacobian(z):
    """J_ij = dy_i/dz_j = y_i (δ_ij - y_j), (n, n)."""
    ### BEGIN SOLUTION
    y = softmax(z)
    return np.diag(y) - np.outer(y, y)
    ### END SOLUTION


def differences(f, z, step=1e-5):
    """The Jacobian of f by central differences, (n, n): column j is (f(z + step e_j) - f(z - step e_j)) / (2 step)."""
    return np.stack([(f(z + step * e) - f(z - step * e)) / (2 * step) for e in np.eye(len(z))], axis=1)


same("7.2 against central differences", my_jacobian(z), differences(softmax, z), within=1e-8)
for logits in (z, np.array([-700.0, 0.5, 3.0, 700.0])):
    same(f"7.2 rows sum to zero, at {logits}", np.sum(my_jacobian(logits), 1), np.zeros(len(logits)), within=1e-15)
    same(f"7.2 columns sum to zero, at {logits}", np.sum(my_jacobian(logits), 0), np.zeros(len(logits)), within=1e-15)

# %%
# Look at it: positive on the diagonal, negative elsewhere, and in every row the colours cancel. A row that sums to zero
# is blind to a change that is the same for every logit: ``Σ_j dS/dz_j · t = t · κ`` with ``κ = Σ_j dS/dz_j = 0``.

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
# A score's kappa is the sum of its row. ``pre`` is ``z_c``, ``post`` is ``y_c``, ``log`` is ``log y_c``, ``log_odds``
# is ``log (y_c / (1 - y_c))``, ``centred`` is ``z_c - mean z``. Which of them move when every logit gets the same t
# added? Write down ``kappa = {"pre": ..., ...}`` before you run the checks. No computing: ask what S does when t is
# added.

### BEGIN SOLUTION
kappa = {"pre": 1, "post": 0, "log": 0, "log_odds": 0, "centred": 0}
### END SOLUTION

row_sums, rises = {}, {}
for name in ("pre", "post", "log", "log_odds", "centred"):
    value, row, log_scale = ta.SCORES[name](z, 0)
    row_sums[name] = (row * np.exp(log_scale)).sum()
    rises[name] = ta.SCORES[name](z + 1, 0)[0] - value
predicts("7.3 sums of the rows", kappa, row_sums)
predicts("7.3 by adding 1 to every logit", kappa, rises)

# %%
# Exercise 7.4 (complete): four rows
# ----------------------------------
#
# Write the rows ``dS/dz`` of the first four scores, with e one-hot (1 for the class, 0 for the others) and q the softmax of
# the **rivals**, which are all classes but c: ``q_j = y_j / Σ_{i≠c} y_i`` and ``q_c = 0``. Equation (7) of 2023a has
# post's, (18) has log's.


@unaided(softmax)
def my_rows(z, c):
    """{"pre": row, "post": row, "log": row, "log_odds": row}, each (n,)."""
    e, y = np.eye(len(z))[c], softmax(z)
    ### BEGIN SOLUTION
    q = np.where(e == 1, 0, y) / np.delete(y, c).sum()
    return {"pre": e, "post": y[c] * (e - y), "log": e - y, "log_odds": e - q}
    ### END SOLUTION


has("7.4 all four", my_rows(z, 0), ("pre", "post", "log", "log_odds"))
for logits, c in ((z, 0), (z, 2), (five, 1)):
    for name, row in my_rows(logits, c).items():
        slopes = [(ta.SCORES[name](logits + h, c)[0] - ta.SCORES[name](logits - h, c)[0]) / 2e-5 for h in 1e-5 * np.eye(len(logits))]
        same(f"7.4 {name} of class {c} of {len(logits)}, against central differences", row, slopes, within=1e-8)
        same(f"7.4 {name} of class {c} of {len(logits)}, kappa", np.sum(row), 1 if name == "pre" else 0, within=1e-14)

# %%
# Three scores, one direction
# ---------------------------
#
# ``post``, ``log`` and ``log_odds`` have proportional rows. With q the softmax of the rivals (all classes but c),
# they are ``y_c (1 - y_c) (e_c - q)``, ``(1 - y_c) (e_c - q)`` and ``e_c - q``. So a heatmap that only scales with
# the row is the same picture for all three, once it is normalised. What differs is the size, and that matters when a
# network is sure:

gaps = np.linspace(-40, 40, 161)  # how far the class leads its two rivals
rows = {name: [np.abs(row * np.exp(scale)).sum() for g in gaps for _, row, scale in [ta.SCORES[name](np.array([g, 0, 0]), 0)]]
        for name in ("pre", "post", "log", "log_odds")}
figure = Figure(figsize=(6, 3.6), layout="constrained")
ax = figure.subplots()
for (name, sizes), style, colour in zip(rows.items(), ("-", "--", "-.", ":"), LINES, strict=False):
    ax.semilogy(gaps, sizes, style, color=colour, lw=2, label=name)
ax.set(xlabel="lead of the class over its rivals, $z_c - z_j$", ylabel="size of the row, $\\Sigma_j |dS/dz_j|$",
       title="Size of a score's row: post vanishes on both sides,\nlog where the class is certain, log_odds never")
ax.legend()
show(figure, "07_saturation.png")
holds("log_odds never vanishes", min(rows["log_odds"]) > 1.99)
holds("post vanishes on both sides", rows["post"][0] < 1e-16 and rows["post"][-1] < 1e-16)
holds("log vanishes on the sure side only", rows["log"][0] > 1 and rows["log"][-1] < 1e-16)

# %%
# Exercise 7.5 (break): a softmax with a way out
# ----------------------------------------------
#
# A colleague adds a class "none of these", whose logit is always 0, and then leaves it out of the answer:
# ``y_c = e^{z_c} / (1 + Σ_j e^{z_j})``. Every y_c is still between 0 and 1. Give the sum of row c of its Jacobian at
# z, as a formula in y: is this network's ``post`` heatmap still blind to a shift of all the logits that it shows?


def with_a_way_out(z):
    """y_c = e^{z_c} / (1 + Σ_j e^{z_j})."""
    return softmax(np.append(z, 0.0))[:-1]


def kappa_with_a_way_out(z, c):
    """Σ_j dy_c/dz_j for y = with_a_way_out(z), by formula."""
    ### BEGIN SOLUTION
    y = with_a_way_out(z)
    return y[c] * (1 - y.sum())
    ### END SOLUTION


for c in range(3):
    slopes = differences(with_a_way_out, z)[c]
    same(f"7.5 y_{c + 1}, against central differences", kappa_with_a_way_out(z, c), slopes.sum(), within=1e-7)
at = np.array([np.log(2), np.log(3)])  # e^z = 2, 3, so that y = 2/6, 3/6 and the way out has 1/6
same("7.5 to the last digit, which no difference has", kappa_with_a_way_out(at, 0), 1 / 18, within=1e-14)
same("7.5 where the way out is likely", kappa_with_a_way_out(np.array([-9.0, -9.0]), 1), np.exp(-9.0), within=1e-3)
holds("7.5 it is not blind", kappa_with_a_way_out(z, 0) > 0)

# %%
# Exercise 7.6 (complete): a zero that is only rounding
# -----------------------------------------------------
#
# In float32 the class leads by 20, so y_c is stored as exactly 1, and the row of ``log`` formed as ``e_c - y`` has a 0
# where the class itself stands: the class's own logit has dropped out of its own explanation. The true entry is
# ``1 - y_c = Σ_{j≠c} y_j``. Write it so that no digit is lost, however far the class leads.

lead = np.array([20.0, 0.0, 0.0], np.float32)
print("e_c - y, float32:", np.eye(3, dtype=np.float32)[0] - softmax(lead).astype(np.float32))


def own_entry(z, c):
    """1 - y_c for logits z (n,), to full relative accuracy."""
    ### BEGIN SOLUTION
    w = np.exp(z - z.max())
    return np.delete(w, c).sum() / w.sum()
    ### END SOLUTION


for ahead in (0, 20, 60):
    true = 2 / (np.exp(float(ahead)) + 2)
    same(f"7.6 a lead of {ahead}", own_entry(np.array([ahead, 0, 0], np.float32), 0), true, within=1e-5)
same("7.6 a class that is far behind", own_entry(lead, 1), 1, within=1e-5)
same("7.6 the row sums to zero again", own_entry(lead, 0) - softmax(lead.astype(np.float64))[1:].sum(), 0, within=1e-13)

# %%
# Exercise 7.7 (explain): to somebody who was not here
# ----------------------------------------------------
#
# A friend explains a classifier by its logits, "since the probabilities are nearly all 0 or 1 anyway". Tell them in two
# or three sentences what they risk and which score you would take instead, and why that one sees the logits as well.
# Your teacher reads it; the check only counts words.

### BEGIN SOLUTION
why = """A logit may hold any number that was added to all of them, and no probability would show it: the map of z_c can be
about that number. Take the log-odds: their row sums to zero, so they cannot see what all logits share, and unlike y_c
they do not vanish when the network is sure, since they are a difference of logits."""
### END SOLUTION

explains("7.7 in your words", why)

# %%
# What you can say now
# --------------------
#
# - A probability cannot see t(x) added to every logit, and neither can any score whose row sums to zero.
# - ``pre`` has kappa 1: its heatmap takes in all of t. Lesson 15 turns that into an attack.
# - ``post``, ``log`` and ``log_odds`` share one direction; they differ in how they vanish.
#
# Talk about it: if training only ever sees probabilities, can it ever remove such a t? (Lesson 16.)
