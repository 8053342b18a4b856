"""How the kernels' threads wait, and what is said while they are compiled."""

import os
import sys

import numba
from numba.core import event

SPINS = "10000"  # a fraction of a millisecond: longer than two threads of one kernel wait for each other on an idle machine


def start():
    """Start Numba's threads so that one that waits soon sleeps, unless the environment says how threads should wait.

    GNU's OpenMP lets a thread that waits turn for milliseconds before it sleeps. Where other processes run, it turns on
    the processor that the thread it waits for should have: with one busy neighbour a pass took four times as long.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}.isdisjoint(os.environ):
        return
    os.environ["GOMP_SPINCOUNT"] = SPINS
    try:
        numba.get_num_threads()  # starts the threads; OpenMP reads the environment now and never again
    finally:
        del os.environ["GOMP_SPINCOUNT"]


class Announcer(event.Listener):
    """Says once, on a terminal, that kernels are compiled. Numba tells when it compiles, not when its cache serves."""

    said = False

    def on_start(self, e):
        """Numba begins to compile some function: one of these kernels?"""
        ours = e.data["dispatcher"].py_func.__module__.startswith("tinyattr.")
        if ours and not self.said and sys.stderr.isatty():
            print("tinyattr: compiling its kernels for this computer, once (about 20 seconds) ...", file=sys.stderr)
            self.said = True

    def on_end(self, e):
        """Nothing to say."""


def announce():
    """Let an Announcer listen from now on."""
    event.register("numba:compile", Announcer())
