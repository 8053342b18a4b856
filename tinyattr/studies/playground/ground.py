"""What the playground computes. One run of the network is enough for all clicks, because t changes only the logits.

So the tape of the altered network is the original's tape and a few records more. And the original's maps stay as they
are when t changes.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from tinyattr.attack import alter
from tinyattr.engine.tape import Tape
from tinyattr.methods import AT_A_LAYER, METHODS
from tinyattr.nets.network import wired
from tinyattr.softmax import softmax
from tinyattr.studies.draw import in_grey
from tinyattr.studies.explain import Comparison, attack_text

QUICK = ("grad_cam", "grad_cam_plus", "hirescam", "layercam", "xgrad_cam", "gradient", "saliency", "guided_backprop",
         "lrp", "deeplift")  # methods of one or two walks, which are fast enough for a slider
CLASSES = 6  # number of top classes to choose from
STRONGEST = 30.0  # largest K of the slider
MAPS_KEPT = 64  # maps of the original network that are kept
WORDS = ("The altered network adds one number, t, to all its logits. Softmax sees only how far logits are apart, so "
         "its probabilities stay. t is K times the sum of the activations in the white square. K says how strong the "
         "attack is: at K = 0 both networks are the same.")


@dataclass(frozen=True)
class Choice:
    """A Choice says what is shown: class, score, method, layer, and t = K sum_k A_ijk, (i, j) = at, A the layer."""

    target: int
    score: str
    method: str
    layer: str
    at: tuple[int, int]
    K: float


class Ground:
    """A Ground holds a network, its run on a picture x, and the possible choices."""

    def __init__(self, net, x):
        self.net, self.tape = net, net.run(x)
        self.y = softmax(net.logits(self.tape)[0])
        self.classes = [int(c) for c in self.y.argsort()[::-1][:CLASSES]]
        self.layers = layers_with_places(net, self.tape)
        self.picture = None if net.input is None else net.input.decode(x)
        H, W = x.shape[1:3]
        self.grey = np.full((H, W), 128.0) if self.picture is None else in_grey(self.picture)
        self.first = Choice(self.classes[0], "pre", "hirescam", self.layers[-1], (0, 0), 10.0)
        self.original = lru_cache(MAPS_KEPT)(self.original)

    def places(self, layer):
        """Return (h, w) of a layer."""
        return self.tape[layer].outline.shape[1:3]

    def fitting(self, choice):
        """Return the choice with its place moved inside the layer and its strength inside the slider's range."""
        h, w = self.places(choice.layer)
        i, j = choice.at
        return replace(choice, at=(min(max(i, 0), h - 1), min(max(j, 0), w - 1)), K=min(max(choice.K, 0.0), STRONGEST))

    def original(self, method, target, score, layer):
        """Return the original network's map."""
        return METHODS[method](self.net, self.tape, target, score, layer)

    def compare(self, choice):
        """Return (Comparison, largest change of a probability) for a choice from `fitting`."""
        altered = alter(self.net, K=choice.K, layer=choice.layer, at=choice.at)
        tape = continued(altered, self.tape)
        layer = choice.layer if choice.method in AT_A_LAYER else None
        maps = (self.original(choice.method, choice.target, choice.score, layer),
                METHODS[choice.method](altered, tape, choice.target, choice.score, layer))
        change = np.abs(softmax(altered.logits(tape)[0]) - self.y).max()
        return Comparison(choice.method, choice.score, *maps, choice.at, self.places(choice.layer)), float(change)

    def sentences(self, choice, cell, change):
        """Return three lines: what is explained, the attack, and what the attack does."""
        shares = np.nan_to_num([cell.corner(cell.original), cell.corner(cell.altered)])
        attack = attack_text({"K": choice.K, "tap": choice.layer, "at": cell.at})
        return [cell.original.caption.split(":")[0],
                f"t = {attack}; largest change of a probability {change:.1g}",
                f"maps correlate {cell.correlation:.3f}; share of the map in the place that t reads: "
                f"{shares[0]:.2f} original, {shares[1]:.2f} altered"]


def continued(altered, tape):
    """Return the tape of an altered network. It keeps the original's records; only the layers of the attack run."""
    new = Tape(altered.backend, altered)
    for record in tape:
        new.append(record)
    for name, op, inputs, attributes in wired(altered.layers):
        if name in new:
            continue
        if op == "constant":
            new.leaf(name, altered.weights[name][0], op)
        else:
            new.write_checked(op, name, inputs, altered.weights.get(name, ()), attributes)
    return new


def layers_with_places(net, tape):
    """Return names of layers to choose from: pools and the last ReLU before each, else all layers with places."""
    names = [name for name, _, _ in net.layers if tape[name].outline.ndim == 4]
    found = []
    for before, name in zip([None, *names], names, strict=False):
        if tape[name].op in ("max_pool", "avg_pool"):
            found += [n for n in (before, name) if n is not None]
    if net.features in names:
        found.append(net.features)
    return list(dict.fromkeys(found))[-8:] or names[-8:]
