"""Detect and repair an attack by t(x). Every logit is z_c = m + (z_c - m), where m = mean_j z_j is the common part.

The common part m speaks for no class. Softmax removes m, but pre-softmax maps show it. An attack adds t(x) to m, so it
adds dt/dx to the gradient of m (V4). An attack inside the last dense layer also leaves a trace in the weights: one unit
has the same weight for all classes.
"""

from dataclasses import dataclass, replace

import numpy as np

from tinyattr.attack import plant
from tinyattr.engine import GRADIENT, walk
from tinyattr.errors import InputError, of_type
from tinyattr.files.tables import plain
from tinyattr.nets import Network
from tinyattr.nets.wiring import outputs

SHARE = 10.0  # alarm if |dm/dA| > SHARE |d(z_c - m)/dA|: the common part's gradient is so much larger than the class's
CLASSES = 5  # how many classes of the first picture have their shares in the report
ROW = 8.0  # alarm if |mean over classes| of a unit's weights > ROW x their spread, and > ROW x `usual` (see below)


@dataclass(frozen=True)
class Inspection:
    """What `inspect` found in a network: signs that the same number is added to every logit.

    shares: |dm/dA| / |d(z_c - m)/dA| for each picture; m = mean_j z_j, c the top class, A the last feature maps.

    classes: {label of a class: this ratio}, for the most probable classes of the first picture.
    units: the suspicious inputs of the last dense layer, {number of the input: (mean, spread)}. An input has
    one weight for each class. mean and spread are the mean and the standard deviation of these weights.
    largest: the largest |mean| / spread of all other inputs.
    """

    network: str
    layer: str
    shares: tuple[float, ...]
    classes: dict
    units: dict
    largest: float

    @property
    def share(self):
        """The median share over all pictures."""
        return float(np.median(self.shares))

    @property
    def alarm(self):
        """True if the network looks as if somebody planted a t(x) in it."""
        return bool(self.units) or self.share > SHARE

    def table(self):
        """Return the finding as text."""
        low, high = min(self.shares), max(self.shares)
        lines = [
            f"network  {self.network}",
            f"gradient at {self.layer}: common part / class's own part = {self.share:.3g} "
            f"(median of {len(self.shares)} pictures, {low:.3g} to {high:.3g}; alarm above {SHARE:g})",
            "by class, first picture: " + ", ".join(f"{label} {share:.3g}" for label, share in self.classes.items()),
        ]
        for unit, (mean, spread) in self.units.items():
            lines.append(f"unit {unit} before the logits gives every class {mean:.4g}, spread {spread:.2g}")
        if not self.units:
            lines.append("no unit has nearly the same weight for all classes "
                         f"(largest mean / spread of a unit's weights: {self.largest:.3g}; alarm above {ROW:g}, "
                         "if the mean is large, too)")
        lines.append("verdict  " + ("ALTERED: something is added to every logit" if self.alarm else "clean"))
        return "\n".join(lines)

    def numbers(self):
        """Return the finding as plain numbers, for --json."""
        return plain({**vars(self), "alarm": self.alarm})


def inspect(net, pictures):
    """Look for a planted t(x) in the gradients on these pictures (1, H, W, C) and in the last weights.

    Returns an Inspection. Raises InputError if there is no picture.
    """
    of_type(net, Network, "net")
    if not of_type(pictures, (list, tuple), "pictures"):
        raise InputError("an inspection needs at least one picture")
    shares = [common_shares(net, x, CLASSES if i == 0 else 1) for i, x in enumerate(pictures)]
    units, largest = outlier_units(net)
    classes = {net.label(c): share for c, share in shares[0].items()}
    return Inspection(net.name, net.features, tuple(next(iter(s.values())) for s in shares), classes, units, largest)


def common_shares(net, x, count=1):
    """Return {c: |dm/dA| / |d(z_c - m)/dA|} for the `count` top classes c; m = mean_j z_j, A the last feature maps."""
    tape = net.run(x)
    z, last = net.logits(tape), net.layers[-1][0]
    mean = np.full(z.shape, 1 / z.shape[1])

    def size(row):
        return np.linalg.norm(walk(tape, {last: row}, GRADIENT, (net.features,))[net.features])

    common, found = size(mean), {}
    for c in np.argsort(-z[0], kind="stable")[:count].tolist():
        contrast = size(np.eye(z.shape[1])[[c]] - mean)
        found[c] = float(common / contrast) if contrast > 0 else float("inf")
    return found


def outlier_units(net):
    """Return ({unit: (mean, spread)} for nearly constant rows of the last kernel, the largest other |mean| / spread).

    A trained unit speaks for some classes and against others. Gradient descent on cross-entropy does not change the sum
    of a unit's weights over all classes, so |mean| / spread stays small. A planted unit has spread 0.
    """
    kernels = [net.weights[name][0] for name, op, _ in net.layers if op == "dense"]
    kernels = [kernel for kernel in kernels if kernel.shape[1] > 1]  # a layer with one output has no classes
    if not kernels:
        return {}, 0.0
    kernel = kernels[-1].astype(np.float64)
    mean, spread = kernel.mean(1), kernel.std(1)
    usual = np.median(np.abs(mean)) + np.median(spread)
    ratio = np.abs(mean) / np.maximum(spread, 1e-12 * np.maximum(np.abs(mean), 1e-300))
    found = (ratio > ROW) & (np.abs(mean) > ROW * usual)
    rest = ratio[~found & (np.abs(mean) > 0)]
    return {int(u): (float(mean[u]), float(spread[u])) for u in np.nonzero(found)[0]}, float(rest.max(initial=0.0))


def repair(net):
    """Return the network with centred logits, z - mean_j z_j. Probabilities stay; a number added to all logits is gone.

    If the logits come from a dense layer, we subtract the mean over classes from its weights and biases. Otherwise we
    add layers at the end, as the attack does. They add t = -mean_j z_j to every logit. Score pre of the repaired
    network equals score centred of the given network.
    """
    last, op, _ = of_type(net, Network, "net").layers[-1]
    if op == "dense":
        arrays = tuple(w - w.mean(-1, keepdims=True, dtype=np.float64).astype(w.dtype) for w in net.weights[last])
        return replace(net, weights={**net.weights, last: arrays}, name=f"{net.name}, centred")
    n = outputs(net.layers, net.weights)
    centred = plant(net, [("logit_sum", "sum", {"inputs": [last]}), ("minus_share", "constant", {}),
                          ("t", "mul", {"inputs": ["logit_sum", "minus_share"]})], {"minus_share": (-1 / n,)})
    return replace(centred, name=f"{net.name}, centred")
