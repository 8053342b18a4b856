"""The main job: one picture, original and altered network side by side, by every method and score, as numbers."""

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from tinyattr.attack import alter
from tinyattr.errors import InputError, unknown
from tinyattr.methods import AT_A_LAYER, METHODS, Heatmap, options_of
from tinyattr.methods.request import feature_layer
from tinyattr.scores import SCORES
from tinyattr.softmax import softmax
from tinyattr.studies.metrics import energy, pearson

FOUR_SCORES = ("pre", "post", "log", "log_odds")
TWO_METHODS = ("grad_cam", "hirescam")


@dataclass(frozen=True, eq=False)
class Cell:
    """One method by one score: its map in the original network and, if there is one, in the altered network."""

    method: str
    score: str
    original: Heatmap
    altered: Heatmap | None
    at: tuple[int, int]
    tapped: tuple[int, int]

    @property
    def correlation(self):
        """Pearson correlation of the positive parts of the original and the altered map, at the layer's resolution."""
        return pearson(np.maximum(self.original.plane, 0), np.maximum(self.altered.plane, 0))

    def corner(self, heatmap):
        """Share of a map's energy in the place that the attack taps."""
        return energy(heatmap.plane, region(self.at, self.tapped, heatmap.plane.shape))


@dataclass(frozen=True, eq=False)
class Explanation:
    """All cells for one picture and class, with the probabilities of both networks."""

    network: str
    target: int
    label: str
    attack: dict | None  # {"K", "tap", "at"} of the altered network
    y: np.ndarray  # (n,)
    y_altered: np.ndarray | None  # (n,)
    cells: list[Cell]

    @property
    def max_change(self):
        """max_i |y'_i - y_i|."""
        return float(np.abs(self.y_altered - self.y).max())

    def numbers(self):
        """The same as plain numbers, for --json."""
        altered = self.y_altered is not None
        rows = [
            {
                "method": cell.method, "score": cell.score, "layer": cell.original.layer, "value": cell.original.value,
                "note": cell.original.note, "corner_energy": _number(cell.corner(cell.original)),
                "receipt": _receipt(cell.original),
                **({
                    "value_altered": cell.altered.value, "note_altered": cell.altered.note,
                    "corner_energy_altered": _number(cell.corner(cell.altered)),
                    "correlation": _number(cell.correlation), "receipt_altered": _receipt(cell.altered),
                } if altered else {}),
            }
            for cell in self.cells
        ]
        y_c = {"y_c": float(self.y[self.target])}
        if altered:
            y_c |= {"y_c_altered": float(self.y_altered[self.target]), "max_change_of_y": self.max_change}
        return {"network": self.network, "class": self.target, "label": self.label, **y_c,
                "attack": self.attack, "maps": rows}

    def sentences(self):
        """Class, probabilities and attack, for the figure's title."""
        yield f"{self.label}, y_c = {self.y[self.target]:.4g}"
        if self.attack:
            yield (f"altered: t = {attack_text(self.attack)}; y'_c = {self.y_altered[self.target]:.4g}, "
                   f"max |y' - y| = {_small(self.max_change)}")

    def receipts(self):
        """What every map should sum to and does, as text."""
        rows = [["method", "score", "network", "receipt"]]
        for cell in self.cells:
            for name, heatmap in (("original", cell.original), ("altered", cell.altered)):
                if heatmap is not None and heatmap.receipt:
                    rows.append([cell.method, cell.score, name, str(heatmap.receipt)])
        silent = dict.fromkeys(cell.method for cell in self.cells if not cell.original.receipt)
        return "\n".join(_aligned(rows) + ([f"no sum is promised by {', '.join(silent)}"] if silent else []))

    def table(self):
        """The same as text, for people."""
        n = self.numbers()
        altered = self.y_altered is not None
        head = [f"network  {self.network}", f"class    {self.label}   y_c = {n['y_c']:.6g}"]
        if altered:
            head.append(f"altered  t = {attack_text(self.attack)}   y'_c = {n['y_c_altered']:.6g}"
                        f"   max |y' - y| = {_small(n['max_change_of_y'])}")
        rows = [["method", "score", "layer", "energy at the tap" if altered else "energy at (0, 0)"]]
        if altered:
            rows[0] += ["altered", "correlation", "max |y' - y|"]
        for r in n["maps"]:
            row = [r["method"], r["score"], r["layer"], _text(r["corner_energy"])]
            if altered:
                row += [_text(r["corner_energy_altered"]), _text(r["correlation"], 6), _small(n["max_change_of_y"])]
            rows.append(row)
        return "\n".join([*head, "", *_aligned(rows)])


