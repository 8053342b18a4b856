"""
1. A first heatmap in a minute
==============================

**Question:** Can a heatmap be wrong although the network is right?

:Time: 50 min (15 read, 25 solve, 10 discuss)
:CPU: 3 s
:Needs: lesson 0
:After this you can: load a network and explain a picture; measure what share of a heatmap lies on the object; name the scores whose heatmaps can change although no probability changes
:Figures: 01_first.png, 01_side_by_side.png, 01_truth.png
:Words: explained in the `glossary <../glossary.html>`_

A **heatmap** says which places of a picture speak for a class. We draw a picture ourselves, so we know exactly which
pixels belong to which object. We give the picture to a network and look at a heatmap of its answer. Then we alter the
network. The altered network gives every picture the same probabilities as before, but some of its heatmaps point at the
wrong place.
"""

# %%
# Predict first
# -------------
#
# The next cell draws scales (a balance) on the left and a heart on the right. Then the cell asks the network which
# glyphs it sees. Before you run the cell, write down your answers:
#
# - Which glyphs will have the largest probabilities? Will one probability be near 1?
# - The heart covers 6 per cent of the picture. Imagine a heatmap that has the same value everywhere. Add up its values:
#   what share of the sum lies on the heart?

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import agrees, holds, predicts, same, show, unaided
from tinyattr.glyphs.scenes import CLASSES, scene
from tinyattr.softmax import softmax
from tinyattr.studies import draw
from tinyattr.studies.explain import explain
from tinyattr.studies.metrics import energy, pearson, points_at

net = ta.load("glyphs")
drawn = scene(np.random.default_rng(22), [CLASSES.index("scales"), CLASSES.index("heart")], difficulty=0.4)
scales, heart = drawn.masks  # True where the glyph is, (224, 224) bool
x = net.read(drawn.picture)  # (1, 224, 224, 3)
z = net(x)[0]  # logits, (20,)
y = softmax(z)  # probabilities, (20,)
top = [CLASSES[c] for c in np.argsort(-y)[:4]]
for name in top:
    print(f"{name:<8} {y[CLASSES.index(name)]:.3f}")
holds("the two glyphs in the picture have the largest probabilities", set(top[:2]) == {"scales", "heart"})
holds("the heart covers 6 per cent", 0.055 < heart.mean() < 0.065, f"the heart covers {heart.mean():.3f}")

# %%
# A heatmap
# ---------
#
# One line of code makes a heatmap by the method Grad-CAM (Selvaraju et al. 2017) for the class ``heart``. You will soon
# see how the method works. The **score** is the number that the heatmap explains. Here the score is the **log-odds** of
# the class, ``log(y_c / (1 - y_c))``. The log-odds compare the class with all other classes together. The library has
# no default score, because the choice matters. This lesson shows why.

heat = ta.grad_cam(net, x, "heart", score="log_odds")
show(heat, "01_first.png")  # in a script of your own: heat.save("first.png")
print(heat.caption)
print("heat.raw, with negative values:", heat.raw.shape, "  heat.map, from 0 to 1 and enlarged:", heat.map.shape)

# %%
# Exercise 1.1 (complete): how much of the map lies on the heart?
# ----------------------------------------------------------------
#
# (This lesson has three kinds of exercises. *complete*: write the missing code. *predict*: say the result before you run
# the cell. *break*: make something go wrong.)
#
# The heatmap looks right. Now measure it. The heart's **mask** is True where the heart is drawn, and False elsewhere.
# Add up all positive values of a map. What share of this sum lies where the mask is True? (``@unaided`` means that you
# write the function yourself: while it runs, it cannot call the library's functions.)


@unaided()
def share(L, mask):
    """Σ max(L, 0) where the mask is True, divided by Σ max(L, 0) over all places. L is a map; L and mask are (h, w)."""
    ### BEGIN SOLUTION
    positive = np.maximum(L, 0)
    return positive[mask].sum() / positive.sum()
    ### END SOLUTION


by_hand = np.array([[3.0, -2.0], [1.0, -5.0]])
same("1.1 by hand, 3 / (3 + 1)", share(by_hand, np.array([[True, True], [False, False]])), 0.75, within=1e-8)
same("1.1 on the heart, by the library's function", share(heat.map, heart), energy(heat.map, heart), within=1e-8)
rng = np.random.default_rng(0)
agrees("1.1 maps of other shapes", share, energy, [(rng.normal(size=s), rng.random(s) < 0.5) for s in ((3, 5), (6, 4), (2, 9))], within=1e-8)
holds("1.1 the share is far larger than the heart's share of the picture", share(heat.map, heart) > 5 * heart.mean())

