"""`tinyattr bench` measures the engine on this machine, layer by layer, and also PyTorch if it is installed."""

from tinyattr.bench.report import PARTS, Report, bench

__all__ = ["PARTS", "Report", "bench"]
