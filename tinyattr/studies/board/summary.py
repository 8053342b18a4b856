"""The board: results over all scenes, each number with its interval, the best maps first."""

from dataclasses import dataclass

import numpy as np

from tinyattr.files.tables import aligned, plain
from tinyattr.studies.board.measures import interval, told_apart
from tinyattr.studies.board.one_scene import CHANCE, TRUTH
from tinyattr.studies.board.rows import ANY, ORIGINAL, networks_of

MEASURES = {  # {name in the board: (measure, number of glyphs in its scenes)}
    "peak": ("hit", "one"), "energy": ("energy", "one"), "rank": ("rank", "one"),
    "peak of two": ("hit", "two"), "energy of two": ("energy", "two"), "rank of two": ("rank", "two"),
    "follows": ("follows", "two"), "insertion": ("insertion", "one"), "deletion": ("deletion", "one"),
}
COLUMNS = {  # columns of the printed table
    "peak": "peak", "peak of two": "of two", "energy of two": "energy", "rank of two": "rank", "follows": "follows",
    "told apart": "apart", "insertion": "insert", "deletion": "delete",
}
LEGEND = """Per cent, with the 95 % bootstrap interval over scenes. peak, of two: how often the highest place is on the
explained glyph, in scenes with one glyph and with two. In scenes with two: energy, rank (correlation with the mask),
follows (100: the map moves to the glyph of the explained class, 0: it does not move). apart: how often the map of a
scene with a glyph is higher than that of a scene without; "-" in altered networks, where we explain no scenes without
glyphs. insert, delete: area under the curve of y_c, in every eighth scene. ms: CPU time of one map. network "any":
original and altered networks, because t(x) cannot change these maps."""
CAVEATS = """Take care. The embedded network was trained with the masks, which pushed its activations onto the glyphs.
--net glyphs_no_masks measures a network that was trained without masks. If activations lie only on the glyph, a map
of a layer cannot miss a single glyph: so look at the scenes with two."""


@dataclass(frozen=True, eq=False)
class Board:
    """A Board holds the measured scenes, and computes results over all scenes.

    settings: seed, methods, scores, attacks, K, layer. scenes: results of `measure`. milliseconds: {method: time of
    one map}.
    """

    network: str
    settings: dict
    scenes: list
    milliseconds: dict

    def rows(self):
        """Return [{"method", "scores", "networks", measure: (mean, low, high) or None, ...}], the best first.

        The measures are MEASURES and "told apart". The best row has its peak most often on the right glyph of two; if
        rows tie, the one that follows the class better comes first. Scores with the same maps share a row, and so do
        networks.
        """
        found = []
        for row in self.scenes[0]["rows"]:
            method, score, network = row.split("|")
            attacks = self.settings["attacks"]
            drawn = {ORIGINAL: ANY} if method in (CHANCE, TRUTH) else networks_of(method, score, attacks)
            found.append({"method": method, "scores": score, "networks": drawn[network], **self._numbers(row)})
        found = _joined(_joined(found, "scores"), "networks")
        return sorted(found, key=lambda row: [-(row[key] or (-1,))[0] for key in ("peak of two", "follows", "peak")])

    def _numbers(self, row):
        values = {name: self._values(row, *measure) for name, measure in MEASURES.items()}
        heights = [self._values(row, "height", kind) for kind in ("one", "none")]
        values["told apart"] = told_apart(*heights) if all(heights) else []
        return {name: [round(n, 4) for n in interval(v)] if len(v) else None for name, v in values.items()}

    def _values(self, row, measure, kind):
        found = [scene["rows"].get(row, {}) for scene in self.scenes if scene["kind"] == kind]
        return [numbers[measure] for numbers in found if measure in numbers]

    def changes(self):
        """Return max |L' - L| / max |L| for all measured maps that no attack should change, by algebra."""
        return [numbers["change"] for scene in self.scenes for numbers in scene["rows"].values() if "change" in numbers]

    def table(self):
        """Return the board as text."""
        return "\n".join([*self.head(), "", table(self.rows(), self.milliseconds), "", LEGEND, CAVEATS])

    def head(self):
        """Yield lines that describe what was measured."""
        kinds = [scene["kind"] for scene in self.scenes]
        known = [scene for scene in self.scenes if scene["kind"] != "none"]
        share = {key: np.mean([scene[key] for scene in known]) if known else np.nan for key in ("right", "y", "area")}
        yield (f"scenes   {', '.join(f'{kinds.count(kind)} with {kind}' for kind in dict.fromkeys(kinds))} "
               f"(glyphs cover {share['area']:.3f})")
        yield f"network  {self.network}, right in {share['right']:.3f}; mean y_c {share['y']:.3f}"
        attacks = ", ".join(self.settings["attacks"])
        yield f"layer    {self.settings['layer']}; attacks {attacks}, K = {self.settings['K']:g}"
        if changes := self.changes():
            yield (f"immune   {len(changes)} raw maps by log_odds, original and altered: largest change "
                   f"{max(changes):.0e}, median {np.median(changes):.0e}")

    def numbers(self):
        """Return the board as plain numbers, for --json. Only "milliseconds" depends on the machine."""
        shown = next((k for k, scene in enumerate(self.scenes) if scene["kind"] == "two"), 0)
        one = {"k": shown, "rows": _rounded(self.scenes[shown]["rows"])}
        return plain({"network": self.network, **self.settings, "scenes": len(self.scenes), "head": list(self.head()),
                      "rows": self.rows(), "one scene": one, "milliseconds": _rounded(self.milliseconds)})


def table(rows, milliseconds):
    """Return rows of the board as aligned lines, each number in per cent with its interval."""
    columns = ["method", "score", "network", *(f"{title}:>" for title in COLUMNS.values()), "ms:.0f"]
    lines = [[row["method"], row["scores"], row["networks"], *(in_per_cent(row[key]) for key in COLUMNS),
              milliseconds.get(row["method"])] for row in rows]
    return aligned(columns, lines)


def _joined(rows, what):
    """Join rows that differ only in the field `what` into one row. Its field names all of them."""
    found = {}
    for row in rows:
        rest = repr({key: value for key, value in row.items() if key != what})
        names = [found[rest][what]] if rest in found else []
        found[rest] = row | {what: ", ".join([*names, row[what]])}
    return list(found.values())


def _rounded(numbers):
    return {k: _rounded(v) if isinstance(v, dict) else round(v, 4) for k, v in numbers.items()}


def in_per_cent(numbers):
    """Return a text such as "93 (90-96)" for (mean, low, high)."""
    if numbers is None:
        return "-"
    mean, low, high = (f"{round(100 * n)}" for n in numbers)
    return f"{mean} ({low} to {high})" if "-" in low else f"{mean} ({low}-{high})"
