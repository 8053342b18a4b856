"""One cell of the audit: one picture, one method, one score; a row of numbers for every attack."""

from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from tinyattr.attack import alter
from tinyattr.errors import InputError, count_of
from tinyattr.files.photo import open_photo
from tinyattr.files.tables import plain
from tinyattr.glyphs.scenes import CLASSES, scene
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
MOST_SCENES = 10_000  # 1.5 GB
QUICK = {"samples": 16, "steps": 16, "stride": 32}  # in place of the methods' own defaults: verdicts need no more


def corner_of_pixels(net, K=10.0, layer=None):
    """t = K times the sum of the upper left seventh of the picture: what fools methods that explain pixels."""
    H, W = net.input.shape[:2] if net.input else (224, 224)
    mask = np.zeros((H, W))
    mask[:H // 7, :W // 7] = 1
    return paint(net, mask, K, "input")


def early(net, K=10.0, layer=None):
    """t tapped well before the explained layer, so that it does not pass through it (T4)."""
    pools = [name for name, op, _ in net.layers if op == "max_pool"]
    return alter(net, K, pools[(len(pools) - 1) // 2])


ATTACKS = {**more_attacks.ATTACKS, "input": corner_of_pixels, "early": early}  # functions of network, K and layer


@dataclass(frozen=True)
class Picture:
    """name, and the picture itself (H, W, 3) uint8; on glyph scenes also the class asked for and its mask (H, W).

    target: a class's number or name. A network that has no class of this name explains its own top class instead.
    """

    name: str
    pixels: np.ndarray
    target: int | str | None = None
    mask: np.ndarray | None = None


def scenes(count, seed=1):
    """Glyph scenes with two glyphs, one of them asked for, as pictures whose truth is known.

    Raises InputError for more than MOST_SCENES: all of them are in memory together.
    """
    found = []
    for k in range(count_of(count, "pictures", most=MOST_SCENES)):
        rng = np.random.default_rng([9_000_000 + seed, k])
        drawn = scene(rng, rng.choice(len(CLASSES), 2, replace=False), difficulty=0.5)
        c = drawn.classes[0]
        found.append(Picture(f"scene {k}, {CLASSES[c]}", drawn.picture, CLASSES[c], drawn.masks[0]))
    return found


def folder(path):
    """The JPEG and PNG files of a folder, by name. Raises InputError if there are none."""
    return [Picture(p.name, np.asarray(open_photo(p))) for p in pictures_in(path)]


def pictures_in(path):
    """The paths of a folder's JPEG and PNG files, by name. Raises InputError if there are none."""
    files = sorted(p for p in Path(path).glob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not files:
        raise InputError(f"no JPEG or PNG files in {str(path)!r}")
    return files


def examine(net, picture, method, score, attacks, K=10.0, layer=None, options=None):
    """One cell: a list of rows, one for each attack, as plain numbers; none where the method cannot take the score.

    Original against altered map: change = max |L' - L| / max |L| of the raw maps; of the shown maps Spearman, Pearson,
    SSIM, the share of the highest tenth that both have, the shift of the centre in parts of the diagonal, and the
    energy at the tapped corner; max |y' - y|; with a mask, whether the highest place lies on the object.
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
    asked = requests(net, pixels.tobytes(), pixels.shape, picture.target, score, tuple(attacks), K, layer)
    return [{"picture": picture.name, "method": method, "attack": attack, "score": score,
             "y_change": float(np.abs(softmax(altered.z) - softmax(original.z)).max()),
             **compare(explained(original), explained(altered), picture.mask)}
            for attack, (original, altered) in asked.items()]


@lru_cache(maxsize=1)
def requests(net, pixels, shape, target, score, attacks, K, layer):
    """{attack: (Request to the original network, Request to the attacked one)}, by one score for a picture's bytes.

    The last ones are kept: the methods of one score share their walks, and the attacks share the original network's.
    """
    pixels = np.frombuffer(pixels, np.uint8).reshape(shape)
    original = ask(net, net.read(pixels), target, score)
    found = {}
    for attack in attacks:
        before = ask(net, net.read(stamped(pixels)), target, score) if attack == "triggered" else original
        attacked = ATTACKS[attack](net, K=K, layer=layer)
        found[attack] = before, ask(attacked, attacked.run(before.x), target, score)
    return found


def compare(original, altered, mask=None):
    """How far the altered heatmap is from the original one: {measure: number}, None where a measure does not exist."""
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
