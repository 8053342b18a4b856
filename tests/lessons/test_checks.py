"""The checks that lessons call: what they say when an answer is wrong, and that nothing of the library answers in its place."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.course import agrees, explains, has, holds, passes, predicts, same, show, spoiled, unaided
from tinyattr.course.run import execute, stage
from tinyattr.course.script import read
from tinyattr.softmax import softmax


def said(check, *arguments, **options):
    """The words of the AssertionError that a check raises."""
    with pytest.raises(AssertionError) as caught:
        check(*arguments, **options)
    return str(caught.value)


def test_a_difference_is_told_where_it_is_largest():
    truth = np.arange(12.0).reshape(3, 4)
    yours = truth.copy()
    yours[2, 1] += 5
    words = said(same, "1.1 all", yours, truth)
    assert words.startswith("1.1 all: off by 0.45 of the largest value")
    assert words.endswith("most at [2, 1]: yours 14, truth 9")


@pytest.mark.parametrize(("got", "words"), [
    (None, "nothing was returned"), ("x", "is not a number"), ([[1], [2, 3]], "is not a number"), ([1.0, 2.0, 3.0], "yours has shape (3,), expected (2,)"),
    ([1.0, np.nan], "at [1]: yours nan, truth 2"),
])
def test_what_is_no_array_of_the_right_shape_is_named(got, words):
    assert words in said(same, "1.1 x", got, [1.0, 2.0])


@pytest.mark.parametrize(("yours", "words"), [
    ({}, "no answer for 'a', 'b', 'c'"), ({"a": True, "b": False}, "no answer for 'c'"),
    ({"a": True, "b": False, "c": True, "d": 1}, "nothing was asked about 'd'"), ({"a": "True", "b": False, "c": True}, "should be True or False, yours is str 'True'"),
    ({"a": ..., "b": False, "c": True}, "yours is ellipsis"), ({"a"}, "2 of 3 are right"), ("abc", "2 of 3 are right"), (["a", "d"], "nothing was asked about 'd'"),
    (None, "write which of"), (5, "write which of"), ({"a": False, "b": True, "c": False}, "0 of 3 are right"),
])
def test_predictions_are_asked_for_every_key_and_not_given_away(yours, words):
    told = said(predicts, "1.2 which", yours, {"a": True, "b": False, "c": np.True_})
    assert words in told
    assert "truth" not in told


@pytest.mark.parametrize("yours", [{"a": 1, "b": 0.0, "c": np.True_}, {"a", "c"}, ["c", "a"], "ac", ("a", "c")])
def test_predictions_in_other_styles(yours, capsys):
    predicts("1.2 which", yours, {"a": True, "b": False, "c": True})
    assert capsys.readouterr().out == "1.2 which: ok, all 3\n"


def test_predicted_numbers_and_names():
    predicts("1.2 sizes", {"a": 3.001, "b": 0.0005}, {"a": 3, "b": 0}, within=1e-3)
    assert "1 of 2 are right" in said(predicts, "1.2 sizes", {"a": 3.004, "b": 0}, {"a": 3, "b": 0}, within=1e-3)
    assert "should be a number" in said(predicts, "1.2 sizes", {"a": "3", "b": 0}, {"a": 3, "b": 0})
    assert "should be a number" in said(predicts, "1.2 sizes", {"a": [3], "b": 0}, {"a": 3, "b": 0})
    predicts("1.2 names", {"a": "x", "b": None}, {"a": "x", "b": None})
    assert "should be a name in quotes, or None" in said(predicts, "1.2 names", {"a": 1, "b": None}, {"a": "x", "b": None})


def test_dicts_words_and_claims():
    assert "write a dict" in said(has, "1.3 all", [1], ("a",))
    assert "does not hold; look up" in said(holds, "1.3 it", False, "look up")
    assert "yours are 3" in said(explains, "1.4 why", "because it is", least=4)
    assert "yours are 0" in said(explains, "1.4 why", None)


def test_an_answer_is_tried_in_every_case(capsys):
    cases = [(np.full(shape, 2.0), 3) for shape in ((2, 2), (3, 4))]
    agrees("1.1 other shapes", lambda a, n: (a * n).tolist(), lambda a, n: n * a, cases)
    assert capsys.readouterr().out == "1.1 other shapes: ok, apart by 0 at most, number of cases: 2\n"
    told = said(agrees, "1.1 other shapes", lambda a, n: a * n if a.shape == (2, 2) else a, lambda a, n: n * a, cases)
    assert told.startswith("1.1 other shapes, case 2 of 2: off by 0.67 of the largest value")
    assert told.endswith("most at [0, 0]: yours 2, truth 6")


def test_an_answer_that_changes_an_argument_is_told():
    def changes(n, a):
        a[0] += 1
        return a * n

    case = 2, np.zeros(3)
    told = said(agrees, "1.1 it", changes, lambda n, a: [2, 0, 0], [case])
    assert told == "1.1 it: your answer changes its argument number 2; change a copy of it"
    assert not case[1].any(), "each call gets copies"


def test_several_things_are_compared_one_by_one():
    agrees("1.1 both", lambda a: [a, 2 * a], lambda a: (a, a + a), [(1.5,)])
    assert "1.1 both, thing 2: yours 1.5, truth 3" in said(agrees, "1.1 both", lambda a: (a, a), lambda a: (a, a + a), [(1.5,)])
    assert "return 2 things" in said(agrees, "1.1 both", lambda a: a, lambda a: (a, a + a), [(1.5,)])
    assert "no answer for 'b'" in said(agrees, "1.1 dict", lambda a: {"a": a}, lambda a: {"a": a, "b": a}, [(1,)])
    assert "'b': yours 2, truth 1" in said(agrees, "1.1 dict", lambda a: {"a": a, "b": 2}, lambda a: {"a": a, "b": a}, [(1,)])


def test_spoiled_arrays_have_one_error_each():
    a = np.random.default_rng(0).normal(size=(3, 4))
    found = spoiled(a)
    assert len({wrong.tobytes() for wrong in [a, *found.values()]}) == 1 + len(found)
    changed = {what: np.flatnonzero(wrong != a) for what, wrong in found.items()}
    for how, factor in (("more", 1.01), ("less", 0.99)):
        for which, place in (("highest", a.argmax()), ("lowest", a.argmin())):
            what = f"a hundredth {how} at the {which} place"
            assert changed[what].tolist() == [place]
            assert found[what].flat[place] == factor * a.flat[place]
    exchanged = found["the highest and the lowest place exchanged"]
    np.testing.assert_array_equal(np.sort(exchanged, axis=None), np.sort(a, axis=None))
    assert sorted(changed["the highest and the lowest place exchanged"]) == sorted([a.argmax(), a.argmin()])


def test_a_claim_returns_or_asserts():
    def asserts(x):
        assert x > 0

    for claim in (lambda x: x > 0, asserts, lambda x: np.array([True, x > 0])):
        assert passes(claim, 1)
        assert not passes(claim, -1)
    with pytest.raises(ZeroDivisionError):
        passes(lambda x: 1 / x, 0)


def test_the_librarys_functions_are_out_of_reach_while_an_answer_runs():
    z = np.array([1.0, 2.0])
    routes = [lambda z: softmax(z), lambda z: ta.SCORES["post"](z, 0), lambda z: list(map(softmax, [z])), lambda z: np.apply_along_axis(softmax, 0, z)]
    for route in routes:
        assert "here you write it yourself" in said(unaided()(route), z)

    def imports(z):
        from tinyattr.softmax import log_softmax as other

        return np.exp(other(z))

    assert "tinyattr's log_softmax" in said(unaided()(imports), z)
    assert "tinyattr's log_softmax" in said(passes, unaided()(imports), z), "this is no counter-example to a claim"
    np.testing.assert_array_equal(unaided(softmax)(softmax)(z), softmax(z))  # allowed
    np.testing.assert_array_equal(unaided()(lambda f, z: f(z))(softmax, z), softmax(z))  # handed in
    net = ta.network([("flatten", "flatten", {}), ("z", "dense", {})], {"z": (np.eye(2), np.zeros(2))})
    np.testing.assert_array_equal(unaided()(lambda x: net.run(x)["z"].output[0])(z.reshape(1, 1, 1, 2)), z)  # methods are free
    assert softmax(z).sum() == 1  # and afterwards all is as it was


def test_no_object_of_an_answer_decides_what_it_equals():
    number, text = (type("Sly", (kind,), {"__eq__": lambda *_: True, "__hash__": None}) for kind in (int, str))
    truth = {"a": True, "b": "heart"}
    assert said(predicts, "1.1", {"a": number(0), "b": text("star")}, truth) == "1.1: 0 of 2 are right"
    predicts("1.1", {"a": number(1), "b": text("heart")}, truth)


def test_what_was_watching_before_watches_again():
    seen = []
    sys.setprofile(lambda *_: seen.append(1))
    try:
        unaided()(lambda: 0)()
        before = len(seen)
        abs(-1)
    finally:
        sys.setprofile(None)
    assert len(seen) > before


def test_a_students_own_lines_are_named(tmp_path):
    """For a check that fails: its line. For a slip in the answer: the line that asked, and the line of the slip."""
    path = tmp_path / "mine.py"
    path.write_text(LESSON, encoding="utf-8")
    told = {}
    with stage(read(path)) as names:
        for cell in read(path).cells:
            told[cell.exercise] = str(execute(cell, names))
    assert told["9.1"] == ("exercise 9.1: not yet. 9.1 double: yours 2, truth 4; off by 0.5 of it, at most 1e-12 is rounding"
                           "\n    line 16: same(\"9.1 double\", double(2), 4)")
    assert told["9.2"] == ("exercise 9.2: the cell at line 23 ends in NameError: name 'nmupy' is not defined"
                           "\n    line 27: same(\"9.2 root\", root(4), 2)\n    line 24: return nmupy.sqrt(x)")


LESSON = '''"""
9. Two slips
============
"""

# %%
# Exercise 9.1 (complete): twice
# ------------------------------

from tinyattr.course import same


def double(x):
    return x

same("9.1 double", double(2), 4)

# %%
# Exercise 9.2 (complete): root
# -----------------------------


def root(x):
    return nmupy.sqrt(x)


same("9.2 root", root(4), 2)
'''


def test_a_notebook_shows_a_heatmap(tmp_path, monkeypatch):
    """As it shows a figure: the file that was written is displayed."""
    shown = []
    display = SimpleNamespace(Image=lambda filename: filename, display=shown.append)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(version_info=(9, 0), get_ipython=lambda: True, display=display))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.chdir(tmp_path)
    net = ta.vgg("A", width=1 / 16, size=32, classes=3, seed=0)
    show(ta.grad_cam(net, np.zeros((1, 32, 32, 3), np.float32), 0, score="log_odds"), "heat.png")
    assert shown == ["heat.png"]
    assert (tmp_path / "heat.png").is_file()


def test_random_draws_leave_nothing_behind(tmp_path):
    """hypothesis keeps notes in the working folder unless it is told another one."""
    draws = "from tinyattr import strategies; from tinyattr.course.properties import drawn; assert len(drawn(strategies.logits(), 20)) == 20"
    where = ("from pathlib import Path; import tinyattr.course.properties; from hypothesis.configuration import storage_directory; "
             "assert Path.cwd() not in storage_directory('notes').home_directory.parents")
    subprocess.run([sys.executable, "-c", f"{draws}; {where}"], cwd=tmp_path, check=True)
    assert list(tmp_path.iterdir()) == []
