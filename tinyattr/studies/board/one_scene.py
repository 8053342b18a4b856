"""One scene: compute every map of the board and measure it."""

from hashlib import sha256

import numpy as np

from tinyattr.glyphs.scenes import CLASSES, HARDEST, scene
from tinyattr.methods import AT_A_LAYER, METHODS
from tinyattr.softmax import softmax
from tinyattr.studies.audit import ATTACKS, AUDITED
from tinyattr.studies.board.measures import areas, on_the_glyph, own_share, rank_correlation
from tinyattr.studies.board.rows import ANY, ORIGINAL, networks_of, options, scores_of
from tinyattr.studies.board.shared import Passes
from tinyattr.studies.metrics import points_at

KINDS = ("one", "two", "one", "none")  # glyphs in scenes 0 to 3; scene 4 is like scene 0, and so on
GLYPHS = {"none": 0, "one": 1, "two": 2}
CURVES = 8  # in every eighth scene, which has one glyph, we also measure insertion, deletion and immunity
CHANCE, TRUTH = "random numbers", "the mask itself"  # not methods, but a map by chance and the best possible map


def drawn(k, seed):
    """Return (scene k, its rng). Training uses other random numbers, so the network has not seen this scene."""
    rng = np.random.default_rng([8_000_000 + seed, k])
    classes = rng.choice(len(CLASSES), GLYPHS[KINDS[k % len(KINDS)]], replace=False)
    return scene(rng, classes, difficulty=HARDEST * rng.random()), rng


def measure(net, k, *, seed, methods, scores, attacks, K, layer):
    """Return the results of scene k: {"kind", "right", "y", "area", "rows": {row: {measure: number}}}.

    We explain the classes of the scene. For two glyphs, numbers are means over both classes. Without a glyph we explain
    the top class, only in the original network. right: whether the top class is in the scene; y: probability of the
    explained class; area: share of the picture that a mask covers.
    A row is "method|score|network". Its measures are hit (pointing game), energy (share on the mask), rank (correlation
    with the mask), for two glyphs follows, and the height of the map without its row's scale. Every CURVES-th scene
    also has insertion and deletion. There, if algebra says that no attack changes a map by log_odds, it also has change
    = max |L' - L| / max |L| for one attack.
    """
    picture, rng = drawn(k, seed)
    networks = {ORIGINAL: net, **{name: ATTACKS[name](net, K=K) for name in attacks}}
    passes = Passes(list(networks.values()), net.read(picture.picture))
    y = softmax(passes.request(net, 0, "pre").z)
    classes = [net.classes.index(CLASSES[c]) for c in picture.classes] or [int(y.argmax())]
    known = len(picture.masks) > 0
    measured = {}  # {(class, sha256 of a map): its numbers}: many scores and attacks give the same map

    def heatmap(method, score, network, c):
        name = AUDITED[method][0]
        request = passes.request(networks[network], c, "pre" if score == ANY else score)
        where = layer if name in AT_A_LAYER else None
        return METHODS[name](request.net, request, c, request.score, where, **options(method))

    def numbers(heats):
        found = []
        for i, (c, heat) in enumerate(zip(classes, heats, strict=True)):
            key = c, sha256(heat.plane.tobytes()).digest()
            if key not in measured:
                curves = areas(passes.request(net, c, "post"), heat.map) if k % CURVES == 0 else None
                measured[key] = of_a_map(heat, picture.masks, i, curves)
            found.append(measured[key])
        return {key: float(np.mean([f[key] for f in found])) for key in found[0]}

    rows = {}
    for method in methods:
        for score in scores_of(method, scores):
            for network in networks_of(method, score, attacks if known else ()):
                heats = [heatmap(method, score, network, c) for c in classes]
                rows[f"{method}|{score}|{network}"] = numbers(heats)
            if k % CURVES == 0 and score == "log_odds" and networks_of(method, score, attacks) == {ORIGINAL: ANY}:
                attack = attacks[k // CURVES % len(attacks)]
                a, b = (heatmap(method, score, network, classes[0]).raw for network in (ORIGINAL, attack))
                rows[f"{method}|{score}|{ORIGINAL}"]["change"] = float(np.abs(b - a).max() / (np.abs(a).max() or 1))
    request = passes.request(net, classes[0], "pre")
    for name, planes in ((CHANCE, rng.random((len(classes), 14, 14))), (TRUTH, picture.masks * 1.0)):
        planes = planes if len(planes) else [np.zeros((2, 2))]  # a mask without a glyph
        rows[f"{name}|{ANY}|{ORIGINAL}"] = numbers([request.heatmap(name, "input", plane) for plane in planes])
    return {"kind": KINDS[k % len(KINDS)], "right": bool(y.argmax() in classes), "y": float(y[classes].mean()),
            "area": float(picture.masks.mean()) if known else 0.0, "rows": rows}


def of_a_map(heat, masks, i, curves=None):
    """Return {measure: number} of a map that should show glyph i of the masks (k, H, W). No masks: only its height."""
    found = {"height": max(float(heat.plane.max()), 0.0)}
    if len(masks):
        L, mask = heat.map, masks[i]
        found |= {"hit": float(points_at(L, mask)), "energy": on_the_glyph(L, mask), "rank": rank_correlation(L, mask)}
    if len(masks) == 2:
        found["follows"] = 2 * own_share(L, mask, masks[1 - i]) - 1  # the mean over both classes is measures.follows
    if curves is not None:
        found |= dict(zip(("insertion", "deletion"), curves, strict=True))
    return found
