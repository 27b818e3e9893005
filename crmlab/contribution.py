"""What each group of customers contributes to revenue and to margin.

Shares take the customers as a sample of those whom the business could have had; see `crmlab.ratios`. What single
customers contribute is in `crmlab.dependence`.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.groups import NOT_KNOWN, OTHERS, column_name, group_of, in_order, named
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, sentences
from crmlab.ratios import ratio_of_sums
from crmlab.segments import required_columns

# of fewer customers, the interval of a margin rate is too narrow (92%): tests/bench/coverage_contribution.py
FEWEST_OF_GROUP = 20
# above this part of all amounts, negative ones could carry a share beyond 0 and 1
_NEGATIVE = 0.05


@dataclass(frozen=True, eq=False)
class GroupContribution:
    """Contribution by group of customers.

    Attributes
    ----------
    groups
        One row per group, the largest by revenue first: `group`, `customers`, `customer_share`, `revenue`,
        `revenue_share` and, where margin is known, `margin`, `margin_share` and `margin_rate` (margin over revenue).
        Amounts are money of `unit`, net of refunds; shares and rates are fractions: `customer_share` a full count, the
        others estimates, None where the sum of all is not above zero.
    by
        Column that made the groups.
    n
        How many customers.
    revenue, margin
        Of all of them; margin None where it is not known.
    """

    formats: ClassVar[dict[str, str]] = {
        "customers": "integer",
        "customer_share": "share",
        "revenue": "money",
        "margin": "money",
    }
    labels: ClassVar[dict[str, str]] = {
        "group": N_("Group"),
        "customer_share": N_("Share of customers"),
        "revenue_share": N_("Share of revenue"),
        "margin": N_("Net profit (margin)"),
        "margin_share": N_("Share of net profit"),
        "margin_rate": N_("Margin as a share of revenue"),
    }

    groups: pd.DataFrame
    by: str
    n: int
    revenue: float
    margin: float | None
    unit: str

    def table(self) -> pd.DataFrame:
        """`groups`, with the names given here in the language that is spoken."""
        return self.groups.assign(group=named(self.groups["group"]))

    def summary(self) -> str:
        """The group that contributes most to revenue, and the one that does to margin, each with its share."""
        by, rows = column_name(self.by), self.groups[~self.groups["group"].isin((OTHERS, NOT_KNOWN))]
        if self.revenue <= 0:
            return _("Revenue is not above zero in all, so that no group has a share of it.")
        if rows.empty:
            return _("No {by} can be told apart: it is not known, or too few customers have the same.").format(by=by)
        first = rows.iloc[0]
        revenue = _(
            "By {by}, {group} contributes most: {share} of revenue {evidence} from {customers} of customers."
        ).format(**_words(first, "revenue_share"), by=by)
        if self.margin is None:
            return revenue
        if self.margin <= 0:
            return sentences(revenue, _("Net profit is not above zero in all, so that no group has a share of it."))
        best = rows.loc[rows["margin"].idxmax()]
        message = _("{group} also contributes most to net profit: {share} {evidence}.")
        if best["group"] != first["group"]:
            message = _("Net profit comes first from {group}: {share} {evidence}.")
        return sentences(revenue, message.format(**_words(best, "margin_share")))


def _words(row: pd.Series, share: str) -> dict[str, str]:
    estimate = row[share]
    customers = language.quantity(row["customer_share"], "share")
    return {
        "group": row["group"],
        "share": estimate.text(),
        "evidence": estimate.evidence(),
        "customers": customers,
    }


def contribution_by_group(
    customers: pd.DataFrame,
    profiles: pd.DataFrame,
    *,
    by: str,
    unit: str = "",
    fewest: int = FEWEST_OF_GROUP,
    confidence_level: float = 0.95,
) -> GroupContribution:
    """Shares of revenue and of margin by industry, region, channel or segment, with intervals.

    Parameters
    ----------
    customers
        One row per customer: `customer_id`, `revenue` net of refunds, and `margin` where it is known.
    profiles
        One row per customer: `customer_id` and the column `by`.
    fewest
        Groups of fewer customers make up "Others" together.

    Raises
    ------
    FitError
        If `profiles` lack a column `by`.
    ValueError
        If `customers` are none, lack a column or have an empty value, or `profiles` repeat a customer.
    """
    measures = ("revenue", "margin") if "margin" in customers else ("revenue",)
    frame = required_columns(customers, ("customer_id", *measures))
    group = group_of(frame["customer_id"], profiles, by=by, fewest=fewest).to_numpy()
    amounts = {name: frame[name].to_numpy(dtype=float) for name in measures}
    labels = {"revenue": _("share of revenue from the group"), "margin": _("share of net profit from the group")}
    rows = []
    for name in pd.unique(group):
        inside = group == name
        row = {"group": name, "customers": int(inside.sum()), "customer_share": float(inside.mean())}
        for measure, values in amounts.items():
            row |= {measure: float(values[inside].sum())}
            row |= {f"{measure}_share": _share(values, inside, labels[measure], confidence_level)}
        if "margin" in amounts:
            row["margin_rate"] = _margin_rate(amounts["margin"][inside], amounts["revenue"][inside], confidence_level)
        rows.append(row)
    groups = in_order(pd.DataFrame(rows), "revenue")
    totals = {name: float(values.sum()) for name, values in amounts.items()}
    return GroupContribution(groups, by, len(frame), totals["revenue"], totals.get("margin"), unit)


def _share(values: np.ndarray, inside: np.ndarray, label: str, confidence_level: float) -> Estimate | None:
    if values.sum() <= 0:
        return None
    part = np.where(inside, values, 0.0)
    bounded = 0 < part.sum() < values.sum() and -values[values < 0].sum() < _NEGATIVE * np.abs(values).sum()
    scale = "log_odds" if bounded else "plain"
    return ratio_of_sums(part, values, label=label, scale=scale, confidence_level=confidence_level)


def _margin_rate(margin: np.ndarray, revenue: np.ndarray, confidence_level: float) -> Estimate | None:
    if revenue.sum() <= 0:
        return None
    return ratio_of_sums(margin, revenue, label=_("margin as a share of revenue"), confidence_level=confidence_level)
