"""How much customers spend per purchase: the Gamma-Gamma model.

A customer's purchases vary as a gamma distribution (shape p, rate nu), and nu over customers as another (shape q,
rate v).
Spend is taken to be independent of how often a customer buys, which `SpendModel.correlation` checks.

References
----------
Fader and Hardie (2013), The Gamma-Gamma model of monetary value, note 025.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import special

from crmlab.fitters import lifetimes_fitter
from crmlab.intervals import Estimate, z_score
from crmlab.likelihood import FitError, Maximum, draw_params, maximise, model_entry
from crmlab.messages import N_, _, sentences
from crmlab.profile_likelihood import parameter_table, profile_estimate


@dataclass(frozen=True, eq=False)
class SpendModel:
    """A fitted Gamma-Gamma model.

    Attributes
    ----------
    params, standard_errors
        p and q, bare numbers, and v, in `currency`.
    covariance
        Of the logarithms of the parameters.
    log_likelihood
        Total over the `n` customers with repeat purchases.
    correlation
        Of repeat purchases and their mean amount, -1 to 1, with Fisher's z interval. The model takes it to be 0; when
        it is not small, the value of frequent buyers is misjudged.
    mean_spend
        Amount per purchase expected of a customer about whom nothing is known, with its profile-likelihood interval.
    """

    params: dict[str, float]
    standard_errors: dict[str, float]
    covariance: np.ndarray
    log_likelihood: float
    n: int
    currency: str
    correlation: Estimate
    mean_spend: Estimate
    _maximum: Maximum | None = field(default=None, repr=False)

    @property
    def lifetimes(self):
        """The same model as a fitter of the lifetimes library."""
        return lifetimes_fitter("GammaGammaFitter", self.params)

    def conditional_mean(self, customers: pd.DataFrame) -> np.ndarray:
        """Amount expected of each customer's next purchase, given the history; Eq. 5 of note 025.

        A customer without repeat purchases is expected to spend what customers do on average.
        """
        p, q, v = self.params.values()
        x, m = _spend_history(customers)
        return p * (v + x * m) / (p * x + q - 1)

    def simulate_amounts(
        self, customers: pd.DataFrame, futures: Iterable[np.ndarray], *, draws: int, seed: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """For each future (purchases per customer), the positions of those who buy and what each spends in all."""
        x, m = _spend_history(customers)
        rng = np.random.default_rng(seed)
        objective = self._maximum.objective if self._maximum else None
        values = list(self.params.values())
        params = draw_params(values, self.covariance, draws=draws, rng=rng, objective=objective)
        for bought, (p, q, v) in zip(futures, params, strict=True):
            buyers = np.flatnonzero(bought)
            # Given the history, nu is gamma with shape q + p x and rate v + x m; a sum of N purchases has shape p N.
            nu = rng.gamma(q + p * x[buyers]) / (v + x[buyers] * m[buyers])
            yield buyers, rng.gamma(p * bought[buyers]) / nu

    def table(self) -> pd.DataFrame:
        """Parameters with standard errors and intervals by profile likelihood."""
        level, values = self.mean_spend.confidence_level, list(self.params.values())
        return parameter_table(self.params, values, self.covariance, maximum=self._maximum, confidence_level=level)

    def summary(self) -> str:
        """Spend per purchase expected of the average customer, and how far frequency and spend go together."""
        return sentences(
            _("The average customer is expected to spend {amount} {evidence} a purchase.").format(
                amount=self.mean_spend.text(), evidence=self.mean_spend.evidence()
            ),
            _(
                "The correlation of frequency and spend, which the model takes to be zero, is {correlation} {evidence}."
            ).format(correlation=self.correlation.text(), evidence=self.correlation.evidence()),
        )

    def independence(self) -> str:
        """Whether spend and frequency go together, which the model takes not to be so."""
        if self.correlation.low is None or self.correlation.low <= 0 <= self.correlation.high:
            message = _(
                "No link between spend and frequency can be told: their correlation is {correlation} {evidence}."
            )
        elif self.correlation.value > 0:
            message = _(
                "Customers who buy more often also spend more each time; the model takes the two to be independent and "
                "may underrate frequent buyers. The correlation is {correlation} {evidence}."
            )
        else:
            message = _(
                "Customers who buy more often spend less each time; the model takes the two to be independent and may "
                "overrate frequent buyers. The correlation is {correlation} {evidence}."
            )
        return message.format(correlation=self.correlation.text(), evidence=self.correlation.evidence())

    def to_dict(self) -> dict:
        """The entry of a report's JSON."""
        return model_entry(self.params, self.standard_errors, self.log_likelihood, self.n)


