"""Train with our own engine: the gradient of cross-entropy, the optimiser Adam, and checkpoints.

A step depends only on the seed, its own number and the state. So a training that is interrupted and continued later
ends with the same bytes as a training without interruption.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from tqdm import tqdm

from tinyattr.engine import GRADIENT, walk, weight_gradients
from tinyattr.errors import InputError
from tinyattr.files.atomic import atomic
from tinyattr.softmax import cross_entropy, cross_entropy_gradient, softmax


@dataclass(frozen=True, eq=False)
class State:
    """A State of training has weights, Adam's two running means of the same shapes, the loss, and the difficulty."""

    step: int
    weights: dict
    first: dict
    second: dict
    loss: float
    difficulty: float
    since: int = 0  # the step at which the optimiser's means started


NUMBERS = {"step": int, "loss": float, "difficulty": float, "since": int}  # what a checkpoint has besides arrays


def start(weights, loss):
    """Return the state before the first step."""
    return refreshed(State(0, weights, {}, {}, loss, 0.0))


def refreshed(state):
    """Return a state with the same weights, where the optimiser's means start again at 0."""
    zeros = _each(np.zeros_like, state.weights)
    return replace(state, first=zeros, second=zeros, since=state.step)


def loss_and_gradients(net, x, t, prices=None):
    """Return (mean cross-entropy, share of right answers, {layer: (dL/dkernel, dL/dbias)}) for pictures x (N, H, W, C).

    t (N, n): targets. Each row sums to 1. Equations (11) and (13) give dL/dz = (y - t) / N.
    prices: penalties {layer: p}. They add sum (p/2) A^2 to the loss L, where A are the activations of the layer and p
    is broadcast to their shape. The gradient of this penalty, p A, is one more seed: the walk starts at A, too.
    """
    tape = net.run(x)
    z = net.logits(tape)
    g = cross_entropy_gradient(softmax(z), t) / len(z)
    costs = {layer: p * tape[layer].output for layer, p in (prices or {}).items()}
    signals = walk(tape, {net.layers[-1][0]: g, **costs}, GRADIENT, to=tuple(net.weights), only=True)
    right = (z.argmax(-1) == t.argmax(-1)).mean()
    return float(cross_entropy(z, t).mean()), float(right), weight_gradients(tape, signals)


def clipped(gradients, most):
    """Multiply all gradients by one factor, so that their norm is at most `most` (Pascanu et al. 2013, 1211.5063)."""
    norm = np.sqrt(sum(float((g.astype(np.float64) ** 2).sum()) for arrays in gradients.values() for g in arrays))
    return _each(lambda g: g * g.dtype.type(min(1, most / (norm + 1e-12))), gradients)


def adam(state, gradients, rate, beta1=0.9, beta2=0.999, eps=1e-8):
    """m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g^2, w <- w - rate m' / (sqrt v' + eps).

    m' = m / (1 - beta1^k), v' = v / (1 - beta2^k) at the k-th step since m and v were 0. g: gradients, w: weights.
    Kingma & Ba 2015, arXiv 1412.6980, algorithm 1.
    """
    k = state.step + 1 - state.since
    m = _each(lambda m, g: m.dtype.type(beta1) * m + m.dtype.type(1 - beta1) * g, state.first, gradients)
    v = _each(lambda v, g: v.dtype.type(beta2) * v + v.dtype.type(1 - beta2) * g * g, state.second, gradients)

    def moved(w, m, v):
        real = w.dtype.type
        return w - real(rate) * (m / real(1 - beta1**k)) / (np.sqrt(v / real(1 - beta2**k)) + real(eps))

    return replace(state, step=state.step + 1, weights=_each(moved, state.weights, m, v), first=m, second=v)


def train(net, batch, steps, *, rate, checkpoint=None, every=50, most=1.0):
    """Train `net` for `steps` steps. Returns (trained network, last state).

    batch(step, state) -> (x, t, prices, state): pictures, targets and penalties (see `loss_and_gradients`), and the
    state, perhaps with a new difficulty. rate(step) -> learning rate. checkpoint: a file, which we write after every
    `every` steps and at the end. If it exists already, training continues from it.
    """
    state = start(net.weights, np.log(net.weights[net.layers[-1][0]][1].size))
    if checkpoint and Path(checkpoint).is_file():
        state = resumed(checkpoint, net)
    with tqdm(total=steps, initial=state.step, desc="training", disable=None) as bar:
        while state.step < steps:
            x, t, prices, state = batch(state.step, state)
            loss, right, gradients = loss_and_gradients(replace(net, weights=state.weights), x, t, prices)
            state = replace(state, loss=0.95 * state.loss + 0.05 * loss)
            state = adam(state, clipped(gradients, most), rate(state.step))
            bar.set_postfix(loss=f"{state.loss:.3f}", right=f"{right:.2f}", difficulty=f"{state.difficulty:.2f}")
            bar.update()
            if checkpoint and (state.step % every == 0 or state.step == steps):
                keep(state, checkpoint)
    return replace(net, weights=state.weights), state


def keep(state, path):
    """Write a state. The file appears complete or not at all."""
    arrays = {f"{what}/{name}/{i}": a for what in ("weights", "first", "second")
              for name, pair in getattr(state, what).items() for i, a in enumerate(pair)}
    numbers = json.dumps({key: getattr(state, key) for key in NUMBERS})
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, numbers=np.array(numbers), **arrays)


def resumed(path, net):
    """Read the state that `keep` wrote for this network. Raises InputError for another file or network."""
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            numbers = json.loads(str(file["numbers"]))
            found = {what: {name: tuple(file[f"{what}/{name}/{i}"] for i in range(len(arrays)))
                            for name, arrays in net.weights.items()} for what in ("weights", "first", "second")}
        numbers = {key: kind(numbers[key]) for key, kind in NUMBERS.items()}
    except (OSError, KeyError, ValueError, TypeError, EOFError, BadZipFile) as error:
        raise InputError(f"{str(path)!r} is not a checkpoint of this network: {error}") from None
    for name, arrays in net.weights.items():
        if [w.shape for w in arrays] != [w.shape for w in found["weights"][name]]:
            raise InputError(f"{str(path)!r} is the checkpoint of another network: layer '{name}' has other shapes")
    return State(**numbers, **found)


def _each(f, *tables):
    """Apply f to the matching arrays of tables {name: (array, ...)}."""
    return {name: tuple(f(*arrays) for arrays in zip(*(table[name] for table in tables), strict=True))
            for name in tables[0]}
