"""The glyph world. We draw the pictures ourselves, so we know for every pixel whether a right heatmap must mark it.

A picture has one of twenty symbols of matplotlib's font DejaVu Sans (or two of them, or none), with random place, size,
rotation and colour. The background is a ramp, blobs, stripes or noise, with random lines. Only the shape shows the
class, because colour and background do not depend on it.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tinyattr.errors import InputError
from tinyattr.nets.pictures import FAMILIES, GREY

SIZE = 224
INPUT = FAMILIES["tinyattr"]
GLYPHS = {
    "umbrella": "\u2602", "aeroplane": "\u2708", "telephone": "\u260e", "anchor": "\u2693", "snowman": "\u2603",
    "scissors": "\u2702", "skull": "\u2620", "knight": "\u265e", "sun": "\u263c", "cup": "\u2615",
    "club": "\u2663", "star": "\u2605", "snowflake": "\u2744", "heart": "\u2665", "scales": "\u2696",
    "gear": "\u2699", "yin yang": "\u262f", "notes": "\u266b", "flower": "\u273f", "mouse": "\U0001f42d",
}
CLASSES = tuple(GLYPHS)
WATERMARK = "\u00a9 tiny"
HARDEST = 0.6  # the largest difficulty in training; scenes above it have smaller glyphs and stronger backgrounds


@dataclass(frozen=True, eq=False)
class Scene:
    """A Scene has a picture (SIZE, SIZE, 3) uint8, the k classes in it, and their masks (k, SIZE, SIZE) bool."""

    picture: np.ndarray
    classes: tuple[int, ...]
    masks: np.ndarray


def scene(rng, classes=None, *, difficulty=1.0, watermark=False):
    """Draw a scene. The same state of the generator `rng` gives the same picture.

    classes: indices of the glyphs to draw, one or two (next to each other), or () for none; by default a random one.
    difficulty, 0 to 1: if it grows, the background has more contrast and lines, and glyphs are more rotated. A single
    glyph is also smaller; each of two glyphs always has about the same size.
    watermark: write a small text into the lower right corner. A network can use it to cheat.
    """
    if not 0 <= difficulty <= 1:
        raise InputError(f"a difficulty must be a number from 0 to 1; got {difficulty}")
    classes = (int(rng.integers(len(CLASSES))),) if classes is None else tuple(int(c) for c in classes)
    if len(classes) > 2 or not {*classes} <= {*range(len(CLASSES))}:
        raise InputError(f"a scene can have up to two classes from 0 to {len(CLASSES) - 1}; got {classes}")
    image = _background(rng, difficulty)
    image = _lines(image, rng, round(8 * difficulty * rng.random()))
    masks = []
    for place, c in enumerate(classes):
        image, mask = _glyph(image, rng, c, difficulty, (place, len(classes)))
        masks.append(mask)
    if watermark:
        image = _watermark(image)
    noisy = np.asarray(image, np.float32) + rng.standard_normal((SIZE, SIZE, 1), np.float32) * (2 + 6 * difficulty)
    return Scene(np.clip(noisy, 0, 255).astype(np.uint8), classes, np.array(masks, bool).reshape(-1, SIZE, SIZE))


def example():
    """Return the scene that `tinyattr demo` explains: notes and a heart."""
    return scene(np.random.default_rng(129), (CLASSES.index("notes"), CLASSES.index("heart")), difficulty=0.5)


def _background(rng, difficulty):
    """Draw a ramp, blobs, stripes or noise in two colours, or (mostly at low difficulty) one colour everywhere."""
    low, high = rng.uniform(40, 215, (2, 3))
    high = low + (high - low) * (0.15 + 0.85 * difficulty)
    kind = rng.integers(4) if rng.random() > 0.8 * (1 - difficulty) else None
    if kind is None:
        t = np.zeros((SIZE, SIZE))
    elif kind == 0:  # a ramp
        i, j = np.mgrid[:SIZE, :SIZE] / SIZE - 0.5
        angle = rng.uniform(0, 2 * np.pi)
        t = 0.5 + i * np.cos(angle) + j * np.sin(angle)
    elif kind == 1:  # blobs: noise at 5 x 5, enlarged
        t = _enlarged(rng.random((5, 5)))
    elif kind == 2:  # stripes
        i, j = np.mgrid[:SIZE, :SIZE] / SIZE
        angle, waves = rng.uniform(0, np.pi), rng.uniform(3, 14)
        t = 0.5 + 0.5 * np.sin(2 * np.pi * waves * (i * np.cos(angle) + j * np.sin(angle)))
    else:  # noise at 28 x 28, enlarged
        t = _enlarged(rng.random((28, 28)))
    rgb = low + (high - low) * np.clip(t, 0, 1)[..., None]
    return Image.fromarray(rgb.astype(np.uint8))


def _enlarged(t):
    image = Image.fromarray(t.astype(np.float32)).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return np.asarray(image, np.float64)


def _lines(image, rng, count):
    draw = ImageDraw.Draw(image)
    for _ in range(count):
        ends = [tuple(int(v) for v in rng.integers(0, SIZE, 2)) for _ in range(2)]
        draw.line(ends, fill=tuple(int(v) for v in rng.integers(0, 256, 3)), width=int(rng.integers(1, 5)))
    return image


def _glyph(image, rng, c, difficulty, place):
    """Return the image with glyph c, and its mask. place: (index, number of glyphs).

    Each of two glyphs gets one half of the image.
    """
    which, count = place
    smallest = 150 - 80 * difficulty
    height = int(rng.uniform(smallest, 170)) if count == 1 else int(rng.uniform(70, 100))
    shape = _shape(CLASSES[c], height).rotate(
        rng.uniform(-30, 30) * difficulty, Image.Resampling.BILINEAR, expand=True)
    shape.thumbnail((SIZE // count - 4, SIZE - 4))
    width = SIZE // count
    left = which * width + int(rng.integers(0, width - shape.width + 1))
    top = int(rng.integers(0, SIZE - shape.height + 1))
    behind = np.asarray(image.crop((left, top, left + shape.width, top + shape.height)), np.float64).mean((0, 1))
    colour = _far_from(behind, rng)
    image.paste(Image.new("RGB", shape.size, colour), (left, top), shape)
    mask = np.zeros((SIZE, SIZE), bool)
    mask[top:top + shape.height, left:left + shape.width] = np.asarray(shape) > 127
    return image, mask


@cache
def _font(height):
    import matplotlib  # for its font; imported only here, because it takes long

    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", height)


@cache
def _shape(name, height):
    """Return a glyph in white on black, without a border; its longer side has `height` pixels."""
    font = _font(SIZE)
    left, top, right, bottom = font.getbbox(GLYPHS[name])
    image = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(image).text((-left, -top), GLYPHS[name], fill=255, font=font)
    factor = height / max(image.size)
    return image.resize((max(round(image.width * factor), 1), max(round(image.height * factor), 1)),
                        Image.Resampling.BILINEAR)


def _far_from(colour, rng):
    """Return a random colour whose lightness differs from `colour` by at least 70, so that the glyph is visible."""
    while True:
        drawn = rng.integers(0, 256, 3)
        if abs((drawn - colour) @ GREY) >= 70:
            return tuple(int(v) for v in drawn)


def _watermark(image):
    ImageDraw.Draw(image).text((SIZE - 8, SIZE - 6), WATERMARK, fill=(255, 255, 255), font=_font(18), anchor="rs",
                               stroke_width=1, stroke_fill=(0, 0, 0))
    return image
