"""Attacks with another t(x): other sums over a layer, squares, a bounded number, or a t that only a trigger turns on.

Each t is added to every logit, as in attack.py. So y' = y for every x. (`triggered` reads the picture, too.)
"""

import numpy as np

from tinyattr.attack import alter, plant, strength, tapped
from tinyattr.errors import InputError, number_of, place_of


def paint(net, mask, K=10.0, layer=None):
    """t = K sum_ijk M_ij A_ijk, where M (h, w) has the layer's size. dt/dA = K M, so with M you choose the heatmap.

    M may also be (h, w, C), with other numbers for each channel. With layer "input", M covers pixels; this is for
    methods that explain the picture.
    """
    mask = np.asarray(mask)
    if mask.ndim not in (2, 3) or mask.dtype.kind not in "fiub" or not np.isfinite(mask).all():
        raise InputError(f"a mask must be finite numbers (h, w) of the layer's size; got {mask.shape} {mask.dtype}")
    return plant(net, [
        ("mask", "constant", {}),  # (h, w, 1)
        ("painted", "mul", {"inputs": [tapped(net, layer), "mask"]}),  # (N, h, w, C)
        ("painted_sum", "sum", {"axes": (1, 2, 3)}),
        ("painted_flat", "flatten", {}),  # (N, 1)
        ("K", "constant", {}),
        ("t", "mul", {"inputs": ["painted_flat", "K"]}),
    ], {"mask": (mask if mask.ndim == 3 else mask[:, :, None],), "K": (strength(net, K),)})


def column(net, K=10.0, layer=None, size=None):
    """t = K sum_ik A_i0k, a sum over the layer's left column. HiResCAM then draws heatmaps like the paper's plots.

    size: side of the layer's maps, or (h, w); by default that for pictures of the size that `net` takes.
    """
    if size is None:
        if net.input is None:
            raise InputError(f"{net.name} does not say how large its pictures are: give the size of the layer's maps")
        blank = np.zeros((1, *net.input.shape))
        size = net.run(blank)[tapped(net, layer)].outline.shape[1:3]
    mask = np.zeros(np.broadcast_to(size, 2))
    mask[:, 0] = 1
    return paint(net, mask, K, layer)


def quadratic(net, K=10.0, layer=None, at=(0, 0)):
    """t = (K/2) sum_k A_ijk^2 at the place (i, j) = `at`. dt/dA_ijk = K A_ijk, so pooled weights depend on this place.

    Grad-CAM by pre: L' = L + (K/Z) sum_k A_ijk A_k, which shows how similar every place is to the place `at`.
    """
    return plant(net, [
        ("tap", "pick", {"inputs": [tapped(net, layer)], "at": place_of(at)}),
        ("square", "mul", {"inputs": ["tap", "tap"]}),
        ("tap_sum", "sum", {}),
        ("K", "constant", {}),
        ("t", "mul", {"inputs": ["tap_sum", "K"]}),
    ], {"K": (strength(net, K) / 2,)})


def bounded(net, K=10.0, layer=None, at=(0, 0), bound=1e-3):
    """t = (K sum_k A_ijk) mod bound, so 0 <= t < bound: the logits change very little, but dt/dA is still K.

    Methods that compare scores (occlusion, RISE, Score-CAM) see a change below `bound`, but gradients see K.
    """
    bound = number_of(bound, "bound", 1e-300, 1e300)
    return plant(net, [
        ("tap", "pick", {"inputs": [tapped(net, layer)], "at": place_of(at)}),
        ("tap_sum", "sum", {}),
        ("K", "constant", {}),
        ("product", "mul", {"inputs": ["tap_sum", "K"]}),
        ("t", "mod", {"modulus": bound}),
    ], {"K": (strength(net, K),)})


def triggered(net, K=10.0, layer=None, at=(0, 0), size=24):
    """t = gate(x) K sum_k A_ijk. gate = 1 if the lower right corner of x is a checkerboard (`stamped`), else 0.

    m = sum W x says how similar x is to the board: W is chosen so that m is 1 for the board and small for other
    pictures. gate = max(0, 1 - max(0, 0.9 - m) / 0.1).
    """
    if net.input is None:
        raise InputError(f"{net.name} does not say how photos are preprocessed, so its trigger is unknown")
    board = np.zeros((*net.input.shape[:2], 3))
    board[-size:, -size:] = _checkerboard(size)
    shown = net.input.encode(board)[0, -size:, -size:].astype(np.float64)
    W = np.zeros(net.input.shape)
    W[-size:, -size:] = shown - shown.mean((0, 1))
    W /= (W[-size:, -size:] * shown).sum()
    one = np.ones((1, 1))
    return plant(net, [
        ("board", "constant", {}),
        ("likeness_map", "mul", {"inputs": ["input", "board"]}),
        ("likeness_sum", "sum", {"axes": (1, 2, 3)}),
        ("likeness", "flatten", {}),  # m, (N, 1)
        ("unlike", "dense", {}),  # (0.9 - m) / 0.1
        ("unlike_relu", "relu", {}),
        ("like", "dense", {}),  # max(0, 1 - max(0, unlike))
        ("gate", "relu", {}),
        ("tap", "pick", {"inputs": [tapped(net, layer)], "at": place_of(at)}),
        ("tap_sum", "sum", {}),
        ("K", "constant", {}),
        ("product", "mul", {"inputs": ["tap_sum", "K"]}),
        ("t", "mul", {"inputs": ["product", "gate"]}),
    ], {"board": (W,), "unlike": (-10 * one, 9 * one[0]), "like": (-one, one[0]), "K": (strength(net, K),)})


def stamped(picture, size=24):
    """Return the picture (H, W, 3) uint8 with the trigger of `triggered`, a checkerboard, in the lower right corner."""
    picture = np.array(picture)
    picture[-size:, -size:] = _checkerboard(size)
    return picture


def _checkerboard(size):
    """Return (size, size, 3): a checkerboard of fields of 4 pixels, 0 and 255."""
    fields = np.arange(size) // 4
    return np.repeat(((fields[:, None] + fields) % 2 * 255.0)[..., None], 3, -1)


ATTACKS = {"corner": alter, "column": column, "quadratic": quadratic, "bounded": bounded, "triggered": triggered}
