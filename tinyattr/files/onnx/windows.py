"""Read convolutions and pools: kernels (out, in, kh, kw) become (kh, kw, in, out)."""

import numpy as np

from tinyattr.engine.windows import overhang
from tinyattr.errors import InputError


def attributes_of(**given):
    """Return attributes in a short form: two equal numbers become one; an attribute with our default is left out."""
    plain = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "ceil": False, "count_padding": False}
    short = {key: _short(value) for key, value in given.items()}
    return {key: value for key, value in short.items() if key not in plain or value != plain[key]}


def _short(value):
    """Shorten ((1, 1), (2, 2)) to (1, 2), and (3, 3) to 3."""
    if isinstance(value, tuple):
        value = tuple(map(_short, value))
        if len(set(value)) == 1 and not isinstance(value[0], tuple):
            return value[0]
        if any(isinstance(v, tuple) for v in value):
            value = tuple(v if isinstance(v, tuple) else (v, v) for v in value)
    return value


def window(node, lengths, size):
    """Return (stride, dilation, padding ((top, bottom), (left, right))) of a window over maps. Raises InputError."""
    stride = two(node.attributes.get("strides", [1, 1]))
    dilation = two(node.attributes.get("dilations", [1, 1]))
    if min(*size, *stride, *dilation) < 1:
        raise InputError(f"windows, strides and dilations must be at least 1; got {size}, {stride}, {dilation}")
    auto = node.attributes.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        both = [max((-(-length // s) - 1) * s + (k - 1) * d + 1 - length, 0)
                for length, k, s, d in zip(lengths, size, stride, dilation, strict=True)]
        return stride, dilation, tuple(halves(p, auto == "SAME_UPPER") for p in both)
    if auto not in ("NOTSET", "VALID", ""):
        raise InputError(f"auto_pad {auto!r:.30} is unknown")
    pads = node.attributes.get("pads", [0] * 4) if auto != "VALID" else [0] * 4
    if len(pads) != 4 or min(pads) < 0:
        raise InputError(f"pads must be four numbers, none negative; got {pads[:8]}")
    return stride, dilation, ((pads[0], pads[2]), (pads[1], pads[3]))


def halves(p, more_after):
    """Divide a padding p into (before, after). If p is odd, one is larger: `after` if more_after, else `before`."""
    return (p // 2, p - p // 2) if more_after else (p - p // 2, p // 2)


def two(numbers):
    """Return the two numbers of a list, for rows and columns. Raises InputError for windows over one axis or three."""
    if len(numbers) != 2:
        raise InputError(f"only windows over rows and columns are supported; it has {len(numbers)} axes")
    return tuple(int(n) for n in numbers)


def maps_of(value):
    """Return (N, C, (H, W)) of a value that must be maps. Raises InputError."""
    if len(value.shape) != 4:
        raise InputError(f"expected maps (N, C, H, W); got shape {value.shape}")
    return value.shape[0], value.shape[1], value.shape[2:]


def filled(node, position, axes):
    """Return the node's input at this position. Raises InputError unless it is a constant with this many axes."""
    array = node.constant(position)
    if array is None or array.ndim != axes or not all(array.shape):
        found = "none" if array is None else array.shape
        raise InputError(f"expected weights with {axes} axes, none of length 0; got {found}")
    return array


def conv(net, node):
    """Conv -> conv2d."""
    value = node.value(0)
    (_, channels, lengths), kernel = maps_of(value), filled(node, 1, 4)
    out, per_group, *size = kernel.shape
    groups = node.attributes.get("group", 1)
    if groups < 1 or out % groups or channels != per_group * groups:
        raise InputError(f"a kernel {kernel.shape} in {groups} groups does not fit {channels} channels")
    stride, dilation, padding = window(node, lengths, size)
    rows = tuple((length + sum(p) - (k - 1) * d - 1) // s + 1
                 for length, p, k, s, d in zip(lengths, padding, size, stride, dilation, strict=True))
    about = attributes_of(stride=stride, padding=padding, dilation=dilation, groups=groups)
    return _with_bias(net, node, "conv2d", value, (*rows, out), kernel.transpose(2, 3, 1, 0), about)


def conv_transpose(net, node):
    """ConvTranspose -> conv2d_transpose: the file's kernel is (in, out, kh, kw)."""
    value = node.value(0)
    (_, channels, lengths), kernel = maps_of(value), filled(node, 1, 4)
    enter, out, *size = kernel.shape
    stride, dilation, padding = window(node, lengths, size)
    if node.attributes.get("group", 1) != 1 or dilation != (1, 1) or enter != channels:
        raise InputError("transposed convolutions with groups or dilation are not supported")
    more = two(node.attributes.get("output_padding", [0, 0]))
    full = [(length - 1) * s + k + m for length, s, k, m in zip(lengths, stride, size, more, strict=True)]
    auto, shape = node.attributes.get("auto_pad", "NOTSET"), node.attributes.get("output_shape")
    if shape or auto.startswith("SAME"):
        shape = shape[-2:] if shape else [length * s for length, s in zip(lengths, stride, strict=True)]
        both = [total - wanted for total, wanted in zip(full, shape, strict=True)]
        padding = [halves(p, auto == "SAME_UPPER") for p in both]
    padding = tuple((before, after - m) for (before, after), m in zip(padding, more, strict=True))
    if min(min(padding)) < 0:
        raise InputError("its output is larger than its windows reach (output_padding), which is not supported")
    rows = tuple(total - m - sum(p) for total, m, p in zip(full, more, padding, strict=True))
    about = attributes_of(stride=stride, padding=padding)
    return _with_bias(net, node, "conv2d_transpose", value, (*rows, out), kernel.transpose(2, 3, 0, 1), about)


def _with_bias(net, node, op, value, ours, kernel, about):
    bias = node.constant(2)
    weights = kernel, np.zeros(kernel.shape[3]) if bias is None else bias
    if weights[1].shape != kernel.shape[3:]:
        raise InputError(f"a bias {weights[1].shape} does not fit {kernel.shape[3]} channels")
    found = net.result(node.name, op, (net.maps(value),), ours, value.shape[0], weights, **about)
    net.free |= {found.layer} if bias is None else set()
    return found


def pool(op, everywhere):
    """MaxPool, AveragePool -> max_pool, avg_pool. A window as large as the map becomes a global pool."""
    def read(net, node):
        value = node.value(0)
        n, channels, lengths = maps_of(value)
        size = two(node.attributes["kernel_shape"])
        stride, dilation, padding = window(node, lengths, size)
        if dilation != (1, 1):
            raise InputError("pools with dilation are not supported")
        if size == lengths and padding == ((0, 0), (0, 0)):
            return global_pool(everywhere)(net, node)
        if any(max(p) >= k for p, k in zip(padding, size, strict=True)):
            raise InputError(f"padding {padding} leaves windows {size} without a place of the map")
        ceil = bool(node.attributes.get("ceil_mode", 0))
        rows = tuple((length + sum(p) + ceil * overhang(length, k, s, p) - k) // s + 1
                     for length, k, s, p in zip(lengths, size, stride, padding, strict=True))
        count = bool(node.attributes.get("count_include_pad", 0)) and op == "avg_pool"
        return net.result(node.name, op, (net.maps(value),), (*rows, channels), n, size=_short(size),
                          stride=_short(stride), **attributes_of(padding=padding, ceil=ceil, count_padding=count))
    return read


FLATTENING = {"Flatten", "Reshape", "Squeeze", "Shape", "Softmax", "LogSoftmax"}


def global_pool(op):
    """GlobalAveragePool, GlobalMaxPool -> global_avg_pool, global_max_pool; (1, 1, C) if a later node needs maps."""
    def read(net, node, flat=False):
        value = node.value(0)
        n, channels, _ = maps_of(value)
        if flat or node.readers <= {*FLATTENING, "the output"}:
            found = net.result(node.name, op, (net.maps(value),), (channels,), n)
            return found.moved(net.places_of(found)[:, :, None, None])
        return net.result(node.name, op, (net.maps(value),), (1, 1, channels), n, keep=True)
    return read
