"""
0. A classifier in thirty minutes
=================================

**Question:** How does a program turn a picture into "heart, 89 per cent"?

:Time: 30 min (10 read, 20 solve)
:CPU: 2 s
:Needs: a little Python; nothing about networks
:After this you can: say what a convolution, a feature map, a logit and a probability are; compute one number of each
:Figures: 00_convolution.png, 00_feature_maps.png, 00_answer.png
:Words: explained in the `glossary <../glossary.html>`_

An **image classifier** takes a picture and answers with a probability for each class that it knows. It computes sums,
products and maxima. Only its last step needs more: ``e^x`` and a division. We follow one picture through a small
network, from the pixels to the answer.
"""

# %%
# A picture is numbers
# --------------------
#
# Our network knows 20 drawings, which we call **glyphs**, such as heart or scales. The next cell draws a heart on a
# plain background. The picture has 224 x 224 pixels. Each pixel has three numbers from 0 to 255: red, green and blue.

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import agrees, holds, predicts, same, show, unaided
from tinyattr.engine.ops import conv2d
from tinyattr.glyphs.scenes import CLASSES, scene
from tinyattr.softmax import softmax
from tinyattr.studies.draw import LINES, SIGNED

net = ta.load("glyphs")
picture = scene(np.random.default_rng(5), [CLASSES.index("heart")], difficulty=0.2).picture  # (224, 224, 3)
print("shape:", picture.shape, " pixel in the upper left corner:", picture[0, 0])
grey = picture.mean(-1) / 255  # (224, 224), from 0 to 1: we begin with the brightness only

# %%
# A convolution
# -------------
#
# A **convolution** asks one small question everywhere in the picture. The question is written as a **kernel**, here an
# array of 3 x 3 numbers. Lay the kernel on a patch of 3 x 3 pixels. Multiply each number of the kernel by the pixel
# under it, and add up the nine products. The sum is the answer. The kernel in the next cell asks "is the patch brighter
# on the right?", because it subtracts the left column from the right one.

kernel = np.array([[-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]])
answers = conv2d(grey[None, ..., None], kernel[..., None, None], np.zeros(1))[0, ..., 0]  # at every place, (222, 222)

# %%
# Exercise 0.1 (complete): one answer
# -----------------------------------
#
# (*complete*: write the missing code. *predict*: say the result before you run the cell.)
#
# Write a function that computes a kernel's answer at one place.


@unaided()  # your function must do the work itself: it cannot call functions of the library
def answer_at(patch, kernel):
    """The sum of the nine products; patch and kernel both have the shape (3, 3)."""
    ### BEGIN SOLUTION
    return (patch * kernel).sum()
    ### END SOLUTION


step = np.array([[2.0, 2.0, 7.0], [2.0, 2.0, 7.0], [2.0, 2.0, 7.0]])  # dark on the left, bright on the right
same("0.1 three rows, each 7 - 2, add up to 15", answer_at(step, kernel), 15)
same("0.1 the answer is 0 if left and right are equally bright", answer_at(step.T, kernel), 0)
same("0.1 the answer is negative if the patch is brighter on the left", answer_at(step[:, ::-1], kernel), -15)
same("0.1 another kernel asks whether the patch is brighter below", answer_at(step.T, kernel.T), 15)
agrees("0.1 the library's convolution of other patches and kernels", answer_at,
       lambda patch, kernel: conv2d(patch[None, ..., None], kernel[..., None, None], np.zeros(1)).item(),
       np.random.default_rng(0).normal(size=(9, 2, 3, 3)))

# %%
# The kernel slides over the whole picture and gives an answer at each place. The array of all answers is called a
# **feature map**. An answer is large where the picture has what the kernel asks for, and negative where the picture has
# the opposite. Then **ReLU** sets negative answers to 0. After ReLU, an answer of 0 means "no" or "the opposite".

figure = Figure(figsize=(8.4, 3), layout="constrained")
left, middle, right = figure.subplots(1, 3)
left.imshow(picture)
left.set_title("the picture")
limit = np.abs(answers).max()
middle.imshow(answers, cmap=SIGNED, vmin=-limit, vmax=limit)
middle.set_title("brighter on the right?")
right.imshow(np.maximum(answers, 0), cmap="gray")
right.set_title("after ReLU")
for ax in (left, middle, right):
    ax.set(xticks=[], yticks=[])
figure.suptitle("One kernel slides over the picture and makes a feature map")
show(figure, "00_convolution.png")
holds("the map has large positive and large negative answers", answers.min() < -0.5 < 0.5 < answers.max())

# %%
# Many layers
# -----------
#
# A network repeats these steps. Each step is called a **layer**. The first convolution has several kernels,
# so it makes several feature maps. A kernel of the next convolution reads all *these* maps at once, so it can ask for
# combinations, such as corners. After some layers there is a **pool**. It keeps the largest of each 2 x 2 numbers, so
# the map becomes half as high and half as wide. Nobody chose the kernels by hand.
# **Training** changed them step by step until the network's answers for many pictures were right.

x = net.read(picture)  # (1, 224, 224, 3), numbers around 0: the input of the network
tape = net.run(x)  # the output of every layer, in order

