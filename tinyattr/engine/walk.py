"""The walk goes over the tape in reverse and carries signals by a rule-book. Gradient and relevance methods use it."""

from collections.abc import Callable

import numpy as np

from tinyattr.engine.arrays import read_only
from tinyattr.engine.tape import Tape
from tinyattr.errors import InputError, of_type


def walk(tape, seeds, book, to=("input",), *, only=False):
    """Carry signals from the seeds back to the records named in `to`. Return {name: signal} of each record reached.

    seeds: {record name: array in the shape of the record's output}, usually the row dS/dz at the logits.
    book:  {op or layer name: rule}. If a layer's name and its op both have a rule, the name's rule is used.
    only:  keep only the signals of the records in `to`. All signals together need up to as much memory as the tape.
    A signal has the shape and dtype of its record's output. The walk does not change tape, seeds or weights.
    Raises InputError if the book lacks a rule that the walk needs, or if no signal reaches a record in `to`.
    """
    if not of_type(seeds, dict, "seeds"):
        raise InputError("a walk needs a seed: {record name: row of a Jacobian}")
    to = (to,) if isinstance(to, str) else tuple(of_type(to, (list, tuple, set), "to"))
    signals = {name: _seed(of_type(tape, Tape, "tape")[name], seed) for name, seed in seeds.items()}
    towards, backend = downstream(tape, to), tape.backend
    if planned := backend.again("walk", tape, signals, book, to, only):
        return planned
    for record in reversed(tape):
        if record.name not in signals:
            continue
        g = signals.pop(record.name)
        if not only or record.name in to:
            g = signals[record.name] = backend.computed(g)
        if not towards.isdisjoint(record.inputs):
            for source, m in zip(record.sources, backend.back(_rule(record, book), record, g), strict=True):
                if (name := source.name) in towards:
                    signals[name] = backend.plus(signals[name], m) if name in signals else m
    for name in to:
        if name not in signals:
            raise InputError(f"no signal reaches '{name}': {', '.join(seeds)} does not depend on it")
    return signals


def downstream(tape, to):
    """Return the names of the records in `to` and of all records that depend on them. A walk needs only these."""
    names = {tape[name].name for name in to}
    for record in tape:
        if not names.isdisjoint(record.inputs):
            names.add(record.name)
    return names


def _rule(record, book):
    for key in (record.name, record.op):
        if key in of_type(book, dict, "book"):
            return of_type(book[key], Callable, f"the rule for '{key}'")
    raise InputError(f"no rule for '{record.op}' (layer '{record.name}') in this book; "
                     f"books are dicts: {{**GRADIENT, '{record.op}': rule}}")


def apply(rule, record, g):
    """Let the record's backend compute the rule. Return a tuple with one signal for each input of the record."""
    return tuple(map(record.backend.computed, record.backend.back(rule, record, g)))


def _seed(record, seed):
    seed, outline = np.asarray(seed), record.outline
    if seed.shape != outline.shape:
        raise InputError(f"the seed at '{record.name}' has shape {seed.shape}, its output {outline.shape}")
    return read_only(seed.astype(outline.dtype))
