r"""When customers come to default, so that those who have paid for years are not taken for new ones.

A default model gives the chance of default within a window of `window_months` from a customer's first instalment. A
customer who is `m` months past it has part of that chance behind. With `G` the share of the window's defaults that come
in its first months (from customers observed for all of it), and a constant rate :math:`\lambda` afterwards,

.. math:: S(m) = 1 - p\, G(m) \; (m \le w), \quad S(m) = (1 - p)\, e^{-\lambda (p / \bar p) (m - w)} \; (m > w),

and the chance of default in the next `h` months is :math:`1 - S(m + h) / S(m)`. The order of customers by risk is thus
taken to last; when they default within the window is taken to be the same for all.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlab.segments import required_columns


@dataclass(frozen=True, eq=False)
class DefaultTiming:
    """When defaults come, in months since the first instalment was due.

    Attributes
    ----------
    months
        Of the defaults within the window, ascending.
    later_defaults, later_customer_months
        After the window: how many defaulted, and months that customers were observed, until default or the as-of date.
    mean_probability
        Share of customers observed for the whole window who defaulted within it.
    """

    months: np.ndarray
    window_months: float
    later_defaults: int
    later_customer_months: float
    mean_probability: float

    @property
    def later_rate(self) -> float | None:
        """Defaults per customer and month after the window; None where nobody was observed then."""
        return self.later_defaults / self.later_customer_months if self.later_customer_months > 0 else None

    def probability(self, probabilities, months_observed, *, horizon_months: float) -> np.ndarray:
        """Chance of default within the horizon, 0 to 1, of customers without one so far.

        Parameters
        ----------
        probabilities
            Of default within the window, as of the first instalment.
        months_observed
            Since the first instalment was due.
        """
        weights = np.full(len(self.months), 1.0)
        return self._probability(probabilities, months_observed, horizon_months, weights, self.later_rate)

    def draw(self, probabilities, months_observed, *, horizon_months: float, rng: np.random.Generator) -> np.ndarray:
        """As `probability`, with the timing as uncertain as the data leave it.

        Defaults within the window are weighted anew (Bayesian bootstrap); the rate after it is drawn with Jeffreys'
        prior, so that none seen does not mean that there can be none.
        """
        weights = rng.standard_exponential(len(self.months))
        later = None
        if self.later_rate is not None:
            later = rng.gamma(self.later_defaults + 0.5) / self.later_customer_months
        return self._probability(probabilities, months_observed, horizon_months, weights, later)

    def _probability(self, probabilities, months_observed, horizon, weights, later) -> np.ndarray:
        p = np.clip(np.asarray(probabilities, dtype=float), 0.0, 1 - 1e-12)
        now = np.asarray(months_observed, dtype=float)
        if later is None:
            # nobody was watched for longer: the window's own rate goes on
            rates = -np.log1p(-p) / self.window_months
        else:
            rates = later * (p / self.mean_probability if self.mean_probability > 0 else np.ones_like(p))
        stays = [
            (1 - p * self._share(month, weights)) * np.exp(-rates * np.maximum(month - self.window_months, 0.0))
            for month in (now, now + horizon)
        ]
        return np.clip(1 - stays[1] / stays[0], 0.0, 1.0)

    def _share(self, months: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Share of the window's defaults up to a month; evenly spread where there were none."""
        if not len(self.months):
            return np.clip(months / self.window_months, 0.0, 1.0)
        reached = np.concatenate([[0.0], np.cumsum(weights) / weights.sum()])
        return reached[np.searchsorted(self.months, months, side="right")]


def default_timing(outcomes: pd.DataFrame, *, window_months: float = 12) -> DefaultTiming:
    """When the defaults among customers came.

    Parameters
    ----------
    outcomes
        One row per customer, as `credit.default_outcomes` makes it: `months_observed`, `months_to_default` (empty
        without one), `observed` (for the whole window) and `default` (within it).

    Raises
    ------
    ValueError
        If `window_months` is not above 0, there are no customers, or `outcomes` lack a column.
    """
    if not window_months > 0:
        raise ValueError(f"`window_months` must be above 0, got {window_months}")
    required_columns(outcomes, ("months_observed", "observed", "default"))
    whole = outcomes[outcomes["observed"]]
    months = np.sort(whole.loc[whole["default"], "months_to_default"].to_numpy(float))
    after = whole[~whole["default"]]
    until = after["months_to_default"].fillna(after["months_observed"]).to_numpy(float)
    return DefaultTiming(
        months=months,
        window_months=float(window_months),
        later_defaults=int(after["months_to_default"].notna().sum()),
        later_customer_months=float((until - window_months).clip(min=0).sum()),
        mean_probability=float(whole["default"].mean()) if len(whole) else 0.0,
    )
