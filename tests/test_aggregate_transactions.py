"""Aggregates: against a plain reference, across engines, and against the published summary of CDNOW."""

import importlib.util
import itertools
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from crmlab.aggregate import (
    DAYS,
    calibration_holdout_summary,
    customer_summary,
    refund_only_customers,
)

DATASETS = Path(importlib.util.find_spec("lifetimes").submodule_search_locations[0]) / "datasets"
UNTIL = date(2024, 2, 10)


def cdnow_sample() -> pd.DataFrame:
    names = ["master_id", "customer_id", "date", "units", "amount"]
    log = pd.read_csv(DATASETS / "CDNOW_sample.txt", sep=r"\s+", names=names, dtype={"customer_id": str, "date": str})
    return log.assign(date=pd.to_datetime(log["date"]))


def cdnow_master() -> pd.DataFrame:
    names = ["customer_id", "date", "units", "amount"]
    text = {"customer_id": str, "date": str}
    log = pd.read_csv(DATASETS / "CDNOW_master.txt", sep=r"\s+", skiprows=1, names=names, dtype=text)
    return log.assign(date=pd.to_datetime(log["date"]))


def rows(*entries) -> pd.DataFrame:
    frame = pd.DataFrame(entries, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"], format="ISO8601"))


def in_duckdb(frame: pd.DataFrame, kind: str = "timestamp"):
    connection = duckdb.connect()
    connection.register("log", frame)
    return connection.sql(f"select * replace (date::{kind} as date) from log")


def reference(log: pd.DataFrame, until: date, days_per_unit: float) -> list[dict]:
    """The definition, spelled out row by row."""
    summary = []
    entries = [row for row in log.itertuples() if row.date.date() <= until]
    for customer, group in itertools.groupby(sorted(entries, key=lambda r: r.customer_id), lambda r: r.customer_id):
        group = list(group)
        days = {}
        for row in group:
            if row.amount >= 0:
                days[row.date.date()] = days.get(row.date.date(), 0.0) + row.amount
        if not days:
            continue
        first, last = min(days), max(days)
        repeats = [amount for day, amount in days.items() if day > first]
        summary.append(
            {
                "customer_id": customer,
                "frequency": len(repeats),
                "recency": (last - first).days / days_per_unit,
                "T": (until - first).days / days_per_unit,
                "monetary_value": sum(repeats) / len(repeats) if repeats else 0.0,
                "purchases": sum(row.amount >= 0 for row in group),
                "revenue": sum(row.amount for row in group),
                "refunds": sum(-row.amount for row in group if row.amount < 0),
                "first_date": pd.Timestamp(first),
                "last_date": pd.Timestamp(last),
                "margin": sum(row.margin for row in group),
            }
        )
    return summary


logs = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 50 * 24).map(lambda hours: datetime(2024, 1, 1) + timedelta(hours=hours)),
        st.sampled_from([-20.5, -0.01, 0.0, 0.1, 0.2, 19.99, 1000.0]),
    ),
    min_size=1,
    max_size=25,
).map(lambda entries: rows(*entries).assign(margin=lambda frame: frame["amount"] / 4))


