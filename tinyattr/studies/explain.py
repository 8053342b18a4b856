"""Explain one picture with every method and score, in the original and the altered network, and measure the maps."""

from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from tinyattr.attack import alter
from tinyattr.errors import InputError, all_named, named, of_type
from tinyattr.files.tables import aligned, plain
from tinyattr.methods import AT_A_LAYER, METHODS, Heatmap, options_of
from tinyattr.methods.request import ask, feature_layer
from tinyattr.nets import Network
from tinyattr.scores import SCORES
from tinyattr.softmax import softmax
from tinyattr.studies.curves import areas
from tinyattr.studies.metrics import energy, pearson

FOUR_SCORES = ("pre", "post", "log", "log_odds")
TWO_METHODS = ("grad_cam", "hirescam")


@dataclass(frozen=True, eq=False)
class Comparison:
    """A Comparison holds a method's map for a score, in the original network and, if there is one, in the altered one.

    areas: {"insertion": area, "deletion": area} for each of these maps (see `curves`); empty without curves.
    """

    method: str
    score: str
    original: Heatmap
    altered: Heatmap | None
    at: tuple[int, int]
    tapped: tuple[int, int]
    areas: tuple[dict, ...] = ()

    @property
    def correlation(self):
        """Return the Pearson correlation of the two maps' positive parts, at the layer's resolution."""
        return pearson(np.maximum(self.original.plane, 0), np.maximum(self.altered.plane, 0))

    def corner(self, heatmap):
        """Return the energy at the place that the attack reads: the share of the map's positive part there."""
        return energy(heatmap.plane, region(self.at, self.tapped, heatmap.plane.shape))

    def numbers(self):
        """Return all measurements of the maps. Names for the altered map end in "_altered"."""
        found = {"method": self.method, "score": self.score, "layer": self.original.layer}
        for k, (ending, heatmap) in enumerate((("", self.original), ("_altered", self.altered))):
            if heatmap is not None:
                measured = {"value": heatmap.value, "note": heatmap.note, "corner_energy": self.corner(heatmap),
                            "receipt": _receipt(heatmap), **(self.areas[k] if self.areas else {})}
                found |= {f"{name}{ending}": value for name, value in measured.items()}
        return found if self.altered is None else {**found, "correlation": self.correlation}


@dataclass(frozen=True, eq=False)
class Explanation:
    """An Explanation holds all Comparisons for one picture and class, and the probabilities of both networks.

    left_out: {method: why it cannot explain this network}, if the user chose all methods.
    """

    network: str
    target: int
    label: str
    attack: dict | None  # {"K", "tap", "at"} of the altered network
    y: np.ndarray  # (n,)
    y_altered: np.ndarray | None  # (n,)
    cells: list[Comparison]
    left_out: dict = field(default_factory=dict)

    @property
    def max_change(self):
        """max_i |y'_i - y_i|."""
        return float(np.abs(self.y_altered - self.y).max())

    def numbers(self):
        """Return the Explanation as plain numbers, for --json."""
        y_c = {"y_c": self.y[self.target]}
        if self.attack:
            y_c |= {"y_c_altered": self.y_altered[self.target], "max_change_of_y": self.max_change}
        return plain({"network": self.network, "class": self.target, "label": self.label, **y_c, "attack": self.attack,
                      "maps": [cell.numbers() for cell in self.cells],
                      **({"left_out": self.left_out} if self.left_out else {})})

    def sentences(self):
        """Yield class, probabilities and attack, for the title of the figure."""
        yield f"{self.label}, y_c = {self.y[self.target]:.4g}"
        if self.attack:
            yield (f"altered: t = {attack_text(self.attack)}; y'_c = {self.y_altered[self.target]:.4g}, "
                   f"max |y' - y| = {_small(self.max_change)}")

    def receipts(self):
        """Return the receipts (check sums) as text: what each map must add up to, and what it adds up to."""
        rows = [(cell.method, cell.score, name, str(heatmap.receipt)) for cell in self.cells
                for name, heatmap in (("original", cell.original), ("altered", cell.altered))
                if heatmap is not None and heatmap.receipt]
        silent = dict.fromkeys(cell.method for cell in self.cells if not cell.original.receipt)
        last = f"\nthese methods promise no sum: {', '.join(silent)}" if silent else ""
        return aligned(["method", "score", "network", "receipt"], rows) + last

    def table(self):
        """Return the Explanation as a table of text."""
        head = [f"network  {self.network}", f"class    {self.label}   y_c = {self.y[self.target]:.6g}"]
        columns = {"method": "method", "score": "score", "layer": "layer"}  # {column: name of its number}
        columns[f"energy at {'the tap' if self.attack else '(0, 0)'}:.4f"] = "corner_energy"
        if self.attack:
            head.append(f"altered  t = {attack_text(self.attack)}   y'_c = {self.y_altered[self.target]:.6g}"
                        f"   max |y' - y| = {_small(self.max_change)}")
            columns |= {"altered:.4f": "corner_energy_altered", "correlation:.6f": "correlation",
                        "max |y' - y|:.1e": "max_change_of_y"}
        numbers = self.numbers()
        for area in self.cells[0].areas[0] if self.cells[0].areas else ():
            columns[f"{area}:.4f"] = area
            if self.attack:
                columns[f"{area}, altered:.4f"] = f"{area}_altered"
        rows = [[(numbers | of_map)[name] for name in columns.values()] for of_map in numbers["maps"]]
        left_out = [f"left out  {method}: {why}" for method, why in self.left_out.items()]
        return "\n".join([*head, "", aligned(columns, rows), *left_out])


