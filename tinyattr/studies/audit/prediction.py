"""Predict cells of the audit from algebra, before anything is computed. In a few cells algebra does not decide.

An attack adds t to all logits; then the score is S'. grad S' = J^T v + kappa grad t, where J = dz/dx, v = dS/dz, and
kappa = sum_i v_i. Let a method use only the function x -> S, and let t be computed from the explained layer's output.
Then t changes the map if kappa is not 0, and only then. The sets in this file name the methods and attacks for which
this is different.
"""

from tinyattr.methods import AT_A_LAYER
from tinyattr.studies.audit.cell import VARIANTS

SCORELESS = {"eigen_cam"}  # methods that use only activations, which t does not change
# t changes these maps by every score: they divide by z_i + t, or by the change of z_c + t from a baseline to x. (A
# bounded t may be too small to show this: see SIZES.)
DENOMINATORS = {
    "lrp, from S", "lrp, SGLRP", "lrp, CLRP", "deeplift, softmax as a layer", "excitation_backprop",
}
BELOW = {"input", "early"}  # attacks whose t does not depend on the explained layer's output A: dS'/dA = dS/dA
OF_PICTURE = {"score_cam", "guided_grad_cam"}  # they explain a layer but use the picture, too, so t changes them
SIZES = {  # these compare values of S or z, and use no slopes of t: a small t changes their maps little
    *DENOMINATORS, "occlusion", "feature_ablation", "rise", "score_cam", "ablation_cam", "deeplift",
    "deeplift, RevealCancel",
}


def predicted(method, score, attack):
    """Return "immune" or "moved" for a cell of the audit, or None if numbers decide, not algebra.

    "moved" stands for "hijacked", too. A map is hijacked if it changes so much that it shows something else; algebra
    does not say how much a map changes.
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
        # the t of "input" has a constant slope, which adds no variance; the slopes of other t may vary
        return "immune" if attack == "input" else None
    return "moved"
