"""Networks: lists of layer names, and the files that hold their weights."""

from tinyattr.nets.loading import FAMILIES, load, save
from tinyattr.nets.network import Network, network
from tinyattr.nets.vgg import vgg

__all__ = ["FAMILIES", "Network", "load", "network", "save", "vgg"]
