"""Choose the heatmap: make a network whose pre-softmax map shows a text, with the same probabilities."""

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tinyattr.errors import InputError
from tinyattr.methods.heatmap import relu
from tinyattr.softmax import softmax
from tinyattr.studies.metrics import pearson
from tinyattr.studies.more_attacks import paint
from tinyattr.studies.reproduce import SAME, Claim, Reproduction, heatmaps

LEGIBLE = 4  # smallest height of a letter, in places
FAINT = 0.02  # activations below this share of the largest count as 0
READABLE = 0.9  # with this correlation or more, one can read the text


def painted(net, x, text, target=None, K=10.0, layer=None):
    """Make the heatmap show a text: t = K sum_ijk M_ij A_ijk, where M is the text. The figure is like Figures 3 to 5.

    In this picture all letters are equally bright, because M_ij = text_ij / sum_k A_ijk (we replace a sum below FAINT
    times the largest sum). layer: by default the last one before a max-pool on which the text is readable: a place
    without activations shows nothing. Raises InputError for a layer without places, and for a text that is too long.
    """
    tape = net.run(x)
    layer = layer or _last_readable(net, tape, text)
    total = _places(net, tape, layer)
    shown = lettering(text, total.shape)
    painted_net = paint(net, shown / _at_least_faint(total), K, layer)
    tapes = {"original": (net, tape), "painted": (painted_net, painted_net.run(x))}
    maps = heatmaps(tapes, ("hirescam", "grad_cam"), ("pre", "log_odds"), target, layer)
    y, y_painted = (softmax(n.logits(t))[0] for n, t in tapes.values())
    y_change = float(np.abs(y_painted - y).max())
    before, after = (pearson(relu(maps["hirescam", f"{n}: pre"].plane), shown) for n in tapes)
    change = float(np.abs(maps["hirescam", "painted: log_odds"].map - maps["hirescam", "original: log_odds"].map).max())
    claims = [
        Claim("the probabilities are the same", f"max |y' - y| = {y_change:.1e}", y_change <= SAME),
        Claim(f"HiResCAM by pre shows {text!r}", f"its correlation with the text {before:.3f} -> {after:.3f}",
              bool(after > READABLE)),
        Claim("its map by log_odds does not change", f"largest difference {change:.1e}", change <= SAME),
    ]
    label = maps["hirescam", "original: pre"].label
    return Reproduction.of(f"Painted: {label}, {net.name}, t = {K:g} sum M A, layer {layer}", maps, claims)


def _places(net, tape, layer):
    """Return sum_k A_ijk of a layer, (h, w)."""
    A = tape[layer].output
    if A.ndim != 4:
        raise InputError(f"layer '{layer}' has shape {A.shape}, no places to paint on; try '{net.features}'")
    return A[0].astype(np.float64).sum(-1)


def _at_least_faint(total):
    return np.maximum(total, FAINT * total.max())


def _last_readable(net, tape, text):
    """Return the last layer before a max-pool with activations nearly everywhere in the text, else the finest layer."""
    names = [name for name, _, _ in net.layers]
    before_pools = [names[i - 1] for i, (_, op, _) in enumerate(net.layers) if op == "max_pool"] or [net.features]
    for layer in reversed(before_pools):
        total = _places(net, tape, layer)
        try:
            shown = lettering(text, total.shape)
        except InputError:  # the text is too long for maps of this size
            continue
        if pearson(shown * total / _at_least_faint(total), shown) > READABLE:
            return layer
    return before_pools[0]


def lettering(text, size):
    """Return a mask M of 0 and 1 for `paint`: the text in bold letters, as large as fits into maps of size (h, w).

    Raises InputError for a text without ink, or with letters lower than LEGIBLE places.
    """
    font = ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans-Bold.ttf", 100)
    ink = Image.new("L", (100 * max(1, len(text)) + 100, 200))
    ImageDraw.Draw(ink).text((50, 50), text, fill=255, font=font)
    if ink.getbbox() is None:
        raise InputError(f"the text {text!r} leaves no ink to paint with")
    ink = ink.crop(ink.getbbox())
    h, w = size
    factor = min(h / ink.height, w / ink.width)
    shape = max(1, round(ink.width * factor)), round(ink.height * factor)
    if shape[1] < LEGIBLE:
        raise InputError(f"{text!r} is too long for maps of {h} x {w}; paint fewer letters, or on an earlier layer")
    letters = np.asarray(ink.resize(shape, Image.Resampling.BOX)) > 110
    mask = np.zeros((h, w))
    top, left = (h - shape[1]) // 2, (w - shape[0]) // 2
    mask[top:top + shape[1], left:left + shape[0]] = letters
    return mask
