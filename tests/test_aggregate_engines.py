"""Every aggregate gives the same table on DuckDB and on Polars; on Spark in tests/test_spark.py.

The tables hold what engines are known to differ in: rows at the same moment, equal amounts, empty and blank texts,
hours that a clock skips, and ends of months.
"""

import dataclasses
from collections.abc import Callable
from datetime import datetime

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from pandas.testing import assert_frame_equal
from scipy import sparse

from crmlab import aggregate
from crmlab.aggregate import person_periods

UNTIL = "2024-06-30"
# what the package offers beside aggregations
HELPERS = {"as_day", "collected", "day_number", "timestamps", "by_day"}


def tables(n: int = 24, seed: int = 5) -> dict[str, pd.DataFrame]:
    """A client's tables at random, on few days and hours, so that ties are many."""
    rng = np.random.default_rng(seed)
    ids = np.array([f"C{number:02d}" for number in range(n)])
    # the days around a change of clocks, ends of months, a leap day; 02:30 is no time in New York on 10 March 2024
    days = pd.to_datetime(
        ["2023-02-28", "2023-07-31", "2023-08-01", "2023-10-29", "2023-11-05", "2023-12-31", "2024-01-01"]
        + [
            "2024-02-29",
            "2024-03-10",
            "2024-03-31",
            "2024-04-30",
            "2024-05-31",
            "2024-06-29",
            "2024-06-30",
            "2024-07-01",
        ]
    )
    hours = pd.to_timedelta(["0h", "1h30min", "2h30min", "12h", "23h59min59s", "23h59min59.5s"])

    def moments(m):
        return days[rng.integers(0, len(days), m)] + hours[rng.integers(0, len(hours), m)]

    def who(m, known=1.0):
        return np.where(rng.random(m) < known, rng.choice(ids, m), None)

    def some(values, share):
        return pd.Series(values).where(rng.random(len(values)) < share)

    def text(choices, m):
        return rng.choice(np.array([*choices, "", None], dtype=object), m)

    start, m = days[rng.integers(0, 9, 2 * n)], 8 * n
    opened, due = moments(m), days[rng.integers(0, len(days), m)]
    return {
        "transactions": pd.DataFrame(
            {"customer_id": who(m), "date": moments(m), "amount": rng.choice([-20.5, -0.01, 0.0, 0.1, 0.2, 19.99], m)}
        ).assign(margin=lambda frame: frame["amount"] / 4),
        "customers": pd.DataFrame(
            {"customer_id": ids, "industry": text(["steel", "鋼"], n), "region": text(["north"], n)}
            | {"registered_capital": some(rng.integers(1, 9, n).astype(float), 0.8)}
            | {"acquired_on": some(days[rng.integers(0, 6, n)], 0.8)}
        ),
        "contracts": pd.DataFrame(
            {"customer_id": who(2 * n), "start": start}
            | {"end": some(start + pd.to_timedelta(rng.choice([0, 30, 60, 365], 2 * n), unit="D"), 0.6)}
            | {"value": some(rng.choice([10.0, 20.0, 0.1], 2 * n), 0.9), "renewals": rng.integers(0, 3, 2 * n)}
            | {"plan": text(["basic", "plus"], 2 * n), "score": some(rng.normal(0, 1, 2 * n).round(1), 0.9)}
        ),
        "surveys": pd.DataFrame(
            {"date": moments(m), "customer_id": who(m, 0.9)}
            | {"nps": some(rng.integers(0, 11, m).astype(float), 0.7), "csat": some(rng.integers(1, 6, m) * 1.0, 0.6)}
            | {"touchpoint": text(["shop", "call"], m), "comment": text(["good", " good ", "late"], m)}
            | {"invited": rng.random(m) < 0.7}
        ),
        "interactions": pd.DataFrame(
            {"customer_id": who(m), "opened_at": opened}
            | {"first_response_at": some(opened + pd.to_timedelta(rng.choice([0, 0.5, 4, 30], m), unit="h"), 0.8)}
            | {"resolved_at": some(opened + pd.to_timedelta(rng.choice([40, 48, 90, 2000], m), unit="h"), 0.7)}
            | {"kind": text(["complaint", "Delay", "question"], m), "channel": text(["mail"], m)}
            | {"reopened": rng.random(m) < 0.2, "comment": text(["again"], m)}
        ),
        "payments": pd.DataFrame(
            {"customer_id": who(m), "due_on": due, "amount": rng.choice([0.0, 10.0, 0.1], m)}
            | {"paid_on": some(due + pd.to_timedelta(rng.choice([-3, 0, 1, 90, 200], m), unit="D"), 0.8)}
            | {"paid_amount": some(rng.choice([10.0, 5.0, 9.95], m), 0.6)}
        ),
        "crm_cashflows": pd.DataFrame(
            {"date": days[rng.integers(0, len(days), m)], "kind": rng.choice(["cost", "benefit"], m)}
            | {"category": rng.choice(["licence", " licence", "staff"], m), "amount": rng.choice([0.1, 0.2, 100.0], m)}
            | {"scenario": text(["Actual", "plan"], m)}
        ),
        "opportunities": pd.DataFrame(
            {"customer_id": who(m), "opened_on": due, "outcome": rng.choice(["won", "lost", "open", None], m)}
            | {"closed_on": some(due + pd.to_timedelta(rng.choice([0, 30, 45], m), unit="D"), 0.6)}
            | {"amount": some(rng.choice([0.1, 0.2, 300.0], m), 0.8)}
        ),
        "exposure": pd.DataFrame(
            {"customer_id": ids, "treated": rng.random(n) < 0.5, "from_date": some(days[rng.integers(3, 9, n)], 0.7)}
            | {"cost": some(rng.choice([1.0, 2.5], n), 0.9)}
        ),
    }