@settings(max_examples=30, deadline=None)
@given(logs, st.sampled_from(list(DAYS)))
def test_every_engine_gives_the_definition(log, time_unit):
    want = reference(log, UNTIL, DAYS[time_unit])
    results = [customer_summary(source, until=UNTIL, time_unit=time_unit) for source in (log, in_duckdb(log))]
    assert_frame_equal(*results, check_dtype=False, check_exact=True)
    assert len(results[0]) == len(want)
    if want:
        assert_frame_equal(results[0], pd.DataFrame(want), check_dtype=False, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(logs, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(log, random):
    order = list(range(len(log)))
    random.shuffle(order)
    assert_frame_equal(
        customer_summary(log, until=UNTIL), customer_summary(log.iloc[order], until=UNTIL), check_exact=True
    )


@settings(max_examples=15, deadline=None)
@given(logs)
def test_calibration_and_holdout_add_up_to_the_whole(log):
    split = calibration_holdout_summary(log, calibration_end="2024-01-20", holdout_end=UNTIL)
    whole = customer_summary(log, until=UNTIL).set_index("customer_id").loc[split["customer_id"]]
    assert (split["frequency"] + split["frequency_holdout"]).tolist() == whole["frequency"].tolist()
    before = customer_summary(log, until="2024-01-20")
    assert_frame_equal(split[before.columns], before)


def test_purchases_on_one_day_are_one_purchase():
    log = rows(
        ("a", "2024-01-01 09:00", 10), ("a", "2024-01-01 23:59", 5), ("a", "2024-01-08", 4), ("a", "2024-01-08", 2)
    )
    found = customer_summary(log, until="2024-01-15").iloc[0]
    assert found[["frequency", "recency", "T", "monetary_value", "purchases"]].tolist() == [1, 1.0, 2.0, 6.0, 4]


def test_a_free_item_is_a_purchase_and_a_refund_is_none():
    log = rows(("a", "2024-01-01", 10), ("a", "2024-01-08", 0), ("a", "2024-01-10", -3))
    found = customer_summary(log, until="2024-01-15").iloc[0]
    assert found[["frequency", "recency", "monetary_value", "revenue", "refunds"]].tolist() == [1, 1.0, 0.0, 7.0, 3.0]


def test_the_last_day_counts_to_its_end():
    log = rows(("a", "2024-01-01", 10), ("a", "2024-01-15 23:59:59", 5), ("a", "2024-01-16", 5))
    assert customer_summary(log, until="2024-01-15")["frequency"].tolist() == [1]


@pytest.mark.parametrize("source", [lambda log: log, in_duckdb])
def test_customers_with_refunds_only_are_counted_and_left_out(source):
    log = rows(("a", "2024-01-01", 10), ("b", "2024-01-01", -1), ("c", "2024-01-02", -1), ("c", "2024-02-02", 1))
    assert customer_summary(source(log), until="2024-01-15")["customer_id"].tolist() == ["a"]
    assert refund_only_customers(source(log), until="2024-01-15") == 2


def test_margin_is_amount_less_cost_where_only_cost_is_known():
    log = rows(("a", "2024-01-01", 10.0), ("a", "2024-01-02", -4.0)).assign(cost=[6.0, -2.0])
    assert customer_summary(log, until="2024-01-15")["margin"].tolist() == [2.0]
    assert "margin" not in customer_summary(log.drop(columns="cost"), until="2024-01-15")


def test_nobody_has_bought_yet():
    found = customer_summary(rows(("a", "2024-01-01", 10)), until="2023-12-31")
    assert found.empty
    assert list(found.columns)[:4] == ["customer_id", "frequency", "recency", "T"]


def test_cdnow_sample_matches_fader_hardie_lee_2005():
    log = cdnow_sample()
    found = calibration_holdout_summary(log, calibration_end="1997-09-30", holdout_end="1998-06-30")
    assert len(found) == 2357
    assert (found["frequency"] > 0).sum() == 946
    assert found["frequency"].sum() == 2457
    assert found["T"].min() == 27.0
    assert found["T"].max() == pytest.approx(38.857, abs=5e-4)
    assert found["T_holdout"].unique().tolist() == [39.0]
    assert found["frequency_holdout"].sum() == 1882
    means = found.groupby(found["frequency"].clip(upper=7))["frequency_holdout"].mean()
    assert means.tolist() == pytest.approx([0.2367, 0.697, 1.3925, 1.560, 2.5323, 2.9474, 3.8621, 6.3594], abs=5e-5)


def test_cdnow_master_totals():
    log = cdnow_master()
    assert len(log) == 69_659
    found = customer_summary(in_duckdb(log, "date"), until="1998-06-30")
    assert len(found) == 23_570
    assert found["purchases"].sum() == 69_659
    assert found["revenue"].sum() == pytest.approx(2_500_315.63, abs=0.005)
    assert_frame_equal(found, customer_summary(log, until="1998-06-30"), check_dtype=False, check_exact=True)


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda log: customer_summary(log, until="2024-01-01", time_unit="year"),
            "`time_unit` must be one of day, week",
        ),
        (lambda log: customer_summary(log, until="NaT"), "`until` must be a date, got 'NaT'"),
        (lambda log: customer_summary(log[["date"]], until="2024-01-01"), "amount; missing: customer_id, amount"),
        (
            lambda log: calibration_holdout_summary(log, calibration_end="2024-01-02", holdout_end="2024-01-02"),
            "`holdout_end` must come after `calibration_end` 2024-01-02, got 2024-01-02",
        ),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(rows(("a", "2024-01-01", 10)))


def test_the_log_is_not_changed():
    log = rows(("b", "2024-01-05 10:00", 10), ("a", "2024-01-01", -1))
    before = log.copy()
    customer_summary(log, until="2024-02-01")
    assert_frame_equal(log, before)
