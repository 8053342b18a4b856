"""A playground: class, score, method, layer, place and strength of the attack, in a window or on a page."""

from tinyattr.studies.playground.ground import QUICK, Choice, Ground
from tinyattr.studies.playground.page import serve
from tinyattr.studies.playground.window import Playground, play

__all__ = ["QUICK", "Choice", "Ground", "Playground", "play", "serve"]
