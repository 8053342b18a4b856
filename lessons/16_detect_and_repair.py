"""
16. Why training cannot fix it, and how to detect and repair it
===============================================================

**Question:** If training never sees t(x), who does, and how is it taken out again?

:Time: 85 min (20 read, 55 solve, 10 discuss)
:CPU: 5 s
:Needs: lesson 15
:After this you can: say for a loss, by one sum, whether it sees t; measure how much all logits have in common; hide an attack from a detector; repair a network with two subtractions
:Figures: 16_training.png, 16_shares.png, 16_repaired.png
:Words: explained in the `glossary <../glossary.html>`_

Lesson 15 planted ``t = K Σ_k A_00k`` behind a network's logits. No test of its probabilities can find it. One might
still hope that further training washes it out. Lerma and Lucas (2023b) show that it cannot: ``dE/dt = 0`` (V6). This
lesson follows that zero, finds what does see t, and ends with a repair that needs no data and no training.
"""

# %%
# Predict first
# -------------
#
# A network with t behind its logits is trained on, K with it. Write down:
#
# - does cross-entropy push K up, down, or not at all?
# - does weight decay? Does a loss that treats every class as a yes or no of its own (sigmoid)?
# - if the mean over classes is taken out of the last layer's weights: what becomes of the probabilities?
#
# To keep it short we do not train the whole network. A fresh head of two dense layers learns to name eight pictures
# from the embedded network's feature maps, once as it is and once with t behind it.

from fractions import Fraction

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import holds, predicts, same, show
from tinyattr.glyphs.scenes import CLASSES, scene
from tinyattr.softmax import cross_entropy_gradient, logsumexp, softmax
from tinyattr.studies import detect, draw, more_attacks
from tinyattr.studies.bake import bake
from tinyattr.studies.draw import LINES

net = ta.load("glyphs").astype(np.float64)
drawn = [scene(np.random.default_rng(k), difficulty=0.2) for k in range(8)]
x = net.run(np.concatenate([net.read(s.picture) for s in drawn]))["block5_pool"].output  # (8, 7, 7, 64)
x = x / x.std()
e = np.eye(20)[[s.classes[0] for s in drawn]]  # targets, one-hot (8, 20); 2023a calls them t

rng = np.random.default_rng(0)
head = ta.network(
    [("A", "relu", {}), ("flatten", "flatten", {}),
     ("fc1", "dense", {}), ("fc1_relu", "relu", {}), ("z", "dense", {})],
    {"fc1": (rng.normal(0, 0.02, (7 * 7 * 64, 16)), np.zeros(16)),
     "z": (rng.normal(0, 0.1, (16, 20)), np.zeros(20))})
K = 10.0
altered = ta.alter(head, K, layer="A")
same("the head and the altered head answer alike", softmax(altered(x)), softmax(head(x)))

# %%
# Exercise 16.1 (complete): the slope of K
# ----------------------------------------
#
# The chain rule from the loss E to K: every logit of picture p is ``z'_pi = z_pi + K Σ_k A_p00k``. Given
# ``G = dE/dz'``, one row a picture, what is ``dE/dK``?


def slope_of_K(G, A):
    """dE/dK for G = dE/dz' (N, n) and A (N, h, w, C)."""
    ### BEGIN SOLUTION
    return (G.sum(1) * A[:, 0, 0].sum(1)).sum()  # Σ_p (Σ_i dE/dz'_pi) (Σ_k A_p00k)
    ### END SOLUTION


G = rng.standard_normal((8, 20))
tape = altered.run(x)
signals = ta.walk(tape, {"altered": G}, ta.GRADIENT, to=("K",))
same("16.1 as the walk finds it", slope_of_K(G, x), signals["K"].item())
G = softmax(altered(x)) - e  # cross-entropy, equation (13) of 2023a
same("16.1 cross-entropy does not see K", slope_of_K(G, x) / np.abs(x[:, 0, 0]).sum(), 0, within=1e-15)
same("16.1 the sum of the logits does", slope_of_K(np.ones((8, 20)), x), 20 * x[:, 0, 0].sum())

