"""Two distortions of class activation maps that softmax allows, and two cures: a sigmoid branch, or the class mean."""

from dataclasses import replace

import numpy as np

from tinyattr.errors import InputError
from tinyattr.methods import grad_cam
from tinyattr.methods.heatmap import relu
from tinyattr.softmax import softmax
from tinyattr.studies.detect import repair
from tinyattr.studies.metrics import pearson
from tinyattr.studies.reproduce.claim import SAME, Claim, Reproduction, apart, heatmaps
from tinyattr.studies.training import cross_entropy_slope, sigmoid_slope


def beyond_softmax(net, pictures, K=10.0, layer=None):
    """Oh and Noh, "Beyond Softmax", BMVC 2025, arXiv 2511.05590: a branch of sigmoids for the maps.

    Claim: softmax distorts maps in two ways. A constant added to a feature's weights for all classes keeps y and
    amplifies the feature in the map ("additive logit shift"); one subtracted turns positive weights negative, and what
    was highlighted vanishes ("sign collapse"). The cure is a copy of the last layer, trained with sigmoids.
    Algebra: z = W^T h + b. W' = W + d 1^T gives z' = z + d.h and y' = y for any d, but dz'_c/dh = w_c + d. So both are
    the attack, t = d.h, with d = K max|W| at one feature, or d_k = -max_j W_kj. Taking the mean over classes out of W',
    as `repair` does, leaves W - mean_j W for every d. Both are gone, exactly, without training; the map is centred's. A
    sigmoid branch is not free to shift either: its loss sees t by sum_i dE/dz_i = sum_i (s(z_i) - t_i), which is 0 for
    cross-entropy. But its training also changes what else the map shows.
    At hand: the abstract, the project's page and code. The gain in localisation that they report is not tested here.
    """
    last, op, _ = net.layers[-1]
    if op != "dense":
        raise InputError(f"{net.name} ends with '{op}'; this claim is about a last layer with weights, op 'dense'")
    layer, (W, b) = layer or net.features, net.weights[last]
    x = [net.read(p.pixels) for p in pictures]
    h = np.mean([net.run(picture)[net.layers[-2][0]].output[0] for picture in x], 0)  # (features,)
    d = {"original": 0 * h, "shift": K * np.abs(W).max() * (h == h.max()), "collapse": -W.max(1)}
    networks = {n: replace(net, weights={**net.weights, last: ((W.T + d[n]).T.astype(W.dtype), b)}) for n in d}
    repaired = {n: repair(network) for n, network in networks.items()}
    y_change, moved, alike, slopes = [], [], [], []
    for picture in x:
        tapes = {n: (network, network.run(picture)) for n, network in networks.items()}
        z = {n: network.logits(tape) for n, (network, tape) in tapes.items()}
        c = int(z["original"][0].argmax())
        y_change += [np.abs(softmax(z[n]) - softmax(z["original"])).max() for n in z]
        shown = {n: relu(grad_cam(*tapes[n], c, "pre", layer).plane) for n in tapes}
        alike.append([pearson(shown["original"], shown[n]) if shown[n].any() else 0.0 for n in ("shift", "collapse")])
        centred = grad_cam(*tapes["original"], c, "centred", layer).plane
        moved += [apart(centred, grad_cam(network, picture, c, "pre", layer).plane) for network in repaired.values()]
        slopes.append([abs(slope(z["original"], np.eye(len(z["original"][0]))[[c]]).sum())
                       for slope in (cross_entropy_slope, sigmoid_slope)])
    (shift, collapse), (by_softmax, by_sigmoid) = np.nanmean(alike, 0), np.median(slopes, 0)
    positive = [float((w > 0).mean()) for w in (W, W - W.max(1, keepdims=True))]
    claims = [
        Claim("both distortions keep the probabilities", f"max |y' - y| = {max(y_change):.0e}",
              bool(max(y_change) <= 10 * SAME)),
        Claim("a shift of one feature's weights changes the map",
              f"correlation of Grad-CAM's maps by pre, before and after {shift:.2f}", bool(shift < 0.9)),
        Claim("sign collapse turns positive weights negative, and the map goes with them",
              f"share of positive weights {positive[0]:.2f} -> {positive[1]:.2f}, correlation of maps {collapse:.2f}",
              bool(positive[1] == 0 and collapse < 0.9)),
        Claim("(ours) with the class mean taken out all three networks draw one map, that of centred",
              f"largest difference {max(moved):.0e} of the largest value", max(moved) <= 1e-4),
        Claim("a loss of sigmoids sees a shift, cross-entropy does not", f"|sum_i dE/dz_i|, median: softmax "
              f"{by_softmax:.0e}, sigmoids {by_sigmoid:.2f}", bool(by_softmax <= 1e-9 < by_sigmoid)),
    ]
    verdict = (f"{'Both' if all(claim.holds for claim in claims[:3]) else 'Not both'} distortions exist as said "
               f"(correlation of maps before and after {shift:.2f} and {collapse:.2f}). Taking the class mean out "
               f"{'removes' if claims[3].holds else 'does not remove'} both, exactly and without training. The gain in "
               "localisation by the sigmoid branch is not tested here.")
    maps = heatmaps(tapes, ("grad_cam",), ("pre", "centred"), c, layer)
    return Reproduction.of(f"Oh & Noh 2025: {net.label(c)}, {net.name}, layer {layer}", maps, claims, verdict)