def explain(net, x, target=None, *, scores=FOUR_SCORES, methods=TWO_METHODS, layer=None, K=None, tap=None, at=(0, 0),
            options=None):
    """Every method by every score for one picture, in `net` and, if K is given, in its altered twin.

    layer: what the methods AT_A_LAYER explain, default the network's last feature maps; the others explain the picture.
    options: {name: value} for all methods that have an option of that name, such as steps or baseline.
    K, tap, at: strength of the attack, layer and place that it reads, by default (0, 0) of the explained layer.
    target: class number or name, default the top class.
    Raises InputError for unknown names.
    """
    for method in methods:
        if method not in METHODS:
            raise unknown("method", method, METHODS)
    for score in scores:
        if score not in SCORES:
            raise unknown("score", score, SCORES)
    options = options or {}
    for name in options:
        known = dict.fromkeys(n for m in methods for n in options_of(m))
        if name not in known:
            raise unknown(f"option of {', '.join(methods)}", name, known)
    if not (methods and scores):
        raise InputError("say at least one method and one score")
    tap = tap or layer or feature_layer(net)
    altered = None if K is None else alter(net, K=K, layer=tap, at=at)
    tapes = [(n, n.run(x)) for n in (net, altered) if n is not None]
    shape = tapes[0][1][tap].output.shape
    if len(shape) != 4:
        raise InputError(f"layer '{tap}' has shape {shape}, no places to show; try '{net.features}'")
    maps = {}
    cells = [(m, s) for m in methods for s in scores]
    for method, score in tqdm(cells, desc="heatmaps", leave=False, disable=None):
        chosen = {name: value for name, value in options.items() if name in options_of(method)}
        where = layer if method in AT_A_LAYER else None
        maps[method, score] = [METHODS[method](n, tape, target, score=score, layer=where, **chosen)
                               for n, tape in tapes]
    first = maps[cells[0]][0]
    y = [softmax(n.logits(tape))[0] for n, tape in tapes]
    return Explanation(
        net.name, first.target, first.label, altered and {"K": float(K), "tap": tap, "at": list(at)},
        y[0], y[1] if altered else None,
        [Cell(m, s, found[0], found[1] if altered else None, tuple(at), shape[1:3]) for (m, s), found in maps.items()],
    )


def attack_text(attack):
    """t in the papers' letters: "10 sum_k A_00k, A = block5_pool"."""
    i, j = attack["at"]
    place = f"{i}{j}" if max(i, j) < 10 else f"{i},{j},"
    return f"{attack['K']:g} sum_k A_{place}k, A = {attack['tap']}"


def region(at, tapped, shape):
    """The tapped place, seen in a map of another resolution: (rows, columns) as slices of at least one cell."""
    return tuple(
        slice(min(int(i * n / m), n - 1), max(int((i + 1) * n / m), min(int(i * n / m), n - 1) + 1))
        for i, m, n in zip(at, tapped, shape, strict=True)
    )


def _aligned(rows):
    """Rows of text as lines, columns aligned, a rule below the first."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{text:<{w}}" for text, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]


def _receipt(heatmap):
    """A receipt as plain numbers; None for methods that promise no sum."""
    if heatmap.receipt is None:
        return None
    r = heatmap.receipt
    return {"claim": r.claim, "owed": r.owed, "paid": r.paid, "kept": sum(r.shares.values()), "gap": r.gap}


def _number(v):
    """JSON has no NaN: null where a number does not exist."""
    return v if np.isfinite(v) else None


def _small(v):
    return f"{v:.1e}" if v else "0"


def _text(v, digits=4):
    return "-" if v is None else f"{v:.{digits}f}"
