"""
12. LRP and DeepLIFT: what a map adds up to
===========================================

**Question:** Can a score be shared out among pixels so that nothing is lost on the way?

:Time: 85 min (25 read, 50 solve, 10 discuss)
:CPU: 6 s
:Needs: lessons 9, 10 and 11
:After this you can: write LRP's epsilon rule and DeepLIFT's Rescale; say what a map sums to, and which share of the score stays with the biases; say without computing which maps change when t is added to every logit, and for which methods post, log and log_odds give the same map
:Figures: 12_receipts.png
:Words: explained in the `glossary <../glossary.html>`_

This lesson adds two rule-books for the walk of lesson 11: LRP (layer-wise relevance propagation) and DeepLIFT. These
methods do not ask how the score changes if a pixel changes. They share out a number among the pixels. LRP shares out the
logit. DeepLIFT shares out the difference between the logits of the picture and of a reference picture. You will write the
rules of both methods, a few lines each, and measure what each layer loses.
"""

# %%
# Predict first
# -------------
#
# Write down:
#
# - LRP shares the logit z_c out among the pixels. If the layers have biases, do the pixels get all of z_c?
# - A function is 2 at a black picture and 5 at your picture. At your picture, all its slopes are 0. Is there a fair way
#   to share out the difference of 3 among the pixels?

from dataclasses import replace
from functools import cache, partial

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import agrees, holds, predicts, same, show, unaided
from tinyattr.glyphs.scenes import CLASSES, scene
from tinyattr.methods import differences, guided
from tinyattr.methods.baselines import baseline_of
from tinyattr.methods.heatmap import relu
from tinyattr.methods.lrp_rules import epsilon
from tinyattr.softmax import log_odds_row, log_row, post_row, softmax
from tinyattr.studies.draw import LINES
from tinyattr.studies.metrics import pearson

net = ta.load("glyphs")
notes, heart = CLASSES.index("notes"), CLASSES.index("heart")
both = scene(np.random.default_rng(2), (notes, heart), difficulty=0.3)
x = net.read(both.picture)  # (1, 224, 224, 3)
tape = net.run(x)

# %%
# Relevance
# ---------
#
# LRP (Bach et al. 2015) splits the logit into shares, called **relevance**, and hands them down from layer to layer.
# Take a unit ``u_k = Σ_j a_j w_jk + b_k`` of a linear layer, with relevance R_k. The unit divides R_k among its inputs
# in proportion to the terms ``a_j w_jk``. So input j gets ``R_j = Σ_k (a_j w_jk / s(u_k)) R_k`` from all units
# together. Here ``s(u) = u + eps sign(u)`` with ``sign(0) = 1``. The small number eps keeps the denominator away from
# 0. ReLUs pass R on unchanged.

bare = ta.vgg("A", width=1 / 8, size=32, classes=5, seed=1, dtype=np.float64)  # VGG11's layout, all biases 0
rng = np.random.default_rng(9)
biased = replace(bare, weights={n: (w, rng.normal(0, 0.1, b.shape)) for n, (w, b) in bare.weights.items()})
x32, b32 = rng.normal(0, 1, (2, 1, 32, 32, 3))  # a picture and a reference
e1 = {"predictions": np.eye(5)[[1]]}  # the row of the score pre for class 1, S = z_1

