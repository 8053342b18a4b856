"""Published networks: where their files are, and which numbers identify them in any file.

The same architecture was trained more than once, and each training needs its own preprocessing of photos. So a network
is identified by its numbers, never by its names and shapes. registry.toml holds the facts about each network.
"""

import tomllib
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files

import numpy as np


@dataclass(frozen=True)
class Published:
    """A Published network. url, bytes and sha256 (or only md5) describe the file that `fetch` downloads.

    bytes: size of this file, 0 if it was not published. digests: {name of an array: its sha256}.
    marks: some numbers of some arrays, as (name of the array, (start, stop, step), these numbers or their sha256).
    black: for a black picture, the smallest probability, the largest one, and the mean of (y_c - 1/1000)^2.
    photos: {name of a photo of the papers' authors, without ending: (class, and its probability if it was printed)}.
    """

    name: str
    architecture: str
    family: str
    title: str
    url: str = ""
    file: str = ""
    bytes: int = 0
    sha256: str = ""
    md5: str = ""
    licence: str = ""
    marks: tuple = ()
    digests: dict = field(default_factory=dict)
    black: tuple = ()
    photos: dict = field(default_factory=dict)


TABLES = tomllib.loads((files("tinyattr.files") / "registry.toml").read_text(encoding="utf-8"))
REGISTRY = {name: Published(name, **table) for name, table in TABLES.items()}


def identify(architecture, read):
    """Return the published network with this architecture and these numbers, and {array: whether it is as published}.

    At least one array must be as published, else this returns (None, {}). read: a function, layer -> (kernel, bias).
    Arrays have names such as "block5_conv4/bias".
    """
    for published in REGISTRY.values():
        if published.architecture == architecture and any((compared := _compared(published, read)).values()):
            return published, compared
    return None, {}


def _compared(published, read):
    """Return {array: whether it is as published}, for all arrays whose numbers were published."""
    whole = [(where, (None,), digest) for where, digest in published.digests.items()]
    compared = {}
    for where, place, expected in (*published.marks, *whole):
        layer, what = where.split("/")
        numbers = read(layer)[what == "bias"].ravel()[slice(*place)]
        compared[where] = compared.get(where, True) and _is(numbers, expected)
    return compared


def _is(numbers, expected):
    if isinstance(expected, str):
        return sha256(np.ascontiguousarray(numbers, "<f4")).hexdigest() == expected
    return len(numbers) == len(expected) and np.allclose(numbers, expected, rtol=5e-5, atol=0)  # 5 digits printed
