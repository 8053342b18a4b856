"""Our layers while a graph is read, and where each number of the file's values lies in them.

The file has pictures and maps as (N, C, H, W), we have (N, H, W, C). Nothing is transposed for that: a Value knows its
shape in the file, and at which place of our layer's output each of its numbers lies. Reshape, Transpose, Flatten and
others like them only move these places. When a layer needs its input in one order, `arranged` compares the places with
that order: mostly they agree, after a Flatten they decide the rows of the dense kernel, and only what is left becomes a
channel_shuffle, or a reshape and a transpose.
"""

from dataclasses import dataclass
from math import prod

import numpy as np

from tinyattr.engine.ops import OPS
from tinyattr.errors import InputError
from tinyattr.files.weight_file import MOST_NUMBERS

MOST_PLACES = 1 << 23  # numbers of a value whose places are written down
LONGEST_NAME = 100


@dataclass(frozen=True)
class Value:
    """A value that depends on the picture: the layer that has it, its shape in the file, (N, ...), and ours, without N.

    places: for each number of the file's value, its place in our output, counted over all N; None: channels last.
    """

    layer: str
    shape: tuple[int, ...]
    ours: tuple[int, ...]
    places: np.ndarray | None = None

    def numbered(self):
        """The places, written down."""
        if self.places is not None:
            return self.places
        size = self.shape[0] * prod(self.ours)
        if size > MOST_PLACES:
            raise InputError(f"a value {self.shape} is moved; that is done for at most {MOST_PLACES:,} numbers")
        return np.moveaxis(np.arange(size).reshape(self.shape[0], *self.ours), -1, 1)

    def moved(self, places):
        """The same numbers at other places. Raises InputError if they do not stay in the picture they are of."""
        places = np.asarray(places)
        n, size = self.shape[0], prod(self.ours)
        if not places.ndim or len(places) != n or any((places[i] // size != i).any() for i in range(n)):
            raise InputError(f"it mixes the {n} pictures of a batch: shape {self.shape} becomes {places.shape}")
        return Value(self.layer, places.shape, self.ours, places)


class Builder:
    """layers: [(name, op, inputs, attributes)]; weights: {layer: arrays}; free: layers made without a bias; scaled:
    layers of batch_norm; numbers: how many the weights hold.
    """

    def __init__(self, dtype):
        self.dtype, self.layers, self.weights, self.free, self.scaled, self.numbers = dtype, [], {}, set(), set(), 0
        self.names, self.arrangements = {"input"}, {}

    def named(self, wanted):
        """A name for a layer: printable, short, not taken and not that of an op."""
        wanted = readable(wanted)
        name, i = wanted, 1
        while name in self.names or name in OPS:
            i += 1
            name = f"{wanted}_{i}"
        self.names.add(name)
        return name

    def add(self, name, op, inputs, ours, weights=(), **attributes):
        """Write a layer whose output has shape `ours`, without N. Returns its name."""
        self.numbers += sum(w.size for w in weights)
        if min(ours, default=1) < 1 or prod(ours) > MOST_NUMBERS or self.numbers > MOST_NUMBERS:
            raise InputError(f"its output would have shape {ours}, all weights {self.numbers:,} numbers; expected "
                             f"sizes of at least 1, and at most {MOST_NUMBERS:,} numbers")
        weights = self.vetted(weights)
        name = self.named(name)
        self.layers.append((name, op, tuple(inputs), attributes))
        if weights:
            self.weights[name] = weights
        return name

    def result(self, name, op, inputs, ours, n, weights=(), **attributes):
        """The Value of such a layer, whose output is channels last; n: how many pictures the file's batch has."""
        return channels_first(self.add(name, op, inputs, ours, weights, **attributes), ours, n)

    def vetted(self, weights):
        """Arrays in the type that the network computes in. Raises InputError unless all their numbers are finite."""
        with np.errstate(all="ignore"):
            weights = tuple(np.asarray(w, self.dtype) for w in weights)
        for w in weights:
            # what is shown many times (stride 0) is looked at once
            once = w[tuple(slice(None) if step else slice(0, 1) for step in w.strides)]
            if not np.isfinite(once).all():
                raise InputError("its weights hold NaN or infinity")
        return weights

    def maps(self, value):
        """The layer that holds a value of the file channels last."""
        return self.arranged(value, *range(2, len(value.shape)), 1) if len(value.shape) > 2 else self.arranged(value, 1)

    def arranged(self, value, *axes):
        """The layer that holds a value with its axes in this order; axis 0, the pictures, stays."""
        ours = tuple(value.shape[a] for a in axes)
        if value.places is None and axes == (*range(2, len(value.shape)), 1):
            return value.layer
        key = value.layer, id(value.places), axes
        if key not in self.arrangements:  # the places are kept with it: their id stays theirs
            self.arrangements[key] = self._arranged(value, axes, ours), value.places
        return self.arrangements[key][0]

    def _arranged(self, value, axes, ours):
        order = value.numbered().transpose(0, *axes)[0].ravel()
        layer, now = value.layer, value.ours
        if order.size != prod(now) or (order != np.arange(order.size)).any():
            layer, now = self._permuted(layer, now, order)
        return layer if now == ours else self._reshaped(layer, ours)

    def _reshaped(self, layer, ours):
        if len(ours) == 1:
            return self.add(f"{layer}_flat", "flatten", (layer,), ours)
        return self.add(f"{layer}_reshaped", "reshape", (layer,), ours, shape=ours)

    def _permuted(self, layer, ours, order):
        """(layer, its shape) with numbers order[0], order[1], ... of a layer: channels shuffled, or axes transposed."""
        channels, first = ours[-1], order[1]
        if first > 0 and channels % first == 0 and len(ours) == 3:
            shuffled = np.arange(prod(ours)).reshape(-1, channels // first, first).swapaxes(1, 2).ravel()
            if np.array_equal(order, shuffled):
                groups = int(channels // first)
                return self.add(f"{layer}_shuffled", "channel_shuffle", (layer,), ours, groups=groups), ours
        sizes, strides = factors(order)
        outward = sorted(range(len(sizes)), key=lambda k: -strides[k])
        split, axes = tuple(sizes[k] for k in outward), tuple(outward.index(k) for k in range(len(sizes)))
        fits = order.size == prod(split) == prod(ours)
        if not fits or (order != np.arange(order.size).reshape(split).transpose(axes).ravel()).any():
            raise InputError("it puts numbers into an order that is no transposition of axes")
        layer = self._reshaped(layer, split)
        turned = tuple(split[a] for a in axes)
        return self.add(f"{layer}_turned", "transpose", (layer,), turned, axes=tuple(a + 1 for a in axes)), turned


def factors(order):
    """(sizes, strides) of the axes along which a sequence of numbers counts, outermost first."""
    sizes, strides = [], []
    while order.size > 1:
        step = order[1] - order[0]
        breaks = np.flatnonzero(np.diff(order) != step)
        n = int(breaks[0]) + 1 if breaks.size else order.size
        sizes.insert(0, n)
        strides.insert(0, int(step))
        order = order[::n]
    return sizes, strides


def channels_first(layer, ours, n):
    """The Value of a layer whose output is channels last."""
    return Value(layer, (n, ours[-1], *ours[:-1]), ours)


def readable(name):
    """A node's name as people type it: "/layer1/layer1.0/conv1/Conv" is layer1.0.conv1.Conv."""
    parts = [part for part in name.split("/") if part]
    parts = [a for a, b in zip(parts, [*parts, ""][1:], strict=True) if not b.startswith(a + ".")]
    name = "".join(c if c.isprintable() else "_" for c in ".".join(parts))
    return name[:LONGEST_NAME] or "layer"
