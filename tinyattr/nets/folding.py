"""Merge batch normalisation into the layer before it: (x W + b) s + t = x (W s) + (b s + t), a single linear layer.

This helps LRP, which splits the score layer by layer: an unmerged shift keeps a share, and rule z+ gives another map.
"""

from dataclasses import replace

from tinyattr.nets.wiring import reads, wired

INTO = ("conv2d", "conv2d_transpose", "dense")


def folded(net):
    """Return (network, kept): a network with fewer batch norms and the same logits, up to rounding.

    A batch norm is merged into the convolution or dense layer that it reads, unless another layer reads this layer too,
    or CAMs explain it by default. Readers of the batch norm then read this layer. kept: (name, why) of all others.
    """
    layers, kept, weights, merged = [], [], dict(net.weights), {}
    ops, read = {name: op for name, op, _ in net.layers}, reads(net.layers)
    for name, op, inputs, attributes in wired(net.layers):
        before = inputs[0] if inputs else None
        others = [reader for reader, also in read.items() if before in also and reader != name]
        others += ["CAMs, as their default layer"] * (net.features == before)
        if op == "batch_norm" and ops.get(before) in INTO and not others:
            (kernel, bias), (scale, shift) = weights[before], weights.pop(name)
            weights[before], merged[name] = (kernel * scale, bias * scale + shift), before
            continue
        if op == "batch_norm":
            why = f"also read by {', '.join(others)}" if ops.get(before) in INTO else ops.get(before, "the picture")
            kept.append((name, f"the layer before it, {before}, is {why}"))
        layers.append((name, op, {**attributes, **({"inputs": [merged.get(i, i) for i in inputs]} if inputs else {})}))
    return replace(net, layers=layers, weights=weights, features=merged.get(net.features, net.features)), kept
