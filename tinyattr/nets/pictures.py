"""From a photo to the numbers a network was trained on, and back.

A wrong mean, channel order or resize rule gives no error, only worse answers; so they are data, kept with the weights.
"""

import os
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from tinyattr.errors import InputError, named

GREY = np.array([0.299, 0.587, 0.114])  # lightness of red, green, blue by ITU-R BT.601
ORDERS = {"RGB": slice(None), "BGR": slice(None, None, -1), "L": None}  # how channels follow; L is one channel of grey


@dataclass(frozen=True)
class InputSpec:
    """x = (photo - mean) / scale, per channel, in the given channel order, at `size` pixels (photo values 0..255).

    size: one number for a square, or (H, W). order: a key of ORDERS. mean and scale have one number for each channel,
    in this order. resize: how a photo gets to that size, a key of RESIZE.
    """

    size: int | tuple[int, int]
    order: str = "RGB"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    scale: tuple[float, ...] = (1.0, 1.0, 1.0)
    resize: str = "bilinear-squash"

    def __post_init__(self):
        channels = 1 if self.order == "L" else 3
        numbers, lengths = (*self.mean, *self.scale), np.atleast_1d(self.size)
        if (
            lengths.dtype.kind != "i" or lengths.size > 2 or lengths.min() < 1 or self.order not in ORDERS
            or {len(self.mean), len(self.scale)} != {channels} or not np.isfinite(numbers).all() or min(self.scale) <= 0
        ):
            raise InputError("needs a size >= 1 or (H, W), order RGB, BGR or L, and for each channel a mean and a "
                             f"positive scale; got {self}")
        named("resize rule", self.resize, RESIZE)

    @property
    def shape(self):
        """(H, W, C) of a picture as the network wants it."""
        return *np.broadcast_to(self.size, 2).tolist(), len(self.mean)

    @property
    def limits(self):
        """(x of black, x of white), each (C,): no photo gives numbers below or above."""
        return tuple(self.encode(np.full((1, 1, 3), v))[0, 0, 0] for v in (0.0, 255.0))

    def encode(self, rgb):
        """(H, W, 3) RGB values 0..255 -> (1, H, W, C) float32 network input."""
        rgb = np.asarray(rgb, np.float64)
        channels = rgb @ GREY[:, None] if self.order == "L" else rgb[..., ORDERS[self.order]]
        return ((channels - self.mean) / self.scale).astype(np.float32)[None]

    def decode(self, x):
        """The picture a network sees: (1, H, W, C) network input -> (H, W, 3) RGB uint8."""
        channels = np.asarray(x[0], np.float64) * self.scale + self.mean
        rgb = np.repeat(channels, 3, -1) if self.order == "L" else channels[..., ORDERS[self.order]]
        return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)

    def expect_preprocessed(self, x, what="the picture"):
        """Raise InputError if x (..., C) holds whole numbers, and warn if its floats cannot have come from a photo.

        They cannot if they lie far outside what photos give, or if they fill just 0..1 where photos fill more.
        """
        if x.dtype.kind in "iu":
            raise InputError(f"{what} holds whole numbers ({x.dtype}); expected floats, preprocessed as the network "
                             "wants them: net.read(picture) makes them")
        (black, white), least, most = self.limits, x.min(), x.max()
        low, high = black.min(), white.max()
        room = (high - low) / 8  # noise and small steps may lead outside
        unscaled = least >= 0 and 0.5 < most - least <= most <= 1 and high - low > 3
        if least < low - room or most > high + room or unscaled:
            warnings.warn(f"{what} has values from {least:.3g} to {most:.3g}, but photos as this network wants them "
                          f"have {low:.3g} to {high:.3g}: net.read(picture) makes them", stacklevel=5)


