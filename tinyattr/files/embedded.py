"""Files that come with the package."""

from pathlib import Path

from tinyattr.errors import InputError

PACKAGE = Path(__file__).resolve().parents[1]


def embedded(name):
    """Path of what comes with the package, such as "weights/glyphs.h5" or the folder "lessons". Raises InputError.

    It lies inside an installed package, beside it in a checkout.
    """
    for place in (PACKAGE, PACKAGE.parent):
        if (place / name).exists():
            return place / name
    raise InputError(f"{name!r}, which comes with the package, is missing; install tinyattr again")
