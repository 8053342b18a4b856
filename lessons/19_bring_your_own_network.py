"""
19. Bring your own network
==========================

**Question:** You trained a network elsewhere. What does it take to explain, attack and repair it here?

:Time: 55 min (20 read, 25 solve, 10 discuss)
:CPU: 2 s
:Needs: lessons 5, 8 and 16
:After this you can: load a network from Keras or PyTorch, and prove by its probabilities that it is the network you trained; explain it, attack it, detect the attack and repair it
:Figures: 19_maps.png
:Words: explained in the `glossary <../glossary.html>`_

A network that you trained elsewhere can be read from a file: Keras's own, or an ONNX file that PyTorch exports. Then
nearly all methods, and the attack and its repair, work on it. You need not install Keras or PyTorch here. This lesson shows all steps with a small
network from Keras. Afterwards, repeat the steps with a file of your own.

``lessons/own_network/train_own_network.py`` trained this small network on pictures of a disc, a square or a cross. The
model is Sequential, which means a plain list of layers. It has batch normalisation and a separable convolution, which
exercise 19.1 explains. At the end of a training, one line saves the file:

.. code-block:: python

    model.save("own_network.keras")      # the whole model, not only its weights

From PyTorch, save an ONNX file. ONNX is a file format for networks that many programs can read. To read it here, install
the package onnx; to write it, PyTorch's newer exporter also needs onnxscript. This line saves the file:

.. code-block:: python

    torch.onnx.export(model.eval(), (torch.rand(1, 3, 48, 48),), "own_network.onnx")

An ONNX file does not say how photos are preprocessed. Say it when you load the file. For example, this line divides photos by 255:

.. code-block:: python

    net = ta.load("own_network.onnx", input=ta.InputSpec(48, scale=(255, 255, 255)))

The layers have the names that the file gives them. All other steps are the same as for a file from Keras.
"""

# %%
# Load
# ----
#
# The file contains the model's config, a description of its layers. ``load`` reads the config as data and runs no code
# of the model. In tinyattr a network ends at its logits. So ``load`` removes a softmax at the end, and ``net.source``
# says so. Layers keep their names from Keras. The file does not contain the names of the classes, so we give them.

import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import holds, predicts, same, show
from tinyattr.files.embedded import embedded
from tinyattr.softmax import softmax
from tinyattr.studies.detect import inspect, repair

sys.path.insert(0, str(embedded("lessons/own_network")))
from train_own_network import CLASSES, pictures  # draws the pictures; Keras is not needed for that

net = ta.load(embedded("lessons/own_network/own_network.keras"), classes=CLASSES)

# %%
# Exercise 19.1 (predict): what is left of a model
# ------------------------------------------------
#
# How many layers of ``net`` does each of these five Keras layers become: Rescaling, RandomFlip, SeparableConv2D,
# Dropout, Dense? Write the five numbers as ``count = {"Rescaling": ..., "RandomFlip": ..., "SeparableConv2D": ...,
# "Dropout": ..., "Dense": ...}``. In Keras, the model is a list: Rescaling, RandomFlip, Conv2D, BatchNormalization,
# ReLU, MaxPooling2D, SeparableConv2D with a ReLU, MaxPooling2D, Conv2D with a ReLU, GlobalAveragePooling2D, Dropout,
# Dense with softmax. You need four facts:
#
# - Layers that act only in training are left out.
# - A separable convolution is two convolutions: the first works on each channel alone, and the second mixes the
#   channels.
# - A ReLU inside a layer becomes a layer of its own. This ReLU keeps the layer's name, because it computes the layer's
#   output. The part before the ReLU gets the same name with ``_linear`` at its end.
# - ``net`` ends at its logits.

### BEGIN SOLUTION
count = {"Rescaling": 1, "RandomFlip": 0, "SeparableConv2D": 3, "Dropout": 0, "Dense": 1}
### END SOLUTION

begins = {"Rescaling": "rescaling", "RandomFlip": "random", "SeparableConv2D": "separable", "Dropout": "dropout", "Dense": "dense"}
predicts("19.1 each", count, {what: sum(name.startswith(word) for name, _, _ in net.layers) for what, word in begins.items()})
same("19.1 all, with the eight layers that were not asked about", sum(count.values()) + 8, len(net.layers))

# %%
# These are all layers of ``net``.

print(net)
print(net.source.split("; ", 1)[1])
for name, op, attributes in net.layers:
    print(f"{name:<32} {op:<16} {attributes or ''}")

# %%
# The model begins with a ``Rescaling``. So it takes photos without preprocessing, and ``net.read`` knows this. If your
# model has no such layer, tell ``load`` how its photos were preprocessed. For photos of 48 x 48 pixels, divided by 255,
# write ``ta.load(path, input=ta.InputSpec(48, scale=(255,) * 3))``.
#
# Before all other steps, make sure that this is the network you trained. In Keras it classified 99.8 % of 500 unseen
# pictures correctly. We test the first 100 of them. For the very first picture we also compare the probabilities with
# those that Keras printed after the training.

