"""A plan gives the bytes that the kernels give without a plan, and it steps aside wherever that is not sure."""

import copy
import threading
import weakref

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.engine import OPS
from tinyattr.kernels import KERNELS, plan, release_memory, repeats
from tinyattr.kernels.memory import PLANS

C, SIZE = 32, 64


def weights(rng, *shape):
    kernel = rng.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))
    return kernel.astype(np.float32), rng.standard_normal(shape[-1]).astype(np.float32)


def norm(rng):
    return rng.uniform(0.5, 1.5, C).astype(np.float32), rng.standard_normal(C).astype(np.float32)


def mixed():
    """A network in which layers wait for each other, and kernels, NumPy, views and constants take turns."""
    rng = np.random.default_rng(0)
    layers = [
        ("turned", "transpose", {"axes": (2, 1, 3)}),
        ("conv1", "conv2d", {"padding": 1}), ("norm1", "batch_norm", {}), ("relu1", "relu", {}),
        ("conv2", "conv2d", {"padding": 1}), ("norm2", "batch_norm", {}),
        ("residual", "add", {"inputs": ("norm2", "relu1")}), ("relu2", "relu", {}),
        ("deep", "conv2d", {"padding": 2, "groups": C}), ("six", "clip", {"low": 0.0, "high": 6.0}),
        ("wide", "conv2d", {}), ("bent", "leaky_relu", {}),
        ("squeeze", "global_avg_pool", {"keep": True}), ("gate", "sigmoid", {}), ("mul", "mul", {"inputs": ("bent", "gate")}),
        ("grey", "constant", {}), ("plus", "add", {"inputs": ("mul", "grey")}),
        ("both", "concat", {"inputs": ("plus", "relu2")}), ("pool", "max_pool", {"size": 3, "stride": 2, "padding": 1}),
        ("smaller", "avg_pool", {"size": 2, "stride": 2}), ("half", "conv2d", {"stride": 2, "padding": 1}),
        ("part", "slice", {"start": (0, 0, 0), "stop": (7, 7, 24), "step": (1, 1, 1)}), ("flat", "flatten", {}), ("z", "dense", {}),
    ]
    grey = rng.standard_normal((1, 1, 1, 2 * C)).astype(np.float32)
    return ta.network(layers, {
        "conv1": weights(rng, 3, 3, 3, C), "norm1": norm(rng), "conv2": weights(rng, 3, 3, C, C), "norm2": norm(rng),
        "deep": weights(rng, 5, 5, 1, C), "wide": weights(rng, 1, 1, C, 2 * C), "grey": (grey,),
        "half": weights(rng, 3, 3, 3 * C, C), "z": weights(rng, 7 * 7 * 24, 7)}, name="mixed")


def small_vgg():
    return ta.vgg("A", width=1 / 4, classes=7, size=SIZE)


def pictures(n, batch=1):
    return [np.random.default_rng(i).standard_normal((batch, SIZE, SIZE, 3)).astype(np.float32) for i in range(n)]


def plans(net):
    return [one for same in PLANS.get(net, {}).values() for one in same if one]


def planned(net, batch=1):
    """The network, after enough runs that the next one is planned."""
    for x in pictures(plan.BEFORE + 3, batch):  # the first runs may find out that a layer that waited is asked for
        net.run(x)
    assert any(one.made for one in plans(net))
    return net


def without_plans(net, x, seeds, to="input", only=False):
    """({layer: output}, {layer: signal}) by kernels, record by record."""
    tape = net.resume(None, "input", x, KERNELS)
    return {name: y.copy() for name, y in outputs(tape).items()}, ta.walk(tape, seeds, ta.GRADIENT, to, only=only)


def outputs(tape):
    """Of all layers that are not merged into the next: from the first reading on, these would be computed by themselves."""
    return {record.name: record.output for record in tape if not record.waits}


def same(found, expected):
    return list(found) == list(expected) and all(np.array_equal(found[name], expected[name]) for name in expected)


