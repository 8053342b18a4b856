"""The same works, with the same weights, in PyTorch, captum, pytorch-grad-cam, ONNX Runtime, OpenVINO and ncnn.

Each is measured if it is installed.

A library may run in two ways: as its documentation does it, with trainable weights; and in the best way we know, with
frozen weights and only the necessary part of the network. Each way uses both memory layouts.
"""

import os
from functools import partial
from importlib import import_module
from itertools import pairwise
from shutil import which

from tinyattr.bench.clock import Job
from tinyattr.bench.models import LAYOUTS, compiled, library, ncnn_session, onnx_session, torch_model


def jobs(name, net, x, target, batch, layouts=LAYOUTS):
    """Return the jobs of other installed libraries for a work. x: (N, H, W, 3)."""
    torch, made = library("torch"), []
    pictures = x.transpose(0, 3, 1, 2).copy()
    for layout in layouts if torch else ():
        model = torch_model(net, (1, *pictures.shape[1:]), layout)
        given = torch.tensor(pictures).to(memory_format=getattr(torch, LAYOUTS[layout]))
        for needs, documented, way in WAYS[name]:
            if library(needs):
                run = partial(with_weights, documented, way, model, net.features, given, target, batch)
                made.append(Job(needs.split(".")[0], run, layout, documented))
        if name in COMPILED and which(os.environ.get("CXX", "g++")):
            run = partial(with_weights, FROZEN, COMPILED[name], compiled(model), net.features, given, target, batch)
            made.append(Job("torch.compile", run, layout))
    for way in ("onnxruntime", "openvino"):
        if name == "forward" and library("onnx") and library(way):
            session = onnx_session(net, pictures.shape, way)
            made.append(Job(way, partial(lambda session, steps: session(pictures), session)))
    if name == "forward" and len(x) == 1 and all(map(library, ("onnx", "ncnn", "pnnx"))):
        session = ncnn_session(net, pictures.shape)
        made.append(Job("ncnn", lambda steps: session(pictures)))
    return made


def with_weights(trainable, way, model, *arguments):
    """Do a work with a model whose weights are trainable or frozen."""
    return way(model.requires_grad_(trainable), *arguments)


def forward(model, features, x, target, batch, steps):
    """Compute the logits."""
    with library("torch").no_grad():
        return model(x)


def gradient(model, features, x, target, batch, steps):
    """Compute the gradient of z_c by .backward(), for the pictures and the trainable weights."""
    model.zero_grad()
    leaf = x.clone().requires_grad_()
    model(leaf)[:, target].sum().backward()
    return leaf.grad


def training(model, features, x, target, batch, steps):
    """Take one step of gradient descent on the cross-entropy, and return the gradient of the last bias."""
    torch = library("torch")
    model.zero_grad()
    torch.nn.functional.cross_entropy(model(x), torch.full((len(x),), target)).backward()
    torch.optim.SGD(model.parameters(), RATE).step()
    return [*model.parameters()][-1].grad


def layer_gradcam(model, features, x, target, batch, steps):
    """Run captum's LayerGradCam."""
    cam = library("captum.attr").LayerGradCam(model, model.parts[features])
    return cam.attribute(x.clone().requires_grad_(), target)


def pytorch_gradcam(model, features, x, target, batch, steps):
    """Run GradCAM as in the README of pytorch-grad-cam."""
    targets = [import_module("pytorch_grad_cam.utils.model_targets").ClassifierOutputTarget(target)]
    with library("pytorch_grad_cam").GradCAM(model=model, target_layers=[model.parts[features]]) as cam:
        return cam(input_tensor=x, targets=targets)


def captum_ig(model, features, x, target, batch, steps):
    """Run captum's IntegratedGradients with `batch` pictures of the path at a time; None means all."""
    ig = library("captum.attr").IntegratedGradients(model)
    return ig.attribute(x, baselines=0, target=target, n_steps=steps, internal_batch_size=batch)


def captum_ig_at_once(model, features, x, target, batch, steps):
    """Run captum's IntegratedGradients as in its documentation: all pictures of the path at once."""
    return captum_ig(model, features, x, target, None, steps)


def rsi(model, features, x, target, batch, steps):
    """Compute RSI's integral, sum_l (g(l-1) + g(l))/2 (A(l) - A(l-1)), picture by picture, like the authors' loop.

    With frozen weights autograd starts at the layer, so the layers before it have no backward pass.
    """
    found = []
    for step in range(steps + 1):
        model.zero_grad()
        A = model(x * (step / steps), stop=features)
        A.requires_grad_().retain_grad()
        model(A, start=features)[0, target].backward()
        found.append((A.detach(), A.grad))
    return sum((g0 + g1) / 2 * (A1 - A0) for (A0, g0), (A1, g1) in pairwise(found))


RATE = 1e-6  # learning rate of a training step: so small that a run hardly changes the weights for the next
FROZEN, DOCUMENTED = False, True  # best way we know: frozen weights; as documented: trainable weights
WAYS = {  # {work: (library, whether it is called as documented, function)}
    "forward": [("torch", FROZEN, forward)],
    "gradient": [("torch", FROZEN, gradient), ("torch", DOCUMENTED, gradient)],
    "training": [("torch", DOCUMENTED, training)],
    "gradcam": [("captum.attr", FROZEN, layer_gradcam), ("pytorch_grad_cam", DOCUMENTED, pytorch_gradcam)],
    "ig": [("captum.attr", FROZEN, captum_ig), ("captum.attr", DOCUMENTED, captum_ig_at_once)],
    "rsi": [("torch", FROZEN, rsi), ("torch", DOCUMENTED, rsi)],
}
COMPILED = {"forward": forward, "gradient": gradient}  # these also by torch.compile, if there is a C++ compiler
