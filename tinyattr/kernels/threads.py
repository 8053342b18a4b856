"""How the kernels' threads wait, and what is said while they are compiled."""

import os
import sys
from contextlib import nullcontext
from threading import RLock

import numba
from numba.core import event

SPINS = "10000"  # a fraction of a millisecond: longer than two threads of one kernel wait for each other on an idle machine


def start():
    """Start Numba's threads, and return what to hold while they compute: `with start(): ...`.

    Unless the environment says how threads wait, one that waits soon sleeps. GNU's OpenMP lets it turn for milliseconds
    before it sleeps. Where other processes run, it turns on the processor that the thread it waits for should have: with
    one busy neighbour a pass took four times as long. Numba's own layer, "workqueue", ends the process where two threads
    of the program use it at once, so there it is a lock; the other layers need none.
    """
    own = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}.isdisjoint(os.environ)
    if own:
        os.environ["GOMP_SPINCOUNT"] = SPINS
    try:
        numba.get_num_threads()  # starts the threads; OpenMP reads the environment now and never again
    finally:
        if own:
            del os.environ["GOMP_SPINCOUNT"]
    return RLock() if numba.threading_layer() == "workqueue" else nullcontext()


class Announcer(event.Listener):
    """Says once, on a terminal, that kernels are compiled. Numba tells when it compiles, not when its cache serves."""

    said = False

    def on_start(self, e):
        """Numba begins to compile some function: one of these kernels?"""
        ours = e.data["dispatcher"].py_func.__module__.startswith("tinyattr.")
        if ours and not self.said and sys.stderr.isatty():
            kept = e.data["dispatcher"].stats.cache_path
            print("tinyattr: compiling its kernels for this computer, " + ("once" if kept else "as there is no folder to "
                  "keep them in (NUMBA_CACHE_DIR names one)") + ", about 20 seconds ...", file=sys.stderr)
            self.said = True

    def on_end(self, e):
        """Nothing to say."""


def announce():
    """Let an Announcer listen from now on."""
    event.register("numba:compile", Announcer())
