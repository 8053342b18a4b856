"""
10. Paths: integrated gradients, RSI-Grad-CAM and what a sum promises
=====================================================================

**Question:** If all numbers of a map add up to the change of the score, what does this prove?

:Time: 90 min (30 read, 50 solve, 10 discuss)
:CPU: 10 s
:Needs: lessons 7 and 9
:After this you can: write integrated gradients and RSI-Grad-CAM in a few lines; read a receipt (the sum that a map should have, and the sum that it has); explain why the two differ; say how the quadrature rule, the score and the baseline change the map
:Figures: 10_path.png, 10_error.png, 10_scores.png, 10_baselines.png
:Words: explained in the `glossary <../glossary.html>`_

A gradient describes the score S near one picture. A **path method** uses many pictures. These pictures lie on a path. The
path starts at a **baseline** b, a picture that shows nothing, and ends at the picture x. Its formula is
``x(a) = b + a (x - b)`` for a from 0 to 1. A path method adds up the gradients along this path. The best-known path method,
*integrated gradients*, makes a promise: all numbers of the map add up to ``S(x) - S(b)``. In this lesson we measure how
well path methods keep such promises. Then we ask what a promise of this kind is worth.
"""

# %%
# Predict first
# -------------
#
# The next cell fades a picture in, from black at ``a = 0`` to the complete picture at ``a = 1``. Before you run the
# cell, write down your answers:
#
# - Does the probability y_c rise evenly along the path, or does it jump at a few places?
# - Integrated gradients add up the gradients of N pictures on the path. Because N is finite, the sum of the map has an
#   error. If you double N, is the error divided by 2, by 4, or by another number?
# - Another picture has a black glyph, and the baseline is black. Which numbers do integrated gradients give to the
#   glyph's pixels?

from dataclasses import replace
from functools import cache

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import holds, predicts, same, show, unaided
from tinyattr.glyphs.scenes import scene
from tinyattr.methods.baselines import baseline_of
from tinyattr.methods.path import QUADRATURES
from tinyattr.softmax import softmax
from tinyattr.studies.draw import LINES, SIGNED, brightest, grid
from tinyattr.studies.metrics import pearson

net = ta.load("glyphs")
day = scene(np.random.default_rng(4), difficulty=0.4)
x, c = net.read(day.picture), day.classes[0]  # the input (1, 224, 224, 3), and the class of the picture's glyph
black = baseline_of(net, x, "black")
kernel, bias = net.weights["predictions"]
sure = replace(net, weights={**net.weights, "predictions": (4 * kernel, 4 * bias)})  # a network with the same answers, but surer

a = np.linspace(0, 1, 51)  # 50 steps
z = np.concatenate([net(black + t * (x - black)) for t in a])  # (51, n)
figure = Figure(figsize=(6.4, 3.4), layout="constrained")
ax = figure.subplots()
drawn = ("this network", 1, "-", LINES[0]), ("a surer copy (logits times 4)", 4, "--", LINES[1])
for name, factor, style, colour in drawn:
    y = softmax(factor * z)[:, c]
    largest = np.sort(np.abs(np.diff(y)))[-3:].sum() / np.abs(np.diff(y)).sum()
    print(f"{name}: y_c goes from {y[0]:.2f} to {y[-1]:.6f}, and the 3 largest of 50 steps make {largest:.0%} of its changes")
    ax.plot(a, y, style, color=colour, lw=2, label=name)
ax.set(xlabel="place a on the path from black to the picture", ylabel="probability $y_c$",
       title=f"The probability of {net.label(c)} while the picture fades in")
ax.legend()
show(figure, "10_path.png")
holds("the network names the glyph", z[-1].argmax() == c)
holds("in the surer copy, the three largest steps make more than half of the changes of y_c", largest > 0.5)

