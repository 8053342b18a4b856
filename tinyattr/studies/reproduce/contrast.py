"""Wang and Wang's contrasts, and their experiment about the weighted contrast."""

import numpy as np

from tinyattr.attack import alter
from tinyattr.errors import InputError
from tinyattr.methods import grad_cam
from tinyattr.methods.heatmap import resize
from tinyattr.softmax import log_odds_row, softmax
from tinyattr.studies.reproduce.claim import SAME, Claim, Reproduction, above, apart, heatmaps

LEAST = 0.1  # the second class must have this probability: only pictures with two possible classes count
SIGMA = 15 / 224  # sigma of the blur / side of the picture; the authors draw it from 10 to 20 pixels of 224
PRINTED = {"logit alone": (0.747, 0.461), "weighted contrast": (0.858, 0.759)}  # 2501.11096; without a blur .712, .288
CONTRASTS = {"logit alone": "pre", "mean contrast": "centred", "max contrast": "margin",
             "weighted contrast": "log_odds"}


def contrast(net, pictures, K=10.0, layer=None):
    """Wang and Wang, "Why Not Other Classes?", NeurIPS 2022, Table 1.

    Claim: L_c, the map of a logit, marks what speaks for class c. The weighted contrast L_c - sum_j alpha_j L_j, where
    alpha is the rivals' softmax, marks what makes the network choose c. L is Grad-CAM without its ReLU; t_1 and t_2 are
    a picture's top two classes, and t_2 has a probability of at least 0.1. All places that the map of t_i does not mark
    (L <= 0) are blurred. Then the relative probability r_i = e^z_ti / (e^z_t1 + e^z_t2) should be larger.
    Algebra: L is linear in the row. So the weighted contrast is L of log_odds; the max contrast (alpha 1 for the
    strongest rival) is L of margin; the mean contrast (alpha 1/(n-1)) is n/(n-1) L of centred. All have kappa = 0.
    We had the authors' code, and the table of a reproduction (arXiv 2501.11096), which calls its numbers very similar
    to the authors' numbers. We did not have the paper's text. The authors explain a 14 x 14 convolution. We explain
    `layer`, and our blur has sigma 15.
    """
    layer = layer or net.features
    networks = {"original": net, "altered": alter(net, K, layer)}
    found = [kept for kept in (kept_by(networks, net.read(p.pixels), layer) for p in pictures) if kept]
    if not found:
        raise InputError(f"in none of these {len(pictures)} pictures does a second class have a probability of {LEAST}")
    relative, moved, x, two = zip(*found, strict=True)
    count, moved, two = len(found), max(moved), two[0]
    r = {name: np.transpose([of[name] for of in relative]).tolist() for name in relative[0]}  # {name: [r_1, r_2]}
    mean = {name: np.mean(values, 1) for name, values in r.items()}
    logit, weighted, largest = (mean[name] for name in ("logit alone", "weighted contrast", "max contrast"))
    more = [above(r["weighted contrast"][i], r["logit alone"][i]) for i in (0, 1)]
    nearer = np.abs(mean["mean contrast"] - logit) < np.abs(mean["mean contrast"] - weighted)
    tapes = {n: (network, network.run(x[0])) for n, network in networks.items()}
    drawn = grad_cam(*tapes["original"], two[0], "log_odds", layer).plane
    off = apart(drawn, formed(*tapes["original"], two[0], layer))
    claims = [
        Claim("the weighted contrast is the map of log_odds",
              f"computed from the maps of all logits, it differs by {off:.0e} of its largest value", off <= 10 * SAME),
        *(Claim(f"for t_{i + 1}, the weighted contrast keeps more than the logit alone, by two standard errors or more",
                f"mean r_{i + 1} of {count} pictures: {listed(mean, i)}; printed: {listed(PRINTED, i)}", more[i])
          for i in (0, 1)),
        Claim("the mean contrast behaves like the logit alone", "r_1 and r_2 above", bool(nearer.all())),
        Claim("(ours) in the altered network the logit alone marks nothing for t_2",
              f"r_2 untouched {mean['untouched'][1]:.3f}, kept {mean['altered'][1]:.3f}",
              not above(r["altered"][1], r["untouched"][1])),
        Claim("(ours) the three contrasts draw the same maps there",
              f"largest difference {moved:.0e} of the largest value", moved <= 10 * SAME),
    ]
    verdict = (f"The weighted contrast keeps r_1 = {weighted[0]:.2f} (logit alone {logit[0]:.2f}, max contrast "
               f"{largest[0]:.2f}) and r_2 = {weighted[1]:.2f} ({logit[1]:.2f}, {largest[1]:.2f}). "
               f"{'Both' if (weighted > logit).all() else 'Not both'} differences from the logit have the printed "
               f"direction; {('neither is', 'one is', 'both are')[sum(more)]} larger than two standard errors. In the "
               f"altered network the contrasts {'do not ' * bool(claims[-1].holds)}change. There the logit alone gives "
               f"r_2 = {mean['altered'][1]:.2f}, and the untouched picture has {mean['untouched'][1]:.2f}.")
    maps = {(f"t_{i + 1}, {net.label(two[i])}", column): heat for i in (0, 1) for (_, column), heat in
            heatmaps(tapes, ("grad_cam",), tuple(CONTRASTS.values()), two[i], layer).items()}
    return Reproduction.of(f"Wang & Wang 2022, Table 1: {net.name}, {count} pictures, layer {layer}", maps, claims,
                           verdict, r)


