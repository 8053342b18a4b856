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
    """A Published network. url, bytes and sha256 (or md5, if only this was published) belong to the file to fetch.

    bytes: 0 if the size was not published.
    marks: (array, (start, stop, step) in it, the numbers there or their sha256). digests: {array: its sha256}.
    black: smallest and largest probability for a black picture, and mean of (y_c - 1/1000)^2.
    photos: {stem of a photo of the papers' authors: (class, and its probability if it was printed)}.
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
    """Return (the published network of this architecture with these numbers, {array: whether it is as published}).

    Returns (None, {}) if no published network has the same numbers. read: layer -> (kernel, bias). Arrays have names
    such as "block5_conv4/bias".
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