def agrees_with_itself_without_plans(net):
    """Seven runs with a tape, walks and calls without a tape; the last ones are planned. Returns the last tape."""
    for x in pictures(7):
        expected, back = without_plans(net, x, {"z": np.ones((1, 7))})
        tape = net.run(x)
        assert same(outputs(tape), expected)
        assert same(ta.walk(tape, {"z": np.ones((1, 7))}, ta.GRADIENT), back)
        assert np.array_equal(net(x), expected["z"])
    return tape


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("make", [mixed, small_vgg])
def test_a_planned_run_gives_the_same_bytes_in_every_layer(make, batch):
    net, seen = make(), []
    net.run(pictures(1)[0])  # finds out which layers are asked for
    for x in pictures(8, batch):
        expected, _ = without_plans(net, x, {net.layers[-1][0]: np.ones((batch, 7))})
        tape = net.run(x)
        seen.append(tape in repeats._of_tape)
        assert same(outputs(tape), expected)
        assert not any(y.flags.writeable for y in outputs(tape).values())
        del tape
    assert not seen[0]
    assert seen[-1]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("make", [mixed, small_vgg])
def test_logits_without_a_tape_are_the_same_bytes_in_less_memory(make, batch):
    net, kept = planned(make(), batch), []
    for x in pictures(8, batch):
        expected, _ = without_plans(net, x, {net.layers[-1][0]: np.ones((batch, 7))})
        z = net(x)
        kept.append((z, expected[net.layers[-1][0]]))
    assert all(np.array_equal(z, expected) and z.flags.writeable for z, expected in kept)
    run, last_only = (max(one.region.size for one in plans(net) if type(one) is kind) for kind in (repeats.Run, repeats.LastOnly))
    assert last_only < run


def test_inputs_of_a_concatenation_are_written_in_their_place():
    rng = np.random.default_rng(0)
    net = ta.network([
        ("conv", "conv2d", {"padding": 1}), ("relu", "relu", {}),
        ("one", "conv2d", {}), ("one_relu", "relu", {}), ("three", "conv2d", {"inputs": ("relu",), "padding": 1}), ("three_relu", "relu", {}),
        ("again", "max_pool", {"inputs": ("relu",), "size": 3, "stride": 1, "padding": 1}), ("bent", "leaky_relu", {"inputs": ("relu",)}),
        ("both", "concat", {"inputs": ("one_relu", "three_relu", "again", "bent", "relu")}), ("pool", "global_avg_pool", {}), ("z", "dense", {})],
        {"conv": weights(rng, 3, 3, 3, C), "one": weights(rng, 1, 1, C, C), "three": weights(rng, 3, 3, C, C), "z": weights(rng, 5 * C, 7)})
    tape = agrees_with_itself_without_plans(net)
    shared = [name for name in ("one_relu", "three_relu", "again", "bent", "relu")
              if np.may_share_memory(tape[name].output, tape["both"].output)]
    assert shared == ["one_relu", "three_relu", "again"]


def test_a_concatenation_of_places_is_left_to_numpy():
    rng = np.random.default_rng(0)
    net = ta.network([
        ("one", "conv2d", {"padding": 1}), ("one_relu", "relu", {}), ("two", "conv2d", {"inputs": ("input",), "padding": 1}), ("two_relu", "relu", {}),
        ("below", "concat", {"inputs": ("one_relu", "two_relu"), "axis": 1}), ("pool", "global_avg_pool", {}), ("z", "dense", {})],
        {"one": weights(rng, 3, 3, 3, C), "two": weights(rng, 3, 3, 3, C), "z": weights(rng, C, 7)})
    agrees_with_itself_without_plans(net)


@pytest.mark.parametrize("then", [("concat", {"inputs": ("thin", "thin")}), ("max_pool", {"size": 2, "stride": 2}), ("relu", {}),
                                  ("avg_pool", {"size": 2, "stride": 2})], ids=lambda then: then[0])
