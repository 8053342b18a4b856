"""
4. A convolution, and its gradient
==================================

**Question:** Why is one sum a thousand times faster in another order, and why is its gradient the same sum again?

:Time: 60 min (15 read, 35 solve, 10 discuss)
:CPU: 2 s
:Needs: lesson 3
:After this you can: write a convolution as loops and as nine matrix products; count its multiplications; say what zeros around a picture break; write the backward pass of a convolution as a convolution
:Figures: 04_orders.png
:Words: explained in the `glossary <../glossary.html>`_

Nearly all the time of a VGG goes into one formula, ``y_ijk = b_k + Σ_{u,v,c} x_{i+u-1, j+v-1, c} w_uvck``, a 3 x 3
convolution with zeros around the picture. You will compute it as it is defined and in an order that is fast, and then run
it backwards. (An appendix to the course, on Winograd's tiles, has a third way, with less than half of the multiplications.)
"""

# %%
# Predict first
# -------------
#
# A layer takes 56 x 56 pixels with 64 channels to 56 x 56 pixels with 64 channels. Write down, before you run
# anything:
#
# - how many multiplications does the formula ask for;
# - the same multiplications, once one by one in Python and once as matrix products: how many times faster are the
#   products;
# - a picture is moved by one pixel to the right. Is its convolution moved, too, and nothing else?

import time
from itertools import product

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import holds, predicts, same, show, unaided
from tinyattr.engine.ops import conv2d
from tinyattr.studies.draw import SIGNED


def layer(H, C, K, random_state=0):
    """x (H, H, C), w (3, 3, C, K), b (K,): normal numbers, outputs of about size 1, float64."""
    rng = np.random.default_rng(random_state)
    w = rng.standard_normal((3, 3, C, K)) / np.sqrt(9 * C)
    return rng.standard_normal((H, H, C)), w, rng.standard_normal(K)


# %%
# The definition
# --------------
#
# Seven loops if you count the pictures of a batch, six here: where in the picture, which output channel, where in the
# kernel, which input channel. What lies outside the picture is 0 and is skipped.


def by_loops(x, w, b):
    """y_ijk = b_k + Σ_{u,v,c} x_{i+u-1, j+v-1, c} w_uvck, one number at a time."""
    (H, W, C), K = x.shape, w.shape[3]
    y = np.zeros((H, W, K), x.dtype)
    for i, j, k in product(range(H), range(W), range(K)):
        total = b[k]
        for u, v in product(range(3), range(3)):
            row, column = i + u - 1, j + v - 1
            if 0 <= row < H and 0 <= column < W:
                for c in range(C):
                    total = total + x[row, column, c] * w[u, v, c, k]
        y[i, j, k] = total
    return y


class Counted:
    """A number that counts multiplications; additions are free. Arrays can be made of such numbers."""

    multiplications = 0

    def __init__(self, value):
        self.value = value.value if isinstance(value, Counted) else value

    def __mul__(self, other):
        Counted.multiplications += 1
        return Counted(self.value * Counted(other).value)

    def __add__(self, other):
        return Counted(self.value + Counted(other).value)

    __rmul__, __radd__ = __mul__, __add__


def multiplications(convolve, H, C, K):
    """How many multiplications `convolve` does on H x H pixels, C channels in, K out: counted while it does them."""
    Counted.multiplications = 0
    convolve(*(np.vectorize(Counted, otypes=[object])(a) for a in layer(H, C, K)))
    return Counted.multiplications


rng = np.random.default_rng(1)
x, w, b = layer(6, 2, 3)
y = by_loops(x, w, b)  # (6, 6, 3)
same("the loops are the library's convolution", y, conv2d(x[None], w, b, padding=1)[0])

# %%
# Exercise 4.1 (predict): count
# -----------------------------
#
# How many multiplications do the loops make on H x H pixels, from C channels to K? Nine for every pixel and pair of
# channels, but fewer along the border: zeros outside are skipped. Write ``count = {(3, 1, 1): ..., (6, 1, 1): ..., (6, 2,
# 3): ...}`` for three (H, C, K).

### BEGIN SOLUTION
count = {(3, 1, 1): 49, (6, 1, 1): 256, (6, 2, 3): 1536}
### END SOLUTION

