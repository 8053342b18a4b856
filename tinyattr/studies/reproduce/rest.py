"""ReST: a score whose row does not vanish if the network is sure. But t changes its maps as it changes those of pre."""

from dataclasses import replace

import numpy as np

from tinyattr.attack import alter
from tinyattr.methods import grad_cam
from tinyattr.methods.heatmap import relu
from tinyattr.scores import SCORES
from tinyattr.studies.metrics import pearson
from tinyattr.studies.reproduce.claim import SAME, Claim, Reproduction, apart

SURE = 30.0  # log-odds log(y_c / (1 - y_c)) of a network that is sure: 1 - y_c = 1e-13


def rest(net, pictures, K=10.0, layer=None):
    """Cai, "CAMs as Shapley Value-based Explainers", arXiv 2501.06261: the score ReST, S = z_c + log y_c.

    Claim: ReST is "to address the limitations of pre-softmax and post-softmax scores". We test the known limitations:
    post vanishes if the network is sure; pre ignores the other classes and contains the part that all logits share.
    Algebra: the row of ReST is e_c + (e_c - y) = 2 e_c - y, the sum of the rows of pre and log. Grad-CAM is linear in
    the row, so L(rest) = L(pre) + L(log), L(log) = (1 - y_c) L(log_odds). If y_c -> 1, the row becomes e_c, the row of
    pre. It does not vanish, while the rows of post and log do. kappa = 1, so t adds the same to L(rest) as to L(pre).
    We had the abstract and the authors' code, z_c minus the cross-entropy. Neither mentions a planted t.
    """
    layer, altered = layer or net.features, alter(net, K, layer)
    sizes, as_pre, added, kept = [], [], [], []
    for picture in pictures:
        x = net.read(picture.pixels)
        tapes = {"original": (net, net.run(x)), "altered": (altered, altered.run(x))}
        z = net.logits(tapes["original"][1])[0]
        c = int(z.argmax())
        sizes.append(row_sizes(z + (SURE - SCORES["log_odds"](z, c)[0]) * np.eye(len(z))[c], c))
        pre, log = ({n: grad_cam(*tapes[n], c, s, layer).raw for n in tapes} for s in ("pre", "log"))
        both = {n: pre[n] + log[n] for n in tapes}
        as_pre.append(pearson(both["original"], pre["original"]))
        added.append(apart(pre["altered"] - pre["original"], both["altered"] - both["original"]))
        kept.append([pearson(relu(L["original"]), relu(L["altered"])) for L in (both, log)])
    (of_rest, of_log, of_post), (rest_kept, log_kept) = np.median(sizes, 0), np.nanmean(kept, 0)
    claims = [
        Claim("post-softmax scores vanish where the network is sure, ReST does not",
              f"length of the row at a lead of {SURE:g}: ReST {of_rest:.2f}, log {of_log:.0e}, post {of_post:.0e}",
              bool(of_rest > 0.5 > of_post)),
        Claim("pre-softmax scores ignore the other classes, ReST does not",
              f"correlation of its maps with those of pre {np.mean(as_pre):.3f}; what differs is (1 - y_c) L(log_odds)",
              bool(np.mean(as_pre) < 1 - SAME)),
        Claim("(ours) t adds to ReST what it adds to pre", f"but for {max(added):.0e} of it", max(added) <= 1e-4),
        Claim("pre-softmax maps show what all logits share, those of ReST do not",
              f"correlation of maps, original and altered network: ReST {rest_kept:.3f}, log {log_kept:.3f}",
              bool(rest_kept > 0.99)),
    ]
    verdict = (f"The limitation of post-softmax is {'' if claims[0].holds else 'not '}addressed: ReST does "
               f"{'not ' if claims[0].holds else ''}vanish where the network is sure. As for pre-softmax, "
               f"rivals {'' if claims[1].holds else 'do not '}count in ReST, but "
               f"t {'moves' if claims[2].holds else 'does not move'} ReST as it moves pre "
               f"(correlation of maps before and after: ReST {rest_kept:.2f}, log {log_kept:.2f}).")
    shown = {("grad_cam", f"{n}: {s}"): grad_cam(*tapes[n], c, s, layer) for s in ("pre", "log") for n in tapes}
    shown |= {("grad_cam", f"{n}: ReST"): replace(shown["grad_cam", f"{n}: pre"], score="ReST", direction=L, plane=L)
              for n, L in both.items()}
    return Reproduction.of(f"Cai 2025: {net.label(c)}, {net.name}, layer {layer}", shown, claims, verdict)


def row_sizes(z, c):
    """Return |dS/dz| of ReST, log and post for logits (n,)."""
    rows = {name: row * np.exp(scale) for name in ("log", "post") for _, row, scale in [SCORES[name](z, c)]}
    return [float(np.linalg.norm(row)) for row in (np.eye(len(z))[c] + rows["log"], rows["log"], rows["post"])]
