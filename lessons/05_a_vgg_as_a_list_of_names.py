"""
5. VGG19 as a list of names
===========================

**Question:** Which layer is "layer 35", and what can you know about a network without running it?

:Time: 65 min (15 read, 40 solve, 10 discuss)
:CPU: 1 s
:Needs: lessons 3 and 4
:After this you can: count a network's parameters and shapes without building it; measure how much of a picture a layer sees; name a layer so that nobody confuses it with another layer
:Figures: 05_vgg19.png
:Words: explained in the `glossary <../glossary.html>`_

A network consists of two simple things. One is a list with (name, op, attributes) for each layer; op is the layer's
operation, such as ``conv2d``. The other is a dict that maps names to arrays. The list is a plain Python list, so we can
change it, and any program can read it. This lesson is about the list. The next lesson is about the arrays and the file
that contains them.
"""

# %%
# Predict first
# -------------
#
# VGG19 has sixteen convolutions, three dense layers and 143,667,240 parameters. The next cell prints its list of
# layers. It also makes ``small``, a VGG19 with a sixteenth of the channels. Before you run anything, write down your
# answers:
#
# - Which layer has most of the parameters, and what share of all parameters does it have?
# - Which layers do most of the work (the multiplications)?
# - Take one number in the output of the last pool. On how many pixels of the picture can this number depend?

from math import prod

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import has, holds, predicts, same, show
from tinyattr.files.vgg import vgg_layers, vgg_shapes
from tinyattr.studies.draw import LINES

layers = vgg_layers("E")  # in table 1 of Simonyan and Zisserman 2015, column E is VGG19 and column D is VGG16
for number, (name, op, attributes) in enumerate(layers):
    print(f"{number:>2} {name:<14} {op:<9} {attributes or ''}")
small = ta.network(layers, ta.vgg("E", width=1 / 16, size=64, classes=5).weights)
print(small)

# %%
# Exercise 5.1 (complete): count without computing
# ------------------------------------------------
#
# You will write a program that reads the same list. Your program passes a shape from layer to layer instead of a
# picture. Each convolution here has a 3 x 3 kernel and padding 1. With C input channels and K output channels, it makes
# the shape (H, W, K) from (H, W, C). Each place of the kernel has one weight for every pair of input channel and output
# channel. Each output channel also has one **bias**, a number that the layer adds to its sums. A pool halves H and W,
# rounded down. For each op, compute the output's shape and the number of parameters.


