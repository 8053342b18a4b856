"""
8. Grad-CAM and its family: which layer, which pooling?
=======================================================

**Question:** A layer has activations A and gradients g; what is lost when g is averaged over the picture?

:Time: 80 min (20 read, 50 solve, 10 discuss)
:CPU: 10 s
:Needs: lesson 7
:After this you can: write four class activation maps from two arrays; say at which layer each is to be trusted; build a network on which Grad-CAM points at the wrong place
:Figures: 08_methods_by_layers.png, 08_left_or_right.png, 08_layers_measured.png
:Words: explained in the `glossary <../glossary.html>`_

A **walk** is one pass through the network in reverse; it starts with the score's row at the logits. It leaves two arrays of
the same shape (h, w, C) at every layer: the activations ``A_ijk``, channel k at place
(i, j), and the gradients ``g_ijk = ∂S/∂A_ijk`` of the score. A class activation map is ``L_ij = Σ_k w A_ijk``. All that
the methods of this lesson disagree about is the weight w that they make of g. How a map is made of A and g is called
a **read-out**.
"""

# %%
# Predict first
# -------------
#
# A picture has notes on the left and a heart on the right. Write down, before you run the next cells:
#
# - Grad-CAM averages g over all places, HiResCAM does not. Which of the two can tell left from right in a layer whose
#   channels detect edges, edges being everywhere?
# - The layer before the last pool has 14 x 14 places, the pool after it 7 x 7. Where will Grad-CAM be better?
# - Can a place be bright in a Grad-CAM map although the network counts it against the class?

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import has, holds, passes, predicts, same, show, unaided
from tinyattr.glyphs.scenes import CLASSES, example, scene
from tinyattr.methods.heatmap import relu
from tinyattr.studies.draw import LINES, outlined
from tinyattr.studies.metrics import energy, pearson, points_at

net = ta.load("glyphs")
picture = example()
tape = net.run(net.read(picture.picture))
NOTES, HEART = picture.classes


def read_off(layer, c):
    """(A, g) of a layer, both (h, w, C): activations, and the gradient of the log-odds of class c. One walk."""
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
# Selvaraju et al. 2017 (arXiv 1610.02391), equations (1) and (2): one weight a channel, the mean of g over the
# ``Z = h w`` places, ``w_k = (1/Z) Σ_ij g_ijk``; then the weighted sum of the channels, ``L_ij = Σ_k w_k A_ijk``. The
# paper's final ReLU, which keeps what speaks for the class, is left to the drawing: here L stays signed.


@unaided(relu)
def my_grad_cam(A, g):
    """L (h, w) from A and g, both (h, w, C)."""
    ### BEGIN SOLUTION
    w = g.mean((0, 1))  # (C,)
    return A @ w  # (h, w)
    ### END SOLUTION


A_small, g_small = np.array([[[1.0, 2.0], [3.0, 0.0]]]), np.array([[[1.0, 0.0], [3.0, -2.0]]])  # (1, 2, 2)
same("8.1 by hand, w = (2, -1)", my_grad_cam(A_small, g_small), [[0.0, 6.0]])
same("8.1 the library's", my_grad_cam(A, g), ta.grad_cam(net, tape, NOTES, "log_odds", "block5_pool").raw)

# %%
# Exercise 8.2 (complete): the same with another pooling
# ------------------------------------------------------
#
# Write all four as ``L_ij = Σ_k w A_ijk``, where w is one number a channel, (C,), or keeps its places, (h, w, C):
#
# - Grad-CAM averages g; Grad-CAM+ (Lerma and Lucas 2022, arXiv 2205.10838) averages ``max(g, 0)``;
# - HiResCAM (Draelos and Carin 2020, arXiv 2011.08891) takes g as it is;
# - LayerCAM (Jiang et al. 2021) takes ``max(g, 0)`` as it is.


def weights(g):
    """{"grad_cam": w, "grad_cam_plus": w, "hirescam": w, "layercam": w} from g (h, w, C)."""
    ### BEGIN SOLUTION
    return {"grad_cam": g.mean((0, 1)), "grad_cam_plus": relu(g).mean((0, 1)), "hirescam": g, "layercam": relu(g)}
    ### END SOLUTION


