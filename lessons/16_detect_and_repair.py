"""
16. Why cross-entropy cannot fix it, and how to detect and repair it
====================================================================

**Question:** Training with cross-entropy does not notice t(x). What does notice it, and how can we remove it?

:Time: 90 min (25 read, 55 solve, 10 discuss)
:CPU: 5 s
:Needs: lesson 15
:After this you can: compute one sum that says whether a loss changes when a number t is added to every logit; measure how much all logits have in common; hide an attack from a detector; repair a network with two subtractions
:Figures: 16_training.png, 16_shares.png, 16_repaired.png
:Words: explained in the `glossary <../glossary.html>`_

Lesson 15 added ``t = K Σ_k A_00k`` to the logits of a network, where A_00k is channel k of the last feature maps at
place (0, 0). No test of the network's probabilities can find this t. One might hope that further training removes it.
Lerma and Lucas (2023b) show that the loss cannot remove t. Suppose that the loss E is computed from the probabilities
only. Then E does not change with t, so ``dE/dt = 0``. (We call this equation V6.) This lesson explains this zero. It
also finds losses that do change with t; we say that these losses *see* t. The lesson ends with a repair that needs no data and no training.
"""

# %%
# Predict first
# -------------
#
# A network adds t to its logits. We train it further, and K is trained like every other weight. Write down:
#
# - does cross-entropy push K up, down, or not at all?
# - does weight decay change K? Does the sigmoid loss change K? (This loss treats every class as a separate yes-or-no
#   question.)
# - each unit before the logits has a weight for class 1, another for class 2, and so on. From these weights we subtract
#   their mean. What happens to the probabilities?
#
# To keep the lesson short, we do not train the whole network. A new head of two dense layers learns to classify eight
# pictures from the embedded network's feature maps. We train the head twice, once without t and once with t added to
# its logits.

from fractions import Fraction

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import agrees, holds, predicts, same, show
from tinyattr.glyphs.scenes import CLASSES, scene
from tinyattr.softmax import cross_entropy_gradient, logsumexp, softmax
from tinyattr.studies import detect, draw, more_attacks
from tinyattr.studies.bake import bake
from tinyattr.studies.draw import LINES

net = ta.load("glyphs").astype(np.float64)
drawn = [scene(np.random.default_rng(k), difficulty=0.2) for k in range(8)]
x = net.run(np.concatenate([net.read(s.picture) for s in drawn]))["block5_pool"].output  # (8, 7, 7, 64)
x = x / x.std()
e = np.eye(20)[[s.classes[0] for s in drawn]]  # targets, one-hot (8, 20); arXiv 2306.13197 calls them t (not our t)

rng = np.random.default_rng(0)
head = ta.network(
    [("A", "relu", {}), ("flatten", "flatten", {}),
     ("fc1", "dense", {}), ("fc1_relu", "relu", {}), ("z", "dense", {})],
    {"fc1": (rng.normal(0, 0.02, (7 * 7 * 64, 16)), np.zeros(16)),
     "z": (rng.normal(0, 0.1, (16, 20)), np.zeros(20))})
K = 10.0
altered = ta.alter(head, K, layer="A")
same("the head and the altered head have the same probabilities", softmax(altered(x)), softmax(head(x)))

# %%
# Exercise 16.1 (complete): the slope of K
# ----------------------------------------
#
# Every logit i of picture p is ``z'_pi = z_pi + K Σ_k A_p00k``. You are given ``G = dE/dz'``, one row per picture. Use
# the chain rule: what is ``dE/dK``?


def slope_of_K(G, A):
    """dE/dK for G = dE/dz' (N, n) and A (N, h, w, C)."""
    ### BEGIN SOLUTION
    return (G.sum(1) * A[:, 0, 0].sum(1)).sum()  # Σ_p (Σ_i dE/dz'_pi) (Σ_k A_p00k)
    ### END SOLUTION


