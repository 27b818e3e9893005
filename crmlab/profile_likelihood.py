"""Intervals by profile likelihood: every value at which some parameters still explain the data nearly as well.

A standard error describes a likelihood that falls off alike on both sides. On a few hundred customers that of a
purchase model is skewed, and intervals from standard errors then miss the truth too often. These follow the likelihood
itself: an end is the furthest value that a quantity takes among all parameters whose log-likelihood lies within half a
chi-square quantile of the maximum.

References
----------
Venzon and Moolgavkar (1988), A method for computing profile-likelihood-based confidence intervals, Applied Statistics
37, 87-94.
"""

from collections.abc import Callable

import numpy as np

from crmlab.intervals import z_score
from crmlab.likelihood import SHAPE_LOG_BOUND, Maximum, covariance_root

# Step of the differences, in standard deviations; truncation and rounding then both stay near 1e-6.
_STEP = 1e-4
# Furthest search from the maximum, in standard deviations by the covariance.
_REACH = 30.0


def furthest(
    maximum: Maximum, quantity: Callable[[np.ndarray], float], side: int, *, confidence_level: float = 0.95
) -> np.ndarray:
    """Where a quantity is greatest (`side` 1) or least (-1) among the parameters that the data still allow.

    Parameters
    ----------
    quantity
        Smooth function of the logarithms of the parameters.

    Returns
    -------
    ndarray
        Logarithms of the parameters at that end; NaN where the search does not come to one.
    """
    from scipy.optimize import minimize

    centre, root = np.log(maximum.params), covariance_root(maximum.covariance)
    allowed = z_score(confidence_level) ** 2 / 2
    top = maximum.objective(centre)

    # In standard deviations, so that the region searched is about a ball.
    def spare(u):
        return float(max(allowed + maximum.objective(centre + root @ u) - top, -1e6))

    def wanted(u):
        return -side * float(quantity(centre + root @ u))

    towards = -_gradient(wanted, np.zeros(len(centre)))
    start = np.sqrt(2 * allowed) * towards / max(np.linalg.norm(towards), 1e-300)
    scale = max(np.linalg.norm(towards), 1e-300)
    found = minimize(
        lambda u: wanted(u) / scale,
        start,
        jac=lambda u: _gradient(wanted, u) / scale,
        constraints={"type": "ineq", "fun": spare, "jac": lambda u: _gradient(spare, u)},
        bounds=[(-_REACH, _REACH)] * len(start),
        method="SLSQP",
        options={"ftol": 1e-6, "maxiter": 100},
    )
    return found


def _gradient(function, u: np.ndarray) -> np.ndarray:
    steps = _STEP * np.eye(len(u))
    return np.array([(function(u + step) - function(u - step)) / (2 * _STEP) for step in steps])
