"""Which heatmap is right, by a number: on glyph scenes the truth is known to the pixel.

The pointing game (Zhang et al. 2016, arXiv 1608.00507): is the map's highest place on the object, within 15 pixels?
And the energy: what share of the map lies on the object, compared with the share of the picture that it covers?
"""

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from tinyattr.attack import alter
from tinyattr.files.tables import aligned, plain
from tinyattr.glyphs.scenes import CLASSES, HARDEST, INPUT, scene
from tinyattr.methods import METHODS
from tinyattr.methods.request import ask
from tinyattr.softmax import softmax
from tinyattr.studies.metrics import energy, points_at

LAYER = "block5_relu4"  # 14 x 14: the ReLU after the last convolution


@dataclass(frozen=True)
class Points:
    """One method and score in one network: share of hits, mean energy on the object."""

    network: str
    method: str
    score: str
    hits: float
    energy: float


@dataclass(frozen=True, eq=False)
class PointingGame:
    """All points, and what the pictures were like: accuracy of the network, mean area of the objects.

    y_c: the probability of the true class, of every picture.
    """

    pictures: int
    accuracy: float
    area: float
    y_c: np.ndarray
    rows: list[Points]

    def table(self):
        """The game as text."""
        quartiles = zip((5, 25, 50, 75, 95), np.percentile(self.y_c, [5, 25, 50, 75, 95]), strict=True)
        return "\n".join([
            f"pictures  {self.pictures}, objects cover {self.area:.3f} of a picture on average",
            f"accuracy  {self.accuracy:.4f}",
            f"y_c       {', '.join(f'{p} %: {q:.4f}' for p, q in quartiles)}; "
            f"above 0.999: {(self.y_c > 0.999).mean():.2f}, below 0.9: {(self.y_c < 0.9).mean():.2f}",
            "", aligned(["network", "method", "score", "hits:.3f", "energy on object:.3f"],
                      [vars(row).values() for row in self.rows])])

    def numbers(self):
        """The game as plain numbers, for --json."""
        return plain(self)


def pointing_game(net, pictures=500, *, seed=1, two=False, K=10.0, methods=("grad_cam", "hirescam"),
                  scores=("pre", "post", "log", "log_odds"), layer=LAYER, tap="block5_pool"):
    """Measure `net` and its altered network on `pictures` unseen scenes, each explained for its true class.

    two: scenes with two glyphs, explained for the first or the second in turn; the other one is no hit.
    seed: of the scenes; training draws from other streams, so no scene has been seen.
    """
    networks = {"original": net, "altered": alter(net, K=K, layer=tap)}
    hits = {(n, m, s): [] for n in networks for m in methods for s in scores}
    inside = {key: [] for key in hits}
    y_c, right, areas = [], [], []
    for k in tqdm(range(pictures), desc="pointing", disable=None):
        rng = np.random.default_rng([7_000_000 + seed, k])
        classes = rng.choice(len(CLASSES), 2, replace=False) if two else None
        drawn = scene(rng, classes, difficulty=HARDEST * rng.random())
        which = k % len(drawn.classes)
        c, mask = drawn.classes[which], drawn.masks[which]
        areas.append(mask.mean())
        tapes = {n: network.run(INPUT.encode(drawn.picture)) for n, network in networks.items()}
        y = softmax(net.logits(tapes["original"]))[0]
        y_c.append(y[c])
        right.append(y.argmax() in drawn.classes)
        requests = {(n, s): ask(networks[n], tapes[n], c, s) for n in networks for s in scores}
        for n, m, s in hits:
            L = METHODS[m](networks[n], requests[n, s], c, s, layer).map
            hits[n, m, s].append(points_at(L, mask))
            inside[n, m, s].append(energy(L, mask))
    rows = [Points(*key, float(np.mean(hits[key])), float(np.nan_to_num(inside[key]).mean())) for key in hits]
    return PointingGame(pictures, float(np.mean(right)), float(np.mean(areas)), np.array(y_c), rows)