has("8.2 four weights", weights(g), ("grad_cam", "grad_cam_plus", "hirescam", "layercam"))
mine = {name: (A * w).sum(-1) for name, w in weights(g).items()}
for name, L in mine.items():
    same(f"8.2 {name}, the library's", L, ta.METHODS[name](net, tape, NOTES, "log_odds", "block5_pool").raw)
holds("8.2 without negative g no map is lower", (mine["grad_cam_plus"] >= mine["grad_cam"]).all()
      and (mine["layercam"] >= mine["hirescam"]).all())

# %%
# Four methods, four layers
# -------------------------
#
# All for the notes, on the left. Read a column upwards, towards the picture: what becomes of Grad-CAM, and what of
# HiResCAM?

METHODS = {"grad_cam": "Grad-CAM", "grad_cam_plus": "Grad-CAM+", "hirescam": "HiResCAM", "layercam": "LayerCAM"}
LAYERS = {"block3_pool": "28 x 28", "block4_pool": "14 x 14", "block5_relu4": "14 x 14", "block5_pool": "7 x 7"}

maps = [[ta.METHODS[m](net, tape, NOTES, "log_odds", layer) for m in METHODS] for layer in LAYERS]
title = f"Four methods by four layers, score log_odds, class {net.label(NOTES)}"
show(outlined(LAYERS.values(), METHODS.values(), maps, picture.masks, title), "08_methods_by_layers.png")

# %%
# Exercise 8.3 (predict): one pool apart
# --------------------------------------
#
# ``block5_pool`` is the 2 x 2 max-pool of ``block5_relu4``. Backwards it hands its whole gradient to the place that
# won, and nothing to the other three. From the pool to the layer before it, 7 x 7 to 14 x 14, by which factor do these
# change: the weights w_k of Grad-CAM, those of Grad-CAM+, the sum of HiResCAM's map, that of LayerCAM's? Write
# ``factor = {"grad_cam": ..., ...}``, with the names of exercise 8.2. No computing.

### BEGIN SOLUTION
factor = {"grad_cam": 1 / 4, "grad_cam_plus": 1 / 4, "hirescam": 1, "layercam": 1}
### END SOLUTION

for block in (5, 4):
    (A_pool, g_pool), (A_relu, g_relu) = (read_off(f"block{block}_{name}", NOTES) for name in ("pool", "relu4"))
    grown = {}
    for name, change in (("grad_cam", np.array), ("grad_cam_plus", relu)):
        w_pool, w_relu = change(g_pool).mean((0, 1)), change(g_relu).mean((0, 1))  # (C,)
        grown[name] = (w_relu @ w_pool) / (w_pool @ w_pool)
        same(f"block {block}, {name}: one factor for all weights", w_relu, grown[name] * w_pool)
    for name, change in (("hirescam", np.array), ("layercam", relu)):
        grown[name] = (A_relu * change(g_relu)).sum() / (A_pool * change(g_pool)).sum()
    predicts(f"8.3 measured in block {block}", factor, grown, within=1e-9)

# %%
# So one layer before the last pool Grad-CAM has the very same weights, but for a factor that normalising removes, and
# four times as many places. They cost nothing.
#
# Left or right?
# --------------
#
# A map for the notes and one for the heart should differ. Do these?

CHOICES = (("grad_cam", "block5_relu4"), ("hirescam", "block3_pool"), ("grad_cam", "block3_pool"),
           ("grad_cam_plus", "block3_pool"))
maps = [[ta.METHODS[m](net, tape, c, "log_odds", layer) for c in (NOTES, HEART)] for m, layer in CHOICES]
show(outlined([METHODS[m] for m, _ in CHOICES], [f"class {net.label(c)}" for c in (NOTES, HEART)], maps, picture.masks,
              "One picture, two classes, score log_odds"), "08_left_or_right.png")

# %%
# Measured
# --------
#
# One picture proves nothing. Here are twelve with two glyphs each: what share of a class's map lies on its own glyph,
# and on the other one; and how often is its peak on its own glyph, or within 15 pixels?

