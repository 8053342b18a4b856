"""The bench: takes turns, counts operations by the definition, sees errors, asks others for the same work."""

import json
import sys

import numpy as np
import pytest

from tinyattr.bench import PARTS, bench, clock, layers, models, peers
from tinyattr.bench.chart import timings
from tinyattr.bench.children import memory
from tinyattr.bench.clock import Job, Work
from tinyattr.bench.models import steps
from tinyattr.bench.networks import FULL, NETWORKS, QUICK
from tinyattr.bench.work import OURS, TARGET, jobs, pictures, products
from tinyattr.cli.main import main


class Progress:
    def update(self):
        """Nothing is shown."""


def test_jobs_take_turns_each_after_an_untimed_run(monkeypatch):
    done, now = [], [0.0]

    def job(name, cost):
        def run(steps):
            done.append((name, steps))
            now[0] += cost * steps
        return Job(name, run)

    monkeypatch.setattr(clock, "perf_counter", lambda: now[0])
    monkeypatch.setattr(clock, "sleep", lambda seconds: done.append("pause"))
    work = Work("ig", "a path", 4, 10, 1e9, [job("a", 1), job("b", 3), job("c", 2)])
    timing = clock.measured(work, 2, Progress())
    once = [step for name in "abc" for step in ("pause", (name, 4), (name, 10))]
    assert done == once * 2
    assert list(timing.seconds.values()) == [[10, 10], [30, 30], [20, 20]]
    assert [timing.ratio(j) for j in timing.jobs] == [1, 3, 2]


def test_operations_are_those_of_the_definition():
    """By VGG11's table: 3 x 3 x in x out for each pixel of a convolution, in x out of a dense layer, two operations each."""
    side, c, convolutions = 64, 3, 0
    for count, k in ((1, 16), (1, 32), (2, 64), (2, 128), (2, 128)):
        for _ in range(count):
            convolutions += 2 * side**2 * 9 * c * k
            c = k
        side //= 2
    dense = 2 * (2 * 2 * 128 * 1024 + 1024 * 1024 + 1024 * 1000)
    assert products(QUICK.network(), pictures("gradcam", QUICK.size, 1)) == (convolutions + dense, dense)
    assert products(QUICK.network(), pictures("forward", QUICK.size, 3)) == (3 * (convolutions + dense), 3 * dense)


def test_counting_operations_does_not_make_the_measured_runs_slower():
    """Who reads a convolution's output switches off the pass that also computes the batch norm and the ReLU behind it."""
    net = NETWORKS["resnet18"].network()
    x = np.zeros((1, 64, 64, 3), np.float32)
    products(net, x)
    steps(net, (1, 3, 64, 64))
    waiting = [record.waits for record in net.run(x) if record.op in ("conv2d", "batch_norm")]
    assert sum(waiting) > 10


def test_layers_are_timed_and_their_errors_seen():
    net = QUICK.network()
    found = layers.layers(net, pictures("forward", QUICK.size, 2), 1, Progress())
    assert [layer.name for layer in found] == [name for name, _, _ in net.layers]
    assert all(layer.error < 1e-5 and layer.forward > 0 and layer.back > 0 for layer in found)
    assert max(layer.error for layer in found) > 0
    assert sum(layer.flop for layer in found) == 2 * products(net, pictures("forward", QUICK.size, 1))[0]
    record = net.run(pictures("forward", QUICK.size, 1))["block4_conv1"]
    wrong = record.output.copy()
    wrong.flat[7] += 0.5 * np.abs(wrong).max()
    record.__dict__["output"] = wrong
    assert layers.error(record) == pytest.approx(0.5, rel=1e-4)
    assert layers.logits_error(net, pictures("forward", QUICK.size, 1)) < 1e-5


def test_without_pytorch_there_is_only_us(monkeypatch):
    for module in (models, peers):
        monkeypatch.setattr(module, "library", lambda name: None)
    for name in OURS:
        (job,) = jobs(name, QUICK.network(), pictures(name, QUICK.size, 1), 1)
        assert repr(job) == "tinyattr"


def test_broken_libraries_are_left_out(monkeypatch, tmp_path):
    (tmp_path / "half_a_library.py").write_text("raise RuntimeError('no such operator')")
    monkeypatch.syspath_prepend(tmp_path)
    assert models.library("half_a_library") is None and models.library("no_such_library") is None