def test_maps_whose_channels_are_not_neighbours_are_copied_in_every_repetition(then):
    rng = np.random.default_rng(0)
    net = ta.network([
        ("conv", "conv2d", {"padding": 1}), ("first_relu", "relu", {}), ("thin", "slice", {"start": (0, 0, 0), "stop": (64, 64, 2 * C), "step": (1, 1, 2)}),
        ("it", *then), ("pool", "global_avg_pool", {}), ("z", "dense", {})],
        {"conv": weights(rng, 3, 3, 3, 2 * C), "z": weights(rng, 2 * C if then[0] == "concat" else C, 7)})
    agrees_with_itself_without_plans(net)


def test_a_layer_that_numpy_reads_again_is_not_forgotten():
    rng = np.random.default_rng(0)
    net = ta.network([
        ("conv1", "conv2d", {"padding": 1}), ("relu1", "relu", {}), ("bent", "leaky_relu", {}), ("conv2", "conv2d", {"padding": 1}),
        ("relu2", "relu", {}), ("conv3", "conv2d", {"padding": 1}), ("relu3", "relu", {}), ("pool", "global_avg_pool", {}), ("z", "dense", {})],
        {"conv1": weights(rng, 3, 3, 3, C), "conv2": weights(rng, 3, 3, C, C), "conv3": weights(rng, 3, 3, C, C), "z": weights(rng, C, 7)})
    agrees_with_itself_without_plans(net)


@pytest.mark.parametrize("only", [False, True])
@pytest.mark.parametrize(("make", "to"), [(mixed, "input"), (mixed, ("relu1", "mul")), (small_vgg, "input"), (small_vgg, "block2_pool")])
def test_a_planned_walk_gives_the_same_bytes_at_every_layer(make, to, only):
    net, rng = planned(make()), np.random.default_rng(0)
    for x in pictures(6):
        seeds = {net.layers[-1][0]: rng.standard_normal((1, 7))}
        _, expected = without_plans(net, x, seeds, to, only)
        assert same(ta.walk(net.run(x), seeds, ta.GRADIENT, to, only=only), expected)
    assert any(one.made for run in plans(net) for walks in run.walks.values() for one in walks if one)


def test_a_walk_may_start_from_maps_and_from_two_layers():
    net, rng = planned(mixed()), np.random.default_rng(0)
    for x in pictures(6):
        seeds = {"mul": rng.standard_normal((1, SIZE, SIZE, 2 * C)), "relu1": rng.standard_normal((1, SIZE, SIZE, C))}
        _, expected = without_plans(net, x, seeds)
        assert same(ta.walk(net.run(x), seeds, ta.GRADIENT), expected)


def test_results_that_are_kept_never_change():
    net, kept = planned(mixed()), []
    for x in pictures(12):
        tape = net.run(x)
        signals = ta.walk(tape, {"z": np.ones((1, 7))}, ta.GRADIENT, "relu2")
        kept.append((tape["pool"].output, signals["relu2"], tape["pool"].output.copy(), signals["relu2"].copy()))
    for y, g, y_then, g_then in kept:
        assert np.array_equal(y, y_then)
        assert np.array_equal(g, g_then)


def test_a_view_of_a_result_keeps_it_too():
    net = planned(mixed())
    row = net.run(pictures(1)[0])["pool"].output[0, 3, ::2].T
    before = row.copy()
    for x in pictures(9):
        net.run(x)
    assert np.array_equal(row, before)


def test_a_layer_that_was_merged_can_be_read_after_a_planned_run():
    net, x = planned(mixed()), pictures(1)[0]
    tape, other = net.run(x), net.resume(None, "input", x, KERNELS)
    assert tape in repeats._of_tape
    assert tape["conv2"].waits
    assert np.array_equal(tape["conv2"].output, other["conv2"].output)


