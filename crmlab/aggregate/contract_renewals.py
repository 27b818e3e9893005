"""Contract terms that came to an end: how many of them were renewed."""

from datetime import date

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import as_day, collected, day_number


def contract_renewals(contracts, *, until: date | str, gap_days: int = 31) -> pd.DataFrame:
    """Customers by how many of their terms were renewed, and how many ended for good.

    A term was renewed if `renewals` counts it, or if another contract of the customer begins within `gap_days` before
    or after its end. A contract that ends on the last day that counts, or after it, has not ended.

    Parameters
    ----------
    contracts
        Frame with `customer_id`, `start`, `end`, and `renewals` where it is known.
    until
        Last day that counts; contracts that start after it are left out.
    gap_days
        Days between two contracts that make the second no renewal any more, 0 or more.

    Returns
    -------
    DataFrame
        One row per combination of `renewed` and `ended`, sorted, with the number of `customers`; those without any
        term that ended are left out.

    Raises
    ------
    ValueError
        If `gap_days` is below 0, or `contracts` lack `customer_id`, `start` or `end`.
    """
    if gap_days < 0:
        raise ValueError(f"`gap_days` must be at least 0, got {gap_days}")
    last = as_day(until, "until").toordinal()
    frame = nw.from_native(contracts).lazy()
    schema = frame.collect_schema()
    if missing := [name for name in ("customer_id", "start", "end") if name not in schema]:
        raise ValueError(f"`contracts` must have the columns customer_id, start and end; missing: {', '.join(missing)}")
    told = nw.coalesce(nw.col("renewals"), nw.lit(0)) if "renewals" in schema else nw.lit(0)
    frame = frame.with_columns(day_number("start").alias("_from"), day_number("end").alias("_to")).filter(
        nw.col("_from") <= last
    )
    following = nw.col("_from").shift(-1).over("customer_id", order_by=("_from", "_to"))
    frame = frame.with_columns((following - nw.col("_to") - 1).alias("_gap"))
    followed = (nw.col("_gap") >= -gap_days) & (nw.col("_gap") <= gap_days)
    over = (nw.col("_to") < last) & ~nw.col("_to").is_null()
    terms = frame.with_columns(
        (told + nw.when(over & followed).then(nw.lit(1)).otherwise(nw.lit(0))).alias("_renewed"),
        nw.when(over & (~followed | nw.col("_gap").is_null())).then(nw.lit(1)).otherwise(nw.lit(0)).alias("_ended"),
    )
    customers = terms.group_by("customer_id").agg(
        nw.col("_renewed").sum().alias("renewed"), nw.col("_ended").sum().alias("ended")
    )
    found = collected(customers.group_by("renewed", "ended").agg(nw.len().alias("customers"))).astype("int64")
    found = found[found["renewed"] + found["ended"] > 0]
    return found.sort_values(["renewed", "ended"], ignore_index=True)