pairs = {H: sum(0 <= i + u - 1 < H for i in range(H) for u in range(3)) for H in (3, 6)}  # rows of picture and kernel that meet
sizes = ((3, 1, 1), (6, 1, 1), (6, 2, 3))
predicts("4.1 by the pairs that meet", count, {(H, C, K): pairs[H] ** 2 * C * K for H, C, K in sizes})
predicts("4.1 counted while the loops run", count, {size: multiplications(by_loops, *size) for size in sizes})

# %%
# So the count is ``(3H - 2)² C K``.
#
# Exercise 4.2 (complete): nine matrix products
# ---------------------------------------------
#
# Hold the place (u, v) in the kernel fixed. What is left is ``Σ_c x_{i+u-1, j+v-1, c} w_uvck`` for all i, j, k: the
# picture, shifted, times the matrix ``w[u, v]``, (C, K). So a convolution is the sum of nine matrix products of nine
# shifted slices. Start from the padded picture; ``A @ B`` multiplies the last axis of A, (H, W, C), with B, (C, K).


@unaided()
def nine_products(x, w, b):
    """y = b + Σ_{u,v} x[shifted by u, v] @ w[u, v]: the same sum, other order."""
    (H, W, _), padded = x.shape, np.pad(x, ((1, 1), (1, 1), (0, 0)))  # (H + 2, W + 2, C)
    ### BEGIN SOLUTION
    return b + sum(padded[u:u + H, v:v + W] @ w[u, v] for u, v in product(range(3), range(3)))
    ### END SOLUTION


same("4.2 against the loops", nine_products(x, w, b), y)
endless, at_edge = w.copy(), np.zeros((6, 6), bool)
endless[0, 0], at_edge[0], at_edge[:, 0] = np.inf, True, True
with np.errstate(invalid="ignore"):  # 0 · inf is not a number: it shows where the zeros around the picture were multiplied
    found = np.isnan(nine_products(np.abs(x), endless, b))
same("4.2 all nine for every pixel, at the border, too", found.all(2), at_edge)
x_wide, w_wide, b_wide = rng.normal(size=(4, 7, 5)), rng.normal(size=(3, 3, 5, 2)), rng.normal(size=2)
wanted = conv2d(x_wide[None], w_wide, b_wide, padding=1)[0]
same("4.2 a picture that is not square", nine_products(x_wide, w_wide, b_wide), wanted)

# %%
# The library's **NumPy backend**, which computes wherever no fast kernel does, goes one step further. It puts the nine
# slices side by side, ``(H W, 9 C)``, and makes a single matrix product with ``(9 C, K)``.


def by_matrix_product(x, w, b):
    """The library's convolution of one picture, in plain NumPy: one matrix product."""
    return conv2d(x[None], w, b, padding=1)[0]


same("one matrix product is the same convolution", by_matrix_product(x, w, b), y)

# %%
# The clock
# ---------
#
# Now on the layer from the beginning. The loops do one of its 64 output channels, and we take that times 64; the matrix
# product shows the fastest of five runs. Times differ from machine to machine and from day to day, so none is asserted.


