"""Random weights with torchvision's names, from NumPy."""

import numpy as np

POSITIONS = {"1.0": (3, 4, 5, 7, 8, 9, 10, 12), "1.1": (3, 4, 6, 7, 9, 10, 11, 12)}  # of the fire modules


def squeezenet_state(version, classes=1000, seed=0):
    """A state dict {name: array} of torchvision's squeezenet1_0 or squeezenet1_1, kernels normal, variance 2 / fan_in."""
    shapes = {"features.0": (96, 3, 7, 7) if version == "1.0" else (64, 3, 3, 3)}
    c = shapes["features.0"][0]
    for position, s in zip(POSITIONS[version], (16, 16, 32, 32, 48, 48, 64, 64), strict=True):
        shapes[f"features.{position}.squeeze"] = (s, c, 1, 1)
        shapes[f"features.{position}.expand1x1"] = (4 * s, s, 1, 1)
        shapes[f"features.{position}.expand3x3"] = (4 * s, s, 3, 3)
        c = 8 * s
    shapes["classifier.1"] = (classes, c, 1, 1)
    rng, state = np.random.default_rng(seed), {}
    for name, shape in shapes.items():
        scale = np.sqrt(2 / np.prod(shape[1:]))
        state[f"{name}.weight"] = (rng.standard_normal(shape) * scale).astype(np.float32)
        state[f"{name}.bias"] = (0.1 * rng.standard_normal(shape[0])).astype(np.float32)
    return state
