"""Measure in a new process: the memory of a work, and the time until the first heatmap."""

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
    """Return seconds from the start of Python to the first heatmap. empty_cache: also compile the kernels."""
    with tempfile.TemporaryDirectory() as empty:
        own = {"NUMBA_CACHE_DIR": empty} if empty_cache else {}
        start = perf_counter()
        subprocess.run([sys.executable, "-c", FIRST_MAP], env={**os.environ, **own}, check=True)
        return perf_counter() - start


def memory(name, batch, steps, job, subject):
    """Return (largest memory of a process during a work, the part of it that the work itself needs), in bytes.

    Return None if the system does not measure it.
    """
    if not Path("/proc/self/clear_refs").exists():  # only Linux measures it
        return None
    arguments = [name, str(batch), str(steps), job, subject.name]
    child = subprocess.run([sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, check=True)
    return tuple(map(int, child.stdout.split()))


def main(name, batch, steps, job, subject):
    """Run in the child: load everything, then measure the largest additional memory during the work."""
    batch, steps = int(batch), int(steps)
    alone(job, name, QUICK, batch)(2)  # this loads code and starts threads
    run = alone(job, name, NETWORKS[subject], batch)
    ctypes.CDLL(None).malloc_trim(0)  # freed memory goes back to the system
    Path("/proc/self/clear_refs").write_text("5")  # reset the largest value
    before = resident("VmRSS")
    run(steps)
    peak = resident("VmHWM")
    print(peak, peak - before)


def alone(job, name, subject, batch):
    """Return the job of this name. Only one network stays in memory: if a library has its own weights, ours go."""
    found = jobs(name, subject.network(), pictures(name, subject.size, batch), batch, only=job)
    models.torch_model.cache_clear()
    return found[0].run


def resident(field):
    """Return a memory value that the system reports for this process, in bytes."""
    return 1024 * int(re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())[1])
