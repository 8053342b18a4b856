"""
9. Rule-books: guided, deconvnet, LRP, DeepLIFT
===============================================

**Question:** What do you give up when you change one line of the chain rule?

:Time: 70 min (15 talk, 40 work, 15 discuss)
:CPU: 7 s
:Needs: lessons 3, 5 and 8; no network
:After this you can: write a new attribution method as one changed rule; put a method through the randomisation test; say of a map what it sums to, what biases keep, and what its starting row makes it blind to
:Figures: 09_books.png, 09_randomised.png, 09_receipts.png

The walk goes through the tape in reverse and asks a *book* what passes each layer. ``ta.GRADIENT`` is the book of the
chain rule. Guided backpropagation, deconvnet, LRP and DeepLIFT are the same walk with other books. This lesson writes
them, a few lines each, and measures what each book keeps of the gradient's virtues, and what it loses.
"""

# %%
# Predict first
# -------------
#
# Guided backpropagation lets a signal through a ReLU only where the ReLU was on **and** the signal is positive. Write
# down:
#
# - A picture holds two glyphs. How will the gradient's maps for the two classes differ, and how the guided ones?
# - Now all three dense layers get random weights, so that the network's answers are worthless. Does the guided map
#   change?
# - LRP shares the logit z_c out among pixels. If the layers have biases, do the pixels get all of it?

from dataclasses import replace
from functools import cache, partial

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import holds, passes, predicts, same, show, unaided
from tinyattr.glyphs.scenes import CLASSES, scene
from tinyattr.methods import differences, guided
from tinyattr.methods.baselines import baseline_of
from tinyattr.studies.draw import LINES, SIGNED, brightest
from tinyattr.studies.metrics import pearson, ranks, spearman

net = ta.load("glyphs")
notes, heart = CLASSES.index("notes"), CLASSES.index("heart")
both = scene(np.random.default_rng(2), (notes, heart), difficulty=0.3)
x = net.read(both.picture)  # (1, 224, 224, 3)
tape = net.run(x)


def walked(book, c):
    """What a walk by this book leaves at the picture, (224, 224, 3): score log_odds, class c."""
    _, row, _ = ta.SCORES["log_odds"](net.logits(tape), [c])
    return ta.walk(tape, {"predictions": row}, book)["input"][0].astype(np.float64)


same("the gradient's book makes the gradient", walked(ta.GRADIENT, heart),
     ta.gradient(net, tape, heart, score="log_odds").raw, within=0)
try:
    walked({op: rule for op, rule in ta.GRADIENT.items() if op != "relu"}, heart)
except ta.InputError as error:
    print(error)
    holds("a missing rule is an error, never a silent gradient", "no rule for 'relu'" in str(error))

# %%
# Exercise 9.1 (complete): two rules
# ----------------------------------
#
# A rule takes a record of the tape and the signal g at its output, and returns a tuple: one signal for each input. The
# gradient's ReLU rule is ``return (g * (record.x[0] > 0),)``. Write the other two, u being the ReLU's input:
#
# - deconvnet (Zeiler and Fergus 2014): ``m = max(g, 0)``, whatever the ReLU did on the way up;
# - guided (Springenberg et al. 2015): ``m = max(g, 0)`` where ``u > 0``, else 0.


def my_rules():
    """(deconvnet, guided): two functions (record, g) -> (m,)."""
    ### BEGIN SOLUTION
    def deconvnet(record, g):
        return (np.maximum(g, 0),)

    def guided(record, g):
        return (np.maximum(g, 0) * (record.x[0] > 0),)

    return deconvnet, guided
    ### END SOLUTION


four = ta.Tape()
four.leaf("u", [2.0, 2.0, -2.0, -2.0])
four.write("relu", "f", "u")
mine = map(unaided(ta.GRADIENT["relu"]), my_rules())  # of the library's, they may call the gradient's rule only
for name, rule, wanted in zip(("deconvnet", "guided"), mine, ([5, 0, 5, 0], [5, 0, 0, 0]), strict=True):
    method = {"deconvnet": ta.deconvnet, "guided": ta.guided_backprop}[name]
    same(f"9.1 {name}, the four cases", rule(four["f"], np.array([5.0, -5.0, 5.0, -5.0]))[0], wanted)
    same(f"9.1 {name}, as the library", walked({**ta.GRADIENT, "relu": rule}, heart),
         method(net, tape, heart, score="log_odds").raw, within=0)

