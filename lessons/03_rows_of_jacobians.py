"""
3. Arrays: rows and columns of a Jacobian
=========================================

**Question:** Why does a walk backwards give a row of the Jacobian? How do we test a rule if its Jacobian is too large to
write down?

:Time: 90 min (25 read, 55 solve, 10 discuss)
:CPU: 3 s
:Needs: lesson 2; matrix products
:After this you can: write the Jacobian of a dense layer and of a ReLU; say what a walk computes from the array that it starts from; write a convolution's backward rule; test any rule with two random arrays; say what happens at kinks and ties
:Figures: 03_jacobians.png, 03_ties.png
:Words: explained in the `glossary <../glossary.html>`_

A layer computes many numbers y from many numbers x. Its slopes form a matrix, the **Jacobian** ``J_ij = dy_i/dx_j``.
The matrix has a row for each output and a column for each input. It is usually too large to write down. Instead, a rule
multiplies the transposed Jacobian by a signal g, and the product ``m = J^T g`` is the signal at the layer's input.
Backpropagation is a chain of such products.
"""

# %%
# Predict first
# -------------
#
# The network ``z = relu(x W_1 + b_1) W_2 + b_2`` has three inputs x and three logits z. Its Jacobian is ``J = dz/dx``.
# Before you run the next cell, write down your answers:
#
# - How many runs of the network do you need to compute J by central differences? How many walks do you need?
# - If you change one input a little, do you see a row or a column of J in the change of z? What do you see if you walk
#   back from one logit?

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
    """J (outputs, inputs), by one walk for each row.

    The seed is the array that a walk starts from. The seed e_i has 1 at output i and 0 elsewhere. Its walk gives row i.
    """
    *_, last = tape
    seeds = np.eye(last.output.size).reshape(-1, *last.output.shape)
    return np.stack([ta.walk(tape, {last.name: e}, book)["input"].ravel() for e in seeds])


def columns(f, x, step=1e-5):
    """J (outputs, inputs), by two runs of f for each column j: (f(x + step e_j) - f(x - step e_j)) / (2 step)."""
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
same("three walks and six runs give the same J", rows(net.run(x)), columns(net, x), within=1e-8)

# %%
# Exercise 3.1 (complete): a product of three matrices
# ----------------------------------------------------
#
# A **dense layer** computes ``y = x W + b`` with W (in, out), so ``y_j = Σ_i x_i W_ij + b_j``. What is ``dy_j/dx_i``,
# and which matrix contains these slopes? What is the Jacobian of the ReLU, where each output depends on one input only?
# By the chain rule, the network's J is the product of three matrices. The matrix of the last layer stands on the left.


@unaided()
def my_jacobian(x, W_1, b_1, W_2, b_2):
    """J (out, in) with J_ij = dz_i/dx_j, for z = relu(x W_1 + b_1) W_2 + b_2 at x (in,)."""
    ### BEGIN SOLUTION
    J_1 = W_1.T  # (hidden, in)
    J_relu = np.diag(1.0 * (x @ W_1 + b_1 > 0))  # (hidden, hidden)
    J_2 = W_2.T  # (out, hidden)
    return J_2 @ J_relu @ J_1
    ### END SOLUTION


J = my_jacobian(x.ravel(), *net.weights["fc1"], *net.weights["fc2"])
same("3.1 by walks, row by row", J, rows(net.run(x)))
same("3.1 by differences, column by column", J, columns(net, x), within=1e-8)
W_1, b_1, W_2, b_2 = *net.weights["fc1"], *net.weights["fc2"]
same("3.1 if all hidden numbers are near 0", my_jacobian(x.ravel(), 1e-6 * W_1, 1e-6 * b_1, W_2, b_2), 1e-6 * np.asarray(J))
same("3.1 in a wider network", my_jacobian(x.ravel(), *wide.weights["fc1"], *wide.weights["fc2"]), rows(wide.run(x)))

# %%
# A walk from the seed u multiplies from the left, ``((u^T J_2) J_relu) J_1``. In each step, it multiplies a vector by a
# matrix. With ``u = e_i`` the walk gives row i. Differences along ``e_j`` multiply from the right,
# ``J_2 (J_relu (J_1 e_j))``, and give column j. A heatmap needs the slopes of one number, the score, with respect to
# every number of the picture. These slopes are one row, and one walk gives the whole row. Differences would need two
# runs for every number of the picture. This is why we walk backwards.
#
# What Jacobians look like
# ------------------------
#
# The next figure shows the Jacobians of four layers. We compute them row by row. In each Jacobian, a frame marks one
# row. This row shows on which inputs one output depends.


def layer(op, x, weights=(), **attributes):
    """The tape of one layer, y = op(input)."""
    tape = ta.Tape()
    tape.leaf("input", x)
    tape.write(op, "y", "input", weights, **attributes)
    return tape


