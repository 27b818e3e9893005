"""What became of customers in the months after a day, and standings of earlier days beside it, for a back-test."""

from datetime import date

import narwhals as nw
import pandas as pd

from crmlab.aggregate.contracts import month_end
from crmlab.aggregate.customer_standing import COLUMNS, contracts_on, customer_standing, due_within
from crmlab.aggregate.engine import as_day, collected
from crmlab.aggregate.payments import payment_summary
from crmlab.aggregate.transactions import by_day

OUTCOMES = ("left", "paid_late", "shrank")
LATE_DAYS = 30
# of data that begin within the months before a day, so that a first month that begins on a working day counts as whole
_SLACK = 7


def customer_outcomes(
    *, since: date | str, until: date | str, transactions=None, contracts=None, payments=None
) -> pd.DataFrame:
    """What became of each customer after one day and up to another.

    Parameters
    ----------
    since, until
        The two days; what happened on the first came before, what happened on the second counts.
    transactions, contracts, payments
        The client's tables; None of those that it does not supply.

    Returns
    -------
    DataFrame
        One row per customer of whom something can be told, sorted by `customer_id`; 1 if it happened, 0 if not, empty
        where it could not happen.

        - `left`: of customers under contract on `since`, those without one on `until`. Without the table `contracts`:
          of customers who bought in as many days before, those who bought nothing.
        - `paid_late`: of customers with an instalment that fell due more than 30 days before `until`, those who paid
          one over 30 days late, or not.
        - `shrank`: of customers who brought revenue in as many days before, those who brought less than half of it.

    Raises
    ------
    ValueError
        If `until` does not come after `since`, or a table lacks a column.
    """
    start, end = as_day(since, "since"), as_day(until, "until")
    if end <= start:
        raise ValueError(f"`until` must come after `since` {start:%Y-%m-%d}, got {end:%Y-%m-%d}")
    parts = [pd.DataFrame(columns=["customer_id", *OUTCOMES])]
    if transactions is not None:
        bought = _bought(transactions, start, end)
        before = bought["revenue_before"] > 0
        shrank = (bought["revenue_after"] < bought["revenue_before"] / 2).where(before)
        parts.append(bought[["customer_id"]].assign(shrank=shrank))
        if contracts is None:
            left = (bought["purchases_after"] == 0).where(bought["purchases_before"] > 0)
            parts.append(bought[["customer_id"]].assign(left=left))
    if contracts is not None:
        under, later = contracts_on(contracts, start), contracts_on(contracts, end)
        under = under.loc[under["under_contract"] > 0, ["customer_id"]]
        under = under.merge(later, on="customer_id", how="left")
        parts.append(under[["customer_id"]].assign(left=under["under_contract"] == 0))
    if payments is not None:
        last = end - pd.Timedelta(days=LATE_DAYS + 1)
        paid = payment_summary(due_within(payments, last=last, after=start), until=end, grace_days=LATE_DAYS)
        late = (paid["on_time"] < paid["judged"]).where(paid["judged"] > 0)
        parts.append(paid[["customer_id"]].assign(paid_late=late))
    found = pd.concat([part.astype(dict.fromkeys(part.columns[1:], float)) for part in parts])
    found = found.groupby("customer_id", sort=True)[list(OUTCOMES)].max().reset_index()
    return found[found[list(OUTCOMES)].notna().any(axis=1)].reset_index(drop=True)


def customer_histories(
    *,
    until: date | str,
    months: int = 12,
    dates: int = 3,
    observed_from: date | str | None = None,
    transactions=None,
    contracts=None,
    payments=None,
    **options,
) -> pd.DataFrame:
    """Standings at earlier days, with what became of each customer in the months after.

    Parameters
    ----------
    until
        Last day that is known.
    months
        After each day; as many lie between two of them.
    dates
        How many there are at most. Before each, transactions reach back as many months.
    observed_from
        Day from which on contracts that end are in the file; of earlier days, only those who stayed are known.
    options
        As of `customer_standing`.
    transactions, contracts, payments
        The client's tables; None of those that it does not supply.

    Returns
    -------
    DataFrame
        As `customer_standing`, with `scored_on`, and `left`, `paid_late` and `shrank` as `customer_outcomes` gives
        them. No row where the data do not reach back.

    Raises
    ------
    ValueError
        If `months` or `dates` is no positive whole number, or a table lacks a column.
    """
    if months != int(months) or months < 1 or dates != int(dates) or dates < 1:
        raise ValueError(f"`months` and `dates` must be positive integers, got {months} and {dates}")
    last = as_day(until, "until")
    known_from = pd.Timestamp.min if transactions is None else _first_day(transactions)
    tables = {"transactions": transactions, "contracts": contracts, "payments": payments}
    found = []
    for step in range(dates, 0, -1):
        start, end = month_end(last, -months * step), month_end(last, -months * (step - 1))
        early = month_end(start, -months) + pd.Timedelta(days=_SLACK) < known_from
        if early or (observed_from is not None and start < as_day(observed_from, "observed_from")):
            continue
        standing = customer_standing(until=start, **tables, **options)
        became = customer_outcomes(since=start, until=end, **tables)
        standing.insert(0, "scored_on", start)
        found.append(standing.merge(became, on="customer_id", how="left"))
    columns = ["scored_on", "customer_id", *(name for names in COLUMNS.values() for name in names), *OUTCOMES]
    given = [frame for frame in found if len(frame)]
    return pd.concat(given, ignore_index=True) if given else pd.DataFrame(columns=columns)


def _bought(transactions, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Purchases and revenue net of refunds after a day, and in as many days before."""
    after = nw.col("day") > start
    daily = by_day(transactions).filter((nw.col("day") > start - (end - start)) & (nw.col("day") <= end))
    measures = {"revenue": nw.col("purchased") - nw.col("refunded"), "purchases": nw.col("purchases")}
    columns = {
        f"{name}_{place}": nw.when(inside).then(measure).otherwise(nw.lit(0))
        for place, inside in (("after", after), ("before", ~after))
        for name, measure in measures.items()
    }
    sums = [nw.col(name).sum() for name in columns]
    found = collected(daily.with_columns(**columns).group_by("customer_id").agg(*sums))
    return found.astype(dict.fromkeys(columns, float))


def _first_day(transactions) -> pd.Timestamp:
    """Of a purchase or refund; past all days where there is none."""
    day = collected(by_day(transactions).select(nw.col("day").min()))["day"]
    return pd.Timestamp(day.iloc[0]) if len(day) and pd.notna(day.iloc[0]) else pd.Timestamp.max
