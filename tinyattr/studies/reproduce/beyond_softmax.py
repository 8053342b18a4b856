"""Two distortions of class activation maps that softmax allows, and two remedies: sigmoids, or the class mean."""

from dataclasses import replace

import numpy as np

from tinyattr.errors import InputError
from tinyattr.glyphs.scenes import CLASSES
from tinyattr.methods import grad_cam
from tinyattr.methods.heatmap import relu
from tinyattr.softmax import softmax
from tinyattr.studies.detect import repair
from tinyattr.studies.metrics import energy, pearson
from tinyattr.studies.reproduce.claim import SAME, Claim, Reproduction, above, apart, heatmaps
from tinyattr.studies.reproduce.sigmoid_branch import features, sigmoid_branch
from tinyattr.studies.training import cross_entropy_slope, sigmoid_slope

LEARNED = 200  # glyph scenes on which the sigmoid branch is trained


def beyond_softmax(net, pictures, K=10.0, layer=None):
    """Oh and Noh, "Beyond Softmax", BMVC 2025, arXiv 2511.05590: maps from a separate branch with sigmoids.

    Claim: softmax distorts maps in two ways. Adding a constant to a feature's weights for all classes keeps y and
    amplifies the feature in the map ("additive logit shift"). Subtracting a constant makes positive weights negative,
    and the highlighted places vanish ("sign collapse"). The remedy is a copy of the last layer, trained with sigmoids.
    Algebra: z = W^T h + b. W' = W + d 1^T gives z' = z + d.h and y' = y for any d, but dz'_c/dh = w_c + d. So both
    distortions are the attack with t = d.h: d = K max|W| at one feature, or d_k = -max_j W_kj. If we subtract the mean
    over classes from W', as `repair` does, W - mean_j W is left for every d. Both distortions are then removed exactly,
    without training, and the map is that of score centred. A sigmoid branch cannot be shifted freely either. Its loss
    depends on t: sum_i dE/dz_i = sum_i (s(z_i) - t_i), while this sum is 0 for cross-entropy. Training from W' removes
    a shift slowly, and also changes the rest of the map.
    We had the abstract, the project's page and code. They report better localisation on birds, cars and ImageNet. We
    measure localisation on glyphs, where the truth is known: the share of a map on the right glyph of two.
    """
    last, op, _ = net.layers[-1]
    if op != "dense":
        raise InputError(f"{net.name} ends with '{op}'; this claim is about a last layer with weights, op 'dense'")
    layer, (W, b) = layer or net.features, net.weights[last]
    x = [net.read(p.pixels) for p in pictures]
    h = np.mean([net.run(picture)[last].x[0][0] for picture in x], 0)  # (features,)
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
        Claim("sign collapse turns positive weights negative, and changes the map",
              f"share of positive weights {positive[0]:.2f} -> {positive[1]:.2f}, correlation of maps {collapse:.2f}",
              bool(positive[1] == 0 and collapse < 0.9)),
        Claim("(ours) without the class mean, all three networks draw the same map, that of centred",
              f"largest difference {max(moved):.0e} of the largest value", max(moved) <= 1e-4),
        Claim("a loss of sigmoids sees a shift, cross-entropy does not", f"|sum_i dE/dz_i|, median: softmax "
              f"{by_softmax:.0e}, sigmoids {by_sigmoid:.2f}", bool(by_softmax <= 1e-9 < by_sigmoid)),
    ]
    cure = "The sigmoid branch is trained on glyphs alone, and not here."
    if net.classes == CLASSES and all(p.mask is not None for p in pictures):
        gain, back, cure = localised(networks, pictures, layer)
        claims += [gain, back]
    verdict = (f"{'Both' if all(claim.holds for claim in claims[:3]) else 'Not both'} distortions exist as described "
               f"(correlation of maps before and after {shift:.2f} and {collapse:.2f}). Subtracting the class mean "
               f"{'removes' if claims[3].holds else 'does not remove'} both, exactly and without training. {cure}")
    maps = heatmaps(tapes, ("grad_cam",), ("pre", "centred"), c, layer)
    return Reproduction.of(f"Oh & Noh 2025: {net.label(c)}, {net.name}, layer {layer}", maps, claims, verdict)


def localised(networks, pictures, layer):
    """Return (claim: sigmoids point better; claim: they forget a shift; a sentence on both), for scenes with masks."""
    net = networks["original"]
    H, t = features(net, LEARNED)
    asked = {"softmax": (net, "pre"), "class mean": (net, "centred"), "log_odds": (net, "log_odds"),
             "sigmoids": (sigmoid_branch(net, H, t), "pre"), "shift": (networks["shift"], "pre"),
             "sigmoids from shift": (sigmoid_branch(networks["shift"], H, t), "pre")}
    on, alike = {name: [] for name in asked}, []
    for p in pictures:
        heats = {name: grad_cam(n, net.read(p.pixels), p.target, s, layer) for name, (n, s) in asked.items()}
        for name, heat in heats.items():
            on[name].append(np.nan_to_num(energy(heat.map, p.mask)))
        alike.append(pearson(*(relu(heats[name].plane) for name in ("sigmoids", "sigmoids from shift"))))
    gain, alike = above(on["sigmoids"], on["softmax"]), float(np.nanmean(alike))
    on = {name: float(np.mean(v)) for name, v in on.items()}
    shares = ", ".join(f"{name} {share:.3f}" for name, share in on.items())
    return (Claim("the sigmoid branch localises better than the softmax layer, by two standard errors or more",
                  f"mean share of the map on the right glyph: {shares}", gain),
            Claim("(ours) trained from the shifted layer, the branch draws the map that it draws otherwise",
                  f"correlation {alike:.3f}", alike > 1 - SAME),
            f"A sigmoid branch puts {on['sigmoids']:.2f} of the map on the right glyph (softmax {on['softmax']:.2f}, "
            f"class mean {on['class mean']:.2f}), which is {'a gain, as claimed' if gain else 'no clear gain'}. "
            f"Trained from the shifted layer, it puts {on['sigmoids from shift']:.2f} there (shifted "
            f"{on['shift']:.2f}).")
