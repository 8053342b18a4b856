"""
11. Rule-books: deconvnet, guided, and a test for maps
======================================================

**Question:** What do you give up when you change one line of the chain rule?

:Time: 55 min (15 read, 30 solve, 10 discuss)
:CPU: 7 s
:Needs: lessons 3 and 8
:After this you can: write a new attribution method as one changed rule; put a method through the randomisation test
:Figures: 11_books.png, 11_randomised.png
:Words: explained in the `glossary <../glossary.html>`_

A walk goes through the tape in reverse. For each layer, it looks up a rule in a **rule-book**, a dict of rules. The rule
says which signal the layer passes back. ``ta.GRADIENT`` is the book of the chain rule. Two methods, guided backpropagation
and deconvnet, use the same walk with another rule for ReLUs. LRP and DeepLIFT, in the next lesson, change more rules. In
this lesson you will write the rules of guided backpropagation and deconvnet. Then you will measure what these two methods
lose.
"""

# %%
# Predict first
# -------------
#
# Guided backpropagation lets a signal through a ReLU only where the ReLU was on **and** the signal is positive. Write
# down:
#
# - A picture contains two glyphs. We draw a map for each of the two classes. How will the two gradient maps differ? How
#   will the two guided maps differ?
# - Now all three dense layers get random weights, so that the network's answers are worthless. Does the guided map
#   change?

from dataclasses import replace
from functools import cache

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import holds, passes, predicts, same, show, unaided
from tinyattr.glyphs.scenes import CLASSES, scene
from tinyattr.methods import guided
from tinyattr.studies.draw import LINES, SIGNED, brightest
from tinyattr.studies.metrics import pearson, ranks, spearman

net = ta.load("glyphs")
notes, heart = CLASSES.index("notes"), CLASSES.index("heart")
both = scene(np.random.default_rng(2), (notes, heart), difficulty=0.3)
x = net.read(both.picture)  # (1, 224, 224, 3)
tape = net.run(x)


def walked(book, c):
    """The signal that a walk by this book leaves at the picture, (224, 224, 3), for the score log_odds of class c."""
    _, row, _ = ta.SCORES["log_odds"](net.logits(tape), [c])
    return ta.walk(tape, {"predictions": row}, book)["input"][0].astype(np.float64)


same("the book ta.GRADIENT gives the gradient", walked(ta.GRADIENT, heart),
     ta.gradient(net, tape, heart, score="log_odds").raw, within=0)
try:
    walked({op: rule for op, rule in ta.GRADIENT.items() if op != "relu"}, heart)
except ta.InputError as error:
    print(error)
    holds("a missing rule is an error: the walk does not silently use the gradient's rule", "no rule for 'relu'" in str(error))

# %%
# Exercise 11.1 (complete): two rules
# -----------------------------------
#
# A rule takes a record of the tape and the signal g at the record's output. It returns a tuple that has one signal for
# each input of the record. The gradient's ReLU rule is ``return (g * (record.x[0] > 0),)``. Write two other rules. In
# their formulas, u is the ReLU's input, ``record.x[0]``, and m is the signal that the rule returns:
#
# - deconvnet (Zeiler and Fergus 2014): ``m = max(g, 0)``, for every u;
# - guided (Springenberg et al. 2015): ``m = max(g, 0)`` where ``u > 0``, else 0.


def my_rules():
    """(deconvnet, guided): two functions (record, g) -> (m,)."""
    ### BEGIN SOLUTION
    def deconvnet(record, g):
        return (np.maximum(g, 0),)

    def guided(record, g):
        return (np.maximum(g, 0) * (record.x[0] > 0),)

    return deconvnet, guided
    ### END SOLUTION


four = ta.Tape()
four.leaf("u", [2.0, 2.0, -2.0, -2.0, 0.0])  # the fifth number is at the kink
four.write("relu", "f", "u")
mine = map(unaided(ta.GRADIENT["relu"]), my_rules())  # your rules may call one function of the library: the gradient's ReLU rule
for name, rule, wanted in zip(("deconvnet", "guided"), mine, ([5, 0, 3, 0, 1], [5, 0, 0, 0, 0]), strict=True):
    method = {"deconvnet": ta.deconvnet, "guided": ta.guided_backprop}[name]
    same(f"11.1 {name}, five cases", rule(four["f"], np.array([5.0, -4.0, 3.0, -2.0, 1.0]))[0], wanted)
    same(f"11.1 {name}, the same as the library", walked({**ta.GRADIENT, "relu": rule}, heart),
         method(net, tape, heart, score="log_odds").raw, within=0)

