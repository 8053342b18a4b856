"""Compute independent tasks in this process or in several processes. Each process loads its network once."""

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from hashlib import sha256
from multiprocessing import get_context

from tinyattr.errors import InputError
from tinyattr.files.load import load

LOADED = {}  # {digest (sha256) of its content: the network that this process holds}, at most one


def network_of(source, said, digest):
    """Return the network of a source, loaded once. digest: that of its content, because a file may be overwritten."""
    if digest not in LOADED:
        net = load(source, **said)
        if digest_of(net) != digest:
            raise InputError(f"{str(source)!r} holds other weights than when this run began; run it again")
        LOADED.clear()
        LOADED[digest] = net
    return LOADED[digest]


def digest_of(net):
    """Return the sha256 of a network: of its layers, weights, preprocessing and names."""
    content = [net.name, net.layers, net.features, net.input, net.classes,
               {n: digests(w) for n, w in net.weights.items()}]
    return sha256(repr(content).encode()).hexdigest()


def digests(arrays):
    """Return the sha256 of the bytes of each array."""
    return [sha256(a.tobytes()).hexdigest() for a in arrays]


def in_processes(compute, tasks, jobs):
    """Yield (key, rows) of each finished task. With one job this process computes them, else `jobs` other processes."""
    if jobs == 1:
        yield from ((key, compute(*task)) for key, task in tasks.items())
        return
    with _one_thread_each(), ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        waiting = {pool.submit(compute, *task): key for key, task in tasks.items()}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _one_thread_each():
    """Let processes that start inside this block compute on one thread, so that they do not wait for each other.

    Libraries read this setting when they are loaded, before our code runs in the new process.
    """
    before = dict(os.environ)
    names = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name)
        os.environ.update(before)
