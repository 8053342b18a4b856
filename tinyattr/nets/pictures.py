"""From a photo to the numbers a network was trained on, and back.

A wrong mean, channel order or resize rule gives no error, only worse answers; so they are data, kept with the weights.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from tinyattr.errors import InputError, unknown


@dataclass(frozen=True)
class InputSpec:
    """x = (photo - mean) / scale, per channel, in the given channel order, at size x size pixels (photo values 0..255).

    resize: how a photo gets to that size, a key of RESIZE. mean and scale follow `order`.
    """

    size: int
    order: str = "RGB"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    resize: str = "bilinear-squash"

    def __post_init__(self):
        numbers = (*self.mean, *self.scale)
        if (
            not isinstance(self.size, int) or self.size < 1 or self.order not in ("RGB", "BGR")
            or len(self.mean) != 3 or len(self.scale) != 3 or not np.isfinite(numbers).all() or min(self.scale) <= 0
        ):
            raise InputError(f"needs a size >= 1, order RGB or BGR, 3 means and 3 positive scales; got {self}")
        if self.resize not in RESIZE:
            raise unknown("resize rule", self.resize, RESIZE)

    def encode(self, rgb):
        """(H, W, 3) RGB values 0..255 -> (1, H, W, 3) float32 network input."""
        channels = np.asarray(rgb, np.float64)[..., :: -1 if self.order == "BGR" else 1]
        x = (channels - self.mean) / self.scale
        return x.astype(np.float32)[None]

    def decode(self, x):
        """The picture a network sees: (1, H, W, 3) network input -> (H, W, 3) RGB uint8."""
        channels = np.asarray(x[0], np.float64) * self.scale + self.mean
        return np.clip(np.rint(channels[..., :: -1 if self.order == "BGR" else 1]), 0, 255).astype(np.uint8)


def read_photo(source, spec):
    """A photo (path, PIL image or (H, W, 3) uint8 array) -> (1, size, size, 3) float32, preprocessed as `spec` says.

    A photo's orientation tag is obeyed; transparency is dropped. Raises InputError for what is not an 8-bit picture.
    """
    return spec.encode(RESIZE[spec.resize](open_photo(source), spec.size))


def open_photo(source):
    """A path, PIL image or uint8 array as an upright RGB PIL image."""
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3 or source.size == 0:
            raise InputError(f"a picture array must be (H, W, 3) uint8; got {source.shape} {source.dtype}")
        return Image.fromarray(source)
    if isinstance(source, Image.Image):
        return _rgb(source, "the picture")
    path = Path(source)
    if not path.is_file():
        raise InputError(f"no picture at {str(source)!r}; give the path of a JPEG or PNG file")
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:  # of palettes, and of large pictures
            return _rgb(image, str(path))
    except InputError:
        raise
    except UnidentifiedImageError:
        raise InputError(f"{str(path)!r} is not a picture that can be read; give a JPEG or PNG file") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{str(path)!r} is a damaged or too large picture: {error}") from None


def _rgb(image, name):
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        raise InputError(f"{name!r} has {image.mode} pixels (more than 8 bits); save it as an 8-bit JPEG or PNG")
    return ImageOps.exif_transpose(image).convert("RGB")


def keras_nearest(image, size):
    """Keras' load_img: squash to size x size, each pixel the nearest one."""
    return image.resize((size, size), Image.Resampling.NEAREST)


def bilinear_squash(image, size):
    """Squash to size x size, bilinear, averaging when it shrinks."""
    return image.resize((size, size), Image.Resampling.BILINEAR)


def center_crop_256(image, size):
    """torchvision's evaluation transform: shorter side to 256/224 of size, bilinear; then the centre."""
    short = round(size * 256 / 224)
    width, height = image.size
    if width <= height:
        width, height = short, int(short * height / width)
    else:
        width, height = int(short * width / height), short
    left, top = round((width - size) / 2), round((height - size) / 2)
    return image.resize((width, height), Image.Resampling.BILINEAR).crop((left, top, left + size, top + size))


RESIZE = {"keras-nearest": keras_nearest, "bilinear-squash": bilinear_squash, "center-crop-256": center_crop_256}

FAMILIES = {
    # The same architecture trained by different people wants differently preprocessed photos.
    "oxford": InputSpec(224, "BGR", (103.939, 116.779, 123.68), (1.0, 1.0, 1.0), "keras-nearest"),
    "torchvision": InputSpec(224, "RGB", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "center-crop-256"),
    "squeezenet-caffe": InputSpec(227, "BGR", (104.0, 117.0, 123.0), (1.0, 1.0, 1.0), "bilinear-squash"),
    "tinyattr": InputSpec(224, "RGB", (127.0, 127.0, 127.0), (64.0, 64.0, 64.0), "bilinear-squash"),
}
