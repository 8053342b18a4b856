"""Pictures to study: glyph scenes, where the truth is known, or the photos in a folder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyattr.errors import InputError, count_of
from tinyattr.files.photo import open_photo
from tinyattr.glyphs.scenes import CLASSES, scene

MOST_SCENES = 10_000  # 1.5 GB


@dataclass(frozen=True)
class Picture:
    """A Picture has a name and pixels (H, W, 3) uint8. A glyph scene also has the class to explain and its mask (H, W).

    target: number or name of a class. A network without a class of this name explains its top class instead.
    """

    name: str
    pixels: np.ndarray
    target: int | str | None = None
    mask: np.ndarray | None = None


def scenes(count, seed=1):
    """Return glyph scenes with two glyphs, as Pictures. The target is the class of the first glyph.

    Raises InputError for more than MOST_SCENES, because all scenes are in memory together.
    """
    found = []
    for k in range(count_of(count, "pictures", most=MOST_SCENES)):
        rng = np.random.default_rng([9_000_000 + seed, k])
        drawn = scene(rng, rng.choice(len(CLASSES), 2, replace=False), difficulty=0.5)
        c = drawn.classes[0]
        found.append(Picture(f"scene {k}, {CLASSES[c]}", drawn.picture, CLASSES[c], drawn.masks[0]))
    return found


def folder(path):
    """Return the JPEG and PNG files of a folder as Pictures, sorted by name. Raises InputError if there is none."""
    return [photo(p) for p in pictures_in(path)]


def photo(path):
    """Return a JPEG or PNG file as a Picture."""
    return Picture(Path(path).name, np.asarray(open_photo(path)))


def pictures_in(path):
    """Return the paths of the JPEG and PNG files in a folder, sorted by name. Raises InputError if there is none."""
    files = sorted(p for p in Path(path).glob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not files:
        raise InputError(f"no JPEG or PNG files in {str(path)!r}")
    return files
