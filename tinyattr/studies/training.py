"""Training does not remove the attack: if original and altered network train in the same way, they stay equal (V6, V7).

dE/dt = sum_i dE/dz'_i = 0 for every loss E that depends only on the probabilities. So the weights that make t, such as
its strength K, never change, and all other weights get the same gradients in both networks. K changes if the loss uses
the logits in another way, and under weight decay. LOSSES and `decay` show this.
"""

from dataclasses import dataclass, replace

import numpy as np

from tinyattr.attack import alter
from tinyattr.engine import GRADIENT, walk, weight_gradients
from tinyattr.errors import named
from tinyattr.files.photo import read_photo
from tinyattr.files.tables import aligned
from tinyattr.files.vgg import vgg
from tinyattr.glyphs.scenes import CLASSES, INPUT, scene
from tinyattr.softmax import cross_entropy_gradient, logsumexp, softmax


def cross_entropy_slope(z, t):
    """dE/dz = y - t, E = -sum t log y. The sum over classes is 0."""
    return cross_entropy_gradient(softmax(z), t)


def sigmoid_slope(z, t):
    """dE/dz = s(z) - t for E = sum of binary cross-entropies, s(z) = 1 / (1 + e^-z). The sum over classes is not 0."""
    return 1 / (1 + np.exp(-np.clip(z, -700, 700))) - t


def z_loss_slope(z, t):
    """dE/dz = y - t + 0.1 l y for E = cross-entropy + 0.05 l^2, l = logsumexp z. The sum over classes is 0.1 l."""
    return cross_entropy_slope(z, t) + 0.1 * logsumexp(z)[:, None] * softmax(z)


LOSSES = {"cross_entropy": cross_entropy_slope, "sigmoid": sigmoid_slope, "z_loss": z_loss_slope}


@dataclass(frozen=True)
class Training:
    """A Training compares two trained networks. slope: largest |dE/dt| of all steps; moved: |K' - K| / |K| at the end.

    apart: largest |theta' - theta| of all shared weights at the end, divided by how far training moved weights. Both
    networks stay equal even in float32, because logits, t and dE/dz are float64 here. In float32, sum_i dE/dz_i would
    be a rounding error instead of 0, and K times this error would change the weights.
    """

    loss: str
    decay: float
    dtype: str
    steps: int
    slope: float
    moved: float
    apart: float


def train_alike(net, batch, steps=20, *, loss="cross_entropy", rate=0.05, decay=0.0, K=10.0):
    """Train `net`, and its altered network including K, by plain gradient descent on batch(step) = (x, t).

    Returns a Training. decay: weight decay on all weights and on K. Raises InputError for an unknown loss.
    """
    loss = named("loss", loss, LOSSES)
    original, altered, slope = net, alter(net, K), 0.0
    for step in range(steps):
        x, t = batch(step)
        original, _ = _step(original, x, t, LOSSES[loss], rate, decay)
        altered, g = _step(altered, x, t, LOSSES[loss], rate, decay)
        slope = max(slope, float(np.abs(g.sum(-1)).max()))
    before, after, after_altered = (np.concatenate([w.ravel() for name in net.weights for w in n.weights[name]])
                                    for n in (net, original, altered))
    apart = np.abs(after - after_altered).max() / np.abs(after - before).max()
    K_end = float(altered.weights["K"][0])
    return Training(loss, decay, str(net.dtype), steps, slope, abs(K_end - K) / abs(K), float(apart))


def _step(net, x, t, loss, rate, decay):
    """Take one step of gradient descent. Return (the next network, dE/dz of every picture)."""
    tape = net.run(x)
    g = loss(net.logits(tape), t) / len(x)
    learned = list(net.weights)
    signals = walk(tape, {net.layers[-1][0]: g}, GRADIENT, to=learned, only=True)
    gradients = weight_gradients(tape, signals)
    weights = {name: tuple((w - rate * (d + decay * w)).astype(w.dtype)
                           for w, d in zip(net.weights[name], gradients[name], strict=True)) for name in learned}
    return replace(net, weights=weights), g


CASES = ((np.float64, "cross_entropy", 0.0), (np.float32, "cross_entropy", 0.0), (np.float64, "cross_entropy", 0.01),
         (np.float64, "sigmoid", 0.0), (np.float64, "z_loss", 0.0))


def demonstrate(steps=20, seed=0):
    """Yield a Training for each of CASES: a small VGG learns glyphs of 64 x 64 pixels, in batches of four."""
    spec = replace(INPUT, size=64)

    def batch(step):
        rng = np.random.default_rng([seed, step])
        drawn = [scene(rng, difficulty=0.2) for _ in range(4)]
        return (np.concatenate([read_photo(s.picture, spec) for s in drawn]),
                np.eye(len(CLASSES))[[s.classes[0] for s in drawn]])

    for dtype, loss, decay in CASES:
        net = vgg("A", width=1 / 16, dense=(16, 16), classes=CLASSES, size=64, seed=seed, input=spec, dtype=dtype)
        rate = 0.05 if loss == "cross_entropy" else 1e-5  # t is large: a loss that depends on t would diverge
        yield train_alike(net, batch, steps, loss=loss, rate=rate, decay=decay)


def table(found):
    """Return Trainings as a table of text."""
    return aligned(["loss", "decay:g", "dtype", "steps:d", "|dE/dt|:.1e", "K moved:.1e", "weights apart:.1e"],
                        [vars(f).values() for f in found])
