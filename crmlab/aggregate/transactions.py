"""Transactions become one row per customer or per month. Rules that hold throughout:

- a row with `amount` >= 0 is a purchase (a free item counts, as in the CDNOW log), a row with `amount` < 0 a refund;
- purchases of one customer on one day are one purchase, whatever the hour;
- a customer exists from the first purchase on. A customer with refunds only has no age and is in no summary;
  `refund_only_customers` counts them.
"""

from datetime import date, datetime

import narwhals as nw
import numpy as np
import pandas as pd

from crmlab.aggregate.engine import DECIMALS, as_day, collected, day_number, days_per_unit

# stands behind every day of a purchase
_NEVER = datetime(2400, 1, 1)


def customer_summary(transactions, *, until: date | str, time_unit: str = "week") -> pd.DataFrame:
    """What each customer had done by a date.

    Parameters
    ----------
    transactions
        Frame with `customer_id`, `date`, `amount`, and optionally `margin`, or `cost` from which it follows.
    until
        Last day that counts.
    time_unit
        `day`, `week` (7 days) or `month` (365.25 / 12 days).

    Returns
    -------
    DataFrame
        One row per customer with a purchase, sorted by `customer_id`. `frequency`: purchase days after the first;
        `recency` and `T`: time from the first purchase day to the last, and to `until`, in `time_unit`;
        `monetary_value`: mean purchase amount of the repeat days, 0 without any; `purchases`: rows; `revenue`: net of
        refunds; `refunds`: their positive sum; `first_date` and `last_date` of purchases; `margin` where it is known.

    Raises
    ------
    ValueError
        If `time_unit` is none of these, or `transactions` lack `customer_id`, `date` or `amount`.

    References
    ----------
    Fader and Hardie (2013), The Gamma-Gamma model of monetary value, note 025 (the first purchase is left out of
    `monetary_value`, because it is not a repeat).
    """
    unit_days = days_per_unit(time_unit)
    until = as_day(until, "until")
    daily = by_day(transactions).filter(nw.col("day") <= until)
    return _summary(_per_customer(daily), until, unit_days)


def calibration_holdout_summary(
    transactions, *, calibration_end: date | str, holdout_end: date | str, time_unit: str = "week"
) -> pd.DataFrame:
    """What each customer had done by one date, and did between that and a later one.

    Parameters
    ----------
    transactions, time_unit
        As of `customer_summary`.
    calibration_end, holdout_end
        The last days of the two periods: what models are fitted to, and what their forecast is held against.

    Returns
    -------
    DataFrame
        As `customer_summary` at `calibration_end`, with `frequency_holdout`: purchase days after `calibration_end` and
        up to `holdout_end`; `amount_holdout`: purchases on them, before refunds; `T_holdout`: the time between the two.

    Raises
    ------
    ValueError
        If `holdout_end` does not come after `calibration_end`, and as `customer_summary`.
    """
    unit_days = days_per_unit(time_unit)
    start, end = as_day(calibration_end, "calibration_end"), as_day(holdout_end, "holdout_end")
    if end <= start:
        raise ValueError(f"`holdout_end` must come after `calibration_end` {start:%Y-%m-%d}, got {end:%Y-%m-%d}")
    daily = by_day(transactions)
    summary = _summary(_per_customer(daily.filter(nw.col("day") <= start)), start, unit_days)
    later = (
        daily.filter((nw.col("day") > start) & (nw.col("day") <= end) & (nw.col("purchases") > 0))
        .group_by("customer_id")
        .agg(nw.len().alias("frequency_holdout"), nw.col("purchased").sum().alias("amount_holdout"))
    )
    summary = summary.merge(collected(later), on="customer_id", how="left")
    summary["frequency_holdout"] = summary["frequency_holdout"].fillna(0).astype("int64")
    summary["amount_holdout"] = summary["amount_holdout"].fillna(0.0).astype(float).round(DECIMALS)
    summary["T_holdout"] = (end - start).days / unit_days
    return summary


def purchases_after(transactions, *, calibration_end: date | str, holdout_end: date | str) -> pd.DataFrame:
    """Purchases after one date and up to a later one, of customers who were there at the first, week by week.

    Parameters
    ----------
    transactions, calibration_end, holdout_end
        As of `calibration_holdout_summary`.

    Returns
    -------
    DataFrame
        One row per week, the last one shorter where it must be: `ends_on`, its last day; `days` since
        `calibration_end`; `purchases`, as days on which a customer bought.

    Raises
    ------
    ValueError
        If `holdout_end` does not come after `calibration_end`, or `transactions` lack a column.
    """
    start, end = as_day(calibration_end, "calibration_end"), as_day(holdout_end, "holdout_end")
    if end <= start:
        raise ValueError(f"`holdout_end` must come after `calibration_end` {start:%Y-%m-%d}, got {end:%Y-%m-%d}")
    bought = by_day(transactions).filter((nw.col("purchases") > 0) & (nw.col("day") <= end))
    known = bought.filter(nw.col("day") <= start).select("customer_id").unique()
    later = bought.filter(nw.col("day") > start).join(known, on="customer_id", how="semi")
    step = ((day_number("day") - (start.toordinal() + 1)) / 7).floor().cast(nw.Int64)
    found = collected(later.with_columns(step.alias("step")).group_by("step").agg(nw.len().alias("purchases")))
    days = np.minimum(np.arange(7, (end - start).days + 7, 7), (end - start).days)
    counts = found.set_index("step")["purchases"].reindex(range(len(days)), fill_value=0)
    ends_on = start + pd.to_timedelta(days, unit="D")
    return pd.DataFrame({"ends_on": ends_on, "days": days, "purchases": counts.to_numpy(dtype="int64")})


