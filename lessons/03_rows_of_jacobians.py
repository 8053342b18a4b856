"""
3. Arrays: rows and columns of a Jacobian
=========================================

**Question:** Why does a walk backwards give a row of the Jacobian, and how do we test a rule whose Jacobian is too large
to write out?

:Time: 85 min (20 read, 55 solve, 10 discuss)
:CPU: 3 s
:Needs: lesson 2; matrix products
:After this you can: write the Jacobian of a dense layer and of a ReLU; say what a seed asks for; write a convolution's backward rule; test any rule with two random arrays; say what happens at kinks and ties
:Figures: 03_jacobians.png, 03_ties.png
:Words: explained in the `glossary <../glossary.html>`_

A layer takes many numbers to many numbers, so its slopes fill a matrix: the Jacobian ``J_ij = dy_i/dx_j``, a row for
each output, a column for each input. Hardly anyone ever writes it down. A rule multiplies its transpose by a signal,
``m = J^T g``, and all of backpropagation is a chain of such products.
"""

# %%
# Predict first
# -------------
#
# The network ``z = relu(x W_1 + b_1) W_2 + b_2`` has three inputs and three logits. Write down, before you run it:
#
# - how many runs of the network fill J by central differences, and how many walks do?
# - one input is moved a little: does the change of z show a row of J, or a column? And a walk from one logit?

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import tinyattr as ta
from tinyattr.course import holds, predicts, same, show, unaided
from tinyattr.engine import OPS
from tinyattr.glyphs.scenes import example
from tinyattr.softmax import softmax, softmax_jacobian
from tinyattr.studies.draw import LINES, SIGNED


def rows(tape, book=ta.GRADIENT):
    """J (outputs, inputs), one row a walk: the seed, what a walk starts from, is e_i for row i."""
    *_, last = tape
    seeds = np.eye(last.output.size).reshape(-1, *last.output.shape)
    return np.stack([ta.walk(tape, {last.name: e}, book)["input"].ravel() for e in seeds])


def columns(f, x, step=1e-5):
    """J (outputs, inputs), one column for two runs: (f(x + step e_j) - f(x - step e_j)) / (2 step)."""
    moves = step * np.eye(x.size).reshape(-1, *x.shape)
    return np.stack([(f(x + d) - f(x - d)).ravel() / (2 * step) for d in moves], axis=1)


def tiny(width, random_state):
    """A network with three inputs, `width` hidden units and three logits."""
    rng = np.random.default_rng(random_state)
    weights = {"fc1": (rng.normal(size=(3, width)), rng.normal(size=width)),
               "fc2": (rng.normal(size=(width, 3)), rng.normal(size=3))}
    layers = [("flatten", "flatten", {}), ("fc1", "dense", {}), ("relu1", "relu", {}), ("fc2", "dense", {})]
    return ta.network(layers, weights)


net, wide = tiny(4, random_state=5), tiny(9, random_state=3)
x = np.array([1.0, -0.5, 2.0]).reshape(1, 1, 1, 3)  # a picture of one pixel
print(rows(net.run(x)).round(3))
same("three walks or six runs, the same J", rows(net.run(x)), columns(net, x), within=1e-8)

# %%
# Exercise 3.1 (complete): a product of three
# -------------------------------------------
#
# ``y = x W + b`` with W (in, out) means ``y_j = Σ_i x_i W_ij + b_j``. What is ``dy_j/dx_i``, and which matrix is
# that? And the Jacobian of the ReLU, where every output has an input of its own? By the chain rule J is the product
# of three matrices, the last layer's on the left.


@unaided()
def my_jacobian(x, W_1, b_1, W_2, b_2):
    """dz_i/dx_j of z = relu(x W_1 + b_1) W_2 + b_2 at x (in,): J (out, in)."""
    ### BEGIN SOLUTION
    J_1 = W_1.T  # (hidden, in)
    J_relu = np.diag(1.0 * (x @ W_1 + b_1 > 0))  # (hidden, hidden)
    J_2 = W_2.T  # (out, hidden)
    return J_2 @ J_relu @ J_1
    ### END SOLUTION


J = my_jacobian(x.ravel(), *net.weights["fc1"], *net.weights["fc2"])
same("3.1 row by row, by walks", J, rows(net.run(x)))
same("3.1 column by column, by differences", J, columns(net, x), within=1e-8)
same("3.1 a wider network", my_jacobian(x.ravel(), *wide.weights["fc1"], *wide.weights["fc2"]), rows(wide.run(x)))

