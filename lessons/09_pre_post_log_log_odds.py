"""
9. Pre, post, log, log_odds: which maps are equal, and why?
===========================================================

**Question:** How many different heatmaps do four scores give for one picture and one method, and which map should you show?

:Time: 85 min (25 read, 50 solve, 10 discuss)
:CPU: 10 s
:Needs: lessons 7 and 8
:After this you can: prove when post, log and log_odds draw the same map; say what a pre map shows in addition; see when float32 rounds an entry of the row to 0; choose a score and give the reason
:Figures: 09_what_pre_adds.png, 09_figure2.png, 09_vanishing.png
:Words: explained in the `glossary <../glossary.html>`_

Lerma and Lucas 2023a (arXiv 2306.13197) ask what a heatmap should explain: the logit z_c before softmax, or the
probability y_c after softmax. This lesson compares four scores: ``pre`` is z_c, ``post`` is y_c, ``log`` is
``log y_c``, and ``log_odds`` is ``log (y_c / (1 - y_c))``. A gradient depends on the score only through the score's
row ``dS/dz``. Let e be one-hot for class c. All other classes are the rivals of c, and q is the softmax of the rivals.
Lesson 7 gives the rows: ``e`` for pre, ``y_c (e - y)`` for post, ``e - y`` for log and ``e - q`` for log_odds.
"""

# %%
# Predict first
# -------------
#
# A picture has a cup and a telephone. The network says cup with y_c = 0.6. Before you run the next cells, write down
# your answers:
#
# - The Grad-CAM maps of the four scores are scaled: their largest magnitude is 1. How many different maps are there?
# - Can you see the telephone in the pre map for the cup?
# - We make the network more and more certain. In which of the four maps do the numbers get smaller? Do the scaled maps
#   change?

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import agrees, explains, holds, passes, same, show, spoiled
from tinyattr.glyphs.scenes import CLASSES, scene
from tinyattr.methods.heatmap import relu
from tinyattr.softmax import log_odds_row, log_row, post_row, pre_row, softmax
from tinyattr.studies.draw import LINES, SIGNED, grid, in_grey
from tinyattr.studies.reproduce import scores_side_by_side

net = ta.load("glyphs")
rng = np.random.default_rng([6, 25])
drawn = scene(rng, rng.choice(len(CLASSES), 2, replace=False), difficulty=0.5)
picture, telephone = drawn.picture, drawn.masks[1]  # telephone: True where the telephone is
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
# For each rival j, ``y_j = (1 - y_c) q_j``, so ``e - y`` is ``(1 - y_c) (e - q)`` (lesson 7). The row of post is ``y_c
# (1 - y_c)`` times ``e - q``. The row of log is ``1 - y_c`` times ``e - q``. The row of log_odds is ``e - q`` itself.
# Without its final ReLU, Grad-CAM is linear in the gradient g, and g is linear in the row. So a factor of the row
# becomes a factor of the map, and scaling the map removes the factor. We check this in float64 with a separate walk for
# each row. (The library uses one row ``e - q`` for the three scores and stores their factors separately. So its three
# scaled maps are always equal.)

tape = net.astype(np.float64).run(x)


def grad_cam(row, layer="block5_relu4"):
    """Grad-CAM's L (h, w) without the final ReLU, for a row (n,): the sum over k of mean gradient times activations."""
    g = ta.walk(tape, {"predictions": row[None]}, ta.GRADIENT, (layer,))[layer][0]  # (h, w, C)
    return tape[layer].output[0] @ g.mean((0, 1))


def scaled(L):
    """The map L, scaled so that its largest magnitude is 1."""
    return L / np.abs(L).max()


e, w = np.eye(len(z))[c], np.exp(z - z.max())  # w / w.sum() is softmax(z)
rows = {"pre": pre_row(e), "post": post_row(y, e), "log": log_row(y, e), "log_odds": log_odds_row(w, e)}
maps = {name: grad_cam(row) for name, row in rows.items()}
for name in ("post", "log"):
    same(f"{name} and log_odds have the same scaled map", scaled(maps[name]), scaled(maps["log_odds"]))
same("the factor of post is y_c (1 - y_c)", maps["post"], y[c] * (1 - y[c]) * maps["log_odds"])
holds("the scaled map of pre is different", np.abs(scaled(maps["pre"]) - scaled(maps["log_odds"])).max() > 0.1)
of_each_class = np.stack([grad_cam(row) for row in np.eye(len(z))])  # (n, h, w): the pre maps of all classes
rival = int(np.argsort(-y)[1])

