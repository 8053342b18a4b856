"""Measure everything, and report it as a table, as numbers or as a figure."""

from dataclasses import asdict, dataclass, field

from tqdm import tqdm

from tinyattr.bench.children import memory, start_seconds
from tinyattr.bench.clock import Work, measured
from tinyattr.bench.layers import Layer, layers, limit, logits_error
from tinyattr.bench.machine import load_average, machine
from tinyattr.bench.networks import FULL, NETWORKS, QUICK
from tinyattr.bench.work import OURS, pictures, work
from tinyattr.errors import InputError, named
from tinyattr.files.tables import aligned

PARTS = (*OURS, "layers", "memory", "start")
LONG = 5  # path methods have this many times fewer repeats


@dataclass(eq=False)
class Report:
    """A Report holds the measurements. Parts that the user did not choose are empty."""

    network: str
    machine: dict
    works: list[Work] = field(default_factory=list)
    layers: dict[int, list[Layer]] = field(default_factory=dict)  # by batch
    logits_error: float | None = None
    memory: list[tuple[str, str, int, int]] = field(default_factory=list)  # (work, job, bytes, bytes beyond weights)
    start: dict[str, float] = field(default_factory=dict)  # seconds

    def share(self, flop, seconds):
        """Return GFLOP/s, and their share of the machine's peak."""
        return flop / seconds / 1e9, flop / seconds / 1e9 / self.machine["peak_gflops"]

    @property
    def title(self):
        """The title of a figure: network, machine and unit."""
        m = self.machine
        return (f"{self.network} on {m['processor']}, {m['threads']} threads, {m['registers']}; "
                "median milliseconds, logarithmic")

    def numbers(self):
        """Return the report as plain numbers, for --json."""
        return {
            "network": self.network, "machine": self.machine, "works": [done.numbers() for done in self.works],
            "layers": {n: [asdict(layer) for layer in found] for n, found in self.layers.items()},
            "logits_error": self.logits_error, "start_seconds": self.start,
            "memory": [dict(zip(("work", "job", "bytes", "beyond"), row, strict=True)) for row in self.memory],
        }

    def table(self):
        """Return the report as text."""
        m = self.machine
        facts = [
            f"network   {self.network}",
            f"machine   {m['processor']}, {m['threads']} threads, {m['registers']} ({m['lanes']} lanes), "
            f"{m['peak_gflops']:.0f} GFLOP/s measured (multiply-add in registers), "
            f"{m['peak_gbytes']:.0f} GB/s (copying)",
            "versions  " + ", ".join(f"{name} {v}" for name, v in m["versions"].items()),
            "settings  " + (", ".join(f"{name}={v}" for name, v in m["settings"].items()) or "none"),
        ]
        if m["load"] is not None:
            facts.append(f"load      {m['load']:.1f} at the start, {m['load_at_the_end']:.1f} at the end")
        parts = [facts, self._works(), *(self._layers(n) for n in self.layers), self._memory(), self._start()]
        return "\n\n".join("\n".join(part) for part in parts if part)

    def _works(self):
        if not self.works:
            return []
        rows = []
        for done in self.works:
            for job in done.jobs:
                seconds, title = done.median(job), done.title if job is done.ours else ""
                rows.append((title, repr(job), 1e3 * seconds, done.ratio(job), *self.share(done.flop, seconds)))
        return [aligned(["work", "who", "ms:.1f", "ratio:.2f", "GFLOP/s:.0f", "of peak:.0%"], rows), "",
                "Medians. Operations are counted directly; Winograd's form does a quarter of them, so more than 100 % "
                "of the peak is possible."]

    def _layers(self, batch):
        found = sorted(self.layers[batch], key=self._lost, reverse=True)
        flop, size, forward, back = (
            sum(getattr(layer, name) for layer in found) for name in ("flop", "bytes", "forward", "back"))
        total = Layer("total", "", (), flop, size, forward, back, max(layer.error for layer in found))
        rows = []
        for layer in (*found, total):
            least = limit(layer, self.machine) if layer is not total else sum(limit(one, self.machine) for one in found)
            lost = self._lost(layer) if layer is not total else sum(map(self._lost, found))
            numbers = [layer.name, "x".join(map(str, layer.shape)), layer.flop / 1e9]
            for seconds in (layer.forward, layer.back):
                rate = layer.flop / seconds / 1e9 if layer.flop else None
                numbers += [1e3 * seconds, rate, layer.bytes / seconds / 1e9, least / seconds]
            rows.append((*numbers, 1e3 * lost, layer.error))
        way = ["GFLOP/s:.0f", "GB/s:.1f", "of limit:.0%"]
        columns = [f"batch {batch}", "shape", "GFLOP:.2f", "forward ms:.2f", *way, "back ms:.2f", *way, "lost ms:.2f",
                   "error:.1e"]
        return [aligned(columns, rows), "", "Limit: what the measured arithmetic and memory allow; Winograd's form and "
                "caches may beat it. Lost: the time beyond it, both ways, by which layers are sorted. GB/s: inputs, "
                "weights and output.",
                "Error: the largest, relative to the layer's largest value, against "
                f"float64 on the same inputs. Logits after all layers: {self.logits_error:.1e}."]

    def _lost(self, layer):
        return sum(max(seconds - limit(layer, self.machine), 0) for seconds in (layer.forward, layer.back))

    def _memory(self):
        rows = [(name, job, total / 2**20, beyond / 2**20) for name, job, total, beyond in self.memory]
        columns = ["most memory, MB", "", "in all:.0f", "beyond imports and weights:.0f"]
        return [aligned(columns, rows)] if rows else []

    def _start(self):
        return [f"{name}: {s:.2f} s" for name, s in self.start.items()]


