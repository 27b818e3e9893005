"""Contracts of a customer that follow one another, as one run; see `crmlab.aggregate.person_periods` for the rules."""

from datetime import date

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import as_day, collected, day_number
from crmlab.aggregate.period_covariates import Grid

_SPAN = ("customer_id", "start", "end")
RUNS_ON = 1e9  # the period in which a contract ends that has not ended


def contract_runs(contracts, grid: Grid, gap_days: int) -> nw.LazyFrame:
    """One row per contract with the periods `enters` to `leaves` in which it is the customer's, numbered by `grid`.

    The run that it belongs to has its first period after `began`, and `ends` in that of this number.

    Raises
    ------
    ValueError
        If `gap_days` is below 0, or `contracts` lack `customer_id` or `start`.
    """
    frame = nw.from_native(contracts).lazy()
    schema = frame.collect_schema()
    missing = [name for name in ("customer_id", "start") if name not in schema]
    if missing:
        raise ValueError(f"`contracts` must have the columns customer_id and start; missing: {', '.join(missing)}")
    if gap_days < 0:
        raise ValueError(f"`gap_days` must be at least 0, got {gap_days}")
    last = grid.last_day(grid.last).toordinal()
    ended = nw.lit(None, nw.Float64)
    frame = frame.with_columns(day_number("start").alias("_from"))
    if "end" in schema:
        ended = nw.when(day_number("end") <= last).then(day_number("end"))
    frame = frame.with_columns(ended.alias("_to")).filter(nw.col("_from") <= last)
    day_before = nw.col("start").cast(nw.Datetime("us")).dt.offset_by("-1d")
    ends = nw.when(~nw.col("_to").is_null()).then(grid.of(nw.col("end"))) if "end" in schema else nw.lit(RUNS_ON)
    frame = frame.with_columns(
        grid.of(day_before).alias("before"),
        nw.coalesce(ends, nw.lit(RUNS_ON)).alias("_ends"),
        nw.coalesce(nw.col("_to"), nw.lit(RUNS_ON)).alias("_reach"),
    )
    # contracts of the same days follow one another by whatever else is known of them, as no engine keeps an order
    beside = [name for name, kind in schema.items() if name not in _SPAN and not kind.is_nested()]
    order = {"order_by": ("_from", "_reach", *beside)}
    frame = frame.with_columns(nw.col("_reach").cum_max().over("customer_id", **order).alias("_sofar"))
    frame = frame.with_columns(nw.col("_sofar").shift(1).over("customer_id", **order).alias("_sofar"))
    new = nw.col("_sofar").is_null() | (nw.col("_from") > nw.col("_sofar") + gap_days + 1)
    frame = frame.with_columns(new.cast(nw.Int64).alias("_new"))
    frame = frame.with_columns(nw.col("_new").cum_sum().over("customer_id", **order).alias("_run"))
    of_run = ("customer_id", "_run")
    frame = frame.with_columns(
        nw.col("before").min().over(*of_run).alias("began"),
        nw.col("_ends").max().over(*of_run).alias("ends"),
        nw.col("before").shift(-1).over(*of_run, **order).alias("_next"),
        (nw.col("before") + 1).alias("enters"),
    )
    return frame.with_columns(nw.coalesce(nw.col("_next"), nw.col("ends")).alias("leaves"))


def facts_at_risk(runs: nw.LazyFrame, grid: Grid, observed_from: date | str | None) -> dict:
    """Of the panel: its first period, person-periods, contracts; nothing where nobody was ever at risk."""
    opens = (
        -RUNS_ON
        if observed_from is None
        else grid.index(as_day(observed_from, "observed_from") - pd.Timedelta(days=1)) + 1
    )
    at_risk = runs.with_columns(
        nw.max_horizontal(nw.col("enters"), nw.lit(float(opens))).alias("_first"),
        nw.min_horizontal(nw.col("leaves"), nw.lit(float(grid.last))).alias("_last"),
    ).with_columns((nw.col("_last") - nw.col("_first") + 1).alias("_periods"))
    counted = at_risk.with_columns((nw.col("_periods") > 0).cast(nw.Int64).alias("_any"))
    counted = counted.with_columns((nw.col("_any") * nw.col("_periods")).alias("_periods"))
    counted = counted.with_columns(nw.when(nw.col("_any") == 1).then(nw.col("_first")).alias("_first"))
    found = collected(
        counted.select(nw.col("_first").min(), nw.col("_periods").sum(), nw.col("_any").sum(), nw.len().alias("_rows"))
    ).iloc[0]
    if not found["_any"] or pd.isna(found["_any"]):
        return {}
    people = int(found["_any"])
    return {
        "first": int(found["_first"]),
        "person_periods": int(found["_periods"]),
        "contracts": people,
        "never_at_risk": int(found["_rows"]) - people,
    }
