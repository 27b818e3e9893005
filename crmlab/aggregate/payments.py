"""Instalments become one row per customer: paid on time or late, overdue, still to come, in default.

Rules that hold throughout:

- only what was known at the end of the as-of date counts: a payment after it has not happened yet;
- an instalment is settled once all but `material_share` of it is paid; a payment without an amount paid it in full;
- an instalment is judged once it is settled, or overdue by more than `grace_days`: one that is open and not yet late
  may still come in time, and counts neither way. Neither do payments ahead of instalments that are not yet due: among
  those, only the early ones are known;
- an open instalment is late by the days so far, so that means and maxima of days past due are lower bounds;
- default: an instalment `default_days` past due and not settled, or settled that late. It is dated on that very day.
"""

from datetime import date

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import DAYS, DECIMALS, collected, day_number, timestamps

# The upper ends of the bands in which overdue amounts are shown, in days; the last band is open.
AGEING_DAYS = (30, 60, 90)
AGEING = ("overdue_1_30", "overdue_31_60", "overdue_61_90", "overdue_over_90")

_NEEDED = ("customer_id", "due_on", "amount")
_COUNTS = ("instalments", "due", "judged", "on_time", "dated", "overdue", "days_past_due", "days_to_pay")
_AMOUNTS = ("due_amount", "overdue_amount", "to_come_amount", "total_amount", *AGEING)
_AFTER_DEFAULT = ("exposure_at_default", "recovered")


def payment_summary(
    payments, *, until: date | str, default_days: int = 90, grace_days: int = 0, material_share: float = 0.01
) -> pd.DataFrame:
    """How each customer had paid by a date.

    Parameters
    ----------
    payments
        Frame with `customer_id`, `due_on`, `amount`, and `paid_on` and `paid_amount` where there are any. Instalments
        of nothing are left out.
    until
        Last day that counts. An instalment does not say when it was agreed: for a day in the past, leave out customers
        who were won after it.
    default_days
        Days past due from which an instalment is a default, at least 1.
    grace_days
        Days past due that still count as on time, 0 to below `default_days`.
    material_share
        Share of an instalment that may stay open without its counting as open, 0 to below 1.

    Returns
    -------
    DataFrame
        One row per customer, sorted by `customer_id`.

        - Counts of instalments: `instalments`, `due`, `judged`, `on_time`, `overdue`, `dated` (settled on a known day).
        - `days_past_due` (sum over those judged), `days_past_due_mean` and `days_past_due_max`; `worst_open_days` of
          those still open; `days_to_pay` (sum over those dated; below zero is early) and `payment_cycle_days`, its
          mean; `on_time_share`, `overdue_share` (of those due).
        - Amounts open: `overdue_amount` (at risk), by age in `AGEING`; `to_come_amount`; `exposure`, their sum. Of all
          instalments: `due_amount`, `total_amount`; `outstanding_share` is exposure as a share of the latter.
        - Days: `first_due_on`, `first_paid_on`, `first_default_on`; `first_default_month`; `months_observed` since the
          first instalment was due; `months_to_default`; `months_since_default`; `in_default`, as of `until`.
        - `exposure_at_default`, what was open on `first_default_on`, and `recovered`, what was paid of it since.

        Whatever cannot be told (a mean of nothing, the default of a customer without one) is empty.

    Raises
    ------
    ValueError
        If `default_days`, `grace_days` or `material_share` is out of its range, `until` is no date, or `payments` lack
        `customer_id`, `due_on` or `amount`.
    """
    if not default_days >= 1:
        raise ValueError(f"`default_days` must be at least 1, got {default_days}")
    if not 0 <= grace_days < default_days:
        raise ValueError(f"`grace_days` must lie between 0 and `default_days` = {default_days}, got {grace_days}")
    if not 0 <= material_share < 1:
        raise ValueError(f"`material_share` must be a share from 0 to below 1, got {material_share}")
    end = pd.Timestamp(until)
    if end is pd.NaT:
        raise ValueError(f"`until` must be a date, got {until!r}")
    last_day = end.toordinal()
    judged = _judged(_instalments(payments, last_day, material_share), last_day, default_days, grace_days)
    found = collected(_per_customer(judged, last_day)).sort_values("customer_id", ignore_index=True)
    return _summary(found, last_day, default_days)


