r"""A financing proposal for each tier of risk: how much, for how long, at what price, on which terms.

.. math:: \text{price floor} = \text{cost of funds} + PD \cdot LGD + \text{operating cost} + \text{capital charge}

all a year, with the probability `PD` of default within a year and the share `LGD` that is lost in one. Below the floor,
the lender loses on the tier as a whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import intervals, language
from crmlab.absence import FitError
from crmlab.credit.tiers import CUTS
from crmlab.diagnosis.indicators import nearest
from crmlab.diagnosis.levels import LEVELS, word
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, clauses, sentences
from crmlab.segments import required_columns

TIERS = (*LEVELS["risk"], "unknown")
# months of a customer's average revenue, and of the loan: the riskier, the less and the shorter
LIMIT_MONTHS = {"low": 3, "medium": 2, "high": 1, "default": 0, "unknown": 0}
TENOR_MONTHS = {"low": 36, "medium": 24, "high": 12, "default": 0, "unknown": 0}
TERMS = {
    "low": N_("Open account, unsecured; reviewed every year."),
    "medium": N_("Receivables assigned, or a guarantee for half of the limit; reviewed every half year."),
    "high": N_("A pledge or guarantee for the whole limit, instalments in advance; reviewed every month."),
    "default": N_("No new credit; a secured plan to pay what is open."),
    "unknown": N_("Payment in advance, until a year of payments is on record."),
}
# with fewer defaults, a rate says little
FEWEST_DEFAULTS = 10
_UNCERTAIN = N_("mean of the model’s probabilities, whose own uncertainty is not known")
_TOO_FEW = N_("Too few defaults ({defaults} of {n} customers): ask for the upper end of the interval.")
_ENOUGH = N_("{defaults} of {n} customers of like probability came to default.")
_ALL_ALIKE = N_("{defaults} of all {n} customers came to default; no model tells them apart.")
_BY_MODEL = N_("The model’s probability alone: no outcomes are known.")
_NOTHING = N_("No probability of default is known.")


@dataclass(frozen=True, eq=False)
class Financing:
    """What to offer in each tier.

    Attributes
    ----------
    rows
        One row per tier with customers: `tier`, `customers`, `limit` (of all its customers together), `limit_median`,
        `open` (what they owe already), `free` (limits less what is open, customer by customer), in the currency `unit`;
        `tenor_months`; `default_rate` and `price_floor` (shares a year; None in a tier without new credit, or where no
        probability is known); `terms`, `rests_on`.
    customers
        `customer_id`, `tier`, `limit`, `free`.
    loss_given_default
        Share of what is open that a default loses.
    """

    formats: ClassVar[dict[str, str]] = {
        "tier": "text", "customers": "integer", "limit": "money", "limit_median": "money", "open": "money",
        "free": "money", "tenor_months": "integer", "default_rate": "estimate", "price_floor": "estimate",
        "terms": "text", "rests_on": "text",
    }  # fmt: skip
    labels: ClassVar[dict[str, str]] = {
        "tier": N_("Risk"),
        "limit": N_("Limits, together"),
        "limit_median": N_("Limit, median"),
        "open": N_("Open now"),
        "free": N_("Free within limits"),
        "tenor_months": N_("Tenor, months"),
        "default_rate": N_("Default rate a year"),
        "price_floor": N_("Price floor a year"),
        "terms": N_("Collateral and terms"),
        "rests_on": N_("What it rests on"),
    }

    term_labels: ClassVar[dict[str, str]] = {
        "tier": labels["tier"], "terms": labels["terms"], "rests_on": labels["rests_on"],
    }  # fmt: skip

    rows: pd.DataFrame
    customers: pd.DataFrame
    loss_given_default: float
    unit: str = ""

    def table(self) -> pd.DataFrame:
        """Amounts and prices by tier, lowest risk first, in the language that is spoken."""
        tiers = [word("risk", tier) for tier in self.rows["tier"]]
        return self.rows.drop(columns=["terms", "rests_on"]).assign(tier=tiers).dropna(axis=1, how="all")

    def terms(self) -> pd.DataFrame:
        """Collateral and terms by tier, and what its price rests on."""
        tiers = [word("risk", tier) for tier in self.rows["tier"]]
        return self.rows[["tier", "terms", "rests_on"]].assign(tier=tiers, terms=self.rows["terms"].map(_))

    def customer_list(self) -> pd.DataFrame:
        """For customers.csv: `proposed_credit` in currency, `proposed_tenor_months`, `proposed_price_floor` a year."""
        rows = self.rows.set_index("tier")
        floors = rows["price_floor"].map(lambda floor: floor.value if isinstance(floor, Estimate) else np.nan)
        found = self.customers[["customer_id", "free"]].rename(columns={"free": "proposed_credit"})
        tenor, price = (self.customers["tier"].map(each) for each in (rows["tenor_months"], floors))
        return found.assign(proposed_tenor_months=tenor, proposed_price_floor=price.astype(float))

    def summary(self) -> str:
        """The least price a year that covers each tier's risk, and what could be lent within the limits."""
        priced = [row for row in self.rows.itertuples() if isinstance(row.price_floor, Estimate)]
        if not priced:
            return _("No price can be proposed: no probability of default is known.")
        floors = clauses(
            _("{tier}: {price} {evidence}").format(
                tier=word("risk", row.tier), price=row.price_floor.text(), evidence=row.price_floor.evidence()
            )
            for row in priced
        )
        price = _("The least price a year that covers its risk, with {share} lost in a default: {floors}.").format(
            share=language.quantity(self.loss_given_default, "share", digits=0), floors=floors
        )
        free = self.rows["free"].sum(min_count=1)
        if pd.isna(free):
            return price
        room = _("Within their limits, customers could be lent {free} beside what is open.").format(
            free=language.quantity(float(free), self.unit)
        )
        return sentences(price, room)