# %%
# The promise
# -----------
#
# Along the path, S is a function of one number a. By the chain rule, its slope is ``dS/da = Σ_ijk (x - b)_ijk
# ∂S/∂x_ijk`` at x(a). (The letters i, j and k stand for row, column and channel.) The whole change of a function is the
# integral of its slope, so
#
# ``S(x) - S(b) = ∫ dS/da da = Σ_ijk (x - b)_ijk ∫ ∂S/∂x_ijk da = Σ_ijk IG_ijk``.
#
# This equation is called *completeness* (Sundararajan et al. 2017). The terms ``IG_ijk`` of the sum are called
# **integrated gradients**, and there is one term for each number of the picture. We want to test this equation exactly,
# except for rounding. For this we build a small network with one convolution. We build it twice with the same weights.
# One network uses ReLU. The other network uses softplus, ``log(1 + e^u)``, which has no kink.

rng = np.random.default_rng(8)
weights = {"u": (rng.normal(0, 1, (3, 3, 1, 4)), rng.normal(0, 1, 4)),
           "z": (rng.normal(0, 0.2, (144, 3)), rng.normal(0, 0.2, 3))}


def tiny(*bend, **more):
    """Picture (1, 6, 6, 1) -> convolution u -> the layers `bend` (ReLU or softplus) -> 3 logits z.

    The last layer of `bend` is A (1, 6, 6, 4). `more`: weights to add to `weights`, or to use in place of them.
    """
    layers = [("u", "conv2d", {"padding": 1}), *bend, ("flatten", "flatten", {}), ("z", "dense", {})]
    return ta.network(layers, {**weights, **more})


kinked = tiny(("A", "relu", {}))
smooth = tiny(("e", "exp", {}), ("one", "constant", {}), ("e_1", "add", {"inputs": ["e", "one"]}),
              ("A", "log", {}), one=(np.ones((1, 1, 1, 1)),))
x6, b6 = rng.normal(0, 1, (2, 1, 6, 6, 1))  # a picture and a baseline


def slope(net, x, b, c, score, a):
    """dS/da = Σ (x - b) dS/dx at the place a of the path."""
    return ((x - b)[0] * ta.gradient(net, b + a * (x - b), c, score=score).raw).sum()


def change(net, x, b, c, score):
    """S(x) - S(b)"""
    return np.subtract(*(ta.SCORES[score](net(v)[0], c)[0] for v in (x, b)))


half, step = b6 + 0.5 * (x6 - b6), 1e-5 * (x6 - b6)
same("the chain rule, by a central difference", slope(smooth, x6, b6, 1, "log_odds", 0.5),
     change(smooth, half + step, half - step, 1, "log_odds") / 2e-5, within=1e-8)

# %%
# Exercise 10.1 (complete): integrated gradients
# ----------------------------------------------
#
# ``ta.gradient(net, picture, c, score=score).raw`` is dS/dx, an array (H, W, C). Divide the path into N equal steps.
# Replace the integral by the mean of N gradients. Take one gradient in the middle of each step.


@unaided(ta.gradient, ta.walk, *ta.SCORES.values())
def my_integrated_gradients(net, x, b, c, score, N):
    """IG = (x - b) (1/N) Σ_m dS/dx at b + a_m (x - b), a_m = (m + 1/2)/N, m = 0..N-1. (H, W, C)"""
    ### BEGIN SOLUTION
    places = (np.arange(N) + 0.5) / N
    return (x - b)[0] * sum(ta.gradient(net, b + a * (x - b), c, score=score).raw for a in places) / N
    ### END SOLUTION


product = ta.network([("p", "pick", {"at": (0, 0)}), ("q", "pick", {"inputs": ["input"], "at": (0, 1)}),
                      ("pq", "mul", {"inputs": ["p", "q"]}), ("two_logits", "two_logits", {})], {})
# For a picture of two pixels p and q, the logits are (0, p q), so S = p q for class 1.
two = np.array([3.0, 5.0]).reshape(1, 1, 2, 1)
same("10.1 for the product 3 x 5 = 15, each factor gets 7.5",
     my_integrated_gradients(product, two, 0 * two, 1, "pre", 1).ravel(), [7.5, 7.5])
