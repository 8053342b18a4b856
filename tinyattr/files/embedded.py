"""Files that come with the package."""

from pathlib import Path

from tinyattr.errors import InputError

PACKAGE = Path(__file__).resolve().parents[1]


def embedded(name):
    """Return the path of a file or folder that comes with the package, such as "weights/glyphs.h5" or "lessons".

    After an installation it is inside the package's folder; in a clone it is next to it. Raises InputError.
    """
    for place in (PACKAGE, PACKAGE.parent):
        if (place / name).exists():
            return place / name
    raise InputError(f"{name!r}, which comes with the package, is missing; install tinyattr again")
