"""Run the cells of an audit: here, in several processes, or on a cluster; finished cells are never computed twice."""

import json
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from re import fullmatch

from tqdm import tqdm

from tinyattr.errors import InputError, all_named, count_of, of_type
from tinyattr.files.load import load
from tinyattr.scores import SCORES
from tinyattr.studies.audit.cell import ATTACKS, AUDITED, examine
from tinyattr.studies.audit.verdicts import Audit
from tinyattr.studies.explain import chosen_options

ATTACKED = ("corner", "quadratic", "input")


def audit(source, pictures, *, methods=tuple(AUDITED), scores=tuple(SCORES), attacks=ATTACKED, K=10.0, layer=None,
          options=None, jobs=1, cluster=None, finished=None, **said):
    """Every picture by every method, score and attack: an Audit. Cells are independent of each other.

    source, said: the network as for `load`, so that workers can load it, too. jobs: processes on this machine.
    cluster: address of a Dask scheduler instead (needs the extra "cluster"; workers must find the same file). finished:
    a file where every finished cell is written down at once, and read back by the next run of the same request.
    The result does not depend on who computed what, nor in which order. Raises InputError for unknown names.
    """
    methods = all_named("method", methods, AUDITED)
    attacks = all_named("attack", attacks, ATTACKS)
    scores = all_named("score", scores, SCORES)
    count_of(jobs, "jobs")
    if not of_type(pictures, (list, tuple), "pictures"):
        raise InputError("an audit needs at least one picture")
    options = chosen_options(options or {}, [AUDITED[method][0] for method in methods])
    net = load(source, **said)
    digest, name = _digest_of(net), net.name
    pictures = [p if not isinstance(p.target, str) or p.target in (net.classes or ()) else
                replace(p, target=None, mask=None) for p in pictures]
    del net  # every process that computes cells holds one of its own
    settings = {"attacks": tuple(attacks), "K": K, "layer": layer, "options": options}
    shown = [[p.name, p.target, _digest([p.pixels])] for p in pictures]
    request = sha256(json.dumps([digest, settings, shown]).encode()).hexdigest()
    done = _read(finished, request)
    tasks = {json.dumps([p, score, method]): (source, said, digest, picture, method, score, settings)
             for p, picture in enumerate(pictures) for score in scores for method in methods}
    open_tasks = {key: task for key, task in tasks.items() if key not in done}
    results = _on_cluster(cluster, open_tasks) if cluster else _here(open_tasks, jobs)
    for key, rows in tqdm(results, desc="audit", total=len(tasks), initial=len(tasks) - len(open_tasks), disable=None):
        done[key] = rows
        _write(finished, request, key, rows)
    rows = {(json.loads(key)[0], row["attack"], row["method"], row["score"]): row for key in tasks for row in done[key]}
    order = product(range(len(pictures)), attacks, methods, scores)
    return Audit(name, K, [rows[key] for key in order if key in rows])


def compute(source, said, digest, picture, method, score, settings):
    """One cell, wherever this runs."""
    return examine(_network(source, said, digest), picture, method, score, **settings)


LOADED = {}  # {digest of its content: the one network that this process holds}


def _network(source, said, digest):
    """The network of a source, loaded once in a process; its content is the key, as a file may be overwritten."""
    if digest not in LOADED:
        net = load(source, **said)
        if _digest_of(net) != digest:
            raise InputError(f"{str(source)!r} holds other weights than when this audit began; run it again")
        LOADED.clear()
        LOADED[digest] = net
    return LOADED[digest]


def _digest_of(net):
    """sha256 of all that a network computes with, and of its names."""
    content = [net.name, net.layers, net.features, net.input, net.classes,
               {n: _digest(w) for n, w in net.weights.items()}]
    return sha256(repr(content).encode()).hexdigest()


def _here(tasks, jobs):
    """(key, rows) as they are finished, in this process or in `jobs` others."""
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
    """Processes started meanwhile compute on one thread, so that they do not wait for each other.

    Libraries read this when they are loaded, before any code of ours runs there.
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


def _on_cluster(address, tasks):
    """(key, rows) as a Dask cluster finishes them; what a lost worker had is computed again by another."""
    try:
        from distributed import Client
        from distributed import as_completed as finished
    except ImportError:
        raise InputError("a cluster needs dask: pip install distributed") from None
    if not fullmatch(r".+:\d+", address):
        raise InputError(f"{address!r} is no address of a Dask scheduler, such as tcp://127.0.0.1:8786")
    try:
        client = Client(address, timeout="5s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"no Dask scheduler answers at {address!r}: {error}") from None
    with client:
        futures = {client.submit(compute, *task, pure=False): key for key, task in tasks.items()}
        for future in finished(futures, loop=client.loop):
            yield futures[future], future.result()


def _digest(arrays):
    return [sha256(a.tobytes()).hexdigest() for a in arrays]


def _read(finished, request):
    """{key: rows} of the cells that an earlier run of the same request finished; a half-written line is dropped."""
    done = {}
    if finished is not None and Path(finished).exists():
        for line in Path(finished).read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):
                whose, key, rows = json.loads(line)
                done |= {key: rows} if whose == request else {}
    return done


def _write(finished, request, key, rows):
    if finished is not None:
        with Path(finished).open("a", encoding="utf-8") as file:
            file.write(json.dumps([request, key, rows]) + "\n")
