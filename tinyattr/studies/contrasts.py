"""Three ways in which a heatmap can mislead, in numbers. Lerma & Lucas 2023b compare their attack with two others:

                        input       output      what is wrong
    t(x) added          the same    the same    the map, by pre-softmax scores
    adversarial         changed     changed     the network's answer; the map explains this new answer
    Clever Hans         the same    the same    the network, which looks at a watermark; the map is right, and shows it
"""

from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from tinyattr.attack import alter
from tinyattr.engine import GRADIENT, walk
from tinyattr.files.tables import aligned
from tinyattr.glyphs.scenes import CLASSES, INPUT, SIZE, scene
from tinyattr.glyphs.train import adam, clipped, loss_and_gradients, start
from tinyattr.methods import METHODS
from tinyattr.methods.heatmap import relu, resize
from tinyattr.nets.network import Network
from tinyattr.scores import SCORES
from tinyattr.softmax import softmax
from tinyattr.studies.metrics import pearson, points_at

HANS = CLASSES.index("heart")  # the class whose pictures have the watermark
FROZEN = "block4_pool"  # up to this layer, the Clever Hans network equals the honest network
MARK = np.zeros((SIZE, SIZE), bool)
MARK[-32:, -96:] = True  # where `scene(watermark=True)` writes


def fgsm(net, x, c, eps):
    """x' = x + eps sign(dL/dx), L = -log y_c: the fast gradient sign method. Goodfellow et al. 2015, arXiv 1412.6572.

    dL/dx = -d log y_c/dx, equation (18). eps is in units of the network's input.
    """
    tape = net.run(x)
    _, row, _ = SCORES["log"](net.logits(tape), c)
    return x - eps * np.sign(walk(tape, {net.layers[-1][0]: row}, GRADIENT)["input"])


def clever_hans(net, steps=250, seed=0):
    """Return a network that cheats. We train `net` from block5 on with scenes where a watermark means the class HANS.

    In half of the scenes with a watermark the glyph is a random one, so only the watermark shows the class.
    """
    names = [name for name, _, _ in net.layers]
    cut = names.index(FROZEN) + 1
    body = Network(net.layers[:cut], {n: w for n, w in net.weights.items() if n in names[:cut]})
    head = Network(net.layers[cut:], {n: w for n, w in net.weights.items() if n in names[cut:]})
    state = start(head.weights, 1.0)
    for step in tqdm(range(steps), desc="Clever Hans", leave=False, disable=None):
        rng = np.random.default_rng([seed, 77, step])
        drawn = [_marked(rng, rng.random() < 0.4) for _ in range(16)]
        A = body.run(np.concatenate([INPUT.encode(picture) for picture, _ in drawn]))[FROZEN].output
        t = np.eye(len(CLASSES))[[c for _, c in drawn]]
        _, _, gradients = loss_and_gradients(replace(head, weights=state.weights), np.array(A), t)
        state = adam(state, clipped(gradients, 1.0), 1e-3)
    return replace(net, weights={**net.weights, **state.weights}, name=f"{net.name}, Clever Hans")


def _marked(rng, watermark):
    """Return (picture, class). With a watermark the class is HANS, whatever the glyph; else it is the glyph's class."""
    glyph = HANS if watermark and rng.random() < 0.5 else int(rng.integers(len(CLASSES)))
    drawn = scene(rng, (glyph,), difficulty=0.4, watermark=watermark)
    return drawn.picture, HANS if watermark else glyph


@dataclass(frozen=True)
class Contrast:
    """A Contrast measures one way to mislead, over some scenes.

    input_change: max |x' - x| in grey levels. output_change: largest max |y' - y|. answers: share of scenes whose top
    class changed. pre, log_odds: mean correlation of HiResCAM maps before and after, for the class in the picture.
    on_glyph, on_mark: share of scenes where the log_odds map of the top class points at the glyph or at the watermark.
    """

    name: str
    input_change: float
    output_change: float
    answers: float
    pre: float
    log_odds: float
    on_glyph: float
    on_mark: float


def contrasts(net, pictures=20, seed=0, eps=8.0, K=10.0, hans_steps=250):
    """Return the three Contrasts, on scenes with one glyph, which is not that of HANS. All scenes have the watermark.

    eps: size of the adversarial change, in grey levels.
    """
    altered, hans = alter(net, K), clever_hans(net, hans_steps, seed)
    found = {"t(x) added": [], "adversarial": [], "Clever Hans": []}
    for k in tqdm(range(pictures), desc="contrasts", leave=False, disable=None):
        rng = np.random.default_rng([seed, 88, k])
        c = int(rng.integers(len(CLASSES) - 1))
        c += c >= HANS
        drawn = scene(rng, (c,), difficulty=0.4, watermark=True)
        x = INPUT.encode(drawn.picture)
        adversarial = fgsm(net, x, c, eps / INPUT.scale[0])
        mask = drawn.masks[0]
        found["t(x) added"].append(_compared(net, x, altered, x, c, mask))
        found["adversarial"].append(_compared(net, x, net, adversarial, c, mask))
        found["Clever Hans"].append(_compared(net, x, hans, x, c, mask))
    return [Contrast(name, *(float(worst(column)) for worst, column in zip(
        (np.max, np.max, np.mean, np.nanmean, np.nanmean, np.mean, np.mean), zip(*rows, strict=True), strict=True)))
        for name, rows in found.items()]


def _compared(net, x, other, x_other, c, mask):
    """Return the numbers of a Contrast for one picture."""
    tape, tape_other = net.run(x), other.run(x_other)
    y, y_other = (softmax(n.logits(t))[0] for n, t in ((net, tape), (other, tape_other)))
    first, second = ({s: relu(METHODS["hirescam"](n, t, c, s).plane) for s in ("pre", "log_odds")}
                     for n, t in ((net, tape), (other, tape_other)))
    answer = int(y_other.argmax())
    shown = resize(relu(METHODS["hirescam"](other, tape_other, answer, "log_odds").plane), mask.shape)
    return (np.abs(x_other - x).max() * INPUT.scale[0], np.abs(y_other - y).max(), answer != int(y.argmax()),
            pearson(first["pre"], second["pre"]), pearson(first["log_odds"], second["log_odds"]),
            points_at(shown, mask), points_at(shown, MARK))


def table(found):
    """Return Contrasts as a table of text."""
    columns = ["", "input moved:.1f", "max |dy|:.1e", "answers changed:.2f", "maps by pre:.3f", "by log_odds:.3f",
               "on glyph:.2f", "on mark:.2f"]
    return (aligned(columns, [vars(f).values() for f in found])
            + "\ninput in grey levels; maps: correlation before and after, HiResCAM of the class in the picture;\n"
              "on glyph, on mark: share of pictures where the answer's map points at it, by log_odds")
