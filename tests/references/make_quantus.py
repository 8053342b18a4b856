"""Numbers of Quantus 0.6.0 (torch 2.13) on a small network, for the tests of the sanity checks.

python -m tests.references.make_quantus     writes quantus.npz beside itself

The network: convolution (1 -> 4), ReLU, max-pool, convolution (4 -> 3), ReLU, dense (48 -> 5), ReLU, dense (5 -> 4), in float64.
Explained is the gradient of a logit. Weights are stored in the layout of this project: channels last.
"""

from pathlib import Path

import numpy as np
import quantus
import torch
from torch import nn

NAMES = {"0": "conv1", "3": "conv2", "6": "fc1", "8": "logits"}
CALL = {"device": "cpu", "channel_first": True, "batch_size": 1}


class Double(nn.Sequential):
    """Quantus hands over float32."""

    def forward(self, x):
        return super().forward(x.double())


def network():
    torch.manual_seed(3)
    return Double(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 3, 3, padding=1), nn.ReLU(),
                  nn.Flatten(), nn.Linear(48, 5), nn.ReLU(), nn.Linear(5, 4)).double().eval()


def explain(model, inputs, targets, **_):
    x = torch.as_tensor(inputs, dtype=torch.float64).requires_grad_()
    z = model(x)
    (g,) = torch.autograd.grad(z[torch.arange(len(x)), torch.as_tensor(targets)].sum(), x)
    return g.numpy()


def last(name, module):
    """(kernel, bias) with channels last; the first dense kernel's rows from (C, h, w) to (h, w, C)."""
    w, b = (p.detach().numpy() for p in (module.weight, module.bias))
    if w.ndim == 4:
        return w.transpose(2, 3, 1, 0), b
    return (w.T.reshape(3, 4, 4, 5).transpose(1, 2, 0, 3).reshape(48, 5) if name == "fc1" else w.T), b


def main():
    net, kept = network(), {}
    for key, name in NAMES.items():
        kept[f"{name}/kernel"], kept[f"{name}/bias"] = last(name, net[int(key)])
        torch.manual_seed(43)  # as quantus does before every layer, its seed 42 plus 1
        fresh = type(net[int(key)])(*((net[int(key)].in_channels, net[int(key)].out_channels, 3) if key in "03" else
                                      (net[int(key)].in_features, net[int(key)].out_features))).double()
        torch.manual_seed(43)
        fresh.reset_parameters()
        kept[f"anew/{name}/kernel"], kept[f"anew/{name}/bias"] = last(name, fresh)
    x = np.random.default_rng(1).standard_normal((1, 1, 8, 8)).astype(np.float32).astype(np.float64)
    y = np.array([0])
    a = explain(net, x, y)
    kept |= {"x": x, "map": a}
    for name, metric in (("gini", quantus.Sparseness(disable_warnings=True)), ("entropy", quantus.Complexity(disable_warnings=True))):
        kept[name] = metric(net, x, y, a_batch=a.copy(), **CALL)

    np.random.seed(7)
    kept["subsets"] = np.stack([np.random.choice(64, 20, replace=False) for _ in range(30)])
    np.random.seed(7)
    metric = quantus.FaithfulnessCorrelation(nr_runs=30, subset_size=20, perturb_baseline=0.0, return_aggregate=False, disable_warnings=True)
    kept["faithfulness"] = metric(net, x, y, a_batch=a.copy(), softmax=False, **CALL)

    np.random.seed(7)
    kept["noise"] = np.stack([np.random.uniform(-0.2, 0.2, (1, 64)) for _ in range(10)])
    np.random.seed(7)
    metric = quantus.MaxSensitivity(nr_samples=10, lower_bound=0.2, disable_warnings=True)
    kept["max_sensitivity"] = metric(net, x, y, a_batch=a.copy(), explain_func=explain, **CALL)

    metric = quantus.RandomLogit(num_classes=2, disable_warnings=True)  # of classes 0 and 1, so that the other one is 1
    kept["random_logit"] = metric(net, x, y, a_batch=a.copy(), explain_func=explain, **CALL)

    for order in ("top_down", "independent"):
        metric = quantus.MPRT(layer_order=order, disable_warnings=True)
        for layer, found in metric(net, x, y, a_batch=a.copy(), explain_func=explain, **CALL).items():
            kept[f"{order}/{NAMES.get(layer, layer)}"] = found
    metric = quantus.MPRT(layer_order="top_down", return_average_correlation=True, disable_warnings=True)
    kept["average"] = metric(net, x, y, a_batch=a.copy(), explain_func=explain, **CALL)

    flat = Double(nn.Flatten(), nn.Linear(4, 2, bias=False)).double().eval()  # z_0 = 4 x_0 + 3 x_1 + 2 x_2 + x_3
    flat[1].weight.data = torch.tensor([[4.0, 3, 2, 1], [0, 0, 0, 0]], dtype=torch.float64)
    x = (1 + np.random.default_rng(2).random((6, 1, 2, 2))).astype(np.float32).astype(np.float64)
    y, a = np.zeros(6, int), x * np.array([[4.0, 3], [2, 1]])
    metric = quantus.SensitivityN(n_max_percentage=1.0, perturb_baseline=0.0, normalise=False, return_aggregate=False, disable_warnings=True)
    kept["linear/x"], kept["linear/sensitivity_n"] = x, metric(
        flat, x, y, a_batch=a, softmax=False, **{**CALL, "batch_size": 6})
    np.savez(Path(__file__).with_name("quantus.npz"), **{name: np.asarray(value) for name, value in kept.items()})
    for name, value in kept.items():
        if np.size(value) < 8:
            print(name, value)


if __name__ == "__main__":
    main()