agrees("16.1 the same as by a walk", slope_of_K, lambda G, A: ta.walk(altered.run(A), {"altered": G}, ta.GRADIENT, to=("K",))["K"].item(),
       [(rng.standard_normal((N, 20)), x[:N]) for N in (8, 3, 1)])
G = softmax(altered(x)) - e  # cross-entropy, equation (13) of arXiv 2306.13197
same("16.1 cross-entropy does not see K", slope_of_K(G, x) / np.abs(x[:, 0, 0]).sum(), 0, within=1e-15)
same("16.1 a loss that is the sum of all logits sees K", slope_of_K(np.ones((8, 20)), x), 20 * x[:, 0, 0].sum())

# %%
# One sum decides whether the loss changes with t (lesson 15 used a similar sum). Every logit contains t once, so
# ``dE/dt = Σ_i dE/dz_i``. For cross-entropy this sum is ``Σ_i (y_i - e_i) = 1 - 1 = 0``, where e is one-hot for the
# **target**, the right class. So ``dE/dK`` is 0. Both heads have the same y, so dE/dz' of the altered head equals dE/dz
# of the other. And t is computed from the feature maps A, which enter the head. No weight of the head except K changes
# t. So the gradients of all other weights are the same with t and without t, and both heads take the same steps.
#
# Train them and look
# -------------------
#
# ``step`` contains everything that gradient descent needs: a tape, a walk, and a small change of every weight against
# its gradient. Weight decay adds ``decay · w`` to the gradient of each weight w. The z-loss, which is used for large
# language models, adds a small multiple of ``(log Σ_j e^{z_j})²`` to cross-entropy.


def cross_entropy(z, e):
    """dE/dz of E = -Σ_i e_i log y_i."""
    return cross_entropy_gradient(softmax(z), e)


def sigmoid(z, e):
    """dE/dz of E = Σ_i (log (1 + exp z_i) - e_i z_i): every class is a separate yes-or-no question."""
    return 1 / (1 + np.exp(-z)) - e


def z_loss(z, e):
    """dE/dz of E = -Σ_i e_i log y_i + 0.05 l², l = logsumexp z."""
    return cross_entropy(z, e) + 0.1 * logsumexp(z)[:, None] * softmax(z)


def step(net, slope, rate, decay=0.0):
    """The network after one step of gradient descent on all eight pictures."""
    tape, last = net.run(x), net.layers[-1][0]
    signals = ta.walk(tape, {last: slope(net.logits(tape), e) / len(x)}, ta.GRADIENT, to=tuple(net.weights))
    gradients = ta.weight_gradients(tape, signals)
    weights = {name: tuple(w - rate * (g + decay * w) for w, g in zip(arrays, gradients[name], strict=True))
               for name, arrays in net.weights.items()}
    return ta.network(net.layers, weights)


cases = {"cross-entropy": (cross_entropy, 0.0), "cross-entropy, weight decay 0.01": (cross_entropy, 0.01),
         "sigmoid": (sigmoid, 0.0), "z-loss": (z_loss, 0.0)}  # slope, decay
figure = Figure(figsize=(6.2, 3.6), layout="constrained")
ax = figure.subplots()
paths, trained = {}, {}
for (name, (slope, decay)), style, colour in zip(cases.items(), ("-", "--", "-.", ":"), LINES, strict=False):
    both, path = (head, altered), [K]
    for _ in range(60):
        both = tuple(step(n, slope, 0.05, decay) for n in both)
        path.append(float(both[1].weights["K"][0]))
    paths[name], trained[name] = path, both[0]
    apart = max(np.abs(a - b).max() for layer in head.weights
                for a, b in zip(both[0].weights[layer], both[1].weights[layer], strict=True))
    right = [(softmax(n(x)) * e).sum(1).mean() for n in both]
    print(f"{name:<33} K = {path[-1]:.5f}, mean y_c = {right[0]:.3f} and {right[1]:.3f}, weights differ by {apart:.0e}")
    holds(f"{name}: both heads learn", min(right) > 0.9)
    blind = slope is cross_entropy
    holds(f"{name}: the heads' weights {'agree' if blind else 'differ'}", (apart < 1e-12) == blind)
    ax.plot(path, style, color=colour, lw=2, label=name)