def test_layers_and_weights_that_are_changed_by_hand_are_used():
    x, rng = pictures(1)[0], np.random.default_rng(1)
    for change in (lambda net: net.layers[9][2].update(high=0.5),
                   lambda net: net.weights.update(conv2=weights(rng, 3, 3, C, C)),
                   lambda net: net.weights["conv2"][0].__imul__(2)):
        net = planned(mixed())
        before = net(x)
        net.weights["conv2"] = tuple(w.copy() for w in net.weights["conv2"])  # now they can be changed
        for _ in range(5):
            assert np.allclose(net(x), before, rtol=1e-4, atol=1e-4)
        change(net)
        for _ in range(5):
            assert np.allclose(net(x), copy.deepcopy(net)(x), rtol=1e-4, atol=1e-4)
        assert np.abs(net(x) - before).max() > 0.01


def test_a_rule_that_is_not_the_gradients_is_not_planned():
    net, x, calls = planned(mixed()), pictures(1)[0], []
    book = {**ta.GRADIENT, "leaky_relu": lambda record, g: calls.append(record) or ta.GRADIENT["leaky_relu"](record, g)}
    for _ in range(5):
        tape = net.run(x)
        ta.walk(tape, {"z": np.ones((1, 7))}, book)
        assert calls[-1] is tape["bent"]
    assert len(calls) == 5


def test_a_tape_that_was_written_on_is_walked_as_it_is():
    net = planned(mixed())
    for x in pictures(5):
        tape = net.run(x)
        tape.write("sum", "S", "z", axes=(1,))
        assert np.array_equal(ta.walk(tape, {"S": np.ones((1, 1))}, ta.GRADIENT, "z")["z"], np.ones((1, 7)))


def test_what_numpy_computes_is_computed_again(monkeypatch):
    """A step of NumPy calls the op: nothing of it is remembered."""
    net, x = planned(mixed()), pictures(1)[0]
    before = net(x)
    monkeypatch.setitem(OPS, "sigmoid", lambda x: np.zeros_like(x))
    assert not np.array_equal(net(x), before)


def test_maps_that_are_too_large_are_not_planned(monkeypatch):
    monkeypatch.setattr(plan, "MOST", 100_000)
    net = mixed()
    for x in pictures(6):
        expected, signals = without_plans(net, x, {"z": np.ones((1, 7))})
        tape = net.run(x)
        assert same(outputs(tape), expected)
        assert same(ta.walk(tape, {"z": np.ones((1, 7))}, ta.GRADIENT), signals)
    assert plans(net)
    assert not any(one.made for one in plans(net))


def test_all_plans_together_have_a_limit(monkeypatch):
    before, net = plan._held[0], mixed()
    monkeypatch.setattr(plan, "MOST_IN_ALL", before + 10_000_000)
    for batch in range(1, 5):
        for x in pictures(4, batch):
            net.run(x)
        assert plan._held[0] <= plan.MOST_IN_ALL + 10_000_000  # one plan more at most


def test_a_picture_may_lie_in_any_order_in_memory():
    net = planned(small_vgg())
    for x in pictures(5):
        odd = x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
        assert not odd.flags.c_contiguous
        assert np.array_equal(net(odd), net(x))


