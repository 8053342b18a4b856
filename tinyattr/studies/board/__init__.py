"""Which map is right? Compare every method and score, in the original and in altered networks, with the truth.

In the glyph world we know for each pixel what a right map must show. `evaluate` measures maps on scenes with one, two
and no glyphs. It returns a Board, the table of results, where each number has an interval.
"""

from tinyattr.studies.board.run import evaluate
from tinyattr.studies.board.summary import Board

__all__ = ["Board", "evaluate"]
