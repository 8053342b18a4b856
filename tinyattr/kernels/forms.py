"""A form is a function that computes a heavy op or rule with kernels. Formulas and results are those of ops.py and rules.py.

Feature maps lie inside a buffer with a border of zeros, which is the padding of the next convolution. A pass over memory
costs as much as the arithmetic. So one pass computes a convolution, the batch norm after it and the ReLU after both. The
records of the first two wait: their outputs are computed when somebody reads them. On the way back, the form of a
convolution whose input x a ReLU wrote also computes the signal before this ReLU. We remember it for just this signal array.
"""

from collections import namedtuple
from dataclasses import dataclass, field
from functools import lru_cache, partial

import numpy as np

from tinyattr.engine.arrays import is_sealed, sealed
from tinyattr.engine.windows import overhang, pair, sides
from tinyattr.kernels import dense as dense_kernels
from tinyattr.kernels import direct, pool, thin, threads, winograd
from tinyattr.kernels import weight_gradient as weight_kernels
from tinyattr.kernels.buffers import NONE, bordered, inside, read, recycled
from tinyattr.kernels.memory import WRITTEN, kept_of, packed, packed_if_used_again
from tinyattr.kernels.pointwise import ANY, one_pass

threads.announce()
TURN = threads.start()  # held while a form computes
RELU = 0.0, np.inf


@dataclass(eq=False, slots=True)
class Written:
    """What the kernels know about feature maps (N, H, W, C) that they wrote.

    buffer: (N, H + 2, W + 2, C), the maps with a border of zeros. place: see buffers.lie. limits: the limits of the ReLU or
    clip that wrote the maps. gated: {id of x: (x, the maps where x passes, else 0)}.
    """

    buffer: np.ndarray
    place: tuple
    limits: tuple = ANY
    gated: dict = field(default_factory=dict)


def maps(shape, limits=ANY):
    """Return (maps, Written): new feature maps (N, H, W, C), read-only for everybody but kernels, and what we know of them."""
    buffer, place = recycled(*shape)
    array = sealed(inside(buffer))
    return array, WRITTEN.set(array, Written(buffer, place, limits))


def put_off(record):
    """Return an array of NaN in the output's shape, or None if the output should be computed at once.

    That is so if somebody read the output of this layer in an earlier run, or if the weights may change.
    """
    if not all(map(is_sealed, record.weights)) or (record.weights and "asked for" in kept_of(record.weights[0])):
        return None
    shape = record.sources[0].outline.shape
    if record.op == "conv2d":
        shape = geometry(shape, record.weights[0].shape, tuple(record.attributes.items())).out
    return nothing_yet(shape)


nothing_yet = lru_cache(maxsize=4096)(partial(np.broadcast_to, np.float32(np.nan)))  # NaN in a shape, in no memory


def lying(x):
    """Return x if it is float32 and its channels lie side by side in memory, else such a copy."""
    return x if x.dtype == np.float32 and x.strides[3] == 4 and min(x.strides) > 0 else read(x)


def surrounded(x, border):
    """Return x with a border of `border` or more zeros around it in memory: x itself if it has one, else a copy."""
    if border <= 0 or (border == 1 and WRITTEN.get(x)):
        return lying(x)
    if border == 1:
        copy, own = maps(x.shape)
        to = inside(own.buffer)
    else:
        copy = to = inside(bordered(*x.shape, border), border)
    to[...] = x
    return copy


def in_buffer(x):
    """Return x with a border of zeros, one pixel wide: (N, H + 2, W + 2, C)."""
    return WRITTEN.get(surrounded(x, 1)).buffer


# The attributes of a convolution in full, for maps and kernels of certain shapes. out: (N, Ho, Wo, K); padding: ((top,
# bottom), (left, right)); corner: (top, left); winograd: its form knows this convolution, and is the faster one.
Geometry = namedtuple("Geometry", "out size stride padding dilation groups corner winograd")


