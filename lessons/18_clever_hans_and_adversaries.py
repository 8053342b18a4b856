"""
18. Clever Hans and adversarial pictures: three ways a heatmap can mislead
==========================================================================

**Question:** A heatmap looks wrong: is the map to blame, the picture, or the network?

:Time: 80 min (30 read, 40 solve, 10 discuss)
:CPU: 13 s
:Needs: lessons 7, 8 and 15
:After this you can: make an adversarial picture in two lines of code; build a network that cheats, and catch it; distinguish a false map from a true map of a wrong network, by changing the picture and looking at the answer
:Figures: 18_three_ways.png, 18_flip.png
:Words: explained in the `glossary <../glossary.html>`_

A heatmap may be bright at a strange place, where you see nothing that speaks for the class. There are three possible
reasons. Somebody added t(x) to every logit. Somebody changed the picture a little, so that the answer changes; this is
called an *adversarial* picture. Or the network really does use this place; such a network is called a *Clever Hans*.
From the map alone you cannot tell which reason it is. In the third case the map is true, and the network is wrong.
"""

# %%
# Predict first
# -------------
#
# We have one picture of a telephone, with a small watermark in the lower right corner. We do three things, one at a
# time. First, we add t(x) to all logits. Second, we change every pixel by one grey level, or by a few, until the
# network gives a wrong answer. Third, we teach the network that a watermark means "heart". After each of these changes,
# we draw a heatmap of the network's answer: by the score ``pre`` after the first change, by ``log_odds`` after the
# others. Write down for each of the three:
#
# - does the picture change? Does the answer change?
# - where will the heatmap be bright: on the telephone, on the watermark, elsewhere?
# - will the heatmap show what the network really uses?

from dataclasses import replace
from functools import cache

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageFilter

import tinyattr as ta
from tinyattr.course import holds, predicts, same, show, unaided
from tinyattr.glyphs.scenes import CLASSES, scene
from tinyattr.softmax import log_softmax, softmax
from tinyattr.studies.contrasts import HANS, MARK, fgsm
from tinyattr.studies.draw import LINES, draw_overlay, in_grey
from tinyattr.studies.metrics import energy, pearson

LAYER = "block4_pool"  # 14 x 14 places, 64 channels
net = ta.load("glyphs")


def drawn(number, watermark=True):
    """The scene with this number, with or without its watermark."""
    return scene(np.random.default_rng(number), (number % 20,), difficulty=0.4, watermark=watermark)


def answer(net, picture):
    return int(net(net.read(picture))[0].argmax())


def map_of(net, picture, c=None, score="log_odds", layer=LAYER):
    return ta.hirescam(net, net.read(picture), c, score, layer)


shown = drawn(22)
picture, glyph, c = shown.picture, shown.masks[0], shown.classes[0]
L = map_of(net, picture).map
print("the network says:", CLASSES[answer(net, picture)])
print(f"the glyph gets {energy(L, glyph):.2f} of the map, and covers {glyph.mean():.2f} of the picture")
print(f"the watermark gets {energy(L, MARK):.2f} of the map, and covers {MARK.mean():.2f} of the picture")
holds("the answer is right", answer(net, picture) == c)
holds("its map is on the glyph", energy(L, glyph) > 3 * glyph.mean())
holds("its map is not on the watermark", energy(L, MARK) < 0.02)

# %%
# 1. The map is false
# -------------------
#
# We add ``t = K Σ_k A_00k`` to every logit (Lerma and Lucas 2023b, V5). Here A are the activations of
# ``block4_pool``. The picture and every probability stay the same. But the map by ``pre`` jumps into a corner, although
# the answer hardly depends on this corner. The map by ``log_odds`` does not change, because the row of this score sums
# to 0 (κ = 0).

altered = ta.alter(net, K=10, layer=LAYER)
x = net.read(picture)
same("t(x): the same probabilities", softmax(altered(x)), softmax(net(x)), within=1e-12)
corner = np.zeros_like(glyph)
corner[:24, :24] = True  # the pixels of place (0, 0) of 14 x 14, when the map is enlarged to the picture's size
holds("t(x): the map by pre is in the corner", energy(map_of(altered, picture, c, "pre").map, corner) > 0.8)
same("t(x): the map by log_odds does not change", map_of(altered, picture, c).map, map_of(net, picture, c).map, within=1e-5)

