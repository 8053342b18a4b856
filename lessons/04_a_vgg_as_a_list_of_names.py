"""
4. VGG19 as a list of names
===========================

**Question:** Which layer is "layer 35", and what must a weight file say besides its numbers?

:Time: 60 min (15 talk, 30 work, 15 discuss)
:CPU: 4 s
:Needs: lessons 1 and 3; no network
:After this you can: count a network's parameters and shapes without building it; name a layer so that nobody can take it for another; look into a weight file and say what its digests protect from; recognise a wrongly preprocessed picture
:Figures: 04_vgg19.png, 04_preprocessing.png

A network is two plain things: a list of (name, op, attributes) and a dict from names to arrays. The list is data, so
it can be counted, changed and read by other programs than the one that computes. The dict lives in a file, and a third
thing belongs to it that no array shows: how pictures were preprocessed when the network was trained.
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
# - a network trained on pictures in red, green, blue gets blue, green, red: an error, a wrong class, or another
#   probability?

import json
import tempfile
from dataclasses import replace
from hashlib import sha256
from math import prod
from pathlib import Path

import h5py
import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import has, holds, predicts, same, show
from tinyattr.files.fetch import cached
from tinyattr.files.registry import REGISTRY
from tinyattr.files.vgg import vgg_layers, vgg_shapes
from tinyattr.glyphs.scenes import scene
from tinyattr.nets.pictures import InputSpec
from tinyattr.softmax import softmax
from tinyattr.studies.draw import LINES

layers = vgg_layers("E")  # E is the column of VGG19 in table 1 of Simonyan and Zisserman 2015
for number, (name, op, attributes) in enumerate(layers):
    print(f"{number:>2} {name:<14} {op:<9} {attributes or ''}")
small = ta.network(layers, ta.vgg("E", width=1 / 16, size=64, classes=5).weights)
print(small)

# %%
# Exercise 4.1 (complete): count without computing
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
holds("4.1 shapes as computed", all(np.array_equal(np.ravel(little[name][0]), tape[name].output.shape[1:])
                                    for name, _, _ in layers),
      "compare along(...)[name][0] with tape[name].output.shape[1:], layer by layer")
same("4.1 a picture that is not square", along(layers, widths_of("E"), (96, 64, 3))["block5_pool"][0], (3, 2, 512))
same("4.1 parameters as allocated", sum(count for _, count in little.values()), small.parameters)
vgg19 = along(layers, widths_of("E"), (224, 224, 3))
same("4.1 VGG19", sum(count for _, count in vgg19.values()), 143_667_240)
same("4.1 its convolutions", sum(count for name, (_, count) in vgg19.items() if "conv" in name), 20_024_384)
vgg16 = along(vgg_layers("D"), widths_of("D"), (224, 224, 3))
same("4.1 VGG16", sum(count for _, count in vgg16.values()), 138_357_544)

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
show(figure, "04_vgg19.png")


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


def of_ones(layer):
    """The network up to this layer: one channel, all weights 1, no biases, pools that average."""
    upto = averaging[:[name for name, _, _ in averaging].index(layer) + 1]
    ones = np.ones((3, 3, 1, 1)), np.zeros(1)
    return ta.network(upto, {name: ones for name, op, _ in upto if op == "conv2d"})


def window(layer):
    """How many rows of the picture a number in the middle of this layer depends on, measured by a walk."""
    tape = of_ones(layer).run(np.ones((1, 384, 32, 1)))
    seed = np.zeros(tape[layer].output.shape)
    seed[0, seed.shape[1] // 2, seed.shape[2] // 2] = 1
    return (ta.walk(tape, {layer: seed}, ta.GRADIENT)["input"] > 0).any((0, 2, 3)).sum()


# %%
# Exercise 4.2 (predict): the window
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
predicts("4.2 by a walk", windows, by_walk)
predicts("4.2 by lighting one row after the other", windows, by_light)

# %%
# At the end of the convolutions a number looks at more than the whole picture, 224 pixels. So what lights up at a
# place of ``block5_pool`` need not be caused by the pixels that are drawn below it:

print({layer: int(window(layer)) for layer in ("block3_pool", "block4_pool", "block5_conv4", "block5_pool")})
same("the window of block5_pool", window("block5_pool"), 268)

# %%
# Exercise 4.3 (predict): which layer is 35?
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
has("4.3 four lists", number_35, lists)
is_there = {model: name is not None for model, name in true.items()}
predicts("4.3 is there such a layer", {model: name is not None for model, name in number_35.items()}, is_there,
         hint=f"the lists have so many layers: {sizes}")
predicts("4.3 their names", number_35, true)

# %%
# So this library takes names and nothing else, and every caption says the layer's name.
#
# The file
# --------
#
# A small VGG19 for pictures of 32 x 32, in a file, and what HDF5 shows of it:

folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "small.h5"
spec = InputSpec(32, "BGR", mean=(104.0, 117.0, 124.0), scale=(50.0, 60.0, 70.0))
ta.save(ta.vgg("E", width=1 / 16, size=32, classes=("cat", "dog", "gnu"), input=spec), path)
with h5py.File(path) as file:
    for name in ("block1_conv1", "fc1", "predictions"):
        print(name, {what: array.shape for what, array in file["weights"][name].items()})
    about = json.loads(file["about"][:].tobytes())
    for key in ("network", "input", "classes", "features"):
        print(f"{key}: {about[key]}")
    print(f"layers: {len(about['layers'])}, the first is {about['layers'][0]}")
    digests = about["sha256"]
    print(f"sha256 of predictions/bias: {digests['predictions/bias']}, one of {len(digests)}")
    holds("a digest of every array", len(digests) == 2 * len(file["weights"]) == 38)
    kernel = file["weights/fc1/kernel"][:]
    holds("made from its bytes", digests["fc1/kernel"] == sha256(kernel.tobytes()).hexdigest())


def turned_upside_down(path):
    """A copy of the file with the other sign of all predictions: the likeliest class becomes the unlikeliest."""
    other = path.with_name("upside_down.h5")
    other.write_bytes(path.read_bytes())
    with h5py.File(other, "r+") as file:
        for what in ("kernel", "bias"):
            file["weights/predictions"][what][:] *= -1
    return other


try:
    ta.load(turned_upside_down(path))
    refusal = ""
except ta.InputError as error:
    refusal = str(error)
print(refusal)
holds("a changed file is refused, and the array named", "predictions/kernel" in refusal)

# %%
# Exercise 4.4 (break): what a digest does not protect from
# ---------------------------------------------------------
#
# A digest finds a broken disk or download. Does it find a forger? Make ``load`` take the changed file: ``about`` is
# JSON text in bytes, everyone can compute a sha256, and the file's attribute ``sha256`` is that of ``about`` itself.
# ``about[:] = ...`` writes bytes of the same number, and ``file.attrs.modify(name, np.bytes_(text))`` an attribute.


def forge(path):
    """Change the file's own list of digests so that it fits to the arrays that are in the file now."""
    with h5py.File(path, "r+") as file:
        ### BEGIN SOLUTION
        about = json.loads(file["about"][:].tobytes())
        for where in about["sha256"]:
            about["sha256"][where] = sha256(file[f"weights/{where}"][:].tobytes()).hexdigest()
        text = json.dumps(about).encode()
        file["about"][:] = np.frombuffer(text, np.uint8)
        file.attrs.modify("sha256", np.bytes_(sha256(text).hexdigest()))
        ### END SOLUTION


