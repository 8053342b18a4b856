"""
8. Grad-CAM and its family: which layer, which pooling?
=======================================================

**Question:** A layer has activations A and gradients g. What is lost if we average g over the picture?

:Time: 85 min (25 read, 50 solve, 10 discuss)
:CPU: 10 s
:Needs: lesson 7
:After this you can: write four class activation maps from two arrays; say at which layers you can trust each method; build a network for which Grad-CAM points at the wrong place
:Figures: 08_methods_by_layers.png, 08_left_or_right.png, 08_layers_measured.png
:Words: explained in the `glossary <../glossary.html>`_

A **walk** is one pass through the network in reverse. It starts with the row of the score S at the logits. After the
walk, each layer of feature maps has two arrays (h, w, C). The first holds the activations ``A_ijk`` of channel k at
place (i, j), the second holds their gradients ``g_ijk = ∂S/∂A_ijk``. A **read-out** is a way to make a map from A and
g. The read-outs of this lesson are **class activation maps**, sums ``L_ij = Σ_k w A_ijk``. The
weight w depends on the channel k, in some methods also on the place. Each method computes w from g in its own way. (In
shapes such as (h, w, C), the letter w is the width.)
"""

# %%
# Predict first
# -------------
#
# A picture has notes on the left and a heart on the right. Before you run the next cells, write down your answers:
#
# - Take a layer whose channels detect edges; edges are everywhere in the picture. Grad-CAM averages g over all places,
#   but HiResCAM does not. In this layer, which of the two can show the notes without the heart?
# - The layer before the last pool has 14 x 14 places. The last pool has 7 x 7 places. At which of these layers does
#   Grad-CAM show the notes better?
# - Can a place be bright in a Grad-CAM map although this place speaks against the class?

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import agrees, has, holds, passes, predicts, same, show, spoiled, unaided
from tinyattr.glyphs.scenes import CLASSES, example, scene
from tinyattr.methods.heatmap import relu
from tinyattr.studies.draw import LINES, outlined
from tinyattr.studies.metrics import energy, pearson, points_at

net = ta.load("glyphs")
picture = example()
tape = net.run(net.read(picture.picture))
NOTES, HEART = picture.classes


def read_off(layer, c):
    """(A, g) of a layer, both (h, w, C): its activations, and the gradient of class c's log-odds from one walk."""
    _, row, _ = ta.SCORES["log_odds"](net.logits(tape), [c])  # e_c - q, (1, n)
    signals = ta.walk(tape, {"predictions": row}, ta.GRADIENT, (layer,))
    return tape[layer].output[0].astype(np.float64), signals[layer][0].astype(np.float64)


A, g = read_off("block5_pool", NOTES)
for name, array in (("A", A), ("g", g)):
    print(f"{name} {array.shape}, from {array.min():.3f} to {array.max():.3f}")
holds("after a ReLU no activation is negative", A.min() >= 0)

# %%
# Exercise 8.1 (complete): Grad-CAM in two lines
# ----------------------------------------------
#
# Grad-CAM has two equations, (1) and (2) of Selvaraju et al. 2017 (arXiv 1610.02391). First, each channel gets one
# weight: the mean of g over the ``Z = h w`` places, ``w_k = (1/Z) Σ_ij g_ijk``. Second, the map is the weighted sum of
# the channels, ``L_ij = Σ_k w_k A_ijk``. In the paper, a final ReLU replaces negative L_ij by 0. Your function should
# return L without this ReLU.


@unaided(relu)
def my_grad_cam(A, g):
    """L (h, w) from A and g, both (h, w, C)."""
    ### BEGIN SOLUTION
    w = g.mean((0, 1))  # (C,)
    return A @ w  # (h, w)
    ### END SOLUTION


A_small, g_small = np.array([[[1.0, 2.0], [3.0, 0.0]]]), np.array([[[1.0, 0.0], [3.0, -2.0]]])  # (1, 2, 2)
agrees("8.1 by hand, w = (2, -1)", my_grad_cam, lambda A, g: [[0.0, 6.0]], [(A_small, g_small)])
agrees("8.1 the library's Grad-CAM", lambda layer, c: my_grad_cam(*read_off(layer, c)),
       lambda layer, c: ta.grad_cam(net, tape, c, "log_odds", layer).raw, [("block5_pool", NOTES), ("block4_pool", HEART)])

