r"""How well probabilities rank and how high they are, where a customer may stand in several rows.

Each measure is an average of influences :math:`u_i`, one for each row, and its variance is that of their sums over
customers, :math:`\frac{m}{m - 1} \sum_c (\sum_{i \in c} u_i)^2` for :math:`m` customers: whatever hangs together within
a customer is allowed for. For the area under the ROC curve the factor is taken within each of its two groups; with one
row each the variance is DeLong's.

References
----------
DeLong, DeLong and Clarke-Pearson (1988), Comparing the areas under correlated receiver operating characteristic curves,
Biometrics 44, 837-845. Obuchowski (1997), Nonparametric analysis of clustered ROC curve data, Biometrics 53, 567-578.
Cox (1958), Two further applications of a model for binary regression, Biometrika 45, 562-565.
"""

from typing import Any

import numpy as np

from crmlab import intervals
from crmlab.intervals import Estimate
from crmlab.messages import N_, _

_LOWEST = 1e-9
_PERFECT = N_("everybody to whom it happened ranks above everybody else")
_FEW = N_("it happened to fewer than two, or to all but fewer than two")


def area_under_curve(
    outcomes, probabilities, customers=None, *, label: str = "", confidence_level: float = 0.95
) -> Estimate:
    """Chance that whoever it happened to had the higher probability: 0.5 is guessing, 1 perfect.

    Parameters
    ----------
    outcomes
        1 where it happened (leaving, a default), else 0; both are there.
    probabilities
        One for each outcome; only their order counts.
    customers
        Whose row it is; None where every row is another customer's.

    Raises
    ------
    ValueError
        If `outcomes` are all 0 or all 1.

    Examples
    --------
    >>> round(area_under_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]).value, 2)
    0.75
    """
    y, who = _both(outcomes), _places(customers, len(outcomes))
    auc, influence = _area(y, np.asarray(probabilities, dtype=float), who)
    label = label or _("area under the ROC curve (AUC)")
    shown: dict[str, Any] = {"unit": "index", "n": len(y), "label": label, "confidence_level": confidence_level}
    if min(y.sum(), len(y) - y.sum()) < 2:
        return Estimate(auc, None, None, **shown, no_interval=_FEW)
    if auc in (0.0, 1.0):
        return Estimate(auc, None, None, **shown, no_interval=_PERFECT if auc else N_("at the end of its range"))
    return intervals.from_standard_error(auc, _error(influence, who), within=(0, 1), **shown)


def area_difference(
    outcomes, probabilities, others, customers, *, label: str, confidence_level: float = 0.95
) -> Estimate:
    """By how much the area under the curve of some probabilities is larger than that of others, for the same rows.

    From -1 to 1; above 0 the `probabilities` rank better than the `others`. Arguments and errors as `area_under_curve`.
    """
    y, who = _both(outcomes), _places(customers, len(outcomes))
    (one, own), (two, other) = (_area(y, np.asarray(each, dtype=float), who) for each in (probabilities, others))
    error = _error(own - other, who)
    return intervals.from_standard_error(
        one - two, error, unit="index", n=len(y), label=label, confidence_level=confidence_level
    )


def mean_of_rows(values, customers, *, label: str, confidence_level: float = 0.95) -> Estimate:
    """Mean over rows, as uncertain as between customers."""
    values = np.asarray(values, dtype=float)
    mean = float(values.mean())
    error = clustered_error((values - mean) / len(values), customers)
    return intervals.from_standard_error(
        mean, error, unit="index", n=len(values), label=label, confidence_level=confidence_level
    )


def lift(outcomes, chosen, customers, *, label: str, confidence_level: float = 0.95) -> Estimate | None:
    """How many times as many leave among those chosen as among all; None where nobody left among them.

    1 is as good as choosing at random; higher is better. `chosen` tells of each row whether it is; the others are as of
    `area_under_curve`.
    """
    y, inside = np.asarray(outcomes, dtype=float), np.asarray(chosen, dtype=bool)
    if not y[inside].sum() > 0:
        return None
    ratio = y[inside].mean() / y.mean()
    # of the logarithm, so that it stays above nought
    influence = inside * (y / y[inside].sum() - 1 / inside.sum()) - (y / y.sum() - 1 / len(y))
    half = intervals.z_score(confidence_level) * clustered_error(influence, customers)
    low, high = (float(ratio * np.exp(sign * half)) for sign in (-1, 1))
    return Estimate(float(ratio), low, high, "ratio", int(inside.sum()), label, confidence_level)


