"""
7. Pre, post, log, log_odds: which maps are equal, and why?
===========================================================

**Question:** Four scores, one picture, one method: how many different heatmaps, and which one should you show?

:Time: 60 min (10 talk, 35 work, 15 discuss)
:CPU: 9 s
:Needs: lesson 5 (lesson 6 helps); hypothesis (extra "lessons"); no network
:After this you can: say without computing for which methods post, log and log_odds draw one map; name what pre shows besides; see when float32 has lost the class that a map is for; choose a score and give the reason
:Figures: 07_what_pre_adds.png, 07_figure2.png, 07_vanishing.png

Lerma and Lucas 2023a (arXiv 2306.13197) ask whether a heatmap should explain the logit z_c, before the softmax, or the
probability y_c, after it. This lesson puts four scores beside each other: ``pre`` is z_c, ``post`` is y_c, ``log`` is
``log y_c``, ``log_odds`` is ``log (y_c / (1 - y_c))``. A score enters a gradient by its row ``dS/dz`` alone, so start
there.
"""

# %%
# Predict first
# -------------
#
# A picture has a cup and a telephone; the network says cup, y_c = 0.6. Write down, before you run the next cells:
#
# - scaled to a maximum of 1, how many different Grad-CAM maps do the four scores give?
# - the map of pre for the cup: does the telephone show in it?
# - the network is made more and more certain. Which of the four maps get smaller? Does their picture change?

from dataclasses import replace
from functools import cache

import numpy as np
from hypothesis import strategies as st
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr import strategies
from tinyattr.course import explains, has, holds, passes, predicts, same, show, unaided
from tinyattr.course.properties import drawn
from tinyattr.glyphs.scenes import CLASSES, scene
from tinyattr.methods.heatmap import relu
from tinyattr.softmax import log_odds_row, log_row, post_row, pre_row, softmax
from tinyattr.studies.draw import LINES, SIGNED, grid, in_grey
from tinyattr.studies.reproduce import scores_side_by_side

net = ta.load("glyphs")
rng = np.random.default_rng([6, 25])
picture = scene(rng, rng.choice(len(CLASSES), 2, replace=False), difficulty=0.5).picture
x = net.read(picture)
z = net(x)[0]  # (n,)
y = softmax(z)
c = int(y.argmax())
print(", ".join(f"{net.label(j)} {y[j]:.2f}" for j in np.argsort(-y)[:4]))
holds("the network says cup, y_c = 0.6", net.classes[c] == "cup" and round(y[c], 1) == 0.6)

# %%
# Exercise 7.1 (complete): four rows
# ----------------------------------
#
# With e = e_c one-hot and q the softmax of the rivals, ``q_j = y_j / Σ_{i≠c} y_i`` and ``q_c = 0``: write the rows
# ``dS/dz`` of the four scores. Equation (7) of 2023a has post's, (18) has log's.


@unaided(softmax)
def my_rows(z, c):
    """{"pre": row, "post": row, "log": row, "log_odds": row}, each (n,)."""
    e, y = np.eye(len(z))[c], softmax(z)
    ### BEGIN SOLUTION
    q = np.where(e == 1, 0, y) / np.delete(y, c).sum()
    return {"pre": e, "post": y[c] * (e - y), "log": e - y, "log_odds": e - q}
    ### END SOLUTION


has("7.1 all four", my_rows(z, c), ("pre", "post", "log", "log_odds"))
for j in (c, 0):
    for name, row in my_rows(z, j).items():
        slopes = [(ta.SCORES[name](z + h, j)[0] - ta.SCORES[name](z - h, j)[0]) / 2e-5 for h in 1e-5 * np.eye(len(z))]
        same(f"7.1 {name} of {net.label(j)}, against central differences", row, slopes, within=1e-8)
        same(f"7.1 {name} of {net.label(j)}, kappa", np.sum(row), 1 if name == "pre" else 0, within=1e-14)

# %%
# Three maps are one
# ------------------
#
# The last three rows are the same row three times, with the factors ``y_c (1 - y_c)``, ``1 - y_c`` and 1. Grad-CAM is
# linear in g, and g is linear in the row, so a factor of the row is a factor of the map, and scaling takes it out. We
# check it in float64, with a walk for each row as it stands. (The library walks with the row that the three share, and
# keeps the factor beside it: there the maps are equal by construction.)

