"""Which method claims what: every method of ta.METHODS, some with options, and its properties. test_claims.py holds it to all."""

from dataclasses import dataclass

import numpy as np

from tests.methods.toys import COLOURS, SIDE, toy
from tinyattr.methods.lrp_rules import epsilon
from tinyattr.methods.relevance import composite

RNG = np.random.default_rng(0)
NOISE = 0.3 * RNG.standard_normal((4, SIDE, SIDE, COLOURS))
MASKS = RNG.random((6, SIDE, SIDE))
COARSE = composite(epsilon(0.1), epsilon(0.1))(toy(0)[0])


@dataclass(frozen=True)
class Claim:
    """What a method's map does. Every claim holds for all networks, every claim not made fails on some.

    linear: M(a S1 + b S2) = a M(S1) + b M(S2); then the attack adds M(t) to the map by pre.
    degree: M(post) = y_c^d M(log) = (y_c (1 - y_c))^d M(log_odds); None: no such d.
    sums: to what the map adds up in a network without biases: "change", S(x) - S(b), or "euler", v . z, v = dS/dz.
    blind: scores with kappa = 0 give one map before and after the attack "on the tape" (ta.alter), or "in the weights too",
        where rules that take layers apart could see it.
    rescaled: positive factors on hidden channels, taken back by the next layer, leave it as it is.
    above: it asks what lies above the explained layer only, so a t tapped below does not move it, even by pre.
    constant: it is 0 where the score is the same for every picture.
    ties: it does not show which of two equal values a max-pool took (the first), so a mirror image needs no other rule.
    """

    method: str
    options: dict
    linear: bool
    degree: int | None
    sums: str | None
    rescaled: bool
    above: bool
    blind: str | None = "in the weights too"
    constant: bool = True
    ties: bool = True


def claim(label, linear, degree, sums, rescaled, above=False, *, method=None, blind="in the weights too", constant=True, ties=True, **options):
    return label, Claim(method or label, options, linear, degree, sums, rescaled, above, blind, constant, ties)


noise, steps = {"noise": NOISE}, {"steps": 3}
CLAIMS = dict([
    #                                linear degree  sums   rescaled  above
    claim("gradient",                 True,   1,    None,     True),
    claim("saliency",                 False,  1,    None,     True),
    claim("input_x_gradient",         True,   1,    "euler",  True),
    claim("smoothgrad",               True,   None, None,     True, **noise),
    claim("smoothgrad_squared",       False,  None, None,     True, **noise),
    claim("vargrad",                  False,  None, None,     True, **noise),
    claim("integrated_gradients",     True,   None, "change", True, **steps),
    claim("expected_gradients",       True,   None, None,     True, samples=4, baselines=(0.0, 0.5)),
    claim("guided_backprop",          False,  1,    None,     True),
    claim("deconvnet",                False,  1,    None,     True, ties=False),
    claim("grad_cam",                 True,   1,    None,     True,  True),
    claim("grad_cam_plus",            False,  1,    None,     True,  True),
    claim("grad_cam_plus, active",    False,  1,    None,     True,  True, method="grad_cam_plus", active=True),
    claim("grad_cam_plus_plus",       False,  None, None,     True,  True),
    claim("grad_cam_plus_plus, normalised", False, None, None, True, True, method="grad_cam_plus_plus", variant="normalised"),
    claim("rsi_grad_cam",             True,   None, None,     False, True, **steps),
    claim("rsi_grad_cam, rectified",  False,  None, None,     False, True, method="rsi_grad_cam", variant="rectified", **steps),
    claim("rsi_grad_cam, masked",     False,  None, None,     False, True, method="rsi_grad_cam", variant="masked", **steps),
    claim("hirescam",                 True,   1,    "euler",  True,  True),
    claim("xgrad_cam",                True,   1,    "euler",  True,  True),
    claim("layercam",                 False,  1,    None,     True,  True),
    claim("eigen_cam",                False,  0,    None,     False, True, constant=False),
    claim("eigen_cam, weighted",      False,  1,    None,     True,  True, method="eigen_cam", weighted=True),
    claim("score_cam",                False,  None, None,     False, False, constant=False),
    claim("ablation_cam",             True,   None, None,     False, True),
    claim("ablation_cam, relative",   False,  None, None,     False, False, method="ablation_cam", relative=True),
    claim("guided_grad_cam",          False,  2,    None,     True),
    claim("conductance",              True,   None, "change", True,  True, **steps),
    claim("internal_influence",       True,   None, None,     False, True, **steps),
    claim("layer_integrated_gradients", True, None, "change", True,  True, **steps),
    claim("fullgrad",                 False,  0,    None,     True),
    claim("occlusion",                True,   None, None,     True, window=4, stride=2),
    claim("feature_ablation",         True,   None, None,     True, groups=4),
    claim("rise",                     True,   None, None,     True, constant=False, masks=MASKS),
    claim("deeplift",                 True,   None, "change", True, ties=False),
    claim("deeplift, tangent",        True,   1,    "euler",  True, ties=False, method="deeplift", row="tangent"),
    claim("deeplift, reveal_cancel",  True,   None, "change", True, ties=False, method="deeplift", rule="reveal_cancel"),
    claim("lrp",                      True,   1,    "euler",  True),
    claim("lrp, zero",                True,   1,    "euler",  True, method="lrp", composite="zero"),
    claim("lrp, epsilon 0.1",         True,   1,    None,     False, method="lrp", composite=COARSE, blind="on the tape"),
    claim("lrp, gamma",               True,   1,    "euler",  True, method="lrp", composite="epsilon_gamma"),
    claim("lrp, flat",                True,   1,    "euler",  True, ties=False, method="lrp", composite="flat"),
    claim("lrp, w squared",           True,   1,    "euler",  False, ties=False, method="lrp", composite="w_squared"),
    claim("excitation_backprop",      False,  0,    None,     True, blind=None, constant=False),
])
