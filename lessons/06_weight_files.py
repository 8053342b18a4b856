"""
6. Weight files and preprocessing
=================================

**Question:** What must a weight file say besides its numbers?

:Time: 70 min (25 read, 35 solve, 10 discuss)
:CPU: 4 s
:Needs: lesson 5
:After this you can: look into a weight file and say what its check sums (digests) protect from; recognise a wrongly preprocessed picture; make preprocessing a part of the first layer
:Figures: 06_preprocessing.png
:Words: explained in the `glossary <../glossary.html>`_

A weight file contains the list of layers and the arrays of a network. It should also say how pictures were
**preprocessed** when the network was trained: which steps led from a photo to the numbers of the input. No array shows
these steps. In this lesson we damage a weight file in several ways. Then we forge one: we change it so that the program
notices nothing. At the end we give a network the right pictures with wrong preprocessing.
"""

# %%
# Predict first
# -------------
#
# Before you run anything, write down your answers:
#
# - A network was trained on pictures whose channels are red, green, blue. Now it gets the channels in the order blue,
#   green, red. Do you expect an error, a wrong class, or another probability?
# - Somebody changes one number in a weight file of 575 MB. Can a program notice the change when it loads the file?

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
# The next cell saves a small VGG19 for pictures of 32 x 32 pixels. The file has the format HDF5, which stores arrays
# under names. Then the cell prints some of the file's contents.
#
# A **digest** such as sha256 is a number of 256 bits that is computed from all bytes of some data. If one byte changes,
# about half of the 256 bits change. The file contains a digest of every array. It also contains a digest of ``about``,
# the text that says everything else about the network.

folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "small.h5"
spec = InputSpec(32, "BGR", mean=(104.0, 117.0, 124.0), scale=(50.0, 60.0, 70.0))  # mean and scale of each channel
ta.save(ta.vgg("E", width=1 / 16, size=32, classes=("cat", "dog", "gnu"), input=spec), path)
with h5py.File(path) as file:
    for name in ("block1_conv1", "fc1", "predictions"):
        print(name, {what: array.shape for what, array in file["weights"][name].items()})
    about = json.loads(file["about"][:].tobytes())
    for key in ("network", "input", "classes", "features"):
        print(f"{key}: {about[key]}")
    print(f"layers: {len(about['layers'])}, the first is {about['layers'][0]}")
    digests = about["sha256"]
    print(f"sha256 of predictions/bias, one of {len(digests)} digests: {digests['predictions/bias']}")
    holds("the file has a digest of every array", len(digests) == 2 * len(file["weights"]) == 38)
    kernel = file["weights/fc1/kernel"][:]
    holds("a digest is made from the array's bytes", digests["fc1/kernel"] == sha256(kernel.tobytes()).hexdigest())

# %%
# The next cell defines accidents, which damage copies of the file.

def copy_of(path, name, change):
    """A copy of the file, with this name. `change` is a function that changes the opened copy; None changes nothing."""
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
    """{accident: a copy of the file after this accident}."""
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
# Here are five accidents. The first four happen to the file, and the last one happens to a photo.
#
# - ``a weight``: one weight changes by 0.000001.
# - ``the mean``: in ``about``, one of the three means for the preprocessing becomes 103 instead of 104.
# - ``cut short``: the last 20 kB of the file are lost.
# - ``renamed``: somebody gives the file a wrong name.
# - ``photo``: a program passes the photo's channels in another order than the file says.
#
# Which accidents does the library notice? Write True or False for each, ``noticed = {"a weight": ..., "the mean": ...,
# "cut short": ..., "renamed": ..., "photo": ...}``.

### BEGIN SOLUTION
noticed = {"a weight": True, "the mean": True, "cut short": True, "renamed": False, "photo": False}
### END SOLUTION

photo = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
is_finite = np.isfinite(ta.load(path)(spec.encode(photo[..., ::-1]))).all()  # True: there is no error, and no NaN in the answer
truth = {what: is_refused(file) for what, file in accidents(path).items()} | {"photo": not is_finite}
predicts("6.1 in this file", noticed, truth)
other_path = path.with_name("other.h5")
ta.save(ta.vgg("A", width=1 / 16, size=32, classes=3, input=spec, seed=5), other_path)
truth = {what: is_refused(file) for what, file in accidents(other_path).items()} | {"photo": not is_finite}
predicts("6.1 in another file", noticed, truth)

# %%
# Those were accidents. Now somebody changes the file on purpose: every logit gets the opposite sign.


