"""Lifetime value against lifetimes and by hand, and the coverage of its interval."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from crmlab.clv import customer_lifetime_value, expected_lifetime_value, fit_bg_nbd, fit_gamma_gamma
from tests.bench.coverage_clv import TRUTHS, covered, summarise
from tests.test_aggregate_transactions import DATASETS
from tests.test_purchases import fitted, known, sample
from tests.test_spend import spend


def test_weekly_clv_matches_lifetimes_quickstart():
    customers = pd.read_csv(DATASETS / "cdnow_customers_summary_with_transactions.csv")
    customers.columns = ["customer_id", "frequency", "recency", "T", "monetary_value"]
    value = customer_lifetime_value(
        fit_bg_nbd(customers), fit_gamma_gamma(customers), customers, annual_discount_rate=1.01**12 - 1, draws=39
    )
    assert value.customers["clv"][:2].tolist() == pytest.approx([36.278, 4.637], abs=1e-3)


def value_of(customers, **options):
    return customer_lifetime_value(fitted("bg_nbd"), spend(), customers, **{"draws": 100, **options})


def test_undiscounted_value_is_purchases_times_spend():
    customers = sample()
    value = value_of(customers, annual_discount_rate=0.0, margin=0.4, refund_rate=0.1)
    frame = value.customers
    expected = fitted("bg_nbd").conditional_expected_purchases(12 * 4.345, customers)
    assert frame["expected_purchases"].to_numpy() == pytest.approx(expected)
    assert frame["clv"].to_numpy() == pytest.approx(expected * spend().conditional_mean(customers) * 0.4 * 0.9)
    terms = {"annual_discount_rate": 0.0, "margin": 0.4, "refund_rate": 0.1}
    alone = expected_lifetime_value(fitted("bg_nbd"), spend(), customers, **terms)
    pd.testing.assert_frame_equal(alone, frame[list(alone.columns)])
    assert value.total.value == pytest.approx(frame["clv"].sum())
    assert value.mean.value == pytest.approx(frame["clv"].mean())
    assert frame["customer_id"].tolist() == customers["customer_id"].tolist()


def test_one_month_is_discounted_once():
    customers = sample().head(50)
    plain, discounted = (value_of(customers, horizon_months=1, annual_discount_rate=d).total.value for d in (0.0, 0.2))
    assert discounted == pytest.approx(plain / 1.2 ** (1 / 12))


def test_value_does_not_depend_on_the_time_unit():
    customers = sample().head(300)
    daily = customers.assign(recency=customers["recency"] * 7, T=customers["T"] * 7)
    weekly_model = known("bg_nbd")
    daily_model = known("bg_nbd", time_unit="day", **(TRUTHS["bg_nbd"] | {"alpha": 7 * TRUTHS["bg_nbd"]["alpha"]}))
    weekly = customer_lifetime_value(weekly_model, spend(), customers)
    other = customer_lifetime_value(daily_model, spend(), daily)
    assert other.total.value == pytest.approx(weekly.total.value)


def test_margin_and_refunds_scale_estimate_and_interval_alike():
    whole, part = value_of(sample()).total, value_of(sample(), margin=0.5, refund_rate=0.2).total
    assert [part.low, part.value, part.high] == pytest.approx(
        [0.4 * end for end in (whole.low, whole.value, whole.high)]
    )


def test_intervals_are_the_same_for_the_same_seed_and_differ_for_another():
    first, again, other = (value_of(sample(), seed=seed).total for seed in (1, 1, 2))
    assert first == again
    assert first.value == other.value
    assert first.low != other.low


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2300), st.integers(1, 6), st.integers(0, 1000), st.sampled_from([0.5, 0.8, 0.95]))
def test_the_estimate_lies_within_its_interval_however_few_the_customers(start, size, seed, level):
    value = value_of(sample().iloc[start : start + size], seed=seed, confidence_level=level)
    assert 0 <= value.total.low <= value.total.value <= value.total.high
    assert np.isfinite(value.total.high)


def test_value_table_and_summary():
    value = value_of(sample())
    assert value.table()["clv"].is_monotonic_decreasing
    assert len(value.table()) == 2357
    text = value.summary()
    assert text.startswith("Over the next 12 months the 2,357 customers should spend $7")
    assert ", discounted at 10.0% a year" in text
    kept = value_of(sample(), margin=0.3, refund_rate=0.05).summary()
    assert "should bring a margin of $" in kept
    assert ", net of refunds and discounted at 10.0% a year" in kept


@pytest.mark.parametrize("terms", [{}, {"refund_rate": 0.1}, {"margin": 0.3}, {"margin": 0.3, "refund_rate": 0.1}])
def test_all_that_a_value_says_is_translated(terms, untranslated):
    value = value_of(sample().head(50), **terms)
    assert untranslated(" ".join([value.summary(), value.total.label, value.mean.label])) == []


@pytest.mark.parametrize(
    "options, message",
    [
        ({"horizon_months": 0}, "`horizon_months` must be a positive integer, got 0"),
        ({"horizon_months": 1.5}, "`horizon_months` must be a positive integer, got 1.5"),
        ({"annual_discount_rate": -1}, "`annual_discount_rate` must be above -1, got -1"),
        ({"margin": 40}, "`margin` must be a share above 0 and up to 1, got 40"),
        ({"refund_rate": -0.1}, "`refund_rate` must be a share from 0 to 1, got -0.1"),
        ({"draws": 38}, "`draws` must be at least 39 for a 95% interval, got 38"),
        ({"confidence_level": 95}, "`confidence_level` must lie between 0 and 1, got 95"),
    ],
)
def test_wrong_terms_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        value_of(sample().head(5), **options)


def test_no_customers_have_no_value():
    with pytest.raises(ValueError, match="`customers` must hold at least one customer"):
        value_of(sample().head(0))


# Coverage; the full size is in tests/bench/coverage_clv.py


def test_the_total_covers_what_customers_went_on_to_bring():
    draws = 60
    hits = pd.DataFrame([covered("bg_nbd", 400, seed, futures=39) for seed in range(1000, 1000 + draws)]).sum()
    # Fewer would come up once in a thousand times from an interval that covers 95%.
    least = stats.binom(draws, 0.95).ppf(0.001)
    assert hits["total value"] >= least
    assert hits["holdout bias"] >= least
    assert hits["purchases in the first year"] >= least
    assert hits["mean spend"] >= least
    assert hits["holdout mean after 0"] >= least
    assert hits["b"] >= least


def test_the_simulator_counts_what_happened():
    log = pd.DataFrame(
        {
            "customer_id": [0, 0, 0, 1, 1],
            "week": [1.0, 21.0, 40.0, 5.0, 39.0 + 1.5 * 4.345],
            "amount": [9.0, 4, 10, 1, 2],
        }
    )
    base = summarise(log)
    assert base[["frequency", "recency", "T"]].to_numpy().tolist() == [[1, 20, 38], [0, 0, 34]]
    assert base["monetary_value"].tolist() == [4.0, 0.0]
    assert base["frequency_holdout"].tolist() == [1, 1]
    assert base["worth"].tolist() == pytest.approx([10 / 1.1 ** (1 / 12), 2 / 1.1 ** (2 / 12)])


def test_groups_add_up_and_each_has_its_interval():
    customers = sample().head(400)
    names = np.where(customers["frequency"] > 1, "often", "seldom").astype(object)
    names[:10] = None
    value = value_of(customers, groups=pd.Series(names))
    groups = value.groups.set_index("group")
    assert sorted(groups.index) == ["often", "seldom"] and groups["customers"].sum() == 390
    left_out = value.customers["clv"][:10].sum()
    assert sum(each.value for each in groups["clv"]) == pytest.approx(value.total.value - left_out)
    assert groups["clv_share"].sum() == pytest.approx(1 - left_out / value.total.value)
    for each in groups["clv"]:
        assert each.low < each.value < each.high and each.unit == "USD"
    assert value_of(customers).groups.empty


def test_groups_are_one_for_each_customer():
    with pytest.raises(ValueError, match="`groups` must name the group of each of 50 customers, got 2"):
        value_of(sample().head(50), groups=pd.Series(["a", "b"]))


def test_each_customer_has_an_interval_that_holds_the_expected_value():
    frame = value_of(sample()).customers
    assert ((frame["clv_low"] <= frame["clv"]) & (frame["clv"] <= frame["clv_high"])).all()
    idle = frame["p_alive"] < 0.01
    assert idle.any() and (frame.loc[idle, "clv_low"] == 0).all()


def test_intervals_of_customers_and_groups_cover():
    """What 600 customers and their two groups then brought, over 20 worlds made by known laws."""
    law, inside, groups = fitted("bg_nbd"), 0.0, 0
    for world in range(20):
        customers = sample().head(600)
        halves = pd.Series(np.where(np.arange(600) < 300, "a", "b"))
        value = value_of(customers, groups=halves, annual_discount_rate=0.0, draws=200, seed=world)
        future = next(law.simulate_purchases(12 * 4.345, customers, draws=1, seed=1000 + world))
        ((buyers, amounts),) = spend().simulate_amounts(customers, [future], draws=1, seed=2000 + world)
        brought = np.zeros(600)
        brought[buyers] = amounts
        frame = value.customers
        inside += ((frame["clv_low"] <= brought + 1e-6) & (brought <= frame["clv_high"] + 1e-6)).mean() / 20
        for name, each in zip(value.groups["group"], value.groups["clv"], strict=True):
            groups += each.low <= brought[halves == name].sum() <= each.high
    assert 0.94 < inside < 1
    assert groups >= 34, "of 40"
