r"""Customers at risk, ranked by what would go with them: the result of every early warning.

.. math:: \text{value at risk}_i = p_i V_i, \qquad \text{total} = \sum_i p_i V_i

with the chance `p` of leaving and the value `V` of the customer, which is taken as given. The interval of the total
holds what will be lost, not only what is expected: who leaves is drawn in each of many futures, and the chances
themselves where it is known how uncertain they are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import intervals, language
from crmlab.absence import FitError
from crmlab.churn.at_stake import by_reason, futures, severity
from crmlab.churn.reasons import NO_REASON, action_text
from crmlab.intervals import Estimate
from crmlab.likelihood import prediction
from crmlab.messages import N_, _, ngettext, sentences

# how columns are shown
FORMATS = {
    "rank": "integer", "reason": "text", "customers": "integer", "probability": "share", "value": "money",
    "value_at_risk": "money", "action": "text", "last_contact": "date",
}  # fmt: skip
LABELS = {
    "rank": N_("Rank"),
    "reason": N_("Reason"),
    "probability": N_("Chance to leave"),
    "value": N_("Customer value"),
    "value_at_risk": N_("Value at risk"),
    "action": N_("Suggested action"),
    "last_contact": N_("Last contact"),
}


@dataclass(frozen=True, eq=False)
class FirstToCall:
    """The first of those at risk, by rank and without their ids, which stand in alerts.csv and customers.csv."""

    formats: ClassVar[dict[str, str]] = FORMATS
    labels: ClassVar[dict[str, str]] = LABELS

    rows: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """One row per customer."""
        return self.rows


@dataclass(frozen=True, eq=False)
class EarlyWarning:
    """Who is at risk, ranked.

    Attributes
    ----------
    customers
        One row per customer, most at risk first: `rank`, `customer_id`, `probability` to leave (0 to 1), `value` and
        `value_at_risk` (money, both empty where no value is known), `at_risk`, `driver` (the first reason; None where
        nothing raises the risk), `reason` (all of them in words, of customers at risk), `action`, `severity`, and
        `last_contact` where it is known.
    reasons
        One row per first reason of the customers at risk, the costliest first: `reason`, `customers`, `probability`
        (mean), `value_at_risk`, `action`.
    at_risk
        How many of the customers are at risk; a full count.
    leavers
        How many customers will leave within the period; the interval holds the number that will.
    value_at_risk
        Value that will go with them, money; the interval holds what will be lost. None where no value is known.
    threshold
        Chance to leave, 0 to 1, from which on a customer is at risk.
    period
        What the chance is of, in words: `month`, `3 months`.
    gone_from, gone
        Of customers who leave without saying so, whose chance is that of having left already: from which chance on they
        count as gone and are not at risk any more, and how many do. None of a warning about contracts.
    """

    formats: ClassVar[dict[str, str]] = FORMATS
    labels: ClassVar[dict[str, str]] = LABELS

    customers: pd.DataFrame
    reasons: pd.DataFrame
    at_risk: Estimate
    leavers: Estimate
    value_at_risk: Estimate | None
    threshold: float
    period: str
    n: int
    gone_from: float | None = None
    gone: int = 0

    @property
    def silent(self) -> bool:
        """Whether the chance is that of having left already, told by silence."""
        return self.gone_from is not None

    def table(self) -> pd.DataFrame:
        """Reasons of the customers at risk; nobody is named."""
        found = self.reasons.assign(action=self.reasons["action"].map(action_text))
        return found if self.value_at_risk is not None else found.drop(columns="value_at_risk")

    def first(self, rows: int = 10) -> FirstToCall:
        """The first of those at risk, by rank."""
        found = self.customers[self.customers["at_risk"]].head(rows)
        found = found.assign(action=found["action"].map(action_text), reason=found["reason"].replace("", "–"))
        known = [name for name in FORMATS if name in found and found[name].notna().any()]
        return FirstToCall(found[known].reset_index(drop=True))

    def customer_list(self) -> pd.DataFrame:
        """What the client's own CRM should know of each customer."""
        prefix = "silence" if self.silent else "churn"
        names = {name: f"{prefix}_{name}" for name in ("probability", "value_at_risk", "rank", "at_risk")}
        return self.customers[["customer_id", *names]].rename(columns=names)

    def alerts(self) -> pd.DataFrame:
        """One row per customer at risk, for alerts.csv."""
        found = self.customers[self.customers["at_risk"]]
        return pd.DataFrame(
            {
                "customer_id": found["customer_id"],
                "kind": "silence" if self.silent else "churn",
                "severity": found["severity"],
                "reason": found["reason"].where(found["reason"] != "", _(NO_REASON)),
                "action": found["action"].map(action_text),
                "value_at_risk": found["value_at_risk"],
                "source": "customers.csv: customer_id=" + found["customer_id"].astype(str),
            }
        )

    def metrics(self) -> dict[str, Estimate]:
        """By the names under which a run publishes them."""
        found = {"customers_at_risk": self.at_risk}
        return found if self.value_at_risk is None else found | {"value_at_risk": self.value_at_risk}

    def headline(self) -> str:
        """How many are at risk, and what with them."""
        return sentences(self._said_of_customers(), self._said_of_value())

    def summary(self) -> str:
        """How many are at risk, what may go with them, and the reason met most often."""
        return sentences(self._said_of_customers(), self._said_of_value(), self._said_of_reasons())

    def _said_of_customers(self) -> str:
        count = int(self.at_risk.value)
        values = {
            "n": language.number(count),
            "total": language.number(self.n),
            "share": language.quantity(count / self.n, "share"),
            "threshold": language.quantity(self.threshold, "share"),
            "period": self.period,
            "leavers": self.leavers.text(),
            "evidence": self.leavers.evidence(),
        }
        if self.silent:
            return self._said_of_silence(count, values)
        if not count:
            return _(
                "Of {total} customers none has a chance of {threshold} or more of leaving within the next {period}; "
                "{leavers} {evidence} are expected to leave."
            ).format(**values)
        return ngettext(
            "Of {total} customers, {n} ({share}) is at risk, with a chance of {threshold} or more of leaving within "
            "the next {period}; {leavers} {evidence} are expected to leave.",
            "Of {total} customers, {n} ({share}) are at risk, each with a chance of {threshold} or more of leaving "
            "within the next {period}; {leavers} {evidence} are expected to leave.",
            count,
        ).format(**values)

    def _said_of_silence(self, count: int, values: dict[str, str]) -> str:
        values |= {"most": language.quantity(self.gone_from, "share"), "gone": language.number(self.gone)}
        if not count:
            return _(
                "Of {total} customers none is at risk who could still be won back; {gone} have most likely left, with "
                "a chance of {most} or more."
            ).format(**values)
        return ngettext(
            "Of {total} customers, {n} ({share}) is at risk: silent for longer than usual, and with a chance of "
            "{threshold} to {most} of having left; {gone} have most likely left.",
            "Of {total} customers, {n} ({share}) are at risk: silent for longer than usual, and with a chance of "
            "{threshold} to {most} of having left; {gone} have most likely left.",
            count,
        ).format(**values)

    def _said_of_value(self) -> str:
        if self.value_at_risk is None:
            return ""
        total, warned = self.value_at_risk, self.customers[self.customers["at_risk"]]
        held = float(warned["value_at_risk"].sum()) / total.value if total.value > 0 else 0.0
        values = {"value": total.text(), "evidence": total.evidence(), "share": language.quantity(held, "share")}
        if self.silent:
            return _(
                "{value} {evidence} of what the forecast counts on is at risk with customers who may have left; those "
                "at risk hold {share} of it."
            ).format(**values)
        return _(
            "{value} {evidence} of customer value is expected to go with those who leave; customers at risk hold "
            "{share} of it."
        ).format(**values)

    def _said_of_reasons(self) -> str:
        named = self.reasons[self.reasons["reason"] != _(NO_REASON)]
        if named.empty:
            return ""
        first = named.loc[named["customers"].idxmax()]
        return _("The first reason met most often is “{reason}”; suggested there: {action}.").format(
            reason=first["reason"], action=action_text(first["action"])
        )


