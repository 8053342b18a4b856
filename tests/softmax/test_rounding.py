"""How far floats are from the truth: every function against 400 bits, within a bound that is derived, in units of eps = 2^-52.

d_i = z_i - max z carries one rounding, |d_i| eps/2, which exp turns into a relative error of the same size; exp, the sum of n
terms and the division add a rounding each (two are allowed for exp). Weighted by e^{d_j}, the sum's own share stays below n eps.
So y_i errs by at most b_i = (|d_i| + n + 4) eps relative, log y_i by b_i absolute; b is the largest b_i. From there on:
J_ij is a product of two such numbers, on the diagonal with a sum of n of them: 2 b + n eps < 3 b relative. Entropy sums
n terms y log y, |y log y| <= 1/e, each off by b |y log y| + b y + eps: below 4 b (n + 1). Its gradient multiplies that
by y <= 1 and adds b: below 8 b (n + 1). KL at t = y is a difference of two such sums. The loss's gradient against fixed
targets adds n roundings of size sum t. Below the smallest normal number relative accuracy ends.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

import tinyattr as ta
from tinyattr import softmax as S
from tinyattr import strategies

mp.prec = 400
EPS, TINY = np.finfo(float).eps, np.finfo(float).tiny


def exact(z):
    """(y, log y) in 400 bits, as lists."""
    w = [mp.exp(mpf(float(v)) - mpf(float(z.max()))) for v in z]
    total = sum(w)
    return [v / total for v in w], [mpf(float(v)) - mpf(float(z.max())) - mp.log(total) for v in z]


def bound(z):
    return (np.abs(z - z.max()) + len(z) + 4) * EPS


def close(got, want, allowed):
    got, allowed = np.ravel(got), np.broadcast_to(allowed, np.shape(got)).ravel()
    for g, w, a in zip(got, np.ravel(np.array(want, object)), allowed, strict=True):
        assert abs(mpf(float(g)) - w) <= mpf(float(a)) + TINY, f"{g} is off by {float(abs(g - w)):.3g}, {a:.3g} allowed"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data())
def test_softmax_and_logarithms(dtype, data):
    z = data.draw(strategies.logits(min_size=1, dtype=dtype))
    y, log_y = exact(z)
    z64 = z.astype(np.float64)
    close(S.softmax(z), y, bound(z64) * np.array(y, float))
    close(S.log_softmax(z), log_y, bound(z64))
    close(S.logsumexp(z), mpf(float(z.max())) - max(log_y), bound(z64).max() + np.abs(z64).max() * EPS)


@given(strategies.logits())
def test_jacobian_keeps_its_digits_where_y_is_one(z):
    """Every entry to a relative error, also y_c (1 - y_c) with y_c = 1 - 1e-80: twice the bound of y, and of the rivals' sum."""
    y, _ = exact(z)
    n = len(z)
    J = [[y[i] * sum(y[k] for k in range(n) if k != i) if i == j else -y[i] * y[j] for j in range(n)] for i in range(n)]
    close(S.softmax_jacobian(z), J, 3 * bound(z).max() * np.abs(np.array(J, float)))
    close(S.log_jacobian(S.softmax(z)), [[J[i][j] / y[i] for j in range(n)] for i in range(n)],
          3 * bound(z).max() * np.abs(np.array([[J[i][j] / y[i] for j in range(n)] for i in range(n)], float)))


@given(strategies.saturated_logits())
def test_rows_and_the_loss_keep_their_digits_where_y_is_one(zc):
    """log_row, post_row, the loss's gradient and log y_c itself, entry by entry to a relative error: nothing is 1 - y_c."""
    z, c = zc
    y, _ = exact(z)
    n, e = len(z), np.eye(len(z))[c]
    rest = sum(y[i] for i in range(n) if i != c)
    log_row = [rest if i == c else -y[i] for i in range(n)]
    allowed = 3 * bound(z).max() * np.abs(np.array(log_row, float))
    got = S.softmax(z)
    close(S.log_row(got, e), log_row, allowed)
    close(S.cross_entropy_gradient(got, e), [-v for v in log_row], allowed)
    close(S.post_row(got, e), [y[c] * v for v in log_row], 2 * allowed)
    close(S.log_softmax(z)[c], mp.log1p(-rest), 3 * bound(z).max() * float(rest))
    close(S.cross_entropy(z, e), -mp.log1p(-rest), 3 * bound(z).max() * float(rest))


