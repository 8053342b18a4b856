"""The command line as a process of its own: a backend that is not installed, Ctrl-C at any moment."""

import os
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from tinyattr.glyphs.scenes import example

BACKENDS = ("module://no_such_package.backend_inline", "no_such_backend")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("arguments", [["demo", "--score", "pre", "--method", "hirescam"], ["play", "--out", "p.png"]])
def test_files_need_no_backend(backend, arguments, tmp_path):
    """MPLBACKEND of a notebook, without the notebook's packages."""
    done = run(arguments, tmp_path, backend)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list(tmp_path.glob("*.png"))) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_window_that_is_not_installed_is_one_line(backend, tmp_path):
    done = run(["play"], tmp_path, backend)
    assert done.returncode == 1
    assert done.stderr.startswith("tinyattr: ")
    assert done.stderr.count("\n") == 1


def run(arguments, folder, backend):
    return subprocess.run([sys.executable, "-m", "tinyattr", *arguments], cwd=folder, capture_output=True, text=True,
                          env={**os.environ, "MPLBACKEND": backend}, check=False)


UP = "import sys; sys.addaudithook(lambda event, given: event == 'import' and given[0] == 'numpy' and print('up', flush=True))"
STARTS = {  # as `python3 -m tinyattr` and as the installed script do it
    "module": "import runpy; sys.argv[0] = '-m'; runpy.run_module('tinyattr', run_name='__main__', alter_sys=True)",
    "script": "sys.argv[0] = '/usr/bin/tinyattr'; from tinyattr.cli.main import entry; sys.exit(entry())",
}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("seconds", [0, 0.1, 0.3, 0.7, 1.5])
def test_an_interrupt_is_one_line_at_most(start, seconds, tmp_path):
    """While modules are imported, from NumPy on, which is the first, and while the command runs."""
    code = f"{UP}; {STARTS[start]}"
    with subprocess.Popen([sys.executable, "-c", code, "demo", "--method", "all"], cwd=tmp_path, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout.readline() == "up\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT)
    assert error in ("", "tinyattr: interrupted\n")
    assert not list(tmp_path.iterdir())


def test_what_was_interrupted_is_not_taken_apart():
    """Libraries that were stopped half-way crash at the end of a process: here one that always does."""
    code = "import atexit, os; from tinyattr.cli import main; atexit.register(os.abort)\ndef stop(): raise KeyboardInterrupt\nmain.main = stop; main.entry()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "tinyattr: interrupted\n")


def test_an_interrupt_that_python_drops_comes_back():
    """As in what a weak reference calls when its object dies."""
    code = """
import signal, sys, time, weakref
sys.argv[0] = "/usr/bin/tinyattr"
from tinyattr.cli.interrupt import is_an_exception
class Thing: pass
is_an_exception()
thing = Thing()
weakref.finalize(thing, signal.raise_signal, signal.SIGINT)
try:
    del thing
    time.sleep(5)
except KeyboardInterrupt:
    print("caught")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("caught\n", "")


def test_a_users_own_script_keeps_its_interrupts():
    code = ("import signal, tinyattr\nassert signal.getsignal(signal.SIGINT) is signal.default_int_handler")
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(("options", "environment"), [(["-OO"], {}), ([], {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})])
def test_python_without_docstrings_and_a_locale_without_letters(options, environment, tmp_path):
    """A figure's title holds the picture's name, which such a locale takes for single bytes."""
    Image.fromarray(example().picture).save(tmp_path / "\u0444\u043e\u0442\u043e 1.png")
    command = [sys.executable, *options, "-m", "tinyattr", "explain", "\u0444\u043e\u0442\u043e 1.png", "--net", "glyphs", "--score", "pre", "--method", "hirescam"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, env={**os.environ, **environment}, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "explain.png").stat().st_size > 10_000
