"""
21. Appendix: a convolution with fewer multiplications
======================================================

**Question:** Can sums of products be computed with fewer multiplications than they have products?

:Time: 65 min (25 read, 30 solve, 10 discuss)
:CPU: 3 s
:Needs: lesson 4
:After this you can: write a convolution by Winograd's tiles; prove an identity by twelve cases; count the multiplications that tiles save; say how many digits they cost
:Figures: 21_winograd.png, 21_rounding.png
:Words: explained in the `glossary <../glossary.html>`_

Lesson 4 changed the order in which a convolution adds its products. That made it fast. The compiled convolution in
``tinyattr/kernels`` goes one step further for most 3 x 3 convolutions with stride 1. It usually needs less than half
of the multiplications, and gives the same numbers, except for rounding. Nothing in the course depends on this appendix.
It is for readers of ``tinyattr/kernels``, and for everybody who doubts that fewer multiplications can be enough.
"""

# %%
# Predict first
# -------------
#
# Write down, before you run anything:
#
# - A filter with three weights computes each output as a sum of three products. Can you compute two neighbouring
#   outputs with four multiplications instead of six?
# - If a layer needs a quarter of the multiplications, does it take a quarter of the time?

import time
from fractions import Fraction
from itertools import product

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch

import tinyattr as ta
from tinyattr.course import holds, passes, predicts, same, show
from tinyattr.engine.ops import conv2d
from tinyattr.kernels import reference
from tinyattr.studies.draw import LINES, SIGNED


def layer(H, C, K, random_state=0):
    """Random x (H, H, C), w (3, 3, C, K) and b (K,), normally distributed, float64; the outputs have about size 1."""
    rng = np.random.default_rng(random_state)
    w = rng.standard_normal((3, 3, C, K)) / np.sqrt(9 * C)
    return rng.standard_normal((H, H, C)), w, rng.standard_normal(K)



class Counted:
    """A number that counts multiplications; additions and halvings are free. Arrays can be made of such numbers."""

    multiplications = 0

    def __init__(self, value):
        self.value = value.value if isinstance(value, Counted) else value

    def __mul__(self, other):
        Counted.multiplications += 1
        return Counted(self.value * Counted(other).value)

    def __add__(self, other):
        return Counted(self.value + Counted(other).value)

    def __sub__(self, other):
        return Counted(self.value - Counted(other).value)

    def __rsub__(self, other):
        return Counted(Counted(other).value - self.value)

    def __truediv__(self, two):
        return Counted(self.value / two)

    __rmul__, __radd__ = __mul__, __add__


def multiplications(convolve, H, C, K):
    """Runs `convolve` on H x H pixels with C channels in and K out, and counts its multiplications."""
    Counted.multiplications = 0
    convolve(*(np.vectorize(Counted, otypes=[object])(a) for a in layer(H, C, K)))
    return Counted.multiplications


def by_matrix_product(x, w, b):
    """The library's convolution of one picture, in plain NumPy: one matrix product."""
    return conv2d(x[None], w, b, padding=1)[0]


x, w, b = layer(6, 2, 3)
y = by_matrix_product(x, w, b)  # (6, 6, 3)

# %%
# Fewer multiplications
# ---------------------
#
# A filter w of three weights slides over four numbers d: ``y_0 = d_0 w_0 + d_1 w_1 + d_2 w_2`` and ``y_1 = d_1 w_0 +
# d_2 w_1 + d_3 w_2``. Both together need six multiplications. A method of Winograd (1980) needs four. Lavin and Gray
# (2015, arXiv 1509.09308) used the method for convolutions, and call it F(2, 3): two outputs, three weights. We count
# multiplications, not additions. We do not count halvings either: only weights are halved, once for a network and not
# for every picture. The three steps below are products with small matrices, which the paper calls G, B^T and A^T.


def weight_line(w0, w1, w2):
    """G w: three weights as four factors."""
    return w0, (w0 + w1 + w2) / 2, (w0 - w1 + w2) / 2, w2


