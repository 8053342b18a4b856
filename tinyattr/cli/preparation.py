"""Options that say how photos are preprocessed, if a file does not say it: --family, --size, --channels, --mean, ..."""

from argparse import ArgumentTypeError
from pathlib import Path

import tinyattr as ta
from tinyattr.errors import InputError
from tinyattr.files.fetch import located
from tinyattr.files.formats import open_weights
from tinyattr.files.preprocessing import size_of
from tinyattr.nets.pictures import ORDERS


def pixels(text):
    """Return a text as a number of pixels. The message says where a photo or file belongs that follows --size."""
    if not text.removeprefix("-").isdecimal():
        raise ArgumentTypeError(f"{text!r} is not a number of pixels; give files before --size")
    return int(text)


PREPARATION = {
    "--family": {"help": f"whose preprocessing to use, if the file does not say: {', '.join(ta.FAMILIES)}"},
    "--size": {"type": pixels, "nargs": "+", "metavar": "PIXELS", "help": "side of the square pictures, or height and "
                                                                          "width, if the file does not say"},
    "--channels": {"metavar": "ORDER", "help": f"for your own training: {', '.join(ORDERS)} (grey); default: RGB"},
    "--mean": {"type": float, "nargs": "+", "metavar": "M", "help": "for your own training: what it subtracts from "
                                                                    "each channel's 0..255; default: 0"},
    "--std": {"type": float, "nargs": "+", "metavar": "S", "help": "for your own training: what it divides by then, "
                                                                   "such as 255 for pictures 0..1; default: 1"},
    "--classes": {"nargs": "+", "metavar": "NAME", "help": "names of the classes, or a file with a name in each line"},
}


def said(options):
    """Return what the options say about a weight file, as keywords of `ta.load`. Raises InputError."""
    own, size = (options.channels, options.mean, options.std), options.size
    if size is not None:
        if len(size) > 2:
            raise InputError(f"--size takes one number, or height and width; got {' '.join(map(str, size))}")
        size = size_of((size[0], size[-1]))
    if own == (None, None, None):
        return {"family": options.family, "size": size, "classes": names(options.classes)}
    if options.family is not None:
        raise InputError("--family says channels, means and scales; leave --channels, --mean and --std out")
    size = _fixed_size(getattr(options, "file", None) or options.net) if size is None else size
    order = (options.channels or "RGB").upper()
    channels = 1 if order == "L" else 3
    mean, scale = (tuple(v) * (channels if len(v) == 1 else 1) for v in (options.mean or [0.0], options.std or [1.0]))
    return {"input": ta.InputSpec(size, order, mean, scale), "classes": names(options.classes)}


def _fixed_size(source):
    """Return the size of pictures that a weight file fixes, a number or (H, W). Raises InputError if it fixes none."""
    with open_weights(located(source)) as file:
        known = file.description
    if known.picture is None and known.input is None:
        raise InputError("--channels, --mean and --std need the size of the pictures, which the file does not fix: "
                         "--size PIXELS, or --size HEIGHT WIDTH")
    return size_of(known.picture or known.input.shape)


def names(given):
    """Return the names of classes. A single name is that of a file, whose lines are the names. Raises InputError."""
    if given is None or len(given) > 1:
        return given
    try:
        return [line.strip() for line in Path(given[0]).read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not a text in UTF-8"
        raise InputError(f"{given[0]!r} cannot be read, {why}; --classes takes a file with a name in each line, or all "
                         "names") from None
