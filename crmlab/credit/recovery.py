"""How much of what is open at default is lost, by the client's own recoveries or as stated."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlab import intervals
from crmlab.intervals import Estimate
from crmlab.messages import N_, _
from crmlab.ratios import ratio_of_sums
from crmlab.segments import required_columns

FEWEST_DEFAULTS = 10
_STATED = N_("stated in the parameters")
_ASSUMED = N_("assumed: too few defaults have been followed for long enough")


@dataclass(frozen=True, eq=False)
class LossGivenDefault:
    """Share of what is open at default that is never paid.

    Attributes
    ----------
    estimate
        0 to 1, lower is better.
    shares, weights
        Of each default that the estimate rests on, and what was open; none where it is stated or assumed.
    workout_months
        Within which those pay who ever will; None where the share is stated.
    """

    estimate: Estimate
    shares: np.ndarray
    weights: np.ndarray
    workout_months: float | None = None

    def given(self, months_in_default, share: float | None = None) -> np.ndarray:
        r"""Share lost of what is open, by months in default so far; 0 months for a default yet to come.

        Who would have paid does so within the `workout_months`, at an even pace. What is open after a part `t` of them
        is therefore lost with :math:`L / (L + (1 - L)(1 - t))`, and all of it after their end. A stated share stays.
        """
        share = self.estimate.value if share is None else share
        months = np.asarray(months_in_default, dtype=float)
        if self.workout_months is None:
            return np.full(len(months), share)
        to_pay = (1 - share) * np.clip(1 - months / self.workout_months, 0.0, 1.0)
        return np.divide(share, share + to_pay, out=np.ones_like(months), where=share + to_pay > 0)

    def draw(self, months_in_default, *, rng: np.random.Generator) -> np.ndarray:
        """Shares lost by customers who default, or have.

        Defaults seen are weighted anew (Bayesian bootstrap), with half a default that lost all and half a one that lost
        nothing added: that none has been seen yet does not mean that there can be none. Who is in default already
        loses all or nothing.
        """
        months = np.asarray(months_in_default, dtype=float)
        if not len(self.shares):
            return self.given(months)
        weights = self.weights * rng.standard_exponential(len(self.weights))
        weights = np.concatenate([weights, self.weights.mean() * rng.gamma(0.5, size=2)])
        weights, shares = weights / weights.sum(), np.append(self.shares, (1.0, 0.0))
        known = rng.random(len(months)) < self.given(months, float(weights @ shares))
        return np.where(months > 0, known, rng.choice(shares, size=len(months), p=weights))

    def summary(self) -> str:
        """The share lost of what is open at default, with its interval, or why it has none."""
        if len(self.shares):
            return _("Of what was open at default, {share} was lost {evidence}.").format(
                share=self.estimate.text(), evidence=self.estimate.evidence()
            )
        return _("Of what is open at default, {share} counts as lost, {reason}.").format(
            share=self.estimate.text(), reason=_(self.estimate.no_interval)
        )


def loss_given_default(
    payments: pd.DataFrame,
    *,
    given: float | None = None,
    assumed: float = 0.45,
    workout_months: float = 12,
    confidence_level: float = 0.95,
) -> LossGivenDefault:
    """Share of what was open at default that had not been paid by the as-of date.

    Parameters
    ----------
    payments
        As `aggregate.payment_summary` makes it.
    given
        The share to use whatever the data say, 0 to 1.
    assumed
        The share to use where fewer than 10 defaults are at least `workout_months` old. Younger ones do not count: what
        they have not paid yet may still come. 0.45 is what Basel's foundation approach gave unsecured corporate loans.
    workout_months
        Months after a default within which those pay who ever will.

    Raises
    ------
    ValueError
        If `given` or `assumed` is not from 0 to 1, or there are no customers.

    Notes
    -----
    The ratio of all losses to all that was open, customers being the sample; not discounted, costs of recovery not
    counted.
    """
    for name, value in (("given", given), ("assumed", assumed)):
        if value is not None and not 0 <= value <= 1:
            raise ValueError(f"`{name}` must be a share from 0 to 1, got {value}")
    frame = required_columns(payments, ("customer_id",)).assign(
        **{name: payments[name] for name in ("exposure_at_default", "recovered", "months_since_default")}
    )
    old = frame[(frame["months_since_default"] >= workout_months) & (frame["exposure_at_default"] > 0)]
    open_then = old["exposure_at_default"].to_numpy(float)
    lost = np.clip(open_then - old["recovered"].to_numpy(float), 0.0, None)
    label, nobody = _("loss given default"), np.array([])
    if given is not None or len(old) < FEWEST_DEFAULTS:
        value, reason = (assumed, _ASSUMED) if given is None else (given, _STATED)
        stated = Estimate(value, None, None, "share", len(old), label, confidence_level, no_interval=reason)
        return LossGivenDefault(stated, nobody, nobody, None if given is not None else workout_months)
    shown: dict[str, Any] = {"label": label, "confidence_level": confidence_level}
    if lost.sum() in (0.0, open_then.sum()):
        # all alike: each default is then an event that happened or did not
        estimate = intervals.wilson(len(old) if lost.sum() else 0, len(old), **shown)
    else:
        estimate = ratio_of_sums(lost, open_then, scale="log_odds", **shown)
    return LossGivenDefault(estimate, lost / open_then, open_then, workout_months)
