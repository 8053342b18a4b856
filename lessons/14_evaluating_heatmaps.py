"""
14. Evaluating heatmaps
=======================

**Question:** Two heatmaps explain the same answer, but differ. Which heatmap is better? People use a
number to decide. What does this number reward?

:Time: 65 min (15 read, 40 solve, 10 discuss)
:CPU: 5 s
:Needs: lessons 8 and 11
:After this you can: write a deletion curve; say when the pointing game counts a hit; get a good value of a metric without looking at the network; choose tests that find different faults
:Figures: 14_maps.png, 14_curves.png
:Words: explained in the `glossary <../glossary.html>`_

A heatmap may look right and still explain nothing. So people measure heatmaps. Does the probability fall if the bright
places are deleted? Does the highest place lie on the object? Does the map change if the network is broken? Each test asks
a different question. You will write one of these tests, and then deceive this test.
"""

# %%
# Predict first
# -------------
#
# The picture contains one heart, and the network is sure that it is a heart. We delete pixels: we set them to the mean
# colour. A map gives the order: the pixel where the map is highest is deleted first. Write down your answers:
#
# - Which order makes the probability fall faster: the order of Grad-CAM's map, or the order of a map of random numbers?
# - Another map is 1 on the heart and 0 elsewhere. Does its order make the probability fall faster than the other two?

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import has, holds, predicts, same, show, unaided
from tinyattr.glyphs.scenes import scene
from tinyattr.softmax import softmax
from tinyattr.studies.curves import area, deletion
from tinyattr.studies.draw import LINES
from tinyattr.studies.metrics import energy, points_at, spearman

net = ta.load("glyphs")
drawn = scene(np.random.default_rng([84, 0]), difficulty=0.4)
c, outline = drawn.classes[0], drawn.masks[0]  # the class, and where it is: (224, 224) bool
x = net.read(drawn.picture)  # (1, 224, 224, 3)
y_c = softmax(net(x)[0])[c]
print(f"{net.label(c)}: probability {y_c:.3f}, the heart covers {outline.mean():.3f} of the picture")

# %%
# Exercise 14.1 (complete): a deletion curve
# ------------------------------------------
#
# Petsiuk et al. 2018 (arXiv 1806.07421) delete n places in each step. They begin with the places where the map is
# highest. They write down the score before the first step and after each step, until all places are deleted. The last
# step deletes all places that are left, which may be fewer than n. A deleted place takes the values of another picture
# b, in all channels at once. If the map is equally high at several places, the first of them, row by row, is deleted
# first. Do not change x itself.


@unaided()
def my_deletion(S, x, L, b, n):
    """[S(x), S(x without the n highest places of L), ...]; x and b (H, W, C), L (H, W). S is a function of a picture."""
    ### BEGIN SOLUTION
    order = np.argsort(-L.ravel(), kind="stable")
    curve = []
    for deleted in range(0, L.size + n, n):  # the last step may be shorter
        changed = x.reshape(L.size, -1).copy()
        changed[order[:deleted]] = b.reshape(L.size, -1)[order[:deleted]]
        curve.append(S(changed.reshape(x.shape)))
    return curve
    ### END SOLUTION


four = np.array([[1.0, 2.0], [3.0, 4.0]])[..., None]
same("14.1 by hand: the map is highest where x is 2, so 2 is deleted first, then 4, 3, 1", my_deletion(np.sum, four, np.array([[0, 3], [1, 2]]), 0 * four, 1), [10, 8, 4, 1, 0])
holds("14.1 x itself is not changed", (four.ravel() == [1, 2, 3, 4]).all(), "change a copy, x.copy()")
same("14.1 two at a time, the same height everywhere", my_deletion(np.sum, four, np.ones((2, 2)), 0 * four, 2), [10, 7, 0])
same("14.1 three at a time: the last step deletes what is left", my_deletion(np.sum, four, np.array([[0, 3], [1, 2]]), 0 * four, 3), [10, 1, 0])
steps = np.arange(100.0).reshape(10, 10, 1)
same("14.1 a map with only two different values: equal places go row by row", my_deletion(np.sum, steps, steps[..., 0] % 2, 0 * steps, 25), [4950, 4325, 2450, 1850, 0])
rng = np.random.default_rng(0)
small, instead, L = rng.random((6, 8, 3)), rng.random((6, 8, 3)), rng.random((6, 8))
tiny = ta.network([("flatten", "flatten", {}), ("z", "dense", {})], {"z": (rng.standard_normal((144, 3)), np.zeros(3))})
mine = my_deletion(lambda a: softmax(tiny(a[None])[0])[1], small, L, instead, 8)
same("14.1 a colour picture, the same as the library", mine, deletion(tiny, small[None], L, 1, baseline=instead[None], pixels=8))

