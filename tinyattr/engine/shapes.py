"""Ops that only move numbers: every number of the output is a number of the input, or a constant."""

import numpy as np

from tinyattr.engine.windows import maps, pair
from tinyattr.errors import InputError


def flatten(x):
    """(N, H, W, C) -> (N, H W C). Rows come first and channels last, as in Keras."""
    return x.reshape(len(x), -1)


def reshape(x, *, shape):
    """(N, ...) -> (N, *shape). The numbers keep their order: rows, columns, channels."""
    if np.prod(shape, dtype=int) != x[:1].size or min(shape, default=1) < 1:
        raise InputError(f"an input of shape {x.shape} cannot become (N, {', '.join(map(str, shape))})")
    return x.reshape(len(x), *shape)


def transpose(x, *, axes):
    """Put axes 1, 2, ... into another order. Axis 0, the pictures, stays first. (2, 1, 3) swaps rows and columns."""
    if sorted(axes) != list(range(1, x.ndim)):
        raise InputError(f"axes must be the numbers 1 to {x.ndim - 1} in some order; got {tuple(axes)}")
    return x.transpose(0, *axes)


def slice_(x, *, start, stop, step):
    """Take every step-th place from start to stop (excluded). Rows, columns, channels have one number each."""
    if not len(start) == len(stop) == len(step) == x.ndim - 1:
        raise InputError(f"start, stop and step need {x.ndim - 1} numbers each; got {start}, {stop}, {step}")
    y = x[(slice(None), *map(slice, start, stop, step))]
    if y.size == 0:
        raise InputError(f"nothing of shape {x.shape} lies between {start} and {stop} in steps of {step}")
    return y


def upsample(x, *, factor):
    """Copy every place to factor x factor places (nearest neighbour). factor: one number or (vertical, horizontal)."""
    if min(pair(factor)) < 1:
        raise InputError(f"a factor must be at least 1; got {factor}")
    down, across = pair(factor)
    return maps(x).repeat(down, 1).repeat(across, 2)


def channel_shuffle(x, *, groups):
    """Take channels from the groups in turn: split C into (groups, C / groups) and swap these two axes."""
    if groups < 1 or x.shape[-1] % groups:
        raise InputError(f"{x.shape[-1]} channels cannot be divided into {groups} groups")
    return x.reshape(*x.shape[:-1], groups, -1).swapaxes(-1, -2).reshape(x.shape)


def concat(*x, axis=-1):
    """Join x_1, x_2, ... along the channels, or along another axis that is not the pictures."""
    n = x[0].ndim
    if axis not in (*range(1 - n, 0), *range(1, n)) or len({(*a.shape[:axis], *a.shape[axis:][1:], n) for a in x}) > 1:
        raise InputError(f"inputs of shapes {', '.join(str(a.shape) for a in x)} cannot be joined along axis {axis}")
    return np.concatenate(x, axis)


def pick(x, *, at):
    """y[n,k] = x[n, i, j, k] with (i, j) = at: the activations of one place. (N, H, W, C) -> (N, C)."""
    i, j = pair(at)
    if x.ndim != 4:
        raise InputError(f"a value of shape {x.shape} has no places (row, column) to pick from")
    if not (0 <= i < x.shape[1] and 0 <= j < x.shape[2]):
        raise InputError(f"place {tuple(at)} lies outside maps of {x.shape[1]} x {x.shape[2]} places")
    return x[:, i, j, :]


def two_logits(z):
    """y = (0, z), (N, 1) -> (N, 2): two logits for a network with one output, because sigmoid(z) = softmax(0, z)_1."""
    if z.ndim != 2 or z.shape[1] != 1:
        raise InputError(f"expected one logit for each picture, (N, 1); got shape {z.shape}")
    return np.concatenate([np.zeros_like(z), z], 1)
