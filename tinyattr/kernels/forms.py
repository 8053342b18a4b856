"""A form is a function that computes a heavy op or rule with kernels. Formulas and results are those of ops.py and rules.py.

Feature maps lie inside a buffer with a border of zeros, which is the padding of the next convolution. A pass over memory
costs as much as the arithmetic. So one pass computes a convolution, the batch norm after it, the sum with other maps, and the
ReLU after them. The records of the first three wait: their outputs are computed when somebody reads them. On the way back,
the signals of a convolution, a pool, a batch norm and a sum wait in the same way, until the form of a ReLU computes them.
"""

from collections import namedtuple
from functools import lru_cache, partial

import numpy as np

from tinyattr.engine.arrays import is_sealed, sealed
from tinyattr.engine.windows import overhang, pair, sides
from tinyattr.kernels import dense as dense_kernels
from tinyattr.kernels import direct, pool, thin, threads, winograd
from tinyattr.kernels import weight_gradient as weight_kernels
from tinyattr.kernels.buffers import NONE, bordered, inside, recycled
from tinyattr.kernels.memory import MAKING, ROOM, WRITTEN, Waiting, asked_for, kept_of, packed, start
from tinyattr.kernels.pointwise import ANY, one_pass

threads.announce()
TURN = threads.start()  # `with TURN():` while a form computes


def maps(shape):
    """Return (y, the same to write to): feature maps (N, H, W, C), in a buffer of their own or where a plan wants them."""
    if MAKING.plan is not None and MAKING.plan.room is not None:
        to, MAKING.plan.room = MAKING.plan.room, None
        return sealed(to), to
    n, h, w, c = shape
    buffer = recycled(n, h + 2, w + 2, c)
    array, to = inside(sealed(buffer)), inside(buffer)  # sealed(...) would lose the distance of lines if there is only one
    WRITTEN.set(array, buffer)
    return array, to


def put_off(record):
    """Return a placeholder of NaN; or None (compute now) if the weights may change, or if an earlier run read this output."""
    if not all(map(is_sealed, record.weights)) or (record.weights and "asked for" in kept_of(record.weights[0])):
        return None
    before = {"batch_norm": {"conv2d"}, "add": {"conv2d", "batch_norm"}}.get(record.op, ())
    for source in record.sources:
        if source.op not in before:  # it must not wait, too: such a chain could become endless
            _ = source.output
    shape = record.sources[0].outline.shape
    if record.op == "conv2d":
        shape = geometry(shape, record.weights[0].shape, tuple(record.attributes.items())).out
    return nothing_yet(shape)


nothing_yet = lru_cache(maxsize=4096)(partial(np.broadcast_to, np.float32(np.nan)))  # NaN in a shape, in no memory


def lying(x):
    """Return x if it is float32 and its channels lie side by side in memory, or if it is empty; else such a copy."""
    if x.size == 0 or (x.dtype == np.float32 and x.strides[3] == 4 and min(x.strides) > 0):
        return x
    copy = np.empty(x.shape, np.float32)
    start(np.copyto, copy, x)  # a plan must copy again
    return copy


def surrounded(x, border):
    """Return x with a border of `border` or more zeros around it in memory: x itself if it has one, else a copy."""
    if border <= 0:
        return lying(x)
    if border > 1:
        copy = inside(bordered(*x.shape, border), border)
        start(np.copyto, copy, x)
        return copy
    x = buffered(x)
    if MAKING.plan is not None:
        MAKING.plan.region.zero_around(WRITTEN.get(x))
    return x


def buffered(x):
    """Return x, or a copy, in a buffer: a kernel may read, and ignore, up to SLACK numbers after it. Its border may not be zero."""
    if WRITTEN.get(x) is not None:
        return x
    copy, to = maps(x.shape)
    start(np.copyto, to, x)
    return copy


def in_buffer(x):
    """Return x with a border of zeros, one pixel wide: (N, H + 2, W + 2, C)."""
    return WRITTEN.get(surrounded(x, 1))


# The attributes of a convolution in full, for maps and kernels of certain shapes. out: (N, Ho, Wo, K); padding: ((top,
# bottom), (left, right)); corner: (top, left); tiles: of Winograd's form; 0 if it does not know this convolution, or is slower.
Geometry = namedtuple("Geometry", "out size stride padding dilation groups corner tiles")


