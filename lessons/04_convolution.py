"""
4. A convolution, and its gradient
==================================

**Question:** Why is a convolution a thousand times faster if a matrix product computes it? Why is its gradient a convolution, too?

:Time: 65 min (20 read, 35 solve, 10 discuss)
:CPU: 2 s
:Needs: lesson 3
:After this you can: write a convolution as loops and as nine matrix products; count its multiplications; say what the zeros around a picture change; write the backward pass of a convolution as a convolution
:Figures: 04_orders.png
:Words: explained in the `glossary <../glossary.html>`_

A VGG network, such as our network of glyphs, spends nearly all its time on one formula,
``y_ijk = b_k + Σ_{u,v,c} x_{i+u-1, j+v-1, c} w_uvck``. This is a 3 x 3 convolution with zeros around the picture.
``(i, j)`` is a place in the picture, ``(u, v)`` a place in the kernel, c an input channel and k an output channel. You
will compute the sum in the order of the definition, and then in a fast order. Then you will write the backward pass. (A
third way, in lesson 21, usually needs less than half of the multiplications.)
"""

# %%
# Predict first
# -------------
#
# The input of a layer has 56 x 56 pixels with 64 channels, and so does its output. Before you run anything, write down
# your answers:
#
# - How many multiplications does the formula need?
# - Python can do these multiplications one by one, or it can call matrix products. How many times faster are the matrix
#   products?
# - A picture is moved by one pixel to the right. Does the result of a convolution only move by one pixel, or does
#   something else change?

import time
from itertools import product

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import agrees, holds, predicts, same, show, unaided
from tinyattr.engine.ops import conv2d
from tinyattr.studies.draw import SIGNED


def layer(H, C, K, random_state=0):
    """Random x (H, H, C), w (3, 3, C, K), b (K,): C input and K output channels. The outputs are about as large as 1."""
    rng = np.random.default_rng(random_state)
    w = rng.standard_normal((3, 3, C, K)) / np.sqrt(9 * C)
    return rng.standard_normal((H, H, C)), w, rng.standard_normal(K)


# %%
# The definition
# --------------
#
# The definition needs six loops: two for the place in the picture, one for the output channel, two for the place in the
# kernel and one for the input channel. (A **batch**, several pictures in one array, would need a seventh loop.) Pixels
# outside the picture are 0, so the loops skip them.


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
    """A number that can be an element of an array. The class counts the multiplications of all such numbers, but not their additions."""

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
    """How many multiplications `convolve` does on H x H pixels with C input and K output channels, counted while it runs."""
    Counted.multiplications = 0
    convolve(*(np.vectorize(Counted, otypes=[object])(a) for a in layer(H, C, K)))
    return Counted.multiplications


rng = np.random.default_rng(1)
x, w, b = layer(6, 2, 3)
y = by_loops(x, w, b)  # (6, 6, 3)
same("the loops and the library compute the same convolution", y, conv2d(x[None], w, b, padding=1)[0])

# %%
# Exercise 4.1 (predict): count multiplications
# ---------------------------------------------
#
# How many multiplications do the loops do on H x H pixels with C input channels and K output channels? Inside the
# picture, the loops do nine multiplications for each pixel and each pair of an input and an output channel. Along the
# border they do fewer, because they skip the zeros outside. Write the numbers for three cases (H, C, K),
# ``count = {(3, 1, 1): ..., (6, 1, 1): ..., (6, 2, 3): ...}``.

### BEGIN SOLUTION
count = {(3, 1, 1): 49, (6, 1, 1): 256, (6, 2, 3): 1536}
### END SOLUTION

pairs = {H: sum(0 <= i + u - 1 < H for i in range(H) for u in range(3)) for H in (3, 6)}  # along one axis: pairs (i, u) whose i + u - 1 is in the picture
sizes = ((3, 1, 1), (6, 1, 1), (6, 2, 3))
predicts("4.1 by a formula", count, {(H, C, K): pairs[H] ** 2 * C * K for H, C, K in sizes})
predicts("4.1 by counting while the loops run", count, {size: multiplications(by_loops, *size) for size in sizes})

# %%
# In one direction, H pixels and 3 kernel places form 3H pairs, of which 2 lie outside. So the loops do
# ``(3H - 2)² C K`` multiplications.
#
# Exercise 4.2 (complete): nine matrix products
# ---------------------------------------------
#
# Keep the place (u, v) in the kernel fixed. Then the sum becomes ``Σ_c x_{i+u-1, j+v-1, c} w_uvck`` for all i, j, k.
# This is the shifted picture times the matrix ``w[u, v]`` (C, K). So a convolution is the sum of nine matrix products,
# and each product takes another shifted slice of the picture. Take the slices from ``padded``, the picture with zeros
# around it. If A has the shape (H, W, C) and B has the shape (C, K), then ``A @ B`` has the shape (H, W, K).