found = {(m, layer): [] for m in METHODS for layer in LAYERS}  # rows (own, other, hit, correlation of the two maps)
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
shares.set(ylim=(0, None), title="Share of the map on its own glyph (full)\nand on the other one (dotted)")
pointing.set(ylim=(0, 1), title="Share of maps whose peak\nis on their own glyph")
pointing.legend()
figure.suptitle("Twelve scenes with two glyphs, the class of each explained, score log_odds")
show(figure, "08_layers_measured.png")

best = {m: max(LAYERS, key=lambda layer, m=m: own[m, layer]) for m in METHODS}
holds("Grad-CAM is best before the last pool", best["grad_cam"] == "block5_relu4")
holds("HiResCAM is best in the shallowest of these layers", best["hirescam"] == "block3_pool")
holds("... though there its peak is less often right",
      hits["hirescam", "block3_pool"] < hits["hirescam", "block5_pool"])
holds("Grad-CAM in block 3 hardly prefers its own glyph",
      own["grad_cam", "block3_pool"] < 1.5 * other["grad_cam", "block3_pool"])
holds("Grad-CAM+ in block 3 draws one map for both classes", alike["grad_cam_plus", "block3_pool"] > 0.99)
holds("Grad-CAM in block 5 draws two that run against each other", alike["grad_cam", "block5_relu4"] < -0.4)

# %%
# Why? A place of ``block3_pool`` sees 52 x 52 pixels: edges and corners, and both glyphs have these. One weight a
# channel can only say "more of this kind of edge", wherever it is. A place of ``block5_relu4`` can see the whole
# picture, and its channels have learned shapes: where one answers tells the class, and one weight is enough. HiResCAM
# has its places from g and may go to finer layers. Grad-CAM+ keeps positive g only, and in block 3 every channel has
# some, for either class.

reach, step, sees = 1, 1, {}  # pixels that a place sees, and pixels from one place to the next
for name, op, _ in net.layers:
    reach, step = reach + step * {"conv2d": 2, "max_pool": 1}.get(op, 0), step * (2 if op == "max_pool" else 1)
    sees[name] = reach
same("pixels that a place sees", [sees["block3_pool"], sees["block5_relu4"]], [52, 252])
holds("in block 3 every channel has positive g, for either class",
      all((read_off("block3_pool", c)[1].max((0, 1)) > 0).all() for c in (NOTES, HEART)))

# %%
# Exercise 8.4 (break): Grad-CAM points at the wrong place
# --------------------------------------------------------
#
# What if a channel counts for the class in most places and against it in one? Take the simplest network: no hidden
# layer, ``z_1 = Σ_ij g_ij A_ij`` and ``z_2 = 0``, and its only feature map is the picture A below. Choose g (3, 3),
# called ``wrong_g``, so that Grad-CAM is brightest at a place without which the class would be *more* likely.

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
drop = fooled(x)[0, 0] - fooled(without)[0, 0]  # what the class loses with this place
holds("8.4 Grad-CAM says that its peak speaks for the class", cam[peak] > 0, "its weight is the mean of g")
holds("8.4 without the peak the class is more likely", drop < 0, "the class loses something with that place")
same("8.4 HiResCAM gives that place what the class loses with it", hires[peak], drop)

# %%
# What pooling throws away
# ------------------------
#
# The maps of HiResCAM and Grad-CAM have different sums. The difference has a name: Z times the covariance of g and A
# over the places, ``Σ_ij L_ij(HiResCAM) - Σ_ij L_ij(Grad-CAM) = Z Σ_k Cov_ij(g_ijk, A_ijk)``. Where g is the same at
# every place, nothing is lost.

covariance = ((g - g.mean((0, 1))) * (A - A.mean((0, 1)))).mean((0, 1))  # (C,)
whole, pooled = (method(net, tape, NOTES, "log_odds", "block5_pool").raw for method in (ta.hirescam, ta.grad_cam))
same("pooling throws away Z times the covariance", whole.sum() - pooled.sum(), whole.size * covariance.sum())

def maps_and_head(net, x, score):
    """(maps of Grad-CAM and HiResCAM, A (h, w, C), W (C, n), row v (n,)) for class 0: what the next exercise is about."""
    tape = net.run(x)
    maps = [method(net, tape, 0, score).direction for method in (ta.grad_cam, ta.hirescam)]  # for the row v
    _, v, _ = ta.SCORES[score](net.logits(tape), [0])  # (1, n)
    return maps, tape[net.features].output[0], net.weights["logits"][0], v[0]


