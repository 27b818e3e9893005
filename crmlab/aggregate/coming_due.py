"""What falls due, or is late already: open instalments, contracts that end, opportunities that nobody closes.

Of what lies after the as-of date only the days on which something falls due are used: a payment made after it has not
happened yet, as in `crmlab.aggregate.payments`.
"""

from datetime import date

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import DECIMALS, as_day, collected, day_number, timestamps


def payments_due(payments, *, until: date | str, within_days: int = 30, material_share: float = 0.01) -> pd.DataFrame:
    """Instalments that are open: overdue ones, and those that fall due within so many days.

    Parameters
    ----------
    payments
        Frame with `customer_id`, `due_on`, `amount`, and `paid_on`, `paid_amount` and `milestone` where there are any.
    until
        Last day that counts; what falls due on it may still come in time.
    material_share
        Share of an instalment that may stay open without its counting as open, 0 to below 1.
    within_days
        How far ahead to look.

    Returns
    -------
    DataFrame
        One row per customer and day, sorted by both: `customer_id`, `due_on`, `amount` (what is open), `rows` of the
        table, `days` until it is due (below zero: overdue), and `milestone`, the first by name, where there is one.

    Raises
    ------
    ValueError
        If `within_days` is below 0, or `payments` lack `customer_id`, `due_on` or `amount`.
    """
    last_day = _last_day(until, within_days)
    frame, schema = _columns(payments, "payments", ("customer_id", "due_on", "amount"))
    paid_day = day_number("paid_on").floor() if "paid_on" in schema else nw.lit(None, nw.Float64)
    paid = nw.col("paid_amount").cast(nw.Float64) if "paid_amount" in schema else nw.lit(None, nw.Float64)
    milestone = nw.col("milestone").cast(nw.String) if "milestone" in schema else nw.lit(None, nw.String)
    frame = frame.select(
        nw.col("customer_id").cast(nw.String),
        day_number("due_on").floor().alias("due_day"),
        nw.col("amount").cast(nw.Float64),
        paid_day.alias("paid_day"),
        paid.alias("paid"),
        milestone.alias("milestone"),
    ).filter(nw.col("amount") > 0, nw.col("due_day") <= last_day + within_days)
    # a payment without an amount paid all; one without a day has come in as far as its amount says; a later one has not
    received = (
        nw.when(nw.col("paid_day") <= last_day)
        .then(nw.coalesce(nw.col("paid"), nw.col("amount")))
        .when(nw.col("paid_day").is_null())
        .then(nw.coalesce(nw.col("paid"), nw.lit(0.0)))
        .otherwise(nw.lit(0.0))
    )
    left = frame.with_columns((nw.col("amount") - received).alias("left"))
    left = left.filter(nw.col("left") > material_share * nw.col("amount"))
    grouped = left.group_by("customer_id", "due_day").agg(
        nw.col("left").sum().alias("amount"), nw.len().alias("rows"), nw.col("milestone").min()
    )
    found = _in_order(grouped, "due_day")
    told = _told(found, due_on=timestamps(found["due_day"].astype(float)))
    told["days"] = (found["due_day"] - last_day).astype(int)
    return told.assign(milestone=found["milestone"].astype(object).where(found["milestone"].notna(), None))


def contracts_ending(contracts, *, until: date | str, within_days: int = 90) -> pd.DataFrame:
    """Contracts that run, and whose last day comes within so many days.

    Parameters
    ----------
    contracts
        Frame with `customer_id`, `start`, `end`, and `value` where it is known.
    within_days
        How far ahead to look.

    Returns
    -------
    DataFrame
        One row per customer and day, sorted by both: `customer_id`, `due_on` (the last day), `amount` (the value of the
        contracts, empty where it is not known), `rows` of the table, `days` until then.

    Raises
    ------
    ValueError
        If `within_days` is below 0, or `contracts` lack `customer_id` or `start`.
    """
    last_day = _last_day(until, within_days)
    frame, schema = _columns(contracts, "contracts", ("customer_id", "start"))
    value = nw.col("value").cast(nw.Float64) if "value" in schema else nw.lit(None, nw.Float64)
    end = day_number("end").floor() if "end" in schema else nw.lit(None, nw.Float64)
    frame = frame.select(
        nw.col("customer_id").cast(nw.String),
        day_number("start").floor().alias("start_day"),
        end.alias("due_day"),
        value.alias("value"),
    ).filter(
        nw.col("start_day") <= last_day, nw.col("due_day") >= last_day, nw.col("due_day") <= last_day + within_days
    )
    grouped = frame.group_by("customer_id", "due_day").agg(
        nw.col("value").sum().alias("amount"), nw.col("value").count().alias("known"), nw.len().alias("rows")
    )
    found = _in_order(grouped, "due_day")
    found["amount"] = found["amount"].astype(float).where(found["known"] > 0)
    told = _told(found, due_on=timestamps(found["due_day"].astype(float)))
    return told.assign(days=(found["due_day"] - last_day).astype(int))