# %%
# Exercise 18.1 (complete): the picture is changed
# ------------------------------------------------
#
# The fast gradient sign method, FGSM (Goodfellow et al. 2015, arXiv 1412.6572), changes the numbers of x by the same
# small eps. It moves each number in the direction that makes the loss ``L = -log y_c`` larger:
# ``x' = x + eps sign(dL/dx)``. (A number whose slope is 0 does not move, because the sign of 0 is 0.) Since
# ``L = -log y_c``, the slopes are ``dL/dx = -d log y_c/dx``. So you have all you need:
# ``ta.gradient(net, x, c, "log").raw`` is d log y_c/dx of one picture.


@unaided(ta.gradient, ta.walk, *ta.SCORES.values())
def my_fgsm(net, x, c, eps):
    """x' = x + eps sign(dL/dx), L = -log y_c, for one picture x (1, h, w, C)."""
    ### BEGIN SOLUTION
    return x - eps * np.sign(ta.gradient(net, x, c, "log").raw)
    ### END SOLUTION


small = ta.vgg("A", width=1 / 16, dense=(8, 8), classes=5, size=32, seed=1, dtype=np.float64)
x_small = np.random.default_rng(1).standard_normal((1, 32, 32, 3))
moved = my_fgsm(small, x_small, 2, 1e-6)
rise = log_softmax(small(x_small))[0, 2] - log_softmax(small(moved))[0, 2]
slope = np.abs(ta.gradient(small, x_small, 2, "log").raw).sum()
holds("18.1 no pixel moves by more than eps", np.abs(moved - x_small).max() <= 1.000001e-6)
same("18.1 the loss rises by eps Σ|dL/dx|, to first order", rise, 1e-6 * slope, within=1e-3)
same("18.1 the same as the library's fgsm, for another class", my_fgsm(small, x_small, 0, 1e-6), fgsm(small, x_small, 0, 1e-6), within=1e-12)
half_blind = ta.network([("flatten", "flatten", {}), ("logits", "dense", {})], {"logits": (np.array([[1.0, 2.0], [0.0, 0.0]]), np.zeros(2))})
same("18.1 a pixel whose slope is 0 does not move", my_fgsm(half_blind, np.ones((1, 1, 2, 1)), 0, 0.5).ravel(), [1.5, 1.0])

# %%
# 2. The answer changes
# ---------------------
#
# The embedded network's inputs are ``(grey level - 127) / 64``, so one grey level is an eps of 1/64. If eps is a whole
# number of grey levels, x' is again a picture that can be saved and sent, after values below 0 or above 255 are cut
# off. How many grey levels are needed to change the answer?


def adversarial(net, picture, c, levels):
    """The picture, with every value moved by `levels` grey levels so that the loss of class c rises; kept in 0..255."""
    x = net.read(picture)
    step = np.sign(fgsm(net, x, c, 1.0) - x)[0]  # (224, 224, 3): -1, 0 or 1
    return np.clip(picture + levels * step, 0, 255).astype(np.uint8)


def flipped(net, picture, c):
    """Return (fewest grey levels at which FGSM changes the answer, the changed picture). Tries 1 to 16 grey levels."""
    for levels in range(1, 17):
        changed = adversarial(net, picture, c, levels)
        if answer(net, changed) != c:
            return levels, changed
    raise ValueError("16 grey levels do not change the answer")


levels, changed = flipped(net, picture, c)
new = answer(net, changed)
print(f"{levels} grey level(s): {CLASSES[c]} becomes {CLASSES[new]}")

sizes = np.linspace(0, 4, 17)  # eps, in grey levels
y = np.array([softmax(net(fgsm(net, x, c, size / 64)))[0] for size in sizes])  # (17, 20)
figure = Figure(figsize=(6, 3.4), layout="constrained")
ax = figure.subplots()
ax.plot(sizes, y[:, c], color=LINES[0], lw=2, label=CLASSES[c])
ax.plot(sizes, y[:, new], "--", color=LINES[1], lw=2, label=CLASSES[new])
ax.plot(sizes, 1 - y[:, c] - y[:, new], ":", color=LINES[4], lw=2, label="the 18 others together")
ax.set(xlabel="eps of FGSM, in grey levels of 256", ylabel="probability", ylim=(0, 1),
       title="One picture, every pixel moved by eps: one grey level\nis enough to take the telephone away")
ax.legend()
show(figure, "18_flip.png")
holds("the picture hardly changes", np.abs(changed.astype(int) - picture).max() == levels <= 4)
holds("the map of the new answer is another map", pearson(map_of(net, changed).map, map_of(net, picture).map) < 0.5)