def turned_upside_down(path):
    """A copy of the file with -1 times the last layer's weights and biases. The likeliest class becomes the unlikeliest."""
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
holds("load refuses the changed file and names the array", "predictions/kernel" in refusal)

# %%
# Exercise 6.2 (break): what a digest does not protect from
# ---------------------------------------------------------
#
# A digest reveals a broken disk or a broken download. Does it also reveal a forger, who changes the file on purpose?
# Write the function ``forge``. It gets the file with the wrong weights and changes it so that ``load`` accepts it. You
# need to know three things. First, ``about`` is JSON text in bytes, and its key ``sha256`` holds the digests of all
# arrays. Second, the file's attribute ``sha256`` is the digest of ``about``. Third, everyone can compute a sha256. You
# can write new bytes with ``file["about"][:] = ...`` if their number stays the same. You can write an attribute with
# ``file.attrs.modify(name, np.bytes_(text))``.


def forge(path):
    """Change the digests in the file so that they fit the arrays that are in the file now."""
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
same("6.2 the forged file predicts the opposite", z, -ta.load(path)(np.ones((1, 32, 32, 3))))
holds("a digest of the whole file from another source would reveal the forger",
      sha256(forged.read_bytes()).digest() != sha256(path.read_bytes()).digest())

# %%
# So compute the digest of the whole file, and compare it with a digest from somebody you trust. This second digest must
# not come with the file. To change a network or a picture on purpose, so that an answer or a heatmap is wrong, is
# called an **attack**. The attack of lesson 15 can also be hidden in a weight file: the command ``tinyattr bake`` does
# this.
#
# The picture
# -----------
#
# The steps from a photo to the input of a network are called **preprocessing**. The embedded network ``glyphs`` was
# trained on ``x = (photo - 127) / 64`` with the channels red, green, blue. The VGG19 that was trained in Oxford needs
# ``photo - mean`` with the channels blue, green, red. The VGG19 of torchvision needs other numbers. The two VGG19s have
# the same layers and the same shapes, so the arrays do not say which preprocessing is right. A network runs with any
# preprocessing. The next cell preprocesses the same eight pictures in six ways.

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
# found: {way: [(is the likeliest class right?, probability of the right class) of each scene]}; warned: the ways with a warning
found, warned = {}, set()
for way, other in ways.items():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        y = [softmax(net(other.encode(s.picture))[0]) for s in scenes]
    warned |= {way} if told else set()
    found[way] = [(int(p.argmax()) == s.classes[0], p[s.classes[0]]) for p, s in zip(y, scenes, strict=True)]
    print(f"{way:<17} right {sum(right for right, _ in found[way]):>2} of 8, "
          f"mean probability of the right class {np.mean([p for _, p in found[way]]):.3f}{', warned' * bool(told)}")

# %%
# None of the six ways raises an error. A few answers are wrong. Most answers are still right, but with other
# probabilities. The library warns if the numbers cannot come from a photo that was preprocessed for this network. It
# cannot notice that two channels are exchanged, because each single number still looks normal. In these pictures,
# colour says nothing about the class, so exchanged channels do little harm here.
#
# The highest probabilities come from a *wrong* way: Oxford's preprocessing. It does not divide by 64, so the numbers of
# the input are larger. Why does this raise the probability? If the input of a convolution, ReLU, pool or dense layer is
# a > 0 times as large, its output is also a times as large, except for the biases. So the logits, and the differences
# between them, are about a times as large. Softmax turns larger differences into a higher probability of the leading
# class.


