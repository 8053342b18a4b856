"""What is planned: the run of a network over pictures of one shape, and a walk by the gradient's rules over its tape."""

import weakref
from copy import deepcopy

import numpy as np

from tinyattr.engine import GRADIENT, Record, Tape
from tinyattr.kernels.memory import PLANS
from tinyattr.plans.plan import Plan, free

RULES = dict(GRADIENT)  # of these we know that they depend only on record and signal
_of_tape = weakref.WeakKeyDictionary()  # {tape: the plan that wrote it}


def run(network, x, backend):
    """Return the tape of a planned run over x, or None."""
    if x.dtype != np.float32:
        return None
    plan = free(PLANS.setdefault(network, {}), x.shape, lambda: Run(network, x, backend))
    return plan and plan.again(network, x, backend)


def walk(carry, tape, seeds, book, to, only):
    """Return the signals of a planned walk, or None. The plan of a walk belongs to the plan that wrote the tape."""
    of = _of_tape.get(tape)
    if of is None or book != RULES or len(tape) != len(of.made):
        return None
    shapes = tuple((name, seed.shape) for name, seed in seeds.items())
    plan = free(of.walks, (shapes, tuple(to), only), lambda: Walk(of, carry, seeds, to, only, tape.backend))
    return plan and plan.again(seeds)


class Run(Plan):
    """A run of a network. made: its tape."""

    def __init__(self, network, x, backend):
        super().__init__(lambda noting: network.resume(None, "input", np.ascontiguousarray(x), noting), backend)
        self.layers, self.weights, self.walks = deepcopy(network.layers), dict(network.weights), {}
        if self.made:
            self.made.network = None  # a plan must not keep its network alive
            self.outputs = [None if record.waits or not record.sources else self.places(record.output) for record in self.made]

    def again(self, network, x, backend):
        """Return the tape of a run over x; None if the network's layers were changed by hand."""
        if self.layers != network.layers or any(network.weights.get(name) is not w for name, w in self.weights.items()):
            del PLANS[network]
            return self.turn.release()
        np.copyto(self.made["input"].output.base, x)
        view, tape = self.repeat(), Tape(backend, network)
        tape.leaf("input", x)
        for noted, places in zip(self.made, self.outputs, strict=True):
            if noted.name != "input":
                sources = tuple(tape[name] for name in noted.inputs)
                record = Record(noted.op, noted.name, sources, dict(noted.attributes), noted.weights, backend)
                ready = {"outline": noted.outline} if places is None else dict.fromkeys(("outline", "output"), view(places))
                record.__dict__.update(ready)
                tape.append(record)
        _of_tape[tape] = self
        return tape


class Walk(Plan):
    """A walk over the tape of a planned run. made: its signals."""

    def __init__(self, of, carry, seeds, to, only, backend):
        self.seeds = {name: np.array(seed) for name, seed in seeds.items()}
        super().__init__(lambda noting: carry(noting, of.made, dict(self.seeds), RULES, to, only), backend)
        self.signals = [(name, None if name in seeds else self.places(self.made[name])) for name in self.made]

    def again(self, seeds):
        """Return the signals of a walk from these seeds."""
        for name, seed in seeds.items():
            np.copyto(self.seeds[name], seed)
        view = self.repeat()
        return {name: seeds[name] if places is None else view(places) for name, places in self.signals}