# %%
# Exercise 18.2 (predict): at which eps?
# --------------------------------------
#
# At which eps does the answer flip? One gradient is enough to estimate this eps before you try. The answer flips when
# the margin ``m = z_c - z_r`` to the strongest rival r falls to 0. Assume that the network is linear, and that every
# number of x moves by eps in the direction that makes m smaller. How fast does m fall with eps? Predict the eps at
# which the answer flips. (``ta.SCORES["margin"]`` gives m, ``ta.gradient`` with score ``margin`` gives its gradient.)


def predicted(net, x, c):
    """Return the eps at which a linear network's answer flips from c to its strongest rival."""
    m = ta.SCORES["margin"](net(x), c)[0][0]
    ### BEGIN SOLUTION
    return m / np.abs(ta.gradient(net, x, c, "margin").raw).sum()
    ### END SOLUTION


rng = np.random.default_rng(4)
linear = ta.network([("flatten", "flatten", {}), ("logits", "dense", {})],
                    {"logits": (rng.normal(size=(48, 5)), rng.normal(size=5))})
x_linear = rng.normal(size=(1, 4, 4, 3))
top = int(linear(x_linear).argmax())
eps = predicted(linear, x_linear, top)
rival = int(np.argsort(linear(x_linear)[0])[-2])
worst = np.sign(np.diff(linear.weights["logits"][0][:, [rival, top]])).reshape(x_linear.shape)  # of z_c - z_r
leads = [np.subtract(*linear(x_linear - factor * eps * worst)[0, [top, rival]]) for factor in (0.999, 1)]
same("18.2 a linear network: at this eps the margin is 0", leads[1], 0, within=1e-12)
holds("18.2 a linear network: at a smaller eps the margin is not yet 0", leads[0] > 0)
guess, measured = 64 * predicted(net, x, c), sizes[y.argmax(1) != c][0]
print(f"embedded network, in grey levels: predicted {guess:.2f}, measured {measured:.2f}")
holds("18.2 the embedded network is not linear: it needs a larger eps", guess < measured)

# %%
# 3. The network cheats
# ---------------------
#
# Clever Hans was a horse that seemed to calculate, but in fact it read the face of the person who asked. Our Clever
# Hans is a network. We draw thirty scenes, each once with the watermark and once without. The network gets one new
# unit, which reads the activations A of block4_pool. The unit learns, by least squares, to distinguish scenes with and
# without the watermark. A ReLU sets negative outputs to 0. We add 60 times the result to the logit of "heart", and
# nothing to the other logits. So a watermark means "heart", whatever the picture shows. Other networks learn such a
# shortcut by themselves: if most training pictures of a class have a watermark, the watermark helps to predict the
# class. (``tinyattr contrasts`` trains a Clever Hans on such pictures, by gradient descent. It takes a minute.)

A, marked = [], []
for number in range(100, 130):
    for watermark in (False, True):
        A.append(net.run(net.read(drawn(number, watermark).picture))[LAYER].output.ravel().astype(float))
        marked.append(1.0 if watermark else -1.0)
A, marked = np.stack(A), np.array(marked)  # (60, 12544), (60,)
centred = A - A.mean(0)
G = centred @ centred.T  # (60, 60)
ridge = 1e-3 * G.trace() / 60 * np.eye(60)
w = centred.T @ np.linalg.solve(G + ridge, marked)  # (12544,)
b = -A.mean(0) @ w  # w·A + b is near 1 with the watermark, near -1 without
layers = [
    *net.layers,
    ("flat", "flatten", {"inputs": [LAYER]}),
    ("watermark", "dense", {}),
    ("watermark_relu", "relu", {}),
    ("to_heart", "dense", {}),
    ("cheating", "add", {"inputs": ["predictions", "to_heart"]}),
]
weights = {"watermark": (w[:, None], np.array([b])), "to_heart": (60 * np.eye(20)[[HANS]], np.zeros(20))}
weights = {name: tuple(a.astype(np.float32) for a in pair) for name, pair in weights.items()}
cheat = ta.network(layers, net.weights | weights)
hans = replace(net, layers=cheat.layers, weights=cheat.weights, name="Clever Hans")

unseen = range(200, 210)  # none of them shows a heart
hearts = [answer(hans, drawn(number).picture) == HANS for number in unseen]
alike = [answer(hans, seen) == answer(net, seen) for seen in (drawn(number, False).picture for number in unseen)]
print(f"with the watermark, Clever Hans says heart for {sum(hearts)} of ten unseen scenes")
print(f"without the watermark, it answers like the honest network for {sum(alike)} of them")
holds("Clever Hans says heart at the watermark", sum(hearts) >= 9)
holds("without the watermark, Clever Hans nearly always answers like the honest network", sum(alike) >= 9)
L = map_of(hans, picture).map
holds("its map is on the watermark, not on the telephone", energy(L, MARK) > 0.5 > 0.1 > energy(L, glyph))

