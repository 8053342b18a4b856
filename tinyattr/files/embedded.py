"""Files that come with the package."""

from pathlib import Path

from tinyattr.errors import InputError

PACKAGE = Path(__file__).resolve().parents[1]


def embedded(name):
    """Path of a file of weights/: inside an installed package, beside it in a checkout. Raises InputError."""
    for folder in (PACKAGE / "weights", PACKAGE.parent / "weights"):
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"the embedded file {name!r} is missing; install tinyattr again")
