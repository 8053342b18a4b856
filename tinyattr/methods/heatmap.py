"""What a method answers: the raw map as computed, and, each by its own named function, the steps to a picture."""

from dataclasses import dataclass, field

import numpy as np

from tinyattr.engine import OPS


@dataclass(frozen=True)
class Receipt:
    """What a map should sum to, what it sums to, and where the rest went.

    claim: the identity in words and letters; owed: its right side; paid: what the map sums to.

    shares: {layer: share} of what is owed that stays in a layer: its biases', which no place of the map can be given,
    and what a rule's stabiliser absorbs. gap = owed - paid - sum of the shares: rounding, or a quadrature's error.
    """

    claim: str
    owed: float
    paid: float
    shares: dict = field(default_factory=dict)

    @property
    def gap(self):
        """What is missing: 0 for a method that keeps its promise exactly."""
        return self.owed - self.paid - sum(self.shares.values())

    def __str__(self):
        kept = f", kept by layers {sum(self.shares.values()):.6g}" if self.shares else ""
        return f"{self.claim}: owed {self.owed:.6g}, paid {self.paid:.6g}{kept}, gap {self.gap:.2g}"


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
        return "every place speaks equally for this class" if positive.max() == positive.min() else ""

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
    """Bilinear, pixel centres at half-integers: (h, w) -> (H, W) = size, float64; edges keep their value."""
    return OPS["resize"](L[None, :, :, None].astype(float), size=size)[0, :, :, 0]


def min_max(L):
    """(L - min) / (max - min), in [0, 1]; zeros for a map that is the same everywhere."""
    low, high = L.min(), L.max()
    return (L - low) / (high - low) if high > low else np.zeros_like(L)
