"""A gradient method is score row -> rule-book -> read-out. A receipt is a check sum of a map: see heatmap.py."""

from inspect import signature

from tinyattr.methods.baselines import BASELINES
from tinyattr.methods.cam import eigen_cam, grad_cam, grad_cam_plus, hirescam, layercam, xgrad_cam
from tinyattr.methods.cam_plus_plus import grad_cam_plus_plus
from tinyattr.methods.channels import ablation_cam, score_cam
from tinyattr.methods.differences import deeplift
from tinyattr.methods.gradients import fullgrad, gradient, input_x_gradient, saliency
from tinyattr.methods.guided import deconvnet, guided_backprop, guided_grad_cam
from tinyattr.methods.heatmap import Heatmap, Receipt
from tinyattr.methods.layer_path import conductance, internal_influence, layer_integrated_gradients, rsi_grad_cam
from tinyattr.methods.noise import smoothgrad, smoothgrad_squared, vargrad
from tinyattr.methods.path import QUADRATURES, expected_gradients, integrated_gradients
from tinyattr.methods.perturb import feature_ablation, occlusion, rise
from tinyattr.methods.relevance import COMPOSITES, STARTS, excitation_backprop, lrp

METHODS = {method.__name__: method for method in (
    gradient, saliency, input_x_gradient, smoothgrad, smoothgrad_squared, vargrad, integrated_gradients,
    expected_gradients, guided_backprop, deconvnet, grad_cam, grad_cam_plus, grad_cam_plus_plus, rsi_grad_cam,
    hirescam, xgrad_cam, layercam, eigen_cam, score_cam, ablation_cam, guided_grad_cam, conductance,
    internal_influence, layer_integrated_gradients, fullgrad, occlusion, feature_ablation, rise, deeplift, lrp,
    excitation_backprop,
)}

AT_A_LAYER = frozenset((  # these explain a layer's feature maps, by default the last ones; others explain the picture
    "grad_cam", "grad_cam_plus", "grad_cam_plus_plus", "rsi_grad_cam", "hirescam", "xgrad_cam", "layercam", "eigen_cam",
    "score_cam", "ablation_cam", "guided_grad_cam", "conductance", "internal_influence", "layer_integrated_gradients",
))


def options_of(method):
    """Return {name: default} of a method's own options: all but network, picture, class, score and layer."""
    parameters = signature(METHODS[method]).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


__all__ = ["AT_A_LAYER", "BASELINES", "COMPOSITES", "METHODS", "QUADRATURES", "STARTS", "Heatmap", "Receipt", *METHODS]
