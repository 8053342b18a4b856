"""Run all sanity checks for some methods and scores, in the original and the altered network."""

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from tinyattr.attack import alter
from tinyattr.errors import all_named
from tinyattr.files.tables import aligned, plain
from tinyattr.methods import AT_A_LAYER, METHODS
from tinyattr.methods.heatmap import resize
from tinyattr.methods.request import ask
from tinyattr.scores import SCORES
from tinyattr.studies.metrics import spearman
from tinyattr.studies.sanity.classes import random_logit
from tinyattr.studies.sanity.faithfulness import sensitivity_n
from tinyattr.studies.sanity.spread import entropy, gini
from tinyattr.studies.sanity.steadiness import max_sensitivity
from tinyattr.studies.sanity.weights import randomised

CHECKED = ("grad_cam", "hirescam", "gradient", "guided_backprop")
NOISES, SETS = 5, 50  # random draws for max-sensitivity and Sensitivity-n: enough to compare, not to publish


@dataclass(frozen=True)
class Check:
    """A Check holds results for one method and score in one network: means over the pictures.

    other_class: SSIM of the maps of two classes. noise: max-sensitivity. gini, entropy: those of the method's map |L|.
    faithful: Sensitivity-n, where n is a tenth of the places, by score y_c, which is equal in both networks.
    """

    network: str
    method: str
    score: str
    other_class: float
    noise: float
    gini: float
    entropy: float
    faithful: float


@dataclass(frozen=True, eq=False)
class Sanity:
    """A Sanity holds all Checks, and {(method, score): {layer: rank correlation}} of the original network."""

    network: str
    checks: list[Check]
    cascade: dict
    layer_by_layer: dict

    def table(self):
        """Return the checks as text, and then the ends of the cascades."""
        columns = ["network", "method", "score", "other class:.3f", "noise:.3f", "gini:.3f", "entropy:.2f",
                   "faithful:.3f"]
        ends = [(*key, list(found.values())[-1], *sorted(self.layer_by_layer[key].items(), key=lambda item: item[1])[0])
                for key, found in self.cascade.items()]
        return "\n".join([
            aligned(columns, [vars(check).values() for check in self.checks]),
            "other class: SSIM of two classes' maps, 1 if the map ignores the class; noise: how far noise of 0.2 moves",
            "the map; gini: 1 if one place holds the whole map; entropy: in nats; faithful: Sensitivity-n",
            "", aligned(["method", "score", "all weights anew:.3f", "least by one layer", "anew:.3f"], ends),
            "rank correlation of |L| with that of the trained network; near 0 if the map shows what was learned"])

    def numbers(self):
        """Return the checks as plain data, for --json."""
        cascades = {name: {", ".join(key): found for key, found in getattr(self, name).items()}
                    for name in ("cascade", "layer_by_layer")}
        return plain({"network": self.network, "checks": self.checks, **cascades})


def sanity(net, pictures, *, methods=CHECKED, scores=("pre", "log_odds"), K=10.0, layer=None):
    """Check the maps of each picture's top class in `net` and its altered network. Cascades use only one picture."""
    pairs = [(m, s) for m in all_named("method", methods, METHODS) for s in all_named("score", scores, SCORES)]
    networks, rows = {"original": net, "altered": alter(net, K, layer)}, {}
    for seed, picture in enumerate(tqdm(pictures, desc="sanity", disable=None)):
        x, tapes = net.read(picture.pixels), {}
        judged = ask(net, x, None, "post")
        for key in ((n, *pair) for n in networks for pair in pairs):
            rows.setdefault(key, []).append(_checked(judged, networks[key[0]], key, tapes, layer, seed))
    cascades = [_cascades(net, net.read(pictures[0].pixels), pairs, layer, below) for below in (True, False)]
    return Sanity(net.name, [Check(*key, *np.nanmean(found, 0).tolist()) for key, found in rows.items()], *cascades)


def _checked(judged, network, key, tapes, layer, seed):
    """Return the five numbers of a Check for one picture. tapes: {(network, picture): tape}, shared by all methods."""
    name, method, score = key

    def explain(x=judged.x, c=judged.target):
        at = (name, x.tobytes())
        tapes[at] = tapes.get(at) or network.run(x)
        return _plane(network, tapes[at], c, method, score, layer)

    L, size = explain(), judged.x.shape[1:3]
    return (random_logit(lambda c: explain(c=c), judged.target, len(judged.z), seed=seed),
            max_sensitivity(explain, judged.x, samples=NOISES, seed=seed), gini(L), entropy(L),
            sensitivity_n(judged.net, judged, resize(L, size), size[0] * size[1] // 10, judged.target, runs=SETS,
                          seed=seed))


def _cascades(net, x, pairs, layer, below):
    """Return {(method, score): {layer: rank correlation}}. All methods share one run of each network."""
    maps, c = {pair: {} for pair in pairs}, int(net(x)[0].argmax())
    for name, network in randomised(net, below=below):
        tape = network.run(x)
        for pair in pairs:
            maps[pair][name] = np.abs(_plane(network, tape, c, *pair, layer))
    return {pair: {name: spearman(of["trained"], L) for name, L in of.items()} for pair, of in maps.items()}


def _plane(network, tape, c, method, score, layer):
    """Return a method's signed map, (h, w); `layer` is for methods that explain a layer."""
    return METHODS[method](network, tape, c, score, layer if method in AT_A_LAYER else None).plane
