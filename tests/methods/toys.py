"""Small networks whose parts can be turned about: what must change a map, and how, is known for each turn.

A toy: two convolutions with ReLUs, a pool between them, feature maps "A" (4, 4, 3), then dense layers. All float64.
"""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

import tinyattr as ta

SIDE, COLOURS, HALF, CHANNELS, UNITS, CLASSES = 8, 2, 4, 3, 5, 4
LAYERS = [
    ("conv1", "conv2d", {"padding": 1}), ("relu1", "relu", {}), ("pool1", "max_pool", {"size": 2, "stride": 2}),
    ("conv2", "conv2d", {"padding": 1}), ("A", "relu", {}), ("flat", "flatten", {}),
    ("fc1", "dense", {}), ("fc1_relu", "relu", {}), ("logits", "dense", {}),
]
SHAPES = {"conv1": (3, 3, COLOURS, 4), "conv2": (3, 3, 4, CHANNELS), "fc1": (HALF * HALF * CHANNELS, UNITS), "logits": (UNITS, CLASSES)}

seeds = st.integers(0, 10**6)
few = settings(max_examples=max(1, settings.default.max_examples // 8))  # for tests that go through every method


def toy(seed, bias=1.0):
    """(net, x): a random toy and picture. bias: 0 for none. No channel of A and no unit of fc1 is dead at x."""
    rng = np.random.default_rng(seed)
    while True:
        weights = {name: (rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1])), bias * 0.3 * rng.standard_normal(shape[-1]))
                   for name, shape in SHAPES.items()}
        net, x = ta.network(LAYERS, weights), rng.standard_normal((1, SIDE, SIDE, COLOURS))
        tape = net.run(x)
        if (tape["A"].output > 0).sum((0, 1, 2)).min() >= 4 and (tape["fc1_relu"].output > 0).sum() >= 3:
            return net, x


def other(net, layers=None, **weights):
    """The network with other weights in some layers."""
    return ta.network(layers or net.layers, {**net.weights, **weights})


def places(kernel):
    """fc1's kernel by places of A, (h, w, C, out)."""
    return kernel.reshape(HALF, HALF, CHANNELS, -1)


def averaged(net):
    """The network with an average pool, which has no ties, in place of the max-pool."""
    return other(net, [(n, "avg_pool", a) if op == "max_pool" else (n, op, a) for n, op, a in net.layers])


def widened(net, K=10.0, at=(0, 0)):
    """The attack in the weights, not on the tape: one more unit a dense layer carries s = sum_k A_ijk >= 0, and K s goes
    into every logit. The same function as ta.alter's, and a plain stack of layers."""
    (W1, b1), (W2, b2) = net.weights["fc1"], net.weights["logits"]
    carry = np.zeros((HALF, HALF, CHANNELS, 1))
    carry[at] = 1
    return other(net, fc1=(np.hstack([W1, carry.reshape(-1, 1)]), np.append(b1, 0)),
                 logits=(np.vstack([W2, np.full((1, CLASSES), K)]), b2))


def only_t(twin):
    """Of a network altered on the tape the part that computes t, as a network whose logits are (0, t)."""
    return ta.network([*twin.layers[:-1], ("two_logits", "two_logits", {})], twin.weights)


def without_class_mean(net):
    """The last layer's weights less their mean over classes: z centred, y the same."""
    W, b = net.weights["logits"]
    return other(net, logits=(W - W.mean(1, keepdims=True), b - b.mean()))


def flipped(net):
    """The mirrored network: it does with a mirrored picture what net does with the picture."""
    conv = {name: (net.weights[name][0][:, ::-1], net.weights[name][1]) for name in ("conv1", "conv2")}
    W, b = net.weights["fc1"]
    return other(net, **conv, fc1=(places(W)[:, ::-1].reshape(W.shape), b))


def shuffled(net, first, second, units):
    """Hidden channels in another order: conv1's, conv2's (those of A) and fc1's units. The same function."""
    (K1, b1), (K2, b2), (W1, c1), (W2, c2) = (net.weights[name] for name in SHAPES)
    return other(net, conv1=(K1[..., first], b1[first]), conv2=(K2[:, :, first][..., second], b2[second]),
                 fc1=(places(W1)[:, :, second].reshape(W1.shape)[:, units], c1[units]), logits=(W2[units], c2))


def rescaled(net, first, second, units):
    """Hidden channels times positive factors, which the next layer takes back. The same function."""
    (K1, b1), (K2, b2), (W1, c1), (W2, c2) = (net.weights[name] for name in SHAPES)
    return other(net, conv1=(K1 * first, b1 * first), conv2=(K2 / first[:, None] * second, b2 * second),
                 fc1=((places(W1) / second[:, None]).reshape(W1.shape) * units, c1 * units), logits=(W2 / units[:, None], c2))


def relabelled(net, order):
    """Class i of the new network is class order[i] of the old."""
    W, b = net.weights["logits"]
    return other(net, logits=(W[:, order], b[order]))
