"""A sample of customers in simulated futures: sums stay exact, and intervals are as wide as those of all customers."""

import numpy as np
import pandas as pd
import pytest

from crmlab import clv, sampling
from crmlab.aggregate import calibration_holdout_summary, customer_summary
from crmlab.holdout import holdout_check
from tests.test_aggregate_transactions import cdnow_sample


def test_a_sample_is_of_different_customers_and_the_same_every_time(monkeypatch):
    assert sampling.sample(5, 0).tolist() == [0, 1, 2, 3, 4]
    monkeypatch.setattr(sampling, "MOST", 50)
    places = sampling.sample(1000, 3)
    assert len(set(places)) == 50 and list(places) == sorted(places) and places.max() < 1000
    assert places.tolist() == sampling.sample(1000, 3).tolist() != sampling.sample(1000, 4).tolist()


@pytest.mark.parametrize("parameters", [0.0, 0.003, 0.05])
def test_the_spread_of_a_sum_is_that_of_all_customers(parameters):
    # each customer brings 1 with a spread of 3; the parameters move all of them together
    rng = np.random.default_rng(1)
    n, whole, futures = 10_000, 1_000_000, 4_000
    common = 1 + parameters * rng.standard_normal(futures)
    parts = (n / 2) * common[:, None] + 3 * np.sqrt(n / 2) * rng.standard_normal((futures, 2))
    found = sampling.of_all(parts.sum(axis=1), parts[:, 0] - parts[:, 1], n, whole, n / whole)
    true = whole * np.sqrt(parameters**2 + 9 / whole)
    assert found.std() == pytest.approx(true, rel=0.3 if parameters < 0.01 else 0.05)
    assert found.mean() == pytest.approx(whole, rel=0.005)


def test_a_sum_of_nobody_in_the_sample_has_no_spread():
    sums = np.array([[0.0, 4.0], [0.0, 6.0]])
    found = sampling.of_all(sums, sums * 0, np.array([0.0, 5.0]), np.array([7.0, 50.0]), np.array([0.0, 0.1]))
    assert found[:, 0].tolist() == [7.0, 7.0] and found[:, 1].tolist() == [40.0, 60.0]


def test_lifetime_value_of_a_sample_is_exact_in_its_sums(monkeypatch):
    summary = customer_summary(cdnow_sample(), until="1998-06-30")
    purchases = clv.fit_bg_nbd(summary, time_unit="week")
    spend = clv.fit_gamma_gamma(summary, currency="USD")
    many = pd.concat([summary] * 4, ignore_index=True)
    many["customer_id"] = np.arange(len(many)).astype(str)
    groups = pd.Series(np.where(many["frequency"] > 0, "again", "once"))
    options = {"groups": groups, "draws": 400, "seed": 2}
    whole = clv.customer_lifetime_value(purchases, spend, many, **options)
    monkeypatch.setattr(sampling, "MOST", 3_000)
    some = clv.customer_lifetime_value(purchases, spend, many, **options)
    assert some.total.value == whole.total.value and some.mean.value == whole.mean.value
    assert some.groups.drop(columns="clv").equals(whole.groups.drop(columns="clv"))
    assert "clv_low" in whole.customers and "clv_low" not in some.customers and not some.outcomes.size
    pairs = [(some.total, whole.total), *zip(some.groups["clv"], whole.groups["clv"], strict=True)]
    for found, wanted in pairs:
        assert found.value == wanted.value
        assert found.high - found.low == pytest.approx(wanted.high - wanted.low, rel=0.3)
        assert (found.low + found.high) / 2 == pytest.approx((wanted.low + wanted.high) / 2, rel=0.05)


def test_a_holdout_check_of_a_sample_is_exact_in_its_sums(monkeypatch):
    split = calibration_holdout_summary(cdnow_sample(), calibration_end="1997-09-30", holdout_end="1998-06-30")
    model = clv.fit_bg_nbd(split, time_unit="week")
    many = pd.concat([split] * 4, ignore_index=True)
    whole = holdout_check(model, many, draws=400)
    monkeypatch.setattr(sampling, "MOST", 3_000)
    some = holdout_check(model, many, draws=400)
    exact = ["frequency", "customers", "actual", "predicted"]
    assert some.table()[exact].equals(whole.table()[exact])
    assert (some.bias.value, some.mae) == (whole.bias.value, whole.mae)
    assert some.bias.high - some.bias.low == pytest.approx(whole.bias.high - whole.bias.low, rel=0.3)
