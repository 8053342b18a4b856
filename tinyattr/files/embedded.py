"""Files that come with the package."""

from pathlib import Path

from tinyattr.errors import InputError

PACKAGE = Path(__file__).resolve().parents[1]


def embedded(name):
    """Return the path of a file or folder that comes with the package, such as "weights/glyphs.h5" or "lessons".

    It is inside the folder of an installed package; in a clone of the repository, it is next to the package's folder.
    """
    for place in (PACKAGE, PACKAGE.parent):
        if (place / name).exists():
            return place / name
    raise InputError(f"{name!r}, which comes with the package, is missing; install tinyattr again")