# %%
# One picture, two classes
# ------------------------
#
# The picture contains two glyphs, musical notes and a heart, and the network sees both. So each of the two classes is
# the strongest rival of the other. The log-odds compare a class with its rivals. So a change of a pixel that raises the
# log-odds of *heart* mostly lowers the log-odds of *notes*, and one gradient map is nearly the negative of the other. A
# guided walk carries no negative signal past a ReLU, and the same ReLUs are on for both classes. What remains are
# mostly the lines that the first layers find, and these are the same for both classes (Nie et al. 2018).

books = {"gradient": ta.GRADIENT, "deconvnet": guided.DECONVNET, "guided": guided.GUIDED}
figure = Figure(figsize=(6.6, 5.1), layout="constrained")
axes = figure.subplots(2, 3)
alike = {}
for column, (name, book) in zip(axes.T, books.items(), strict=True):
    maps = [walked(book, c) for c in (notes, heart)]
    alike[name] = pearson(*maps)
    for ax, signed in zip(column, (m.sum(-1) for m in maps), strict=True):
        limit = brightest(np.abs(signed))
        ax.imshow(signed, cmap=SIGNED, vmin=-limit, vmax=limit)
        ax.set(xticks=[], yticks=[])
    column[0].set_title(f"{name}\ncorrelation of both classes {alike[name]:.2f}", fontsize=8)
for ax, c in zip(axes[:, 0], (notes, heart), strict=True):
    ax.set_ylabel(f"class {net.label(c)}", fontsize=9)
figure.suptitle("Three books, two classes: score log_odds, layer input, orange positive", fontsize=10)
show(figure, "11_books.png")
holds("the gradient maps of the two classes are nearly opposite", alike["gradient"] < -0.8)
holds("the guided maps of the two classes are nearly the same", alike["guided"] > 0.8)

# %%
# Without training
# ----------------
#
# A map that explains a network must change when the network is broken. Adebayo et al. 2018 turned this sentence into a
# test, the **randomisation test**. They give random weights to more and more layers, from the logits down, and see
# whether the map changes. Our function ``shuffled`` keeps all weights of a layer but puts them in random order. So the
# sizes of the weights stay the same, and only what the layer has learned is lost.

LINEAR = [name for name, op, _ in reversed(net.layers) if op in ("conv2d", "dense")]  # from the layer `predictions`, the logits, down to the first layer


def shuffled(names, random_state=0):
    """The network with the weights of these layers in random order."""
    rng = np.random.default_rng(random_state)
    mixed = {n: tuple(rng.permutation(w.ravel()).reshape(w.shape) for w in net.weights[n]) for n in names}
    return replace(net, weights={**net.weights, **mixed})


broken = shuffled(LINEAR[:3])
print("trained:", net.label(net(x).argmax()), " dense layers shuffled:", net.label(broken(x).argmax()))
holds("the network's answer changes", net(x).argmax() != broken(x).argmax())

METHODS = {"guided": ta.guided_backprop, "gradient": ta.saliency, "deconvnet": ta.deconvnet, "Grad-CAM": ta.grad_cam}


@cache
def changes(name, random_state):
    """Return True if the maps of the network and of its shuffled copy have a rank correlation below 0.9."""
    other = broken if random_state == 0 else shuffled(LINEAR[:3], random_state)
    return spearman(*(METHODS[name](n, x, heart, score="log_odds").plane for n in (net, other))) < 0.9


# %%
# Exercise 11.2 (predict): which maps notice?
# -------------------------------------------
#
# The three dense layers are shuffled, and the network's answers are worthless. We compare the maps before and after. A
# map *notices* the shuffling if the rank correlation of these two maps is below 0.9. (A rank correlation compares only
# how the two maps order the places by their values.) Which of these maps notice? Write True or False for each,
# ``notices = {"guided": ..., "gradient": ..., "Grad-CAM": ..., "edges": ...}``. ``edges`` is not a method. It is a map
# of how fast the picture changes from pixel to pixel.

### BEGIN SOLUTION
notices = {"guided": False, "gradient": True, "Grad-CAM": True, "edges": False}
### END SOLUTION

for random_state in (0, 1):
    truth = {name: changes(name, random_state) for name in ("guided", "gradient", "Grad-CAM")}
    truth["edges"] = False  # edges never use the network
    predicts(f"11.2 shuffled by {random_state}", notices, truth)