end = {name: path[-1] for name, path in paths.items()}
same("cross-entropy leaves K unchanged", end["cross-entropy"], K)
same("with cross-entropy, only weight decay shrinks K: by the factor 1 - rate x decay in each step", end["cross-entropy, weight decay 0.01"], K * (1 - 0.05 * 0.01) ** 60)
holds("sigmoid and z-loss move K", max(end["sigmoid"], end["z-loss"]) < 9.9)
holds("with sigmoid, K hardly moves after step 30", abs(end["sigmoid"] - paths["sigmoid"][30]) < 0.01)
ax.set(xlabel="step of gradient descent", ylabel="K", ylim=(9.1, 10.1),
       title="How training changes the strength K of the attack")
ax.legend(fontsize=8, ncols=2, loc="lower center")
show(figure, "16_training.png")

# %%
# Weight decay shrinks K slowly. VGG's training began with learning rate 0.01, and used weight decay 0.0005. With these
# numbers, plain gradient descent halves K in ``ln 2 / (0.01 · 0.0005)`` steps, nearly 140,000. VGG's momentum of 0.9
# makes decay about ten times faster: nearly 14,000 steps. So a short fine-tuning is no repair. A long training with
# weight decay can be one: VGG's own training took 370,000 steps. (On the way, its learning rate was divided by 10 three
# times. Then decay is slower, too.) But a loss that sees t need not remove t. With the sigmoid loss, the other weights
# soon compensate for t, and then K hardly changes.

half = round(np.log(2) / (0.01 * 0.0005))
print(f"K halves in {half:,} steps")
same("after these steps, half of K is left", (1 - 0.01 * 0.0005) ** half, 0.5, within=1e-5)

# %%
# Exercise 16.2 (predict): which losses see t?
# --------------------------------------------
#
# For each loss write True if its value changes when the same number is added to every logit, else False:
# ``sees = {"label smoothing": ..., ...}``. (Distillation: a network learns to answer like another network, its
# teacher.)

teacher, wanted = np.array([2.0, 0.5, -1.0, 0.0]), np.eye(4)[0]  # class 0 of four is right
losses = {
    "label smoothing": lambda z: -((0.9 * wanted + 0.025) * np.log(softmax(z))).sum(),
    "Brier": lambda z: ((softmax(z) - wanted) ** 2).sum(),
    "focal": lambda z: -((1 - softmax(z)[0]) ** 2) * np.log(softmax(z)[0]),
    "multi-class hinge": lambda z: np.maximum(0, 1 + z[1:] - z[0]).sum(),
    "distillation of logits": lambda z: ((z - teacher) ** 2).sum(),
    "distillation of probabilities": lambda z: -(softmax(teacher) * np.log(softmax(z))).sum(),
}

### BEGIN SOLUTION
sees = {
    "label smoothing": False, "Brier": False, "focal": False,
    "multi-class hinge": False,  # it uses only differences z_j - z_c, so it is blind to t without any softmax
    "distillation of logits": True, "distillation of probabilities": False,
}
### END SOLUTION

z = np.array([0.3, 1.0, -0.4, 0.2])
slopes = {name: sum((E(z + 1e-6 * d) - E(z - 1e-6 * d)) / 2e-6 for d in np.eye(4)) for name, E in losses.items()}
predicts("16.2 by adding 3", sees, {name: abs(E(z + 3) - E(z)) > 1e-12 for name, E in losses.items()})
predicts("16.2 by their slopes Σ_i dE/dz_i = dE/dt", sees, {name: abs(slope) > 1e-8 for name, slope in slopes.items()})

