"""Contracts become counts: customers by the months in which they came and went, and by the age at which they left.

Rules that hold throughout:

- a contract runs from `start` to `end`, both days included; one that ends on the last day that counts, or after it,
  runs on, as does one without an end;
- contracts of one customer that overlap, or follow one another within `gap_days`, are one relationship; a customer who
  comes back later begins another;
- months end on the day of the month on which the last day falls: those of a last day that ends a month are the
  calendar's;
- with `observed_from`, contracts that ended before that day are taken as not in the file, whatever it holds of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import DECIMALS, as_day, collected, day_number

# of a month: ages are counted in calendar months and days, so that a contract of twelve months has the age 12
_DAYS = 31
_NEEDED = ("customer_id", "start", "end")


@dataclass(frozen=True, eq=False)
class ContractMonths:
    """Relationships by month: what retention, cohorts and projections are made of.

    Attributes
    ----------
    rows
        One row per combination of `group` (None where it is not known), `cohort`, `start` and `end`, with the number of
        `relationships`, and where contracts have values `value`, the sum of what they were worth on average while they
        ran, and `value_squared`, the sum of its squares. Months are numbers: 0 ends on `until`, -1 a month before. A
        relationship runs at the end of month m if `start` <= m < `end`; of one that runs on, `end` is empty. `cohort`
        is the month in which the customer first came.
    observed_from
        Day from which on contracts that end are in the file; None if all are.
    left_out
        Contracts that ended before it.
    by
        What makes the groups; None without.
    """

    rows: pd.DataFrame
    until: date
    observed_from: date | None
    left_out: int
    by: str | None

    def last_day(self, month: int) -> date:
        """Last day of a month by its number."""
        return month_end(pd.Timestamp(self.until), month).date()

    @property
    def first_complete(self) -> int | None:
        """The first month at whose end all who ran are in the file; None if that holds of all months."""
        if self.observed_from is None:
            return None
        return -next(back for back in range(9999, -1, -1) if self.last_day(-back) >= self.observed_from)


def contract_months(
    contracts, *, until: date | str, profiles=None, by: str | None = None, observed_from=None, gap_days: int = 31
) -> ContractMonths:
    """Relationships by the months in which they began and ended.

    Parameters
    ----------
    contracts
        Frame with `customer_id`, `start`, `end`, and `value` where it is known.
    until
        Last day that counts; contracts that start after it are left out.
    profiles, by
        Column that makes groups, and a frame of the same engine with `customer_id` and this column; without one, it is
        a column of `contracts`. Where neither has it there are no groups.
    observed_from
        Day from which on contracts that end are in the file; None if all are.
    gap_days
        Days without a contract after which a customer counts as gone, 0 or more.

    Raises
    ------
    ValueError
        If `gap_days` is below 0, `observed_from` lies after `until`, or `contracts` lack `customer_id`, `start` or
        `end`.
    """
    last, since = as_day(until, "until"), _since(observed_from, until)
    relationships, by = _relationships(contracts, last, since, profiles, by, gap_days)
    keys = ["group", "cohort", "start", "end"]
    values = [name for name in ("value", "value_squared") if name in relationships.collect_schema()]
    found = collected(
        relationships.with_columns(
            month_number("first_start", last).alias("cohort"),
            month_number("start", last).alias("start"),
            nw.when(~nw.col("runs")).then(month_number("gone", last)).alias("end"),
        )
        .group_by(*keys)
        .agg(nw.len().alias("relationships"), *(nw.col(name).sum() for name in values))
    )
    rows = pd.DataFrame({"group": known_texts(found["group"])})
    rows[["cohort", "start"]] = found[["cohort", "start"]].astype("int64")
    rows["end"] = found["end"].astype(float)
    rows["relationships"] = found["relationships"].astype("int64")
    for name in values:
        rows[name] = found[name].astype(float).round(DECIMALS)
    left_out = 0 if since is None else len(collected(_ended_before(contracts, since)))
    rows = rows.sort_values(keys, ignore_index=True)
    return ContractMonths(rows, last.date(), None if since is None else since.date(), left_out, by)


def contract_ages(
    contracts, *, until: date | str, profiles=None, by: str | None = None, observed_from=None, gap_days: int = 31
) -> pd.DataFrame:
    """Relationships by the age at which they came under observation, and ended or were last seen running.

    Parameters
    ----------
    contracts
        Frame with `customer_id`, `start`, `end`.
    until, profiles, by, observed_from, gap_days
        As of `contract_months`.

    Returns
    -------
    DataFrame
        One row per `group` and age in `months` (31 days make up one that is not whole), sorted: how many `entered` at
        that age, 0 but for those who ran before `observed_from`; `ended`; and were `censored`, that is still ran.

    Raises
    ------
    ValueError
        As `contract_months`.
    """
    last, since = as_day(until, "until"), _since(observed_from, until)
    relationships, by = _relationships(contracts, last, since, profiles, by, gap_days)
    frame = relationships.with_columns(nw.lit(last.to_pydatetime()).cast(nw.Datetime("us")).alias("last"))
    entry = nw.lit(0)
    if since is not None:
        frame = frame.with_columns(nw.lit(since.to_pydatetime()).cast(nw.Datetime("us")).alias("since"))
        entry = nw.when(nw.col("start") < nw.col("since")).then(_age("since")).otherwise(nw.lit(0))
    frame = frame.with_columns(
        entry.alias("entry"), nw.when(nw.col("runs")).then(_age("last")).otherwise(_age("gone")).alias("exit")
    )
    counts = [
        collected(frame.group_by("group", age).agg(sums)).rename(columns={age: "age"})
        for age, sums in (("entry", nw.len().alias("entered")), ("exit", nw.len().alias("left")))
    ]
    ended = frame.filter(~nw.col("runs")).group_by("group", "exit").agg(nw.len().alias("ended"))
    counts.append(collected(ended).rename(columns={"exit": "age"}))
    for each in counts:
        each["group"] = known_texts(each["group"])
        each["age"] = each["age"].astype("int64")
    # empty groups are kept as such: they are those not known
    every = pd.concat(counts).groupby(["group", "age"], dropna=False)[["entered", "left", "ended"]].sum()
    every = every.astype("int64").reset_index().sort_values(["group", "age"], ignore_index=True)
    every["group"] = known_texts(every["group"])
    every.insert(1, "months", every.pop("age") / _DAYS)
    every["censored"] = every.pop("left") - every["ended"]
    return every


def _relationships(contracts, last, since, profiles, by, gap_days: int) -> tuple[nw.LazyFrame, str | None]:
    """One row per relationship: `start`, `gone` (the first day without it), `runs`, `first_start`, and its value."""
    if not gap_days >= 0:
        raise ValueError(f"`gap_days` must be 0 or more, got {gap_days}")
    frame, schema = _known(contracts)
    group = nw.lit(None, nw.String)
    known = None if by is None or profiles is None else nw.from_native(profiles).lazy()
    if known is not None and by in known.collect_schema():
        frame = frame.join(known.select("customer_id", nw.col(by).alias("group_")), on="customer_id", how="left")
        group = nw.col("group_")
    elif by is not None and by in schema:
        group = nw.col(by)
    else:
        by = None
    frame = frame.with_columns(group.cast(nw.String).str.strip_chars().alias("group_"))
    end = nw.lit(last.to_pydatetime()).cast(nw.Datetime("us"))
    frame = frame.with_columns(
        nw.when(nw.col("group_") != "").then(nw.col("group_")).alias("group"),
        nw.when(nw.col("end") < end).then(nw.col("end")).otherwise(end).alias("end"),
    ).filter(nw.col("start") <= last)
    if since is not None:
        frame = frame.filter(nw.col("end") >= since)
    frame = frame.with_columns(day_number("start").alias("from_"), day_number("end").alias("to_"))
    # a customer's contracts in a row: a new relationship where none that began before reaches within the gap
    order = ["from_", "to_"]
    frame = frame.with_columns(nw.col("to_").cum_max().over("customer_id", order_by=order).alias("reached"))
    frame = frame.with_columns(nw.col("reached").shift(1).over("customer_id", order_by=order).alias("before"))
    apart = nw.when(nw.col("from_") > nw.col("before") + gap_days + 1).then(nw.lit(1)).otherwise(nw.lit(0))
    frame = frame.with_columns(apart.alias("apart"))
    frame = frame.with_columns(
        nw.col("apart").cum_sum().over("customer_id", order_by=order).alias("spell"),
        nw.col("start").min().over("customer_id").alias("first_start"),
    )
    sums = []
    if "value" in schema:
        worth = nw.when(nw.col("value").is_null()).then(nw.lit(0.0)).otherwise(nw.col("value").cast(nw.Float64))
        frame = frame.with_columns((worth * (nw.col("to_") - nw.col("from_") + 1)).alias("value_days"))
        sums = [nw.col("value_days").sum(), nw.col("from_").min(), nw.col("to_").max()]
    ends = [nw.col("start").min(), nw.col("end").max(), nw.col("group").max(), nw.col("first_start").min()]
    frame = frame.group_by("customer_id", "spell").agg(*ends, *sums)
    if sums:
        value = nw.col("value_days") / (nw.col("to_") - nw.col("from_") + 1)
        frame = frame.with_columns(value.alias("value"), (value * value).alias("value_squared"))
    gone = nw.col("end").dt.offset_by("1d").alias("gone")
    return frame.with_columns((nw.col("end") >= last).alias("runs"), gone), by


def _known(contracts) -> tuple[nw.LazyFrame, Iterable[str]]:
    frame = nw.from_native(contracts).lazy()
    schema = frame.collect_schema()
    missing = [name for name in _NEEDED if name not in schema]
    if missing:
        raise ValueError(f"`contracts` must have the columns {', '.join(_NEEDED)}; missing: {', '.join(missing)}")
    days = (nw.col(name).cast(nw.Datetime("us")).dt.truncate("1d").alias(name) for name in ("start", "end"))
    return frame.with_columns(*days), schema


def _ended_before(contracts, since) -> nw.LazyFrame:
    return _known(contracts)[0].filter(nw.col("end") < since).select("customer_id")


def _since(observed_from, until) -> pd.Timestamp | None:
    if observed_from is None:
        return None
    since = as_day(observed_from, "observed_from")
    if since > as_day(until, "until"):
        raise ValueError(f"`observed_from` must not lie after `until` {until}, got {observed_from}")
    return since


def month_number(name: str, last: pd.Timestamp) -> nw.Expr:
    """Number of the month in which a day falls: 0 is the one that ends on the last day."""
    day = nw.col(name)
    number = 12 * day.dt.year().cast(nw.Float64) + day.dt.month().cast(nw.Float64)
    if not last.is_month_end:
        number = number + (day.dt.day() > last.day).cast(nw.Float64)
    return number - (12 * last.year + last.month)


def _age(name: str) -> nw.Expr:
    """Age on a day, in days of months that all have 31."""
    then, start = nw.col(name).dt, nw.col("start").dt
    months = 12 * (then.year() - start.year()) + then.month() - start.month()
    return _DAYS * months + then.day() - start.day()


def month_end(last: pd.Timestamp, month: int) -> pd.Timestamp:
    """Last day of a month by its number."""
    moved = last + pd.DateOffset(months=month)
    return moved + pd.offsets.MonthEnd(0) if last.is_month_end else moved


def known_texts(names: pd.Series) -> pd.Series:
    """Names, None where there is none, whatever the engine puts there."""
    return names.astype(object).where(names.notna(), None)
