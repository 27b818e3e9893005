"""How long contracts last: the shifted beta-geometric model of renewals.

At the end of every period a customer leaves with a chance of their own, which varies over customers as a beta
distribution. Those most likely to leave do so first, so that the retention rate of a cohort rises as it ages.

References
----------
Fader and Hardie (2007), How to project customer retention, Journal of Interactive Marketing 21(1), 76-90.
Fader and Hardie (2010), Customer-base valuation in a contractual setting: the perils of ignoring heterogeneity,
Marketing Science 29(1), 85-93.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import special

from crmlab.intervals import Estimate
from crmlab.likelihood import FitError, Maximum, draw_params, maximise, model_entry, prediction_bounds
from crmlab.messages import _
from crmlab.profile_likelihood import parameter_table, profile_estimate


@dataclass(frozen=True, eq=False)
class RenewalModel:
    """A fitted shifted beta-geometric model.

    Attributes
    ----------
    params, standard_errors
        alpha and beta of the chance to leave, which has mean alpha / (alpha + beta) in the first period.
    n
        Contracts that it was fitted to.
    log_likelihood
        Total over the contracts.
    first_retention
        Share of contracts that outlast their first period.
    """

    params: dict[str, float]
    standard_errors: dict[str, float]
    log_likelihood: float
    n: int
    first_retention: Estimate
    _maximum: Maximum = field(repr=False)

    def survival(self, periods) -> np.ndarray:
        """Share of contracts that still run after so many periods, from 1 down to 0; Eq. 6 of 2007."""
        return _survival(*self.params.values(), periods)

    def retention_rate(self, periods) -> np.ndarray:
        """Share of those who began a period that outlast it, by its number from 1 on; Eq. 8 of 2007."""
        alpha, beta = self.params.values()
        periods = np.asarray(periods, dtype=float)
        return (beta + periods - 1) / (alpha + beta + periods - 1)

    def residual_lifetime(self, periods_survived, *, discount_rate: float = 0.0) -> np.ndarray:
        """Expected discounted number of periods still to come, for contracts that have outlasted so many.

        The next renewal counts in full if it comes now. Eq. 6 of 2010 (DERL), for contracts about to be renewed.

        Parameters
        ----------
        periods_survived
            Renewals made plus one: a contract in its first period has 1.
        discount_rate
            Per period, 0 or more; above 0 unless alpha > 1, else the sum has no end.
        """
        alpha, beta = self.params.values()
        if discount_rate < 0 or (discount_rate == 0 and alpha <= 1):
            raise ValueError(f"`discount_rate` must be above 0 where alpha is {alpha:.3g}, got {discount_rate}")
        n = np.asarray(periods_survived, dtype=float)
        renewed = (beta + n - 1) / (alpha + beta + n - 1)
        return renewed * special.hyp2f1(1, beta + n, alpha + beta + n, 1 / (1 + discount_rate))

    def projection(
        self, periods: int, *, cohort: int, confidence_level: float = 0.95, draws: int = 400, seed: int = 0
    ) -> pd.DataFrame:
        """Survival of a new cohort, with the interval in which that of `cohort` contracts will fall.

        Returns
        -------
        DataFrame
            `period` from 0 on, `survival`, `low`, `high`; fractions.
        """
        if cohort < 1 or periods < 1:
            raise ValueError(f"`periods` and `cohort` must be positive integers, got {periods} and {cohort}")
        rng = np.random.default_rng(seed)
        values = list(self.params.values())
        params = draw_params(values, self._maximum.covariance, draws=draws, rng=rng, objective=self._maximum.objective)
        steps = np.arange(periods + 1)
        curves = np.array([_survival(alpha, beta, steps) for alpha, beta in params])
        kept = np.full(draws, cohort)
        outcomes = np.ones((draws, periods + 1))
        for step in range(1, periods + 1):
            # whom a period loses depends on whom the one before kept
            kept = rng.binomial(kept, np.clip(curves[:, step] / curves[:, step - 1], 0, 1))
            outcomes[:, step] = kept / cohort
        low, high = prediction_bounds(outcomes, confidence_level)
        expected = self.survival(steps)
        return pd.DataFrame(
            {
                "period": steps,
                "survival": expected,
                "low": np.minimum(low, expected),
                "high": np.maximum(high, expected),
            }
        )

    def table(self) -> pd.DataFrame:
        """Parameters with standard errors and 95% intervals by profile likelihood."""
        maximum = self._maximum
        return parameter_table(self.params, maximum.params, maximum.covariance, maximum=maximum)

    def summary(self) -> str:
        """How the retention rate rises as a cohort ages."""
        later = self.retention_rate(5)
        return _(
            "{first} {evidence} of contracts outlast their first period; of those that reach the fifth, the model "
            "expects {later} to outlast it."
        ).format(
            first=self.first_retention.text(),
            evidence=self.first_retention.evidence(),
            later=Estimate(float(later), None, None, "share", self.n, no_interval="expected").text(),
        )

    def to_dict(self) -> dict:
        """The entry of a report's JSON."""
        return model_entry(self.params, self.standard_errors, self.log_likelihood, self.n)