# %%
# Exercise 0.2 (predict): how large are the maps?
# -----------------------------------------------
#
# The convolution above made 222 rows from 224, because the kernel had to lie completely inside the picture. Our network
# puts zeros around its maps before each convolution, so a convolution keeps the size of the maps. The picture has 224
# rows, and the network has five pools. How many rows does a map have after one pool, after three pools, and after five
# pools? Write ``rows = {1: ..., 3: ..., 5: ...}``.

### BEGIN SOLUTION
rows = {1: 112, 3: 28, 5: 7}
### END SOLUTION

halved = {pools: len(range(0, 224, 2**pools)) for pools in (1, 3, 5)}
predicts("0.2 by halving", rows, halved)
predicts("0.2 in the network", rows, {pools: tape[f"block{pools}_pool"].output.shape[1] for pools in (1, 3, 5)})

# %%
# The next cell prints the sizes of five layers' outputs (``block2_pool`` is the second pool). Then it draws four maps
# from each of three layers.

for name in ("block1_relu1", "block2_pool", "block3_pool", "block4_pool", "block5_pool"):
    print(f"{name:<13} {tape[name].output.shape[1:]}: height, width, number of feature maps")

figure = Figure(figsize=(8.4, 6), layout="constrained")
shown = ("block1_relu1", "block3_pool", "block5_pool")
for axes, name in zip(figure.subplots(3, 4), shown, strict=True):
    maps = tape[name].output[0]
    largest = np.argsort(-maps.max((0, 1)))[:4]  # the four maps with the largest answers
    for ax, k in zip(axes, largest, strict=True):
        ax.imshow(maps[..., k], cmap="gray")
        ax.set(xticks=[], yticks=[], title=f"map {k}")
    axes[0].set_ylabel(f"{name}\n{maps.shape[0]} x {maps.shape[1]}")
figure.suptitle("Feature maps from the beginning, the middle and the end of the network")
show(figure, "00_feature_maps.png")
holds("the last maps are smaller, and there are more of them", tape["block5_pool"].output.shape[1] == 7 and tape["block5_pool"].output.shape[3] > 16)

# %%
# At the beginning of the network, the maps show the lines of the picture. At the end, each map has 7 x 7 places. A
# place is bright where the picture looks like a large part of a glyph. The last layers multiply all these numbers by
# **weights**, which training has chosen, and add up the products. The final layer computes one such sum for each class
# c. This sum is the **logit** z_c. It is larger if more in the picture speaks for the class. A logit may be any number.

z = net(x)[0]  # (20,)
y = softmax(z)
order = np.argsort(-z)[:5]
for c in order:
    print(f"{CLASSES[c]:<10} logit {z[c]:7.2f}   probability {y[c]:.4f}")
holds("the largest logit is the heart's", CLASSES[order[0]] == "heart")

# %%
# The **probability** y_c is computed from all logits by **softmax**: ``y_c = e^{z_c} / Σ_j e^{z_j}``. Each probability
# is positive, because ``e^z`` is positive. All probabilities add up to 1, because we divide by the sum.

figure = Figure(figsize=(8.4, 3), layout="constrained")
for ax, values, name, colour in zip(figure.subplots(1, 2), (z, y), ("logit z", "probability y"), LINES, strict=False):
    ax.barh([CLASSES[c] for c in order][::-1], values[order][::-1], color=colour)
    ax.set_xlabel(name)
figure.suptitle("The five classes with the largest logits, of twenty classes")
show(figure, "00_answer.png")
same("all probabilities add up to 1", y.sum(), 1)

# %%
# Exercise 0.3 (predict): from logits to probabilities
# ----------------------------------------------------
#
# Here are four lists of logits: (0, 0), (5, 5), (log 3, 0) and (0, 0, 0, 0). For each list, what is the probability of
# the *first* class? Write four numbers, ``first = {"0, 0": ..., "5, 5": ..., "log 3, 0": ..., "0, 0, 0, 0": ...}``. You
# need no computer: ``e^0`` is 1, and ``e^{log 3}`` is 3.

### BEGIN SOLUTION
first = {"0, 0": 1 / 2, "5, 5": 1 / 2, "log 3, 0": 3 / 4, "0, 0, 0, 0": 1 / 4}
### END SOLUTION

logits = {"0, 0": [0, 0], "5, 5": [5, 5], "log 3, 0": [np.log(3), 0], "0, 0, 0, 0": [0, 0, 0, 0]}
predicts("0.3 by softmax", first, {name: softmax(np.array(v, float))[0] for name, v in logits.items()}, within=1e-3)
others = {name: 1 - softmax(np.array(v, float))[1:].sum() for name, v in logits.items()}
predicts("0.3 as 1 minus the other probabilities", first, others, within=1e-3)

# %%
# What you can say now
# --------------------
#
# - A convolution asks one question at every place of the picture. The answers form a feature map.
# - Towards the end of the network, the maps get smaller, and each answer depends on a larger part of the picture. The
#   last layer makes a logit for each class, and softmax turns all logits into probabilities.
#
# The network says heart. But *where* did it look? Up to the logits, every step was a sum, a product or a maximum. Such
# simple steps can be followed backwards, from the answer to the pixels. A picture of the result is called a
# **heatmap**. The next lesson begins with a heatmap.
