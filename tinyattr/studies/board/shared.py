"""One picture, many maps: we compute only once what scores, classes and attacks share.

An altered network first computes what the original computes, and then t. So for every picture that a method needs, only
the original runs. Then we add the attacks' few layers to its tape. Scores with equal rows share walks.
"""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from tinyattr.engine import GRADIENT, Tape
from tinyattr.methods.request import Request, ask, batched, places
from tinyattr.nets.wiring import wired

SAME = ("channels", "windows", "groups", "masks")  # kinds of pictures that do not depend on class, score or attack
BATCH, LAST = 8, 2  # pictures in a pass; number of batches whose tapes are kept for the next methods


class Continued(Tape):
    """A Continued is the tape of an altered network: the original network's tape, then the layers of the attack."""

    def __init__(self, tape, net):
        super().__init__(net.backend, net)
        self._records |= {record.name: record for record in tape}
        for name, op, inputs, attributes in list(wired(net.layers))[len(tape.network.layers):]:
            if op == "constant":
                self.leaf(name, net.weights[name][0], op)
            else:
                self.write(op, name, inputs, net.weights.get(name, ()), **attributes)


class Passes:
    """Passes holds one picture's tapes in several networks (the original is the first), and passes of other pictures.

    logits: {(layer, sha256 of its values): {network: z}} of all passes. asked: {(name in SAME, layer): these logits}.
    batches: {(layer, sha256 of its values): {network: (tape, walks)}} of the LAST batches.
    """

    def __init__(self, networks, x):
        self.original, self.networks = networks[0], networks
        tape = self.original.run(x)
        self.tapes = {net: Continued(tape, net) for net in networks}
        self.logits, self.asked, self.batches, self.walks = {}, {}, {}, {}

    def request(self, net, c, score):
        """Return a Request to one of the networks. It shares its work with all other Requests."""
        asked = ask(net, self.tapes[net], c, score)
        walks = self.walks.setdefault((net, asked.row.tobytes()), {})
        return Shared(**vars(asked) | {"walks": walks, "shared": self})

    def z(self, at, arrays):
        """Return {network: logits} for other pictures, or for other activations of layer `at`."""
        key = at, sha256(arrays.data).digest()
        if key not in self.logits:
            tape = self.original.resume(self.tapes[self.original], at, arrays)
            self.logits[key] = {other: other.logits(Continued(tape, other)) for other in self.networks}
        return self.logits[key]

    def batch(self, net, at, arrays):
        """Return (the tape of a batch, {(layer, bytes of the rows): g} of walks over it)."""
        key = at, sha256(arrays.data).digest()
        if key not in self.batches:
            while len(self.batches) >= LAST:
                del self.batches[next(iter(self.batches))]
            tape = self.original.resume(self.tapes[self.original], at, arrays)
            self.batches[key] = {other: (Continued(tape, other), {}) for other in self.networks}
        return self.batches[key][net]


@dataclass(frozen=True, eq=False)
class Shared(Request):
    """A Shared is a Request that takes its passes from `shared`. Its results are the same as those of a Request."""

    shared: Passes = None

    def values(self, arrays, at="input", *, count, batch=BATCH, what="pictures"):
        """See Request."""
        batches = self.shared.asked.get((what, at))
        if batches is None:
            batches = [self.shared.z(at, some) for some in self._batches(arrays, at, count, max(batch, BATCH), what)]
        if what in SAME:
            self.shared.asked[what, at] = batches
        return [value for z in batches for value in self.scored(z[self.net])[0].tolist()]

    def along(self, arrays, layer="input", at="input", *, count, batch=BATCH, what="path"):
        """See Request."""
        for some in self._batches(arrays, at, count, BATCH, what):
            tape, walks = self.shared.batch(self.net, at, some)
            values, rows, log_scales = self.scored(self.net.logits(tape))
            key = layer, rows.tobytes()
            if key not in walks:
                walks[key] = self.walked(rows, GRADIENT, layer, tape)
            A, g = (a.astype(np.float64) for a in (places(self.net, tape[layer]), walks[key]))
            yield from zip(A, g, values.tolist(), log_scales.tolist(), strict=True)

    def _batches(self, arrays, at, count, batch, what):
        """Yield batches without a progress bar, because the board has a bar."""
        for some in batched(arrays, batch):
            yield np.concatenate(some).astype(self.tape[at].outline.dtype, copy=False)
