"""Answers of named customers: what was known before each, and what the customer did after it.

Rules that hold throughout:

- of the answers that a customer gave on one day about one touchpoint, the last counts, of two at the same moment the
  lower; an answer without a customer cannot be followed, and is left out;
- before an answer counts what had happened by its moment, by midnight where the data tell days alone;
- a response or resolution that had not come by then is not known yet; a customer without a case has no times at all,
  but no complaint either;
- a month is 365.25 / 12 days.
"""

from collections.abc import Sequence
from datetime import date

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import DAYS, DECIMALS, as_day, collected
from crmlab.aggregate.service import hours_of

COMPLAINTS = ("complaint", "complaints", "投诉", "客户投诉")
DELAYS = ("delivery delay", "delay", "late delivery", "配送延误", "发货延误", "交付延误", "订单延误")
_DAY = 24.0
_YEAR = 365.25 * _DAY
_SHORTEST = 30 * _DAY  # what came in fewer days is not made a rate a year
_KEY = ["customer_id", "date"]
_MEANS = ("response_hours", "resolution_hours", "delivery_delay_days", "reopened_share")
_COUNTED = ("complaints_per_year", "cases_per_year")
# of a contract's own columns, those that are no measure of service; renewals up to now tell what came after an answer
_OF_CONTRACT = ("customer_id", "start", "end", "renewals")


def answer_drivers(
    surveys,
    *,
    until: date | str,
    interactions=None,
    contracts=None,
    transactions=None,
    customers=None,
    window_months: int = 12,
    complaint_kinds: Sequence[str] = COMPLAINTS,
    delay_kinds: Sequence[str] = DELAYS,
) -> pd.DataFrame:
    """What was known of a customer before each answer.

    Parameters
    ----------
    surveys
        Frame with `customer_id`, `date`, `nps`, and `csat` and `touchpoint` where there are any.
    until
        Last day that counts.
    interactions, contracts, transactions, customers
        The client's tables; None for those that there are not.
    window_months
        How far back cases and purchases count.
    complaint_kinds, delay_kinds
        Kinds of case that are complaints, and those whose resolution is a delivery that came late; in any case of
        letters.

    Returns
    -------
    DataFrame
        One row per answer, sorted by customer and date: `customer_id`, `date`, `nps`, `csat`, `touchpoint`; then what
        the tables tell: `response_hours`, `resolution_hours`, `delivery_delay_days` (means), `complaints_per_year`,
        `cases_per_year`, `reopened_share` (of cases resolved, 0 to 1); `spend` in the window, net of refunds;
        `tenure_months`; `contract_value` and the further columns of the contract that had begun last. Where a contract
        has a column of the same name, the contract's counts.

    Raises
    ------
    ValueError
        If `surveys` lack `customer_id` or `date`.
    """
    answers = _answers(surveys, until)
    found, moments = _last_of_day(answers), answers.select(*_KEY, "at").unique()
    window = window_months * DAYS["month"] * _DAY
    first = _first_known(customers, contracts, transactions)
    if contracts is not None:
        found = found.merge(_contract_columns(moments, contracts), on=_KEY, how="left")
    if interactions is not None:
        before = _service_before(moments, interactions, window, complaint_kinds, delay_kinds)
        fresh = [name for name in before if name in _KEY or name not in found]
        found = found.merge(before[fresh], on=_KEY, how="left")
        # a customer without a case has none; how long it could have had some tells the rate
        counted = [name for name in _COUNTED if name in fresh]
        years = _since(found, first, interactions).clip(_SHORTEST, window) / _YEAR
        found[counted] = found[counted].fillna(0.0).div(years, axis=0).round(DECIMALS)
    if transactions is not None:
        found = found.drop(columns="spend", errors="ignore")
        found = found.merge(_spend(moments, transactions, {"spend": (-window, 0.0)}), on=_KEY, how="left")
        found["spend"] = found["spend"].fillna(0.0)
    found["tenure_months"] = _tenure(found, first)
    unknown = [name for name in found.columns[5:] if found[name].isna().all()]
    return found.drop(columns=["at", *unknown])


