r"""Logistic regression of a rare event: statsmodels' fit, and Firth's where it has no maximum.

Where a feature separates those with the event from those without (a rating grade without a single default), the
likelihood rises for ever and the estimates with it. Firth's penalty, half the log-determinant of the information, gives
finite ones; the intercept is then set so that the probabilities add up to the events seen (Puhr et al.), and the
intervals are those of the penalised likelihood itself (Heinze and Schemper), because a normal one is not even nearly
right there.

References
----------
Firth (1993), Bias reduction of maximum likelihood estimates, Biometrika 80, 27-38. Heinze and Schemper (2002), A
solution to the problem of separation in logistic regression, Statistics in Medicine 21, 2409-2419. Puhr, Heinze, Nold,
Lusa and Geroldinger (2017), Firth's logistic regression with rare events, Statistics in Medicine 36, 2302-2317.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlab.intervals import z_score
from crmlab.likelihood import FitError

INTERCEPT = "intercept"
# Log-odds this far out mean a probability that differs from 0 or 1 by less than one in ten million.
_SEPARATED = 16.0
_STEPS = 200
_TOLERANCE = 1e-8
_WIDEST = 30.0  # log-odds ratios beyond which an interval is cut


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """Coefficients of a logistic regression, the intercept first, with their intervals.

    Attributes
    ----------
    names
        `intercept`, then the columns of the design.
    covariance
        Of the coefficients.
    log_likelihood
        Without the penalty.
    penalised
        Whether Firth's penalty was needed.
    """

    names: tuple[str, ...]
    coefficients: np.ndarray
    covariance: np.ndarray
    low: np.ndarray
    high: np.ndarray
    log_likelihood: float
    n: int
    events: int
    penalised: bool
    confidence_level: float = 0.95

    @property
    def standard_errors(self) -> np.ndarray:
        return np.sqrt(np.diag(self.covariance))

    def log_odds(self, design: pd.DataFrame) -> np.ndarray:
        """Of the event, for each row of a design with the same columns."""
        return self.coefficients[0] + design[list(self.names[1:])].to_numpy(float) @ self.coefficients[1:]


def fit_logistic(design: pd.DataFrame, outcomes, *, confidence_level: float = 0.95) -> LogisticFit:
    """Logistic regression of outcomes (1 the event, 0 none) on the columns of a design, with an intercept.

    Raises
    ------
    FitError
        If all outcomes are the same, or columns follow from one another.
    """
    z = z_score(confidence_level)
    y = np.asarray(outcomes, dtype=float)
    if len(y) != len(design) or not np.isin(y, (0.0, 1.0)).all():
        raise ValueError(f"`outcomes` must be 0 or 1 for each of the {len(design)} rows of `design`")
    x = np.column_stack([np.ones(len(y)), design.to_numpy(float)])
    if not np.isfinite(x).all():
        raise ValueError("`design` must be finite, got values that are not")
    names = (INTERCEPT, *map(str, design.columns))
    events = int(y.sum())
    if events in (0, len(y)):
        raise FitError(f"a logistic regression needs both outcomes, got {events} events among {len(y)}")
    # Columns in units of their spread: a sum of money beside a grade would spoil every test of rank and step.
    scale = np.concatenate([[1.0], [float(spread) or 1.0 for spread in x[:, 1:].std(axis=0)]])
    if np.linalg.matrix_rank(x / scale) < x.shape[1]:
        raise FitError(f"the features follow from one another, or one is constant: {', '.join(names[1:])}")
    fitted = _maximum_likelihood(x / scale, y)
    penalised = fitted is None
    if fitted is None:
        coefficients, covariance = _firth(x / scale, y), None
        low, high = _profile_bounds(x / scale, y, coefficients, z)
        shift = _intercept_shift(x / scale @ coefficients, y)
        coefficients[0], low[0], high[0] = coefficients[0] + shift, low[0] + shift, high[0] + shift
        covariance = np.linalg.inv(_information(x / scale, coefficients))
    else:
        coefficients, covariance = fitted
        half = z * np.sqrt(np.diag(covariance))
        low, high = coefficients - half, coefficients + half
    log_likelihood = _log_likelihood(x / scale, y, coefficients)
    covariance = covariance / np.outer(scale, scale)
    bounds = (coefficients / scale, covariance, low / scale, high / scale, log_likelihood)
    return LogisticFit(names, *bounds, len(y), events, penalised, confidence_level)


def _maximum_likelihood(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Coefficients and covariance by statsmodels; None where the likelihood has no maximum."""
    from statsmodels.discrete.discrete_model import Logit

    with warnings.catch_warnings():
        # What they warn of, separation, is looked for below.
        warnings.simplefilter("ignore")
        try:
            fitted = Logit(y, x).fit(disp=0, maxiter=_STEPS, warn_convergence=False)
        except np.linalg.LinAlgError:
            return None
        coefficients, covariance = np.asarray(fitted.params), np.asarray(fitted.cov_params())
    finite = np.isfinite(coefficients).all() and np.isfinite(covariance).all()
    if not (finite and fitted.mle_retvals["converged"]) or np.abs(x @ coefficients).max() > _SEPARATED:
        return None
    # On the way to infinity Newton's steps end where a float does: the standard error then dwarfs what is known.
    return (coefficients, covariance) if np.diag(covariance).max() < _SEPARATED**2 else None


