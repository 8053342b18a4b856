"""The seam between engine and kernels: whatever is done to a network or an array, the numbers are those of NumPy.

A backend remembers what it made of an array (weights in another order, the ReLU of a convolution) only as long as that
very array lives, and only if nothing can change it.
"""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.engine import NUMPY, rerun
from tinyattr.engine.arrays import frozen
from tinyattr.kernels import KERNELS
from tinyattr.kernels.memory import PACKED

X = np.random.default_rng(0).standard_normal((1, 64, 64, 3)).astype(np.float32)


@pytest.fixture
def net():
    """Large enough for the kernels, and run twice: all that they keep is there."""
    net = ta.vgg("A", width=1 / 4, classes=5, size=64, seed=3)
    net(X), net(X)
    return net


def right(net):
    """The logits are those that NumPy computes from the same weights."""
    z, exact = net(X), net.without_kernels()(X)
    return np.abs(z - exact).max() <= 1e-4 * np.abs(exact).max()


def fresh(net, layer="block3_conv1", seed=1):
    """Other weights for a layer, in the same shapes."""
    rng = np.random.default_rng(seed)
    return tuple((rng.standard_normal(w.shape) / np.sqrt(w[..., 0].size)).astype(w.dtype) for w in net.weights[layer])


def test_kernels_are_what_networks_get_and_bare_tapes_do_not(net):
    assert net.backend is KERNELS
    assert net.run(X)["block3_conv1"].backend is KERNELS
    assert ta.Tape().backend is NUMPY


def test_replaced_weights_are_used(net):
    before = net(X)
    other = replace(net, weights={**net.weights, "block3_conv1": fresh(net)})
    assert right(other)
    assert np.abs(other(X) - before).max() > 0.1
    net.weights["block3_conv1"] = fresh(net)  # the dict itself
    assert right(net)
    assert np.abs(net(X) - before).max() > 0.1


def test_changing_the_arrays_that_were_given_changes_nothing(net):
    mine = {name: tuple(np.array(w) for w in arrays) for name, arrays in net.weights.items()}
    made = ta.network(net.layers, mine)
    before = made(X), made(X)
    for arrays in mine.values():
        for w in arrays:
            w += 1
    assert (made(X) == before[0]).all()


def test_weights_cannot_be_made_writable(net):
    for arrays in net.weights.values():
        for w in arrays:
            with pytest.raises(ValueError, match="WRITEABLE"):
                w.flags.writeable = True


def test_an_array_that_can_change_is_not_remembered():
    tape = ta.Tape(KERNELS)
    tape.leaf("x", np.ones((1, 64, 64, 16), np.float32))
    kernel, bias = np.ones((3, 3, 16, 16), np.float32), np.zeros(16, np.float32)
    tape.write("conv2d", "a", "x", (kernel, bias), padding=1)
    kernel *= 2
    tape.write("conv2d", "b", "x", (kernel, bias), padding=1)
    assert np.allclose(tape["b"].output, 2 * tape["a"].output, rtol=1e-5)
    assert PACKED.get(kernel) is None


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))],
                         ids=["copy", "deepcopy", "pickle"])
@pytest.mark.parametrize("kernels", [True, False])
def test_copies_compute_as_the_original_and_take_other_weights(net, copied, kernels):
    net = net if kernels else net.without_kernels()
    other = copied(net)
    assert other.backend is net.backend
    assert (other(X) == net(X)).all()
    other.weights["block3_conv1"] = fresh(net)
    assert right(other)
    assert right(net)


def test_a_pickle_holds_the_weights_and_no_more(net):
    numbers = sum(w.nbytes for arrays in net.weights.values() for w in arrays)
    assert len(pickle.dumps(net)) < numbers + 10_000


@pytest.mark.parametrize("change", [ta.alter, lambda net: net.astype(np.float64), lambda net: replace(net, name="other")],
                         ids=["alter", "astype", "replace"])
def test_the_choice_of_a_backend_stays(net, change):
    assert change(net.without_kernels()).backend is NUMPY
    assert change(net).backend is KERNELS


def test_randomisation_in_cascade_is_that_of_numpy(net):
    """Layer after layer from the top gets new weights (Adebayo et al. 2018): every map is one of its own."""
    def maps(net):
        found = []
        for seed, name in enumerate(reversed(list(net.weights))):
            net.weights[name] = fresh(net, name, seed)
            found.append(ta.grad_cam(net, X, 1, "pre", "block2_pool").raw)
        return found

    ours, exact = maps(copy.deepcopy(net)), maps(net.without_kernels())
    for a, b in zip(ours, exact, strict=True):
        assert np.abs(a - b).max() <= 1e-3 * np.abs(b).max()
    assert len({a.tobytes() for a in ours}) == len(ours)


def test_results_of_a_run_are_plain_and_read_only(net):
    tape = net.run(X)
    signals = ta.walk(tape, {"predictions": np.ones((1, 5))}, ta.GRADIENT)
    for a in [record.output for record in tape] + [signals[name] for name in signals if name != "predictions"]:
        assert type(a) is np.ndarray
        assert not a.flags.writeable


