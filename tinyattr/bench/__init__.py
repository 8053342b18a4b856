"""`tinyattr bench`: what the engine takes on this machine, layer by layer, and PyTorch beside it where it is installed."""

from tinyattr.bench.report import PARTS, Report, bench

__all__ = ["PARTS", "Report", "bench"]
