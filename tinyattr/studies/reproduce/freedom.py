"""The freedom of t(x): one can make the gradient of a logit any picture, and no probability changes."""

import numpy as np

from tinyattr.errors import InputError
from tinyattr.methods import gradient
from tinyattr.softmax import softmax
from tinyattr.studies.metrics import cosine
from tinyattr.studies.more_attacks import paint
from tinyattr.studies.reproduce.claim import SAME, Claim, Reproduction, apart, heatmaps


def freedom(net, pictures, K=10.0, layer=None):
    """Srinivas and Fleuret, ICLR 2021, arXiv 2006.09128: three years before the second paper, but without its maps.

    Claim: softmax does not see a number that is added to all logits, so the gradients of the logits "can be arbitrarily
    manipulated", while the classifier y(x) does not change.
    Algebra: z'_i = z_i + t(x) has y' = y and dz'_i/dx = dz_i/dx + dt/dx. With t = sum_ijk M_ijk x_ijk, dt/dx = M. So
    M = P - dz_c/dx (at x_0) makes dz'_c/dx exactly the picture P at x_0. Two things cannot be chosen: the differences
    dz_i/dx - dz_j/dx, which have kappa = 0; and the gradients at all x together: they contain the gradient of one t.
    P is the mirror image of the last picture, scaled to the length of the gradient. For other pictures, K P is larger
    than dz/dx. We had the abstract and the authors' code.
    """
    if layer not in (None, "input"):
        raise InputError(f"this claim is about gradients at the picture, not at layer '{layer}'; leave the layer out")
    net, x = net.astype(np.float64), [net.read(p.pixels).astype(np.float64) for p in pictures]
    tape = net.run(x[0])
    c, other = np.argsort(-net.logits(tape)[0])[:2].tolist()

    def slopes(network, run):  # (dz_c/dx, dz_c/dx - dz_other/dx, d log_odds/dx)
        g = gradient(network, run, c, "pre").raw
        return g, g - gradient(network, run, other, "pre").raw, gradient(network, run, c, "log_odds").raw

    g, difference, odds = slopes(net, tape)
    P = x[-1][0, :, ::-1] * np.linalg.norm(g) / np.linalg.norm(x[-1])
    free = paint(net, P - g, 1.0, "input")
    tapes = {"original": (net, tape), "free": (free, free.run(x[0]))}
    g_free, difference_free, odds_free = slopes(*tapes["free"])
    y_change = float(np.abs(softmax(free.logits(tapes["free"][1])) - softmax(net.logits(tape))).max())
    outweighed = paint(net, K * P, 1.0, "input")
    alike = min(cosine(gradient(outweighed, picture, None, "pre").raw, P) for picture in x)
    claims = [
        Claim("the classifier is the same", f"max |y' - y| = {y_change:.0e}", y_change <= SAME),
        Claim("the gradient of a logit can be any picture, here another one",
              f"largest difference from it {apart(P, g_free):.0e} of its largest value", apart(P, g_free) <= SAME),
        Claim("(ours) one t works for many pictures and classes, nearly",
              f"least cosine of the top logit's gradient and P in {len(x)} pictures, t = {K:g} P.x: {alike:.3f}",
              alike > 0.9),
        Claim("(ours) differences of logit gradients are not free, nor is the gradient of log_odds",
              f"their changes {apart(difference, difference_free):.0e} and {apart(odds, odds_free):.0e} of the largest "
              "value", max(apart(difference, difference_free), apart(odds, odds_free)) <= SAME),
    ]
    verdict = (f"{'Holds' if claims[0].holds and claims[1].holds else 'Does not hold here'}: a logit's gradient became "
               "a chosen picture, and all probabilities stayed the same; with one t, the gradients for all pictures "
               f"have a cosine of at least {alike:.2f} with the chosen picture."
               f"{' The difference of two logits keeps its gradient.' if claims[3].holds else ''}")
    maps = heatmaps(tapes, ("gradient",), ("pre", "log_odds"), c, None)
    return Reproduction.of(f"Srinivas & Fleuret 2021: {net.label(c)}, {net.name}", maps, claims, verdict)