# %%
# Exercise 12.1 (complete): the epsilon rule
# ------------------------------------------
#
# In the form above, the rule needs a loop over all pairs j, k, which is slow. To avoid the loop, pull ``a_j`` out of the
# sum. What is left is ``Σ_k w_jk (R_k / s(u_k))``: the transpose of the layer, applied to the array ``R / s(u)``.
# ``ta.GRADIENT[record.op](record, ...)`` applies exactly this transpose, for dense layers and for convolutions. Write
# three lines; ``record.output`` is u, ``record.x[0]`` is a.


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
same("12.1 three units", unit["u"].output, [[5, -1, 0]])  # the third unit is 0 because of its bias, -3
same("12.1 two units", my_epsilon(unit["u"], np.array([[5.0, 1.0, 0.0]]))[0], [[2.0, 4.0]], within=1e-8)
same("12.1 u = -1 and eps = 1: half of R is passed on", my_epsilon(unit["u"], np.array([[0.0, 1.0, 0.0]]), 1)[0].sum(), 0.5)
same("12.1 u = 0 and eps = 2: divided by 2", my_epsilon(unit["u"], np.array([[0.0, 0.0, 1.0]]), 2)[0], [[0.5, 1.0]])
linear = [record for record in bare.run(np.concatenate([x32, b32])) if record.weights]  # two pictures at once
agrees("12.1 the library's rule, layer by layer", lambda record, R, eps: my_epsilon(record, R, eps)[0],
       lambda record, R, eps: epsilon(eps)(record, R)[0], [(record, np.random.default_rng(1).normal(size=record.output.shape), 0.25) for record in linear])
lrp_book = {**ta.GRADIENT, "relu": lambda record, R: (R,), "conv2d": my_epsilon, "dense": my_epsilon}
z_1 = bare(x32)[0, 1]
R = ta.walk(bare.run(x32), {"predictions": z_1 * e1["predictions"]}, lrp_book)["input"]
same("12.1 without biases the pixels get all of z_c", R.sum(), z_1, within=1e-6)

# %%
# What LRP-0 is
# -------------
#
# LRP-0 is the epsilon rule with eps = 0. Suppose that ``R = u g`` at the output u of a linear layer, where g is the
# gradient's signal. At the logits this is true: LRP starts from ``R = z_c e_c``, and the gradient starts from ``g =
# e_c`` (one-hot). The layer passes on ``a_j Σ_k w_jk R_k/u_k = a_j Σ_k w_jk g_k``. This is the layer's input a_j times
# the gradient's signal at this input. A ReLU whose input is positive passes on R and g unchanged. Any other ReLU has
# the output 0, which is the input a_j of the next layer, so R is 0 there. The gradient's rule also passes on 0. So ``R
# = A g`` at the output A of every layer, down to the pixels: **LRP-0 is input x gradient**, with biases or without.
#
# Other rules give other maps. The rule z+, for example, uses only the positive terms ``a_j w_jk``.
# A **composite** is a rule-book with different rules for different layers. The composite ``epsilon_plus`` uses z+ for
# convolutions and epsilon for dense layers.

tape32 = biased.run(x32)
z_1 = biased(x32)[0, 1]
zero = ta.walk(tape32, {"predictions": z_1 * e1["predictions"]}, ta.COMPOSITES["zero"](biased))
g = ta.walk(tape32, e1, ta.GRADIENT)
apart = max(np.abs(zero[r.name] - r.output * g[r.name]).max() / np.abs(zero[r.name]).max() for r in tape32)
print(f"the largest relative difference of R and A g at {len(tape32)} layers: {apart:.1g}")
holds("R = A g at every layer", apart < 1e-12)
plus = ta.lrp(biased, x32, 1, score="pre", composite="epsilon_plus").raw
holds("the composite with z+ draws another map", pearson(plus, zero["input"][0]) < 0.9)

# %%
# Exercise 12.2 (prove): what biases keep
# ---------------------------------------
#
# With biases, the inputs of unit k together get only the part ``(u_k - b_k)/u_k`` of its relevance. The rest stays with
# the bias, and no pixel gets it. In LRP-0, how much does a layer keep, summed over its units? Use ``R = A g``; here A
# is the layer's output u. Then you need not compute R. The record and the gradient's signal g at the output are enough.


def kept(record, g):
    """The sum over all units of the relevance that LRP-0 leaves with their biases. g: dS/du, shaped as record.output."""
    ### BEGIN SOLUTION
    return (g * record.weights[1]).sum()  # R_k b_k / u_k = g_k b_k
    ### END SOLUTION


