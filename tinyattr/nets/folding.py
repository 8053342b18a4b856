"""Batch normalisation merged into the layer before it: (x W + b) s + t = x (W s) + (b s + t), one linear layer less.

LRP's rules share out by the weights of one layer: taken by itself, a batch norm keeps its whole shift.
"""

from dataclasses import replace

from tinyattr.nets.network import inputs_of

INTO = ("conv2d", "conv2d_transpose", "dense")


def folded(net):
    """(network, kept): the same logits, to rounding, without each batch norm that directly follows a convolution or
    dense layer which nothing else reads. All other layers keep their names; who read the batch norm reads that layer.

    kept: (name, why) of each batch norm that could not be merged.
    """
    ops, layers, kept, weights, became = {}, [], [], dict(net.weights), {}
    reads = _reads(net.layers)
    for name, op, attributes in net.layers:
        ops[name] = op
        _, own = inputs_of(attributes, None)
        before = reads[name][0] if reads[name] else None
        if op == "batch_norm":
            others = [reader for reader, read in reads.items() if before in read and reader != name]
            others += ["the default layer of CAMs"] * (net.features == before)
            if ops.get(before) in INTO and not others:
                (kernel, bias), (scale, shift) = weights[before], weights.pop(name)
                weights[before], became[name] = (kernel * scale, bias * scale + shift), before
                continue
            why = f"is also read by {', '.join(others)}" if ops.get(before) in INTO else f"is {ops.get(before, 'the picture')}"
            kept.append((name, f"the layer before it, {before}, {why}"))
        layers.append((name, op, {**own, "inputs": [became.get(i, i) for i in reads[name]]}))
    features = became.get(net.features, net.features)
    return replace(net, layers=layers, weights=weights, features=features), kept


def _reads(layers):
    """{layer: names of the layers it reads}; a constant reads none."""
    reads, previous = {}, "input"
    for name, op, attributes in layers:
        reads[name] = () if op == "constant" else inputs_of(attributes, previous)[0]
        previous = name
    return reads
