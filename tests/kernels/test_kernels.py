"""Fast kernels against the engine's ops and rules in float64, within the a-priori rounding bound of float32; guard bands; VGG's layers."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels import reference
from tinyattr.bench import peak
from tinyattr.kernels import dense, direct, pointwise, pool, thin, vector, weight_gradient, winograd
from tinyattr.kernels.buffers import NONE, bordered, inside, line_aligned
from tinyattr.kernels.tile import P, W

UNIT = 2.0 ** -24  # half an ulp of 1: what one float32 operation may lose, relatively
SLOW = settings(deadline=None, max_examples=40)  # no deadline: the first example compiles
SENTINEL = np.float32(-7.5)
BAND = 64
off_line = st.sampled_from([0, 4])


def gamma(n):
    """(1 + u)^n - 1 <= gamma: n roundings on the way from the inputs to the sum (Higham, Accuracy and Stability, lemma 3.1)."""
    return n * UNIT / (1 - n * UNIT)


def normal(rng, *shape):
    return rng.standard_normal(shape, np.float32)


def doubles(*arrays):
    return [a.astype(float) for a in arrays]


def agree(fast, exact, size, roundings):
    """|fast - exact| <= gamma(roundings) size, size being the same sum over absolute values."""
    assert fast.shape == exact.shape
    excess = abs(fast - exact) - gamma(roundings) * size
    assert (excess <= 0).all(), f"{abs(fast - exact).max():.2e} is more than rounding explains, {gamma(roundings) * size.max():.2e}"


def guarded(*shape, off=0):
    """An array amid sentinels, itself full of them, and a function that tells whether the bands are untouched.

    off: so many floats behind the beginning of a line of the cache, from where on some kernels write past it.
    """
    size = int(np.prod(shape))
    memory = line_aligned(size + 2 * BAND + off)[off:]
    memory[:] = SENTINEL
    return memory[BAND:BAND + size].reshape(shape), lambda: (memory[:BAND] == SENTINEL).all() and (memory[-BAND:] == SENTINEL).all()


def with_border(x, border=1):
    """A copy of x (N, H, W, C) with a border of zeros."""
    buffer = bordered(*x.shape, border)
    inside(buffer, border)[...] = x
    return buffer


def border_untouched(buffer, border=1):
    rest = buffer.copy()
    inside(rest, border)[...] = SENTINEL
    return (rest == SENTINEL).all()


seeds = st.integers(0, 2 ** 32 - 1)
batches, lengths = st.integers(1, 3), st.integers(1, 11)
channels = st.integers(1, 40)
whole_channels = st.integers(1, 5).map(lambda k: k * W)
sizes, strides = st.tuples(st.integers(1, 4), st.integers(1, 4)), st.tuples(st.integers(1, 3), st.integers(1, 3))


@pytest.mark.parametrize(("name", "features", "expected"), [
    ("znver4", "+avx,+avx2,+fma,+avx512f", 16), ("haswell", "+avx2,+fma", 8), ("haswell", "+avx2", 4), ("nehalem", "", 4),
    ("haswell", None, 4)])
def test_lanes_follow_the_cpu(monkeypatch, name, features, expected):
    monkeypatch.setattr(vector.config, "CPU_NAME", name)
    monkeypatch.setattr(vector.config, "CPU_FEATURES", features)
    assert vector.lanes() == expected


@st.composite
def convolutions(draw):
    """(channels in, channels out, attributes, size): grouped, depthwise or neither; a stride or a dilation."""
    size, strided = draw(sizes), draw(st.booleans())
    stride, dilation = (draw(strides), (1, 1)) if strided else ((1, 1), draw(strides))
    kind = draw(st.sampled_from(["one group", "one group", "groups", "depthwise"]))
    groups = {"one group": 1, "groups": draw(st.integers(2, 3)), "depthwise": draw(st.integers(2, 70))}[kind]
    c, k = (groups, groups) if kind == "depthwise" else (groups * draw(channels), groups * draw(channels | st.sampled_from([32, 64])))
    padding = tuple((draw(st.integers(0, s)), draw(st.integers(0, s))) for s in size)
    return c, k, {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}, size


RELU = 0.0, np.inf
endings = st.tuples(st.booleans(), st.booleans(), st.sampled_from([pointwise.ANY, RELU, (-0.5, 1.5)]))


def end_of(rng, ending, shape):
    """(z, gate, limits) for the end of a kernel; z and gate with a border, or NONE."""
    z_given, gate_given, limits = ending
    return (with_border(normal(rng, *shape)) if z_given else NONE,
            with_border(normal(rng, *shape).round(1)) if gate_given else NONE, RELU if gate_given and limits == pointwise.ANY else limits)


def middle(v):
    return inside(v) if v.size else v


def agree_at_the_end(y, exact, bound, roundings, z, gate, limits):
    """y is exact + z within the bound, where it is cut neither by limits nor by a gate."""
    if z.size:
        exact, bound, roundings = exact + z, bound + abs(z), roundings + 1
    if gate.size:
        assert not y[~((gate > np.float32(limits[0])) & (gate < np.float32(limits[1])))].any()
        exact = reference.gated(exact, gate, *map(np.float32, limits))
    else:
        exact = np.clip(exact, *map(np.float32, limits))  # a cut is nowhere steeper than 1
    agree(y, exact, bound, roundings)


def amid(rng, x, edge):
    """The same maps as a part of larger ones: `edge` zeros around them, then other numbers, other channels beside them."""
    n, h, w, c = x.shape
    around = rng.standard_normal((n, h + 2 * edge + 1, w + 2 * edge + 2, c + 3), np.float32)
    around[:, :h + 2 * edge, :w + 2 * edge, 1:c + 1] = 0
    part = around[:, edge:edge + h, edge:edge + w, 1:c + 1]
    part[...] = x
    return part


@SLOW
@given(seeds, batches, lengths, lengths, convolutions(), off_line, endings, st.booleans(), st.booleans())
def test_direct(seed, n, h, w, call, off, ending, in_the_middle, early):
    rng = np.random.default_rng(seed)
    c, k, about, size = call
    h, w = (max(length, d * (s - 1) + 1) for length, d, s in zip((h, w), about["dilation"], size, strict=True))
    x, kernel, bias = normal(rng, n, h, w, c), normal(rng, *size, c // about["groups"], k), normal(rng, k)
    exact = reference.convolve(*doubles(x, kernel, bias), **about)
    bound = reference.convolve(*doubles(abs(x), abs(kernel), abs(bias)), **about)
    y, safe = guarded(n, exact.shape[1] + 2, exact.shape[2] + 2, k, off=off)
    padding = about.pop("padding")
    edge = max(map(max, padding))
    own = amid(rng, x, edge) if in_the_middle else inside(with_border(x, edge), edge)
    z, gate, limits = end_of(rng, ending, exact.shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(direct, "LARGE", 1 if early else 1 << 30)
        direct._plan.cache_clear()
        direct.convolve(own, direct.pack(kernel, about["groups"]), bias, inside(y), *map(middle, (z, gate)), size=size, **about,
                        corner=(-padding[0][0], -padding[1][0]), limits=limits)
    direct._plan.cache_clear()
    agree_at_the_end(inside(y), exact, bound, kernel[..., 0].size + 1, middle(z), middle(gate), limits)
    assert safe() and border_untouched(y)


@SLOW
@given(seeds, batches, lengths, lengths, convolutions(), endings, st.booleans())
def test_direct_back(seed, n, h, w, call, ending, in_the_middle):
    rng = np.random.default_rng(seed)
    c, k, about, size = call
    h, w = (max(length, d * (s - 1) + 1) for length, d, s in zip((h, w), about["dilation"], size, strict=True))
    kernel = normal(rng, *size, c // about["groups"], k)
    out = reference.convolve(np.zeros((n, h, w, c)), kernel, np.zeros(k), **about).shape
    g = normal(rng, *out)
    exact = reference.convolve_back(*doubles(g, kernel), (n, h, w, c), **about)
    bound = reference.convolve_back(*doubles(abs(g), abs(kernel)), (n, h, w, c), **about)
    m, safe = guarded(n, h + 2, w + 2, c)
    parts = direct.pack_back(kernel, about["stride"], about["groups"])
    about["padding"] = tuple(first for first, _ in about["padding"])
    edge = direct.edge(g, (h, w), parts, about["stride"], about["padding"], about["dilation"])
    own = amid(rng, g, edge) if in_the_middle else inside(with_border(g, edge), edge)
    z, gate, limits = end_of(rng, ending, exact.shape)
    direct.back(own, parts, inside(m), *map(middle, (z, gate)), **about, limits=limits)
    agree_at_the_end(inside(m), exact, bound, kernel[..., 0, :].size + 1, middle(z), middle(gate), limits)
    assert safe() and border_untouched(m)


@SLOW
@given(seeds, batches, lengths, lengths, st.integers(1, 4), st.integers(8, 40), st.tuples(st.integers(1, 4), st.integers(2, 4)), strides)
def test_thin_back(seed, n, h, w, c, k, size, stride):
    rng = np.random.default_rng(seed)
    padding = tuple(int(rng.integers(0, s)) for s in size)
    h, w = max(h, size[0] - 2 * padding[0]), max(w, size[1] - 2 * padding[1])
    kernel = normal(rng, *size, c, k)
    about = {"stride": stride, "padding": padding}
    g = normal(rng, *reference.convolve(np.zeros((n, h, w, c)), kernel, np.zeros(k), **about).shape)
    exact = reference.convolve_back(*doubles(g, kernel), (n, h, w, c), **about)
    bound = reference.convolve_back(*doubles(abs(g), abs(kernel)), (n, h, w, c), **about)
    m, safe = guarded(n, h + 2, w + 2, c)
    parts = thin.pack_back(kernel, stride)
    edge = direct.edge(g, (h, g.shape[2]), parts, (stride[0], 1), (padding[0], 0))
    thin.back(inside(with_border(g, edge), edge), parts, inside(m), size=size, stride=stride, padding=padding)
    agree(inside(m), exact, bound, size[0] * size[1] * k + 1)
    assert safe() and border_untouched(m)
    assert thin.fits(3, 3, 64) == (P >= 3 * 3) and not thin.fits(1, 3, 64) and not thin.fits(3, 64, 64)


@SLOW
@given(seeds, batches, lengths, lengths, channels, *[st.booleans()] * 6)
def test_one_pass(seed, n, h, w, c, scaled, shifted, added, gate_given, cut, in_the_middle):
    rng = np.random.default_rng(seed)
    x, z, gate = (normal(rng, n, h, w, c) for _ in range(3))
    scale, shift = normal(rng, c), normal(rng, c)
    exact = np.array(x)
    for wanted, step in ((scaled, lambda v: scale * v), (shifted, lambda v: v + shift), (added, lambda v: v + z)):
        exact = step(exact) if wanted else exact
    low, high = (-0.5, 1.0) if cut or gate_given else pointwise.ANY
    y, safe = guarded(n, h + 2, w + 2, c)
    pointwise.one_pass(amid(rng, x, 0) if in_the_middle else x, inside(y), scale=scale if scaled else NONE,
                       shift=shift if shifted else NONE, z=z if added else NONE, gate=gate if gate_given else NONE,
                       limits=(low, high))
    about = abs(scale * x) + abs(shift) + abs(z) + abs(x)
    expected = reference.gated(exact, gate, low, high) if gate_given else np.clip(exact, np.float32(low), np.float32(high))
    assert (abs(inside(y) - expected) <= gamma(3) * about).all()
    assert safe() and border_untouched(y)


def winograd_bound(x, kernel, bias):
    """The sums of winograd's definition over absolute values, its matrices' included."""
    return reference.winograd(*doubles(abs(x), abs(kernel), abs(bias)), [abs(m) for m in reference.winograd_matrices()])


def winograd_roundings(c):
    """Of one addend: 6 in each of the two lines of B^T, 5 of G (its constants are rounded too), 6 of A^T, C products, the bias."""
    return c + 2 * (6 + 5 + 6) + 1


def test_winograd_matrices_give_a_convolution():
    rng = np.random.default_rng(0)
    x, kernel, bias = rng.standard_normal((2, 9, 6, 3)), rng.standard_normal((3, 3, 3, 2)), rng.standard_normal(2)
    assert np.allclose(reference.winograd(x, kernel, bias), reference.convolve(x, kernel, bias, padding=(1, 1)), rtol=0, atol=1e-12)


@SLOW
@given(seeds, batches, st.integers(1, 21), st.integers(1, 21), whole_channels, whole_channels, st.booleans(), off_line, endings)
def test_winograd(seed, n, h, w, c, k, phased, off, ending):
    rng = np.random.default_rng(seed)
    x, kernel, bias = normal(rng, n, h, w, c), normal(rng, 3, 3, c, k), normal(rng, k)
    exact = reference.convolve(*doubles(x, kernel, bias), padding=(1, 1))
    y, y_safe = guarded(n, h + 2, w + 2, k, off=off)
    z, gate, limits = end_of(rng, ending, exact.shape)
    bands = []

    def scratch(*shapes):
        arrays, safe = zip(*(guarded(*s) for s in shapes), strict=True)
        bands.extend(safe)
        return arrays

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "scratch", scratch)
        patch.setattr(winograd, "FUSED", 0 if phased else winograd.FUSED)
        patch.setattr(winograd, "CHUNK", 5)
        patch.setattr(winograd, "BLOCK", 3)
        winograd.convolve(with_border(x), winograd.transform(kernel), bias, inside(y), z, gate, limits)
    agree_at_the_end(inside(y), exact, winograd_bound(x, kernel, bias), winograd_roundings(c), middle(z), middle(gate), limits)
    assert y_safe() and border_untouched(y) and all(safe() for safe in bands)


@SLOW
@given(seeds, batches, st.integers(1, 21), st.integers(1, 21), whole_channels, whole_channels)
def test_winograd_back(seed, n, h, w, c, k):
    rng = np.random.default_rng(seed)
    g, kernel = normal(rng, n, h, w, k), normal(rng, 3, 3, c, k)
    exact = reference.convolve_back(*doubles(g, kernel), (n, h, w, c), padding=(1, 1))
    m, nothing = bordered(n, h, w, c), np.zeros(c, np.float32)
    winograd.convolve(with_border(g), winograd.transform(winograd.turned(kernel)), nothing, inside(m))
    agree(inside(m), exact, winograd_bound(g, kernel[::-1, ::-1].transpose(0, 1, 3, 2), nothing), winograd_roundings(k))


@SLOW
@given(seeds, st.integers(1, 3), lengths, lengths, channels, channels, sizes, strides, st.booleans())
def test_weight_gradient(seed, n, h, w, c, k, size, stride, in_parts):
    rng = np.random.default_rng(seed)
    padding = tuple(int(rng.integers(0, s)) for s in size)
    h, w = max(h, size[0] - 2 * padding[0]), max(w, size[1] - 2 * padding[1])
    out = [(length + 2 * p - q) // s + 1 for length, p, q, s in zip((h, w), padding, size, stride, strict=True)]
    x, g = normal(rng, n, h, w, c), normal(rng, n, *out, k)
    exact = reference.weight_gradient(*doubles(x, g), size, stride, padding)
    bound = reference.weight_gradient(*doubles(abs(x), abs(g)), size, stride, padding)
    edge = max(*padding, *size)
    corner = (-padding[0], -padding[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weight_gradient, "NEAR", 256)
        patch.setattr(weight_gradient, "SMALL", 1 << 30 if in_parts else 0)
        fast = weight_gradient.weight_gradient(
            inside(with_border(x, edge), edge), inside(with_border(g)), size=size, stride=stride, corner=corner)
    for mine, true, most in zip(fast, exact, bound, strict=True):
        agree(mine, true, most, n * out[0] * out[1] + 1)


@SLOW
@given(seeds, batches, lengths, lengths, channels, sizes, strides, st.booleans())
def test_pool(seed, n, h, w, c, size, stride, ceil):
    rng = np.random.default_rng(seed)
    h, w = max(h, size[0]), max(w, size[1])
    x = normal(rng, n, h, w, c).round(0)  # many ties
    about = {"size": size, "stride": stride, "padding": tuple(tuple(map(int, rng.integers(0, k, 2))) for k in size)}
    expected = reference.max_pool(x, **about, ceil=ceil)
    g = normal(rng, *expected.shape)
    y, y_safe = guarded(n, expected.shape[1] + 2, expected.shape[2] + 2, c)
    m, m_safe = guarded(n, h + 2, w + 2, c)
    exact, bound = (reference.max_pool_back(x.astype(float), v.astype(float), **about, ceil=ceil) for v in (g, abs(g)))
    z, gate = (normal(rng, *x.shape).round(1) if rng.integers(2) else pool.NONE for _ in range(2))
    limits = (float(rng.integers(-1, 1)), np.inf) if gate.size else pointwise.ANY
    if z.size:
        exact, bound = exact + z, bound + abs(z)
    if gate.size:
        exact = exact * ((limits[0] < gate) & (gate < limits[1]))
    about["padding"] = tuple(first for first, _ in about["padding"])
    pool.forward(inside(with_border(x)), inside(y), **about)
    pool.back(inside(with_border(x)), inside(with_border(g)), inside(m), z, gate, **about, limits=limits)
    assert np.array_equal(inside(y), expected)
    agree(inside(m), exact, bound, size[0] * size[1] + 1)
    assert y_safe() and m_safe() and border_untouched(y) and border_untouched(m)


@SLOW
@given(seeds, st.integers(1, 19), st.integers(1, 90), st.integers(1, 90))
def test_dense(seed, n, inputs, outputs):
    rng = np.random.default_rng(seed)
    x, g, w, bias = normal(rng, n, inputs), normal(rng, n, outputs), normal(rng, inputs, outputs), normal(rng, outputs)
    (y, y_safe), (m, m_safe), (dw, db) = guarded(n, outputs), guarded(n, inputs), dense.weight_gradient(x, g)
    dense.forward(x, w, bias, y)
    dense.back(g, w, m)
    assert y_safe() and m_safe()
    agree(y, reference.dense(*doubles(x, w, bias)), reference.dense(*doubles(abs(x), abs(w), abs(bias))), inputs + 1)
    agree(m, reference.dense_back(*doubles(g, w)), reference.dense_back(*doubles(abs(g), abs(w))), outputs)
    exact, bound = reference.dense_weight_gradient(*doubles(x, g)), reference.dense_weight_gradient(*doubles(abs(x), abs(g)))
    agree(dw, exact[0], bound[0], n)
    agree(db, exact[1], bound[1], n)


def test_inputs_may_be_views_and_outputs_parts_of_larger_maps():
    rng = np.random.default_rng(1)
    x, kernel, bias = normal(rng, 2, 8, 8, 2 * W)[..., ::2], normal(rng, 3, 3, W, 2 * W)[..., ::2], normal(rng, 2 * W)[::2]
    y = bordered(2, 6, 6, W)
    winograd.convolve(x, winograd.transform(kernel), bias, inside(y))
    exact = reference.convolve(*doubles(x[:, 1:-1, 1:-1], kernel, bias), padding=(1, 1))
    assert abs(inside(y)[:, 1:-1, 1:-1] - exact[:, 1:-1, 1:-1]).max() <= 1e-5 * abs(exact).max()
    larger = np.full((2, 6, 6, 3 * W), np.float32(7))
    winograd.convolve(x, winograd.transform(kernel), bias, larger[..., W:2 * W])
    assert np.array_equal(larger[..., W:2 * W], inside(y)) and (larger[..., :W] == 7).all() and (larger[..., 2 * W:] == 7).all()
    for wrong in (bordered(2, 4, 4, 2 * W)[..., ::2], inside(y).astype(float)):
        with pytest.raises(ValueError, match="side by side"):
            winograd.convolve(x, winograd.transform(kernel), bias, wrong)


def test_a_nan_is_not_hidden():
    x = np.zeros((1, 10, 10, W), np.float32)
    x[0, 5, 5] = np.nan
    y, a, p = bordered(1, 8, 8, W), bordered(1, 8, 8, W), bordered(1, 4, 4, W)
    for to, limits in ((y, pointwise.ANY), (a, RELU)):
        winograd.convolve(x, winograd.transform(np.ones((3, 3, W, W), np.float32)), np.zeros(W, np.float32), inside(to), limits=limits)
    pool.forward(inside(a), inside(p), size=(2, 2), stride=(2, 2))
    assert np.isnan(y).any() and np.array_equal(np.isnan(y), np.isnan(a)) and np.isnan(p).any()


@pytest.mark.parametrize(("h", "c", "k"), [(224, 3, 64), (56, 64, 128), (28, 256, 256), (14, 512, 512)])
def test_layers_of_vgg_are_exact_to_1e_5(h, c, k):
    rng = np.random.default_rng(2)
    x, kernel = np.maximum(normal(rng, 1, h, h, c), 0), normal(rng, 3, 3, c, k) * np.float32((2 / (9 * c)) ** 0.5)
    bias, y = normal(rng, k), bordered(1, h, h, k)
    exact = sum(np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))[:, u:u + h, v:v + h].astype(float) @ kernel[u, v].astype(float)
                for u in range(3) for v in range(3)) + bias
    if winograd.fits(c, k):
        winograd.convolve(with_border(x), winograd.transform(kernel), bias, inside(y))
    else:
        direct.convolve(inside(with_border(x)), direct.pack(kernel), bias, inside(y), size=(3, 3), corner=(-1, -1))
    assert abs(inside(y) - exact).max() <= 1e-5 * abs(exact).max()


def test_the_peak_is_computed_in_full():
    """All chains, to the end; and no compiler has merged them: no core does more than two wide multiply-adds at 6 GHz."""
    x = np.random.default_rng(0).random((3, peak.CHAINS, W), np.float32)
    expected, a, b = x.astype(float), np.float32(-0.5), np.float32(0.25)
    peak._chains(5, x, a, b)
    for _ in range(5):
        expected = a * expected + b
    assert abs(x - expected).max() < 1e-6
    assert 0 < peak.peak(tries=3) < numba.get_num_threads() * W * 2 * 2 * 6e9
