"""The same works by PyTorch, captum and pytorch-grad-cam, with the same weights. Only what is installed is asked.

Each runs as its documentation calls it, its weights trainable as they come, and in the best way we know: weights
frozen, and no more of the network walked than the answer needs. All in both memory layouts.
"""

from functools import cache, partial
from importlib import import_module
from itertools import pairwise

from tinyattr.bench.clock import Job
from tinyattr.engine.ops import pool_shape

LAYOUTS = ("contiguous", "channels_last")


@cache
def library(name):
    """A library, or None where it is missing or broken."""
    try:
        return import_module(name)
    except (ImportError, RuntimeError, OSError):
        return None


@cache
def twin(net, size, layout):
    """torch.nn.Sequential of a network whose layers follow each other, for pictures of this size."""
    torch = library("torch")
    modules, (rows, columns), channels = [], (size, size), 3
    for name, op, attributes in net.layers:
        if op == "conv2d":
            kernel, bias = net.weights[name]  # (kh, kw, in, out)
            module = torch.nn.Conv2d(*kernel.shape[2:], kernel.shape[:2], **attributes)
            fill(module, kernel.transpose(3, 2, 0, 1), bias)
            channels = kernel.shape[3]
        elif op == "max_pool":
            module = torch.nn.MaxPool2d(attributes["size"], attributes["stride"])
            rows, columns = pool_shape((rows, columns), attributes["size"], attributes["stride"])
        elif op == "dense":
            kernel, bias = net.weights[name]  # (in, out)
            if isinstance(modules[-1], torch.nn.Flatten):  # ours reads (H, W, C), PyTorch's (C, H, W)
                kernel = kernel.reshape(rows, columns, channels, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
            module = torch.nn.Linear(*kernel.shape)
            fill(module, kernel.T, bias)
        else:
            module = {"relu": torch.nn.ReLU, "flatten": torch.nn.Flatten}[op]()
        modules.append(module)
    return torch.nn.Sequential(*modules).eval().to(memory_format=formats()[layout])


def fill(module, weight, bias):
    """Our numbers into a module."""
    torch = library("torch")
    with torch.no_grad():
        module.weight.copy_(torch.tensor(weight))
        module.bias.copy_(torch.tensor(bias))


def formats():
    """PyTorch's constants for LAYOUTS."""
    torch = library("torch")
    return dict(zip(LAYOUTS, (torch.contiguous_format, torch.channels_last), strict=True))


def jobs(name, net, x, target, batch, layouts=LAYOUTS):
    """The others' jobs for a work; none without torch. x: (N, H, W, 3)."""
    torch, made = library("torch"), []
    for layout in layouts if torch else ():
        model = twin(net, x.shape[1], layout)
        pictures = torch.tensor(x.transpose(0, 3, 1, 2).copy()).to(memory_format=formats()[layout])
        for way in WAYS[name]:
            if library(way.needs):
                features = [n for n, _, _ in net.layers].index(net.features)
                made.append(Job(way.needs.split(".")[0], partial(way, model, features, pictures, target, batch),
                                layout, way.documented))
    return made


def way(needs, *, documented=False):
    """Marks a function as one way to do a work: which library it needs, and whether its weights are trainable."""
    def mark(function):
        def run(model, *arguments):
            model.requires_grad_(documented)
            return function(model, *arguments)
        run.needs, run.documented = needs, documented
        return run
    return mark


@way("torch")
def forward(model, features, x, target, batch, steps):
    """Logits."""
    with library("torch").no_grad():
        return model(x)


@way("torch")
def gradient(model, features, x, target, batch, steps):
    """The gradient of z_c by autograd, of the pictures only."""
    leaf = x.clone().requires_grad_()
    model(leaf)[:, target].sum().backward()
    return leaf.grad


@way("torch", documented=True)
def gradient_of_all(model, features, x, target, batch, steps):
    """.backward() of a model as it comes: of the pictures and of all weights."""
    model.zero_grad()
    leaf = x.clone().requires_grad_()
    model(leaf)[:, target].sum().backward()
    return leaf.grad


@way("captum.attr")
def layer_gradcam(model, features, x, target, batch, steps):
    """captum's LayerGradCam."""
    return library("captum.attr").LayerGradCam(model, model[features]).attribute(x.clone().requires_grad_(), target)


@way("pytorch_grad_cam", documented=True)
def pytorch_gradcam(model, features, x, target, batch, steps):
    """GradCAM as its README calls it."""
    targets = [import_module("pytorch_grad_cam.utils.model_targets").ClassifierOutputTarget(target)]
    with library("pytorch_grad_cam").GradCAM(model=model, target_layers=[model[features]]) as cam:
        return cam(input_tensor=x, targets=targets)


@way("captum.attr")
def captum_ig(model, features, x, target, batch, steps):
    """captum's IntegratedGradients, `batch` pictures at a time."""
    ig = library("captum.attr").IntegratedGradients(model)
    return ig.attribute(x, baselines=0, target=target, n_steps=steps, internal_batch_size=batch)


@way("captum.attr", documented=True)
def captum_ig_at_once(model, features, x, target, batch, steps):
    """The same as its documentation calls it: all pictures of the path at once."""
    return library("captum.attr").IntegratedGradients(model).attribute(x, baselines=0, target=target, n_steps=steps)


@way("torch")
def rsi_at_the_layer(model, features, x, target, batch, steps):
    """RSI's integral, one picture after the other, gradients only behind the layer."""
    torch, found = library("torch"), []
    for step in range(steps + 1):
        with torch.no_grad():
            A = model[:features + 1](x * (step / steps))
        A.requires_grad_()
        (g,) = torch.autograd.grad(model[features + 1:](A)[0, target], A)
        found.append((A.detach(), g))
    return integral(found)


@way("torch", documented=True)
def rsi_by_backward(model, features, x, target, batch, steps):
    """The same as the authors' loop: .backward() of a model as it comes, for one picture after the other."""
    found = []
    for step in range(steps + 1):
        model.zero_grad()
        A = model[:features + 1](x * (step / steps))
        A.retain_grad()
        model[features + 1:](A)[0, target].backward()
        found.append((A.detach(), A.grad))
    return integral(found)


def integral(found):
    """sum_l (g(l-1) + g(l))/2 (A(l) - A(l-1))."""
    return sum((g0 + g1) / 2 * (A1 - A0) for (A0, g0), (A1, g1) in pairwise(found))


WAYS = {
    "forward": [forward], "gradient": [gradient, gradient_of_all], "gradcam": [layer_gradcam, pytorch_gradcam],
    "ig": [captum_ig, captum_ig_at_once], "rsi": [rsi_at_the_layer, rsi_by_backward],
}