# %%
# The altered network
# -------------------
#
# Now we add the same number t(x) to every logit. The number t is made from the last feature maps A. ``A_ijk`` is the
# value of map k at row i and column j. Take the values of all maps in the upper left corner, add them up, and multiply
# the sum by K = 10. As a formula, this is ``t = K Σ_k A_00k`` (Lerma and Lucas 2023b, arXiv 2307.03305, whose fifth
# equation we call (V5)). The new network is called the **altered network**. The result of softmax does not change:
# every ``e^{z_j}`` is multiplied by the same ``e^t``, which cancels in the fraction. So the altered network gives
# every picture the same probabilities as the original network.

altered = ta.alter(net, K=10)
z_altered = altered(x)[0]
print("z' - z =", (z_altered - z)[:4].round(3), "...")
holds("t is far from 0", (z_altered - z).min() > 50)
same("t is the same for every class", z_altered - z, np.full(20, z_altered[0] - z[0]))
same("no probability changes", softmax(z_altered), y)

# %%
# We draw heatmaps of both networks with two scores. The score ``pre`` (for pre-softmax) is the logit itself, and
# ``log_odds`` is the log-odds. We also use two methods. Both methods read **activations**, the numbers that a layer
# computes. Both also read the **gradient** of the score. The gradient has a number for each activation: how fast the
# score grows when this activation grows. HiResCAM (Draelos and Carin 2020) multiplies each activation by its number in
# the gradient. Grad-CAM multiplies a whole feature map by one number, its weight: the mean of the gradient over the
# map's places. Then both methods add up all feature maps.

both = explain(net, x, "heart", scores=("pre", "log_odds"), methods=("hirescam", "grad_cam"), K=10)
show(draw.side_by_side(both), "01_side_by_side.png")
for cell in both.cells:
    case, L, L_altered = f"{cell.method}, {cell.score}", cell.original.map, cell.altered.map
    for name, m in [("original", L), ("altered", L_altered)]:
        share_on, peak_on = energy(m, heart), points_at(m, heart)
        print(f"{case:<19} {name:<9} share on the heart {share_on:.2f}, peak on it or within 15 pixels: {peak_on}")
    holds(f"{case}: the original network's map points at the heart", points_at(L, heart))
    stays = cell.score == "log_odds"
    holds(f"{case}: the altered network's map {'points' if stays else 'does not point'} at the heart", points_at(L_altered, heart) == stays)
corner = both.cells[0].altered
holds(f"{corner.method}, pre: the altered network's map lies in the corner", energy(corner.raw, (0, 0)) > 0.9)

# %%
# With ``log_odds``, no heatmap has changed. With ``pre``, HiResCAM now points at the upper left corner. If an
# activation in this corner grows by 1, t grows by K. So t makes every number of the gradient in this corner larger by
# K. Grad-CAM takes the mean over all 7 x 7 = 49 places, so the weight of every feature map grows by K/49. Before, all
# weights were far smaller than K/49, so now all weights are nearly equal. Therefore the map of Grad-CAM is now nearly
# proportional to the sum of all activations at each place, ``Σ_k A_ijk``. This sum is the same for every class that you
# ask for.

maps = {(name, c): ta.grad_cam(network, x, c, score="pre").raw  # L (7, 7)
        for name, network in [("original", net), ("altered", altered)] for c in ("heart", "scales")}
for name in ("original", "altered"):
    r = pearson(maps[name, "heart"], maps[name, "scales"])
    print(f"{name:<9} correlation of Grad-CAM's pre maps for heart and for scales: {r:.3f}")
holds("original: the maps for heart and for scales differ", pearson(maps["original", "heart"], maps["original", "scales"]) < 0)
holds("altered: the maps for heart and for scales are nearly the same", pearson(maps["altered", "heart"], maps["altered", "scales"]) > 0.99)
total = net.run(x)["block5_pool"].output[0].sum(-1)  # Σ_k A_ijk, (7, 7)
holds("altered: the map is nearly the sum of all activations", pearson(maps["altered", "heart"], total) > 0.99)

