"""The tape: a list of records, one for each step of the forward pass. You can print it and walk it in reverse."""

from html import escape

import numpy as np

from tinyattr.engine.arrays import plain
from tinyattr.engine.backend import NUMPY
from tinyattr.engine.ops import check_call
from tinyattr.engine.record import Record
from tinyattr.errors import InputError, of_type, unknown


class Tape:
    """A tape holds records in the order of writing, each under its own name: tape["block5_pool"].output.

    network: the network that writes the tape. It is None for a tape that is written by hand.
    """

    def __init__(self, backend=NUMPY, network=None):
        self.backend, self.network = backend, network
        self._records = {}

    def leaf(self, name, value, op="input"):
        """Write a copy of a value that no op computed: float32 stays, other types become float64. Returns the name."""
        value = np.array(value)
        if value.dtype.kind not in "fiub":
            raise InputError(f"the tape holds real numbers; '{name}' has {value.dtype}")
        value = value if value.dtype == np.float32 else value.astype(np.float64)
        return self.append(Record(op, name, (), {"value": value}, backend=self.backend))

    def write(self, op, name, inputs, weights=(), **attributes):
        """Apply an op to the outputs of records; `inputs` holds their names. Write a new record; return its name.

        Raises InputError for an unknown op, attribute or input, and for shapes that the op cannot take.
        """
        inputs = (inputs,) if isinstance(inputs, str) else tuple(of_type(inputs, (list, tuple), "inputs"))
        weights = tuple(np.asarray(w) for w in of_type(weights, (list, tuple), "weights"))
        check_call(op, name, len(inputs), weights, attributes)
        return self.write_checked(op, name, inputs, weights, {key: plain(v) for key, v in attributes.items()})

    def write_checked(self, op, name, inputs, weights, attributes):
        """Do what `write` does, for checked arguments. A network checks its layers once, when it is created."""
        record = Record(op, name, tuple(self[i] for i in inputs), attributes, weights, self.backend)
        of_type(record.outline, (np.ndarray, np.generic), f"the output of '{name}'")
        return self.append(record)

    def append(self, record):
        """Write a finished record. Returns its name."""
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
        """Return the text of repr(), for notebooks."""
        return f"<pre>{escape(repr(self))}</pre>"
