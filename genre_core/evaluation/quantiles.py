"""Quantiles and exact tests that need no SciPy, which is larger than all else of `classify`."""

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]
MOST_STEPS, MOST_TERMS = 200, 10_000
CLOSE, CONVERGED = 1e-12, 1e-15
"""A step of Newton's method, relative, after which none is needed; a factor of the fraction."""
TINY = 1e-300


def wilson_interval(n_right: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share (JASA 1927, without correction of continuity)."""
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    centre = (n_right + z2 / 2) / (n + z2)
    reach = math.sqrt(z2) / (n + z2) * math.sqrt(n_right * (n - n_right) / n + z2 / 4)
    low = 0.0 if n_right == 0 else centre - reach
    high = 1.0 if n_right == n else centre + reach
    return low, high


def sign_test(n_less: int, n_more: int) -> float:
    """Exact two-sided p that a fair coin falls as unevenly."""
    n, rarer = n_less + n_more, min(n_less, n_more)
    if 2 * rarer == n:
        return 1.0
    term = total = 1  # of the row n of Pascal's triangle
    for k in range(rarer):
        term = term * (n - k) // (k + 1)
        total += term
    return 2 * total / 2**n


def student_quantile(n_degrees: float, probability: float) -> float:
    """Value below which Student's t lies with a probability below a half."""
    # t² / (n + t²) has a beta distribution; the smaller part of the two is exact
    half, rest = np.array([0.5]), np.array([n_degrees / 2])
    y = float(beta_quantile(half, rest, 1 - 2 * probability)[0])
    if y < 0.5:
        return -math.sqrt(n_degrees * y / (1 - y))
    x = float(beta_quantile(rest, half, 2 * probability)[0])
    return -math.sqrt(n_degrees * (1 - x) / x)


def beta_quantile(a: Float64Array, b: Float64Array, probability: float) -> Float64Array:
    """Values below which beta distributions lie with a probability; all (n,).

    By Newton's method, or bisection where that would leave what is known to hold the value.
    """
    low, high, x = np.zeros(len(a)), np.ones(len(a)), a / (a + b)
    left = np.arange(len(a))
    for _ in range(MOST_STEPS):
        p, q, last = a[left], b[left], x[left]
        logs = _log_power(p, q, last)
        excess = _cdf(p, q, last, logs) - probability
        low[left] = np.where(excess < 0, last, low[left])
        high[left] = np.where(excess < 0, high[left], last)
        with np.errstate(all="ignore"):
            near = last - excess * last * (1 - last) / np.exp(logs)
        is_inside = (low[left] < near) & (near < high[left])
        x[left] = np.where(is_inside, near, _middle(low[left], high[left]))
        left = left[np.abs(x[left] - last) > CLOSE * last]
        if not len(left):
            break
    return x


def _middle(low: Float64Array, high: Float64Array) -> Float64Array:
    """Halve an interval; far below 1, halve its exponents."""
    return np.where(low > 0, np.sqrt(low * high), np.where(high > 0.5, 0.5, high**2))


def beta_cdf(a: Float64Array, b: Float64Array, x: Float64Array) -> Float64Array:
    """Regularised incomplete beta function of ``x`` between 0 and 1, all (n,)."""
    return _cdf(a, b, x, _log_power(a, b, x))


def _cdf(a: Float64Array, b: Float64Array, x: Float64Array, logs: Float64Array) -> Float64Array:
    """Press et al., Numerical Recipes, 3rd ed., section 6.4: a continued fraction.

    It converges fast below the mean; above it, the other tail is computed.
    """
    is_above = x > (a + 1) / (a + b + 2)
    p, q, y = np.where(is_above, b, a), np.where(is_above, a, b), np.where(is_above, 1 - x, x)
    tail = np.exp(logs) * _fraction(p, q, y) / p
    return np.where(is_above, 1 - tail, tail)


def _log_power(a: Float64Array, b: Float64Array, x: Float64Array) -> Float64Array:
    """Logarithm of ``x**a * (1 - x)**b``, divided by the beta function."""
    with np.errstate(divide="ignore"):
        powers = a * np.log(x) + b * np.log1p(-x)
    return powers + _log_gamma(a + b) - _log_gamma(a) - _log_gamma(b)


def _fraction(p: Float64Array, q: Float64Array, y: Float64Array) -> Float64Array:
    """The continued fraction, by the method of Lentz."""
    c, d = np.ones_like(y), 1 / _nonzero(1 - (p + q) * y / (p + 1))
    value = d
    for m in range(1, MOST_TERMS):
        even = m * (q - m) * y / ((p + 2 * m - 1) * (p + 2 * m))
        odd = -(p + m) * (p + q + m) * y / ((p + 2 * m) * (p + 2 * m + 1))
        for part in (even, odd):
            c, d = _nonzero(1 + part / c), 1 / _nonzero(1 + part * d)
            value = value * c * d
        if np.all(np.abs(c * d - 1) < CONVERGED):
            break
    return value


def _nonzero(x: Float64Array) -> Float64Array:
    """Keep a divisor from being 0."""
    return np.where(np.abs(x) < TINY, TINY, x)


_log_gamma = np.vectorize(math.lgamma, otypes=[np.float64])
