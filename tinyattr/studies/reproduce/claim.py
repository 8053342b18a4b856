"""What every page of this folder answers: claims, each with its measurement, and the heatmaps that go with them."""

from dataclasses import dataclass

import numpy as np

from tinyattr.files.tables import plain
from tinyattr.methods import METHODS
from tinyattr.methods.request import ask

SAME = 1e-6  # of maps in [0, 1]: float32 networks round as much


@dataclass(frozen=True)
class Claim:
    """What a paper says, what was measured, and whether it holds here."""

    says: str
    measured: str
    holds: bool

    def __str__(self):
        return f"{'holds' if self.holds else 'DOES NOT HOLD':<15}{self.says}\n{'':15}measured: {self.measured}"


@dataclass(frozen=True, eq=False)
class Reproduction:
    """Rows and columns of heatmaps with their names, and the claims that go with them.

    verdict: what follows from the claims, in sentences that the numbers have chosen; "" for the figures.
    values: the numbers behind the claims, of every picture, {name: numbers}; None for most.
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
        """Of maps {(method, column): Heatmap}: a row for each method, or whatever else stands in its place."""
        methods, columns = (list(dict.fromkeys(names)) for names in zip(*maps, strict=True))
        heatmaps = [[maps[m, column] for column in columns] for m in methods]
        rows = [row[0].method if m in METHODS else m for m, row in zip(methods, heatmaps, strict=True)]
        return cls(name, rows, columns, heatmaps, claims, verdict, values)

    def table(self):
        """The claims and the verdict as text."""
        verdict = ["", f"verdict: {self.verdict}"] if self.verdict else []
        return "\n".join([self.name, "", *map(str, self.claims), *verdict])

    def numbers(self):
        """The claims as plain data, for --json."""
        return plain({"figure": self.name, "claims": self.claims, "verdict": self.verdict, "values": self.values})


def apart(a, b):
    """Largest difference of two maps, as a share of the largest magnitude of the first."""
    return float(np.abs(a - b).max() / np.abs(a).max())


def above(a, b):
    """True if the mean of a - b is more than two standard errors above 0."""
    d = np.subtract(a, b)
    return len(d) > 1 and bool(d.mean() > 2 * d.std(ddof=1) / np.sqrt(len(d)))


def heatmaps(tapes, methods, scores, target, layer):
    """{(method, "network: score"): Heatmap}; methods of one score share its walks. tapes: {name: (network, tape)}."""
    requests = {f"{n}: {s}": ask(*tapes[n], target, s) for n in tapes for s in scores}
    return {(m, column): METHODS[m](r.net, r, r.target, r.score, layer)
            for m in methods for column, r in requests.items()}
