"""How many customers stay: retention (客户保留率) and churn over a period, month by month, with intervals.

Two regimes. Where there are contracts, a customer is kept who had one throughout the period; one who left and came back
is lost, and won anew. Where there are only purchases nobody says goodbye: an active customer is kept who buys again
within a stated time, see `crmlab.churn.silence`.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import intervals, language
from crmlab.absence import Absent, FitError
from crmlab.groups import NOT_KNOWN, OTHERS, column_name, in_order, named, too_small
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, ngettext, sentences
from crmlab.shrinkage import apart, shrunken_rates

CONTRACTS, PURCHASES = "contracts", "purchases"
# month ends that are shown
_MOST = 25


@dataclass(frozen=True, eq=False)
class Retention:
    """Who stayed over a period, and who left.

    Attributes
    ----------
    regime
        `contracts`, or `purchases` where leaving is inferred from silence.
    rate, churn
        Share of the customers at the start of the latest period who stayed to its end, and the rest: 0 to 1, with
        Wilson's intervals; a higher rate is better.
    monthly_churn
        Share of customers lost in a month, over all months of that period; None without contracts.
    value_rate
        The share of what their contracts were worth that stayed; None where no value is known.
    by_period
        One row per month end, the earliest first: `last_day` of the period, `began` and `kept` (customers), `rate` and
        `churn` (estimates), and with contracts `month_began`, `month_lost` and `month_churn` of the last month alone.
    groups
        The latest period by `group`: `began`, `kept`, `rate`, and `shrunken`, drawn towards what the groups have in
        common (None for fewer than three groups).
    months
        Length of the period.
    """

    formats: ClassVar[dict[str, str]] = {"began": "integer", "kept": "integer"}
    labels: ClassVar[dict[str, str]] = {
        "last_day": N_("Period to"),
        "began": N_("Customers at the start"),
        "kept": N_("Kept"),
        "rate": N_("Retention rate"),
        "churn": N_("Churn rate"),
        "month_churn": N_("Lost in the last month"),
    }
    group_formats: ClassVar[dict[str, str]] = dict.fromkeys(("began", "kept"), "integer") | dict.fromkeys(
        ("rate", "shrunken"), "estimate"
    )
    group_labels: ClassVar[dict[str, str]] = {
        "group": N_("Group"),
        "began": N_("Customers at the start"),
        "kept": N_("Kept"),
        "rate": N_("Retention rate"),
        "shrunken": N_("Rate, small groups drawn to the rest"),
    }

    regime: str
    rate: Estimate
    churn: Estimate
    monthly_churn: Estimate | None
    value_rate: Estimate | None
    by_period: pd.DataFrame
    groups: pd.DataFrame
    by: str | None
    months: int

    def table(self) -> pd.DataFrame:
        """`by_period`, the latest first."""
        shown = ["last_day", "began", "kept", "rate", "churn", "month_churn"]
        return self.by_period[[name for name in shown if name in self.by_period]].iloc[::-1].reset_index(drop=True)

    def group_table(self) -> pd.DataFrame | Absent:
        """`groups`, with the names given here in the language that is spoken; absent without groups."""
        if self.by is None:
            return Absent(_("there are no groups to compare"))
        return self.groups.assign(group=named(self.groups["group"]))

    def headline(self) -> str:
        """The rate and what it is of."""
        told = ngettext(
            "{rate} of the customers who had a contract a month ago have stayed {evidence}.",
            "{rate} of the customers who had a contract {months} months ago have stayed {evidence}.",
            self.months,
        )
        if self.regime == PURCHASES:
            told = ngettext(
                "{rate} of the active customers bought again within a month {evidence}; the others have fallen silent.",
                "{rate} of the active customers bought again within {months} months {evidence}; the others have fallen "
                "silent.",
                self.months,
            )
        return told.format(rate=self.rate.text(), evidence=self.rate.evidence(), months=self.months)

    def summary(self) -> str:
        """The rate and what it is of, the value kept, and whether groups differ."""
        value = ""
        if self.value_rate is not None:
            value = _("Of what their contracts were worth, {rate} stayed {evidence}.").format(
                rate=self.value_rate.text(), evidence=self.value_rate.evidence()
            )
        lost = ""
        if self.monthly_churn is not None and self.months > 1:
            lost = _("In an average month, {rate} left {evidence}.").format(
                rate=self.monthly_churn.text(), evidence=self.monthly_churn.evidence()
            )
        return sentences(self.headline(), lost, value, self._change(), self._spread())

    def _change(self) -> str:
        """The period before, which shares no day with this one, against it."""
        if len(self.by_period) <= self.months:
            return ""
        before, now = self.by_period["rate"].iloc[-1 - self.months], self.rate
        if now.low > before.high:
            message = _("That is more than in the period before ({before}).")
        elif now.high < before.low:
            message = _("That is less than in the period before ({before}).")
        else:
            message = _("Against the period before ({before}), no change can be told.")
        return message.format(before=before.text())

    def _spread(self) -> str:
        if self.by is None or len(self.groups) < 2:
            return ""
        by, found = column_name(self.by), apart(self.groups)
        if found is None:
            return _("By {by}, no difference in retention can be told.").format(by=by)
        message = _("By {by}, {best} stay most often: {high} {high_evidence}; {worst} least: {low} {low_evidence}.")
        return message.format(by=by, **found)


def contract_retention(months, *, period_months: int = 12, confidence_level: float = 0.95) -> Retention:
    """Share of the customers with a contract at the start of a period who stay to its end.

    Parameters
    ----------
    months
        `crmlab.aggregate.contracts.ContractMonths`: relationships by the months in which they began and ended.
    period_months
        Length of the period; the latest one ends on the last day of the data.

    Raises
    ------
    FitError
        If nobody had a contract when the period began, or the data do not reach back so far.
    ValueError
        If `period_months` is no positive whole number.
    """
    if period_months != int(period_months) or period_months < 1:
        raise ValueError(f"`period_months` must be a positive integer, got {period_months}")
    rows, whole = months.rows, months.first_complete
    if rows.empty:
        raise FitError(_("there is no contract"))
    first = int(rows["start"].min()) if whole is None else max(whole, int(rows["start"].min()))
    if whole is not None and -period_months < whole:
        raise FitError(
            _("the data hold no contract that ended before {day}, so that who stayed over {months} months is not known")
            .format(day=language.day(months.observed_from), months=period_months)
        )  # fmt: skip
    level = {"confidence_level": confidence_level}
    found = []
    for last in range(max(first + period_months, 1 - _MOST), 1):
        began = _customers(rows, last - period_months)
        if began == 0:
            continue
        kept = _customers(rows, last - period_months, last)
        before, stayed = _customers(rows, last - 1), _customers(rows, last - 1, last)
        monthly = (before, before - stayed, _churned(before, stayed, 1, level) if before else None)
        day = pd.Timestamp(months.last_day(last))
        found.append(
            (last, day, *period_rates(began, kept, _contract_label(period_months), period_months, level), *monthly)
        )
    columns = ["month", "last_day", "began", "kept", "rate", "churn", "month_began", "month_lost", "month_churn"]
    by_period = pd.DataFrame(found, columns=columns)
    if by_period.empty or by_period["month"].iloc[-1] != 0:
        raise FitError(_("nobody had a contract on {day}").format(day=language.day(months.last_day(-period_months))))
    at_risk, lost = _person_months(rows, period_months)
    monthly = _churned(at_risk, at_risk - lost, 1, level)
    latest = rows[_runs(rows, -period_months)].assign(
        kept=lambda frame: frame["relationships"].where(_runs(frame, 0), 0)
    )
    groups = group_rates(latest, "relationships", months.by, _contract_label(period_months), level)
    return Retention(
        CONTRACTS,
        by_period["rate"].iloc[-1],
        by_period["churn"].iloc[-1],
        monthly,
        _value_rate(rows, period_months, level),
        by_period.drop(columns="month"),
        groups,
        months.by,
        period_months,
    )


def _runs(rows: pd.DataFrame, *months: int) -> np.ndarray:
    """Which of the relationships ran at the ends of all these months."""
    start, end = rows["start"].to_numpy(), rows["end"].to_numpy()
    return (start <= min(months)) & ~(end <= max(months))


def _customers(rows: pd.DataFrame, *months: int) -> int:
    """How many customers had the same relationship at the ends of all these months."""
    return int(rows["relationships"].to_numpy()[_runs(rows, *months)].sum())


def _person_months(rows: pd.DataFrame, months: int) -> tuple[int, int]:
    """Months that customers began with a contract, of the latest ones, and those in which they lost it."""
    began = [_customers(rows, -back) for back in range(1, months + 1)]
    kept = [_customers(rows, -back, 1 - back) for back in range(1, months + 1)]
    return sum(began), sum(began) - sum(kept)


def _contract_label(months: int) -> str:
    return ngettext("retention rate over a month", "retention rate over {months} months", months).format(months=months)


def period_rates(began, kept, label: str, months: int, level: dict) -> tuple:
    """Customers at the start of a period and those kept, with the rates of retention and churn."""
    rate = intervals.wilson(int(kept), int(began), label=label, **level)
    return int(began), int(kept), rate, _churned(began, kept, months, level)


def _churned(began, kept, months: int, level: dict) -> Estimate:
    label = ngettext("churn rate over a month", "churn rate over {months} months", months).format(months=months)
    return intervals.wilson(int(began) - int(kept), int(began), label=label, **level)


def _value_rate(rows: pd.DataFrame, months: int, level: dict) -> Estimate | None:
    """Share of the value that stayed: Wilson's interval, for as many customers of equal value as these are worth."""
    if "value" not in rows:
        return None
    began = rows[_runs(rows, -months)]
    total, kept = float(began["value"].sum()), _runs(began, 0)
    squares = float(began["value_squared"].sum())
    if not (total > 0 and squares > 0):
        return None
    rate = min(float(began.loc[kept, "value"].sum()) / total, 1.0)
    # As if leaving and value were independent. The residuals of those who left and who stayed would make no such
    # assumption, but are too narrow where few have most of the value: tests/bench/coverage_retention.py
    worth = max(total**2 / squares, 1.0)
    label = ngettext(
        "share of contract value kept over a month", "share of contract value kept over {months} months", months
    ).format(months=months)
    found = intervals.wilson(rate * worth, worth, label=label, **level)
    return replace(found, value=rate, n=int(began["relationships"].sum()))


def group_rates(latest: pd.DataFrame, began: str, by: str | None, label: str, level: dict) -> pd.DataFrame:
    """The latest period by group, the largest first."""
    columns = ["group", "began", "kept", "rate", "shrunken"]
    if by is None:
        return pd.DataFrame(columns=columns)
    rows = latest.assign(group=latest["group"].fillna(NOT_KNOWN)).rename(columns={began: "began"})
    small = too_small(rows["began"].groupby(rows["group"]).sum())
    rows["group"] = rows["group"].mask(rows["group"].isin(small), OTHERS)
    sums = rows.groupby("group")[["began", "kept"]].sum().astype("int64").reset_index()
    sums = sums[sums["began"] > 0].reset_index(drop=True)
    sums["rate"] = [intervals.wilson(row.kept, row.began, label=label, **level) for row in sums.itertuples()]
    shrunken = shrunken_rates(sums["kept"], sums["began"], label=label, **level)
    sums["shrunken"] = pd.Series(shrunken or [None] * len(sums), index=sums.index, dtype=object)
    return in_order(sums[columns], "began")
