r"""Value joined with risk: customers by value and risk, and lifetime value after what defaults take from it.

.. math:: CLV^{*}_i = CLV_i (1 - PD_i) - PD_i \cdot LGD \cdot E_i

A customer who defaults within the horizon is taken to bring nothing of the lifetime value expected over it, and to lose
the expected share of what is open. Both are over the same horizon.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import language, suppression
from crmlab.credit.expected_loss import ExpectedCreditLoss
from crmlab.credit.tiers import HIGH, IN_DEFAULT, TIERS, RiskTiers
from crmlab.groups import hidden_cells, withheld
from crmlab.intervals import Estimate
from crmlab.likelihood import prediction
from crmlab.messages import N_, _, ngettext, sentences
from crmlab.segments import required_columns

# English in every frame; translated where they are shown; by how many thirds of the customers are worth less
VALUE_TIERS = (N_("Low value"), N_("Medium value"), N_("High value"))
_NONE = N_("no probability of default can be estimated")


@dataclass(frozen=True, eq=False)
class ValueByRisk:
    """Customers by value and by risk.

    Attributes
    ----------
    cells
        One row for each pair of tiers, highest value first: `value_tier`, `tier`, `customers`, `value` and `exposure`
        (money of `unit`).
    customers
        `customer_id`, `value_tier`, `tier`, `value`, `exposure`.
    unmatched
        Customers with a value but without a record of payments; they are in no cell.
    """

    formats: ClassVar[dict[str, str]] = {
        "value_tier": "text", "tier": "text", "customers": "integer", "value": "money", "value_share": "share",
        "exposure": "money",
    }  # fmt: skip
    labels: ClassVar[dict[str, str]] = {
        "value_tier": N_("Value tier"),
        "tier": N_("Risk"),
        "value": N_("Lifetime value"),
        "value_share": N_("Share of lifetime value"),
        "exposure": N_("Exposure"),
    }

    cells: pd.DataFrame
    customers: pd.DataFrame
    unmatched: int
    unit: str = ""

    def table(self) -> pd.DataFrame:
        """`cells` with customers, in the language that is spoken."""
        found = self.cells[self.cells["customers"] > 0].reset_index(drop=True)
        total = float(found["value"].sum())
        found.insert(4, "value_share", found["value"] / total if total > 0 else 0.0)
        hidden = [self.hidden.loc[row.value_tier, row.tier] for row in found.itertuples()]
        found = found.assign(value_tier=found["value_tier"].map(_), tier=found["tier"].map(_))
        return suppression.without_figures(found, np.array(hidden, dtype=bool))

    @cached_property
    def hidden(self) -> pd.DataFrame:
        """Of `matrix`: which cells may not be told of."""
        cells = self.matrix()
        return pd.DataFrame(hidden_cells(cells.to_numpy()), cells.index, cells.columns)

    def matrix(self, measure: str = "customers") -> pd.DataFrame:
        """Tiers of value as rows, highest first, tiers of risk that occur as columns, lowest first.

        Raises
        ------
        ValueError
            If `measure` is not `customers`, `value` or `exposure`.
        """
        if measure not in ("customers", "value", "exposure"):
            raise ValueError(f"`measure` must be one of customers, value, exposure, got {measure!r}")
        found = self.cells.pivot(index="value_tier", columns="tier", values=measure)
        present = [tier for tier in TIERS if tier in set(self.customers["tier"])]
        return found.loc[list(reversed(VALUE_TIERS)), present]

    def summary(self) -> str:
        """How many customers of high value are of high risk or in default, and what they hold."""
        of_high = self.cells[self.cells["value_tier"] == VALUE_TIERS[-1]]
        risky = of_high[of_high["tier"].isin((HIGH, IN_DEFAULT))]
        total = float(self.cells["value"].sum())
        found = _(
            "High risk or default among customers of high value: {risky} of {n}, with {share} of the lifetime value "
            "and {exposure} of exposure."
        ).format(
            n=language.number(int(of_high["customers"].sum())),
            risky=language.number(int(risky["customers"].sum())),
            share=language.quantity(float(risky["value"].sum()) / total if total > 0 else 0.0, "share"),
            exposure=language.quantity(float(risky["exposure"].sum()), self.unit),
        )
        known = [risk for risk in (HIGH, IN_DEFAULT) if risk in self.hidden]
        if self.hidden.loc[VALUE_TIERS[-1], known].any():
            found = withheld([_(VALUE_TIERS[-1]), *map(_, known)])
        left_out = ngettext(
            "One customer without a record of payments is left out.",
            "{n} customers without a record of payments are left out.",
            self.unmatched,
        ).format(n=language.number(self.unmatched))
        return sentences(found, left_out if self.unmatched else "")


@dataclass(frozen=True, eq=False)
class RiskAdjustedValue:
    """Lifetime value after what defaults are expected to take from it.

    Attributes
    ----------
    customers
        `customer_id`, `clv`, `probability` of default (0 without a record of payments), `expected_loss`,
        `risk_adjusted_clv`; money but for the probability.
    total
        Over all customers; None where no probability can be estimated.
    deduction
        What defaults take: lifetime value that will not come, and open amounts that are lost; None as `total`.
    unmatched
        Customers with a value but without a record of payments, who are taken not to default.
    """

    customers: pd.DataFrame
    total: Estimate | None
    deduction: Estimate | None
    unmatched: int

    def table(self) -> pd.DataFrame:
        """One row per measure."""
        found = [each for each in (self.total, self.deduction) if each is not None]
        return pd.DataFrame({"measure": [each.label for each in found], "estimate": found})

    def summary(self) -> str:
        """Lifetime value after defaults, and what they take from it."""
        if self.total is None:
            return _("Lifetime value cannot be adjusted for risk: {reason}.").format(reason=_(_NONE))
        return _(
            "After defaults, the lifetime value is {total} {evidence}; they take {deduction} {deducted} from it."
        ).format(
            total=self.total.text(),
            evidence=self.total.evidence(),
            deduction=self.deduction.text(),
            deducted=self.deduction.evidence(),
        )


def value_by_risk(tiers: RiskTiers, value: pd.DataFrame, *, unit: str = "") -> ValueByRisk:
    """Customers by thirds of value and by tier of risk.

    Parameters
    ----------
    value
        One row per customer: `customer_id` and `clv`, as `clv.LifetimeValue.customers`. A customer is of high
        value if at least two thirds of them are worth strictly less, of medium value with at least one third.
    tiers
        As `tiers.risk_tiers` gives them.

    Raises
    ------
    ValueError
        If there are no customers, or `value` lacks a column or has an empty one.
    """
    frame = required_columns(value, ("customer_id", "clv")).rename(columns={"clv": "value"})
    worse = frame["value"].rank(method="min").to_numpy().astype(int) - 1
    frame = frame.assign(value_tier=np.array(VALUE_TIERS)[len(VALUE_TIERS) * worse // len(frame)])
    found = frame.merge(tiers.customers[["customer_id", "tier", "exposure"]], on="customer_id", how="inner")
    pairs = pd.MultiIndex.from_product([reversed(VALUE_TIERS), TIERS], names=["value_tier", "tier"])
    cells = found.groupby(["value_tier", "tier"]).agg(
        customers=("value", "size"), value=("value", "sum"), exposure=("exposure", "sum")
    )
    cells = cells.reindex(pairs, fill_value=0).reset_index().astype({"value": float, "exposure": float})
    kept = found[["customer_id", "value_tier", "tier", "value", "exposure"]]
    return ValueByRisk(cells, kept, len(frame) - len(found), unit)


def risk_adjusted_value(
    value: pd.DataFrame, total: Estimate, loss: ExpectedCreditLoss, *, draws: int = 400, seed: int = 0
) -> RiskAdjustedValue:
    r"""Lifetime value of each customer and of all, after defaults.

    Parameters
    ----------
    value
        One row per customer: `customer_id` and `clv`.
    total
        Their sum with its interval, as `clv.customer_lifetime_value` gives it.
    loss
        Over the same horizon.
    draws
        Simulated futures behind the interval of what defaults take.

    Raises
    ------
    ValueError
        If there are no customers, `value` lacks a column or has an empty one, or `draws` are too few for the level of
        the total.

    Notes
    -----
    The deduction's interval comes from simulated defaults. It is taken to be independent of the lifetime value itself,
    so that the distances of the ends of the total's interval from its value are
    :math:`\sqrt{d_{CLV}^2 + d_{deduction}^2}`.
    """
    frame = required_columns(value, ("customer_id", "clv"))
    unmatched = int((~frame["customer_id"].isin(loss.customers["customer_id"])).sum())
    if loss.portfolio is None:
        return RiskAdjustedValue(frame, None, None, unmatched)
    known = loss.customers.set_index("customer_id")[["probability", "expected_loss"]]
    found = frame.join(known, on="customer_id").fillna({"probability": 0.0, "expected_loss": 0.0})
    found["risk_adjusted_clv"] = found["clv"] * (1 - found["probability"]) - found["expected_loss"]
    worth = loss.customers["customer_id"].map(frame.set_index("customer_id")["clv"]).fillna(0.0).to_numpy(float)
    expected = float((found["clv"] - found["risk_adjusted_clv"]).sum())
    # losses of customers without a lifetime value are no part of it
    elsewhere = float(loss.customers["expected_loss"].sum() - found["expected_loss"].sum())
    futures = [worth @ defaulted + lost for defaulted, lost in loss.portfolio.futures(draws=draws, seed=seed)]
    shown: dict[str, Any] = {"unit": total.unit, "n": total.n, "confidence_level": total.confidence_level}
    deduction = prediction(
        expected, np.array(futures) - elsewhere, label=_("taken from lifetime value by defaults"), **shown
    )
    adjusted, label = total.value - expected, _("lifetime value after defaults")
    if total.low is None:
        whole = Estimate(adjusted, None, None, label=label, no_interval=total.no_interval, **shown)
        return RiskAdjustedValue(found, whole, deduction, unmatched)
    low = adjusted - math.hypot(total.value - total.low, deduction.high - expected)
    high = adjusted + math.hypot(total.high - total.value, expected - deduction.low)
    return RiskAdjustedValue(found, Estimate(adjusted, low, high, label=label, **shown), deduction, unmatched)
