r"""Ordinal logit of many answers: Newton's method with exact derivatives, and standard errors by cluster.

.. math:: P(Y \le k \mid x) = \frac{1}{1 + \exp(-(\theta_k - x'\beta))}

`statsmodels.miscmodels.OrderedModel` gives the same numbers (a test compares them), but takes its Hessian by
differences; on a few thousand answers that is some hundred times slower, and importance asks for many fits.

References
----------
McCullagh (1980), Regression models for ordinal data, JRSS B 42, 109-142. Liang and Zeger (1986), Longitudinal data
analysis using generalized linear models, Biometrika 73, 13-22.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from crmlab.absence import FitError
from crmlab.messages import _

_STEPS = 60
_TOLERANCE = 1e-9
_LEAST = 1e-300
_MOST_HELD = 0.9


@dataclass(frozen=True, eq=False)
class OrdinalFit:
    """Thresholds and coefficients of an ordinal logit.

    Attributes
    ----------
    levels
        The answers that were given, in order; one threshold lies above each but the last.
    params, covariance
        Thresholds first, then coefficients; the covariance allows for answers of one cluster being alike.
    scores
        One row per cluster: its part of the gradient, corrected for its own leverage on the fit (jackknife).
    bread
        Inverse of the information.
    """

    levels: np.ndarray
    params: np.ndarray
    covariance: np.ndarray
    bread: np.ndarray
    scores: np.ndarray
    log_likelihood: float

    @property
    def thresholds(self) -> np.ndarray:
        """Log odds of an answer up to each level but the last, where every column of the design is 0."""
        return self.params[: len(self.levels) - 1]

    @property
    def coefficients(self) -> np.ndarray:
        """Log odds of a higher answer per unit of each column of the design; above zero, it goes with higher ones."""
        return self.params[len(self.levels) - 1 :]

    @property
    def clusters(self) -> int:
        """How many clusters (customers) there are; answers, where none were given."""
        return len(self.scores)


def fit_ordinal(answers, design, clusters=None) -> OrdinalFit:
    """Maximum likelihood of an ordinal logit.

    Parameters
    ----------
    answers
        One number each, of at least two different values.
    design
        One row per answer, columns of similar spread, without a constant.
    clusters
        What answers that are alike have in common, such as the customer; None: every answer stands for itself.

    Raises
    ------
    FitError
        If all answers are the same, or a column tells them apart without fault, so that there is no maximum.
    """
    x = np.asarray(design, dtype=float)
    levels, place = np.unique(np.asarray(answers, dtype=float), return_inverse=True)
    if len(levels) < 2:
        raise FitError(_("all answers are the same, so that nothing can be told to drive them"))
    counts = np.bincount(place)
    value = float(counts @ np.log(counts / counts.sum()))
    start = special.logit(np.cumsum(counts)[:-1] / counts.sum())
    params = np.concatenate([start, np.zeros(x.shape[1])])
    for _step in range(_STEPS):
        gradient, information = _derivatives(place, x, params, len(levels))
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            break
        if gradient @ step < _TOLERANCE:
            return _fitted(levels, place, x, params, information, clusters, value)
        while not (candidate := _log_likelihood(place, x, params + step, len(levels))) > value:
            step = step / 2
            if np.abs(step).max() < 1e-12:
                return _fitted(levels, place, x, params, information, clusters, value)
        params, value = params + step, candidate
    raise FitError(_("the answers are told apart without fault, so that the size of no effect can be estimated"))


def _fitted(levels, place, x, params, information, clusters, value) -> OrdinalFit:
    bread = np.linalg.inv(information)
    rows, at = _scores(place, x, params, len(levels)), len(levels) - 1
    upper, lower, _between = _ends(place, x, params, len(levels))
    weight = upper * (1 - upper) + lower * (1 - lower)
    held = weight * np.einsum("ij,jk,ik->i", x, bread[at:, at:], x, optimize=True)
    if clusters is not None:
        who = np.unique(np.asarray(clusters), return_inverse=True)[1]
        order = np.argsort(who, kind="stable")
        first = np.flatnonzero(np.diff(who[order], prepend=-1))
        rows, held = np.add.reduceat(rows[order], first, axis=0), np.add.reduceat(held[order], first)
    # what leaving a cluster out would do: those that pull the fit towards themselves hide their distance from it
    rows = rows / (1 - np.minimum(held, _MOST_HELD))[:, None]
    covariance = bread @ (rows.T @ rows) @ bread
    return OrdinalFit(levels, params, covariance, bread, rows, float(value))


def _ends(place: np.ndarray, x: np.ndarray, params: np.ndarray, levels: int) -> tuple[np.ndarray, ...]:
    """Chances of an answer up to the one given, and up to the one below it, with their difference."""
    line = x @ params[levels - 1 :]
    cuts = np.concatenate([[-np.inf], params[: levels - 1], [np.inf]])
    above, below = cuts[place + 1] - line, cuts[place] - line
    # the difference of two chances near one is that of the two near nought on the other side
    upper, lower = special.expit(above), special.expit(below)
    flip = below > 0
    between = np.where(flip, special.expit(-below) - special.expit(-above), upper - lower)
    return upper, lower, np.maximum(between, _LEAST)


def _log_likelihood(place: np.ndarray, x: np.ndarray, params: np.ndarray, levels: int) -> float:
    if (np.diff(params[: levels - 1]) <= 0).any():
        return -np.inf
    return float(np.log(_ends(place, x, params, levels)[2]).sum())


def _slopes(place, x, params, levels) -> tuple[np.ndarray, ...]:
    upper, lower, between = _ends(place, x, params, levels)
    return upper, lower, upper * (1 - upper) / between, lower * (1 - lower) / between


def _scores(place: np.ndarray, x: np.ndarray, params: np.ndarray, levels: int) -> np.ndarray:
    """Each answer's part of the gradient."""
    upper, lower, up, low = _slopes(place, x, params, levels)
    rows, row = np.zeros((len(place), levels + 1)), np.arange(len(place))
    rows[row, place + 1] = up
    rows[row, place] = -low
    return np.hstack([rows[:, 1:levels], x * (upper + lower - 1)[:, None]])


def _derivatives(place: np.ndarray, x: np.ndarray, params: np.ndarray, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Gradient, and the information (less the second derivatives)."""
    upper, lower, up, low = _slopes(place, x, params, levels)
    line = upper + lower - 1
    size = levels + 1
    gradient = np.bincount(place + 1, up, size) - np.bincount(place, low, size)
    both = up * low
    # second derivatives in the two thresholds that bound an answer
    second_up, second_low = up * (1 - 2 * upper) - up**2, -low * (1 - 2 * lower) - low**2
    diagonal = np.bincount(place + 1, second_up, size) + np.bincount(place, second_low, size)
    beside = np.bincount(place, both, size)[:-1]
    hessian = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    crossed = np.zeros((size, x.shape[1]))
    for level in range(levels):
        own = place == level
        crossed[level + 1] -= (second_up + both)[own] @ x[own]
        crossed[level] -= (second_low + both)[own] @ x[own]
    weight = upper * (1 - upper) + lower * (1 - lower)
    corner = -(x.T * weight) @ x
    kept = slice(1, levels)
    whole = np.block([[hessian[kept, kept], crossed[kept]], [crossed[kept].T, corner]])
    return np.concatenate([gradient[kept], line @ x]), -whole
