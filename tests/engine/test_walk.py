"""The walk: sums over paths, stops where it may, mutates nothing, is never silent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tinyattr.softmax import log_softmax, softmax, softmax_jacobian


def tape_of(x, *writes):
    tape = ta.Tape()
    tape.leaf("input", np.asarray(x, float))
    for op, name, inputs, *attributes in writes:
        tape.write(op, name, inputs, **(attributes[0] if attributes else {}))
    return tape


def gradient(tape, name, to="input"):
    return ta.walk(tape, {name: np.ones_like(tape[name].output)}, ta.GRADIENT, to=[to])[to]


def test_a_value_used_twice_by_one_op():
    assert gradient(tape_of([[3.0]], ("mul", "y", ["input", "input"])), "y") == 6  # d(x x)/dx = 2 x


def test_a_value_used_by_two_ops_after_being_reused():
    # b = a + a; c = b + b: micrograd's counter-example for a missing topological order
    assert gradient(tape_of([[1.0]], ("add", "b", ["input", "input"]), ("add", "c", ["b", "b"])), "c") == 4


@given(st.floats(-2, 2))
def test_fan_out_and_in(x):
    tape = tape_of([[x]], ("exp", "e", "input"), ("mul", "ex", ["e", "input"]), ("add", "y", ["ex", "e"]))
    assert np.isclose(gradient(tape, "y"), np.exp(x) * (x + 2), rtol=1e-12, atol=1e-12)  # (x e^x + e^x)'


def test_seeds_at_several_places_add_up():
    tape = tape_of([[2.0]], ("exp", "e", "input"), ("mul", "y", ["e", "e"]))
    both = ta.walk(tape, {"e": np.array([[1.0]]), "y": np.array([[1.0]])}, ta.GRADIENT)["input"]
    assert np.isclose(both, np.exp(2) + 2 * np.exp(4), rtol=1e-14)


def test_branches_without_a_signal_are_left_alone():
    tape = tape_of([[2.0]], ("exp", "unused", "input"), ("log", "y", "input"))
    signals = ta.walk(tape, {"y": np.array([[1.0]])}, ta.GRADIENT)
    assert signals["input"] == 0.5
    assert "unused" not in signals


def test_it_goes_back_no_further_than_asked():
    tape = tape_of([[0.5]], ("exp", "a", "input"), ("exp", "b", "a"), ("exp", "c", "b"))
    book = {"c": ta.GRADIENT["exp"]}  # a rule for c alone: walking further would fail
    assert set(ta.walk(tape, {"c": np.array([[1.0]])}, book, to=["b"])) == {"b", "c"}


def test_a_deep_tape_needs_no_recursion():
    tape = tape_of([[1.0]])
    for i in range(5000):
        tape.write("add", f"y{i}", ["input" if i == 0 else f"y{i - 1}", "input"])
    assert gradient(tape, "y4999") == 5001


def test_nothing_is_mutated():
    tape = tape_of([[1.0, 2.0]], ("add", "b", ["input", "input"]), ("add", "c", ["b", "input"]), ("add", "d", ["c", "c"]))
    seed = np.ones((1, 2))
    before = [r.output.copy() for r in tape]
    first = ta.walk(tape, {"d": seed}, ta.GRADIENT)
    kept = {name: s.copy() for name, s in first.items()}
    second = ta.walk(tape, {"d": seed}, ta.GRADIENT)
    assert (seed == 1).all()
    assert all((r.output == b).all() for r, b in zip(tape, before, strict=True))
    assert all((first[name] == kept[name]).all() and (second[name] == kept[name]).all() for name in kept)


def test_a_signal_has_the_dtype_of_its_value():
    tape = ta.Tape()
    tape.leaf("input", np.ones((1, 3), np.float32))
    tape.write("sum", "s", "input")
    assert tape["s"].output.dtype == np.float64
    assert ta.walk(tape, {"s": np.ones((1, 1))}, ta.GRADIENT)["input"].dtype == np.float32


def test_a_layers_name_goes_before_its_op():
    tape = tape_of([[2.0]], ("relu", "a", "input"), ("relu", "b", "a"))
    book = {**ta.GRADIENT, "a": lambda record, g: (10 * g,)}
    assert ta.walk(tape, {"b": np.array([[1.0]])}, book)["input"] == 10


@pytest.mark.parametrize(("seeds", "book", "to", "words"), [
    ({}, ta.GRADIENT, ["input"], "needs a seed"),
    ({"y": np.ones((1, 1))}, {}, ["input"], r"no rule for 'exp' \(layer 'y'\)"),
    ({"y": np.ones((1, 2))}, ta.GRADIENT, ["input"], "seed at 'y' has shape"),
    ({"z": np.ones((1, 1))}, ta.GRADIENT, ["input"], "unknown layer 'z'"),
    ({"y": np.ones((1, 1))}, ta.GRADIENT, ["inptu"], "did you mean input"),
    ({"y": np.ones((1, 1))}, ta.GRADIENT, ["aside"], "no signal reaches 'aside'"),
    ({"y": np.ones((1, 1))}, {"exp": lambda record, g: (g[0],)}, ["input"], "of shape .1, 1.; it gave ..1,..$"),
])
def test_errors(seeds, book, to, words):
    tape = tape_of([[2.0]], ("exp", "y", "input"), ("exp", "aside", "input"))
    with pytest.raises(ta.InputError, match=words):
        ta.walk(tape, seeds, book, to=to)


def test_whole_numbers_become_floats():
    """Typed as [[2, 1, 0]], logits are numbers all the same: d log sum e^z / dz = softmax(z)."""
    tape = ta.Tape()
    tape.leaf("input", [[2, 1, 0]])
    for op, name, read in (("exp", "e", "input"), ("sum", "D", "e"), ("log", "lse", "D")):
        tape.write(op, name, read)
    assert np.allclose(ta.walk(tape, {"lse": [[1]]}, ta.GRADIENT)["input"], softmax([2, 1, 0]))
    with pytest.raises(ta.InputError, match="real numbers"):
        ta.Tape().leaf("input", np.array([1j]))


def test_the_tape_keeps_its_own_copy_of_the_picture():
    x = np.ones((1, 2))
    tape = tape_of(x)
    x *= 0
    assert (tape["input"].output == 1).all()


@pytest.mark.parametrize("answer", [None, [np.ones((1, 1))], (np.ones((1, 1)),) * 2])
def test_rules_that_answer_wrongly(answer):
    tape = tape_of([[2.0]], ("exp", "y", "input"))
    with pytest.raises(ta.InputError, match="must return a tuple of 1 signals"):
        ta.walk(tape, {"y": np.ones((1, 1))}, {"exp": lambda record, g: answer}, to="input")


def test_errors_of_the_tape():
    tape = tape_of([[2.0]])
    with pytest.raises(ta.InputError, match="unknown op 'expp'; did you mean exp"):
        tape.write("expp", "y", "input")
    with pytest.raises(ta.InputError, match="unknown layer 'inputs'"):
        tape.write("exp", "y", "inputs")
    with pytest.raises(ta.InputError, match="already has a record 'input'"):
        tape.write("exp", "input", "input")


def test_the_tape_prints_as_a_list():
    lines = repr(tape_of([[2.0]], ("exp", "y", "input"))).splitlines()
    assert lines[0].split()[:3] == ["input", "input", "-"]
    assert lines[1].split()[:3] == ["exp", "y", "input"]


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6))
def test_softmax_built_on_the_tape_has_the_explicit_jacobian(z):
    """log y = z - log sum e^z, y = e^{log y}: row c of J = diag(y) - y y^T is the walk from y_c. Equations (1)-(4)."""
    tape = tape_of([z], ("exp", "e", "input"), ("sum", "D", "e"), ("log", "lse", "D"))
    tape.leaf("minus", np.array(-1.0), "constant")
    tape.write("mul", "-lse", ["lse", "minus"])
    tape.write("add", "log y", ["input", "-lse"])
    tape.write("exp", "y", "log y")
    assert np.allclose(tape["y"].output[0], softmax(z), rtol=1e-13, atol=1e-15)
    n = len(z)
    J = [ta.walk(tape, {"y": np.eye(n)[c][None]}, ta.GRADIENT)["input"][0] for c in range(n)]
    assert np.allclose(J, softmax_jacobian(z), rtol=1e-12, atol=1e-15)
    J_log = [ta.walk(tape, {"log y": np.eye(n)[c][None]}, ta.GRADIENT)["input"][0] for c in range(n)]
    assert np.allclose(J_log, np.eye(n) - softmax(z), rtol=1e-12, atol=1e-14)
    assert np.allclose(tape["log y"].output[0], log_softmax(z), rtol=1e-12, atol=1e-13)


def test_weight_gradients_of_a_constant_and_of_an_unknown_op():
    tape = tape_of([[3.0]])
    tape.leaf("K", np.array([[2.0]]), "constant")
    tape.write("mul", "y", ["input", "K"])
    signals = ta.walk(tape, {"y": np.array([[1.0]])}, ta.GRADIENT, to=["K"])
    assert "input" not in signals
    assert ta.weight_gradients(tape, signals) == {"K": (3.0,)}
    record = ta.engine.Record("strange", "s", (), {"value": np.ones(1)}, (np.ones(1),))
    with pytest.raises(ta.InputError, match="no weight gradient for op 'strange'"):
        ta.weight_gradients([record], {"s": np.ones(1)})


def test_only_what_is_asked_for_is_kept():
    """The same signal, and no other; on a tape with a fork, too, where a signal arrives in two parts."""
    tape = ta.Tape()
    tape.leaf("x", np.arange(4.0).reshape(1, 1, 2, 2) + 1)
    tape.write("exp", "a", "x")
    tape.write("mul", "b", ["a", "x"])
    tape.write("add", "y", ["a", "b"])
    seed = {"y": np.ones((1, 1, 2, 2))}
    everything = ta.walk(tape, seed, ta.GRADIENT, ("x",))
    assert set(everything) == {"y", "b", "a", "x"}
    for name in ("x", "a"):
        kept = ta.walk(tape, seed, ta.GRADIENT, (name,), only=True)
        assert set(kept) == {name}
        assert (kept[name] == everything[name]).all()


def test_numbers_without_axes_stand_on_a_tape():
    """NumPy makes a number, not an array, of two arrays without axes."""
    tape = ta.Tape()
    tape.leaf("a", 3.0)
    tape.leaf("b", 2.0)
    tape.write("mul", "y", ["a", "b"])
    assert tape["y"].output == 6
    assert ta.walk(tape, {"y": np.array(1.0)}, ta.GRADIENT, ["a"])["a"] == 2