shares = {r.name: kept(r, g[r.name]) for r in tape32 if r.weights}
receipt = ta.lrp(biased, x32, 1, score="pre", composite="zero").receipt
print(receipt)
for name, share in shares.items():
    same(f"12.2 {name}", share, receipt.shares[name], within=1e-10)
same("12.2 pixels and biases make z_c", (x32 * g["input"]).sum() + sum(shares.values()), z_1)

# %%
# Differences
# -----------
#
# DeepLIFT (Shrikumar et al. 2017) explains a difference: ``S(x) - S(b)``, where b is a reference picture (not a bias).
# Biases cancel in a difference, because the network adds the same biases for both pictures. Every value u of the tape
# has a change ``Δu = u(x) - u(b)``. *Multipliers* m take the place of gradients and follow the same chain rule. The
# contribution of a value u is ``C = m Δu``. Linear layers keep the gradient's rule. For a ReLU f, the *Rescale* rule
# takes the slope of the **secant**, the line through the points of f at u(b) and u(x): ``m_in = m Δf/Δu``. So ``m_in Δu
# = m Δf``, and nothing is lost.
#
# Exercise 12.3 (complete): Rescale
# ---------------------------------
#
# ``reference`` is the tape of b, and ``reference[record.name]`` is the same layer's record on this tape. Where
# ``Δu = 0``, there is no secant; use the gradient's rule there.


def my_rescale(reference, record, m):
    """m_in = m Δf/Δu; where Δu = 0, m_in = m [u > 0], with [u > 0] = 1 or 0. As a tuple of one."""
    ### BEGIN SOLUTION
    other = reference[record.name]
    df, du = record.output - other.output, record.x[0] - other.x[0]
    still = du == 0
    return (m * np.where(still, record.x[0] > 0, df / np.where(still, 1, du)),)
    ### END SOLUTION


at_x, at_b = ta.Tape(), ta.Tape()
for some, u in ((at_x, [3.0, -1.0, -1.0, 0.5, 4.0, -2.0, 0.0, 1e-4]), (at_b, [-1.0, 3.0, -2.0, 0.5, 2.0, -2.0, 0.0, -1e-4])):
    some.leaf("u", u)
    some.write("relu", "f", "u")
same("12.3 eight cases", my_rescale(at_b, at_x["f"], np.array([4.0, 4, 4, -8, 4, 4, 4, 4]))[0], [3, 3, 0, -8, 4, 0, 0, 2])
rng = np.random.default_rng(0)  # a new rng: the network is the same even if your code has used the old one
layers = [("flatten", "flatten", {}), ("u", "dense", {}), ("f", "relu", {}), ("z", "dense", {})]
shallow = ta.network(layers, {"u": (rng.normal(0, 1, (12, 8)), rng.normal(0, 1, 8)),
                              "z": (rng.normal(0, 1, (8, 3)), rng.normal(0, 1, 3))})
x4, b4 = rng.normal(0, 1, (2, 1, 2, 2, 3))
book = {**ta.GRADIENT, "relu": partial(my_rescale, shallow.run(b4))}
C = ta.walk(shallow.run(x4), {"z": np.eye(3)[[1]]}, book)["input"] * (x4 - b4)
same("12.3 the contributions sum to S(x) - S(b)", C.sum(), (shallow(x4) - shallow(b4))[0, 1])
IG = ta.integrated_gradients(shallow, x4, 1, score="pre", baseline=b4, steps=2000, rule="middle").raw
same("12.3 with one layer of ReLUs, Rescale gives integrated gradients", C[0], IG, within=1 / 500)

# %%
# A max-pool reads several values, so it has no single secant, and it needs a rule of its own. If max-pools use the
# gradient's rule, the contributions no longer sum to ``S(x) - S(b)``.
#
# The figure shows the walks of four books through the embedded network. The reference is black. At the logits, the sum
# is z_c for LRP, and Δz_c for the other three. At every layer we sum again, and divide by this number: ``Σ R / z_c``,
# and ``Σ m Δu / Δz_c``. The quotient is the share that is left. If nothing is lost, the share stays at 1. Only DeepLIFT
# keeps everything. LRP loses what biases keep. The gradient and the guided walk promise nothing about differences, and
# their shares go far away from 1.