same("10.1 the library gives the same", my_integrated_gradients(smooth, x6, b6, 1, "log_odds", 5),
     ta.integrated_gradients(smooth, x6, 1, score="log_odds", baseline=b6, steps=5, rule="middle").raw)
same("10.1 the same for another class and score", my_integrated_gradients(smooth, x6, b6, 0, "pre", 5),
     ta.integrated_gradients(smooth, x6, 0, score="pre", baseline=b6, steps=5, rule="middle").raw)
same("10.1 completeness", my_integrated_gradients(smooth, x6, b6, 1, "log_odds", 200).sum(),
     change(smooth, x6, b6, 1, "log_odds"), within=1 / 200**2)

# %%
# Quadrature rules
# ----------------
#
# A **quadrature rule** replaces an integral by a weighted sum of slopes. The rule says at which places we take the
# slopes, and which weight each slope gets. ``left`` takes the slope at the beginning of every step, ``right`` at the
# end, and ``middle`` in the middle. ``trapezoid`` takes the mean of the slopes at both ends of a step. ``gauss``
# chooses N places and N weights so that the sum is exact for all polynomials up to degree ``2N - 1``. The code is in
# ``tinyattr/methods/path.py``.


def error(slope, rule, N, truth):
    """|Σ_m w_m slope(a_m) - truth|"""
    return abs(sum(w * slope(a) for a, w in zip(*QUADRATURES[rule](N), strict=True)) - truth)


RULES = ("left", "right", "middle", "trapezoid")
on_path = cache(lambda a: slope(smooth, x6, b6, 1, "log_odds", a))


def halved(slope, rule, truth):
    """The order p: the error with 128 steps is the error with 64 steps, divided by 2^p."""
    few, many = (error(slope, rule, N, truth) for N in (64, 128))
    return np.log2(few / many)


holds("gauss with 3 places is exact for a^5", error(lambda a: a**5, "gauss", 3, 1 / 6) < 1e-15)
holds("gauss with 3 places is not exact for a^6", error(lambda a: a**6, "gauss", 3, 1 / 7) > 1e-5)

# %%
# Exercise 10.2 (predict): the order of a rule
# --------------------------------------------
#
# A rule has order p if its error on a smooth path is proportional to ``1/N^p``. Then the error is divided by ``2^p`` if
# N doubles. Write the order p of each rule except ``gauss`` as ``order = {"left": ..., ...}``. You need not run any
# code. Instead, draw a parabola over one step. Compare the area below the parabola with the area that the rule
# computes.

### BEGIN SOLUTION
order = {"left": 1, "right": 1, "middle": 2, "trapezoid": 2}
### END SOLUTION

predicts("10.2 for a parabola", order, {rule: halved(lambda a: a**2, rule, 1 / 3) for rule in RULES}, within=1 / 32)
whole = change(smooth, x6, b6, 1, "log_odds")
predicts("10.2 for the smooth network", order, {rule: halved(on_path, rule, whole) for rule in RULES}, within=1 / 32)

# %%
# Kinks
# -----
#
# Now we compare all five rules on both networks. For the smooth network, ``gauss`` with 32 places leaves only rounding
# errors. For the ReLU network, no rule is so exact. Where a ReLU switches on or off, the slope along the path
# **jumps**. A rule does not know where in a step the jump is. So a jump of size J causes an error of up to about
# ``J/N``, for a rule of any order. A large network has a hundred thousand ReLUs or more. So the slope has many jumps,
# and a rule of higher order does not help much.
#
# Because the sum is not exact, each map of integrated gradients has a **receipt**. The receipt states the sum that the
# map should have (*owed*), the sum that the map has (*paid*), and the difference, the *gap*. (The receipt
# of RSI-Grad-CAM is about another sum; see below.)

