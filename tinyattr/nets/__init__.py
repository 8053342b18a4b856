"""Networks: a list of layers and a dict of weights. Here are also a network's pictures (InputSpec) and class names."""

from tinyattr.nets.network import Network
from tinyattr.nets.pictures import FAMILIES, InputSpec

__all__ = ["FAMILIES", "InputSpec", "Network"]
