"""What the algebra says about every cell of the audit, before anything is computed.

grad S' = J^T v + kappa grad t, kappa = sum_i dS/dz_i: a method that uses nothing but the function x -> S is blind to t
exactly when kappa = 0. The exceptions below use more: the weights of the last layer, or no score at all.
"""

from tinyattr.methods import AT_A_LAYER
from tinyattr.studies.audit.cell import VARIANTS

SCORELESS = {"eigen_cam"}  # only activations, which t does not touch
DENOMINATORS = {  # divide by z_i + t, by what softmax makes of it, or take the last weights apart: never blind
    "lrp, from S", "lrp, SGLRP", "lrp, CLRP", "deeplift, softmax as a layer", "excitation_backprop",
}
BELOW = {"input", "early"}  # attacks whose t does not pass through the explained layer: dS'/dA = dS/dA even by pre
OF_PICTURE = {"score_cam", "guided_grad_cam"}  # explain a layer by way of the picture: t moves them all the same
SIZES = {  # compare values of S or of z, and take no slope: a t that is small moves them little
    *DENOMINATORS, "occlusion", "feature_ablation", "rise", "score_cam", "ablation_cam", "deeplift",
    "deeplift, RevealCancel",
}


def predicted(method, score, attack):
    """"immune" or "moved" for a row of the audit's table; None where it depends on numbers, not on algebra.

    moved stands for hijacked, too: how far is what the audit measures.
    """
    if method in SCORELESS or (score != "pre" and method not in DENOMINATORS):
        return "immune"
    if attack == "bounded" and method in SIZES:
        return None
    if method in DENOMINATORS:
        return "moved"
    base = VARIANTS.get(method, (method,))[0]
    if attack in BELOW and base in AT_A_LAYER and method not in OF_PICTURE:
        return "immune"
    if method == "vargrad":
        return "immune" if attack == "input" else None  # the variance of a constant; elsewhere t may be affine nearby
    return "moved"