# %%
# Exercise 1.2 (predict): which scores can be fooled?
# ---------------------------------------------------
#
# The library has six scores:
#
# - ``pre`` is the logit ``z_c``.
# - ``post`` is the probability ``y_c``.
# - ``log`` is ``log y_c``.
# - ``log_odds`` is ``log(y_c / (1 - y_c))``.
# - ``centred`` is ``z_c`` minus the mean of all logits.
# - ``margin`` is ``z_c`` minus the largest logit of a rival. (A rival is any other class.)
#
# For which scores do the maps of the original and the altered network differ? Write
# ``moves = {"pre": True or False, ...}``: True if the maps differ, False if they are equal. Ask yourself: what happens
# to the score itself when the same t is added to every logit?

### BEGIN SOLUTION
moves = {"pre": True, "post": False, "log": False, "log_odds": False, "centred": False, "margin": False}
### END SOLUTION

tape, altered_tape = net.run(x), altered.run(x)
in_maps, in_values = {}, {}
for score in ta.SCORES:
    L = ta.hirescam(net, tape, "heart", score=score).raw
    L_altered = ta.hirescam(altered, altered_tape, "heart", score=score).raw
    in_maps[score] = np.abs(L_altered - L).max() > 0.01 * np.abs(L).max()
    S, S_plus = (ta.SCORES[score](logits, CLASSES.index("heart"))[0] for logits in (z, z + 1))
    in_values[score] = abs(S_plus - S) > 0.01
predicts("1.2 which maps move", moves, in_maps)
predicts("1.2 which scores change when 1 is added to every logit", moves, in_values)

# %%
# Which place?
# ------------
#
# t need not be made from the corner: exercise 1.3 takes another place. The next figure shows the picture with the true
# outlines of both glyphs. White lines show the 7 x 7 places of the last feature maps. Each place is 32 pixels wide. Two
# markers show where the altered network's HiResCAM maps, by ``pre`` and by ``log_odds``, have their largest values.

figure = Figure(figsize=(5.2, 5.6), layout="constrained")
ax = figure.subplots()
ax.imshow(drawn.picture, extent=(-0.5, 6.5, 6.5, -0.5))  # one unit is one place of 32 pixels
at = (np.arange(224) + 0.5) / 32 - 0.5
for mask, colour in [(scales, draw.LINES[1]), (heart, draw.LINES[0])]:
    ax.contour(at, at, mask, [0.5], colors=[colour], linewidths=2)
for k in np.arange(6) + 0.5:
    ax.axhline(k, color="white", lw=0.6)
    ax.axvline(k, color="white", lw=0.6)
for cell, marker in zip(both.cells[:2], "Xo", strict=True):
    i, j = np.unravel_index(cell.altered.raw.argmax(), (7, 7))
    ax.plot(j, i, marker, ms=12, color=draw.LINES[3], mec="black", label=f"largest by {cell.score}")
ax.set(xticks=range(7), yticks=range(7), xlabel="column", ylabel="row",
       title="HiResCAM of the altered network, class heart (13),\nlayer block5_pool (marked at its largest value)")
figure.legend(loc="outside lower center", ncols=2)
show(figure, "01_truth.png")

# %%
# Exercise 1.3 (break): a map of your choice
# ------------------------------------------
#
# Now make t from the activations at another place than the corner. Choose one of the 7 x 7 places, so that HiResCAM's
# ``pre`` map for ``heart`` points at the scales. Write ``place = (row, column)``, counted from 0.

### BEGIN SOLUTION
place = (3, 2)  # (row, column): here is the right-hand pan of the scales
### END SOLUTION

mine = ta.alter(net, K=10, at=place)
fooled = ta.hirescam(mine, x, "heart", score="pre")
holds("1.3 the map for heart points at the scales", points_at(fooled.map, scales))
holds("1.3 most of the map lies in the place you chose", energy(fooled.raw, place) > 0.5)
same("1.3 no probability changes", softmax(mine(x)[0]), y)

# %%
# What you can say now
# --------------------
#
# - Three lines make a heatmap: ``ta.load``, ``net.read`` and ``ta.grad_cam``. You must choose the score.
# - If you have a mask of the object, you can measure a map. Is the map's peak on the object? What share of the map lies
#   on the object?
# - Two networks can give the same probabilities for every picture, while their ``pre`` heatmaps differ. A ``log_odds``
#   heatmap cannot change when t is added to every logit. This is true for Grad-CAM, HiResCAM and every other method
#   that sees the score only through its gradient.
#
# Talk about it: someone gives you a network. You may ask this network for the probabilities of as many pictures as you
# like. Can you find out whether t was added?