# %%
# Exercise 8.2 (complete): four methods, one formula
# --------------------------------------------------
#
# Four methods have the form ``L_ij = Σ_k w A_ijk``. The weight w has the shape (C,) if the method averages over the
# places, and (h, w, C) if it does not. In ``max(g, 0)``, negative gradients are replaced by 0. Write all four weights:
#
# - Grad-CAM takes the mean of g over all places.
# - Grad-CAM+ (Lerma and Lucas 2022, arXiv 2205.10838) takes the mean of ``max(g, 0)`` over all places.
# - HiResCAM (Draelos and Carin 2020, arXiv 2011.08891) takes g itself, without a mean.
# - LayerCAM (Jiang et al. 2021) takes ``max(g, 0)`` itself, without a mean.


def weights(g):
    """{"grad_cam": w, "grad_cam_plus": w, "hirescam": w, "layercam": w} from g (h, w, C)."""
    ### BEGIN SOLUTION
    return {"grad_cam": g.mean((0, 1)), "grad_cam_plus": relu(g).mean((0, 1)), "hirescam": g, "layercam": relu(g)}
    ### END SOLUTION


for layer, c in (("block5_pool", NOTES), ("block4_pool", HEART)):
    A_here, g_here = read_off(layer, c)
    mine = weights(g_here)
    has("8.2 four weights", mine, ("grad_cam", "grad_cam_plus", "hirescam", "layercam"))
    for name, w in mine.items():
        same(f"8.2 {name} of the library, {layer}", (A_here * w).sum(-1), ta.METHODS[name](net, tape, c, "log_odds", layer).raw)
A_twice, g_twice = np.concatenate([A, A]), np.concatenate([g, g])  # (2 h, w, C): each map stands there twice, so the means are the same
for name, w in weights(g_twice).items():
    once = (A * weights(g)[name]).sum(-1)
    same(f"8.2 {name} of maps that are twice as high", (A_twice * w).sum(-1), np.concatenate([once, once]))

# %%
# Four methods, four layers
# -------------------------
#
# The next figure shows maps of these methods at four layers, all for the notes on the left. The top row shows the layer
# nearest to the picture. From the bottom row to the top row, how do the maps of Grad-CAM and of HiResCAM change?

METHODS = {"grad_cam": "Grad-CAM", "grad_cam_plus": "Grad-CAM+", "hirescam": "HiResCAM", "layercam": "LayerCAM"}
LAYERS = {"block3_pool": "28 x 28", "block4_pool": "14 x 14", "block5_relu4": "14 x 14", "block5_pool": "7 x 7"}

maps = [[ta.METHODS[m](net, tape, NOTES, "log_odds", layer) for m in METHODS] for layer in LAYERS]
title = f"Four methods by four layers, score log_odds, class {net.label(NOTES)}"
show(outlined(LAYERS.values(), METHODS.values(), maps, picture.masks, title), "08_methods_by_layers.png")

# %%
# Exercise 8.3 (predict): before the pool and after it
# ----------------------------------------------------
#
# ``block5_pool`` is the 2 x 2 max-pool after ``block5_relu4``. Each place of the pool reads four places of the layer
# before it. On the way back, the pool gives the whole gradient of this place to the largest of the four. Compare four
# numbers at the layer before the pool (14 x 14) and at the pool (7 x 7):
#
# - ``grad_cam``: each weight w_k of Grad-CAM
# - ``grad_cam_plus``: each weight w_k of Grad-CAM+
# - ``hirescam``: the sum of HiResCAM's map
# - ``layercam``: the sum of LayerCAM's map
#
# Write ``factor = {"grad_cam": ..., ...}``: the value before the pool, divided by the value at the pool. You need not
# run any code.

### BEGIN SOLUTION
factor = {"grad_cam": 1 / 4, "grad_cam_plus": 1 / 4, "hirescam": 1, "layercam": 1}
### END SOLUTION

for block in (5, 4):
    (A_pool, g_pool), (A_relu, g_relu) = (read_off(f"block{block}_{name}", NOTES) for name in ("pool", "relu4"))
    grown = {}
    for name, change in (("grad_cam", np.array), ("grad_cam_plus", relu)):
        w_pool, w_relu = change(g_pool).mean((0, 1)), change(g_relu).mean((0, 1))  # (C,)
        grown[name] = (w_relu @ w_pool) / (w_pool @ w_pool)
        same(f"block {block}, {name}: all weights have the same factor", w_relu, grown[name] * w_pool)
    for name, change in (("hirescam", np.array), ("layercam", relu)):
        grown[name] = (A_relu * change(g_relu)).sum() / (A_pool * change(g_pool)).sum()
    predicts(f"8.3 measured in block {block}", factor, grown, within=1e-9)

