"""Transactions become counts of customers who fell silent: churn where no contract says who has left.

At the end of a month, a customer is active who bought in the months before it, and has gone silent who then buys
nothing in the months after it. Months end on the day of the month on which the last day falls; a refund is no purchase.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import narwhals as nw
import pandas as pd

from crmlab.aggregate.contracts import known_texts, month_end, month_number
from crmlab.aggregate.engine import as_day, collected
from crmlab.aggregate.transactions import by_day

# of data that begin within a window, so that a first month that begins on a working day counts as whole
_SLACK = timedelta(days=7)


@dataclass(frozen=True, eq=False)
class Inactivity:
    """Active customers at the ends of months, and how many of them bought again.

    Attributes
    ----------
    rows
        One row per month end and `group` (None where it is not known), the earliest first: `last_day`; `judged_on`, the
        last day of the horizon after it; `active`, who bought in the `window_months` up to the month end; `returned`,
        those of them who bought in the `horizon_months` after it.
    data_from
        Day of the first purchase; None without one.
    by
        What makes the groups; None without.
    """

    rows: pd.DataFrame
    until: date
    window_months: int
    horizon_months: int
    data_from: date | None
    by: str | None


def inactivity(
    transactions,
    *,
    until: date | str,
    window_months: int = 12,
    horizon_months: int = 12,
    most: int = 13,
    profiles=None,
    by: str | None = None,
) -> Inactivity:
    """Who of the active customers bought nothing for a stated time, at each of several month ends.

    Parameters
    ----------
    transactions
        Frame with `customer_id`, `date` and `amount`.
    until
        Last day that counts; the last month end that can be judged lies `horizon_months` before it.
    window_months, horizon_months
        Months before a month end in which a purchase makes a customer active, and after it in which none makes the
        customer silent.
    most
        Month ends that are judged at most, the latest ones. The whole window of each lies in the data.
    profiles, by
        Column that makes groups, and a frame of the same engine with `customer_id` and this column; without it there
        are no groups.

    Raises
    ------
    ValueError
        If a number of months, or `most`, is no positive whole number, or `transactions` lack a column.
    """
    for name, value in (("window_months", window_months), ("horizon_months", horizon_months), ("most", most)):
        if value != int(value) or value < 1:
            raise ValueError(f"`{name}` must be a positive integer, got {value}")
    last = as_day(until, "until")
    daily = by_day(transactions).filter(nw.col("day") <= last).filter(nw.col("purchases") > 0)
    first = collected(daily.select(nw.col("day").min()))["day"].iloc[0]
    data_from = None if pd.isna(first) else pd.Timestamp(first).date()
    by = None if profiles is None or by not in nw.from_native(profiles).lazy().collect_schema() else by
    ends = _month_ends(last, data_from, window_months, horizon_months, most)
    rows = pd.DataFrame(columns=["last_day", "judged_on", "group", "active", "returned"])
    if ends:
        rows = _counted(daily, last, ends, window_months, horizon_months, profiles, by)
    return Inactivity(rows, last.date(), window_months, horizon_months, data_from, by)


def _month_ends(last: pd.Timestamp, data_from: date | None, window: int, horizon: int, most: int) -> list[int]:
    """Numbers of the months whose ends can be judged, the earliest first."""
    found = []
    while data_from is not None and len(found) < most:
        month = -horizon - len(found)
        opens = month_end(last, month - window).date() + timedelta(days=1)
        if opens + _SLACK < data_from:
            break
        found.insert(0, month)
    return found


def _counted(daily, last: pd.Timestamp, ends: list[int], window: int, horizon: int, profiles, by) -> pd.DataFrame:
    month = nw.col("month")
    # one row per customer and month first: there are far fewer of them than of days
    buyers = daily.with_columns(month_number("day", last).alias("month")).select("customer_id", "month").unique()
    flags = {}
    for at in ends:
        flags[f"active{-at}"] = (month > at - window) & (month <= at)
        flags[f"after{-at}"] = (month > at) & (month <= at + horizon)
    marked = buyers.with_columns(*(flag.cast(nw.Int64).alias(name) for name, flag in flags.items()))
    customers = marked.group_by("customer_id").agg(*(nw.col(name).max() for name in flags))
    group = nw.lit(None, nw.String)
    if by is not None:
        known = nw.from_native(profiles).lazy()
        customers = customers.join(known.select("customer_id", nw.col(by).alias("of_")), on="customer_id", how="left")
        text = nw.col("of_").cast(nw.String).str.strip_chars()
        group = nw.when(text != "").then(text)
    both = [(nw.col(f"active{-at}") * nw.col(f"after{-at}")).alias(f"both{-at}") for at in ends]
    sums = [f"{name}{-at}" for at in ends for name in ("active", "both")]
    customers = customers.with_columns(group.alias("group"), *both)
    found = collected(customers.group_by("group").agg(*(nw.col(name).sum() for name in sums)))
    parts = [
        pd.DataFrame(
            {
                "last_day": month_end(last, at),
                "judged_on": month_end(last, at + horizon),
                "group": known_texts(found["group"]),
                "active": found[f"active{-at}"].astype("int64"),
                "returned": found[f"both{-at}"].astype("int64"),
            }
        )
        for at in ends
    ]
    return pd.concat(parts).sort_values(["last_day", "group"], ignore_index=True)