# %%
# We turn the curve into one number, the area below the curve. The horizontal axis is the share of deleted pixels, from
# 0 to 1. A small area counts as good, because then the score falls soon. Here are five maps of the heart. Two maps,
# Grad-CAM and guided backpropagation, use the network. The other three do not. **noise** is a map of random numbers.
# **edges** shows how fast the picture's brightness changes from pixel to pixel. **outline** is 1 on the heart and 0
# elsewhere. Only the program that painted the picture knows the outline.

STEP = 3584  # pixels that are deleted in one step: a fourteenth of the picture
tape = net.run(x)
maps = {
    "Grad-CAM": ta.grad_cam(net, tape, c, score="log_odds").map,
    "guided": ta.guided_backprop(net, tape, c, score="log_odds").map,
    "noise": np.random.default_rng(1).random((224, 224)),
    "edges": np.hypot(*np.gradient(drawn.picture.mean(-1))),
    "outline": outline.astype(float),
}
curves = {name: deletion(net, x, L, c, pixels=STEP) for name, L in maps.items()}
areas = {name: area(curve) for name, curve in curves.items()}
for name, L in maps.items():
    print(f"{name:<9} area {areas[name]:.3f}   share on the heart {energy(L, outline):.2f}   peak on the heart or near it: {points_at(L, outline)}")

figure = Figure(figsize=(9, 2.4), layout="constrained")
for ax, (name, L) in zip(figure.subplots(1, 6), {"the picture": drawn.picture, **maps}.items(), strict=True):
    ax.imshow(L, cmap="inferno")
    ax.set(xticks=[], yticks=[], title=name)
figure.suptitle(f"Five maps for {net.label(c)}")
show(figure, "14_maps.png")

figure = Figure(figsize=(6.4, 3.8), layout="constrained")
ax = figure.subplots()
for (name, curve), marker, colour in zip(curves.items(), "osD^v", LINES, strict=False):
    ax.plot(np.linspace(0, 1, len(curve)), curve, marker=marker, ms=4, color=colour, label=f"{name}, area {areas[name]:.2f}")
ax.set(xlabel="share of the picture that is deleted", ylabel="probability of the class",
       title="Deletion: the sooner it falls, the better the map?")
ax.legend()
show(figure, "14_curves.png")
holds("noise beats Grad-CAM", areas["noise"] < areas["Grad-CAM"])
holds("the outline is the worst of all", areas["outline"] == max(areas.values()))

# %%
# Did you expect this? Noise makes small holes all over the picture. The network never saw such pictures in training, so
# its answer is soon wrong. The outline cuts the heart out cleanly. This leaves a heart-shaped hole, and the network
# still sees the shape. The metric rewards maps that *destroy* the picture, not maps that *explain* the answer. (For
# this reason, Hooker et al. 2019, arXiv 1806.10758, train the network again on the pictures with holes.)
#
# Exercise 14.2 (break): win without knowing anything
# ---------------------------------------------------
#
# Write a map that knows only the size of the picture, not the picture, the network or the class. It must have a smaller
# area than Grad-CAM. It must not mark the heart, not even by luck. The check divides the map's sum on the heart by its
# whole sum. This share must be less than 1.3 times the share of a constant map.


def blind(height, width):
    """A map (height, width) of numbers that are 0 or larger."""
    ### BEGIN SOLUTION
    return np.random.default_rng(2).random((height, width))
    ### END SOLUTION


mine = np.array(blind(224, 224), float)
holds("14.2 a map of the picture's size, with no number below 0 and some number above 0", mine.shape == (224, 224) and mine.min() >= 0 < mine.max())
share = energy(mine, outline)
holds("14.2 the map does not mark the heart", share < 1.3 * outline.mean(), f"{share:.2f} of it lies on the heart")
holds("14.2 a map for a picture of any size", np.shape(blind(6, 9)) == (6, 9), "make it from height and width alone")
result = area(deletion(net, x, mine, c, pixels=2 * STEP))
limit = area(curves["Grad-CAM"][::2])
holds("14.2 a smaller area than Grad-CAM", result < limit, f"yours has {result:.3f}, Grad-CAM {limit:.3f}; which order destroys shapes soon?")

# %%
# The pointing game
# -----------------
#
# If we know where the object is, we can ask a more direct question. Is the map's highest place on the object, or within
# 15 pixels of the object? This is the pointing game (Zhang et al. 2016, arXiv 1608.00507), and ``points_at`` answers
# the question. The next cell counts the hits of Grad-CAM and of noise on eight pictures.

hits = {"Grad-CAM": [], "noise": []}
for k in range(8):
    s = scene(np.random.default_rng([84, k]), difficulty=0.4)
    L = ta.grad_cam(net, net.read(s.picture), s.classes[0], score="log_odds", layer="block5_relu4").map
    hits["Grad-CAM"].append(points_at(L, s.masks[0]))
    hits["noise"].append(points_at(np.random.default_rng(k).random((224, 224)), s.masks[0]))
print({name: f"{sum(found)} of 8" for name, found in hits.items()})
holds("Grad-CAM hits at least 7 times, noise at most 4 times", sum(hits["Grad-CAM"]) >= 7 > 4 >= sum(hits["noise"]))

