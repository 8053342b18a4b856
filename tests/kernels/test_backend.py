"""Networks by the fast kernels and by plain NumPy: the same tape, the same signals, whatever the book."""

import numpy as np
import pytest

import tinyattr as ta
from tests.nets.test_squeezenet import random_squeezenet
from tinyattr.kernels import KERNELS, dispatch
from tinyattr.kernels.dispatch import pays
from tinyattr.kernels.memory import WRITTEN


def close(a, b, tolerance):
    return np.abs(a - b).max() <= tolerance * np.abs(b).max()


def by_kernels(record):
    return record.backend is KERNELS and pays(record)


def guided(record, g):
    return (np.maximum(g, 0) * (record.x[0] > 0),)


@pytest.fixture(scope="module", params=["vgg", "squeezenet"])
def both(request):
    """(network, tape by fast kernels, tape by plain NumPy) for two pictures at once."""
    if request.param == "vgg":
        net, size = ta.vgg("B", width=1 / 4, classes=9, size=96, seed=3), 96
    else:
        net, size = random_squeezenet(3), 227
    x = np.random.default_rng(0).standard_normal((2, size, size, 3))
    return net, net.run(x), net.without_kernels().run(x)


def test_large_float32_calls_are_fast_and_others_are_not(both):
    _, tape, plain = both
    assert {"conv2d", "relu"} <= {r.op for r in tape if by_kernels(r)}
    assert not any(by_kernels(r) for r in plain)
    assert all(r.output.dtype == np.float32 for r in tape)


def test_the_same_tape(both):
    """Winograd's form rounds differently from the direct one: 1e-5 of the layer's largest value, as for each layer alone."""
    _, tape, plain = both
    for record in tape:
        assert record.output.shape == plain[record.name].output.shape
        assert close(record.output, plain[record.name].output, 2e-5), record.name


@pytest.mark.parametrize("book", ["gradient", "guided"])
def test_the_same_signals(both, book):
    """Rule by rule from one signal each: end to end, choices of ReLU and max-pool near a tie would differ."""
    _, tape, _ = both
    rules = {**ta.GRADIENT, "relu": guided} if book == "guided" else ta.GRADIENT
    rng = np.random.default_rng(1)
    for record in tape:
        if not by_kernels(record):
            continue
        g = rng.standard_normal(record.output.shape, np.float32)
        ours = ta.walk(tape, {record.name: g}, rules, to=record.inputs)[record.inputs[0]]
        for expected in rules[record.op](record, g)[:1]:
            assert close(ours, expected, 2e-5), record.name


def test_the_same_walk_where_nothing_is_near_a_tie(both):
    """The whole walk by L2: a few flipped choices weigh little."""
    net, tape, plain = both
    row = np.random.default_rng(2).standard_normal(net.logits(tape).shape)
    ours, theirs = (ta.walk(t, {net.layers[-1][0]: row}, ta.GRADIENT) for t in (tape, plain))
    for name in theirs:
        assert np.linalg.norm(ours[name] - theirs[name]) <= 2e-2 * np.linalg.norm(theirs[name]), name


def test_the_same_weight_gradients(both):
    _, tape, _ = both
    rng = np.random.default_rng(4)
    for record in tape:
        if by_kernels(record) and record.weights:
            g = rng.standard_normal(record.output.shape, np.float32)
            ours = ta.weight_gradients(tape, {record.name: g})[record.name]
            for a, b in zip(ours, ta.engine.WEIGHT_GRADIENT[record.op](record, g), strict=True):
                assert close(a, b, 5e-5), record.name


def test_running_twice_gives_the_same_bytes_and_keeps_the_first_tape(both):
    net, tape, _ = both
    kept = {r.name: r.output.copy() for r in tape}
    again = net.run(tape["input"].output)
    for record in again:
        assert (record.output == kept[record.name]).all()
        assert (tape[record.name].output == kept[record.name]).all()


def test_a_cropped_picture_is_not_taken_for_a_bordered_one():
    """The inside of a caller's larger array: what lies around it is no padding."""
    net = ta.vgg("A", width=1 / 4, classes=4, size=64, seed=0)
    large = np.full((1, 66, 66, 3), 1e3, np.float32)
    large[:, 1:-1, 1:-1] = np.random.default_rng(0).standard_normal((1, 64, 64, 3))
    assert close(net(large[:, 1:-1, 1:-1]), net.without_kernels()(large[:, 1:-1, 1:-1]), 1e-5)


