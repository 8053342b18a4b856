"""How far floats are from the truth: every function against 400 bits, within a bound that is derived, in units of eps = 2^-52.

d_i = z_i - max z carries one rounding, |d_i| eps/2, which exp turns into a relative error of the same size; exp, the sum of n
terms and the division add a rounding each (two are allowed for exp). Weighted by e^{d_j}, the sum's own share stays below n eps.
So y_i errs by at most (|d_i| + n + 4) eps relative, log y_i by (|d_i| + n + 4) eps absolute. Below the smallest normal number
relative accuracy ends.
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
def test_cross_entropy_entropy_and_kl(z, data):
    """Equation (11): L = -sum t log y; L - H(t) = KL(t || y) >= 0, zero at t = y."""
    y, log_y = exact(z)
    t = np.abs(np.random.default_rng(data.draw(strategies.seeds)).standard_normal(len(z)))
    t[data.draw(st.integers(0, len(z) - 1))] = 0  # 0 log 0 = 0
    t /= t.sum() or 1
    L = -sum(mpf(a) * b for a, b in zip(t, log_y, strict=True))
    H_t = -sum(mpf(a) * mp.log(mpf(a)) for a in t if a > 0)
    size = float(sum(mpf(a) * abs(b) for a, b in zip(t, log_y, strict=True))) + 1
    allowed = (bound(z).max() + len(z) * EPS) * size
    close(S.cross_entropy(z, t), L, allowed)
    close(S.kl(t, z), L - H_t, allowed + len(z) * EPS)
    assert S.kl(t, z) >= -allowed - len(z) * EPS
    H = -sum(a * b for a, b in zip(y, log_y, strict=True))
    close(S.entropy(z), H, 4 * bound(z).max() * (len(z) + 1))
    assert -4 * bound(z).max() <= S.entropy(z) <= np.log(len(z)) + 4 * bound(z).max() * (len(z) + 1)
    close(S.entropy_gradient(z), [-a * (b + H) for a, b in zip(y, log_y, strict=True)], 8 * bound(z).max() * (len(z) + 1))
    assert abs(S.kl(S.softmax(z), z)) <= 8 * bound(z).max() * (len(z) + 1)


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
    y, _ = exact(z / T)
    close(S.softmax(S.temper(z, T)), y, bound(z / T) * np.array(y, float))
    step = mpf(2) ** -100

    def at(T):
        w = [mp.exp(mpf(float(v)) / T) for v in z]
        return [v / sum(w) for v in w]

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
