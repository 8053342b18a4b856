"""SqueezeNet (Iandola et al. 2016, arXiv 1602.07360): 5 MB of weights, a network for classrooms.

A fire module reduces the channels of its input with 1x1 kernels. Two layers read the result, one with 1x1 and one with
3x3 kernels, and their channels are joined. Version 1.1 pools earlier, so it needs 2.4 times fewer multiplications.
Version 1.0 of Caffe pads the last convolution, conv10; torchvision's networks do not.
"""

SQUEEZE = {2: 16, 3: 16, 4: 32, 5: 32, 6: 48, 7: 48, 8: 64, 9: 64}  # reduced channels of a fire module
FIRST = {"1.0": (7, 7, 3, 96), "1.1": (3, 3, 3, 64)}  # kernel of conv1
POOL_AFTER = {"1.0": (1, 4, 8), "1.1": (1, 3, 5)}  # a pool follows conv1 (number 1) and these fire modules


def squeezenet_layers(version="1.0", padding=1):
    """Return the list of layers. padding: that of conv10. Dropout is left out, because it acts only in training."""
    pool = {"size": 3, "stride": 2, "ceil": True}
    layers = [("conv1", "conv2d", {"stride": 2, "padding": 0}), ("conv1_relu", "relu", {}), ("pool1", "max_pool", pool)]
    for f in SQUEEZE:
        squeeze, small, large = f"fire{f}_squeeze1x1", f"fire{f}_expand1x1", f"fire{f}_expand3x3"
        layers += [
            (squeeze, "conv2d", {"stride": 1, "padding": 0}), (f"{squeeze}_relu", "relu", {}),
            (small, "conv2d", {"stride": 1, "padding": 0}), (f"{small}_relu", "relu", {}),
            (large, "conv2d", {"stride": 1, "padding": 1, "inputs": [f"{squeeze}_relu"]}),
            (f"{large}_relu", "relu", {}),
            (f"fire{f}_concat", "concat", {"inputs": [f"{small}_relu", f"{large}_relu"]}),
        ]
        if f in POOL_AFTER[version]:
            layers.append((f"pool{f}", "max_pool", pool))
    layers += [("conv10", "conv2d", {"stride": 1, "padding": padding}), ("conv10_relu", "relu", {}),
               ("pool10", "global_avg_pool", {})]
    return layers


def squeezenet_shapes(version="1.0", classes=1000):
    """Return {layer: kernel shape}."""
    shapes = {"conv1": FIRST[version]}
    c = FIRST[version][-1]
    for f, s in SQUEEZE.items():
        shapes[f"fire{f}_squeeze1x1"] = (1, 1, c, s)
        shapes[f"fire{f}_expand1x1"] = (1, 1, s, 4 * s)
        shapes[f"fire{f}_expand3x3"] = (3, 3, s, 4 * s)
        c = 8 * s
    shapes["conv10"] = (1, 1, c, classes)
    return shapes
