"""
20. Capstone: a photo of your own, and all of it
================================================

**Question:** Somebody asks you what their network saw in a photo. Which report must you write, so that they can rely on it?

:Time: 60 min (15 read, 35 solve, 10 discuss)
:CPU: 3 s
:Needs: lessons 9 and 16
:After this you can: explain a photo by all scores, attack and repair the network that classified it, compare your map with another library's map, and write the report
:Figures: 20_scores.png, 20_attack.png
:Words: explained in the `glossary <../glossary.html>`_

This lesson uses the whole course on one photo and one network. The photo may be yours, and the network may be VGG19 or
SqueezeNet. If you change nothing, the lesson takes a picture and the network that come with the project.
"""

# %%
# Your photo, your network
# ------------------------
#
# Change these lines as you like. ``NETWORK`` is what ``ta.load`` takes: ``"squeezenet"`` or ``"vgg19"`` after
# ``tinyattr weights fetch``, or the path of a file. ``TARGET`` is the class to explain; None takes the most probable
# class. A large network takes longer. Every check below should also hold for your photo and network, with two
# exceptions. First, a network with only two classes has another answer in exercise 20.1. Second, the attack reads the
# upper left corner of the last feature maps. If all activations there are 0, the attack adds t = 0 and changes nothing:
# choose another photo.

from pathlib import Path

PHOTO = None  # for example "holiday.jpg"
NETWORK = None  # for example "squeezenet"
TARGET = None  # for example "lighthouse"

import tempfile

import numpy as np

import tinyattr as ta
from tinyattr.course import explains, has, holds, predicts, same, show
from tinyattr.glyphs.scenes import example
from tinyattr.softmax import softmax
from tinyattr.studies.detect import inspect, repair
from tinyattr.studies.draw import grid
from tinyattr.studies.metrics import pearson
from tinyattr.studies.more_attacks import paint

net = ta.load(NETWORK or "glyphs")
x = net.read(PHOTO or example().picture)
tape = net.run(x)
y = softmax(net.logits(tape)[0])
c = int(y.argmax()) if TARGET is None else list(net.classes).index(TARGET)
for k in np.argsort(-y)[:4]:
    print(f"{net.label(int(k)):<20} {y[k]:.4f}")
print(f"explained: {net.label(c)}, at layer {net.features}")

# %%
# Predict first
# -------------
#
# Before you look: where should the map be bright? What else in the photo may the network have used? Suppose that the
# map is bright at a completely different place. What will you check first?
#
# All scores
# ----------
#
# This figure shows Grad-CAM at the last feature maps, by six scores.

maps = {score: ta.grad_cam(net, tape, c, score=score) for score in ta.SCORES}
show(grid(["Grad-CAM"], list(maps), [list(maps.values())], f"Six scores, class {net.label(c)}, layer {net.features}"), "20_scores.png")

# %%
# Exercise 20.1 (predict): six scores, how many maps?
# ---------------------------------------------------
#
# Two maps are the same picture if they differ only by a positive factor. Which of the other five scores give the same
# picture as ``log_odds``? Write ``same_map = {"pre": ..., "post": ..., "log": ..., "centred": ..., "margin": ...}``,
# with True or False for each. The answer is the same for all photos, and for all networks with three or more classes.

### BEGIN SOLUTION
same_map = {"pre": False, "post": True, "log": True, "centred": False, "margin": False}
### END SOLUTION

others = [score for score in ta.SCORES if score != "log_odds"]
measured = {score: pearson(maps[score].direction, maps["log_odds"].direction) > 1 - 1e-9 for score in others}
predicts("20.1 on this photo", same_map, measured)
z = np.random.default_rng(0).standard_normal(6)  # six made-up logits: which rows differ only by a factor?
rows = {score: ta.SCORES[score](z, 2)[1] for score in ta.SCORES}
one = {score: np.allclose(rows[score] / np.abs(rows[score]).max(), rows["log_odds"] / np.abs(rows["log_odds"]).max()) for score in others}
predicts("20.1 by the rows", same_map, one)

# %%
# Attack
# ------
#
# Somebody adds t to every logit and gives you the network's file. Here t is ten times the sum of the activations in the
# upper left corner of the last feature maps.

folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "from_a_friend.h5"
ta.save(ta.alter(net, K=10), path)
suspect = ta.load(path)