seen, truth, masks = (part[:100] for part in pictures(500, 2))
y = softmax(net(np.concatenate([net.read(picture) for picture in seen])))
print(f"right: {np.mean(y.argmax(1) == truth):.1%} of {len(truth)} pictures")
holds("as good as in Keras", np.mean(y.argmax(1) == truth) > 0.98)
KERAS = [0.0004225650627631694, 0.0014554884983226657, 0.9981219172477722]
holds("the probabilities that Keras printed", np.abs(y[0] - KERAS).max() < 1e-5)

# %%
# Exercise 19.2 (break): the right numbers, the wrong units
# ---------------------------------------------------------
#
# This file says how photos are preprocessed, and ``load`` refuses an argument ``input`` that says otherwise. But
# ``net(x)`` cannot know what was done to a photo. It checks the array's shape, and refuses integers, NaN and
# infinity. Apart from that it takes any floats. If they look unlike those of a preprocessed photo, it only warns. Write a preprocessing that some other network might need. It may change only the units (by a
# factor), the zero point (by a summand) or the order of the channels. It must do the same to all photos. With this
# preprocessing, our network must classify fewer than half of the pictures correctly, and no error may be raised.


def prepared(photo):
    """The preprocessed photo (48, 48, 3), from the photo (48, 48, 3) uint8."""
    ### BEGIN SOLUTION
    return photo / 255
    ### END SOLUTION


inputs = np.stack([np.asarray(prepared(picture), float) for picture in seen])
kept = max(abs(np.corrcoef(inputs[..., order].ravel(), seen.ravel())[0, 1]) for order in ([0, 1, 2], [2, 1, 0]))
holds("19.2 nothing but units, zero and order", kept > 0.97, f"the correlation with the photos is {kept:.3f}, but must be above 0.97")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    y_wrong = softmax(net(inputs))
holds("19.2 no error: the probabilities sum to 1", np.allclose(y_wrong.sum(1), 1))
right = np.mean(y_wrong.argmax(1) == truth)
holds("19.2 right in fewer than half", right < 0.5, f"the network is right in {right:.0%} of the pictures; make the numbers much smaller or larger than the model expects")

# %%
# Explain
# -------
#
# Which layer? Grad-CAM and its family explain the network's last feature maps, ``net.features``, unless you choose
# another layer. Which score? Take ``log_odds``, unless you have a reason for another score.

print("last feature maps:", net.features)
x, c = net.read(seen[0]), int(truth[0])
methods = ("grad_cam", "hirescam", "input_x_gradient", "lrp")
maps = {method: ta.METHODS[method](net, x, c, score="log_odds") for method in methods}
figure = Figure(figsize=(8, 2.4), layout="constrained")
for ax, (method, heat) in zip(figure.subplots(1, len(maps)), maps.items(), strict=True):
    ax.imshow(seen[0])
    ax.imshow(heat.map, cmap="inferno", alpha=0.6)
    ax.set(xticks=[], yticks=[], title=method)
figure.suptitle(f"A {CLASSES[c]}, explained by four methods, score log_odds", fontsize=10)
show(figure, "19_maps.png")

# %%
# Exercise 19.3 (complete): on the shape
# --------------------------------------
#
# Here we know where the shape is, so we can ask whether the map is right: does its largest number (its *highest place*)
# lie on the shape? A square has the same colour everywhere inside, so a map may rightly point at its edge. So allow a
# distance: the highest place may be up to ``reach`` rows and ``reach`` columns away from some pixel of the shape.


def on_the_shape(L, mask, reach=2):
    """True if some pixel of mask (h, w) is at most `reach` rows and columns away from the highest place of L (h, w)."""
    ### BEGIN SOLUTION
    i, j = np.unravel_index(L.argmax(), L.shape)
    return bool(mask[max(i - reach, 0):i + reach + 1, max(j - reach, 0):j + reach + 1].any())
    ### END SOLUTION


one = np.zeros((5, 6), bool)
one[4, 5] = True
for place, reach, true in (((4, 5), 0, True), ((4, 4), 0, False), ((3, 4), 1, True), ((0, 0), 2, False), ((2, 5), 1, False), ((1, 2), 3, True)):
    L = np.zeros((5, 6))
    L[place], L[4 - place[0], 5 - place[1]] = 1, -2  # the lowest place does not matter
    holds(f"19.3 a peak at {place}, a pixel at (4, 5), reach {reach}", on_the_shape(L, one, reach) == true)
rng = np.random.default_rng(0)
some = rng.random((200, 7, 9)) < 0.05
peaks = [rng.integers(0, (7, 9)) for _ in some]
spots = [np.eye(63)[i * 9 + j].reshape(7, 9) for i, j in peaks]
near = [any(max(abs(a - i), abs(b - j)) <= 2 for a, b in np.argwhere(mask)) for mask, (i, j) in zip(some, peaks, strict=True)]
same("19.3 by distances, 200 made-up masks", [on_the_shape(L, mask) for L, mask in zip(spots, some, strict=True)], near)

