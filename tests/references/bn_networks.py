"""Two small networks with batch normalisation, like a ResNet and a VGG, for the outputs that peers_bn.npz stores."""

import numpy as np

import tinyattr as ta

EPSILON = 1e-5  # PyTorch's default


def _block(b, x, k, stride=1):
    """Two convolutions and what goes around them, all with batch norms. Returns (layers, {layer: kernel shape})."""
    last, c = x
    short = f"b{b}_short_norm" if stride > 1 else last
    layers = [(f"b{b}_conv1", "conv2d", {"stride": stride, "padding": 1, "inputs": [last]}), (f"b{b}_norm1", "batch_norm", {}), (f"b{b}_relu1", "relu", {}),
              (f"b{b}_conv2", "conv2d", {"padding": 1}), (f"b{b}_norm2", "batch_norm", {})]
    shapes = {f"b{b}_conv1": (3, 3, c, k), f"b{b}_conv2": (3, 3, k, k)}
    if stride > 1:
        layers += [(f"b{b}_short", "conv2d", {"stride": stride, "inputs": [last]}), (short, "batch_norm", {})]
        shapes[f"b{b}_short"] = (1, 1, c, k)
    layers += [(f"b{b}_sum", "add", {"inputs": [f"b{b}_norm2", short]}), (f"b{b}_relu2", "relu", {})]
    return layers, shapes


def resnet():
    """(layers, {layer: kernel shape})."""
    first, one = _block(1, ("first_relu", 6), 6)
    second, two = _block(2, ("b1_relu2", 6), 8, 2)
    layers = [("conv", "conv2d", {"padding": 1}), ("norm", "batch_norm", {}), ("first_relu", "relu", {}), *first, *second,
              ("gap", "global_avg_pool", {}), ("fc", "dense", {})]
    return layers, {"conv": (3, 3, 3, 6), **one, **two, "fc": (8, 5)}


def vgg_bn():
    """(layers, {layer: kernel shape})."""
    pool = {"size": 2, "stride": 2}
    layers = [("conv1", "conv2d", {"padding": 1}), ("norm1", "batch_norm", {}), ("relu1", "relu", {}), ("pool1", "max_pool", pool),
              ("conv2", "conv2d", {"padding": 1}), ("norm2", "batch_norm", {}), ("relu2", "relu", {}), ("pool2", "max_pool", pool),
              ("flatten", "flatten", {}), ("fc1", "dense", {}), ("relu3", "relu", {}), ("fc2", "dense", {})]
    return layers, {"conv1": (3, 3, 3, 6), "conv2": (3, 3, 6, 8), "fc1": (128, 10), "fc2": (10, 5)}


NETWORKS = {"resnet": resnet, "vgg_bn": vgg_bn}


def arrays(name):
    """{layer: (kernel, bias), or of a batch norm (gamma, beta, mean, variance)}, float64, in the order of the layers."""
    layers, shapes = NETWORKS[name]()
    rng, found, k = np.random.default_rng(7), {}, 0
    for layer, op, _ in layers:
        if op == "batch_norm":
            found[layer] = rng.uniform(0.5, 1.5, k), rng.normal(0, 0.3, k), rng.normal(0, 0.3, k), rng.uniform(0.5, 2, k)
        elif layer in shapes:
            shape, k = shapes[layer], shapes[layer][-1]
            bias = rng.normal(0, 0.1, k) if op == "dense" or name == "vgg_bn" else np.zeros(k)
            found[layer] = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1])), bias
    return found


def network(name):
    """The network itself, batch norms as layers of their own."""
    weights = {}
    for layer, own in arrays(name).items():
        if len(own) == 4:
            gamma, beta, mean, variance = own
            scale = gamma / np.sqrt(variance + EPSILON)
            own = scale, beta - mean * scale
        weights[layer] = own
    return ta.network(NETWORKS[name]()[0], weights, name=name)


def picture():
    """(1, 16, 16, 3)."""
    return np.random.default_rng(8).standard_normal((1, 16, 16, 3))
