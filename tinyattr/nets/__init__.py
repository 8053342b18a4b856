"""Networks: a network is a list of layers and a dict of weights; and what its pictures and classes are."""

from tinyattr.nets.network import Network
from tinyattr.nets.pictures import FAMILIES, InputSpec

__all__ = ["FAMILIES", "InputSpec", "Network"]
