"""Set how the kernels' threads wait and where they run, and print a line when kernels are compiled."""

import os
import re
import sys
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from threading import RLock

import numba
from numba.core import event

SPINS = "10000"  # a fraction of a millisecond: on an idle machine, threads of one kernel wait less than this
OF_OPENMP = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY")


def start():
    """Start Numba's threads, and return `turn` for computing with them: `with turn(): ...`.

    Unless the environment says otherwise, a waiting thread soon sleeps. By default, GNU's OpenMP lets it loop for some
    milliseconds first. If other processes run, this loop takes processor time from the thread that it waits for. But Linux
    often wakes a thread on the processor of the thread that wakes it, and the two share this processor for many kernels: a
    pass took four times as long. So every thread gets a processor of its own, if Numba uses all of them. The calling thread
    keeps its processor only during its turn. If the process has loaded OpenMP before, for example with PyTorch, it is too late to
    set this: the threads would all start on the caller's processor.

    Numba's own layer, "workqueue", ends the process if two threads of the program use it at the same time, so for this layer
    a turn is a lock. Other layers need no lock.
    """
    own, before = {}, processors()
    if set(OF_OPENMP).isdisjoint(os.environ) and not loaded():
        own = {"GOMP_SPINCOUNT": SPINS, **({"OMP_PROC_BIND": "true"} if len(before) == numba.config.NUMBA_NUM_THREADS else {})}
    os.environ.update(own)
    try:
        numba.get_num_threads()  # this starts the threads; OpenMP reads the environment only now
    finally:
        for name in own:
            del os.environ[name]
    if numba.threading_layer() == "workqueue":
        lock = RLock()
        return lambda: lock
    first = processors()
    if not own or first == before:
        return nullcontext
    os.sched_setaffinity(0, before)
    return partial(bound, first)


def loaded():
    """Return True if this process has an OpenMP library, or if the system does not say."""
    try:
        return re.search("/lib[gi]?omp", Path("/proc/self/maps").read_text()) is not None
    except OSError:
        return True


def processors():
    """Return the processors on which the calling thread may run; an empty set if the system does not say."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


@contextmanager
def bound(first):
    """Let the calling thread run on the processors `first` only, because kernels have threads on all others."""
    before = processors()
    if first <= before:
        os.sched_setaffinity(0, first)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Announcer(event.Listener):
    """An Announcer prints once, on a terminal, that Numba compiles kernels. Kernels from Numba's cache are silent."""

    said = False

    def on_start(self, e):
        """Numba starts to compile a function: print the line if it is one of our kernels."""
        ours = e.data["dispatcher"].py_func.__module__.startswith("tinyattr.")
        if ours and not self.said and sys.stderr.isatty():
            kept = e.data["dispatcher"].stats.cache_path
            print("tinyattr: compiling its kernels for this computer, " + ("once" if kept else "as there is no folder to "
                  "keep them in (NUMBA_CACHE_DIR names one)") + ", about 20 seconds ...", file=sys.stderr)
            self.said = True

    def on_end(self, e):
        """Numba has finished: print nothing."""


def announce():
    """Install an Announcer."""
    event.register("numba:compile", Announcer())
