"""
Bring your own network
======================

A network that you trained elsewhere, in Keras or PyTorch, comes here as its own file. Then every method, attack and
repair of this project works on it, and no other framework has to be installed. This page goes the whole way with a
small network from Keras. It is no lesson of the course: there are no exercises, only steps to repeat with a file of
yours.

The file was made by ``lessons/train_own_network.py``: a Sequential model with a separable convolution and batch
normalisation, trained on pictures of a disc, a square or a cross. The last line of a training is all that it takes:

.. code-block:: python

    model.save("own_network.keras")      # the whole model, not only its weights

From PyTorch, the file is an ONNX file (reading it needs the package onnx). Everything below is the same for it:

.. code-block:: python

    torch.onnx.export(model.eval(), (torch.rand(1, 3, 48, 48),), "own_network.onnx")
"""

# %%
# Load
# ----
#
# The model's config is read as data; nothing of it is run. A last softmax is taken off, because a network ends at its
# logits here, and ``source`` says so. Layers keep Keras' names. Names of classes are not in the file: we say them.

import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import holds, show
from tinyattr.files.embedded import embedded
from tinyattr.softmax import softmax
from tinyattr.studies.detect import inspect, repair

sys.path.insert(0, str(embedded("lessons")))
from train_own_network import CLASSES, pictures  # draws the pictures; Keras is not needed for that

net = ta.load(embedded("lessons") / "own_network.keras", classes=CLASSES)
print(net)
print(net.source.split("; ", 1)[1])
for name, op, attributes in net.layers:
    print(f"{name:<32} {op:<16} {attributes or ''}")

# %%
# Because the model begins with a ``Rescaling``, it takes photos as they are, and ``net.read`` knows it. Where a model has
# no such layer, say how its photos were preprocessed: ``ta.load(path, input=ta.InputSpec(48, scale=(255,) * 3))`` for
# photos divided by 255.
#
# First of all, make sure that it is the network you trained. It classifies unseen pictures as well as in Keras (99.8 %
# of 500), and for one of them the probabilities are those that Keras printed after the training.

seen, truth, masks = (part[:100] for part in pictures(500, 2))
y = softmax(net(np.concatenate([net.read(picture) for picture in seen])))
print(f"right: {np.mean(y.argmax(1) == truth):.1%} of {len(truth)} pictures")
holds("as good as in Keras", np.mean(y.argmax(1) == truth) > 0.98)
KERAS = [0.0004225650627631694, 0.0014554884983226657, 0.9981219172477722]
holds("the probabilities that Keras printed", np.abs(y[0] - KERAS).max() < 1e-5)

# %%
# Explain
# -------
#
# Which layer? CAMs explain the network's last feature maps, ``net.features``, unless told otherwise. Which score?
# ``log_odds``, unless you have a reason.

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
show(figure, "own_network_maps.png")

# %%
# Here we know where the shape is, so that we can ask whether the map is right: does its highest place lie on the
# shape? A square is flat inside, so a map may well point at its edge; we allow two pixels around it.


def on_the_shape(heat, mask):
    """Whether the highest place of the map lies on the shape, or at most two pixels beside it."""
    i, j = np.unravel_index(heat.map.argmax(), heat.map.shape)
    return mask[max(i - 2, 0):i + 3, max(j - 2, 0):j + 3].any()


pointed = [on_the_shape(ta.grad_cam(net, net.read(picture), int(k), score="log_odds"), mask)
           for picture, k, mask in zip(seen[:50], truth, masks, strict=False)]
print(f"Grad-CAM points at the shape in {np.mean(pointed):.0%} of {len(pointed)} pictures")
holds("it points at the shape in most pictures", np.mean(pointed) > 0.7)

# %%
# Attack
# ------
#
# Add t(x) = K Σ_k A_00k to every logit. No probability moves, and heatmaps of ``pre`` show the corner. Scores whose row
# sums to zero do not see t.

altered = ta.alter(net, K=10)
holds("all probabilities stay", np.abs(softmax(altered(x)) - softmax(net(x))).max() < 1e-9)
for score in ("pre", "log_odds"):
    before, after = (ta.hirescam(n, x, c, score=score).raw for n in (net, altered))
    print(f"{score:<9} moved by {np.abs(after - before).max() / np.abs(before).max():.2g} of the map's largest number")
    holds(f"{score} {'moves' if score == 'pre' else 'stays'}", (np.abs(after - before).max() > 1e-3) == (score == "pre"))

# %%
# Save, inspect, repair
# ---------------------
#
# Any network can be written into a file of our own, the altered one too, and looks like any other file then. ``inspect``
# finds that something is added to all its logits, and ``repair`` takes it out.

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
holds("and its pre maps are those of the score `centred`", np.abs(pre - centred).max() < 1e-3 * np.abs(centred).max())

# %%
# The same from the command line, for a file and a photo of yours:
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
# The error names the layer and what it would need. The usual reasons, and what to do:
#
# - *Weights alone* (``.weights.h5``, ``save_weights``): save the whole model, ``model.save("net.keras")``. Or build the
#   same network with ``ta.network`` and give it the file: ``net.with_weights("net.weights.h5")``.
# - *A Lambda or a class of your own*: it is code, which is never run here. ``Rescaling``, ``Multiply`` or plain
#   arithmetic, ``x / 255``, can often stand in its place.
# - *A layer that is not read*: a network up to the layer before it can still be explained, if you save that model.
# - *A size that is left open*: say it, ``ta.load(path, size=224)``.
# - *ONNX with an operator that is not read*: export with ``model.eval()``, without its last softmax if that is the
#   reason, or with the other exporter of PyTorch (``dynamo=False``).
