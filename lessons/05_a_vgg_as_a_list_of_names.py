"""
5. VGG19 as a list of names
===========================

**Question:** Which layer is "layer 35", and what can be read off a network without running it?

:Time: 65 min (15 read, 40 solve, 10 discuss)
:CPU: 1 s
:Needs: lessons 3 and 4
:After this you can: count a network's parameters and shapes without building it; measure how much of a picture a layer sees; name a layer so that nobody can take it for another
:Figures: 05_vgg19.png
:Words: explained in the `glossary <../glossary.html>`_

A network is two plain things: a list of (name, op, attributes) and a dict from names to arrays. The list is data, so it can
be counted, changed and read by other programs than the one that computes. This lesson is about the list, the next one about
the arrays and the file that they live in.
"""

# %%
# Predict first
# -------------
#
# VGG19 has sixteen convolutions and three dense layers, and 143,667,240 parameters. Write down before you run
# anything:
#
# - which layer has most of the parameters, and what share;
# - which layers do most of the work;
# - how many pixels of the picture can one number at the end of the convolutions depend on?

from math import prod

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import has, holds, predicts, same, show
from tinyattr.files.vgg import vgg_layers, vgg_shapes
from tinyattr.studies.draw import LINES

layers = vgg_layers("E")  # E is the column of VGG19 in table 1 of Simonyan and Zisserman 2015
for number, (name, op, attributes) in enumerate(layers):
    print(f"{number:>2} {name:<14} {op:<9} {attributes or ''}")
small = ta.network(layers, ta.vgg("E", width=1 / 16, size=64, classes=5).weights)
print(small)

# %%
# Exercise 5.1 (complete): count without computing
# ------------------------------------------------
#
# Another program that reads the same list: it carries a shape along instead of a picture. A convolution here is 3 x 3
# with padding 1. With K outputs it makes (H, W, K) from (H, W, C), and holds one weight for each place, input and
# output channel, and a bias for each output. A pool halves H and W. Say for each op what shape comes out, and how many
# parameters the layer holds.


