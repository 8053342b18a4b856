"""DiffGradCAM and a hoax: do maps of logit differences equal the maps of Grad-CAM, and can they be fooled?"""

import numpy as np

from tinyattr.attack import plant, strength
from tinyattr.methods import grad_cam
from tinyattr.methods.heatmap import relu
from tinyattr.scores import one_hot
from tinyattr.softmax import softmax
from tinyattr.studies.metrics import pearson
from tinyattr.studies.more_attacks import paint
from tinyattr.studies.reproduce.claim import SAME, Claim, Reproduction, heatmaps

DIFFERENCES = {"centred": "mean", "margin": "largest", "log_odds": "logsumexp"}  # {score: a}; the score is z_c - a
BOUND = 1e-3  # the sawtooth adds less than this to one logit


def diffgradcam(net, pictures, K=10.0, layer=None):
    """Piland, Sweet and Czajka, arXiv 2506.08514: Grad-CAM of a logit's difference from the others, and SHAM, a hoax.

    Claim: these maps are "not susceptible to passive fooling", in which a network learns to show misleading maps but
    keeps its answers; and without fooling they "match" the maps of Grad-CAM.
    Algebra: a score z_c - a(z_j, j != c), where a is the mean, the largest or the logsumexp, has the row e_c - q with
    sum q = 1. So L(difference) = L_c - sum_j q_j L_j. This is a multiple of L_c only if sum_j q_j L_j is a multiple of
    L_c: for two classes with opposite last weights, but not in general. kappa = 0: t on all logits does nothing.
    Our hoax shows a frame along the border, as SHAM does: t = K sum_ijk u_k A_ijk, u the least squares of A u = frame,
    gives L(pre) + K A u. It is fitted to one picture, not trained, and no answer changes. A better hoax adds the
    sawtooth t mod 0.001 to one logit: its slope is also K u, answers hardly change, and a difference of logits sees it.
    We had the abstract, and a summary of SHAM by others. We could not see which of the three a the authors use.
    """
    layer, alike, moved, seen, y_change = layer or net.features, [], [], [], []
    for picture in pictures:
        x = net.read(picture.pixels)
        tape = net.run(x)
        A, e = tape[layer].output[0].astype(np.float64), one_hot(net.logits(tape), net.logits(tape).argmax(-1))
        c, wanted = int(e.argmax()), frame(*A.shape[:2])
        u = np.linalg.lstsq(A.reshape(-1, A.shape[-1]), wanted.ravel(), rcond=None)[0]
        M = np.broadcast_to(u, A.shape)
        hoaxes = {"hoax": paint(net, M, K, layer), "sawtooth": sawtooth(net, M, K, layer, e)}
        tapes = {"original": (net, tape), **{n: (hoax, hoax.run(x)) for n, hoax in hoaxes.items()}}
        L = {(n, s): grad_cam(*tapes[n], c, s, layer) for n in tapes for s in ("pre", *DIFFERENCES)}
        shown = {key: relu(heat.plane) for key, heat in L.items()}
        alike.append([pearson(shown["original", "pre"], shown["original", s]) for s in DIFFERENCES])
        moved += [np.abs(L["original", s].map - L["hoax", s].map).max() for s in DIFFERENCES]
        seen.append([pearson(shown[key], wanted) for key in (("original", "pre"), ("hoax", "pre"),
                                                             ("original", "log_odds"), ("sawtooth", "log_odds"))])
        y = [softmax(network.logits(run)) for network, run in tapes.values()]
        y_change.append([np.abs(other - y[0]).max() for other in y[1:]])
    alike, (before, fooled, odds_before, odds_fooled) = np.nanmean(alike, 0), np.nanmean(seen, 0).tolist()
    moved, (by_hoax, by_sawtooth) = float(max(moved)), np.max(y_change, 0)
    differences = ", ".join(f"{what} {v:.3f}" for what, v in zip(DIFFERENCES.values(), alike, strict=True))
    claims = [
        Claim("without fooling, maps of differences match those of Grad-CAM",
              f"mean correlation, by what of the others is subtracted: {differences}", bool(max(alike) > 1 - SAME)),
        Claim("Grad-CAM by a logit can be fooled", f"correlation with the frame {before:.2f} -> {fooled:.2f}, "
              f"max |y' - y| = {by_hoax:.0e}", fooled > 0.5),
        Claim("the hoax does not move maps of differences", f"largest change {moved:.0e}", moved <= 10 * SAME),
        Claim("(ours) no other fooling moves them: we try a sawtooth on one logit",
              f"correlation of the maps of log_odds with the frame {odds_before:.2f} -> {odds_fooled:.2f}, "
              f"max |y' - y| = {by_sawtooth:.0e}", odds_fooled < 0.5),
    ]
    verdict = ("The abstract can be read in three ways. In all three, "
               f"maps of differences {'' if claims[0].holds else 'resemble, but do not '}equal those of Grad-CAM "
               f"(correlation {min(alike):.2f} to {max(alike):.2f}). A number that all logits share "
               f"{'does not move the maps, as the authors say' if claims[2].holds else 'moves the maps'}. A sawtooth "
               f"on one logit {'does not' if claims[3].holds else 'does'} move them "
               f"(correlation with the frame {odds_before:.2f} -> {odds_fooled:.2f}).")
    maps = heatmaps(tapes, ("grad_cam",), ("pre", "log_odds"), c, layer)
    return Reproduction.of(f"Piland et al. 2025: {net.label(c)}, {net.name}, layer {layer}", maps, claims, verdict)


def frame(h, w):
    """Return 1 along the border of a map and in the four corners next to it, else 0: 28 of 7 x 7 places, as in SHAM."""
    i, j = (np.minimum(np.arange(n), np.arange(n)[::-1]) for n in (h, w))
    i, j = i[:, None], j[None, :]
    return ((i == 0) | (j == 0) | ((i == 1) & (j == 1))).astype(float)


def sawtooth(net, M, K, layer, e):
    """Return the network z' = z + e ((K sum_ijk M_ijk A_ijk) mod BOUND), e (1, n) one-hot: one logit changes."""
    return plant(net, [
        ("mask", "constant", {}), ("painted", "mul", {"inputs": [layer, "mask"]}),  # (N, h, w, C)
        ("painted_sum", "sum", {"axes": (1, 2, 3)}), ("painted_flat", "flatten", {}),  # (N, 1)
        ("K", "constant", {}), ("product", "mul", {"inputs": ["painted_flat", "K"]}),
        ("bounded", "mod", {"modulus": BOUND}), ("t", "dense", {}),  # (N, n)
    ], {"mask": (M,), "K": (strength(net, K),), "t": (e, np.zeros(e.shape[1]))})