@unaided()
def nine_products(x, w, b):
    """y = b + Σ_{u,v} x[shifted by u, v] @ w[u, v]: the same sum in another order."""
    (H, W, _), padded = x.shape, np.pad(x, ((1, 1), (1, 1), (0, 0)))  # (H + 2, W + 2, C)
    ### BEGIN SOLUTION
    return b + sum(padded[u:u + H, v:v + W] @ w[u, v] for u, v in product(range(3), range(3)))
    ### END SOLUTION


agrees("4.2 the loops give the same", nine_products, by_loops, [(x, w, b)])
endless, at_edge = w.copy(), np.zeros((6, 6), bool)
endless[0, 0], at_edge[0], at_edge[:, 0] = np.inf, True, True
with np.errstate(invalid="ignore"):  # 0 · inf is NaN: at the border, a NaN shows that zeros outside were multiplied, too
    found = np.isnan(nine_products(np.abs(x), endless, b))
same("4.2 every pixel has nine products, also at the border", found.all(2), at_edge)
cases = [[rng.normal(size=shape) for shape in ((H, W, C), (3, 3, C, K), (K,))] for H, W, C, K in ((4, 7, 5, 2), (6, 1, 2, 4))]
agrees("4.2 for pictures that are not square", nine_products, lambda x, w, b: conv2d(x[None], w, b, padding=1)[0], cases)

# %%
# The part of the library that computes in plain NumPy is called the **NumPy backend**. It puts the nine slices side by
# side in one matrix ``(H W, 9 C)``. Then it needs only one product, with a matrix ``(9 C, K)`` of all weights.


def by_matrix_product(x, w, b):
    """The library's convolution of one picture in plain NumPy, as one matrix product."""
    return conv2d(x[None], w, b, padding=1)[0]


same("one matrix product gives the same convolution", by_matrix_product(x, w, b), y)

# %%
# Measuring time
# --------------
#
# Now we measure times for a layer of 56 x 56 pixels with 64 input and 64 output channels. The loops compute only one of
# the output channels, and we multiply their time by 64. For the matrix product we take the fastest of five runs. Times
# depend on the machine and on the day, so no check tests them.


