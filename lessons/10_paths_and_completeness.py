"""
10. Paths: integrated gradients, RSI-Grad-CAM and what a sum promises
=====================================================================

**Question:** When all numbers of a map add up to the change of the score, what does that prove?

:Time: 85 min (25 read, 50 solve, 10 discuss)
:CPU: 10 s
:Needs: lessons 7 and 9
:After this you can: write integrated gradients and RSI-Grad-CAM in a few lines; read a receipt and say where its gap comes from; say what the quadrature rule, the score and the baseline each do to the map
:Figures: 10_path.png, 10_error.png, 10_scores.png, 10_baselines.png
:Words: explained in the `glossary <../glossary.html>`_

A gradient looks at one point. Path methods walk from a baseline b, a picture with nothing to see, to the picture x,
along ``x(a) = b + a (x - b)`` for a from 0 to 1, and add up gradients on the way. The reward is a promise: the whole
map sums to ``S(x) - S(b)``. This lesson keeps the promise, measures how well, and then asks what it is worth.
"""

# %%
# Predict first
# -------------
#
# The next cell fades a picture in, from black at ``a = 0`` to itself at ``a = 1``. Write down before you run it:
#
# - Does the probability y_c rise evenly along the path, or in a few steps?
# - You double the number of steps. Does the error of the sum halve, quarter, or do something else?
# - The glyph is painted black and the baseline is black. What do integrated gradients give to the glyph's pixels?

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
x, c = net.read(day.picture), day.classes[0]  # (1, 224, 224, 3), and the class of its glyph
black = baseline_of(net, x, "black")
kernel, bias = net.weights["predictions"]
sure = replace(net, weights={**net.weights, "predictions": (4 * kernel, 4 * bias)})  # the same answers, surer

a = np.linspace(0, 1, 51)  # 50 steps
z = np.concatenate([net(black + t * (x - black)) for t in a])  # (51, n)
figure = Figure(figsize=(6.4, 3.4), layout="constrained")
ax = figure.subplots()
drawn = ("this network", 1, "-", LINES[0]), ("a surer copy, logits times 4", 4, "--", LINES[1])
for name, factor, style, colour in drawn:
    y = softmax(factor * z)[:, c]
    largest = np.sort(np.abs(np.diff(y)))[-3:].sum() / np.abs(np.diff(y)).sum()
    print(f"{name}: y_c from {y[0]:.2f} to {y[-1]:.6f}, {largest:.0%} of its way in 3 steps of 50")
    ax.plot(a, y, style, color=colour, lw=2, label=name)
ax.set(xlabel="place a on the path from black to the picture", ylabel="probability $y_c$",
       title=f"The probability of {net.label(c)} while the picture fades in")
ax.legend()
show(figure, "10_path.png")
holds("the network names the glyph", z[-1].argmax() == c)
holds("the surer copy goes half of its way in three steps", largest > 0.5)

# %%
# The promise
# -----------
#
# Along the path S is a function of one number a, and its slope is ``dS/da = Σ_ijk (x - b)_ijk ∂S/∂x_ijk`` at x(a): the
# chain rule. The whole change of a function is the integral of its slope, so
#
# ``S(x) - S(b) = ∫ dS/da da = Σ_ijk (x - b)_ijk ∫ ∂S/∂x_ijk da = Σ_ijk IG_ijk``.
#
# This is *completeness* (Sundararajan et al. 2017). Each term is its pixel's integrated gradient. To test it to the
# last digit we build a small network of one convolution, twice with the same weights: one bends by ReLU, the other by
# softplus, ``log(1 + e^u)``, which has no kink.

rng = np.random.default_rng(8)
weights = {"u": (rng.normal(0, 1, (3, 3, 1, 4)), rng.normal(0, 1, 4)),
           "z": (rng.normal(0, 0.2, (144, 3)), rng.normal(0, 0.2, 3))}


def tiny(*bend, **more):
    """(1, 6, 6, 1) -> convolution u -> bend: A (1, 6, 6, 4) -> 3 logits z."""
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
same("the chain rule, against a difference", slope(smooth, x6, b6, 1, "log_odds", 0.5),
     change(smooth, half + step, half - step, 1, "log_odds") / 2e-5, within=1e-8)

# %%
# Exercise 10.1 (complete): integrated gradients
# ----------------------------------------------
#
# ``ta.gradient(net, picture, c, score=score).raw`` is dS/dx, (H, W, C). Replace the integral by the mean of N
# gradients, taken in the middle of N equal steps. That is all.


