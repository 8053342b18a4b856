"""One picture, many maps: what scores, classes and attacks have in common is computed once.

An altered network computes what the original does, and then t from it. So for every picture that a method asks about
there is one forward pass, of the original; the attacks' own few layers are added to its tape. Scores of one row share
their walks.
"""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from tinyattr.engine import GRADIENT, Tape, walk
from tinyattr.methods.request import Request, ask, batched, places
from tinyattr.nets.wiring import wired

SAME = ("channels", "windows", "groups", "masks")  # what methods call pictures that depend on no class, score or attack
BATCH, LAST = 8, 2  # pictures in a pass; batches whose tapes are kept: methods that share them follow each other


class Continued(Tape):
    """The original network's tape, and behind it the layers that an altered network has more."""

    def __init__(self, tape, net):
        super().__init__(net.backend, net)
        self._records |= {record.name: record for record in tape}
        for name, op, inputs, attributes in list(wired(net.layers))[len(tape.network.layers):]:
            if op == "constant":
                self.leaf(name, net.weights[name][0], op)
            else:
                self.write(op, name, inputs, net.weights.get(name, ()), **attributes)


class Passes:
    """One picture's tapes in several networks, the original one first, and the passes of other pictures.

    logits: {(layer, digest of what stands there): {network: z}}, of all. asked: {(name of SAME, layer): these}.
    batches: {(layer, digest): {network: (tape, walks)}}, the LAST.
    """

    def __init__(self, networks, x):
        self.original, self.networks = networks[0], networks
        tape = self.original.run(x)
        self.tapes = {net: Continued(tape, net) for net in networks}
        self.logits, self.asked, self.batches, self.walks = {}, {}, {}, {}

    def request(self, net, c, score):
        """A Request to one of the networks that shares its work with all others."""
        asked = ask(net, self.tapes[net], c, score)
        walks = self.walks.setdefault((net, asked.row.tobytes()), {})
        return Shared(**vars(asked) | {"walks": walks, "shared": self})

    def z(self, at, arrays):
        """{network: logits} of other pictures, or of other activations of layer `at`."""
        key = at, sha256(arrays.data).digest()
        if key not in self.logits:
            tape = self.original.resume(self.tapes[self.original], at, arrays)
            self.logits[key] = {other: other.logits(Continued(tape, other)) for other in self.networks}
        return self.logits[key]

    def batch(self, net, at, arrays):
        """(the tape of such pictures, {(layer, bytes of the rows): g} of walks over it)."""
        key = at, sha256(arrays.data).digest()
        if key not in self.batches:
            while len(self.batches) >= LAST:
                del self.batches[next(iter(self.batches))]
            tape = self.original.resume(self.tapes[self.original], at, arrays)
            self.batches[key] = {other: (Continued(tape, other), {}) for other in self.networks}
        return self.batches[key][net]


@dataclass(frozen=True, eq=False)
class Shared(Request):
    """A Request that asks `shared` for its passes. What it answers is a Request's answer."""

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
                walks[key] = walk(tape, {self.net.layers[-1][0]: rows}, GRADIENT, layer, only=True)[layer]
            A, g = (a.astype(np.float64) for a in (places(self.net, tape[layer]), walks[key]))
            yield from zip(A, g, values.tolist(), log_scales.tolist(), strict=True)

    def _batches(self, arrays, at, count, batch, what):
        """Without a bar of its own: the board has one."""
        for some in batched(arrays, batch):
            yield np.concatenate(some).astype(self.tape[at].output.dtype, copy=False)