routed = {**ta.GRADIENT, "relu": partial(differences.slope, biased.run(b32))}
got = (ta.walk(tape32, e1, routed)["input"] * (x32 - b32)).sum()
receipt = ta.deeplift(biased, x32, 1, score="pre", baseline=b32).receipt
print(f"with the gradient's rule for max-pools, the sum is {got:.3f}; DeepLIFT: {receipt}")
holds("with the gradient's rule for max-pools, the sum is wrong", abs(got - receipt.owed) > 1)
same("with DeepLIFT's own rule for max-pools, the sum is right", receipt.paid, receipt.owed)

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
    ax.set_xlabel("the walk has reached the pool of block")
axes[0].set(yscale="log", ylabel="share of the sum at the logits", title="all four, logarithmic")
axes[0].legend()
axes[1].set(title="two of them, enlarged")
figure.suptitle(f"What is left of the logit from layer to layer: score pre, {net.label(heart)}")
show(figure, "12_receipts.png")
same("DeepLIFT keeps all, up to rounding in float32", left["DeepLIFT"], np.ones(len(names)), within=1e-5)
holds("LRP loses a few per cent to biases", 0.9 < left["LRP epsilon_plus"][-1] < 0.99)
holds("the share of the guided walk becomes larger than 10", max(left["guided"]) > 10)

# %%
# The next exercise is about seven maps of the network with biases. This code defines the maps, and a function that
# tests whether a map changes when t is added to every logit.

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
# Exercise 12.4 (predict): who can see t?
# ---------------------------------------
#
# ``ta.alter`` adds the same ``t(x) = K Σ_k A_00k`` to every logit (Lerma and Lucas 2023b), so ``z' = z + t``. No
# probability changes. Which of these maps **move**, that is, change, when the network is altered? Write their letters,
# ``moving = "..."``. Ask two questions about each map. What is the sum of the signal from which the walk starts at the
# logits? And by which numbers does the rule-book divide?
#
# - a: the gradient of z_c;
# - b: the gradient of the log-odds;
# - c: guided backpropagation of the log-odds;
# - d: LRP-0 that starts from ``R_i = v_i z_i``, where v is the row of the log-odds;
# - e: LRP-0 that starts from ``R_c = y_c``, with all other R_i zero;
# - f: DeepLIFT of the log-odds;
# - g: DeepLIFT of y_c with softmax as one more layer. The rule treats y_c as if it depended on z_c only:
#   the multiplier is ``Δy_c/Δz_c`` for z_c, and 0 for the other logits.

### BEGIN SOLUTION
moving = "aeg"
### END SOLUTION

for K in (10, -2):
    changed = {letter: moves(letter, K) for letter in maps}
    predicts(f"12.4 with K = {K}", moving, changed)

# %%
# Other methods
# -------------
#
# Lesson 9 found that the rows of post, log and log_odds differ only by a factor, and that they give the same scaled
# Grad-CAM map. Here are eight methods on a small network with random weights. Each method can start from each of the
# three rows. A factor of the row becomes a factor of the gradient g. Does it also become a factor of the map? This
# depends on the rules of the walk and on what the method does with g.

tiny = ta.vgg("A", seed=3, width=1 / 16, dense=(32, 32), size=64, classes=5, dtype=np.float64)
noise = np.random.default_rng(1)
x_tiny = noise.standard_normal((1, 64, 64, 3))
GUIDED = {**ta.GRADIENT, "relu": lambda record, g: (relu(g) * (record.x[0] > 0),)}
ROWS = {"post": post_row, "log": log_row, "log_odds": log_odds_row}