# %%
# One picture, two classes
# ------------------------
#
# The picture holds notes and a heart, and the network sees both. By the gradient, what speaks for one speaks against
# the other: the two maps are nearly each other's negative. A guided walk carries no negative signal past a ReLU, and
# the ReLUs let the same places through for both classes. So it draws the same lines for both (Nie et al. 2018).

books = {"gradient": ta.GRADIENT, "deconvnet": guided.DECONVNET, "guided": guided.GUIDED}
figure = Figure(figsize=(6.6, 5.1), layout="constrained")
axes = figure.subplots(2, 3)
alike = {}
for column, (name, book) in zip(axes.T, books.items(), strict=True):
    maps = [walked(book, c) for c in (notes, heart)]
    alike[name] = pearson(*maps)
    for ax, signed in zip(column, (m.sum(-1) for m in maps), strict=True):
        limit = brightest(np.abs(signed))
        ax.imshow(signed, cmap=SIGNED, vmin=-limit, vmax=limit)
        ax.set(xticks=[], yticks=[])
    column[0].set_title(f"{name}\ncorrelation of both classes {alike[name]:.2f}", fontsize=8)
for ax, c in zip(axes[:, 0], (notes, heart), strict=True):
    ax.set_ylabel(f"class {net.label(c)}", fontsize=9)
figure.suptitle("Three books, two classes: score log_odds, layer input, orange positive", fontsize=10)
show(figure, "09_books.png")
holds("gradients of the two classes are opposed", alike["gradient"] < -0.8)
holds("guided maps of the two classes are one map", alike["guided"] > 0.8)

# %%
# Without training
# ----------------
#
# A map that explains a network must change when the network is broken. Adebayo et al. 2018 made a test of it: give
# layers random weights, from the top down, and see whether the map notices. ``shuffled`` keeps every number of a layer
# and puts them in random order, so that size and spread stay and only what was learned is gone.

LINEAR = [name for name, op, _ in reversed(net.layers) if op in ("conv2d", "dense")]  # predictions first


def shuffled(names, random_state=0):
    """The network with the weights of these layers in random order."""
    rng = np.random.default_rng(random_state)
    mixed = {n: tuple(rng.permutation(w.ravel()).reshape(w.shape) for w in net.weights[n]) for n in names}
    return replace(net, weights={**net.weights, **mixed})


broken = shuffled(LINEAR[:3])
print("trained:", net.label(net(x).argmax()), " dense layers shuffled:", net.label(broken(x).argmax()))
holds("the network itself notices", net(x).argmax() != broken(x).argmax())

# %%
# Exercise 9.2 (prove): a test for methods
# ----------------------------------------
#
# Write the test. A method is a function of a network that returns a map, (H, W). It passes if its map changes when the
# three dense layers are shuffled: if the rank correlation (``spearman``) of the two maps stays below 0.9.


def sees_the_training(method):
    """True if the map of `method` notices that the network's dense layers were shuffled."""
    ### BEGIN SOLUTION
    return spearman(method(net), method(broken)) < 0.9
    ### END SOLUTION


def edges(net):
    """Not about the network at all: how fast the picture changes."""
    return np.hypot(*np.gradient(x[0].mean(-1)))


def by(method):
    """The method as a function of the network alone."""
    return lambda net: method(net, x, heart, score="log_odds").plane


holds("9.2 an edge detector fails", not passes(sees_the_training, edges))
holds("9.2 guided backpropagation fails", not passes(sees_the_training, by(ta.guided_backprop)))
holds("9.2 the gradient passes", passes(sees_the_training, by(ta.saliency)))
holds("9.2 Grad-CAM passes", passes(sees_the_training, by(ta.grad_cam)))
order, noise = ranks(np.random.default_rng(0).random((2, 4000))).reshape(2, 40, 100) / 8000  # two maps without a relation
for share, seen in ((0.15, False), (0.4, True)):
    mixed = (1 - share) * order + share * noise
    print(f"share {share}: rank correlation {spearman(order, mixed):.2f}")
    holds(f"9.2 the limit is 0.9, noise {share}",
          passes(sees_the_training, lambda n, mixed=mixed: order if n is net else mixed) == seen)
