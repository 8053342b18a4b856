"""Random calls of every op: what the reference implementations, the rules and the dtypes are all tested on."""

import numpy as np
from hypothesis import strategies as st

from tinyattr.engine.windows import sides

sizes = st.integers(1, 4)


@st.composite
def maps(draw, low=1, high=7, channels=None):
    """Feature maps (N, H, W, C), float64, entries pairwise at least 0.05 apart and from 0: no kink and no tie near by."""
    shape = (draw(st.integers(1, 2)), draw(st.integers(low, high)), draw(st.integers(low, high)), channels or draw(sizes))
    return _apart(draw, shape)


def _apart(draw, shape):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = int(np.prod(shape))
    grid = (np.arange(n) - n // 2 + 0.5) * 0.1 + rng.uniform(-0.02, 0.02, n)
    return rng.permutation(grid).reshape(shape)


def _normal(draw, *shape):
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1))).standard_normal(shape)


@st.composite
def paddings(draw, most=2):
    """A padding in each of its spellings."""
    n = st.integers(0, most)
    return draw(st.one_of(n, st.tuples(n, n), st.tuples(st.tuples(n, n), st.tuples(n, n))))


def _pool(draw, x):
    k = (draw(st.integers(1, min(3, x.shape[1]))), draw(st.integers(1, min(3, x.shape[2]))))
    size = k if draw(st.booleans()) else min(k)
    return {"size": size, "stride": draw(st.integers(1, 3)), "padding": draw(paddings(min(k) - 1)), "ceil": draw(st.booleans())}


