"""SqueezeNet (Iandola et al. 2016, arXiv 1602.07360): 5 MB of weights, a network for classrooms.

A fire module squeezes its input with 1x1 kernels, then expands it with 1x1 and 3x3 kernels side by side. Version 1.1
pools earlier and costs 2.4 times less. The Caffe original pads its last 1x1 convolution; torchvision does not.
"""

from tinyattr.errors import InputError

SQUEEZE = {2: 16, 3: 16, 4: 32, 5: 32, 6: 48, 7: 48, 8: 64, 9: 64}  # a fire module's channels, squeezed; 8x after
FIRST = {"1.0": (7, 7, 3, 96), "1.1": (3, 3, 3, 64)}  # kernel of conv1
POOL_AFTER = {"1.0": (1, 4, 8), "1.1": (1, 3, 5)}  # conv1 and fire modules
ARCHITECTURES = {  # name: version, padding of conv10
    "SqueezeNet v1.0": ("1.0", 1), "SqueezeNet v1.0 (torchvision)": ("1.0", 0), "SqueezeNet v1.1": ("1.1", 0),
}


def squeezenet_layers(version="1.0", padding=1):
    """The list of layers. padding: of conv10. Dropout is the identity when a network is not in training."""
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
    """{layer: kernel shape}."""
    shapes = {"conv1": FIRST[version]}
    c = FIRST[version][-1]
    for f, s in SQUEEZE.items():
        shapes[f"fire{f}_squeeze1x1"] = (1, 1, c, s)
        shapes[f"fire{f}_expand1x1"] = (1, 1, s, 4 * s)
        shapes[f"fire{f}_expand3x3"] = (3, 3, s, 4 * s)
        c = 8 * s
    shapes["conv10"] = (1, 1, c, classes)
    return shapes


def torchvision_names(version):
    """{our layer: torchvision's}; its features count every convolution, ReLU, pool and fire module."""
    names, position = {"conv1": "features.0"}, 3
    for f in SQUEEZE:
        for part in ("squeeze", "expand1x1", "expand3x3"):
            names[f"fire{f}_{'squeeze1x1' if part == 'squeeze' else part}"] = f"features.{position}.{part}"
        position += 2 if f in POOL_AFTER[version] else 1
    return {**names, "conv10": "classifier.1"}


def recognise_squeezenet(shapes):
    """Every SqueezeNet that a file with these layers can hold, as the facts that `load` needs; known by layers' names.

    shapes: {file's layer: (kernel shape, bias shape)}. Raises InputError if the names are right and a shape is not.
    """
    found, misfits = [], []
    for architecture, (version, padding) in ARCHITECTURES.items():
        ours = {name: name for name in squeezenet_shapes()}
        names = next((n for n in (ours, torchvision_names(version)) if set(n.values()) == set(shapes)), None)
        if names is None or (padding and names is not ours):
            continue
        classes = shapes[names["conv10"]][0][-1]
        expected = squeezenet_shapes(version, classes)
        misfit = next((n for n, kernel in expected.items() if shapes[names[n]] != (kernel, kernel[-1:])), None)
        if misfit is None:
            found.append({"name": architecture, "layers": squeezenet_layers(version, padding), "names": names,
                          "features": "fire9_concat", "size": None, "classes": classes,
                          "families": ["squeezenet-caffe", "torchvision"]})
        else:
            kernel, bias = shapes[names[misfit]]
            misfits.append(f"layer '{names[misfit]}' has kernel {kernel} and bias {bias}; "
                           f"{architecture} needs {expected[misfit]} and {expected[misfit][-1:]} there")
    if misfits and not found:
        raise InputError(misfits[0])
    return found