def clock(run, runs):
    """The answer of a function of nothing, and the seconds of its fastest run."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        answer = run()
        seconds.append(time.perf_counter() - start)
    return answer, min(seconds)


x_large, w_large, b_large = layer(56, 64, 64)
exact, seconds = clock(lambda: by_matrix_product(x_large, w_large, b_large), runs=5)
first_channel, loops = clock(lambda: by_loops(x_large, w_large[..., :1], b_large[:1]), runs=1)
same("loops: the same numbers", first_channel, exact[..., :1])
print(f"{(3 * 56 - 2)**2 * 64 * 64:,} multiplications: loops {64 * loops:.1f} s, one matrix product {1e3 * seconds:.1f} ms, "
      f"{64 * loops / seconds:,.0f} times as fast")

# %%
# The multiplications are the same (but for the border), so all of the gain is in their order and in who runs them: a
# matrix product walks through memory in the order in which the numbers lie there.
#
# Zeros around the picture
# ------------------------
#
# A convolution asks the same question everywhere, so one expects: move the picture, and the answers move with it. Here is
# a bright pixel that is moved by one column to the right, before or after the convolution.


def moved(a):
    """The array (H, W, C), one column to the right; zeros come in on the left, and the last column is lost."""
    return np.pad(a, ((0, 0), (1, 0), (0, 0)))[:, :-1]


def both_orders(bright, H):
    """(moved, then convolved; convolved, then moved), each (H, H), for a picture with one bright pixel at (row, column)."""
    pixel, kernel = np.zeros((H, H, 1)), np.arange(1.0, 10.0).reshape(3, 3, 1, 1)
    pixel[bright] = 1
    return by_matrix_product(moved(pixel), kernel, 0)[..., 0], moved(by_matrix_product(pixel, kernel, 0))[..., 0]


first, second = both_orders((3, 3), 7)
same("in the middle of the picture, both orders are one", first, second)

# %%
# Exercise 4.3 (break): not everywhere
# ------------------------------------
#
# Find a place for the bright pixel, ``bright = (row, column)``, where the two orders differ, in pictures of any size. What
# do the zeros around the picture have to do with it?

### BEGIN SOLUTION
bright = (2, 0)  # its answers to the left of it are outside; after moving the pixel, they are inside
### END SOLUTION

holds("4.3 a pixel of every picture", np.shape(bright) == (2,) and all(-5 <= place < 5 for place in bright),
      "the smallest picture has 5 rows and 5 columns, counted from 0")
for H in (5, 7, 12):
    first, second = both_orders(bright, H)
    holds(f"4.3 the orders differ in {H} x {H} pixels", np.abs(first - second).max() > 0.5, "try the edges, one by one")
    holds(f"4.3 and only at the border of {H} x {H}", not np.abs(first - second)[:, 1:-1].any())

# %%
# What the two orders make of a pixel in the middle, and of one on the left edge:

figure = Figure(figsize=(8.2, 4.6), layout="constrained")
for axes, place in zip(figure.subplots(2, 3), ((3, 3), (3, 0)), strict=True):
    first, second = both_orders(place, 7)
    for ax, a, title in zip(axes, (first, second, first - second), ("moved, then convolved", "convolved, then moved", "difference"),
                            strict=True):
        ax.imshow(a, cmap=SIGNED, vmin=-9, vmax=9)
        ax.set(xticks=[], yticks=[], title=title)
    axes[0].set_ylabel(f"pixel at {place}")
figure.suptitle("A bright pixel, moved by one column before or after a convolution")
show(figure, "04_orders.png")

# %%
# Exercise 4.4 (complete): the way back is a convolution
# ------------------------------------------------------
#
# The backward pass has ``g = dS/dy``, (H', W', K), and wants ``m = dS/dx``, (H, W, C). An input pixel takes part in
# the outputs around it, ``m_{i+u-p, j+v-p, c} += Σ_k g_ijk w_uvck``: every arrow of the forward pass the other way
# round. Collect what arrives at one pixel, and it is again a convolution: of g, with the kernel turned by 180 degrees
# and its channels exchanged. Find its padding, too, for a k x k kernel that went forward with padding p. (Which p
# makes H' = H?)


@unaided(conv2d)
def way_back(g, w, p):
    """dS/dx of y = conv2d(x, w, b, padding=p), from g = dS/dy, (N, H', W', K). One call of conv2d."""
    ### BEGIN SOLUTION
    turned = w[::-1, ::-1].transpose(0, 1, 3, 2)  # (k, k, K, C)
    return conv2d(g, turned, np.zeros(w.shape[2]), padding=len(w) - 1 - p)
    ### END SOLUTION


rng = np.random.default_rng(1)
for size, p, C, K in ((3, 1, 4, 4), (3, 1, 2, 5), (5, 1, 2, 3)):
    w, x = rng.standard_normal((size, size, C, K)), rng.standard_normal((2, 7, 6, C))
    tape = ta.network([("conv", "conv2d", {"padding": p})], {"conv": (w, np.zeros(K))}).run(x)
    g = rng.standard_normal(tape["conv"].output.shape)
    m = ta.walk(tape, {"conv": g}, ta.GRADIENT)["input"]
    same(f"4.4 the library's rule, {size} x {size}, p = {p}, {C} to {K}", way_back(g, w, p), m)
    same(f"4.4 dot products agree, {size} x {size}, p = {p}, {C} to {K}", np.vdot(way_back(g, w, p), x),
         np.vdot(g, tape["conv"].output))

# %%
# So whatever makes a convolution fast makes its gradient fast: the library runs the same kernel both ways.
#
# What you can say now
# --------------------
#
# - A convolution is nine matrix products of shifted slices. The same multiplications in another order take a small
#   part of the time; how small, you have printed.
# - It moves with the picture, but not at the border, where zeros come in.
# - The gradient of a convolution with respect to its input is a convolution with the turned, transposed kernel.
#
# Talk about it: two programs agree to six digits on a convolution, then a ReLU follows. Can their gradients differ in
# the first digit? (Look for a number that is nearly 0.)