# %%
# One sum decides, as always: ``Σ_i dE/dz_i``, which is ``dE/dt``. For cross-entropy it is
# ``Σ_i (y_i - e_i) = 1 - 1 = 0``, e the one-hot target. So K gets no gradient. Nor does t add anything to the gradients
# of the other weights: both networks take the same steps.
#
# Train them and look
# -------------------
#
# ``step`` is all that gradient descent is: a tape, a walk, and a small move against the gradient of every weight.
# Weight decay adds ``decay · w`` to the gradient. The z-loss, known from large language models, adds a little of
# ``(logsumexp z)²`` to the loss.


def cross_entropy(z, e):
    """dE/dz of E = -Σ_i e_i log y_i."""
    return cross_entropy_gradient(softmax(z), e)


def sigmoid(z, e):
    """dE/dz of E = Σ_i (log (1 + exp z_i) - e_i z_i): every class a yes or no of its own."""
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
    print(f"{name:<33} K = {path[-1]:.5f}, mean y_c = {right[0]:.3f} and {right[1]:.3f}, weights apart by {apart:.0e}")
    holds(f"{name}: both learn", min(right) > 0.9)
    blind = slope is cross_entropy
    holds(f"{name}: they {'agree' if blind else 'part'}", (apart < 1e-12) == blind)
    ax.plot(path, style, color=colour, lw=2, label=name)
end = {name: path[-1] for name, path in paths.items()}
same("cross-entropy leaves K where it was", end["cross-entropy"], K)
same("decay shrinks it by its factor alone", end["cross-entropy, weight decay 0.01"], K * (1 - 0.05 * 0.01) ** 60)
holds("sigmoid and z-loss move it", max(end["sigmoid"], end["z-loss"]) < 9.9)
holds("sigmoid soon does so no more", abs(end["sigmoid"] - paths["sigmoid"][30]) < 0.01)
ax.set(xlabel="step of gradient descent", ylabel="K", ylim=(9.1, 10.1),
       title="What training makes of the strength K of the attack")
ax.legend(fontsize=8, ncols=2, loc="lower center")
show(figure, "16_training.png")

# %%
# Weight decay is no repair. With VGG's own rate 0.01 and decay 0.0005, K halves in ``ln 2 / (0.01 · 0.0005)`` steps,
# nearly 140,000. And "sees t" is not "removes t": under the sigmoid loss other weights soon make up for it; K stays.

half = round(np.log(2) / (0.01 * 0.0005))
print(f"K halves in {half:,} steps")
same("by then half is left", (1 - 0.01 * 0.0005) ** half, 0.5, within=1e-5)

# %%
# Exercise 16.2 (predict): which losses see t?
# --------------------------------------------
#
# For each loss write True if it changes when the same number is added to every logit, else False:
# ``sees = {"label smoothing": ..., ...}``.

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
    "multi-class hinge": False,  # of differences z_j - z_c: it needs no softmax to be blind
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
# The attack can hide in the last layer's kernel W (m, n), ``z = h W + b``: a hidden unit whose weights are nearly the
# same for all classes. Does cross-entropy wear that off? Write ``dE/dW`` in exact fractions. Fractions know no
# exponential, so the argument is ``w_i = e^{z_i}``; t added to every logit is a common factor ``e^t`` of all w.


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
holds("16.3 of the kernel's shape, (3, 5)", all(D.shape == (3, 5) for D in found), f"yours has shape {found[0].shape}")
holds("16.3 sums to exactly 0 over classes", all((D.sum(1) == 0).all() for D in found))
holds("16.3 t is not seen at all", all((a == b).all() for a, b in zip(found, shifted, strict=True)))
tape = head.run(x[:1])
row = softmax(head.logits(tape)) - e[:1]
D = ta.weight_gradients(tape, ta.walk(tape, {"z": row}, ta.GRADIENT, to=("z",)))["z"][0]
h, w = tape["fc1_relu"].output[0], np.exp(head.logits(tape)[0])
same("16.3 in floats, as the engine finds it", np.array(slope_of_kernel(h, w, int(e[0].argmax())), float), D)