holds("9.2 ranks, not sizes: the same order is the same map",
      not passes(sees_the_training, lambda n: order if n is net else np.exp(20 * order)))

# %%
# The whole curve, from the trained network on the left to all 19 layers shuffled on the right. Guided maps hold on to
# the picture's lines until the lowest blocks are broken: what they show is what the first layers are good at, edges.

depths = [0, 1, 2, 3, 5, 7, 9, 11, 13, 15, 17, 19]
methods = {"guided": ta.guided_backprop, "gradient": ta.saliency, "deconvnet": ta.deconvnet,
           "Grad-CAM": ta.grad_cam}
curves = {name: [] for name in methods}
for depth in depths:
    run = shuffled(LINEAR[:depth])
    of_run = run.run(x)
    for name, method in methods.items():
        before = method(net, tape, heart, score="log_odds").plane
        curves[name].append(spearman(before, method(run, of_run, heart, score="log_odds").plane))

figure = Figure(figsize=(6.8, 3.9), layout="constrained")
ax = figure.subplots()
for (name, curve), marker, colour in zip(curves.items(), "osv^", LINES, strict=False):
    ax.plot(depths, curve, marker=marker, ms=5, color=colour, label=name)
ax.axhline(0, color="black", lw=0.6)
ticks = [3, 7, 11, 15, 19]
ax.set_xticks([0, *ticks], ["nothing", *(LINEAR[d - 1].replace("_", "\n") for d in ticks)])
ax.set(xlabel="shuffled from the top down to", ylabel="rank correlation with the trained map",
       title=f"Randomisation test, score log_odds, class {net.label(heart)}")
figure.legend(loc="outside right upper")
show(figure, "09_randomised.png")
holds("all dense layers gone, and the guided map is the same", curves["guided"][3] > 0.95)
holds("three blocks gone, and it is still alike", curves["guided"][depths.index(15)] > 0.6)

# %%
# Relevance
# ---------
#
# LRP (Bach et al. 2015) does not ask what would change, but hands the logit down as a sum of shares. A linear unit
# ``u_k = Σ_j a_j w_jk + b_k`` has relevance R_k and gives each input its part: ``R_j = Σ_k a_j w_jk / s(u_k) R_k`` with
# ``s(u) = u + eps sign(u)``, ``sign(0) = 1``, which keeps the denominator from 0. ReLUs pass R on.

bare = ta.vgg("A", width=1 / 8, size=32, classes=5, seed=1, dtype=np.float64)  # VGG11's layout, all biases 0
rng = np.random.default_rng(9)
biased = replace(bare, weights={n: (w, rng.normal(0, 0.1, b.shape)) for n, (w, b) in bare.weights.items()})
x32, b32 = rng.normal(0, 1, (2, 1, 32, 32, 3))  # a picture and a reference
e1 = {"predictions": np.eye(5)[[1]]}  # the row of z_1: score pre, class 1

# %%
# Exercise 9.3 (complete): the epsilon rule
# -----------------------------------------
#
# Written as above it needs every single weight. Pull ``a_j`` out of the sum: what is left, ``Σ_k w_jk (R_k / s(u_k))``,
# is the transpose of the layer applied to one array, and that is what ``ta.GRADIENT[record.op](record, ...)`` does, for
# dense layers and convolutions alike. Three lines; ``record.output`` is u, ``record.x[0]`` is a.


@unaided(*ta.GRADIENT.values())
def my_epsilon(record, R, eps=1e-9):
    """R_j = a_j Σ_k w_jk R_k / s(u_k), as a tuple of one."""
    ### BEGIN SOLUTION
    u = record.output
    (m,) = ta.GRADIENT[record.op](record, R / (u + np.where(u < 0, -eps, eps)))
    return (record.x[0] * m,)
    ### END SOLUTION


