"""Every attribution method: method = score row x rule-book x read-out."""

from tinyattr.methods.cam import grad_cam, hirescam
from tinyattr.methods.gradient import gradient
from tinyattr.methods.heatmap import Heatmap

METHODS = {"gradient": gradient, "grad_cam": grad_cam, "hirescam": hirescam}

__all__ = ["METHODS", "Heatmap", "grad_cam", "gradient", "hirescam"]
