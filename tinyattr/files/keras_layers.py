"""Translate each of Keras' layers into one or a few of our layers, called steps.

A function here takes a layer's config, the function `take`, which returns the layer's arrays, and the shapes of the
layer's inputs, without N. It returns a list of Steps. The first step reads the layer's inputs; each other step reads
the step before it, unless its `reads` says otherwise. The last step gets the layer's name. A layer that changes nothing
has no steps. To support another layer, write its function and put it into LAYERS.
"""

from dataclasses import dataclass, field, replace
from functools import partial
from math import prod

import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.keras_options import (
    choice,
    count,
    frame,
    halves,
    last_axis,
    maps,
    number,
    numbers,
    short,
    two,
    window,
)
from tinyattr.files.weight_file import Array


@dataclass(frozen=True)
class Step:
    """A Step is one of our layers. shape: of its output, without N. suffix: follows the Keras layer's name in its name.

    reads: what it reads, as indices of the Keras layer's inputs, or as suffixes of earlier steps; None: see above.
    """

    op: str
    shape: tuple[int, ...]
    attributes: dict = field(default_factory=dict)
    weights: tuple[Array, ...] = ()
    suffix: str = ""
    reads: tuple | None = None


def conv2d(config, take, shape):
    """Read Conv2D, also with dilation or groups. Padding is as in TensorFlow."""
    size, groups, filters = two(config, "kernel_size"), count(config, "groups", 1), count(config, "filters")
    *_, c = maps(shape)
    if c % groups or filters % groups:
        raise InputError(f"{c} channels and {filters} filters cannot be divided into {groups} groups")
    attributes, places = _convolution(config, shape, size, groups)
    weights = take({"kernel": (*size, c // groups, filters), **_bias(config, filters)})
    return [Step("conv2d", (*places, filters), attributes, _with_bias(weights, filters))]


def depthwise_conv2d(config, take, shape, suffix="", bias=True):
    """Read DepthwiseConv2D: each channel is a group of its own and has `depth_multiplier` kernels."""
    size, times = two(config, "kernel_size"), count(config, "depth_multiplier", 1)
    *_, c = maps(shape)
    attributes, places = _convolution(config, shape, size, c)
    kernel, *rest = take({"depthwise_kernel": (*size, c, times), **(_bias(config, c * times) if bias else {})})
    kernel = _changed(kernel, (*size, 1, c * times), np.reshape)  # the kernels of one channel are neighbours
    return [Step("conv2d", (*places, c * times), attributes, _with_bias((kernel, *rest), c * times), suffix)]


def separable_conv2d(config, take, shape):
    """Read SeparableConv2D as two layers: a depthwise convolution without bias, then a 1 x 1 convolution."""
    (first,) = depthwise_conv2d(config, take, shape, "depthwise", bias=False)
    *places, c = first.shape
    filters = count(config, "filters")
    weights = take({"pointwise_kernel": (1, 1, c, filters), **_bias(config, filters)}, after=1)
    return [first, Step("conv2d", (*places, filters), {"stride": 1, "padding": 0}, _with_bias(weights, filters))]


def conv2d_transpose(config, take, shape):
    """Read Conv2DTranspose: it gives H s rows with padding "same", H s + max(k - s, 0) with "valid"."""
    size, stride, filters = two(config, "kernel_size"), two(config, "strides"), count(config, "filters")
    *lengths, c = maps(shape)
    if two(config, "dilation_rate", 1) != (1, 1) or config.get("output_padding") is not None:
        raise InputError("a transposed convolution with dilation or output_padding is not supported")
    same = choice(config, "padding", ("valid", "same")) == "same"
    full = tuple(map(max, size, stride))  # a kernel smaller than the stride gets zeros behind it
    padding = tuple(halves(k - s if same else 0) for k, s in zip(full, stride, strict=True))
    places = [(n - 1) * s + k - sum(p) for n, s, k, p in zip(lengths, stride, full, padding, strict=True)]
    kernel, *rest = take({"kernel": (*size, filters, c), **_bias(config, filters)})
    kernel = _changed(kernel, (*full, c, filters), _transposed)
    return [Step("conv2d_transpose", (*places, filters), {"stride": short(stride), "padding": short(padding)},
                 _with_bias((kernel, *rest), filters))]


def _transposed(kernel, shape):
    """Return a kernel (kh, kw, out, in) as (kh', kw', in, out), where zeros fill the places behind the kernel."""
    full = np.zeros(shape, np.float32)
    full[: kernel.shape[0], : kernel.shape[1]] = kernel.transpose(0, 1, 3, 2)
    return full


def dense(config, take, shape):
    """y = x W + b, over the last axis."""
    units = count(config, "units")
    weights = take({"kernel": (shape[-1], units), **_bias(config, units)})
    return [Step("dense", (*shape[:-1], units), {}, _with_bias(weights, units))]


def batch_normalization(config, take, shape):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, as x scale + shift."""
    last_axis(config, shape)
    there = {"gamma": config.get("scale", True), "beta": config.get("center", True), "moving_mean": True,
             "moving_variance": True}
    names = [name for name, is_there in there.items() if is_there]
    arrays = dict(zip(names, take(dict.fromkeys(names, shape[-1:])), strict=True))
    epsilon = number(config, "epsilon", 1e-3)

    def scale():
        gamma = arrays["gamma"].fetch() if "gamma" in arrays else 1.0
        return gamma / np.sqrt(arrays["moving_variance"].fetch() + np.float64(epsilon))

    def shift():
        beta = arrays["beta"].fetch() if "beta" in arrays else 0.0
        return beta - arrays["moving_mean"].fetch() * scale()

    return [_affine(shape, scale, shift, arrays["moving_variance"].name)]


def normalization(config, take, shape):
    """(x - mean) / max(sqrt(variance), 1e-7). mean and variance are in the config, or in the file, after adapt()."""
    own = shape[-1:] if config.get("axis", -1) else ()  # axis=None: one mean for all numbers
    if own:
        last_axis(config, shape)
    if config.get("invert"):
        raise InputError("an inverted Normalization is not supported")
    mean, variance = config.get("mean"), config.get("variance")
    if mean is None or variance is None:
        mean, variance = (array.fetch for array in take({"mean": own, "variance": own}))
    else:
        mean, variance = partial(numbers, mean, shape[-1]), partial(numbers, variance, shape[-1])

    def scale():
        return 1 / np.maximum(np.sqrt(variance().astype(np.float64)), 1e-7)

    return [_affine(shape, scale, lambda: -mean() * scale(), "its mean and variance")]


def rescaling(config, take, shape):
    """x scale + offset."""
    scale, offset = (numbers(config.get(key), shape[-1]) for key in ("scale", "offset"))
    return [_affine(shape, lambda: scale, lambda: offset, "its scale and offset")]


def _affine(shape, scale, shift, name):
    """Return the step x scale + shift, for each channel. scale, shift: functions that return the numbers in float64."""
    c = shape[-1]
    weights = (Array(name, (c,), lambda: np.broadcast_to(scale(), c).astype(np.float32)),
               Array(name, (c,), lambda: np.broadcast_to(shift(), c).astype(np.float32)))
    return Step("batch_norm", shape, {}, weights)


def relu(config, take, shape):
    """y = max(x, 0), possibly with an upper limit max_value, or with a slope below 0."""
    most, slope = config.get("max_value"), number(config, "negative_slope", 0.0)
    if number(config, "threshold", 0.0) or (slope and most is not None):
        raise InputError("a ReLU with a threshold, or with both a slope and a largest value, is not supported")
    if most is not None:
        return [Step("clip", shape, {"low": 0.0, "high": number(config, "max_value")})]
    return [Step("leaky_relu", shape, {"slope": slope}) if slope else Step("relu", shape)]


def leaky_relu(config, take, shape):
    """y = x where x > 0, else slope x."""
    key = "negative_slope" if "negative_slope" in config else "alpha"  # Keras 3, Keras 2
    return [Step("leaky_relu", shape, {"slope": number(config, key, 0.3)})]


def elu(config, take, shape):
    """y = x where x > 0, else alpha (e^x - 1)."""
    return [Step("elu", shape, {"alpha": number(config, "alpha", 1.0)})]


def prelu(config, take, shape):
    """y = x where x > 0, else slope x. Each number of a map has its own slope, but along shared axes it is the same."""
    shared = config.get("shared_axes") or ()
    own = tuple(1 if axis in shared else n for axis, n in enumerate(shape, 1))
    (slope,) = take({"alpha": own})
    full = shape if max(own[:-1], default=1) > 1 else shape[-1:]
    spread = _changed(slope, full, lambda a, full: np.broadcast_to(a.reshape(own[-len(full):]), full))
    return [Step("prelu", shape, {}, (spread,))]


def softmax(config, take, shape):
    """Read Softmax. It may only be at the end of a network; there we remove it later."""
    if config.get("axis", -1) not in (-1, len(shape)):
        raise InputError("a Softmax over an axis other than the last is not supported")
    return [Step("softmax", shape)]


def pool(op, config, take, shape):
    """Read max or average pooling. Padded places count neither in a maximum nor in an average."""
    size = two(config, "pool_size")
    stride = two(config, "strides") if config.get("strides") else size
    *lengths, c = maps(shape)
    padding, places = window(config, lengths, size, stride)
    attributes = {"size": short(size), "stride": short(stride)}
    return [Step(op, (*places, c), {**attributes, "padding": short(padding)} if short(padding) else attributes)]


def global_pool(op, config, take, shape):
    """Read global pooling: for each channel, the mean or the largest number of all places."""
    c = maps(shape)[-1]
    return [Step(op, (1, 1, c), {"keep": True}) if config.get("keepdims") else Step(op, (c,))]


def flatten(config, take, shape):
    """(H, W, C) -> (H W C,)."""
    return [Step("flatten", (prod(shape),))]


def reshape(config, take, shape):
    """Read Reshape: the same numbers in another shape. One length may be -1: it is computed from the others.

    In Keras' function reshape(x, newshape), the first length is the number of pictures. It must be open: (-1, 396).
    """
    pictures, *given = config["newshape"] if "newshape" in config else [-1, *config["target_shape"]]
    if pictures not in (-1, None):
        raise InputError(f"it fixes the number of pictures, {pictures!s:.20}; write -1 for it: reshape(x, (-1, 396))")
    target = [n if type(n) is int else 0 for n in given]
    known = prod(n for n in target if n != -1)
    target = tuple(prod(shape) // known if n == -1 and known else n for n in target)
    if min(target, default=0) < 1 or prod(target) != prod(shape):
        raise InputError(f"values of shape {shape} cannot be reshaped to {str(given)[:40]}")
    return [Step("reshape", target, {"shape": target})]


def permute(config, take, shape):
    """Read Permute: axes in another order. Between two Reshapes it is a channel shuffle."""
    order = [axis for axis in config["dims"] if type(axis) is int]
    if sorted(order) != list(range(1, len(shape) + 1)):
        raise InputError(f"{str(config['dims'])[:40]} is not an order of {len(shape)} axes")
    axes = tuple(order)
    return [Step("transpose", tuple(shape[axis - 1] for axis in axes), {"axes": axes})] * (order != sorted(order))


def add(config, take, *shapes):
    """Read Add: the elementwise sum."""
    steps, reads, shape = _aligned(shapes)
    return [*steps, Step("add", shape, reads=reads)]


def multiply(config, take, *shapes):
    """Read Multiply: the elementwise product of the first two inputs, then of this product and the third input, ..."""
    steps, (product, *others), shape = _aligned(shapes)
    for i, other in enumerate(others, 1):
        suffix = "" if i == len(others) else f"first_{i + 1}"
        steps.append(Step("mul", shape, suffix=suffix, reads=(product, other)))
        product = suffix
    return steps


def negative(config, take, shape):
    """-x = (-1) x."""
    return [_affine(shape, lambda: -1.0, lambda: 0.0, "-1")]


def subtract(config, take, *shapes):
    """Read Subtract: a - b = a + (-1) b."""
    steps, (first, second), shape = _aligned(shapes)
    minus = replace(*negative(config, take, shapes[1]), suffix="minus", reads=(second,))
    return [*steps, minus, Step("add", shape, reads=(first, "minus"))]


def average(config, take, *shapes):
    """Read Average: the sum of n inputs, times 1/n."""
    *steps, last = add(config, take, *shapes)
    mean = _affine(last.shape, lambda: 1 / len(shapes), lambda: 0.0, "1/n")
    return [*steps, replace(last, suffix="sum"), mean]


def maximum(config, take, *shapes):
    """Read Maximum: put the inputs beside each other along a new axis, then take the largest number along it."""
    if len(shapes) < 2 or len({*shapes}) > 1:
        raise InputError(f"inputs of shapes {', '.join(map(str, shapes))} are compared; supported are two or more of "
                         "equal shapes")
    (*places, c), n = shapes[0], len(shapes)
    slots = [Step("reshape", (*places, 1, c), {"shape": (*places, 1, c)}, suffix=f"input_{i + 1}", reads=(i,))
             for i in range(n)]
    joined = Step("concat", (*places, n, c), {"axis": len(places) + 1}, (), "joined", tuple(s.suffix for s in slots))
    return [*slots, joined, Step("max", shapes[0], {"axes": (len(places) + 1,), "keep": False})]


def minimum(config, take, *shapes):
    """Read Minimum: the smallest number is -max(-a, -b)."""
    *slots, joined, largest = maximum(config, take, *shapes)
    (change,) = negative(config, take, shapes[0])
    minus = [replace(change, suffix=f"minus_{i + 1}", reads=(i,)) for i in range(len(slots))]
    slots = [replace(slot, reads=(before.suffix,)) for slot, before in zip(slots, minus, strict=True)]
    return [*minus, *slots, joined, replace(largest, suffix="largest"), change]


def operation(sign, config, take, *shapes):
    """Read x + y, x - y, x y, or x with a constant c on either side. c is one number, or one for each channel."""
    if len(config["arguments"]) != 2 or len(set(map(len, shapes))) > 1:
        raise InputError(f"it reads values of shapes {', '.join(map(str, shapes))} and has {len(config['arguments'])} "
                         f"arguments; supported are x {sign} y with equally many axes, and x {sign} 2")
    first, second = config["arguments"]
    if (first, second) == (None, None) and sign != "/":
        return {"+": add, "-": subtract, "*": multiply}[sign](config, take, *shapes)
    if second is None and sign == "/":
        raise InputError("division by a value that depends on the picture is not supported")
    c = numbers(second if first is None else first, shapes[0][-1])
    if sign == "/" and not c.all():
        raise InputError("it divides by 0")
    less = (1.0, -c) if first is None else (-1.0, c)
    scale, shift = {"+": (1.0, c), "-": less, "*": (c, 0.0), "/": (1 / c, 0.0)}[sign]
    return [_affine(shapes[0], lambda: scale, lambda: shift, "its number")]


def called_activation(name, config, take, shape):
    """Read an activation without options that is called as a function, such as relu(x)."""
    if config.keys() - {"name", "arguments", "trainable", "dtype", "function"} or config["arguments"] != (None,):
        raise InputError(f"it has options; supported is a plain {name}(x)")
    return activation({"activation": name}, shape, "3")


def concatenate(config, take, *shapes):
    """Read Concatenate: join inputs along the channels, or along rows or columns."""
    n = len(shapes[0])
    axis = config.get("axis", -1)
    axis = axis - 1 if type(axis) is int and axis > 0 else axis + n if type(axis) is int and axis < 0 else None
    if axis is None or len({(*shape[:axis], *shape[axis + 1:], len(shape)) for shape in shapes}) > 1:
        raise InputError(f"inputs of shapes {', '.join(map(str, shapes))} cannot be joined along axis "
                         f"{config.get('axis', -1)!s:.20}")
    shape = (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1:])
    return [Step("concat", shape, {} if axis == n - 1 else {"axis": axis + 1})]


def border(op, key, sign, config, take, shape):
    """Read ZeroPadding2D (sign 1: zeros around maps) or Cropping2D (sign -1: remove the border)."""
    padding = frame(config[key])
    *lengths, c = maps(shape)
    places = [n + sign * sum(sides) for n, sides in zip(lengths, padding, strict=True)]
    if min(places) < 1:
        raise InputError(f"it leaves nothing of maps of {lengths[0]} x {lengths[1]}")
    return [Step(op, (*places, c), {"padding": padding})]


def up_sampling(config, take, shape):
    """Read UpSampling2D: repeat each place down and across, or interpolate bilinearly."""
    bilinear = choice(config, "interpolation", ("nearest", "bilinear")) == "bilinear"
    factor = two(config, "size")
    h, w, c = maps(shape)
    size = h * factor[0], w * factor[1]
    return [Step("resize", (*size, c), {"size": size}) if bilinear else
            Step("upsample", (*size, c), {"factor": short(factor)})]


def resizing(config, take, shape):
    """Read Resizing, if it is bilinear."""
    choice(config, "interpolation", ("bilinear",))
    if any(config.get(key) for key in ("antialias", "crop_to_aspect_ratio", "pad_to_aspect_ratio")):
        raise InputError("a Resizing with antialias, or that crops or pads, is not supported")
    size = count(config, "height"), count(config, "width")
    return [Step("resize", (*size, maps(shape)[2]), {"size": size})] * (size != shape[:2])


def cropping_to(config, take, shape):
    """Read CenterCrop or RandomCrop. The pictures must have the cropped size already; then these layers do nothing."""
    if (count(config, "height"), count(config, "width")) != maps(shape)[:2]:
        raise InputError(f"pictures of {shape[0]} x {shape[1]} are cropped or enlarged, not supported: build the "
                         "network for pictures of the size after cropping")
    return []


def identity(config, take, *shapes):
    """Read a layer that does nothing outside training."""
    return []


def pipeline(config, take, shape):
    """Read Pipeline, a list of layers in a row, if none of them does anything in a prediction."""
    others = [entry["class_name"] for entry in config["layers"] if entry["class_name"] not in TRAINING_ONLY]
    if others:
        raise InputError(f"it contains {others[0]!r:.40}; call this layer without a Pipeline")
    return []


TRAINING_ONLY = (
    "Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization",
    "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness",
    "RandomHue", "RandomSaturation", "RandomSharpness", "RandomShear", "RandomPerspective", "RandomErasing",
    "RandomColorJitter", "RandomGrayscale", "RandomHeight", "RandomWidth", "RandomInvert", "RandomPosterization",
    "RandomGaussianBlur", "RandomColorDegeneration", "RandomElasticTransform", "RandAugment", "AugMix", "MixUp",
    "CutMix", "Solarization",
)
OPERATIONS = {  # names in Keras 3 and in tf.keras 2
    "+": ("ops.Add", "tf.math.add", "tf.__operators__.add"), "-": ("ops.Subtract", "tf.math.subtract"),
    "*": ("ops.Multiply", "tf.math.multiply"),
    "/": ("ops.Divide", "ops.TrueDivide", "tf.math.truediv", "tf.math.divide"),
}
CALLED = {  # activations without options, by where they are in Keras 3 and in tf.keras 2
    "ops": ("Relu", "Relu6", "Sigmoid", "Tanh", "Softplus", "Softsign", "Silu"),
    "tf.nn": ("relu", "relu6", "softsign"), "tf.math": ("sigmoid", "tanh", "softplus"),
}
LAYERS = {
    "Conv2D": conv2d, "DepthwiseConv2D": depthwise_conv2d, "SeparableConv2D": separable_conv2d,
    "Conv2DTranspose": conv2d_transpose, "Dense": dense, "BatchNormalization": batch_normalization,
    "Normalization": normalization, "Rescaling": rescaling, "Activation": identity, "ReLU": relu,
    "LeakyReLU": leaky_relu, "PReLU": prelu, "ELU": elu, "Softmax": softmax, "MaxPooling2D": partial(pool, "max_pool"),
    "AveragePooling2D": partial(pool, "avg_pool"), "GlobalAveragePooling2D": partial(global_pool, "global_avg_pool"),
    "GlobalMaxPooling2D": partial(global_pool, "global_max_pool"), "Flatten": flatten, "Reshape": reshape,
    "Permute": permute, "Add": add, "Subtract": subtract, "Multiply": multiply, "Average": average,
    "Maximum": maximum, "Minimum": minimum,
    "Concatenate": concatenate, "ZeroPadding2D": partial(border, "pad", "padding", 1),
    "Cropping2D": partial(border, "crop", "cropping", -1), "UpSampling2D": up_sampling, "Resizing": resizing,
    "CenterCrop": cropping_to, "RandomCrop": cropping_to, "Identity": identity,
    "Pipeline": pipeline, **dict.fromkeys(TRAINING_ONLY, identity),
    "ops.Negative": negative, "tf.math.negative": negative,
    "ops.Concatenate": concatenate, "ops.Softmax": softmax, "ops.Reshape": reshape,
    **{f"{group}.{name}": partial(called_activation, name.lower()) for group in CALLED for name in CALLED[group]},
    **{name: partial(operation, sign) for sign, names in OPERATIONS.items() for name in names},
}
ACTIVATIONS = {  # Keras' name: (op, its attributes)
    "relu": ("relu", {}), "relu6": ("clip", {"low": 0.0, "high": 6.0}), "leaky_relu": ("leaky_relu", {"slope": 0.2}),
    "elu": ("elu", {"alpha": 1.0}), "selu": ("selu", {}), "sigmoid": ("sigmoid", {}), "tanh": ("tanh", {}),
    "softplus": ("softplus", {}), "softsign": ("softsign", {}), "silu": ("silu", {}), "swish": ("silu", {}),
    "gelu": ("gelu", {}), "mish": ("mish", {}), "hard_silu": ("hard_swish", {}), "hard_swish": ("hard_swish", {}),
    "exponential": ("exp", {}), "softmax": ("softmax", {}), "log_softmax": ("log_softmax", {}),
    "softmax_v2": ("softmax", {}), "log_softmax_v2": ("log_softmax", {}),  # tf.nn.softmax, tf.nn.log_softmax
}
HARD_SIGMOID = {"2": {"slope": 0.2, "offset": 0.5}, "3": {"slope": 1 / 6, "offset": 0.5}}  # by version of Keras
ACTIVATION_LAYERS = ("ReLU", "LeakyReLU", "ELU", "Softmax")  # layers that may be given as an activation


def activation(config, shape, version):
    """Return the activation in a layer's config as a list of one step, or none. version: of Keras, such as "3.15.1"."""
    given = config.get("activation")
    if isinstance(given, dict) and given.get("class_name") == "function":
        given = given["config"]
    if isinstance(given, dict) and given.get("class_name") in ACTIVATION_LAYERS:
        return LAYERS[given["class_name"]](given["config"], None, shape)
    if given in (None, "linear"):
        return []
    if given == "hard_sigmoid" and version[:1] in HARD_SIGMOID:
        return [Step("hard_sigmoid", shape, HARD_SIGMOID[version[:1]])]
    if not isinstance(given, str) or given not in ACTIVATIONS:
        raise InputError(f"the activation {str(given)[:40]!r} is not supported; supported are {', '.join(ACTIVATIONS)}")
    op, attributes = ACTIVATIONS[given]
    return [Step(op, shape, attributes)]


def _convolution(config, shape, size, groups):
    """Return (attributes of a convolution, (Ho, Wo))."""
    stride, dilation = two(config, "strides", 1), two(config, "dilation_rate", 1)
    padding, places = window(config, shape[:2], size, stride, dilation)
    attributes = {"stride": short(stride), "padding": short(padding)}
    if dilation != (1, 1):
        attributes["dilation"] = short(dilation)
    if groups != 1:
        attributes["groups"] = groups
    return attributes, places


def _bias(config, n):
    """Return {"bias": its shape} if the layer has a bias, else {}."""
    return {"bias": (n,)} if config.get("use_bias", True) else {}


def _with_bias(weights, n):
    """Return (kernel, bias). The bias is zeros if the layer has none."""
    kernel, *bias = weights
    return kernel, *(bias or [Array("no bias", (n,), partial(np.zeros, n, np.float32))])


def _changed(array, shape, change):
    """Return an Array of this shape; its numbers are change(numbers of `array`, shape)."""
    return Array(array.name, shape, lambda: change(array.fetch(), shape))


def _aligned(shapes):
    """Return (steps, what to read, shape) for inputs that are merged number by number.

    As in Keras, inputs with fewer axes get new axes of length 1 before the channels: (C,) becomes (1, 1, C).
    """
    if len(shapes) < 2:
        raise InputError("it merges only one input")
    rank, steps, reads = max(map(len, shapes)), [], list(range(len(shapes)))
    full = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    for i, shape in enumerate(full):
        if shape != shapes[i]:
            reads[i] = f"input_{i + 1}"
            steps.append(Step("reshape", shape, {"shape": shape}, suffix=reads[i], reads=(i,)))
    try:
        return steps, tuple(reads), np.broadcast_shapes(*full)
    except ValueError:
        raise InputError(f"inputs of shapes {', '.join(map(str, shapes))} do not fit together") from None
