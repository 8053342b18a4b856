"""
13. Perturbation and Shapley values
===================================

**Question:** If a part of a picture matters only together with another part, whose merit is it?

:Time: 80 min (20 read, 50 solve, 10 discuss)
:CPU: 5 s
:Needs: lesson 8; least squares
:After this you can: say what occlusion, feature ablation and RISE each ask; write exact Shapley values, and KernelSHAP in ten lines; name what each promises and what it costs
:Figures: 13_covered.png, 13_shapley.png
:Words: explained in the `glossary <../glossary.html>`_

All methods so far looked into the network. One can also just try: cover a part of the picture, and see how the score
changes. Such a trial needs no gradient, and works for any program. But it leads to a question that game theory asked long
ago: if players reach a result only together, how can they share the result fairly?
"""

# %%
# Predict first
# -------------
#
# A picture contains two hearts, and one heart would be enough for the network to say heart. Write down:
#
# - What happens to the score if one heart is covered? What does a map show if only one part is covered at a time?
# - The picture has 49 parts. How many pictures do you need if you want the score for *every* choice of
#   covered parts?

from itertools import combinations, permutations
from math import comb

import numpy as np
from matplotlib.figure import Figure

import tinyattr as ta
from tinyattr.course import has, holds, predicts, same, show
from tinyattr.glyphs.scenes import scene
from tinyattr.studies.draw import LINES, SIGNED

net = ta.load("glyphs")
drawn = scene(np.random.default_rng([84, 2]), difficulty=0.4)
c = drawn.classes[0]
x = net.read(drawn.picture)

# %%
# Three ways to cover
# -------------------
#
# - **Occlusion** (Zeiler and Fergus 2014): a grey window slides over the picture. A place gets the mean decrease of the
#   score over all windows that cover the place.
# - **Feature ablation**: the picture is cut into parts, and each part is covered alone. Its places get the decrease of
#   the score.
# - **RISE** (Petsiuk et al. 2018): each of many random masks (usually thousands, here 40) covers about half of the
#   picture. A place gets, up to a factor, the sum of the scores of the pictures in which it was not covered. As in the
#   paper, the score is the probability, which is never negative. (Log-odds can be negative. Then the sum may be
#   negative, too, and a heatmap shows negative numbers as 0.)

maps = {"occlusion": ta.occlusion(net, x, c, score="log_odds", window=64, stride=32),
        "feature ablation": ta.feature_ablation(net, x, c, score="log_odds", groups=4),
        "RISE, 40 masks": ta.rise(net, x, c, score="post", samples=40)}
figure = Figure(figsize=(9, 2.6), layout="constrained")
first, *axes = figure.subplots(1, 4)
first.imshow(drawn.picture)
first.set_title("the picture")
for ax, (name, heat) in zip(axes, maps.items(), strict=True):
    ax.imshow(heat.map, cmap="inferno")
    ax.set_title(name)
for ax in (first, *axes):
    ax.set(xticks=[], yticks=[])
figure.suptitle(f"{net.label(c)}, with parts covered: log-odds (first two) and probability (last)", fontsize=11)
show(figure, "13_covered.png")
holds("all three are brighter on the telephone than elsewhere",
      all(heat.map[drawn.masks[0]].mean() > 1.2 * heat.map[~drawn.masks[0]].mean() for heat in maps.values()))

# %%
# Games
# -----
#
# From here on, a part of the picture is a **player**, and a choice of parts that are not covered is a **coalition**.
# The **value** v of a coalition is the score of the picture in which all other parts are covered. A *game* is a
# function that takes a coalition, a list with one bool for each player, and returns its value. Here are two extreme
# games of two players. In *either*, one player is enough. In *together*, both players are needed.


def either(z):
    return float(z[0] or z[1])


def together(z):
    return float(z[0] and z[1])


def ablation(v, n):
    """For every player, how much v falls if this player leaves the coalition of all players: (n,)."""
    everybody = [True] * n
    return np.array([v(everybody) - v([j != i for j in range(n)]) for i in range(n)])


def alone(v, n):
    """For every player, how much v rises if this player joins the empty coalition: (n,)."""
    return np.array([v([j == i for j in range(n)]) - v([False] * n) for i in range(n)])