# %%
# So plain gradient descent on cross-entropy *conserves* the sum over classes of every unit's last weights. It starts
# small and random and stays so, while single weights move. A planted unit has a large sum, and keeps it.
#
# Detect it
# ---------
#
# ``bake`` puts the attack into ordinary weights: one more unit in every dense layer, and no layer more.
# ``detect.inspect`` looks at two things: units before the logits that give every class nearly the same, and, in the
# gradients for a picture, how large the common part is beside the class's own, the share
# ``|d mean z/dA| / |d(z_c - mean z)/dA|``.

before, after = head.weights["z"][0], trained["cross-entropy"].weights["z"][0]  # (16, 20)
same("the sum over classes is conserved", after.sum(1), before.sum(1))
holds("single weights are not", np.abs(after - before).max() > before.std())

c = CLASSES.index("heart")
picture = scene(np.random.default_rng(15), (CLASSES.index("notes"), c), difficulty=0.5).picture
photo, stamped = net.read(picture), net.read(more_attacks.stamped(picture))
baked = bake(net, K=10)
print(detect.inspect(net, [photo]).table(), detect.inspect(baked, [photo]).table(), sep="\n\n")
holds("the original is clean", not detect.inspect(net, [photo]).alarm)
holds("the planted unit is named", list(detect.inspect(baked, [photo]).units) == [128])

triggered = more_attacks.triggered(net)  # t only where a small checkerboard lies in the picture's corner
suspects = {"original": (net, photo), "K = 10": (ta.alter(net, 10), photo), "K = 0.1": (ta.alter(net, 0.1), photo),
            "t = (K/2) Σ_k A_00k²": (more_attacks.quadratic(net), photo),
            "K = 10, modulo 0.001": (more_attacks.bounded(net), photo), "K = 10, baked": (baked, photo),
            "K = 10, trigger absent": (triggered, photo), "K = 10, trigger shown": (triggered, stamped)}
tape = net.run(photo)
y, baked_logits, centred_map = softmax(net.logits(tape)), baked(photo), ta.hirescam(net, tape, c, "centred").raw
shares = {name: detect.common_shares(n, seen, len(CLASSES))[c] for name, (n, seen) in suspects.items()}
quiet = {name for name, share in shares.items() if share <= detect.SHARE}
holds("the alarm misses a weak t and a shut trigger", quiet == {"original", "K = 0.1", "K = 10, trigger absent"})
same("a shut trigger looks like the original", shares["K = 10, trigger absent"], shares["original"])

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
# You are the attacker. The alarm rings above a share of 10. With ``m = d mean z/dA`` and ``d = d(z_c - mean z)/dA``
# of the original network, ``t = K Σ_k A_00k`` makes the share ``|m + K u| / |d|``, where u is 1 at (0, 0, k) for
# every k, else 0. Give the K > 0 at which the share is exactly the one asked for.


def quiet_K(m, d, share):
    """K > 0 with |m + K u| = share |d|, for m and d (h, w, C)."""
    ### BEGIN SOLUTION
    a, b = m.shape[-1], m[0, 0].sum()  # |u|² = C, m.u; K² |u|² + 2 K m.u + |m|² - share² |d|² = 0
    return (-b + np.sqrt(b**2 - a * ((m**2).sum() - share**2 * (d**2).sum()))) / a
    ### END SOLUTION