def signal(score, x=x_tiny, layer="input", book=ta.GRADIENT, times_z=False):
    """What a walk leaves at a layer, (h, w, C). It starts from the score's row at x; for LRP, from the row times z."""
    run = tiny.run(x)
    z = tiny.logits(run)
    row = ROWS[score](softmax(z), np.eye(5)[[2]])
    return ta.walk(run, {"predictions": row * z if times_z else row}, book, (layer,))[layer][0]


def cam(pooling):
    """A method that makes its map L from the activations A and the gradient g at block5_relu2."""
    A = tiny.run(x_tiny)["block5_relu2"].output[0]
    return lambda score: pooling(A, signal(score, layer="block5_relu2"))


def plus_plus(A, g):
    """Grad-CAM++, Chattopadhay et al. 2018, equation (19): w_k = Σ_ij α_ijk max(g_ijk, 0), α = 1 / (2 + g Σ_ij A_ijk)."""
    return A @ (relu(g) / (2 + A.sum((0, 1)) * relu(g))).sum((0, 1))


many = [x_tiny + 0.3 * noise.standard_normal(x_tiny.shape) for _ in range(6)]
path = [a * x_tiny for a in (np.arange(12) + 0.5) / 12]
METHODS = {
    "gradient": signal,
    "guided backprop": lambda score: signal(score, book=GUIDED),
    "Grad-CAM": cam(lambda A, g: A @ g.mean((0, 1))),
    "LayerCAM": cam(lambda A, g: (A * relu(g)).sum(-1)),
    "Grad-CAM++": cam(plus_plus),
    "LRP": lambda score: signal(score, book=ta.COMPOSITES["epsilon_plus"](tiny), times_z=True),
    "SmoothGrad": lambda score: sum(signal(score, x) for x in many),
    "integrated gradients": lambda score: x_tiny[0] * sum(signal(score, x) for x in path),
}
print(", ".join(METHODS))
@cache
def scaled_map(name, score):
    """The method's map for this score, scaled so that its largest magnitude is 1."""
    L = METHODS[name](score)
    return L / np.abs(L).max()


def alike(name, score, other):
    """Does the method give the same scaled map for both scores?"""
    return np.abs(scaled_map(name, score) - scaled_map(name, other)).max() < 1e-9


# %%
# Exercise 12.5 (predict): who keeps the equality?
# ------------------------------------------------
#
# For which of the eight methods do post, log and log_odds give the same scaled map? Write True or False for each,
# ``one_map = {"gradient": ..., ...}``, before you run the checks. Ask for each method: where in its formula does the
# factor of the row stand, and can you pull it out?

### BEGIN SOLUTION
one_map = {"gradient": True, "guided backprop": True, "Grad-CAM": True, "LayerCAM": True, "Grad-CAM++": False,
           "LRP": True, "SmoothGrad": False, "integrated gradients": False}
### END SOLUTION

predicts("12.5 post and log", one_map, {name: alike(name, "post", "log") for name in METHODS})
predicts("12.5 log and log_odds", one_map, {name: alike(name, "log", "log_odds") for name in METHODS})

# %%
# What you can say now
# --------------------
#
# - LRP-0 is input x gradient, and biases keep what LRP-0 does not pass on. DeepLIFT explains a difference and passes on
#   all of this difference.
# - A signal that sums to zero over the logits sends nothing into t. For LRP, divide each R_i by its logit z_i: if these
#   quotients sum to zero, no relevance goes to t. In exercise 12.4, the sum is not zero for three maps, so these maps
#   move. The three are the gradient of z_c (a), LRP that starts from y_c (e), and DeepLIFT through softmax (g). Lesson
#   15 comes back to this.
# - For most methods, a factor of the row is a factor of the map. There are two kinds of exceptions. Grad-CAM++ also
#   has the factor in a denominator. SmoothGrad and integrated gradients sum over pictures, and each has its own factor.
#
# Talk about it: is a map wrong if its sum is neither a score nor a difference of scores?
