r"""Shapley values of the variance that drivers explain together.

With the covariance of the drivers :math:`\Sigma = L L'` in one order of entry, driver `k` adds :math:`(L'\beta)_k^2`,
and all together :math:`\beta'\Sigma\beta`; the Shapley value is the average over the orders. Estimates of
:math:`\beta` are noisy, and squares of noise add up: :math:`(L' V L)_{kk}` is taken off, so that a driver of no effect
has none on average.

References
----------
Shapley (1953), A value for n-person games. Lindeman, Merenda and Gold (1980), Introduction to bivariate and
multivariate analysis. Castro, Gómez and Tejada (2009), Polynomial calculation of the Shapley value based on sampling,
Computers and Operations Research 36, 1726-1730.
"""

from itertools import permutations

import numpy as np

_ALL_ORDERS = 4  # up to so many drivers, every order is counted
_PAIRS = 75  # of random orders, each with its reverse


class ClusterSums:
    """Sums over each customer's answers, from which weighted covariances of the design follow."""

    def __init__(self, x: np.ndarray, who: np.ndarray):
        order = np.argsort(who, kind="stable")
        first = np.flatnonzero(np.diff(who[order], prepend=-1))
        self.n, self._width = len(first), x.shape[1]
        products = np.einsum("ij,ik->ijk", x, x).reshape(len(x), -1)
        rows = np.hstack([np.ones((len(x), 1)), x, products])
        self._sums = np.add.reduceat(rows[order], first, axis=0)

    def covariance(self, weights: np.ndarray) -> np.ndarray:
        """One matrix for each row of weights."""
        sums = weights @ self._sums
        means = sums[:, 1 : self._width + 1] / sums[:, :1]
        products = sums[:, self._width + 1 :].reshape(-1, self._width, self._width) / sums[:, 0][:, None, None]
        return products - means[:, :, None] * means[:, None, :]


def orders_of_entry(drivers: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Orders in which drivers are counted: all of them, or many at random, each with its reverse."""
    if drivers <= _ALL_ORDERS:
        return [np.array(order) for order in permutations(range(drivers))]
    found = [rng.permutation(drivers) for _pair in range(_PAIRS)]
    return found + [order[::-1] for order in found]


def shapley_variance(slopes, covariances, noise, orders, owner, *, times: int) -> np.ndarray:
    """Variance that each driver brings, one row per draw, with the squares of noise taken off so many `times`."""
    found = np.zeros((len(slopes), owner.max() + 1))
    steady = covariances + 1e-9 * np.eye(len(owner))
    for order in orders:
        columns = np.concatenate([np.flatnonzero(owner == driver) for driver in order])
        root = np.linalg.cholesky(steady[:, columns[:, None], columns])
        added = np.einsum("dij,di->dj", root, slopes[:, columns]) ** 2
        added -= times * (root * (noise[np.ix_(columns, columns)] @ root)).sum(axis=1)
        np.add.at(found.T, owner[columns], added.T)
    return found / len(orders)