# %%
# Exercise 9.1 (prove): what pre shows in addition
# ------------------------------------------------
#
# The difference of the rows of pre and log_odds is ``e - (e - q) = q``. What does this mean for the maps? You have the
# pre maps L_j of all classes, (n, h, w). Write the difference ``L(pre) - L(log_odds)`` of class c.


def besides(L, y, c):
    """L(pre) - L(log_odds) for class c, (h, w), from the pre maps L (n, h, w) of all classes and y (n,)."""
    ### BEGIN SOLUTION
    q = y / np.delete(y, c).sum()
    q[c] = 0
    return np.tensordot(q, L, 1)  # Σ_j q_j L_j: a mean of the rivals' maps
    ### END SOLUTION


same("9.1 for this class", besides(of_each_class, y.copy(), c), maps["pre"] - maps["log_odds"])
same("9.1 for the strongest rival", besides(of_each_class, y.copy(), rival),
     of_each_class[rival] - grad_cam(log_odds_row(w, np.eye(len(z))[rival])))
rng = np.random.default_rng(9)
agrees("9.1 for made-up maps of four classes", besides, lambda L, y, c: L[c] - np.tensordot(ta.SCORES["log_odds"](np.log(y), c)[1], L, 1),
       [(rng.normal(size=(4, 3, 5)), rng.dirichlet(np.ones(4)), c) for c in range(4)])

# %%
# So the map of log_odds is the map of pre minus a weighted mean of the rivals' maps. The weights are the q_j: a rival
# has a large weight if its logit is large. Wang and Wang (NeurIPS 2022) drew these maps before us. They call
# ``L_c - Σ q_j L_j`` the weighted contrast. Their max contrast, ``L_c`` minus the map of the strongest rival, is the
# map of the score ``margin``. In the next figure, orange is positive and purple is negative.

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
holds("the map of log_odds is negative where the pre map of the strongest rival is largest", maps["log_odds"][there] < 0)
on_telephone = {name: np.kron(L, np.ones((16, 16)))[telephone] for name, L in maps.items()}  # a place has 16 x 16 pixels
holds("the pre map is most negative on the telephone", on_telephone["pre"].min() == maps["pre"].min() < -maps["pre"].max())
holds("on average, the map of log_odds is even lower there", on_telephone["log_odds"].mean() < on_telephone["pre"].mean() < 0)

# %%
# Can you see the telephone in the pre map for the cup? In this picture you can: the map is negative there, because the
# telephone lowers the logit of the cup. A heatmap that shows only positive values hides this.
#
# Figure 2 of 2023a
# -----------------
#
# Figure 2 of the paper compares pre, post and log for three methods. The paper says that for Grad-CAM and Grad-CAM+ the
# difference between post and log is barely visible. We draw this figure with our network and add a column for log_odds.

reproduced = scores_side_by_side(net, x, layer="block5_relu4")
print(reproduced.table())
show(grid(reproduced.rows, reproduced.columns, reproduced.heatmaps, reproduced.name), "09_figure2.png")
holds("every claim of the figure holds here", all(claim.holds for claim in reproduced.claims))

# %%
# The paper could say more: for Grad-CAM and Grad-CAM+, the scaled maps do not differ at all. The third method,
# RSI-Grad-CAM, is different. It takes many pictures, from a black one to this one. Each picture is a little brighter
# than the one before, and gives a gradient. This gradient is multiplied by the change of the activations from one
# picture to the next. The products are added. The probability differs from picture to picture, so each gradient has
# another factor. Scaling the sum cannot remove these factors.
#
# Small maps, lost maps
# ---------------------
#
# In float32, a factor can do harm. We make the network more certain: if the weights and biases of the last layer are
# multiplied by s, the logits become s z. Then we compute the rows of post and log in float32 from their formulas, as
# many programs do. We compare their maps with the map of log_odds, whose row is computed in float64.


def as_printed(z, c, dtype=np.float32):
    """The rows of post and log from their formulas y_c (e_c - y) and e_c - y, with every step in `dtype`."""
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
    # On the left: the size of the log map is the size of the post map divided by y_c. So the two curves meet where y_c is near 1.
    ax.semilogy(lead, measured[:, 0], color=LINES[0], lw=8, alpha=0.4, label="post")
    ax.semilogy(lead, measured[:, 1], color=LINES[1], lw=2.5, label="log")
    ax.semilogy(lead[::3], measured[::3, 2], "o", color=LINES[2], label="log_odds")
    ax.axvline(24 * np.log(2), color="black", lw=1, ls="--")
    ax.text(24 * np.log(2) + 0.5, 0.5, "24 log 2", transform=ax.get_xaxis_transform())
    ax.set_xlabel("log-odds of the class, $\\log (y_c / (1 - y_c))$")
