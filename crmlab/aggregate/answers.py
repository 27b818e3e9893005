"""What surveys say, small enough for any report: sums over answers by group or period, and their products over people.

A person who answers more than once is one person. What a report says of a share, of the difference between groups or
of a change over time needs no more than the sums of each cell and, for every two cells, the sums over people of the
products of what each said there: from them follow the variances that allow for answers that hang together.

Which answers count: of several that a person gave on one day about one touchpoint, the last; where the day's answers
bear no time of day, the lowest. An answer without a customer is taken as that of a person who answered once.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import narwhals as nw
import pandas as pd

from crmlab.aggregate.answer_sums import (
    MEASURES,
    added,
    measured,
    paired,
    placed,
    product_names,
    sums_of,
    with_products,
)
from crmlab.aggregate.engine import as_day, collected, day_number

# periods by which answers are told, and how many of them a year has
PERIODS = {"month": 12, "quarter": 4}
# above any answer, so that time of day and answer make one number
_STEPS = 1_000_000


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers to one question, by cell.

    Attributes
    ----------
    question
        `nps`, `csat`, or `response`: of those invited, who answered.
    by
        What makes the cells: `touchpoint`, `month` or `quarter`, columns of the profiles; nothing for a single cell.
    cells
        One row per cell: the columns of `by` (empty where not known; periods by their first day), `answers`, `people`,
        and a sum for each of `MEASURES`: `promoters` (9 or 10) and `detractors` (0 to 6), with the answers of each
        score as `score_0` to `score_10`; `satisfied` (in the top of the scale), `level` (0 at its foot, 1 at its head)
        and `level_squared`; `responses` (`answers` are invitations then).
    products
        One row per two cells that have a person in common: their places `a` and `b` in `cells`, and for every two of
        `answers` and the measures the sum over people of the one in `a` times the other in `b`, as
        `promoters_answers`.
    left_out
        How many answers are none: `repeated` on the same day, `outside` the scale.
    missing
        Columns that are needed and not there; everything else is empty then.
    since, until
        First and last day whose answers count; the first is None where all do.
    """

    question: str
    by: tuple[str, ...]
    cells: pd.DataFrame
    products: pd.DataFrame
    left_out: dict[str, int]
    missing: tuple[str, ...]
    since: date | None
    until: date

    @property
    def measures(self) -> tuple[str, ...]:
        """The columns of `cells` by which the question is judged, such as `promoters` and `detractors`."""
        return MEASURES[self.question]


def survey_answers(
    surveys,
    profiles=None,
    *,
    until: date | str,
    since: date | str | None = None,
    question: str = "nps",
    by: str | tuple[str, ...] | list[str] = (),
    csat_scale: tuple[float, float] | list[float] = (1, 5),
) -> Answers:
    """Answers up to a day, by cell.

    Parameters
    ----------
    surveys
        Frame with `date`, and `customer_id`, `nps`, `csat`, `touchpoint`, `comment` and `invited` where there are any.
    profiles
        One row per customer, with those columns of `by` that are no part of the surveys.
    until, since
        Last and first day that count.
    by
        `touchpoint`, `month`, `quarter`, or columns of the profiles.
    csat_scale
        The lowest and the highest answer to the question of satisfaction. Satisfied are, of at most eleven points, the
        top two; of a longer scale, its top fifth.
    question
        The column that holds the answers, `nps` or `csat`; or `response`: of those invited, who answered.

    Raises
    ------
    ValueError
        If `question` is none of these, or `csat_scale` is not a lower and a higher number. A column that is missing
        raises nothing: `missing` names it.
    """
    if question not in MEASURES:
        raise ValueError(f"`question` must be among {', '.join(MEASURES)}, got {question!r}")
    foot, head = csat_ends(csat_scale)
    by = (by,) if isinstance(by, str) else tuple(by)
    end, start = as_day(until, "until"), None if since is None else as_day(since, "since")
    frame, missing = _prepared(surveys, profiles, question, by, start, end)
    span = (None if start is None else start.date(), end.date())
    if missing:
        return Answers(question, by, pd.DataFrame(), pd.DataFrame(), {"repeated": 0, "outside": 0}, missing, *span)
    rows = _on_scale(frame, foot, head) if question == "csat" else frame
    in_survey = tuple(name for name in by if name in PERIODS or name == "touchpoint")
    named = _last_of_day(rows.filter(~nw.col("customer_id").is_null()), question, in_survey)
    sums = sums_of(question, by)
    people = measured(named, question, foot, head).group_by("customer_id", *in_survey)
    people = people.agg(nw.col("rows").sum(), *(nw.col(name).sum() for name in sums))
    if len(in_survey) < len(by):
        of_profiles = [name for name in by if name not in in_survey]
        theirs = nw.from_native(profiles).lazy().select(nw.col("customer_id").cast(nw.String), *of_profiles)
        people = people.join(theirs, on="customer_id", how="left")
    unnamed = [nw.lit(None, nw.String).alias(name) for name in by if name not in in_survey]
    alone = rows.filter(nw.col("customer_id").is_null()).with_columns(nw.lit(1.0).alias("rows"), *unnamed)
    alone = measured(alone, question, foot, head)
    found = [with_products(people, question, sums, by), with_products(alone, question, sums, by)]
    cells = added(found, by)
    products = cells[[*by, *product_names(question)]].assign(**{f"{name}_b": cells[name] for name in by})
    if in_survey:
        # somebody may be in several cells: the products over those in two of them take the place of those within one
        singles = found[1].assign(**{f"{name}_b": found[1][name] for name in by})
        both = [f"{name}_b" for name in by]
        products = added([paired(people, question, by), singles[[*by, *both, *product_names(question)]]], (*by, *both))
    repeated = int(cells["rows"].sum() - cells["answers"].sum())
    outside = _count(frame) - int(cells["rows"].sum()) if question == "csat" else 0
    cells, products = placed(cells[[*by, *sums, "people"]], products, by)
    return Answers(question, by, _dated(cells, by), products, {"repeated": repeated, "outside": outside}, (), *span)


