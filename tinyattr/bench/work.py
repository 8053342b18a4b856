"""The works: tasks whose time we measure. Here our engine does them; peers.py does them with other libraries."""

from dataclasses import replace
from functools import partial

import numpy as np

import tinyattr as ta
from tinyattr.bench import peers
from tinyattr.bench.clock import Job, Work
from tinyattr.glyphs.train import loss_and_gradients
from tinyattr.nets.wiring import outputs

TARGET = 0  # the explained class: all classes take the same time


def forward(net, x, target, batch, steps):
    """Compute the logits."""
    return net(x)


def gradient(net, x, target, batch, steps):
    """Run the network, and walk from z_c back to the pictures."""
    tape = net.run(x)
    row = np.zeros_like(net.logits(tape))
    row[:, target] = 1
    return ta.walk(tape, {net.layers[-1][0]: row}, ta.GRADIENT, only=True)["input"]


def gradcam(net, x, target, batch, steps):
    """Compute Grad-CAM at the last feature maps."""
    return ta.grad_cam(net, x, target, "pre")


def ig(net, x, target, batch, steps):
    """Compute integrated gradients from black, with `batch` pictures of the path at a time."""
    return ta.integrated_gradients(net, x, target, "pre", baseline=0, steps=steps, batch=batch)


def rsi(net, x, target, batch, steps):
    """Compute RSI-Grad-CAM at the last feature maps, from black, with `batch` pictures of the path at a time."""
    return ta.rsi_grad_cam(net, x, target, "pre", baseline=0, steps=steps, batch=batch)


def training(net, x, target, batch, steps):
    """Take one step of gradient descent on the cross-entropy, and return the gradient of the last bias.

    First we copy the weights, because every step of a training meets new arrays.
    """
    net = replace(net, weights={name: tuple(map(np.array, arrays)) for name, arrays in net.weights.items()})
    _, _, gradients = loss_and_gradients(net, x, np.eye(outputs(net.layers, net.weights))[np.full(len(x), target)])
    for name, arrays in gradients.items():
        for w, g in zip(net.weights[name], arrays, strict=True):
            _ = w - np.float32(peers.RATE) * g
    return arrays[-1]


OURS = {"forward": forward, "gradient": gradient, "training": training, "gradcam": gradcam, "ig": ig, "rsi": rsi}


def jobs(name, net, x, batch, only=None):
    """Return our job for a work and the jobs of installed libraries, or only the job named `only`."""
    ours = Job("tinyattr", partial(OURS[name], net, x, TARGET, batch))
    if only == repr(ours):
        return [ours]
    found = [ours, *peers.jobs(name, net, x, TARGET, batch, layouts=[y for y in peers.LAYOUTS if y in (only or y)])]
    return [job for job in found if only in (None, repr(job))]


def pictures(name, size, batch):
    """Return random pictures (batch, size, size, 3), or only one for a heatmap: its batch counts points of a path."""
    n = batch if name in ("forward", "gradient", "training") else 1
    return np.random.default_rng(1).standard_normal((n, size, size, 3), np.float32)


def work(name, net, size, batch, steps):
    """Return one of the works in OURS, with title, operations and jobs. a b + c counts as two operations."""
    x = pictures(name, size, batch)
    F, head = products(net, x[:1])
    title, steps, flop = {
        "forward": (f"forward, batch {batch}", 1, batch * F),
        "gradient": (f"forward + input gradient, batch {batch}", 1, batch * 2 * F),
        "training": (f"training step, batch {batch}", 1, batch * 3 * F),
        "gradcam": (f"Grad-CAM at {net.features}", 1, F + head),
        "ig": (f"integrated gradients, {steps} steps", steps, steps * 2 * F),
        "rsi": (f"RSI-Grad-CAM, {steps} steps", steps, (steps + 1) * (F + head)),
    }[name]
    return Work(name, title, batch, steps, flop, jobs(name, net, x, batch))


def products(net, x):
    """Return (operations of a forward pass over x, those after the last feature maps)."""
    tape = net.run(x)
    counts = [operations(record) for record in tape]
    behind = [record.name for record in tape].index(net.features) + 1
    return sum(counts), sum(counts[behind:])


def operations(record):
    """Return additions and multiplications of a layer, y = sum x w: two for each weight of each output."""
    if not record.weights or record.op == "constant":
        return 0
    kernel, y = record.weights[0], record.outline  # after output is read, no later run merges this layer and the next
    return 2 * kernel[..., 0].size * y.size
