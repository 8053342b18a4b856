"""One cell of the audit: one picture, one method and one score. It gives a row of numbers for every attack."""

from functools import cache, lru_cache
from itertools import takewhile

import numpy as np

from tinyattr.attack import alter, tapped
from tinyattr.errors import InputError
from tinyattr.files.tables import plain
from tinyattr.methods import AT_A_LAYER, METHODS, options_of
from tinyattr.methods.heatmap import relu, resize
from tinyattr.methods.request import ask
from tinyattr.softmax import softmax
from tinyattr.studies import metrics, more_attacks
from tinyattr.studies.more_attacks import paint, stamped

VARIANTS = {  # name in the table: (method, options, the only score it belongs to)
    "lrp, LRP-0": ("lrp", {"composite": "zero"}, None),
    "lrp, from S": ("lrp", {"start": "score"}, None),
    "lrp, SGLRP": ("lrp", {"start": "sglrp"}, "post"),
    "lrp, CLRP": ("lrp", {"start": "clrp"}, "pre"),
    "deeplift, RevealCancel": ("deeplift", {"rule": "reveal_cancel"}, None),
    "deeplift, softmax as a layer": ("deeplift", {"row": "softmax"}, "post"),
    "eigen_cam, weighted": ("eigen_cam", {"weighted": True}, None),
}
AUDITED = {**{name: (name, {}, None) for name in METHODS}, **VARIANTS}
QUICK = {"samples": 16, "steps": 16, "stride": 32}  # faster than the methods' defaults, and enough for verdicts


def corner_of_pixels(net, K=10.0, layer=None):
    """t = K times the sum of the upper left seventh of the picture. It fools methods that explain pixels."""
    if net.input is None:
        raise InputError(f"{net.name} does not say how large its pictures are: load it with input=InputSpec(...)")
    H, W = net.input.shape[:2]
    mask = np.zeros((H, W))
    mask[:H // 7, :W // 7] = 1
    return paint(net, mask, K, "input")


def early(net, K=10.0, layer=None):
    """t is computed from a layer far before the explained layer, so t does not pass through the explained layer.
    We take the middle one of the max-pools before the explained layer or, if there are none, of the convolutions.
    """
    explained = tapped(net, layer)
    before = list(takewhile(lambda entry: entry[0] != explained, net.layers))
    pools, convolutions = ([name for name, op, _ in before if op == wanted] for wanted in ("max_pool", "conv2d"))
    maps = pools or convolutions
    if not maps:
        raise InputError(f"attack early: no max-pool and no convolution comes before '{explained}'")
    return alter(net, K, maps[len(maps) // 2])


ATTACKS = {**more_attacks.ATTACKS, "input": corner_of_pixels, "early": early}  # functions of network, K and layer


def examine(net, picture, method, score, attacks, K=10.0, layer=None, options=None):
    """Return one cell: a list of rows, one for each attack, as plain numbers; empty if the method cannot use the score.

    A row compares the original map with the altered map. change = max |L' - L| / max |L| is for the raw maps. For the
    maps as displayed: Spearman, Pearson, SSIM, which part of the highest tenth both have, the shift of the centre
    divided by the diagonal, and the energy (share of the positive part) in the upper left corner. A row also has max
    |y' - y| and, if there is a mask, whether the highest place is on the object.
    """
    name, own, only = AUDITED[method]
    if only not in (None, score):
        return []
    chosen = {key: value for key, value in {**QUICK, **(options or {})}.items() if key in options_of(name)} | own

    @cache
    def explained(request):
        where = layer if name in AT_A_LAYER else None
        return METHODS[name](request.net, request, request.target, score, where, **chosen)

    pixels = np.ascontiguousarray(picture.pixels)
    asked = requests(score, net, pixels.tobytes(), pixels.shape, picture.target, tuple(attacks), K, layer)
    return [{"picture": picture.name, "method": method, "attack": attack, "score": score,
             "y_change": float(np.abs(softmax(altered.z) - softmax(original.z)).max()),
             **compare(explained(original), explained(altered), picture.mask)}
            for attack, (original, altered) in asked.items()]


@lru_cache(maxsize=1)
def requests(score, *question):
    """Return {attack: (Request to the original network, Request to the attacked network)} for one score: see `runs`.

    We keep the last results, so methods of one score share walks, and attacks share the Request to the original.
    """
    asked = {r: ask(r.net, r, r.target, score) for pair in runs(*question).values() for r in pair}
    return {attack: (asked[before], asked[after]) for attack, (before, after) in runs(*question).items()}


@lru_cache(maxsize=1)
def runs(net, pixels, shape, target, attacks, K, layer):
    """Return {attack: runs of both networks} for a picture's bytes. We keep the last results for all scores."""
    pixels = np.frombuffer(pixels, np.uint8).reshape(shape)
    original = ask(net, net.read(pixels), target, "pre")
    found = {}
    for attack in attacks:
        before = ask(net, net.read(stamped(pixels)), target, "pre") if attack == "triggered" else original
        attacked = ATTACKS[attack](net, K=K, layer=layer)
        found[attack] = before, ask(attacked, before.x, target, "pre")
    return found


def compare(original, altered, mask=None):
    """Compare the altered heatmap with the original: {measure: number}. The number is None where it does not exist."""
    size, moved = np.abs(original.raw).max(), np.abs(altered.raw - original.raw).max()
    change = moved / size if size else (np.inf if moved else 0.0)
    a, b = (relu(h.plane) for h in (original, altered))
    h, w = (max(1, round(n / 7)) for n in a.shape)
    corner = np.s_[:h, :w]
    found = {
        "change": change, "spearman": metrics.spearman(a, b), "pearson": metrics.pearson(a, b),
        "ssim": metrics.ssim(a / (a.max() or 1), b / (b.max() or 1)), "top_tenth": metrics.top_k(a, b),
        "centre_shift": metrics.centre_shift(a, b) / np.hypot(*a.shape),
        "corner": metrics.energy(a, corner), "corner_altered": metrics.energy(b, corner),
    }
    if mask is not None:
        found["hit"], found["hit_altered"] = (float(metrics.points_at(resize(m, mask.shape), mask)) for m in (a, b))
    return plain({key: float(value) for key, value in found.items()})
