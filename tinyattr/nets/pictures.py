"""From a photo to the input numbers that a network was trained on, and back."""

import warnings
from dataclasses import dataclass

import numpy as np

from tinyattr.errors import InputError, named

GREY = np.array([0.299, 0.587, 0.114])  # lightness of red, green, blue by ITU-R BT.601
RESIZE = ("keras-nearest", "bilinear-squash", "center-crop-256")  # how a photo is resized: files/photo.py
ORDERS = {"RGB": slice(None), "BGR": slice(None, None, -1), "L": None}  # order of channels; L is one grey channel


@dataclass(frozen=True)
class InputSpec:
    """An InputSpec says how a photo (0..255) is preprocessed: resized, then x = (photo - mean) / scale per channel.

    size: one number for a square, or (H, W). order: order of the channels, one of ORDERS. mean and scale have one
    number for each channel, in this order. resize: how the photo is resized, one of RESIZE.
    """

    size: int | tuple[int, int]
    order: str = "RGB"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    scale: tuple[float, ...] = (1.0, 1.0, 1.0)
    resize: str = "bilinear-squash"

    def __post_init__(self):
        if not self._makes_sense():
            raise InputError("needs a size >= 1 or (H, W), order RGB, BGR or L, and for each channel a mean and a "
                             f"positive scale; got {self}")
        named("resize rule", self.resize, RESIZE)

    def _makes_sense(self):
        channels, (mean, scale) = 1 if str(self.order) == "L" else 3, map(np.asarray, (self.mean, self.scale))
        lengths = np.atleast_1d(self.size)
        return (lengths.dtype.kind == "i" and lengths.size <= 2 and lengths.min() >= 1 and isinstance(self.order, str)
                and self.order in ORDERS and mean.shape == scale.shape == (channels,)
                and {mean.dtype.kind, scale.dtype.kind} <= {*"iuf"} and np.isfinite([mean, scale]).all()
                and scale.min() > 0)

    @property
    def shape(self):
        """(H, W, C) of a preprocessed picture."""
        return *np.broadcast_to(self.size, 2).tolist(), len(self.mean)

    @property
    def limits(self):
        """(x of black, x of white), each (C,). No photo gives numbers outside this range."""
        return tuple(self.encode(np.full((1, 1, 3), v))[0, 0, 0] for v in (0.0, 255.0))

    def encode(self, rgb):
        """(H, W, 3) RGB values 0..255 -> (1, H, W, C) float32 network input."""
        rgb = np.asarray(rgb, np.float64)
        channels = rgb @ GREY[:, None] if self.order == "L" else rgb[..., ORDERS[self.order]]
        return ((channels - self.mean) / self.scale).astype(np.float32)[None]

    def decode(self, x):
        """The picture that a network sees: (1, H, W, C) network input -> (H, W, 3) RGB uint8."""
        channels = np.asarray(x[0], np.float64) * self.scale + self.mean
        rgb = np.repeat(channels, 3, -1) if self.order == "L" else channels[..., ORDERS[self.order]]
        return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)

    def expect_preprocessed(self, x, what="the picture"):
        """Raise InputError if x (..., C) holds whole numbers. Warn if its floats do not look like a preprocessed photo.

        The network's photos have a range. We warn if x is far outside this range, or if x lies in 0..1 or -3..3 while
        this range is much larger.
        """
        if x.dtype.kind in "iu":
            raise InputError(f"{what} holds whole numbers ({x.dtype}); expected floats, preprocessed as the network "
                             "wants them: net.read(picture) makes them")
        (black, white), least, most = self.limits, x.min(), x.max()
        low, high = black.min(), white.max()
        room = (high - low) / 8  # a photo with noise, or after a small step, may be a little outside the range
        within = (0, 1) if least >= 0 or high - low < 64 else (-3, 3)
        unscaled = within[0] <= least and most <= within[1] and most - least > 0.5 and high - low > 3
        if least < low - room or most > high + room or unscaled:
            warnings.warn(f"{what} has values from {least:.3g} to {most:.3g}, but photos as this network wants them "
                          f"have {low:.3g} to {high:.3g}: net.read(picture) makes them", stacklevel=5)


FAMILIES = {
    # Different people trained the same architecture on photos that they preprocessed in different ways.
    "oxford": InputSpec(224, "BGR", (103.939, 116.779, 123.68), (1.0, 1.0, 1.0), "keras-nearest"),
    "torchvision": InputSpec(224, "RGB", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "center-crop-256"),
    "squeezenet-caffe": InputSpec(227, "BGR", (104.0, 117.0, 123.0), (1.0, 1.0, 1.0), "bilinear-squash"),
    "tinyattr": InputSpec(224, "RGB", (127.0, 127.0, 127.0), (64.0, 64.0, 64.0), "bilinear-squash"),
}
