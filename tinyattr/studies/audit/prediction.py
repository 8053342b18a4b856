"""Predict every cell of the audit from algebra, before anything is computed.

grad S' = J^T v + kappa grad t, where J = dz/dx, v = dS/dz, kappa = sum_i v_i. If a method uses only the function
x -> S, t changes its map exactly if kappa is not 0. The exceptions below use the last layer's weights, or no score.
"""

from tinyattr.methods import AT_A_LAYER
from tinyattr.studies.audit.cell import VARIANTS

SCORELESS = {"eigen_cam"}  # methods that use only activations, which t does not change
DENOMINATORS = {  # t always changes these: they divide by z_i + t or by its softmax, or split the last layer's weights
    "lrp, from S", "lrp, SGLRP", "lrp, CLRP", "deeplift, softmax as a layer", "excitation_backprop",
}
BELOW = {"input", "early"}  # attacks whose t does not pass through the explained layer: dS'/dA = dS/dA even for pre
OF_PICTURE = {"score_cam", "guided_grad_cam"}  # they explain a layer but use the picture, too, so t changes them
SIZES = {  # these compare values of S or z, and use no slopes: a small t changes their maps little
    *DENOMINATORS, "occlusion", "feature_ablation", "rise", "score_cam", "ablation_cam", "deeplift",
    "deeplift, RevealCancel",
}


def predicted(method, score, attack):
    """Return "immune" or "moved" for a row of the audit's table; None if it depends on numbers, not on algebra.

    "moved" includes "hijacked", because only the audit measures how much a map changes.
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
        return "immune" if attack == "input" else None  # a constant slope has no variance; other t vary
    return "moved"
