"""Options that many commands share, and the networks and pictures that these options name."""

import tinyattr as ta
from tinyattr.cli.command import Gather
from tinyattr.cli.options import pair
from tinyattr.cli.preparation import PREPARATION, said
from tinyattr.files.fetch import fetched
from tinyattr.glyphs.scenes import example

GLYPHS_ONLY = ("note     the embedded network knows 20 drawn glyphs and nothing else; "
               "`tinyattr weights fetch squeezenet` downloads a network for photos (5 MB)")
A_PICTURE = "a JPEG or PNG file; default: a drawn scene of two glyphs"
SHARED = {
    "image": {"nargs": "?", "help": A_PICTURE},
    "--image": {"help": A_PICTURE},
    "file": {"metavar": "IN", "help": "weight file, or `glyphs` for the embedded network"},
    "out": {"metavar": "OUT", "help": "file to write"},
    "--net": {"help": "weight file, or the name of a fetched network; default: a fetched network for a photo, if you "
                      "have one, else the embedded glyph network"},
    **PREPARATION,
    "--target": {"help": "number or name of the class to explain; default: the top class"},
    "--layer": {"help": "layer to explain and to attack; default: the last feature maps"},
    "--K": {"type": float, "default": 10.0, "help": "strength of the attack; default: %(default)g"},
    "--option": {"nargs": "+", "action": Gather, "default": (), "metavar": "NAME=VALUE", "type": pair,
                 "help": "option of a method: steps=20, baseline=mean, samples=100, composite=zero, ..."},
    "--pictures": {"type": int, "help": "number of glyph scenes; default: %(default)s"},
    "--seed": {"type": int, "help": "random seed of the glyph scenes; default: %(default)s"},
    "--out": {"dest": "figure", "metavar": "FILE", "help": "figure to write; default: %(default)s"},
    "--overwrite": {"action": "store_true", "help": "replace a file that exists"},
    "--json": {"metavar": "FILE", "help": "file to write the numbers to"},
}


def shared(names):
    """Return the options of these names, such as "--net --family --json". --family brings all of PREPARATION."""
    names = [name for word in names.split() for name in (PREPARATION if word == "--family" else [word])]
    return [((name,), SHARED[name]) for name in names]


def load(options, scene=None):
    """Return the network that --net and --family name, and its input: the image, or else the scene (or the demo's)."""
    net = network(options, photo=options.image is not None)
    scene = example().picture if scene is None else scene
    return net, net.read(scene if options.image is None else options.image)


def network(options, photo):
    """Return the network that --net and --family name."""
    return ta.load(chosen_net(options, photo), **said(options))


def chosen_net(options, photo):
    """Return what --net names. Without --net, choose a network and put it into the options; for a photo, say which."""
    if options.net is None:
        there = fetched()
        options.net = there[0] if there and photo else "glyphs"
        if photo:
            print(f"note     the fetched network {there[0]} is used; --net names another" if there else GLYPHS_ONLY)
    return options.net