# %%
# Now we test fifty maps of Grad-CAM in the same way, with reach 2.

found = []
for picture, k, mask in zip(seen[:50], truth, masks, strict=False):
    L = ta.grad_cam(net, net.read(picture), int(k), score="log_odds").map
    i, j = np.unravel_index(L.argmax(), L.shape)
    found.append(mask[max(i - 2, 0):i + 3, max(j - 2, 0):j + 3].any())
print(f"Grad-CAM points at the shape in {np.mean(found):.0%} of {len(found)} pictures")
holds("it points at the shape in most pictures", np.mean(found) > 0.7)

# %%
# Attack
# ------
#
# Add t(x) = K Σ_k A_00k to every logit: K times the sum of the last feature maps A at their upper left place (0, 0). No
# probability changes, but HiResCAM by ``pre`` now points at this place. (Grad-CAM by ``pre`` changes, too, but less
# visibly, because it takes the mean of the gradient over all places.) A score whose row dS/dz sums to zero does not see
# t.

altered = ta.alter(net, K=10)
holds("all probabilities stay", np.abs(softmax(altered(x)) - softmax(net(x))).max() < 1e-9)
for score in ("pre", "log_odds"):
    before, after = (ta.hirescam(n, x, c, score=score).raw for n in (net, altered))
    print(f"{score + ':':<9} the largest change is {np.abs(after - before).max() / np.abs(before).max():.2g} times the map's largest number")
    holds(f"the map by {score} {'moves' if score == 'pre' else 'stays'}", (np.abs(after - before).max() > 1e-3) == (score == "pre"))
    holds(f"{score}: the map's highest place is {'' if score == 'pre' else 'not '}at (0, 0)", (after.argmax() == 0) == (score == "pre"))

# %%
# Save, inspect, repair
# ---------------------
#
# ``ta.save`` writes any network to a file, the altered network too. This file loads like any other. ``inspect`` finds
# that the same number is added to all logits. ``inspect`` writes the largest logit as a sum of two parts: the mean of
# all logits, and the rest. It divides the size of the gradient of the mean by the size of the gradient of the rest. A
# large ratio is a sign of an attack. (It also looks for a unit with nearly the same weight for every class.) ``repair``
# removes the number. ``repair`` subtracts the mean of all logits. So it also removes the mean of the original logits. A
# map of the repaired network by ``pre`` is a map of the original network by ``centred``.

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "altered.h5"
    ta.save(altered, path)
    suspect = ta.load(path)
    found = inspect(suspect, [net.read(picture) for picture in seen[:3]])
    print(found.table())
    holds("the attack is found", found.alarm)
    holds("the network itself is clean", not inspect(net, [net.read(picture) for picture in seen[:3]]).alarm)
    repaired = repair(suspect)
holds("the repaired network has the same probabilities", np.abs(softmax(repaired(x)) - softmax(net(x))).max() < 1e-5)
pre, centred = ta.hirescam(repaired, x, c, score="pre").raw, ta.hirescam(net, x, c, score="centred").raw
holds("its map by `pre` is the original network's map by `centred`", np.abs(pre - centred).max() < 1e-3 * np.abs(centred).max())

# %%
# The same steps work on the command line, for a file and a photo of yours:
#
# .. code-block:: none
#
#    tinyattr weights show own_network.keras
#    tinyattr explain photo.jpg --net own_network.keras --classes disc square cross --altered --out photo.png
#    tinyattr audit --net own_network.keras --images photos
#    tinyattr inspect own_network.keras --images photos
#
# If your file is refused
# -----------------------
#
# The error names the layer, and says why it was refused. These are the usual reasons, and what to do:
#
# - *The file has only weights* (``.weights.h5``, from ``save_weights``): save the whole model,
#   ``model.save("net.keras")``. Or build the same network with ``ta.network`` and give it the file:
#   ``net.with_weights("net.weights.h5")``.
# - *A Lambda layer or a class of your own*: it contains code, which is never run here. ``Rescaling``, ``Multiply`` or
#   plain arithmetic, ``x / 255``, can often replace it.
# - *A layer that is not supported*: replace it by supported layers that compute the same, if you can. (If you
#   cut the model off before this layer, that is usually no help: a network must end at the logits of its classes.)
# - *The file leaves the size of pictures open*: give the size, ``ta.load(path, size=224)``.
# - *An ONNX operator that is not supported*: export with ``model.eval()``, or use the other exporter of PyTorch
#   (``dynamo=False``). ``load`` can remove only a softmax over all classes, at the end of the model. A softmax between
#   other layers, as in attention, cannot be read.
#
# What you can say now
# --------------------
#
# - A model's file is data: the description of its layers is read, and no code of the model is run. To prove that you
#   loaded your network, compare its probabilities with those that your framework printed.
# - Nearly everything in this course works on your network: maps, attack, detection, repair.
# - A file can say how photos are preprocessed. It cannot say what somebody has already done to an array.
#
# Talk about it: in a year, you want to check that a file still holds your own network. Which probabilities would you
# write down today for this check?
