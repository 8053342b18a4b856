"""What a method answers: the raw map as computed, and, each by its own named function, the steps to a picture."""

from dataclasses import dataclass

import numpy as np

from tinyattr.methods.receipt import Receipt


@dataclass(frozen=True, eq=False, repr=False)
class Heatmap:
    """One answer to "where in x does score S of class `target` come from, at this layer?"

    direction: the map for the score's row without its scale, signed, float64, at the layer's resolution (guided
    Grad-CAM: at the picture's).
    plane:     the same as one number a place, (h, w); differs from direction for methods that answer per channel.
    raw = direction * exp(log_scale) is the method's formula to the letter; it underflows where dS/dz does.
    value: the score S itself; label: the class's name and number; picture: (H, W, 3) uint8, what the network saw.
    receipt: what raw should sum to and does, for methods that promise a sum; else None.
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
    receipt: Receipt | None = None

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
        from tinyattr.studies.draw import save_heatmap  # a step out of this room, when a figure is asked for

        save_heatmap(self, path)

    def _repr_png_(self):
        """The same figure, as notebooks show it."""
        from tinyattr.studies.draw import heatmap_png

        return heatmap_png(self)


def relu(L):
    """max(L, 0): what speaks for the class."""
    return np.maximum(L, 0)


def resize(L, size):
    """Bilinear, pixel centres at half-integers: (h, w, ...) -> (H, W, ...), size = (H, W); edges keep their value."""
    rows, columns = (_between(n, N) for n, N in zip(L.shape[:2], size, strict=True))
    return np.moveaxis(np.tensordot(columns, np.tensordot(rows, L, 1), (1, 1)), 0, 1)


def _between(n, N):
    """(N, n): row i holds the weights of the two of n pixels between which pixel i of N lies."""
    at = np.clip((np.arange(N) + 0.5) * n / N - 0.5, 0, n - 1)
    return np.maximum(1 - np.abs(at[:, None] - np.arange(n)), 0)


def min_max(L):
    """(L - min) / (max - min), in [0, 1]; zeros for a map that is the same everywhere."""
    low, high = L.min(), L.max()
    return (L - low) / (high - low) if high > low else np.zeros_like(L)
