"""Alerts on the firm as a whole: more dependence on a few, a lower net promoter score, a lower score, a shock.

They compare with the date before, as it was published then, and bear no customer.
"""

import math
from collections.abc import Mapping
from datetime import date

import pandas as pd
from scipy import stats

from crmlab import language
from crmlab.dependence import dependence
from crmlab.diagnosis.alert_rows import alert_rows, earlier_value, source
from crmlab.intervals import Estimate
from crmlab.many_tests import holm
from crmlab.messages import N_, _

History = list[tuple[date, Mapping, Mapping]]

ACTIONS = {
    "dependence": N_("Win and develop other customers; agree on terms with the largest"),
    "nps_fall": N_("Review what changed in products and service"),
    "score_fall": N_("See which indicator moved, under the trend"),
    "purchases_fall": N_("Call the largest of those who stopped, and ask why"),
}
RECORD = "crm_diagnosis.json"
_POINTS, _RISE, _FALL, _LEVEL = 3, 0.05, 0.25, 0.05


def score_alerts(metrics: Mapping[str, Estimate], history: History, *, as_of: date) -> pd.DataFrame:
    """The overall score (high severity) or that of a part (medium) lower by so many points than when last published.

    Three points of a hundred: less may come from a change of rounding or of one indicator within its interval.

    Parameters
    ----------
    metrics, history
        What was published now, by name, and at earlier dates, oldest first.
    """
    rows = []
    for name in (name for name in metrics if name == "overall_score" or name.startswith("score_")):
        before = earlier_value(history, name)
        if before and metrics[name].value <= before[1]["value"] - _POINTS:
            day, then = before
            reason = _("{label}: {now} of 100, {then} on {day}.").format(
                label=metrics[name].label or name,
                now=language.number(metrics[name].value),
                then=language.number(then["value"]),
                day=language.day(day),
            )
            rows.append(
                _of_metric("score_fall", "high" if name == "overall_score" else "medium", name, reason, day, as_of)
            )
    return alert_rows(rows)


def nps_alerts(metrics: Mapping[str, Estimate], history: History, *, as_of: date) -> pd.DataFrame:
    """The net promoter score lower than when last published, by more than both intervals allow; of high severity.

    Both are taken as independent; where some answers count at both dates, they differ by less than that allows, so that
    chance raises fewer alarms than the level says.

    Parameters
    ----------
    metrics, history
        What was published now, by name, and at earlier dates, oldest first.
    """
    now, before = metrics.get("nps"), earlier_value(history, "nps")
    if now is None or before is None or now.low is None or before[1].get("low") is None:
        return alert_rows([])
    day, then = before
    # the side of each interval that faces the other value
    allowed = math.hypot(now.high - now.value, then["value"] - then["low"])
    if then["value"] - now.value <= allowed:
        return alert_rows([])
    values = {"now": now.text(), "evidence": now.evidence(), "day": language.day(day)}
    values["then"] = language.quantity(then["value"], now.unit, digits=1)
    reason = _("The net promoter score is {now} {evidence}, {then} on {day}.").format(**values)
    return alert_rows([_of_metric("nps_fall", "high", "nps", reason, day, as_of)])


def dependence_alerts(metrics: Mapping[str, Estimate], history: History, periods=None, *, as_of: date) -> pd.DataFrame:
    """The ten largest hold five percentage points more of revenue than when last published, or in the period before.

    Of high severity.

    Parameters
    ----------
    periods
        As `aggregate.adjacent_periods` gives them: where nothing was published before, its two periods are compared.
    metrics, history
        What was published now, by name, and at earlier dates, oldest first.
    """
    before = earlier_value(history, "top_10_share") if "top_10_share" in metrics else None
    if before:
        now, (day, then) = metrics["top_10_share"].value, before
        if now - then["value"] < _RISE:
            return alert_rows([])
        values = {"now": language.quantity(now, "share"), "then": language.quantity(then["value"], "share")}
        reason = _("The 10 largest customers hold {now} of revenue, {then} on {day}.").format(
            day=language.day(day), **values
        )
        return alert_rows([_of_metric("dependence", "high", "top_10_share", reason, day, as_of)])
    shares = None if periods is None or not periods.comparable else _top_10_shares(periods.customers)
    if shares is None or shares[1] - shares[0] < _RISE:
        return alert_rows([])
    then, now = (language.quantity(share, "share") for share in shares)
    reason = _("The 10 largest customers hold {now} of revenue, {then} in the {months} months before.").format(
        now=now, then=then, months=periods.months
    )
    rests_on = " | ".join(source("transactions", date=span) for span in (periods.before, periods.now))
    return alert_rows([_alert("dependence", "high", reason, as_of) | {"source": rests_on}])