tape = net.astype(np.float64).run(x)


def grad_cam(row, layer="block5_relu4"):
    """Grad-CAM's L (h, w), signed, for a row (n,): each channel's mean gradient times its activations."""
    g = ta.walk(tape, {"predictions": row[None]}, ta.GRADIENT, (layer,))[layer][0]  # (h, w, C)
    return tape[layer].output[0] @ g.mean((0, 1))


def scaled(L):
    """The same picture with a largest magnitude of 1."""
    return L / np.abs(L).max()


e, w = np.eye(len(z))[c], np.exp(z - z.max())
rows = {"pre": pre_row(e), "post": post_row(y, e), "log": log_row(y, e), "log_odds": log_odds_row(w, e)}
maps = {name: grad_cam(row) for name, row in rows.items()}
for name in ("post", "log"):
    same(f"the map of {name} is that of log_odds", scaled(maps[name]), scaled(maps["log_odds"]))
same("the factor of post is y_c (1 - y_c)", maps["post"], y[c] * (1 - y[c]) * maps["log_odds"])
holds("pre draws another one", np.abs(scaled(maps["pre"]) - scaled(maps["log_odds"])).max() > 0.1)
of_each_class = np.stack([grad_cam(row) for row in np.eye(len(z))])  # (n, h, w): the pre maps of all classes
rival = int(np.argsort(-y)[1])

# %%
# Exercise 7.2 (prove): what pre shows besides
# --------------------------------------------
#
# The rows of pre and log_odds differ by ``e - (e - q) = q``. Say what that means for the maps: given the pre maps L_j
# of all classes, (n, h, w), write the difference ``L(pre) - L(log_odds)`` of class c.


def besides(L, y, c):
    """L(pre) - L(log_odds) for class c, (h, w), from the pre maps L (n, h, w) of all classes and y (n,)."""
    ### BEGIN SOLUTION
    q = y / np.delete(y, c).sum()
    q[c] = 0
    return np.tensordot(q, L, 1)  # Σ_j q_j L_j: what speaks for the rivals
    ### END SOLUTION


same("7.2 for this class", besides(of_each_class, y.copy(), c), maps["pre"] - maps["log_odds"])
same("7.2 for the strongest rival", besides(of_each_class, y.copy(), rival),
     of_each_class[rival] - grad_cam(log_odds_row(w, np.eye(len(z))[rival])))

# %%
# So log_odds subtracts what speaks for the rivals, each in the measure in which it competes; pre leaves them out. Wang
# and Wang (NeurIPS 2022) drew this map before us: they call ``L_c - Σ q_j L_j`` the weighted contrast, and that of the
# score ``margin`` the max contrast. In the figure orange is positive, purple negative.

figure = Figure(figsize=(9, 2.9), layout="constrained")
panels = {"pre:\nL_c": maps["pre"], "log_odds:\nL_c - Σ q_j L_j": maps["log_odds"],
          "the difference:\nΣ q_j L_j": maps["pre"] - maps["log_odds"]}
axes = figure.subplots(1, 4)
axes[0].imshow(picture)
axes[0].set_title("the picture", fontsize=10)
limit = max(np.abs(L).max() for L in panels.values())
for ax, (title, L) in zip(axes[1:], panels.items(), strict=True):
    ax.imshow(in_grey(picture), cmap="gray", extent=(0, 14, 14, 0))
    image = ax.imshow(L, cmap=SIGNED, vmin=-limit, vmax=limit, alpha=0.75, extent=(0, 14, 14, 0))
    ax.set_title(title, fontsize=10)
for ax in axes:
    ax.set(xticks=[], yticks=[])
figure.colorbar(image, ax=axes, shrink=0.7)
figure.suptitle(f"Grad-CAM at block5_relu4, signed, class {net.label(c)}", fontsize=11)
show(figure, "07_what_pre_adds.png")
there = np.unravel_index(of_each_class[rival].argmax(), maps["pre"].shape)
holds("where the rival is strongest, log_odds counts it against the class", maps["log_odds"][there] < 0)

