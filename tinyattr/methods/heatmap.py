"""What a method answers: the raw map as computed, and, each by its own named function, the steps to a picture."""

from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True, eq=False, repr=False)
class Heatmap:
    """One answer to "where in x does score S of class `target` come from, at this layer?"

    direction: the map for the score's row without its scale, at the layer's resolution, signed, float64.
    plane:     the same as one number a place, (h, w); differs from direction for methods that answer per channel.
    raw = direction * exp(log_scale) is the method's formula to the letter; it underflows where dS/dz does.
    value: the score S itself; label: the class's name and number; picture: (H, W, 3) uint8, what the network saw.
    """

    method: str
    score: str
    layer: str
    target: int
    label: str
    value: float
    log_scale: float
    direction: np.ndarray
    plane: np.ndarray
    size: tuple[int, int]
    picture: np.ndarray | None = None

    def __repr__(self):
        return f"<Heatmap: {self.caption}>"

    @property
    def raw(self):
        """The method's formula, signed, at the layer's resolution."""
        return self.direction * np.exp(self.log_scale)

    @property
    def map(self):
        """L for display: ReLU, bilinear resize to the input's (H, W), min-max to [0, 1]; zeros if none is positive."""
        return min_max(resize(relu(self.plane), self.size))

    @property
    def note(self):
        """Why the map is empty, or ""."""
        positive = relu(self.plane)
        if positive.max() == 0:
            return "no place speaks for this class"
        if positive.max() == positive.min():
            return "every place speaks equally for this class"
        return ""

    @property
    def caption(self):
        """Method, score, layer and class."""
        caption = f"{self.method}, score {self.score}, layer {self.layer}, {self.label}"
        return f"{caption}: {self.note}" if self.note else caption

    def save(self, path):
        """Draw the map over the picture, with its caption, into an image file (the ending names the format)."""
        from tinyattr.draw import save_heatmap  # only now: matplotlib takes half a second to import

        save_heatmap(self, path)


def relu(L):
    """max(L, 0): what speaks for the class."""
    return np.maximum(L, 0)


def resize(L, size):
    """Bilinear, pixel centres at half-integers: (h, w) -> size, (H, W). Float32 inside Pillow."""
    height, width = size
    scale = np.abs(L).max() or 1.0  # Pillow works in float32, where a saturated network's map would vanish
    image = Image.fromarray((L / scale).astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image, np.float64) * scale


def min_max(L):
    """(L - min) / (max - min), in [0, 1]; zeros for a map that is the same everywhere."""
    low, high = L.min(), L.max()
    return (L - low) / (high - low) if high > low else np.zeros_like(L)