def random_network(random_state):
    """(net, x): a convolution, a ReLU, a mean over all places, a dense layer, with random weights; a random picture."""
    rng = np.random.default_rng(random_state)
    side, C, K, n = rng.integers(2, 6, 4)
    layers = [("conv", "conv2d", {"padding": 1}), ("relu", "relu", {}), ("pool", "global_avg_pool", {}), ("logits", "dense", {})]
    weights = {"conv": (rng.standard_normal((3, 3, C, K)), rng.standard_normal(K)),
               "logits": (rng.standard_normal((K, n)), rng.standard_normal(n))}
    return ta.network(layers, weights), rng.standard_normal((1, side, side, C))


CASES = [maps_and_head(*random_network(k), score) for k in range(10) for score in ta.SCORES]  # heads that average
CASES = [case for case in CASES if all(L.any() for L in case[0])]  # maps of zeros say nothing
layers = [("pool", "max_pool", {"size": 4, "stride": 4}), ("flatten", "flatten", {}), ("logits", "dense", {})]
kernel = np.array([[2.0, 0.0, 1.0], [-1.0, 1.0, 0.0]])  # (C, n)
maximum = ta.network(layers, {"logits": (kernel, np.zeros(3))}, features="input")
of_maximum = maps_and_head(maximum, np.random.default_rng(0).random((1, 4, 4, 2)), "log_odds")

# %%
# Exercise 8.5 (prove): a head that only averages
# -----------------------------------------------
#
# Many networks end with a global average pool and one dense layer W (C, n), so that ``∂z_j/∂A_ijk = W_kj / Z`` at every
# place. For these, Zhou et al. 2016 (arXiv 1512.04150) drew a map from the last weights alone, without a gradient. For
# a score with the row ``v = dS/dz`` it reads ``CAM_ij = Σ_k A_ijk Σ_j W_kj v_j``. Write the claim that Grad-CAM and
# HiResCAM are both CAM / Z. It must hold on random networks, for all scores, and fail where the head is another one.
# Floats round: compare with a tolerance (``np.allclose`` has one), but find a place that is off by a hundredth.


def both_are_cam(maps, A, W, v):
    """The claim, True or False or by assert: both maps (h, w) are CAM / Z, for A (h, w, C), W (C, n) and the row v (n,)."""
    ### BEGIN SOLUTION
    CAM = A @ (W @ v)  # (h, w)
    return all(np.abs(L - CAM / CAM.size).max() <= 1e-12 * np.abs(CAM).max() for L in maps)
    ### END SOLUTION


for case in CASES:
    holds("8.5 on random networks", passes(both_are_cam, *case))
holds("8.5 it fails for a maximum", not passes(both_are_cam, *of_maximum), "hold both maps against CAM / Z")
(pooled, whole), *rest = max(CASES, key=lambda case: np.ptp(case[0][0]))
slip = np.ones(pooled.shape)
slip[np.unravel_index(np.abs(pooled).argmax(), pooled.shape)] = 1.01  # a hundredth more at the largest place
for what, maps in {"a place of Grad-CAM that is off by a hundredth": (pooled * slip, whole),
                   "a place of HiResCAM that is off by a hundredth": (pooled, whole * slip),
                   "two maps that are twice as large": (2 * pooled, 2 * whole),
                   "two maps that are turned round": (pooled[::-1, ::-1], whole[::-1, ::-1])}.items():
    holds(f"8.5 it sees {what}", not passes(both_are_cam, maps, *rest))

# %%
# What you can say now
# --------------------
#
# - Grad-CAM, Grad-CAM+, HiResCAM and LayerCAM are one formula with four weights. The first two pool them.
# - Pooling throws away the covariance of g and A. With a head that averages there is none, and all is CAM.
# - Grad-CAM belongs at the last convolution's ReLU, before the last pool. For finer maps of shallower layers take a
#   method that keeps the places of g, and expect more of it on other objects.
# - A pooled map can be brightest where the network sees evidence against the class.
#
# Talk about it: in block 5 the maps of the two glyphs are not only different, they run against each other. Which part
# of the row ``e_c - q`` does that? (Lesson 9.) LayerCAM keeps positive g only: which evidence does it hide?
