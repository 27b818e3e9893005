"""What all alerts have in common: their columns, how large an amount must be to press, and the rows they rest on.

The source of an alert is written as a filter: `payments: customer_id=C7; due_on=2026-09-01,2026-10-01` are the rows of
that table with this customer and one of these days; `a..b` is anything from `a` to `b`, `..b` anything up to `b`.
Several sources stand apart by ` | `. `customers.csv` and `crm_diagnosis.json` are files in the reports of the date.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from crmlab.messages import N_

COLUMNS = (
    "customer_id", "kind", "severity", "reason", "action", "value_at_risk", "date", "amount", "source",
)  # fmt: skip
SEVERITIES = ("high", "medium", "low")
# by code, in the order in which a page tells of them
KINDS = {
    "payment_overdue": N_("Late payment"),
    "payment_due": N_("Due soon"),
    "contract_end": N_("Contract ends"),
    "opportunity_stalled": N_("Stalled sales"),
    "satisfaction_fall": N_("Less satisfied"),
    "key_account": N_("Key account"),
    "dependence": N_("Dependence"),
    "nps_fall": N_("NPS fell"),
    "score_fall": N_("Score fell"),
    "purchases_fall": N_("Purchases fell"),
}
# large are the amounts that together make up this share of all of a kind
_LARGE = 0.5


def source(table: str, **columns: object) -> str:
    """The rows of a table as a filter: one value, a list of them, or a pair `(first, last)`; see the module."""
    told = [f"{name}={_told(value)}" for name, value in columns.items()]
    return f"{table}: {'; '.join(told)}"


def _told(value: object) -> str:
    if isinstance(value, tuple):
        return "..".join(map(_told, value))
    if isinstance(value, list):
        return ",".join(map(_told, value))
    return value.date().isoformat() if isinstance(value, pd.Timestamp) else str(value)


def large(amounts: pd.Series) -> np.ndarray:
    """Whether an amount is among the largest that together make up half of all; equal ones fall alike.

    What is not known, and what is zero or below, is not large.

    Examples
    --------
    >>> large(pd.Series([5.0, 1.0, 3.0, 1.0])).tolist()
    [True, False, False, False]
    """
    known = amounts.fillna(0.0).clip(lower=0)
    ordered = known.sort_values(ascending=False)
    held_before = ordered.cumsum() - ordered
    among = ordered[held_before < _LARGE * ordered.sum()]
    return (known >= (among.iloc[-1] if len(among) else np.inf)).to_numpy() & (known > 0).to_numpy()


def alert_rows(rows: list[Mapping] | pd.DataFrame) -> pd.DataFrame:
    """Alerts as a frame of `COLUMNS`, the most pressing first: by severity, then by what is at stake."""
    frame = pd.DataFrame(rows).reindex(columns=list(COLUMNS))
    frame = frame.astype({"amount": float, "value_at_risk": float, "customer_id": object})
    frame["date"] = pd.to_datetime(frame["date"]).astype("datetime64[us]")
    rank = frame["severity"].map(SEVERITIES.index).astype(int)
    at_stake = frame["value_at_risk"].fillna(frame["amount"])
    order = pd.DataFrame({"rank": rank, "at_stake": -at_stake, "kind": frame["kind"], "id": frame["customer_id"]})
    places = order.sort_values(["rank", "at_stake", "kind", "id"], na_position="last", kind="stable").index
    return frame.loc[places].reset_index(drop=True)


def value_at_risk(customers: pd.DataFrame | None) -> dict[object, float]:
    """By customer, what would go with those who leave, in currency, where another notebook has said so.

    Parameters
    ----------
    customers
        `customer_id`, and `churn_value_at_risk`, or `silence_value_at_risk` where the former is not known.
    """
    columns = ("churn_value_at_risk", "silence_value_at_risk")
    names = [name for name in columns if customers is not None and name in customers]
    if not names:
        return {}
    worth = customers.set_index("customer_id")[names].astype(float).bfill(axis=1).iloc[:, 0]
    return worth.dropna().to_dict()


def earlier_value(history: list[tuple[date, Mapping, Mapping]], name: str) -> tuple[date, Mapping] | None:
    """The metric as it was published at the last date at which it was; None where it never was.

    Parameters
    ----------
    history
        Of earlier dates, oldest first: the date, the metrics and the models that were published.
    """
    return next(((day, metrics[name]) for day, metrics, _models in reversed(history) if name in metrics), None)
