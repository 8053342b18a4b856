"""Forked processes, other threading layers, machines without a folder to write: as real processes, each with a time limit."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tinyattr as ta

PACKAGE = Path(ta.__file__).parent
DENSE = """
import numpy as np, tinyattr as ta
rng = np.random.default_rng(0)
weights = {"a": (rng.standard_normal((2000, 1500), np.float32) / 40, np.zeros(1500, np.float32)),
           "z": (rng.standard_normal((1500, 3), np.float32), np.zeros(3, np.float32))}
net = ta.network([("flat", "flatten", {}), ("a", "dense", {}), ("a_relu", "relu", {}), ("z", "dense", {})], weights)
x = rng.standard_normal((1, 20, 50, 2), np.float32)
def right():
    ours, exact = (ta.gradient(n, x, 1, "pre").raw for n in (net, net.without_kernels()))
    return bool(np.abs(ours - exact).max() <= 1e-4 * np.abs(exact).max())
assert right()
"""


def child(code, seconds=120, **environment):
    """What a new process prints; fails where it hangs, dies or prints a traceback."""
    env = {**os.environ, **environment}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=seconds,
                          env={name: value for name, value in env.items() if value is not None})
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    return done.stdout.split()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_forked_after_a_heatmap_computes():
    assert child(DENSE + """
import os
pid = os.fork()
if pid == 0:
    print("child", right(), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print("parent", right())
""") == ["child", "True", "parent", "True"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_pool_of_forked_processes_computes():
    assert child(DENSE + """
from multiprocessing import get_context
with get_context("fork").Pool(2) as pool:
    print(*pool.starmap(right, [()] * 4))
""") == ["True"] * 4


@pytest.mark.parametrize("layer", ["workqueue", None])
def test_threads_of_a_program_may_compute_at_once(layer):
    """Numba's own layer aborts the process where two threads enter it together."""
    assert child(DENSE + """
from threading import Thread
found = []
threads = [Thread(target=lambda: found.extend(right() for _ in range(20))) for _ in range(4)]
[t.start() for t in threads], [t.join() for t in threads]
print(len(found), all(found))
""", NUMBA_THREADING_LAYER=layer) == ["80", "True"]


def test_without_a_folder_for_compiled_code(tmp_path):
    """A read-only installation and no home: compiled anew in every process, and said so nowhere but on a terminal."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "tinyattr", ignore=ignored)
    for folder in [tmp_path / "tinyattr", *(p for p in (tmp_path / "tinyattr").rglob("*") if p.is_dir())]:
        (folder / "__pycache__").touch()  # a file, where a folder would have to be made
    nowhere = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null", "NUMBA_CACHE_DIR": None, "PYTHONDONTWRITEBYTECODE": "1",
               "PYTHONPATH": str(tmp_path)}
    where, *answer = child(f"import sys; sys.path.insert(0, {str(tmp_path)!r})" + DENSE + "print(ta.__file__, right())", **nowhere)
    assert where == str(tmp_path / "tinyattr" / "__init__.py")
    assert answer == ["True"]


def test_memory_is_given_back_when_asked():
    kept, left = map(int, child("""
import numpy as np, tinyattr as ta
from tinyattr.kernels import buffers, release_memory
net = ta.vgg("A", width=1 / 4, classes=4, size=64)
net(np.zeros((1, 64, 64, 3)))
print(sum(len(free) for free in buffers.POOL.free.values()))
release_memory()
print(sum(len(free) for free in buffers.POOL.free.values()))
"""))
    assert kept > 0
    assert left == 0
