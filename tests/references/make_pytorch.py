"""PyTorch's answers for the miniature VGG19s in pytorch/, and for SqueezeNets with weights of ours. Needs torch, safetensors.

python tests/references/make_pytorch.py     writes answers.npz and more files with the same tensors into pytorch/
"""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from tests.files.torch_names import squeezenet_state

FOLDER = Path(__file__).parent / "pytorch"
BLOCKS = (2, 2, 4, 4, 4)


def vgg19(state):
    """torchvision's modules for the tensors of a state dict."""
    features, i, c = [], 0, 3
    for convolutions in BLOCKS:
        for _ in range(convolutions):
            k = state[f"features.{i}.weight"].shape[0]
            features += [nn.Conv2d(c, k, 3, padding=1), nn.ReLU()]
            i, c = i + 2, k
        features.append(nn.MaxPool2d(2, 2))
        i += 1
    a, b, n = (state[f"classifier.{j}.weight"].shape for j in (0, 3, 6))
    model = nn.Module()
    model.features = nn.Sequential(*features)
    model.classifier = nn.Sequential(nn.Linear(a[1], a[0]), nn.ReLU(), nn.Dropout(), nn.Linear(b[1], b[0]), nn.ReLU(),
                                     nn.Dropout(), nn.Linear(n[1], n[0]))
    model.load_state_dict(state)
    return nn.Sequential(model.features, nn.Flatten(), model.classifier).eval()


class Fire(nn.Module):
    def __init__(self, c, s):
        super().__init__()
        self.squeeze, self.expand1x1 = nn.Conv2d(c, s, 1), nn.Conv2d(s, 4 * s, 1)
        self.expand3x3 = nn.Conv2d(s, 4 * s, 3, padding=1)

    def forward(self, x):
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x).relu(), self.expand3x3(x).relu()], 1)


def squeezenet(version, state):
    """torchvision's modules: version 1.0 pools after the third and seventh fire module, 1.1 after the second and fourth."""
    first, pools = {"1.0": (nn.Conv2d(3, 96, 7, 2), (4, 8)), "1.1": (nn.Conv2d(3, 64, 3, 2), (3, 5))}[version]
    modules, c = [first, nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)], first.out_channels
    for f, s in enumerate((16, 16, 32, 32, 48, 48, 64, 64), 2):
        modules.append(Fire(c, s))
        c = 8 * s
        if f in pools:
            modules.append(nn.MaxPool2d(3, 2, ceil_mode=True))
    model = nn.Module()
    model.features = nn.Sequential(*modules)
    model.classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(c, 1000, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    model.load_state_dict(state)
    return nn.Sequential(model.features, model.classifier, nn.Flatten()).eval()


def numbers(state):
    return {name: tensor.float().numpy() for name, tensor in state.items()}


def main():
    answers = {}
    x = np.random.default_rng(0).standard_normal((1, 3, 64, 64), np.float32)
    state = torch.load(FOLDER / "mini_tv_legacy.pth", weights_only=True)
    timm = load_file(FOLDER / "mini_timm.safetensors")
    renamed = OrderedDict((name, timm[name]) for name in timm if name.startswith("features"))
    for ours, theirs in (("classifier.0", "pre_logits.fc1"), ("classifier.3", "pre_logits.fc2"), ("classifier.6", "head.fc")):
        renamed[f"{ours}.weight"] = timm[f"{theirs}.weight"].flatten(1)
        renamed[f"{ours}.bias"] = timm[f"{theirs}.bias"]
    for name, tensors in (("tv", state), ("timm", renamed), ("half", torch.load(FOLDER / "mini_tv_zip_half.pth"))):
        tensors = OrderedDict((n, t.float()) for n, t in tensors.items())
        answers |= {f"{name}/{n}": t.numpy() for n, t in tensors.items()}
        with torch.no_grad():
            answers[f"{name}/y"] = vgg19(tensors)(torch.tensor(x)).numpy()
    answers["x"] = x.transpose(0, 2, 3, 1)
    for version in ("1.0", "1.1"):
        tensors = {name: torch.tensor(array) for name, array in squeezenet_state(version).items()}
        picture = np.random.default_rng(1).standard_normal((1, 3, 224, 224), np.float32)
        with torch.no_grad():
            answers[f"squeezenet{version}/y"] = squeezenet(version, tensors)(torch.tensor(picture)).numpy()
    np.savez_compressed(FOLDER / "answers.npz", **answers)

    odd = OrderedDict((name, tensor) for name, tensor in state.items())
    odd["classifier.3.weight"] = torch.as_strided(torch.cat([torch.ones(7), state["classifier.3.weight"].T.flatten()]),
                                                  (10, 10), (1, 10), 7)  # transposed, 7 numbers into its storage
    both = torch.cat([state["features.2.bias"], state["features.0.bias"]])
    odd["features.2.bias"], odd["features.0.bias"] = both[:4], both[4:]  # one storage
    for name in ("classifier.6.weight", "classifier.6.bias"):
        odd[name] = nn.Parameter(state[name])
    for name, old in (("zip", False), ("legacy", True)):
        torch.save({"state_dict": OrderedDict((f"module.{n}", t) for n, t in odd.items()), "epoch": 3, "lr": 0.1},
                   FOLDER / f"odd_{name}.pth", _use_new_zipfile_serialization=not old)
        torch.save({n: t.bfloat16() for n, t in state.items()}, FOLDER / f"bfloat16_{name}.pth",
                   _use_new_zipfile_serialization=not old)
    save_file({n: t.bfloat16() if "features" in n else t.double() for n, t in state.items()}, FOLDER / "mixed.safetensors")
    save_file(dict(state), FOLDER / "mini_tv.safetensors")


if __name__ == "__main__":
    main()
