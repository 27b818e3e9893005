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
import pandas as pd

from crmlab.intervals import Estimate, z_score
from crmlab.likelihood import SHAPE_LOG_BOUND, Maximum, covariance_root
from crmlab.messages import N_

# Step of the differences, in standard deviations: small against the curve of a likelihood, large against rounding.
_STEP = 1e-4
# Furthest search from the maximum, in standard deviations by the covariance.
_REACH = 30.0
# A change of an end's logarithm that no reader would see.
_UNMOVED = 0.02


def parameter_table(
    names, params, covariance, *, maximum: Maximum | None = None, confidence_level: float = 0.95
) -> pd.DataFrame:
    """Parameters with standard errors and intervals.

    Parameters
    ----------
    covariance
        Of the logarithms of the parameters.
    maximum
        With it, intervals are by profile likelihood; an end that the data do not bound is 0 or infinite. Without it
        they are normal in logarithms.
    """
    params, spread = np.asarray(params, dtype=float), np.sqrt(np.diag(covariance))
    if maximum is None:
        factor = np.exp(z_score(confidence_level) * spread)
        low, high = params / factor, params * factor
    else:
        low, high = np.array([parameter_ends(maximum, i, confidence_level) for i in range(len(params))]).T
    return pd.DataFrame(
        {
            "parameter": list(names),
            "estimate": params,
            "standard_error": params * spread,
            "low": low,
            "high": high,
        }
    )


def parameter_ends(maximum: Maximum, index: int, confidence_level: float) -> tuple[float, float]:
    """Interval of one parameter; 0 or infinity where the data set it no bound on that side."""
    ends = []
    for side in (-1, 1):
        end, bounded = _furthest(maximum, lambda log_params: log_params[index], side, confidence_level)
        ends.append(float(np.exp(end[index])) if bounded else (np.inf if side > 0 else 0.0))
    return ends[0], ends[1]


def profile_estimate(
    maximum: Maximum,
    value: float,
    log_quantity: Callable[[np.ndarray], float],
    *,
    unit: str,
    n: int,
    label: str,
    confidence_level: float,
) -> Estimate:
    """A positive quantity that follows from the parameters.

    Parameters
    ----------
    value
        At the maximum.
    log_quantity
        Its logarithm, a smooth function of the logarithms of the parameters.
    """
    (low, bounded_below), (high, bounded_above) = (
        _furthest(maximum, log_quantity, side, confidence_level) for side in (-1, 1)
    )
    if not (bounded_below and bounded_above):
        reason = N_("the customers are too few to bound it")
        return Estimate(value, None, None, unit, n, label, confidence_level, no_interval=reason)
    low, high = (float(np.exp(log_quantity(end))) for end in (low, high))
    return Estimate(value, min(low, value), max(high, value), unit, n, label, confidence_level)


def _furthest(maximum: Maximum, quantity, side: int, confidence_level: float) -> tuple[np.ndarray, bool]:
    """Where a quantity is greatest (`side` 1) or least (-1) among the parameters allowed; whether the data bound it."""
    from scipy.optimize import minimize

    centre, root = np.log(maximum.params), covariance_root(maximum.covariance)
    allowed = z_score(confidence_level) ** 2 / 2
    floor, limits = maximum.objective(centre) - allowed, _limits(maximum)

    # All in standard deviations, so that the region searched is about a ball.
    def spare(u):
        return max(maximum.objective(centre + root @ u) - floor, -1e6)

    def against(u):
        return -side * quantity(centre + root @ u)

    slope = _gradient(against, np.zeros(len(centre)))
    steepness = np.linalg.norm(slope)
    found = minimize(
        lambda u: against(u) / steepness,
        -np.sqrt(2 * allowed) * slope / steepness,
        jac=lambda u: _gradient(against, u) / steepness,
        constraints=[
            {"type": "ineq", "fun": spare, "jac": lambda u: _gradient(spare, u)},
            {"type": "ineq", "fun": lambda u: limits - centre - root @ u, "jac": lambda u: -root},
            {"type": "ineq", "fun": lambda u: limits + centre + root @ u, "jac": lambda u: root},
        ],
        bounds=[(-_REACH, _REACH)] * len(centre),
        method="SLSQP",
        options={"ftol": 1e-5, "maxiter": 30},
    )
    # By how much the end would move if the limits were an e-fold wider: if so, they bound it, not the data.
    moved = steepness * found.multipliers[1:].max()
    return centre + root @ found.x, bool(found.success and moved < _UNMOVED)


def _limits(maximum: Maximum) -> np.ndarray:
    """How far from 0 logarithms are searched: shapes to where their penalty begins, scales as good as freely."""
    centre = np.abs(np.log(maximum.params))
    return np.where(maximum.shapes, np.maximum(centre, SHAPE_LOG_BOUND), centre + 15.0)


def _gradient(function, u: np.ndarray) -> np.ndarray:
    here = function(u)
    return np.array([function(u + step) - here for step in _STEP * np.eye(len(u))]) / _STEP