# %%
# So before the last pool, each weight of Grad-CAM is a quarter of its value at the pool: Grad-CAM divides the same sum
# by four times as many places. The quarter disappears when the map is scaled to a maximum of 1. What remains is that the
# map before the pool has more places.
#
# Left or right?
# --------------
#
# A map for the notes and a map for the heart should differ. For which methods do they differ in the next figure?

CHOICES = (("grad_cam", "block5_relu4"), ("hirescam", "block3_pool"), ("grad_cam", "block3_pool"),
           ("grad_cam_plus", "block3_pool"))
maps = [[ta.METHODS[m](net, tape, c, "log_odds", layer) for c in (NOTES, HEART)] for m, layer in CHOICES]
show(outlined([METHODS[m] for m, _ in CHOICES], [f"class {net.label(c)}" for c in (NOTES, HEART)], maps, picture.masks,
              "One picture, two classes, score log_odds"), "08_left_or_right.png")

# %%
# Measured
# --------
#
# One picture proves nothing. So we measure twelve pictures with two glyphs each. What share of a map lies on the glyph
# of its class (its own glyph), and what share on the other? How often is the map's largest number, its peak, on its own
# glyph or within 15 pixels of it?

found = {(m, layer): [] for m in METHODS for layer in LAYERS}  # rows: (own, other, hit, correlation of the two maps)
for k in range(12):
    rng = np.random.default_rng([6, k])
    s = scene(rng, rng.choice(len(CLASSES), 2, replace=False), difficulty=0.5)
    run = net.run(net.read(s.picture))
    for m, layer in found:
        two = [ta.METHODS[m](net, run, int(c), "log_odds", layer) for c in s.classes]
        alike = pearson(two[0].plane, two[1].plane)
        for L, mask, rival in zip((heat.map for heat in two), s.masks, s.masks[::-1], strict=True):  # (224, 224)
            found[m, layer].append((energy(L, mask), energy(L, rival), points_at(L, mask), alike))
own, other, hits, alike = ({key: np.nanmean(rows, 0)[i] for key, rows in found.items()} for i in range(4))

figure = Figure(figsize=(9, 3.9), layout="constrained")
shares, pointing = figure.subplots(1, 2)
for (m, name), colour, marker in zip(METHODS.items(), LINES, "osD^", strict=False):
    for ax, measured, style in ((shares, own, "-"), (shares, other, ":"), (pointing, hits, "-")):
        ax.plot(list(LAYERS), [measured[m, layer] for layer in LAYERS], style, marker=marker, color=colour,
                mfc="white" if style == ":" else colour, label=name)
shares.set(ylim=(0, None), title="Share of the map on its own glyph (full)\nand on the other glyph (dotted)")
pointing.set(ylim=(0, 1), title="Share of maps whose peak\nis on their own glyph")
pointing.legend()
figure.suptitle("Twelve scenes with two glyphs, a map for each glyph's class, score log_odds")
show(figure, "08_layers_measured.png")

best = {m: max(LAYERS, key=lambda layer, m=m: own[m, layer]) for m in METHODS}
holds("Grad-CAM has the largest share on its own glyph before the last pool", best["grad_cam"] == "block5_relu4")
holds("HiResCAM has the largest share on its own glyph in block3_pool, the first of these layers", best["hirescam"] == "block3_pool")
holds("HiResCAM's peak is less often on its own glyph in block3_pool than in the last pool",
      hits["hirescam", "block3_pool"] < hits["hirescam", "block5_pool"])
holds("Grad-CAM's share on its own glyph in block 3 is less than 1.5 times its share on the other",
      own["grad_cam", "block3_pool"] < 1.5 * other["grad_cam", "block3_pool"])
holds("Grad-CAM+ in block 3 draws nearly the same map for both classes", alike["grad_cam_plus", "block3_pool"] > 0.99)
holds("in an earlier layer, a larger share of HiResCAM's map lies on the other glyph", other["hirescam", "block3_pool"]
      > other["hirescam", "block4_pool"] > other["hirescam", "block5_relu4"] > other["hirescam", "block5_pool"])
holds("Grad-CAM's maps of the two classes in block 5 have a negative correlation", alike["grad_cam", "block5_relu4"] < -0.4)