counts = 2 ** np.arange(1, 8)  # 2, 4, ..., 128
figure = Figure(figsize=(8.6, 4.6), layout="constrained")
axes = figure.subplots(1, 2, sharey=True)
errors = {}
for ax, one, name in zip(axes, (smooth, kinked), ("softplus, no kinks", "ReLU, with kinks"), strict=True):
    on_path = cache(lambda a, one=one: slope(one, x6, b6, 1, "log_odds", a))
    for rule, marker, colour, width in zip(QUADRATURES, "osv^D", LINES, (2, 9, 2, 2, 2), strict=True):
        errors[one, rule] = [error(on_path, rule, N, change(one, x6, b6, 1, "log_odds")) for N in counts]
        ax.loglog(counts, np.maximum(errors[one, rule], 1e-15), marker + "-", ms=6, lw=width, color=colour,
                  alpha=0.5 if width > 2 else 1, label=rule)  # the curves of left and right are nearly the same
    ax.set(xlabel="steps N", title=name)
axes[0].set_ylabel("error of the sum, $|\\Sigma\\, IG - (S(x) - S(b))|$")
axes[0].legend()
figure.suptitle("Integrated gradients, score log_odds, layer input, class 1")
show(figure, "10_error.png")
holds("smooth network: with 32 places of gauss, only rounding errors remain", errors[smooth, "gauss"][4] < 1e-12)
kinks_at = np.linspace(0.01, 0.99, 99)
jumps = [error(lambda a, k=k: a > k, rule, 16, 1 - k) for rule in QUADRATURES for k in kinks_at]
holds("for a jump of size 1 and 16 steps, the largest error is about 1/16", 0.9 / 16 < max(jumps) < 1.1 / 16)
holds("ReLU network: with 128 steps no rule has an error below 0.001",
      min(errors[kinked, rule][-1] for rule in QUADRATURES) > 1e-3)

# %%
# Exercise 10.3 (prove): steps that end at the kinks
# --------------------------------------------------
#
# Take the score ``pre``, so S = z_c. On the part of the path between two kinks, the ReLU network is linear. The slope
# is constant there, and one gradient is enough for the whole part. So if the steps end exactly at the kinks, the sum
# has **no** error. This proves that the kinks caused the whole error. Find the kinks. Along the path, each number u
# that the convolution computes changes at a constant rate, from u(b) to u(x). The ReLU of u switches on or off where u
# passes 0.


def kinks(net, x, b):
    """All places 0 < a < 1 where a number u(b) + a (u(x) - u(b)) of layer "u" passes 0, in ascending order."""
    ### BEGIN SOLUTION
    u, u_b = (net.run(v)["u"].output.ravel() for v in (x, b))  # (144,)
    passes = (u > 0) != (u_b > 0)
    return np.sort((u_b / (u_b - u))[passes])
    ### END SOLUTION


turned = tiny(("A", "relu", {}), u=(-weights["u"][0], weights["u"][1]))  # another network
pairs = np.random.default_rng(10).normal(0, 3, (3, 2, 1, 6, 6, 1))
for one_net, one_x, one_b in ((kinked, x6, b6), *((turned, *pair) for pair in pairs)):
    ends = np.array([0, *kinks(one_net, one_x, one_b), 1])
    width = np.diff(ends)
    holds("10.3 all kinks lie on the path, in ascending order", (width > 0).all(), "0 < a < 1; a kink outside the path does not change the slope on the path")
    early, late = ([slope(one_net, one_x, one_b, 1, "pre", a) for a in ends[:-1] + part * width] for part in (0.1, 0.9))
    print(len(width), "gradients, one for each piece between two kinks")
    same("10.3 the slope is constant between two kinks", early, late)
    same("10.3 the sum is exact", width @ early, change(one_net, one_x, one_b, 1, "pre"))
    holds("10.3 the slope jumps at each kink", (np.abs(np.diff(early)) > 1e-6).all())
    same("10.3 the kinks on the way back, from x to b", kinks(one_net, one_b, one_x), 1 - ends[-2:0:-1])