def input_line(d0, d1, d2, d3):
    """B^T d: four inputs as four factors."""
    return d0 - d2, d1 + d2, d2 - d1, d1 - d3


def output_line(m0, m1, m2, m3):
    """A^T m: four products as two outputs."""
    return m0 + m1 + m2, m1 - m2 - m3


def four_products(d, w):
    """F(2, 3): y = A^T [(G w) * (B^T d)], where * multiplies elementwise."""
    return output_line(*(u * v for u, v in zip(weight_line(*w), input_line(*d), strict=True)))


def six_products(d, w):
    """y_r = Σ_j d_{r+j} w_j."""
    return tuple(sum(d[r + j] * w[j] for j in range(3)) for r in range(2))


print(six_products((5, 1, 4, 2), (1, 3, 7)), four_products((5, 1, 4, 2), (1, 3, 7)))

# %%
# Exercise 21.1 (prove): for all numbers
# --------------------------------------
#
# One example proves nothing. But both functions are *bilinear*: they add up products, and each product is a sum of d's
# times a sum of w's. So ``f(d, w) = Σ_ij d_i w_j f(e_i, e_j)`` with unit vectors ``e_i`` and ``e_j``. Therefore, if
# two bilinear functions agree on a few well chosen pairs (d, w), they agree for all d and w. Write the proof as a
# Python function that takes any bilinear f. The result must be true if f agrees with ``six_products`` for all d and w,
# and false for any other f. A proof has no tolerance, so compare exactly. You may return True or False, or use
# ``assert``; the checks accept both.


def is_the_filter(f):
    """Is f(d, w) = six_products(d, w) for all d (4 numbers) and w (3 numbers), given that f is bilinear?"""
    ### BEGIN SOLUTION
    pairs = product(np.eye(4, dtype=int).tolist(), np.eye(3, dtype=int).tolist())
    return all(f(d, w) == six_products(d, w) for d, w in pairs)
    ### END SOLUTION


def with_a_slip(i, j, errors):
    """four_products with a wrong coefficient: output r is too large by errors[r] * 1e-9 * d_i w_j."""
    def f(d, w):
        return tuple(y + Fraction(error, 10**9) * d[i] * w[j] for y, error in zip(four_products(d, w), errors, strict=True))
    return f


asked = []  # for every pair (d, w) that your proof tries: the products d_i w_j for all i, j


def watched(d, w):
    """four_products, which also writes down the pairs that it gets."""
    asked.append(np.outer(np.asarray(d, float), np.asarray(w, float)).ravel())
    return four_products(d, w)


holds("21.1 four products are enough", passes(is_the_filter, watched))
holds("21.1 your pairs (d, w) determine all coefficients of f", np.linalg.matrix_rank(asked) == 12,
      "a bilinear f has twelve coefficients f(e_i, e_j) for each output; there is a wrong f that agrees with six_products on all your pairs")
slips = [with_a_slip(i, j, errors) for i, j, errors in product(range(4), range(3), ((1, 0), (0, 1), (1, -1), (-1, 0), (0, -1)))]
holds("21.1 every slip is found", not any(passes(is_the_filter, slip) for slip in slips),
      "there are 24 coefficients: f(e_i, e_j) has two outputs for each of 4 x 3 pairs; a proof looks at each of them")

# %%
# Tiles
# -----
#
# In two dimensions, each of the three functions above is applied to the columns, then to the rows. F(2 x 2, 3 x 3)
# computes a tile of 2 x 2 outputs from 4 x 4 inputs: ``Y = A^T [Σ_c (G w_c G^T) * (B^T d_c B)] A``. For each channel c
# it needs 4 x 4 = 16 multiplications. The definition needs 9 for each of the 4 outputs, so 36. Neighbouring tiles
# overlap in their inputs, not in their outputs. The sum over channels comes before the last step, A^T. A transformed
# tile has 4 x 4 = 16 numbers for each channel. Choose one of these 16 places, and collect the numbers at this place from
# all tiles: an array ``(tiles, C)``. One matrix product with the weights at this place, ``(C, K)``, sums over the
# channels. This is done for each of the 16 places. Follow the shapes in the comments:


def both(line, a):
    """Applies the function `line` to the first axis of a, then to the second."""
    a = np.stack(line(*a))
    return np.stack(line(*a.swapaxes(0, 1)), axis=1)


def by_winograd(x, w, b):
    """The convolution by F(2 x 2, 3 x 3), for even H and W."""
    (H, W, C), K = x.shape, w.shape[3]
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    d = np.array([[padded[e:e + H - 1:2, f:f + W - 1:2] for f in range(4)]
                  for e in range(4)])                           # (4, 4, H/2, W/2, C)
    U = both(weight_line, w)                                    # (4, 4, C, K)
    V = both(input_line, d).reshape(4, 4, -1, C)                # (4, 4, tiles, C)
    Y = both(output_line, V @ U)                                # (2, 2, tiles, K)
    return Y.reshape(2, 2, H // 2, W // 2, K).transpose(2, 0, 3, 1, 4).reshape(H, W, K) + b


same("Winograd is the same convolution", by_winograd(x, w, b), y)
same("16 multiplications for each tile and each pair of channels", multiplications(by_winograd, 6, 2, 3), 16 * 3 * 3 * 2 * 3)

# %%
# The figure shows one tile and one channel. The weights are Laplace's kernel, the sum of a picture's second
# differences.

laplace = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
d = np.array([[0, 0, 1, 3], [0, 1, 3, 4], [0, 2, 4, 4], [1, 3, 4, 4]])
U, V = both(weight_line, laplace), both(input_line, d)
M = U * V + 0.0  # no -0
steps = {"w": ("weights w", laplace), "d": ("input d", d), "U": ("U = G w Gᵀ\nonce for all pictures", U),
         "V": ("V = Bᵀ d B\nadditions only", V), "M": ("M = U V elementwise\n16 multiplications", M),
         "Y": ("output Y = Aᵀ M A\nadditions only", both(output_line, M))}
figure = Figure(figsize=(10, 4.9), layout="constrained")
axes = figure.subplot_mosaic([["w", "U", "M", "Y"], ["d", "V", "M", "Y"]], gridspec_kw={"wspace": 0.12})
for k, (name, (title, a)) in enumerate(steps.items(), 1):
    ax, limit, side = axes[name], np.abs(a).max(), len(a)
    ax.imshow(a, cmap=SIGNED, vmin=-limit, vmax=limit, extent=(0, side, side, 0))
    for i, j in np.ndindex(a.shape):
        ax.text(j + 0.5, i + 0.5, f"{a[i, j]:g}", ha="center", va="center",
                color="white" if abs(a[i, j]) > 0.6 * limit else "black")
    ax.set(title=f"{k}  {title}", xticks=[], yticks=[], xlim=(side / 2 - 2, side / 2 + 2), ylim=(side / 2 + 2, side / 2 - 2))
    ax.set_frame_on(False)
for before, after, height in (("w", "U", 0.5), ("d", "V", 0.5), ("U", "M", 0.75), ("V", "M", 0.25), ("M", "Y", 0.5)):
    figure.add_artist(ConnectionPatch((1.02, 0.5), (-0.02, height), "axes fraction", "axes fraction", axesA=axes[before],
                                      axesB=axes[after], arrowstyle="-|>", mutation_scale=18, lw=2, color=LINES[2]))
figure.suptitle("F(2 x 2, 3 x 3): four outputs of a 3 x 3 convolution by 16 multiplications instead of 36")
show(figure, "21_winograd.png")
same("the tile's outputs", both(output_line, M),
     [[(d[r:r + 3, s:s + 3] * laplace).sum() for s in range(2)] for r in range(2)])

# %%
# Exercise 21.2 (predict): what a larger tile saves
# -------------------------------------------------
#
# This library uses F(4 x 4, 3 x 3): 4 x 4 outputs from 6 x 6 inputs. How many multiplications are needed for each
# output pixel and each pair of channels (one in, one out)? The definition needs 9. Write ``each = {(2, 14): ..., (4,
# 28): ..., (4, 14): ...}``, where (m, H) stands for tiles of m x m outputs on maps of H x H. A tile that reaches over
# the edge of the map is computed in full. Pen and paper are enough.

### BEGIN SOLUTION
each = {(2, 14): 4, (4, 28): 36 / 16, (4, 14): 36 * 4 * 4 / 14**2}
### END SOLUTION

tiles = {(m, H): sum(i % m == j % m == 0 for i, j in np.ndindex(H, H)) for m, H in ((2, 14), (4, 28), (4, 14))}
counted = {(m, H): n * (m + 2) ** 2 / H**2 for (m, H), n in tiles.items()}  # each tile is counted at its first pixel
predicts("21.2 by counting tiles", each, counted, within=1e-3)
once = {(2, 14): multiplications(by_winograd, 14, 1, 1) / 14**2}
predicts("21.2 F(2 x 2) on 14 x 14, as counted while it runs", {(2, 14): each[2, 14]}, once, within=1e-3)

# %%
# Fewer multiplications, less time?
# ---------------------------------
#
# Now we measure time, on a layer with 56 x 56 pixels and 64 channels in and out. If this machine never used the
# library's compiled convolution before, the first run compiles it, which takes some seconds. We report the fastest of
# fifteen runs. Times differ from machine to machine and from day to day, so no check looks at them.


def clock(run, runs=15):
    """The answer of a function without arguments, and the seconds of its fastest run."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        answer = run()
        seconds.append(time.perf_counter() - start)
    return answer, min(seconds)


x, w, b = (a.astype(np.float32) for a in layer(56, 64, 64))
exact = by_matrix_product(*(a.astype(np.float64) for a in (x, w, b)))

net = ta.network([("conv", "conv2d", {"padding": 1})], {"conv": (w, b)})
ways = {"one matrix product, NumPy": (lambda: by_matrix_product(x, w, b), 9 * 56 * 56),
        "F(2 x 2, 3 x 3), 16 products, NumPy": (lambda: by_winograd(x, w, b), 16 * 28 * 28),
        "F(4 x 4, 3 x 3), this library": (lambda: net.run(x[None])["conv"].output[0], 36 * 14 * 14)}
for name, (run, count) in ways.items():
    answer, seconds = clock(run)
    same(f"{name}: the same numbers", answer, exact, within=1e-5)
    print(f"  {1e3 * seconds:.2f} ms for {count * 64 * 64:,} multiplications")
evaluate = reference.winograd_matrices()[1]  # the library's G, (6, 3)
holds("the library's tile has 36 places", len(evaluate) ** 2 == 36)

# %%
# Are the three measured times in proportion to the counts? If not, think of what the counts leave out: additions, and
# reading and writing memory. The compiled convolution keeps a tile in the processor's registers and cache.
#
# What it costs in digits
# -----------------------
#
# In float32 every sum rounds. Winograd's sums contain larger numbers, of both signs, which cancel in the last step. The
# error of F(2 x 2) is less than three times that of a plain sum of products. F(4 x 4) rounds visibly more.
#
# We take the matrices of F(4 x 4) as given. Here is only the idea behind them. Multiply two polynomials. Each
# coefficient of the result is a sum of products, as in a convolution. Along one side of a tile, take a polynomial with
# 4 coefficients, one for each output. Take another with 3 coefficients, the weights. Their product has degree 3 + 2 =
# 5, and six coefficients. Its values at five numbers and its leading coefficient determine these six. The convolution
# is the transpose of this product: it takes six numbers and gives four. So its three matrices follow from the five
# numbers. The five numbers are called *points*, and their choice matters. The usual points are 0, 1, -1, 2, -2; this
# library takes 1/2 instead of 2.


def rounding(convolve, C):
    """Root mean square error of a float32 convolution of C channels, relative to the root mean square of its outputs."""
    x, w, b = (a.astype(np.float32) for a in layer(16, C, 16))
    exact = by_matrix_product(*(a.astype(np.float64) for a in (x, w, b)))
    return np.sqrt(np.mean((convolve(x, w, b) - exact) ** 2) / np.mean(exact**2))


def f4(*points):
    """The convolution by F(4 x 4, 3 x 3) with these five points."""
    matrices = reference.winograd_matrices(tuple(Fraction(p) for p in points))
    return lambda x, w, b: reference.winograd(x[None], w, b, matrices)[0]


kinds = {"F(4 x 4), points 0, 1, -1, 2, -2": f4(0, 1, -1, 2, -2),
         "F(4 x 4), points 0, 1, -1, 1/2, -2": f4(0, 1, -1, Fraction(1, 2), -2),
         "F(2 x 2)": by_winograd, "matrix product": by_matrix_product}
channels = [4, 16, 64, 256]
errors = {name: [rounding(convolve, C) for C in channels] for name, convolve in kinds.items()}
usual, ours, small, direct = map(np.array, errors.values())
holds("F(4 x 4) rounds more than a matrix product", (ours > direct).all() and ours[0] > 4 * direct[0])
holds("1/2 is a better point than 2", (ours < usual).all())
holds("F(2 x 2) rounds less than three times as much as a matrix product", (small < 3 * direct).all() and (small < ours / 2).all())
holds("in all four ways, five digits are right", usual.max() < 1e-5)

figure = Figure(figsize=(6.4, 3.8), layout="constrained")
ax = figure.subplots()
for (name, values), marker, colour in zip(errors.items(), "osD^", LINES, strict=False):
    ax.loglog(channels, values, marker + "-", color=colour, lw=2, label=name)
ax.set_xticks(channels, [str(C) for C in channels])
ax.minorticks_off()
ax.set(xlabel="channels in", ylabel="error / output (root mean squares)", ylim=(3e-8, 2e-5),
       title="Rounding of a 3 x 3 convolution in float32")
ax.legend(fontsize=8, ncols=2, loc="upper left")
show(figure, "21_rounding.png")

# %%
# Exercise 21.3 (break): right in algebra, useless in float32
# -----------------------------------------------------------
#
# *Any* five different points give a correct algorithm. Choose five bad points, ``points = (...)``. With them float64
# must still give seven right digits. But the rounding error of float32 must be more than a thousand times as large as
# with the library's points. What makes points bad?

### BEGIN SOLUTION
points = (0, 1, 2, 3, 4)
### END SOLUTION

x, w, b = layer(8, 16, 16)
holds("21.3 five different points", len(set(points)) == len(points) == 5, "two equal points lead to a division by zero")
same("21.3 float64 has seven right digits", f4(*points)(x, w, b), by_matrix_product(x, w, b), within=1e-7)
worse = rounding(f4(*points), 16) / ours[1]
holds("21.3 float32 does not", worse > 1000,
      f"your error is {worse:.1f} times as large as the library's, not more than 1,000 times; make the powers 1, p, ..., p^4 of your points large")

# %%
# What you can say now
# --------------------
#
# - For each output and pair of channels the definition needs 9 multiplications. F(2 x 2, 3 x 3) needs 4 and F(4 x 4, 3
#   x 3) needs 2.25. If tiles reach over the edge, both need more.
# - To prove a bilinear identity, check all pairs of unit vectors.
# - Equal in algebra is not equal in float32: larger tiles and worse points round more.
# - In lesson 4, the backward pass of a convolution was again a convolution. So the gradient can use the same tiles.
#
# Talk about it: where else would you accept fewer right digits for fewer multiplications, and where not?
