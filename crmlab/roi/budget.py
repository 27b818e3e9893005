r"""Where the next unit of money brings most: a budget across segments or channels, at the margin.

Reaching one more customer of a segment costs `c` and brings, over `h` months, the present value

.. math:: e \sum_{k=1}^{h} p^{k/12} (1 + d)^{-k/12}

of the segment's effect `e` per customer-month. Within a segment one customer is like another, so that money goes to the
segment with the highest return on cost until nobody there is left to reach, then to the next. The effects should be
drawn towards one another (shrunken): the best of many raw estimates is best by luck in part.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import intervals, language
from crmlab.absence import FitError
from crmlab.groups import NOT_KNOWN, OTHERS, group_of, named
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, listed, ngettext, sentences
from crmlab.roi.terms import standard_error

REACH, TEST, LEAVE = N_("reach"), N_("test first"), N_("leave")
_NEEDED = ("group", "estimate", "cost_per_customer", "size")


@dataclass(frozen=True, eq=False)
class Budget:
    """A budget across segments.

    Attributes
    ----------
    segments
        One row per segment, the highest return first: `group`, `size` (customers left to reach), `cost_per_customer`,
        `gain` (estimate: present value that one more customer brings over the horizon, less the cost), `roi` (the same
        over the cost, a share; None where reaching costs nothing), `chance` that it is above zero (0 to 1), `verdict`
        (`REACH`, `TEST` or `LEAVE`), `customers` to reach and `spend`. Amounts are in the currency `unit`.
    gain
        Of all customers to reach; None if there are none. Its interval allows for effects that err together.
    spend
        What reaching them costs.
    horizon_months
        Over which a customer reached is taken to gain.
    """

    formats: ClassVar[dict[str, str]] = {
        "group": "text", "size": "integer", "cost_per_customer": "money", "gain": "estimate", "roi": "share",
        "chance": "share", "verdict": "text", "customers": "integer", "spend": "money",
    }  # fmt: skip
    labels: ClassVar[dict[str, str]] = {
        "group": N_("Segment"), "size": N_("Left to reach"), "cost_per_customer": N_("Cost per customer"),
        "gain": N_("Net gain per customer"), "roi": N_("Return on cost"), "chance": N_("Chance that it pays"),
        "verdict": N_("What to do"), "customers": N_("Customers to reach"), "spend": N_("To spend"),
    }  # fmt: skip

    segments: pd.DataFrame
    gain: Estimate | None
    spend: float
    horizon_months: int
    unit: str

    def table(self) -> pd.DataFrame:
        """`segments`, with names and verdicts in the language that is spoken."""
        return self.segments.assign(group=named(self.segments["group"]), verdict=self.segments["verdict"].map(_))

    def summary(self) -> str:
        """How many more customers to reach, where, for what, and the net gain; and where to test first."""
        reached = self.table()[(self.segments["customers"] > 0).to_numpy()]
        tested = self.table()[(self.segments["verdict"] == TEST).to_numpy()]
        unsure = _("Whether it pays cannot be told yet in {groups}: test there first.")
        unsure = unsure.format(groups=listed(tested["group"])) if len(tested) else ""
        if self.gain is None:
            none = _("In no segment does reaching more customers pay with sufficient certainty within {months}.")
            return sentences(none.format(months=language.quantity(self.horizon_months, "months")), unsure)
        n = int(reached["customers"].sum())
        told = ngettext(
            "Reach one more customer in {groups} for {spend}: within {months} that brings {gain} {evidence} net.",
            "Reach {n} more customers in {groups} for {spend}: within {months} that brings {gain} {evidence} net.",
            n,
        ).format(
            n=language.number(n),
            groups=listed(reached["group"]),
            spend=language.quantity(self.spend, self.unit),
            months=language.quantity(self.horizon_months, "months"),
            gain=self.gain.text(),
            evidence=self.gain.evidence(),
        )
        return sentences(told, unsure)


def budget(
    segments: pd.DataFrame,
    *,
    horizon_months: int = 24,
    most: float | None = None,
    likely: float = 0.8,
    effect_persistence: float = 0.8,
    annual_discount_rate: float = 0.1,
    unit: str = "",
    confidence_level: float = 0.95,
) -> Budget:
    """Spread money over segments, where it returns most first.

    Parameters
    ----------
    segments
        `group`; `estimate` of the effect per customer-month (estimates, or numbers with `standard_error`);
        `cost_per_customer`; `size`, how many are left to reach; `n` behind each number, their size unless given. A
        segment without one of them is left out.
    most
        Money there is, in the currency; None for all that pays.
    likely
        Chance of paying from which a segment is reached, from 0.5 to less than 1; at one minus it or less, it is left.
    horizon_months
        How long a customer reached next is expected to gain.
    effect_persistence, annual_discount_rate
        As of `cash_flows.programme`.
    unit, confidence_level
        Currency of the amounts (ISO 4217), and level of the intervals.

    Raises
    ------
    ValueError
        If `segments` lacks a column, `likely` or `most` is out of bounds, or a cost, size or error is below zero.
    FitError
        If no segment has all that is needed.
    """
    missing = [name for name in _NEEDED if name not in segments]
    if missing:
        raise ValueError(f"`segments` must have the columns {', '.join(_NEEDED)}; missing: {', '.join(missing)}")
    if not 0.5 <= likely < 1:
        raise ValueError(f"`likely` must be a chance from 0.5 to less than 1, got {likely}")
    if most is not None and not most >= 0:
        raise ValueError(f"`most` must not be below zero, got {most}")
    known = segments.dropna(subset=list(_NEEDED)).reset_index(drop=True)
    if known.empty:
        raise FitError("no segment has an effect, a cost per customer, and customers left to reach")
    value, error = _numbers(known)
    cost, size = known["cost_per_customer"].to_numpy(float), known["size"].to_numpy(float)
    if (cost < 0).any() or (size < 0).any() or (error < 0).any():
        raise ValueError("`cost_per_customer`, `size` and `standard_error` must not be below zero")
    years = np.arange(1, int(horizon_months) + 1) / 12
    worth = float((effect_persistence**years * (1 + annual_discount_rate) ** -years).sum())
    net, spread = value * worth - cost, error * worth
    from scipy import special

    certain = np.where(net > 0, 1.0, 0.0)
    chance = np.where(spread > 0, special.ndtr(net / np.where(spread > 0, spread, 1.0)), certain)
    with np.errstate(divide="ignore", invalid="ignore"):
        roi = np.where(cost > 0, net / cost, np.where(net > 0, np.inf, -np.inf))
    own = known["n"] if "n" in known else known["size"]
    counts = [each.n if isinstance(each, Estimate) else int(n) for each, n in zip(known["estimate"], own, strict=True)]
    shown: dict[str, Any] = {"unit": unit, "confidence_level": confidence_level}
    label = _("net gain per customer")
    table = pd.DataFrame(
        {
            "group": known["group"], "size": size.astype("int64"), "cost_per_customer": cost,
            "gain": [intervals.from_standard_error(each, wide, n=n, label=label, **shown)
                     for each, wide, n in zip(net, spread, counts, strict=True)],
            "roi": roi, "chance": chance,
            "verdict": np.where(chance >= likely, REACH, np.where(chance <= 1 - likely, LEAVE, TEST)),
            "net": net, "spread": spread,
        }
    )  # fmt: skip
    table = table.sort_values(["roi", "group"], ascending=[False, True], ignore_index=True)
    table["customers"] = _spread(table, most)
    table["spend"] = table["customers"] * table["cost_per_customer"]
    n = table["customers"].to_numpy(float)
    gain = None
    if n.any():
        total, wide = float(n @ table["net"]), float(n @ table["spread"])
        gain = intervals.from_standard_error(total, wide, n=sum(counts), label=_("net gain"), **shown)
    table["roi"] = table["roi"].astype(object).where(np.isfinite(table["roi"]), None)
    return Budget(table[list(Budget.formats)], gain, float(table["spend"].sum()), int(horizon_months), unit)


def segments_to_reach(
    effects: pd.DataFrame, exposure: pd.DataFrame, profiles: pd.DataFrame, *, by: str
) -> pd.DataFrame:
    """Effects by segment joined with what reaching a customer cost there and how many are left: what `budget` takes.

    Parameters
    ----------
    effects
        `group`, `estimate`, and `standard_error` where the estimates are numbers.
    exposure
        One row per customer: `customer_id`, `treated`, `cost`. A segment where nobody was reached costs what the others
        do. Segments that have no effect of their own are among the "Others", where `effects` has those.
    profiles, by
        Frame with `customer_id` and the column `by`, which makes the segments.

    Raises
    ------
    FitError
        If `exposure` does not say what reaching a customer cost.
    """
    if "cost" not in exposure:
        raise FitError("the table exposure does not say what reaching a customer cost")
    groups = group_of(exposure["customer_id"], profiles, by=by)
    if OTHERS in set(effects["group"]):
        groups = groups.where(groups.isin(effects["group"]) | (groups == NOT_KNOWN), OTHERS)
    treated = exposure["treated"].to_numpy(bool)
    cost = exposure["cost"].astype(float).where(treated)
    found = pd.DataFrame({"group": groups.to_numpy(), "size": ~treated, "cost_per_customer": cost}).groupby("group")
    found = found.agg({"size": "sum", "cost_per_customer": "mean"}).reset_index()
    found["cost_per_customer"] = found["cost_per_customer"].fillna(cost.mean())
    return effects.merge(found[found["group"] != NOT_KNOWN], on="group", how="inner")


def _numbers(segments: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Effects and their standard errors."""
    estimates = list(segments["estimate"])
    if all(isinstance(each, Estimate) for each in estimates):
        return np.array([each.value for each in estimates]), np.array([standard_error(each) for each in estimates])
    if "standard_error" not in segments:
        raise ValueError("`segments` must have a column standard_error where `estimate` holds numbers")
    return segments["estimate"].to_numpy(float), segments["standard_error"].to_numpy(float)


def _spread(table: pd.DataFrame, most: float | None) -> np.ndarray:
    """Customers to reach in each segment, in its order, until the money is spent."""
    left, found = np.inf if most is None else float(most), []
    for row in table.itertuples():
        n = row.size if row.verdict == REACH else 0
        if row.cost_per_customer > 0 and np.isfinite(left):
            n = min(n, int(left / row.cost_per_customer + 1e-9))
        left -= n * row.cost_per_customer
        found.append(n)
    return np.array(found, dtype="int64")