# %%
# A walk multiplies from the left, ``((u^T J_2) J_relu) J_1``: always a vector times a matrix. With ``u = e_i`` it
# gives row i. Differences multiply from the right and give a column. A heatmap wants one row, that of its score,
# with an entry for every pixel. That is why we walk backwards.
#
# What Jacobians look like
# ------------------------
#
# Four layers, filled row by row. The frame shows one row: all that one output reads.


def layer(op, x, weights=(), **attributes):
    """The tape of one layer, y = op(input)."""
    tape = ta.Tape()
    tape.leaf("input", x)
    tape.write(op, "y", "input", weights, **attributes)
    return tape


def again(record):
    """The layer as a function of its input alone."""
    return lambda x: OPS[record.op](x, *record.weights, **record.attributes)


rng = np.random.default_rng(0)
vector, maps = rng.normal(size=(1, 12)), rng.normal(size=(1, 6, 6, 1))
W, kernel = rng.normal(size=(12, 8)), rng.normal(size=(3, 3, 1, 1))
layers = {
    "dense": layer("dense", vector, (W, np.zeros(8))),
    "relu": layer("relu", vector),
    "conv2d": layer("conv2d", maps, (kernel, np.zeros(1)), padding=1),
    "max_pool": layer("max_pool", maps, size=2, stride=2),
}
J = {op: rows(tape) for op, tape in layers.items()}
same("dense: W transposed", J["dense"], W.T)
same("relu: 0 or 1 on the diagonal", J["relu"], np.diag(1.0 * (vector[0] > 0)))
same("conv2d: the row of output (2, 3)", J["conv2d"][15].reshape(6, 6)[1:4, 2:5], kernel[:, :, 0, 0])
holds("max_pool: one 1 in each row", ((J["max_pool"] == 1).sum(1) == 1).all() and J["max_pool"].sum() == 9)

shown = [("dense", 3, "$W$ transposed"), ("relu", 3, "0 or 1 on the diagonal"),
         ("conv2d", 15, "the kernel in each row, cut at the border"), ("max_pool", 4, "one 1 in each row")]
figure = Figure(figsize=(7.4, 5.8), layout="constrained")
for ax, (op, row, title) in zip(figure.subplots(2, 2).flat, shown, strict=True):
    matrix = J[op]
    limit = np.abs(matrix).max()
    image = ax.imshow(matrix, cmap=SIGNED, vmin=-limit, vmax=limit, aspect="auto")
    ax.add_patch(Rectangle((-0.5, row - 0.5), matrix.shape[1], 1, fill=False, edgecolor=LINES[2], lw=2))
    ax.set(xlabel="input $j$", ylabel="output $i$")
    ax.set_title(f"{op}: {title}", fontsize=9.5)
    ax.xaxis.get_major_locator().set_params(integer=True)
    figure.colorbar(image)
figure.suptitle("Jacobians $dy_i/dx_j$ of four layers", fontsize=11)
show(figure, "03_jacobians.png")

# %%
# Exercise 3.2 (complete): a convolution backwards
# ------------------------------------------------
#
# A convolution with stride s and no padding is ``y[n,i,j,k] = Σ_uvc x[n, s i + u, s j + v, c] kernel[u,v,c,k]``. So
# ``g[n,i,j,k]`` goes back to every x that this output read, times the kernel's entry. Write it in plain loops.


@unaided()
def my_conv2d(record, g):
    """m[n, s i + u, s j + v, c] = Σ_ijuvk g[n,i,j,k] kernel[u,v,c,k]."""
    (x,), (kernel, _), s = record.x, record.weights, record.attributes["stride"]
    m = np.zeros_like(x)  # (N, H, W, C)
    ### BEGIN SOLUTION
    for n, i, j in np.ndindex(g.shape[:3]):
        for u, v in np.ndindex(kernel.shape[:2]):
            m[n, s * i + u, s * j + v] += kernel[u, v] @ g[n, i, j]  # (C, K) @ (K,)
    ### END SOLUTION
    return (m,)


for stride in (1, 2):
    weights = rng.normal(size=(3, 2, 2, 4)), np.zeros(4)
    tape = layer("conv2d", rng.normal(size=(2, 5, 6, 2)), weights, stride=stride)  # two pictures
    mine = rows(tape, {**ta.GRADIENT, "conv2d": my_conv2d})
    same(f"3.2 stride {stride}, the library's rule", mine, rows(tape))
    J_columns = columns(again(tape["y"]), tape["input"].output)
    same(f"3.2 stride {stride}, by differences", mine, J_columns, within=1e-8)

