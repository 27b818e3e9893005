"""The panel itself, lazily: a row for each customer and period at risk, with what was known before the period."""

import math
from collections.abc import Sequence

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import collected
from crmlab.aggregate.period_cells import TENURE
from crmlab.aggregate.period_covariates import Grid, covariates_of_periods, fill_values

NOT_COVARIATES = ("customer_id", "start", "end", "renewals")
MOST_LEVELS = 30


def panel_of_periods(
    contracts, runs: nw.LazyFrame, indices: Sequence[int], grid: Grid, columns, tables, complaint_kinds
) -> tuple[nw.LazyFrame, dict[str, str]]:
    """Person-periods of the given numbers, lazily, and their covariates with what each is: `number` or `text`."""
    periods = _periods(contracts, indices, grid)
    values = [_value(name, kind) for name, kind in columns.items()]
    kept = runs.select("customer_id", "began", "ends", "enters", "leaves", *values)
    kept = kept.filter((nw.col("leaves") >= indices[0]) & (nw.col("enters") <= indices[-1]))
    panel = kept.join(periods.select("period"), how="cross")
    panel = panel.filter((nw.col("enters") <= nw.col("period")) & (nw.col("period") <= nw.col("leaves")))
    for made, names in covariates_of_periods(periods, tables, grid, complaint_kinds, tuple(columns)):
        panel = panel.join(made, on=["customer_id", "period"], how="left")
        if filled := fill_values(names):
            panel = panel.with_columns(*filled)
        columns = columns | dict.fromkeys(names, "number")
    tenure = nw.col("period") - nw.col("began")
    event = (nw.col("ends") == nw.col("period")).cast(nw.Int64).alias("event")
    return panel.with_columns(tenure.alias(TENURE[0]), tenure.log().alias(TENURE[1]), event), columns


def _periods(contracts, indices: Sequence[int], grid: Grid) -> nw.LazyFrame:
    """`period` and `first_day` of each, on the same engine, whichever it is: made of its first row, digit by digit."""
    one, base = nw.from_native(contracts).lazy().head(1), math.isqrt(len(indices)) + 1
    digits = nw.concat([one.select(nw.lit(float(digit)).alias("digit")) for digit in range(base)])
    pairs = digits.join(digits.select(nw.col("digit").alias("other")), how="cross")
    periods = pairs.select((indices[0] + base * nw.col("digit") + nw.col("other")).alias("period"))
    periods = periods.filter(nw.col("period") <= indices[-1])
    return periods.with_columns(grid.first_days(nw.col("period")).alias("first_day"))


def _value(name: str, kind: str) -> nw.Expr:
    if kind == "text":
        return nw.col(name).cast(nw.String)
    number = nw.col(name).cast(nw.Float64)
    return nw.when(~number.is_nan()).then(number).alias(name)


def kinds_of(contracts, covariates: Sequence[str] | None) -> dict[str, str]:
    """Which columns of the contracts are covariates, each a `number` or a `text`.

    Without `covariates`, all are that are no part of the contract itself, but for dates and texts of over 30 levels.

    Raises
    ------
    ValueError
        If `covariates` names a column that the contracts lack, or one of dates.
    """
    frame = nw.from_native(contracts).lazy()
    schema = frame.collect_schema()
    unknown = [name for name in covariates or () if name not in schema]
    if unknown:
        raise ValueError(f"`covariates` names {', '.join(unknown)}; the contracts have {', '.join(schema)}")
    names = [name for name in schema if name not in NOT_COVARIATES] if covariates is None else covariates
    kinds = {}
    for name in names:
        if schema[name].is_numeric() or schema[name] == nw.Boolean:
            kinds[name] = "number"
        elif not schema[name].is_temporal():
            kinds[name] = "text"
        elif covariates is not None:
            raise ValueError(f"`covariates` names {name}, which holds dates")
    texts = [name for name, kind in kinds.items() if kind == "text"]
    if covariates is None and texts:
        levels = collected(frame.select(*(nw.col(name).n_unique() for name in texts))).iloc[0]
        kinds = {name: kind for name, kind in kinds.items() if kind == "number" or levels[name] <= MOST_LEVELS}
    return kinds


def tidy(found: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """Numbers as floats, texts as objects and counts as integers, whatever the engine sent."""
    types = {name: "object" if kind == "text" else "float64" for name, kind in columns.items()}
    types |= dict.fromkeys(TENURE, "float64") | dict.fromkeys(("trials", "events", "segment", "left"), "int64")
    found = found.astype({name: kind for name, kind in types.items() if name in found})
    texts = [name for name, kind in columns.items() if kind == "text"]
    return found.assign(**{name: found[name].where(found[name].notna(), None) for name in texts})
