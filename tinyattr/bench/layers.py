"""Measure every layer: the times of its forward and its backward pass, and how far its numbers differ from float64."""

from dataclasses import dataclass
from statistics import median
from time import perf_counter

import numpy as np

from tinyattr.bench.work import operations
from tinyattr.engine import GRADIENT, OPS, apply, rerun, walk


@dataclass(frozen=True)
class Layer:
    """A Layer's measurements: operations; bytes of inputs, weights and output; median seconds forward and back; and the
    largest error, divided by the largest value.

    Each layer is timed alone. In a run of the network, one pass computes a convolution, its batch norm and its ReLU.
    """

    name: str
    op: str
    shape: tuple[int, ...]
    flop: float
    bytes: int
    forward: float
    back: float
    error: float


def layers(net, x, repeats, progress):
    """Time the layers of a network one by one, for pictures x (N, H, W, C)."""
    tape = net.run(x)
    z = net.logits(tape)
    signals = walk(tape, {net.layers[-1][0]: np.ones_like(z)}, GRADIENT)
    found = []
    for record in tape:
        if record.inputs:
            forward = seconds(repeats, output, record)
            back = seconds(repeats, apply, GRADIENT[record.op], record, signals[record.name])
            found.append(Layer(record.name, record.op, record.outline.shape, operations(record),
                               sum(a.nbytes for a in (*record.x, *record.weights, record.output)), forward, back,
                               error(record)))
        progress.update()
    return found


def output(record):
    """Compute the record's output again."""
    return rerun(record, record.x, record.weights).output


def limit(layer, machine):
    """Return the least seconds that this machine's arithmetic and memory need for one way. Winograd may need less."""
    return max(layer.flop / machine["peak_gflops"], layer.bytes / machine["peak_gbytes"]) / 1e9


def seconds(repeats, do, *arguments):
    """Return the median time of `repeats` runs. Two runs before them do not count: they prepare weights and buffers."""
    do(*arguments), do(*arguments)
    times = []
    for _ in range(repeats):
        start = perf_counter()
        do(*arguments)
        times.append(perf_counter() - start)
    return median(times)


def error(record):
    """max |y - y64| / max |y64|, where NumPy computes y64 in float64 from the layer's float32 inputs."""
    exact = exactly(record.op, record.x, record.weights, record.attributes)
    return float(np.abs(record.output - exact).max() / max(np.abs(exact).max(), np.finfo(float).tiny))


def exactly(op, x, weights, attributes):
    """Compute the NumPy op in float64, picture by picture, because its windows need much memory."""
    weights = [w.astype(np.float64) for w in weights]
    return np.concatenate([OPS[op](*(a[n:n + 1].astype(np.float64) for a in x), *weights, **attributes)
                           for n in range(len(x[0]))])


def logits_error(net, x):
    """max |z - z64| / max |z64|, where z64 comes from a whole forward pass of NumPy in float64."""
    values = {"input": x}
    tape = net.run(x)
    for record in tape:
        if record.inputs:
            x = [values[i] for i in record.inputs]
            values[record.name] = exactly(record.op, x, record.weights, record.attributes)
    z = values[net.layers[-1][0]]
    return float(np.abs(net.logits(tape) - z).max() / np.abs(z).max())