def in_duckdb(frames: dict[str, pd.DataFrame]) -> dict:
    connection = duckdb.connect()
    for name, frame in frames.items():
        connection.register(f"given {name}", frame)
    return {name: connection.sql(f'SELECT * FROM "given {name}"') for name in frames}


def in_polars(frames: dict[str, pd.DataFrame]) -> dict:
    return {name: pl.from_pandas(frame).lazy() for name, frame in frames.items()}


def history(t) -> dict:
    return {name: t[name] for name in ("transactions", "interactions", "surveys", "payments")}


def answer_tables(t) -> dict:
    return {name: t[name] for name in ("interactions", "contracts", "transactions", "customers")}


def standing(t) -> dict:
    return {name: t[name] for name in ("transactions", "contracts", "payments")}


CASES: dict[str, Callable] = {
    "customer_summary": lambda t: aggregate.customer_summary(t["transactions"], until=UNTIL),
    "calibration_holdout_summary": lambda t: aggregate.calibration_holdout_summary(
        t["transactions"], calibration_end="2024-03-10", holdout_end=UNTIL
    ),
    "purchases_after": lambda t: aggregate.purchases_after(
        t["transactions"], calibration_end="2023-10-29", holdout_end=UNTIL
    ),
    "refund_only_customers": lambda t: aggregate.refund_only_customers(t["transactions"], until="2023-08-01"),
    "purchase_cohorts": lambda t: aggregate.purchase_cohorts(t["transactions"], until=UNTIL),
    "adjacent_periods": lambda t: aggregate.adjacent_periods(t["transactions"], until=UNTIL, months=6),
    "inactivity": lambda t: aggregate.inactivity(
        t["transactions"], until=UNTIL, window_months=3, horizon_months=3, profiles=t["customers"], by="industry"
    ),
    "exposure_months": lambda t: aggregate.exposure_months(
        t["transactions"], t["exposure"], t["customers"], until=UNTIL
    ),
    "payment_summary": lambda t: aggregate.payment_summary(t["payments"], until=UNTIL),
    "contract_months": lambda t: aggregate.contract_months(
        t["contracts"], until=UNTIL, profiles=t["customers"], by="industry", observed_from="2023-07-31"
    ),
    "contract_ages": lambda t: aggregate.contract_ages(
        t["contracts"], until="2024-06-29", by="plan", observed_from="2023-08-01"
    ),
    "contract_renewals": lambda t: aggregate.contract_renewals(t["contracts"], until=UNTIL),
    "contract_spells": lambda t: aggregate.contract_spells(t["contracts"], until=UNTIL, observed_from="2023-07-31"),
    "hazard_data": lambda t: aggregate.hazard_data(
        t["contracts"], until=UNTIL, cut_offs=1, complaint_kinds=["complaint"], **history(t)
    ),
    "customers_at_risk": lambda t: aggregate.customers_at_risk(t["contracts"], on="2024-03-31", until=UNTIL, months=3),
    "person_periods, in bins": lambda t: person_periods.person_periods(t["contracts"], until=UNTIL, most_rows=60),
    "last_contact": lambda t: aggregate.last_contact(
        until=UNTIL, **{name: t[name] for name in ("interactions", "surveys", "transactions")}
    ),
    "survey_answers": lambda t: aggregate.survey_answers(t["surveys"], until=UNTIL),
    "survey_answers, by": lambda t: aggregate.survey_answers(
        t["surveys"], t["customers"], until=UNTIL, by=["quarter", "touchpoint", "industry"]
    ),
    "survey_answers, csat": lambda t: aggregate.survey_answers(
        t["surveys"], until=UNTIL, since="2023-03-01", question="csat", by="month"
    ),
    "survey_answers, response": lambda t: aggregate.survey_answers(t["surveys"], until=UNTIL, question="response"),
    "answer_base": lambda t: aggregate.answer_base(
        t["surveys"], t["customers"], t["contracts"], until=UNTIL, by=["industry", "registered_capital", "score"]
    ),
    "answer_drivers": lambda t: aggregate.answer_drivers(t["surveys"], until=UNTIL, **answer_tables(t)),
    "answer_outcomes": lambda t: aggregate.answer_outcomes(
        t["surveys"], until=UNTIL, **{name: t[name] for name in ("contracts", "transactions", "customers")}
    ),
    "service_cases": lambda t: aggregate.service_cases(t["interactions"], until=UNTIL),
    "event_days": lambda t: pd.DataFrame(
        [aggregate.event_days(t["transactions"], "date", before=datetime(2024, 1, 1))]
    ),
    "filled_columns": lambda t: aggregate.filled_columns(t["customers"], ["industry", "acquired_on", "risk_tolerance"]),
    "written_comments": lambda t: aggregate.written_comments(t["surveys"], until=UNTIL, beside=["touchpoint"], most=60),
    "customer_answers": lambda t: aggregate.customer_answers(t["surveys"], until=UNTIL),
    "customer_standing": lambda t: aggregate.customer_standing(until=UNTIL, contracts=t["contracts"], **history(t)),
    "customer_outcomes": lambda t: aggregate.customer_outcomes(since="2024-03-10", until=UNTIL, **standing(t)),
    "customer_histories": lambda t: aggregate.customer_histories(until=UNTIL, months=6, dates=1, **standing(t)),
    "payments_due": lambda t: aggregate.payments_due(t["payments"], until="2024-05-31", within_days=31),
    "contracts_ending": lambda t: aggregate.contracts_ending(t["contracts"], until="2024-02-29", within_days=200),
    "stalled_opportunities": lambda t: aggregate.stalled_opportunities(t["opportunities"], until=UNTIL),
    "same_months_a_year_before": lambda t: aggregate.same_months_a_year_before(
        t["transactions"], t["customers"], until="2024-07-01", months=4
    ),
    "crm_cash_flows": lambda t: aggregate.crm_cash_flows(t["crm_cashflows"]),
    "customers_reached": lambda t: aggregate.customers_reached(t["exposure"]),
}