forged = turned_upside_down(path)
forge(forged)
try:
    z = ta.load(forged)(np.ones((1, 32, 32, 3)))
except ta.InputError as error:
    z = error
holds("4.4 the forged file loads", isinstance(z, np.ndarray), str(z))
same("4.4 and says the opposite", z, -ta.load(path)(np.ones((1, 32, 32, 3))))
holds("the digest of the whole file, told by someone else, would find it",
      sha256(forged.read_bytes()).digest() != sha256(path.read_bytes()).digest())

# %%
# A digest that you compare with must come from somebody you trust, by another way than the file. ``tinyattr bake``
# hides the attack of the papers in a weight file in just this manner.
#
# The picture
# -----------
#
# Our embedded network was trained on ``x = (photo - 127) / 64``, red, green, blue. VGG19 as trained in Oxford wants
# ``photo - mean`` in blue, green, red; torchvision's VGG19 has other numbers again, on the same layers with the same
# shapes. Nothing in the arrays says which, and any of them runs. Such steps from photo to input are called
# **preprocessing**. Here are the same scenes, preprocessed in six ways:

net = ta.load("glyphs")
own = net.input
ways = {
    "as trained": own,
    "blue, green, red": replace(own, order="BGR"),
    "no mean": replace(own, mean=(0, 0, 0)),
    "-1 to 1": replace(own, mean=(127.5,) * 3, scale=(127.5,) * 3),
    "0 to 1": replace(own, mean=(0, 0, 0), scale=(255,) * 3),
    "Oxford's": replace(ta.FAMILIES["oxford"], size=own.size),
}
rng = np.random.default_rng(3)
scenes = [scene(rng, difficulty=0.5) for _ in range(8)]
found = {}  # way: one (right class?, its probability) a scene
for way, other in ways.items():
    y = [softmax(net(other.encode(s.picture))[0]) for s in scenes]
    found[way] = [(int(p.argmax()) == s.classes[0], p[s.classes[0]]) for p, s in zip(y, scenes, strict=True)]
    print(f"{way:<17} right {sum(right for right, _ in found[way]):>2} of 8, "
          f"mean probability of the right class {np.mean([p for _, p in found[way]]):.3f}")

