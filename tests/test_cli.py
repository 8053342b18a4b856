"""The command line's frame: help with examples, one-line errors, checks before work, and no module that is not needed."""

import argparse
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.cli import outputs
from tinyattr.cli.command import COMMANDS
from tinyattr.cli.main import main


@pytest.mark.parametrize("arguments", [[], ["explian"], ["explain", "--K", "ten"], ["demo", "extra"], ["explain", "--at", "1"],
                                       ["explain", "--option", "steps"], ["lesson"], ["weights", "lits"]])
def test_misspelt_commands_get_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as status:
        main(arguments)
    assert status.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--help" in error


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_what_it_does_and_an_example(command, capsys):
    with pytest.raises(SystemExit) as status:
        main([*command.split(), "--help"])
    assert status.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"example: tinyattr {command}" in told
    assert COMMANDS[command][0].__doc__.splitlines()[0] in told


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_are_understood(command, monkeypatch):
    """Every example is parsed by the command's own options; none of them runs."""
    run, example, options, defaults = COMMANDS[command]
    ran = []
    monkeypatch.setitem(COMMANDS, command, (lambda options: ran.append(command), example, options, defaults))
    run.__doc__, COMMANDS[command][0].__doc__ = run.__doc__, run.__doc__
    monkeypatch.setattr("tinyattr.cli.main.check", lambda options: None)
    assert main(example.split()[1:]) == 0
    assert ran == [command]


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["lesson", "list"], ["weights", "list"], ["inspect", "--help"]])
def test_what_draws_nothing_does_not_load_matplotlib(arguments):
    code = ("import sys; from tinyattr.cli.main import main\ntry: main(sys.argv[1:])\nexcept SystemExit: pass\n"
            "assert not {'matplotlib', 'numba', 'torch'} & set(sys.modules)")
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, stdout=subprocess.DEVNULL)


def test_figures_need_no_window(tmp_path):
    """Neither a GUI backend that is missing nor pyplot stands between a command and its file."""
    code = ("import sys; from tinyattr.cli.main import main\nassert main(['play', '--out', 'p.png']) == 0\n"
            "assert main(['paint', 'HI']) == 0\nassert 'matplotlib.pyplot' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env={**os.environ, "MPLBACKEND": "tkagg"}, stdout=subprocess.DEVNULL)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p.png", "paint.png"]


@pytest.mark.parametrize(("given", "words"), [
    ({"pictures": 0}, "--pictures must be at least 1; got 0"), ({"seed": -1}, "--seed must be at least 0"), ({"jobs": 0}, "--jobs"),
    ({"steps": 0}, "--steps"), ({"json": "no/such.json"}, "no folder"), ({"out": "no/such.h5"}, "no folder"),
    ({"figure": "a.xyz"}, "figures are written as"), ({"checkpoint": "no/such.npz"}, "no folder"),
    ({"json": "a.png", "figure": "a.png"}, "named twice"), ({"file": "a.h5", "out": "./a.h5"}, "named twice"),
    ({"net": "a.json", "json": "a.json"}, "named twice"), ({"image": "a.png", "figure": "a.png"}, "named twice"),
])
def test_checks_before_work(given, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ta.InputError, match=words):
        outputs.check(argparse.Namespace(**given))


def test_checks_let_pass_what_is_right(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outputs.check(argparse.Namespace(pictures=1, seed=0, net="glyphs", image=None, figure="a.png", json="a.json", out=None))


def test_text_numbers_and_figure_are_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = argparse.Namespace(figure="a.png", json="a.json")
    outputs.tell(options, "text", {"v": np.array([1.5, np.nan])}, lambda draw: draw.Figure())
    assert capsys.readouterr().out == "text\n\nfigure   a.png\nnumbers  a.json\n"
    assert json.loads((tmp_path / "a.json").read_text()) == {"v": [1.5, None]}
    outputs.tell(argparse.Namespace(figure=None, json=None), "text", {}, lambda draw: pytest.fail("nobody asked for a figure"))
    assert capsys.readouterr().out == "text\n"
