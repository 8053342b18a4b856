"""Which map is right? Every method by every score, in the original network and in altered ones, against the truth.

The glyph world knows to the pixel what a right map must show. `evaluate` measures it on scenes with one glyph, with two
and with none; its Board is the answer, each number with its interval.
"""

from tinyattr.studies.board.run import evaluate
from tinyattr.studies.board.summary import Board

__all__ = ["Board", "evaluate"]