def fit_gamma_gamma(customers: pd.DataFrame, *, currency: str = "USD", confidence_level: float = 0.95) -> SpendModel:
    """Fit the Gamma-Gamma model of spend by maximum likelihood, to customers with repeat purchases of some amount.

    Parameters
    ----------
    customers
        One row per customer with `frequency` and `monetary_value`, as `aggregate.customer_summary` gives them.

    Raises
    ------
    FitError
        If the customers cannot carry the model: fewer than two with repeat purchases, spend that does not vary, or so
        uneven that it has no mean; or if a frequency or monetary_value is missing.

    References
    ----------
    Fader and Hardie (2013), The Gamma-Gamma model of monetary value, note 025.
    """
    x, m = _spend_history(customers)
    if not (np.isfinite(x) & np.isfinite(m)).all():
        raise FitError("Gamma-Gamma needs a frequency and a monetary_value of every customer, some are missing")
    known = (x > 0) & (m > 0)
    x, m = x[known], m[known]
    n = len(x)
    if n < 2:
        raise FitError(f"Gamma-Gamma needs at least two customers with repeat purchases, got {n} of {len(customers)}")
    if np.ptp(m) <= 1e-9 * m.max():
        raise FitError(f"Gamma-Gamma needs spend that varies: all {n} customers with repeat purchases spend {m[0]:g}")

    sums, logs, powers = x * m, np.log(m).sum(), x @ np.log(x * m)
    shapes, sizes = np.unique(x, return_counts=True)

    def log_likelihood(params):
        p, q, v = params
        each = special.gammaln(p * shapes + q) - special.gammaln(p * shapes) - special.gammaln(q) + q * np.log(v)
        # sums of products, not dot products, which several threads would share at a loss
        return (sizes * each).sum() + p * powers - logs - ((p * x + q) * np.log(sums + v)).sum()

    found = maximise(log_likelihood, [1.0, 2.0, m.mean()], shapes=[True, True, False], model="Gamma-Gamma")
    p, q, v = found.params
    if q <= 1:
        raise FitError(f"Gamma-Gamma finds spend so uneven that it has no mean (q = {q:.3f}, which must exceed 1)")
    mean_spend = profile_estimate(
        found,
        float(p * v / (q - 1)),
        _log_mean_spend,
        unit=currency,
        n=n,
        label=_("expected amount of a purchase"),
        confidence_level=confidence_level,
    )
    names = ("p", "q", "v")
    return SpendModel(
        dict(zip(names, found.params.tolist(), strict=True)),
        dict(zip(names, found.standard_errors.tolist(), strict=True)),
        found.covariance,
        found.log_likelihood,
        n,
        currency,
        _correlation(x, m, confidence_level),
        mean_spend,
        found,
    )


def _log_mean_spend(log_params) -> float:
    log_p, log_q, log_v = log_params
    # With q at 1 and below there is no mean; a large one stands for it, so that the search turns back or gives up.
    return log_p + log_v - np.log(max(np.expm1(log_q), 1e-6))


def _spend_history(customers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return customers["frequency"].to_numpy(dtype=float), customers["monetary_value"].to_numpy(dtype=float)


def _correlation(x, m, confidence_level: float) -> Estimate:
    """Pearson's correlation with Fisher's z interval."""
    label, n = _("correlation of frequency and spend"), len(x)
    if np.ptp(x) == 0:
        return Estimate(0.0, None, None, "index", n, label, no_interval=N_("all customers have the same frequency"))
    value = float(np.corrcoef(x, m)[0, 1])
    if n < 4 or abs(value) >= 1:
        return Estimate(value, None, None, "index", n, label, no_interval=N_("too few customers, or a perfect line"))
    half = z_score(confidence_level) / math.sqrt(n - 3)
    low, high = math.tanh(math.atanh(value) - half), math.tanh(math.atanh(value) + half)
    return Estimate(value, low, high, "index", n, label, confidence_level)
