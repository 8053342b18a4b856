"""tinyattr draws heatmaps for image classifiers, and shows in few lines how each is computed.

Every method is called in the same way: `heat = ta.grad_cam(net, x, target, score, layer)`.
net: a network, such as `ta.load("glyphs")`. x: a picture, `net.read("photo.jpg")`, (1, H, W, C).
target: the class to explain, by name or number; by default the class with the largest output.
score: the number that the heatmap explains, a key of `ta.SCORES`, such as "log_odds". You must give one.
layer: the layer at which the heatmap is computed. If you leave it out, the methods in `ta.methods.AT_A_LAYER` take the
last feature maps, and the other methods explain the picture itself. Some of these raise InputError for a layer.
`heat.save("heat.png")` draws it. `ta.METHODS` lists all methods. `help(ta.lrp)` explains the method lrp.
"""

from importlib import import_module

import tinyattr.cli.interrupt  # noqa: F401 (it handles Ctrl-C, so it comes before the slow imports)
from tinyattr import methods
from tinyattr.attack import alter
from tinyattr.engine import GRADIENT, Tape, walk, weight_gradients
from tinyattr.engine.backend import PREFERRED
from tinyattr.errors import InputError
from tinyattr.files.load import load, save
from tinyattr.files.vgg import vgg
from tinyattr.kernels import KERNELS
from tinyattr.methods import *  # noqa: F403 (every method by its own name)
from tinyattr.nets import FAMILIES, InputSpec, Network
from tinyattr.scores import SCORES

__version__ = "0.2.0"
__all__ = [
    "FAMILIES", "GRADIENT", "SCORES", "InputError", "InputSpec", "Network", "Tape", "alter", "load", "network", "save",
    "vgg", "walk", "weight_gradients", *methods.__all__,
]

PREFERRED[0] = KERNELS
network = Network  # ta.network(layers, weights) makes one


def __getattr__(name):
    """Import `check` or `strategies` only when they are used, because `strategies` needs the package hypothesis."""
    if name in ("check", "strategies"):
        return import_module(f"tinyattr.testing.{name}")
    raise AttributeError(f"module 'tinyattr' has no attribute {name!r}")