def bench(parts=PARTS, *, batches=(1, 8), steps=50, repeats=7, quick=False, net=FULL.name):
    """Measure the chosen PARTS on one of NETWORKS, or (quick) on a small network. Returns a Report.

    Works: a forward pass, and the gradient of the input, for every batch size; a training step with the largest batch
    size; Grad-CAM of one picture; path methods with `steps` steps and the largest batch size. If PyTorch, captum,
    pytorch-grad-cam, ONNX Runtime, OpenVINO and ncnn are installed, they take turns with our engine. With a C++
    compiler, PyTorch also runs by torch.compile.
    Raises InputError for an unknown part or network and for numbers below 1.
    """
    parts = [named("part of the bench", part, PARTS) for part in parts]
    if min(*batches, steps, repeats) < 1:
        raise InputError(f"batches, steps and repeats must be at least 1; got {batches}, {steps} and {repeats}")
    subject = QUICK if quick else NETWORKS[named("network", net, NETWORKS)]
    net = subject.network()
    report = Report(f"{net.name}, {subject.size} x {subject.size}, {net.parameters:,} parameters", machine())
    with tqdm(desc="bench", leave=False, disable=None, unit=" runs") as progress:
        for name in (p for p in OURS if p in parts):
            progress.set_description(name)
            for batch in {"forward": batches, "gradient": batches, "gradcam": [1]}.get(name, [max(batches)]):
                found = work(name, net, subject.size, batch, steps)
                runs = max(1, repeats // LONG) if name in ("ig", "rsi") else repeats
                report.works.append(measured(found, runs, progress))
        if "layers" in parts:
            progress.set_description("layers")
            for batch in batches:
                report.layers[batch] = layers(net, pictures("forward", subject.size, batch), repeats, progress)
            report.logits_error = logits_error(net, pictures("forward", subject.size, 1))
        if "memory" in parts:
            progress.set_description("memory")
            for name, batch in (("gradcam", 1), ("ig", max(batches))):
                found = work(name, net, subject.size, batch, steps)
                for job in (j for j in found.jobs if not j.documented):
                    size = memory(name, batch, steps, repr(job), subject)
                    if size is not None:
                        report.memory.append((found.title, repr(job), *size))
                    progress.update()
        if "start" in parts:
            progress.set_description("start")
            for what, empty in (("first start ever to first heatmap", True), ("later start to first heatmap", False)):
                report.start[what] = start_seconds(empty)
    report.machine["load_at_the_end"] = load_average()
    return report