# %%
# Exercise 13.1 (predict): two extremes
# -------------------------------------
#
# What do the functions ``ablation`` and ``alone`` give to the first player in each game? Write ``first =
# {"either, ablation": ..., "either, alone": ..., "together, ablation": ..., "together, alone": ...}``. Which
# of the two functions do occlusion and feature ablation use?

### BEGIN SOLUTION
first = {"either, ablation": 0, "either, alone": 1, "together, ablation": 1, "together, alone": 0}
### END SOLUTION

truth = {f"{v.__name__}, {way.__name__}": way(v, 2)[0] for v in (either, together) for way in (ablation, alone)}
predicts("13.1 by the functions", first, truth)
by_hand = {"either, ablation": either((1, 1)) - either((0, 1)), "either, alone": either((1, 0)) - either((0, 0)),
           "together, ablation": together((1, 1)) - together((0, 1)), "together, alone": together((1, 0)) - together((0, 0))}
predicts("13.1 by the values of the two games", first, by_hand)

# %%
# Occlusion and feature ablation do what ``ablation`` does: they cover one part, while all other parts stay. So if a
# picture has two hearts and one heart is enough, the score hardly changes. Then the map shows almost nothing on *both*
# hearts.
#
# Neither function is fair. In the game *either*, ``ablation`` gives 0 to each player. ``alone`` gives 1 to each player,
# although there is only 1 to share. Shapley (1953) lets the players come in one after the other. When a player comes
# in, the value rises by some amount. The mean of this amount over **all orders** of the players is the player's share,
# the **Shapley value** φ_i. No other way to share has all of these four properties:
#
# - Suppose that players i and j add the same amount to every coalition that contains neither of them. Then both get the
#   same share.
# - A player who never changes anything gets nothing.
# - If a game is the sum of two games, each player gets the sum of the shares in the two games.
# - Nothing is left over: ``Σ_i φ_i = v(all) - v(none)``.
#
# Exercise 13.2 (complete): Shapley values
# ----------------------------------------
#
# ``permutations(range(n))`` goes through all orders.


def shapley(v, n):
    """φ (n,): how much v rises when player i joins the players who came before, as a mean over all orders."""
    ### BEGIN SOLUTION
    phi, orders = np.zeros(n), list(permutations(range(n)))
    for order in orders:
        inside, before = [False] * n, v([False] * n)
        for i in order:
            inside[i] = True
            after = v(inside)
            phi[i] += after - before
            before = after
    return phi / len(orders)
    ### END SOLUTION


asked = []
shapley(lambda z: asked.append(z) or 0.0, 3)
holds("13.2 v gets coalitions of three bools", all(np.shape(z) == (3,) and set(z) <= {0, 1} for z in asked), f"yours called v with {asked[:3]}")
same("13.2 either", shapley(either, 2), [0.5, 0.5])
same("13.2 one left glove, two right gloves: a pair is worth 1", shapley(lambda z: float(z[0] and (z[1] or z[2])), 3), [2 / 3, 1 / 6, 1 / 6])
table = np.random.default_rng(0).standard_normal((2, 2, 2, 2))
same("13.2 nothing is left over", sum(shapley(lambda z: table[tuple(map(int, z))], 4)), table[1, 1, 1, 1] - table[0, 0, 0, 0])
same("13.2 a game without teamwork: each player gets what it adds", shapley(lambda z: 3 + z[0] - 2 * z[2] + 0.5 * z[3], 4), [1, 0, -2, 0.5])

# %%
# A small picture
# ---------------
#
# We take a small picture of 12 x 12 pixels, cut into 3 x 3 parts. Nine parts have only ``2^9 = 512`` coalitions, but
# they have ``9! = 362,880`` orders. So it is cheaper to write the Shapley value as a sum over coalitions S: ``φ_i =
# Σ_{S without i} |S|! (n - 1 - |S|)! / n! · (v(S + i) - v(S))``. Here ``|S|`` is the number of players in S; ``S + i``
# is S together with player i. A small network with random weights can compute all 512 pictures at once. (The 49 parts of
# the first question have ``2^49`` coalitions, about 5.6 · 10^14. These are too many to try.)

rng = np.random.default_rng(8)
layers = [("conv", "conv2d", {"padding": 1}), ("relu", "relu", {}), ("pool", "max_pool", {"size": 2, "stride": 2}),
          ("flatten", "flatten", {}), ("z", "dense", {})]
small = ta.network(layers, {"conv": (rng.standard_normal((3, 3, 1, 6)), rng.standard_normal(6)),
                            "z": (rng.standard_normal((216, 3)) / 6, np.zeros(3))})
