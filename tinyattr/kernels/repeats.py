"""This file makes plans. A plan stores the kernel calls of one run, so that the next run can repeat them quickly.

There are two kinds of plans. One repeats the run of a network over pictures of one shape. The other repeats a walk by the
gradient's rules over the tape of such a run.
"""

import weakref
from collections import Counter
from copy import deepcopy

import numpy as np

from tinyattr import engine
from tinyattr.engine import GRADIENT, Record, Tape
from tinyattr.engine.arrays import is_sealed
from tinyattr.kernels.dispatch import pays
from tinyattr.kernels.memory import MAKING, PLANS
from tinyattr.kernels.plan import NoPlanError, Noting, Plan, free
from tinyattr.nets.wiring import wired

RULES = dict(GRADIENT)  # these depend on nothing but the record and the signal; of other rules we do not know that
_of_tape = weakref.WeakKeyDictionary()  # {tape: the plan that wrote it}


def run(backend, network, x):
    """Run the network over x by a plan. Return the tape, or None if no plan can be used."""
    return _run(Run, network, x, lambda: Noting(backend))


def ends(backend, network, x):
    """Run the network by a plan. Return a tape with the last record only, or None."""
    return _run(LastOnly, network, x, lambda: Forgetting(backend, network))


def _run(kind, network, x, noting):
    if x.dtype != np.float32:
        return None
    plan = free(PLANS.setdefault(network, {}), (kind, x.shape), lambda: kind(noting(), network, x))
    if plan and not plan.is_of(network):
        PLANS.pop(network, None)
        return plan.turn.release()
    return plan and plan.again(network, x)


def walk(backend, tape, seeds, book, to, only):
    """Return the signals of a walk by a plan, or None. The plan of the run that wrote the tape stores the plans of its walks."""
    of = _of_tape.get(tape)
    if of is None or not isinstance(book, dict) or book != RULES or not of.wrote(tape):
        return None
    shapes = tuple((name, seed.shape) for name, seed in seeds.items())
    plan = free(of.walks, (shapes, tuple(to), bool(only)), lambda: Walk(backend, of, seeds, to, only))
    return plan and plan.again(seeds)


def same(a, b):
    """Return True if a == b. If NumPy cannot answer with one True or False, return False."""
    try:
        return bool(a == b)
    except ValueError:
        return False


class Run(Plan):
    """The plan of a run. The attribute `made` is the tape of the first run."""

    def __init__(self, noting, network, x):
        self.layers, self.weights, self.walks = deepcopy(network.layers), dict(network.weights), {}
        noting.rooms = rooms(network, x)

        def first(noting):
            if not all(isinstance(arrays, tuple) and all(map(is_sealed, arrays)) for arrays in self.weights.values()):
                raise NoPlanError
            tape = network.resume(None, "input", np.ascontiguousarray(x), noting)
            tape.network, _ = None, tape[self.layers[-1][0]].output  # with its network, the plan would keep itself alive
            return tape
        super().__init__(first, noting)
        self.records = [(r, r.inputs, None if r.waits or not r.sources else self.places(r.output)) for r in self.made]

    def is_of(self, network):
        """Return True if nobody has changed the network's layers or weights by hand."""
        return same(self.layers, network.layers) and all(network.weights.get(name) is w for name, w in self.weights.items())

    def wrote(self, tape):
        """Return True if nobody has added a record to the tape, or changed an attribute by hand."""
        return len(tape) == len(self.made) and all(
            same(a.attributes, b.attributes) for a, b in zip(tape, self.made, strict=True) if a.sources)

    def again(self, network, x):
        """Return the tape of a run over x."""
        np.copyto(self.made["input"].attributes["value"], x)
        view, tape = self.repeat(), Tape(network.backend, network)
        for noted, inputs, places in self.records:
            attributes = dict(noted.attributes)
            if not inputs:
                attributes["value"] = np.array(x if noted.name == "input" else attributes["value"])
            record = Record(noted.op, noted.name, tuple([tape[i] for i in inputs]), attributes, noted.weights, tape.backend)
            if places:
                record.__dict__["output"] = record.__dict__["outline"] = view(places)
            elif noted.waits:
                record.__dict__["outline"] = noted.outline
            else:
                _ = record.output  # a leaf's value
            tape.append(record)
        _of_tape[tape] = self
        return tape


def rooms(network, x):
    """Return {layer: (concatenation, its shape, first and end of the layer's channels)} for layers that only this concatenation reads.

    Such a layer can write its output directly into the concatenation. Concatenations of concatenations are left out:
    forms.concat handles them.
    """
    if not any(op == "concat" for _, op, _ in network.layers):
        return {}
    tape, found = network.resume(None, "input", x), {}
    read = Counter(i for record in tape for i in record.inputs)
    chained = {source.name for record in tape if record.op == "concat" for source in record.sources if source.op == "concat"}
    for record in tape:
        if record.op == "concat" and pays(record) and record.name not in chained and chained.isdisjoint(record.inputs):
            ends = np.cumsum([0, *(source.outline.shape[-1] for source in record.sources)]).tolist()
            found |= {i: (record.name, record.outline.shape, first, end)
                      for i, first, end in zip(record.inputs, ends, ends[1:], strict=False) if read[i] == 1}
    return found


class LastOnly(Run):
    """The plan of a run of which only the last output is wanted."""

    def again(self, network, x):
        """Return a tape with a copy of the last output of a run over x."""
        np.copyto(self.made["input"].attributes["value"], x)
        view, tape = self.repeat(), Tape(network.backend, network)
        last, _, places = self.records[-1]
        tape.leaf(last.name, view(places))
        return tape


class Forgetting(Noting):
    """The backend while a LastOnly plan is made. An output gives its memory back when all layers that read it are computed."""

    def __init__(self, backend, network):
        super().__init__(backend)
        self.readers, self.records, self.forgotten = {}, {}, set()
        for name, _, inputs, _ in wired(network.layers):
            for i in inputs:
                self.readers.setdefault(i, set()).add(name)

    def put_off(self, record):
        """Return a stand-in for the record's output, or None: see Noting."""
        self.records[record.name] = record
        return super().put_off(record)

    def forward(self, record):
        """Return the record's output: see Noting."""
        for name in [n for n, r in self.records.items() if r.sources and not r.waits and n not in MAKING.plan.read and self.unread(n)]:
            del self.records[name].__dict__["output"], self.records.pop(name).__dict__["outline"]
            self.forgotten.add(name)
        return super().forward(record)

    def unread(self, name):
        """Return True if no layer needs the output any more. Each reader is computed, or a later layer's pass included it."""
        readers = self.readers.get(name, ())
        return bool(readers) and all(map(self.computed_already, readers))

    def computed_already(self, name):
        """Return True if nobody will ask for the layer's own pass: it is done, or the pass of a later layer included it."""
        record = self.records.get(name)
        return name in self.forgotten or (record is not None and (not record.waits or self.unread(name)))


class Walk(Plan):
    """The plan of a walk over the tape of a planned run. The attribute `made` holds the signals of the first walk."""

    def __init__(self, backend, of, seeds, to, only):
        def first(noting):
            of.made.backend = noting
            return engine.walk(of.made, seeds, RULES, to, only=only)
        super().__init__(first, Noting(backend))
        self.signals = [(name, self.places(self.made[name]) if self.holds(self.made[name]) else None) for name in self.made]

    def again(self, seeds):
        """Return the signals of a walk from these seeds."""
        for name, seed in seeds.items():
            np.copyto(self.seeds[name], seed)
        view = self.repeat()
        return {name: seeds[name] if places is None else view(places) for name, places in self.signals}