# %%
# Why do the methods differ? A place of ``block3_pool`` depends on 52 x 52 pixels. Its channels detect edges and
# corners, and both glyphs have edges and corners. Grad-CAM has only one weight for each channel. It can say that a kind
# of edge speaks for the class, but not where. A place of ``block5_relu4`` has a window of 252 x 252 pixels, larger than
# the picture, and its channels detect shapes. Each shape belongs to few classes, so one weight for each channel is
# enough. HiResCAM gives each place its own g, so it also works at earlier layers. Grad-CAM+ averages ``max(g, 0)``. In
# block 3, about half of each channel's g are positive, for either class. The mean of ``max(g, 0)`` cannot see which
# places these are. It shows only how large g usually is, and this is similar for both classes. So the two classes get
# similar weights.

reach, step, sees = 1, 1, {}  # height of a place's window, and distance of neighbouring places, both in pixels
for name, op, _ in net.layers:
    reach, step = reach + step * {"conv2d": 2, "max_pool": 1}.get(op, 0), step * (2 if op == "max_pool" else 1)
    sees[name] = reach
same("the height of the window on which a place depends", [sees["block3_pool"], sees["block5_relu4"]], [52, 252])
share = np.stack([(read_off("block3_pool", c)[1] > 0).mean((0, 1)) for c in (NOTES, HEART)])  # (2, C)
holds("in block 3, from 40 to 60 % of each channel's g are positive, for both classes", 0.4 < share.min() <= share.max() < 0.6)

# %%
# Exercise 8.4 (break): Grad-CAM points at the wrong place
# --------------------------------------------------------
#
# Suppose that a channel speaks for the class at most places and against it at one place. Take a network without a
# hidden layer: ``z_1 = Σ_ij g_ij A_ij`` and ``z_2 = 0``. Its only feature map is the picture A below. Choose the array
# g (3, 3) and call it ``wrong_g``. Grad-CAM should be brightest at a place that makes the class *less* likely: if this
# place is set to 0, the class becomes more likely.

bright = np.array([[1.0, 1.0, 1.0], [1.0, 5.0, 1.0], [1.0, 1.0, 1.0]])  # A, one channel


def linear(g):
    """The network with logits (Σ_ij g_ij A_ij, 0) for a picture A (1, 3, 3, 1)."""
    kernel = np.stack([np.ravel(g), np.zeros(9)], axis=1)  # (9, 2)
    return ta.network([("flatten", "flatten", {}), ("logits", "dense", {})], {"logits": (kernel, np.zeros(2))})


### BEGIN SOLUTION
wrong_g = np.ones((3, 3))
wrong_g[1, 1] = -1
### END SOLUTION

fooled, x = linear(wrong_g), bright[None, :, :, None]
cam, hires = (method(fooled, x, 0, "log_odds", "input").raw for method in (ta.grad_cam, ta.hirescam))
peak = np.unravel_index(cam.argmax(), cam.shape)
without = x.copy()
without[0, *peak, 0] = 0
drop = fooled(x)[0, 0] - fooled(without)[0, 0]  # how much the logit falls if this place is set to 0
holds("8.4 Grad-CAM says that its peak speaks for the class", cam[peak] > 0, "Grad-CAM's weight is the mean of g, and it must be positive")
holds("8.4 without the peak the class is more likely", drop < 0, "set the brightest place of Grad-CAM to 0: the logit must rise; with your g it does not")
same("8.4 HiResCAM at the peak is how much the logit falls without it", hires[peak], drop)

# %%
# What averaging loses
# --------------------
#
# The maps of HiResCAM and Grad-CAM have different sums. The difference is Z times the covariance of g and A over the
# places, summed over the channels: ``Σ_ij L_ij(HiResCAM) - Σ_ij L_ij(Grad-CAM) = Z Σ_k Cov_ij(g_ijk, A_ijk)``. If g is
# the same at every place, averaging loses nothing.

covariance = ((g - g.mean((0, 1))) * (A - A.mean((0, 1)))).mean((0, 1))  # (C,)
whole, pooled = (method(net, tape, NOTES, "log_odds", "block5_pool").raw for method in (ta.hirescam, ta.grad_cam))
same("averaging loses Z times the covariance", whole.sum() - pooled.sum(), whole.size * covariance.sum())

def maps_and_head(net, x, score):
    """(maps of Grad-CAM and HiResCAM, A (h, w, C), W (C, n), row v (n,)) for class 0. The next exercise uses them."""
    tape = net.run(x)
    _, v, _ = ta.SCORES[score](net.logits(tape), [0])  # (1, n)
    # A score returns (value, row, log_scale), and dS/dz is row times exp(log_scale). `raw` is the map for
    # dS/dz. `direction` is the map for the row.
    maps = [method(net, tape, 0, score).direction for method in (ta.grad_cam, ta.hirescam)]
    return maps, tape[net.features].output[0], net.weights["logits"][0], v[0]


