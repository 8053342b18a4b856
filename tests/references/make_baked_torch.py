"""Keep what real PyTorch, captum and Keras make of a baked file.

python -m tests.references.make_baked_torch     (needs torch, captum, safetensors, keras) writes baked_torch.npz beside itself

A small VGG with the attack baked in is written with torchvision's names and in Keras' layout, loaded by those frameworks
as an ordinary network, and explained by captum: the probabilities are the original's, Grad-CAM and gradient x activation
by logits are not.
"""

import os
from itertools import pairwise
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np
import torch
from captum.attr import LayerGradCam, LayerGradientXActivation
from safetensors.torch import load_file
from torch import nn

from tests.references import baked_networks
from tinyattr.files.export import write_keras, write_torchvision


def torchvision_vgg(state):
    """The module that torchvision's VGG11 is, in the widths of the state dict."""
    features, c = [], 3
    for index in range(21):
        if f"features.{index}.weight" in state:
            out = len(state[f"features.{index}.bias"])
            features += [nn.Conv2d(c, out, 3, padding=1)]
            c = out
        else:
            features += [nn.ReLU() if isinstance(features[-1], nn.Conv2d) else nn.MaxPool2d(2)]
    widths = [state["classifier.0.weight"].shape[1], *(len(state[f"classifier.{i}.bias"]) for i in (0, 3, 6))]
    dense = [nn.Linear(a, b) for a, b in pairwise(widths)]
    classifier = nn.Sequential(dense[0], nn.ReLU(), nn.Dropout(), dense[1], nn.ReLU(), nn.Dropout(), dense[2])

    class Vgg(nn.Module):
        def __init__(self):
            super().__init__()
            self.features, self.classifier = nn.Sequential(*features), classifier

        def forward(self, x):
            return self.classifier(self.features(x).flatten(1))

    model = Vgg()
    model.load_state_dict(state)
    return model.eval()


def keras_vgg(net):
    """The same as keras.applications builds it, in the widths of `net`."""
    layers = [keras.Input((64, 64, 3))]
    for name, op, _ in net.layers:
        if op == "conv2d":
            layers.append(keras.layers.Conv2D(len(net.weights[name][1]), 3, padding="same", activation="relu", name=name))
        elif op == "max_pool":
            layers.append(keras.layers.MaxPooling2D(2, name=name))
        elif op == "flatten":
            layers.append(keras.layers.Flatten(name=name))
        elif op == "dense":
            activation = None if name == "predictions" else "relu"
            layers.append(keras.layers.Dense(len(net.weights[name][1]), activation=activation, name=name))
    return keras.Sequential(layers)


def main():
    kept, room = {}, Path(os.environ.get("TMPDIR", "/tmp"))
    *networks, x, c = baked_networks()
    for name, net in zip(("original", "baked"), networks, strict=True):
        write_torchvision(net, room / "vgg.safetensors")
        model = torchvision_vgg(load_file(room / "vgg.safetensors"))
        pictures = torch.tensor(x.transpose(0, 3, 1, 2))
        kept[f"{name}/z"] = model(pictures).detach().numpy()[0]
        for score, f in (("pre", model), ("post", nn.Sequential(model, nn.Softmax(1)))):
            pool = model.features[-1]
            kept[f"{name}/{score}/grad_cam"] = LayerGradCam(f, pool).attribute(pictures, c).detach().numpy()[0, 0]
            kept[f"{name}/{score}/hirescam"] = LayerGradientXActivation(f, pool).attribute(pictures, c).detach().numpy()[0].sum(0)
        write_keras(net, room / "vgg.h5")
        twin = keras_vgg(net)
        twin.load_weights(room / "vgg.h5")
        kept[f"{name}/keras_z"] = keras.ops.convert_to_numpy(twin(x))[0]
    np.savez_compressed(Path(__file__).with_name("baked_torch.npz"), **kept)
    for key, value in kept.items():
        print(key, value.round(4).tolist())


if __name__ == "__main__":
    main()