# %%
# No error, few wrong classes; mostly other probabilities. Colour tells nothing about the class in the glyph world, so
# exchanged channels do little harm. And the surest answers come from a *wrong* way. Oxford's has no division
# by 64, so the input has more contrast. Convolutions, ReLUs, pools and dense layers pass a factor on; only biases do
# not grow.


def lead(way, s):
    """How far the largest logit is above the second."""
    second, first = np.sort(net(ways[way].encode(s.picture))[0])[-2:]
    return first - second


ratios = [lead("Oxford's", s) / lead("as trained", s) for s in scenes[:4]]
print("lead with Oxford's preprocessing / as trained:", *(f"{ratio:.0f}" for ratio in ratios))
mean = {way: np.mean([p for _, p in values]) for way, values in found.items()}
holds("exchanged channels do little harm, 0 to 1 does much",
      mean["0 to 1"] < mean["as trained"] / 4 < mean["blue, green, red"] < mean["as trained"])
holds("and one wrong way raises the probability", mean["Oxford's"] > mean["as trained"] and min(ratios) > 10)

# %%
# What the network was given, shown as it would take it: as if every input had been preprocessed in its own way.

figure = Figure(figsize=(8.2, 6.2), layout="constrained")
axes = figure.subplots(4, len(ways))
for column, (way, other) in enumerate(ways.items()):
    for ax, s, (right, p) in zip(axes[:, column], scenes, found[way], strict=False):
        ax.imshow(own.decode(other.encode(s.picture)))
        ax.set(xticks=[], yticks=[])
        ax.set_xlabel(f"{p:.3f}" if right else f"{p:.3f}, not first", fontsize=10)
    axes[0, column].set_title(way, fontsize=11)
for ax, s in zip(axes[:, 0], scenes, strict=False):
    ax.set_ylabel(net.label(s.classes[0]), fontsize=10)
figure.suptitle("Preprocessed in six ways, as the network takes them; below each, the probability of the right class",
                fontsize=10)
