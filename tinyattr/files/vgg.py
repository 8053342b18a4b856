"""The VGG family (Simonyan & Zisserman 2015, arXiv 1409.1556, table 1): 3x3 convolutions, then three dense layers.

VGG11, 13, 16, 19 are configurations A, B, D, E. Layers have Keras' names; block5_relu4 is the ReLU after block5_conv4.
"""

import numpy as np

from tinyattr.engine.arrays import sealed
from tinyattr.errors import InputError, count_of, named, number_of, of_type, rng_of
from tinyattr.nets.network import Network
from tinyattr.nets.pictures import InputSpec

CONVOLUTIONS = {"A": (1, 1, 2, 2, 2), "B": (2, 2, 2, 2, 2), "D": (2, 2, 3, 3, 3), "E": (2, 2, 4, 4, 4)}  # per block
VGG_NAMES = {"A": "VGG11", "B": "VGG13", "D": "VGG16", "E": "VGG19"}
CHANNELS = (64, 128, 256, 512, 512)


def vgg_layers(configuration):
    """Return the list of layers of configuration A, B, D or E."""
    layers, configuration = [], named("VGG configuration", configuration, CONVOLUTIONS)
    for b, convolutions in enumerate(CONVOLUTIONS[configuration], 1):
        for i in range(1, convolutions + 1):
            layers.append((f"block{b}_conv{i}", "conv2d", {"stride": 1, "padding": 1}))
            layers.append((f"block{b}_relu{i}", "relu", {}))
        layers.append((f"block{b}_pool", "max_pool", {"size": 2, "stride": 2}))
    layers += [("flatten", "flatten", {}), ("fc1", "dense", {}), ("fc1_relu", "relu", {}),
               ("fc2", "dense", {}), ("fc2_relu", "relu", {}), ("predictions", "dense", {})]
    return layers


def vgg_shapes(configuration, channels=CHANNELS, dense=(4096, 4096), classes=1000, size=224):
    """Return {layer: kernel shape} of a VGG with these channels in each block, for pictures of size x size."""
    if count_of(size, "size") % 32:
        raise InputError(f"VGG halves the picture five times: its size must be a multiple of 32; got {size}")
    shapes, c = {}, 3
    for b, (convolutions, k) in enumerate(zip(CONVOLUTIONS[configuration], channels, strict=True), 1):
        for i in range(1, convolutions + 1):
            shapes[f"block{b}_conv{i}"] = (3, 3, c, k)
            c = k
    widths = ((size // 32) ** 2 * c, *dense, classes)
    for name, fan_in, fan_out in zip(("fc1", "fc2", "predictions"), widths, widths[1:], strict=False):
        shapes[name] = (fan_in, fan_out)
    return shapes


def vgg(configuration="E", *, seed=0, width=1, classes=1000, dense=None, size=224, input=None, dtype=np.float32):
    """Return a VGG with random weights: normal kernels with variance 2 / fan_in (He et al. 2015, 1502.01852), biases 0.

    width multiplies the channels 64..512, and also the 4096 units of the dense layers unless `dense` gives two numbers.
    classes: their number, or names. The same seed gives the same bytes. vgg("E") is VGG19: 143,667,240 parameters.
    """
    configuration = named("VGG configuration", configuration, CONVOLUTIONS)
    layers, width = vgg_layers(configuration), number_of(width, "width", 0, 100)
    names = tuple(map(str, classes)) if isinstance(classes, list | tuple) else None
    channels = [round(k * width) for k in CHANNELS]
    dense = (round(4096 * width),) * 2 if dense is None else tuple(of_type(dense, (list, tuple), "dense"))
    n = count_of(classes, "classes, unless they are a list of names,") if names is None else len(names)
    of_type(input, (InputSpec, type(None)), "input")
    if len(dense) != 2 or (input and input.shape[:2] != (size, size)):
        raise InputError(f"a VGG has two hidden dense layers and one size; got dense {dense}, size {size}, {input}")
    dense = tuple(count_of(units, "units of a dense layer", least=0) for units in dense)
    if min(*channels, *dense, n) < 1:
        raise InputError(f"width {width} leaves a layer empty: channels {channels}, dense {dense}, classes {n}")
    shapes = vgg_shapes(configuration, channels, dense, n, size)
    rng = rng_of(seed)
    weights = {}
    for name, shape in shapes.items():
        kernel = rng.standard_normal(shape, np.float32)
        kernel *= np.float32(np.sqrt(2 / np.prod(shape[:-1])))
        weights[name] = tuple(map(sealed, (kernel, np.zeros(shape[-1], np.float32))))
    name = f"{VGG_NAMES[configuration]} layout, random weights (seed {seed})"
    net = Network(layers, weights, name=name, classes=names, input=input)
    return net if dtype is np.float32 else net.astype(dtype)
