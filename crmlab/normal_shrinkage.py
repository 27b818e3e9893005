r"""Effects of several groups, uncertain ones drawn towards what the groups have in common.

Estimates :math:`y_j` with standard errors :math:`s_j` are of effects that vary between groups as a normal distribution
with mean :math:`\mu` and spread :math:`\tau`. Empirical Bayes would take both as known, and its intervals are then too
narrow; here they are averaged over what the data leave open: :math:`\mu` and :math:`\tau` are uniform beforehand. The
share of groups whose interval holds their effect is what is stated; that of a single unusual group may be less, which
is the price of drawing it towards the others. `crmlab.shrinkage` does the same for rates.

References
----------
Gelman (2006), Prior distributions for variance parameters in hierarchical models, Bayesian Analysis 1, 515-534.
Rubin (1981), Estimation in parallel randomized experiments, Journal of Educational Statistics 6, 377-401.
"""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from crmlab import intervals
from crmlab.intervals import Estimate

FEWEST_GROUPS = 3
_POINTS = 400


@dataclass(frozen=True)
class Shrunken:
    """The effect of a group: posterior mean with its equal-tailed interval, and posterior standard deviation."""

    estimate: Estimate
    standard_error: float


def shrunken_effects(
    values, standard_errors, *, unit: str, counts, label: str = "", confidence_level: float = 0.95
) -> list[Shrunken] | None:
    """What is known of each group's effect once the others are known; None for fewer than three groups.

    Parameters
    ----------
    values, standard_errors
        One number per group, in `unit`; standard errors above zero.
    counts
        The number of observations to state with each.

    Raises
    ------
    ValueError
        If values and standard errors are not as many, or not finite, or a standard error is not above zero.
    """
    y, s = np.asarray(values, dtype=float), np.asarray(standard_errors, dtype=float)
    if y.shape != s.shape or not (np.isfinite(y) & np.isfinite(s) & (s > 0)).all():
        raise ValueError("`values` must be finite and `standard_errors` above zero, one of each for every group")
    intervals.z_score(confidence_level)
    if len(y) < FEWEST_GROUPS:
        return None
    means, deviations, weights = _posterior(y, s)
    tail = (1 - confidence_level) / 2
    found = []
    for mean, deviation, count in zip(means.T, deviations.T, counts, strict=True):
        middle = float(weights @ mean)
        spread = float(np.sqrt(weights @ (deviation**2 + (mean - middle) ** 2)))
        low, high = (_quantile(mean, deviation, weights, level) for level in (tail, 1 - tail))
        estimate = Estimate(middle, min(low, middle), max(high, middle), unit, int(count), label, confidence_level)
        found.append(Shrunken(estimate, spread))
    return found


def heterogeneity_p(values, standard_errors) -> float | None:
    """p of the hypothesis that all groups have the same effect (Cochran's Q), 0 to 1; None for one group."""
    y, s = np.asarray(values, dtype=float), np.asarray(standard_errors, dtype=float)
    if len(y) < 2:
        return None
    weight = s**-2
    return float(stats.chi2.sf((weight * (y - weight @ y / weight.sum()) ** 2).sum(), len(y) - 1))


def _posterior(y: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and standard deviation of each group's effect for every spread on a grid, and the weights of the grid."""
    place = (np.arange(_POINTS) + 0.5) / _POINTS
    scale = np.median(s) + y.std()
    spread = scale * place / (1 - place)
    variance = s**2 + spread[:, None] ** 2
    precision = 1 / variance
    total = precision.sum(axis=1)
    common = (precision * y).sum(axis=1) / total
    fit = -0.5 * (np.log(total) + np.log(variance).sum(axis=1) + (precision * (y - common[:, None]) ** 2).sum(axis=1))
    # uniform in the spread, which runs unevenly over the grid
    fit = fit - 2 * np.log1p(-place)
    weights = np.exp(fit - fit.max())
    weights /= weights.sum()
    pull = s**2 / variance
    means = y + pull * (common[:, None] - y)
    deviations = np.sqrt(s**2 * (1 - pull) + pull**2 / total[:, None])
    return means, deviations, weights


def _quantile(means: np.ndarray, deviations: np.ndarray, weights: np.ndarray, level: float) -> float:
    """Quantile of a mixture of normal distributions."""
    ends = means + stats.norm.ppf(level) * deviations
    low, high = float(ends.min()), float(ends.max())
    if high - low < 1e-12 * max(abs(low), abs(high), 1e-300):
        return low
    return float(optimize.brentq(lambda x: weights @ stats.norm.cdf((x - means) / deviations) - level, low, high))
