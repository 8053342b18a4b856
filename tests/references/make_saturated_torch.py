"""What float32 autograd makes of a saturated network: PyTorch's Grad-CAM maps by post, log and log-odds. Needs torch.

python tests/references/make_saturated_torch.py     writes saturated_torch.npz beside itself

One ReLU, a global average pool and a dense layer; the bias of class 0 is set so that 1 - y_0 = 1e-12.
"""

from pathlib import Path

import numpy as np
import torch

SCORES = {
    "post": lambda z: torch.softmax(z, 1)[0, 0],
    "log": lambda z: torch.log_softmax(z, 1)[0, 0],
    "log_odds": lambda z: z[0, 0] - torch.logsumexp(z[0, 1:], 0),
}


def main():
    rng = np.random.default_rng(7)
    x = rng.standard_normal((1, 6, 6, 8)).astype(np.float32)
    kernel = rng.standard_normal((8, 5)).astype(np.float32)
    z = np.maximum(x, 0).astype(np.float64).mean((1, 2))[0] @ kernel
    rivals = np.log(np.exp(z[1:]).sum())
    bias = np.zeros(5, np.float32)
    bias[0] = rivals - z[0] + np.log((1 - 1e-12) / 1e-12)
    stored = {"x": x, "kernel": kernel, "bias": bias}
    for dtype in (torch.float32, torch.float64):
        for score, f in SCORES.items():
            A = torch.relu(torch.tensor(x, dtype=dtype)).requires_grad_()
            f(A.mean((1, 2)) @ torch.tensor(kernel, dtype=dtype) + torch.tensor(bias, dtype=dtype)).backward()
            L = (A.grad.mean((1, 2), keepdim=True) * A).sum(-1)[0]
            stored[f"{score}/{str(dtype).removeprefix('torch.')}"] = L.detach().numpy()
    np.savez_compressed(Path(__file__).with_name("saturated_torch.npz"), **stored)


if __name__ == "__main__":
    main()