# %%
# One number for a whole rule
# ---------------------------
#
# VGG19's first convolution has 3,211,264 outputs and 150,528 inputs: nobody will compare such a J entry by entry.
# But for any two arrays, ``⟨u, J v⟩ = ⟨J^T u, v⟩``. On the left, ``J v`` is a difference along v, which takes two
# runs. On the right, ``J^T u`` is what the rule answers. These four rules are wrong, and ought to be caught:


def transposed(tape, book):
    """J^T u as a function of u: one walk."""
    return lambda u: ta.walk(tape, {"y": u}, book)["input"]


WRONG = {
    "dense": lambda record, g: (g[:, ::-1] @ record.weights[0].T,),  # takes the outputs in reverse order
    "relu": lambda record, g: (g,),  # lets everything pass
    "conv2d": lambda record, g: (g * record.weights[0].sum(),),  # forgets that a signal spreads
    "max_pool": lambda record, g: (g.repeat(2, 1).repeat(2, 2) / 4,),  # is the rule of an average pool
}
same("outputs and inputs of VGG19's first convolution", [224 * 224 * 64, 224 * 224 * 3], [3_211_264, 150_528])

# %%
# Exercise 3.3 (prove): the dot-product test
# ------------------------------------------
#
# Write the test. Take u and v at random: then a wrong rule passes with probability zero. Divide by the lengths of u and
# of ``J v``, or the number means something else for every layer. Once it works, put ``np.ones`` in the place of u, then
# of v, and see which wrong rule slips through.


def gap(f, back, x, rng, step=1e-5):
    """|⟨u, J v⟩ - ⟨J^T u, v⟩| / (|u| |J v|), with J v from two runs of f near x, and J^T u = back(u)."""
    ### BEGIN SOLUTION
    v = rng.normal(size=x.shape)
    Jv = (f(x + step * v) - f(x - step * v)) / (2 * step)
    u = rng.normal(size=Jv.shape)
    return abs((u * Jv).sum() - (back(u) * v).sum()) / np.linalg.norm(u) / np.linalg.norm(Jv)
    ### END SOLUTION


for op, tape in layers.items():
    for name, book in [("right", ta.GRADIENT), ("wrong", WRONG)]:
        found = gap(again(tape["y"]), transposed(tape, book), tape["input"].output, np.random.default_rng(1))
        print(f"{op:<9} {name} rule: gap {found:.1e}")
        if name == "right":
            holds(f"3.3 {op}, the right rule passes", found < 1e-8)
        else:
            holds(f"3.3 {op}, the wrong rule is caught", found > 1e-6)
steep = gap(lambda x: 1000 * x, lambda u: 0 * u, np.ones((1, 1)), np.random.default_rng(2))
same("3.3 y = 1000 x, one number, and a rule that answers 0: a gap of 1", steep, 1, within=1e-8)

# %%
# Kinks and ties
# --------------
#
# Where a function has a kink there is no J, and a rule must choose. At 0, ReLU's slope is 0 in this library; central
# differences say 1/2. Where several places of a window are largest, max_pool's signal goes to the first of them, row
# by row. A colleague's rule gives it to **every** largest place. On random numbers, which never tie, nobody sees it.


def every_maximum(record, g):
    """m = g at every place that equals the maximum of its window; windows of 2 x 2, stride 2."""
    return (g.repeat(2, 1).repeat(2, 2) * (record.x[0] == record.output.repeat(2, 1).repeat(2, 2)),)


at_kink = layer("relu", np.zeros((1, 1)))
same("ReLU at 0: the rule", rows(at_kink), [[0]])
same("ReLU at 0: central differences", columns(again(at_kink["y"]), np.zeros((1, 1))), [[0.5]])
same("no ties, no difference", rows(layers["max_pool"], {"max_pool": every_maximum}), J["max_pool"])

# %%
# Exercise 3.4 (break): every maximum
# -----------------------------------
#
# Find an x, as a ReLU might put it out, for which the colleague's rule makes as much signal as possible from nothing.


def worst():
    """Maps (1, 4, 4, 1), all entries 0 or more."""
    ### BEGIN SOLUTION
    return np.zeros((1, 4, 4, 1))
    ### END SOLUTION


tape = layer("max_pool", worst(), size=2, stride=2)
one = np.ones((1, 2, 2, 1))  # a signal of 1 at each of the four outputs
made = ta.walk(tape, {"y": one}, {"max_pool": every_maximum})["input"].sum()
kept = ta.walk(tape, {"y": one}, ta.GRADIENT)["input"].sum()
holds("3.4 as a ReLU might put it out", (tape["input"].output >= 0).all())
same("3.4 four times the signal comes back", made, 16)
same("3.4 the library's rule hands on what it gets", kept, 4)

