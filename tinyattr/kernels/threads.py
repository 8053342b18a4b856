"""Set how the kernels' threads wait, and print a line when kernels are compiled."""

import os
import sys
from contextlib import nullcontext
from threading import RLock

import numba
from numba.core import event

SPINS = "10000"  # a fraction of a millisecond: on an idle machine, threads of one kernel wait less than this


def start():
    """Start Numba's threads, and return a context for computing with them: `with start(): ...`.

    Unless the environment says otherwise, a waiting thread soon sleeps. By default, GNU's OpenMP lets it loop for some
    milliseconds first. If other processes run, this loop takes processor time from the thread that it waits for: with one
    busy process, a pass took four times as long. Numba's own layer, "workqueue", ends the process if two threads of the
    program use it at the same time, so for this layer we return a lock. Other layers need no lock.
    """
    own = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}.isdisjoint(os.environ)
    if own:
        os.environ["GOMP_SPINCOUNT"] = SPINS
    try:
        numba.get_num_threads()  # this starts the threads; OpenMP reads the environment only now
    finally:
        if own:
            del os.environ["GOMP_SPINCOUNT"]
    return RLock() if numba.threading_layer() == "workqueue" else nullcontext()


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
