"""Measure all scenes, in this process or in several. Finished scenes are kept in a folder and never computed twice."""

import json
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from time import process_time

from tqdm import tqdm

import tinyattr
from tinyattr.errors import InputError, all_named, count_of, number_of
from tinyattr.files.atomic import write_text
from tinyattr.files.load import load
from tinyattr.files.tables import plain
from tinyattr.glyphs.scenes import CLASSES, SIZE
from tinyattr.methods import AT_A_LAYER, METHODS
from tinyattr.methods.request import ask, feature_layer
from tinyattr.scores import SCORES
from tinyattr.studies.audit import ATTACKS, AUDITED
from tinyattr.studies.board.one_scene import drawn, measure
from tinyattr.studies.board.rows import ALTERED, options, scores_of
from tinyattr.studies.board.summary import Board
from tinyattr.studies.processes import digest_of, in_processes, network_of

MEASURING = ("softmax.py", "scores.py", "attack.py", "engine", "nets", "methods", "kernels", "glyphs", "studies/audit",
             "studies/metrics.py", "studies/more_attacks.py",
             *(f"studies/board/{name}.py" for name in ("measures", "one_scene", "rows", "shared")))
LAYER = "block5_relu4"  # 14 x 14: in the embedded network, the ReLU after the last convolution


def evaluate(source="glyphs", count=200, *, seed=1, methods=tuple(AUDITED), scores=tuple(SCORES), attacks=ALTERED,
             K=10.0, layer=None, jobs=1, folder=None, **said):
    """Return a Board: every method and score, in the original and altered networks, on `count` scenes.

    source, said: the network, as in `load`; its classes must be the glyphs. layer: the layer that CAMs explain, by
    default LAYER if the network has it, else the last feature maps. jobs: number of processes on this machine. folder:
    keeps finished scenes, so that a later run with the same network, settings and program can continue, also with more
    scenes. The Board does not depend on the order or place of computation; only its milliseconds do. Raises InputError
    for unknown names, and for a network with other classes or sizes.
    """
    methods, attacks = all_named("method", methods, AUDITED), all_named("attack", attacks, ATTACKS)
    scores, K = all_named("score", scores, SCORES), number_of(K, "K", -1e30, 1e30)
    count_of(jobs, "jobs")
    count_of(seed, "seed", least=0, most=2**64)
    net = load(source, **said)
    if not set(CLASSES) <= set(net.classes or ()) or net.input is None or net.input.shape[:2] != (SIZE, SIZE):
        raise InputError(f"{net.name} does not know the {len(CLASSES)} glyphs in pictures of {SIZE} x {SIZE}, whose "
                         "masks are the truth here; `tinyattr audit` measures other networks without it")
    if layer is None:
        layer = LAYER if any(name == LAYER for name, _, _ in net.layers) else feature_layer(net)
    settings = {"seed": seed, "methods": methods, "scores": scores, "attacks": attacks, "K": K, "layer": layer}
    digest = digest_of(net)
    request = sha256(json.dumps([digest, settings, program()]).encode()).hexdigest()[:16]
    tasks = {k: (source, said, digest, k, settings) for k in range(count_of(count, "pictures"))}
    done = {k: found for k in tasks if (found := _read(folder, request, k)) is not None}
    left = {k: task for k, task in tasks.items() if k not in done}
    if folder is not None:
        Path(folder).mkdir(exist_ok=True)
    results = in_processes(compute, left, jobs)
    for k, found in tqdm(results, desc="scenes", total=count, initial=len(done), disable=None):
        done[k] = found
        if folder is not None:
            write_text(_file(folder, request, k), json.dumps(found))
    return Board(net.name, settings, [done[k] for k in tasks], milliseconds(net, settings))


def compute(source, said, digest, k, settings):
    """Measure one scene, in any process. Returns the results as plain data, as a file keeps them."""
    return plain(measure(network_of(source, said, digest), k, **settings))


def milliseconds(net, settings):
    """Return {method: CPU time of one map} for scene 0 on this machine, with the forward pass; no work is shared."""
    x, found = net.read(drawn(0, settings["seed"])[0].picture), {}
    for method in settings["methods"]:
        name, score = AUDITED[method][0], (*scores_of(method, ("log_odds",)), *scores_of(method, tuple(SCORES)))[0]
        score = score if score in SCORES else "pre"
        where = settings["layer"] if name in AT_A_LAYER else None
        for _ in range(2):  # the first run may compile
            start = process_time()
            METHODS[name](net, ask(net, x, None, score), None, score, where, **options(method))
            found[method] = 1000 * (process_time() - start)
    return found


def program():
    """Return the sha256 of all MEASURING files. If the program has changed, kept scenes are measured again."""
    package = Path(tinyattr.__file__).parent
    files = [path for name in MEASURING for path in (sorted((package / name).rglob("*.py")) or [package / name])]
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _file(folder, request, k):
    return Path(folder) / f"{request}-{k:05}.json"


def _read(folder, request, k):
    """Return the results of an earlier run, or None."""
    if folder is not None:
        with suppress(OSError, ValueError):
            return json.loads(_file(folder, request, k).read_text(encoding="utf-8"))
    return None