@given(strategies.logits(), st.data())
def test_the_hessian_of_logsumexp(z, data):
    """Its gradient is y, its Hessian J: second differences of log sum e^z in 400 bits, along two directions."""
    z = np.clip(z, -50, 50)
    u, v = np.random.default_rng(data.draw(strategies.seeds)).standard_normal((2, len(z)))
    step = mpf(2) ** -80

    def lse(s, t):
        return mp.log(sum(mp.exp(mpf(a) + s * step * mpf(b) + t * step * mpf(c)) for a, b, c in zip(z, u, v, strict=True)))

    second = (lse(1, 1) - lse(1, -1) - lse(-1, 1) + lse(-1, -1)) / (4 * step * step)
    first = (lse(1, 0) - lse(-1, 0)) / (2 * step)
    size = np.abs(u).max() * np.abs(v).max()
    close(u @ S.softmax_jacobian(z) @ v, second, 8 * len(z) ** 2 * bound(z).max() * size)
    close(S.softmax(z) @ u, first, 2 * bound(z).max() * len(z) * np.abs(u).max())


@given(strategies.saturated_logits(), st.data())
def test_products_keep_their_digits_where_y_is_one(zc, data):
    """J v with v a row of a Jacobian to the inputs: relative to the sum of the sizes of its terms y_i y_j |v_i - v_j|."""
    z, _ = zc
    y, _ = exact(z)
    n = len(z)
    v = np.random.default_rng(data.draw(strategies.seeds)).standard_normal(n)
    terms = [[y[i] * y[j] * (mpf(v[i]) - mpf(v[j])) for j in range(n)] for i in range(n)]
    sizes = np.array([float(sum(abs(t) for t in row)) for row in terms])
    # v - v_max carries a rounding of |v| eps; it meets y_i y_j, of which the smaller is at most 1 - y_c.
    allowed = 3 * bound(z).max() * sizes + 4 * EPS * np.abs(v).max() * np.array(
        [float(y[i] * sum(y[j] for j in range(n) if j != i)) for i in range(n)]) + 4 * n * EPS * sizes.max() * np.array(y, float)
    close(S.jacobian_product(S.softmax(z), v), [sum(row) for row in terms], allowed)


@given(strategies.logits(), st.data())
def test_cross_entropy_and_entropy(z, data):
    """Equation (11): L = -sum t log y; L >= H(t), equal at t = y."""
    y, log_y = exact(z)
    t = np.abs(np.random.default_rng(data.draw(strategies.seeds)).standard_normal(len(z)))
    t[data.draw(st.integers(0, len(z) - 1))] = 0  # 0 log 0 = 0
    t /= t.sum() or 1
    L = -sum(mpf(a) * b for a, b in zip(t, log_y, strict=True))
    H_t = -sum(mpf(a) * mp.log(mpf(a)) for a in t if a > 0)
    size = float(sum(mpf(a) * abs(b) for a, b in zip(t, log_y, strict=True))) + 1
    allowed = (bound(z).max() + len(z) * EPS) * size
    close(S.cross_entropy(z, t), L, allowed)
    assert S.cross_entropy(z, t) >= float(H_t) - allowed - len(z) * EPS
    H = -sum(a * b for a, b in zip(y, log_y, strict=True))
    close(S.entropy(z), H, 4 * bound(z).max() * (len(z) + 1))
    assert -4 * bound(z).max() <= S.entropy(z) <= np.log(len(z)) + 4 * bound(z).max() * (len(z) + 1)
    close(S.entropy_gradient(z), [-a * (b + H) for a, b in zip(y, log_y, strict=True)], 8 * bound(z).max() * (len(z) + 1))
    assert abs(S.cross_entropy(z, S.softmax(z)) - S.entropy(z)) <= 8 * bound(z).max() * (len(z) + 1)


@given(strategies.logits(min_size=2, max_size=5), st.data())
def test_the_gradient_of_the_loss(z, data):
    """Equations (12), (13): by 400-bit differences of L = -sum t_i log y_i, first to y, then to z."""
    z = np.clip(z, -50, 50)
    t = np.abs(np.random.default_rng(data.draw(strategies.seeds)).standard_normal(len(z))) + 0.1
    y, _ = exact(z)
    step = mpf(2) ** -60

    def loss_of_y(y):
        return -sum(mpf(a) * mp.log(b) for a, b in zip(t, y, strict=True))

    for i in range(len(z)):
        ahead, behind = ([v + s * step * y[i] if j == i else v for j, v in enumerate(y)] for s in (1, -1))
        slope = (loss_of_y(ahead) - loss_of_y(behind)) / (2 * step * y[i])
        assert abs(slope + mpf(t[i]) / y[i]) <= abs(slope) * mpf(2) ** -100  # (12): -t_i / y_i
    gradient = [v * sum(map(mpf, t)) - mpf(a) for v, a in zip(y, t, strict=True)]
    close(S.cross_entropy_gradient(S.softmax(z), t), gradient, 8 * bound(z).max() * t.sum())


