"""How a command is made: a function, the options that it takes, an example of its use. And options that many share.

    @command("pointing", "--pictures 200 --two", PICTURES, option("--two", action="store_true", help="two glyphs"))
    def run_pointing(options):
        \"""What the command does, as its --help says it.\"""
"""

from argparse import ArgumentTypeError
from contextlib import suppress

import tinyattr as ta
from tinyattr.glyphs.scenes import example

COMMANDS = {}  # name, with its group before it where it has one: (function, example, options, other defaults)


def option(*names, **settings):
    """One option or argument of a command; names and settings as argparse takes them."""
    return names, settings


def several(name, metavar, known, default):
    """An option that takes one or more of the names that are known."""
    default = tuple(default)
    return option(name, nargs="+", default=default, metavar=metavar, help=f"of {', '.join(known)}; default: "
                  f"{'all' if default == tuple(known) else ', '.join(default)}")


def figure(what, **settings):
    """The option --out of commands that draw."""
    return option("--out", dest="figure", metavar="FILE", help=what, **settings)


def command(name, example, *options, **defaults):
    """Make the function below a command. example: what to write behind its name. defaults: of these options.

    The first line of the function's docstring says what the command does.
    """
    def made(run):
        COMMANDS[name] = run, f"tinyattr {name} {example}".rstrip(), options, defaults
        return run
    return made


def value(text):
    """NAME=VALUE, the value a whole number, a number or a word."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as steps=20")
    for kind in (int, float):
        with suppress(ValueError):
            return name, kind(value)
    return name, value


IMAGE = option("image", nargs="?", help="a JPEG or PNG file; default: a scene of our own, two glyphs")
NAMED_IMAGE = option("--image", help="a JPEG or PNG file; default: a scene of our own, two glyphs")
FILE = option("file", metavar="IN", help="weight file, or glyphs")
NET = option("--net", default="glyphs", help="weight file, or the name of a fetched network; default: the embedded "
             "glyph network")
FAMILY = option("--family", help=f"whose training, for files that do not say: {', '.join(ta.FAMILIES)}")
TARGET = option("--target", help="class to explain, number or name; default: the top class")
LAYER = option("--layer", help="layer to explain and to attack; default: the last feature maps")
K = option("--K", type=float, default=10.0, help="strength of the attack; default: %(default)g")
PICTURES = option("--pictures", type=int, help="how many glyph scenes; default: %(default)s")
SEED = option("--seed", type=int, help="which glyph scenes; default: %(default)s")
FIGURE = figure("figure to write; default: %(default)s")
OUT = option("out", metavar="OUT", help="file to write")
OPTION = option("--option", nargs="+", default=(), metavar="NAME=VALUE", type=value,
                help="for methods that know it: steps=20, baseline=mean, samples=100, composite=zero, ...")
JSON = option("--json", metavar="FILE", help="write the numbers there, too")


def load(options, scene=None):
    """The network that --net and --family name, and its input: the image, else the scene (default: the demo's)."""
    net = ta.load(options.net, family=options.family)
    scene = example().picture if scene is None else scene
    return net, net.read(scene if options.image is None else options.image)
