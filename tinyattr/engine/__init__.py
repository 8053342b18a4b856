"""The engine: a forward pass writes a tape, and a walk carries signals back over the tape by a rule-book."""

from tinyattr.engine.activations import ACTIVATIONS, ELEMENTWISE
from tinyattr.engine.backend import NUMPY
from tinyattr.engine.ops import LINEAR, MAXIMA, MEANS, MOVES, OPS
from tinyattr.engine.record import Record, rerun
from tinyattr.engine.rules import GRADIENT
from tinyattr.engine.tape import Tape
from tinyattr.engine.walk import apply, walk
from tinyattr.engine.weight_gradients import WEIGHT_GRADIENT, weight_gradients

__all__ = ["ACTIVATIONS", "ELEMENTWISE", "GRADIENT", "LINEAR", "MAXIMA", "MEANS", "MOVES", "NUMPY", "OPS",
           "WEIGHT_GRADIENT", "Record", "Tape", "apply", "rerun", "walk", "weight_gradients"]