left.set(title="Size of the map\n(the log_odds map has size 1)")
right.set(title="Error of the scaled map, with a float32 row\n(errors below 1e-9 are drawn at 1e-9)", ylim=(5e-10, 10))
left.legend(loc="lower left")
figure.suptitle(f"Grad-CAM at block5_relu4, class {net.label(c)}")
show(figure, "09_vanishing.png")
holds("for log-odds above 18 the float32 maps of post and log are wrong", error[lead > 18, :2].min() > 0.1)
holds("the float32 map of log_odds is right for all log-odds", error[:, 2].max() < 1e-6)
holds("for log-odds above 30 the maps of post and log have less than 1e-12 of the size of the log_odds map", size[lead > 30].max() < 1e-12)
kernel, bias = net.weights["predictions"]
sharp = replace(net, weights={**net.weights, "predictions": (20 * kernel, 20 * bias)})
same("20 times the last layer's weights give 20 times the logits", sharp(x)[0], 20 * z, within=1e-5)

# %%
# Why is the dashed line at ``24 log 2``? The log-odds of the class are ``log (y_c / (1 - y_c)) = -log r``, where r is
# the sum of ``e^{z_j - z_c}`` over the rivals j. To compute y_c, a program divides by ``1+r``. float32 has 24 binary
# digits: if r is at most ``2^-24``, float32 stores ``1+r`` as 1. This is true for log-odds from ``24 log 2 = 16.6`` on.
# Then y_c is stored as 1, and the class's own entry ``1 - y_c`` as 0. But the rivals' entries ``-y_j`` keep their
# digits. So one entry of the row has vanished, and the row no longer sums to zero. The scaled map is as bright as
# before, but it shows something else. (If all entries vanish, the map is zero everywhere.)
#
# Exercise 9.2 (break): lose the class
# ------------------------------------
#
# Choose ``s`` for the logits ``s z``. Look at the row of log in float32. Its entry for class c must be 0. The entry of
# at least one rival must not be 0. What does the map of this row show? Write a function ``shown(q, L)`` that returns
# this map (h, w), up to a positive factor. Here q (n,) is the softmax of the rivals at ``s z``, and L (n, h, w) are the
# pre maps of all classes.

### BEGIN SOLUTION
s = 25


def shown(q, L):
    return -np.tensordot(q, L, 1)
### END SOLUTION


broken = as_printed(s * z, c)["log"]
holds("9.2 the class's own entry is 0", broken[c] == 0, "make the network more certain")
holds("9.2 the rivals' entries are not all 0", broken.min() < 0, "make the network less certain: all entries are 0")
q = e - ta.SCORES["log_odds"](s * z, c)[1]
same("9.2 what the map shows", scaled(shown(q, of_each_class)), scaled(grad_cam(broken)), within=1e-6)
made_up = np.random.default_rng(7).normal(size=(len(z), 3, 5))  # a map is linear in its row: Σ_j row_j L_j
same("9.2 shown(q, L) for other pre maps", scaled(shown(q, made_up)), scaled(np.tensordot(broken, made_up, 1)), within=1e-6)
several = np.array([20.0, 1.0, 0.5, 0.0])  # three rivals that are nearly as strong as each other
q, broken = np.eye(4)[0] - ta.SCORES["log_odds"](several, 0)[1], as_printed(several, 0)["log"]
same("9.2 shown(q, L) for several rivals", scaled(shown(q, made_up[:4])), scaled(np.tensordot(broken, made_up[:4], 1)), within=1e-6)

# %%
# When is a factor harmless?
# --------------------------
#
# A factor of the row becomes a factor of a Grad-CAM map. This is not true for every method. For example, Grad-CAM++
# (Chattopadhay et al. 2018) multiplies each gradient by a fraction, and the denominator of this fraction contains
# gradients. To find out what a method does, we try it on many random networks. Each network has a convolution, a ReLU,
# a mean over all places and a dense layer.


def plus_plus(A, g):
    """Grad-CAM++, Chattopadhay et al. 2018, equation (19): w_k = Σ_ij α_ijk max(g_ijk, 0), α = 1 / (2 + g Σ_ij A_ijk)."""
    return A @ (relu(g) / (2 + A.sum((0, 1)) * relu(g))).sum((0, 1))


def random_network(random_state):
    """(net, x): a network with random weights, and a random picture for it."""
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
# A method with maps ``L(row)`` is called *positively homogeneous* in the row if ``L(a row) = a L(row)`` for every
# ``a > 0``. For such a method, a factor of the row is harmless, because scaling the map removes it. Write a function
# that tests this property for one given row and one given factor ``a``. The property is a claim about a method. Your
# function says whether the claim is true for this row and this a. We try forty random networks. For Grad-CAM and
# LayerCAM, your function must return True for all of them. For Grad-CAM++, it must return False for at least one. Allow
# rounding errors. We also change ``L(a row)`` in several ways; for example, we make its largest number 1 % larger. Then
# your function must return False.