# %%
# A Stieltjes sum
# ---------------
#
# Grad-CAM takes its channel weights from the gradients at one picture. RSI-Grad-CAM (Lucas, Lerma, Furst and Raicu
# 2022) integrates these gradients along the path. For each activation it computes the integral
#
# ``I_ijk = ∫ dS/dA_ijk dA_ijk``.
#
# This integral runs over the activation A_ijk itself, not over a. It is called a *Stieltjes integral*, and RSI stands
# for Riemann-Stieltjes integrated. In integrated gradients, a pixel changes at a constant rate, ``dx/da = x - b``. So
# this rate stands in front of the integral. An activation changes at the rate ``dA/da``, which is not constant. So it
# stays inside. A is the output of one layer. In many networks, the score depends on the picture only through this
# layer. In these networks ``dS/da = Σ_ijk dS/dA_ijk dA_ijk/da``, by the chain rule. So all integrals together sum to
# the change of S. (A skip connection can go around the layer. Then the part of the change that goes through this
# connection is missing.)
#
# A program replaces each integral by a sum over the pictures ``x_l = b + (l/N)(x - b)``. Let A(l) be the activations of
# x_l, and let g(l) be the gradient dS/dA there. The sum is ``Σ_l (g(l-1) + g(l))/2 · (A(l) - A(l-1))``. If the layer
# has Z places, the channel weights are ``w_k = (1/Z) Σ_ij I_ijk``. The map is ``L = Σ_k w_k A_k(x)``.
#
# Exercise 10.4 (complete): RSI-Grad-CAM
# --------------------------------------
#
# The function ``seen`` gives A and g of a layer for one picture. Write the sum that replaces the integrals I. If no
# skip connection goes around the layer, the method promises that ``Σ I = Z Σ_k w_k = S(x) - S(b)``. The map L is w
# multiplied by A, so its sum is another number, about which the method promises nothing.


def seen(net, picture, c, score, layer):
    """(A, g) of a layer, g = dS/dA, both (h, w, C)."""
    tape = net.run(picture)
    return tape[layer].output[0], ta.gradient(net, tape, c, score=score, layer=layer).raw


def my_integral(net, x, b, c, score, layer, N):
    """I_ijk = Σ_l (g(l-1) + g(l))/2 (A(l) - A(l-1)), l = 1..N. (h, w, C)"""
    ### BEGIN SOLUTION
    A, g = zip(*(seen(net, b + t * (x - b), c, score, layer) for t in np.linspace(0, 1, N + 1)), strict=True)
    return sum((g[m - 1] + g[m]) / 2 * (A[m] - A[m - 1]) for m in range(1, N + 1))
    ### END SOLUTION


A_x, A_b = (kinked.run(v)["A"].output[0] for v in (x6, b6))  # (6, 6, 4)
integral = my_integral(kinked, x6, b6, 1, "log_odds", "A", 6)
heat = ta.rsi_grad_cam(kinked, x6, 1, score="log_odds", layer="A", baseline=b6, steps=6)
same("10.4 the library's map L = A w", A_x @ integral.mean((0, 1)), heat.raw)
same("10.4 another class, score and layer", kinked.run(x6)["u"].output[0] @ my_integral(kinked, x6, b6, 0, "pre", "u", 4).mean((0, 1)),
     ta.rsi_grad_cam(kinked, x6, 0, score="pre", layer="u", baseline=b6, steps=4).raw)
holds("10.4 the sum of L is not S(x) - S(b)", abs(heat.raw.sum() - heat.receipt.owed) > 1)
integral = my_integral(kinked, x6, b6, 1, "pre", "A", 2)
same("10.4 two steps keep the promise, because z_c is linear in A", integral.sum(), change(kinked, x6, b6, 1, "pre"))
attacked = my_integral(ta.alter(kinked, K=10), x6, b6, 1, "pre", "A", 2)  # every logit plus t = 10 Σ_k A_00k
same("10.4 in the altered network, I at place (0, 0) grows by K (A(x) - A(b))", (attacked - integral)[0, 0], 10 * (A_x - A_b)[0, 0])