def _instalments(payments, last_day: int, material_share: float) -> nw.LazyFrame:
    """One row per instalment, as known on the last day: `late` in days, empty where nothing is late yet."""
    frame = nw.from_native(payments).lazy()
    schema = frame.collect_schema()
    missing = [name for name in _NEEDED if name not in schema]
    if missing:
        raise ValueError(f"`payments` must have the columns {', '.join(_NEEDED)}; missing: {', '.join(missing)}")
    paid_on = day_number("paid_on") if "paid_on" in schema else nw.lit(None, nw.Float64)
    paid_amount = nw.col("paid_amount").cast(nw.Float64) if "paid_amount" in schema else nw.lit(None, nw.Float64)
    frame = frame.select(
        nw.col("customer_id"),
        day_number("due_on").alias("due_day"),
        nw.col("amount").cast(nw.Float64),
        paid_on.alias("paid_day"),
        paid_amount.alias("paid_amount"),
    ).filter(nw.col("amount") > 0)
    known = nw.col("paid_day") <= last_day
    received = (
        nw.when(known)
        .then(nw.coalesce(nw.col("paid_amount"), nw.col("amount")))
        .when(nw.col("paid_day").is_null())
        .then(nw.coalesce(nw.col("paid_amount"), nw.lit(0.0)))
        .otherwise(nw.lit(0.0))
    )
    frame = frame.with_columns(received.alias("received"), nw.when(known).then(nw.col("paid_day")).alias("paid_day"))
    left = nw.col("amount") - nw.col("received")
    return frame.with_columns(
        nw.when(left > 0).then(left).otherwise(nw.lit(0.0)).alias("left"),
        (left <= material_share * nw.col("amount")).alias("settled"),
        (nw.col("due_day") <= last_day).alias("is_due"),
    )


def _judged(instalments: nw.LazyFrame, last_day: int, default_days: int, grace_days: int) -> nw.LazyFrame:
    """Days late of each instalment, whether they can be judged, and the customer's first day in default."""
    settled, dated = nw.col("settled"), nw.col("settled") & ~nw.col("paid_day").is_null()
    days = nw.when(dated).then(nw.col("paid_day") - nw.col("due_day"))
    late = (
        nw.when(dated & (nw.col("paid_day") > nw.col("due_day")))
        .then(nw.col("paid_day") - nw.col("due_day"))
        .when(dated)
        .then(nw.lit(0))
        .when(~settled & nw.col("is_due"))
        .then(last_day - nw.col("due_day"))
    )
    frame = instalments.with_columns(days.alias("days"), late.alias("late"))
    judged = nw.col("is_due") & (dated | (~settled & (nw.col("late") > grace_days)))
    in_default = nw.when(nw.col("late") >= default_days).then(nw.col("due_day") + default_days)
    on_time = judged & dated & (nw.col("late") <= grace_days)
    frame = frame.with_columns(
        judged.alias("is_judged"), on_time.alias("is_on_time"), dated.alias("is_dated"), in_default.alias("default_day")
    )
    return frame.with_columns(nw.col("default_day").min().over("customer_id").alias("first_default"))