@pytest.mark.parametrize("layout", peers.LAYOUTS)
@pytest.mark.parametrize("name", OURS)
def test_the_others_do_the_same_work(name, layout):
    """The numbers themselves, as far as they are ours to compare: one network, one picture, one class."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    net, steps = QUICK.network(), 5
    x = pictures(name, QUICK.size, 2)
    found = jobs(name, net, x, 2)
    expected = found[0].run(steps)
    if name == "gradcam":
        expected = np.maximum(expected.raw, 0)
    elif name == "ig":
        expected = expected.raw
    theirs = [job for job in found[1:] if job.layout == layout or (layout == "contiguous" and not job.layout)]
    assert theirs
    for job in theirs:
        answer = np.asarray(job.run(steps).detach().cpu() if hasattr(job.run(steps), "detach") else job.run(steps))
        if name == "gradient":
            answer = answer.transpose(0, 2, 3, 1)
        elif name == "ig":
            answer = answer[0].transpose(1, 2, 0)
        elif name == "gradcam" and job.library == "captum":
            answer = np.maximum(answer[0, 0], 0)
        elif name == "gradcam":  # as large as the picture, and scaled to [0, 1]: the place of the maximum is what is left
            assert answer.shape == (1, QUICK.size, QUICK.size) and answer.min() >= 0 and answer.max() <= 1
            continue
        elif name == "rsi":  # the integral that the map weighs channels by
            integral = answer[0].sum((1, 2))
            A = net.run(x)[net.features].output[0].astype(float)
            answer, expected = A @ integral / A[..., 0].size, found[0].run(steps).raw
        assert np.linalg.norm(answer - expected) <= 2e-2 * np.linalg.norm(expected), job


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much memory a process took")
def test_memory_in_a_process_of_its_own():
    total, beyond = memory("gradcam", 1, 1, "tinyattr", QUICK)
    assert total > beyond >= 0 and total > 20e6


@pytest.fixture(scope="module")
def report():
    return bench(["forward", "ig", "layers"], batches=[1, 2], steps=3, repeats=2, quick=True)


def test_the_report(report):
    numbers = json.loads(json.dumps(report.numbers(), allow_nan=False))
    assert [(w["work"], w["batch"]) for w in numbers["works"]] == [("forward", 1), ("forward", 2), ("ig", 2)]
    for w in numbers["works"]:
        ours = w["jobs"][0]
        assert ours["library"] == "tinyattr" and ours["ratio"] == 1
        assert ours["median"] == np.median(ours["seconds"]) > 0
    assert numbers["machine"]["peak_gflops"] > 1 and numbers["machine"]["lanes"] in (4, 8, 16)
    assert set(numbers["layers"]) == {"1", "2"} and numbers["logits_error"] < 1e-5
    table = report.table()
    for words in ("forward, batch 2", "integrated gradients, 3 steps", "block4_conv1", "of peak", "total"):
        assert words in table


def test_the_figure_shows_every_job(report):
    def timing(*medians):
        made = [Job(*who) for who in (("tinyattr", None), ("torch", None, "contiguous"), ("torch", None, "contiguous", True))]
        return Work("forward", "forward, batch 1", 1, 1, 1e9, made, dict(zip(made, [[m] for m in medians], strict=True)))

    figure = timings([timing(0.002, 0.004, 0.02), timing(1, 3, 9)], "title")
    assert [[round(bar.get_width()) for bar in ax.patches] for ax in figure.axes] == [[2, 4, 20], [1000, 3000, 9000]]
    first, second = figure.axes
    assert [label.get_text() for label in first.get_yticklabels()] == ["tinyattr", "torch contiguous", "torch contiguous as documented"]
    assert [text.get_text() for text in second.texts] == ["1,000.0", "3,000.0  (3.00 x)", "9,000.0  (9.00 x)"]
    assert len({bar.get_facecolor() for bar in first.patches}) == 3
    assert len(timings(report.works, report.title).axes) == len(report.works)
    timings([], report.title).canvas.draw()


def test_the_command(tmp_path, capsys):
    out, numbers = tmp_path / "bench.png", tmp_path / "bench.json"
    assert main(["bench", "--quick", "--work", "gradcam", "--repeats", "1", "--out", str(out), "--json", str(numbers)]) == 0
    assert "Grad-CAM at block5_pool" in capsys.readouterr().out
    assert out.stat().st_size > 5000 and json.loads(numbers.read_text())["works"][0]["work"] == "gradcam"


@pytest.mark.parametrize(("arguments", "words"), [
    (["--work", "fast"], "forward"), (["--batch", "0"], "at least 1"), (["--repeats", "0"], "at least 1"),
    (["--steps", "-3"], "at least 1"), (["--out", "bench.xyz"], "xyz"), (["--json", "no/such/folder.json"], "no folder"),
])
def test_mistakes_get_one_line(arguments, words, capsys):
    assert main(["bench", "--quick", *arguments]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_parts_are_documented():
    assert set(OURS) < set(PARTS) and FULL.size == 224 and TARGET == 0
