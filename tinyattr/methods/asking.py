"""The question every method asks: which network, which picture, which class, by which score, at which layer."""

from dataclasses import dataclass

import numpy as np

from tinyattr.engine import GRADIENT, Tape, walk
from tinyattr.errors import InputError, unknown
from tinyattr.files.classes import find_class
from tinyattr.methods.heatmap import Heatmap
from tinyattr.nets import Network
from tinyattr.scores import SCORES

WHICH_SCORE = (
    "say which score to explain: score='log_odds' (recommended: never vanishes, cannot be shifted), 'post' (y_c), "
    "'log' (log y_c), 'pre' (z_c: a number added to every logit changes its maps), 'centred' or 'margin'"
)


@dataclass(frozen=True, eq=False)
class Question:
    """A picture's run through a network, and the row of the Jacobian that the score asks for."""

    net: Network
    tape: Tape
    target: int
    score: str
    value: float
    row: np.ndarray  # (1, n): dS/dz = row * exp(log_scale)
    log_scale: float

    def activations(self, layer):
        """(A, g) of a layer of feature maps, both (h, w, C) float64: activations, and dS/dA without its scale."""
        A = self.tape[layer].output
        if A.ndim != 4:
            raise InputError(f"layer '{layer}' has shape {A.shape}, no places to show; try '{self.net.features}'")
        signals = walk(self.tape, {self.net.layers[-1][0]: self.row}, GRADIENT, to=(layer,))
        return np.array(A[0], np.float64), np.array(signals[layer][0], np.float64)

    def heatmap(self, method, layer, direction, plane=None):
        """The answer, with all that was asked."""
        x = self.tape["input"].output
        return Heatmap(
            method, self.score, layer, self.target, self.net.label(self.target), self.value, self.log_scale,
            direction, direction if plane is None else plane, x.shape[1:3], self.net.input and self.net.input.decode(x),
        )


def ask(net, x, target=None, score=None):
    """Run x through net (or take the tape of an earlier `net.run`) and form the row of `score` for `target`.

    target: a class's number or name; default the top class. score: a key of SCORES, never chosen silently.
    Raises InputError for an unknown score or class, and for more than one picture.
    """
    if score is None:
        raise InputError(WHICH_SCORE)
    if score not in SCORES:
        raise unknown("score", score, SCORES)
    tape = x if isinstance(x, Tape) else net.run(x)
    z = net.logits(tape)
    if net.classes and len(net.classes) != z.shape[1]:
        raise InputError(f"{net.name} has {len(net.classes)} class names for {z.shape[1]} logits")
    if len(z) != 1:
        raise InputError(f"a heatmap explains one picture; got {len(z)}: call once for each")
    target = int(z[0].argmax()) if target is None else find_class(target, net.classes, z.shape[1])
    value, row, log_scale = SCORES[score](z, target)
    return Question(net, tape, target, score, float(value[0]), row, float(log_scale[0]))
