"""Build our layers while a graph is read, and record where each number of the file's values is in them.

The file has pictures and maps as (N, C, H, W), but we have them as (N, H, W, C). We add no layers that transpose them.
Instead, a Value knows its shape in the file, and for each of its numbers the place in our layer's output. Reshape,
Transpose, Flatten and similar operators only move these places. When a layer needs its input in a certain order,
`arranged` compares the places with this order. Mostly they agree. After a Flatten, the places tell how to order the
rows of the dense kernel. In other cases we add layers: a flatten or reshape, a channel_shuffle, or a reshape and a
transpose. An order that they cannot make is refused with an InputError.
"""

from dataclasses import dataclass
from math import prod

import numpy as np

from tinyattr.engine.ops import OPS
from tinyattr.errors import InputError
from tinyattr.files.weight_file import MOST_NUMBERS

MOST_PLACES = 1 << 23  # limit for the places of one value
MOST_MOVED = 5 * MOST_PLACES  # limit for all places that we make or read for a file; each needs 4 bytes
LONGEST_NAME = 100


@dataclass(frozen=True)
class Value:
    """A Value is an array of the file that depends on the picture. layer: name of our layer that holds its numbers.

    shape: in the file, (N, ...). ours: shape of our layer's output, without N. places: for each number of the array,
    its place in our layer's output, counted over all N pictures; None if our output is this array with channels last.
    """

    layer: str
    shape: tuple[int, ...]
    ours: tuple[int, ...]
    places: np.ndarray | None = None

    def numbered(self):
        """Return the places as an array, also if `places` is None. A Builder asks for them with `places_of`."""
        if self.places is not None:
            return self.places
        places = np.arange(self.shape[0] * prod(self.ours), dtype=np.int32)
        return np.moveaxis(places.reshape(self.shape[0], *self.ours), -1, 1)

    def moved(self, places):
        """Return the same numbers at other places. Raises InputError if numbers move from one picture to another."""
        places = np.asarray(places)
        others, first = tuple(range(1, places.ndim)), np.arange(self.shape[0]) * prod(self.ours)  # of each picture
        if (not places.ndim or len(places) != len(first) or (places.min(others) < first).any()
                or (places.max(others) >= first + prod(self.ours)).any()):
            raise InputError(f"it moves or mixes the pictures of a batch, axis 0: shape {self.shape} becomes "
                             f"{places.shape}. PyTorch writes this for x[:, [0, 2]], and for an AdaptiveAvgPool2d "
                             "whose size does not divide that of the maps; Keras for a Dense layer on maps")
        return Value(self.layer, places.shape, self.ours, places)


