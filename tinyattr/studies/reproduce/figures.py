"""Reproduce the figures of both papers: what each figure claims, what we measure, and whether the claim holds.

Figure 2 of Lerma & Lucas 2023a (arXiv 2306.13197): three methods by pre, post and log scores, here with log_odds too.
Figures 3 to 5 of Lerma & Lucas 2023b (arXiv 2307.03305): original and altered network, pre and post, three pictures.
The text of the second paper and its published plots do not agree. So here we use both pooled weights (Grad-CAM) and
element-wise weights (HiResCAM), and compute t both from the corner and from the left column.
"""

import numpy as np

from tinyattr.attack import alter
from tinyattr.methods import METHODS
from tinyattr.methods.heatmap import relu
from tinyattr.methods.request import ask
from tinyattr.softmax import softmax
from tinyattr.studies.metrics import energy, pearson
from tinyattr.studies.more_attacks import column
from tinyattr.studies.reproduce.claim import SAME, Claim, Reproduction, heatmaps


def scores_side_by_side(net, x, target=None, layer=None):
    """Reproduce Figure 2 of the first paper: Grad-CAM, Grad-CAM+ and RSI-Grad-CAM for pre, post, log, and log_odds."""
    methods, scores = ("grad_cam", "grad_cam_plus", "rsi_grad_cam"), ("pre", "post", "log", "log_odds")
    tape = net.run(x)
    requests = {s: ask(net, tape, target, s) for s in scores}
    maps = {(m, s): METHODS[m](net, requests[s], target, s, layer) for m in methods for s in scores}

    def apart(m, a, b):
        return float(np.abs(maps[m, a].map - maps[m, b].map).max())

    single, path = ("grad_cam", "grad_cam_plus"), "rsi_grad_cam"
    pre = {m: pearson(relu(maps[m, "pre"].plane), relu(maps[m, "post"].plane)) for m in methods}
    to_log, to_odds = (max(apart(m, "post", other) for m in single) for other in ("log", "log_odds"))
    claims = [
        Claim("Grad-CAM and Grad-CAM+: post and log maps differ barely",
              f"largest difference {to_log:.1e}: the same map, as one gradient is the other times y_c", to_log <= SAME),
        Claim("(ours) log_odds draws that same map", f"largest difference {to_odds:.1e}", to_odds <= SAME),
        Claim("RSI-Grad-CAM: post and log maps differ, as the scores differ along the path",
              f"largest difference {apart(path, 'post', 'log'):.3f}", apart(path, "post", "log") > SAME),
        Claim("pre and post maps differ", "correlation " + ", ".join(
            f"{maps[m, 'pre'].method} {pre[m]:.3f}" for m in methods), any(not v > 1 - SAME for v in pre.values())),
    ]
    first = maps["grad_cam", "pre"]
    return Reproduction.of(f"Lerma & Lucas 2023a, Figure 2: {first.label}, {net.name}, layer {first.layer}", maps,
                           claims)


def altered_beside_original(net, x, target=None, other=None, K=10.0, layer=None, name="Figure 3"):
    """Reproduce Figures 3 to 5 of the second paper. other: a second class, whose altered map should be the same."""
    layer = layer or net.features
    side = net.run(x)[layer].outline.shape[1]
    networks = {"original": net, "t from (0, 0)": alter(net, K, layer), "t from column 0": column(net, K, layer, side)}
    tapes = {n: (network, network.run(x)) for n, network in networks.items()}
    methods = ("grad_cam", "hirescam")
    maps = heatmaps(tapes, methods, ("pre", "post"), target, layer)
    y = {n: softmax(network.logits(tape)) for n, (network, tape) in tapes.items()}
    y_change = max(float(np.abs(v - y["original"]).max()) for v in y.values())
    change = max(float(np.abs(maps[m, f"{n}: post"].map - maps[m, "original: post"].map).max())
                 for m in methods for n in networks)
    pre = {(m, n): maps[m, f"{n}: pre"].plane for m in methods for n in networks}
    moved = {m: pearson(relu(pre[m, "t from (0, 0)"]), relu(pre[m, "original"])) for m in methods}
    A = tapes["original"][1][layer].output[0].astype(np.float64)
    total = pearson(relu(pre["grad_cam", "t from (0, 0)"]), A.sum(-1))
    corner, left = np.s_[:1, :1], np.s_[:, :1]
    pooled, single, whole = (
        (energy(pre[m, "original"], region), energy(pre[m, n], region)) for m, n, region in (
            ("grad_cam", "t from (0, 0)", corner), ("hirescam", "t from (0, 0)", corner),
            ("hirescam", "t from column 0", left)))
    claims = [
        Claim("the altered network gives the same probabilities", f"max |y' - y| = {y_change:.1e}", y_change <= SAME),
        Claim("post-softmax maps do not change", f"largest difference {change:.1e}", change <= SAME),
        Claim("pre-softmax maps change radically", f"correlation of Grad-CAM's maps {moved['grad_cam']:.3f}, "
              f"of HiResCAM's {moved['hirescam']:.3f}", moved["hirescam"] < 0.5),
        Claim("Grad-CAM by pre strongly highlights the upper left",
              f"share of the map in the corner cell {pooled[0]:.3f} -> {pooled[1]:.3f}; pooling spreads t everywhere: "
              f"the map is L + (K/Z) sum_k A_k (correlation with total activation {total:.3f})", bool(pooled[1] > 0.5)),
        Claim("(element-wise weights, HiResCAM) the corner cell is highlighted, and only it",
              f"share of the map in it {single[0]:.3f} -> {single[1]:.3f}", bool(single[1] > 0.5)),
        Claim("(the published plots: element-wise, t from column 0) the left column is highlighted, and only it",
              f"share of the map in it {whole[0]:.3f} -> {whole[1]:.3f}", bool(whole[1] > 0.5)),
    ]
    if other is not None:
        n = "t from column 0"
        blind = pearson(relu(METHODS["hirescam"](*tapes[n], other, "pre", layer).plane), relu(pre["hirescam", n]))
        claims.append(Claim(f"another class ({net.label(other)}) of the same picture gives the same altered pre map",
                            f"correlation {blind:.4f}", bool(blind > 0.99)))
    label = maps["grad_cam", "original: pre"].label
    return Reproduction.of(f"Lerma & Lucas 2023b, {name}: {label}, {net.name}, t = {K:g} sum A, layer {layer}", maps,
                           claims)
