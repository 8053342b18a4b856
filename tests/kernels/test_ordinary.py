"""Calls of every kind (groups, dilation, different padding on opposite sides, padded pools), by the forms and by NumPy."""

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.engine import NUMPY, Record
from tinyattr.kernels import KERNELS
from tinyattr.kernels.dispatch import pays

SIDE, C, K = 32, 32, 32


def call(op, **attributes):
    """(x, weights) of a large float32 call."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 2 * SIDE, 2 * SIDE, C), np.float32)
    kernel = rng.standard_normal((3, 3, C // attributes.get("groups", 1), K), np.float32)
    return x, (kernel, rng.standard_normal(K, np.float32)) if op == "conv2d" else ()


CALLS = [
    ("conv2d", {"padding": 1}, True), ("conv2d", {"padding": (1, 1), "groups": 1, "dilation": 1}, True), ("conv2d", {"padding": ((1, 1), (1, 1))}, True),
    ("conv2d", {"padding": ((0, 1), (0, 1)), "stride": 2}, True), ("conv2d", {"padding": ((1, 1), (0, 1))}, True),
    ("conv2d", {"dilation": 2}, True), ("conv2d", {"dilation": (1, 2), "padding": 1}, True), ("conv2d", {"groups": 4, "padding": 1}, True),
    ("conv2d", {"groups": C, "padding": 1}, True), ("conv2d", {"padding": "same"}, False), ("conv2d", {"dilation": 2, "stride": 2}, False),
    ("conv2d", {"padding": (3, 2)}, True), ("conv2d", {"groups": C, "stride": 2, "padding": 1}, True),
    ("max_pool", {"size": 2, "stride": 2}, True), ("max_pool", {"size": 2, "stride": 2, "padding": ((0, 0), (0, 0))}, True),
    ("max_pool", {"size": 3, "stride": 2, "padding": 1}, True), ("max_pool", {"size": 3, "stride": 2, "padding": ((0, 1), (0, 1)), "ceil": True}, True),
    ("relu", {}, True), ("clip", {"low": 0.0, "high": 6.0}, True), ("avg_pool", {"size": 2, "stride": 2}, True),
    ("avg_pool", {"size": (3, 2), "stride": (1, 3)}, True), ("avg_pool", {"size": 3, "stride": 2, "padding": 1}, False),
    ("avg_pool", {"size": 3, "stride": 2, "ceil": True}, False), ("global_avg_pool", {}, True), ("global_avg_pool", {"keep": True}, True),
]


@pytest.mark.parametrize(("op", "attributes", "known"), CALLS)
def test_which_calls_go_to_the_forms(op, attributes, known):
    x, weights = call(op, **attributes)
    assert pays(Record(op, "it", (Record("input", "x", (), {"value": x}),), attributes, weights)) is known


@pytest.mark.parametrize(("op", "attributes"), [(op, attributes) for op, attributes, _ in CALLS if attributes.get("padding") != "same"])
def test_both_backends_agree_on_all_of_them(op, attributes):
    x, weights = call(op, **attributes)
    found = []
    for backend in (NUMPY, KERNELS):
        tape = ta.Tape(backend)
        tape.leaf("x", x)
        tape.write(op, "y", "x", weights, **attributes)
        y = tape["y"].output
        g = np.random.default_rng(1).standard_normal(y.shape, np.float32)
        signals = ta.walk(tape, {"y": g}, ta.GRADIENT, to=["x"])
        found.append([y, signals["x"], *(ta.weight_gradients(tape, signals)["y"] if weights else ())])
    for a, b in zip(*found, strict=True):
        assert a.shape == b.shape
        assert np.abs(a - b).max() <= 1e-4 * np.abs(a).max()
