"""`tinyattr bench`: what the engine takes on this machine, layer by layer, beside PyTorch where that is installed."""

from tinyattr.bench.report import PARTS, Report, bench

__all__ = ["PARTS", "Report", "bench"]
