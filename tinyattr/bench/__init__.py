"""`tinyattr bench` measures how fast the engine is on this machine, and also other libraries if they are installed."""

from tinyattr.bench.report import PARTS, Report, bench

__all__ = ["PARTS", "Report", "bench"]
