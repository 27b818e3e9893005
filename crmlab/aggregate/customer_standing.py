"""What was known of each customer at the end of a day, and nothing later: one row per customer, on whatever engine.

Rules that hold throughout:

- a purchase, answer, case or contract after the day has not happened yet; a case that was answered or resolved after it
  is open, a payment made after it has not come, a contract that ends on the day or after it runs;
- what bears no date of its own cannot be told to have been known then and is left out: whether a case was opened again,
  instalments that were paid on no known day, and covariates of contracts, renewals among them;
- a customer is known from the first purchase, contract, case, answer or instalment due. Of a table that is not given,
  or says nothing of a customer, the columns are empty, but for counts of cases, which are nought.
"""

from collections.abc import Sequence
from datetime import date

import narwhals as nw
import pandas as pd

from crmlab.aggregate.answers import csat_ends
from crmlab.aggregate.contracts import month_end
from crmlab.aggregate.customer_answers import customer_answers
from crmlab.aggregate.engine import DAYS, DECIMALS, as_day, collected, day_number
from crmlab.aggregate.payments import payment_summary
from crmlab.aggregate.periods import adjacent_periods
from crmlab.aggregate.service import known_cases
from crmlab.aggregate.transactions import customer_summary

MONTHS = 12  # over which purchases, revenue and cases are counted
# by table: its columns of the result
COLUMNS = {
    "transactions": (
        "silent_days",
        "usual_gap_days",
        "silence_ratio",
        "purchases",
        "purchases_to_median",
        "revenue",
        "revenue_before",
        "revenue_change",
    ),
    "contracts": ("under_contract", "contract_months"),
    "surveys": ("last_nps", "nps", "last_csat", "csat"),
    "interactions": ("cases", "complaints", "response_hours"),
    "payments": ("days_past_due", "overdue_share"),
}
_COUNTS = ("cases", "complaints")


def customer_standing(
    *,
    until: date | str,
    transactions=None,
    contracts=None,
    surveys=None,
    interactions=None,
    payments=None,
    complaint_kinds: Sequence[str] = ("complaint",),
    csat_scale: tuple[float, float] | list[float] = (1, 5),
) -> pd.DataFrame:
    """How each customer stood at the end of a day.

    Parameters
    ----------
    until
        Last day that counts.
    transactions, contracts, surveys, interactions, payments
        Tables of the contract, as frames; None where there is none.
    complaint_kinds
        What `kind` says of a case that is a complaint.
    csat_scale
        The lowest and the highest answer to the question of satisfaction.

    Returns
    -------
    DataFrame
        One row per customer known, sorted by `customer_id`.

        - `silent_days` since the last purchase; `usual_gap_days`, the mean gap between the customer's own purchase days
          with the median customer's as one more, for one or two gaps tell little; `silence_ratio`, the first over the
          second.
        - Of the last twelve months: `purchases` and `purchases_to_median`, their ratio to those of the median customer
          who bought; `revenue`. `revenue_before` of the twelve months before, for who was a customer throughout them,
          and `revenue_change` from it as a fraction.
        - `under_contract` (0 or 1); `contract_months` since the first contract, 0 where none runs any more; both empty
          for who never had one.
        - `last_nps` and `last_csat`; `nps` and `csat`, in which the last answer counts as much as all before it
          together, the latter from 0 at the foot of its scale to 1 at its head.
        - Of the last twelve months: `cases`, `complaints`, and median `response_hours`; unanswered cases count with the
          hours waited so far. Counts are empty for who neither bought nor was under contract then: that such a customer
          does not complain says nothing.
        - `days_past_due`, mean over instalments judged, and `overdue_share`, of those due, 0 to 1.

    Raises
    ------
    ValueError
        If `csat_scale` is not a lower and a higher number, or a table lacks a column.
    """
    end = as_day(until, "until")
    if surveys is not None and "customer_id" not in nw.from_native(surveys).lazy().collect_schema():
        surveys = None  # of answers that are all anonymous, none is a customer's
    parts = {
        "transactions": None if transactions is None else _purchases(transactions, end),
        "contracts": None if contracts is None else _contracts(contracts, end),
        "surveys": None if surveys is None else _answers(surveys, end, csat_ends(csat_scale)),
        "interactions": None if interactions is None else _cases(interactions, end, complaint_kinds),
        "payments": None if payments is None else _payments(payments, end),
    }
    nobody = pd.DataFrame({"customer_id": pd.Series(dtype=object)})
    given = [part.set_index("customer_id") for part in (nobody, *parts.values()) if part is not None]
    # an outer join of texts keeps every customer of any table once
    found = pd.concat(given, axis=1).rename_axis("customer_id").sort_index().reset_index()
    found = found.reindex(columns=["customer_id", *(name for names in COLUMNS.values() for name in names)])
    found[list(found.columns[1:])] = found.iloc[:, 1:].astype(float)
    if interactions is not None:
        dealt = (found["purchases"] > 0) | (found["under_contract"] > 0) | (found["cases"] > 0)
        dealt |= transactions is None and contracts is None
        found[list(_COUNTS)] = found[list(_COUNTS)].fillna(0.0).where(dealt)
    return found


