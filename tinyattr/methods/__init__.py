"""Every attribution method: method = score row x rule-book x read-out."""

from tinyattr.methods.cam import grad_cam, grad_cam_plus, hirescam, layercam, xgrad_cam
from tinyattr.methods.cam_plus_plus import grad_cam_plus_plus
from tinyattr.methods.channels import ablation_cam, score_cam
from tinyattr.methods.differences import deeplift
from tinyattr.methods.eigen import eigen_cam
from tinyattr.methods.full_gradient import fullgrad
from tinyattr.methods.gradients import gradient, input_x_gradient, saliency
from tinyattr.methods.guided import deconvnet, guided_backprop, guided_grad_cam
from tinyattr.methods.heatmap import Heatmap
from tinyattr.methods.layer_path import conductance, internal_influence, layer_integrated_gradients
from tinyattr.methods.noise import smoothgrad, smoothgrad_squared, vargrad
from tinyattr.methods.path import expected_gradients, integrated_gradients
from tinyattr.methods.perturb import feature_ablation, occlusion, rise
from tinyattr.methods.receipt import Receipt
from tinyattr.methods.relevance import excitation_backprop, lrp
from tinyattr.methods.rsi import rsi_grad_cam

METHODS = {method.__name__: method for method in (
    gradient, saliency, input_x_gradient, smoothgrad, smoothgrad_squared, vargrad, integrated_gradients,
    expected_gradients, guided_backprop, deconvnet, grad_cam, grad_cam_plus, grad_cam_plus_plus, rsi_grad_cam,
    hirescam, xgrad_cam, layercam, eigen_cam, score_cam, ablation_cam, guided_grad_cam, conductance,
    internal_influence, layer_integrated_gradients, fullgrad, occlusion, feature_ablation, rise, deeplift, lrp,
    excitation_backprop,
)}

__all__ = ["METHODS", "Heatmap", "Receipt", *METHODS]