# For the checks of exercise 20.2: a small network, noise as its input, and four variants of its last layer.
tiny = ta.vgg("A", width=1 / 16, size=64, classes=5, seed=4)
noise = np.random.default_rng(1).standard_normal((1, 64, 64, 3)).astype(np.float32)
kernel, bias = tiny.weights["predictions"]
# other: a larger bias for class 0. faint: weights divided by 1,000. turned: like the network faint, but the weights
# of class 3 are also doubled. exchanged: the weights of classes 3 and 4 exchanged.
other, faint, turned, exchanged = (ta.network(tiny.layers, {**tiny.weights, "predictions": pair}) for pair in (
    (kernel, bias + np.float32([2, 0, 0, 0, 0])), (kernel / 1000, bias), (kernel / 1000 * np.float32([1, 1, 1, 2, 1]), bias),
    (kernel[:, [0, 1, 2, 4, 3]], bias)))

# %%
# Exercise 20.2 (complete): what moved?
# -------------------------------------
#
# Write a function that compares two networks on one input. It answers two questions. Are all probabilities the same, so
# that none differs by more than 1e-4? And for which scores does the HiResCAM map of class c **move**? A map moves if at
# least one of its numbers changes by more than a hundredth of the map's largest absolute number. (Take this largest
# number from the map of the first network.) The keys of ``ta.SCORES`` are the scores; ``.raw`` contains the numbers of
# a map.


def compared(net, other, x, c):
    """{"same probabilities": bool, "moved": set of scores} for class c."""
    ### BEGIN SOLUTION
    tapes = net.run(x), other.run(x)
    y, y_other = (softmax(n.logits(t)[0]) for n, t in zip((net, other), tapes, strict=True))
    moved = set()
    for score in ta.SCORES:
        L, M = (ta.hirescam(n, t, c, score=score).raw for n, t in zip((net, other), tapes, strict=True))
        if np.abs(M - L).max() > 0.01 * np.abs(L).max():
            moved.add(score)
    return {"same probabilities": bool(np.abs(y - y_other).max() <= 1e-4), "moved": moved}
    ### END SOLUTION


report = compared(net, suspect, x, c)
has("20.2 two entries", report, ("same probabilities", "moved"))
print(report)
holds("20.2 the same probabilities, and one score whose map moved", report["same probabilities"] and set(report["moved"]) == {"pre"})
alike = compared(tiny, tiny, noise, 1)
holds("20.2 a network compared with itself", alike["same probabilities"] and not set(alike["moved"]))
attacked = compared(tiny, ta.alter(tiny, K=-3), noise, 1)
holds("20.2 another attacked network", attacked["same probabilities"] and set(attacked["moved"]) == {"pre"})
differs = compared(tiny, other, noise, 1)
holds("20.2 other biases: probabilities change, and a map moves only if its score's row depends on probabilities",
      not differs["same probabilities"] and set(differs["moved"]) == {"post", "log", "log_odds"})
of_faint = [set(compared(faint, turned, noise, k)["moved"]) for k in (1, 3)]
holds("20.2 class 3 has other weights: by pre, its own map moves, but not the map of class 1", of_faint == [set(ta.SCORES) - {"pre"}, set(ta.SCORES)],
      "explain class c, not the top class; take both maps by the same score; compare the largest change with a hundredth of the first map's largest number")
among_others = compared(tiny, exchanged, noise, 1)
holds("20.2 classes 3 and 4 exchanged: their probabilities change", not among_others["same probabilities"], "compare the probabilities of all classes, not only of class c")
holds("20.2 classes 3 and 4 exchanged: no map of class 1 moves", not set(among_others["moved"]))
largest = {k: np.abs(ta.hirescam(tiny, noise, k, score="pre").raw).max() for k in (1, 4)}
total = tiny.run(noise)[tiny.features].output[0].sum(-1)  # (2, 2)
weak = ta.alter(tiny, K=0.015 * largest[1] / total[0, 0])
holds("20.2 the map by pre moves: one of its numbers changes by 0.015 of the largest number, the others do not change", "pre" in compared(tiny, weak, noise, 1)["moved"],
      "the largest change counts, not the mean")
unseen = compared(tiny, paint(tiny, [[1, -1], [1, -1]], K=3), noise, 1)
certain = ta.network(tiny.layers, {**tiny.weights, "predictions": (kernel, bias + np.float32([0, 2, 0, 0, 0]))})
holds("20.2 another bias for class 1 itself: only the rows of post and log change, and only in size", set(compared(tiny, certain, noise, 1)["moved"]) == {"post", "log"},
      "compare .raw, the numbers of a map before the map is scaled")
holds("20.2 an attack that moves HiResCAM by pre, but no map of Grad-CAM", set(unseen["moved"]) == {"pre"}, "compare maps of HiResCAM")
weaker = paint(tiny, np.ones((2, 2)), K=0.006 * largest[4] / total.max())
holds("20.2 no map moves: each number changes by at most 0.006 of the largest number", not set(compared(tiny, weaker, noise, 4)["moved"]),
      "the largest change counts, not the sum; take absolute values, because a map's numbers may be negative")
