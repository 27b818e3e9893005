"""The bridge from one period to the next."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.revenue_bridge import STEPS, revenue_bridge
from tests.bench.coverage_contribution import coverage

CUSTOMERS = pd.DataFrame(
    [
        ("a", 0.0, 0, 30.0, 2, "2024-05-01"),
        ("b", 0.0, 0, 20.0, 1, "2020-05-01"),
        ("c", 50.0, 1, 70.0, 2, "2021-05-01"),
        ("d", 90.0, 3, 40.0, 2, "2021-05-01"),
        ("e", 60.0, 1, -5.0, 0, "2021-05-01"),
        ("f", 0.0, 0, -3.0, 0, "2021-05-01"),
    ],
    columns=["customer_id", "revenue_before", "purchases_before", "revenue", "purchases", "first_date"],
)


def periods(customers=CUSTOMERS, comparable=True):
    customers = customers.assign(first_date=pd.to_datetime(customers["first_date"]))
    return SimpleNamespace(
        customers=customers, before=(date(2023, 1, 1), date(2023, 12, 31)), months=12, comparable=comparable
    )


def test_hand_case():
    found = revenue_bridge(periods(), unit="USD")
    assert found.steps["step"].tolist() == list(STEPS)
    assert found.steps["amount"].tolist() == [30, 20, 20, -50, -65, -3]
    assert found.steps["customers"].tolist() == [1] * 6
    assert (found.before, found.now) == (200, 152)
    assert found.growth.value == pytest.approx(-0.24)
    assert found.kept.value == pytest.approx(105 / 200)
    assert found.customers["change"].sum() == -48


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(*[st.integers(-(10**9), 10**9)] * 2, *[st.integers(0, 2)] * 2), min_size=1, max_size=20))
def test_steps_add_up(rows):
    frame = pd.DataFrame(rows, columns=["revenue_before", "revenue", "purchases_before", "purchases"]) / 1
    frame = frame.assign(customer_id=range(len(frame)), first_date="2023-06-01")
    found = revenue_bridge(periods(frame))
    assert found.before + found.steps["amount"].sum() == found.now
    assert found.steps["customers"].sum() == len(frame)
    assert ("nan" in found.summary()) is False


def many(change):
    rng = np.random.default_rng(3)
    amount = rng.gamma(2, 50, 80)
    frame = pd.DataFrame({"customer_id": range(80), "revenue_before": amount, "purchases_before": 1, "purchases": 1})
    return frame.assign(revenue=amount * (change + rng.normal(0, 0.2, 80)), first_date="2020-01-01")


@pytest.mark.parametrize(
    ("change", "words"),
    [(1.3, "Revenue rose: 3"), (0.7, "Revenue fell: −"), (1.0, "Whether revenue changed cannot be")],
)
def test_summary(change, words):
    text = revenue_bridge(periods(many(change)), unit="USD").summary()
    assert words in text and "Those who had bought in the period before brought" in text


def test_margin_is_told_by_its_name():
    frame = many(1.3).rename(columns={"revenue": "margin", "revenue_before": "margin_before"})
    assert revenue_bridge(periods(frame), measure="margin").summary().startswith("Net profit (margin) rose: ")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (periods(comparable=False), "the data do not reach back over the whole of the period before"),
        (periods(CUSTOMERS.assign(revenue_before=0.0)), "nothing was earned in the period before"),
        (periods(CUSTOMERS.head(0), comparable=False), "the data do not reach back"),
    ],
)
def test_periods_that_cannot_be_compared(given, reason):
    found = revenue_bridge(given)
    assert found.growth is None and reason in found.summary()
    assert not found.steps["share"].notna().any()


def test_few_customers_have_no_interval():
    found = revenue_bridge(periods())
    assert found.growth.low is None and found.growth.no_interval == "fewer than 10 observations"


def test_all_is_translated(untranslated):
    found = revenue_bridge(periods(many(0.7)))
    assert untranslated(found.summary()) == untranslated(" ".join(found.table()["step"])) == []


def test_intervals_cover():
    found = coverage("bridge", draws=60)
    assert (found > 0.83).all() and found.mean() == pytest.approx(0.95, abs=0.035)


def test_says_what_is_wrong():
    with pytest.raises(ValueError, match="`measure` must be among revenue, margin, got 'profit'"):
        revenue_bridge(periods(), measure="profit")
    with pytest.raises(ValueError, match="missing: margin_before, margin"):
        revenue_bridge(periods(), measure="margin")


def test_what_is_published():
    found = revenue_bridge(periods(), unit="CNY").metrics()
    won = int((revenue_bridge(periods()).customers["step"] == "Won").sum())
    assert found["revenue_growth"].unit == "share"
    new = found["new_customers_per_month"]
    assert (new.value, new.n, new.unit) == (won / 12, won, "customers") and new.low < new.value < new.high
    assert new.label == "new customers per month, over the last 12 months"
    assert revenue_bridge(periods(comparable=False)).metrics() == {}