@st.composite
def calls(draw, op):
    """(inputs, weights, attributes) of a random call of `op`, float64."""
    if op == "conv2d":
        groups, (c, k), padding = draw(st.integers(1, 3)), (draw(st.integers(1, 2)), draw(st.integers(1, 2))), draw(paddings())
        x, dilation = draw(maps(channels=c * groups)), (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
        room = [(length + sum(p) - 1) // d + 1 for length, p, d in zip(x.shape[1:3], sides(padding), dilation, strict=True)]
        kh, kw = (draw(st.integers(1, min(4, most))) for most in room)
        stride = draw(st.one_of(st.integers(1, 3), st.tuples(st.integers(1, 3), st.integers(1, 3))))
        weights = _normal(draw, kh, kw, c, k * groups), _normal(draw, k * groups)
        return (x,), weights, {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if op == "conv2d_transpose":
        x, (kh, kw, k) = draw(maps()), (draw(sizes) for _ in range(3))
        padding = ((draw(st.integers(0, kh - 1)) // 2, (kh - 1) // 2), ((kw - 1) // 2, 0))
        stride = draw(st.one_of(st.integers(1, 3), st.tuples(st.integers(1, 3), st.integers(1, 3))))
        return (x,), (_normal(draw, kh, kw, x.shape[3], k), _normal(draw, k)), {"stride": stride, "padding": padding}
    if op == "dense":
        i, o = draw(sizes), draw(sizes)
        x = _normal(draw, draw(sizes), i) if draw(st.booleans()) else draw(maps(channels=i))
        return (x,), (_normal(draw, i, o), _normal(draw, o)), {}
    if op == "batch_norm":
        x = draw(maps())
        return (x,), (_normal(draw, x.shape[3]), _normal(draw, x.shape[3])), {}
    if op == "prelu":
        x = draw(maps())
        return (x,), (_normal(draw, *draw(st.sampled_from([x.shape[3:], x.shape[1:]]))),), {}
    if op == "resize":
        return (draw(maps()),), (), {"size": draw(st.one_of(st.integers(1, 6), st.tuples(st.integers(1, 6), st.integers(1, 6))))}
    if op in ("max_pool", "avg_pool"):
        x = draw(maps())
        attributes = _pool(draw, x)
        return (x,), (), {**attributes, "count_padding": draw(st.booleans())} if op == "avg_pool" else attributes
    if op in ("global_avg_pool", "global_max_pool"):
        return (draw(maps()),), (), {"keep": draw(st.booleans())}
    if op in ("mean", "max"):
        axes = draw(st.sampled_from([(1, 2), (3,), (-1,), (2,), (1, 2, 3), (2, 1)]))
        return (draw(maps()),), (), {"axes": axes, "keep": draw(st.booleans())}
    if op in ("pad", "crop"):
        padding = draw(paddings(1))
        more = {"value": draw(st.floats(-1, 1)), "channels": (draw(st.integers(0, 2)), draw(st.integers(0, 2)))}
        return (draw(maps(low=3)),), (), {"padding": padding, **(more if op == "pad" else {})}
    if op == "slice":
        x = draw(maps(low=2)) if draw(st.booleans()) else _normal(draw, 2, draw(sizes))
        start = tuple(draw(st.integers(0, length - 1)) for length in x.shape[1:])
        stop = tuple(draw(st.integers(a + 1, length)) for a, length in zip(start, x.shape[1:], strict=True))
        return (x,), (), {"start": start, "stop": stop, "step": tuple(draw(st.integers(1, 3)) for _ in start)}
    if op == "upsample":
        return (draw(maps()),), (), {"factor": draw(st.one_of(st.integers(1, 3), st.tuples(st.integers(1, 3), st.integers(1, 3))))}
    if op == "reshape":
        x = draw(maps())
        _, h, w, c = x.shape
        return (x,), (), {"shape": draw(st.sampled_from([(h * w * c,), (w, h, c), (1, h, w * c)]))}
    if op == "transpose":
        return (draw(maps()),), (), {"axes": tuple(draw(st.permutations([1, 2, 3])))}
    if op == "channel_shuffle":
        groups = draw(st.integers(1, 3))
        return (draw(maps(channels=groups * draw(sizes))),), (), {"groups": groups}
    if op == "lrn":
        size = draw(st.integers(1, 6))
        return (draw(maps()),), (), {"size": size, "alpha": draw(st.floats(0.01, 1)), "beta": draw(st.floats(0.1, 1)), "bias": draw(st.floats(0.5, 2))}
    if op == "clip":
        low, high = sorted((draw(st.integers(-8, 8)), draw(st.integers(-8, 8))))
        return (draw(maps()),), (), {"low": 0.1 * low, "high": 0.1 * high}  # kinks lie 0.03 from every entry
    if op == "hard_sigmoid":
        return (draw(maps()),), (), draw(st.sampled_from([{"slope": 0.2, "offset": 0.5}, {"slope": 1 / 6, "offset": 0.5}]))
    if op in ("leaky_relu", "elu", "gelu"):
        given = {"leaky_relu": {"slope": 0.3}, "elu": {"alpha": 1.7}, "gelu": {"approximate": True}}[op]
        return (draw(maps()),), (), given if draw(st.booleans()) else {}
    if op in ("add", "mul"):
        x = draw(maps())
        other = [1 if draw(st.booleans()) else length for length in x.shape][draw(st.integers(0, 3)):]
        pair = [x, _normal(draw, *other)]
        return tuple(pair if draw(st.booleans()) else pair[::-1]), (), {}
    if op == "concat":
        x, axis = draw(maps()), draw(st.sampled_from([-1, 1, 2, 3, -2]))
        other = list(x.shape)
        other[axis] = draw(sizes)
        return (x, _normal(draw, *other)), (), {"axis": axis} if axis != -1 else {}
    if op == "sum":
        return (draw(maps()),), (), {"axes": tuple(draw(st.sets(st.integers(0, 3), min_size=1)))}
    if op == "pick":
        x = draw(maps())
        return (x,), (), {"at": (draw(st.integers(0, x.shape[1] - 1)), draw(st.integers(0, x.shape[2] - 1)))}
    if op == "two_logits":
        return (_normal(draw, draw(sizes), 1),), (), {}
    if op == "mod":
        return (draw(maps()),), (), {"modulus": 0.1 * draw(st.integers(1, 9))}  # jumps lie 0.03 from every entry
    x = draw(maps())
    return ((np.abs(x),) if op == "log" else (x / 10,) if op == "exp" else (x,)), (), {}
