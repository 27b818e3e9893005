"""What was known of customers before each period: from purchases, service cases, answers and payments.

A period knows what happened in the twelve periods before it, and nothing of its own days:

- `months_since_purchase`: 1 for a purchase in the period before, 13 for none in the last twelve;
- `spend_trend`: mean spend a month of the last three periods against that of the nine before them (or as many as there
  are since the first purchase in them), as their difference over their sum: -1 for nothing any more, 1 for all of it
  lately, 0 for no change or no earlier spend;
- `cases_6m`, `complaints_6m`: service cases opened in the last six periods, and those of them of `complaint_kinds`;
- `response_hours_12m`, `resolution_hours_12m`: mean hours until the first answer, and until the solution, of the cases
  answered or solved in the last twelve; empty without any;
- `last_nps`, `last_csat`: the last score given in the last twelve, the highest where there are several on a day; empty
  without any;
- `days_late_12m`: of the instalments that fell due in the last twelve or are still open, the most days that one was
  late as known by then; early counts as 0, empty without any.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import DECIMALS, day_number

WINDOW = 12
LATELY, HALF = 3, 6
MADE_FROM = {
    "transactions": ("months_since_purchase", "spend_trend"),
    "interactions": ("cases_6m", "complaints_6m", "response_hours_12m", "resolution_hours_12m"),
    "surveys": ("last_nps", "last_csat"),
    "payments": ("days_late_12m",),
}
_NONE = {"months_since_purchase": WINDOW + 1.0, "spend_trend": 0.0, "cases_6m": 0.0, "complaints_6m": 0.0}
_KEY = 1e6  # a score beside its day in one number


@dataclass(frozen=True)
class Grid:
    """Months that end on one day of the month, numbered; `day` is 31 where they are calendar months."""

    day: int
    last: int

    @classmethod
    def ending(cls, until: pd.Timestamp) -> "Grid":
        """Of which one ends on `until`."""
        day = 31 if until.is_month_end else until.day
        return cls(day, 12 * until.year + until.month)

    def index(self, day: date) -> int:
        """The period that a day lies in."""
        return 12 * day.year + day.month + (day.day > self.day)

    def of(self, days: nw.Expr) -> nw.Expr:
        """The same of a column."""
        days = days.cast(nw.Datetime("us"))
        # not integers: pandas keeps empty days as NaN
        number = [part.cast(nw.Float64) for part in (days.dt.year(), days.dt.month(), days.dt.day())]
        return 12 * number[0] + number[1] + nw.when(number[2] > self.day).then(nw.lit(1.0)).otherwise(nw.lit(0.0))

    def first_days(self, indices: nw.Expr) -> nw.Expr:
        """Their day numbers, of a column of periods."""
        return nw.min_horizontal(_month_begins(indices - 1) + self.day, _month_begins(indices))

    def last_day(self, index: int) -> date:
        """Last day of the period of that number."""
        year, month = divmod(index - 1, 12)
        ends = pd.Period(year=year, month=month + 1, freq="M")
        return date(year, month + 1, min(self.day, ends.days_in_month))

    def first_day(self, index: int) -> date:
        """First day of the period of that number."""
        return date.fromordinal(self.last_day(index - 1).toordinal() + 1)


def _month_begins(months: nw.Expr) -> nw.Expr:
    """The day number of the first day of a month, of months counted from the year 0 on."""
    years = ((months - 1) / 12).floor()
    month, before = months - 12 * years, years - 1
    leap = ((years % 4 == 0) & (years % 100 != 0)) | (years % 400 == 0)
    short = nw.when(month <= 2).then(nw.lit(0.0)).when(leap).then(nw.lit(1.0)).otherwise(nw.lit(2.0))
    days = 365 * before + (before / 4).floor() - (before / 100).floor() + (before / 400).floor()
    return days + ((367 * month - 362) / 12).floor() - short + 1


def covariates_of_periods(
    periods: nw.LazyFrame,
    tables: Mapping[str, Any],
    grid: Grid,
    complaint_kinds: Sequence[str],
    named: Iterable[str],
) -> list[tuple[nw.LazyFrame, tuple[str, ...]]]:
    """For each table that is given, a frame by `customer_id` and `period` and the names of its covariates.

    Parameters
    ----------
    periods
        `period` and `first_day` of each.
    named
        Names that are taken: a covariate of the client's own with the same name comes first.
    """
    makers = {"transactions": _purchases, "surveys": _answers, "payments": _payments}
    found = []
    for name, table in tables.items():
        if table is None:
            continue
        frame = nw.from_native(table).lazy()
        if name == "interactions":
            made, columns = _cases(frame, periods, grid, complaint_kinds)
        else:
            made, columns = makers[name](frame, periods, grid)
        columns = tuple(column for column in columns if column not in named)
        if columns:
            found.append((made.select("customer_id", "period", *columns), columns))
    return found


def fill_values(columns: Iterable[str]) -> list[nw.Expr]:
    """For those of whom a table says nothing: counts are nought."""
    return [nw.col(name).fill_null(nw.lit(_NONE[name])) for name in columns if name in _NONE]


def _purchases(frame: nw.LazyFrame, periods: nw.LazyFrame, grid: Grid):
    amount = nw.col("amount").cast(nw.Float64)
    rows = frame.select(
        "customer_id",
        grid.of(nw.col("date")).alias("at"),
        amount.alias("spend"),
        (amount >= 0).cast(nw.Int64).alias("bought"),
    )
    cells = rows.group_by("customer_id", "at").agg(nw.col("spend").sum(), nw.col("bought").max())
    known = _known(cells, periods).with_columns(
        nw.when(nw.col("bought") > 0).then(nw.col("lag")).alias("since"),
        _where(nw.col("lag") <= LATELY, nw.col("spend")).alias("late"),
        _where(nw.col("lag") > LATELY, nw.col("spend")).alias("early"),
    )
    found = known.group_by("customer_id", "period").agg(
        nw.col("since").min().alias("months_since_purchase"),
        nw.col("late").sum(),
        nw.col("early").sum(),
        nw.col("lag").max().alias("oldest"),
    )
    late, earlier = nw.col("late") / LATELY, nw.col("early") / (nw.col("oldest") - LATELY)
    found = found.with_columns(
        nw.when(late > 0).then(late).otherwise(nw.lit(0.0)).alias("late"),
        nw.when((nw.col("oldest") > LATELY) & (nw.col("early") > 0))
        .then(earlier)
        .otherwise(nw.lit(0.0))
        .alias("early"),
    )
    change = (nw.col("late") - nw.col("early")) / (nw.col("late") + nw.col("early"))
    return found.with_columns(_where(nw.col("early") > 0, change).round(DECIMALS).alias("spend_trend")), MADE_FROM[
        "transactions"
    ]


def _cases(frame: nw.LazyFrame, periods: nw.LazyFrame, grid: Grid, complaint_kinds: Sequence[str]):
    schema = frame.collect_schema()
    names = ["cases_6m"]
    nothing = {name: nw.lit(0.0).alias(name) for name in ("cases", "complaints", "answers", "answer", "ends", "end")}

    def events(when: str, **values: nw.Expr) -> nw.LazyFrame:
        there = frame.filter(~nw.col(when).is_null())
        said = nothing | {name: value.cast(nw.Float64).alias(name) for name, value in values.items()}
        return there.select("customer_id", grid.of(nw.col(when)).alias("at"), *said.values())

    complaint = nw.lit(0.0)
    if complaint_kinds and "kind" in schema:
        complaint = _where(nw.col("kind").is_in(list(complaint_kinds)), nw.lit(1.0))
        names.append("complaints_6m")
    parts = [events("opened_at", cases=nw.lit(1.0), complaints=complaint)]
    for name, column, count, total in (
        ("response_hours_12m", "first_response_at", "answers", "answer"),
        ("resolution_hours_12m", "resolved_at", "ends", "end"),
    ):
        if column in schema:
            parts.append(events(column, **{count: nw.lit(1.0), total: _hours(column) - _hours("opened_at")}))
            names.append(name)
    cells = nw.concat(parts).group_by("customer_id", "at").agg(*(nw.col(name).sum() for name in nothing))
    half = {
        name: nw.when(nw.col("lag") <= HALF).then(nw.col(name)).otherwise(nw.lit(0.0))
        for name in ("cases", "complaints")
    }
    known = _known(cells, periods).with_columns(*(value.alias(name) for name, value in half.items()))
    found = known.group_by("customer_id", "period").agg(*(nw.col(name).sum() for name in nothing))
    return found.with_columns(
        nw.col("cases").alias("cases_6m"),
        nw.col("complaints").alias("complaints_6m"),
        nw.when(nw.col("answers") > 0).then(_mean("answer")).alias("response_hours_12m"),
        nw.when(nw.col("ends") > 0).then(_mean("end")).alias("resolution_hours_12m"),
    ), tuple(names)


def _answers(frame: nw.LazyFrame, periods: nw.LazyFrame, grid: Grid):
    schema = frame.collect_schema()
    scores = [name for name in ("nps", "csat") if name in schema]
    if "customer_id" not in schema or not scores:
        return frame, ()
    keys = [(day_number("date") * _KEY + 100 * nw.col(name).cast(nw.Float64)).alias(name) for name in scores]
    rows = frame.filter(~nw.col("customer_id").is_null()).select(
        "customer_id", grid.of(nw.col("date")).alias("at"), *keys
    )
    latest = [nw.col(name).max() for name in scores]
    cells = rows.group_by("customer_id", "at").agg(*latest)
    found = _known(cells, periods).group_by("customer_id", "period").agg(*latest)
    score = [
        ((nw.col(name) - (nw.col(name) / _KEY).floor() * _KEY) / 100).round(2).alias(f"last_{name}") for name in scores
    ]
    return found.with_columns(*score), tuple(f"last_{name}" for name in scores)


def _payments(frame: nw.LazyFrame, periods: nw.LazyFrame, grid: Grid):
    paid = "paid_on" in frame.collect_schema()
    rows = frame.select(
        "customer_id",
        grid.of(nw.col("due_on")).alias("at"),
        day_number("due_on").alias("due"),
        (day_number("paid_on") if paid else nw.lit(None, nw.Float64)).alias("paid"),
        (grid.of(nw.col("paid_on")) if paid else nw.lit(None, nw.Float64)).alias("paid_at"),
    )
    settled = ~nw.col("paid_at").is_null() & (nw.col("paid_at") < nw.col("period"))
    known = rows.join(periods, how="cross").filter(nw.col("at") < nw.col("period"))
    known = known.filter((nw.col("period") <= nw.col("at") + WINDOW) | ~settled)
    late = nw.when(settled).then(nw.col("paid") - nw.col("due")).otherwise(nw.col("first_day") - nw.col("due"))
    known = known.with_columns(late.alias("late"))
    known = known.with_columns(_where(nw.col("late") > 0, nw.col("late")).alias("late"))
    found = known.group_by("customer_id", "period").agg(nw.col("late").max().alias("days_late_12m"))
    return found, MADE_FROM["payments"]


def _known(cells: nw.LazyFrame, periods: nw.LazyFrame) -> nw.LazyFrame:
    """Each cell in each of the periods that know of it, `lag` periods later."""
    pairs = cells.join(periods, how="cross").with_columns((nw.col("period") - nw.col("at")).alias("lag"))
    return pairs.filter((nw.col("lag") >= 1) & (nw.col("lag") <= WINDOW))


def _hours(name: str) -> nw.Expr:
    moment = nw.col(name).cast(nw.Datetime("us"))
    parts = [part.cast(nw.Float64) for part in (moment.dt.hour(), moment.dt.minute(), moment.dt.second())]
    return 24 * day_number(name) + parts[0] + parts[1] / 60 + parts[2] / 3600


def _mean(name: str) -> nw.Expr:
    return (nw.col(name) / nw.col(f"{name}s")).round(DECIMALS)


def _where(condition: nw.Expr, value: nw.Expr) -> nw.Expr:
    """The value where the condition holds, else nought."""
    return nw.when(condition).then(value).otherwise(nw.lit(0.0))