def assert_same(found, wanted, where: str) -> None:
    """Equal to the last digit; frames down to the kinds of their columns, in any order where they promise none."""
    if isinstance(wanted, pd.DataFrame):
        if where.startswith("written_comments"):
            keys = [*wanted.columns]
            found, wanted = (frame.sort_values(keys, ignore_index=True) for frame in (found, wanted))
        assert_frame_equal(found, wanted, check_dtype=False, check_exact=True, obj=where)
        kinds = {name: (found[name].dtype.kind, wanted[name].dtype.kind) for name in wanted}
        assert all(one == other or {one, other} <= set("OT") for one, other in kinds.values()), f"{where}: {kinds}"
    elif dataclasses.is_dataclass(wanted):
        for field in dataclasses.fields(wanted):
            assert_same(getattr(found, field.name), getattr(wanted, field.name), f"{where}.{field.name}")
    elif isinstance(wanted, dict | list | tuple) and not isinstance(wanted, str):
        keys = wanted if isinstance(wanted, dict) else range(len(wanted))
        assert len(found) == len(wanted), where
        for key in keys:
            assert_same(found[key], wanted[key], f"{where}[{key}]")
    elif sparse.issparse(wanted):
        assert_same(pd.DataFrame(found.toarray()), pd.DataFrame(wanted.toarray()), where)
    elif isinstance(wanted, np.ndarray | pd.Index):
        assert list(found) == list(wanted), where
    else:
        assert (found, type(found)) == (wanted, type(wanted)), where


@pytest.fixture(scope="module")
def wanted() -> dict:
    native = in_duckdb(tables())
    return {name: case(native) for name, case in CASES.items()}


def test_every_aggregate_is_among_the_cases():
    functions = {name for name in aggregate.__all__ if callable(getattr(aggregate, name)) and name[0].islower()}
    assert functions - HELPERS == {name.split(",")[0] for name in CASES} & functions


@pytest.mark.parametrize("name", CASES)
def test_polars_gives_what_duckdb_gives(name, wanted):
    assert_same(CASES[name](in_polars(tables())), wanted[name], name)