def refund_only_customers(transactions, *, until: date | str) -> int:
    """How many customers had refunds but no purchase by a date, and are therefore in no summary."""
    daily = by_day(transactions).filter(nw.col("day") <= as_day(until, "until"))
    purchases = daily.group_by("customer_id").agg(nw.col("purchases").sum())
    return len(collected(purchases.filter(nw.col("purchases") == 0)))


def by_day(transactions) -> nw.LazyFrame:
    """One row per customer and day, lazily: purchase rows, their sum, refunds as a positive sum, margin.

    Raises
    ------
    ValueError
        If `transactions` lack `customer_id`, `date` or `amount`.
    """
    frame = nw.from_native(transactions).lazy()
    schema = frame.collect_schema()
    missing = [name for name in ("customer_id", "date", "amount") if name not in schema]
    if missing:
        raise ValueError(
            f"`transactions` must have the columns customer_id, date and amount; missing: {', '.join(missing)}"
        )
    amount = nw.col("amount").cast(nw.Float64)
    margin = [nw.col("margin")] if "margin" in schema else [amount - nw.col("cost")] if "cost" in schema else []
    columns = [
        nw.col("customer_id"),
        nw.col("date").cast(nw.Datetime("us")).dt.truncate("1d").alias("day"),
        (amount >= 0).cast(nw.Int64).alias("purchases"),
        nw.when(amount >= 0).then(amount).otherwise(nw.lit(0.0)).alias("purchased"),
        nw.when(amount < 0).then(-amount).otherwise(nw.lit(0.0)).alias("refunded"),
        *(expression.cast(nw.Float64).alias("margin") for expression in margin),
    ]
    sums = [nw.col(name).sum() for name in ("purchases", "purchased", "refunded", *(["margin"] if margin else []))]
    return frame.select(*columns).group_by("customer_id", "day").agg(*sums)


def _per_customer(daily: nw.LazyFrame) -> nw.LazyFrame:
    """One row per customer, lazily."""
    margin = [nw.col("margin").sum()] if "margin" in daily.collect_schema() else []
    buys = nw.col("purchases") > 0
    marked = daily.with_columns(
        nw.when(buys).then(nw.col("day")).alias("bought"),
        nw.when(buys).then(nw.col("day")).otherwise(nw.lit(_NEVER)).alias("turn"),
        buys.cast(nw.Int64).alias("buying_day"),
    )
    purchased_first = nw.col("purchased").first(order_by="turn")
    if daily.implementation.is_spark_like():
        # Spark lacks the first of a group by an order; a window takes DuckDB half as long again
        marked = marked.with_columns(nw.col("turn").min().over("customer_id").alias("first_turn"))
        is_first = nw.col("turn") == nw.col("first_turn")
        marked = marked.with_columns(nw.when(is_first).then(nw.col("purchased")).otherwise(nw.lit(0.0)).alias("first"))
        purchased_first = nw.col("first").sum()
    return (
        marked.group_by("customer_id")
        .agg(
            nw.col("buying_day").sum().alias("buying_days"),
            nw.col("bought").min().alias("first_date"),
            nw.col("bought").max().alias("last_date"),
            nw.col("purchases").sum(),
            nw.col("purchased").sum(),
            purchased_first.alias("purchased_first"),
            nw.col("refunded").sum().alias("refunds"),
            *margin,
        )
        .filter(nw.col("purchases") > 0)
        # DuckDB adds integers into wider ones, which would come back as objects
        .with_columns(nw.col("buying_days", "purchases").cast(nw.Int64))
        .sort("customer_id")
    )


def _summary(customers: nw.LazyFrame, until: pd.Timestamp, unit_days: float) -> pd.DataFrame:
    found = collected(customers).reset_index(drop=True)
    first, last = pd.to_datetime(found["first_date"]), pd.to_datetime(found["last_date"])
    frequency = found["buying_days"].astype("int64") - 1
    repeat = (found["purchased"] - found["purchased_first"]).astype(float).round(DECIMALS)
    summary = pd.DataFrame(
        {
            "customer_id": found["customer_id"],
            "frequency": frequency,
            "recency": (last - first).dt.days / unit_days,
            "T": (until - first).dt.days / unit_days,
            "monetary_value": repeat.div(frequency.where(frequency > 0)).fillna(0.0),
            "purchases": found["purchases"].astype("int64"),
            "revenue": (found["purchased"] - found["refunds"]).astype(float).round(DECIMALS),
            "refunds": found["refunds"].astype(float).round(DECIMALS),
            "first_date": first,
            "last_date": last,
        }
    )
    if "margin" in found:
        summary["margin"] = found["margin"].astype(float).round(DECIMALS)
    return summary
