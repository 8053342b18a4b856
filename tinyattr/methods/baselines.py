"""A baseline is a picture that stands for "nothing". Path methods start at it; other methods compare x with it."""

from numbers import Real

import numpy as np

from tinyattr.engine import GRADIENT, walk
from tinyattr.errors import InputError, count_of, named
from tinyattr.methods.request import bar
from tinyattr.softmax import jacobian_product, softmax


def black(net, x):
    """Return a preprocessed black picture. If the network does not say how to preprocess, return zeros."""
    return np.zeros_like(x) if net.input is None else net.input.encode(np.zeros((*x.shape[1:3], 3))).astype(x.dtype)


def white(net, x):
    """Return a preprocessed white picture. Raises InputError if the network does not say how to preprocess."""
    if net.input is None:
        raise InputError(f"{net.name} does not say how photos are preprocessed, so white is unknown; give an array")
    return net.input.encode(np.full((*x.shape[1:3], 3), 255.0)).astype(x.dtype)


def mean(net, x):
    """Return zeros: a picture that has everywhere the mean colour, which preprocessing subtracts."""
    return np.zeros_like(x)


def own_mean(net, x):
    """Return a picture that has the mean colour of x everywhere."""
    return np.broadcast_to(x.mean((1, 2), keepdims=True), x.shape).astype(x.dtype)


def unsure(net, x, epochs=200, rate=0.1):
    """Return a picture near black for which all y_i are nearly 1/n: the "autobaseline" of RSI-Grad-CAM.

    RMSprop starts at b = black and takes `epochs` steps to minimise 0.99 max_i |y_i - 1/n| + 0.01 mean (b - black)^2,
    as in the notebooks of the authors: Lucas, Lerma, Furst & Raicu 2022, arXiv 2205.10900.
    """
    start = black(net, x).astype(np.float64)
    b, v = start, np.zeros_like(start)
    for _ in bar(range(count_of(epochs, "epochs")), "baseline", epochs):
        tape = net.run(b)
        y = softmax(net.logits(tape))[0]
        far = y - 1 / len(y)
        i = np.abs(far).argmax()
        row = jacobian_product(y, np.sign(far[i]) * np.eye(len(y))[i])  # d |y_i - 1/n| / dz
        g = 0.99 * walk(tape, {net.layers[-1][0]: row[None]}, GRADIENT)["input"].astype(np.float64)
        g += 0.01 * 2 * (b - start) / b.size
        v = 0.99 * v + 0.01 * g * g
        b = b - rate * g / (np.sqrt(v) + 1e-8)
    return b.astype(x.dtype)


BASELINES = {"black": black, "white": white, "mean": mean, "own_mean": own_mean, "unsure": unsure}


def baseline_of(net, x, baseline):
    """Return the array (1, H, W, C) of a baseline, which is a name in BASELINES, a number, or an array."""
    if isinstance(baseline, str):
        return BASELINES[named("baseline", baseline, BASELINES)](net, x)
    b = np.asarray(baseline if isinstance(baseline, np.ndarray | Real) else None)
    fits = b.dtype.kind in "iuf" and b.shape in ((), x.shape, x.shape[1:]) and not np.ma.is_masked(baseline)
    if not fits or not np.isfinite(b).all():
        raise InputError(f"a baseline is a name ({', '.join(BASELINES)}), a number or finite numbers "
                         f"{x.shape}; got shape {b.shape}")
    if net.input:
        net.input.expect_preprocessed(b if b.ndim else b.astype(float), "the baseline")
    return np.broadcast_to(b.astype(x.dtype), x.shape)