def purchase_alerts(year, *, as_of: date, currency: str = "") -> pd.DataFrame:
    """Shocks: purchases far below those of the same months a year before, in all (high) or of a group (medium).

    In all, customers who bought only then are held against those who bought only now (McNemar's exact test); a group's
    are held against those of all others (Fisher's exact test), so that what befell everybody is told once. Both ask how
    many customers buy, for the purchases of one customer hang together. Chances are adjusted by Holm's method: a false
    alarm comes once in twenty times among all groups together. In money, purchases must have fallen by a quarter, more
    than the season leaves between the same months of two years.

    Parameters
    ----------
    year
        As `aggregate.same_months_a_year_before` gives them.
    """
    groups = year.groups.reset_index(drop=True)
    if groups.empty:
        return alert_rows([])
    whole = groups.iloc[0]
    chances = [float(_chance(each, whole)) for each in groups.itertuples()]
    lost = groups["purchased_before"] - groups["purchased"]
    found = groups.assign(lost=lost, chance=holm(chances))
    found = found[(found["chance"] < _LEVEL) & (lost >= _FALL * groups["purchased_before"]) & (lost > 0)]
    rows = []
    for each in found.itertuples():
        values = {
            "group": each.group,
            "now": language.quantity(each.purchased, currency),
            "then": language.quantity(each.purchased_before, currency),
            "share": language.quantity(each.lost / each.purchased_before, "share"),
            "until": language.day(year.now[1]),
        }
        message = _("Purchases fell by {share} from those of the same months a year before, to {now} from {then}.")
        if each.by:
            message = _(
                "{group}: purchases fell by {share} from those of the same months a year before, to {now} from {then}."
            )
        rests_on = [source("transactions", date=span) for span in (year.before, year.now)]
        rests_on += [source("customers", **{each.by: each.group})] if each.by else []
        row = _alert("purchases_fall", "medium" if each.by else "high", message.format(**values), as_of)
        rows.append(row | {"amount": each.lost, "source": " | ".join(rests_on)})
    return alert_rows(rows)


def _chance(each, whole: pd.Series) -> float:
    """How likely it is that so many more stopped than started, if nothing happened."""
    if not each.by:
        turned = each.only_before + each.only_now
        return stats.binomtest(each.only_before, turned, 0.5, alternative="greater").pvalue if turned else 1.0
    others = (whole["only_before"] - each.only_before, whole["only_now"] - each.only_now)
    return stats.fisher_exact([(each.only_before, each.only_now), others], alternative="greater").pvalue


def _top_10_shares(customers: pd.DataFrame) -> tuple[float, float] | None:
    """In the period before and in the later one; None where either has no revenue, or ten customers or fewer."""
    shares = []
    for column in ("revenue_before", "revenue"):
        held = customers[["customer_id"]].assign(revenue=customers[column])
        if (held["revenue"] > 0).sum() <= 10:
            return None
        shares.append(dependence(held[held["revenue"] > 0], tops=(1, 10)).top[10].value)
    return shares[0], shares[1]


def _of_metric(kind: str, severity: str, name: str, reason: str, before: date, as_of: date) -> dict:
    return _alert(kind, severity, reason, as_of) | {"source": source(RECORD, metrics=name, as_of=[before, as_of])}


def _alert(kind: str, severity: str, reason: str, as_of: date) -> dict:
    return {"customer_id": None, "kind": kind, "severity": severity, "reason": reason, "action": _(ACTIONS[kind]),
            "date": pd.Timestamp(as_of)}  # fmt: skip
