"""What is loaded, compiled and kept when: the reasons why starting is quick and one heatmap takes little memory."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.kernels import buffers, dispatch, plan, threads, winograd
from tinyattr.kernels.memory import PACKED

NETWORK = """
import numpy as np, tinyattr as ta
net = ta.vgg("A", width=1 / 4, classes=9, size=96, seed=3)
x = np.random.default_rng(0).standard_normal((1, 96, 96, 3))
"""
WALK = NETWORK + """
tape = net.run(x)
ta.walk(tape, {"predictions": np.ones((1, 9))}, ta.GRADIENT)
"""
LISTEN = """
from numba.core import event
class Listener(event.Listener):
    count = 0
    def on_start(self, e): Listener.count += 1
    def on_end(self, e): pass
event.register("numba:compile", Listener())
"""


def child(code, **environment):
    """What a new Python process prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("late", ["numba", "matplotlib", "torch"])
def test_importing_tinyattr_leaves_the_heavy_libraries_for_later(late):
    assert child(f"import sys, tinyattr; print({late!r} in sys.modules)") == "False\n"


def test_a_second_process_compiles_nothing():
    child(WALK)
    assert child(LISTEN + WALK + "print(Listener.count)") == "0\n"


def test_every_kernel_is_compiled_once():
    """Forward and back, weights of a network or made on the way: the same types, so the same compiled form."""
    kinds = child(WALK + """
import sys
from types import SimpleNamespace
for name in ("block1_conv1", "block3_conv2"):
    record = tape[name]
    ta.engine.rerun(record, record.x, [w.copy() for w in record.weights]).output
from functools import partial
from numba.core.dispatcher import Dispatcher
for name, module in sys.modules.items():
    if name.startswith("tinyattr.kernels."):
        for kernel in vars(module).values():
            kernel = kernel.args[0] if isinstance(kernel, partial) and kernel.args else kernel
            if isinstance(kernel, Dispatcher) and kernel.targetoptions.get("parallel") and kernel.signatures:
                print(kernel.__module__.split(".")[-1], kernel.__name__, len(kernel.signatures))
""").splitlines()
    found = {line.rsplit(" ", 1)[0]: int(line.rsplit(" ", 1)[1]) for line in kinds}
    assert {"winograd _phased", "winograd _transform_weights", "direct _narrow"} <= set(found)
    assert set(found.values()) == {1}, found


def test_threads_soon_sleep_unless_the_user_says_how_they_wait(monkeypatch):
    seen = []
    monkeypatch.setattr(threads.numba, "get_num_threads", lambda: seen.append(os.environ.get("GOMP_SPINCOUNT")))
    monkeypatch.setattr(threads.numba, "threading_layer", lambda: "omp")
    monkeypatch.setattr(threads, "loaded", lambda: False)
    for name in threads.OF_OPENMP:
        monkeypatch.delenv(name, raising=False)
    threads.start()
    assert seen == [threads.SPINS] and set(threads.OF_OPENMP).isdisjoint(os.environ)
    monkeypatch.setenv("GOMP_SPINCOUNT", "5")
    threads.start()
    assert seen == [threads.SPINS, "5"] and os.environ["GOMP_SPINCOUNT"] == "5"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only some systems tell where a thread may run")
def test_each_thread_has_a_processor_of_its_own_and_the_caller_only_for_its_turn():
    """Else two threads may share a processor for many kernels, while another is idle: four times slower."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one processor")
    said = child("""
import os
import numpy as np
import tinyattr as ta
from tinyattr.glyphs.scenes import example
everywhere = os.sched_getaffinity(0)
net = ta.load("glyphs")
net(net.read(example().picture))
from tinyattr.kernels.forms import TURN
with TURN():
    try:
        with TURN():
            own = os.sched_getaffinity(0)
            raise KeyError
    except KeyError:
        assert os.sched_getaffinity(0) == own