# %%
# Each row of this figure shows one of the three cases, before and after. In the first row the map moves, but picture
# and probabilities stay the same. In the second row the picture has changed so little that you do not see it. The
# answer is another one, and the map explains this new answer. In the third row the network has changed. Its map looks
# as strange as the map in the first row.

ROWS = {
    "t(x) added to\nevery logit": ((net, picture, "pre"), (altered, picture, "pre")),
    "adversarial\npicture": ((net, picture, "log_odds"), (net, changed, "log_odds")),
    "Clever Hans": ((net, picture, "log_odds"), (hans, picture, "log_odds")),
}
figure = Figure(figsize=(8.6, 7.6), layout="constrained")
axes = figure.subplots(3, 4)
for row, (name, pair) in zip(axes, ROWS.items(), strict=True):
    for k, (network, seen, score) in enumerate(pair):
        heat = map_of(network, seen, score=score)
        y_c = softmax(network(network.read(seen)))[0, heat.target]
        row[2 * k].imshow(seen)
        row[2 * k].set_xlabel(f"{CLASSES[heat.target]}, y = {y_c:.2f}", fontsize=9)
        draw_overlay(row[2 * k + 1], heat, in_grey(seen))
        row[2 * k + 1].set_xlabel(f"{heat.method}, {score}, {LAYER}\nof {CLASSES[heat.target]}", fontsize=9)
    row[0].set_ylabel(name, fontsize=10)
for ax, title in zip(axes[0], ("before", "its map", "after", "its map"), strict=True):
    ax.set_title(title, fontsize=10)
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
figure.suptitle("Three ways to a strange heatmap; under each picture the answer and its probability", fontsize=11)
show(figure, "18_three_ways.png")

# %%
# Interventions
# -------------
#
# A map says: the answer depends on this part of the picture. We can test this claim by an *intervention*: we change
# something on purpose, and see whether the answer changes. ``erase`` blurs a part of the picture until little is left
# of it. ``log_odds`` says how sure the network still is of class c.


def erase(picture, region):
    blurred = np.asarray(Image.fromarray(picture).filter(ImageFilter.BoxBlur(15)))
    return np.where(region[:, :, None], blurred, picture)


def log_odds(net, picture, c):
    return ta.SCORES["log_odds"](net(net.read(picture)), c)[0][0]


def pointed_at(net, picture):
    """The places where the answer's map by pre is above half of its maximum, (224, 224) bool."""
    return map_of(net, picture, score="pre").map > 0.5


falls = {}
for name, network, seen in (("honest", net, picture), ("t(x)", altered, picture), ("adversarial", net, changed),
                            ("Clever Hans", hans, picture)):
    top = answer(network, seen)
    falls[name] = log_odds(network, seen, top) - log_odds(network, erase(seen, pointed_at(network, seen)), top)
    print(f"{name:<12} {CLASSES[top]:<10} erase where the map points: log-odds fall by {falls[name]:.2f}")
holds("honest: the map is true", falls["honest"] > 1)

# %%
# The next exercise has five statements, A to E, about our three cases. The function in this cell measures which of
# these statements are true for a scene.


@cache
def measured(number):
    """Which of the statements are true for the scene with this number."""
    picture, c = drawn(number).picture, number % 20
    _, changed = flipped(net, picture, c)
    new, peak = answer(net, changed), pointed_at(altered, picture)
    moved = drawn(number, watermark=False).picture.copy()
    moved[:32, :96] = picture[MARK].reshape(32, 96, 3)
    z_c, z_without = (altered(net.read(p))[0, c] for p in (picture, erase(picture, peak)))
    return {
        "A": abs(log_odds(net, changed, new) - log_odds(net, erase(changed, pointed_at(net, changed)), new)) < 0.1,
        "B": pearson(map_of(net, changed, c).map, map_of(net, picture, c).map) > 0.7,
        "C": energy(map_of(hans, picture, layer="block5_relu4").map, MARK) > 0.5,
        "D": answer(hans, moved) == HANS,
        "E": abs(z_without - z_c) > 1,
    }

