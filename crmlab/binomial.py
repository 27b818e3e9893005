r"""Binomial regression of single outcomes or grouped trials, with Firth's penalty where a column separates.

Where all to whom it happened, or none, have a level, the likelihood rises for ever. Firth's penalty, half the
log-determinant of the information, keeps estimates finite; the intercept is then set so that the probabilities add up
to the events (Puhr et al.), and intervals of the columns that separate are those of the penalised likelihood itself
(Heinze and Schemper), because a normal one is not even nearly right there.

References
----------
Firth (1993), Bias reduction of maximum likelihood estimates, Biometrika 80, 27-38. Heinze and Schemper (2002), A
solution to the problem of separation in logistic regression, Statistics in Medicine 21, 2409-2419. Puhr, Heinze, Nold,
Lusa and Geroldinger (2017), Firth's logistic regression with rare events, Statistics in Medicine 36, 2302-2317.
Prentice and Gloeckler (1978), Regression analysis of grouped survival data, Biometrics 34, 57-67 (cloglog).
"""

from dataclasses import dataclass

import numpy as np

from crmlab.absence import FitError

LINKS = ("logit", "cloglog")
# an effect this uncertain, in spreads of its column, has no maximum
_SEPARATED = 16.0
_STEPS = 100
_TOLERANCE = 1e-8
_WIDEST = 30.0


@dataclass(frozen=True, eq=False)
class BinomialFit:
    """A fitted regression, its coefficients in the order of the columns, the intercept first.

    Attributes
    ----------
    coefficients, covariance
        Change of the log-odds (of `cloglog`, of the logarithm of the cumulated hazard) per unit of a column.
    low, high
        Ends of each coefficient's interval, at the `z` that was asked for.
    log_likelihood
        Without the constant that does not depend on the coefficients.
    separated
        Places of the columns that needed the penalty.
    """

    coefficients: np.ndarray
    covariance: np.ndarray
    low: np.ndarray
    high: np.ndarray
    log_likelihood: float
    separated: tuple[int, ...]

    @property
    def standard_errors(self) -> np.ndarray:
        """Of the coefficients, in their order."""
        return np.sqrt(np.diag(self.covariance))


def fit_binomial(
    x: np.ndarray, events: np.ndarray, trials: np.ndarray, *, z: float, link: str = "logit"
) -> BinomialFit:
    """Regression of events among trials on columns, of which the first is the intercept.

    Parameters
    ----------
    x
        One row per group of trials; its first column is all ones.
    events, trials
        How many of how many, in each row.
    z
        Standard normal quantile of the intervals; 1.96 for 95%.
    link
        `logit`, or `cloglog`, whose coefficients are those of a proportional hazard.

    Raises
    ------
    FitError
        If a column separates and the link is not logit.
    ValueError
        If `link` is neither of the two.
    """
    if link not in LINKS:
        raise ValueError(f"`link` must be one of {', '.join(LINKS)}, got {link!r}")
    # sums of money beside grades: columns in units of their spread
    scale = np.concatenate([[1.0], [float(spread) or 1.0 for spread in x[:, 1:].std(axis=0)]])
    x = x / scale
    coefficients, covariance = _maximum_likelihood(x, events, trials, link)
    uncertain = ~(np.sqrt(np.abs(np.diag(covariance))) < _SEPARATED) | ~np.isfinite(coefficients)
    found = [int(place) for place in np.flatnonzero(uncertain) if place]
    # where one separates all of them, the others cannot be told either, but are not to blame
    separated = tuple(place for place in found if _apart(x[:, place], events, trials)) or tuple(found)
    low, high = np.full(len(scale), np.nan), np.full(len(scale), np.nan)
    if uncertain.any():
        if link != "logit":
            raise FitError(
                "a covariate separates those who left from those who stayed, which `link` logit alone can fit"
            )
        coefficients = _firth(x, events, trials)
        for place in separated:
            low[place], high[place] = _profile(x, events, trials, coefficients, place, z)
        coefficients[0] += _shift(x @ coefficients, events, trials)
        covariance = np.linalg.pinv(_information(x, coefficients, trials))
    half = z * np.sqrt(np.diag(covariance))
    low = np.where(np.isnan(low), coefficients - half, low)
    high = np.where(np.isnan(high), coefficients + half, high)
    log_likelihood = binomial_log_likelihood(inverse_link(x @ coefficients, link), events, trials)
    scaled = (coefficients / scale, covariance / np.outer(scale, scale), low / scale, high / scale)
    return BinomialFit(*scaled, log_likelihood, separated)


def binomial_log_likelihood(probability: np.ndarray, events: np.ndarray, trials: np.ndarray) -> float:
    """Without the constant that does not depend on the probabilities."""
    p = np.clip(probability, 1e-300, 1 - 1e-16)
    return float(events @ np.log(p) + (trials - events) @ np.log1p(-p))


def inverse_link(log_odds: np.ndarray, link: str) -> np.ndarray:
    """The chance of an event; of `cloglog`, from the logarithm of the cumulated hazard."""
    from scipy.special import expit

    return expit(log_odds) if link == "logit" else -np.expm1(-np.exp(np.minimum(log_odds, 50)))


