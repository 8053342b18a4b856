"""Two small networks, float64, that hold a layer of every family of ops, as users' own files do."""

import numpy as np

import tinyattr as ta
from tinyattr.engine import ACTIVATIONS, OPS


def network(layers, shapes, seed, bias=1.0, **about):
    """The layers with random weights: {layer: shape of its first array}, and a bias for each output."""
    rng, weights = np.random.default_rng(seed), {}
    ops = {name: op for name, op, _ in layers}
    for name, shape in shapes.items():
        if ops[name] == "constant":
            weights[name] = (0.5 + rng.random(shape),)
        elif ops[name] == "prelu":
            weights[name] = (0.3 * rng.standard_normal(shape),)
        elif ops[name] == "batch_norm":
            weights[name] = (rng.choice([-1, 1], shape) * (0.5 + rng.random(shape)), bias * 0.3 * rng.standard_normal(shape))
        else:
            kernel = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))
            weights[name] = (kernel, bias * 0.3 * rng.standard_normal(shape[-1]))
    return ta.network(layers, weights, **about)


def mobile(seed=0, bias=1.0):
    """Batch norms, depthwise and grouped convolutions, squeeze-and-excite, a residual sum, a concat, padding of all kinds."""
    layers = [
        ("rescale", "constant", {}), ("rescaled", "mul", {"inputs": ["input", "rescale"]}),
        ("border", "pad", {"padding": ((1, 0), (0, 1))}),
        ("stem", "conv2d", {"stride": 2, "padding": ((0, 1), (1, 0))}), ("stem_bn", "batch_norm", {}), ("stem_silu", "silu", {}),
        ("depthwise", "conv2d", {"groups": 6, "dilation": 2, "padding": 2}), ("depthwise_bn", "batch_norm", {}), ("relu6", "clip", {"low": 0, "high": 6}),
        ("squeeze", "global_avg_pool", {"keep": True}), ("reduce", "conv2d", {}), ("reduce_silu", "silu", {}),
        ("expand", "conv2d", {}), ("gate", "sigmoid", {}), ("excite", "mul", {"inputs": ["relu6", "gate"]}),
        ("grouped", "conv2d", {"groups": 3, "padding": (0, 1)}), ("grouped_bn", "batch_norm", {}),
        ("residual", "add", {"inputs": ["grouped_bn", "stem_silu"]}), ("tanh1", "tanh", {}),
        ("averaged", "avg_pool", {"size": 2, "stride": 2, "padding": 1, "count_padding": True}),
        ("largest", "max_pool", {"size": 3, "stride": 2, "padding": 1, "inputs": ["tanh1"], "ceil": True}),
        ("both", "concat", {"inputs": ["averaged", "largest"]}), ("normalised", "lrn", {"size": 3, "alpha": 0.5, "beta": 0.75, "bias": 1.0}),
        ("shuffled", "channel_shuffle", {"groups": 3}), ("last", "conv2d", {"padding": 1}), ("last_bn", "batch_norm", {}), ("A", "relu", {}),
        ("gap", "global_avg_pool", {}), ("logits", "dense", {}),
    ]
    shapes = {"rescale": (), "stem": (3, 3, 3, 6), "stem_bn": 6, "depthwise": (3, 3, 1, 6), "depthwise_bn": 6, "reduce": (1, 1, 6, 2),
              "expand": (1, 1, 2, 6), "grouped": (1, 3, 2, 6), "grouped_bn": 6, "last": (3, 3, 12, 5), "last_bn": 5, "logits": (5, 4)}
    return network(layers, shapes, seed, bias)


def mixed(seed=0, bias=1.0):
    """Every other activation, moves, transposed convolution, maxima and means over axes, a constant added, one logit."""
    given = {"hard_sigmoid": {"slope": 0.2, "offset": 0.5}, "leaky_relu": {"slope": 0.2}}  # attributes, where there must be some
    others = [op for op in ACTIVATIONS if op not in ("relu", "prelu", "clip", "sigmoid", "tanh", "silu")]
    layers = [
        ("offset", "constant", {}), ("shifted", "add", {"inputs": ["input", "offset"]}),
        ("conv", "conv2d", {"stride": (2, 1), "padding": (1, 0)}), ("slopes", "prelu", {}),
        ("every", "slice", {"start": (0, 1, 0), "stop": (9, 9, 9), "step": (1, 2, 1)}), ("turned", "transpose", {"axes": (2, 1, 3)}),
        ("sized", "resize", {"size": (5, 4)}), ("larger", "upsample", {"factor": (1, 2)}), ("up", "conv2d_transpose", {"stride": 2, "padding": ((1, 0), (0, 1))}),
        *((f"{op}1", op, given.get(op, {})) for op in others),
        ("mixed", "dense", {}), ("A", "relu", {}), ("border", "pad", {"padding": 1, "value": 0.5}), ("strong", "max", {"axes": (3,)}),
        ("weighted", "mul", {"inputs": ["A", "cut"]}), ("peaks", "global_max_pool", {}),
        ("means", "mean", {"axes": (1, 2), "keep": False, "inputs": ["weighted"]}), ("both", "concat", {"inputs": ["peaks", "means"]}),
        ("row", "reshape", {"shape": (8,)}), ("logit", "dense", {}),
    ]
    at = [name for name, _, _ in layers].index("weighted")
    layers.insert(at, ("cut", "crop", {"padding": 1}))
    return network(layers, {"offset": (3,), "conv": (3, 3, 3, 4), "slopes": 4, "up": (3, 3, 4, 3), "mixed": (3, 4), "logit": (8, 1)}, seed, bias)


NETWORKS = {"mobile": mobile, "mixed": mixed}
EVERY_OP = {op for make in NETWORKS.values() for _, op, _ in make().layers} | {"pick", "sum", "exp", "log", "mod", "flatten"}
assert set(OPS) <= EVERY_OP, f"no network here has a layer of op {set(OPS) - EVERY_OP}; add one to `mixed`"


def picture(seed=0):
    """(1, 9, 11, 3): not square."""
    return np.random.default_rng(seed).standard_normal((1, 9, 11, 3))