def fit_sbg(left, running=None, *, confidence_level: float = 0.95) -> RenewalModel:
    """Fit the shifted beta-geometric model by maximum likelihood.

    Parameters
    ----------
    left
        How many contracts ended with their first, second, ... period.
    running
        How many had run for exactly one, two, ... periods and still ran when last seen; a single number counts those
        that outlasted all the periods of `left`. None if there were none.

    Raises
    ------
    FitError
        If nobody left, or nobody outlasted a period: the chance to leave can then be anything.

    Examples
    --------
    >>> model = fit_sbg([369, 163, 86, 56, 37, 27, 21], 241)
    >>> [round(value, 3) for value in model.params.values()], round(float(model.survival(12)), 3)
    ([0.704, 1.182], 0.17)

    After twelve periods 17% of the cohort are expected to remain.
    """
    left = _counts(left, "left")
    running = [0] * (len(left) - 1) + [running] if np.isscalar(running) else running
    running = _counts(running if running is not None else [0], "running")
    length = max(len(left), len(running))
    left, running = (np.pad(counts, (0, length - len(counts))) for counts in (left, running))
    n, periods = int(left.sum() + running.sum()), np.arange(1, length + 1)
    if not left.any():
        raise FitError(f"the renewal model needs contracts that ended, none of {n} did")
    if n == left[0]:
        raise FitError(f"the renewal model needs contracts that outlasted a period, none of {n} did")

    def log_likelihood(params):
        alpha, beta = params
        base = special.betaln(alpha, beta)
        ended = special.betaln(alpha + 1, beta + periods - 1) - base
        lasted = special.betaln(alpha, beta + periods) - base
        return float(left @ ended + running @ lasted)

    lost = left[0] / n
    maximum = maximise(log_likelihood, [max(lost, 0.05), max(1 - lost, 0.05)], shapes=[True, True], model="sBG")
    alpha, beta = maximum.params

    def log_first(log_params):
        return float(log_params[1] - np.logaddexp(*log_params))

    first = profile_estimate(
        maximum,
        float(beta / (alpha + beta)),
        log_first,
        unit="share",
        n=n,
        label=_("share of contracts that outlast their first period"),
        confidence_level=confidence_level,
    )
    names = ("alpha", "beta")
    return RenewalModel(
        dict(zip(names, map(float, maximum.params), strict=True)),
        dict(zip(names, map(float, maximum.standard_errors), strict=True)),
        maximum.log_likelihood,
        n,
        first,
        maximum,
    )


def _survival(alpha: float, beta: float, periods) -> np.ndarray:
    return np.exp(special.betaln(alpha, beta + np.asarray(periods, dtype=float)) - special.betaln(alpha, beta))


def _counts(given, name: str) -> np.ndarray:
    counts = np.atleast_1d(np.asarray(given, dtype=float))
    if counts.ndim != 1 or len(counts) == 0 or not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError(f"`{name}` must be counts of contracts by period, got {given!r}")
    return counts