def _firth(x: np.ndarray, y: np.ndarray, *, fixed: int | None = None, at: float = 0.0, start=None) -> np.ndarray:
    """Maximum of the penalised likelihood, with one coefficient held where it is to be."""
    free = np.array([place for place in range(x.shape[1]) if place != fixed])
    coefficients = np.zeros(x.shape[1]) if start is None else np.array(start, dtype=float)
    if fixed is not None:
        coefficients[fixed] = at
    value = _penalised(x, y, coefficients)
    for _step in range(_STEPS):
        p = _probability(x @ coefficients)
        weighted = x * np.sqrt(p * (1 - p))[:, None]
        information = weighted.T @ weighted
        leverage = np.einsum("ij,jk,ik->i", weighted, np.linalg.pinv(information), weighted)
        score = x.T @ (y - p + leverage * (0.5 - p))
        step = np.zeros_like(coefficients)
        step[free] = np.linalg.pinv(information[np.ix_(free, free)]) @ score[free]
        step *= min(1.0, 5.0 / max(np.abs(step).max(), 1e-300))
        while (candidate := _penalised(x, y, coefficients + step)) < value and np.abs(step).max() > 1e-10:
            step = step / 2
        if candidate < value:
            break
        coefficients, gained, value = coefficients + step, candidate - value, candidate
        if gained < _TOLERANCE and np.abs(step).max() < 1e-4:
            break
    return coefficients


def _profile_bounds(x: np.ndarray, y: np.ndarray, top: np.ndarray, z: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the penalised likelihood, maximised over all others, has fallen by half the chi-squared quantile."""
    from scipy.optimize import brentq

    highest = _penalised(x, y, top)
    ends = np.empty((2, len(top)))
    for place in range(len(top)):

        def fall(at: float, place: int = place) -> float:
            return 2 * (highest - _penalised(x, y, _firth(x, y, fixed=place, at=at, start=top))) - z**2

        for row, sign in enumerate((-1, 1)):
            reach = 1.0
            while fall(top[place] + sign * reach) < 0 and reach < _WIDEST:
                reach = 2 * reach
            beyond = top[place] + sign * reach
            found = fall(beyond) >= 0
            ends[row, place] = brentq(fall, *sorted((top[place], beyond)), xtol=1e-3) if found else beyond
    return ends[0], ends[1]


def _intercept_shift(log_odds: np.ndarray, y: np.ndarray) -> float:
    """What to add to all log-odds so that the probabilities add up to the events."""
    from scipy.optimize import brentq

    return float(brentq(lambda shift: _probability(log_odds + shift).sum() - y.sum(), -_WIDEST, _WIDEST))


def _probability(log_odds: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return expit(log_odds)


def _information(x: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    p = _probability(x @ coefficients)
    return x.T @ (x * (p * (1 - p))[:, None])


def _log_likelihood(x: np.ndarray, y: np.ndarray, coefficients: np.ndarray) -> float:
    log_odds = x @ coefficients
    return float(y @ log_odds - np.logaddexp(0, log_odds).sum())


def _penalised(x: np.ndarray, y: np.ndarray, coefficients: np.ndarray) -> float:
    sign, log_determinant = np.linalg.slogdet(_information(x, coefficients))
    return _log_likelihood(x, y, coefficients) + log_determinant / 2 if sign > 0 else -np.inf