@lru_cache(maxsize=4096)
def geometry(x, kernel, items):
    """Return the Geometry of a conv2d, given the shapes of input and kernel, and its attributes as (name, value) pairs."""
    about = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, **dict(items)}
    stride, padding, dilation = pair(about["stride"]), sides(about["padding"]), pair(about["dilation"])
    out = [(length + sum(p) - d * (k - 1) - 1) // s + 1
           for length, p, k, s, d in zip(x[1:3], padding, kernel[:2], stride, dilation, strict=True)]
    known = ((kernel[:2], stride, padding, dilation, about["groups"]) == ((3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1)
             and winograd.fits(*kernel[2:]))
    tiles = x[0] * -(-x[1] // 4) * -(-x[2] // 4) if known else 0
    return Geometry((x[0], *out, kernel[3]), kernel[:2], stride, padding, dilation, about["groups"],
                    (padding[0][0], padding[1][0]), tiles if tiles >= winograd.LEAST else 0)


def for_winograd(kernel, tiles, back=False):
    """Return the kernel as winograd.convolve reads it, four times as large. back: the kernel of the way back.

    It is kept for plans, and from its third use on. For many tiles it is not kept: making it again takes little of the time then.
    """
    kept, use, uses = kept_of(kernel), ("winograd", back), ("uses", back, tiles)
    kept[uses] = kept.get(uses, 0) + 1

    def turned():
        return winograd.turned(kernel) if back else kernel
    if use in kept or MAKING.plan is not None or (kept[uses] > 2 and tiles < winograd.MANY):
        return packed(kernel, use, lambda: winograd.transform(turned()))
    return winograd.transform(packed(kernel, "turned", turned) if back and tiles >= winograd.MANY else turned(), recycled)


def conv2d(record, norm=None, z=NONE, limits=ANY):
    """ops.conv2d; then ops.batch_norm with the weights `norm`, if given; then the maps z are added; then a clip to the limits."""
    (x,), (kernel, bias) = record.x, record.weights
    of = geometry(x.shape, kernel.shape, tuple(record.attributes.items()))
    if norm:
        kernel, bias = with_norm(kernel, bias, norm)
    elif z is NONE and limits == ANY:
        asked_for(kernel)
    y, to = maps(of.out)
    if of.tiles:
        u = for_winograd(kernel, of.tiles)
        winograd.convolve(in_buffer(x), u, bias, to, WRITTEN.get(buffered(z)), limits=limits)
    else:
        panels = packed(kernel, ("direct", of.groups), lambda: direct.pack(kernel, of.groups))
        direct.convolve(surrounded(x, max(map(max, of.padding))), panels, bias, y, buffered(z), size=of.size, stride=of.stride,
                        corner=(-of.corner[0], -of.corner[1]), dilation=of.dilation, groups=of.groups, limits=limits)
    return y


def with_norm(kernel, bias, norm):
    """Return one (kernel, bias) for convolution and batch norm: (x w + b) s + t = x (w s) + (b s + t), norm = (s, t)."""
    (scale, shift), kept = norm, kept_of(kernel)
    for_bias, for_norm, merged = kept.get("merged", (None, None, None))
    if for_bias is not bias or for_norm is not norm or not all(map(is_sealed, (bias, *norm))):
        merged = sealed(kernel * scale), sealed(bias * scale + shift)
        kept["merged"] = bias, norm, merged
    return merged


def batch_norm(record, z=NONE, limits=ANY):
    """ops.batch_norm, and first the convolution before it if that waits; then the maps z are added; then a clip to the limits."""
    (source,), (scale, shift) = record.sources, record.weights
    if z is NONE and limits == ANY:
        asked_for(scale)
    if source.waits and source.op == "conv2d":
        return conv2d(source, record.weights, z, limits)
    return in_one_pass(source.output, scale=scale, shift=shift, z=z, limits=limits)


def add(record, limits=ANY):
    """ops.add of two maps, and first the layer that makes one of them if that waits; then a clip to the limits."""
    first, second = sorted(record.sources, key=lambda source: not source.waits)
    return finished(first, z=second.output, limits=limits)


def clip(record):
    """ops.relu and ops.clip."""
    return finished(record.sources[0], limits=limits_of(record))


def clip_back(record, g):
    """rules.elementwise of relu and clip. If the signal g waits, the same pass computes it."""
    return computed(g, gate=record.output, limits=limits_of(record))


def limits_of(record):
    """The limits of a ReLU or clip."""
    return float(record.attributes.get("low", 0)), float(record.attributes.get("high", np.inf))


def finished(source, **then):
    """The source's output; then the maps z are added, and the limits cut. If the source waits, one pass computes it and does this."""
    return MERGED[source.op](source, **then) if source.waits else in_one_pass(source.output, **then)


def in_one_pass(x, z=NONE, gate=NONE, **about):
    """Return the maps that pointwise.one_pass writes."""
    y, _ = maps(x.shape)
    one_pass(lying(x), y, z=lying(z), gate=lying(gate), **about)
    return y


def computed(g, **then):
    """The signal as an array; with gate and limits, the signal where low < gate < high, else 0."""
    if isinstance(g, Waiting):
        return g.make(z=NONE if g.z is None else g.z, **then)
    return in_one_pass(g, **then) if then else g


def plus(g, m):
    """g + m. The sum waits: the pass that computes g can add m."""
    g, m = sorted((g, m), key=lambda a: not isinstance(a, Waiting))
    g, m = g if isinstance(g, Waiting) and g.z is None else computed(g), computed(m)
    return Waiting(g.make if isinstance(g, Waiting) else partial(in_one_pass, g), m)


def batch_norm_back(record, g):
    """rules.batch_norm. The signal waits: if a convolution comes next on the way back, the scale is merged into its kernel."""
    g = computed(g)
    return Waiting(partial(in_one_pass, g, scale=record.weights[0]), norm=(record.weights, g))


def conv2d_back(record, g):
    """rules.conv2d. The signal waits: the pass that computes it can add others, and let it pass a ReLU."""
    return Waiting(partial(convolve_back, record, g if isinstance(g, Waiting) and g.norm else computed(g)))


def convolve_back(record, g, z=NONE, gate=NONE, limits=ANY):
    """rules.conv2d, and first rules.batch_norm if g waits; then the maps z are added, and the gate cuts: see vector.finisher."""
    (kernel, bias), shape = record.weights, record.sources[0].outline.shape
    of = geometry(shape, kernel.shape, tuple(record.attributes.items()))
    size, stride, dilation, groups, corner = of.size, of.stride, of.dilation, of.groups, of.corner
    if isinstance(g, Waiting):
        norm, g = g.norm
        kernel, _ = with_norm(kernel, bias, norm)
    m, to = maps(shape)
    if of.tiles:
        u = for_winograd(kernel, of.tiles, back=True)
        winograd.convolve(in_buffer(g), u, np.zeros(shape[3], np.float32), to, WRITTEN.get(buffered(z)), WRITTEN.get(buffered(gate)), limits)
    elif groups == 1 and dilation == (1, 1) and thin.fits(size[1], *kernel.shape[2:]):
        columns = packed(kernel, ("thin back", stride), lambda: thin.pack_back(kernel, stride))
        edge = direct.edge(g, (shape[1], g.shape[2]), columns, (stride[0], 1), (corner[0], 0))
        thin.back(surrounded(g, edge), columns, to, size=size, stride=stride, padding=corner)
        if z.size or gate.size:
            one_pass(m, m, z=lying(z), gate=lying(gate), limits=limits)
    else:
        parts = packed(kernel, ("direct back", stride, groups), lambda: direct.pack_back(kernel, stride, groups))
        edge = direct.edge(g, shape[1:3], parts, stride, corner, dilation)
        direct.back(surrounded(g, edge), parts, to, buffered(z), buffered(gate), stride=stride, padding=corner,
                    dilation=dilation, groups=groups, limits=limits)
    return m


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
    """rules.max_pool. The signal waits, as that of a convolution does."""
    return Waiting(partial(give_back, record, computed(g)))


def give_back(record, g, z=NONE, gate=NONE, limits=ANY):
    """rules.max_pool; then the maps z are added, and the gate cuts."""
    (x,) = record.x
    _, size, stride, padding = pool_sizes(x, **record.attributes)
    m, _ = maps(x.shape)
    pool.back(lying(x), lying(g), m, lying(z), lying(gate), size=size, stride=stride, padding=padding, limits=limits)
    return m


def avg_pool(record):
    """ops.avg_pool of windows inside the map, and ops.global_avg_pool: a depthwise convolution whose weights are all 1 / (kh kw)."""
    (x,) = record.x
    size = x.shape[1:3] if record.op == "global_avg_pool" else pair(record.attributes["size"])
    out, size, stride, _ = pool_sizes(x, size=size, stride=record.attributes.get("stride", 1))
    y, _ = maps((len(x), *out, x.shape[3]))
    direct.convolve(lying(x), means(size, x.shape[3]), direct.zeros(x.shape[3]), y, size=size, stride=stride, groups=x.shape[3])
    return y if record.op == "avg_pool" or record.attributes.get("keep") else y[:, 0, 0]


@lru_cache(maxsize=64)
def means(size, channels):
    """The packed weights of a mean over windows."""
    return direct.pack(np.full((*size, 1, channels), 1 / (size[0] * size[1]), np.float32), channels)


def concat(record):
    """ops.concat of maps: every input is copied into its channels. In a plan, the pass that makes an input writes it there at once.

    If the first input is a concatenation, too, it may be the first channels of larger maps. Then only the others are copied, into
    the channels behind it. So in a chain of concatenations, as in a DenseNet, hardly any channel is copied twice.
    """
    x, chain = record.x, record.sources[0].op == "concat"
    ends = np.cumsum([0, *(a.shape[3] for a in x)]).tolist()
    whole, to, used = ROOM.get(x[0]) or (NONE, NONE, [])
    there = bool(used) and used.pop() == ends[1] and ends[-1] <= whole.shape[3]  # pop: only one concatenation gets these channels
    if not there:
        ready = MAKING.plan and MAKING.plan.wholes.pop(record.name, None)
        (whole, to), used = ready or maps((*x[0].shape[:3], ends[-1] * (1 + chain))), []
    for a, first, end in list(zip(x, ends, ends[1:], strict=False))[there:]:
        if a.ctypes.data != to[..., first:end].ctypes.data:
            one_pass(lying(a), to[..., first:end])
    if not chain:
        return whole
    y = whole[..., :ends[-1]]
    used.append(ends[-1])
    ROOM.set(y, (whole, to, used))
    return y


def vectors(shape):
    """Return (y, the same to write to): vectors (N, C), lying one after the other."""
    y, to = maps((1, 1, *shape))
    return y[0, 0], to[0, 0]


def one_after_the_other(x):
    """Return vectors (N, C) that lie one after the other in memory: x itself, or a copy."""
    if x.flags.c_contiguous:
        return x
    copy, to = vectors(x.shape)
    start(np.copyto, to, x)
    return copy


def dense(record):
    """ops.dense."""
    (x,), (w, bias) = record.x, record.weights
    y, to = vectors((len(x), w.shape[1]))
    dense_kernels.forward(one_after_the_other(x), w, bias, to)
    return y


def dense_back(record, g):
    """rules.dense."""
    m, to = vectors(record.sources[0].outline.shape)
    dense_kernels.back(one_after_the_other(computed(g)), record.weights[0], to)
    return m


def conv2d_weights(record, g):
    """weights.conv2d."""
    (x,), (kernel, _) = record.x, record.weights
    of = geometry(x.shape, kernel.shape, tuple(record.attributes.items()))
    if of.groups > 1 or of.dilation != (1, 1):
        return None
    return weight_kernels.weight_gradient(surrounded(x, max(1, *map(max, of.padding))), surrounded(g, 1), size=of.size,
                                          stride=of.stride, corner=(-of.corner[0], -of.corner[1]))


MERGED = {"conv2d": conv2d, "batch_norm": batch_norm, "add": add}  # what others may follow in the same pass
FORWARD = {**MERGED, "dense": dense, "relu": clip, "clip": clip,
           "max_pool": max_pool, "avg_pool": avg_pool, "global_avg_pool": avg_pool, "concat": concat}
PUT_OFF = dict.fromkeys(MERGED, put_off)
BACK = {"conv2d": conv2d_back, "batch_norm": batch_norm_back, "relu": clip_back, "clip": clip_back, "max_pool": max_pool_back,
        "dense": dense_back,
        "add": lambda record, g: computed(g)}  # of inputs of one shape, which are not read: they may wait
WEIGHTS = {"conv2d": conv2d_weights, "dense": lambda record, g: dense_kernels.weight_gradient(record.x[0], g)}