def financing_proposals(
    customers: pd.DataFrame,
    outcomes: pd.DataFrame | None = None,
    *,
    cost_of_funds: float = 0.04,
    operating_cost: float = 0.01,
    capital_charge: float = 0.01,
    loss_given_default: float = 0.45,
    limit_months: Mapping[str, float] | None = None,
    tenor_months: Mapping[str, int] | None = None,
    largest_limit: float | None = None,
    confidence_level: float = 0.95,
    currency: str = "",
) -> Financing:
    """What to offer in each tier of risk.

    Parameters
    ----------
    customers
        As `CustomerLevels.customers`: `customer_id`, `risk`, and where they are known `default_probability` within a
        year, `existing_value` (revenue of a year), `exposure`.
    outcomes
        Who came to default within a year: `customer_id`, `observed`, `default`, as `credit.default_outcomes` makes
        them.
    cost_of_funds, operating_cost, capital_charge
        A year, as shares of what is lent.
    limit_months, tenor_months
        By tier, where they differ from `LIMIT_MONTHS` and `TENOR_MONTHS`.
    largest_limit
        No customer's limit is above it; None: that of the customer at the 95% quantile of revenue.
    loss_given_default
        Share of what is open that is lost at default, 0 to 1.
    confidence_level
        Of the intervals of default rates and price floors; what the other parts of a price may be is not in them.

    Raises
    ------
    ValueError
        If a share is not from 0 to 1, a tier is unknown, or its months are below 0.
    FitError
        If no customer has a tier of risk.

    Notes
    -----
    Tiers follow from past defaults too, so that the rate within one would say what made it. The rate is therefore that
    of customers whose model probability lies between those of the tier (`credit.risk_tiers`), whatever became of them;
    without a model, that of all customers. Who is in a tier for what is overdue now may be riskier than its rate.
    """
    for name, value in (("cost_of_funds", cost_of_funds), ("operating_cost", operating_cost),
                        ("capital_charge", capital_charge), ("loss_given_default", loss_given_default)):  # fmt: skip
        if not 0 <= value <= 1:
            raise ValueError(f"`{name}` must be a share from 0 to 1, got {value}")
    months = _by_tier(LIMIT_MONTHS, limit_months, "limit_months")
    tenors = _by_tier(TENOR_MONTHS, tenor_months, "tenor_months")
    required_columns(customers, ("customer_id",))
    if customers["risk"].isna().all():
        raise FitError(_("no customer has a tier of risk, for which the table payments is needed"))
    frame = customers[["customer_id"]].assign(tier=customers["risk"].fillna("unknown"))
    frame["limit"] = _limits(customers["existing_value"] / 12, frame["tier"].map(months), largest_limit)
    owed = customers["exposure"].fillna(0.0)
    frame["free"] = (frame["limit"] - owed).clip(lower=0.0)
    rest = cost_of_funds + operating_cost + capital_charge
    rows = []
    for tier in TIERS:
        part = frame[frame["tier"] == tier]
        if part.empty:
            continue
        lends = tier in ("low", "medium", "high")
        rate, rests_on = _default_rate(tier, customers, outcomes, confidence_level) if lends else (None, "")
        floor = None if rate is None else _floor(rate, rest, loss_given_default)
        sums = {name: part[name].sum(min_count=1) for name in ("limit", "free")}
        amounts = sums | {"limit_median": part["limit"].median(), "open": owed[part.index].sum()}
        prices = {"default_rate": rate, "price_floor": floor, "terms": TERMS[tier], "rests_on": rests_on}
        rows.append({"tier": tier, "customers": len(part), "tenor_months": tenors[tier]} | amounts | prices)
    found = pd.DataFrame(rows)[list(Financing.formats)].astype({"default_rate": object, "price_floor": object})
    return Financing(found, frame, loss_given_default, currency)