def test_threads_do_not_share_a_plan():
    net, wrong = planned(mixed()), []
    expected = [without_plans(net, x, {"z": np.ones((1, 7))}) for x in pictures(3)]

    def work(x, layers, signals):
        for _ in range(15):
            tape = net.run(x)
            fine = same(outputs(tape), layers)
            if not fine or not same(ta.walk(tape, {"z": np.ones((1, 7))}, ta.GRADIENT), signals):
                wrong.append(x)
    threads = [threading.Thread(target=work, args=(x, *of)) for x, of in zip(pictures(3), expected, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_plans_end_with_their_network():
    net = planned(mixed())
    for _ in range(4):
        tape = net.run(pictures(1)[0])
        ta.walk(tape, {"z": np.ones((1, 7))}, ta.GRADIENT)
    walks = [one for run in plans(net) for same in run.walks.values() for one in same if one]
    here = [weakref.ref(a) for a in (net, tape, *plans(net), *walks)]
    del net, tape, walks
    assert [a() for a in here] == [None] * len(here)


def test_an_error_in_a_step_frees_the_plan(monkeypatch):
    net, x = planned(mixed()), pictures(1)[0]
    expected = net(x)
    with monkeypatch.context() as patch:
        patch.setitem(OPS, "sigmoid", lambda x: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            net(x)
    tape = net.run(x)
    assert tape in repeats._of_tape
    assert np.array_equal(net.logits(tape), expected)


def test_memory_of_plans_is_given_back_when_asked():
    net = planned(mixed())
    release_memory()
    assert not plans(net)


def test_what_arrays_keep_alive_counts_and_ends_with_them():
    """One small array that is kept keeps the memory of its plan: no plan may follow without limit."""
    before, net = plan._held[0], planned(mixed())
    kept = net.run(pictures(1)[0])["squeeze"].output
    assert plan._held[0] > before
    release_memory()
    del net
    assert plan._held[0] > before
    assert kept.shape == (1, 1, 1, 2 * C)
    del kept
    assert plan._held[0] == before


def test_a_run_that_cannot_be_planned_keeps_no_memory(monkeypatch):
    monkeypatch.setattr(plan, "MOST", 500_000)
    net, before = mixed(), plan._held[0]
    for x in pictures(6):
        net.run(x)
    one = plans(net)[0]
    assert not one.made
    assert not one.steps
    assert not one.others
    assert one.memory is one.scratch is None
    assert plan._held[0] == before


def test_no_memory_for_a_plan_is_no_error(monkeypatch):
    def none(size):
        raise MemoryError
    monkeypatch.setattr(plan, "line_aligned", none)
    net = mixed()
    for x in pictures(5):
        assert net.run(x)["z"].output.shape == (1, 7)


def test_a_tape_that_was_changed_by_hand_is_walked_as_it_is():
    net = planned(mixed())
    for x in pictures(5):
        found = []
        for slope in (0.01, 0.9):
            tape = net.run(x)
            tape["bent"].attributes["slope"] = slope
            found.append(ta.walk(tape, {"z": np.ones((1, 7))}, ta.GRADIENT, "six", only=True)["six"].copy())
        assert not np.allclose(*found)
    tape = net.run(x)
    expected = tape["plus"].output.copy()
    tape["grey"].attributes["value"][...] = 7
    assert np.array_equal(net.run(x)["plus"].output, expected)


def test_an_array_as_an_attribute_is_no_error():
    net = planned(mixed())
    net.layers[18][2].update(size=np.array([3, 3]))
    for x in pictures(6):
        assert net.run(x)["z"].output.shape == (1, 7)
    assert ta.walk(net.run(x), {"z": np.ones((1, 7))}, ta.GRADIENT, only=[])["input"].shape == x.shape


def test_memory_that_had_another_shape_has_a_border_of_zeros_in_every_repetition():
    rng = np.random.default_rng(0)
    layers, arrays = [], {}
    for i, (size, c, k) in enumerate([(3, 3, C), (3, C, 2 * C), (3, 2 * C, C), (3, C, 2 * C), (5, 2 * C, C), (3, C, 2 * C), (3, 2 * C, C)]):
        layers += [(f"conv{i}", "conv2d", {"padding": size // 2}), (f"relu{i}", "relu", {})]
        layers += [(f"pool{i}", "max_pool", {"size": 2, "stride": 2})] if i in (2, 4) else []
        arrays[f"conv{i}"] = weights(rng, size, size, c, k)
    net = ta.network([*layers, ("pool", "global_avg_pool", {}), ("z", "dense", {})], {**arrays, "z": weights(rng, C, 7)})
    agrees_with_itself_without_plans(net)
    (last_only,) = [one for one in plans(net) if type(one) is repeats.LastOnly]
    assert sum(function is plan.clear_border for function, _ in last_only.steps) >= 4
