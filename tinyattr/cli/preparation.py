"""`--family --size --channels --mean --std --classes`: what a weight file may leave open."""

from pathlib import Path

import tinyattr as ta
from tinyattr.errors import InputError
from tinyattr.nets.pictures import ORDERS

PREPARATION = {
    "--family": {"help": f"whose training, for files that do not say: {', '.join(ta.FAMILIES)}"},
    "--size": {"type": int, "metavar": "PIXELS", "help": "side of the square pictures, where the file leaves it open"},
    "--channels": {"metavar": "ORDER", "help": f"of a training of your own, {', '.join(ORDERS)} (grey); default: RGB"},
    "--mean": {"type": float, "nargs": "+", "metavar": "M", "help": "what it subtracts from each channel's 0..255; "
                                                                    "default: 0"},
    "--std": {"type": float, "nargs": "+", "metavar": "S", "help": "what it divides that by, 255 for pictures 0..1; "
                                                                   "default: 1"},
    "--classes": {"nargs": "+", "metavar": "NAME", "help": "names of the classes, or a file with one in each line"},
}


def said(options):
    """What the options say about a weight file, as `ta.load` takes it. Raises InputError."""
    own, size = (options.channels, options.mean, options.std), options.size
    if own == (None, None, None):
        return {"family": options.family, "size": size, "classes": names(options.classes)}
    if options.family is not None:
        raise InputError("--family says channels, means and scales; leave --channels, --mean and --std out")
    if size is None:
        raise InputError("--channels, --mean and --std need the size of the pictures, --size PIXELS")
    order = (options.channels or "RGB").upper()
    channels = 1 if order == "L" else 3
    mean, scale = (tuple(v) * (channels if len(v) == 1 else 1) for v in (options.mean or [0.0], options.std or [1.0]))
    return {"input": ta.InputSpec(size, order, mean, scale), "classes": names(options.classes)}


def names(given):
    """Names of classes, or the lines of the one file that is given. Raises InputError."""
    if given is None or len(given) > 1:
        return given
    try:
        return [line.strip() for line in Path(given[0]).read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise InputError(f"{given[0]!r} cannot be read, {why}; --classes takes a file with a name in each line, or all "
                         "names") from None