# %%
# Is that a rare case? In the embedded network, a good quarter of the first pool's windows is all zero, of the last
# pool's nearly nine in ten. So somebody must choose, and one law is left to go by. Raise a whole window by h, and its
# maximum rises by h: the signals of a window must add up to g. Here is what four choices do.

window = layer("max_pool", np.zeros((1, 2, 2, 1)), size=2, stride=2)
choices = {
    "first maximum\n(the library)": rows(window)[0],
    "equal shares": np.full(4, 1 / 4),
    "central\ndifferences": columns(again(window["y"]), np.zeros((1, 2, 2, 1)))[0],
    "every\nmaximum": rows(window, {"max_pool": every_maximum})[0],
}
figure = Figure(figsize=(6, 3.6), layout="constrained")
ax = figure.subplots()
for place, hatch in zip(range(4), ("", "//", "..", "xx"), strict=True):
    ax.bar(list(choices), [m[place] for m in choices.values()], 0.6, [sum(m[:place]) for m in choices.values()],
           color=LINES[place], edgecolor="white", hatch=hatch, label=f"place {divmod(place, 2)}")
ax.axhline(1, color="black", ls="--", label="their sum should be g = 1")
ax.set(ylabel="signals, stacked",
       title="A window of four zeros in max_pool:\nwhat each place gets of a signal g = 1")
ax.legend(loc="upper left", fontsize=8)
show(figure, "03_ties.png")
same("sums", [m.sum() for m in choices.values()], [1, 1, 2, 4], within=1e-9)

glyphs = ta.load("glyphs")
tape = glyphs.run(glyphs.read(example().picture))
silent = [(tape[f"block{b}_pool"].output == 0).mean() for b in range(1, 6)]  # behind a ReLU: windows of zeros
print("windows that are all zero, block 1 to 5:", np.round(silent, 2))
holds("a good quarter in the first", 0.25 < silent[0] < 0.3)
holds("nearly nine in ten in the last", 0.85 < silent[4] < 0.9)

# %%
# Exercise 3.5 (decide): what a seed asks for
# -------------------------------------------
#
# Which of these are true, for every network? J is its Jacobian dz/dx, u and w are any two seeds. Write
# ``answer = {"A": ..., ...}``, True or False.
#
# - A: a walk with the seed ``e_i`` gives row i of J.
# - B: a walk with the seed (1, ..., 1) gives the sum of the columns of J.
# - C: the walk with the seed u + w gives the sum of the walks with u and with w.
# - D: as C, but by a book whose ReLU lets positive signals only pass (guided backpropagation).
# - E: a walk with row c of softmax's Jacobian for its seed gives ``dy_c/dx``.

### BEGIN SOLUTION
answer = {"A": True, "B": False, "C": True, "D": False, "E": True}
### END SOLUTION


def measured(net):
    """Which of the statements hold for this network, at x, with twenty pairs of random seeds."""
    tape, J = net.run(x), rows(net.run(x))
    pairs = np.random.default_rng(0).normal(size=(20, 2, 1, 3))
    guided = {**ta.GRADIENT, "relu": lambda record, g: (g.clip(min=0) * (record.x[0] > 0),)}

    def walk(seed, book=ta.GRADIENT):
        return ta.walk(tape, {"fc2": seed}, book)["input"].ravel()

    return {
        "A": all(np.allclose(walk(np.eye(3)[i:i + 1]), columns(net, x)[i]) for i in range(3)),
        "B": np.allclose(walk(np.ones((1, 3))), J.sum(1)),
        "C": all(np.allclose(walk(u + w), walk(u) + walk(w)) for u, w in pairs),
        "D": all(np.allclose(walk(u + w, guided), walk(u, guided) + walk(w, guided)) for u, w in pairs),
        "E": np.allclose(walk(softmax_jacobian(net(x)[0])[:1]), columns(lambda x: softmax(net(x)), x)[0]),
    }


predicts("3.5 in the network above", answer, measured(net))
predicts("3.5 in a wider one", answer, measured(wide))

# %%
# What you can say now
# --------------------
#
# - A walk gives a row of the Jacobian, or the mixture of rows that its seed asks for. One is enough for a heatmap.
# - A rule is ``m = J^T g``. Two random arrays and one number test it, however large J is.
# - At kinks and ties a rule chooses. No random test shows the choice, and in a trained network ties are common.
#
# Talk about it: the score ``y_c`` is a mixture of all logits' rows. With which weights? (Lesson 7.)
