"""The tape: what the forward pass did, as a list of plain records. Data, not closures: print it, walk it back."""

from dataclasses import dataclass, replace
from html import escape

import numpy as np

from tinyattr.engine.arrays import read_only
from tinyattr.engine.backend import NUMPY, NumPy
from tinyattr.engine.ops import check_call
from tinyattr.errors import InputError, of_type, unknown


@dataclass(frozen=True, eq=False)
class Record:
    """One line of the tape: output = op(*x, *weights, **attributes).

    `inputs` names the records that x came from; a leaf (the picture, a constant) has none.
    backend: who computed the output, and who will carry signals back.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    output: np.ndarray
    attributes: dict
    x: tuple[np.ndarray, ...] = ()
    weights: tuple[np.ndarray, ...] = ()
    backend: NumPy = NUMPY

    def __repr__(self):
        read = " ".join(self.inputs) or "-"
        return f"{self.op:<16} {self.name:<24} {read:<44} {self.output.shape} {self.output.dtype}"


def rerun(record, x, weights):
    """The same layer with other inputs and weights, and the output they give. For rules that take a layer apart."""
    try:
        output = record.backend.forward(record.op, x, weights, record.attributes)
    except (InputError, KeyError, TypeError) as error:  # the last two: a network's list of layers was changed by hand
        raise InputError(f"{record.op} '{record.name}': {error}") from (None if type(error) is InputError else error)
    return replace(record, x=x, weights=weights, output=read_only(output))


class Tape:
    """Records in the order they were written, each under its own name: tape["block5_pool"].output.

    network: the network that writes it, or None for a tape that is written by hand.
    """

    def __init__(self, backend=NUMPY, network=None):
        self.backend, self.network = backend, network
        self._records = {}

    def leaf(self, name, value, op="input"):
        """Write a value that no op made: a copy, in float64 unless it is float32. Returns its name."""
        value = np.array(value)
        if value.dtype.kind not in "fiub":
            raise InputError(f"the tape holds real numbers; '{name}' has {value.dtype}")
        value = value if value.dtype == np.float32 else value.astype(np.float64)
        return self._append(Record(op, name, (), read_only(value), {}, backend=self.backend))

    def write(self, op, name, inputs, weights=(), **attributes):
        """Apply an op to the outputs of the records named in `inputs` and write it down. Returns its name.

        Raises InputError for an unknown op, attribute or input, and for shapes that the op cannot take.
        """
        inputs = (inputs,) if isinstance(inputs, str) else tuple(of_type(inputs, (list, tuple), "inputs"))
        weights = tuple(np.asarray(w) for w in of_type(weights, (list, tuple), "weights"))
        check_call(op, name, len(inputs), weights, attributes)
        attributes = {key: v.item() if isinstance(v, np.generic) else v for key, v in attributes.items()}
        return self.write_checked(op, name, inputs, weights, attributes)

    def write_checked(self, op, name, inputs, weights, attributes):
        """What `write` does after its checks: a network checks its layers once, when it is made."""
        x = tuple(self[i].output for i in inputs)
        return self._append(rerun(Record(op, name, inputs, None, attributes, backend=self.backend), x, weights))

    def _append(self, record):
        if of_type(record.name, str, "the name of a record") in self._records:
            raise InputError(f"the tape already has a record '{record.name}'; every record needs its own name")
        self._records[record.name] = record
        return record.name

    def __getitem__(self, name):
        if not isinstance(name, str) or name not in self._records:
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

    def _repr_html_(self):
        """The same, as notebooks show it."""
        return f"<pre>{escape(repr(self))}</pre>"