def _by_tier(defaults: Mapping[str, float], given: Mapping[str, float] | None, name: str) -> dict[str, float]:
    for tier, months in (given or {}).items():
        if tier not in defaults:
            raise ValueError(f"`{name}`: {tier} is not a tier{nearest(tier, defaults)}")
        if not months >= 0:
            raise ValueError(f"`{name}` must not be negative, got {months} for {tier}")
    return {**defaults, **(given or {})}


def _limits(monthly: pd.Series, months: pd.Series, largest: float | None) -> pd.Series:
    monthly = monthly.clip(lower=0.0)
    if largest is None:
        return months * monthly.clip(upper=monthly[monthly > 0].quantile(0.95) if (monthly > 0).any() else None)
    return (months * monthly).clip(upper=largest)


def _default_rate(
    tier: str, customers: pd.DataFrame, outcomes: pd.DataFrame | None, confidence_level: float
) -> tuple[Estimate | None, str]:
    """Of a year, and what it rests on."""
    label = _("default rate a year")
    probability = customers["default_probability"].astype(float)
    low, high = {"low": (0.0, CUTS[0]), "medium": CUTS, "high": (CUTS[1], np.inf)}[tier]
    inside = (probability >= low) & (probability < high)
    known = None if outcomes is None else outcomes[outcomes["observed"].astype(bool)]
    if known is not None and len(known):
        message = _ENOUGH if inside.any() else _ALL_ALIKE
        of_tier = known[known["customer_id"].isin(customers.loc[inside, "customer_id"])] if inside.any() else known
        n, defaults = len(of_tier), int(of_tier["default"].sum())
        if n:
            message = _TOO_FEW if defaults < FEWEST_DEFAULTS else message
            rests_on = _(message).format(defaults=language.number(defaults), n=language.number(n))
            return intervals.wilson(defaults, n, label=label, confidence_level=confidence_level), rests_on
    if not inside.any():
        return None, _(_NOTHING)
    mean, n = float(probability[inside].mean()), int(inside.sum())
    return Estimate(mean, None, None, "share", n, label, confidence_level, no_interval=_UNCERTAIN), _(_BY_MODEL)


def _floor(rate: Estimate, rest: float, loss_given_default: float) -> Estimate:
    value, low, high = (
        None if end is None else rest + end * loss_given_default for end in (rate.value, rate.low, rate.high)
    )
    return replace(rate, value=value, low=low, high=high, label=_("price floor a year"))
