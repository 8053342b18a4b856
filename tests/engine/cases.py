"""Random calls of every op: what the reference implementations, the rules and the dtypes are all tested on."""

import numpy as np
from hypothesis import strategies as st

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


def _pool(draw, x):
    k = (draw(st.integers(1, min(3, x.shape[1]))), draw(st.integers(1, min(3, x.shape[2]))))
    return {"size": k if draw(st.booleans()) else min(k), "stride": draw(st.integers(1, 3))}


@st.composite
def calls(draw, op):
    """(inputs, weights, attributes) of a random call of `op`, float64."""
    if op == "conv2d":
        x = draw(maps())
        padding = (draw(st.integers(0, 2)), draw(st.integers(0, 2)))
        kh = draw(st.integers(1, min(4, x.shape[1] + 2 * padding[0])))
        kw = draw(st.integers(1, min(4, x.shape[2] + 2 * padding[1])))
        stride = draw(st.one_of(st.integers(1, 3), st.tuples(st.integers(1, 3), st.integers(1, 3))))
        k = draw(sizes)
        return (x,), (_normal(draw, kh, kw, x.shape[3], k), _normal(draw, k)), {"stride": stride, "padding": padding}
    if op == "dense":
        n, i, o = draw(sizes), draw(sizes), draw(sizes)
        return (_normal(draw, n, i),), (_normal(draw, i, o), _normal(draw, o)), {}
    if op in ("max_pool", "avg_pool"):
        x = draw(maps())
        attributes = _pool(draw, x)
        return (x,), (), {**attributes, "ceil": draw(st.booleans())} if op == "max_pool" else attributes
    if op in ("add", "mul"):
        x = draw(maps())
        other = [1 if draw(st.booleans()) else length for length in x.shape][draw(st.integers(0, 3)):]
        pair = [x, _normal(draw, *other)]
        return tuple(pair if draw(st.booleans()) else pair[::-1]), (), {}
    if op == "concat":
        x = draw(maps())
        return (x, _normal(draw, *x.shape[:-1], draw(sizes))), (), {}
    if op == "sum":
        return (draw(maps()),), (), {"axes": tuple(draw(st.sets(st.integers(0, 3), min_size=1)))}
    if op == "pick":
        x = draw(maps())
        return (x,), (), {"at": (draw(st.integers(0, x.shape[1] - 1)), draw(st.integers(0, x.shape[2] - 1)))}
    if op == "mod":
        return (draw(maps()),), (), {"modulus": 0.1 * draw(st.integers(1, 9))}  # jumps lie 0.03 from every entry
    x = draw(maps())
    return ((np.abs(x),) if op == "log" else (x / 10,) if op == "exp" else (x,)), (), {}
