"""Service cases become counts and times by kind or channel, and one row per customer.

Rules that hold throughout:

- only what was known at the end of the as-of date counts: an answer after it has not come yet;
- a case without an answer has waited until the end of that day, and is open; so is one that is not resolved. A case
  that was resolved with no first answer on record is no case of waiting: its response is not known;
- a case is judged against a target once it is as old as the target: of younger ones only those that met it are known,
  and counting them would flatter;
- a case counts for the rate of reopening once it was resolved, or opened again.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import as_day, collected, day_number

MEASURES = ("response", "resolution")
# Hours fall into classes half a per cent wide, so that a million cases come back as a few thousand rows.
_STEP = math.log(1.005)
_SHORTEST = 1 / 3600  # below a second, hours count as none
_NONE = -10_000
_DAY = 24.0


@dataclass(frozen=True, eq=False)
class ServiceCases:
    """Service cases by group: the frames that `crmlab.nps.service` reads.

    Attributes
    ----------
    groups
        One row per group and one over all (`total` 1): `group` (empty where the table does not say), `customers`,
        `cases`; `reopen_known`, `reopened`; for each of `response` and `resolution`, `_ended`, `_open` and `_unknown`
        cases, its `_target` (of a group with several, none), `_judged` and `_within` of the target, `_judged_middle`
        and `_within_middle` of the median of the ended ones. Of each pair of counts n and s also the sums over
        customers of n², n s and s² (`_nn`, `_ns`, `_ss`), which tell how alike the cases of one customer are.
    times
        One row per group, `measure` and class of `hours`: cases that `ended` then, and those that were `open` so long.
    months
        As `groups`, over all groups, by `month` of opening (its first day), without sums.
    by
        Column that made the groups.
    targets
        By measure: hours, one number or one by kind of case.
    """

    groups: pd.DataFrame
    times: pd.DataFrame
    months: pd.DataFrame
    by: str
    targets: dict[str, float | dict[str, float]]


def service_cases(
    interactions,
    *,
    until: date | str,
    by: str = "kind",
    response_target_hours: float | Mapping[str, float] = 4.0,
    resolution_target_hours: float | Mapping[str, float] = 48.0,
) -> ServiceCases:
    """Cases by kind or channel: how many, how long they took, how many within the target, how many opened again.

    Parameters
    ----------
    interactions
        Frame with `customer_id` and `opened_at`, and `first_response_at`, `resolved_at`, `kind`, `channel` and
        `reopened` where there are any.
    until
        Last day that counts.
    by
        `kind` or `channel`.
    response_target_hours, resolution_target_hours
        Hours above zero; or by kind of case, and then `""` for all other kinds (without it they have no target).

    Raises
    ------
    ValueError
        If `by` is neither, a target is not above zero, or `interactions` lack `customer_id` or `opened_at`.
    """
    if by not in ("kind", "channel"):
        raise ValueError(f"`by` must be kind or channel, got {by!r}")
    given = {"response": response_target_hours, "resolution": resolution_target_hours}
    targets = {measure: _checked(measure, target) for measure, target in given.items()}
    end = _end_hours(until)
    cases = known_cases(interactions, end).with_columns(
        nw.col(by).alias("group"),
        nw.lit(0).alias("total"),
        *(_target(targets[measure]).alias(f"{measure}_target") for measure in MEASURES),
    )
    both = nw.concat([cases, cases.with_columns(nw.lit("").alias("group"), nw.lit(1).alias("total"))])
    middles = both.group_by("total", "group").agg(
        nw.col(measure).median().alias(f"{measure}_middle") for measure in MEASURES
    )
    groups = _clustered(_marked(both.join(middles, on=["total", "group"], how="left")))
    no_middle = [nw.lit(None, nw.Float64).alias(f"{measure}_middle") for measure in MEASURES]
    months = _by_month(_marked(cases.with_columns(*no_middle)))
    times = pd.concat([_times(both, measure) for measure in MEASURES], ignore_index=True)
    return ServiceCases(groups, times, months, by, targets)


def known_cases(interactions, end: float) -> nw.LazyFrame:
    """One row per case as known at the hour `end`: how long it took or has waited; times in hours.

    `age`, `response`, `resolution` (empty while open), `response_open`, `resolution_open`, `reopened`, `reopen_known`
    (0 or 1), `kind`, `channel` (empty text where there is none), `day`, `month`.

    Raises
    ------
    ValueError
        If `interactions` lack `customer_id` or `opened_at`.
    """
    frame = nw.from_native(interactions).lazy()
    schema = frame.collect_schema()
    missing = [name for name in ("customer_id", "opened_at") if name not in schema]
    if missing:
        raise ValueError(f"`interactions` must have the columns customer_id and opened_at; missing: {missing[0]}")
    moments = {"response": "first_response_at", "resolution": "resolved_at"}
    absent = nw.lit(None, nw.Float64)
    texts = {name: nw.col(name).cast(nw.String) if name in schema else nw.lit("") for name in ("kind", "channel")}
    opened = nw.col("opened_at").cast(nw.Datetime("us"))
    frame = frame.select(
        nw.col("customer_id"),
        hours_of("opened_at").alias("opened"),
        opened.dt.truncate("1d").alias("day"),
        opened.dt.truncate("1mo").alias("month"),
        *((hours_of(name) if name in schema else absent).alias(f"{key}_at") for key, name in moments.items()),
        *(nw.coalesce(text, nw.lit("")).str.strip_chars().alias(name) for name, text in texts.items()),
        (nw.col("reopened").cast(nw.Float64) if "reopened" in schema else absent).alias("reopened"),
    ).filter(nw.col("opened") < end)
    frame = frame.with_columns(nw.when(nw.col(f"{key}_at") < end).then(nw.col(f"{key}_at")) for key in MEASURES)
    resolved = ~nw.col("resolution_at").is_null()
    waits = nw.col("response_at").is_null() & ~resolved
    known = ~nw.col("reopened").is_null() & (resolved | (nw.col("reopened") == 1))
    return frame.with_columns(
        (end - nw.col("opened")).alias("age"),
        *((nw.col(f"{key}_at") - nw.col("opened")).alias(key) for key in MEASURES),
        waits.cast(nw.Int64).alias("response_open"),
        (~resolved).cast(nw.Int64).alias("resolution_open"),
        _where(known, nw.col("reopened")).alias("reopened"),
        known.cast(nw.Int64).alias("reopen_known"),
    )


def hours_of(name: str) -> nw.Expr:
    """A moment as hours, counted alike by every engine."""
    moment = nw.col(name).cast(nw.Datetime("us")).dt
    seconds = moment.second().cast(nw.Float64)
    return day_number(name) * _DAY + moment.hour().cast(nw.Float64) + moment.minute() / 60 + seconds / 3600


def _end_hours(until: date | str) -> float:
    return (as_day(until, "until").toordinal() + 1) * _DAY


def _checked(measure: str, target: float | Mapping[str, float]) -> float | dict[str, float]:
    hours = target.values() if isinstance(target, Mapping) else [target]
    if not all(isinstance(each, (int, float)) and each > 0 for each in hours):
        raise ValueError(f"`{measure}_target_hours` must be hours above zero, or such by kind; got {target!r}")
    return {str(kind).strip(): float(each) for kind, each in target.items()} if isinstance(target, Mapping) else target


def _target(target: float | dict[str, float]) -> nw.Expr:
    """The target of a case; empty where its kind has none."""
    if not isinstance(target, dict):
        return nw.lit(float(target))
    found = nw.lit(target[""]) if "" in target else nw.lit(None, nw.Float64)
    for kind, hours in target.items():
        found = nw.when(nw.col("kind") == kind).then(nw.lit(hours)).otherwise(found) if kind else found
    return found


def _marked(cases: nw.LazyFrame) -> nw.LazyFrame:
    """With 0 or 1 for each thing that is counted."""
    counted = {"cases": nw.lit(1), "reopen_known": nw.col("reopen_known"), "reopened": nw.col("reopened")}
    for measure in MEASURES:
        hours, waits = nw.col(measure), nw.col(f"{measure}_open") == 1
        ended = ~hours.is_null()
        counted |= {f"{measure}_ended": _where(ended, 1), f"{measure}_open": nw.col(f"{measure}_open")}
        counted[f"{measure}_unknown"] = _where(~ended & ~waits, 1)
        for limit, suffix in (("target", ""), ("middle", "_middle")):
            bound = nw.col(f"{measure}_{limit}")
            judged = (ended | waits) & ~bound.is_null() & (nw.col("age") >= bound)
            counted[f"{measure}_judged{suffix}"] = _where(judged, 1)
            counted[f"{measure}_within{suffix}"] = _where(judged & ended & (hours <= bound), 1)
    counted |= {f"{measure}_least": nw.col(f"{measure}_target") for measure in MEASURES}
    return cases.select(
        *("total", "group", "customer_id", "month"), *(value.alias(f"{name}_") for name, value in counted.items())
    )


_COUNTS = ("cases", "reopen_known", "reopened") + tuple(
    f"{measure}_{name}"
    for measure in MEASURES
    for name in ("ended", "open", "unknown", "judged", "within", "judged_middle", "within_middle")
)
_PAIRS = (("reopen_known", "reopened"),) + tuple(
    (f"{measure}_judged{suffix}", f"{measure}_within{suffix}") for measure in MEASURES for suffix in ("", "_middle")
)


def _clustered(marked: nw.LazyFrame) -> pd.DataFrame:
    """One row per group: sums over cases, and over customers their products."""
    keys = ["total", "group"]
    least = [nw.col(f"{measure}_least_").min().alias(f"{measure}_least") for measure in MEASURES]
    most = [nw.col(f"{measure}_least_").max().alias(f"{measure}_most") for measure in MEASURES]
    customers = marked.group_by(*keys, "customer_id").agg(
        *(nw.col(f"{name}_").sum().alias(name) for name in _COUNTS), *least, *most
    )
    products = {}
    for n, s in _PAIRS:
        for suffix, one, other in (("nn", n, n), ("ns", n, s), ("ss", s, s)):
            products[f"{s}_{suffix}"] = nw.col(one) * nw.col(other)
    sums = [*_COUNTS, *products]
    found = collected(
        customers.with_columns(**products)
        .group_by(*keys)
        .agg(
            nw.len().alias("customers"),
            *(nw.col(name).sum() for name in sums),
            *(nw.col(f"{measure}_least").min() for measure in MEASURES),
            *(nw.col(f"{measure}_most").max() for measure in MEASURES),
        )
    ).sort_values(keys, ignore_index=True)
    found[["customers", *sums]] = found[["customers", *sums]].astype("int64")
    for measure in MEASURES:
        low, high = (found.pop(f"{measure}_{end}").astype(float) for end in ("least", "most"))
        found[f"{measure}_target"] = low.where(low == high)
    return found


def _by_month(marked: nw.LazyFrame) -> pd.DataFrame:
    counts = [name for name in _COUNTS if not name.endswith("_middle")]
    found = collected(marked.group_by("month").agg(nw.col(f"{name}_").sum().alias(name) for name in counts))
    found["month"] = pd.to_datetime(found["month"])
    return found.astype(dict.fromkeys(counts, "int64")).sort_values("month", ignore_index=True)


def _times(cases: nw.LazyFrame, measure: str) -> pd.DataFrame:
    """How long cases took, in classes: those that ended, and those that are open."""
    waits = nw.col(f"{measure}_open") == 1
    hours = nw.when(waits).then(nw.col("age")).otherwise(nw.col(measure))
    place = nw.when(nw.col("hours") < _SHORTEST).then(nw.lit(float(_NONE)))
    place = place.otherwise((nw.when(nw.col("hours") >= _SHORTEST).then(nw.col("hours")).log() / _STEP).floor())
    found = collected(
        cases.with_columns(hours.alias("hours"), _where(waits, 1).alias("waiting"))
        .filter(~nw.col("hours").is_null())
        .with_columns(place.alias("place"))
        .group_by("total", "group", "place")
        .agg(nw.len().alias("n"), nw.col("waiting").sum().alias("open"))
    ).sort_values(["total", "group", "place"], ignore_index=True)
    middle = (found["place"].astype(float) + 0.5) * _STEP
    opened = found["open"].astype("int64")
    return pd.DataFrame(
        {
            "total": found["total"].astype("int64"),
            "group": found["group"],
            "measure": measure,
            "hours": middle.map(math.exp).where(found["place"] > _NONE, 0.0),
            "ended": found["n"].astype("int64") - opened,
            "open": opened,
        }
    )


def _where(condition: nw.Expr, value) -> nw.Expr:
    """The value where the condition holds, else nought."""
    return nw.when(condition).then(value if isinstance(value, nw.Expr) else nw.lit(value)).otherwise(nw.lit(0))