for shift, alike in ((1e-4, True), (1e-2, False)):
    nearly = ta.network(tiny.layers, {**tiny.weights, "predictions": (kernel, bias + np.float32([shift, 0, 0, 0, 0]))})
    holds(f"20.2 one bias is larger by {shift}", compared(tiny, nearly, noise, 1)["same probabilities"] == alike, "compare the probabilities up to 1e-4")

# %%
# Detect and repair
# -----------------
#
# Now we inspect the file, repair the network, and compare the maps of all three networks.

print(inspect(suspect, [x]).table())
repaired = repair(suspect)
panels = [[ta.hirescam(n, x, c, score=score) for score in ("pre", "log_odds")] for n in (net, suspect, repaired)]
show(grid(["as trained", "from a friend", "repaired"], ["pre", "log_odds"], panels, f"HiResCAM, class {net.label(c)}"), "20_attack.png")
holds("the attack is found", inspect(suspect, [x]).alarm)
same("repaired: the same probabilities", softmax(repaired(x)[0]), y, within=1e-4)
centred = ta.hirescam(net, tape, c, score="centred").raw
same("repaired: the map by pre is the original network's map by centred", ta.hirescam(repaired, x, c, score="pre").raw, centred, within=1e-3)
folder.cleanup()

# %%
# Another library
# ---------------
#
# If two programs were written independently and agree, you can trust them more than one program. captum is a library of
# attribution methods for PyTorch. If both are installed (``pip install captum``), the next lines compute the same
# Grad-CAM with captum. This works if the network is one chain of five ops: convolution, ReLU, max-pool, flatten and
# dense. VGG19 and the embedded network are such chains.


def of_captum(net, x, c):
    """captum's LayerGradCam of the logit z_c at the network's last feature maps, (h, w)."""
    import torch
    from captum.attr import LayerGradCam
    from torch import nn

    ops = {"relu": lambda w, a: nn.ReLU(), "max_pool": lambda w, a: nn.MaxPool2d(a["size"], a["stride"]),
           "conv2d": lambda w, a: nn.Conv2d(w.shape[2], w.shape[3], len(w), a["stride"], a["padding"]),
           "dense": lambda w, a: nn.Linear(*w.shape), "flatten": lambda w, a: nn.Sequential(Rows(), nn.Flatten())}

    class Rows(nn.Module):
        """Puts the channels last, because our flatten reads them in this order."""

        def forward(self, a):
            return a.permute(0, 2, 3, 1)

    model = nn.Sequential()
    for name, op, attributes in net.layers:
        kernel, bias = net.weights.get(name, (None, None))
        layer = ops[op](kernel, attributes)
        if kernel is not None:
            layer.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1) if op == "conv2d" else kernel.T).contiguous()
            layer.bias.data = torch.tensor(bias)
        model.add_module(name, layer)
    found = LayerGradCam(model, getattr(model, net.features)).attribute(torch.tensor(x.transpose(0, 3, 1, 2)).contiguous(), target=c)
    return found.detach().numpy()[0, 0]


if {op for _, op, _ in net.layers} <= {"conv2d", "relu", "max_pool", "flatten", "dense"}:
    try:
        same("captum computes the same map", of_captum(net, x, c), ta.grad_cam(net, tape, c, score="pre").raw, within=1e-4)
    except ImportError as missing:
        print(f"{missing.name} is not installed; nothing in this lesson depends on it")

# %%
# Exercise 20.3 (explain): the report
# -----------------------------------
#
# Write the report, in about eighty words. What was explained, by which method, score and layer, and why by this score?
# Where is the map bright, and what does this not prove? What did the attack change, and how would you notice the
# attack? Your teacher reads the report; the check only counts words, and wants at least sixty.

### BEGIN SOLUTION
report_text = """The network was asked for its most probable class. The method is Grad-CAM, the layer the last feature maps, the score the log-odds.
A number that is added to all logits cannot change this score, but it changes the logit. The map is bright on the object. So the
evidence for the class lies at these places of the feature maps. But each place sees most of the picture, so this does not prove
that the network understood the object. The friend's file gave the same probabilities, but another map by the logit, because
a number was added to all logits. The detector's alarm shows this attack; a `pre` map unlike
the maps by other scores is only a reason to look."""
### END SOLUTION

explains("20.3 in your words", report_text, least=60)

# %%
# What you can say now
# --------------------
#
# - A heatmap is an answer to a question. The question has six parts: network, input, class, score, method and layer.
#   Name all six.
# - The attack of this lesson changes no probability. It can be seen in some maps by ``pre``, and it can be removed.
# - Trust a result more if two independent ways lead to it.
#
# Talk about it: think of people who have never heard of heatmaps. Which of the maps of your photo would you show them,
# and which sentence would you write below this map?