unit = ta.Tape()
unit.leaf("a", [[1.0, 2.0]])
unit.write("dense", "u", "a", (np.array([[3.0, 1.0, 1.0], [1.0, -1.0, 1.0]]), np.array([0.0, 0.0, -3.0])))
same("9.3 three units", unit["u"].output, [[5, -1, 0]])  # the third one's bias, -3, makes it 0
same("9.3 two units", my_epsilon(unit["u"], np.array([[5.0, 1.0, 0.0]]))[0], [[2.0, 4.0]], within=1e-8)
same("9.3 u = -1 and eps = 1: half is kept", my_epsilon(unit["u"], np.array([[0.0, 1.0, 0.0]]), 1)[0].sum(), 0.5)
same("9.3 u = 0 and eps = 2: divided by 2", my_epsilon(unit["u"], np.array([[0.0, 0.0, 1.0]]), 2)[0], [[0.5, 1.0]])
lrp_book = {**ta.GRADIENT, "relu": lambda record, R: (R,), "conv2d": my_epsilon, "dense": my_epsilon}
z_1 = bare(x32)[0, 1]
R = ta.walk(bare.run(x32), {"predictions": z_1 * e1["predictions"]}, lrp_book)["input"]
same("9.3 without biases the pixels get all of z_c", R.sum(), z_1, within=1e-6)

# %%
# What LRP-0 is
# -------------
#
# Let eps go to 0. Start with ``R = z_c e_c = u g``, g the gradient's signal. A linear layer hands on ``a W^T (R/u) = a
# W^T g``, which is input times gradient again; a ReLU that is on passes both, one that is off has ``a = 0``. So layer
# by layer, down to the pixels, ``R = A g``: **LRP-0 is input x gradient**, with biases or without. Other rules
# (epsilon, gamma, z+) are not.

tape32 = biased.run(x32)
z_1 = biased(x32)[0, 1]
zero = ta.walk(tape32, {"predictions": z_1 * e1["predictions"]}, ta.COMPOSITES["zero"](biased))
g = ta.walk(tape32, e1, ta.GRADIENT)
apart = max(np.abs(zero[r.name] - r.output * g[r.name]).max() / np.abs(zero[r.name]).max() for r in tape32)
print(f"R and A g, at {len(tape32)} layers: apart by {apart:.1g}")
holds("R = A g at every layer", apart < 1e-12)
plus = ta.lrp(biased, x32, 1, score="pre", composite="epsilon_plus").raw
holds("z+ draws another map", pearson(plus, zero["input"][0]) < 0.9)

# %%
# Exercise 9.4 (prove): what biases keep
# --------------------------------------
#
# With biases, the inputs of unit k get ``(u_k - b_k)/u_k`` of its relevance. The rest belongs to the bias, and no pixel
# can have it. By LRP-0, how much does a layer keep in all? Use the last cell, and you need no relevance at all: give it
# from the record and the gradient's signal g at the layer's output.


def kept(record, g):
    """The sum over all units of what LRP-0 leaves with their biases. g: dS/du, of record.output's shape."""
    ### BEGIN SOLUTION
    return (g * record.weights[1]).sum()  # R_k b_k / u_k = g_k b_k
    ### END SOLUTION


shares = {r.name: kept(r, g[r.name]) for r in tape32 if r.weights}
receipt = ta.lrp(biased, x32, 1, score="pre", composite="zero").receipt
print(receipt)
for name, share in shares.items():
    same(f"9.4 {name}", share, receipt.shares[name], within=1e-10)
same("9.4 pixels and biases make z_c", (x32 * g["input"]).sum() + sum(shares.values()), z_1)

# %%
# Differences
# -----------
#
# DeepLIFT (Shrikumar et al. 2017) explains a difference: ``S(x) - S(b)`` to a reference b. In a difference biases
# cancel. Every value u of the tape has ``Δu = u(x) - u(b)``; multipliers m take the gradient's place and chain as it
# does, and ``C = m Δu``. Linear layers keep the gradient's rule. For a ReLU f the *Rescale* rule takes the slope of the
# **secant**: ``m_in = m Δf/Δu``, so that ``m_in Δu = m Δf``, and nothing is lost.
#
# Exercise 9.5 (complete): Rescale
# --------------------------------
#
# ``reference`` is the tape of b: ``reference[record.name]`` is the same layer there. Where ``Δu = 0`` there is no
# secant; take the gradient's rule.