picture = rng.standard_normal((1, 12, 12, 1))
n = 9
Z = np.array([[s >> i & 1 for i in range(n)] for s in range(2**n)], bool)  # all coalitions, (512, 9)
open_ = Z.reshape(-1, 3, 3).repeat(4, 1).repeat(4, 2)[..., None]  # the same coalitions as masks, (512, 12, 12, 1)
values = small(picture * open_)[:, 0]  # v, the logit of class 0 if the covered parts are 0: (512,)
empty, full = values[0], values[-1]


def exact(values, n):
    """φ (n,) from the values of all coalitions. The values have the order of Z."""
    phi = np.zeros(n)
    for i in range(n):
        for s in range(2**n):
            if not s >> i & 1:
                size = s.bit_count()
                phi[i] += (values[s | 1 << i] - values[s]) / (n * comb(n - 1, size))
    return phi


phi = exact(values, n)
same("nothing is left over", phi.sum(), full - empty)
print("Shapley values  ", phi.round(2))
print("feature ablation", np.array([full - values[-1 - (1 << i)] for i in range(n)]).round(2))

# %%
# Exercise 13.3 (complete): KernelSHAP in ten lines
# -------------------------------------------------
#
# Lundberg and Lee 2017 (arXiv 1705.07874) found that Shapley values are also the result of a fit by least squares. They
# call this method KernelSHAP. Find φ so that ``v(none) + Σ_{i in S} φ_i`` is close to v(S) for all coalitions S. In the
# sum of squared errors, a coalition of s players has the weight ``(n - 1) / (C(n, s) s (n - s))``, where C is ``comb``.
# For no players and for all players, the fit must be exact. Then φ are the Shapley values. If you use only a *sample*
# of coalitions, φ is an estimate.
#
# Let ``empty = v(none)`` and ``full = v(all)``. Nothing may be left over, so the last φ follows from the other φ:
# ``φ_n = full - empty - (sum of the other φ)``. Let z_i be 1 if player i is in S, else 0. Insert
# this φ_n into ``empty + Σ_i z_i φ_i ≈ v(S)``. This gives an ordinary fit without φ_n: ``v(S) - empty - z_n (full -
# empty) ≈ Σ_{i<n} (z_i - z_n) φ_i``. Multiply both sides by the square root of the weight and call ``np.linalg.lstsq``.
# Leave out the coalitions of no players and of all players. Their weight is infinite, and the fit is already exact for
# them, because φ_n follows from the other φ.


def kernel_shap(Z, values, empty, full):
    """φ (n,) from coalitions Z (m, n) bool, their values (m,), and the values of the empty and the full coalition."""
    ### BEGIN SOLUTION
    n, s = Z.shape[1], Z.sum(1)
    some = (s > 0) & (s < n)
    Z, v, s = Z[some].astype(float), values[some], s[some]
    weight = np.array([(n - 1) / (comb(n, k) * k * (n - k)) for k in s])
    left = Z[:, :-1] - Z[:, -1:]
    right = v - empty - Z[:, -1] * (full - empty)
    root = np.sqrt(weight)
    phi = np.linalg.lstsq(left * root[:, None], right * root, rcond=None)[0]
    return np.append(phi, full - empty - phi.sum())
    ### END SOLUTION


same("13.3 all coalitions: the fit gives the Shapley values", kernel_shap(Z, values, empty, full), phi, within=1e-9)
rng = np.random.default_rng(1)
pairs = np.array([z for z in Z if z.sum() in (1, 2)])
merits = rng.standard_normal(n)
same("13.3 a game without teamwork, 45 coalitions are enough", kernel_shap(pairs, 2 + pairs @ merits, 2, 2 + merits.sum()), merits, within=1e-9)
half = rng.permutation(512)[:300]
same("13.3 a game without teamwork, a sample of coalitions", kernel_shap(Z[half], 2 + Z[half] @ merits, 2, 2 + merits.sum()), merits, within=1e-9)
same("13.3 with a sample, too, nothing is left over", sum(kernel_shap(Z[half], values[half], empty, full)), full - empty, within=1e-9)

# %%
# How many coalitions does one need? We draw random coalitions. A coalition with twice the weight is drawn twice as
# often. So the fit itself needs no weights. We draw each coalition together with its complement, the coalition of all
# other players. This cancels much of the random error.


