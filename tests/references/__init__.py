"""Stored outputs of peers on two small networks, as networks of ours."""

import json
import zlib
from pathlib import Path

import numpy as np

import tinyattr as ta
from tinyattr.studies.bake import bake

FOLDER = Path(__file__).parent


def peers(name):
    """The stored arrays of peers_fc or peers_gap."""
    return np.load(FOLDER / f"{name}.npz")


def network_of(stored, variant):
    """The network that the peers ran: "orig", or "alt", the attack written into the weights (one more unit per dense layer)."""
    layers = [tuple(layer) for layer in json.loads(str(stored["layers"]))]
    weights = {
        n: (stored[f"{variant}/kernel/{n}"], stored[f"{variant}/bias/{n}"])
        for n, op, _ in layers if op in ("conv2d", "dense")
    }
    return ta.network(layers, weights)


def fingerprint(name, a):
    """(5,): the largest |a|, then a's products with four normal vectors drawn from a seed that is the entry's name.

    An array that differs by d has products that differ by about the norm of d, so four small differences mean a small d.
    """
    vectors = np.random.default_rng(zlib.crc32(name.encode())).standard_normal((4, np.size(a)))
    a = np.ravel(a).astype(np.float64)
    return np.concatenate([[np.abs(a).max()], vectors @ a])


def baked_networks():
    """(original, baked, picture, class): what baked_torch.npz was made of."""
    net = ta.vgg("A", width=1 / 16, dense=(24, 24), classes=10, size=64, seed=7,
                 input=ta.InputSpec(64))
    x = np.random.default_rng(7).standard_normal((1, 64, 64, 3), np.float32)
    return net, bake(net, 10.0), x, int(net(x)[0].argmax())
