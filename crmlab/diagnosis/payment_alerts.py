"""Alerts of what falls due: instalments, contracts that end, opportunities that nobody closes.

One alert per customer and cause: several instalments of a customer are one, with their sum and the earliest day.
"""

import pandas as pd

from crmlab import language
from crmlab.diagnosis.alert_rows import alert_rows, large, source
from crmlab.messages import N_, _, ngettext

# what to do
REMIND = N_("Remind, and agree on a day of payment")
RECOVER = N_("Hand over to recovery, and stop further credit")
ANNOUNCE = N_("Announce the payment")
RENEW = N_("Offer a renewal")
CLOSE = N_("Ask for a decision, or close the opportunity")


def payment_alerts(due: pd.DataFrame, *, currency: str = "", default_days: int = 90) -> pd.DataFrame:
    """Customers with overdue instalments, and customers of whom some fall due.

    Overdue is of high severity if it is a default (`default_days` late) and large, of medium severity if it is one of
    the two. What falls due presses only where it is large, or something of the same customer is overdue already: medium
    then, else low. Large are the amounts that together make up half of their kind.

    Parameters
    ----------
    due
        As `aggregate.payments_due` gives them.
    currency
        Of the amounts (ISO 4217).
    default_days
        Days late from which an instalment counts as a default.
    """
    overdue, to_come = due[due["days"] < 0], due[due["days"] >= 0]
    late, soon = _per_customer(overdue), _per_customer(to_come)
    rows = []
    if len(late):
        late["default"], late["large"] = -late["days"] >= default_days, large(late["amount"])
        for each in late.itertuples():
            single, several = (
                _("{what}: {amount} overdue, for {late}."),
                _("{what}: {amount} overdue, for up to {late}."),
            )
            values = _values(each, currency) | {"late": language.quantity(-each.days, "days")}
            reason = (single if each.rows == 1 else several).format(**values)
            action = _(RECOVER if each.default else REMIND)
            rows.append(_row(each, "payment_overdue", each.default + each.large, reason) | {"action": action})
    if len(soon):
        soon["pressing"] = large(soon["amount"]) | soon["customer_id"].isin(late["customer_id"]).to_numpy()
        for each in soon.itertuples():
            single, several = _("{what}: {amount} due on {day}."), _("{what}: {amount} due, the first on {day}.")
            reason = (single if each.rows == 1 else several).format(**_values(each, currency))
            rows.append(_row(each, "payment_due", int(each.pressing), reason) | {"action": _(ANNOUNCE)})
    return alert_rows(rows)


def contract_alerts(ending: pd.DataFrame, *, currency: str = "") -> pd.DataFrame:
    """Customers whose contract ends soon, as `aggregate.contracts_ending` gives them: medium severity if it is large.

    A contract without a value is told without an amount.

    Parameters
    ----------
    ending
        As `aggregate.contracts_ending` gives them.
    """
    found = _per_customer(ending)
    rows = []
    for each, pressing in zip(found.itertuples(), large(found["amount"]), strict=True):
        known = each.amount == each.amount
        message = _("A contract of {amount} ends on {day}.") if known else _("A contract ends on {day}.")
        reason = message.format(**_values(each, currency))
        row = _row(each, "contract_end", int(pressing), reason, table="contracts", column="end")
        rows.append(row | {"action": _(RENEW)})
    return alert_rows(rows)


def opportunity_alerts(stalled: pd.DataFrame, *, currency: str = "") -> pd.DataFrame:
    """Customers with opportunities open for too long, as `aggregate.stalled_opportunities` gives them.

    Of medium severity where the amount is large.

    Parameters
    ----------
    stalled
        As `aggregate.stalled_opportunities` gives them.
    """
    found = _per_customer(stalled.rename(columns={"opened_on": "due_on"}))
    rows = []
    for each, pressing in zip(found.itertuples(), large(found["amount"]), strict=True):
        values = {
            "day": language.day(each.due_on.date()),
            "days": language.quantity(each.days, "days"),
            "usual": language.quantity(round(float(stalled["usual_days"].iloc[0])), "days"),
        }
        message = _("An opportunity of {day} has been open for {days}; nearly all that were won took {usual} at most.")
        row = _row(each, "opportunity_stalled", int(pressing), message.format(**values))
        row["source"] = source("opportunities", customer_id=each.customer_id, opened_on=each.dates)
        rows.append(row | {"action": _(CLOSE)})
    return alert_rows(rows)


def _per_customer(due: pd.DataFrame) -> pd.DataFrame:
    """One row per customer: the sum, the earliest day with its own `days`, and all days."""
    ordered = due.sort_values(["customer_id", "due_on"])
    groups = ordered.groupby("customer_id", sort=True)
    found = groups.agg(due_on=("due_on", "first"), days=("days", "first"), rows=("rows", "sum"), dates=("due_on", list))
    # a sum of what is not known is not known
    found["amount"] = groups["amount"].sum(min_count=1)
    found["what"] = groups["milestone"].first() if "milestone" in due else None
    return found.reset_index()


def _values(each, currency: str) -> dict[str, str]:
    amount, told = language.quantity(each.amount, currency), language.number(each.rows)
    what = each.what if each.rows == 1 and isinstance(each.what, str) else None
    several = ngettext("{n} instalment", "{n} instalments", each.rows).format(n=told)
    return {"what": what or several, "amount": amount, "day": language.day(each.due_on.date())}


def _row(each, kind: str, pressing: int, reason: str, *, table: str = "payments", column: str = "due_on") -> dict:
    """The alert; `pressing` counts what speaks for its severity."""
    severity = ("low", "medium", "high")[pressing]
    rests_on = source(table, customer_id=each.customer_id, **{column: each.dates})
    return {"customer_id": each.customer_id, "kind": kind, "severity": severity, "reason": reason,
            "date": each.due_on, "amount": each.amount, "source": rests_on}  # fmt: skip