def along(layers, widths, shape):
    """{layer: (shape of its output, how many parameters)} for a picture of this shape (H, W, C).

    widths: {layer with weights: how many outputs it has}.
    """
    found = {}
    for name, op, _ in layers:
        parameters = 0
        ### BEGIN SOLUTION
        if op == "conv2d":
            parameters = (9 * shape[2] + 1) * widths[name]
            shape = (*shape[:2], widths[name])
        elif op == "max_pool":
            shape = (shape[0] // 2, shape[1] // 2, shape[2])
        elif op == "flatten":
            shape = (prod(shape),)
        elif op == "dense":
            parameters = (shape[0] + 1) * widths[name]
            shape = (widths[name],)
        ### END SOLUTION
        found[name] = shape, parameters
    return found


def widths_of(configuration):
    """How many outputs the layers of a full-width VGG have."""
    return {name: shape[-1] for name, shape in vgg_shapes(configuration).items()}


tape = small.run(np.zeros((1, 64, 64, 3)))
little = along(layers, {name: bias.size for name, (_, bias) in small.weights.items()}, (64, 64, 3))
holds("5.1 shapes as computed", all(np.array_equal(np.ravel(little[name][0]), tape[name].output.shape[1:])
                                    for name, _, _ in layers),
      "compare along(...)[name][0] with tape[name].output.shape[1:], layer by layer")
same("5.1 a picture that is not square", along(layers, widths_of("E"), (96, 64, 3))["block5_pool"][0], (3, 2, 512))
same("5.1 parameters as allocated", sum(count for _, count in little.values()), small.parameters)
vgg19 = along(layers, widths_of("E"), (224, 224, 3))
same("5.1 VGG19", sum(count for _, count in vgg19.values()), 143_667_240)
same("5.1 its convolutions", sum(count for name, (_, count) in vgg19.items() if "conv" in name), 20_024_384)
vgg16 = along(vgg_layers("D"), widths_of("D"), (224, 224, 3))
same("5.1 VGG16", sum(count for _, count in vgg16.values()), 138_357_544)

# %%
# Where the numbers are, and where the work is: 575 MB of weights, most of them in one layer that is nearly free to
# compute.

sides = {"1": 224, "2": 112, "3": 56, "4": 28, "5": 14}  # of the maps in each block
shapes = vgg_shapes("E")
parameters = {name: prod(shape) + shape[-1] for name, shape in shapes.items()}
work = {name: prod(shape) * (sides[name[5]] ** 2 if "conv" in name else 1) for name, shape in shapes.items()}
figure = Figure(figsize=(8, 4.4), layout="constrained")
ax = figure.subplots()
for k, (title, counts) in enumerate({"parameters": parameters, "multiplications": work}.items()):
    total = sum(counts.values())
    ax.bar(np.arange(len(counts)) + 0.4 * k, [100 * v / total for v in counts.values()], 0.4,
           color=LINES[1 - k], label=f"{title}: {total / 1e6:,.0f} million in all")
ax.set_xticks(np.arange(len(shapes)) + 0.2, list(shapes), fontsize=10, rotation=60, ha="right", rotation_mode="anchor")
ax.set(ylabel="the layer's share (%)", title="VGG19: where its numbers are, and where its work is")
ax.legend(loc="upper center")
show(figure, "05_vgg19.png")


def share(counts, *names):
    """What per cent of all counts these layers have."""
    return 100 * sum(counts[name] for name in names) / sum(counts.values())


holds("72 % of the parameters are in fc1", round(share(parameters, "fc1")) == 72)
holds("the dense layers have 86 % of them", round(share(parameters, "fc1", "fc2", "predictions")) == 86)
holds("and do 0.6 % of the work", round(share(work, "fc1", "fc2", "predictions"), 1) == 0.6)

# %%
# How far a layer looks
# ---------------------
#
# A number in a layer depends on a window of the picture, its receptive field. It can be measured by a walk: put ones
# into all weights, a 1 at one place of the layer, and see how many pixels get a signal. Only the max-pools are in the
# way, since they pass a signal to one pixel in four. But the list is data: change the op, and keep the names.

averaging = [(name, "avg_pool" if op == "max_pool" else op, attributes) for name, op, attributes in layers]


def of_ones(layer, layers=averaging):
    """The network up to this layer: one channel, all weights 1, no biases, pools that average."""
    upto = layers[:[name for name, _, _ in layers].index(layer) + 1]
    ones = np.ones((3, 3, 1, 1)), np.zeros(1)
    return ta.network(upto, {name: ones for name, op, _ in upto if op == "conv2d"})


def window(layer, layers=averaging):
    """How many rows of the picture a number in the middle of this layer depends on, measured by a walk."""
    tape = of_ones(layer, layers).run(np.ones((1, 384, 32, 1)))
    seed = np.zeros(tape[layer].output.shape)
    seed[0, seed.shape[1] // 2, seed.shape[2] // 2] = 1
    return (ta.walk(tape, {layer: seed}, ta.GRADIENT)["input"] > 0).any((0, 2, 3)).sum()


# %%
# Exercise 5.2 (predict): the window
# ----------------------------------
#
# A 3 x 3 convolution adds one pixel on each side, a pool adds one pixel in all: pixels of the layer *below*. In the
# picture, these lie 1 apart at first, 2 after the first pool, 4 after the second. How many pixels high is the window
# of the last convolution and of the pool in the first two blocks? Write four numbers, ``windows = {"block1_conv2":
# ..., "block1_pool": ..., "block2_conv2": ..., "block2_pool": ...}``.

### BEGIN SOLUTION
windows = {"block1_conv2": 5, "block1_pool": 6, "block2_conv2": 14, "block2_pool": 16}
### END SOLUTION

rows = np.eye(64)[:, :, None, None] * np.ones((8, 1))  # (64, 64, 8, 1): 64 pictures, each has one bright row
by_walk, by_light = {}, {}
for layer in ("block1_conv2", "block1_pool", "block2_conv2", "block2_pool"):
    by_walk[layer] = window(layer)
    A = of_ones(layer).run(rows)[layer].output
    by_light[layer] = (A[:, A.shape[1] // 2] > 0).any((1, 2)).sum()  # how many rows reach the layer's middle
predicts("5.2 by a walk", windows, by_walk)
predicts("5.2 by lighting one row after the other", windows, by_light)

# %%
# At the end of the convolutions a number looks at more than the whole picture, 224 pixels. So what lights up at a
# place of ``block5_pool`` need not be caused by the pixels that are drawn below it:

print({layer: int(window(layer)) for layer in ("block3_pool", "block4_pool", "block5_conv4", "block5_pool")})
same("the window of block5_pool", window("block5_pool"), 268)

# %%
# Exercise 5.3 (predict): which layer is 35?
# ------------------------------------------
#
# "We took the heatmap at layer 35." Numbers depend on who counts. Find the name of number 35, counted from 0, in four
# lists of the same family, ``number_35 = {"VGG19": ..., "VGG16": ..., "batch norm": ..., "Keras": ...}``, and write
# None where there is no such layer:
#
# - ``VGG19``, the list above;
# - ``VGG16``: three convolutions in blocks 3, 4 and 5 instead of four;
# - ``batch norm``: VGG19 with a layer, say ``block1_norm1``, between each convolution and its ReLU;
# - ``Keras``: VGG19 with the input as layer 0, and a ReLU not a layer but a part of its convolution or dense layer.

### BEGIN SOLUTION
number_35 = {"VGG19": "block5_relu4", "VGG16": "fc2_relu", "batch norm": "block4_relu3", "Keras": None}
### END SOLUTION

names = [name for name, _, _ in layers]
lists = {"VGG19": names, "VGG16": [name for name, _, _ in vgg_layers("D")],
         "batch norm": list(dict.fromkeys(n for name in names for n in (name, name.replace("conv", "norm")))),
         "Keras": ["input", *(name for name in names if "relu" not in name)]}
true = {model: counted[35] if len(counted) > 35 else None for model, counted in lists.items()}
sizes = ", ".join(f"{len(counted)} ({model})" for model, counted in lists.items())
has("5.3 four lists", number_35, lists)
is_there = {model: name is not None for model, name in true.items()}
predicts("5.3 is there such a layer", {model: name is not None for model, name in number_35.items()}, is_there,
         hint=f"the lists have so many layers: {sizes}")
predicts("5.3 their names", number_35, true)

# %%
# So this library takes names and nothing else, and every caption says the layer's name.
#
# Exercise 5.4 (break): nothing but the order
# -------------------------------------------
#
# Two lists can have the same entries, fit to the same weights and end in the same shape, and be two networks. Take one entry
# out of the list and put it back before another one, ``what, before = "...", "..."``, so that the last number before
# ``flatten`` depends on more or fewer pixels than 268, while all weights still fit and the shape in the end is the same.

### BEGIN SOLUTION
what, before = "block1_pool", "block1_conv2"  # the convolution then works on 112 x 112 places, 2 pixels apart
### END SOLUTION


def moved(layers, what, before):
    """The list, its entry `what` taken out and put back before the entry `before`."""
    found = {name: (name, op, attributes) for name, op, attributes in layers}
    order = [name for name in found if name != what]
    order.insert(order.index(before), what)
    return [found[name] for name in order]


holds("5.4 two names from the list", what != before and {what, before} <= {name for name, _, _ in layers},
      "write two names as they are printed above")
other = ta.network(moved(layers, what, before), small.weights)
noise = np.random.default_rng(0).standard_normal((1, 64, 64, 3))
try:
    other_tape, told = other.run(noise), ""
except ta.InputError as error:
    told = str(error)
holds("5.4 all weights fit", not told, told)
same("5.4 the shape in the end", other_tape["flatten"].output.shape, small.run(noise)["flatten"].output.shape)
last = moved(averaging, what, before)
last = last[[name for name, _, _ in last].index("flatten") - 1][0]
holds("5.4 another window", window(last, moved(averaging, what, before)) != 268, "which entries look at neighbours at all?")
holds("5.4 other logits", np.abs(other(noise) - small(noise)).max() > 0)

# %%
# What you can say now
# --------------------
#
# - A network is a list of names and a dict of arrays; shapes, counts and windows can be read off the list.
# - Convolutions do the work, dense layers hold the numbers. A number in ``block5_pool`` sees a window of 268.
# - "Layer 35" is three different layers or none, ``block5_relu4`` is one.
#
# Talk about it: a paper says "we used VGG19, layer 35". What else would you have to be told to repeat it?
