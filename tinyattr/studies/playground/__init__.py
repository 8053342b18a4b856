"""A playground in a window or on a web page, with controls for class, score, method, layer and attack."""

from tinyattr.studies.playground.ground import QUICK, Choice, Ground
from tinyattr.studies.playground.page import serve
from tinyattr.studies.playground.window import Playground, play

__all__ = ["QUICK", "Choice", "Ground", "Playground", "play", "serve"]
