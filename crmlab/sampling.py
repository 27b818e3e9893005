"""Beyond a number of customers, a random sample of them stands for all in simulated futures; sums stay exact.

What a sum of many customers may differ by from what is expected has two parts: that the parameters are not known, which
moves all customers together, and the chance of each, which evens out. A sample shows both, but the second too large for
a sum of all. How large it is, the halves of the sample tell: they have the parameters in common and chance apart.
"""

import numpy as np

# of customers whose futures are simulated; the chance of single ones is 0.2% of a sum of so many, or a few times that
MOST = 200_000


def sample(n: int, seed: int) -> np.ndarray:
    """Places of the customers that stand for `n`: all of them up to `MOST`, else as many at random, in order."""
    if n <= MOST:
        return np.arange(n)
    return np.sort(np.random.default_rng([seed, n]).choice(n, MOST, replace=False, shuffle=False))


def halves(n: int) -> np.ndarray:
    """1 for every other of `n` customers, -1 for the rest."""
    return np.where(np.arange(n) % 2, -1.0, 1.0)


def of_all(
    sums: np.ndarray,
    apart: np.ndarray,
    expected: np.ndarray | float,
    whole: np.ndarray | float,
    share: np.ndarray | float,
) -> np.ndarray:
    """Sums of all customers in simulated futures, from those of a sample.

    Parameters
    ----------
    sums, apart
        One row per future, one column per sum if there are several: of the sample, and of its one half less the other.
    expected, whole
        What is expected of each sum: of the sample, and of all customers.
    share
        Of the customers in each sum, those in the sample.
    """
    # nothing in the sample: nothing is known of its spread
    known = np.asarray(expected) > 0
    relative = np.divide(sums, expected, out=np.ones_like(sums), where=known)
    spread = sums.var(axis=0)
    chance = np.divide(apart.var(axis=0), spread, out=np.zeros_like(spread), where=spread > 0)
    kept = np.sqrt(1 - np.minimum(chance, 1.0) * (1 - share))
    middle = relative.mean(axis=0)
    return whole * (middle + kept * (relative - middle))