@lru_cache(maxsize=4096)
def geometry(x, kernel, items):
    """Return the Geometry of a conv2d, given the shapes of input and kernel, and its attributes as (name, value) pairs."""
    about = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, **dict(items)}
    stride, padding, dilation = pair(about["stride"]), sides(about["padding"]), pair(about["dilation"])
    out = [(length + sum(p) - d * (k - 1) - 1) // s + 1
           for length, p, k, s, d in zip(x[1:3], padding, kernel[:2], stride, dilation, strict=True)]
    by_winograd = ((kernel[:2], stride, padding, dilation, about["groups"]) == ((3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1)
                   and winograd.fits(*kernel[2:]))
    return Geometry((x[0], *out, kernel[3]), kernel[:2], stride, padding, dilation, about["groups"],
                    (padding[0][0], padding[1][0]), by_winograd)


def conv2d(record, norm=None, limits=ANY):
    """ops.conv2d; then ops.batch_norm with the weights `norm`, if given; then a clip to the limits."""
    (x,), (kernel, bias) = record.x, record.weights
    of = geometry(x.shape, kernel.shape, tuple(record.attributes.items()))
    if of.winograd and limits not in (ANY, RELU):
        return in_one_pass(conv2d(record, norm), limits)
    if norm:
        kernel, bias = with_norm(kernel, bias, norm)
    elif limits == ANY:
        kept_of(kernel)["asked for"] = True
    found, own = maps(of.out, limits)
    if of.winograd:
        u = packed_if_used_again(kernel, "winograd", lambda: winograd.transform(kernel))
        winograd.convolve(in_buffer(x), u, bias, **{"y" if limits == ANY else "a": own.buffer})
    else:
        panels = packed(kernel, ("direct", of.groups), lambda: direct.pack(kernel, of.groups))
        direct.convolve(surrounded(x, max(map(max, of.padding))), panels, bias, a=found, size=of.size, stride=of.stride,
                        corner=(-of.corner[0], -of.corner[1]), dilation=of.dilation, groups=of.groups, limits=limits)
    return found


def with_norm(kernel, bias, norm):
    """Return one (kernel, bias) for convolution and batch norm: (x w + b) s + t = x (w s) + (b s + t), norm = (s, t)."""
    (scale, shift), kept = norm, kept_of(kernel)
    if not all(map(is_sealed, norm)) or any(a is not b for a, b in zip(norm, kept.get("norm", (None, None)), strict=True)):
        kept["norm"], kept["merged"] = norm, (sealed(kernel * scale), sealed(bias * scale + shift))
    return kept["merged"]


def batch_norm(record, limits=ANY):
    """ops.batch_norm, with the convolution before it if that waits; then a clip to the limits."""
    (source,), (scale, shift) = record.sources, record.weights
    if limits == ANY:
        kept_of(scale)["asked for"] = True
    if source.waits and source.op == "conv2d":
        return conv2d(source, record.weights, limits)
    return in_one_pass(source.output, limits, scale=scale, shift=shift)


def add(record, limits=ANY):
    """ops.add of two maps; then a clip to the limits."""
    x, z = record.x
    return in_one_pass(x, limits, z=lying(z))


def clip(record):
    """ops.relu and ops.clip, with the layer before them if that waits."""
    (source,), limits = record.sources, (record.attributes.get("low", 0.0), record.attributes.get("high", np.inf))
    return MERGED[source.op](source, limits=limits) if source.waits else in_one_pass(source.output, limits)


def in_one_pass(x, limits, **about):
    """Return the maps that pointwise.one_pass writes."""
    found, _ = maps(x.shape, limits)
    one_pass(lying(x), found, limits=limits, **about)
    return found


def clip_back(record, g):
    """rules.elementwise of relu and clip. The result may have been written together with g."""
    own, limits = WRITTEN.get(g), (record.attributes.get("low", 0.0), record.attributes.get("high", np.inf))
    gate, behind = own.gated.get(id(record.output), (None, None)) if own else (None, None)
    if gate is record.output:
        return (behind,)
    m, _ = maps(g.shape)
    one_pass(lying(g), m, gate=lying(record.output), limits=limits)
    return (m,)


def behind_clip(x, own, known=None):
    """Return (maps, x, limits): maps for the signal before the ReLU that wrote x. We remember them with the signal at x.

    Return NONE instead if no ReLU or clip wrote x, or if the kernel does not know its limits.
    """
    written = WRITTEN.get(x)
    if not written or written.limits == ANY or known not in (None, written.limits):
        return NONE, NONE, RELU
    gated, _ = maps(x.shape)
    own.gated[id(x)] = x, gated
    return gated, x, written.limits


def conv2d_back(record, g):
    """rules.conv2d; if a ReLU wrote x, also the signal before this ReLU."""
    (x,), (kernel, _) = record.x, record.weights
    of, (m, own) = geometry(x.shape, kernel.shape, tuple(record.attributes.items())), maps(x.shape)
    size, stride, dilation, groups, corner = of.size, of.stride, of.dilation, of.groups, of.corner
    if of.winograd:
        u = packed_if_used_again(kernel, "winograd back", lambda: winograd.transform_back(kernel))
        behind, gate, _ = behind_clip(x, own, RELU)
        if behind.size:
            behind, gate = in_buffer(behind), in_buffer(gate)
        winograd.convolve(in_buffer(g), u, np.zeros(x.shape[3], np.float32), own.buffer, behind, gate)
    elif groups == 1 and dilation == (1, 1) and thin.fits(size[1], *kernel.shape[2:]):
        columns = packed(kernel, ("thin back", stride), lambda: thin.pack_back(kernel, stride))
        edge = direct.edge(g, (x.shape[1], g.shape[2]), columns, (stride[0], 1), (corner[0], 0))
        thin.back(surrounded(g, edge), columns, inside(own.buffer), size=size, stride=stride, padding=corner)
    else:
        parts = packed(kernel, ("direct back", stride, groups), lambda: direct.pack_back(kernel, stride, groups))
        behind, gate, limits = behind_clip(x, own)
        behind = inside(in_buffer(behind)) if behind.size else behind
        edge = direct.edge(g, x.shape[1:3], parts, stride, corner, dilation)
        direct.back(surrounded(g, edge), parts, inside(own.buffer), behind, gate, stride=stride, padding=corner, dilation=dilation,
                    groups=groups, limits=limits)
    return (m,)


def pool_sizes(x, *, size, stride, padding=0, ceil=False):
    """Return ((Ho, Wo), size, stride, (top, left)) of a max-pool over x."""
    size, stride, padding = pair(size), pair(stride), sides(padding)
    out = [(length + sum(p) + ceil * overhang(length, k, s, p) - k) // s + 1
           for length, k, s, p in zip(x.shape[1:3], size, stride, padding, strict=True)]
    return out, size, stride, (padding[0][0], padding[1][0])


def max_pool(record):
    """ops.max_pool."""
    (x,) = record.x
    out, size, stride, padding = pool_sizes(x, **record.attributes)
    y, _ = maps((len(x), *out, x.shape[3]))
    pool.forward(lying(x), y, size=size, stride=stride, padding=padding)
    return y


def max_pool_back(record, g):
    """rules.max_pool; if a ReLU wrote x, also the signal before this ReLU."""
    (x,) = record.x
    _, size, stride, padding = pool_sizes(x, **record.attributes)
    m, own = maps(x.shape)
    behind, _, _ = behind_clip(x, own, RELU)
    pool.back(lying(x), lying(g), m, behind, size=size, stride=stride, padding=padding)
    return (m,)


def concat(record):
    """ops.concat of maps: every input is copied into its channels."""
    x = record.x
    ends = np.cumsum([0, *(a.shape[3] for a in x)])
    y, own = maps((*x[0].shape[:3], int(ends[-1])))
    to = inside(own.buffer)
    for a, first, end in zip(x, ends, ends[1:], strict=False):
        one_pass(lying(a), to[..., first:end])
    return y


def conv2d_weights(record, g):
    """weights.conv2d."""
    (x,), (kernel, _) = record.x, record.weights
    of = geometry(x.shape, kernel.shape, tuple(record.attributes.items()))
    if of.groups > 1 or of.dilation != (1, 1):
        return None
    border = max(1, *map(max, of.padding))
    around = in_buffer(x) if border == 1 else bordered(*x.shape, border)
    if border > 1:
        inside(around, border)[...] = x
    return weight_kernels.weight_gradient(
        around, g, size=of.size, stride=of.stride, corner=(border - of.corner[0], border - of.corner[1]))


MERGED = {"conv2d": conv2d, "batch_norm": batch_norm, "add": add}  # what a ReLU or clip may follow in the same pass
FORWARD = {**MERGED, "dense": lambda record: dense_kernels.forward(*record.x, *record.weights), "relu": clip, "clip": clip,
           "max_pool": max_pool, "concat": concat}
PUT_OFF = dict.fromkeys(MERGED, put_off)
BACK = {"conv2d": conv2d_back, "dense": lambda record, g: (dense_kernels.back(g, record.weights[0]),),
        "relu": clip_back, "clip": clip_back, "max_pool": max_pool_back,
        "batch_norm": lambda record, g: (in_one_pass(g, ANY, scale=record.weights[0]),)}
WEIGHTS = {"conv2d": conv2d_weights, "dense": lambda record, g: dense_kernels.weight_gradient(record.x[0], g)}