def lead(way, s):
    """The lead for a scene s, preprocessed in this way: the largest logit minus the second largest logit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        second, first = np.sort(net(ways[way].encode(s.picture))[0])[-2:]
    return first - second


ratios = [lead("Oxford's", s) / lead("as trained", s) for s in scenes[:4]]
print("lead with Oxford's preprocessing, divided by the lead as trained:", *(f"{ratio:.0f}" for ratio in ratios))
mean = {way: np.mean([p for _, p in values]) for way, values in found.items()}
holds("the library does not notice exchanged channels", "0 to 1" in warned and not {"as trained", "blue, green, red"} & warned)
holds("exchanged channels do little harm, and inputs from 0 to 1 do much harm",
      mean["0 to 1"] < mean["as trained"] / 4 < mean["blue, green, red"] < mean["as trained"])
holds("one wrong way raises the probability", mean["Oxford's"] > mean["as trained"] and min(ratios) > 10)

# %%
# The next figure shows how the network understands the six inputs. The network takes every input as the result of its
# *own* preprocessing. So we undo this preprocessing, and draw the photo that we get.

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
figure.suptitle("The same pictures in six ways of preprocessing, with the probability of the right class",
                fontsize=10)
show(figure, "06_preprocessing.png")

# %%
# Exercise 6.3 (complete): preprocessing in the first layer
# ---------------------------------------------------------
#
# The preprocessing ``(photo - mean) / scale`` multiplies each channel by a number and adds a number. The first
# convolution can do this as well. So it can take the photo itself, with values from 0 to 255 in the order red, green,
# blue. For this we must change the layer's weights once. Start from ``y = b + Σ_{u,v,c} (x_c - m_c) / s_c · w_uvc`` and
# find the new weights and the new bias. Here m_c and s_c are the mean and the scale of channel c. Place (u, v) of the
# kernel lies on one pixel, and x_c is this pixel's number in channel c. Note that the first channel of a BGR network is
# blue, but the first channel of the photo is red.
#
# There is one more question. Padding puts zeros around the *preprocessed* picture. Which colour does a pixel of the
# photo have if it is zero after preprocessing? The photo must be padded with this colour. With another colour, the new
# layer is right inside the picture but wrong along the border.


def with_preprocessing(w, b, spec):
    """Return (w, b, colour): w, b of a first layer that takes the photo itself, and the colour of the photo's padding."""
    mean, scale = np.array(spec.mean), np.array(spec.scale)  # in the order of the network's channels
    ### BEGIN SOLUTION
    w = w / scale[:, None]  # (3, 3, C, K), a scale for each C
    b = b - np.einsum("uvck,c->k", w, mean)
    turn = -1 if spec.order == "BGR" else 1
    return w[:, :, ::turn], b, mean[::turn]
    ### END SOLUTION


photo = rng.integers(0, 256, (32, 32, 3)).astype(float)
conv = ("block1_conv1", "conv2d")
w = ta.load(path).weights["block1_conv1"][0].astype(np.float64)
b = rng.normal(size=w.shape[3])
kept = w.copy(), b.copy()
for name, how in {"RGB": own, "BGR": spec, "RGB with three means": replace(spec, order="RGB")}.items():
    x = (photo[None, ..., ::-1 if name == "BGR" else 1] - how.mean) / how.scale  # in float64
    y = ta.network([(*conv, {"padding": 1})], {"block1_conv1": (w, b)}).run(x)["block1_conv1"].output
    new_w, new_b, colour = with_preprocessing(w, b, how)
    folded = ta.network([(*conv, {})], {"block1_conv1": (new_w, new_b)})
    inside = folded.run(photo[None])["block1_conv1"].output
    same(f"6.3 {name}, inside the picture", inside, y[:, 1:-1, 1:-1])
    surrounded = np.full((1, 34, 34, 3), colour, float)
    surrounded[:, 1:-1, 1:-1] = photo
    same(f"6.3 {name}, with the border", folded.run(surrounded)["block1_conv1"].output, y)
    holds(f"6.3 {name}, w and b themselves are not changed", all(map(np.array_equal, (w, b), kept)), "return new arrays")

# %%
# So preprocessing is really a part of the network, but it is stored in another place. Our files store it in ``about``.
# A loaded network has it as its attribute ``input``, and ``net.read(photo)`` uses it. If a file comes from another
# library, ``load`` compares its weights with those of published networks. If it recognises the weights, it also knows
# their preprocessing. Otherwise you must say who trained the network, with ``family="oxford"`` or
# ``family="torchvision"``, because ``load`` never guesses.
#
# The next cell tests the real VGG19 if its weights are on this machine. (``tinyattr weights fetch vgg19`` downloads
# their 575 MB.) The test needs no photo: users of VGG19 published its smallest and its largest probability for a black
# picture.

published = REGISTRY["vgg19"]
if cached(published).is_file():
    real = ta.load("vgg19")
    y = softmax(real(real.input.encode(np.zeros((224, 224, 3))))[0])
    print(f"black picture: probabilities from {y.min():.6e} to {y.max():.7f}; published: {published.black[:2]}")
else:
    print("VGG19's weights are not on this machine; this lesson does not need them")
folder.cleanup()

# %%
# What you can say now
# --------------------
#
# - A digest in a file protects against accidents. Only a digest from another source protects against a forger.
# - Wrong preprocessing raises no error, and only sometimes a warning. It can even make the probability of a class
#   larger.
#
# Talk about it: imagine that tomorrow's pictures come with another order of channels. Which of your own projects would
# notice this? Is a heatmap of a wrongly preprocessed picture wrong? Or does the heatmap explain correctly what the
# network saw?
