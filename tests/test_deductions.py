"""Refunds and margin, against hand-computed cases and simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from crmlab import deductions


def test_refund_rate_hand_case():
    # Gross 100, 50, 50; refunds 10, 0, 10: residuals 0, -5, 5, variance of the ratio 50 / 6 / (200 / 3)^2.
    customers = pd.DataFrame({"revenue": [90.0, 50, 40], "refunds": [10.0, 0, 10]})
    estimate = deductions.refund_rate(customers)
    assert estimate.value == pytest.approx(0.1)
    error, odds, z = np.sqrt(50 / 6) / (200 / 3), np.log(1 / 9), stats.norm.ppf(0.975)
    ends = special.expit([odds - z * error / 0.09, odds + z * error / 0.09])
    assert [estimate.low, estimate.high] == pytest.approx(ends)


@pytest.mark.parametrize(
    ("revenue", "refunds", "reason"), [([5.0, 6], [0.0, 0], "no refund in the data"), ([4.0], [1.0], "one customer")]
)
def test_refund_rate_without_an_interval(revenue, refunds, reason):
    estimate = deductions.refund_rate(pd.DataFrame({"revenue": revenue, "refunds": refunds}))
    assert estimate.low is None and estimate.no_interval == reason


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"revenue": [1.0]}, "`customers` must have the columns revenue, refunds; missing: refunds"),
        ({"revenue": [], "refunds": []}, "nobody bought for more than nothing"),
        ({"revenue": [None], "refunds": [1.0]}, "no empty values, got some in revenue"),
        ({"revenue": [1.0], "refunds": [-2.0]}, "`refunds` must not be negative, got -2.0"),
        ({"revenue": [-2.0], "refunds": [2.0]}, "nobody bought for more than nothing"),
    ],
)
def test_refund_rate_says_what_is_wrong(columns, message):
    with pytest.raises(ValueError, match=message):
        deductions.refund_rate(pd.DataFrame(columns))


def test_interval_of_refund_rate_covers_the_truth():
    rng = np.random.default_rng(7)
    hits, draws = 0, 1_000
    for _ in range(draws):
        gross = rng.gamma(1, 100, 500)
        # Three in ten customers return a third of what they buy on average: the true rate is 10%.
        refunds = gross * (rng.random(500) < 0.3) * rng.beta(1, 2, 500)
        estimate = deductions.refund_rate(pd.DataFrame({"revenue": gross - refunds, "refunds": refunds}))
        hits += estimate.low <= 0.1 <= estimate.high
    assert 0.93 <= hits / draws <= 0.97


def test_refund_summary_has_its_interval_and_knows_none():
    customers = pd.DataFrame({"revenue": [90.0, 100.0, 60.0], "refunds": [10.0, 0.0, 5.0]})
    assert deductions.refund_summary(deductions.refund_rate(customers)).startswith(
        "Refunds took back 5.7% (95% interval "
    )
    assert deductions.refund_summary(deductions.refund_rate(customers.assign(refunds=0.0))) == "There are no refunds."


def test_margin_share_is_the_one_given_else_the_datas_else_all():
    customers = pd.DataFrame({"revenue": [100.0, 300.0, 50.0], "margin": [20.0, 100.0, 15.0]})
    found = deductions.margin_share(customers)
    assert found.value == pytest.approx(0.3)
    # ratio estimator by hand: residuals -10, 10, 0 over a mean of 150
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(200 / 6) / 150, rel=0.05)
    assert deductions.margin_summary(found).startswith("Of revenue, 30.0% (95% interval ")
    given = deductions.margin_share(customers, 0.25)
    assert (given.value, given.low) == (0.25, None)
    assert (
        deductions.margin_summary(given) == "Lifetime value counts 25.0% of spend as margin, stated in the parameters."
    )
    none = deductions.margin_share(customers.drop(columns="margin"))
    assert none.value == 1
    assert deductions.margin_summary(none) == "Lifetime value is what customers spend, before any cost."


def test_all_that_is_said_of_refunds_and_margin_is_translated(untranslated):
    customers = pd.DataFrame({"revenue": [90.0, 100.0], "refunds": [10.0, 0.0], "margin": [20.0, 30.0]})
    refunds = [deductions.refund_rate(frame) for frame in (customers, customers.assign(refunds=0.0))]
    bare = customers.drop(columns="margin")
    margins = [deductions.margin_share(customers), deductions.margin_share(bare), deductions.margin_share(bare, 0.3)]
    said = [deductions.refund_summary(each) for each in refunds] + [deductions.margin_summary(each) for each in margins]
    assert untranslated(" ".join([*said, *(each.label for each in refunds + margins)])) == []


def test_a_margin_that_is_no_share_of_revenue_is_refused():
    with pytest.raises(ValueError, match="`margin` must add up to a share of revenue above 0 and up to 1, got 1.5"):
        deductions.margin_share(pd.DataFrame({"revenue": [100.0, 100.0], "margin": [200.0, 100.0]}))


@pytest.mark.parametrize("given", [-0.1, 1.7, float("nan")])
def test_a_given_margin_is_a_share(given):
    with pytest.raises(ValueError, match=f"`given` must be a share from 0 to 1, got {given}"):
        deductions.margin_share(pd.DataFrame({"revenue": [100.0]}), given)


@pytest.mark.parametrize("given", [0, 0.3, 1, None])
def test_a_margin_without_an_interval_keeps_the_level(given):
    found = deductions.margin_share(pd.DataFrame({"revenue": [100.0, 50.0]}), given, confidence_level=0.9)
    assert (found.low, found.confidence_level) == (None, 0.9)