def read_photo(source, spec):
    """A photo -> (1, H, W, C) float32, preprocessed as `spec` says.

    source: a path, an open binary file, its bytes, a PIL image, or an array (H, W), (H, W, 3) or (H, W, 4) uint8.
    A photo's orientation tag is obeyed. What is transparent becomes white, and a warning says so where that is more
    than half of the picture. Raises InputError for what is no picture of 8 or 16 bits.
    """
    image = open_photo(source)
    if spec.order == "L":
        image = image.convert("L").convert("RGB")
    return spec.encode(RESIZE[spec.resize](image, spec.shape[:2]))


def open_photo(source):
    """A photo as an upright RGB PIL image; source and errors as for `read_photo`."""
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.shape[2:] not in ((), (3,), (4,)) or source.ndim < 2 or not source.size:
            raise InputError("a picture array must be (H, W), (H, W, 3) or (H, W, 4) uint8 with values 0..255; "
                             f"got {source.shape} {source.dtype}")
        return _rgb(Image.fromarray(source), "the array")
    if isinstance(source, Image.Image):
        return _rgb(source, "the picture")
    if isinstance(source, bytes | bytearray):
        source = BytesIO(source)
    if hasattr(source, "read"):
        name = str(getattr(source, "name", "the file"))
    elif isinstance(source, str | os.PathLike):
        name = str(source)
        if not Path(source).is_file():
            raise InputError(f"no picture at {name!r}; give the path of a JPEG or PNG file")
    else:
        raise InputError(f"a picture is a path, an open file, bytes, a PIL image or a uint8 array; got {source!r:.60}")
    with _said_in_one_line(name), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of palettes, and of large pictures
        with Image.open(source) as image:
            image.load()
    return _rgb(image, name)


@contextmanager
def _said_in_one_line(name):
    try:
        yield
    except UnidentifiedImageError:
        raise InputError(f"{name!r} is not a picture that can be read; give a JPEG or PNG file") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{name!r} is a damaged or too large picture: {error}") from None


def _rgb(image, name):
    """Upright, 8 bits, on white."""
    if image.mode.startswith("I;16"):  # as colours of 16 bits are read: their upper 8 bits
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise InputError(f"{name!r} has {image.mode} pixels (more than 16 bits); save it as an 8-bit JPEG or PNG")
    image = ImageOps.exif_transpose(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    if np.asarray(image.getchannel("A")).mean() < 127.5:
        warnings.warn(f"{name!r} is transparent for more than half of it; what is transparent is taken as white",
                      stacklevel=4)
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def keras_nearest(image, size):
    """Keras' load_img: squash to `size` (H, W), each pixel the nearest one."""
    return image.resize(size[::-1], Image.Resampling.NEAREST)


def bilinear_squash(image, size):
    """Squash to `size` (H, W), bilinear, averaging when it shrinks."""
    return image.resize(size[::-1], Image.Resampling.BILINEAR)


def center_crop_256(image, size):
    """torchvision's evaluation transform: shorter side to 256/224 of the size's, bilinear; then the centre.

    Only the part that stays is made: the whole of a long strip would not fit into memory.
    """
    (H, W), short = size, round(min(size) * 256 / 224)
    width, height = image.size
    resized = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    left, top = round((resized[0] - W) / 2), round((resized[1] - H) / 2)
    across, down = width / resized[0], height / resized[1]
    box = (left * across, top * down, min((left + W) * across, width), min((top + H) * down, height))
    return image.resize((W, H), Image.Resampling.BILINEAR, box)


RESIZE = {"keras-nearest": keras_nearest, "bilinear-squash": bilinear_squash, "center-crop-256": center_crop_256}

FAMILIES = {
    # The same architecture trained by different people wants differently preprocessed photos.
    "oxford": InputSpec(224, "BGR", (103.939, 116.779, 123.68), (1.0, 1.0, 1.0), "keras-nearest"),
    "torchvision": InputSpec(224, "RGB", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "center-crop-256"),
    "squeezenet-caffe": InputSpec(227, "BGR", (104.0, 117.0, 123.0), (1.0, 1.0, 1.0), "bilinear-squash"),
    "tinyattr": InputSpec(224, "RGB", (127.0, 127.0, 127.0), (64.0, 64.0, 64.0), "bilinear-squash"),
}
