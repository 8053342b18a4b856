"""The networks that we measure: published layouts with random weights. Trained weights would take the same time."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

import tinyattr as ta
from tinyattr.files.squeezenet import squeezenet_layers, squeezenet_shapes


class Layout:
    """A Layout builds a network layer by layer. Every method adds layers and returns the name of the last one."""

    def __init__(self):
        self.layers, self.weights, self.rng = [], {}, np.random.default_rng(0)
        self.channels = {"input": 3}

    def add(self, op, inputs, channels=None, weights=(), **attributes):
        """Add one layer."""
        name = f"{op}{1 + len(self.layers)}"
        self.layers.append((name, op, {"inputs": list(inputs), **attributes}))
        if weights:
            self.weights[name] = tuple(np.asarray(w, np.float32) for w in weights)
        self.channels[name] = channels or self.channels[inputs[0]]
        return name

    def conv(self, x, channels, size=1, stride=1, groups=1):
        """Add a convolution that keeps the lengths, or divides them by the stride, with weights of He et al. 2015."""
        shape = size, size, self.channels[x] // groups, channels
        kernel = self.rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:3]))
        about = {"groups": groups} if groups > 1 else {}
        weights = kernel, np.zeros(channels)
        return self.add("conv2d", [x], channels, weights, stride=stride, padding=(size - 1) // 2, **about)

    def norm(self, x):
        """Add a batch normalisation that changes little."""
        scale, shift = self.rng.normal(0, 0.1, (2, self.channels[x]))
        return self.add("batch_norm", [x], None, (1 + scale, shift))

    def relu(self, x):
        """Add a ReLU."""
        return self.add("relu", [x])

    def unit(self, x, *convolution, **about):
        """Add a convolution, a batch normalisation and a ReLU."""
        return self.relu(self.norm(self.conv(x, *convolution, **about)))

    def pool(self, x, size=3, stride=2, padding=1):
        """Add a max-pool."""
        return self.add("max_pool", [x], size=size, stride=stride, padding=padding)

    def network(self, x, name, classes=1000):
        """Return the network, with its classifier after the feature maps x."""
        x = self.add("global_avg_pool", [x])
        kernel = self.rng.standard_normal((self.channels[x], classes)) / np.sqrt(self.channels[x])
        self.add("dense", [x], classes, (kernel, np.zeros(classes)))
        return ta.network(self.layers, self.weights, name=f"{name} with random weights")


def resnet(depth):
    """Return ResNet-18 or -50, He et al. 2016, arXiv 1512.03385; 3 x 3 kernels have the strides, as in torchvision."""
    net = Layout()
    x = net.pool(net.unit("input", 64, 7, 2))
    for stage, blocks in enumerate({18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}[depth]):
        c = 64 << stage
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            if depth == 18:
                y, wide = net.norm(net.conv(net.unit(x, c, 3, stride), c, 3)), c
            else:
                y, wide = net.norm(net.conv(net.unit(net.unit(x, c), c, 3, stride), 4 * c)), 4 * c
            if net.channels[x] != wide:
                x = net.norm(net.conv(x, wide, 1, stride))
            x = net.relu(net.add("add", [y, x]))
    return net.network(x, f"ResNet-{depth}")


def mobilenet_v2():
    """Return MobileNetV2, Sandler et al. 2018, arXiv 1801.04381: a depthwise between two 1 x 1 convolutions."""
    net = Layout()

    def unit(x, *convolution, **about):
        return net.add("clip", [net.norm(net.conv(x, *convolution, **about))], low=0.0, high=6.0)

    x = unit("input", 32, 3, 2)
    for factor, channels, blocks, first in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                            (6, 160, 3, 2), (6, 320, 1, 1)):
        for block in range(blocks):
            stride = 1 if block else first
            wide = factor * net.channels[x]
            y = unit(x, wide) if factor > 1 else x
            y = net.norm(net.conv(unit(y, wide, 3, stride, groups=wide), channels))
            x = net.add("add", [x, y]) if stride == 1 and net.channels[x] == channels else y
    return net.network(unit(x, 1280), "MobileNetV2")


def densenet121():
    """Return DenseNet-121, Huang et al. 2017, arXiv 1608.06993: a layer reads all earlier layers of its block."""
    net = Layout()
    x = net.pool(net.unit("input", 64, 7, 2))
    for block, layers in enumerate((6, 12, 24, 16)):
        if block:
            x = net.conv(net.relu(net.norm(x)), net.channels[x] // 2)
            x = net.add("avg_pool", [x], size=2, stride=2)
        for _ in range(layers):
            y = net.conv(net.unit(net.relu(net.norm(x)), 128), 32, 3)
            x = net.add("concat", [x, y], net.channels[x] + 32)
    return net.network(net.relu(net.norm(x)), "DenseNet-121")


def squeezenet(version):
    """Return SqueezeNet, Iandola et al. 2016, arXiv 1602.07360."""
    rng, shapes = np.random.default_rng(0), squeezenet_shapes(version)
    weights = {name: (np.float32(rng.standard_normal(k) * np.sqrt(2 / np.prod(k[:-1]))), np.zeros(k[-1], np.float32))
               for name, k in shapes.items()}
    return ta.network(squeezenet_layers(version), weights, name=f"SqueezeNet {version} with random weights",
                      features="fire9_concat")


@dataclass(frozen=True)
class Subject:
    """A Subject is a network to measure, and the size (height and width) of its pictures."""

    name: str
    size: int
    network: Callable

    def __repr__(self):
        return self.name


NETWORKS = {subject.name: subject for subject in (
    Subject("vgg19", 224, partial(ta.vgg, "E", size=224, seed=0)),
    Subject("squeezenet", 227, partial(squeezenet, "1.0")),
    Subject("squeezenet1.1", 224, partial(squeezenet, "1.1")), Subject("resnet18", 224, partial(resnet, 18)),
    Subject("resnet50", 224, partial(resnet, 50)), Subject("mobilenet_v2", 224, mobilenet_v2),
    Subject("densenet121", 224, densenet121), Subject("glyphs", 224, partial(ta.load, "glyphs")),
    Subject("quick", 64, partial(ta.vgg, "A", width=1 / 4, size=64, seed=0)),
)}
FULL, QUICK = NETWORKS["vgg19"], NETWORKS["quick"]