def csat_ends(csat_scale) -> tuple[float, float]:
    """The ends of the scale of satisfaction, checked.

    Raises
    ------
    ValueError
        If they are not a lower and a higher number.
    """
    ends = tuple(csat_scale)
    if len(ends) != 2 or not all(isinstance(end, int | float) for end in ends) or not ends[0] < ends[1]:
        raise ValueError(f"`csat_scale` must be the lowest and the highest answer, such as [1, 5], got {csat_scale!r}")
    return float(ends[0]), float(ends[1])


def _prepared(surveys, profiles, question: str, by: tuple[str, ...], start, end) -> tuple[nw.LazyFrame, tuple]:
    """The rows that bear on the question, with a column for each of `by`; and what is missing."""
    frame = nw.from_native(surveys).lazy()
    schema = frame.collect_schema()
    theirs = nw.from_native(profiles).lazy() if profiles is not None else None
    of_profiles = [name for name in by if name not in PERIODS and name != "touchpoint"]
    known = theirs.collect_schema() if theirs is not None else ()
    missing = [name for name in of_profiles if name not in known]
    if "touchpoint" in by and "touchpoint" not in schema:
        missing.append("touchpoint")
    needed = ("customer_id",) if of_profiles else ()
    missing += [name for name in (question, *needed) if name != "response" and name not in schema]
    if missing:
        return frame, tuple(missing)

    def column(name: str, kind) -> nw.Expr:
        return (nw.col(name).cast(kind) if name in schema else nw.lit(None, kind)).alias(name)

    day = nw.col("date").cast(nw.Datetime("us"))
    frame = frame.select(
        day.alias("date"),
        column("customer_id", nw.String),
        column("touchpoint", nw.String),
        column("nps", nw.Float64),
        column("csat", nw.Float64),
        column("comment", nw.String),
        column("invited", nw.Boolean),
    ).filter(nw.col("date") < end + timedelta(days=1))
    if start is not None:
        frame = frame.filter(nw.col("date") >= start)
    answered = ~nw.col("nps").is_null() | ~nw.col("csat").is_null() | ~nw.col("comment").is_null()
    if question == "response":
        value = nw.when(answered).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
        # a row that does not say otherwise is an invitation
        frame = frame.with_columns(value.alias("response")).filter(nw.coalesce(nw.col("invited"), nw.lit(True)))
    frame = frame.filter(~nw.col(question).is_null())
    if question == "nps":
        frame = frame.filter((nw.col("nps") >= 0) & (nw.col("nps") <= 10))
    periods = [_period(name).alias(name) for name in by if name in PERIODS]
    return (frame.with_columns(*periods) if periods else frame), ()


def _period(name: str) -> nw.Expr:
    """The number of the month or quarter a row falls in, counted from the year 0."""
    a_year = PERIODS[name]
    of_year = ((nw.col("date").dt.month().cast(nw.Float64) - 1) / (12 / a_year)).floor()
    return nw.col("date").dt.year().cast(nw.Float64) * a_year + of_year


def _on_scale(frame: nw.LazyFrame, foot: float, head: float) -> nw.LazyFrame:
    return frame.filter((nw.col("csat") >= foot) & (nw.col("csat") <= head))


def _last_of_day(named: nw.LazyFrame, question: str, by: tuple[str, ...]) -> nw.LazyFrame:
    """One answer of a person on a day about a touchpoint: the last, of several at the same time the lowest.

    `rows` says of how many.
    """
    at = nw.col("date")
    second = at.dt.hour().cast(nw.Float64) * 3600 + at.dt.minute().cast(nw.Float64) * 60 + at.dt.second()
    # of those invited, whoever answered at all did; else the time of day and the value make one number, of which the
    # highest is the last answer: engines lack a sum over the last row, but all have a maximum
    code = nw.col(question) if question == "response" else second * _STEPS - (nw.col(question) * 100).round()
    frame = named.with_columns(day_number("date").alias("_day"), code.alias("_code"))
    keys = ["customer_id", "_day", "touchpoint", *(name for name in by if name != "touchpoint")]
    last = frame.group_by(*keys).agg(nw.col("_code").max(), nw.len().alias("rows"))
    if question == "response":
        return last.with_columns(nw.col("_code").alias(question))
    time = (nw.col("_code") / _STEPS).ceil()
    return last.with_columns(((time * _STEPS - nw.col("_code")) / 100).alias(question))


def _dated(cells: pd.DataFrame, by: tuple[str, ...]) -> pd.DataFrame:
    """Periods by their first day; counts as whole numbers."""
    for name in (name for name in by if name in PERIODS):
        number, months = cells[name].astype("int64"), 12 // PERIODS[name]
        year, of_year = number // PERIODS[name], number % PERIODS[name]
        cells[name] = pd.to_datetime({"year": year, "month": of_year * months + 1, "day": 1})
    counts = [name for name in cells if name not in by and not name.startswith("level")]
    return cells.astype(dict.fromkeys(counts, "int64"))


def _count(frame: nw.LazyFrame) -> int:
    return int(collected(frame.select(nw.len().alias("n")))["n"].iloc[0])
