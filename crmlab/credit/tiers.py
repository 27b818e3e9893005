"""Which tier of risk each customer is in: by a default model and by what is overdue now, or by rules alone."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.groups import large, withheld
from crmlab.messages import N_, _
from crmlab.segments import required_columns

# English in every frame; translated where they are shown
TIERS = (N_("Low risk"), N_("Medium risk"), N_("High risk"), N_("In default"), N_("Not yet known"))
LOW, MEDIUM, HIGH, IN_DEFAULT, NOT_YET_KNOWN = TIERS
# as programs know them: the client's own, and the rules of the diagnosis
CODES = {LOW: "low", MEDIUM: "medium", HIGH: "high", IN_DEFAULT: "default"}
# probabilities of default from which on risk is medium and high
CUTS = (0.02, 0.08)
_LATE_DAYS, _MEAN_DAYS, _FEWEST_JUDGED = 30, 10, 3
_NEEDED = ("customer_id", "judged", "in_default", "worst_open_days", "exposure", "overdue_amount")


@dataclass(frozen=True, eq=False)
class RiskTiers:
    """Customers by risk.

    Attributes
    ----------
    customers
        `customer_id`, `tier`, `reason` (both in English, translated where they are shown), `probability` of default (0
        to 1) where a model gave one, `exposure` and `overdue_amount` (money).
    modelled
        Whether the tiers follow from a model's probabilities; else from rules alone.
    """

    formats: ClassVar[dict[str, str]] = dict.fromkeys(("customer_share", "probability", "exposure_share"), "share") | {
        "customers": "integer",
        "exposure": "money",
        "overdue_amount": "money",
    }
    labels: ClassVar[dict[str, str]] = {
        "tier": N_("Risk"),
        "customer_share": N_("Share of customers"),
        "probability": N_("Probability of default, mean"),
        "exposure": N_("Exposure"),
        "exposure_share": N_("Share of exposure"),
        "overdue_amount": N_("Overdue"),
    }

    customers: pd.DataFrame
    modelled: bool
    n: int

    def customer_list(self) -> pd.DataFrame:
        """What the client's own CRM should know of each customer: the tier by its code, the reason as it is read."""
        names = {"tier": "risk_tier", "reason": "risk_reason", "probability": "default_probability"}
        found = self.customers.assign(tier=self.customers["tier"].map(CODES), reason=self.customers["reason"].map(_))
        return found.rename(columns=names)

    def counts(self) -> pd.DataFrame:
        """One row per tier that has customers, lowest risk first, with names in English."""
        found = self.customers.groupby("tier").agg(
            customers=("tier", "size"),
            probability=("probability", "mean"),
            exposure=("exposure", "sum"),
            overdue_amount=("overdue_amount", "sum"),
        )
        found = found.loc[[tier for tier in TIERS if tier in found.index]].reset_index()
        found.insert(2, "customer_share", found["customers"] / self.n)
        total = found["exposure"].sum()
        found.insert(5, "exposure_share", found["exposure"] / total if total > 0 else 0.0)
        return found if self.modelled else found.drop(columns="probability")

    def table(self) -> pd.DataFrame:
        """`counts`, with the tiers in the language that is spoken."""
        found = self.counts()
        return found.assign(tier=found["tier"].map(_))

    def summary(self) -> str:
        """How many customers are of high risk or in default, with what share of the exposure."""
        high = self.counts()[lambda found: found["tier"].isin((HIGH, IN_DEFAULT))]
        if not high.index.isin(large(self.table()).index).all():
            return withheld(high["tier"].map(_))
        values = {
            "high": language.number(int(high["customers"].sum())),
            "n": language.number(self.n),
            "share": language.quantity(float(high["exposure_share"].sum()), "share"),
        }
        if self.modelled:
            return _(
                "High risk or in default: {high} of {n} customers, with {share} of the exposure. Tiers follow from the "
                "default model and from what is overdue now."
            ).format(**values)
        return _(
            "High risk or in default: {high} of {n} customers, with {share} of the exposure. Tiers follow from rules "
            "on how customers pay: there are too few defaults for a model."
        ).format(**values)


def risk_tiers(
    payments: pd.DataFrame,
    scored: pd.DataFrame | None = None,
) -> RiskTiers:
    """A tier for each customer: by probability of default where a model gave one, else by rules.

    What is overdue now goes before either: an instalment in default makes "In default", one open for more than
    30 days, or a default in the past, "High risk". Then

    - by probability: below 2% "Low risk", below 8% "Medium risk", else "High risk";
    - by rules: "Not yet known" with fewer than 3 instalments to judge; "Medium risk" if one was ever more than 30 days
      late, or all of them more than 10 on average; else "Low risk".

    Parameters
    ----------
    scored
        `customer_id` and `probability`, as `DefaultModel.scored` makes them; None or empty for rules. A customer who is
        not in it is judged by the rules.
    payments
        As `aggregate.payment_summary` makes it.

    Raises
    ------
    ValueError
        If there are no customers, or `payments` lack a column.
    """
    frame = required_columns(payments, _NEEDED)
    probability = pd.Series(np.nan, index=frame.index)
    if scored is not None and len(scored):
        probability = frame["customer_id"].map(scored.set_index("customer_id")["probability"]).astype(float)
    known, short = probability.notna(), frame["judged"] < _FEWEST_JUDGED
    mean = payments["days_past_due_mean"].fillna(0.0)
    rules = [
        (frame["in_default"], IN_DEFAULT, N_("in default")),
        (frame["worst_open_days"] > _LATE_DAYS, HIGH, N_("an instalment is long overdue")),
        (payments["months_to_default"].notna(), HIGH, N_("was in default before")),
        (known & (probability >= CUTS[1]), HIGH, N_("probability of default by the model")),
        (known & (probability >= CUTS[0]), MEDIUM, N_("probability of default by the model")),
        (known, LOW, N_("probability of default by the model")),
        (short, NOT_YET_KNOWN, N_("too few instalments to judge")),
        (payments["days_past_due_max"] > _LATE_DAYS, MEDIUM, N_("has paid very late before")),
        (mean > _MEAN_DAYS, MEDIUM, N_("pays late on average")),
    ]
    where = [rule.to_numpy(bool) for rule, _tier, _reason in rules]
    tiers = np.select(where, [tier for _rule, tier, _reason in rules], LOW)
    reasons = np.select(where, [reason for _rule, _tier, reason in rules], N_("pays as agreed"))
    columns = {"tier": tiers, "reason": reasons, "probability": probability}
    kept = frame[["customer_id", "exposure", "overdue_amount"]].assign(**columns)
    order = ["customer_id", "tier", "reason", "probability", "exposure", "overdue_amount"]
    return RiskTiers(kept[order], bool(known.any()), len(frame))