# %%
# Figure 2 of 2023a
# -----------------
#
# The paper sets pre, post and log beside each other for three methods, and says that for Grad-CAM and Grad-CAM+ the
# difference between post and log is barely visible. On our network, with a column for log_odds:

reproduced = scores_side_by_side(net, x, layer="block5_relu4")
print(reproduced.table())
show(grid(reproduced.rows, reproduced.columns, reproduced.heatmaps, reproduced.name), "07_figure2.png")
holds("every claim of the figure holds here", all(claim.holds for claim in reproduced.claims))

# %%
# "Barely visible" is too modest: there is no difference. RSI-Grad-CAM adds up gradients along a path from a black
# picture. As y_c changes along it, the factor is another one at every step and cannot be taken out of the sum.
#
# Small maps, lost maps
# ---------------------
#
# A factor does no harm until a computer has to store it. We make the network more certain: the last layer's weights
# times s give the logits s z. Then we form the rows in float32 as they are printed, as many programs do, and compare.


def as_printed(z, c, dtype=np.float32):
    """The rows of post and log, y_c (e_c - y) and e_c - y, with every step in `dtype`."""
    w = np.exp((z - z.max()).astype(dtype))
    y, e = w / w.sum(), np.eye(len(z), dtype=dtype)[c]
    return {"post": y[c] * (e - y), "log": e - y}


lead, size, error = [], [], []
for s in np.geomspace(0.3, 40, 60):
    odds, row, _ = ta.SCORES["log_odds"](s * z, c)
    true, found = grad_cam(row), {name: grad_cam(r) for name, r in as_printed(s * z, c).items()}
    lead.append(odds)
    size.append([np.abs(found[name]).max() / np.abs(true).max() for name in found])
    found["log_odds"] = grad_cam(row.astype(np.float32))
    error.append([np.abs(scaled(L) - scaled(true)).max() for L in found.values()])
lead, size, error = map(np.array, (lead, size, error))

figure = Figure(figsize=(9, 3.8), layout="constrained")
left, right = figure.subplots(1, 2)
for k, (name, style) in enumerate({"post": "-", "log": "--", "log_odds": ":"}.items()):
    if name != "log_odds":
        left.semilogy(lead, size[:, k], style, color=LINES[k], lw=2, label=name)
    right.semilogy(lead, error[:, k], style, color=LINES[k], lw=2, label=name)
left.set(title="Size of the map, that of log_odds being 1")
right.set(title="Error of the scaled map, row formed in float32")
for ax in (left, right):
    ax.axvline(24 * np.log(2), color="black", lw=0.8)
    ax.set_xlabel("lead of the class, $\\log (y_c / (1 - y_c))$")
    ax.legend(loc="lower left" if ax is left else "upper left")
right.set_ylim(1e-9, 10)
figure.suptitle(f"Grad-CAM at block5_relu4, class {net.label(c)}; line: a lead of 24 log 2", fontsize=11)
show(figure, "07_vanishing.png")
holds("beyond 24 log 2 the float32 maps of post and log are wrong", error[lead > 18, :2].min() > 0.1)
holds("that of log_odds is kept", error[:, 2].max() < 1e-6)
holds("where the class leads by 30 the maps of post and log are 1e-12 of it", size[lead > 30].max() < 1e-12)
kernel, bias = net.weights["predictions"]
sharp = replace(net, weights={**net.weights, "predictions": (20 * kernel, 20 * bias)})
same("20 times the last layer's weights, 20 times the logits", sharp(x)[0], 20 * z, within=1e-5)

# %%
# float32 has 24 binary digits. Once ``1 - y_c`` is below ``2^-24``, at a lead of ``24 log 2 = 16.6``, y_c is stored as
# 1 and the class's own entry, ``1 - y_c``, as 0. The rivals' entries ``-y_j`` are stored well. So the row no longer
# sums to zero, and its map is not faint: scaled to 1 it is as bright as ever. Only it shows something else.
#
# Exercise 7.3 (break): lose the class
# ------------------------------------
#
# Choose ``s`` so that at the logits ``s z`` float32's row of log has lost its class, but not its rivals. Then say
# what its map shows: a function ``shown(q, L)`` that makes the map (h, w), up to a positive factor, from q (n,), the
# softmax of the rivals at ``s z``, and the pre maps L (n, h, w) of all classes.

