r"""Means of several groups, as they would be if the groups were alike in other things.

A regression with the group and what else is known (logistic for a share, with a logarithmic link for an amount)
foretells the outcome of every observation as if it were of group `g`; the mean of these is the adjusted mean
:math:`\hat\theta_g`. With :math:`\mu_i(g)` what is foretold, :math:`J_g` its mean derivative, `H` the information and
:math:`x_i` the design,

.. math:: u_i = \mu_i(g) - \hat\theta_g + n J_g' H^{-1} x_i (y_i - \mu_i)

is what observation `i` does to it; summed within clusters, its spread is the standard error, however the outcomes are
distributed. Student's t has the degrees of freedom of a variance whose values have the kurtosis of `u`, as in
`crmlab.ratios`.

References
----------
Lane and Nelder (1982), Analysis of covariance and standardization as instances of prediction, Biometrics 38, 613-621.
Santos Silva and Tenreyro (2006), The log of gravity, Review of Economics and Statistics 88, 641-658.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from crmlab.absence import FitError
from crmlab.messages import _

_STEPS = 50
_TOLERANCE = 1e-9
_MOST_HELD = 0.9
_FAR = 25.0  # logarithms of an amount, as a multiple of the mean, beyond which the fit runs away
_SURE = 15.0  # log-odds beyond which it foretells an outcome for certain


@dataclass(frozen=True, eq=False)
class AdjustedMeans:
    """Adjusted means, and what each cluster does to them.

    Attributes
    ----------
    means
        One per group, in the unit of the outcome: a share from 0 to 1, or money.
    influence
        One row per cluster, one column per group; they sum to nought.
    """

    means: np.ndarray
    influence: np.ndarray

    def standard_error(self, contrast) -> tuple[float, float]:
        """Of a weighted sum of the means, with its degrees of freedom."""
        values = self.influence @ np.asarray(contrast, dtype=float)
        m, variance = len(values), float((values**2).sum())
        excess = float((values**4).mean()) / max(float((values**2).mean()) ** 2, 1e-300) - 1
        freedom = max(2 * m / excess, 2) if excess > 0 else float(m - 1)
        return float(np.sqrt(variance)), min(freedom, m - 1)

    def bounds(self, contrast, confidence_level: float) -> tuple[float, float, float]:
        """A weighted sum of the means with the ends of its interval."""
        value = float(np.asarray(contrast, dtype=float) @ self.means)
        error, freedom = self.standard_error(contrast)
        half = float(stats.t.ppf(0.5 + confidence_level / 2, freedom)) * error
        return value, value - half, value + half


def adjusted_means(outcomes, groups, others, clusters, *, amount: bool) -> AdjustedMeans:
    """Means of an outcome by group, adjusted for other things.

    Parameters
    ----------
    outcomes
        0 or 1 each, or with `amount` a sum of money, the mean of every group above zero.
    groups
        The number of each observation's group, from 0 on, none of them empty.
    others
        One row per observation, one column for each thing to adjust for.
    clusters
        What observations that are alike have in common, such as the customer.

    Raises
    ------
    FitError
        If the regression has no maximum: the groups differ too much in other things.
    """
    y, group = np.asarray(outcomes, dtype=float), np.asarray(groups)
    z = np.asarray(others, dtype=float).reshape(len(y), -1)
    spread = z.std(axis=0)
    z = ((z - z.mean(axis=0)) / np.where(spread > 0, spread, 1.0))[:, spread > 0]
    z = z[:, _independent(z)]
    number = int(group.max()) + 1
    unit = y.mean() if amount else 1.0
    x = np.column_stack([group[:, None] == np.arange(number), z]).astype(float)
    link = _mean_of_amount if amount else special.expit
    coefficients, information = _fitted(y / unit, x, link, amount)
    line = x @ coefficients
    residual = y / unit - link(line)
    pull = residual[:, None] * (x @ np.linalg.inv(information))
    means, influence = np.empty(number), np.empty((len(y), number))
    for own in range(number):
        design = np.column_stack([np.tile(np.arange(number) == own, (len(y), 1)), z]).astype(float)
        foretold = link(design @ coefficients)
        slope = (foretold if amount else foretold * (1 - foretold)) @ design
        means[own] = foretold.mean()
        influence[:, own] = (foretold - means[own] + pull @ slope) / len(y)
    who = np.unique(np.asarray(clusters), return_inverse=True)[1]
    weight = link(line) if amount else link(line) * (1 - link(line))
    held = np.bincount(who, weight * np.einsum("ij,jk,ik->i", x, np.linalg.inv(information), x))
    summed = np.column_stack([np.bincount(who, column) for column in influence.T])
    # what leaving a cluster out would do: those that pull the fit towards themselves hide their distance from it
    summed = summed / (1 - np.minimum(held, _MOST_HELD))[:, None]
    return AdjustedMeans(means * unit, summed * unit)


def _mean_of_amount(line: np.ndarray) -> np.ndarray:
    return np.exp(np.minimum(line, _FAR))


def _fitted(y: np.ndarray, x: np.ndarray, link, amount: bool) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients, and the information, by Newton's method with steps held short."""
    coefficients = np.zeros(x.shape[1])
    for _step in range(_STEPS):
        mean = link(x @ coefficients)
        weight = mean if amount else mean * (1 - mean)
        information = (x.T * weight) @ x
        gradient = x.T @ (y - mean)
        if not np.isfinite(information).all() or np.linalg.cond(information) > 1e14:
            break
        step = np.linalg.solve(information, gradient)
        coefficients = coefficients + step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))
        if np.abs(x @ coefficients).max() > (_FAR if amount else _SURE):
            break
        if gradient @ step < _TOLERANCE * len(y):
            return coefficients, information
    raise FitError(_("the groups differ too much in other things to be made alike"))


def _independent(z: np.ndarray) -> list[int]:
    """Columns that do not follow from those before them."""
    kept: list[int] = []
    for place in range(z.shape[1]):
        chosen = np.column_stack([np.ones(len(z)), z[:, [*kept, place]]])
        if np.linalg.matrix_rank(chosen) == chosen.shape[1]:
            kept.append(place)
    return kept