def my_rescale(reference, record, m):
    """m_in = m Δf/Δu, where Δu = 0: m [u > 0]. As a tuple of one."""
    ### BEGIN SOLUTION
    other = reference[record.name]
    df, du = record.output - other.output, record.x[0] - other.x[0]
    still = du == 0
    return (m * np.where(still, record.x[0] > 0, df / np.where(still, 1, du)),)
    ### END SOLUTION


at_x, at_b = ta.Tape(), ta.Tape()
for some, u in ((at_x, [3.0, -1.0, -1.0, 2.0, 4.0, -2.0, 0.0]), (at_b, [-1.0, 3.0, -2.0, 2.0, 2.0, -2.0, 0.0])):
    some.leaf("u", u)
    some.write("relu", "f", "u")
same("9.5 seven cases", my_rescale(at_b, at_x["f"], np.full(7, 4.0))[0], [3, 3, 0, 4, 4, 0, 0])
layers = [("flatten", "flatten", {}), ("u", "dense", {}), ("f", "relu", {}), ("z", "dense", {})]
shallow = ta.network(layers, {"u": (rng.normal(0, 1, (12, 8)), rng.normal(0, 1, 8)),
                              "z": (rng.normal(0, 1, (8, 3)), rng.normal(0, 1, 3))})
x4, b4 = rng.normal(0, 1, (2, 1, 2, 2, 3))
book = {**ta.GRADIENT, "relu": partial(my_rescale, shallow.run(b4))}
C = ta.walk(shallow.run(x4), {"z": np.eye(3)[[1]]}, book)["input"] * (x4 - b4)
same("9.5 the sum", C.sum(), (shallow(x4) - shallow(b4))[0, 1])
IG = ta.integrated_gradients(shallow, x4, 1, score="pre", baseline=b4, steps=500, rule="middle").raw
same("9.5 behind one layer of ReLUs, integrated gradients", C[0], IG, within=1 / 500)

# %%
# A max-pool has no slope, so it needs a rule of its own: with the gradient's routing the sum is lost again.
#
# The figure follows four books down the embedded network, reference black, and asks at every layer how much of what is
# owed is still there: ``Σ R`` of ``z_c`` for LRP, ``Σ m Δu`` of ``Δz_c`` for the others. Only DeepLIFT keeps all. LRP
# loses what biases keep. Gradient and guided walk promise nothing about differences, and it shows.

routed = {**ta.GRADIENT, "relu": partial(differences.slope, biased.run(b32))}
got = (ta.walk(tape32, e1, routed)["input"] * (x32 - b32)).sum()
receipt = ta.deeplift(biased, x32, 1, score="pre", baseline=b32).receipt
print(f"max-pools by the gradient's rule: sum {got:.3f}; {receipt}")
holds("routing breaks the sum", abs(got - receipt.owed) > 1)
same("DeepLIFT's own rule keeps it", receipt.paid, receipt.owed)

black = net.run(baseline_of(net, x, "black"))
slope, pool = (partial(rule, black) for rule in (differences.slope, differences.largest))
seed = np.eye(20)[[heart]]
z_c, change = net.logits(tape)[0, heart], (net.logits(tape) - net.logits(black))[0, heart]
R = ta.walk(tape, {"predictions": z_c * seed}, ta.COMPOSITES["epsilon_plus"](net))
names = [record.name for record in reversed(tape)]
left = {"LRP epsilon_plus": [R[n].sum() / z_c for n in names]}
for name, book in (("DeepLIFT", {**ta.GRADIENT, "relu": slope, "max_pool": pool}), ("gradient", ta.GRADIENT),
                   ("guided", guided.GUIDED)):
    m = ta.walk(tape, {"predictions": seed}, book)
    left[name] = [(m[n] * (tape[n].output - black[n].output)).sum(dtype=np.float64) / change for n in names]