def again(record):
    """The layer as a function of its input."""
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
same("dense: J is W transposed", J["dense"], W.T)
same("relu: J has 0 or 1 on the diagonal", J["relu"], np.diag(1.0 * (vector[0] > 0)))
same("conv2d: the row of output (2, 3) contains the kernel", J["conv2d"][15].reshape(6, 6)[1:4, 2:5], kernel[:, :, 0, 0])
holds("max_pool: each row has one 1", ((J["max_pool"] == 1).sum(1) == 1).all() and J["max_pool"].sum() == 9)

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
# A convolution with **stride** s moves its kernel by s places from one output to the next. If no zeros are put around
# the picture, ``y[n,i,j,k] = Σ_uvc x[n, s i + u, s j + v, c] kernel[u,v,c,k]``. Here n counts pictures, (i, j) is a
# place of the output, (u, v) is a place of the kernel, c is an input channel (feature map), and k is an output channel.
# Each output multiplies some numbers of x by numbers of the kernel. On the way back, ``g[n,i,j,k]`` goes to each of
# these numbers of x, multiplied by the number of the kernel by which this x was multiplied. Write the backward rule in
# plain loops.


@unaided()
def my_conv2d(record, g):
    """m[n, s i + u, s j + v, c] += Σ_k g[n,i,j,k] kernel[u,v,c,k], for all n, i, j, u, v, c."""
    (x,), (kernel, _), s = record.x, record.weights, record.attributes["stride"]
    m = np.zeros_like(x)  # (N, H, W, C)
    ### BEGIN SOLUTION
    for n, i, j in np.ndindex(g.shape[:3]):
        for u, v in np.ndindex(kernel.shape[:2]):
            m[n, s * i + u, s * j + v] += kernel[u, v] @ g[n, i, j]  # (C, K) @ (K,)
    ### END SOLUTION
    return (m,)


for stride in (1, 2):
    weights = rng.normal(size=(3, 2, 4, 5)), np.zeros(5)
    tape = layer("conv2d", rng.normal(size=(2, 5, 6, 4)), weights, stride=stride)  # two pictures
    mine = rows(tape, {**ta.GRADIENT, "conv2d": my_conv2d})
    same(f"3.2 stride {stride}, the library's rule", mine, rows(tape))
    J_columns = columns(again(tape["y"]), tape["input"].output)
    same(f"3.2 stride {stride}, by differences", mine, J_columns, within=1e-8)

# %%
# Testing a rule with one number
# ------------------------------
#
# The first convolution of VGG19, a well-known image classifier, has 3,211,264 outputs and 150,528 inputs. Nobody can
# check such a J entry by entry. We write ``⟨a, b⟩`` for the dot product of two arrays: the sum of the products of
# their entries. Take any array u with the outputs' shape and any array v with the inputs' shape. Then
# ``⟨u, J v⟩ = ⟨J^T u, v⟩``. On the left, we get ``J v`` by a central difference along v, which takes two runs. On the
# right, the rule gives ``J^T u``. If the two numbers differ by more than rounding, the rule is wrong. This is called
# the **dot-product test**. The next cell has four wrong rules, which a good test should find.


def transposed(tape, book):
    """J^T u as a function of u: one walk."""
    return lambda u: ta.walk(tape, {"y": u}, book)["input"]


WRONG = {
    "dense": lambda record, g: (g[:, ::-1] @ record.weights[0].T,),  # takes the outputs in reverse order
    "relu": lambda record, g: (g,),  # lets every signal pass
    "conv2d": lambda record, g: (g * record.weights[0].sum(),),  # does not spread the signal over the kernel's places
    "max_pool": lambda record, g: (g.repeat(2, 1).repeat(2, 2) / 4,),  # is the rule of an average pool
}
same("the numbers of outputs and inputs of VGG19's first convolution", [224 * 224 * 64, 224 * 224 * 3], [3_211_264, 150_528])

# %%
# Exercise 3.3 (prove): the dot-product test
# ------------------------------------------
#
# Write the test. Take u and v at random. A wrong rule is then found with probability 1, if the rule is linear in g and
# wrong at this x. Divide the gap (the absolute difference of the two numbers) by the lengths of u and of ``J v``, so
# that you can compare the gaps of different layers. When your test works, make two trials. First, replace the random u
# by ``np.ones``. Second, take a random u again, and replace the random v by ``np.ones``. Which wrong rules pass in
# the first trial, and which in the second?


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
steep = gap(lambda x: 1000 * x, lambda u: 250 * u, np.ones((1, 1)), np.random.default_rng(2))
same("3.3 for y = 1000 x and a rule that returns 250 u, the gap is 3/4", steep, 3 / 4, within=1e-8)
across = [gap(lambda x: x, lambda u: 0 * u, np.ones((1, 2)), np.random.default_rng(k)) for k in range(200)]
holds("3.3 for y = x and a rule that returns 0, the gap is |cos| of the angle between u and v",
      max(across) < 1 + 1e-8 and 0.3 < np.square(across).mean() < 0.95, "divide by |u| and by |J v|")
a = np.array([[1.0, 2.0]])
along = gap(lambda x: x, lambda u: (u * a).sum() * a / (a * a).sum(), a, np.random.default_rng(3))
holds("3.3 for y = x and a rule that projects u on x, the gap is not 0", along > 1e-6, "take v at random")