def calibration(
    outcomes, probabilities, customers, *, confidence_level: float = 0.95
) -> tuple[Estimate | None, Estimate | None]:
    """Slope and intercept of the log-odds of what happened on those foretold.

    The slope is 1 where it is right, below 1 where probabilities spread too far; the intercept, with the slope held at
    1, is 0 where it is right, below 0 where they are too high. None where probabilities are all alike, or the outcomes.
    Arguments as `area_under_curve`.

    References
    ----------
    Cox (1958), Two further applications of a model for binary regression, Biometrika 45, 562-565.
    """
    y = np.asarray(outcomes, dtype=float)
    held = np.clip(np.asarray(probabilities, dtype=float), _LOWEST, 1 - _LOWEST)
    log_odds = np.log(held / (1 - held))
    if not 0 < y.sum() < len(y):
        return None, None
    shown: dict[str, Any] = {"n": len(y), "confidence_level": confidence_level}
    one = np.ones((len(y), 1))
    shift, error = _logit(one, y, log_odds, customers)
    intercept = intervals.from_standard_error(
        shift[0], error[0], unit="index", label=_("calibration intercept"), **shown
    )
    if log_odds.std() < 1e-9 or not np.isfinite(shift[0]):
        return None, intercept
    slope, error = _logit(np.column_stack([one, log_odds - log_odds.mean()]), y, np.zeros(len(y)), customers)
    if not np.isfinite(slope).all() or abs(slope[1]) > 50:
        return None, intercept
    label = _("calibration slope")
    return intervals.from_standard_error(slope[1], error[1], unit="ratio", label=label, **shown), intercept


def clustered_error(influence: np.ndarray, customers) -> float:
    """Standard error of what is the sum of the influences."""
    who = _places(customers, len(influence))
    m = len(np.unique(who))
    return _error(influence, who) * float(np.sqrt(m / (m - 1))) if m > 1 else 0.0


def _places(customers, n: int) -> np.ndarray:
    """A number for each customer, row by row."""
    if customers is None:
        return np.arange(n)
    return np.unique(np.asarray(customers, dtype=object).astype(str), return_inverse=True)[1]


def _error(influence: np.ndarray, who: np.ndarray) -> float:
    return float(np.sqrt((np.bincount(who, weights=influence) ** 2).sum()))


def _both(outcomes) -> np.ndarray:
    y = np.asarray(outcomes) == 1
    if y.all() or not y.any():
        raise ValueError("`outcomes` must have both 0 and 1")
    return y


def _area(y: np.ndarray, p: np.ndarray, who: np.ndarray) -> tuple[float, np.ndarray]:
    """The area, and each row's influence on it."""
    from scipy.stats import rankdata

    with_it, without = int(y.sum()), int((~y).sum())
    overall = rankdata(p)
    above = (overall[y] - rankdata(p[y])) / without
    below = 1 - (overall[~y] - rankdata(p[~y])) / with_it
    auc = float(above.mean())
    influence = np.empty(len(y))
    influence[y], influence[~y] = (above - auc) / with_it, (below - auc) / without
    for group in (y, ~y):
        m = len(np.unique(who[group]))
        influence[group] *= np.sqrt(m / (m - 1)) if m > 1 else 1.0
    return auc, influence


def _logit(x: np.ndarray, y: np.ndarray, offset: np.ndarray, customers) -> tuple[np.ndarray, np.ndarray]:
    """Logistic regression with an offset, and its standard errors by customer."""
    coefficients = np.zeros(x.shape[1])
    for _step in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ coefficients + offset, -50, 50)))
        inverse = np.linalg.pinv(x.T @ (x * (p * (1 - p))[:, None]))
        step = inverse @ (x.T @ (y - p))
        coefficients = coefficients + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-10:
            break
    influence = (x * (y - p)[:, None]) @ inverse
    return coefficients, np.array([clustered_error(column, customers) for column in influence.T])
