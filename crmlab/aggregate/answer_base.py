"""Answers beside the customer base, by what is known of every customer: what weights are made of.

Columns come from the customers and, as means over a customer's contracts, from the covariates of the contracts. Numbers
are cut into fifths of the customers, numbered from 1, the lowest.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import narwhals as nw
import pandas as pd

from crmlab.aggregate.answers import Answers, survey_answers
from crmlab.aggregate.engine import as_day, collected

BASES = ("running", "all")
FIFTHS = (0.2, 0.4, 0.6, 0.8)
_SLACK = 1e-12


@dataclass(frozen=True, eq=False)
class AnswerBase:
    """Answers and customers by the same columns.

    Attributes
    ----------
    answers
        To the question of recommendation, by those columns that there are.
    customers
        One row per combination: the columns, empty where not known, and `customers`.
    base
        `running`: the customers of whom a contract runs; `all`: everyone won so far.
    missing
        Columns that were asked for and are in no table.
    """

    answers: Answers
    customers: pd.DataFrame
    base: str
    missing: tuple[str, ...]


def answer_base(
    surveys,
    customers,
    contracts=None,
    *,
    until: date | str,
    since: date | str | None = None,
    by: tuple[str, ...] | list[str] = ("industry", "region", "segment"),
    base: str = "running",
) -> AnswerBase:
    """Answers and customers by columns of the customers and the contracts.

    Parameters
    ----------
    surveys, customers, contracts
        As the contract has them; on one engine.
    until, since
        Last and first day whose answers count; the base is that of the last day.
    by
        Columns of the customers, or covariates of their contracts; numbers are cut into fifths.
    base
        Which customers the answers are to stand for: `running`, those of whom a contract runs, or `all`. Without
        contracts, all.

    Raises
    ------
    ValueError
        If `base` is none of these, or `until` is no date.
    """
    if base not in BASES:
        raise ValueError(f"`base` must be among {', '.join(BASES)}, got {base!r}")
    end = as_day(until, "until")
    kinds, columns = _kinds(nw.from_native(customers).lazy(), contracts, tuple(dict.fromkeys(by)))
    missing = tuple(name for name in dict.fromkeys(by) if name not in columns)
    answers = survey_answers(surveys, kinds, until=until, since=since, by=columns)
    found = base if contracts is not None else "all"
    running = _running(nw.from_native(contracts).lazy(), end) if found == "running" else None
    return AnswerBase(answers, _counted(kinds, running, columns, end), found, missing)


def _kinds(customers: nw.LazyFrame, contracts, by: tuple[str, ...]) -> tuple[nw.LazyFrame, tuple[str, ...]]:
    """One row per customer with those columns of `by` that there are, numbers in fifths."""
    schema = customers.collect_schema()
    own = [name for name in by if name in schema]
    kept: list[nw.Expr | str] = [nw.col("customer_id").cast(nw.String), *own]
    won = nw.col("acquired_on").cast(nw.Datetime("us")) if "acquired_on" in schema else nw.lit(None, nw.Datetime("us"))
    frame = customers.select(*kept, won.alias("_won"))
    numbers = [name for name in own if schema[name].is_numeric()]
    theirs = nw.from_native(contracts).lazy() if contracts is not None else None
    of_contracts = theirs.collect_schema() if theirs is not None else {}
    means = [name for name in by if name not in schema and name in of_contracts and of_contracts[name].is_numeric()]
    if means:
        # columns that hold nothing else but numbers may still be text on an engine: those are no covariates
        covariates = theirs.select(nw.col("customer_id").cast(nw.String), *means).group_by("customer_id")
        frame = frame.join(covariates.agg(*(nw.col(name).mean() for name in means)), on="customer_id", how="left")
    for name in (*numbers, *means):
        frame = frame.with_columns(_fifth(frame, name).alias(name))
    return frame, tuple(name for name in by if name in (*own, *means))


def _fifth(frame: nw.LazyFrame, name: str) -> nw.Expr:
    value = nw.col(name).cast(nw.Float64)
    known = frame.filter(~nw.col(name).is_null()).select(value)
    ends = collected(known.select(*(nw.col(name).quantile(at, "linear").alias(f"{at}") for at in FIFTHS))).iloc[0]
    place = nw.when(value.is_null()).then(nw.lit(None, nw.Float64)).otherwise(nw.lit(1.0))
    for end in ends:
        # engines add in any order: what differs from the end by that alone lies on it
        above = value > float(end) + _SLACK * max(abs(float(end)), 1.0)
        place = place + nw.when(above).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
    return place


def _running(contracts: nw.LazyFrame, end: pd.Timestamp) -> nw.LazyFrame:
    """The customers of whom a contract runs on the day."""
    runs = nw.col("start").cast(nw.Datetime("us")) < end + timedelta(days=1)
    if "end" in contracts.collect_schema():
        last = nw.col("end").cast(nw.Datetime("us"))
        runs = runs & (last.is_null() | (last >= end))
    return contracts.filter(runs).select(nw.col("customer_id").cast(nw.String)).unique(["customer_id"])


def _counted(kinds: nw.LazyFrame, running, columns: tuple[str, ...], end: pd.Timestamp) -> pd.DataFrame:
    frame = kinds.filter(nw.col("_won").is_null() | (nw.col("_won") < end + timedelta(days=1)))
    if running is not None:
        frame = frame.join(running, on="customer_id", how="inner")
    if not columns:
        return pd.DataFrame({"customers": [int(collected(frame.select(nw.len().alias("n")))["n"].iloc[0])]})
    found = collected(frame.group_by(*columns).agg(nw.len().alias("customers"))).astype({"customers": "int64"})
    return found.sort_values(list(columns), na_position="last", ignore_index=True)
