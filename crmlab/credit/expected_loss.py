r"""Expected credit loss: what the customers' open amounts are expected to lose to default.

.. math:: ECL = \sum_i PD_i \cdot LGD \cdot E_i

with the exposure `E` (overdue and still to come), the loss given default `LGD`, and the probability `PD` of default
within the horizon: 1 for those in default now, else the default model's, given how long the customer has paid already
(`crmlab.credit.default_timing`). The longer a customer has been in default, the more of what is still open is lost.
Nothing is discounted, and exposure is not run down before the default.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.credit.default_timing import DefaultTiming, default_timing
from crmlab.credit.recovery import LossGivenDefault
from crmlab.credit.scorecard import DefaultModel
from crmlab.intervals import Estimate
from crmlab.likelihood import prediction, prediction_bounds
from crmlab.messages import N_, _, sentences
from crmlab.segments import required_columns

_MONTH_DAYS = 365.25 / 12
_NOTHING_OPEN = N_("nothing is open")
_CERTAIN = N_("the same in nearly every simulated future")


@dataclass(frozen=True, eq=False)
class ExpectedCreditLoss:
    """What the open amounts are expected to lose within the horizon.

    Attributes
    ----------
    customers
        `customer_id`, `probability` of default within the horizon (0 to 1), `exposure` and `expected_loss` (money),
        `in_default`.
    total, share
        Over all customers, and as a share of the exposure; the intervals hold the loss that will come, not only what is
        expected. None where no probability can be estimated (`reason`), the share also where nothing is open.
    """

    formats: ClassVar[dict[str, str]] = {
        "group": "text", "customers": "integer", "exposure": "money", "probability": "share", "expected_loss": "money",
    }  # fmt: skip
    labels: ClassVar[dict[str, str]] = {
        "group": N_("Customers"),
        "customers": N_("Number"),
        "exposure": N_("Exposure"),
        "probability": N_("Probability of default, mean"),
        "expected_loss": N_("Expected loss"),
    }

    customers: pd.DataFrame
    total: Estimate | None
    share: Estimate | None
    loss_given_default: LossGivenDefault
    horizon_months: float
    portfolio: "Portfolio | None" = None
    reason: str = ""

    def table(self) -> pd.DataFrame:
        """In default now, not in default, and all."""
        if self.total is None:
            return pd.DataFrame(columns=list(self.formats))
        frame, broken = self.customers, self.customers["in_default"]
        groups = ((_("In default"), broken), (_("Not in default"), ~broken), (_("All"), broken | True))
        rows = [
            (
                name,
                int(where.sum()),
                float(frame.loc[where, "exposure"].sum()),
                float(frame.loc[where, "probability"].mean()) if where.any() else None,
                float(frame.loc[where, "expected_loss"].sum()),
            )
            for name, where in groups
        ]
        return pd.DataFrame(rows, columns=list(self.formats))

    def metrics(self) -> dict[str, Estimate]:
        """By the names under which a run publishes them."""
        found = {"expected_credit_loss": self.total, "expected_credit_loss_rate": self.share}
        return {name: estimate for name, estimate in found.items() if estimate is not None}

    def summary(self) -> str:
        """What is expected to be lost of what is open, and how much of it is in default already."""
        if self.total is None:
            return _("The credit loss to expect cannot be estimated: {reason}.").format(reason=_(self.reason))
        horizon = language.quantity(self.horizon_months, "months")
        if self.share is None:
            return _("Nothing is open, so that no credit loss is to be expected in the next {horizon}.").format(
                horizon=horizon
            )
        held = float(self.customers.loc[self.customers["in_default"], "expected_loss"].sum())
        found = _(
            "Of what is open, {total} {evidence} is expected to be lost in the next {horizon}, {share} of the exposure."
        ).format(total=self.total.text(), evidence=self.total.evidence(), horizon=horizon, share=self.share.text())
        if not self.total.value:
            return found
        part = _("Customers in default already account for {share} of it.").format(
            share=language.quantity(held / self.total.value, "share")
        )
        return sentences(found, part)


@dataclass(frozen=True, eq=False)
class Portfolio:
    """Customers with what their defaults depend on, for simulating what may come."""

    model: DefaultModel
    timing: DefaultTiming
    frame: pd.DataFrame
    loss_given_default: LossGivenDefault
    horizon_months: float

    def probabilities(self) -> np.ndarray:
        """Of default within the horizon; 1 for those in default now."""
        forward = self.timing.probability(
            self.model.probabilities(self.frame), self.frame["months_observed"], horizon_months=self.horizon_months
        )
        return np.where(self.frame["in_default"], 1.0, forward)

    def futures(self, *, draws: int, seed: int) -> Iterator[tuple[np.ndarray, float]]:
        """Who defaults, and the loss, in each of `draws` futures, with every parameter drawn anew."""
        rng = np.random.default_rng(seed)
        exposure, observed = self.frame["exposure"].to_numpy(float), self.frame["months_observed"].to_numpy(float)
        broken, months = self.frame["in_default"].to_numpy(bool), self.months_in_default()
        features = self.model.design(self.frame)
        for coefficients in self.model.draw_coefficients(draws=draws, rng=rng):
            probabilities = 1 / (1 + np.exp(-(coefficients[0] + features @ coefficients[1:])))
            forward = self.timing.draw(probabilities, observed, horizon_months=self.horizon_months, rng=rng)
            defaulted = broken | (rng.random(len(forward)) < forward)
            shares = self.loss_given_default.draw(months[defaulted], rng=rng)
            yield defaulted, float(shares @ exposure[defaulted])

    def months_in_default(self) -> np.ndarray:
        """So far; 0 for those who are not."""
        frame = self.frame
        since = np.minimum(frame["months_since_default"].fillna(0.0), frame["worst_open_days"] / _MONTH_DAYS)
        return np.where(frame["in_default"], since, 0.0)

    def shares_lost(self) -> np.ndarray:
        """Of each customer's exposure, in a default."""
        return self.loss_given_default.given(self.months_in_default())


