"""A record is one line of the tape. It says which op reads which records, so it can compute the op's output."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tinyattr.engine.arrays import read_only
from tinyattr.engine.backend import NUMPY, NumPy
from tinyattr.errors import InputError


@dataclass(frozen=True, eq=False)
class Record:
    """One line of the tape: output = op(*x, *weights, **attributes).

    sources: the records whose outputs are x. A leaf (picture, constant) has none; its output is attributes["value"].
    backend: the object that computes the output and carries signals back. It may wait, and compute the output only when
    somebody reads it. Example: a ReLU reads a convolution. The convolution waits until the ReLU is computed. One pass
    then computes both, and writes only the ReLU's output. The convolution's output is computed if you read it.
    """

    op: str
    name: str
    sources: tuple["Record", ...]
    attributes: dict
    weights: tuple[np.ndarray, ...] = ()
    backend: NumPy = NUMPY

    @property
    def inputs(self):
        """The names of the sources."""
        return tuple(source.name for source in self.sources)

    @property
    def x(self):
        """The outputs of the sources, which the op reads: a tuple of arrays."""
        return tuple(source.output for source in self.sources)

    @cached_property
    def output(self):
        """The op's output, read-only. Raises InputError for shapes that the op cannot take."""
        try:
            return read_only(self.backend.forward(self) if self.sources else self.attributes["value"])
        except (InputError, KeyError, TypeError) as error:  # KeyError, TypeError: net.layers was changed by hand
            raise InputError(f"{self.op} '{self.name}': {error}") from (None if type(error) is InputError else error)

    @cached_property
    def outline(self):
        """An array with the output's shape and dtype. If the output is not computed yet, its numbers mean nothing."""
        outline = self.backend.put_off(self)
        return self.output if outline is None else outline

    @property
    def waits(self):
        """True as long as the output is put off."""
        return "output" not in self.__dict__

    def __repr__(self):
        read = " ".join(self.inputs) or "-"
        return f"{self.op:<16} {self.name:<24} {read:<44} {self.outline.shape} {self.outline.dtype}"


def rerun(record, x, weights):
    """Return the same layer with other inputs and weights. Rules use it to compute a part of a layer separately."""
    leaves = (Record("input", name, (), {"value": value}) for name, value in zip(record.inputs, x, strict=True))
    return replace(record, sources=tuple(leaves), weights=weights)