def kept_by(networks, x, layer):
    """Return (r, moved, x, its top two classes) for one picture, or None without a second class.

    r: {map: (r_1, r_2)} for all CONTRASTS, for the logit in the altered network, and for the picture without blur.
    moved: largest difference between the contrasts' maps of the two networks.
    """
    tapes = {n: (network, network.run(x)) for n, network in networks.items()}
    net, tape = tapes["original"]
    y = softmax(net.logits(tape))[0]
    two = np.argsort(-y)[:2].tolist()
    if y[two[1]] < LEAST:
        return None
    L, altered = ({(name, i): grad_cam(*run, two[i], score, layer).plane for name, score in CONTRASTS.items()
                   for i in (0, 1)} for run in tapes.values())
    moved = max(apart(L[key], altered[key]) for key in L if key[0] != "logit alone")
    L |= {("altered", i): altered["logit alone", i] for i in (0, 1)}
    marked = np.stack([resize(plane, x.shape[1:3]) > 0 for plane in L.values()])
    z = net(np.where(marked[..., None], x, blurred(x, SIGMA * x.shape[1])))[:, two]
    r = dict(zip(L, softmax(z), strict=True))
    return ({name: (r[name, 0][0], r[name, 1][1]) for name in (*CONTRASTS, "altered")}
            | {"untouched": y[two] / y[two].sum()}, moved, x, two)


def formed(net, tape, c, layer):
    """Return L_c - sum_j alpha_j L_j, (h, w), computed from the maps L of all logits."""
    z = net.logits(tape)[0]
    row = log_odds_row(np.exp(z - z.max()), np.eye(len(z))[c])  # e_c - alpha
    return np.tensordot(row, [grad_cam(net, tape, j, "pre", layer).plane for j in range(len(z))], 1)


def blurred(x, sigma):
    """Blur x (1, H, W, C) by a Gaussian with sigma in pixels, cut at 10/3 sigma. Pictures are mirrored at edges."""
    def matrix(n):  # (n, n): row i holds the weights of all places for place i
        radius = min(int(np.ceil(10 / 3 * sigma)), n - 1)
        w = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
        mirrored = np.pad(np.eye(n), ((radius, radius), (0, 0)), mode="reflect")
        return sum(weight * mirrored[k:k + n] for k, weight in enumerate(w / w.sum()))
    return np.einsum("ai,nijc,bj->nabc", matrix(x.shape[1]), x, matrix(x.shape[2]), optimize=True).astype(x.dtype)


def listed(means, i):
    """Return r_1 (i = 0) or r_2 (i = 1) of each name, as text."""
    return ", ".join(f"{name} {values[i]:.3f}" for name, values in means.items())
