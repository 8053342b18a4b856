"""`tinyattr check`, as users call it."""

import json

import pytest

from tinyattr.cli.main import main

MINE = """
import numpy as np

def right(z):
    w = np.exp(z - z.max(-1, keepdims=True))
    return w / w.sum(-1, keepdims=True)

def wrong(z):
    w = np.exp(z)
    return w / w.sum(-1, keepdims=True)

def log_of_sum(z):
    z = z - z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))

def single(z):
    w = np.exp(z - z.max())
    return w / w.sum()

def product(z, v):
    y = right(z)
    return y * (v - (y * v).sum(-1, keepdims=True))

number = 1
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_softmax.py").write_text(MINE, encoding="utf-8")


def test_right_code_has_status_0(here, capsys):
    assert main(["check", "own_softmax:right", "--product", "own_softmax:product", "--json", "found.json"]) == 0
    assert "v^T J = y (v - y.v)" in capsys.readouterr().out
    with open("found.json", encoding="utf-8") as file:
        assert json.load(file)["holds"] is True
    assert main(["check", "own_softmax.py:single", "--single", "--unmasked"]) == 0
    assert capsys.readouterr().out.count(": you said so") == 2
    with pytest.warns(UserWarning, match="0 seconds were too short"):
        assert main(["check", "own_softmax.py:right", "--seconds", "0"]) == 0
    assert "(time: seconds=0 is too short)" in capsys.readouterr().out


def test_wrong_code_has_status_1(here, capsys):
    assert main(["check", "own_softmax.py:wrong"]) == 1
    told = capsys.readouterr()
    assert "with 1024 added to every logit, y_0 is nan, not 1" in told.out
    assert told.err.endswith("identities are broken\n")
    assert main(["check", "own_softmax.py:right", "--kind", "log-softmax"]) == 1


def test_a_log_softmax_by_log_sum_passes_without_digits(here, capsys):
    arguments = ["check", "own_softmax.py:log_of_sum", "--kind", "log_softmax"]
    assert main(arguments) == 1
    assert "log y_c keeps its digits" in capsys.readouterr().out
    assert main([*arguments, "--no-digits"]) == 0
    assert "log y_c keeps its digits" not in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "words"), [
    (["right"], "expected MODULE:FUNCTION, such as scipy.special:softmax or mine.py:softmax; got 'right'"),
    (["own_softmax:left"], "'own_softmax' has no function 'left'"), (["no_such_module:f"], "cannot be imported"),
    (["nothing.py:f"], "there is no file 'nothing.py'"), (["own_softmax:number"], "is not a function, it is of type int"),
    (["own_softmax:right", "--kind", "sofmax"], "did you mean softmax"),
    (["own_softmax:right", "--gradient", "own_softmax:right"], "--gradient does not go with --kind softmax, which takes jacobian, product"),
    (["own_softmax:right", "--no-digits"], "--no-digits does not go with --kind softmax, only with log_softmax"),
    (["own_softmax:right", "--through", "caffe"], "unknown framework 'caffe'"),
])
def test_mistakes_are_one_line(here, capsys, arguments, words):
    assert main(["check", *arguments]) == 1
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(("framework", "module", "function"), [
    ("torch", "torch.nn.functional", "softmax"), ("jax", "jax.nn", "softmax"), ("tensorflow", "tensorflow.nn", "softmax")])
def test_functions_of_tensors(framework, module, function, capsys):
    pytest.importorskip(framework, reason=f"{framework} is not installed")
    assert main(["check", f"{module}:{function}", "--through", framework]) == 0