@unaided(ta.gradient, ta.walk, *ta.SCORES.values())
def my_integrated_gradients(net, x, b, c, score, N):
    """IG = (x - b) (1/N) Σ_m dS/dx at b + a_m (x - b), a_m = (m + 1/2)/N, m = 0..N-1. (H, W, C)"""
    ### BEGIN SOLUTION
    places = (np.arange(N) + 0.5) / N
    return (x - b)[0] * sum(ta.gradient(net, b + a * (x - b), c, score=score).raw for a in places) / N
    ### END SOLUTION


product = ta.network([("p", "pick", {"at": (0, 0)}), ("q", "pick", {"inputs": ["input"], "at": (0, 1)}),
                      ("pq", "mul", {"inputs": ["p", "q"]}), ("two_logits", "two_logits", {})], {})
# For a picture of two pixels p, q: its logits are (0, p q), so that S = p q for class 1.
two = np.array([3.0, 5.0]).reshape(1, 1, 2, 1)
same("10.1 a product shares its 15 in halves",
     my_integrated_gradients(product, two, 0 * two, 1, "pre", 1).ravel(), [7.5, 7.5])
same("10.1 as the library", my_integrated_gradients(smooth, x6, b6, 1, "log_odds", 5),
     ta.integrated_gradients(smooth, x6, 1, score="log_odds", baseline=b6, steps=5, rule="middle").raw)
same("10.1 completeness", my_integrated_gradients(smooth, x6, b6, 1, "log_odds", 200).sum(),
     change(smooth, x6, b6, 1, "log_odds"), within=1 / 200**2)

# %%
# Where to look
# -------------
#
# A quadrature rule says at which places to look and with which weights. ``left`` looks at the beginning of every step,
# ``right`` at its end, ``middle`` in between; ``trapezoid`` takes the mean of both ends; ``gauss`` chooses N places and
# weights so that all polynomials of degree ``2N - 1`` come out exact (``tinyattr/methods/path.py``).


def error(slope, rule, N, truth):
    """|Σ_m w_m slope(a_m) - truth|"""
    return abs(sum(w * slope(a) for a, w in zip(*QUADRATURES[rule](N), strict=True)) - truth)


RULES = ("left", "right", "middle", "trapezoid")
on_path = cache(lambda a: slope(smooth, x6, b6, 1, "log_odds", a))


def halved(slope, rule, truth):
    """How often the error is halved when there are 128 steps and not 64."""
    few, many = (error(slope, rule, N, truth) for N in (64, 128))
    return np.log2(few / many)


holds("gauss, 3 steps: exact for a^5", error(lambda a: a**5, "gauss", 3, 1 / 6) < 1e-15)
holds("but not for a^6", error(lambda a: a**6, "gauss", 3, 1 / 7) > 1e-5)

# %%
# Exercise 10.2 (predict): how fast?
# ----------------------------------
#
# A rule has order p if its error on a smooth path falls as ``1/N^p``: doubling N divides it by ``2^p``. Write down p
# for each rule but Gauss's, ``order = {"left": ..., ...}``. No computing: draw one step of a parabola, and what the
# rule takes for its area.

### BEGIN SOLUTION
order = {"left": 1, "right": 1, "middle": 2, "trapezoid": 2}
### END SOLUTION

predicts("10.2 on a parabola", order, {rule: halved(lambda a: a**2, rule, 1 / 3) for rule in RULES}, within=1 / 32)
whole = change(smooth, x6, b6, 1, "log_odds")
predicts("10.2 on the smooth network", order, {rule: halved(on_path, rule, whole) for rule in RULES}, within=1 / 32)

# %%
# Kinks
# -----
#
# Now both networks, and Gauss's rule with them. On the smooth one it needs 32 steps to leave nothing but rounding. On
# the ReLU network nothing of this is left: where a ReLU switches, the slope of the path **jumps**, and within that one
# step every rule guesses. A jump J costs a rule up to about ``J/N``, whatever its order. Networks with a hundred
# thousand ReLUs make paths of the second kind, so ask for a receipt, not for a better rule.

counts = 2 ** np.arange(1, 8)  # 2, 4, ..., 128
figure = Figure(figsize=(8.6, 4.6), layout="constrained")
axes = figure.subplots(1, 2, sharey=True)
errors = {}
for ax, one, name in zip(axes, (smooth, kinked), ("softplus: no kinks", "ReLU: kinks"), strict=True):
    on_path = cache(lambda a, one=one: slope(one, x6, b6, 1, "log_odds", a))
    for rule, marker, colour, width in zip(QUADRATURES, "osv^D", LINES, (2, 9, 2, 2, 2), strict=True):
        errors[one, rule] = [error(on_path, rule, N, change(one, x6, b6, 1, "log_odds")) for N in counts]
        ax.loglog(counts, np.maximum(errors[one, rule], 1e-15), marker + "-", ms=6, lw=width, color=colour,
                  alpha=0.5 if width > 2 else 1, label=rule)  # left and right err alike: one lies under the other
    ax.set(xlabel="steps N", title=name)