tape = net.run(photo)
d = ta.gradient(net, tape, c, "centred", layer="block5_pool").raw
m = ta.gradient(net, tape, c, "pre", layer="block5_pool").raw - d
for share in (9.99, 1.5):
    sly = ta.alter(net, quiet_K(m, d, share))
    same(f"16.4 the share is {share}", detect.common_shares(sly, photo, len(CLASSES))[c], share, within=1e-9)
    heat = ta.hirescam(sly, photo, c, "pre")
    holds(f"16.4 and HiResCAM by pre is fooled at {share}", heat.raw.argmax() == 0, "its peak should be the corner")

# %%
# The alarm can be undercut, and a shut trigger hides from it whatever its strength. But what is not found can still
# be undone.
#
# Exercise 16.5 (complete): the repair
# ------------------------------------
#
# What all logits have in common is nobody's evidence, so take it out: replace z by ``z - mean z``. Where the last
# layer is ``z = h W + b`` with kernel W (m, n) and bias b (n,), that is a change of its weights only.


def centred_head(W, b):
    """(W, b) of the layer whose logits are z - mean z, whatever h is."""
    ### BEGIN SOLUTION
    return W - W.mean(1, keepdims=True), b - b.mean()  # mean z = h (mean of W over classes) + mean b
    ### END SOLUTION


weights = {**baked.weights, "predictions": centred_head(*baked.weights["predictions"])}
mine = ta.network(baked.layers, weights, classes=net.classes, input=net.input)
tape = mine.run(photo)
same("16.5 the same probabilities", softmax(mine.logits(tape)), y)
same("16.5 the logits sum to zero", mine.logits(tape).sum() / np.abs(baked_logits).max(), 0)
same("16.5 its pre map is the original's centred map", ta.hirescam(mine, tape, c, "pre").raw, centred_map, within=1e-11)

# %%
# Original, attacked, repaired
# ----------------------------
#
# ``detect.repair`` does the same. The repaired network's ``pre`` is the original's ``centred``, so it need not equal
# the original's ``pre``: the little that a clean network's logits have in common is gone, too. Where the attack lies
# behind the logits, the repair is one more attack, with ``t = -mean z``.

repaired = detect.repair(baked)
columns = {"original: pre": net, "attacked: pre": baked, "repaired: pre": repaired}
tapes = {name: n.run(photo) for name, n in columns.items()}
heats = {method: [method(n, tapes[name], c, "pre") for name, n in columns.items()]
         for method in (ta.grad_cam, ta.hirescam)}
show(draw.grid([row[0].method for row in heats.values()], list(columns), list(heats.values()),
               f"Attack baked into weights, and taken out again: {net.label(c)}"), "16_repaired.png")
for method, (before, _, after) in heats.items():
    centred = method(net, tapes["original: pre"], c, "centred")
    same(f"{method.__name__}: repaired pre is the original's centred", after.raw, centred.raw, within=1e-11)
    holds(f"{method.__name__}: and not its pre", np.abs(after.map - before.map).max() > 0.01)
holds("the alarm is silent", not detect.inspect(repaired, [photo]).alarm)
behind = detect.repair(ta.alter(net, K=10))
wanted = heats[ta.hirescam][2].raw
same("the repair behind the logits draws the same", ta.hirescam(behind, photo, c, "pre").raw, wanted, within=1e-11)

# %%
# What you can say now
# --------------------
#
# - A loss sees t exactly when ``Σ_i dE/dz_i`` is not zero. No loss of probabilities or of differences of logits does.
# - Cross-entropy leaves K where it was, to rounding, and weight decay wears it off only slowly. Training is no repair.
# - Large common gradients and constant units give an attack away, unless t is weak or its trigger shut.
# - Subtracting the class mean from the last layer's kernel and bias repairs a network, attacked or not: its
#   probabilities stay, and ``pre`` becomes ``centred``.
#
# Talk about it: if everyone explained ``log_odds`` or ``centred``, would the attack, the detector and the repair
# matter? And a network that hands out logits only through an interface: can you check it for a t(x) from outside?
