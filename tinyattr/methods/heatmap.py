"""What a method returns: the raw map. Each step from the raw map to a picture is a function with a name."""

from dataclasses import dataclass, field

import numpy as np

from tinyattr.engine import OPS


@dataclass(frozen=True)
class Receipt:
    """A Receipt is the check sum of a map: what the map must add up to, what it adds up to, and where the rest is.

    claim: the identity as text. owed: its right side. paid: the sum of the map (RSI-Grad-CAM: the sum of I).
    shares: {layer: share}, the parts of owed that no place of the map gets, because biases or stabilisers keep them.
    gap = owed - paid - sum of shares: rounding, quadrature error, or a part that the method loses (see its docstring).
    """

    claim: str
    owed: float
    paid: float
    shares: dict = field(default_factory=dict)

    @property
    def gap(self):
        """The missing part. It is 0 if the claim holds exactly."""
        return self.owed - self.paid - sum(self.shares.values())

    def __str__(self):
        kept = f", kept by layers {sum(self.shares.values()):.6g}" if self.shares else ""
        return f"{self.claim}: owed {self.owed:.6g}, paid {self.paid:.6g}{kept}, gap {self.gap:.2g}"


@dataclass(frozen=True, eq=False, repr=False)
class Heatmap:
    """A Heatmap answers: which places of `layer` ("input": of the picture) speak for class `target`, by the score S?

    raw = direction * exp(log_scale) is exactly the method's formula. exp(log_scale) may be too small for a float. Then
    raw is 0, but direction is not. direction: (h, w) or (h, w, C), with signs. h and w are those of the layer (guided
    Grad-CAM: of the picture). plane: what is drawn, (h, w). For most methods it sums direction over its channels.
    value: the score S; label: name and number of the class; picture: (H, W, 3) uint8, what the network saw, or None.
    receipt: the Receipt (check sum) that the method's docstring names. It is None if there is none.
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
        """L for display: ReLU, bilinear resize to the input's (H, W), min-max to [0, 1]. If empty, see `note`."""
        return min_max(resize(relu(self.plane), self.size))

    @property
    def note(self):
        """The reason why the map is empty, or ""."""
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
        """Draw the map over the picture, with its caption, into an image file. Its ending names the format."""
        from tinyattr.studies.draw import save_heatmap  # imports from a room below, only for a figure
        save_heatmap(self, path)

    def _repr_png_(self):
        """Return the figure of `save` for notebooks."""
        from tinyattr.studies.draw import heatmap_png
        return heatmap_png(self)


def relu(L):
    """max(L, 0): the part of the map that speaks for the class."""
    return np.maximum(L, 0)


def resize(L, size):
    """Resize bilinearly, (h, w) -> (H, W) = size, float64. Pixel i is centred at i + 1/2; edges keep their value."""
    return OPS["resize"](L[None, :, :, None].astype(float), size=size)[0, :, :, 0]


def min_max(L):
    """(L - min) / (max - min), in [0, 1]. The result is zeros if L is constant."""
    low, high = L.min(), L.max()
    return (L - low) / (high - low) if high > low else np.zeros_like(L)