def scales(L, row, a):
    """True if L(a * row) = a * L(row). a is a positive number. row has shape (1, n). L makes a map from a row.

    Instead of returning True or False, the function may use assert.
    """
    ### BEGIN SOLUTION
    return np.abs(L(a * row) - a * L(row)).max() <= 1e-12 * a * np.abs(L(row)).max()
    ### END SOLUTION


def homogeneous(pooling):
    """Does the claim hold for forty random networks, each with a random row and a random factor a from 0.001 to 1000?"""

    def claim(k):
        net, x = random_network(k)
        run, rng = net.run(x), np.random.default_rng(1000 + k)
        row, a = rng.standard_normal(net.logits(run).shape), 10 ** rng.uniform(-3, 3)

        def L(row):
            g = ta.walk(run, {"logits": row}, ta.GRADIENT, (net.features,))[net.features][0]
            return pooling(run[net.features].output[0], g)

        return not L(row).any() or passes(scales, L, row, a)  # a map of zeros cannot test the claim

    return all(map(claim, range(40)))


holds("9.3 the claim is true for Grad-CAM", homogeneous(lambda A, g: A @ g.mean((0, 1))))
holds("9.3 the claim is true for LayerCAM", homogeneous(lambda A, g: (A * relu(g)).sum(-1)), "a is positive, so max(a g, 0) = a max(g, 0): your claim must be true here")
holds("9.3 the claim is false for Grad-CAM++", not homogeneous(plus_plus), "your claim is also true for Grad-CAM++; it must be able to fail")
one, maps_of_three = np.array([[3.0, -1.0, 2.0]]), np.random.default_rng(3).normal(size=(3, 4, 5))
for a in (0.37, 5.5):
    for what, wrong in spoiled(np.tensordot(a * one[0], maps_of_three, 1)).items():
        def slips(row, a=a, wrong=wrong):
            """A method whose map is wrong for the row `a * one`, and right for all other rows."""
            return wrong if np.allclose(row, a * one) else np.tensordot(row[0], maps_of_three, 1)

        holds(f"9.3 the claim is false if the map is wrong at a = {a} ({what})", not passes(scales, slips, one, a),
              "use the a that your function gets; compare place by place")

# %%
# Which score should I use?
# -------------------------
#
# Use **log_odds** unless you have a reason for another score.
#
# - Some methods compute the row only once, for the picture itself (no path, no noise). If such a method is positively
#   homogeneous in the row, then log_odds, post and log draw the same scaled map.
# - The row of log_odds sums to zero. So the gradient of log_odds does not change if the same number is added to every
#   logit. The row of pre sums to 1, and lesson 15 uses this fact for an attack.
# - The row of log_odds does not vanish when the network is certain. The rows of post and log do. They also lose digits
#   if a program computes ``1 - y_c``.
# - Grad-CAM++, path methods and methods that use noise give a different map for each score (lesson 12 tries eight
#   methods). So always say which score you used.
#
# Exercise 9.4 (explain): the caption
# -----------------------------------
#
# Another picture also shows a cup and a telephone. A colleague explains it. She uses the Grad-CAM map for the cup, with
# the score ``pre``. In this picture, the map is also bright on the telephone. Write a caption of two or three
# sentences. Which question does this map answer? Which question would a log_odds map answer? Why do the two maps differ
# on the telephone? Your teacher reads your answer; the check only counts words.

### BEGIN SOLUTION
why = """This map shows what raises the logit of the cup, even if it raises other logits as much. The telephone is bright
because its edges also raise the cup's logit. A map of log_odds subtracts a weighted mean of the rivals' maps. It answers the
question "why cup and not another class?", and in this map the telephone speaks against the cup."""
### END SOLUTION

explains("9.4 in your own words", why)

# %%
# What you can say now
# --------------------
#
# - In Grad-CAM, a factor of the row becomes a factor of the map, and scaling removes it. So post, log and log_odds draw
#   the same scaled map.
# - The pre map is the log_odds map plus a mean of the rivals' maps, ``Σ_j q_j L_j``.
# - If a part of the row has vanished in float32, the scaled map is as bright as before, but it is wrong.
#
# Talk about it: log_odds asks "why this class and not its rivals?", and pre asks "what speaks for this class?". When do
# you need the answer to the second question? ``pre`` changes when the same number is added to every logit. Another
# score asks nearly the same question, but does not change then. Which score is it?
