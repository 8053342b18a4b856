"""Options that many commands share, and what they name."""

from argparse import ArgumentTypeError
from contextlib import suppress

import tinyattr as ta
from tinyattr.glyphs.scenes import example


def value(text):
    """NAME=VALUE, the value a whole number, a number or a word."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as steps=20")
    for kind in (int, float):
        with suppress(ValueError):
            return name, kind(value)
    return name, value


A_PICTURE = "a JPEG or PNG file; default: a scene of our own, two glyphs"
SHARED = {
    "image": {"nargs": "?", "help": A_PICTURE},
    "--image": {"help": A_PICTURE},
    "file": {"metavar": "IN", "help": "weight file, or glyphs"},
    "out": {"metavar": "OUT", "help": "file to write"},
    "--net": {"default": "glyphs", "help": "weight file, or the name of a fetched network; default: the embedded glyph "
                                           "network"},
    "--family": {"help": f"whose training, for files that do not say: {', '.join(ta.FAMILIES)}"},
    "--target": {"help": "class to explain, number or name; default: the top class"},
    "--layer": {"help": "layer to explain and to attack; default: the last feature maps"},
    "--K": {"type": float, "default": 10.0, "help": "strength of the attack; default: %(default)g"},
    "--option": {"nargs": "+", "default": (), "metavar": "NAME=VALUE", "type": value,
                 "help": "for methods that know it: steps=20, baseline=mean, samples=100, composite=zero, ..."},
    "--pictures": {"type": int, "help": "how many glyph scenes; default: %(default)s"},
    "--seed": {"type": int, "help": "which glyph scenes; default: %(default)s"},
    "--out": {"dest": "figure", "metavar": "FILE", "help": "figure to write; default: %(default)s"},
    "--json": {"metavar": "FILE", "help": "write the numbers there, too"},
}


def shared(names):
    """The options of these names, such as "--net --family --json"."""
    return [((name,), SHARED[name]) for name in names.split()]


def load(options, scene=None):
    """The network that --net and --family name, and its input: the image, else the scene (default: the demo's)."""
    net = ta.load(options.net, family=options.family)
    scene = example().picture if scene is None else scene
    return net, net.read(scene if options.image is None else options.image)
