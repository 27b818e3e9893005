"""Customers who bought in the last months and in the same months a year before, by industry, region or the like."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import DECIMALS, as_day, collected
from crmlab.aggregate.transactions import by_day

_COUNTS = ("bought_before", "bought", "only_before", "only_now")
_AMOUNTS = ("purchased_before", "purchased")


@dataclass(frozen=True, eq=False)
class YearBefore:
    """The last months beside the same months a year before.

    Attributes
    ----------
    groups
        The firm as a whole first, its `by` and `group` empty; then one row per column `by` and its value `group`,
        sorted: customers who `bought_before` and who `bought`, of these `only_before` and `only_now`; what they
        `purchased_before` and `purchased`, before refunds. No row where the data do not reach back so far.
    now, before
        First and last day of both spans.
    """

    groups: pd.DataFrame
    now: tuple[date, date]
    before: tuple[date, date]


def same_months_a_year_before(
    transactions, customers=None, *, until: date | str, months: int = 3, by: Sequence[str] = ("industry", "region")
) -> YearBefore:
    """What was bought in the `months` up to a day and in the same months a year before.

    Parameters
    ----------
    transactions
        Frame with `customer_id`, `date`, `amount`.
    customers
        One row per customer with `customer_id` and those columns of `by` that there are.
    until
        Last day that counts. Where it is the last of a month, both spans are whole months.

    Raises
    ------
    ValueError
        If `months` does not lie between 1 and 12, or `transactions` lack `customer_id`, `date` or `amount`.
    """
    if not 1 <= months <= 12:
        raise ValueError(f"`months` must lie between 1 and 12, got {months}")
    end = as_day(until, "until")
    start, end_before, start_before = (_months_before(end, back) for back in (months, 12, 12 + months))
    day = nw.col("day")
    daily = by_day(transactions).filter((nw.col("purchases") > 0) & (day <= end))
    now, before = day > start, (day > start_before) & (day <= end_before)
    purchased = {
        "purchased_before": nw.when(before).then(nw.col("purchased")).otherwise(nw.lit(0.0)),
        "purchased": nw.when(now).then(nw.col("purchased")).otherwise(nw.lit(0.0)),
    }
    marks = {"now": _one_if(now), "before": _one_if(before)} | purchased
    of_customers = daily.filter(now | before).with_columns(**marks).group_by("customer_id")
    of_customers = of_customers.agg(*(nw.col(name).sum() for name in marks)).with_columns(
        nw.col("customer_id").cast(nw.String),
        bought_before=_one_if(nw.col("before") > 0),
        bought=_one_if(nw.col("now") > 0),
        only_before=_one_if((nw.col("before") > 0) & (nw.col("now") == 0)),
        only_now=_one_if((nw.col("before") == 0) & (nw.col("now") > 0)),
    )
    whole = of_customers.with_columns(by=nw.lit(""), group=nw.lit(""))
    found = [_sums(whole), *_by(of_customers, customers, by)]
    first = collected(daily.select(day.min()))["day"].iloc[0]
    known = pd.notna(first) and first <= start_before + pd.Timedelta(days=7)
    groups = pd.concat(found if known else [each.head(0) for each in found], ignore_index=True)
    types = dict.fromkeys(("by", "group"), object) | dict.fromkeys(_COUNTS, "int64") | dict.fromkeys(_AMOUNTS, float)
    groups = groups.astype(types).round(dict.fromkeys(_AMOUNTS, DECIMALS))
    one = pd.Timedelta(days=1)
    return YearBefore(
        groups.sort_values(["by", "group"], ignore_index=True),
        ((start + one).date(), end.date()),
        ((start_before + one).date(), end_before.date()),
    )


def _by(of_customers: nw.LazyFrame, customers, by: Sequence[str]) -> list[pd.DataFrame]:
    """The sums of the groups that each column makes; customers of whom it is not known are in none."""
    if customers is None:
        return []
    profiles = nw.from_native(customers).lazy()
    found = []
    for name in (name for name in by if name in profiles.collect_schema()):
        group = profiles.select(nw.col("customer_id").cast(nw.String), nw.col(name).cast(nw.String).alias("group"))
        joined = of_customers.join(group.filter(~nw.col("group").is_null()), on="customer_id", how="inner")
        found.append(_sums(joined.with_columns(by=nw.lit(name))))
    return found


def _sums(frame: nw.LazyFrame) -> pd.DataFrame:
    return collected(frame.group_by("by", "group").agg(*(nw.col(name).sum() for name in (*_COUNTS, *_AMOUNTS))))


def _one_if(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0))


def _months_before(end: pd.Timestamp, months: int) -> pd.Timestamp:
    return end - (pd.offsets.MonthEnd(months) if end.is_month_end else pd.DateOffset(months=months))
