"""
9. Pre, post, log, log_odds: which maps are equal, and why?
===========================================================

**Question:** Four scores, one picture, one method: how many different heatmaps, and which one should you show?

:Time: 80 min (20 read, 50 solve, 10 discuss)
:CPU: 10 s
:Needs: lessons 7 and 8
:After this you can: prove when post, log and log_odds draw one map; name what pre shows besides; see when float32 has lost the class that a map is for; choose a score and give the reason
:Figures: 09_what_pre_adds.png, 09_figure2.png, 09_vanishing.png
:Words: explained in the `glossary <../glossary.html>`_

Lerma and Lucas 2023a (arXiv 2306.13197) ask whether a heatmap should explain the logit z_c, before the softmax, or the
probability y_c, after it. This lesson puts four scores beside each other: ``pre`` is z_c, ``post`` is y_c, ``log`` is
``log y_c``, ``log_odds`` is ``log (y_c / (1 - y_c))``. A score enters a gradient by its row ``dS/dz`` alone, and lesson 7
wrote the four rows: with e one-hot and q the softmax of the rivals they are ``e``, ``y_c (e - y)``, ``e - y`` and
``e - q``.
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

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import explains, holds, passes, same, show
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
# Exercise 9.1 (prove): what pre shows besides
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


same("9.1 for this class", besides(of_each_class, y.copy(), c), maps["pre"] - maps["log_odds"])
same("9.1 for the strongest rival", besides(of_each_class, y.copy(), rival),
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
show(figure, "09_what_pre_adds.png")
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
show(grid(reproduced.rows, reproduced.columns, reproduced.heatmaps, reproduced.name), "09_figure2.png")
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

figure = Figure(figsize=(9, 4.6), layout="constrained")
left, right = figure.subplots(1, 2)
of_log_odds = np.ones((len(lead), 1))
for ax, measured in ((left, np.hstack([size, of_log_odds])), (right, np.maximum(error, 1e-9))):
    ax.semilogy(lead, measured[:, 0], color=LINES[0], lw=8, alpha=0.4, label="post")  # log lies upon it
    ax.semilogy(lead, measured[:, 1], color=LINES[1], lw=2.5, label="log")
    ax.semilogy(lead[::3], measured[::3, 2], "o", color=LINES[2], label="log_odds")
    ax.axvline(24 * np.log(2), color="black", lw=1, ls="--")
    ax.text(24 * np.log(2) + 0.5, 0.5, "24 log 2", transform=ax.get_xaxis_transform())
    ax.set_xlabel("lead of the class, $\\log (y_c / (1 - y_c))$")
left.set(title="Size of the map,\nthat of log_odds being 1")
right.set(title="Error of the scaled map, row formed\nin float32 (below 1e-9: drawn there)", ylim=(5e-10, 10))
left.legend(loc="lower left")
figure.suptitle(f"Grad-CAM at block5_relu4, class {net.label(c)}")
show(figure, "09_vanishing.png")
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
# Exercise 9.2 (break): lose the class
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
holds("9.2 the class's own entry is 0", broken[c] == 0, "make the network more certain")
holds("9.2 the rivals' entries are not", broken.min() < 0, "this is so certain that nothing is left at all")
q = e - ta.SCORES["log_odds"](s * z, c)[1]
same("9.2 what the map shows", scaled(shown(q, of_each_class)), scaled(grad_cam(broken)), within=1e-6)
made_up = np.random.default_rng(7).normal(size=(len(z), 3, 5))  # a map is linear in its row: Σ_j row_j L_j
same("9.2 for other pre maps", scaled(shown(q, made_up)), scaled(np.tensordot(broken, made_up, 1)), within=1e-6)
several = np.array([20.0, 1.0, 0.5, 0.0])  # three rivals, none of them alone
q, broken = np.eye(4)[0] - ta.SCORES["log_odds"](several, 0)[1], as_printed(several, 0)["log"]
same("9.2 for several rivals", scaled(shown(q, made_up[:4])), scaled(np.tensordot(broken, made_up[:4], 1)), within=1e-6)

# %%
# When is a factor harmless?
# --------------------------
#
# Grad-CAM passes a factor of the row on. Not every method does: Grad-CAM++ (Chattopadhay et al. 2018) weighs each gradient
# by a fraction that has gradients in its denominator. To find out what a method does, try it on many random networks: a
# convolution, a ReLU, a mean over all places, a dense layer.


def plus_plus(A, g):
    """Grad-CAM++, Chattopadhay et al. 2018 (19): w_k = Σ_ij α_ijk max(g_ijk, 0), α = 1 / (2 + g Σ_ij A_ijk)."""
    return A @ (relu(g) / (2 + A.sum((0, 1)) * relu(g))).sum((0, 1))


def random_network(random_state):
    """(net, x): the network, its weights drawn at random, and a random picture for it."""
    rng = np.random.default_rng(random_state)
    side, C, K, n = rng.integers(2, 6, 4)
    layers = [("conv", "conv2d", {"padding": 1}), ("relu", "relu", {}), ("pool", "global_avg_pool", {}), ("logits", "dense", {})]
    weights = {"conv": (rng.standard_normal((3, 3, C, K)), rng.standard_normal(K)),
               "logits": (rng.standard_normal((K, n)), rng.standard_normal(n))}
    return ta.network(layers, weights), rng.standard_normal((1, side, side, C))

# %%
# Exercise 9.3 (prove): positive homogeneity
# ------------------------------------------
#
# That a factor is harmless has a name: a method is *positively homogeneous* in the row if ``L(a row) = a L(row)`` for every a > 0.
# Write it as a claim about one row and one a. It must hold for Grad-CAM and LayerCAM on random networks, rows and a,
# and it must find Grad-CAM++. Floats round, so allow for that, but not for a thousandth.


def scales(L, row, a):
    """L(a row) = a L(row), for a function L from a row to a map (h, w), a row (1, n) and a > 0: a bool, or assert it."""
    ### BEGIN SOLUTION
    return np.abs(L(a * row) - a * L(row)).max() <= 1e-12 * a * np.abs(L(row)).max()
    ### END SOLUTION


def homogeneous(pooling):
    """Does the claim hold for forty random networks, rows and factors a, from a thousandth to a thousand?"""

    def claim(k):
        net, x = random_network(k)
        run, rng = net.run(x), np.random.default_rng(1000 + k)
        row, a = rng.standard_normal(net.logits(run).shape), 10 ** rng.uniform(-3, 3)

        def L(row):
            g = ta.walk(run, {"logits": row}, ta.GRADIENT, (net.features,))[net.features][0]
            return pooling(run[net.features].output[0], g)

        return not L(row).any() or passes(scales, L, row, a)  # a map of zeros says nothing

    return all(map(claim, range(40)))


holds("9.3 Grad-CAM", homogeneous(lambda A, g: A @ g.mean((0, 1))))
holds("9.3 LayerCAM", homogeneous(lambda A, g: (A * relu(g)).sum(-1)), "for a > 0 only: max(a g, 0) = a max(g, 0)")
holds("9.3 Grad-CAM++ is found out", not homogeneous(plus_plus), "the property must be able to fail")
one = np.array([[3.0, -1.0, 2.0]])
for a in (0.37, 5.5):
    def slips(row, a=a):
        """A method that is off by a thousandth for the one row a · one, and right for all others."""
        return row * (1.001 if np.allclose(row, a * one) else 1)

    holds(f"9.3 a slip of a thousandth at a = {a} only", not passes(scales, slips, one, a), "use the a that you are given")

    def exchanges(row, a=a):
        """A method that exchanges two places for the row a · one: the sum, the largest and its place stay."""
        return row[:, [0, 2, 1]] if np.allclose(row, a * one) else row

    holds(f"9.3 two places exchanged at a = {a} only", not passes(scales, exchanges, one, a), "compare place by place")

# %%
# Which score should I use?
# -------------------------
#
# - **log_odds**, unless you have a reason for another one.
# - It draws the map of post and log wherever a method is positively homogeneous in one row.
# - It cannot be shifted: its row sums to zero. That of pre does not, and lesson 15 makes use of it.
# - It does not vanish and loses no digits when the network is certain; post and log do.
# - In Grad-CAM++, along paths and under noise (lesson 12 tries eight methods) every score draws a map of its own: say which
#   one you took.
#
# Exercise 9.4 (explain): the caption
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

explains("9.4 in your words", why)

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