assert os.sched_getaffinity(0) == everywhere
others = [os.sched_getaffinity(int(t)) for t in os.listdir("/proc/self/task") if int(t) != os.getpid()]
workers = [cpus for cpus in others if len(cpus) == 1]
print(len(own), len(workers) == len(everywhere) - 1, own.isdisjoint(set().union(*workers)))
""")
    assert said.split() == ["1", "True", "True"]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only some systems tell where a thread may run")
def test_threads_do_not_share_a_processor_when_another_openmp_was_loaded_first(tmp_path):
    """As after `import torch`: its OpenMP starts the kernels' threads, but does not read what we ask of it. A pass took 40 times as long."""
    used = child("""
import tinyattr as ta
from tinyattr.kernels import forms
print(*{line.split()[-1] for line in open("/proc/self/maps") if "libgomp" in line})
""").split()
    if len(os.sched_getaffinity(0)) < 2 or len(used) != 1:
        pytest.skip("there is one processor, or Numba's threads are not of GNU's OpenMP")
    other = tmp_path / "libgomp-other.so"
    other.write_bytes(Path(used[0]).read_bytes().replace(b"\0libgomp.so.1\0", b"\0libgxmp.so.1\0"))
    said = child(f"""
import ctypes, os
ctypes.CDLL({str(other)!r}, mode=ctypes.RTLD_GLOBAL)
import tinyattr as ta
from tinyattr.glyphs.scenes import example
everywhere = os.sched_getaffinity(0)
net = ta.load("glyphs")
net(net.read(example().picture))
print(all(os.sched_getaffinity(int(t)) == everywhere for t in os.listdir("/proc/self/task")))
from tinyattr.kernels.forms import TURN
with TURN():
    print(os.sched_getaffinity(0) == everywhere)
""")
    assert said.split() == ["True", "True"]


def test_compiling_is_announced_once_and_only_for_our_kernels(monkeypatch, capsys):
    def told(function):
        return SimpleNamespace(data={"dispatcher": SimpleNamespace(py_func=function, stats=SimpleNamespace(cache_path="folder"))})

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    announcer = threads.Announcer()
    announcer.on_start(told(os.path.join))
    assert capsys.readouterr().err == ""
    for _ in range(2):
        announcer.on_start(told(threads.start))
    assert capsys.readouterr().err.count("compiling") == 1


def test_transformed_weights_are_kept_from_their_third_use_on():
    """Four times the weights: one heatmap need not hold them, many heatmaps should not make them again."""
    net = ta.vgg("A", width=1 / 4, classes=9, size=64, seed=3)
    x = np.random.default_rng(0).standard_normal((1, 64, 64, 3))

    def transformed():
        """The transforms that are kept of this network's kernels."""
        found = [(PACKED.get(arrays[0]) or {}).get(("winograd", False)) for arrays in net.weights.values()]
        return [u for u in found if u is not None]

    first, second = net(x), net(x)
    assert not transformed()
    third = net(x)
    before = transformed()
    assert before
    fourth = net(x)
    assert all(any(u is v for v in transformed()) for u in before)
    assert all((z == first).all() for z in (second, third, fourth))


def test_transformed_weights_are_not_kept_for_many_tiles(monkeypatch):
    """Their memory would be most of what a path method needs, and making them again is a small part of its time."""
    monkeypatch.setattr(plan, "MOST", 1 << 10)  # no plan
    net = ta.vgg("A", width=1 / 4, classes=9, size=64, seed=3)
    x = np.random.default_rng(0).standard_normal((4, 64, 64, 3))
    tapes = [net.run(x) for _ in range(4)]
    row = np.ones((4, 9), np.float32)
    maps = [ta.walk(tape, {"predictions": row}, ta.GRADIENT)["input"] for tape in tapes]
    kept = {name: [use for use in PACKED.get(arrays[0]) or {} if "winograd" in use] for name, arrays in net.weights.items()}
    tiles = {name: 4 * int(np.ceil(tapes[0][name].outline.shape[1] / 4)) ** 2 for name, (kernel, _) in net.weights.items() if kernel.ndim == 4}
    assert {name for name in tiles if kept[name]} == {name for name, count in tiles.items() if winograd.LEAST <= count < winograd.MANY}
    assert all((m == maps[0]).all() for m in maps)


def test_memory_of_more_pictures_serves_for_fewer():
    pool = buffers.Pool(buffers.line_aligned, 1 << 30)
    four = pool.take((4, 5, 5, 8))
    pool.give_back((4, 5, 5, 8), four)
    assert pool.take((1, 5, 5, 8)) is four
    pool.give_back((1, 5, 5, 8), four)
    pool.give_back((1, 5, 5, 8), one := buffers.line_aligned(200 + buffers.SLACK))
    assert pool.take((1, 5, 5, 8)) is one, "the smallest that is large enough"
    pool.give_back((1, 5, 5, 8), one)
    assert pool.take((8, 5, 5, 8)).size >= 1600
    assert [piece.size for piece in pool.free[5, 5, 8]] == [one.size], "the new one takes the place of the oldest that was too small"
    assert pool.held == one.nbytes


def test_kernels_are_imported_once():
    assert dispatch.forms() is dispatch.forms()
