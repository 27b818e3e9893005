r"""Rates of several groups, small ones drawn towards what the groups have in common.

Groups succeed at rates of their own, which vary as a beta distribution with mean :math:`\mu` and variance
:math:`\mu (1 - \mu) \rho`. Empirical Bayes would take both as known, and its intervals are then too narrow; here they
are averaged over what the data leave open, on a grid: :math:`\mu` and :math:`\sqrt\rho` are uniform beforehand. The
share of groups whose interval holds their rate is what is stated; that of a single unusual group may be less, which is
the price of drawing it towards the others.

References
----------
Gelman (2006), Prior distributions for variance parameters in hierarchical models, Bayesian Analysis 1, 515-534.
Morris (1983), Parametric empirical Bayes inference, JASA 78, 47-55.
"""

import numpy as np
import pandas as pd
from scipy import special

from crmlab import intervals
from crmlab.groups import named
from crmlab.intervals import Estimate

FEWEST_GROUPS = 3
_POINTS = 31
_PASSES = 4
_FINE = 1001
# on the log-odds scale: beyond, a rate is 0 or 1
_FURTHEST = 30.0


def shrunken_rates(
    successes, trials, *, counts=None, label: str = "", confidence_level: float = 0.95
) -> list[Estimate] | None:
    """Posterior mean and equal-tailed interval of each group's rate, 0 to 1; None for fewer than three groups.

    Parameters
    ----------
    successes, trials
        One number per group, `trials` above zero; fractions are allowed, for trials that are not independent.
    counts
        The number of observations to state with each, where it is not `trials`.

    Raises
    ------
    ValueError
        If a group has no trials, or successes below 0 or above its trials.
    """
    s, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    if s.shape != n.shape or not ((n > 0) & (s >= 0) & (s <= n)).all():
        raise ValueError("`successes` must lie between 0 and `trials`, and `trials` be above zero, in every group")
    intervals.z_score(confidence_level)
    if len(s) < FEWEST_GROUPS:
        return None
    a, b, weights = _grid(s, n)
    tail = (1 - confidence_level) / 2
    counts = n if counts is None else np.asarray(counts)
    found = []
    for own, of, count in zip(s, n, counts, strict=True):
        alpha, beta = a + own, b + of - own
        mean = float(weights @ (alpha / (alpha + beta)))
        low, high = _quantiles(alpha, beta, weights, (tail, 1 - tail))
        low, high = min(low, mean), max(high, mean)
        found.append(Estimate(mean, low, high, "share", int(count), label, confidence_level))
    return found


def apart(groups: pd.DataFrame) -> dict[str, str] | None:
    """The groups with the highest and the lowest rate in words, by `shrunken` where there is one; None if alike.

    Parameters
    ----------
    groups
        `group`, `rate` and `shrunken`.
    """
    column = "rate" if groups["shrunken"].isna().any() else "shrunken"
    values = groups[column].map(lambda rate: rate.value)
    best, worst = groups.loc[values.idxmax()], groups.loc[values.idxmin()]
    if best[column].low <= worst[column].high:
        return None
    names = dict(zip(("best", "worst"), named(pd.Series([best["group"], worst["group"]])), strict=True))
    told = {"high": best[column], "low": worst[column]}
    names |= {name: rate.text() for name, rate in told.items()}
    return names | {f"{name}_evidence": rate.evidence() for name, rate in told.items()}


def _grid(s: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Beta parameters of the groups' common distribution on a grid, with their posterior weights."""
    # the mean on the log-odds scale, so that rates near 0 and 1 are resolved
    ends = np.array([[-9.0, 9.0], [1e-3, 1 - 1e-3]])
    widest = ends.copy()
    for _pass in range(_PASSES):
        logit, root = (np.linspace(low, high, _POINTS) for low, high in ends)
        mean, spread = (axis.ravel() for axis in np.meshgrid(special.expit(logit), root, indexing="ij"))
        size = spread**-2 - 1
        a, b = mean * size, (1 - mean) * size
        fit = special.betaln(a[:, None] + s, b[:, None] + n - s).sum(1) - len(s) * special.betaln(a, b)
        # uniform in the mean: the density of its log-odds is mean x (1 - mean)
        fit = fit + np.log(mean * (1 - mean))
        weights = np.exp(fit - fit.max())
        weights /= weights.sum()
        for axis, values in enumerate((logit, root)):
            along = weights.reshape(_POINTS, _POINTS).sum(1 - axis)
            middle = along @ values
            reach = 6 * max(np.sqrt(along @ (values - middle) ** 2), (values[1] - values[0]) / 2)
            ends[axis] = np.clip([middle - reach, middle + reach], *widest[axis])
    kept = weights > 1e-6 * weights.max()
    return a[kept], b[kept], weights[kept] / weights[kept].sum()


def _quantiles(alpha: np.ndarray, beta: np.ndarray, weights: np.ndarray, levels) -> np.ndarray:
    """Quantiles of a mixture of beta distributions, from its density on the log-odds scale, where it is smooth."""
    middles = special.digamma(alpha) - special.digamma(beta)
    variances = special.polygamma(1, alpha) + special.polygamma(1, beta)
    middle = weights @ middles
    reach = 8 * np.sqrt(weights @ (variances + (middles - middle) ** 2))
    points = np.linspace(max(middle - reach, -_FURTHEST), min(middle + reach, _FURTHEST), _FINE)
    if points[0] >= points[-1]:
        return np.repeat(special.expit(np.clip(middle, -_FURTHEST, _FURTHEST)), len(levels))
    up, down = (special.log_expit(sign * points)[:, None] for sign in (1, -1))
    # a sum of products, not a dot product, which several threads would share at a loss
    density = (np.exp(up * alpha + down * beta - special.betaln(alpha, beta)) * weights).sum(1)
    below = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return special.expit(np.interp(levels, below / below[-1], points))
