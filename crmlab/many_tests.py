"""Chances adjusted for how many tests there are, so that one that is named by chance among many stays rare.

References
----------
Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 65-70.
"""

import numpy as np


def holm(p_values) -> np.ndarray:
    """Holm's adjusted p-values, from 0 to 1; what is not known (NaN) stays so and counts for none.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    adjusted = np.full(len(p), np.nan)
    places = np.argsort(p, kind="stable")[: np.isfinite(p).sum()]
    steps = np.maximum.accumulate(p[places] * np.arange(len(places), 0, -1))
    adjusted[places] = np.minimum(steps, 1.0)
    return adjusted
