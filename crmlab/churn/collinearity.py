r"""Columns that follow from one another, by the variance inflation factor.

With :math:`R^2` of a column on those before it, :math:`\mathrm{VIF} = 1 / (1 - R^2)`: by how much the variance of its
effect grows because the others say nearly the same. What comes later gives way to what comes earlier.

References
----------
Fox and Monette (1992), Generalized collinearity diagnostics, JASA 87, 178-183.
"""

import numpy as np
import pandas as pd

_EXACT = 1e-10


def variance_inflation(design: pd.DataFrame, weights, *, most: float = np.inf) -> pd.Series:
    """VIF of each column on those before it that are themselves not above `most`; infinite where it adds nothing.

    Parameters
    ----------
    weights
        How often each row counts.
    """
    x, w = design.to_numpy(float), np.asarray(weights, dtype=float)
    centred = (x - np.average(x, axis=0, weights=w)) * np.sqrt(w / w.sum())[:, None]
    covariance = centred.T @ centred
    variance = np.diag(covariance)
    kept: list[int] = []
    found = []
    for place in range(x.shape[1]):
        if not variance[place] > 0:
            found.append(np.inf)
            continue
        root = np.sqrt(variance)
        own = covariance[kept, place] / (root[kept] * root[place])
        others = covariance[np.ix_(kept, kept)] / np.outer(root[kept], root[kept])
        unexplained = 1 - float(own @ np.linalg.lstsq(others, own, rcond=None)[0]) if kept else 1.0
        found.append(1 / unexplained if unexplained > _EXACT else np.inf)
        if found[-1] <= most:
            kept.append(place)
    return pd.Series(found, index=design.columns, name="vif")
