"""Run the cells of an audit: here, in several processes, or on a cluster; finished cells are never computed twice."""

import json
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

from tinyattr.errors import InputError, unknown
from tinyattr.files.load import load
from tinyattr.scores import SCORES
from tinyattr.studies.audit.cell import ATTACKS, AUDITED, examine
from tinyattr.studies.audit.verdicts import Audit

ATTACKED = ("corner", "quadratic", "input")


def audit(source, pictures, *, family=None, methods=tuple(AUDITED), scores=tuple(SCORES), attacks=ATTACKED, K=10.0,
          layer=None, options=None, jobs=1, cluster=None, finished=None):
    """Every picture by every method by every attack, by all scores: an Audit. Cells are independent of each other.

    source, family: the network as for `load`, so that workers can load it, too. jobs: processes on this machine.
    cluster: address of a Dask scheduler instead (needs the extra "cluster"; workers must find the same file). finished:
    a file where every finished cell is written down at once, and read back by the next run that asks the same.
    The result does not depend on who computed what, nor in which order. Raises InputError for unknown names.
    """
    cells = plan(pictures, methods, attacks)
    for score in scores:
        if score not in SCORES:
            raise unknown("score", score, SCORES)
    net = _network(source, family)
    asked = {"scores": tuple(scores), "K": K, "layer": layer, "options": options}
    question = sha256(json.dumps([net.name, {n: _digest(w) for n, w in net.weights.items()}, asked,
                                  [[p.name, p.target, _digest([p.pixels])] for p in pictures]]).encode()).hexdigest()
    done = _read(finished, question)
    tasks = {json.dumps(cell): (source, family, pictures[cell[0]], *cell[1:], asked) for cell in cells}
    open_tasks = {key: task for key, task in tasks.items() if key not in done}
    results = _on_cluster(cluster, open_tasks) if cluster else _here(open_tasks, jobs)
    for key, rows in tqdm(results, desc="audit", total=len(tasks), initial=len(tasks) - len(open_tasks), disable=None):
        done[key] = rows
        _write(finished, question, key, rows)
    return Audit(net.name, K, [row for key in tasks for row in done[key]])


def plan(pictures, methods=tuple(AUDITED), attacks=ATTACKED):
    """All cells in order: (index of the picture, method, attack). Raises InputError for unknown names."""
    for names, what, known in ((methods, "method", AUDITED), (attacks, "attack", ATTACKS)):
        for name in names:
            if name not in known:
                raise unknown(what, name, known)
    if not pictures:
        raise InputError("an audit needs at least one picture")
    return [(p, method, attack) for p in range(len(pictures)) for attack in attacks for method in methods]


def compute(source, family, picture, method, attack, asked):
    """One cell, wherever this runs."""
    return examine(_network(source, family), picture, method, attack, **asked)


@cache
def _network(source, family):
    return load(source, family=family)


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
    names = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _on_cluster(address, tasks):
    """(key, rows) as a Dask cluster finishes them; what a lost worker had is computed again by another."""
    try:
        from distributed import Client
        from distributed import as_completed as finished
    except ImportError:
        raise InputError("a cluster needs dask: pip install 'tinyattr[cluster]'") from None
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


def _read(finished, question):
    """{key: rows} of the lines that an earlier run with the same question finished; a half-written one is dropped."""
    done = {}
    if finished is not None and Path(finished).exists():
        for line in Path(finished).read_text(encoding="utf-8").splitlines():
            try:
                asked, key, rows = json.loads(line)
            except ValueError:
                continue
            if asked == question:
                done[key] = rows
    return done


def _write(finished, question, key, rows):
    if finished is not None:
        with Path(finished).open("a", encoding="utf-8") as file:
            file.write(json.dumps([question, key, rows]) + "\n")
