"""What a new customer brings against what winning one costs."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab.acquisition import acquisition_cost
from crmlab.deductions import margin_share, refund_rate
from crmlab.intervals import Estimate, from_standard_error
from crmlab.payback import _crossing, payback, payback_by_channel
from tests.bench.coverage_contribution import coverage
from tests.test_purchases import fitted, sample
from tests.test_spend import spend

MARGIN = Estimate(0.4, None, None, "share", 1, no_interval="stated")


def cost(value, width=0.05):
    return from_standard_error(value, width * value, unit="USD", n=100, label="cost of winning a customer")


def result(value=30.0, **options):
    return payback(cost(value), fitted("bg_nbd"), spend(), **{"margin": MARGIN, "draws": 50, **options})


def test_value_is_the_first_purchase_and_those_expected_after_it():
    found = result(annual_discount_rate=0.0, refund_rate=0.1, horizon_months=12)
    model = fitted("bg_nbd")
    expected = 0.4 * 0.9 * spend().mean_spend.value * (1 + float(model.expected_purchases(12 * 4.345)))
    assert found.value.value == pytest.approx(expected)
    assert found.clv_to_cac.value == pytest.approx(expected / 30)
    assert found.curve["value"][0] == pytest.approx(0.36 * spend().mean_spend.value)


def test_discounting_makes_it_less_and_a_margin_scales_it():
    plain = result(annual_discount_rate=0.0).value.value
    assert result().value.value < plain
    double = result(annual_discount_rate=0.0, margin=replace(MARGIN, value=0.8)).value.value
    assert double == pytest.approx(2 * plain)


def test_months_until_the_curve_reaches_the_cost():
    curve = np.array([1.0, 2.0, 4.0])
    assert [_crossing(curve, each) for each in (0.5, 1.0, 1.5, 3.0, 4.0)] == [0, 0, 0.5, 1.5, 2.0]
    assert _crossing(curve, 5.0) == float("inf")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (5.0, "The first purchase pays the cost back."),
        (20.0, "a new customer brings 2.45 times what winning one costs"),
        (48.0, "a new customer may or may not pay"),
        (500.0, "a new customer does not pay: 0.10 times the cost"),
        (500.0, "The cost is not paid back within 120 months."),
    ],
)
def test_summary(value, words):
    assert words in result(value).summary()


def test_a_cost_hardly_ever_paid_back_has_no_interval():
    reached = result().curve["value"].iloc[-1]
    found = result(0.99 * reached)
    assert found.months.value < 120 and found.months.low is None and "in all of the draws" in found.months.no_interval
    assert result(2 * reached).months is None
    assert len(result(2 * reached).table()) == 3


def test_an_exact_cost_and_margin_leave_the_models_uncertainty():
    exact = replace(cost(30.0), low=None, high=None, no_interval="stated")
    found = payback(exact, fitted("bg_nbd"), spend(), margin=MARGIN, draws=50)
    assert found.clv_to_cac.low * 30 == pytest.approx(found.value.low)


def test_all_is_translated(untranslated):
    assert untranslated(result().summary()) == []


def test_channels_of_few_customers_have_no_value_of_their_own():
    customers = sample()
    profiles = pd.DataFrame({"customer_id": customers["customer_id"], "channel": "a"})
    profiles.loc[:49, "channel"] = "b"
    bills = pd.DataFrame({"date": "2024-01-01", "channel": list("ab"), "amount": [90.0, 60], "new_customers": [9, 6]})
    found = payback_by_channel(
        acquisition_cost(bills), customers, profiles, fitted("bg_nbd"), spend(), margin=MARGIN, draws=50
    ).set_index("group")
    assert found.loc["b", "value"] is None and found.loc["b", "cac"].value == 10
    assert found.loc["a", "clv_to_cac"].value == pytest.approx(found.loc["a", "value"].value / 10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: result(horizon_months=0), "`horizon_months` must be a whole number from 1 to 120, got 0"),
        (lambda: payback(None, None, None, margin=MARGIN), "the cost of winning a customer cannot be told, or is zero"),
    ],
)
def test_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_intervals_cover():
    found = coverage("new_customers", draws=20)
    assert (found >= 0.8).all()


def test_value_of_a_new_customer_of_xinglin(example):
    """By the truth's own parameters, at the margin and refunds that the data have."""
    from crmlab.clv import fit_bg_nbd, fit_gamma_gamma
    from crmlab.purchases import PurchaseModel

    client = crmlab.open("xinglin")
    truth = json.loads((example / "data/xinglin/truth.json").read_text(encoding="utf-8"))
    customers = client.customer_summary()
    margin, refunds = margin_share(customers), refund_rate(customers).value
    spent = acquisition_cost(client.table("acquisition_spend").collect().to_pandas(), unit="CNY")
    found = payback(
        spent.total, fit_bg_nbd(customers), fit_gamma_gamma(customers, currency="CNY"), margin=margin,
        refund_rate=refunds, draws=100,
    )  # fmt: skip
    own = {name: truth["purchases"][name] for name in ("r", "alpha", "a", "b")}
    months = np.arange(37)
    bought = PurchaseModel("bg_nbd", own, {}, np.eye(4), 0.0, 1, "week").expected_purchases(months * 4.345)
    p, q, v = (truth["spend"][name] for name in "pqv")
    weights = np.diff(bought, prepend=-1.0) * 1.1 ** (-months / 12)
    expected = margin.value * (1 - refunds) * p * v / (q - 1) * weights.sum()
    assert found.value.low <= expected <= found.value.high
