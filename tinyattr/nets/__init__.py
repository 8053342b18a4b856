"""Networks: a network is a list of layers and a dict of weights. Its pictures and classes are described here too."""

from tinyattr.nets.network import Network
from tinyattr.nets.pictures import FAMILIES, InputSpec

__all__ = ["FAMILIES", "InputSpec", "Network"]
