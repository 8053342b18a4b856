"""DeepLIFT by captum and LRP by zennit, with its canonizer, on two small networks with batch normalisation.

python tests/references/make_peers_bn.py     needs torch, captum and zennit; not run by the tests.
Written with torch 2.14.1, captum 0.9.0, zennit 0.5.1, in float64. peers_bn.npz: {network}_{peer}, (16, 16, 3).
"""

import warnings
from pathlib import Path

import numpy as np
import torch
from captum.attr import DeepLift
from torch import nn
from zennit.attribution import Gradient
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.composites import EpsilonGammaBox, EpsilonPlus
from zennit.layer import Sum

from tests.references.bn_networks import NETWORKS, arrays, picture

warnings.simplefilter("ignore")


class Block(nn.Module):
    """conv, norm, relu, conv, norm, + what came in, relu: each a module of its own, as captum needs it."""

    def __init__(self, c, k, stride):
        super().__init__()
        self.conv1, self.norm1, self.relu1 = nn.Conv2d(c, k, 3, stride, 1, bias=False), nn.BatchNorm2d(k), nn.ReLU()
        self.conv2, self.norm2, self.relu2 = nn.Conv2d(k, k, 3, 1, 1, bias=False), nn.BatchNorm2d(k), nn.ReLU()
        self.short = nn.Sequential(nn.Conv2d(c, k, 1, stride, bias=False), nn.BatchNorm2d(k)) if stride > 1 else nn.Identity()
        self.sum = Sum()

    def forward(self, x):
        y = self.norm2(self.conv2(self.relu1(self.norm1(self.conv1(x)))))
        return self.relu2(self.sum(torch.stack([y, self.short(x)], -1)))


def resnet():
    return nn.Sequential(nn.Conv2d(3, 6, 3, 1, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU(), Block(6, 6, 1), Block(6, 8, 2),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))


def vgg_bn():
    return nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(128, 10), nn.ReLU(), nn.Linear(10, 5))


def filled(model, name):
    """The module with our arrays: its convolutions, norms and dense layers come in the order of our layers."""
    modules = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d | nn.Linear)]
    for module, own in zip(modules, arrays(name).values(), strict=True):
        own = [torch.tensor(a) for a in own]
        with torch.no_grad():
            if isinstance(module, nn.BatchNorm2d):
                for where, a in zip((module.weight, module.bias, module.running_mean, module.running_var), own, strict=True):
                    where.copy_(a)
                continue
            kernel = own[0].permute(3, 2, 0, 1) if own[0].ndim == 4 else own[0].T
            if name == "vgg_bn" and own[0].shape[0] == 128:  # rows count (H, W, C) there, (C, H, W) in PyTorch
                kernel = own[0].reshape(4, 4, 8, -1).permute(2, 0, 1, 3).reshape(128, -1).T
            module.weight.copy_(kernel)
            if module.bias is not None:
                module.bias.copy_(own[1])
    return model.double().eval()


def answers(name):
    """{what: map (16, 16, 3)} of the top class's logit."""
    x = torch.tensor(picture()).permute(0, 3, 1, 2)
    build = {"resnet": resnet, "vgg_bn": vgg_bn}[name]
    z = filled(build().double(), name)(x)
    c = int(z.argmax())
    found = {"z": z.detach().numpy()}
    black = torch.zeros_like(x)
    found["captum_deeplift"] = DeepLift(filled(build().double(), name)).attribute(x, black, target=c)
    canonizers = [SequentialMergeBatchNorm()]
    composites = {"zennit_epsilon_plus": EpsilonPlus(canonizers=canonizers),
                  "zennit_epsilon_gamma_box": EpsilonGammaBox(low=-3.0, high=3.0, canonizers=canonizers)}
    for what, composite in composites.items():
        model = filled(build().double(), name)
        with Gradient(model, composite) as attributor:
            z, found[what] = attributor(x, lambda z: torch.eye(5, dtype=z.dtype)[[c]] * z)
    return {key: v if key == "z" else v.detach()[0].permute(1, 2, 0).numpy() for key, v in found.items()}


if __name__ == "__main__":
    stored = {f"{name}_{what}": v for name in NETWORKS for what, v in answers(name).items()}
    np.savez_compressed(Path(__file__).with_name("peers_bn.npz"), **stored)
