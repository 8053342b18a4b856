"""A request says what a method explains: which network, which picture, which class and which score."""

from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice

import numpy as np
from tqdm import tqdm

from tinyattr.engine import GRADIENT, Tape, walk
from tinyattr.engine.walk import downstream
from tinyattr.errors import InputError, count_of, named, of_type
from tinyattr.methods.heatmap import Heatmap
from tinyattr.nets import Network
from tinyattr.nets.classes import find_class
from tinyattr.scores import SCORES

WHICH_SCORE = (
    "give the score to explain: score='log_odds' (recommended: never vanishes, cannot be shifted), 'post' (y_c), "
    "'log' (log y_c), 'pre' (z_c: a number added to every logit changes its maps), 'centred' or 'margin'"
)
BATCH = 4  # pictures that run through the network at a time; this limits the memory of paths and samples


@dataclass(frozen=True, eq=False)
class Request:
    """A Request holds a picture's tape (all steps of its run), and the row dS/dz of the score at the picture's logits.

    walks: {id of a book: (book, signals)}. We keep them because a map, its receipt and other methods use them again.
    passes: {(layer, sha256 of its activations): z}, the logits of other pictures, kept so that no picture runs twice.
    """

    net: Network
    tape: Tape
    target: int
    score: str
    value: float
    row: np.ndarray  # (1, n): dS/dz = row * exp(log_scale)
    log_scale: float
    walks: dict = field(default_factory=dict, repr=False)
    passes: dict = field(default_factory=dict, repr=False)

    @property
    def x(self):
        """The picture, (1, H, W, C)."""
        return self.tape["input"].output

    @property
    def z(self):
        """The logits of the picture, (n,)."""
        return self.net.logits(self.tape)[0]

    def signals(self, book=GRADIENT, to="input"):
        """Return the signals of a walk by `book` (see engine.walk) at `to` and at later layers. Each walk runs once."""
        if to not in self.walks.get(id(book), (book, {}))[1]:
            self.walks[id(book)] = book, walk(self.tape, {self.net.layers[-1][0]: self.row}, book, to)
        signals, after = self.walks[id(book)][1], downstream(self.tape, [to])
        return {name: signal for name, signal in signals.items() if name in after}

    def walked(self, seed, book, to, tape=None):
        """Return the signal at `to` of a walk that starts from `seed` at the logits, on this or another tape."""
        return walk(tape or self.tape, {self.net.layers[-1][0]: seed}, book, to, only=True)[to]

    def at_places(self, layer, signal):
        """Return one picture's signal at a layer of feature maps, (h, w, C) float64."""
        places(self.net, self.tape[layer])
        return signal[0].astype(np.float64)

    def activations(self, layer):
        """Return A (h, w, C) float64, the activations of a layer of feature maps."""
        return self.at_places(layer, self.tape[layer].output)

    def gradient(self, layer):
        """Return g (h, w, C) float64: dS/dA = g exp(log_scale)."""
        return self.at_places(layer, self.signals(to=layer)[layer])

    def scored(self, z):
        """Return (value, row, log_scale) of the score for the logits of other pictures, (N, n)."""
        return SCORES[self.score](z, np.full(len(z), self.target))

    def values(self, arrays, at="input", *, count, batch=BATCH, what="pictures"):
        """Return a list of `count` scores: in turn, each array (1, ...) replaces the picture or layer `at`."""
        found = []
        for some in self._batches(arrays, at, count, batch, what):
            if (key := (at, sha256(some.tobytes()).digest())) not in self.passes:
                self.passes[key] = self.net.logits(self.net.resume(self.tape, at, some))
            found += self.scored(self.passes[key])[0].tolist()
        return found

    def along(self, arrays, layer="input", at="input", *, count, batch=BATCH, what="path"):
        """Yield (A, g, value, log_scale) for each array (see `values`). A, g of `layer`: dS/dA = g exp(log_scale)."""
        for some in self._batches(arrays, at, count, batch, what):
            tape = self.net.resume(self.tape, at, some)
            values, rows, log_scales = self.scored(self.net.logits(tape))
            g = self.walked(rows, GRADIENT, layer, tape).astype(np.float64)
            A = places(self.net, tape[layer]).astype(np.float64)
            del tape  # before the next tape is written
            yield from zip(A, g, values.tolist(), log_scales.tolist(), strict=True)

    def _batches(self, arrays, at, count, batch, what):
        """Yield batches: up to `batch` arrays, joined into one. If `arrays` is a generator, this saves memory."""
        for some in batched(bar(arrays, what, count), batch):
            yield np.concatenate(some).astype(self.tape[at].outline.dtype, copy=False)

    def heatmap(self, method, layer, direction, plane=None, *, log_scale=None, receipt=None):
        """Return a Heatmap of this request. Defaults: plane sums direction over channels; log_scale is the row's."""
        if plane is None:
            plane = direction if direction.ndim == 2 else direction.sum(-1)
        return Heatmap(method, self.score, layer, self.target, self.net.label(self.target), self.value,
                       self.log_scale if log_scale is None else log_scale, direction, plane, self.x.shape[1:3],
                       self.net.input and self.net.input.decode(self.x), receipt)