def unit(limits=None, C=32, K=48, seed=0, **about):
    """Convolution, batch norm, and a ReLU or clip behind them, on maps: (tape by the kernels, tape by NumPy)."""
    rng = np.random.default_rng(seed)
    x, kernel = rng.standard_normal((1, 40, 36, C), np.float32), rng.standard_normal((3, 3, C, K), np.float32) / 17
    bias, scale, shift = rng.standard_normal((3, K), np.float32)
    kernel, bias, scale, shift = map(frozen, (kernel, bias, scale, shift))
    tapes = []
    for backend in (KERNELS, NUMPY):
        tape = ta.Tape(backend)
        tape.leaf("x", x)
        tape.write("conv2d", "conv", "x", (kernel, bias), **{"padding": 1, **about})
        tape.write("batch_norm", "norm", "conv", (scale, shift))
        tape.write(*(("relu", "last", "norm") if limits is None else ("clip", "last", "norm")),
                   **({} if limits is None else {"low": limits[0], "high": limits[1]}))
        tapes.append(tape)
    return tapes


def near(a, b, size=None):
    """Equal, but for the rounding of a sum of a few hundred products, and of a scale that is multiplied in before it."""
    return a.shape == b.shape and np.abs(a - b).max() <= 1e-5 * np.abs(b if size is None else size).max()


@pytest.mark.parametrize("about", [{}, {"stride": 2}, {"padding": ((0, 1), (2, 0))}], ids=["Winograd", "stride", "uneven"])
@pytest.mark.parametrize("limits", [None, (0.0, 6.0), (-0.5, 0.25)])
def test_one_pass_computes_convolution_norm_and_relu(limits, about):
    """And those of them that nobody asked for are computed when somebody does; signals are the same with and without."""
    ours, exact = unit(limits, **about)
    assert [record.name for record in ours if record.waits] == ["conv", "norm"]
    assert np.isnan(ours["conv"].outline).all()
    seed = {"last": np.random.default_rng(1).standard_normal(exact["last"].output.shape, np.float32)}
    signals, signals_exact = (ta.walk(tape, seed, ta.GRADIENT, ["x"]) for tape in (ours, exact))
    assert [record.name for record in ours if record.waits] == ["conv", "norm"]
    assert all(near(signals[name], signals_exact[name]) for name in ("x", "conv", "norm"))
    assert all(near(ours[name].output, exact[name].output, exact["norm"].output) for name in ("last", "norm", "conv"))
    assert not any(record.waits for record in ours)


def test_what_was_asked_for_does_not_wait_in_the_next_run(net):
    tape = net.run(X)
    assert tape["block2_conv1"].waits
    assert tape["block3_conv1"].waits
    before = tape["block2_conv1"].output
    again = net.run(X)
    assert not again["block2_conv1"].waits
    assert again["block3_conv1"].waits
    assert (again["block2_conv1"].output == before).all()
    assert np.abs(again["block2_relu1"].output - np.maximum(before, 0)).max() == 0


def test_a_norm_that_is_replaced_is_used():
    """The kernel keeps what was merged into it only for these very arrays."""
    tape, _ = unit()
    kernel, bias = tape["conv"].weights
    for seed in (1, 2, 1):
        scale, shift = map(frozen, np.random.default_rng(seed).standard_normal((2, 48), np.float32))
        tape.write("conv2d", f"conv {seed}{len(tape)}", "x", (kernel, bias), padding=1)
        tape.write("batch_norm", f"norm {len(tape)}", list(tape)[-1].name, (scale, shift))
        relu = tape[tape.write("relu", f"relu {len(tape)}", list(tape)[-1].name)]
        assert near(relu.output, np.maximum(tape["conv"].output * scale + shift, 0))


def test_a_changed_output_gets_a_relu_of_its_own(net):
    """What the kernels wrote with a convolution belongs to that output, not to one that was made from it."""
    tape = net.run(X)
    conv, relu = tape["block2_conv1"], tape["block2_relu1"]
    with pytest.raises(ValueError, match="WRITEABLE"):
        conv.output.flags.writeable = True
    changed = conv.output - 0.5
    assert (rerun(relu, (changed,), ()).output == np.maximum(changed, 0)).all()
    assert (rerun(relu, (conv.output[:, :8],), ()).output == np.maximum(conv.output[:, :8], 0)).all()


def test_the_relu_written_with_a_convolution_lets_infinity_pass(net):
    """Weights so large that float32 overflows: infinity stays infinity, as NumPy's ReLU says; it gave 0 before."""
    kernel, bias = net.weights["block2_conv1"]
    net = replace(net, weights=net.weights | {"block2_conv1": (kernel, np.full_like(bias, np.inf))})
    with np.errstate(all="ignore"):
        tape = net.run(X)
    assert (tape["block2_relu1"].output == np.inf).all()


def test_a_signal_changed_in_place_is_an_error_and_not_a_wrong_map(net):
    """A rule of the user's own that writes into the signal it was given."""
    def doubled(record, g):
        g *= 2
        return (g,)

    with pytest.raises(ValueError, match="read-only"):
        ta.walk(net.run(X), {"predictions": np.ones((1, 5))}, {**ta.GRADIENT, "relu": doubled})


def test_a_rule_of_the_users_own_runs_on_numpy(net):
    asked = []

    def conv2d(record, g):
        asked.append(record.name)
        return ta.GRADIENT["conv2d"](record, g)

    tape = net.run(X)
    ours = ta.walk(tape, {"predictions": np.ones((1, 5))}, {**ta.GRADIENT, "conv2d": conv2d})["input"]
    fast = ta.walk(tape, {"predictions": np.ones((1, 5))}, ta.GRADIENT)["input"]
    assert len(asked) == 8
    assert np.linalg.norm(ours - fast) <= 1e-2 * np.linalg.norm(fast)  # a flipped choice of a pool weighs little
