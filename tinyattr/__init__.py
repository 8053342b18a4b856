"""tinyattr: gradient attribution made transparent. A tape, a walk, and every method as row x rule-book x read-out."""

from tinyattr import methods
from tinyattr.attack import alter
from tinyattr.engine import GRADIENT, Tape, walk, weight_gradients
from tinyattr.errors import InputError
from tinyattr.methods import *  # noqa: F403 (every method by its own name)
from tinyattr.nets import FAMILIES, Network, load, network, save, vgg
from tinyattr.scores import SCORES

__version__ = "0.1.0"
__all__ = [
    "FAMILIES", "GRADIENT", "SCORES", "InputError", "Network", "Tape", "alter", "load", "network", "save", "vgg",
    "walk", "weight_gradients", *methods.__all__,
]
