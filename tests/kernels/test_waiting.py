"""Outputs and signals that wait for the next layer: one pass computes both, and nobody can tell but by the time."""

import sys

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.engine.arrays import frozen
from tinyattr.engine.backend import NUMPY
from tinyattr.kernels.dispatch import KERNELS, pays
from tinyattr.kernels.memory import Waiting

C = 32


def near(a, b):
    """Equal, but for the rounding of sums of a few hundred products."""
    return a.shape == b.shape and np.abs(a - b).max() <= 1e-5 * np.abs(b).max()


def conv(rng, size=3):
    return tuple(frozen(a.astype(np.float32)) for a in (rng.standard_normal((size, size, C, C)) / size / 6, rng.standard_normal(C)))


def norm(rng):
    return tuple(frozen(rng.uniform(0.5, 1.5, C).astype(np.float32)) for _ in range(2))


def residual(backend, kind="basic", gate="relu"):
    """x -> convolution, norm -> + shortcut -> ReLU or clip -> three layers that read it -> sum."""
    rng = np.random.default_rng(0)
    tape, limits = ta.Tape(backend), {} if gate == "relu" else {"low": -0.5, "high": 0.75}
    tape.leaf("x", rng.standard_normal((2, 24, 20, C)).astype(np.float32))
    stride = {"stride": 2} if kind == "strided" else {}
    tape.write("conv2d", "conv", "x", conv(rng), padding=1, **stride)
    tape.write("batch_norm", "norm", "conv", norm(rng))
    tape.write("conv2d", "short", "x", conv(rng, 1), **stride)
    tape.write("batch_norm", "short_norm", "short", norm(rng))
    tape.write("add", "total", ["norm", "short_norm" if kind != "identity" else "x"])
    tape.write(gate, "gate", "total", **limits)
    tape.write("conv2d", "a", "gate", conv(rng), padding=1)
    tape.write("batch_norm", "b", "gate", norm(rng))
    tape.write("conv2d", "c", "gate", conv(rng, 1))
    tape.write("add", "ab", ["a", "b"])
    tape.write("add", "last", ["ab", "c"])
    return tape


@pytest.mark.parametrize("gate", ["relu", "clip"])
@pytest.mark.parametrize("kind", ["basic", "identity", "strided"])
def test_outputs_and_signals_of_a_residual_block(kind, gate):
    ours, exact = residual(KERNELS, kind, gate), residual(NUMPY, kind, gate)
    assert ours["conv"].waits
    assert ours["norm"].waits
    seed = {"last": np.random.default_rng(1).standard_normal(exact["last"].output.shape).astype(np.float32)}
    expected = ta.walk(exact, seed, ta.GRADIENT, "x")
    for to, only in (("x", True), ("x", False), (["x", "gate"], True), (["x", "norm", "gate", "last"], True)):
        found = ta.walk(ours, seed, ta.GRADIENT, to, only=only)
        assert set(found) == (set(expected) if not only else {to} if isinstance(to, str) else set(to))
        assert all(type(m) is np.ndarray and not m.flags.writeable and near(m, expected[name]) for name, m in found.items())
    assert all(near(ours[record.name].output, record.output) for record in exact)


def test_a_walk_makes_no_layer_compute_that_waits():
    """The rule of a sum needs only the shapes of its inputs. If it read them, later runs would not merge these layers."""
    tape = residual(KERNELS)
    before = [record.name for record in tape if record.waits]
    ta.walk(tape, {"last": np.ones_like(tape["a"].outline)}, ta.GRADIENT, "x", only=True)
    assert {"conv", "norm", "total"} <= set(before)
    assert [record.name for record in tape if record.waits] == before