def random_network(random_state):
    """(net, x): a network of convolution, ReLU, mean over all places and dense layer, random weights; a random picture."""
    rng = np.random.default_rng(random_state)
    side, C, K, n = rng.integers(2, 6, 4)
    layers = [("conv", "conv2d", {"padding": 1}), ("relu", "relu", {}), ("pool", "global_avg_pool", {}), ("logits", "dense", {})]
    weights = {"conv": (rng.standard_normal((3, 3, C, K)), rng.standard_normal(K)),
               "logits": (rng.standard_normal((K, n)), rng.standard_normal(n))}
    return ta.network(layers, weights), rng.standard_normal((1, side, side, C))


CASES = [maps_and_head(*random_network(k), score) for k in range(10) for score in ta.SCORES]  # networks that end in a mean
CASES = [case for case in CASES if all(L.any() for L in case[0])]  # a map of zeros cannot test the claim
layers = [("pool", "max_pool", {"size": 4, "stride": 4}), ("flatten", "flatten", {}), ("logits", "dense", {})]
kernel = np.array([[2.0, 0.0, 1.0], [-1.0, 1.0, 0.0]])  # (C, n)
maximum = ta.network(layers, {"logits": (kernel, np.zeros(3))}, features="input")
of_maximum = maps_and_head(maximum, np.random.default_rng(0).random((1, 4, 4, 2)), "log_odds")

# %%
# Exercise 8.5 (prove): networks that end in a mean
# -------------------------------------------------
#
# Many networks end with a global average pool and one dense layer W (C, n). Then the logit z_m of each class m has the
# gradient ``∂z_m/∂A_ijk = W_km / Z``, the same at every place. For these networks, Zhou et al. 2016 (arXiv 1512.04150)
# computed a map of class c from the last weights, without a gradient: ``CAM_ij = Σ_k A_ijk W_kc``. This is the case
# of ``pre``: its row is 1 at c and 0 elsewhere. We extend it to the row v of any score: ``CAM_ij = Σ_k
# A_ijk Σ_m W_km v_m``. Write the claim that Grad-CAM and HiResCAM are equal to CAM / Z. The claim must be true for
# random networks of this form and for all scores. It must be false for a network with a max-pool instead of the mean.
# It must also be false if one number of a map is wrong by one per cent. Compare with a tolerance, as ``np.allclose``
# does.


def both_are_cam(maps, A, W, v):
    """True if both maps (h, w) are CAM / Z, for A (h, w, C), W (C, n) and the row v (n,). Return a bool or use assert."""
    ### BEGIN SOLUTION
    CAM = A @ (W @ v)  # (h, w)
    return all(np.abs(L - CAM / CAM.size).max() <= 1e-12 * np.abs(CAM).max() for L in maps)
    ### END SOLUTION


for case in CASES:
    holds("8.5 on random networks", passes(both_are_cam, *case))
holds("8.5 the claim is false for a max-pool", not passes(both_are_cam, *of_maximum), "compare both maps with CAM / Z")
(pooled, whole), *rest = max(CASES, key=lambda case: np.ptp(case[0][0]))
for what, wrong in spoiled(pooled).items():  # `pooled` and `whole` are equal
    for which, maps in {"Grad-CAM": (wrong, whole), "HiResCAM": (pooled, wrong), "both": (wrong, wrong)}.items():
        holds(f"8.5 the claim is false if a map is wrong ({which}: {what})", not passes(both_are_cam, maps, *rest))

# %%
# What you can say now
# --------------------
#
# - The four methods are one formula with four different weights. Grad-CAM and Grad-CAM+ average their weights over all
#   places.
# - Averaging loses the covariance of g and A. If the network ends in a mean and one dense layer, this covariance is 0.
#   Then Grad-CAM and HiResCAM are CAM / Z.
# - Use Grad-CAM at the last ReLU before the last pool. If you need a map with more places, use an earlier layer and a
#   method that gives each place its own weight. But then a larger share of the map lies on other objects.
# - A Grad-CAM map can be brightest at a place that speaks against the class.
#
# Talk about it: in block 5, the Grad-CAM maps of the two glyphs have a negative correlation. Which part of the row
# ``e_c - q`` is the reason for this? (Lesson 9 gives the answer.) LayerCAM keeps only positive g. Which evidence does
# LayerCAM hide?
