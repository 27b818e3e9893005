"""What retention is worth: published residual lifetimes, hand-computed contracts, intervals that cover."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab import tables
from crmlab.absence import FitError
from crmlab.churn.bdw import fit_bdw, log_survival
from crmlab.churn.staying import contract_values, factor_for, hazard_of, lasting
from crmlab.churn.worth import contract_retention_worth, purchase_retention_worth
from crmlab.intervals import Estimate, wilson
from tests.bench.coverage_warning import ConstantRetention

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

HALF = ConstantRetention(wilson(50, 100))
ONE = pd.DataFrame({"customer_id": ["A"], "tenure_months": [1], "value": [1200.0]})


class Law:
    """A model whose parameters are known."""

    def __init__(self, *params):
        self.params = params

    def survival(self, periods):
        return np.exp(log_survival(self.params, periods))

    def draw_survival(self, periods, *, draws, seed):
        return np.array([self.survival(periods)] * draws)


@pytest.mark.parametrize(("age", "published"), [(1, 3.31), (2, 3.45), (3, 3.59), (4, 3.72), (5, 3.84)])
def test_residual_lifetime_is_close_to_fader_and_hardie_2010_table_3(age, published):
    """DERL at alpha 3.80, beta 15.20, d .1 counts the next renewal undiscounted; here it is paid a period later."""
    customers = pd.DataFrame({"customer_id": ["A"], "tenure_months": [age], "value": [1.0]})
    worth = contract_values(
        customers, Law(3.80, 15.20), value_months=1, annual_discount_rate=1.1**12 - 1, horizon_months=None
    )
    assert 1.1 * worth["clv"].iloc[0] == pytest.approx(published, abs=0.006)


def test_a_contract_of_constant_retention_by_hand():
    worth = contract_values(ONE, HALF, horizon_months=12, annual_discount_rate=0.1, margin=0.5)
    months = np.arange(1, 13)
    assert worth["clv"].iloc[0] == pytest.approx((50 * (0.5 / 1.1) ** (months / 12)).sum())


def test_who_has_stayed_longer_is_worth_more_where_retention_rises_with_age():
    customers = pd.DataFrame({"customer_id": list("ABC"), "tenure_months": [1, 30, 12], "value": [100.0, 100, np.nan]})
    found = contract_values(customers, Law(0.7, 1.2))
    assert found["clv"].iloc[1] > found["clv"].iloc[0] > 0
    assert np.isnan(found["clv"].iloc[2])
    assert found["customer_id"].tolist() == list("ABC")


def test_contracts_that_end_by_the_year_are_paid_for_until_then():
    """Half leave at the end of each year: all of the first year is paid, and half of the second."""
    found = contract_values(ONE, Law(1e6, 1e6), horizon_months=23, annual_discount_rate=0.0, period_months=12)
    assert found["clv"].iloc[0] == pytest.approx(100 * (11 + 0.5 * 12), rel=1e-4)
    worth = contract_retention_worth(ONE, Law(1e6, 1e6), currency="EUR", draws=40, period_months=12)
    assert worth.retention.value == pytest.approx(0.5, abs=1e-4)


def test_a_point_of_constant_retention_by_hand():
    """Half stay a year; what 51% would bring over two years without discount, less what half bring."""
    worth = contract_retention_worth(ONE, HALF, currency="EUR", horizon_months=24, annual_discount_rate=0.0)
    months = np.arange(1, 25) / 12
    value = [100 * (share**months).sum() for share in (0.5, 0.51)]
    assert worth.retention.value == pytest.approx(0.5)
    assert worth.total.value == pytest.approx(value[0])
    # chances to leave are scaled, so that every month has the same share of those who stay
    assert worth.per_point.value == pytest.approx(value[1] - value[0])


def test_the_curve_rises_with_points_and_is_nought_at_none():
    rows = contract_retention_worth(ONE, HALF, currency="EUR").table().set_index("points")
    assert rows.index.tolist() == [-5, -3, -1, 0, 1, 3, 5]
    assert rows["value"].is_monotonic_increasing
    assert rows.loc[0, "change"] is None
    assert rows.loc[3, "retention"] == pytest.approx(0.53)
    assert rows.loc[-1, "change"].value < 0 < rows.loc[1, "change"].value
    shown = tables.of(contract_retention_worth(ONE, HALF, currency="EUR"), title="Worth", currency="EUR").content
    assert shown["columns"][-1]["label"].startswith("Change of value")


def test_points_beyond_certainty_are_left_out():
    sure = ConstantRetention(wilson(970, 1000))
    rows = contract_retention_worth(ONE, sure, currency="EUR").table()
    assert rows["points"].tolist() == [-5, -3, -1, 0, 1]


def test_the_interval_follows_the_model_s_uncertainty():
    few, many = (
        contract_retention_worth(ONE, ConstantRetention(wilson(n // 2, n)), currency="EUR") for n in (40, 4000)
    )
    for name in ("retention", "total", "per_point"):
        narrow, wide = getattr(many, name), getattr(few, name)
        assert wide.high - wide.low > 5 * (narrow.high - narrow.low)


def test_the_summary_says_retention_gain_and_share():
    found = contract_retention_worth(ONE, HALF, currency="EUR")
    said = found.summary()
    assert said.startswith("Of today’s customers, 50.0% (95% interval")
    assert "One point more would be worth €" in said and "that the customers are worth." in said
    assert found.metrics() == {"value_per_retention_point": found.per_point}


def test_contracts_that_cannot_tell():
    with pytest.raises(FitError, match="needs running contracts with a value, there are none"):
        contract_retention_worth(ONE.assign(value=np.nan), HALF)
    with pytest.raises(FitError, match="needs running contracts with a value, there are none"):
        contract_retention_worth(ONE.drop(columns="value"), HALF)
    with pytest.raises(FitError, match="some are expected to leave and some to stay"):
        contract_retention_worth(ONE, ConstantRetention(Estimate(1.0, 0.9, 1.0, "share", 9)))
    with pytest.raises(FitError, match="the contracts have no column value"):
        contract_values(ONE.drop(columns="value"), HALF)
    with pytest.raises(FitError, match="needs contracts that run, there are none"):
        contract_values(ONE.head(0), HALF)


def test_misuse_is_told():
    with pytest.raises(ValueError, match="must have customer_id and tenure_months; missing: tenure_months"):
        contract_values(ONE.drop(columns="tenure_months"), HALF)
    with pytest.raises(ValueError, match="`margin` must be a share above 0 and up to 1, got 0"):
        contract_values(ONE, HALF, margin=0)
    with pytest.raises(ValueError, match="`annual_discount_rate` must be above 0 without a horizon, got 0"):
        contract_values(ONE, HALF, annual_discount_rate=0, horizon_months=None)
    with pytest.raises(ValueError, match="`annual_discount_rate` must be above -1, got -1"):
        contract_values(ONE, HALF, annual_discount_rate=-1)
    with pytest.raises(ValueError, match="`horizon_months` must be a positive integer, got 0"):
        contract_values(ONE, HALF, horizon_months=0)
    with pytest.raises(ValueError, match="`value_months` must be above 0, got 0"):
        contract_values(ONE, HALF, value_months=0)


@given(st.floats(0.2, 5), st.floats(0.5, 200), st.floats(0.02, 0.98))
def test_the_factor_makes_the_share_that_was_asked_for(alpha, beta, target):
    hazard = hazard_of(Law(alpha, beta).survival(np.arange(40)))

    def staying(chances, factor):
        return float(lasting(chances, np.array([3]), factor, 12)[0, -1])

    found = factor_for(hazard, target, staying)
    assert staying(hazard, found) == pytest.approx(target, abs=1e-6)


def test_all_have_left_by_an_age_that_is_certain_to_be_the_last():
    assert hazard_of(np.array([1.0, 0.5, 0.0, 0.0])).tolist() == [0.5, 1.0, 1.0]


def cohort(rng, alpha, beta, n=3000, months=60):
    life, seen = rng.geometric(rng.beta(alpha, beta, n)), rng.integers(1, months, n)
    left = np.bincount(life[life <= seen], minlength=months + 1)[1:]
    running = np.bincount(seen[life > seen], minlength=months + 1)[1:]
    customers = pd.DataFrame({"customer_id": range(n), "tenure_months": seen + 1, "value": 1200.0})[life > seen]
    return left, running, customers


def test_the_interval_covers_what_a_point_is_worth(monkeypatch):
    monkeypatch.setattr("crmlab.churn.worth.POINTS", (1,))
    rng, hits, runs = np.random.default_rng(0), 0, 25
    for run in range(runs):
        left, running, customers = cohort(rng, 1.5, 60.0, n=1500)
        model = fit_bdw(left, running, model="sbg")
        options = {"currency": "EUR", "horizon_months": 36}
        found = contract_retention_worth(customers, model, draws=100, seed=run, **options)
        truth = contract_retention_worth(customers, Law(1.5, 60.0), draws=40, **options)
        hits += found.per_point.low <= truth.per_point.value <= found.per_point.high
    assert hits / runs >= 0.84


@pytest.fixture(scope="module")
def buyers():
    from crmlab import clv

    rng = np.random.default_rng(4)
    n, T = 800, 60.0
    x = rng.poisson(T * rng.gamma(0.8, 0.08, n))
    customers = pd.DataFrame(
        {
            "customer_id": [f"{number:04d}" for number in range(n)],
            "frequency": x,
            "recency": np.where(x > 0, T * rng.beta(np.maximum(x, 1), 1.6), 0.0),
            "T": T,
            "monetary_value": np.where(x > 0, rng.gamma(6.0, 6.0, n), 0.0),
        }
    )
    purchases = clv.fit_bg_nbd(customers)
    spend = clv.fit_gamma_gamma(customers, currency="USD")
    worth = clv.customer_lifetime_value(purchases, spend, customers, draws=40)
    return worth, purchases, customers


def test_without_contracts_the_spend_expected_is_scaled_as_scenarios_do(buyers):
    from crmlab.scenarios import value_scenarios

    worth, purchases, customers = buyers
    found = purchase_retention_worth(*buyers, draws=40)
    scenario = value_scenarios(worth, purchases, customers, moves={}, cases={"more": {"retention": 0.01}})
    more = scenario.cases.set_index("scenario").loc["more", "value"]
    assert found.per_point.value == pytest.approx(more.value - worth.total.value)
    assert found.retention.value == scenario.terms.retention
    assert found.per_point.low < found.per_point.value < found.per_point.high
    assert found.total.value == worth.total.value
    assert found.metrics() == {"value_per_point_of_repeat_spend": found.per_point}
    said = found.summary()
    assert said.startswith("In a year, customers are expected to spend")
    rows = found.table().set_index("points")
    assert rows["value"].is_monotonic_increasing and rows.loc[0, "change"] is None


def test_the_interval_without_contracts_is_no_narrower_than_that_of_the_value(buyers):
    found = purchase_retention_worth(*buyers, draws=40)
    total = found.total
    assert (found.per_point.high - found.per_point.low) / found.per_point.value >= (
        total.high - total.low
    ) / total.value


def test_without_contracts_the_interval_has_the_level_of_the_value(buyers):
    """Where the value itself is known, what is left is how uncertain the purchase model leaves the proportion."""
    worth, purchases, customers = buyers
    known = replace(worth.total, low=worth.total.value, high=worth.total.value)
    wide, close = (
        purchase_retention_worth(
            replace(worth, total=replace(known, confidence_level=level)), purchases, customers, draws=60
        ).per_point
        for level in (0.95, 0.5)
    )
    assert (wide.confidence_level, close.confidence_level) == (0.95, 0.5)
    assert wide.low < close.low < close.high < wide.high


def test_inputs_stay_as_they_are():
    before = ONE.copy()
    contract_retention_worth(ONE, HALF)
    pd.testing.assert_frame_equal(ONE, before)


def test_every_sentence_can_be_translated(untranslated):
    said = contract_retention_worth(ONE, HALF, currency="EUR").summary()
    assert untranslated(said) == []
