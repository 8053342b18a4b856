"""Stored outputs of peers on two small networks, as networks of ours."""

import json
from pathlib import Path

import numpy as np

import tinyattr as ta

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
