"""The embedded network: VGG19's layout at an eighth of its width, trained on the glyph world in two stages.

The first stage teaches the twenty glyphs, one in each picture. After this stage the network is too sure of its answers,
and has activations everywhere in the picture. So the second stage shows two glyphs in half of its pictures, has targets
below 1 (soft targets), and adds a penalty for activations outside the glyphs.
"""

from dataclasses import replace

import numpy as np
from PIL import Image

from tinyattr.files.vgg import vgg
from tinyattr.glyphs.scenes import CLASSES, HARDEST, INPUT, scene
from tinyattr.glyphs.train import refreshed, train

FIRST, SECOND, PICTURES = 1900, 300, 32  # steps of the two stages; pictures in a batch
STEPS = FIRST + SECOND
RATES = 5e-4, 3e-4  # learning rates of Adam in the two stages
EASY = 1.0  # if the loss is smaller, the scenes get more difficult
SMOOTHING = 0.05  # in the second stage, all classes share this part of the target
LAYER, PLACES, PRICE = "block5_relu4", 14, 0.3  # layer that gets the penalty; its height = width; the penalty's factor


def untrained(seed=0):
    """Return VGG19's layout at an eighth of its width. The last layer starts with 0.3 times its usual weights."""
    net = vgg("E", width=1 / 8, dense=(128, 128), classes=CLASSES, seed=seed, input=INPUT)
    kernel, bias = net.weights["predictions"]
    return replace(net, weights={**net.weights, "predictions": (np.float32(0.3) * kernel, bias)}, name="glyphs")


def train_glyphs(steps=STEPS, *, seed=0, checkpoint=None, masks=True):
    """Train the embedded network from random weights. The same seed gives the same bytes. A step takes 1 s on 2 cores.

    With fewer steps, both stages get shorter by the same factor. At the second stage Adam's means start at 0 again.
    masks: add the penalty for activations outside the glyphs. Without it, nothing tells the network where glyphs are.
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
    """Return the learning rate after `share` of a stage: constant until `fall`, then half a cosine down to 0."""
    late = max(0, (share - fall) / (1 - fall))
    return rate * (1 + np.cos(np.pi * late)) / 2


def one_glyph(rng, state):
    """Return a batch of the first stage: one glyph in each picture, and hard targets.

    Curriculum: every picture has a random difficulty below d. d grows by 0.01 in each step, up to HARDEST, while the
    running loss is below EASY. With full difficulty from the start, the network learns nothing.
    """
    d = min(HARDEST, state.difficulty + 0.01 * (state.loss < EASY))
    scenes = [scene(rng, difficulty=d * rng.random()) for _ in range(PICTURES)]
    return pictures(scenes), np.eye(len(CLASSES))[[s.classes[0] for s in scenes]], {}, replace(state, difficulty=d)


def two_glyphs(rng, state):
    """Return a batch of the second stage. It has four pictures of one glyph, then four of two glyphs, and so on."""
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
    """Return the scenes as network input, (N, 224, 224, 3)."""
    return np.concatenate([INPUT.encode(s.picture) for s in scenes])


def near(mask):
    """Return which of PLACES x PLACES places are covered by the mask (by 3 % or more), or are next to such a place."""
    share = Image.fromarray(mask.astype(np.uint8) * 255).resize((PLACES, PLACES), Image.Resampling.BOX)
    ink = np.pad(np.asarray(share) > 8, 1)
    return np.lib.stride_tricks.sliding_window_view(ink, (3, 3)).any((-1, -2))
