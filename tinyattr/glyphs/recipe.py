"""The embedded network: VGG19's layout at an eighth of its width, taught the glyph world in two terms.

The first term teaches twenty shapes, one in a picture. It ends surer than it should be, and with activations all over
the picture. The second has two glyphs in half of its pictures, soft targets, and a price on activations where no glyph
is.
"""

from dataclasses import replace

import numpy as np
from PIL import Image

from tinyattr.files.vgg import vgg
from tinyattr.glyphs.scenes import CLASSES, HARDEST, INPUT, scene
from tinyattr.glyphs.train import refreshed, train

FIRST, SECOND, PICTURES = 1900, 300, 32  # steps of the two terms; pictures in a batch
STEPS = FIRST + SECOND
RATES = 5e-4, 3e-4  # of Adam, in either term
EASY = 1.0  # loss below which the world gets harder
SMOOTHING = 0.05  # of the second term's targets: this much is shared by all classes
LAYER, PLACES, PRICE = "block5_relu4", 14, 0.3  # where activations away from the glyphs cost; places a side; how much


def untrained(seed=0):
    """VGG19's layout at an eighth of its width; the last layer starts small, at 0.3 of He's scale."""
    net = vgg("E", width=1 / 8, dense=(128, 128), classes=CLASSES, seed=seed, input=INPUT)
    kernel, bias = net.weights["predictions"]
    return replace(net, weights={**net.weights, "predictions": (np.float32(0.3) * kernel, bias)}, name="glyphs")


def train_glyphs(steps=STEPS, *, seed=0, checkpoint=None, masks=True):
    """The embedded network, trained from nothing; the same seed gives the same bytes. About a second a step on 2 cores.

    Fewer steps are shared by both terms alike. The second begins with Adam's means forgotten. masks: whether
    activations away from the glyphs have their price; without it nothing tells the network where the glyphs are.
    """
    first = steps * FIRST // STEPS

    def batch(step, state):
        rng = np.random.default_rng([seed, step])
        if step < first:
            return one_glyph(rng, state)
        x, t, prices, state = two_glyphs(rng, refreshed(state) if step == first else state)
        return x, t, prices if masks else {}, state

    def rate(step):
        if step < first:
            return rate_at(step / first, 0.5, RATES[0])
        return rate_at((step - first) / (steps - first), 0, RATES[1])

    net, _ = train(untrained(seed), batch, steps, rate=rate, checkpoint=checkpoint)
    how = f"tinyattr train --steps {steps} --seed {seed}" + " --no-masks" * (not masks)
    return replace(net, source=how)


def rate_at(share, fall, rate):
    """The rate when `share` of a term is over: constant until `fall`, then down to 0 by half a cosine."""
    late = max(0, (share - fall) / (1 - fall))
    return rate * (1 + np.cos(np.pi * late)) / 2


def one_glyph(rng, state):
    """A batch of the first term: one glyph a picture, hard targets.

    Curriculum: every picture draws its own difficulty below d, and d grows by 0.01 a step, up to HARDEST, while the
    running loss is below EASY: at full difficulty from the start nothing is learned.
    """
    d = min(HARDEST, state.difficulty + 0.01 * (state.loss < EASY))
    scenes = [scene(rng, difficulty=d * rng.random()) for _ in range(PICTURES)]
    return pictures(scenes), np.eye(len(CLASSES))[[s.classes[0] for s in scenes]], {}, replace(state, difficulty=d)


def two_glyphs(rng, state):
    """A batch of the second term: one glyph or two in turns of four, soft targets, and what activations away cost."""
    n = len(CLASSES)
    scenes = []
    for k in range(PICTURES):
        classes = None if k % 8 < 4 else rng.choice(n, 2, replace=False)
        scenes.append(scene(rng, classes, difficulty=HARDEST * rng.random()))
    t = np.stack([np.eye(n)[list(s.classes)].mean(0) for s in scenes])  # (N, n): 1/k for each of k glyphs
    away = np.stack([~near(s.masks.any(0)) for s in scenes])[..., None]  # (N, 14, 14, 1)
    price = np.float32(PRICE / away.size) * away
    return pictures(scenes), (1 - SMOOTHING) * t + SMOOTHING / n, {LAYER: price}, state


def pictures(scenes):
    """The scenes as the network wants them, (N, 224, 224, 3)."""
    return np.concatenate([INPUT.encode(s.picture) for s in scenes])


def near(mask):
    """Which of PLACES x PLACES places have ink of the mask in them, or touch one that has (3 in 100 of it counts)."""
    share = Image.fromarray(mask.astype(np.uint8) * 255).resize((PLACES, PLACES), Image.Resampling.BOX)
    ink = np.pad(np.asarray(share) > 8, 1)
    return np.lib.stride_tricks.sliding_window_view(ink, (3, 3)).any((-1, -2))