def clock(run, runs):
    """(the result of run(), the seconds of its fastest run)."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        answer = run()
        seconds.append(time.perf_counter() - start)
    return answer, min(seconds)


x_large, w_large, b_large = layer(56, 64, 64)
exact, seconds = clock(lambda: by_matrix_product(x_large, w_large, b_large), runs=5)
first_channel, loops = clock(lambda: by_loops(x_large, w_large[..., :1], b_large[:1]), runs=1)
same("the loops give the same numbers", first_channel, exact[..., :1])
print(f"{(3 * 56 - 2)**2 * 64 * 64:,} multiplications: loops {64 * loops:.1f} s, one matrix product {1e3 * seconds:.1f} ms, "
      f"{64 * loops / seconds:,.0f} times as fast")

# %%
# Except at the border, the multiplications are the same in both cases. So the difference in time comes from their order
# and from the program that does them. The loops run in Python, one number at a time. A matrix product is compiled code,
# and it reads numbers in the order in which they lie in memory.
#
# Zeros around the picture
# ------------------------
#
# A convolution asks the same question everywhere. So we expect that its answers move when the picture moves. The next
# cell takes a picture with one bright pixel. It moves the picture by one column before the convolution, or it moves the
# result afterwards.


def moved(a):
    """The array (H, W, C), moved by one column to the right. Zeros come in on the left, and the last column is lost."""
    return np.pad(a, ((0, 0), (1, 0), (0, 0)))[:, :-1]


def both_orders(bright, H):
    """(moved, then convolved; convolved, then moved), each (H, H). The picture has one bright pixel."""
    pixel, kernel = np.zeros((H, H, 1)), np.arange(1.0, 10.0).reshape(3, 3, 1, 1)
    pixel[bright] = 1
    return by_matrix_product(moved(pixel), kernel, 0)[..., 0], moved(by_matrix_product(pixel, kernel, 0))[..., 0]


first, second = both_orders((3, 3), 7)
same("in the middle of the picture, both orders give the same", first, second)

# %%
# Exercise 4.3 (break): where the orders differ
# ---------------------------------------------
#
# Find one place for the bright pixel, ``bright = (row, column)``, for which the two orders differ in pictures of any
# size. Why do they differ there?

### BEGIN SOLUTION
bright = (2, 0)  # its output at column -1 is cut off; if the pixel moves first, this output is at column 0 and is kept
### END SOLUTION

holds("4.3 this place (row, column) exists in the smallest picture, too", np.shape(bright) == (2,) and all(-5 <= place < 5 for place in bright),
      "the smallest picture has rows 0 to 4 and columns 0 to 4")
for H in (5, 7, 12):
    first, second = both_orders(bright, H)
    holds(f"4.3 the orders differ in {H} x {H} pixels", np.abs(first - second).max() > 0.5, "try the edges, one by one")
    holds(f"4.3 the orders differ only at the border of {H} x {H}", not np.abs(first - second)[:, 1:-1].any())

# %%
# The next figure shows both orders, first for a pixel in the middle and then for a pixel on the left edge.

figure = Figure(figsize=(8.2, 4.6), layout="constrained")
for axes, place in zip(figure.subplots(2, 3), ((3, 3), (3, 0)), strict=True):
    first, second = both_orders(place, 7)
    for ax, a, title in zip(axes, (first, second, first - second), ("moved, then convolved", "convolved, then moved", "difference"),
                            strict=True):
        ax.imshow(a, cmap=SIGNED, vmin=-9, vmax=9)
        ax.set(xticks=[], yticks=[], title=title)
    axes[0].set_ylabel(f"pixel at {place}")
figure.suptitle("A bright pixel is moved by one column before or after a convolution")
show(figure, "04_orders.png")

# %%
# Exercise 4.4 (complete): the way back is a convolution
# ------------------------------------------------------
#
# The backward pass gets ``g = dS/dy`` (H', W', K) and computes ``m = dS/dx`` (H, W, C). Each input pixel takes part in
# the outputs around it, so it collects signals from all of them: ``m_{i+u-p, j+v-p, c} += Σ_k g_ijk w_uvck``. Here p is
# the padding. All these sums form a convolution of g with another kernel. We get this kernel if we turn the kernel of
# the forward pass by 180 degrees and exchange its input and output channels. Both kernels have s x s places. Find the
# padding of the backward convolution. (A hint: begin with the special case H' = H. Which p gives H' = H?
# Which padding does the backward convolution need then?)


@unaided(conv2d)
def way_back(g, w, p):
    """dS/dx of y = conv2d(x, w, b, padding=p) from g = dS/dy (N, H', W', K). Call conv2d once."""
    ### BEGIN SOLUTION
    turned = w[::-1, ::-1].transpose(0, 1, 3, 2)  # (s, s, K, C)
    return conv2d(g, turned, np.zeros(w.shape[2]), padding=len(w) - 1 - p)
    ### END SOLUTION


rng = np.random.default_rng(1)
for size, p, C, K in ((3, 1, 4, 4), (3, 1, 2, 5), (5, 1, 2, 3), (5, 2, 3, 2)):
    w, x = rng.standard_normal((size, size, C, K)), rng.standard_normal((2, 7, 6, C))
    tape = ta.network([("conv", "conv2d", {"padding": p})], {"conv": (w, np.zeros(K))}).run(x)
    g = rng.standard_normal(tape["conv"].output.shape)
    m = ta.walk(tape, {"conv": g}, ta.GRADIENT)["input"]
    agrees(f"4.4 the library's rule, {size} x {size}, p = {p}, {C} to {K}", way_back, lambda g, w, p, m=m: m, [(g, w, p)])
    same(f"4.4 dot products agree, {size} x {size}, p = {p}, {C} to {K}", np.vdot(way_back(g, w, p), x),
         np.vdot(g, tape["conv"].output))

# %%
# So everything that makes a convolution fast also makes its gradient fast. The library's compiled functions for a
# convolution use the same code in both directions.
#
# What you can say now
# --------------------
#
# - A 3 x 3 convolution is the sum of nine matrix products of shifted slices, or one product of large matrices. Compiled
#   code does nearly the same multiplications in another order. It needs only a small part of the time. You have printed
#   the factor.
# - If a picture moves, its convolution moves with it. This is not true at the border. There the output is cut off, and
#   pixels are lost or replaced by zeros.
# - The gradient of a convolution with respect to its input is a convolution with the turned kernel and exchanged
#   channels.
#
# Talk about it: two programs compute the same convolution, and their results agree to six digits. Then a ReLU follows.
# Can their gradients differ in the first digit? (Look for a number that is nearly 0.)