# %%
# Exercise 14.3 (predict): hit or miss?
# -------------------------------------
#
# The pointing game looks only at the place where the map is highest. If several places are equally high, it takes the
# first of them, row by row. A map without a number above 0 never hits. Which of these maps count as a hit? Write True
# or False for each, ``hit = {"constant": ..., ...}``:
#
# - ``constant``: 1 everywhere; the object is not in a corner;
# - ``negative``: -1 on the object, -2 elsewhere;
# - ``one pixel``: 1 in one pixel of the object, 0 elsewhere;
# - ``beside``: 1 in one pixel that is 10 pixels away from the object, 0 elsewhere;
# - ``almost``: 1 on the object, 1.01 in the lower right corner of the picture, 0 elsewhere.

### BEGIN SOLUTION
hit = {"constant": False, "negative": False, "one pixel": True, "beside": True, "almost": False}
### END SOLUTION


def test_maps(mask):
    """The five maps for an object that lies on this mask."""
    i, j = np.argwhere(mask)[0]  # the object's first pixel: no part of the object is above it
    found = {"constant": np.ones(mask.shape), "negative": mask - 2.0, **{name: np.zeros(mask.shape) for name in ("one pixel", "beside")},
             "almost": mask.astype(float)}
    found["one pixel"][i, j] = found["beside"][i - 10, j] = 1
    found["almost"][-1, -1] = 1.01
    return found


square = np.zeros((100, 100), bool)
square[40:60, 30:70] = True
for name, mask in {"a square": square, "the heart": outline}.items():
    predicts(f"14.3 {name}", hit, {kind: points_at(L, mask) for kind, L in test_maps(mask).items()})

# %%
# Broken on purpose
# -----------------
#
# The third test does not need to know where the object is. It is the randomisation test of lesson 11: shuffle the
# weights of the dense layers, and see whether the map changes. Now we use all three tests on the same maps. A test
# *catches* a map if the map fails this test:
#
# - **d**, deletion: the map fails if its area is larger than the area of Grad-CAM's map;
# - **p**, pointing: the map fails if its peak is not on the heart or near it;
# - **r**, randomisation: the map fails if the rank correlation of the maps before and after shuffling is above 0.9.

rng = np.random.default_rng(0)
mixed = {name: tuple(rng.permutation(w.ravel()).reshape(w.shape) for w in net.weights[name]) for name in ("fc1", "fc2", "predictions")}
broken = replace(net, weights={**net.weights, **mixed})
after = {**maps, "guided": ta.guided_backprop(broken, x, c, score="log_odds").map}  # noise, edges and outline do not use a network
found_out = {}
for name in ("guided", "noise", "edges", "outline"):
    found_out[name, "d"] = areas[name] > areas["Grad-CAM"]
    found_out[name, "p"] = not points_at(maps[name], outline)
    found_out[name, "r"] = spearman(maps[name], after[name]) > 0.9
cam = ta.grad_cam(broken, x, c, score="log_odds").map
holds("no test catches the map of Grad-CAM", points_at(maps["Grad-CAM"], outline) and spearman(maps["Grad-CAM"], cam) < 0.9)

# %%
# Exercise 14.4 (decide): which test catches which map?
# -----------------------------------------------------
#
# For each of the four maps, write the letters of the tests that catch it on this picture: ``by = {"guided": "...",
# "noise": "...", "edges": "...", "outline": "..."}``. Write ``""`` if no test catches it. You have seen the results
# of deletion and pointing above. For r, ask how much the map depends on the dense layers.

### BEGIN SOLUTION
by = {"guided": "r", "noise": "pr", "edges": "pr", "outline": "dr"}
### END SOLUTION

has("14.4 four maps", by, ("guided", "noise", "edges", "outline"))
holds("14.4 letters", all(isinstance(letters, str | set | list | tuple) and set(letters) <= set("dpr") for letters in by.values()),
      'write some of the letters d, p and r, such as "dp", with nothing between them')
counts = {name: sum(found_out[name, test] for test in "dpr") for name in by}
predicts("14.4 how many tests", {name: len(set(letters)) for name, letters in by.items()}, counts)
predicts("14.4 which", {(name, test): test in letters for name, letters in by.items() for test in "dpr"}, found_out)

# %%
# What you can say now
# --------------------
#
# - Every metric answers its own question. Deletion rewards maps that destroy the picture. Pointing looks at one pixel
#   only. The randomisation test asks whether the map depends on the network, not whether the map is right.
# - The true outline fails two of three tests. So a failed test is a reason to ask questions. It does not prove that the
#   map is wrong.
# - Use several tests that find different faults. One picture proves nothing. The commands ``tinyattr audit`` and
#   ``tinyattr evaluate`` measure on hundreds of pictures.
#
# Talk about it: somebody reports that a new method has the smallest deletion area of all. What would you want to see
# next?
