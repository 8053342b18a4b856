"""The same numbers to the byte, whoever computes them: here, in processes, on a cluster, after an interruption."""

import json

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.cli.main import main
from tinyattr.studies.audit import audit, workers
from tinyattr.studies.samples import scenes

METHODS = ("gradient", "hirescam", "lrp, SGLRP")


@pytest.fixture(scope="module")
def pictures():
    return scenes(2)


@pytest.fixture(scope="module")
def expected(pictures):
    return numbers(audit("glyphs", pictures, methods=METHODS, scores=("pre", "post")))


def numbers(found):
    return json.dumps(found.numbers())


def test_processes_give_the_same_bytes(pictures, expected):
    assert numbers(audit("glyphs", pictures, methods=METHODS, scores=("pre", "post"), jobs=2)) == expected


def test_an_interrupted_audit_goes_on(pictures, expected, tmp_path, monkeypatch):
    """Cells finished before the interruption are not computed again; a line that was being written is dropped."""
    finished, compute, computed = tmp_path / "cells", workers.compute, []

    def interrupted(*task):
        if len(computed) == 5:
            raise KeyboardInterrupt
        computed.append(task[4:6])
        return compute(*task)

    monkeypatch.setattr(workers, "compute", interrupted)
    with pytest.raises(KeyboardInterrupt):
        audit("glyphs", pictures, methods=METHODS, scores=("pre", "post"), finished=finished)
    finished.write_text(finished.read_text() + '["half a li')
    again = []
    monkeypatch.setattr(workers, "compute", lambda *task: (again.append(task[4:6]), compute(*task))[1])
    assert numbers(audit("glyphs", pictures, methods=METHODS, scores=("pre", "post"), finished=finished)) == expected
    assert len(again) == 2 * 3 * 2 - 5
    again.clear()
    audit("glyphs", pictures, methods=METHODS, scores=("pre",), K=5.0, finished=finished)  # another request: nothing fits
    assert len(again) == 2 * 3
    again.clear()
    audit("glyphs", pictures, methods=METHODS, scores=("pre",), finished=finished)  # a part of the first one
    assert not again


def test_a_cluster_gives_the_same_bytes_though_a_worker_dies(pictures, expected):
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
                                  silence_logs=50) as cluster:
        compute, hired = workers._on_cluster, list(cluster.workers.values())

        def killing(address, tasks):
            """The first finished cell is the signal to kill a worker in the middle of its own."""
            for n, found in enumerate(compute(address, tasks)):
                if n == 0:
                    hired[0].process.process.kill()
                yield found

        workers._on_cluster = killing
        try:
            found = audit("glyphs", pictures, methods=METHODS, scores=("pre", "post"), cluster=cluster.scheduler_address)
        finally:
            workers._on_cluster = compute
    assert numbers(found) == expected


def test_nobody_answers(pictures):
    pytest.importorskip("distributed")
    with pytest.raises(ta.InputError, match="no Dask scheduler answers at 'tcp://127.0.0.1:9'"):
        audit("glyphs", pictures, methods=METHODS, cluster="tcp://127.0.0.1:9")


def test_what_is_no_address(pictures):
    pytest.importorskip("distributed")
    with pytest.raises(ta.InputError, match="'nosuch' is not an address of a Dask scheduler"):
        audit("glyphs", pictures, methods=METHODS, cluster="nosuch")


def test_the_command(tmp_path, capsys):
    out, figure = tmp_path / "a.json", tmp_path / "a.png"
    assert main(["audit", "--jobs", "1", "--method", "hirescam", "lrp, CLRP", "--score", "pre", "log_odds", "--json", str(out),
                 "--out", str(figure)]) == 0
    cells = {(c["method"], c["score"], c["attack"]): c["verdict"] for c in json.loads(out.read_text())["cells"]}
    assert cells["hirescam", "pre", "corner"] == "hijacked"
    assert cells["hirescam", "log_odds", "corner"] == "immune"
    assert figure.stat().st_size > 5_000
    assert "attack corner, K = 10, glyphs" in capsys.readouterr().out
    assert not list(tmp_path.glob("*.cells"))


def test_a_folder_of_pictures(tmp_path):
    from PIL import Image

    Image.fromarray(np.full((300, 200, 3), 90, np.uint8)).save(tmp_path / "grey.png")
    out = tmp_path / "a.json"
    assert main(["audit", "--jobs", "1", "--images", str(tmp_path), "--method", "gradient", "--attack", "corner", "--json", str(out)]) == 0
    assert {row["picture"] for row in json.loads(out.read_text())["rows"]} == {"grey.png"}


@pytest.mark.parametrize(("arguments", "words"), [
    (["--method", "grad_camm"], "unknown method 'grad_camm'; did you mean"), (["--attack", "front"], "unknown attack"),
    (["--score", "prob"], "unknown score"), (["--images", "nowhere"], "no JPEG or PNG files in 'nowhere'"),
    (["--pictures", "0"], "--pictures must be at least 1"), (["--out", "a.xyz"], "figures are written as"),
])
def test_what_cannot_be_audited(arguments, words, capsys):
    assert main(["audit", "--jobs", "1", *arguments]) == 1
    assert words in capsys.readouterr().err


def small_network(seed):
    return ta.vgg("A", width=1 / 16, classes=20, size=32, seed=seed)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_that_was_overwritten(jobs, tmp_path, pictures):
    """The network is known by its content, in this process and in a pool."""
    path, found = tmp_path / "net.h5", []
    for seed in (0, 1):
        ta.save(small_network(seed), path)
        found.append(numbers(audit(path, pictures[:1], family="tinyattr", size=32, methods=["hirescam"], scores=["pre"], attacks=["corner"], jobs=jobs)))
    ta.save(small_network(1), tmp_path / "other.h5")
    alone = audit(tmp_path / "other.h5", pictures[:1], family="tinyattr", size=32, methods=["hirescam"], scores=["pre"], attacks=["corner"])
    assert found[1] == numbers(alone)
    assert found[0] != found[1]


def test_a_file_that_changes_while_the_audit_runs(tmp_path, pictures, monkeypatch):
    path, compute = tmp_path / "net.h5", workers.compute
    ta.save(small_network(0), path)

    def overwritten(*task):
        ta.save(small_network(1), path)
        return compute(*task)

    monkeypatch.setattr(workers, "compute", overwritten)
    with pytest.raises(ta.InputError, match="holds other weights than when this run began"):
        audit(path, pictures[:1], family="tinyattr", size=32, methods=["hirescam"], scores=["pre"])


def test_names_given_twice_count_once(pictures):
    once, twice = (audit("glyphs", pictures[:1], methods=["gradient"] * n, scores=["pre"] * n, attacks=["corner"] * n) for n in (1, 2))
    assert numbers(once) == numbers(twice)


def test_options_of_no_audited_method(pictures):
    with pytest.raises(ta.InputError, match="unknown option of lrp 'stepps'"):
        audit("glyphs", pictures, methods=["lrp, LRP-0"], options={"stepps": 3})