def _per_customer(judged: nw.LazyFrame, last_day: int) -> nw.LazyFrame:
    overdue = nw.col("is_due") & ~nw.col("settled") & (nw.col("due_day") < last_day)
    dated = nw.col("is_due") & nw.col("is_dated")
    since = nw.col("paid_day") > nw.col("first_default")
    late, left, amount = nw.col("late"), nw.col("left"), nw.col("amount")
    bands = zip(AGEING, (0, *AGEING_DAYS), (*AGEING_DAYS, last_day), strict=True)
    sums = {
        "instalments": _where(amount > 0, 1),
        "due": _where(nw.col("is_due"), 1),
        "judged": _where(nw.col("is_judged"), 1),
        "on_time": _where(nw.col("is_on_time"), 1),
        "dated": _where(dated, 1),
        "overdue": _where(overdue, 1),
        "days_past_due": _where(nw.col("is_judged"), late),
        "days_to_pay": _where(dated, nw.col("days")),
        "due_amount": _where(nw.col("is_due"), amount),
        "overdue_amount": _where(overdue, left),
        "to_come_amount": _where(~nw.col("settled") & ~overdue, left),
        "total_amount": amount,
        **{name: _where(overdue & (late > above) & (late <= most), left) for name, above, most in bands},
        "exposure_at_default": nw.when(since).then(amount).otherwise(left),
        "recovered": _where(since, nw.col("received")),
    }
    highest = {"days_past_due_max": nw.when(nw.col("is_judged")).then(late), "worst_open_days": _where(overdue, late)}
    lowest = {
        "first_due": nw.col("due_day"),
        "first_paid": nw.col("paid_day"),
        "first_default_day": nw.col("default_day"),
    }
    # engines aggregate columns, not expressions of columns
    marked = {f"{name}_": expression for name, expression in (sums | highest | lowest).items()}
    frame = judged.with_columns(*(expression.alias(name) for name, expression in marked.items()))
    return frame.group_by("customer_id").agg(
        *(nw.col(f"{name}_").sum().alias(name) for name in sums),
        *(nw.col(f"{name}_").max().alias(name) for name in highest),
        *(nw.col(f"{name}_").min().alias(name) for name in lowest),
    )


def _summary(found: pd.DataFrame, last_day: int, default_days: int) -> pd.DataFrame:
    """The customers' rows with shares, means and days."""
    summary = found[["customer_id"]].copy()
    for name in _COUNTS:
        summary[name] = found[name].astype("int64")
    for name in _AMOUNTS:
        summary[name] = found[name].astype(float).round(DECIMALS)
    # counts of nothing leave their share empty
    counts = {name: summary[name].where(summary[name] > 0).astype(float) for name in ("judged", "dated", "due")}
    summary["days_past_due_mean"] = summary["days_past_due"] / counts["judged"]
    summary["days_past_due_max"] = found["days_past_due_max"].astype(float)
    summary["worst_open_days"] = found["worst_open_days"].astype("int64")
    summary["payment_cycle_days"] = summary["days_to_pay"] / counts["dated"]
    summary["on_time_share"] = summary["on_time"] / counts["judged"]
    summary["overdue_share"] = summary["overdue"] / counts["due"]
    summary["exposure"] = (summary["overdue_amount"] + summary["to_come_amount"]).round(DECIMALS)
    summary["outstanding_share"] = summary["exposure"] / summary["total_amount"]
    days = {name: found[name].astype(float) for name in ("first_due", "first_paid", "first_default_day")}
    month = DAYS["month"]
    summary["first_due_on"] = timestamps(days["first_due"])
    summary["first_paid_on"] = timestamps(days["first_paid"])
    summary["first_default_on"] = timestamps(days["first_default_day"])
    summary["first_default_month"] = summary["first_default_on"].dt.to_period("M").dt.to_timestamp()
    summary["months_observed"] = (last_day - days["first_due"]).clip(lower=0) / month
    summary["months_to_default"] = (days["first_default_day"] - days["first_due"]) / month
    summary["months_since_default"] = (last_day - days["first_default_day"]) / month
    summary["in_default"] = summary["worst_open_days"] >= default_days
    ever = days["first_default_day"].notna()
    for name in _AFTER_DEFAULT:
        summary[name] = found[name].astype(float).round(DECIMALS).where(ever)
    return summary


def _where(condition: nw.Expr, value) -> nw.Expr:
    """The value where the condition holds, else nought."""
    return nw.when(condition).then(value if isinstance(value, nw.Expr) else nw.lit(value)).otherwise(nw.lit(0))