def _purchases(transactions, end: pd.Timestamp) -> pd.DataFrame:
    summary = customer_summary(transactions, until=end, time_unit="day")
    silent, repeats, span = summary["T"] - summary["recency"], summary["frequency"], summary["recency"]
    typical = (span / repeats.where(repeats > 0)).median()
    found = summary[["customer_id"]].assign(silent_days=silent, usual_gap_days=(span + typical) / (repeats + 1))
    found["silence_ratio"] = silent / found["usual_gap_days"]
    periods = adjacent_periods(transactions, until=end, months=MONTHS)
    columns = ["customer_id", "purchases", "revenue", "revenue_before"]
    found = found.merge(periods.customers[columns], on="customer_id", how="left").fillna(dict.fromkeys(columns[1:], 0))
    bought = found["purchases"]
    found["purchases_to_median"] = bought / bought[bought > 0].median()
    # of a customer won within the earlier period, part of it would be compared with the whole of the later
    throughout = summary["first_date"] <= pd.Timestamp(periods.before[0]) + pd.Timedelta(days=7)
    found["revenue_before"] = found["revenue_before"].where(throughout)
    before = found["revenue_before"]
    found["revenue_change"] = found["revenue"] / before.where(before > 0) - 1
    return found


def _contracts(contracts, end: pd.Timestamp) -> pd.DataFrame:
    found = contracts_on(contracts, end)
    months = (end.toordinal() - found["first_start"]) / DAYS["month"]
    return found.assign(contract_months=months.where(found["under_contract"] > 0, 0.0)).drop(columns="first_start")


def contracts_on(contracts, day: pd.Timestamp) -> pd.DataFrame:
    """Of customers with a contract up to a day: number of the day the first started, and whether one runs (0 or 1).

    Raises
    ------
    ValueError
        If `contracts` lack `customer_id` or `start`.
    """
    frame = nw.from_native(contracts).lazy()
    schema = frame.collect_schema()
    if missing := [name for name in ("customer_id", "start") if name not in schema]:
        raise ValueError(f"`contracts` must have the columns customer_id and start; missing: {', '.join(missing)}")
    ends = day_number("end") if "end" in schema else nw.lit(None, nw.Float64)
    frame = frame.select("customer_id", day_number("start").floor().alias("start"), ends.alias("end"))
    frame = frame.filter(nw.col("start") <= day.toordinal())
    runs = nw.col("end").is_null() | (nw.col("end") >= day.toordinal())
    frame = frame.with_columns(nw.when(runs).then(nw.lit(1.0)).otherwise(nw.lit(0.0)).alias("runs"))
    return collected(
        frame.group_by("customer_id").agg(
            nw.col("start").min().alias("first_start"), nw.col("runs").max().alias("under_contract")
        )
    ).astype({"first_start": float, "under_contract": float})


def _answers(surveys, end: pd.Timestamp, scale: tuple[float, float]) -> pd.DataFrame:
    answers = customer_answers(surveys, until=end, csat_scale=scale)
    found = answers[["customer_id", "last_nps", "last_csat"]].copy()
    for name in ("nps", "csat"):
        found[name] = answers[[f"last_{name}", f"{name}_before"]].astype(float).mean(axis=1)
    found["csat"] = ((found["csat"] - scale[0]) / (scale[1] - scale[0])).clip(0, 1)
    return found


def _cases(interactions, end: pd.Timestamp, complaint_kinds: Sequence[str]) -> pd.DataFrame:
    kinds = [kind.strip().lower() for kind in complaint_kinds]
    hours = 24.0 * (end.toordinal() - month_end(end, -MONTHS).toordinal())
    waits = nw.when(nw.col("response_open") == 1).then(nw.col("age"))
    cases = known_cases(interactions, 24.0 * (end.toordinal() + 1)).with_columns(
        nw.coalesce(nw.col("response"), waits).alias("hours"),
        nw.col("kind").str.to_lowercase().is_in(kinds).cast(nw.Int64).alias("complaint"),
        nw.when(nw.col("age") <= hours).then(nw.lit(1)).otherwise(nw.lit(0)).alias("recent"),
    )
    # older cases make a customer known, and count for nothing
    cases = cases.with_columns(
        (nw.col("recent") * nw.col("complaint")).alias("complaint"),
        nw.when(nw.col("recent") == 1).then(nw.col("hours")).alias("hours"),
    )
    found = collected(
        cases.group_by("customer_id").agg(
            nw.col("recent").sum().alias("cases"),
            nw.col("complaint").sum().alias("complaints"),
            nw.col("hours").median().alias("response_hours"),
        )
    )
    return found.assign(response_hours=found["response_hours"].astype(float).round(DECIMALS))


def _payments(payments, end: pd.Timestamp) -> pd.DataFrame:
    found = payment_summary(due_within(payments, last=end), until=end)
    return found[["customer_id", "overdue_share"]].assign(days_past_due=found["days_past_due_mean"])


def due_within(payments, *, last: pd.Timestamp, after: pd.Timestamp | None = None) -> nw.LazyFrame:
    """Instalments that fell due up to a day, and after another, less those that were paid on no known day."""
    frame = nw.from_native(payments).lazy()
    schema = frame.collect_schema()
    due = day_number("due_on")
    frame = frame.filter(due <= last.toordinal())
    if after is not None:
        frame = frame.filter(due > after.toordinal())
    if "paid_amount" in schema:
        undated = nw.col("paid_amount") > 0
        undated = undated & nw.col("paid_on").is_null() if "paid_on" in schema else undated
        frame = frame.filter(~undated.fill_null(False))
    return frame
