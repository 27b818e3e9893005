"""What needs attention now: all alerts together, how many customers they name, and what they weigh.

The page counts them; who they name stands in alerts.csv alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from crmlab import language
from crmlab.absence import Absent
from crmlab.diagnosis.alert_rows import KINDS, SEVERITIES, alert_rows
from crmlab.intervals import FULL_COUNT, Estimate
from crmlab.messages import N_, _, clauses, ngettext, sentences

# what their amounts are, so that they may be added: what is open, what falls due
_OVERDUE, _DUE = "payment_overdue", "payment_due"
# alerts of low severity are reminders
_PRESSING = ("high", "medium")


@dataclass(frozen=True, eq=False)
class Alerts:
    """All alerts of a date.

    Attributes
    ----------
    frame
        One row per alert, the most pressing first: `customer_id` (None for one on the firm as a whole), `kind` and
        `severity` (codes), `reason` and `action` in words, `date`, `amount` and `value_at_risk` in `currency`, and
        `source`, the rows it rests on; see `crmlab.diagnosis.alert_rows`.
    among
        How many customers there are; 0 where it is not known.
    unwatched
        Why some alerts could not be looked for.
    """

    formats: ClassVar[dict[str, str]] = dict.fromkeys(("high", "medium", "low"), "integer") | {"amount": "money"}
    labels: ClassVar[dict[str, str]] = {
        "kind": N_("Alert"),
        "high": N_("High"),
        "medium": N_("Medium"),
        "low": N_("Low"),
        "amount": N_("Amount"),
    }

    frame: pd.DataFrame
    among: int
    currency: str = ""
    unwatched: tuple[str, ...] = ()

    def counts(self) -> pd.DataFrame:
        """One row per kind that there is: its code, the number of alerts by severity, and the sum of amounts."""
        counted = pd.crosstab(self.frame["kind"], self.frame["severity"])
        kinds = [kind for kind in KINDS if kind in counted.index]
        counted = counted.reindex(index=kinds, columns=list(SEVERITIES), fill_value=0)
        counted["amount"] = self.frame.groupby("kind")["amount"].sum(min_count=1).reindex(kinds)
        return counted.rename_axis("kind").rename_axis(None, axis=1).reset_index()

    def table(self) -> pd.DataFrame:
        """`counts`, with the kinds in words; nobody is named."""
        found = self.counts()
        return found.assign(kind=[_(KINDS[kind]) for kind in found["kind"]])

    def warned(self, *severities: str) -> int:
        """How many customers have an alert, of these severities where any are given."""
        found = self.frame[self.frame["severity"].isin(severities)] if severities else self.frame
        return int(found["customer_id"].nunique())

    @property
    def share(self) -> Estimate:
        """Share of customers with an alert of high or medium severity: if large, few of them can be acted on."""
        share, label = self.warned(*_PRESSING) / max(self.among, 1), _("share of customers who need attention")
        return Estimate(share, None, None, "share", self.among, label, no_interval=FULL_COUNT)

    def metrics(self) -> dict[str, Estimate]:
        """By the names under which a run publishes them."""
        return {"customers_warned_share": self.share} if self.among else {}

    def raised(self) -> "Alerts | Absent":
        """These alerts, if there is any: of none there is nothing to draw."""
        return self if len(self.frame) else Absent(_("no alert is raised"))

    def headline(self) -> str:
        """How many customers need attention, and what is overdue or falls due."""
        return sentences(self._said_of_customers(), self._said_of_payments())

    def summary(self) -> str:
        """How many customers need attention, what is due, what concerns the firm, and what was not looked for."""
        return sentences(self._said_of_customers(), self._said_of_payments(), self.on_the_firm(), self._said_of_gaps())

    def on_the_firm(self) -> str:
        """The reasons of the alerts that concern no single customer, the most pressing first."""
        return sentences(*self.frame.loc[self.frame["customer_id"].isna(), "reason"])

    def _said_of_customers(self) -> str:
        count, high = self.warned(*_PRESSING), self.warned("high")
        if not count:
            return _("Apart from those who may leave, no single customer needs attention now.")
        values = {"n": language.number(count), "high": language.number(high)}
        if not self.among:
            return ngettext(
                "{n} customer needs attention, {high} urgently.",
                "{n} customers need attention, {high} urgently.",
                count,
            ).format(**values)
        return ngettext(
            "Of {among} customers, {n} ({share}) needs attention, {high} urgently.",
            "Of {among} customers, {n} ({share}) need attention, {high} urgently.",
            count,
        ).format(among=language.number(self.among), share=self.share.text(), **values)

    def _said_of_payments(self) -> str:
        sums = self.frame.groupby("kind")["amount"].sum()
        told = {kind: language.quantity(float(sums.get(kind, 0.0)), self.currency) for kind in (_OVERDUE, _DUE)}
        if _OVERDUE in sums and _DUE in sums:
            return _("{overdue} is overdue, {due} falls due soon.").format(overdue=told[_OVERDUE], due=told[_DUE])
        if _OVERDUE in sums:
            return _("{overdue} is overdue.").format(overdue=told[_OVERDUE])
        return _("{due} falls due soon.").format(due=told[_DUE]) if _DUE in sums else ""

    def _said_of_gaps(self) -> str:
        return _("Not looked for: {reasons}.").format(reasons=clauses(self.unwatched)) if self.unwatched else ""


def all_alerts(*parts: pd.DataFrame | Absent, customers: Sequence, currency: str = "") -> Alerts:
    """Alerts of several kinds as one; what could not be looked for is said, and is no alert.

    Parameters
    ----------
    parts
        As the functions of `payment_alerts`, `satisfaction_alerts` and `firm_alerts` give them, or absent.
    customers
        The ids of all customers, or absent.
    currency
        Of the amounts (ISO 4217).

    Raises
    ------
    ValueError
        If two alerts of one kind name the same customer.
    """
    given = [part for part in parts if not isinstance(part, Absent) and len(part)]
    reasons = dict.fromkeys(part.reason for part in parts if isinstance(part, Absent))
    frame = alert_rows(pd.concat(given, ignore_index=True) if given else [])
    twice = frame.duplicated(["customer_id", "kind"]) & frame["customer_id"].notna()
    if twice.any():
        raise ValueError(
            f"`parts` must have one alert per customer and kind, got {frame.loc[twice, 'kind'].iloc[0]} twice"
        )
    known = set() if isinstance(customers, Absent) else {*customers, *frame["customer_id"].dropna()}
    return Alerts(frame, len(known), currency, tuple(reasons))
