"""What every page of this folder returns: claims with measurements, and the heatmaps for them."""

from dataclasses import dataclass

import numpy as np

from tinyattr.files.tables import plain
from tinyattr.methods import METHODS
from tinyattr.methods.request import ask

SAME = 1e-6  # maps in [0, 1] that differ by less are equal: this is rounding in float32


@dataclass(frozen=True)
class Claim:
    """A Claim has the paper's statement, our measurement, and whether the statement holds here."""

    says: str
    measured: str
    holds: bool

    def __str__(self):
        return f"{'holds' if self.holds else 'DOES NOT HOLD':<15}{self.says}\n{'':15}measured: {self.measured}"


@dataclass(frozen=True, eq=False)
class Reproduction:
    """A Reproduction has rows and columns of heatmaps with names, and claims.

    verdict: what follows from the claims, in sentences that depend on the numbers; "" for the figures.
    values: the numbers of every picture behind the claims, {name: numbers}, or None.
    """

    name: str
    rows: list[str]
    columns: list[str]
    heatmaps: list[list]
    claims: list[Claim]
    verdict: str = ""
    values: dict | None = None

    @classmethod
    def of(cls, name, maps, claims, verdict="", values=None):
        """Make a Reproduction from {(row, column): Heatmap}. A row is the name of a method, or another name."""
        methods, columns = (list(dict.fromkeys(names)) for names in zip(*maps, strict=True))
        heatmaps = [[maps[m, column] for column in columns] for m in methods]
        rows = [row[0].method if m in METHODS else m for m, row in zip(methods, heatmaps, strict=True)]
        return cls(name, rows, columns, heatmaps, claims, verdict, values)

    def table(self):
        """Return the claims and the verdict as text."""
        verdict = ["", f"verdict: {self.verdict}"] if self.verdict else []
        return "\n".join([self.name, "", *map(str, self.claims), *verdict])

    def numbers(self):
        """Return the claims as plain data, for --json."""
        return plain({"figure": self.name, "claims": self.claims, "verdict": self.verdict, "values": self.values})


def apart(a, b):
    """max |a - b| / max |a|."""
    return float(np.abs(a - b).max() / np.abs(a).max())


def above(a, b):
    """Return True if the mean of a - b is more than two standard errors above 0."""
    d = np.subtract(a, b)
    return len(d) > 1 and bool(d.mean() > 2 * d.std(ddof=1) / np.sqrt(len(d)))


def heatmaps(tapes, methods, scores, target, layer):
    """Return {(method, "network: score"): Heatmap}. Methods of a score share walks. tapes: {name: (network, tape)}."""
    requests = {f"{n}: {s}": ask(*tapes[n], target, s) for n in tapes for s in scores}
    return {(m, column): METHODS[m](r.net, r, r.target, r.score, layer)
            for m in methods for column, r in requests.items()}