def test_a_rule_of_the_user_reads_arrays():
    """Wherever it stands in the chain: its signal has been computed, and what it returns goes on."""
    ours, exact = residual(KERNELS), residual(NUMPY)
    seed = {"last": np.ones_like(exact["last"].output)}
    for layer in ("a", "b", "gate", "norm", "conv", "total"):
        seen = []

        def mine(record, g, seen=seen):
            seen.append(type(g))
            return tuple(-m for m in ta.GRADIENT[record.op](record, g))

        mine_exact, mine_ours = (ta.walk(tape, seed, {**ta.GRADIENT, layer: mine}, "x", only=True)["x"] for tape in (exact, ours))
        assert seen == [np.ndarray] * 2
        assert near(mine_ours, mine_exact)


def test_networks_that_share_kernel_and_norm_keep_their_own_biases():
    """What was merged for one bias is not used for another, although kernel and batch norm are the same arrays."""
    rng = np.random.default_rng(0)
    (kernel, _), scale_and_shift = conv(rng), norm(rng)
    found = []
    for bias in (np.zeros(C, np.float32), np.full(C, 3, np.float32)):
        net = ta.network([("conv", "conv2d", {"padding": 1}), ("norm", "batch_norm", {}), ("relu", "relu", {})],
                         {"conv": (kernel, bias), "norm": scale_and_shift})
        x = np.ones((1, 32, 32, C), np.float32)
        found.append(net.run(x)["relu"].output)
        assert near(found[-1], net.without_kernels().run(x)["relu"].output)
    assert not near(*found)


def test_layers_without_activations_are_no_endless_chain():
    """An output or signal may wait for the next layer, but not for all that follow: Python's stack would overflow."""
    rng, tape, n = np.random.default_rng(0), ta.Tape(KERNELS), sys.getrecursionlimit() // 2
    weights = conv(rng, 1)
    tape.leaf("0", rng.standard_normal((1, 48, 48, C)).astype(np.float32))
    for i in range(1, n):
        op, args = (("conv2d", weights), ("add", ()), ("batch_norm", norm(rng)))[i % 3]
        tape.write(op, str(i), [str(i - 1), "0"] if op == "add" else str(i - 1), args)
    assert tape[str(n - 1)].output.shape == (1, 48, 48, C)
    assert ta.walk(tape, {str(n - 1): tape["0"].output}, ta.GRADIENT, "0", only=True)["0"].shape == (1, 48, 48, C)


def test_a_sum_of_signals_takes_no_pass_of_its_own(monkeypatch):
    """What the walk holds while a signal waits is no array."""
    ours, found = residual(KERNELS), []
    plus = type(KERNELS).plus
    monkeypatch.setattr(type(KERNELS), "plus", lambda self, g, m: found.append(plus(self, g, m)) or found[-1])
    ta.walk(ours, {"last": np.ones_like(ours["last"].output)}, ta.GRADIENT, "x", only=True)
    assert len(found) == 3
    assert all(isinstance(sum_, Waiting) for sum_ in found)


def test_small_layers_after_kernels_are_computed_by_kernels():
    """Alone, a small layer is NumPy's. After kernels, its product would wake NumPy's threads, and they do not rest at once."""
    rng = np.random.default_rng(0)
    small = tuple(a.astype(np.float32) for a in (rng.standard_normal((256, 20)), rng.standard_normal(20)))
    after = {}
    for name, size in (("kernels", 48), ("NumPy", 4)):
        tape = ta.Tape(KERNELS)
        tape.leaf("x", rng.standard_normal((1, size, size, C)).astype(np.float32))
        tape.write("conv2d", "conv", "x", conv(rng), padding=1)
        tape.write("max_pool", "pool", "conv", size=size // 2, stride=size // 2)
        tape.write("reshape", "flat", "pool", shape=(4 * C,))
        tape.write("concat", "twice", ["flat", "flat"])
        tape.write("dense", "z", "twice", small)
        after[name] = pays(tape["z"])
        exact = np.float64(tape["twice"].output) @ np.float64(small[0]) + small[1]
        assert near(tape["z"].output, exact.astype(np.float32))
    assert after == {"kernels": True, "NumPy": False}