def ask(net, x, target=None, score=None):
    """Run x through net, compute the row of `score` for `target`, and return a Request.

    x: a picture, the tape of an earlier `net.run`, or an earlier Request, whose results are used again where possible.
    target: number or name of a class, by default the top class. score: a key of SCORES; you must give one.
    Raises InputError for a missing or unknown score, an unknown class, and more than one picture.
    """
    if score is None:
        raise InputError(WHICH_SCORE)
    score, net = named("score", score, SCORES), of_type(net, Network, "net")
    tape = x.tape if isinstance(x, Request) else x if isinstance(x, Tape) else net.run(x)
    z = net.logits(tape)
    if net.classes and len(net.classes) != z.shape[1]:
        raise InputError(f"{net.name} has {len(net.classes)} class names for {z.shape[1]} logits")
    if len(z) != 1:
        raise InputError(f"a heatmap explains one picture; got {len(z)}: call once for each")
    target = int(z[0].argmax()) if target is None else find_class(target, net.classes, z.shape[1])
    if isinstance(x, Request) and (x.net, x.target, x.score) == (net, target, score):
        return x
    value, row, log_scale = SCORES[score](z, target)
    return Request(net, tape, target, score, float(value[0]), row, float(log_scale[0]), passes=getattr(x, "passes", {}))


def places(net, record):
    """Return the output of a layer of feature maps, (N, h, w, C). Raises InputError for a layer without places."""
    if record.outline.ndim != 4:
        raise InputError(f"layer '{record.name}' {record.outline.shape} has no places to show; try '{net.features}'")
    return record.output


def ask_at(net, x, target, score, layer, default=None):
    """Return (request, layer). Layer None becomes `default`, or the last feature maps if this is None, too."""
    request = ask(net, x, target, score)
    return request, (default or feature_layer(net)) if layer is None else of_type(layer, str, "layer")


def feature_layer(net):
    """Return the name of the network's last feature maps. Raises InputError if it is unknown."""
    if net.features is None:
        raise InputError(f"{net.name} has no flatten or global pool, so its last feature maps are unknown; give layer=")
    return net.features


def ask_picture(net, x, target, score, layer, method, instead=""):
    """Return the request of a method that explains the picture. Raises InputError if a layer is given."""
    if layer is not None and of_type(layer, str, "layer") != "input":
        raise InputError(f"{method} explains the picture, not layer '{layer}'; leave layer= out{instead}")
    return ask(net, x, target, score)


def total(parts):
    """Return (direction, log_scale) of a sum of direction_m exp(log_scale_m). The largest term never underflows."""
    direction, log_scale = 0.0, -np.inf
    for part, own in parts:
        top = max(log_scale, own)
        old, new = (np.exp(s - top) if s > -np.inf else 0.0 for s in (log_scale, own))  # -inf: a constant score
        direction, log_scale = direction * old + part * new, top
    return direction, log_scale


def batched(items, size):
    """Yield lists of up to `size` items. Items are taken from the iterable only when needed."""
    items, size = iter(items), count_of(size, "batch")
    while some := list(islice(items, size)):
        yield some


def bar(items, what, count):
    """Show a progress bar on a terminal, and nothing elsewhere."""
    return tqdm(items, desc=what, total=count, leave=False, disable=None)
