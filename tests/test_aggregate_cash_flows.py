"""Cash flows of the programme by scenario, day and category; customers reached by day; the same on every engine."""

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from crmlab.aggregate.cash_flows import crm_cash_flows, customers_reached

FLOWS = pd.DataFrame(
    [
        ("2025-01-05", "cost", "licence", 100.0, "actual"),
        ("2025-01-05", "cost", " licence ", 20.0, " Actual "),
        ("2025-01-20", "cost", "licence", 5.0, None),
        ("2025-02-01", "benefit", "margin", 50.0, ""),
        ("2025-02-01", "benefit", "margin", 70.0, "base"),
        (None, "cost", "licence", 9.0, "actual"),
        ("2025-03-01", "cost", None, 9.0, "actual"),
    ],
    columns=["date", "kind", "category", "amount", "scenario"],
).astype({"date": "datetime64[us]"})
REACHED = pd.DataFrame(
    {
        "customer_id": list("abcde"),
        "treated": [True, True, True, False, True],
        "from_date": pd.to_datetime(["2025-01-01", "2025-03-01", "2025-01-01", None, None]),
    }
)


def on_engines(function, frame, **options):
    with duckdb.connect() as connection:
        found = function(connection.from_df(frame), **options)
    assert_frame_equal(found, function(frame, **options), check_dtype=False)
    return found


def test_adds_up_by_day_and_takes_unnamed_flows_as_actual():
    found = on_engines(crm_cash_flows, FLOWS)
    assert found[["scenario", "category", "amount", "rows"]].to_numpy().tolist() == [
        ["actual", "licence", 120.0, 2],
        ["actual", "licence", 5.0, 1],
        ["actual", "margin", 50.0, 1],
        ["base", "margin", 70.0, 1],
    ]
    assert found["date"].tolist()[:2] == [pd.Timestamp("2025-01-05"), pd.Timestamp("2025-01-20")]


def test_without_scenarios_all_is_actual():
    assert set(crm_cash_flows(FLOWS.drop(columns="scenario"))["scenario"]) == {"actual"}


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["cost", "benefit"]), st.floats(0, 1e6)), max_size=30))
def test_nothing_is_lost(rows):
    frame = pd.DataFrame(rows, columns=["day", "kind", "amount"]).astype({"day": int, "amount": float})
    frame = frame.assign(date=pd.Timestamp("2025-01-30") + pd.to_timedelta(frame["day"], unit="D"), category="x")
    found = crm_cash_flows(frame)
    assert found["amount"].sum() == pytest.approx(frame["amount"].sum(), abs=1e-3)
    assert found["rows"].sum() == len(frame)


def test_customers_reached_by_day():
    found = on_engines(customers_reached, REACHED)
    assert found["customers"].tolist() == [2, 1, 1]
    assert found["from_date"].isna().tolist() == [False, False, True]
    assert found["from_date"][0] == pd.Timestamp("2025-01-01")


def test_reached_on_no_known_day_and_nobody_reached():
    assert customers_reached(REACHED.drop(columns="from_date"))["customers"].tolist() == [4]
    assert customers_reached(REACHED.assign(treated=False)).empty


@pytest.mark.parametrize(
    ("function", "frame", "message"),
    [
        (crm_cash_flows, FLOWS.drop(columns="kind"), "missing: kind"),
        (customers_reached, REACHED.drop(columns="treated"), "missing: treated"),
    ],
)
def test_says_what_is_wrong(function, frame, message):
    with pytest.raises(ValueError, match=message):
        function(frame)