class Builder:
    """A Builder collects layers [(name, op, inputs, attributes)] and weights {layer: arrays}. free: layers that have no
    bias yet; scaled: batch_norm layers; numbers: how many numbers all weights have together; moved: how many places we
    have made or read.
    """

    def __init__(self, dtype):
        self.dtype, self.layers, self.weights, self.free, self.scaled, self.numbers = dtype, [], {}, set(), set(), 0
        self.names, self.arrangements, self.moved = {"input": 1}, {}, 0

    def named(self, wanted):
        """Return a layer's name, like the wanted one, but printable, short, not used yet, and not the name of an op."""
        wanted = readable(wanted)
        name, i = wanted, self.names.get(wanted, 1)
        while name in self.names or name in OPS:
            i += 1
            name = f"{wanted}_{i}"
        self.names |= {wanted: i, name: 1}  # the next layer of this name begins to search at i
        return name

    def add(self, name, op, inputs, ours, weights=(), **attributes):
        """Add a layer whose output has shape `ours`, without N. Returns its name."""
        self.numbers += sum(w.size for w in weights)
        if min(ours, default=1) < 1 or prod(ours) > MOST_NUMBERS or self.numbers > MOST_NUMBERS:
            raise InputError(f"its output would have shape {ours}, and all weights {self.numbers:,} numbers; expected "
                             f"sizes of at least 1, and at most {MOST_NUMBERS:,} numbers")
        weights = self.vetted(weights)
        name = self.named(name)
        self.layers.append((name, op, tuple(inputs), attributes))
        if weights:
            self.weights[name] = weights
        return name

    def result(self, name, op, inputs, ours, n, weights=(), **attributes):
        """Add a layer with channels last, and return its Value. n: number of pictures in the file's batch."""
        return channels_first(self.add(name, op, inputs, ours, weights, **attributes), ours, n)

    def in_file_order(self, layer, ours, n):
        """Return the Value of a layer whose axes are in the same order in the file."""
        value = channels_first(layer, ours, n)
        return value.moved(np.moveaxis(self.places_of(value), 1, -1))

    def places_of(self, value):
        """Return a value's places. Raises InputError if they are too many, alone or with those that came before."""
        size = prod(value.shape)
        if size > MOST_PLACES:
            raise InputError(f"a value {value.shape} is moved; this is supported for at most {MOST_PLACES:,} numbers")
        self.moved += size
        if self.moved > MOST_MOVED:
            raise InputError(f"with it, the file would move more than {MOST_MOVED:,} numbers; export the network for "
                             "smaller pictures, or with fewer Reshapes and Transposes")
        return value.numbered()

    def vetted(self, weights):
        """Return arrays in the network's dtype. Raises InputError unless all numbers are finite."""
        with np.errstate(all="ignore"):
            weights = tuple(np.asarray(w, self.dtype) for w in weights)
        for w in weights:
            # a number that is repeated along an axis (stride 0) is checked once
            once = w[tuple(slice(None) if step else slice(0, 1) for step in w.strides)]
            if not np.isfinite(once).all():
                raise InputError("its weights hold NaN or infinity")
        return weights

    def maps(self, value):
        """Return the name of a layer that holds a value of the file with channels last."""
        return self.arranged(value, *range(2, len(value.shape)), 1) if len(value.shape) > 2 else self.arranged(value, 1)

    def arranged(self, value, *axes):
        """Return the name of a layer that holds a value with its axes in this order. Axis 0 (pictures) stays first."""
        ours = tuple(value.shape[a] for a in axes)
        if value.places is None and axes == (*range(2, len(value.shape)), 1):
            return value.layer
        key = value.layer, id(value.places), axes
        if key not in self.arrangements:  # the places are kept too, so their id is not used again
            self.arrangements[key] = self._arranged(value, axes, ours), value.places
        return self.arrangements[key][0]

    def _arranged(self, value, axes, ours):
        order = self.places_of(value).transpose(0, *axes)[0].ravel()
        layer, now = value.layer, value.ours
        if order.size != prod(now) or (order != np.arange(order.size, dtype=order.dtype)).any():
            layer, now = self._permuted(layer, now, order)
        return layer if now == ours else self._reshaped(layer, ours)

    def _reshaped(self, layer, ours):
        if len(ours) == 1:
            return self.add(f"{layer}_flat", "flatten", (layer,), ours)
        return self.add(f"{layer}_reshaped", "reshape", (layer,), ours, shape=ours)

    def _permuted(self, layer, ours, order):
        """Add a shuffle or transpose that gives numbers order[0], order[1], ... of `layer`. Returns (name, shape)."""
        channels, first = ours[-1], order[1]
        if first > 1 and channels % first == 0 and len(ours) == 3:
            shuffled = np.arange(prod(ours)).reshape(-1, channels // first, first).swapaxes(1, 2).ravel()
            if np.array_equal(order, shuffled):
                groups = int(channels // first)
                return self.add(f"{layer}_shuffled", "channel_shuffle", (layer,), ours, groups=groups), ours
        sizes, strides = factors(order)
        outward = sorted(range(len(sizes)), key=lambda k: -strides[k])
        split, axes = tuple(sizes[k] for k in outward), tuple(outward.index(k) for k in range(len(sizes)))
        turned, fits = tuple(split[a] for a in axes), order.size == prod(split) == prod(ours)
        if not fits or (order.reshape(turned)
                        != np.arange(order.size, dtype=order.dtype).reshape(split).transpose(axes)).any():
            raise InputError("it puts numbers into an order that is not a transposition of axes")
        layer = self._reshaped(layer, split)
        return self.add(f"{layer}_turned", "transpose", (layer,), turned, axes=tuple(a + 1 for a in axes)), turned


def factors(order):
    """Return (sizes, strides) of axes, the outermost first, so that counting along them gives the sequence `order`."""
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
    """Return the Value of a layer whose output has channels last."""
    return Value(layer, (n, ours[-1], *ours[:-1]), ours)


def readable(name):
    """Return a node's name as users type it: "/layer1/layer1.0/conv1/Conv" becomes layer1.0.conv1.Conv."""
    parts = [part for part in name.split("/") if part]
    parts = [a for a, b in zip(parts, [*parts, ""][1:], strict=True) if not b.startswith(a + ".")]
    name = "".join(c if c.isprintable() else "_" for c in ".".join(parts))
    return name[:LONGEST_NAME] or "layer"
