"""
6. Weight files and preprocessing
=================================

**Question:** What must a weight file say besides its numbers?

:Time: 65 min (20 read, 35 solve, 10 discuss)
:CPU: 4 s
:Needs: lesson 5
:After this you can: look into a weight file and say what its digests protect from; recognise a wrongly preprocessed picture; fold preprocessing into the first layer
:Figures: 06_preprocessing.png
:Words: explained in the `glossary <../glossary.html>`_

The arrays of a network live in a file, and a third thing belongs to it that no array shows: how pictures were preprocessed
when the network was trained. This lesson damages a file in several ways, forges it, and then feeds a network with the right
pictures in the wrong units.
"""

# %%
# Predict first
# -------------
#
# Write down before you run anything:
#
# - a network trained on pictures in red, green, blue gets blue, green, red: an error, a wrong class, or another
#   probability?
# - somebody changes one number in a weight file of 575 MB. Would anything notice it when the file is loaded?

import json
import tempfile
import warnings
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import h5py
import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import holds, predicts, same, show
from tinyattr.files.fetch import cached
from tinyattr.files.registry import REGISTRY
from tinyattr.glyphs.scenes import scene
from tinyattr.nets.pictures import InputSpec
from tinyattr.softmax import softmax

# %%
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

# %%
# A **digest** such as sha256 is a number of 256 bits that is made from all bytes: change one of them, and about half of the
# bits are others. The file has a digest of every array, and one of ``about``, the text that says all the rest.

def copy_of(path, name, change):
    """A copy of a file of this name, after change(h5py.File of the copy); None if nothing is to be changed inside."""
    other = path.with_name(name)
    other.write_bytes(path.read_bytes())
    if change:
        with h5py.File(other, "r+") as file:
            change(file)
    return other


def another_weight(file):
    file["weights/fc1/bias"][0] += 1e-6


def another_mean(file):
    file["about"][:] = np.frombuffer(file["about"][:].tobytes().replace(b"104.0", b"103.0"), np.uint8)


def accidents(path):
    """{what happened: a file to which it happened}."""
    half = copy_of(path, "half.h5", None)
    half.write_bytes(path.read_bytes()[:-20_000])
    return {"a weight": copy_of(path, "weight.h5", another_weight), "the mean": copy_of(path, "mean.h5", another_mean),
            "cut short": half, "renamed": copy_of(path, "vgg16_of_my_friend.h5", None)}


def is_refused(path):
    """Does `load` refuse the file?"""
    try:
        ta.load(path)
        return False
    except ta.InputError as error:
        print(error)
        return True


# %%
# Exercise 6.1 (predict): accidents
# ---------------------------------
#
# Four things happen to the file: one weight changes by a millionth; the mean of the preprocessing becomes 103 instead of
# 104; the last 20 kB are lost; somebody gives it a wrong name. A fifth one happens to a photo: it is read in blue, green,
# red where the file says otherwise. Which of them does the library notice? Write True or False for each, ``noticed = {"a
# weight": ..., "the mean": ..., "cut short": ..., "renamed": ..., "photo": ...}``.

### BEGIN SOLUTION
noticed = {"a weight": True, "the mean": True, "cut short": True, "renamed": False, "photo": False}
### END SOLUTION

photo = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
is_finite = np.isfinite(ta.load(path)(spec.encode(photo[..., ::-1]))).all()  # an answer like any other: no error, no NaN
truth = {what: is_refused(file) for what, file in accidents(path).items()} | {"photo": not is_finite}
predicts("6.1 in this file", noticed, truth)
other_path = path.with_name("other.h5")
ta.save(ta.vgg("A", width=1 / 16, size=32, classes=3, input=spec, seed=5), other_path)
truth = {what: is_refused(file) for what, file in accidents(other_path).items()} | {"photo": not is_finite}
predicts("6.1 in another one", noticed, truth)

# %%
# Now somebody who means it: the same file, but with the other sign of all predictions.


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
# Exercise 6.2 (break): what a digest does not protect from
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
holds("6.2 the forged file loads", isinstance(z, np.ndarray), str(z))
same("6.2 and says the opposite", z, -ta.load(path)(np.ones((1, 32, 32, 3))))
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
found, warned = {}, set()  # way: one (right class?, its probability) a scene; the ways that the library warns of
for way, other in ways.items():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        y = [softmax(net(other.encode(s.picture))[0]) for s in scenes]
    warned |= {way} if told else set()
    found[way] = [(int(p.argmax()) == s.classes[0], p[s.classes[0]]) for p, s in zip(y, scenes, strict=True)]
    print(f"{way:<17} right {sum(right for right, _ in found[way]):>2} of 8, "
          f"mean probability of the right class {np.mean([p for _, p in found[way]]):.3f}{', warned' * bool(told)}")

# %%
# No error, few wrong classes; mostly other probabilities. The library warns where the numbers cannot be a photo's in this
# network's units, and that is all that it can know: exchanged channels are as good numbers as any. Colour tells nothing about
# the class in the glyph world, so they do little harm here. And the surest answers come from a *wrong* way. Oxford's has no division
# by 64, so the input has more contrast. Convolutions, ReLUs, pools and dense layers pass a factor on; only biases do
# not grow.


def lead(way, s):
    """How far the largest logit is above the second."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        second, first = np.sort(net(ways[way].encode(s.picture))[0])[-2:]
    return first - second


ratios = [lead("Oxford's", s) / lead("as trained", s) for s in scenes[:4]]
print("lead with Oxford's preprocessing / as trained:", *(f"{ratio:.0f}" for ratio in ratios))
mean = {way: np.mean([p for _, p in values]) for way, values in found.items()}
holds("exchanged channels go unnoticed", "0 to 1" in warned and not {"as trained", "blue, green, red"} & warned)
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
show(figure, "06_preprocessing.png")

# %%
# Exercise 6.3 (complete): preprocessing is a layer
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
    same(f"6.3 {name}, inside", inside, y[:, 1:-1, 1:-1])
    surrounded = np.full((1, 34, 34, 3), colour, float)
    surrounded[:, 1:-1, 1:-1] = photo
    same(f"6.3 {name}, border and all", folded.run(surrounded)["block1_conv1"].output, y)

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
# - A digest in a file protects from accidents; from a forger, only one that you have from elsewhere.
# - Wrong preprocessing raises no error, a warning at best, and it may well raise the probability.
#
# Talk about it: which of your own projects would notice if tomorrow's pictures came in another channel order? And is a
# heatmap of a wrongly preprocessed picture wrong, or is it a right explanation of what the network was given?