# %%
# Kinks and ties
# --------------
#
# At a **kink**, such as ReLU's at 0, a function has no single slope. So J does not exist there, and a rule must choose
# a value. This library chooses the slope 0 for ReLU at 0; central differences give 1/2. A **tie** is a window of
# max_pool where several places have the largest value. This library sends the signal to the first of these places,
# counted row by row. A colleague's rule sends the whole signal to **every** one of these places. Random numbers are
# practically never equal, so a test with random numbers does not find this mistake.


def every_maximum(record, g):
    """m = g at every place whose value is the maximum of its window, for windows of 2 x 2 with stride 2."""
    return (g.repeat(2, 1).repeat(2, 2) * (record.x[0] == record.output.repeat(2, 1).repeat(2, 2)),)


at_kink = layer("relu", np.zeros((1, 1)))
same("ReLU at 0: the rule gives 0", rows(at_kink), [[0]])
same("ReLU at 0: central differences give 1/2", columns(again(at_kink["y"]), np.zeros((1, 1))), [[0.5]])
same("without ties, both rules give the same J", rows(layers["max_pool"], {"max_pool": every_maximum}), J["max_pool"])

# %%
# Exercise 3.4 (break): every maximum
# -----------------------------------
#
# The colleague's rule can return more signal than it gets. Find an input x for which it returns as much signal as
# possible. The input must be a possible output of a ReLU.


def worst():
    """Maps (1, 4, 4, 1), all entries 0 or more."""
    ### BEGIN SOLUTION
    return np.zeros((1, 4, 4, 1))
    ### END SOLUTION


tape = layer("max_pool", worst(), size=2, stride=2)
one = np.ones((1, 2, 2, 1))  # a signal of 1 at each of the four outputs
made = ta.walk(tape, {"y": one}, {"max_pool": every_maximum})["input"].sum()
kept = ta.walk(tape, {"y": one}, ta.GRADIENT)["input"].sum()
holds("3.4 no entry is negative, as after a ReLU", (tape["input"].output >= 0).all())
same("3.4 four times the signal comes back", made, 16)
same("3.4 the library's rule returns as much signal as it gets", kept, 4)

# %%
# Are ties rare? We look into tinyattr's own network of glyphs, which is called the embedded network. In its first pool,
# more than a quarter of all windows contain only zeros. In its last pool, nearly nine in ten windows contain only
# zeros. At a tie there is no derivative, so a rule must choose which places get the signal. One law limits the choice.
# Let g be the signal that arrives at the window's maximum: the slope of a score S with respect to this maximum. If all
# numbers of the window rise by h, the maximum also rises by h, and S rises by g h. So the signals that the rule gives
# to the places of the window should add up to g. The next figure shows four choices.

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
same("the sums of the signals are 1, 1, 2 and 4", [m.sum() for m in choices.values()], [1, 1, 2, 4], within=1e-9)

glyphs = ta.load("glyphs")
tape = glyphs.run(glyphs.read(example().picture))
silent = [(tape[f"block{b}_pool"].output == 0).mean() for b in range(1, 6)]  # after a ReLU, a maximum of 0 means only zeros
print("share of windows with only zeros, blocks 1 to 5:", np.round(silent, 2))
holds("more than a quarter of the windows in the first pool", 0.25 < silent[0] < 0.3)
holds("nearly nine in ten windows in the last pool", 0.85 < silent[4] < 0.9)

# %%
# Exercise 3.5 (decide): what a walk gives for a seed
# ---------------------------------------------------
#
# A **seed** is what a walk starts from: here an array at the logits. J is the network's Jacobian dz/dx, and u and w are
# any two seeds. Which of these statements are true for every network? Write ``answer = {"A": ..., ...}`` with True or
# False.
#
# - A: a walk with the seed ``e_i`` gives row i of J.
# - B: a walk with the seed (1, ..., 1) gives the sum of the columns of J.
# - C: the walk with the seed u + w gives the sum of the walks with u and with w.
# - D: statement C is also true with the rule-book of guided backpropagation. Its rule for ReLU lets only positive
#   signals pass.
# - E: a walk whose seed is row c of softmax's Jacobian dy/dz gives ``dy_c/dx``.

### BEGIN SOLUTION
answer = {"A": True, "B": False, "C": True, "D": False, "E": True}
### END SOLUTION


def measured(net):
    """Which of the statements are true for this network at x. Twenty pairs of random seeds test C and D."""
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
predicts("3.5 in a wider network", answer, measured(wide))

# %%
# What you can say now
# --------------------
#
# - A walk gives a row of the Jacobian, or a linear combination of rows. The seed holds the weights of this combination.
#   One walk is enough for a heatmap.
# - A rule computes ``m = J^T g``. Two random arrays test a rule by one number, the gap, no matter how large J is.
# - At kinks and ties, a rule must choose. A test with random numbers does not show the choice. In a trained network,
#   ties are common.
#
# Talk about it: the gradient of the score ``y_c`` is a linear combination of the gradients of all logits. What are the
# weights? (Lesson 7 gives the answer.)