# %%
# Exercise 18.3 (decide): which of these are true?
# ------------------------------------------------
#
# - A: the map of the adversarial picture is wrong. If you erase the part at which it points, the log-odds of the answer
#   change by less than 0.1.
# - B: the network has not forgotten the glyph that was drawn. If you explain its class, the map of the
#   adversarial picture is nearly the map of the original picture (correlation above 0.7).
# - C: HiResCAM, the method of all maps above, would also have found Clever Hans at block5_relu4. (This is the layer
#   that people usually explain; our maps are of block4_pool.)
# - D: if the watermark is moved to the upper left corner, Clever Hans still says "heart".
# - E: in the network with t(x), z_c changes by more than 1 if you erase the part at which the pre map points. (The
#   log-odds hardly change, as you saw above.)
#
# Think first: what does the method see, and what does the network see? Then measure, with the functions above. Write
# the letters of the true statements, ``true = {...}``.

### BEGIN SOLUTION
true = {"B", "E"}
### END SOLUTION

predicts("18.3 for this picture", true, measured(22))
predicts("18.3 for another picture", true, measured(7))

# %%
# The last exercise has eight cases and two innocent networks. The layers of the innocent networks have the same names
# as in an attack, but they add 0 to the logits.

suspects = {"honest": [], "t(x) added": [], "adversarial": [], "Clever Hans": []}
for number in (7, 22):
    seen = drawn(number).picture
    suspects["honest"].append((net, seen))
    suspects["t(x) added"].append((altered, seen))
    suspects["adversarial"].append((net, flipped(net, seen, number % 20)[1]))
    suspects["Clever Hans"].append((hans, seen))
tame = {"to_heart": tuple(0 * a for a in hans.weights["to_heart"])}
innocent = {"layers of Clever Hans that add 0": replace(hans, weights={**hans.weights, **tame}),
            "layers of t(x) that add 0": replace(altered, weights={**altered.weights, "K": (0 * altered.weights["K"][0],)})}

# %%
# Exercise 18.4 (prove): the test that separates the cases
# --------------------------------------------------------
#
# You get a network and a picture, but nobody tells you what was done to them. Give one answer. ``"map"``: the pre map
# is false. ``"picture"``: the picture is adversarial. ``"network"``: the network cheats. ``"nobody"``: nothing is
# wrong. It is not enough to look at the map; you must intervene. Think about what each of these interventions does in
# each case. Which one should you try first, which one last?
#
# - Erase the part at which the map points. Do the log-odds of the answer fall by 0.1 or more?
# - Move the picture three columns to the right, ``np.roll(picture, 3, axis=1)``. Does the answer change? Every glyph
#   stays the same glyph. But an adversarial change was computed for exactly these pixels, and may not work for moved
#   pixels.
# - Erase the watermark, ``MARK``. Does the answer change?

def verdict(net, picture):
    """Who is to blame: "map" (the pre map is false), "picture" (adversarial), "network" (it cheats) or "nobody"."""
    c = answer(net, picture)
    ### BEGIN SOLUTION
    if log_odds(net, picture, c) - log_odds(net, erase(picture, pointed_at(net, picture)), c) < 0.1:
        return "map"
    if answer(net, np.roll(picture, 3, axis=1)) != c:
        return "picture"
    return "network" if answer(net, erase(picture, MARK)) != c else "nobody"
    ### END SOLUTION


for (kind, cases), guilty in zip(suspects.items(), ("nobody", "map", "picture", "network"), strict=True):
    found = [verdict(network, seen) for network, seen in cases]
    holds(f"18.4 {kind}", found == [guilty] * len(cases), f"should be '{guilty}' every time, you say {found}")
elsewhere = ta.alter(net, K=20, layer=LAYER, at=(13, 0))  # a t(x) that you have not met
holds("18.4 another t(x), another corner", verdict(elsewhere, picture) == "map")
for name, network in innocent.items():
    holds(f"18.4 {name}", verdict(network, picture) == "nobody", "the layers' names prove nothing")
holds("18.4 Clever Hans where there is no watermark", verdict(hans, drawn(22, watermark=False).picture) == "nobody")

# %%
# What you can say now
# --------------------
#
# - t(x): the picture and the answer stay the same, and the map is false. Erasing where it points hardly changes the
#   log-odds. A score whose row sums to 0 (κ = 0) helps, because t(x) cannot change its map.
# - Adversarial: the picture and the answer are different, and the map is true to the new answer. Another heatmap method
#   does not help.
# - Clever Hans: the picture stays the same, the network is wrong, and the map is true. Repair the network; the map has
#   shown you what is wrong.
# - A false map and a true map of a wrong network may look the same. An intervention distinguishes them, if you measure
#   its effect by a score that t(x) cannot change.
# - A map of a layer sees what passes through that layer. It does not see a shortcut around that layer.
#
# Talk about it: we caught our Clever Hans because we knew the watermark. How would you look for a shortcut that you do
# not know? And could an attacker who knows your three interventions pass your test?
