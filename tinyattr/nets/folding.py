"""Batch normalisation merged into the layer before it: (x W + b) s + t = x (W s) + (b s + t), one linear layer less.

LRP's rules share out by the weights of one layer: taken by itself, a batch norm keeps its whole shift.
"""

from dataclasses import replace

from tinyattr.nets.network import inputs_of, reads

INTO = ("conv2d", "conv2d_transpose", "dense")


def folded(net):
    """(network, kept): the same logits, to rounding, without each batch norm that directly follows a convolution or
    dense layer which nothing else reads. All other layers keep their names; who read the batch norm reads that layer.

    kept: (name, why) of each batch norm that could not be merged.
    """
    layers, kept, weights, merged = [], [], dict(net.weights), {}
    ops, read = {name: op for name, op, _ in net.layers}, reads(net.layers)
    for name, op, attributes in net.layers:
        before = read[name][0] if read[name] else None
        others = [reader for reader, inputs in read.items() if before in inputs and reader != name]
        others += ["CAMs, as their default layer"] * (net.features == before)
        if op == "batch_norm" and ops.get(before) in INTO and not others:
            (kernel, bias), (scale, shift) = weights[before], weights.pop(name)
            weights[before], merged[name] = (kernel * scale, bias * scale + shift), before
            continue
        if op == "batch_norm":
            why = f"also read by {', '.join(others)}" if ops.get(before) in INTO else ops.get(before, "the picture")
            kept.append((name, f"the layer before it, {before}, is {why}"))
        inputs = {"inputs": [merged.get(i, i) for i in read[name]]} if read[name] else {}
        layers.append((name, op, {**inputs_of(attributes, None)[1], **inputs}))
    return replace(net, layers=layers, weights=weights, features=merged.get(net.features, net.features)), kept
