"""SqueezeNet v1.0 (Iandola et al. 2016, arXiv 1602.07360): 5 MB of weights, a network for classrooms.

A fire module squeezes its input with 1x1 kernels, then expands it with 1x1 and 3x3 kernels side by side.
"""

from tinyattr.errors import InputError

SQUEEZE = {2: 16, 3: 16, 4: 32, 5: 32, 6: 48, 7: 48, 8: 64, 9: 64}  # a fire module's channels, squeezed; 8x after
POOL_AFTER = {1: "pool1", 4: "pool4", 8: "pool8"}


def squeezenet_layers():
    """The list of layers of SqueezeNet v1.0. Dropout is the identity when a network is not in training."""
    pool = {"size": 3, "stride": 2, "ceil": True}
    layers = [("conv1", "conv2d", {"stride": 2, "padding": 0}), ("conv1_relu", "relu", {}),
              (POOL_AFTER[1], "max_pool", pool)]
    for f in SQUEEZE:
        squeeze, small, large = f"fire{f}_squeeze1x1", f"fire{f}_expand1x1", f"fire{f}_expand3x3"
        layers += [
            (squeeze, "conv2d", {"stride": 1, "padding": 0}), (f"{squeeze}_relu", "relu", {}),
            (small, "conv2d", {"stride": 1, "padding": 0}), (f"{small}_relu", "relu", {}),
            (large, "conv2d", {"stride": 1, "padding": 1, "inputs": [f"{squeeze}_relu"]}),
            (f"{large}_relu", "relu", {}),
            (f"fire{f}_concat", "concat", {"inputs": [f"{small}_relu", f"{large}_relu"]}),
        ]
        if f in POOL_AFTER:
            layers.append((POOL_AFTER[f], "max_pool", pool))
    layers += [("conv10", "conv2d", {"stride": 1, "padding": 1}), ("conv10_relu", "relu", {}),
               ("pool10", "global_avg_pool", {})]
    return layers


def squeezenet_shapes(classes=1000):
    """{layer: kernel shape} of SqueezeNet v1.0."""
    shapes, c = {"conv1": (7, 7, 3, 96)}, 96
    for f, s in SQUEEZE.items():
        shapes[f"fire{f}_squeeze1x1"] = (1, 1, c, s)
        shapes[f"fire{f}_expand1x1"] = (1, 1, s, 4 * s)
        shapes[f"fire{f}_expand3x3"] = (3, 3, s, 4 * s)
        c = 8 * s
    shapes["conv10"] = (1, 1, c, classes)
    return shapes


def recognise_squeezenet(shapes):
    """The facts that `load` needs if a weight file holds SqueezeNet v1.0, known by its layer names, else None.

    Raises InputError if a shape is not exactly right.
    """
    expected = squeezenet_shapes()
    if set(expected) != set(shapes):
        return None
    for name, kernel in expected.items():
        if shapes[name] != (kernel, kernel[-1:]):
            raise InputError(f"layer '{name}' has kernel {shapes[name][0]} and bias {shapes[name][1]}; "
                             f"SqueezeNet v1.0 needs {kernel} and {kernel[-1:]} there")
    return {
        "name": "SqueezeNet v1.0", "layers": squeezenet_layers(), "features": "fire9_concat",
        "names": {name: name for name in expected}, "size": 227, "classes": 1000, "families": ["squeezenet-caffe"],
    }