def checked(customers: pd.DataFrame, values: pd.DataFrame | None) -> pd.DataFrame:
    """The customers with their values, in a frame of its own.

    Raises
    ------
    FitError
        If there are no customers.
    ValueError
        If a column is missing, a customer stands there twice, or a probability is not from 0 to 1.
    """
    missing = [name for name in ("customer_id", "probability") if name not in customers]
    if missing:
        raise ValueError(f"`customers` must have the columns customer_id and probability; missing: {missing[0]}")
    if customers.empty:
        raise FitError("a warning needs customers who could still leave, there are none")
    if repeated := int(customers["customer_id"].duplicated().sum()):
        raise ValueError(f"`customers` must have one row per customer, got {repeated:,} customer_id repeated")
    probability = customers["probability"].astype(float)
    if not probability.between(0, 1).all():
        raise ValueError("`probability` must be a share from 0 to 1 of every customer")
    kept = ["customer_id", "last_contact"]
    frame = customers[[name for name in kept if name in customers]].assign(probability=probability, value=np.nan)
    if values is not None:
        worth = values.drop_duplicates("customer_id").set_index("customer_id")["clv" if "clv" in values else "value"]
        frame["value"] = frame["customer_id"].map(worth.astype(float)).clip(lower=0)
    return frame.reset_index(drop=True)


def ranked(
    frame: pd.DataFrame,
    chances: Iterable[np.ndarray],
    words: Mapping[str, str],
    *,
    leavers_label: str,
    value_label: str,
    threshold: float,
    period: str,
    currency: str,
    confidence_level: float,
    seed: int,
    gone_from: float | None = None,
    gone: int = 0,
) -> EarlyWarning:
    """The warning over customers whose chance, value, driver, reason and action are known.

    Parameters
    ----------
    chances
        The customers' chances in each simulated future.
    words
        By driver.
    """
    left, lost = futures(chances, frame["value"].fillna(0.0).to_numpy(), seed=seed)
    valued, n = frame["value"].notna(), len(frame)
    frame = frame.assign(value_at_risk=frame["probability"] * frame["value"])
    order = ["value_at_risk", "probability", "customer_id"]
    frame = frame.sort_values(order, ascending=[False, False, True], na_position="last", ignore_index=True)
    at_stake = frame["value_at_risk"].fillna(0.0) if valued.any() else frame["probability"]
    frame["severity"] = severity(at_stake.where(frame["at_risk"], 0.0))
    frame.insert(0, "rank", np.arange(1, n + 1))
    warned, level = frame[frame["at_risk"]], {"confidence_level": confidence_level}
    leaving: dict[str, Any] = {"unit": "customers", "n": n, "label": leavers_label} | level
    worth: dict[str, Any] = {"unit": currency, "n": int(valued.sum()), "label": value_label} | level
    return EarlyWarning(
        frame,
        by_reason(warned, words),
        Estimate(len(warned), None, None, "customers", n, _("customers at risk"), no_interval=intervals.FULL_COUNT),
        prediction(float(frame["probability"].sum()), left, **leaving),
        prediction(float(frame["value_at_risk"].sum()), lost, **worth) if valued.any() else None,
        float(threshold),
        period,
        n,
        gone_from,
        gone,
    )