# %%
# Exercise 11.3 (prove): a test for methods
# -----------------------------------------
#
# Write the test. Here, a method is a function that takes a network and returns a map (H, W). The method passes the test
# if its map changes when the three dense layers are shuffled. This means that the rank correlation (``spearman``) of
# the maps before and after is below 0.9.


def sees_the_training(method):
    """True if the map of `method` notices that the network's dense layers were shuffled."""
    ### BEGIN SOLUTION
    return spearman(method(net), method(broken)) < 0.9
    ### END SOLUTION


def edges(net):
    """How fast the picture changes from pixel to pixel. This map does not use the network at all."""
    return np.hypot(*np.gradient(x[0].mean(-1)))


def by(method):
    """The method as a function of the network alone."""
    return lambda net: method(net, x, heart, score="log_odds").plane


holds("11.3 an edge detector fails", not passes(sees_the_training, edges))
holds("11.3 guided backpropagation fails", not passes(sees_the_training, by(ta.guided_backprop)))
holds("11.3 the gradient passes", passes(sees_the_training, by(ta.saliency)))
holds("11.3 Grad-CAM passes", passes(sees_the_training, by(ta.grad_cam)))
for name in LINEAR[:3]:
    holds(f"11.3 a map of the weights of {name} passes", passes(sees_the_training, lambda n, name=name: n.weights[name][0][:99]),
          "shuffle all three dense layers")
order, noise = ranks(np.random.default_rng(0).random((2, 4000))).reshape(2, 40, 100) / 8000  # two unrelated random maps
for share, seen in ((0.31, False), (0.34, True)):
    mixed = (1 - share) * order + share * noise
    print(f"share of noise {share}: rank correlation {spearman(order, mixed):.2f}")
    holds(f"11.3 the limit is 0.9, share of noise {share}",
          passes(sees_the_training, lambda n, mixed=mixed: order if n is net else mixed) == seen)
holds("11.3 the negative of a map counts as another map", passes(sees_the_training, lambda n: order if n is net else -order))
holds("11.3 two maps with the same order of places count as the same map",
      not passes(sees_the_training, lambda n: order if n is net else np.exp(20 * order)))

# %%
# The next figure shows the whole test. On the left, no layer is shuffled. On the right, all 19 layers with weights are
# shuffled. Guided maps keep the picture's lines until the lowest blocks, those near the picture, are shuffled. The
# reason is that guided maps show edges, and the first layers find edges.

depths = [0, 1, 2, 3, 5, 7, 9, 11, 13, 15, 17, 19]
curves = {name: [] for name in METHODS}
for depth in depths:
    run = shuffled(LINEAR[:depth])
    of_run = run.run(x)
    for name, method in METHODS.items():
        before = method(net, tape, heart, score="log_odds").plane
        curves[name].append(spearman(before, method(run, of_run, heart, score="log_odds").plane))

figure = Figure(figsize=(6.8, 3.9), layout="constrained")
ax = figure.subplots()
for (name, curve), marker, colour in zip(curves.items(), "osv^", LINES, strict=False):
    ax.plot(depths, curve, marker=marker, ms=5, color=colour, label=name)
ax.axhline(0, color="black", lw=0.6)
ticks = [3, 7, 11, 15, 19]
ax.set_xticks([0, *ticks], ["nothing", *(LINEAR[d - 1].replace("_", "\n") for d in ticks)])
ax.set(xlabel="lowest shuffled layer (all layers above it are shuffled, too)", ylabel="rank correlation with the trained map",
       title=f"Randomisation test, score log_odds, class {net.label(heart)}")
figure.legend(loc="outside right upper")
show(figure, "11_randomised.png")
holds("with all dense layers shuffled, the guided map is nearly the same", curves["guided"][3] > 0.95)
holds("with three blocks shuffled, too, the guided map is still similar", curves["guided"][depths.index(15)] > 0.6)

# %%
# What you can say now
# --------------------
#
# - A book is a dict of rules. One changed rule makes a new method. A missing rule is an error.
# - Guided maps are sharp because they draw the picture's lines. They hardly depend on the class, or on what the
#   upper layers learned.
# - One test that a map can fail tells you more than a hundred maps that look good.
#
# Talk about it: what would you show to a doctor, a sharp map that fails the randomisation test, or a noisy map that
# passes it?