def explain(net, x, target=None, *, scores=FOUR_SCORES, methods=TWO_METHODS, layer=None, K=None, tap=None, at=(0, 0),
            options=None, curves=False):
    """Explain a picture by each of the given methods with each of the given scores.

    If K is given, do the same in the altered network. Returns an Explanation. Raises InputError for unknown names.
    target: number or name of a class, by default the top class.
    methods: "all" means every method that can explain this network. The Explanation says why others are left out.
    One exception: you set an option of a method, and this method cannot explain the network. This is an InputError.
    layer: for the methods that make their map at a layer, such as Grad-CAM (AT_A_LAYER lists them). By default it is
    the last feature maps. The other methods make a map of the picture.
    K: strength of the attack. tap: the layer that the attack reads, by default the explained layer. at: the place that
    it reads.
    options: {name: value} for all methods that have an option of this name, such as steps or baseline.
    curves: if True, measure two areas for each map. Insertion starts with the baseline "mean" and adds pixels step by
    step, those with the highest values in the map first. The probability of the class, after each step, gives a curve.
    We measure the area under it. Deletion removes the pixels in the same order.
    """
    methods = all_named("method", methods, ["all", *METHODS])
    every = "all" in methods
    methods = list(METHODS) if every else methods
    scores = all_named("score", scores, SCORES)
    if not (methods and scores):
        raise InputError("give at least one method and one score")
    options = chosen_options({} if options is None else of_type(options, dict, "options"), methods)
    net, (tap, _) = of_type(net, Network, "net"), (of_type(name, (str, type(None)), "a layer") for name in (tap, layer))
    tap = tap or layer or feature_layer(net)
    altered = None if K is None else alter(net, K=K, layer=tap, at=at)
    requests = [ask(n, x, target, scores[0]) for n in (net, altered) if n is not None]
    shape = requests[0].tape[tap].outline.shape
    if len(shape) != 4:
        raise InputError(f"layer '{tap}' has shape {shape}, no places to show; try '{net.features}'")
    cells, left_out = {}, {}
    for score, method in tqdm([(s, m) for s in scores for m in methods], desc="heatmaps", leave=False, disable=None):
        if method == methods[0]:  # methods of the same score share walks; all scores share forward passes
            requests = [ask(r.net, r, r.target, score) for r in requests]
        chosen = {name: value for name, value in options.items() if name in options_of(method)}
        where = layer if method in AT_A_LAYER else None
        try:
            maps = [METHODS[method](r.net, r, r.target, score, where, **chosen) for r in requests]
        except InputError as error:
            if not every or chosen:
                raise
            left_out[method] = str(error)
            continue
        judged = [areas(r.net, r, L.map, r.target) for r, L in zip(requests, maps, strict=True)] if curves else ()
        cells[method, score] = Comparison(method, score, maps[0], maps[1] if altered else None, tuple(at), shape[1:3],
                                          tuple(judged))
    methods = [method for method in methods if method not in left_out]
    if not methods:
        raise InputError(f"no method can explain {net.name}; {next(iter(left_out.values()))}")
    cells = [cells[method, score] for method in methods for score in scores]
    y = [softmax(r.z) for r in requests]
    first = cells[0].original
    return Explanation(net.name, first.target, first.label, altered and {"K": float(K), "tap": tap, "at": list(at)},
                       y[0], y[1] if altered else None, cells, left_out)


def attack_text(attack):
    """Return t in the papers' letters: "10 sum_k A_00k, A = block5_pool"."""
    i, j = attack["at"]
    place = f"{i}{j}" if max(i, j) < 10 else f"{i},{j},"
    return f"{attack['K']:g} sum_k A_{place}k, A = {attack['tap']}"


def region(at, tapped, shape):
    """Return slices (rows, columns) for a map of this shape: the part that covers the place `at` of the tapped maps."""
    return tuple(
        slice(min(int(i * n / m), n - 1), max(int((i + 1) * n / m), min(int(i * n / m), n - 1) + 1))
        for i, m, n in zip(at, tapped, shape, strict=True)
    )


def _receipt(heatmap):
    """Return a receipt as plain numbers, or None for methods that promise no sum."""
    if heatmap.receipt is None:
        return None
    r = heatmap.receipt
    return {"claim": r.claim, "owed": r.owed, "paid": r.paid, "kept": sum(r.shares.values()), "gap": r.gap}


def _small(v):
    return f"{v:.1e}" if v else "0"


def chosen_options(given, methods):
    """Return {option as we spell it: value}. Raises InputError if no method has an option of a name."""
    known = {name for method in methods for name in options_of(method)}
    kind = f"option of {', '.join(methods)}" if len(methods) <= 4 else "option"
    return {named(kind, name, sorted(known)): value for name, value in given.items()}
