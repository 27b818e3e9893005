import math

import pandas as pd
import pytest

from crmlab.credit.tiers import risk_tiers
from crmlab.credit.value_at_risk import risk_adjusted_value, value_by_risk
from crmlab.intervals import Estimate
from tests.test_credit_behaviour import plan, summary
from tests.test_credit_expected_loss import loss, young
from tests.test_credit_tiers import payments

pytestmark = [pytest.mark.filterwarnings("error::RuntimeWarning"), pytest.mark.usefixtures("any_size")]
VALUE = pd.DataFrame(
    {
        "customer_id": ["good", "slow", "once late", "cured", "open", "broken", "new", "unknown", "other"],
        "clv": [10, 20, 30, 40, 50, 90, 60, 70, 80],
    }
)


def test_customers_fall_into_thirds_of_value_and_tiers_of_risk():
    found = value_by_risk(risk_tiers(payments()), VALUE, unit="CNY")
    rows = found.customers.set_index("customer_id")
    assert rows["value_tier"].to_dict() == {
        "good": "Low value", "slow": "Low value", "once late": "Low value", "cured": "Medium value",
        "open": "Medium value", "broken": "High value", "new": "Medium value",
    }  # fmt: skip
    matrix = found.matrix()
    assert matrix.index.tolist() == ["High value", "Medium value", "Low value"]
    assert matrix.loc["Low value"].tolist() == [1, 2, 0, 0, 0]
    assert found.matrix("value").loc["High value", "In default"] == 90
    assert found.matrix("exposure").to_numpy().sum() == found.customers["exposure"].sum() == 900
    assert found.table()["value_share"].sum() == pytest.approx(1)
    assert found.summary() == (
        "High risk or default among customers of high value: 1 of 1, with 30.0% of the lifetime value and CN¥800 of "
        "exposure. 2 customers without a record of payments are left out."
    )


def test_equal_values_stay_together_and_no_value_has_no_share():
    found = value_by_risk(risk_tiers(payments()), VALUE.assign(clv=0.0))
    assert set(found.customers["value_tier"]) == {"Low value"}
    assert found.table()["value_share"].tolist() == [0] * len(found.table())


def test_value_that_is_lost_to_default():
    portfolio = young()
    expected = loss(portfolio)
    value = portfolio[["customer_id"]].assign(clv=100.0)
    total = Estimate(6000.0, 5500.0, 6600.0, "CNY", 60)
    found = risk_adjusted_value(value, total, expected)
    rows = found.customers.set_index("customer_id")
    p = 3.5 / 31
    assert rows.loc["Y0", "risk_adjusted_clv"] == pytest.approx(100 * (1 - p) - p * 0.5 * 1200)
    assert found.deduction.value == pytest.approx((value["clv"].to_numpy() - rows["risk_adjusted_clv"]).sum())
    assert found.total.value == pytest.approx(6000 - found.deduction.value)
    half = math.hypot(500, found.deduction.high - found.deduction.value)
    assert found.total.low == pytest.approx(found.total.value - half)
    assert found.table()["measure"].tolist() == [
        "lifetime value after defaults",
        "taken from lifetime value by defaults",
    ]
    assert found.summary().startswith("After defaults, the lifetime value is ")


def test_a_high_level_takes_more_draws():
    portfolio = young()
    value = portfolio[["customer_id"]].assign(clv=100.0)
    total = Estimate(6000.0, 5000.0, 7000.0, "CNY", 60, confidence_level=0.998)
    with pytest.raises(ValueError, match="`draws` must be at least 999 for a 99.8% interval, got 400"):
        risk_adjusted_value(value, total, loss(portfolio))
    found = risk_adjusted_value(value, total, loss(portfolio), draws=999)
    assert found.deduction.confidence_level == 0.998 and found.deduction.low < found.deduction.high
    again = risk_adjusted_value(value, total, loss(portfolio), draws=999, seed=1).deduction
    assert (again.value, again.low, again.high) != tuple(
        getattr(found.deduction, end) for end in ("value", "low", "high")
    )


def test_customers_without_payments_keep_their_value():
    portfolio = young()
    value = pd.DataFrame({"customer_id": ["stranger", "Y0"], "clv": [50.0, 100.0]})
    found = risk_adjusted_value(value, Estimate(150.0, None, None, "CNY", 2, no_interval="x"), loss(portfolio))
    assert found.unmatched == 1
    assert found.customers["risk_adjusted_clv"].iloc[0] == 50
    assert found.total.low is None
    assert found.deduction.low <= found.deduction.value <= found.deduction.high


def test_without_probabilities_there_is_no_adjustment():
    nothing = loss(summary(plan("A", "2024-10-01", 0, 0, None)))
    found = risk_adjusted_value(VALUE, Estimate(450.0, 400.0, 500.0, "CNY", 9), nothing)
    assert found.total is None and len(found.table()) == 0
    assert found.summary() == (
        "Lifetime value cannot be adjusted for risk: no probability of default can be estimated."
    )


def test_misuse_is_named():
    tiers = risk_tiers(payments())
    with pytest.raises(ValueError, match="missing: clv"):
        value_by_risk(tiers, VALUE.rename(columns={"clv": "worth"}))
    with pytest.raises(ValueError, match="`measure` must be one of customers, value, exposure, got 'risk'"):
        value_by_risk(tiers, VALUE).matrix("risk")
