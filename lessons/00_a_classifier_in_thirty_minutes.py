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

An **image classifier** takes a picture and answers with a probability for each class that it knows. In between there is
nothing but sums, products and maxima, and you can look at all of them. We follow one picture through a small network, from
the pixels to the answer.
"""

# %%
# A picture is numbers
# --------------------
#
# Our network knows 20 drawings, which we call **glyphs**: heart, scales, notes and so on. Here is a heart on a plain
# ground: 224 x 224 pixels, and for each of them three numbers from 0 to 255, how much red, green and blue.

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import holds, predicts, same, show, unaided
from tinyattr.engine.ops import conv2d
from tinyattr.glyphs.scenes import CLASSES, scene
from tinyattr.softmax import softmax
from tinyattr.studies.draw import LINES, SIGNED

net = ta.load("glyphs")
picture = scene(np.random.default_rng(5), [CLASSES.index("heart")], difficulty=0.2).picture  # (224, 224, 3)
print("shape", picture.shape, " the pixel in the upper left corner:", picture[0, 0])
grey = picture.mean(-1) / 255  # (224, 224), from 0 to 1: for the first steps, brightness is enough

# %%
# A convolution
# -------------
#
# A **convolution** asks one small question everywhere in the picture. The question is a **kernel**, here 3 x 3 numbers:
# lay it on a patch of 3 x 3 pixels, multiply each number by the pixel below it, and add up the nine products. This
# kernel asks "is it brighter on the right?":

kernel = np.array([[-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]])
answers = conv2d(grey[None, ..., None], kernel[..., None, None], np.zeros(1))[0, ..., 0]  # everywhere, (222, 222)

# %%
# Exercise 0.1 (complete): one answer
# -----------------------------------
#
# Write what happens at one place.


@unaided()
def answer_at(patch, kernel):
    """The sum of the nine products; patch and kernel are both (3, 3)."""
    ### BEGIN SOLUTION
    return (patch * kernel).sum()
    ### END SOLUTION


step = np.array([[2.0, 2.0, 7.0], [2.0, 2.0, 7.0], [2.0, 2.0, 7.0]])  # dark on the left, bright on the right
same("0.1 three rows, each 7 - 2", answer_at(step, kernel), 15)
same("0.1 a step up and down answers nothing", answer_at(step.T, kernel), 0)
same("0.1 but a kernel that asks 'brighter below?' sees it", answer_at(step.T, kernel.T), 15)
i, j = np.unravel_index(answers.argmax(), answers.shape)  # where the answer is largest
same("0.1 as the library has it", answer_at(grey[i:i + 3, j:j + 3], kernel), answers[i, j])

# %%
# Slid over the whole picture, the kernel leaves an array of answers: a **feature map**. It is large where the picture has
# what the kernel asks for, and negative where it has the opposite. Then **ReLU** sets negative numbers to 0: "no" and
# "the opposite" count the same.

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
figure.suptitle("One kernel, slid over the picture: a feature map")
show(figure, "00_convolution.png")
holds("the kernel answers yes and no", answers.min() < -0.5 < 0.5 < answers.max())

# %%
# Layer upon layer
# ----------------
#
# A network does this many times. Its first **layer** has several kernels, and so makes several feature maps. The next layer
# puts its kernels on *these* maps, all of them at once, so it can ask for combinations: a corner is an edge that meets
# another one. Now and then a **pool** keeps the largest of each 2 x 2 numbers: half as high, half as wide. Nobody chose the
# kernels. **Training** did: they were changed, step by step, until the answers for many pictures were right.

x = net.read(picture)  # (1, 224, 224, 3), numbers around 0: what the network takes
tape = net.run(x)  # the output of every layer, in order

# %%
# Exercise 0.2 (predict): how large are the maps?
# -----------------------------------------------
#
# Our network has five pools. A convolution keeps the size of its maps, as zeros are laid around them. The picture has 224
# rows. How many rows has a map after one pool, after three, after five? Write ``rows = {1: ..., 3: ..., 5: ...}``.

### BEGIN SOLUTION
rows = {1: 112, 3: 28, 5: 7}
### END SOLUTION

halved = {pools: len(range(0, 224, 2**pools)) for pools in (1, 3, 5)}
predicts("0.2 by halving", rows, halved)
predicts("0.2 as the network makes them", rows, {pools: tape[f"block{pools}_pool"].output.shape[1] for pools in (1, 3, 5)})

# %%
# What comes out of each layer, and four maps each from three of them:

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
figure.suptitle("Four feature maps each from the beginning, the middle and the end of the network")
show(figure, "00_feature_maps.png")
holds("fewer places, more maps", tape["block5_pool"].output.shape[1] == 7 and tape["block5_pool"].output.shape[3] > 16)

# %%
# At the beginning, one sees the picture's lines. At the end there are 7 x 7 places, and a map is bright where something
# like a whole glyph is. The last layers weigh all these numbers, class by class, and add them up. What comes out is one
# number for each class, its **logit** z_c: the more speaks for the class, the larger. A logit may be any number.

z = net(x)[0]  # (20,)
y = softmax(z)
order = np.argsort(-z)[:5]
for c in order:
    print(f"{CLASSES[c]:<10} logit {z[c]:7.2f}   probability {y[c]:.4f}")
holds("it says heart", CLASSES[order[0]] == "heart")

# %%
# The **probability** y_c is made of all logits, by a formula that is called **softmax**: ``y_c = e^{z_c} / Σ_j e^{z_j}``.
# So it is positive, and all of them add up to 1.

figure = Figure(figsize=(8.4, 3), layout="constrained")
for ax, values, name, colour in zip(figure.subplots(1, 2), (z, y), ("logit z", "probability y"), LINES, strict=False):
    ax.barh([CLASSES[c] for c in order][::-1], values[order][::-1], color=colour)
    ax.set_xlabel(name)
figure.suptitle("The five largest of twenty classes")
show(figure, "00_answer.png")
same("all probabilities add up to 1", y.sum(), 1)

# %%
# Exercise 0.3 (predict): from logits to probabilities
# ----------------------------------------------------
#
# What is the probability of the *first* class if the logits are (0, 0)? If they are (5, 5)? (log 3, 0)? (0, 0, 0, 0)? Write
# four numbers, ``first = {"0, 0": ..., "5, 5": ..., "log 3, 0": ..., "0, 0, 0, 0": ...}``. You need no computer: ``e^0``
# is 1, and ``e^{log 3}`` is 3.

### BEGIN SOLUTION
first = {"0, 0": 1 / 2, "5, 5": 1 / 2, "log 3, 0": 3 / 4, "0, 0, 0, 0": 1 / 4}
### END SOLUTION

logits = {"0, 0": [0, 0], "5, 5": [5, 5], "log 3, 0": [np.log(3), 0], "0, 0, 0, 0": [0, 0, 0, 0]}
predicts("0.3 by softmax", first, {name: softmax(np.array(v, float))[0] for name, v in logits.items()}, within=1e-3)
others = {name: 1 - softmax(np.array(v, float))[1:].sum() for name, v in logits.items()}
predicts("0.3 as what the other classes leave", first, others, within=1e-3)

# %%
# What you can say now
# --------------------
#
# - A convolution slides one question over the picture; the answers are a feature map.
# - Layer upon layer, maps get smaller and their questions larger. The last layer makes a logit for each class, and
#   softmax makes probabilities of all logits together.
#
# The network says heart. But *where* did it look? Every step was a sum, a product or a maximum, so the answer can be
# followed back to the pixels. A picture of that is called a **heatmap**, and the next lesson begins with one.
