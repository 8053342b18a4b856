"""The tape: what the forward pass did, as a list of plain records. Data, not closures: print it, walk it back."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from tinyattr.engine.choice import kernels, worth_it
from tinyattr.engine.ops import OPS
from tinyattr.errors import InputError, unknown


@dataclass(frozen=True, eq=False)
class Record:
    """One line of the tape: output = op(*x, *weights, **attributes).

    `inputs` names the records that x came from; a leaf (the picture, a constant) has none.
    prepared: where the fast kernels keep rearranged weights; None if the plain form wrote this record.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    output: np.ndarray
    attributes: dict
    x: tuple[np.ndarray, ...] = ()
    weights: tuple[np.ndarray, ...] = ()
    prepared: dict | None = None

    def __repr__(self):
        read = " ".join(self.inputs) or "-"
        return f"{self.op:<16} {self.name:<24} {read:<44} {self.output.shape} {self.output.dtype}"


def computed(op, name, inputs, x, weights, prepared, attributes):
    """The record of output = op(*x, *weights, **attributes), by a fast kernel if `prepared` is there and it pays."""
    try:
        fast = prepared is not None and worth_it(op, x, weights, attributes)
        forward = partial(kernels().FORWARD[op], prepared) if fast else OPS[op]
        output = forward(*x, *weights, **attributes)
    except (InputError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{op} '{name}': {error}") from None
    return Record(op, name, inputs, output, attributes, x, weights, prepared if fast else None)


def rerun(record, x, weights):
    """The same layer on other inputs and weights: what rule-books ask that take a layer apart."""
    prepared = None if record.prepared is None else {}  # a place of its own: these weights live for one call
    return computed(record.op, record.name, record.inputs, x, weights, prepared, record.attributes)


class Tape:
    """Records in the order they were written, each under its own name: tape["block5_pool"].output."""

    def __init__(self):
        self._records = {}

    def leaf(self, name, value, op="input"):
        """Write a value that no op made: a copy, in float64 unless it is float32. Returns its name."""
        value = np.array(value)
        if value.dtype.kind not in "fiub":
            raise InputError(f"the tape holds real numbers; '{name}' has {value.dtype}")
        return self._append(Record(op, name, (), value if value.dtype == np.float32 else value.astype(np.float64), {}))

    def write(self, op, name, inputs, weights=(), *, prepared=None, **attributes):
        """Apply an op to the outputs of the records named in `inputs` and write it down. Returns its name.

        prepared: a dict that lives as long as the weights, where fast kernels keep them rearranged; None: plain form.
        Raises InputError for an unknown op or input, and for shapes that the op cannot take.
        """
        if op not in OPS:
            raise unknown("op", op, OPS)
        inputs = (inputs,) if isinstance(inputs, str) else tuple(inputs)
        x, weights = tuple(self[i].output for i in inputs), tuple(np.asarray(w) for w in weights)
        return self._append(computed(op, name, inputs, x, weights, prepared, attributes))

    def _append(self, record):
        if record.name in self._records:
            raise InputError(f"the tape already has a record '{record.name}'; every record needs its own name")
        self._records[record.name] = record
        return record.name

    def __getitem__(self, name):
        if name not in self._records:
            raise unknown("layer", name, self._records)
        return self._records[name]

    def __contains__(self, name):
        return name in self._records

    def __iter__(self):
        return iter(self._records.values())

    def __reversed__(self):
        return reversed(self._records.values())

    def __len__(self):
        return len(self._records)

    def __repr__(self):
        return "\n".join(map(repr, self))
