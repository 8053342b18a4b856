"""Small networks from PyTorch as ONNX files, by both of its exporters, with PyTorch's own answers in float64.

python tests/references/make_onnx.py     writes onnx/NAME.onnx, onnx/NAME_dynamo.onnx, onnx/NAME.npz; needs torch, onnxscript

x (N, C, H, W), z, c, and of dz_c/dx, of A (the tensor `last`) and of dz_c/dA the numbers of the first picture.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import nn

FOLDER = Path(__file__).parent / "onnx"


class Alex(nn.Module):
    """AlexNet's habits: a large stride, local response normalisation, overlapping pools; leaky ReLU and PReLU."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.p, self.fc = nn.Conv2d(3, 6, 7, 3, 2), nn.Conv2d(6, 8, 5, padding=2), nn.PReLU(8), nn.Linear(72, 5)
        self.norm = nn.LocalResponseNorm(3, alpha=0.02, beta=0.6, k=1.5)

    def forward(self, x):
        x = F.max_pool2d(self.norm(F.leaky_relu(self.a(x), 0.1)), 3, 2)
        self.last = x = self.p(self.b(x))
        return self.fc(torch.flatten(F.max_pool2d(x, 2, ceil_mode=True), 1))


class Excite(nn.Module):
    """EfficientNet's and MobileNetV3's: SiLU, squeeze and excite, hard swish, groups; one output."""

    def __init__(self):
        super().__init__()
        self.a, self.s, self.e = nn.Conv2d(1, 8, 3, 2, 1), nn.Conv2d(8, 3, 1), nn.Conv2d(3, 8, 1)
        self.b, self.fc = nn.Conv2d(8, 12, 3, 1, 1, groups=4), nn.Linear(12, 1)

    def forward(self, x):
        x = F.silu(self.a(x))
        x = x * torch.sigmoid(self.e(F.silu(self.s(F.adaptive_avg_pool2d(x, 1)))))
        self.last = x = F.hardswish(self.b(x))
        return torch.sigmoid(self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1)))


class Modern(nn.Module):
    """ConvNeXt's and decoders': GELU, patches, transposed convolution, ELU, nearest upsampling, softplus, pixel shuffle."""

    def __init__(self):
        super().__init__()
        self.a, self.t, self.fc = nn.Conv2d(3, 10, 4, 4), nn.ConvTranspose2d(10, 8, 3, 2, 1, output_padding=1), nn.Linear(2, 4)

    def forward(self, x):
        x = F.elu(self.t(F.gelu(self.a(x))))
        x = F.pixel_shuffle(F.softplus(F.interpolate(x, scale_factor=2)), 2)
        self.last = x = F.gelu(x, approximate="tanh")
        return torch.softmax(self.fc(F.adaptive_max_pool2d(x, 1).flatten(1)), 1)


class Shuffle(nn.Module):
    """ShuffleNet's: channels split, joined and shuffled; a shortcut without weights, padding on two sides; no biases."""

    def __init__(self):
        super().__init__()
        self.c, self.d, self.e = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Conv2d(8, 12, 3, 2, 1)
        self.fc, self.f2 = nn.Linear(12 * 4 * 5, 7, bias=False), nn.Linear(7, 3)

    def forward(self, x):
        x = F.relu6(self.c(F.pad(x, (1, 2, 0, 1))))
        a, b = x.chunk(2, 1)
        x = torch.cat((a, F.mish(self.d(b))), 1)
        n, c, h, w = x.size()
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, -1, h, w)
        self.last = x = F.selu(self.e(x) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2)))
        return self.f2(F.softsign(self.fc(x.flatten(1)) * 2 - 0.5))


def write(name, net, shape):
    """The two files and the answers of a network."""
    net.eval()
    x = torch.randn(2, *shape)
    about = {"input_names": ["x"], "output_names": ["out"]}
    torch.onnx.export(net, (x,), FOLDER / f"{name}.onnx", dynamo=False, opset_version=13, dynamic_axes={"x": {0: "n"}}, **about)
    torch.onnx.export(net, (x,), FOLDER / f"{name}_dynamo.onnx", dynamo=True, external_data=False, **about)
    forget_paths(FOLDER / f"{name}_dynamo.onnx")
    net, x = net.double(), x.double().requires_grad_(True)
    ends = []
    net.fc.register_forward_hook(lambda module, inputs, output: ends.append(output))
    y = net(x)
    z = y if name in ("alex", "shuffle") else ends[0]
    z = torch.cat([torch.zeros_like(z), z], 1) if z.shape[1] == 1 else z
    c = z.argmin(1) if name != "excite" else torch.ones(len(z), dtype=int)
    dx, dA = torch.autograd.grad(z.gather(1, c[:, None]).sum(), (x, net.last))
    np.savez_compressed(FOLDER / f"{name}.npz", x=x.detach().numpy().astype("f4"), z=z.detach().numpy(), c=c.numpy(),
                        dzc_dx=dx[0].numpy(), A=net.last[0].detach().numpy(), dzc_dA=dA[0].numpy())


def forget_paths(path):
    """Take out of a file where on this machine each of its nodes was written."""
    model = onnx.load(path)
    for node in model.graph.node:
        kept = [entry for entry in node.metadata_props if "/" not in entry.value]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    onnx.save(model, path)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(0)
    write("alex", Alex(), (3, 43, 40))
    write("excite", Excite(), (1, 20, 26))
    write("modern", Modern(), (3, 16, 24))
    write("shuffle", Shuffle(), (3, 14, 16))
