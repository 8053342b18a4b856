"""PyTorch's answers for VGG19 with our seed-0 weights, float64, sampled down to a few kilobytes. Needs torch.

python tests/references/make_vgg19_torch.py     writes vgg19_torch.npz beside itself
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import tinyattr as ta

SAMPLES = 64


def main():
    net = ta.vgg("E", seed=0)
    x = np.random.default_rng(1).standard_normal((1, 224, 224, 3))
    value = torch.tensor(x.transpose(0, 3, 1, 2)).requires_grad_()
    outputs = {"input": value}
    for name, op, attributes in net.layers:
        if op == "conv2d":
            kernel, bias = (torch.tensor(w, dtype=torch.float64) for w in net.weights[name])
            value = F.conv2d(value, kernel.permute(3, 2, 0, 1), bias, attributes["stride"], attributes["padding"])
        elif op == "relu":
            value = F.relu(value)
        elif op == "max_pool":
            value = F.max_pool2d(value, attributes["size"], attributes["stride"])
        elif op == "flatten":  # Keras' order: rows, columns, channels
            value = value.permute(0, 2, 3, 1).reshape(1, -1)
        else:
            kernel, bias = (torch.tensor(w, dtype=torch.float64) for w in net.weights[name])
            value = value @ kernel + bias
        value.retain_grad()
        outputs[name] = value
    target = int(value.argmax())
    torch.log_softmax(value, 1)[0, target].backward()
    stored = {"target": np.array(target), "logits": value.detach().numpy()[0]}
    for i, (name, output) in enumerate(outputs.items()):
        places = np.random.default_rng(i).choice(output.numel(), min(SAMPLES, output.numel()), replace=False)
        for what, array in (("output", output.detach()), ("gradient", output.grad)):
            a = array.permute(0, 2, 3, 1) if array.ndim == 4 else array  # (N, H, W, C)
            stored[f"{what}/{name}"] = a.reshape(-1).numpy()[places]
            stored[f"{what}_max/{name}"] = np.abs(a.numpy()).max()
    np.savez_compressed(Path(__file__).with_name("vgg19_torch.npz"), **stored)


if __name__ == "__main__":
    main()
