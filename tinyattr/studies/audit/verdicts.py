"""Combine the cells of an audit into verdicts: immune, moved or hijacked."""

from dataclasses import dataclass, field

import numpy as np

from tinyattr.files.tables import aligned
from tinyattr.studies.audit.prediction import predicted

IMMUNE = 1e-4  # if the raw map changes by less, this is rounding
MOVED = 0.5  # if the Pearson correlation of the maps as displayed is less, we call them different maps


def verdict(row):
    """Return "immune" (only rounding changed the raw map), "hijacked" (the displayed map is another one) or "moved"."""
    if row["change"] is not None and row["change"] <= IMMUNE:
        return "immune"
    if row["pearson"] is None:  # a displayed map without contrast: hijacked only if exactly one of the two is empty
        return "moved" if (row["corner"] is None) == (row["corner_altered"] is None) else "hijacked"
    return "hijacked" if row["pearson"] < MOVED else "moved"


@dataclass(frozen=True, eq=False)
class Audit:
    """An Audit holds all rows of all cells, and computes the verdicts."""

    network: str
    K: float
    rows: list = field(default_factory=list)

    def cells(self):
        """Return {(method, score, attack): {"verdict", "verdicts", mean of each measure over pictures}}, in order."""
        found = {}
        for row in self.rows:
            found.setdefault((row["method"], row["score"], row["attack"]), []).append(row)
        return {key: _summary(rows) for key, rows in found.items()}

    def table(self):
        """Return, for every attack, a table of verdicts with methods as rows and scores as columns."""
        cells = self.cells()
        methods, scores, attacks = (list(dict.fromkeys(key[i] for key in cells)) for i in range(3))
        parts = [
            f"attack {attack}, K = {self.K:g}, {self.network}\n" + aligned(["method", *scores], [
                [method, *(_short(cells.get((method, score, attack))) for score in scores)] for method in methods])
            for attack in attacks]
        legend = ("immune: only rounding changed the raw map; moved: more than that changed it;\n"
                  f"hijacked: the maps as displayed have a Pearson correlation below {MOVED}.\n"
                  "The number is the mean of this correlation over pictures; the worst picture decides the verdict.")
        return "\n\n".join([*parts, legend, self._predictions(cells), *self._pointing(cells)])

    def corrections(self):
        """Return ([cells that are as algebra predicts], [other cells]); a cell is (method, score, attack)."""
        as_said, otherwise = [], []
        for key, cell in self.cells().items():
            said = predicted(*key)
            if said is not None:
                (as_said if (cell["verdict"] == "immune") == (said == "immune") else otherwise).append(key)
        return as_said, otherwise

    def _predictions(self, cells):
        """Return lines: how many cells are as predicted, and which cells are not."""
        as_said, otherwise = self.corrections()
        lines = [f"prediction (kappa = 0 is immune): {len(as_said)} cells confirmed, {len(otherwise)} not"]
        for key in otherwise:
            lines.append(f"  {', '.join(key)}: predicted {predicted(*key)}, measured {cells[key]['verdict']}")
        return "\n".join(lines)

    def _pointing(self, cells):
        """Return lines about known objects: share of pictures whose highest place is on them, before and after."""
        known = {key: cell for key, cell in cells.items() if cell.get("hit") is not None}
        lost = {key: cell["hit_altered"] - cell["hit"] for key, cell in known.items()}
        worst = sorted((key for key in lost if lost[key] < 0), key=lost.get)[:12]
        if known:
            yield "\n".join([
                "pointing game, largest losses: method, score, attack, original -> altered",
                *(f"  {', '.join(key)}: {known[key]['hit']:.2f} -> {known[key]['hit_altered']:.2f}" for key in worst)])

    def numbers(self):
        """Return everything as plain numbers, for --json."""
        cells = [{"method": m, "score": s, "attack": a, "predicted": predicted(m, s, a), **cell}
                 for (m, s, a), cell in self.cells().items()]
        return {"network": self.network, "K": self.K, "cells": cells, "rows": self.rows}


def _summary(rows):
    verdicts = [verdict(row) for row in rows]
    worst = max(verdicts, key=("immune", "moved", "hijacked").index)
    means = {}
    for key in (key for key, value in rows[0].items() if not isinstance(value, str)):
        values = [row[key] for row in rows if row.get(key) is not None]
        means[key] = float(np.mean(values)) if values else None
    return {"verdict": worst, "verdicts": {v: verdicts.count(v) for v in dict.fromkeys(verdicts)}, **means}


def _short(cell):
    if cell is None:
        return ""
    return f"{cell['verdict']} {'-' if cell['pearson'] is None else format(cell['pearson'], '.2f')}"