@given(strategies.logits(), st.floats(0.1, 10))
def test_temperature(z, T):
    """softmax(z / T), and its derivative to T by 400-bit differences."""
    z = np.clip(z, -100, 100)
    step = mpf(2) ** -100

    def at(T):
        w = [mp.exp(mpf(float(v)) / T) for v in z]
        return [v / sum(w) for v in w]

    # d / T is rounded once more than d
    close(S.softmax(S.temper(z, T)), at(mpf(T)), 2 * bound(z / T) * np.array(at(mpf(T)), float))
    slope = [(a - b) / (2 * step) for a, b in zip(at(mpf(T) + step), at(mpf(T) - step), strict=True)]
    close(S.temperature_derivative(z, T), slope, 8 * bound(z / T).max() * (np.ptp(z) + 1) / T**2 * (len(z) + 1) + EPS)


@pytest.mark.parametrize("z", [
    [1e30, -1e30, 0], [1e30, 1e30], [-1e30, -1e30, -1e30], [3e38, -3e38], [1e300, 0], [1e5, 0, -1e5], [0], [1e30], [1e-300, 0],
    np.linspace(-1e5, 1e5, 1000), np.zeros(1000),
])
def test_the_ends(z):
    """Logits to 1e30 and beyond, gaps to 2e30, one class, 1,000 classes: all finite, all sums right."""
    z = np.asarray(z, float)
    n, y = len(z), S.softmax(z)
    for value in (y, S.log_softmax(z), S.logsumexp(z), S.softmax_jacobian(z), S.entropy(z), S.entropy_gradient(z), S.jacobian_product(y, z * 0 + 1)):
        assert np.isfinite(value).all()
    truth, log_truth = exact(z)
    close(y, truth, bound(z) * np.array(truth, float))
    close(S.log_softmax(z), log_truth, bound(z))
    assert abs(y.sum() - 1) <= n * EPS
    assert np.abs(S.softmax_jacobian(z).sum(-1)).max() <= n * EPS * np.abs(S.softmax_jacobian(z)).max()
    for score in ta.SCORES:
        if n > 1 or score in ("pre", "post", "log", "centred"):
            value, row, _ = ta.SCORES[score](z, n - 1)
            assert np.isfinite(value)
            assert np.isfinite(row).all()


def test_beyond_the_ends():
    with pytest.raises(ta.InputError, match="further apart than the largest float"):
        S.softmax([1.7e308, -1.7e308])
    for z in ([np.inf, 0], [-np.inf, 0], [np.nan], [], 3.0):
        for f in (S.softmax, S.log_softmax, S.softmax_jacobian, S.entropy):
            with pytest.raises(ta.InputError, match="logits"):
                f(z)
    with pytest.raises(ta.InputError, match="targets must be finite and not negative"):
        S.cross_entropy([0, 1], [-1, 2])
    with pytest.raises(ta.InputError, match="temperature is a finite number above 0"):
        S.temper([0, 1], 0)
    for wrong in (-1, np.inf, np.nan, "a", [1, 2]):
        with pytest.raises(ta.InputError, match="temperature is a finite number above 0"):
            S.temper([0, 1], wrong)
    assert S.softmax(S.temper([1e5, 0], 1e-308)).tolist() == [1, 0]
    assert S.softmax(S.temper([1e30, 1e30], 1e-290)).tolist() == [0.5, 0.5]
    for t in (2, [1, 2, 3], [[1]]):
        with pytest.raises(ta.InputError, match="one number for each of 2 classes"):
            S.cross_entropy([0, 1], t)
    with pytest.raises(ta.InputError, match="logits"):
        S.logsumexp([])


def test_lists_whole_numbers_and_small_floats_are_numbers():
    y = [0.25, 0.75]
    for v in ([1, 2], np.array([1, 2], np.uint8), np.array([1, 2], np.float16), (1, 2)):
        assert S.jacobian_product(y, v).tolist() == [-0.1875, 0.1875]
    assert S.jacobian(y).tolist() == [[0.1875, -0.1875], [-0.1875, 0.1875]]
    assert S.cross_entropy_gradient(y, [1, 0]).tolist() == [-0.75, 0.75]
    assert np.allclose(S.jacobian_product(np.array([y, y]), [1, 2]), [[-0.1875, 0.1875]] * 2)
    assert np.isfinite(S.jacobian_product(y, np.array([60000, -60000], np.float16))).all()
