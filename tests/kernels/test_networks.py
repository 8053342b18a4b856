"""Random networks with small maps, down to one pixel. Runs must agree with float64, walks with NumPy over the same tape."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinyattr as ta
from tinyattr.kernels import direct, dispatch

BY_NUMPY = {op: partial(lambda rule, record, g: rule(record, g), rule) for op, rule in ta.GRADIENT.items()}  # no form knows these


@pytest.fixture(autouse=True)
def every_call_is_large_enough(monkeypatch):
    monkeypatch.setattr(dispatch, "LEAST_PRODUCTS", 1)
    monkeypatch.setattr(dispatch, "LEAST_MOVED", 1)


def convolution(rng, h, w, c):
    """(op, attributes, (H, W, C) of the output, weights) of a convolution that fits."""
    k, stride, groups = rng.choice([1, 3, 3, 5]), rng.choice([1, 1, 2]), rng.choice([1, 1, 1, c])
    padding, dilation = rng.choice([0, k // 2]), rng.choice([1, 2]) if stride == 1 else 1
    out = [(length + 2 * padding - dilation * (k - 1) - 1) // stride + 1 for length in (h, w)]
    n = c if groups > 1 else rng.choice([4, 8, 16, 32, 40, 64])
    weights = rng.standard_normal((k, k, c // groups, n)) / k / np.sqrt(c / groups), rng.standard_normal(n)
    return "conv2d", {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}, (*out, n), weights


def pool(rng, h, w, c):
    """The same of a pool."""
    size, stride = rng.choice([2, 3]), rng.choice([1, 2])
    return rng.choice(["max_pool", "avg_pool"]), {"size": size, "stride": stride}, (*((s - size) // stride + 1 for s in (h, w)), c), ()


def elementwise(rng, h, w, c):
    """The same of a batch norm, ReLU or clip."""
    return [("batch_norm", {}, (h, w, c), (rng.random(c) + 0.5, rng.standard_normal(c))), ("relu", {}, (h, w, c), ()),
            ("clip", {"low": 0.0, "high": 1.0}, (h, w, c), ())][rng.integers(3)]


def network(rng):
    """A random network, and the shape of its pictures."""
    shapes, layers, arrays = {"input": (*rng.integers(1, 25, 2), 3)}, [], {}
    for i in range(rng.integers(5, 20)):
        last = str(rng.choice(list(shapes)[-3:]))
        h, w, c = shapes[last]
        other = str(rng.choice(list(shapes)))
        op, attributes, shape, weights = [convolution, convolution, pool, elementwise][rng.integers(4)](rng, h, w, c)
        inputs = [last]
        if other != last and shapes[other] == shapes[last] and rng.random() < 0.5:
            op, attributes, shape, weights, inputs = "add", {}, (h, w, c), (), [last, other]
        elif other != last and shapes[other][:2] == (h, w) and c < 100 and rng.random() < 0.7:
            op, attributes, shape, weights, inputs = "concat", {}, (h, w, c + shapes[other][2]), (), [last, other]
        if min(shape) > 0:
            name = f"layer{i}"
            attributes = {key: value.item() if isinstance(value, np.generic) else value for key, value in attributes.items()}
            layers.append((name, str(op), {**attributes, "inputs": inputs}))
            shapes[name] = shape
            if weights:
                arrays[name] = tuple(a.astype(np.float32) for a in weights)
    c = shapes[list(shapes)[-1]][2]
    arrays["z"] = rng.standard_normal((c, 5)).astype(np.float32), np.zeros(5, np.float32)
    return ta.network([*layers, ("pool", "global_avg_pool", {}), ("z", "dense", {})], arrays), shapes["input"]


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.booleans())
def test_a_random_network(seed, n, early):
    """Twenty layers of float32 keep more than four digits."""
    rng = np.random.default_rng(seed)
    net, shape = network(rng)
    truth = ta.network(net.layers, {name: tuple(a.astype(float) for a in arrays) for name, arrays in net.weights.items()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(direct, "LARGE", 1 if early else 1 << 30)
        direct._plan.cache_clear()
        for _ in range(5):  # from the third run on by a plan
            x = rng.standard_normal((n, *shape)).astype(np.float32)
            exact = truth.run(x.astype(float))
            tape = net.run(x)
            for found in (net(x), tape["z"].output):
                assert abs(found - exact["z"].output).max() <= 1e-4 * max(1, abs(exact["z"].output).max())
            for record, other in zip(tape, exact, strict=True):
                scale = max(1, abs(other.output).max())
                assert abs(record.output - other.output).max() <= 1e-4 * scale, record
            row = rng.standard_normal((n, 5)).astype(np.float32)
            fast, slow = (ta.walk(tape, {"z": row}, book) for book in (ta.GRADIENT, BY_NUMPY))
            for name, signal in slow.items():
                assert abs(fast[name] - signal).max() <= 1e-4 * max(1e-6, abs(signal).max()), name
    direct._plan.cache_clear()


@pytest.mark.parametrize(("h", "w"), [(1, 1), (1, 6), (6, 1)])
def test_maps_of_one_line_or_column_have_their_padding(h, w):
    """A map of one line has no distance of lines, but its buffer has: the next convolution reads the line below."""
    rng = np.random.default_rng(0)
    arrays = {name: (rng.standard_normal((3, 3, 32, 32)).astype(np.float32), np.zeros(32, np.float32)) for name in ("first", "second")}
    arrays["z"] = rng.standard_normal((32, 5)).astype(np.float32), np.zeros(5, np.float32)
    net = ta.network([("first", "conv2d", {"padding": 1}), ("relu", "relu", {}), ("second", "conv2d", {"padding": 1}),
                      ("pool", "global_avg_pool", {}), ("z", "dense", {})], arrays)
    x = rng.standard_normal((1, h, w, 32)).astype(np.float32)
    expected = net.without_kernels().run(x)["second"].output
    for _ in range(5):
        assert abs(net.run(x)["second"].output - expected).max() <= 1e-5 * abs(expected).max()