### BEGIN SOLUTION
s = 25


def shown(q, L):
    return -np.tensordot(q, L, 1)
### END SOLUTION


broken = as_printed(s * z, c)["log"]
holds("7.3 the class's own entry is 0", broken[c] == 0, "make the network more certain")
holds("7.3 the rivals' entries are not", broken.min() < 0, "this is so certain that nothing is left at all")
q = e - ta.SCORES["log_odds"](s * z, c)[1]
same("7.3 what the map shows", scaled(shown(q, of_each_class)), scaled(grad_cam(broken)), within=1e-6)
made_up = np.random.default_rng(7).normal(size=(len(z), 3, 5))  # a map is linear in its row: Σ_j row_j L_j
same("7.3 for other pre maps", scaled(shown(q, made_up)), scaled(np.tensordot(broken, made_up, 1)), within=1e-6)

# %%
# Other methods
# -------------
#
# Eight methods on a small random network, each with the rows of post, log and log_odds as they stand. A gradient is
# linear in its row; what becomes of that depends on the walk's rules, and on what is done with g.

tiny = ta.vgg("A", seed=3, width=1 / 16, dense=(32, 32), size=64, classes=5, dtype=np.float64)
noise = np.random.default_rng(1)
x_tiny = noise.standard_normal((1, 64, 64, 3))
GUIDED = {**ta.GRADIENT, "relu": lambda record, g: (relu(g) * (record.x[0] > 0),)}
ROWS = {"post": post_row, "log": log_row, "log_odds": log_odds_row}


def signal(score, x=x_tiny, layer="input", book=ta.GRADIENT, times_z=False):
    """What a walk from the score's row at x, or from row times z for LRP, leaves at a layer: (h, w, C)."""
    run = tiny.run(x)
    z = tiny.logits(run)
    row = ROWS[score](softmax(z), np.eye(5)[[2]])
    return ta.walk(run, {"predictions": row * z if times_z else row}, book, (layer,))[layer][0]


def cam(pooling):
    """A method that makes L from A and g at block5_relu2."""
    A = tiny.run(x_tiny)["block5_relu2"].output[0]
    return lambda score: pooling(A, signal(score, layer="block5_relu2"))


def plus_plus(A, g):
    """Grad-CAM++, Chattopadhay et al. 2018 (19): w_k = Σ_ij α_ijk max(g_ijk, 0), α = 1 / (2 + g Σ_ij A_ijk)."""
    return A @ (relu(g) / (2 + A.sum((0, 1)) * relu(g))).sum((0, 1))


many = [x_tiny + 0.3 * noise.standard_normal(x_tiny.shape) for _ in range(6)]
path = [a * x_tiny for a in (np.arange(12) + 0.5) / 12]
METHODS = {
    "gradient": signal,
    "guided backprop": lambda score: signal(score, book=GUIDED),
    "Grad-CAM": cam(lambda A, g: A @ g.mean((0, 1))),
    "LayerCAM": cam(lambda A, g: (A * relu(g)).sum(-1)),
    "Grad-CAM++": cam(plus_plus),
    "LRP": lambda score: signal(score, book=ta.COMPOSITES["epsilon_plus"](tiny), times_z=True),
    "SmoothGrad": lambda score: sum(signal(score, x) for x in many),
    "integrated gradients": lambda score: x_tiny[0] * sum(signal(score, x) for x in path),
}
print(", ".join(METHODS))
DRAWS = drawn(st.tuples(strategies.tiny_networks(("convolutional",)), strategies.seeds, st.floats(0.001, 1000)), count=40)


@cache
def scaled_map(name, score):
    """The method's map for this score, its largest magnitude 1."""
    return scaled(METHODS[name](score))


def alike(name, score, other):
    """Does the method draw one and the same map for both scores?"""
    return np.abs(scaled_map(name, score) - scaled_map(name, other)).max() < 1e-9


# %%
# Exercise 7.4 (predict): who keeps the equality?
# -----------------------------------------------
#
# For which of the eight are the scaled maps of post, log and log_odds one and the same? Write True or False for each,
# ``one_map = {"gradient": ..., ...}``, before you run the checks: what does a factor of the row do in the method's
# formula?

