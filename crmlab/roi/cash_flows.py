r"""The programme's cash flows: what was paid, what is planned, what is claimed as benefit and what was measured.

Flows up to the as-of date are those recorded as actual; those after it are plans, also where they are recorded as
actual. A benefit in the client's table is a claim. Where the programme's effect on margin was measured, the measured
benefit takes the place of the claims:

.. math:: B_k = e\, n_k\, p^{y_k}

with the effect `e` per customer-month, the customer-months :math:`n_k` of those reached, and the share `p` of the
effect that is left a year later, :math:`y_k` years after the as-of date (0 before it).
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, listed, ngettext, sentences
from crmlab.roi.reach import ACTUAL, PLANNED, customer_months

MEASURED = N_("Measured effect on margin")
KINDS = {"cost": N_("cost"), "benefit": N_("benefit")}
_NEEDED = ("scenario", "date", "kind", "category", "amount")


@dataclass(frozen=True, eq=False)
class Programme:
    """Cash flows of the programme under one plan; amounts are in the currency `unit`, costs without a minus sign.

    Attributes
    ----------
    flows
        From the client's table: `date`, `kind`, `category`, `amount`, `status` (actual or planned) and `counted`.
    reached
        Customers reached, by month: `date` (its last day, or the as-of date within it), `customer_months` of the part
        that ends then, `years` since the as-of date (0 before it), `status`.
    effect
        On margin per customer-month; None where none was measured, and the claims are what counts.
    plan
        The scenario that is taken after the as-of date; empty where there is none.
    start
        The day in whose money present values are told.
    annual_discount_rate, effect_persistence
        As `programme` takes them: shares a year.
    left_out
        Amount of the flows after the last day that counts, by kind.
    undated
        Customers who were reached on no known day: their months count nowhere.
    categories
        All of the client's table, also those that no flow here has.
    """

    formats: ClassVar[dict[str, str]] = dict.fromkeys(("to_date", "planned", "total"), "money")
    labels: ClassVar[dict[str, str]] = {
        "kind": N_("Kind"), "category": N_("Category"), "to_date": N_("To date"), "planned": N_("Planned"),
        "total": N_("Total"), "counted": N_("In the return"),
    }  # fmt: skip
    claim_labels: ClassVar[dict[str, str]] = {
        "period": N_("Period"), "claimed": N_("Claimed by the client"), "measured": MEASURED,
        "kept": N_("Claims that count beside it"),
    }  # fmt: skip
    claim_formats: ClassVar[dict[str, str]] = {"claimed": "money", "measured": "estimate", "kept": "money"}

    flows: pd.DataFrame
    reached: pd.DataFrame
    effect: Estimate | None
    as_of: pd.Timestamp
    start: pd.Timestamp
    plan: str
    annual_discount_rate: float
    effect_persistence: float
    unit: str
    left_out: dict[str, float]
    undated: int = 0
    categories: tuple[str, ...] = ()

    @property
    def last(self) -> date:
        """The day of the last flow that counts."""
        return self.counted()["date"].max().date()

    def counted(self) -> pd.DataFrame:
        """The flows that make the return, by date, the measured benefit among them: with `measured`, True or False."""
        flows = self.flows[self.flows["counted"]].drop(columns="counted").assign(measured=False)
        if self.effect is not None:
            benefit = self.reached[["date", "status"]].assign(
                kind="benefit", category=MEASURED, amount=self.effect.value * self.weights(), measured=True
            )
            flows = pd.concat([flows, benefit[flows.columns]], ignore_index=True) if len(flows) else benefit
        return flows.sort_values("date", kind="stable", ignore_index=True)

    def weights(self) -> np.ndarray:
        """Customer-months of each row of `reached`, later ones counting for less as the effect wears off."""
        years = self.reached["years"].to_numpy(dtype=float)
        return self.reached["customer_months"].to_numpy(dtype=float) * self.effect_persistence**years

    def to_date(self) -> "Programme":
        """The flows up to the as-of date alone, as a programme; a `FitError` where there are none."""
        return self._part(ACTUAL, "nothing was paid up to the as-of date")

    def ahead(self) -> "Programme":
        """The flows after the as-of date alone, in money of that date: what was paid decides nothing.

        A `FitError` where none are planned.
        """
        return self._part(PLANNED, "no cash flow is planned after the as-of date")

    def _part(self, status: str, otherwise: str) -> "Programme":
        part = replace(
            self,
            flows=self.flows[self.flows["status"] == status],
            reached=self.reached[self.reached["status"] == status],
            start=self.start if status == ACTUAL else self.as_of,
        )
        if part.counted().empty:
            raise FitError(otherwise)
        return part

    def table(self) -> pd.DataFrame:
        """By category, costs first: to date, planned, in all, and whether it counts."""
        rows = self.flows.assign(counted=self.flows["counted"].map({True: _("yes"), False: _("no")}))
        if self.effect is not None:
            rows = pd.concat([rows, self.counted().query("measured").assign(category=_(MEASURED), counted=_("yes"))])
        by = rows.pivot_table("amount", ["kind", "category", "counted"], "status", aggfunc="sum", fill_value=0.0)
        by = by.reindex(columns=[ACTUAL, PLANNED], fill_value=0.0).set_axis(["to_date", "planned"], axis=1)
        by = by.assign(total=by.sum(axis=1)).reset_index()
        by = by.sort_values(["kind", "total"], ascending=[False, False], kind="stable", ignore_index=True)
        columns = ["category", "kind", "to_date", "planned", "total", "counted"]
        return by.assign(kind=by["kind"].map(lambda kind: _(KINDS[kind])))[columns]

    def claims(self) -> pd.DataFrame:
        """Benefits claimed and measured, undiscounted, side by side: `period`, `claimed`, `measured`, `kept`."""
        names = {ACTUAL: _("Up to {day}").format(day=language.day(self.as_of)), PLANNED: _("After that")}
        benefits = self.flows[self.flows["kind"] == "benefit"]
        kept = benefits["counted"] & (self.effect is not None)
        rows = []
        for statuses, name in (((ACTUAL,), names[ACTUAL]), ((PLANNED,), names[PLANNED]), (tuple(names), _("In all"))):
            own = benefits["status"].isin(statuses)
            months = float(self.weights()[self.reached["status"].isin(statuses).to_numpy(bool)].sum())
            measured = None if self.effect is None else scaled(self.effect, months, label=_(MEASURED))
            rows.append((name, benefits.loc[own, "amount"].sum(), measured, benefits.loc[own & kept, "amount"].sum()))
        return pd.DataFrame(rows, columns=["period", "claimed", "measured", "kept"])

    def summary(self) -> str:
        """What the programme cost, and what was claimed and measured of its benefits; none of it discounted."""
        cost = self.flows[self.flows["kind"] == "cost"].groupby("status")["amount"].sum()
        paid, planned = (language.quantity(float(cost.get(name, 0.0)), self.unit) for name in (ACTUAL, PLANNED))
        told = _("The programme cost {paid} up to {day}; no cost is planned after that.")
        if cost.get(PLANNED, 0.0):
            told = _("The programme cost {paid} up to {day}, and {planned} is planned after that.")
        told = told.format(paid=paid, planned=planned, day=language.day(self.as_of))
        return sentences(told, self._benefits(), self._remarks())

    def _benefits(self) -> str:
        claimed = self.claims().iloc[0]
        if self.effect is None:
            return _(
                "No effect of the programme was measured: the return rests on the {claimed} of benefits that the "
                "client claims to date, and on what is planned."
            ).format(claimed=language.quantity(claimed["claimed"], self.unit))
        told = _("Up to then the measured effect brought {measured} {evidence}; the client claims {claimed}.").format(
            measured=claimed["measured"].text(),
            evidence=claimed["measured"].evidence(),
            claimed=language.quantity(claimed["claimed"], self.unit),
        )
        benefits = self.flows[self.flows["kind"] == "benefit"]
        kept = sorted(benefits.loc[benefits["counted"], "category"].unique())
        if not kept:
            return sentences(told, _("The return counts what was measured, and no claim."))
        return sentences(
            told, _("The return counts what was measured and, as claimed, {kept}.").format(kept=listed(kept))
        )

    def _remarks(self) -> str:
        later = {kind: language.quantity(amount, self.unit) for kind, amount in self.left_out.items() if amount}
        after = {
            "cost": _("Costs of {amount} fall after the last day that counts, and are left out."),
            "benefit": _("Claimed benefits of {amount} fall after the last day that counts, and are left out."),
        }
        undated = ngettext(
            "One customer was reached on no known day, and brings nothing here.",
            "{n} customers were reached on no known day, and bring nothing here.",
            self.undated,
        ).format(n=language.number(self.undated))
        told = [after[kind].format(amount=amount) for kind, amount in later.items()]
        return sentences(*told, undated if self.undated and self.effect is not None else "")


def scaled(estimate: Estimate, factor: float, *, label: str) -> Estimate:
    """An estimate and its interval times a number that is not negative."""
    if estimate.low is None:
        return replace(estimate, value=estimate.value * factor, label=label)
    low, high = min(estimate.low * factor, estimate.value * factor), max(estimate.high, estimate.value) * factor
    return replace(estimate, value=estimate.value * factor, low=low, high=high, label=label)


def programme(
    flows: pd.DataFrame,
    *,
    as_of,
    effect: Estimate | None = None,
    reached: pd.DataFrame | None = None,
    claims_kept: Collection[str] = (),
    plan: str = "base",
    end=None,
    effect_persistence: float = 0.8,
    annual_discount_rate: float = 0.1,
    unit: str = "",
) -> Programme:
    """Put the flows together: actual up to the as-of date, planned after it, claimed benefits or the measured one.

    Parameters
    ----------
    flows
        As `aggregate.crm_cash_flows` gives them, by day.
    as_of
        The last day whose flows are facts; later ones are plans.
    effect
        On margin per customer-month, with its interval, as it was measured up to the as-of date.
    reached
        `from_date` and `customers`, as `aggregate.customers_reached` gives them; needed with an effect.
    claims_kept
        Categories of benefit that the measured effect does not hold (labour that is saved, say), and that count as the
        client claims them. Without an effect all claims count.
    plan
        The scenario whose flows count after the as-of date. Where the table has none of that name, nothing does, but
        flows recorded as actual ahead of their day. Where nothing was recorded as actual, the plan counts throughout.
    end
        The last day that counts; that of the last planned flow unless given.
    effect_persistence
        Share of the effect that is left a year after the as-of date; of that, the same share another year later.
    annual_discount_rate
        0.1 is 10% a year.
    unit
        Currency of the amounts (ISO 4217).

    Raises
    ------
    ValueError
        If `flows` lacks a column, `effect_persistence` is not from 0 to 1, or an effect is given without `reached`.
    FitError
        If there is neither an actual flow nor one of the plan, or none falls on a day that counts.
    """
    missing = [name for name in _NEEDED if name not in flows]
    if missing:
        raise ValueError(f"`flows` must have the columns {', '.join(_NEEDED)}; missing: {', '.join(missing)}")
    if not 0 <= effect_persistence <= 1:
        raise ValueError(f"`effect_persistence` must be a share from 0 to 1, got {effect_persistence}")
    if effect is not None and reached is None:
        raise ValueError("an `effect` needs `reached`, the customers it works on and since when")
    as_of = pd.Timestamp(as_of)
    taken = _taken(flows.assign(date=pd.to_datetime(flows["date"])), as_of, plan)
    if taken.empty:
        raise FitError(f"crm_cashflows holds no actual flow, and none of a plan named {plan}")
    last = pd.Timestamp(end) if end is not None else max(taken["date"].max(), as_of)
    later = taken[taken["date"] > last].groupby("kind")["amount"].sum()
    taken = taken[taken["date"] <= last]
    measured = effect is not None
    counted = (taken["kind"] == "cost") | (not measured) | taken["category"].isin(list(claims_kept))
    columns = ["date", "kind", "category", "amount", "status"]
    months = customer_months(reached if measured else None, as_of, last)
    found = Programme(
        taken[columns].assign(counted=counted).reset_index(drop=True), months, effect, as_of, as_of,
        plan if (taken["status"] == PLANNED).any() else "", annual_discount_rate, effect_persistence, unit,
        {kind: float(later.get(kind, 0.0)) for kind in KINDS},
        int(reached.loc[reached["from_date"].isna(), "customers"].sum()) if measured else 0,
        tuple(dict.fromkeys(flows["category"])),
    )  # fmt: skip
    made = found.counted()
    if made.empty:
        raise FitError("no cash flow of the programme falls on a day that counts")
    return replace(found, start=made["date"].min())


def _taken(flows: pd.DataFrame, as_of: pd.Timestamp, plan: str) -> pd.DataFrame:
    """Flows that count, whatever their kind: actual up to the as-of date, planned after it."""
    actual, planned = flows[flows["scenario"] == ACTUAL], flows[flows["scenario"] == plan]
    if plan == ACTUAL:
        planned = planned.head(0)
    past = actual[actual["date"] <= as_of]
    if actual.empty:
        return planned.assign(status=PLANNED)
    planned = planned[planned["date"] > as_of]
    ahead = actual[actual["date"] > as_of]
    # recorded ahead of its day, and planned too: it must not count twice
    known = pd.MultiIndex.from_frame(planned[["kind", "category"]])
    ahead = ahead[~pd.MultiIndex.from_frame(ahead[["kind", "category"]]).isin(known)]
    return pd.concat([past.assign(status=ACTUAL), ahead.assign(status=PLANNED), planned.assign(status=PLANNED)])