def answer_outcomes(
    surveys, *, until: date | str, months: int = 12, contracts=None, transactions=None, customers=None
) -> pd.DataFrame:
    """What a customer did in the months after each answer, and in as many before it.

    Parameters
    ----------
    surveys
        Frame with `customer_id` and `date`.
    months
        How many months are looked at after an answer, and before it.
    contracts, transactions, customers
        Tables from which outcomes are made, where they are given: leaving, what was bought, groups.

    Returns
    -------
    DataFrame
        One row per answer, sorted by customer and date: `customer_id`, `date`, `nps`; `followed`, whether all the
        months after it lie before the end of `until`; `retained`, whether a contract runs at the end of them, empty
        where none ran at the answer (without contracts: whether the customer bought in them, empty where it had not
        before); `spend_before` and `spend_after`, net of refunds; `tenure_months`. What no table tells is left out.

    Raises
    ------
    ValueError
        If `months` is no positive whole number, or `surveys` lack `customer_id` or `date`.
    """
    if months != int(months) or months < 1:
        raise ValueError(f"`months` must be a positive integer, got {months}")
    answers = _answers(surveys, until)
    found, moments = _last_of_day(answers), answers.select(*_KEY, "at").unique()
    window, end = months * DAYS["month"] * _DAY, (as_day(until, "until").toordinal() + 1) * _DAY
    found["followed"] = found["at"] + window <= end
    if transactions is not None:
        times = {"spend_before": (-window, 0.0), "spend_after": (0.0, window)}
        found = found.merge(_spend(moments, transactions, times), on=_KEY, how="left").fillna(dict.fromkeys(times, 0.0))
    if contracts is not None:
        runs = _running(moments, contracts, window)
        found = found.merge(runs, on=_KEY, how="left")
        found["retained"] = (found.pop("then") > 0).astype(float).where(found.pop("now") > 0)
    elif transactions is not None:
        found["retained"] = (found["spend_after"] > 0).astype(float).where(found["spend_before"] > 0)
    found["tenure_months"] = _tenure(found, _first_known(customers, contracts, transactions))
    unknown = [name for name in ("tenure_months",) if found[name].isna().all()]
    return found.drop(columns=["at", "csat", "touchpoint", *unknown])


def _answers(surveys, until: date | str) -> nw.LazyFrame:
    """The answers with a score and a customer."""
    frame = nw.from_native(surveys).lazy()
    schema = frame.collect_schema()
    missing = [name for name in _KEY if name not in schema]
    if missing:
        raise ValueError(f"`surveys` must have the columns customer_id and date; missing: {', '.join(missing)}")
    # a survey need not ask for it: then there is no score to follow
    asked = {name: nw.col(name) if name in schema else nw.lit(None, nw.Float64) for name in ("nps", "csat")}
    end = (as_day(until, "until").toordinal() + 1) * _DAY
    touchpoint = nw.col("touchpoint").cast(nw.String) if "touchpoint" in schema else nw.lit("")
    named = frame.filter(~nw.col("customer_id").is_null() & ~asked["nps"].is_null())
    return named.select(
        nw.col("customer_id"),
        nw.col("date").cast(nw.Datetime("us")),
        nw.col("date").cast(nw.Datetime("us")).dt.truncate("1d").alias("day"),
        hours_of("date").alias("at"),
        nw.coalesce(touchpoint, nw.lit("")).str.strip_chars().alias("touchpoint"),
        *(score.cast(nw.Float64).alias(name) for name, score in asked.items()),
    ).filter(nw.col("at") < end)


def _last_of_day(answers: nw.LazyFrame) -> pd.DataFrame:
    """One row for each customer, day and touchpoint."""
    keys = ["customer_id", "day", "touchpoint"]
    last = answers.with_columns(nw.col("at").max().over(*keys).alias("last")).filter(nw.col("at") == nw.col("last"))
    found = collected(last.group_by(*keys, "date", "at").agg(nw.col("nps").min(), nw.col("csat").min()))
    found = found[[*_KEY, "nps", "csat", "touchpoint", "at"]]
    found = found.sort_values([*_KEY, "touchpoint"], ignore_index=True)
    return found.astype({"nps": float, "csat": float, "at": float})


def _first_known(customers, contracts, transactions) -> pd.DataFrame:
    """The hour since which each customer is known: won, else the first contract, else the first purchase."""
    found = []
    for table, column in ((customers, "acquired_on"), (contracts, "start"), (transactions, "date")):
        frame = None if table is None else nw.from_native(table).lazy()
        if frame is not None and column in frame.collect_schema():
            known = frame.filter(~nw.col(column).is_null()).select("customer_id", hours_of(column).alias("first"))
            found.append(collected(known.group_by("customer_id").agg(nw.col("first").min())))
    if not found:
        return pd.DataFrame({"customer_id": pd.Series(dtype=str), "first": pd.Series(dtype=float)})
    return pd.concat(found, ignore_index=True).drop_duplicates("customer_id")


def _tenure(found: pd.DataFrame, first: pd.DataFrame) -> pd.Series:
    hours = found["at"] - found["customer_id"].map(first.set_index("customer_id")["first"]).astype(float)
    return (hours.clip(lower=0) / (DAYS["month"] * _DAY)).round(DECIMALS)


def _since(found: pd.DataFrame, first: pd.DataFrame, interactions) -> pd.Series:
    """Hours before each answer in which a case of the customer would be on record."""
    opened = nw.from_native(interactions).lazy().select(hours_of("opened_at").alias("opened"))
    records = float(collected(opened.select(nw.col("opened").min()))["opened"].iloc[0])
    known = found["customer_id"].map(first.set_index("customer_id")["first"]).astype(float)
    return found["at"] - known.fillna(records).clip(lower=records)


def _before(moments: nw.LazyFrame, rows: nw.LazyFrame, moment: str, after: float, until: float) -> nw.LazyFrame:
    """Every answer with the customer's rows from `after` to `until` hours beside it."""
    since = nw.col(moment) - nw.col("at")
    return moments.join(rows, on="customer_id", how="inner").filter((since >= after) & (since < until))


