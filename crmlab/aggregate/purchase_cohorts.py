"""Transactions become a table of cohorts: customers by the month of their first purchase, month by month.

A row with `amount` >= 0 is a purchase and one below it a refund, as in `crmlab.aggregate.transactions`; months are the
calendar's. Refunds before a customer's first purchase belong to no cohort.
"""

from datetime import date

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import DECIMALS, as_day, collected


def purchase_cohorts(transactions, *, until: date | str) -> pd.DataFrame:
    """How many customers of each cohort bought in each month, and what they brought.

    Parameters
    ----------
    transactions
        Frame with `customer_id`, `date` and `amount`.
    until
        Last day that counts.

    Returns
    -------
    DataFrame
        One row per `cohort` and `month` in which it bought or was refunded (first days of months), sorted by both:
        `months` since the first purchase, `customers` who bought, their `purchases` (rows), `revenue` net of refunds.

    Raises
    ------
    ValueError
        If `transactions` lack `customer_id`, `date` or `amount`.
    """
    end = as_day(until, "until")
    frame = nw.from_native(transactions).lazy()
    schema = frame.collect_schema()
    if missing := [name for name in ("customer_id", "date", "amount") if name not in schema]:
        raise ValueError(
            f"`transactions` must have the columns customer_id, date and amount; missing: {', '.join(missing)}"
        )
    day, amount = nw.col("date").cast(nw.Datetime("us")), nw.col("amount").cast(nw.Float64)
    rows = frame.filter(day < end + pd.Timedelta(days=1)).select(
        "customer_id",
        day.dt.truncate("1mo").alias("month"),
        (amount >= 0).cast(nw.Int64).alias("purchases"),
        amount.alias("revenue"),
    )
    monthly = rows.group_by("customer_id", "month").agg(nw.col("purchases").sum(), nw.col("revenue").sum())
    # a window, for a join would make engines read everything twice
    bought = nw.when(nw.col("purchases") > 0).then(nw.col("month"))
    cohorts = monthly.with_columns(bought.alias("bought"))
    cohorts = cohorts.with_columns(nw.col("bought").min().over("customer_id").alias("cohort"))
    cohorts = cohorts.filter(nw.col("month") >= nw.col("cohort"))
    cohorts = cohorts.with_columns((nw.col("purchases") > 0).cast(nw.Int64).alias("customers"))
    sums = [nw.col(name).sum() for name in ("customers", "purchases", "revenue")]
    found = collected(cohorts.group_by("cohort", "month").agg(*sums)).sort_values(
        ["cohort", "month"], ignore_index=True
    )
    cohort, month = (pd.to_datetime(found[name]) for name in ("cohort", "month"))
    return pd.DataFrame(
        {
            "cohort": cohort,
            "month": month,
            "months": (month.dt.year - cohort.dt.year) * 12 + month.dt.month - cohort.dt.month,
            "customers": found["customers"].astype("int64"),
            "purchases": found["purchases"].astype("int64"),
            "revenue": found["revenue"].astype(float).round(DECIMALS),
        }
    )