# %%
# The score on the way
# --------------------
#
# At one picture, the rows of ``post``, ``log`` and ``log_odds`` differ only by a factor: ``∂y_c = y_c ∂log y_c = y_c (1
# - y_c) ∂log_odds``. (See lesson 7, and equations 4 and 18 of Lerma and Lucas 2023a, arXiv 2306.13197.) Grad-CAM uses
# one picture, so its scaled maps for these three scores are the same. Along a path y_c changes, so the factor changes,
# too.
#
# - ``post`` gives each place of the path the factor ``y_c (1 - y_c)``, which is near 0 where y_c is near 0 or 1. So the
#   map of post depends mostly on the few steps in which y_c jumps.
# - ``log`` gives the factor ``1 - y_c``. So the places of the path where y_c is near 1 hardly count.
# - ``log_odds`` gives all places of the path the same factor, 1.
#
# The next cell also prints the receipts of integrated gradients. They show how exact the sum over 16 steps is for each
# score.

methods = {
    "Grad-CAM": lambda score: ta.grad_cam(sure, x, c, score=score),
    "RSI-Grad-CAM": lambda score: ta.rsi_grad_cam(sure, x, c, score=score, steps=6),
    "integrated gradients": lambda score: ta.integrated_gradients(sure, x, c, score=score, steps=16),
}
scores = "post", "log", "log_odds"
heats = [[method(score) for score in scores] for method in methods.values()]
for name, row in zip(methods, heats, strict=True):
    post, log = (pearson(heat.plane, row[2].plane) for heat in row[:2])
    print(f"{name}: correlation with the log_odds map {post:.3f} (post), {log:.3f} (log)")
for score, heat in zip(scores, heats[2], strict=True):
    print(f"integrated gradients, {score}: {heat.receipt}")
title = f"Grad-CAM: one map. Along a path: three maps. Surer copy, {net.label(c)}"
show(grid(methods, scores, heats, title), "10_scores.png")
same("Grad-CAM draws the same map with post and log_odds", heats[0][0].map, heats[0][2].map, within=1e-6)
holds("with post and with log, integrated gradients draw another map than with log_odds", max(post, log) < 0.6)

# %%
# Baselines
# ---------
#
# Each integrated gradient has the factor ``(x - b)_ijk``. So a pixel that has the baseline's colour gets exactly 0,
# even if the network needs this pixel. The next picture has a black glyph, and the network classifies it correctly. We
# explain this answer with three baselines: black, the mean colour that preprocessing subtracts, and this picture's own
# mean colour.

night = scene(np.random.default_rng(13), difficulty=0.4)
glyph = night.masks[0]  # (224, 224)
night.picture[glyph] = 0
x_night, c_night = net.read(night.picture), night.classes[0]
maps = {b: ta.integrated_gradients(net, x_night, c_night, score="log_odds", baseline=b, steps=8)
        for b in ("black", "mean", "own_mean")}

figure = Figure(figsize=(9.2, 3.0), layout="constrained")
axes = figure.subplots(1, 4)
axes[0].imshow(night.picture)
axes[0].set_title("the picture", fontsize=9)
for ax, (b, heat) in zip(axes[1:], maps.items(), strict=True):
    print(f"{b}: {heat.receipt}")
    limit = brightest(np.abs(heat.plane))
    ax.imshow(heat.plane, cmap=SIGNED, vmin=-limit, vmax=limit)
    share = np.abs(heat.plane[glyph]).sum() / np.abs(heat.plane).sum()
    ax.set_title(f"baseline {b}\n{share:.0%} of |IG| on the glyph", fontsize=9)
for ax in axes:
    ax.set(xticks=[], yticks=[])