def expected_credit_loss(
    payments: pd.DataFrame,
    outcomes: pd.DataFrame,
    model: DefaultModel,
    customers: pd.DataFrame,
    loss_given_default: LossGivenDefault,
    *,
    horizon_months: float = 12,
    currency: str = "",
    confidence_level: float = 0.95,
    draws: int = 400,
    seed: int = 0,
) -> ExpectedCreditLoss:
    """Expected loss of each customer and of all, with the interval in which the loss will fall.

    Parameters
    ----------
    payments, outcomes
        As `aggregate.payment_summary` and `credit.default_outcomes` make them.
    customers
        One row per customer: `customer_id` and the columns of the model; of a customer who is missing, everything
        counts as unknown.
    horizon_months
        How far to look ahead.
    draws
        Simulated futures behind the intervals: in each, the coefficients of the model, the timing of defaults, the loss
        given default, and who defaults are drawn anew. Defaults are independent of one another: a downturn that hits
        all at once is not in the interval.
    model
        As `scorecard.default_model` gives it.
    loss_given_default
        As `recovery.loss_given_default` gives it.

    Raises
    ------
    ValueError
        If `horizon_months` is not above 0, there are no customers, `payments` or `customers` lack a column, or `draws`
        are too few for the `confidence_level`.
    """
    if not horizon_months > 0:
        raise ValueError(f"`horizon_months` must be above 0, got {horizon_months}")
    needed = ("customer_id", "exposure", "in_default", "months_observed", "worst_open_days")
    frame = required_columns(payments, needed).assign(months_since_default=payments["months_since_default"])
    frame = frame.merge(customers.drop(columns=list(frame.columns[1:]), errors="ignore"), on="customer_id", how="left")
    kept = frame[["customer_id", "exposure", "in_default"]]
    if not model.n:
        return ExpectedCreditLoss(kept, None, None, loss_given_default, horizon_months, reason=model.reason)
    timing = default_timing(outcomes, window_months=model.window_months)
    portfolio = Portfolio(model, timing, frame, loss_given_default, horizon_months)
    probabilities = portfolio.probabilities()
    losses = probabilities * portfolio.shares_lost() * kept["exposure"]
    found = kept.assign(probability=probabilities, expected_loss=losses)
    found = found[["customer_id", "probability", "exposure", "expected_loss", "in_default"]]
    total, exposure, n = float(losses.sum()), float(kept["exposure"].sum()), len(found)
    label = _("credit loss expected over {horizon}").format(horizon=language.quantity(horizon_months, "months"))
    share_label = _("credit loss expected over {horizon}, of the exposure").format(
        horizon=language.quantity(horizon_months, "months")
    )
    shown: dict[str, Any] = {"n": n, "confidence_level": confidence_level}
    futures = np.array([loss for _defaulted, loss in portfolio.futures(draws=draws, seed=seed)])
    # sums in another order differ in their last digits
    if exposure <= 0 or np.ptp(prediction_bounds(futures, confidence_level)) <= 1e-9 * exposure:
        reason = _CERTAIN if exposure > 0 else _NOTHING_OPEN
        fixed: dict[str, Any] = {"no_interval": reason, **shown}
        whole = Estimate(total, None, None, currency, label=label, **fixed)
        part = Estimate(total / exposure, None, None, "share", label=share_label, **fixed) if exposure > 0 else None
        return ExpectedCreditLoss(found, whole, part, loss_given_default, horizon_months, portfolio)
    return ExpectedCreditLoss(
        found,
        prediction(total, futures, unit=currency, label=label, **shown),
        prediction(total / exposure, futures / exposure, unit="share", label=share_label, **shown),
        loss_given_default,
        horizon_months,
        portfolio,
    )