show(figure, "04_preprocessing.png")

# %%
# Exercise 4.5 (complete): preprocessing is a layer
# -------------------------------------------------
#
# ``(photo - mean) / scale`` is linear, and so is the convolution after it. So the first layer can take the photo
# itself, in red, green, blue from 0 to 255, if its weights are changed once: from ``y = b + Σ_{u,v,c} (x_c - m_c) /
# s_c · w_uvc`` read off what weights and bias it needs then. Mind that a BGR network counts c from blue, and the photo
# from red.
#
# One thing remains. Padding puts zeros around the *preprocessed* picture. Which colour has a pixel that is zero then?
# Without that answer, the new layer is right inside and wrong along the border.


def with_preprocessing(w, b, spec):
    """(w, b) of a first layer that takes the photo itself, and (red, green, blue) to surround the photo with."""
    mean, scale = np.array(spec.mean), np.array(spec.scale)  # in the order of the network's channels
    ### BEGIN SOLUTION
    w = w / scale[:, None]  # (3, 3, C, K), a scale for each C
    b = b - np.einsum("uvck,c->k", w, mean)
    turn = -1 if spec.order == "BGR" else 1
    return w[:, :, ::turn], b, mean[::turn]
    ### END SOLUTION


photo = rng.integers(0, 256, (32, 32, 3)).astype(float)
conv = ("block1_conv1", "conv2d")
w, b = (a.astype(np.float64) for a in ta.load(path).weights["block1_conv1"])
for name, how in {"RGB": own, "BGR": spec}.items():
    x = (photo[None, ..., ::-1 if name == "BGR" else 1] - how.mean) / how.scale  # in float64
    y = ta.network([(*conv, {"padding": 1})], {"block1_conv1": (w, b)}).run(x)["block1_conv1"].output
    new_w, new_b, colour = with_preprocessing(w, b, how)
    folded = ta.network([(*conv, {})], {"block1_conv1": (new_w, new_b)})
    inside = folded.run(photo[None])["block1_conv1"].output
    same(f"4.5 {name}, inside", inside, y[:, 1:-1, 1:-1])
    surrounded = np.full((1, 34, 34, 3), colour, float)
    surrounded[:, 1:-1, 1:-1] = photo
    same(f"4.5 {name}, border and all", folded.run(surrounded)["block1_conv1"].output, y)

# %%
# So preprocessing is a part of the network that happens to be kept elsewhere. Our files keep it beside the weights, in
# the attribute ``input``, and ``net.read(photo)`` uses it. For a foreign file, the training is recognised by its
# numbers, or ``load`` must be told ``family="oxford"`` or ``family="torchvision"``; it never guesses.
#
# If the real VGG19 is on this machine (``tinyattr weights fetch vgg19``, 575 MB), here is a test of it that needs no
# photo: a black picture, whose smallest and largest probability its users printed.

published = REGISTRY["vgg19"]
if cached(published).is_file():
    real = ta.load("vgg19")
    y = softmax(real(real.input.encode(np.zeros((224, 224, 3))))[0])
    print(f"black picture: probabilities from {y.min():.6e} to {y.max():.7f}, published {published.black[:2]}")
else:
    print("VGG19's weights are not on this machine; nothing depends on them here")
folder.cleanup()

# %%
# What you can say now
# --------------------
#
# - A network is a list of names and a dict of arrays; shapes, counts and windows can be read off the list.
# - Convolutions do the work, dense layers hold the numbers. A number in ``block5_pool`` sees a window of 268.
# - "Layer 35" is three different layers or none, ``block5_relu4`` is one.
# - A digest in a file protects from accidents; from a forger, only one that you have from elsewhere.
# - Wrong preprocessing raises no error, and it may well raise the probability.
#
# Talk about it: which of your own projects would notice if tomorrow's pictures came in another channel order? And is a
# heatmap of a wrongly preprocessed picture wrong, or is it a right explanation of what the network was given?