figure.suptitle(f"Integrated gradients, score log_odds, layer input, {net.label(c_night)}", fontsize=10)
show(figure, "10_baselines.png")
holds("the network names the black glyph", net(x_night)[0].argmax() == c_night)
holds("with a black baseline, the black glyph gets 0", not maps["black"].raw[glyph].any())
holds("with the picture's own mean as baseline, the glyph gets more than half of |IG|", share > 0.5)

# %%
# Exercise 10.5 (break): a receipt without the glyph
# --------------------------------------------------
#
# Take the first picture of this lesson, whose glyph is not black. Write a baseline that is black outside the glyph.
# With this baseline, integrated gradients should still keep their promise, but they should give 0 to every pixel of the
# glyph.


def blind_baseline(x, black, mask):
    """A baseline (1, H, W, 3) for which IG is 0 wherever mask (H, W) is true."""
    ### BEGIN SOLUTION
    return np.where(mask[None, :, :, None], x, black)
    ### END SOLUTION


glyph, given = day.masks[0], (x.copy(), black.copy())
b = blind_baseline(*given, glyph)
holds("10.5 x and black themselves are not changed", np.array_equal(given[0], x) and np.array_equal(given[1], black), "change a copy")
heat = ta.integrated_gradients(net, x, c, score="log_odds", baseline=b, steps=8)
print(heat.receipt)
holds("10.5 the glyph gets 0", not heat.raw[glyph].any())
same("10.5 the baseline is black outside the glyph", b[0, ~glyph], black[0, ~glyph], within=0)
same("10.5 the baseline is black everywhere if there is no glyph", blind_baseline(x, black, np.zeros_like(glyph)), black, within=0)
holds("10.5 the promised sum is not near 0", abs(heat.receipt.owed) > 1)
holds("10.5 the gap is less than a fifth of the promised sum", abs(heat.receipt.gap) < 0.2 * abs(heat.receipt.owed))

# %%
# What a receipt cannot see
# -------------------------
#
# Add ``t(x) = K Σ_k A_00k`` to every logit. No probability changes (Lerma and Lucas 2023b, arXiv 2307.03305). In this
# altered network, integrated gradients by ``pre`` promise the sum ``z_c(x) + t(x) - z_c(b) - t(b)``, and they keep this
# promise. So a part of the map explains t, but the gap of the receipt is still nearly 0. With a score whose row sums to
# zero, such as ``log_odds``, the map and the receipt are the same for both networks.

altered = ta.alter(smooth, K=10)
true, false = (ta.integrated_gradients(n, x6, 1, score="pre", baseline=b6) for n in (smooth, altered))
print("original:", true.receipt, "\naltered: ", false.receipt)
t_x, t_b = (altered.run(v)["t"].output.item() for v in (x6, b6))
same("with pre, the promised sum grows by t(x) - t(b)", false.receipt.owed - true.receipt.owed, t_x - t_b)
same("with pre, the map keeps its promise", false.receipt.paid, false.receipt.owed)
holds("with pre, the map is different", pearson(true.raw, false.raw) < 0.5)
same("with log_odds, the map is the same",
     *(ta.integrated_gradients(n, x6, 1, score="log_odds", baseline=b6).raw for n in (altered, smooth)))

# %%
# What you can say now
# --------------------
#
# - Completeness is the fundamental theorem of calculus along a path. For integrated gradients, the gap of a
#   receipt is the error of the quadrature rule.
# - ReLUs make the slope jump. Between two kinks the slope of ``pre`` is constant, so one gradient is exact. In a step
#   with a kink, a rule is exact only by chance.
# - Along a path, the score decides which steps count: ``post`` explains the jump of y_c, and ``log_odds`` explains the
#   whole path. Grad-CAM has no path, so its scaled map is the same for both scores.
# - A sum is a statement about the total only. It does not say that the right pixels got the numbers. It does not say
#   that the baseline is good, or that S is the right score.
#
# Talk about it: which baseline shows "nothing" for an X-ray picture? Suppose that one map has exactly the sum
# ``S(x) - S(b)``, and another map marks the right pixels. Which map would you choose? Which of these two properties can
# you check if you do not know which pixels are right?
