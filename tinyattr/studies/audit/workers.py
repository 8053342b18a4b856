"""Run the cells of an audit here, in several processes, or on a cluster. No finished cell is computed twice."""

import json
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from itertools import product
from pathlib import Path
from re import fullmatch

from tqdm import tqdm

from tinyattr.errors import InputError, all_named, count_of, of_type
from tinyattr.files.load import load
from tinyattr.scores import SCORES
from tinyattr.studies.audit.cell import ATTACKS, AUDITED, examine
from tinyattr.studies.audit.verdicts import Audit
from tinyattr.studies.explain import chosen_options
from tinyattr.studies.processes import digest_of, digests, in_processes, network_of

ATTACKED = ("corner", "quadratic", "input")


def audit(source, pictures, *, methods=tuple(AUDITED), scores=tuple(SCORES), attacks=ATTACKED, K=10.0, layer=None,
          options=None, jobs=1, cluster=None, finished=None, **said):
    """Return an Audit. It has a cell for each picture, method and score, and a row in the cell for each attack.

    source, said: the arguments of `load` that give the network, so that each worker can load it. jobs: number of
    processes on this machine. cluster: address of a Dask scheduler to use instead (needs the extra "cluster"; workers
    must find the same file). finished: a file that keeps finished cells, so that the next run of the same request can
    continue. The result does not depend on the order or place of computation. Raises InputError for unknown names.
    """
    methods = all_named("method", methods, AUDITED)
    attacks = all_named("attack", attacks, ATTACKS)
    scores = all_named("score", scores, SCORES)
    count_of(jobs, "jobs")
    if not of_type(pictures, (list, tuple), "pictures"):
        raise InputError("an audit needs at least one picture")
    options = chosen_options(options or {}, [AUDITED[method][0] for method in methods])
    net = load(source, **said)
    digest, name = digest_of(net), net.name
    pictures = [p if not isinstance(p.target, str) or p.target in (net.classes or ()) else
                replace(p, target=None, mask=None) for p in pictures]
    del net  # every process that computes cells loads its own network
    settings = {"attacks": tuple(attacks), "K": K, "layer": layer, "options": options}
    shown = [[p.name, p.target, digests([p.pixels])] for p in pictures]
    request = sha256(json.dumps([digest, settings, shown]).encode()).hexdigest()
    done = _read(finished, request)
    tasks = {json.dumps([p, score, method]): (source, said, digest, picture, method, score, settings)
             for p, picture in enumerate(pictures) for score in scores for method in methods}
    open_tasks = {key: task for key, task in tasks.items() if key not in done}
    results = _on_cluster(cluster, open_tasks) if cluster else in_processes(compute, open_tasks, jobs)
    for key, rows in tqdm(results, desc="audit", total=len(tasks), initial=len(tasks) - len(open_tasks), disable=None):
        done[key] = rows
        _write(finished, request, key, rows)
    rows = {(json.loads(key)[0], row["attack"], row["method"], row["score"]): row for key in tasks for row in done[key]}
    order = product(range(len(pictures)), attacks, methods, scores)
    return Audit(name, K, [rows[key] for key in order if key in rows])


def compute(source, said, digest, picture, method, score, settings):
    """Compute one cell, in any process."""
    return examine(network_of(source, said, digest), picture, method, score, **settings)


def _on_cluster(address, tasks):
    """Yield (key, rows) from a Dask cluster. If a worker is lost, another worker computes its cell again."""
    try:
        from distributed import Client
        from distributed import as_completed as finished
    except ImportError:
        raise InputError("a cluster needs dask: pip install distributed") from None
    if not fullmatch(r".+:\d+", address):
        raise InputError(f"{address!r} is not an address of a Dask scheduler, such as tcp://127.0.0.1:8786")
    try:
        client = Client(address, timeout="5s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"no Dask scheduler answers at {address!r}: {error}") from None
    with client:
        futures = {client.submit(compute, *task, pure=False): key for key, task in tasks.items()}
        for future in finished(futures, loop=client.loop):
            yield futures[future], future.result()


def _read(finished, request):
    """Return {key: rows} of cells that an earlier run of the same request finished. Half-written lines are ignored."""
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