def stalled_opportunities(opportunities, *, until: date | str, usual_share: float = 0.95) -> pd.DataFrame:
    """Opportunities that are open for longer than nearly all that were won took.

    Parameters
    ----------
    usual_share
        Share of those won whose time nobody minds, above 0 and up to 1: what is open for longer than they took stalls.
    opportunities
        Frame with `customer_id`, `opened_on`, `closed_on`, `outcome`, and `amount` where it is known.

    Returns
    -------
    DataFrame
        One row per customer and day, sorted by both: `customer_id`, `opened_on`, `amount` (expected, empty where it is
        not known), `rows` of the table, `days` open, and `usual_days`, the same for all. No row where none was won.

    Raises
    ------
    ValueError
        If `usual_share` is not above 0 and up to 1, or `opportunities` lack `customer_id` or `opened_on`.
    """
    if not 0 < usual_share <= 1:
        raise ValueError(f"`usual_share` must be a share above 0 and up to 1, got {usual_share}")
    last_day = as_day(until, "until").toordinal()
    frame, schema = _columns(opportunities, "opportunities", ("customer_id", "opened_on"))
    amount = nw.col("amount").cast(nw.Float64) if "amount" in schema else nw.lit(None, nw.Float64)
    outcome = nw.col("outcome").cast(nw.String) if "outcome" in schema else nw.lit(None, nw.String)
    closed_on = day_number("closed_on").floor() if "closed_on" in schema else nw.lit(None, nw.Float64)
    frame = frame.select(
        nw.col("customer_id").cast(nw.String),
        outcome.alias("outcome"),
        day_number("opened_on").floor().alias("open_day"),
        closed_on.alias("close_day"),
        amount.alias("value"),
    ).filter(nw.col("open_day") <= last_day)
    closed = nw.col("close_day") <= last_day
    took = frame.filter(closed & (nw.col("outcome") == "won")).select(days=nw.col("close_day") - nw.col("open_day"))
    # NaN where none was won: nothing is longer
    usual = float(pd.to_numeric(collected(took.select(nw.col("days").quantile(usual_share, "linear")))["days"]).iloc[0])
    # how it ended is not known before it is closed; one that bears an outcome and no day is closed, nobody knows when
    open_still = (nw.col("close_day") > last_day) | (
        nw.col("close_day").is_null() & (nw.col("outcome").is_null() | (nw.col("outcome") == "open"))
    )
    late = frame.filter(open_still, nw.lit(last_day) - nw.col("open_day") > usual)
    grouped = late.group_by("customer_id", "open_day").agg(
        nw.col("value").sum().alias("amount"), nw.col("value").count().alias("known"), nw.len().alias("rows")
    )
    found = _in_order(grouped, "open_day")
    found["amount"] = found["amount"].astype(float).where(found["known"] > 0)
    told = _told(found, opened_on=timestamps(found["open_day"].astype(float)))
    return told.assign(days=(last_day - found["open_day"]).astype(int), usual_days=usual)


def _last_day(until: date | str, within_days: int) -> int:
    if not within_days >= 0:
        raise ValueError(f"`within_days` must be 0 or more, got {within_days}")
    return as_day(until, "until").toordinal()


def _columns(table, name: str, needed: tuple[str, ...]) -> tuple[nw.LazyFrame, dict]:
    frame = nw.from_native(table).lazy()
    schema = frame.collect_schema()
    if missing := [column for column in needed if column not in schema]:
        raise ValueError(f"`{name}` must have the columns {', '.join(needed)}; missing: {', '.join(missing)}")
    return frame, schema


def _in_order(grouped: nw.LazyFrame, day: str) -> pd.DataFrame:
    return collected(grouped).sort_values(["customer_id", day], ignore_index=True)


def _told(found: pd.DataFrame, **days: pd.Series) -> pd.DataFrame:
    """Customer, day, amount and number of rows, of the same types whatever the engine."""
    told = pd.DataFrame({"customer_id": found["customer_id"].astype(object), **days})
    return told.assign(amount=found["amount"].astype(float).round(DECIMALS), rows=found["rows"].astype(int))