axes[0].set_ylabel("error of the sum, $|\\Sigma\\, IG - (S(x) - S(b))|$")
axes[0].legend()
figure.suptitle("Integrated gradients, score log_odds, layer input, class 1")
show(figure, "10_error.png")
holds("smooth: 32 Gauss steps leave rounding only", errors[smooth, "gauss"][4] < 1e-12)
kinks_at = np.linspace(0.01, 0.99, 99)
jumps = [error(lambda a, k=k: a > k, rule, 16, 1 - k) for rule in QUADRATURES for k in kinks_at]
holds("a jump of 1 and 16 steps: an error of about 1/16 at worst", 0.9 / 16 < max(jumps) < 1.1 / 16)
holds("kinks: with 128 steps no rule is right to three digits",
      min(errors[kinked, rule][-1] for rule in QUADRATURES) > 1e-3)

# %%
# Exercise 10.3 (prove): steps that end at the kinks
# --------------------------------------------------
#
# Explain ``pre``, so S = z_c. Between two kinks the ReLU network is linear: its slope is constant, and one gradient
# says all. So if steps end exactly at the kinks, the sum has **no** error, and that proves that kinks were all that was
# wrong. Find them: each number u of the convolution moves evenly from u(b) to u(x), and its ReLU switches where it
# passes 0.


def kinks(net, x, b):
    """All places 0 < a < 1 where some number u(b) + a (u(x) - u(b)) of layer "u" passes 0, ascending."""
    ### BEGIN SOLUTION
    u, u_b = (net.run(v)["u"].output.ravel() for v in (x, b))  # (144,)
    passes = (u > 0) != (u_b > 0)
    return np.sort((u_b / (u_b - u))[passes])
    ### END SOLUTION


ends = np.array([0, *kinks(kinked, x6, b6), 1])
width = np.diff(ends)
early, late = ([slope(kinked, x6, b6, 1, "pre", a) for a in ends[:-1] + part * width] for part in (0.1, 0.9))
print(len(width), "gradients, one for each piece")
same("10.3 one slope from kink to kink", early, late)
same("10.3 the sum is exact", width @ early, change(kinked, x6, b6, 1, "pre"))
holds("10.3 the slope jumps at each", (np.abs(np.diff(early)) > 1e-6).all())
same("10.3 the way back, from x to b", kinks(kinked, b6, x6), 1 - ends[-2:0:-1])

# %%
# A Stieltjes sum
# ---------------
#
# Grad-CAM reads its channel weights at one point. RSI-Grad-CAM (Lucas, Lerma, Furst and Raicu 2022) integrates them,
# and not over a but over the activations themselves, which move unevenly while the picture fades in:
#
# ``I_ijk = ∫ dS/dA_ijk dA_ijk``, as the sum ``Σ_l (g(l-1) + g(l))/2 · (A(l) - A(l-1))`` over pictures ``x_l = b +
# (l/N)(x - b)``; then ``w_k = (1/Z) Σ_ij I_ijk`` and ``L = Σ_k w_k A_k(x)``, with Z places.
#
# Exercise 10.4 (complete): RSI-Grad-CAM
# --------------------------------------
#
# ``seen`` gives A and g of a layer for one picture. Write the sum I. What is promised is ``Σ I = Z Σ_k w_k = S(x) -
# S(b)``. The map L multiplies w by A once more: it promises no sum.


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
same("10.4 the map L = A w", A_x @ integral.mean((0, 1)), heat.raw)
holds("10.4 L sums to something else", abs(heat.raw.sum() - heat.receipt.owed) > 1)
integral = my_integral(kinked, x6, b6, 1, "pre", "A", 2)
same("10.4 z_c is linear in A: two steps keep the promise", integral.sum(), change(kinked, x6, b6, 1, "pre"))
attacked = my_integral(ta.alter(kinked, K=10), x6, b6, 1, "pre", "A", 2)  # t = 10 Σ_k A_00k on every logit
same("10.4 attacked, the corner gets K times its change", (attacked - integral)[0, 0], 10 * (A_x - A_b)[0, 0])

