"""Cost of winning a customer, by hand, against the truth and in coverage."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import crmlab
from crmlab import tables
from crmlab.acquisition import acquisition_cost
from tests.bench.coverage_contribution import coverage

pytestmark = pytest.mark.usefixtures("any_size")

SPEND = pd.DataFrame(
    {
        "date": pd.to_datetime(["2024-01-01", "2024-01-15", "2024-02-01", "2024-02-01"]),
        "channel": ["a", "b", "a", "b"],
        "amount": [100.0, 50, 200, 10],
        "new_customers": [4, 1, 6, 0],
    }
)


def test_hand_case():
    found = acquisition_cost(SPEND, unit="USD")
    assert found.channels["group"].tolist() == ["a", "b"]
    assert [cac.value for cac in found.channels["cac"]] == [30, 60]
    assert [cac.value for cac in found.months["cac"]] == [30, 35]
    assert (found.total.value, found.total.n) == (360 / 11, 11)
    low, high = 300 / (stats.chi2.ppf(0.975, 22) / 2), 300 / (stats.chi2.ppf(0.025, 20) / 2)
    assert [found.channels["cac"][0].low, found.channels["cac"][0].high] == pytest.approx([low, high])


def long(channels=("a",), months=24, cost=(30.0,)):
    rng = np.random.default_rng(5)
    rows = [
        pd.DataFrame({"date": pd.date_range("2022-01-01", periods=months, freq="MS"), "channel": name})
        .assign(new_customers=rng.poisson(5, months) + 1)
        .assign(amount=lambda frame, each=each: frame["new_customers"] * each * rng.uniform(0.9, 1.1, months))
        for name, each in zip(channels, cost, strict=True)
    ]
    return pd.concat(rows, ignore_index=True)


def test_ten_months_and_more_are_a_sample_of_their_own():
    few, many = (acquisition_cost(long(months=months)).total for months in (9, 24))
    assert (few.high - few.low) / few.value > 0.3 > 0.1 > (many.high - many.low) / many.value
    assert many.n == long()["new_customers"].sum()


def test_summary_names_the_dearest_and_the_cheapest():
    text = acquisition_cost(long(("x", "y"), cost=(30.0, 90.0)), unit="USD").summary()
    assert text.startswith("Winning a customer cost $") and "y is the dearest channel: $" in text
    same = acquisition_cost(long(("x", "y"), cost=(30.0, 30.0)), unit="USD").summary()
    assert "Between channels, no difference can be told." in same


@pytest.mark.parametrize(
    ("spend", "reason"),
    [
        (SPEND.drop(columns="new_customers"), "the data do not say how many customers were won"),
        (SPEND.head(0), "the data do not say how many customers were won"),
        (SPEND.assign(new_customers=0), "no customer was won with the spend"),
        (SPEND.assign(amount=0.0), "nothing was spent"),
    ],
)
def test_no_cost_can_be_told(spend, reason):
    found = acquisition_cost(spend)
    assert found.total is None and reason in found.summary()
    assert "nan" not in str(tables.table(found.table(), title="t", formats=found.formats).content).lower()


def test_rows_that_do_not_say_whom_they_won_are_left_out():
    found = acquisition_cost(SPEND.assign(new_customers=[4, None, 6, None], channel=["a", None, None, "b"]))
    assert (found.left_out, found.total.value) == (2, 30)
    assert found.channels["group"].tolist() == ["a", "Not known"]
    assert "2 rows of spend do not say how many customers they won, and are left out." in found.summary()


def test_all_is_translated(untranslated):
    assert untranslated(acquisition_cost(SPEND).summary()) == []


def test_says_what_is_wrong():
    with pytest.raises(ValueError, match="`spend` must have the columns date and amount; missing: amount"):
        acquisition_cost(SPEND[["date"]])


def test_intervals_cover():
    found = coverage("acquisition", draws=100)
    assert (found > 0.88).all() and found.mean() == pytest.approx(0.95, abs=0.035)


def test_xinglin_s_channels_cost_what_the_truth_says(example):
    spend = crmlab.open("xinglin").table("acquisition_spend").collect().to_pandas()
    truth = json.loads((example / "data/xinglin/truth.json").read_text(encoding="utf-8"))["acquisition"]
    found = acquisition_cost(spend, unit="CNY").channels.set_index("group")["cac"]
    assert set(found.index) == set(truth["cost_per_customer"])
    for channel, cost in truth["cost_per_customer"].items():
        assert found[channel].low <= cost <= found[channel].high