def _apart(column: np.ndarray, events: np.ndarray, trials: np.ndarray) -> bool:
    """Whether all who left lie on one side of all who stayed, or on the border."""
    left, stayed = column[events > 0], column[trials > events]
    return bool(left.max() <= stayed.min() or stayed.max() <= left.min())


def _maximum_likelihood(x, events, trials, link: str) -> tuple[np.ndarray, np.ndarray]:
    """By Fisher scoring: the estimates of statsmodels' GLM, which takes ten times as long over rows of many columns."""
    coefficients = np.zeros(x.shape[1])
    share = (events.sum() + 0.5) / (trials.sum() + 1)
    coefficients[0] = np.log(share / (1 - share)) if link == "logit" else np.log(-np.log1p(-share))
    value = -np.inf
    for _step in range(_STEPS):
        log_odds = x @ coefficients
        p = np.clip(inverse_link(log_odds, link), 1e-12, 1 - 1e-12)
        slope = p * (1 - p) if link == "logit" else np.exp(np.minimum(log_odds, 50)) * (1 - p)
        information = x.T @ (x * (trials * slope**2 / (p * (1 - p)))[:, None])
        covariance = np.linalg.pinv(information, hermitian=True)
        reached = binomial_log_likelihood(p, events, trials)
        if abs(reached - value) < _TOLERANCE * max(1.0, abs(reached) / 1e4):
            break
        value = reached
        step = covariance @ (x.T @ ((events - trials * p) * slope / (p * (1 - p))))
        coefficients = coefficients + step * min(1.0, 5.0 / max(np.abs(step).max(), 1e-300))
    return coefficients, covariance


def _firth(x, events, trials, *, fixed: int | None = None, at: float = 0.0, start=None) -> np.ndarray:
    """Maximum of the penalised likelihood, with one coefficient held where it is to be."""
    free = np.array([place for place in range(x.shape[1]) if place != fixed])
    coefficients = np.zeros(x.shape[1]) if start is None else np.array(start, dtype=float)
    if start is None:
        share = (events.sum() + 0.5) / (trials.sum() + 1)
        coefficients[0] = np.log(share / (1 - share))
    if fixed is not None:
        coefficients[fixed] = at
    value = _penalised(x, coefficients, events, trials)
    for _step in range(_STEPS):
        p = inverse_link(x @ coefficients, "logit")
        weighted = x * np.sqrt(trials * p * (1 - p))[:, None]
        information = weighted.T @ weighted
        leverage = ((weighted @ np.linalg.pinv(information)) * weighted).sum(axis=1)
        score = x.T @ (events - trials * p + leverage * (0.5 - p))
        step = np.zeros_like(coefficients)
        step[free] = np.linalg.pinv(information[np.ix_(free, free)]) @ score[free]
        step *= min(1.0, 5.0 / max(np.abs(step).max(), 1e-300))
        while (candidate := _penalised(x, coefficients + step, events, trials)) < value and np.abs(step).max() > 1e-10:
            step = step / 2
        if candidate < value:
            break
        coefficients, gained, value = coefficients + step, candidate - value, candidate
        if gained < _TOLERANCE and np.abs(step).max() < 1e-4:
            break
    return coefficients


def _profile(x, events, trials, top: np.ndarray, place: int, z: float) -> tuple[float, float]:
    """Where the penalised likelihood, maximised over all others, has fallen by half the chi-squared quantile."""
    from scipy.optimize import brentq

    highest = _penalised(x, top, events, trials)

    def fall(at: float) -> float:
        held = _firth(x, events, trials, fixed=place, at=at, start=top)
        return 2 * (highest - _penalised(x, held, events, trials)) - z**2

    ends = []
    for sign in (-1, 1):
        reach = 1.0
        while fall(top[place] + sign * reach) < 0 and reach < _WIDEST:
            reach = 2 * reach
        beyond = top[place] + sign * reach
        inside = fall(beyond) >= 0
        ends.append(brentq(fall, *sorted((top[place], beyond)), xtol=1e-2) if inside else beyond)
    return ends[0], ends[1]


def _shift(log_odds: np.ndarray, events: np.ndarray, trials: np.ndarray) -> float:
    """What to add to all log-odds so that the probabilities add up to the events."""
    from scipy.optimize import brentq

    def excess(shift: float) -> float:
        return float(trials @ inverse_link(log_odds + shift, "logit") - events.sum())

    return float(brentq(excess, -_WIDEST, _WIDEST))


def _information(x, coefficients, trials) -> np.ndarray:
    p = inverse_link(x @ coefficients, "logit")
    return x.T @ (x * (trials * p * (1 - p))[:, None])


def _penalised(x, coefficients, events, trials) -> float:
    sign, log_determinant = np.linalg.slogdet(_information(x, coefficients, trials))
    log_odds = x @ coefficients
    value = events @ log_odds - trials @ np.logaddexp(0, log_odds)
    return float(value) + log_determinant / 2 if sign > 0 else -np.inf
