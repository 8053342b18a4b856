"""Receipts: what a map should sum to, what it sums to, and where the rest went."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Receipt:
    """claim: the identity in words and letters; owed: its right side; paid: what the map sums to.

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