### BEGIN SOLUTION
one_map = {"gradient": True, "guided backprop": True, "Grad-CAM": True, "LayerCAM": True, "Grad-CAM++": False,
           "LRP": True, "SmoothGrad": False, "integrated gradients": False}
### END SOLUTION

predicts("7.4 post and log", one_map, {name: alike(name, "post", "log") for name in METHODS})
predicts("7.4 log and log_odds", one_map, {name: alike(name, "log", "log_odds") for name in METHODS})

# %%
# Exercise 7.5 (prove): positive homogeneity
# ------------------------------------------
#
# The reason has a name: a method is *positively homogeneous* in the row if ``L(a row) = a L(row)`` for every a > 0.
# Write it as a claim about one row and one a. It must hold for Grad-CAM and LayerCAM on random networks, rows and a,
# and it must find Grad-CAM++. Floats round, so allow for that, but not for a thousandth.


def scales(L, row, a):
    """L(a row) = a L(row), for a function L from a row to a map (h, w), a row (1, n) and a > 0: a bool, or assert it."""
    ### BEGIN SOLUTION
    return np.abs(L(a * row) - a * L(row)).max() <= 1e-12 * a * np.abs(L(row)).max()
    ### END SOLUTION


def homogeneous(pooling):
    """Does the claim hold in all draws of a network, a row and a?"""

    def claim(drawn):
        (net, x), random_state, a = drawn
        run = net.run(x)
        row = np.random.default_rng(random_state).standard_normal(net.logits(run).shape)

        def L(row):
            g = ta.walk(run, {"logits": row}, ta.GRADIENT, (net.features,))[net.features][0]
            return pooling(run[net.features].output[0], g)

        return not L(row).any() or passes(scales, L, row, a)  # a map of zeros says nothing

    return all(map(claim, DRAWS))


holds("7.5 Grad-CAM", homogeneous(lambda A, g: A @ g.mean((0, 1))))
holds("7.5 LayerCAM", homogeneous(lambda A, g: (A * relu(g)).sum(-1)), "for a > 0 only: max(a g, 0) = a max(g, 0)")
holds("7.5 Grad-CAM++ is found out", not homogeneous(plus_plus), "the property must be able to fail")
one = np.array([[3.0, -1.0, 2.0]])
for a in (0.37, 5.5):
    def slips(row, a=a):
        """A method that is off by a thousandth for the one row a · one, and right for all others."""
        return row * (1.001 if np.allclose(row, a * one) else 1)

    holds(f"7.5 a slip of a thousandth at a = {a} only", not passes(scales, slips, one, a), "use the a that you are given")

# %%
# Which score should I use?
# -------------------------
#
# - **log_odds**, unless you have a reason for another one.
# - It draws the map of post and log wherever a method is positively homogeneous in one row.
# - It cannot be shifted: its row sums to zero. That of pre does not, and lesson 10 makes use of it.
# - It does not vanish and loses no digits when the network is certain; post and log do.
# - Along paths, under noise and in Grad-CAM++ every score draws a map of its own: say which one you took.
#
# Exercise 7.6 (explain): the caption
# -----------------------------------
#
# A colleague shows the Grad-CAM map of ``pre`` for the cup, and bright places on the telephone. Write the two or three
# sentences that should stand below it: which question does this map answer, which one would the map of log_odds answer,
# and why do the two differ on the telephone? Your teacher reads it; the check only counts words.

### BEGIN SOLUTION
why = """This map shows what raises the logit of the cup, whether or not it raises other logits as much. The telephone shows
since its edges raise the cup's logit, too. The map of log_odds subtracts what speaks for the rivals, each weighted by how
much it competes, so it answers why cup and not telephone, and there the telephone counts against the cup."""
### END SOLUTION

explains("7.6 in your words", why)

# %%
# What you can say now
# --------------------
#
# - A factor of the row is a factor of the map, and scaling takes it out: post, log and log_odds are one Grad-CAM.
# - pre is log_odds plus what speaks for the rivals, ``Σ_j q_j L_j``.
# - A map that is computed from a vanished row is not pale but wrong.
#
# Talk about it: log_odds asks "why this class and not its rivals?", pre asks "what speaks for this class?". When is
# the second question the one you have, and how would you ask it without being open to a shift?
