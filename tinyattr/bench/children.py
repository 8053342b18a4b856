"""What only a new process can tell: how much memory a work takes, and how long the first heatmap takes to come."""

import ctypes
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from tinyattr.bench import models
from tinyattr.bench.networks import NETWORKS, QUICK
from tinyattr.bench.work import jobs, pictures

FIRST_MAP = ("import tinyattr as ta; from tinyattr.glyphs.scenes import example; "
             "net = ta.load('glyphs'); ta.grad_cam(net, net.read(example().picture), score='log_odds')")
CHILD = "import sys; from tinyattr.bench.children import main; main(*sys.argv[1:])"


def start_seconds(empty_cache):
    """Seconds from starting Python to the first heatmap of the embedded network, kernels compiled before or now."""
    with tempfile.TemporaryDirectory() as empty:
        own = {"NUMBA_CACHE_DIR": empty} if empty_cache else {}
        start = perf_counter()
        subprocess.run([sys.executable, "-c", FIRST_MAP], env={**os.environ, **own}, check=True)
        return perf_counter() - start


def memory(name, batch, steps, job, subject):
    """(bytes of a process at its highest during a work, those of them beyond interpreter, imports and weights).

    None where the system does not tell.
    """
    if not Path("/proc/self/clear_refs").exists():  # only Linux tells
        return None
    arguments = [name, str(batch), str(steps), job, subject.name]
    child = subprocess.run([sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, check=True)
    return tuple(map(int, child.stdout.split()))


def main(name, batch, steps, job, subject):
    """The child: all is loaded, and nothing else; then the highest memory during the work, less what was in use."""
    batch, steps = int(batch), int(steps)
    alone(job, name, QUICK, batch)(2)  # code is loaded, threads are started
    run = alone(job, name, NETWORKS[subject], batch)
    ctypes.CDLL(None).malloc_trim(0)  # what was freed since goes back to the system
    Path("/proc/self/clear_refs").write_text("5")  # forget the highest so far
    before = resident("VmRSS")
    run(steps)
    peak = resident("VmHWM")
    print(peak, peak - before)


def alone(job, name, subject, batch):
    """The job of that name, its network in memory once: our weights are gone when another library has its own."""
    found = jobs(name, subject.network(), pictures(name, subject.size, batch), batch, only=job)
    models.torch_model.cache_clear()
    return found[0].run


def resident(field):
    """A line of the kernel's account of this process, in bytes."""
    return 1024 * int(re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())[1])