def along(layers, widths, shape):
    """{layer: (shape of its output, its number of parameters)} for a picture of this shape (H, W, C).

    widths: {layer: its number of output channels}, for layers with weights.
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
    """{layer: its number of output channels} for a VGG with as many channels as in the paper. configuration: "D" or "E"."""
    return {name: shape[-1] for name, shape in vgg_shapes(configuration).items()}


tape = small.run(np.zeros((1, 64, 64, 3)))
little = along(layers, {name: bias.size for name, (_, bias) in small.weights.items()}, (64, 64, 3))
holds("5.1 the shapes are the network's shapes", all(np.array_equal(np.ravel(little[name][0]), tape[name].output.shape[1:])
                                    for name, _, _ in layers),
      "for each layer, compare along(...)[name][0] with tape[name].output.shape[1:]")
same("5.1 a picture that is not square", along(layers, widths_of("E"), (100, 70, 3))["block5_pool"][0], (3, 2, 512))
same("5.1 the number of parameters is the network's number of parameters", sum(count for _, count in little.values()), small.parameters)
vgg19 = along(layers, widths_of("E"), (224, 224, 3))
same("5.1 the parameters of VGG19", sum(count for _, count in vgg19.values()), 143_667_240)
same("5.1 the parameters of VGG19's convolutions", sum(count for name, (_, count) in vgg19.items() if "conv" in name), 20_024_384)
vgg16 = along(vgg_layers("D"), widths_of("D"), (224, 224, 3))
same("5.1 the parameters of VGG16", sum(count for _, count in vgg16.values()), 138_357_544)

# %%
# The next figure shows each layer's share of the parameters and of the multiplications. The weights of VGG19 take
# 575 MB. Most weights belong to one layer, and this layer does hardly any work.

sides = {"1": 224, "2": 112, "3": 56, "4": 28, "5": 14}  # {block: the height and the width of its maps}
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
ax.set(ylabel="the layer's share (%)", title="VGG19: which layers have its parameters, and which do its work")
ax.legend(loc="upper center")
show(figure, "05_vgg19.png")


def share(counts, *names):
    """The share of these layers in all counts, in per cent."""
    return 100 * sum(counts[name] for name in names) / sum(counts.values())


holds("fc1 has 72 % of the parameters", round(share(parameters, "fc1")) == 72)
holds("the dense layers have 86 % of the parameters", round(share(parameters, "fc1", "fc2", "predictions")) == 86)
holds("the dense layers do 0.6 % of the work", round(share(work, "fc1", "fc2", "predictions"), 1) == 0.6)

# %%
# How far a layer looks
# ---------------------
#
# A number in a layer depends on a window of the picture. This window is called the **receptive field** of the number.
# We can measure it by a walk, one pass through the network in reverse. We set all weights to 1 and start the walk with
# a 1 at one place of the layer. Then we count the rows of the picture that get a signal other than 0. Max-pools disturb
# this measurement, because a max-pool passes a signal back to only one of its four places. So we replace all max-pools
# in the list by average pools, and keep their names.

averaging = [(name, "avg_pool" if op == "max_pool" else op, attributes) for name, op, attributes in layers]


def of_ones(layer, layers=averaging):
    """The first layers of this list, up to `layer`, as a network with one channel; all weights are 1, all biases are 0."""
    upto = layers[:[name for name, _, _ in layers].index(layer) + 1]
    ones = np.ones((3, 3, 1, 1)), np.zeros(1)
    return ta.network(upto, {name: ones for name, op, _ in upto if op == "conv2d"})


def window(layer, layers=averaging):
    """How many rows of the picture can change a number in the middle of this layer, measured by a walk."""
    tape = of_ones(layer, layers).run(np.ones((1, 384, 32, 1)))  # 384 rows: room for every window of VGG19. 32 columns are enough, because we count rows
    seed = np.zeros(tape[layer].output.shape)
    seed[0, seed.shape[1] // 2, seed.shape[2] // 2] = 1
    return (ta.walk(tape, {layer: seed}, ta.GRADIENT)["input"] > 0).any((0, 2, 3)).sum()


# %%
# Exercise 5.2 (predict): the window
# ----------------------------------
#
# A 3 x 3 convolution makes the window larger by one place on each side. A 2 x 2 pool makes the window larger by one
# place in total. These are places of the layer's *input*, and they can be several pixels apart. Before the first pool,
# neighbouring places are 1 pixel apart in the picture. After the first pool they are 2 pixels apart, and after the
# second pool 4 pixels.
#
# How many pixels high is the window of the last convolution in block 1? Answer the same question for the pool in block
# 1, and for the last convolution and the pool in block 2. Write four numbers, ``windows = {"block1_conv2": ...,
# "block1_pool": ..., "block2_conv2": ..., "block2_pool": ...}``.

### BEGIN SOLUTION
windows = {"block1_conv2": 5, "block1_pool": 6, "block2_conv2": 14, "block2_pool": 16}
### END SOLUTION

rows = np.eye(64)[:, :, None, None] * np.ones((8, 1))  # (64, 64, 8, 1): 64 pictures with one bright row each
by_walk, by_light = {}, {}
for layer in ("block1_conv2", "block1_pool", "block2_conv2", "block2_pool"):
    by_walk[layer] = window(layer)
    A = of_ones(layer).run(rows)[layer].output
    by_light[layer] = (A[:, A.shape[1] // 2] > 0).any((1, 2)).sum()  # how many of the 64 rows change the middle
predicts("5.2 by a walk", windows, by_walk)
predicts("5.2 by pictures with one bright row", windows, by_light)

# %%
# The picture is 224 pixels high, but the window of a number in ``block5_pool`` is even higher. So if a place of
# ``block5_pool`` has a large activation, the cause can be far away from this place in the picture. The next cell prints
# the height of the window for four layers.

print({layer: int(window(layer)) for layer in ("block3_pool", "block4_pool", "block5_conv4", "block5_pool")})
same("the window of block5_pool is 268 pixels high", window("block5_pool"), 268)

# %%
# Exercise 5.3 (predict): which layer is 35?
# ------------------------------------------
#
# A paper says: "We took the heatmap at layer 35." But the number of a layer depends on what you count. Here are four
# lists of VGG networks. Count from 0, and find the name of layer 35 in each list. Write ``number_35 = {"VGG19": ...,
# "VGG16": ..., "batch norm": ..., "Keras": ...}``, with None if a list has no layer 35.
#
# - ``VGG19`` is the list that the first cell prints.
# - ``VGG16`` is the list of VGG19, but blocks 3, 4 and 5 have three convolutions instead of four, each with its ReLU.
# - ``batch norm`` is VGG19 with one more layer between each convolution and its ReLU, for example ``block1_norm1``.
# - ``Keras`` is VGG19 with two changes. The input is layer 0. A ReLU is not a layer, but a part of the convolution or
#   dense layer before it.

### BEGIN SOLUTION
number_35 = {"VGG19": "block5_relu4", "VGG16": "fc2_relu", "batch norm": "block4_relu3", "Keras": None}
### END SOLUTION

names = [name for name, _, _ in layers]
lists = {"VGG19": names, "VGG16": [name for name, _, _ in vgg_layers("D")],
         "batch norm": list(dict.fromkeys(n for name in names for n in (name, name.replace("conv", "norm")))),
         "Keras": ["input", *(name for name in names if "relu" not in name)]}
true = {model: counted[35] if len(counted) > 35 else None for model, counted in lists.items()}
sizes = ", ".join(f"{len(counted)} ({model})" for model, counted in lists.items())
has("5.3 an answer for each of four lists", number_35, lists)
is_there = {model: name is not None for model, name in true.items()}
predicts("5.3 which lists have a layer 35", {model: name is not None for model, name in number_35.items()}, is_there,
         hint=f"the lists have these numbers of layers: {sizes}")
predicts("5.3 the names of layer 35", number_35, true)

# %%
# Since a number can mean several layers, this library accepts only names. The caption of every heatmap says the name of
# its layer.
#
# Exercise 5.4 (break): only the order changes
# --------------------------------------------
#
# Two lists can have the same entries, fit the same weights and end in the same shape. They can still be different
# networks. Take the entry ``what`` out of the list and put it back before the entry ``before``. Write the two names,
# ``what, before = "...", "..."``. All weights must still fit, and the output of ``flatten`` must keep its shape. But
# the window of the last layer before ``flatten`` must be higher or lower than 268 pixels.

### BEGIN SOLUTION
what, before = "block1_pool", "block1_conv2"  # the convolution then works on 112 x 112 places that are 2 pixels apart
### END SOLUTION


def moved(layers, what, before):
    """The list in which the entry `what` has moved to the place before the entry `before`."""
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
same("5.4 the last shape is the same", other_tape["flatten"].output.shape, small.run(noise)["flatten"].output.shape)
last = moved(averaging, what, before)
last = last[[name for name, _, _ in last].index("flatten") - 1][0]
holds("5.4 the window is not 268", window(last, moved(averaging, what, before)) != 268,
      "which entries read several places of their input?")
holds("5.4 the logits are different", np.abs(other(noise) - small(noise)).max() > 0)

# %%
# What you can say now
# --------------------
#
# - A network is a list of names and a dict of arrays. With the list and the numbers of channels, you can find shapes,
#   counts and windows.
# - Convolutions do most of the work, and dense layers have most of the parameters. A number in ``block5_pool`` depends
#   on a window that is 268 pixels high.
# - "Layer 35" can mean three different layers, or no layer at all. ``block5_relu4`` means exactly one layer.
#
# Talk about it: a paper says "we used VGG19, layer 35". What else must you know to repeat the authors' work?
