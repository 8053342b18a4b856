"""A sigmoid branch: a copy of the last layer that is trained to say yes or no to each class independently.

Oh and Noh, "Beyond Softmax", arXiv 2511.05590, train only this copy and change no other layer. We do the same, on
glyph scenes.
"""

from dataclasses import replace

import numpy as np

from tinyattr.glyphs.scenes import CLASSES, HARDEST, INPUT, scene
from tinyattr.glyphs.train import adam, start


def features(net, count, seed=0):
    """Return (H, t) of `count` glyph scenes. H: what the last layer reads, (count, features). t: one-hot classes."""
    H, classes = [], []
    for k in range(count):
        rng = np.random.default_rng([5_000_000 + seed, k])
        drawn = scene(rng, difficulty=HARDEST * rng.random())
        H.append(net.run(INPUT.encode(drawn.picture))[net.layers[-1][0]].x[0][0])
        classes.append(drawn.classes[0])
    return np.array(H, np.float64), np.eye(len(CLASSES))[classes]


def sigmoid_branch(net, H, t, steps=300, rate=0.01):
    """Return the network with a last layer trained for E = -(1/N) sum ((n - 1) t log s(z) + (1 - t) log (1 - s(z))).

    s(z) = 1 / (1 + e^-z). The class in the scene weighs as much as the n - 1 other classes. Adam starts from `net`.
    """
    last = net.layers[-1][0]
    state = start({last: tuple(w.astype(np.float64) for w in net.weights[last])}, np.inf)
    for _ in range(steps):
        W, b = state.weights[last]
        s = 1 / (1 + np.exp(-np.clip(H @ W + b, -700, 700)))
        g = ((1 - t) * s + (t.shape[1] - 1) * t * (s - 1)) / len(t)  # dE/dz, (N, n)
        state = adam(state, {last: (H.T @ g, g.sum(0))}, rate)
    arrays = tuple(w.astype(net.dtype) for w in state.weights[last])
    return replace(net, weights={**net.weights, last: arrays}, name=f"{net.name}, sigmoids")
