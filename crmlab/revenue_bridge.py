"""From the revenue of one period to that of the next: what customers won, lost, grown and shrunk made of it."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.intervals import Estimate, poisson_rate
from crmlab.messages import N_, _, sentences
from crmlab.ratios import ratio_of_sums
from crmlab.segments import required_columns

# in the order of the bridge; English in every frame, translated where they are shown
STEPS = (
    N_("Won"),
    N_("Returned"),
    N_("Grown"),
    N_("Shrunk"),
    N_("Lost"),
    N_("Refunds of earlier purchases"),
)
# by measure: what it is called, and the label of its growth
_MEASURES = {
    "revenue": (N_("revenue"), N_("change of revenue from the period before")),
    "margin": (N_("net profit (margin)"), N_("change of net profit from the period before")),
}


@dataclass(frozen=True, eq=False)
class RevenueBridge:
    """Change of revenue (or margin) from one period to the next, divided by what customers did.

    Attributes
    ----------
    steps
        One row per step that has customers: `step`, `customers`, `amount` (the change that they made; with `before` it
        adds up to `now`) and `share` (estimate: the change as a fraction of all of `before`; None where that is not
        above zero). Won: first purchase ever in the later period. Returned: bought earlier, not in the period before.
        Lost: bought in the period before, not in the later one. Grown and shrunk: bought in both. Refunds of earlier
        purchases: bought in neither.
    before, now
        Amount of all customers in the earlier and the later period, net of refunds, in money of `unit`.
    growth
        Change relative to `before`, 0.1 for 10% more; None where the periods cannot be compared.
    kept
        Amount in the later period of those who had bought before, relative to what they brought then (net retention):
        1 is as much as then, higher is better.
    reason
        Why the periods cannot be compared; empty if they can.
    customers
        One row per customer: `customer_id`, `step`, `before`, `now`, `change`.
    months
        Length of each period.
    """

    formats: ClassVar[dict[str, str]] = {"customers": "integer", "amount": "money"}
    labels: ClassVar[dict[str, str]] = {
        "step": N_("Customers who were"),
        "amount": N_("Change"),
        "share": N_("Relative to the period before"),
    }

    steps: pd.DataFrame
    before: float
    now: float
    growth: Estimate | None
    kept: Estimate | None
    reason: str
    customers: pd.DataFrame
    months: int
    measure: str
    unit: str

    def table(self) -> pd.DataFrame:
        """`steps`, named in the language that is spoken."""
        return self.steps.assign(step=self.steps["step"].map(_))

    def metrics(self) -> dict[str, Estimate]:
        """By the names under which a run publishes them; none where the periods cannot be compared."""
        if self.growth is None:
            return {}
        label = _("new customers per month, over the last {months}").format(
            months=language.quantity(self.months, "months")
        )
        won = int((self.customers["step"] == STEPS[0]).sum())
        level = self.growth.confidence_level
        new = poisson_rate(won, self.months, unit="customers", label=label, confidence_level=level)
        return {"revenue_growth": self.growth, "new_customers_per_month": new}

    def summary(self) -> str:
        """Whether revenue (or margin) rose or fell, and how much those who had bought before brought again."""
        if self.growth is None:
            return _("The change from the period before is not told: {reason}.").format(reason=_(self.reason))
        message = _("Whether {measure} changed cannot be told: {change} {evidence}, to {now} in {months}.")
        if self.growth.high is not None and self.growth.high < 0:
            message = _("{measure} fell: {change} {evidence}, to {now} in {months}.")
        elif self.growth.low is not None and self.growth.low > 0:
            message = _("{measure} rose: {change} {evidence}, to {now} in {months}.")
        changed = message.format(
            measure=_(_MEASURES[self.measure][0]),
            change=self.growth.text(),
            evidence=self.growth.evidence(),
            now=language.quantity(self.now, self.unit),
            months=language.quantity(self.months, "months"),
        )
        changed = changed[:1].upper() + changed[1:]
        if self.kept is None:
            return changed
        return sentences(
            changed,
            _("Those who had bought in the period before brought {kept} of what they did then {evidence}.").format(
                kept=self.kept.text(), evidence=self.kept.evidence()
            ),
        )


def revenue_bridge(
    periods: Any, *, measure: str = "revenue", unit: str = "", confidence_level: float = 0.95
) -> RevenueBridge:
    """What customers won, lost, grown and shrunk did to revenue or margin between two adjacent periods.

    The amounts are counted in full; relative to the period before they have intervals, customers being the sample.

    Parameters
    ----------
    periods
        What `aggregate.adjacent_periods` gives.
    measure
        `revenue` or `margin`.

    Raises
    ------
    ValueError
        If `measure` is neither, or the data have no margin.
    """
    if measure not in _MEASURES:
        raise ValueError(f"`measure` must be among {', '.join(_MEASURES)}, got {measure!r}")
    given = periods.customers
    columns = ("customer_id", f"{measure}_before", measure, "purchases_before", "purchases")
    frame = required_columns(given, columns) if len(given) else given.reindex(columns=list(columns)).astype(float)
    before, now = (frame[name].to_numpy(dtype=float) for name in columns[1:3])
    customers = pd.DataFrame(
        {
            "customer_id": frame["customer_id"].to_numpy(),
            "step": _steps(given, now - before, pd.Timestamp(periods.before[1])),
            "before": before,
            "now": now,
            "change": now - before,
        }
    )
    total_before, total_now = float(before.sum()), float(now.sum())
    reason = ""
    if not periods.comparable:
        reason = N_("the data do not reach back over the whole of the period before")
    elif total_before <= 0:
        reason = N_("nothing was earned in the period before")
    level: dict[str, Any] = {"confidence_level": confidence_level}
    rows = []
    for step in STEPS:
        inside = (customers["step"] == step).to_numpy()
        if inside.any():
            change = np.where(inside, now - before, 0.0)
            share = None if reason else _share(change, before, label=_(step), **level)
            rows.append((step, int(inside.sum()), float(change.sum()), share))
    growth = kept = None
    if not reason:
        scale = "log" if total_now > 0 else "plain"
        growth = ratio_of_sums(now, before, label=_(_MEASURES[measure][1]), scale=scale, less=1.0, **level)
        bought = frame["purchases_before"].to_numpy() > 0
        if before[bought].sum() > 0:
            kept = ratio_of_sums(
                now[bought], before[bought], label=_("kept from those who bought in the period before"), **level
            )
    steps = pd.DataFrame(rows, columns=["step", "customers", "amount", "share"])
    return RevenueBridge(steps, total_before, total_now, growth, kept, reason, customers, periods.months, measure, unit)


def _share(change: np.ndarray, before: np.ndarray, **options) -> Estimate:
    """A step relative to all of the period before; what only rises or only falls has its interval on the log scale."""
    sign = 1.0 if change.sum() > 0 else -1.0
    scale = "log" if (sign * change >= 0).all() else "plain"
    found = ratio_of_sums(sign * change, before, scale=scale, **options)
    if found.low is None or sign > 0:
        return replace(found, value=sign * found.value)
    return replace(found, value=-found.value, low=-found.high, high=-found.low)


def _steps(given: pd.DataFrame, change: np.ndarray, end_of_before: pd.Timestamp) -> np.ndarray:
    bought_before, bought_now = (given[name].to_numpy() > 0 for name in ("purchases_before", "purchases"))
    new = (pd.to_datetime(given["first_date"]) > end_of_before).to_numpy()
    won, returned, grown, shrunk, lost, refunds = STEPS
    cases = [
        (bought_now & new, won),
        (bought_now & ~bought_before, returned),
        (bought_now & bought_before & (change >= 0), grown),
        (bought_now & bought_before, shrunk),
        (bought_before, lost),
    ]
    return np.select([where for where, _step in cases], [step for _where, step in cases], default=refunds)
