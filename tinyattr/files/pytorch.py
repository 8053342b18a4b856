"""Convert PyTorch's names and axes of layers to ours, and back.

PyTorch writes kernels (out, in, kh, kw) and (out, in), and flattens a map in the order C, H, W. Here kernels are (kh,
kw, in, out) and (in, out), and a flattened map is in the order H, W, C. So we must reorder the inputs of the first
dense layer after feature maps. If we forgot this, every shape would fit, but every result would be wrong.
"""

from functools import partial
from math import isqrt

import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.squeezenet import POOL_AFTER, SQUEEZE
from tinyattr.files.tensor import FLOATS
from tinyattr.files.weight_file import Array, natural, plausible

WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module"}  # names added by DataParallel, torch.compile and FSDP
BATCH_NORM, EPSILON = ("weight", "bias", "running_mean", "running_var"), 1e-5  # PyTorch's names, and its default
PARTS = ("features", "pre_logits", "classifier", "head")  # parts of a network of torchvision or timm, in their order


def layers_of(tensors):
    """Return {layer: (kernel, bias)}, Arrays in our order of axes. tensors: {name: Tensor} from torchvision or timm.

    A batch normalisation has (scale, shift) instead. Raises InputError for tensors that do not belong to our layers.
    """
    outer = next((name.partition("features.")[0] for name in tensors if "features." in name), "")  # such as "model."
    named = {}
    for name, tensor in tensors.items():
        *layer, what = name.removeprefix(outer).split(".")
        layer = ".".join(part for part in layer if part not in WRAPPERS)
        if named.setdefault(layer, {}).setdefault(what, tensor) is not tensor:
            raise InputError(f"it holds two tensors for {what!r} of {layer!r}, one is {name!r}; save only one network")
    for layer, parts in named.items():
        if _part(layer) not in PARTS:
            name = layer or next(iter(parts))
            raise InputError(f"{name!r} in it is not a name that torchvision or timm give to a layer of our networks")
    layers, channels = {}, None
    for layer in sorted(named, key=lambda layer: (PARTS.index(_part(layer)), natural(layer))):
        if "running_mean" in named[layer]:
            layers[layer] = _batch_norm(layer, named[layer])
            continue
        if named[layer].keys() != {"weight", "bias"}:
            raise InputError(f"{layer!r} in it has {', '.join(map(repr, named[layer]))}; expected weight and bias")
        weight, bias = named[layer]["weight"], named[layer]["bias"]
        if not {weight.dtype, bias.dtype} <= FLOATS or len(weight.shape) not in (2, 4) or len(bias.shape) != 1:
            raise InputError(f"{layer!r} in it has weight {weight.shape} {weight.dtype} and bias {bias.shape} "
                             f"{bias.dtype}; expected floats with 2 or 4 axes, and 1")
        dense = len(weight.shape) == 2 or layer.startswith("pre_logits")  # in timm, a convolution over the whole map
        out, into, height, width = oihw = _as_convolution(weight.shape, channels)
        shape = (height * width * into, out) if dense else (height, width, into, out)
        layers[layer] = (Array(f"{layer}.weight", shape, partial(_read, weight, oihw, shape)),
                         Array(f"{layer}.bias", bias.shape, partial(_read, bias, (*bias.shape, 1, 1, 1), bias.shape)))
        channels = None if dense else out
    return layers


def _part(layer):
    return layer.partition(".")[0]


def _batch_norm(layer, parts):
    """Return (scale, shift) of batch normalisation, y = x scale + shift, from its mean, variance, weight and bias."""
    tensors = [parts.get(name) for name in BATCH_NORM]
    if None in tensors or {tensor.dtype for tensor in tensors} - FLOATS or len({t.shape for t in tensors}) > 1:
        raise InputError(f"{layer!r} in it has {', '.join(map(repr, parts))}; expected {', '.join(BATCH_NORM)}, floats "
                         "of one shape")
    read = [partial(_read, tensor, (*tensor.shape, 1, 1, 1), tensor.shape) for tensor in tensors]

    def scale():
        return plausible(read[0](), f"{layer}.weight") / np.sqrt(plausible(read[3](), f"{layer}.running_var") + EPSILON)

    def shift():
        return read[1]() - read[2]() * scale()

    shape = tensors[0].shape
    return Array(f"{layer}.weight", shape, scale), Array(f"{layer}.bias", shape, shift)


def _as_convolution(shape, channels):
    """Return the shape (out, in, h, w) of a kernel. A dense kernel (out, in) may read a flattened square map."""
    if len(shape) == 4:
        return shape
    out, into = shape
    side = isqrt(into // channels) if channels else 1
    return (out, channels, side, side) if channels and side * side * channels == into else (out, into, 1, 1)


def _read(tensor, oihw, shape):
    """Read a tensor (out, in, h, w) as (h, w, in, out), then give it its shape."""
    out, into, height, width = oihw
    kernel = np.empty((height, width, into, out), np.float32)
    for start, stop, rows in tensor.rows():
        kernel[..., start:stop] = rows.reshape(-1, into, height, width).transpose(2, 3, 1, 0)
    return kernel.reshape(shape)


def torchvision_arrays(net):
    """Return {"features.0.weight": (out, in, kh, kw), ..., "classifier.6.bias": (n,)} of a VGG. Reverses `layers_of`.

    Raises InputError for another network.
    """
    names = vgg_names(net.layers)
    plain = not any(op == "batch_norm" for _, op, _ in net.layers)
    if not plain or not {"block1_conv1", "fc1", "fc2", "predictions"} <= set(net.weights) <= set(names):
        raise InputError(f"{net.name} is not a VGG without batch normalisation; only this gets torchvision's names")
    found, channels = {}, None
    for layer, name in names.items():
        kernel, bias = net.weights[layer]
        if layer == "fc1":
            side = isqrt(len(kernel) // channels)
            kernel = kernel.reshape(side, side, channels, -1).transpose(2, 0, 1, 3).reshape(len(kernel), -1)
        channels = len(bias)
        found[f"{name}.weight"] = kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T
        found[f"{name}.bias"] = bias
    return found


def vgg_names(layers):
    """Return {our layer: torchvision's name} of a VGG. A name has a number, which counts ReLUs and pools, too."""
    names = {name: f"features.{i}" for i, (name, op, _) in enumerate(layers) if op in ("conv2d", "batch_norm")}
    return {**names, "fc1": "classifier.0", "fc2": "classifier.3", "predictions": "classifier.6"}


def squeezenet_names(version):
    """Return {our layer: torchvision's name} of a SqueezeNet. Numbers count conv1, its ReLU, pools, fire modules."""
    names, position = {"conv1": "features.0"}, 3
    for f in SQUEEZE:
        names[f"fire{f}_squeeze1x1"] = f"features.{position}.squeeze"
        names[f"fire{f}_expand1x1"] = f"features.{position}.expand1x1"
        names[f"fire{f}_expand3x3"] = f"features.{position}.expand3x3"
        position += 2 if f in POOL_AFTER[version] else 1
    return {**names, "conv10": "classifier.1"}