# %%
# Exercise 16.3 (prove): exactly zero
# -----------------------------------
#
# The attack can hide in the last layer, ``z = h W + b``, where h (m,) are the hidden units and W (m, n) is the kernel.
# Then one hidden unit has nearly the same weight for every class. Does training with cross-entropy make these weights
# smaller? Write ``dE/dW`` in exact fractions, so that rounding cannot hide the answer. If z is a fraction, e^z is
# usually not. So your function gets ``w_i = e^{z_i}`` instead of z. Adding t to every logit multiplies all w by
# ``e^t``.


def slope_of_kernel(h, w, c):
    """dE/dW (m, n) of E = -log y_c, y = w / Σ_j w_j, for h (m,) and w (n,) of Fractions."""
    ### BEGIN SOLUTION
    e_c = np.array([Fraction(i == c) for i in range(len(w))])
    return np.outer(h, w / w.sum() - e_c)  # dz_i/dW_ki = h_k, dE/dz = y - e_c
    ### END SOLUTION


rng = np.random.default_rng(1)
draws = [[np.array([Fraction(int(v), 7) for v in rng.integers(1, 100, size)]) for size in (3, 5)] for _ in range(20)]
found = [np.array(slope_of_kernel(h, w, 2)) for h, w in draws]
shifted = [np.array(slope_of_kernel(h, w * Fraction(9, 4), 2)) for h, w in draws]  # e^t = 9/4
holds("16.3 has the kernel's shape, (3, 5)", all(D.shape == (3, 5) for D in found), f"yours has shape {found[0].shape}")
holds("16.3 sums to exactly 0 over classes", all((D.sum(1) == 0).all() for D in found))
holds("16.3 t does not change it at all", all((a == b).all() for a, b in zip(found, shifted, strict=True)))
tape = head.run(x[:1])
row = softmax(head.logits(tape)) - e[:1]
D = ta.weight_gradients(tape, ta.walk(tape, {"z": row}, ta.GRADIENT, to=("z",)))["z"][0]
h, w = tape["fc1_relu"].output[0], np.exp(head.logits(tape)[0])
same("16.3 in floats, the same as by a walk", np.array(slope_of_kernel(h, w, int(e[0].argmax())), float), D)

# %%
# Each row of dE/dW sums to exactly 0. So plain gradient descent on cross-entropy *conserves* (never changes) one number
# for every hidden unit: the sum, over the classes, of its weights in the last layer. At the start, this sum is small
# and random. It stays the same, while the single weights change. If an attacker adds a unit with the same large weight
# for every class, the sum of this unit is large, and stays large.
#
# Detect it
# ---------
#
# ``bake`` hides the attack in ordinary weights. It adds no layer, but one unit to every hidden dense layer, and one row
# to the last kernel. ``detect.inspect`` looks for two things. The first is a unit before the logits that has nearly the
# same weight for every class. The second is a large *share*. Each z_c has a common part, ``mean z``, and the class's
# own part, ``z_c - mean z``. The share compares the gradients of these two parts with respect to the last feature maps
# A. It is the quotient of their lengths, ``|d mean z/dA| / |d(z_c - mean z)/dA|``. So the share can be larger than 1.

before, after = head.weights["z"][0], trained["cross-entropy"].weights["z"][0]  # (16, 20)
same("the sum over classes is conserved", after.sum(1), before.sum(1))
holds("single weights change", np.abs(after - before).max() > before.std())

c = CLASSES.index("heart")
picture = scene(np.random.default_rng(15), (CLASSES.index("notes"), c), difficulty=0.5).picture
photo, stamped = net.read(picture), net.read(more_attacks.stamped(picture))
baked = bake(net, K=10)
print(detect.inspect(net, [photo]).table(), detect.inspect(baked, [photo]).table(), sep="\n\n")
holds("the original is clean", not detect.inspect(net, [photo]).alarm)
holds("the planted unit is named", list(detect.inspect(baked, [photo]).units) == [128])

