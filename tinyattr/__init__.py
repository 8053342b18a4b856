"""tinyattr: gradient attribution made transparent. A tape, a walk, and every method as row x rule-book x read-out."""

from tinyattr.attack import alter
from tinyattr.engine import GRADIENT, Tape, walk, weight_gradients
from tinyattr.errors import InputError
from tinyattr.methods import METHODS, Heatmap, grad_cam, gradient, hirescam
from tinyattr.nets import FAMILIES, Network, load, network, save, vgg
from tinyattr.scores import SCORES

__version__ = "0.1.0"
__all__ = [
    "FAMILIES", "GRADIENT", "METHODS", "SCORES", "Heatmap", "InputError", "Network", "Tape", "alter", "grad_cam",
    "gradient", "hirescam", "load", "network", "save", "vgg", "walk", "weight_gradients",
]
