"""Scenarios of lifetime value, against lifetime value computed anew."""

import time

import numpy as np
import pandas as pd
import pytest

from crmlab.clv import customer_lifetime_value
from crmlab.likelihood import FitError
from crmlab.scenarios import BASE, BETTER, WORSE, Terms, value_scenarios
from tests.test_purchases import fitted, sample
from tests.test_spend import spend

TERMS = {"margin": 0.4, "refund_rate": 0.05, "annual_discount_rate": 0.1, "horizon_months": 18, "draws": 50}


def worth(customers, **terms):
    return customer_lifetime_value(fitted("bg_nbd"), spend(), customers, **(TERMS | terms))


def scenarios(customers=None, **options):
    customers = sample() if customers is None else customers
    return value_scenarios(worth(customers), fitted("bg_nbd"), customers, **options)


def values(found):
    return {name: each.value for name, each in found.cases.set_index("scenario")["value"].items()}


def test_base_is_the_lifetime_value():
    found, base = scenarios(), worth(sample()).total
    assert [found.base.low, found.base.value, found.base.high] == pytest.approx([base.low, base.value, base.high])
    assert values(found)[BASE] == pytest.approx(base.value)


def test_margin_and_discount_are_those_of_a_new_computation():
    """Estimate and interval: what scales the total scales its draws alike."""
    found = scenarios(cases={"both": {"margin": -0.1, "discount_rate": 0.05}}).cases.set_index("scenario")
    anew = worth(sample(), margin=0.3, annual_discount_rate=0.15).total
    moved = found.loc["both", "value"]
    assert [moved.low, moved.value, moved.high] == pytest.approx([anew.low, anew.value, anew.high], rel=2e-3)


def test_retention_and_default_by_hand():
    customers = sample()
    reached = fitted("bg_nbd").conditional_expected_purchases(np.arange(1, 19) * 4.345, customers)
    mean = spend().conditional_mean(customers)
    monthly = np.diff((reached * mean).sum(1), prepend=0.0) * 0.95 * 0.4 * 1.1 ** (-np.arange(1, 19) / 12)
    found = scenarios(cases={"leave": {"retention": -0.1}, "default": {"default_rate": 0.2}})
    retention, years = found.terms.retention, np.arange(1, 19) / 12
    assert retention == pytest.approx(monthly[12] * 1.1 ** (13 / 12) / (monthly[0] * 1.1 ** (1 / 12)))
    told = values(found)
    assert told["leave"] == pytest.approx((monthly * ((retention - 0.1) / retention) ** years).sum())
    assert told["default"] == pytest.approx((monthly * 0.8**years).sum())


def test_singly_and_together():
    found = scenarios(annual_default_rate=0.03)
    told = values(found)
    assert told[WORSE] < min(value for name, value in told.items() if name != WORSE)
    assert told[BETTER] > max(value for name, value in told.items() if name != BETTER)
    assert found.cases["change"][0] == 0 and len(found.cases) == 11
    assert told[BASE] < worth(sample()).total.value
    without = values(scenarios())[BASE]
    assert told["Default rate lower"] == pytest.approx(
        values(scenarios(cases={"x": {"default_rate": 0.01}}))["x"]
    ) and told["Default rate lower"] < without  # fmt: skip


def test_tornado_has_the_widest_first_and_leaves_out_what_moves_nothing():
    rows = scenarios(moves={"retention": 0.01, "margin": 0.2, "discount_rate": 0.0}).tornado
    assert rows["parameter"].tolist() == ["margin", "retention"]
    assert rows["from_term"][0] == pytest.approx(0.2) and rows["to_term"][0] == pytest.approx(0.6)
    assert rows["width"][0] == pytest.approx(rows["to_value"][0] - rows["from_value"][0])


def test_terms_stay_between_0_and_1():
    assert Terms(0.98, 1.0, 0.01, 0.0).moved({"retention": 0.1, "default_rate": -1}) == Terms(1.0, 1.0, 0.01, 0.0)


def test_summary():
    text = scenarios().summary()
    assert text.startswith("Margin matters most: between 37.0% and 43.0%, value goes from $")
    assert "If all terms turned for the worse together, the customers would bring $" in text
    assert "nothing" not in scenarios(moves={}).summary()
    assert "matters most" not in scenarios(moves={}).summary()


def test_one_customer_and_one_month():
    one = sample().head(1)
    value = worth(one, horizon_months=1)
    found = value_scenarios(value, fitted("bg_nbd"), one)
    assert 0 < found.terms.retention <= 1 and np.isfinite(found.cases["change"]).all()


def test_customers_who_bring_nothing():
    gone = pd.DataFrame({"customer_id": [1], "frequency": [200], "recency": [1.0], "T": [1e4], "monetary_value": [5.0]})
    value = worth(gone)
    if value.total.value == 0:
        with pytest.raises(FitError, match="customers who are expected to bring something"):
            value_scenarios(value, fitted("bg_nbd"), gone)
    else:
        assert np.isfinite(value_scenarios(value, fitted("bg_nbd"), gone).cases["change"]).all()


def test_twenty_scenarios_for_as_many_customers_as_cdnow_has_are_quick():
    customers = pd.concat([sample()] * 10, ignore_index=True)
    value = worth(customers, horizon_months=12)
    start = time.process_time()
    found = value_scenarios(
        value, fitted("bg_nbd"), customers, cases={f"case {each}": {"retention": -0.01 * each} for each in range(20)}
    )
    assert len(found.cases) == 31 and time.process_time() - start < 1


def test_all_is_translated(untranslated):
    found = scenarios(cases={"Drought": {"retention": -0.1}})
    assert untranslated(found.summary()) == []
    assert untranslated(" ".join(found.table()["scenario"])) == ["Drought"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"moves": {"price": 0.1}}, "scenarios move retention, margin, discount_rate, default_rate, got 'price'"),
        ({"moves": {"margin": -0.1}}, "`moves` go both ways and are not negative, got -0.1"),
        ({"annual_default_rate": 1}, "`annual_default_rate` must be a share from 0 to less than 1, got 1"),
        ({"cases": {"As expected": {}}}, "`cases` must have names of their own, got 'As expected'"),
    ],
)
def test_says_what_is_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        scenarios(**options)