triggered = more_attacks.triggered(net)  # it adds t only if a small checkerboard lies in the picture's lower right corner
suspects = {"original": (net, photo), "K = 10": (ta.alter(net, 10), photo), "K = 0.1": (ta.alter(net, 0.1), photo),
            "t = (K/2) Σ_k A_00k²": (more_attacks.quadratic(net), photo),
            "K = 10, modulo 0.001": (more_attacks.bounded(net), photo),  # t stays below 0.001, but dt/dA is K
            "K = 10, baked": (baked, photo),
            "K = 10, trigger absent": (triggered, photo), "K = 10, trigger shown": (triggered, stamped)}
tape = net.run(photo)
y, baked_logits, centred_map = softmax(net.logits(tape)), baked(photo), ta.hirescam(net, tape, c, "centred").raw
shares = {name: detect.common_shares(n, seen, len(CLASSES))[c] for name, (n, seen) in suspects.items()}
quiet = {name for name, share in shares.items() if share <= detect.SHARE}
holds("the alarm misses a weak t, and a t without its trigger", quiet == {"original", "K = 0.1", "K = 10, trigger absent"})
same("without its trigger the network looks like the original", shares["K = 10, trigger absent"], shares["original"])

figure = Figure(figsize=(6.4, 3.4), layout="constrained")
ax = figure.subplots()
bars = ax.barh(list(shares), list(shares.values()), color=[LINES[name not in quiet] for name in shares])
ax.bar_label(bars, [f" {share:.1f}" for share in shares.values()], fontsize=8)
ax.axvline(detect.SHARE, color="black", ls="--", lw=1)
ax.text(detect.SHARE, -0.75, " alarm", va="center", fontsize=8)
ax.set(xscale="log", xlim=(0.1, 600), ylim=(7.6, -1.1),
       xlabel="common part / class's own part of the gradient at block5_pool",
       title=f"How much all logits have in common, class {net.label(c)}")
show(figure, "16_shares.png")

# %%
# Exercise 16.4 (break): slip under the alarm
# -------------------------------------------
#
# You are the attacker. The alarm rings if the share is above 10. In the original network, the array m is the
# gradient of mean z with respect to A, and the array d is the gradient of ``z_c - mean z``. The attack ``t = K Σ_k
# A_00k`` adds K u to m, where ``u_00k`` is 1 for every k, and all other numbers of u are 0. The attack does not change
# d. So the share becomes ``|m + K u| / |d|``. Here ``|v|`` is the norm of an array v: ``|v|² = Σ_ijk v_ijk²``. Find the
# K > 0 that gives the share ``wanted``.


def quiet_K(m, d, wanted):
    """Return the K > 0 with |m + K u| = wanted |d|, for m and d (h, w, C)."""
    ### BEGIN SOLUTION
    a, b = m.shape[-1], m[0, 0].sum()  # a = |u|², b = m·u; K solves a K² + 2 b K + |m|² - wanted² |d|² = 0
    return (-b + np.sqrt(b**2 - a * ((m**2).sum() - wanted**2 * (d**2).sum()))) / a
    ### END SOLUTION


tape = net.run(photo)
d = ta.gradient(net, tape, c, "centred", layer="block5_pool").raw
m = ta.gradient(net, tape, c, "pre", layer="block5_pool").raw - d
for share in (9.99, 1.5):
    sly = ta.alter(net, quiet_K(m, d, share))
    same(f"16.4 the share is {share}", detect.common_shares(sly, photo, len(CLASSES))[c], share, within=1e-9)
    heat = ta.hirescam(sly, photo, c, "pre")
    holds(f"16.4 and HiResCAM by pre is fooled at {share}", heat.raw.argmax() == 0, "the highest place should be the corner")