# %%
# The score on the way
# --------------------
#
# At one point the rows of ``post``, ``log`` and ``log_odds`` differ by a factor only: ``∂y_c = y_c ∂log y_c = y_c (1 -
# y_c) ∂log_odds`` (2023a, equations 4 and 18; lesson 7). Grad-CAM looks at one point, so its three maps are one
# picture. Along a path y_c moves, and with it the factor: ``post`` weighs each place by ``y_c (1 - y_c)``, so it is all
# about the few steps in which y_c jumps; ``log`` weighs by ``1 - y_c``, so it stops listening once the network is sure;
# ``log_odds`` weighs all places alike. The receipts say how well 16 steps catch such a jump.

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
title = f"One map at a point, three along a path. Surer copy, {net.label(c)}"
show(grid(methods, scores, heats, title), "10_scores.png")
same("Grad-CAM: one map", heats[0][0].map, heats[0][2].map, within=1e-6)
holds("integrated gradients: log_odds draws another", max(post, log) < 0.6)

# %%
# Baselines
# ---------
#
# Each term carries the factor ``(x - b)_ijk``. A pixel that has the baseline's colour gets exactly 0, whatever the
# network sees in it. Here is a black glyph, named correctly, explained from three baselines: black, the mean colour of
# all pictures, and this picture's own mean colour.

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
holds("black on black gets nothing", not maps["black"].raw[glyph].any())
holds("from its own mean, the glyph gets most", share > 0.5)

# %%
# Exercise 10.5 (break): a receipt without the glyph
# --------------------------------------------------
#
# Take the first picture, whose glyph is not black. Give a baseline, black away from the glyph, from which integrated
# gradients keep their promise and yet give the glyph nothing at all.


def blind_baseline(x, black, mask):
    """A baseline (1, H, W, 3) for which IG is 0 wherever mask (H, W) is true."""
    ### BEGIN SOLUTION
    return np.where(mask[None, :, :, None], x, black)
    ### END SOLUTION


glyph = day.masks[0]
b = blind_baseline(x, black, glyph)
heat = ta.integrated_gradients(net, x, c, score="log_odds", baseline=b, steps=8)
print(heat.receipt)
holds("10.5 nothing for the glyph", not heat.raw[glyph].any())
same("10.5 black elsewhere", b[0, ~glyph], black[0, ~glyph], within=0)
same("10.5 black everywhere if there is no glyph", blind_baseline(x, black, np.zeros_like(glyph)), black, within=0)
holds("10.5 something is owed", abs(heat.receipt.owed) > 1)
holds("10.5 and most of it is paid", abs(heat.receipt.gap) < 0.2 * abs(heat.receipt.owed))

# %%
# What a receipt cannot see
# -------------------------
#
# Add ``t(x) = K Σ_k A_00k`` to every logit: no probability changes (2023b). By ``pre``, integrated gradients now owe
# ``z_c(x) + t(x) - z_c(b) - t(b)``, and they pay it: a map that is partly about t comes with a receipt as good as
# before. By a score whose row sums to zero, neither map nor receipt can tell the two networks apart.

altered = ta.alter(smooth, K=10)
true, false = (ta.integrated_gradients(n, x6, 1, score="pre", baseline=b6) for n in (smooth, altered))
print("original:", true.receipt, "\naltered: ", false.receipt)
t_x, t_b = (altered.run(v)["t"].output.item() for v in (x6, b6))
same("pre now owes t(x) - t(b) more", false.receipt.owed - true.receipt.owed, t_x - t_b)
same("and pays it", false.receipt.paid, false.receipt.owed)
holds("its map is another", pearson(true.raw, false.raw) < 0.5)
same("log_odds: the same map",
     *(ta.integrated_gradients(n, x6, 1, score="log_odds", baseline=b6).raw for n in (altered, smooth)))

# %%
# What you can say now
# --------------------
#
# - Completeness is the fundamental theorem of calculus along a path; the receipt's gap is the quadrature's error.
# - ReLUs make the slope jump. Between two kinks one gradient is exact; across a kink every rule guesses.
# - The score weighs the path: ``post`` explains the jump of y_c, ``log_odds`` the whole way. Grad-CAM has no way to
#   weigh.
# - A sum promises a total. It says nothing about places, the baseline, or whether S was worth explaining.
#
# Talk about it: which baseline means "nothing to see" for an X-ray? And which would you rather have, a map that owes
# ``S(x) - S(b)`` exactly, or one that points at the right pixels; which of the two can you check without knowing the
# answer?