def test_a_changed_signal_is_not_taken_for_the_kernels_own():
    """A signal that a book rescales is a new array: the ReLU below must mask this one, not what was written beside the old."""
    net = ta.vgg("A", width=1 / 2, classes=4, size=64, seed=0)
    tape = net.run(np.random.default_rng(0).standard_normal((1, 64, 64, 3)))
    row = np.ones((1, 4), np.float32)

    def doubled(record, g):
        return tuple(2 * m for m in ta.GRADIENT["conv2d"](record, g))

    once, twice = (ta.walk(tape, {"predictions": row}, {**ta.GRADIENT, "block3_conv2": rule}, to=["block3_conv1"])["block3_conv1"]
                   for rule in (ta.GRADIENT["conv2d"], doubled))
    assert close(twice, 2 * once, 1e-5)


def test_toy_arrays_never_wait_for_compiled_code(monkeypatch):
    monkeypatch.setattr(dispatch, "import_module", lambda name: pytest.fail("a toy network asked for the kernels"))
    monkeypatch.setattr(dispatch, "_started", [])
    dispatch._forms.cache_clear()
    net = ta.vgg("A", width=1 / 16, classes=3, size=32)
    heat = ta.grad_cam(net, np.zeros((1, 32, 32, 3)), score="pre")
    assert heat.raw.shape == (1, 1)
    monkeypatch.undo()
    dispatch._forms.cache_clear()


@pytest.mark.parametrize(("op", "attributes", "words"), [
    ("conv2d", {"stride": 0}, "at least 1"), ("conv2d", {"stride": -1}, "at least 1"), ("conv2d", {"padding": -1}, "0 or more"),
    ("conv2d", {"strides": 1}, "strides"), ("max_pool", {"size": 2, "stride": 0}, "at least 1"), ("max_pool", {"size": 2}, "stride"),
    ("max_pool", {"size": 99, "stride": 1}, "does not fit"),
])
def test_calls_that_make_no_sense_are_refused_at_any_size(op, attributes, words):
    tape = ta.Tape(KERNELS)
    tape.leaf("x", np.ones((1, 96, 96, 16), np.float32))
    weights = (np.ones((3, 3, 16, 16), np.float32), np.ones(16, np.float32)) if op == "conv2d" else ()
    with pytest.raises(ta.InputError, match=words):
        tape.write(op, "it", "x", weights, **attributes)


def test_memory_comes_back_only_when_no_view_is_left():
    """Any slice, reshape or transpose of an output keeps its memory; the next run must not write there."""
    net = ta.vgg("A", width=1 / 2, classes=4, size=64, seed=0)
    x = np.random.default_rng(0).standard_normal((1, 64, 64, 3))
    tape = net.run(x)
    views = [tape["block2_relu1"].output[0, 3:5].T, np.asarray(tape["block2_conv1"].output).reshape(-1)[10:]]
    before = [v.copy() for v in views]
    del tape
    for _ in range(3):
        net.run(x + 1)
    assert all((v == b).all() for v, b in zip(views, before, strict=True))


def test_borders_stay_zero():
    net = ta.vgg("B", width=1 / 4, classes=4, size=96, seed=0)
    for seed in range(3):
        tape = net.run(np.random.default_rng(seed).standard_normal((1, 96, 96, 3)))
        signals = ta.walk(tape, {"predictions": np.ones((1, 4))}, ta.GRADIENT)
        for a in [r.output for r in tape] + list(signals.values()):
            buffer = WRITTEN.get(a)
            if buffer is not None:
                assert buffer.any()
                assert not buffer[:, [0, -1]].any()
                assert not buffer[:, :, [0, -1]].any()


def test_a_chain_of_concatenations_lies_in_the_same_maps_and_a_branch_does_not():
    """In a DenseNet, each concatenation adds channels to the one before it. Two that go on from the same one must not meet."""
    rng = np.random.default_rng(0)
    names = ["x0", "x1", "x2", "x3", "x4", "x5"]
    tape = ta.Tape(KERNELS)
    for name in names:
        tape.leaf(name, rng.standard_normal((2, 40, 36, 20), np.float32))
    chain = {"a": ["x0", "x1"], "b": ["a", "x2"], "c": ["b", "x3"], "other": ["b", "x4"], "d": ["c", "x4"], "e": ["d", "x5", "x0"],
             "last": ["other", "e"], "self": ["c", "c"]}
    for name, inputs in chain.items():
        tape.write("concat", name, inputs)
    for name, inputs in chain.items():
        assert np.array_equal(tape[name].output, np.concatenate([tape[i].output for i in inputs], -1))
        assert not tape[name].output.flags.writeable
    assert np.shares_memory(tape["b"].output, tape["c"].output)
    assert not np.shares_memory(tape["b"].output, tape["other"].output)
    seed = {"last": rng.standard_normal(tape["last"].output.shape, np.float32)}
    exact = ta.Tape()
    for record in tape:
        exact.leaf(record.name, record.output) if not record.sources else exact.write("concat", record.name, record.inputs)
    found, expected = (ta.walk(t, seed, ta.GRADIENT, names) for t in (tape, exact))
    assert all(np.allclose(found[name], expected[name], rtol=1e-6) for name in names)
