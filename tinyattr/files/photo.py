"""Read a photo from a file, an array or an image: turn it upright, make it 8 bits, and resize it for a network."""

import os
import warnings
from contextlib import contextmanager
from io import BytesIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from tinyattr.errors import InputError


def read_photo(source, spec):
    """Read a photo as a network's input, (1, H, W, C) float32. spec: the InputSpec that says how to preprocess it.

    source: a path, an open binary file, its bytes, a PIL image, or an array (H, W), (H, W, 3) or (H, W, 4) uint8.
    We turn the photo as its orientation tag says. Transparent parts become white, with a warning if they are more than
    half of the picture. Raises InputError unless the source is a picture of 8 or 16 bits.
    """
    image = open_photo(source)
    if spec.order == "L":
        image = image.convert("L").convert("RGB")
    return spec.encode(RESIZE[spec.resize](image, spec.shape[:2]))


def open_photo(source):
    """Return a photo as an upright RGB PIL image; for source and errors see `read_photo`."""
    if isinstance(source, np.ndarray):
        fits = source.dtype == np.uint8 and source.ndim > 1 and source.shape[2:] in ((), (3,), (4,)) and source.size
        if not fits or np.ma.is_masked(source):
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
        if not os.path.isfile(source):
            raise InputError(f"no picture at {name!r}; give the path of a JPEG or PNG file")
    else:
        raise InputError(f"a picture is a path, an open file, bytes, a PIL image or a uint8 array; got {source!r:.60}")
    with _said_in_one_line(name), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PIL's warnings about palettes and large pictures
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
    """Return the image upright, in 8 bits, on a white background."""
    if 0 in image.size:
        raise InputError(f"{name!r} has no pixels: it is {image.width} x {image.height}")
    if image.mode.startswith("I;16"):  # keep the upper 8 of 16 bits, as PIL does for colours
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise InputError(f"{name!r} has {image.mode} pixels (more than 16 bits); save it as an 8-bit JPEG or PNG")
    image = ImageOps.exif_transpose(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    if np.asarray(image.getchannel("A")).mean() < 127.5:
        warnings.warn(f"{name!r} is transparent for more than half of it; transparent parts are read as white",
                      stacklevel=4)
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def keras_nearest(image, size):
    """Resize to `size` (H, W) by nearest neighbours, without keeping the aspect ratio, as Keras' load_img does."""
    return image.resize(size[::-1], Image.Resampling.NEAREST)


def bilinear_squash(image, size):
    """Resize to `size` (H, W) bilinearly, without keeping the aspect ratio. Shrinking averages pixels."""
    return image.resize(size[::-1], Image.Resampling.BILINEAR)


def center_crop_256(image, size):
    """Resize the shorter side to 256/224 of `size`, bilinearly; keep the centre. torchvision evaluates networks so.

    We compute only the part that stays: the whole of a very long and narrow picture might not fit into memory.
    """
    (H, W), short = size, round(min(size) * 256 / 224)
    width, height = image.size
    resized = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    left, top = round((resized[0] - W) / 2), round((resized[1] - H) / 2)
    across, down = width / resized[0], height / resized[1]
    box = (left * across, top * down, min((left + W) * across, width), min((top + H) * down, height))
    return image.resize((W, H), Image.Resampling.BILINEAR, box)


RESIZE = {"keras-nearest": keras_nearest, "bilinear-squash": bilinear_squash, "center-crop-256": center_crop_256}
