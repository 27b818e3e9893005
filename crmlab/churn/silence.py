"""Retention where no contract says who has left: active customers who buy again, and those who fall silent."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.churn.retention import PURCHASES, Retention, group_rates, period_rates
from crmlab.intervals import Estimate
from crmlab.likelihood import prediction
from crmlab.messages import _, ngettext, sentences

# from this share of customers on of whom a model can say one thing only, what it says of all is not to be relied on
_MANY = 0.5


def purchase_retention(inactivity, *, confidence_level: float = 0.95) -> Retention:
    """Share of active customers who bought again within the horizon.

    Parameters
    ----------
    inactivity
        `crmlab.aggregate.inactivity.Inactivity`: active customers at month ends, and those who bought again.

    Raises
    ------
    FitError
        If no month end can be judged, or nobody was active at the latest.
    """
    horizon = inactivity.horizon_months
    level = {"confidence_level": confidence_level}
    label = ngettext(
        "share of active customers who bought again within a month",
        "share of active customers who bought again within {months} months",
        horizon,
    ).format(months=horizon)
    if inactivity.rows.empty:
        raise FitError(
            _("the purchases do not reach back over {months} months, which judging silence needs").format(
                months=inactivity.window_months + horizon
            )
        )
    totals = inactivity.rows.groupby(["last_day", "judged_on"])[["active", "returned"]].sum().reset_index()
    found = [
        (row.judged_on, *period_rates(row.active, row.returned, label, horizon, level))
        for row in totals.itertuples()
        if row.active
    ]
    by_period = pd.DataFrame(found, columns=["last_day", "began", "kept", "rate", "churn"])
    if by_period.empty or by_period["last_day"].iloc[-1] != totals["judged_on"].iloc[-1]:
        raise FitError(_("nobody was active on {day}").format(day=language.day(totals["last_day"].iloc[-1])))
    latest = inactivity.rows[inactivity.rows["last_day"] == totals["last_day"].iloc[-1]]
    groups = group_rates(latest.rename(columns={"returned": "kept"}), "active", inactivity.by, label, level)
    rate, churn = by_period["rate"].iloc[-1], by_period["churn"].iloc[-1]
    return Retention(PURCHASES, rate, churn, None, None, by_period, groups, inactivity.by, horizon)


@dataclass(frozen=True, eq=False)
class StillActive:
    """How many customers have not left for good, as a model of their purchases has it.

    Attributes
    ----------
    share
        Expected share of customers still active, 0 to 1, with the interval in which the share lies.
    model
        Name of the model.
    taken_for_active
        Share of customers who bought once and of whom the model can say nothing else: in the BG/NBD nobody leaves
        before the first repeat purchase.
    """

    share: Estimate
    model: str
    taken_for_active: float = 0.0

    def table(self) -> pd.DataFrame:
        """The share in one row."""
        return pd.DataFrame({"model": [self.model], "share": [self.share]})

    def summary(self) -> str:
        """The share still active with its interval, and a caution where the model can hardly tell."""
        verdict = _("The {model} model expects {share} of all customers to be still active {evidence}.").format(
            model=self.model, share=self.share.text(), evidence=self.share.evidence()
        )
        if self.taken_for_active < _MANY:
            return verdict
        caution = _("{share} bought once only; the model takes them for active, so do not rely on this share.")
        return sentences(verdict, caution.format(share=language.quantity(self.taken_for_active, "share", digits=0)))


def still_active(
    purchases, customers: pd.DataFrame, *, draws: int = 200, seed: int = 0, confidence_level: float = 0.95
) -> StillActive:
    """Share of all customers who have not left for good: the mean of P(alive).

    Parameters
    ----------
    purchases
        A fitted `crmlab.purchases.PurchaseModel`.
    customers
        One row per customer, as `crmlab.aggregate.customer_summary` gives them.
    draws, seed
        Of parameters and of who is active, behind the interval.
    """
    keys = ["frequency", "recency", "T"]
    distinct = customers.groupby(keys, sort=True).size().rename("customers").reset_index()
    counts, n = distinct["customers"].to_numpy(), len(customers)
    rng = np.random.default_rng(seed)
    found = np.empty(draws)
    for place, chances in enumerate(purchases.draw_p_alive(distinct, draws=draws, rng=rng)):
        found[place] = rng.binomial(counts, np.clip(chances, 0, 1)).sum() / n
    p_alive = purchases.p_alive(distinct)
    share = prediction(
        float(counts @ p_alive) / n, found, unit="share", n=n,
        label=_("share of customers still active"), confidence_level=confidence_level,
    )  # fmt: skip
    certain = counts[(distinct["frequency"] == 0).to_numpy() & (p_alive == 1)].sum() / n
    return StillActive(share, purchases.title, float(certain))