def sampled(count, rng):
    """`count` coalitions (count, n), in pairs of a coalition and its complement, drawn by their weights."""
    sizes = np.arange(1, n)
    chance = 1 / (sizes * (n - sizes))
    rows = []
    for s in rng.choice(sizes, count // 2, p=chance / chance.sum()):
        z = rng.permutation(n) < s
        rows += [z, ~z]
    return np.array(rows)


def fitted(Z, values):
    """φ by the fit without weights, for coalitions that `sampled` has drawn by their weights."""
    left, right = Z[:, :-1].astype(float) - Z[:, -1:], values - empty - Z[:, -1] * (full - empty)
    others = np.linalg.lstsq(left, right, rcond=None)[0]
    return np.append(others, full - empty - others.sum())


counts, errors = [32, 64, 128, 256, 512, 1024], []
for count in counts:
    apart = []
    for k in range(12):
        chosen = sampled(count, np.random.default_rng([count, k]))
        apart.append(fitted(chosen, values[chosen @ (1 << np.arange(n))]) - phi)
    errors.append(np.sqrt(np.mean(np.square(apart))))

figure = Figure(figsize=(9, 3.4), layout="constrained")
left, middle, right = figure.subplots(1, 3)
limit = np.abs(phi).max()
left.imshow(picture[0, ..., 0], cmap="gray")
left.set_title("the picture")
image = middle.imshow(phi.reshape(3, 3), cmap=SIGNED, vmin=-limit, vmax=limit)
middle.set_title("Shapley values")
figure.colorbar(image, ax=middle, shrink=0.7)
for ax in (left, middle):
    ax.set(xticks=[], yticks=[])
right.loglog(counts, errors, "o-", color=LINES[0], label="KernelSHAP")
right.loglog(counts, errors[0] * np.sqrt(counts[0] / np.array(counts)), ":", color="black", label="1 / square root")
right.set(xlabel="coalitions drawn", ylabel="error (root mean square)")
right.legend()
figure.suptitle("Nine parts, 512 coalitions: with more samples, KernelSHAP gets closer on average")
show(figure, "13_shapley.png")
holds("with 32 times as many coalitions, the error is at most a sixth", errors[-1] < errors[0] / 6)

# %%
# Exercise 13.4 (break): who is first?
# ------------------------------------
#
# Shapley values cost many pictures. Feature ablation costs one picture for each player. If you only want to know which
# player matters most, is ablation enough? With two players, ablation and Shapley always agree about who gets more. Find
# a game of three players, a, b and c, in which ablation gives more to a than to b, and Shapley gives more to b than to
# a. Write the eight values of this game, ``game = {"": 0, "a": ..., "b": ..., "c": ..., "ab": ..., "ac": ..., "bc":
# ..., "abc": ...}``.

### BEGIN SOLUTION
game = {"": 0, "a": 0, "b": 1, "c": 0, "ab": 1, "ac": 1, "bc": 0.5, "abc": 1}
### END SOLUTION

coalitions = ["".join(names) for size in range(4) for names in combinations("abc", size)]
has("13.4 eight values", game, coalitions)
drops = {name: game["abc"] - game["abc".replace(name, "")] for name in "abc"}
holds("13.4 ablation: a before b", drops["a"] > drops["b"] + 1e-9, f"ablation gives {drops}")
merit = {"a": 0.0, "b": 0.0}
for order in permutations("abc"):
    for name in merit:
        there = "".join(sorted(order[:order.index(name)]))
        merit[name] += (game["".join(sorted(there + name))] - game[there]) / 6
holds("13.4 Shapley: b before a", merit["b"] > merit["a"] + 1e-9, f"Shapley gives {merit}; how much does b add to coalitions without c?")

# %%
# What you can say now
# --------------------
#
# - If you cover one part at a time, you ask what is *missing* without this part. If two parts can replace each other,
#   nothing is missing.
# - A Shapley value is a mean over all orders, and nothing is left over. The exact Shapley value needs all coalitions.
#   KernelSHAP estimates it from as many coalitions as you can afford.
# - In all these methods, the network gets pictures of a kind that it never saw in training. All methods also depend on
#   what "covered" means: grey, black, or the mean colour.
#
# Talk about it: with integrated gradients, too, nothing is left over (lesson 10), and they cost only fifty gradients.
# When would you spend more on Shapley values?
