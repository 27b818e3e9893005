"""What each customer brought in two periods of the same length that follow one another, on whatever engine."""

from dataclasses import dataclass
from datetime import date, timedelta

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import DECIMALS, as_day, collected
from crmlab.aggregate.transactions import by_day


@dataclass(frozen=True, eq=False)
class AdjacentPeriods:
    """Two adjacent periods of the same number of months.

    Attributes
    ----------
    customers
        One row per customer with a purchase or refund in either, sorted by `customer_id`: `revenue` (net of refunds),
        `purchases` (days with one), and `margin` where it is known, in the later period; the same with `_before` in the
        one before; `first_date` of a purchase at all (NaT if there is none).
    before, now
        First and last day of each period.
    months
        Length of each period.
    data_from
        First day in the data; None if there are none.
    """

    customers: pd.DataFrame
    before: tuple[date, date]
    now: tuple[date, date]
    months: int
    data_from: date | None

    @property
    def comparable(self) -> bool:
        """Whether the data reach back over the whole of the period before, a week at most left out."""
        return self.data_from is not None and self.data_from <= self.before[0] + timedelta(days=7)


def adjacent_periods(transactions, *, until: date | str, months: int = 12) -> AdjacentPeriods:
    """Revenue, margin and purchases per customer in the `months` up to `until`, and in as many before them.

    Where `until` is the last day of a month, so are the other borders: both periods are then whole months.

    Parameters
    ----------
    transactions
        Frame with `customer_id`, `date`, `amount`, and optionally `margin`, or `cost` from which it follows.
    until
        Last day that counts.

    Raises
    ------
    ValueError
        If `months` is no positive whole number, or `transactions` lack `customer_id`, `date` or `amount`.
    """
    if months != int(months) or months < 1:
        raise ValueError(f"`months` must be a positive integer, got {months}")
    end = as_day(until, "until")
    middle, start = (_months_before(end, months * back) for back in (1, 2))
    daily = by_day(transactions).filter(nw.col("day") <= end)
    found = collected(_of_customers(daily, start, middle).filter(nw.col("rows") > 0))
    first = collected(daily.select(nw.col("day").min()))["day"].iloc[0] if len(found) else pd.NaT
    found = found.drop(columns="rows").sort_values("customer_id", ignore_index=True)
    found["first_date"] = pd.to_datetime(found["first_date"])
    for name in found.columns.difference(["customer_id", "first_date"]):
        amount = not name.startswith("purchases")
        found[name] = found[name].astype(float).round(DECIMALS) if amount else found[name].astype("int64")
    day = pd.Timedelta(days=1)
    return AdjacentPeriods(
        found,
        ((start + day).date(), middle.date()),
        ((middle + day).date(), end.date()),
        int(months),
        None if pd.isna(first) else pd.Timestamp(first).date(),
    )


def _of_customers(daily: nw.LazyFrame, start: pd.Timestamp, middle: pd.Timestamp) -> nw.LazyFrame:
    """One row per customer, lazily; `rows` counts days with a purchase or refund in either period."""
    periods = {"_before": (nw.col("day") > start) & (nw.col("day") <= middle), "": nw.col("day") > middle}
    measures = {
        "revenue": nw.col("purchased") - nw.col("refunded"),
        "purchases": (nw.col("purchases") > 0).cast(nw.Int64),
    }
    if "margin" in daily.collect_schema():
        measures["margin"] = nw.col("margin")
    columns = {
        f"{name}{suffix}": nw.when(inside).then(measure).otherwise(nw.lit(0))
        for suffix, inside in periods.items()
        for name, measure in measures.items()
    }
    return (
        daily.with_columns(
            nw.when(nw.col("purchases") > 0).then(nw.col("day")).alias("first_date"),
            (nw.col("day") > start).cast(nw.Int64).alias("rows"),
            **columns,
        )
        .group_by("customer_id")
        .agg(nw.col("first_date").min(), *(nw.col(name).sum() for name in ("rows", *columns)))
    )


def _months_before(end: pd.Timestamp, months: int) -> pd.Timestamp:
    return end - (pd.offsets.MonthEnd(months) if end.is_month_end else pd.DateOffset(months=months))