figure = Figure(figsize=(9, 4.4), layout="constrained")
axes = figure.subplots(1, 2)
for ax, shown in zip(axes, (left, ("LRP epsilon_plus", "DeepLIFT")), strict=True):
    for (name, shares), style, colour in zip(left.items(), ("-", "--", "-.", ":"), LINES, strict=False):
        if name in shown:
            ax.plot(shares, style, color=colour, lw=7 if style == "-" else 2.5, alpha=0.5 if style == "-" else 1, label=name)
    ticks = {"predictions": "logits", "block5_pool": "5", "block4_pool": "4", "block3_pool": "3", "block2_pool": "2",
             "input": "input"}
    ax.set_xticks([names.index(n) for n in ticks], ticks.values())
    ax.set_xlabel("the walk has come down to the last pool of block")
axes[0].set(yscale="log", ylabel="share of what is owed", title="all four, logarithmic")
axes[0].legend()
axes[1].set(title="two of them, enlarged")
figure.suptitle(f"What is left of the logit from layer to layer: score pre, {net.label(heart)}")
show(figure, "09_receipts.png")
same("DeepLIFT keeps all, but for float32", left["DeepLIFT"], np.ones(len(names)), within=1e-5)
holds("LRP loses a few per cent to biases", 0.9 < left["LRP epsilon_plus"][-1] < 0.99)
holds("the guided walk is off by more than ten times", max(left["guided"]) > 10)

# %%
# Seven maps of the network with biases, for the last exercise, and how to see whether t moves them:

maps = {
    "a": lambda n: ta.gradient(n, x32, 1, score="pre"),
    "b": lambda n: ta.gradient(n, x32, 1, score="log_odds"),
    "c": lambda n: ta.guided_backprop(n, x32, 1, score="log_odds"),
    "d": lambda n: ta.lrp(n, x32, 1, score="log_odds", composite="zero"),
    "e": lambda n: ta.lrp(n, x32, 1, score="post", composite="zero", start="score"),
    "f": lambda n: ta.deeplift(n, x32, 1, score="log_odds", baseline=b32),
    "g": lambda n: ta.deeplift(n, x32, 1, score="post", baseline=b32, row="softmax"),
}


@cache
def moves(letter, K):
    """Does the map change when t = K Σ_k A_00k is added to every logit?"""
    before, after = (maps[letter](n).raw for n in (biased, ta.alter(biased, K)))
    return np.abs(after - before).max() > 1e-9 * np.abs(before).max()


# %%
# Exercise 9.6 (predict): who can see t?
# --------------------------------------
#
# ``ta.alter`` adds the same ``t(x) = K Σ_k A_00k`` to every logit (2023b): ``z' = z + t``, and no probability changes.
# Which of these maps **move** when the network is altered? Write their letters, ``moving = "..."``. Ask of each: what
# does its signal at the logits sum to, and what does its book divide by?
#
# - a: the gradient of z_c;
# - b: the gradient of the log-odds;
# - c: guided backpropagation of the log-odds;
# - d: LRP-0 from ``R_i = v_i z_i``, v the row of the log-odds;
# - e: LRP-0 from ``R_c = y_c``, all other R_i zero;
# - f: DeepLIFT of the log-odds;
# - g: DeepLIFT of y_c with softmax as one more layer, whose multiplier is ``Δy_c/Δz_c`` for z_c, and 0 for the others.

### BEGIN SOLUTION
moving = "aeg"
### END SOLUTION

for K in (10, -2):
    changed = {letter: moves(letter, K) for letter in maps}
    predicts(f"9.6 with K = {K}", moving, changed)

# %%
# What you can say now
# --------------------
#
# - A book is a dict of rules. One changed line makes a new method; a missing line is an error.
# - Guided maps are sharp because they draw the picture's lines. They hardly depend on the class, or on what was
#   learned.
# - LRP-0 is input x gradient; what it does not pass on, biases keep. DeepLIFT explains a difference and keeps every bit
#   of it.
# - A signal that sums to zero over the logits sends nothing into t. LRP started from S, whose denominators hold ``z +
#   t``, and DeepLIFT through softmax are not of this kind, though they explain y_c. Lesson 10 comes back to it.
#
# Talk about it: which would you show to a doctor, a sharp map that fails the randomisation test, or a noisy one that
# passes? And is a map wrong because it does not sum to anything?