def _service_before(
    moments: nw.LazyFrame, interactions, window: float, complaints: Sequence[str], delays: Sequence[str]
) -> pd.DataFrame:
    frame = nw.from_native(interactions).lazy()
    schema = frame.collect_schema()
    absent = nw.lit(None, nw.Float64)
    times = {"response_at": "first_response_at", "resolution_at": "resolved_at"}
    kind = nw.col("kind").cast(nw.String).str.strip_chars().str.to_lowercase() if "kind" in schema else nw.lit("")
    rows = frame.select(
        "customer_id",
        hours_of("opened_at").alias("opened"),
        *((hours_of(name) if name in schema else absent).alias(key) for key, name in times.items()),
        (nw.col("reopened").cast(nw.Float64) if "reopened" in schema else absent).alias("reopened"),
        nw.coalesce(kind, nw.lit("")).alias("kind"),
    )
    cases = _before(moments, rows, "opened", -window, 0.0)
    late = nw.col("kind").is_in([name.strip().lower() for name in delays])
    complaint = nw.col("kind").is_in([name.strip().lower() for name in complaints])
    answered, resolved = (nw.col(name) < nw.col("at") for name in times)
    took = nw.col("resolution_at") - nw.col("opened")
    cases = cases.with_columns(
        response_hours=nw.when(answered).then(nw.col("response_at") - nw.col("opened")),
        resolution_hours=nw.when(resolved & ~late).then(took),
        delivery_delay_days=nw.when(resolved & late).then(took / _DAY),
        reopened_share=nw.when(resolved).then(nw.col("reopened")),
        complaints_per_year=nw.when(complaint).then(nw.lit(1.0)).otherwise(nw.lit(0.0)),
        cases_per_year=nw.lit(1.0),
    )
    found = collected(
        cases.group_by(*_KEY).agg(*(nw.col(name).mean() for name in _MEANS), *(nw.col(name).sum() for name in _COUNTED))
    )
    return found.astype(dict.fromkeys((*_MEANS, *_COUNTED), float)).round(dict.fromkeys(_MEANS, DECIMALS))


def _contract_columns(moments: nw.LazyFrame, contracts) -> pd.DataFrame:
    """The further columns of the contract that had begun last before each answer."""
    frame = nw.from_native(contracts).lazy()
    schema = frame.collect_schema()
    columns = [name for name in schema if name not in _OF_CONTRACT]
    rows = frame.select("customer_id", hours_of("start").alias("start"), *columns)
    begun = _before(moments, rows, "start", float("-inf"), 0.0).with_columns(
        nw.col("start").max().over(*_KEY).alias("last")
    )
    numeric = {name: schema[name].is_numeric() or schema[name] == nw.Boolean for name in columns}
    begun = begun.filter(nw.col("start") == nw.col("last")).with_columns(
        nw.col(name).cast(nw.Float64) for name in columns if numeric[name]
    )
    found = collected(
        begun.group_by(*_KEY).agg(nw.col(name).mean() if numeric[name] else nw.col(name).min() for name in columns)
    )
    found = found.astype({name: float for name in columns if numeric[name]})
    return found.rename(columns={"value": "contract_value"})


def _spend(moments: nw.LazyFrame, transactions, times: dict[str, tuple[float, float]]) -> pd.DataFrame:
    """What was spent from and until so many hours after each answer, by name."""
    frame = nw.from_native(transactions).lazy()
    rows = frame.select("customer_id", hours_of("date").alias("bought"), nw.col("amount").cast(nw.Float64))
    first, last = min(after for after, _end in times.values()), max(end for _after, end in times.values())
    since = nw.col("bought") - nw.col("at")
    parts = {
        name: nw.when((since >= after) & (since < end)).then(nw.col("amount")).otherwise(nw.lit(0.0))
        for name, (after, end) in times.items()
    }
    bought = _before(moments, rows, "bought", first, last).with_columns(**parts)
    found = collected(bought.group_by(*_KEY).agg(nw.col(name).sum() for name in times))
    return found.astype(dict.fromkeys(times, float)).round(dict.fromkeys(times, DECIMALS))


def _running(moments: nw.LazyFrame, contracts, window: float) -> pd.DataFrame:
    """How many contracts of the customer run at the answer (`now`), and `window` hours later (`then`)."""
    frame = nw.from_native(contracts).lazy()
    ends = hours_of("end") + _DAY if "end" in frame.collect_schema() else nw.lit(None, nw.Float64)
    rows = frame.select("customer_id", hours_of("start").alias("start"), ends.alias("end"))
    marked = {}
    for name, later in (("now", 0.0), ("then", window)):
        at = nw.col("at") + later
        runs = (nw.col("start") <= at) & (nw.col("end").is_null() | (nw.col("end") > at))
        marked[name] = nw.when(runs).then(nw.lit(1)).otherwise(nw.lit(0))
    joined = moments.join(rows, on="customer_id", how="inner").with_columns(**marked)
    found = collected(joined.group_by(*_KEY).agg(nw.col("now").sum(), nw.col("then").sum()))
    return found.astype({"now": float, "then": float})