# %%
# So an attacker can stay below the alarm. And some attacks add t only if the picture contains a small sign, the
# **trigger**. Without the trigger t is 0, and the alarm cannot find it. But we can remove t without finding it.
#
# Exercise 16.5 (complete): the repair
# ------------------------------------
#
# The common part, mean z, is no evidence for any class, so we remove it: we replace z by ``z - mean z``. If the last
# layer is ``z = h W + b`` with kernel W (m, n) and bias b (n,), only W and b must change.


def centred_head(W, b):
    """Return (W, b) of a layer whose logits are z - mean z for every h, if z = h W + b."""
    ### BEGIN SOLUTION
    return W - W.mean(1, keepdims=True), b - b.mean()  # mean z = h (mean of W over classes) + mean b
    ### END SOLUTION


weights = {**baked.weights, "predictions": centred_head(*baked.weights["predictions"])}
mine = ta.network(baked.layers, weights, classes=net.classes, input=net.input)
tape = mine.run(photo)
same("16.5 the same probabilities", softmax(mine.logits(tape)), y)
same("16.5 the logits sum to zero", mine.logits(tape).sum() / np.abs(baked_logits).max(), 0)
same("16.5 its map by pre is the original's map by centred", ta.hirescam(mine, tape, c, "pre").raw, centred_map, within=1e-11)

# %%
# Original, attacked, repaired
# ----------------------------
#
# ``detect.repair`` does the same. For methods that use only S, its gradient, and activations before the last dense
# layers, the repaired network's map by ``pre`` is the original network's map by ``centred``. This map may differ from
# the original network's map by ``pre``. The reason is that a clean network's logits have a small common part, too, and
# the repair removes it. If the attack adds t after the last dense layer, a change of this layer cannot remove t. Then
# the repair adds layers at the end, which subtract mean z from every logit.

repaired = detect.repair(baked)
columns = {"original: pre": net, "attacked: pre": baked, "repaired: pre": repaired}
tapes = {name: n.run(photo) for name, n in columns.items()}
heats = {method: [method(n, tapes[name], c, "pre") for name, n in columns.items()]
         for method in (ta.grad_cam, ta.hirescam)}
show(draw.grid([row[0].method for row in heats.values()], list(columns), list(heats.values()),
               f"Attack baked into weights, and taken out again: {net.label(c)}"), "16_repaired.png")
for method, (before, _, after) in heats.items():
    centred = method(net, tapes["original: pre"], c, "centred")
    same(f"{method.__name__}: the repaired network's pre is the original's centred", after.raw, centred.raw, within=1e-11)
    holds(f"{method.__name__}: the repaired network's pre is not the original's pre", np.abs(after.map - before.map).max() > 0.01)
holds("the alarm is silent", not detect.inspect(repaired, [photo]).alarm)
behind = detect.repair(ta.alter(net, K=10))
wanted = heats[ta.hirescam][2].raw
same("a repair after the logits gives the same map", ta.hirescam(behind, photo, c, "pre").raw, wanted, within=1e-11)

# %%
# What you can say now
# --------------------
#
# - If ``Σ_i dE/dz_i`` is zero at every z, the loss does not see t. If the sum is not zero at some z, the loss sees t.
#   The sum is zero for every loss that uses only probabilities or differences of logits.
# - Cross-entropy leaves K unchanged, up to rounding. Weight decay shrinks K slowly, so a short fine-tuning is no repair.
# - A large share, or a unit with the same weight for every class, is a sign of an attack. A weak t, or a t whose trigger is
#   absent, may not be found.
# - You can repair a network even without knowing whether it was attacked. If its last layer is dense, take the mean
#   over classes of this layer's kernel and of its bias, and subtract these means. If the network ends in another layer,
#   for example in one that adds t, subtract mean z from every logit at the end. The probabilities do not change, and
#   ``pre`` becomes ``centred``.
#
# Talk about it: if everyone explained ``log_odds`` or ``centred``, would the attack, the detector and the repair still
# matter? And suppose that you get a network's logits, but cannot see its weights. Can you check such a network for a
# t(x)?
