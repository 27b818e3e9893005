"""From a hazard model to warning and contact threshold, as a notebook goes."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from crmlab.absence import FitError
from crmlab.churn.contact import contact_threshold
from crmlab.churn.hazard import fit_hazard
from crmlab.churn.trial import foretold_with_values
from crmlab.churn.warning import hazard_warning
from crmlab.intervals import wilson
from tests.bench.coverage_warning import ConstantRetention

CUT_OFFS = (date(2023, 6, 30), date(2023, 12, 31))


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    hours, tenure = rng.normal(10, 4, 4000).clip(0), rng.integers(1, 30, 4000).astype(float)
    left = rng.random(4000) < expit(-4 + 0.12 * hours)
    return pd.DataFrame(
        {"response_hours": hours, "tenure_months": tenure, "log_tenure_months": np.log(tenure), "trials": 1}
    ).assign(events=left.astype(int))


@pytest.fixture(scope="module")
def customers(rows):
    found = rows.head(300)[["response_hours", "tenure_months", "log_tenure_months"]]
    return found.assign(customer_id=[f"{place:03d}" for place in range(300)], value=1200.0)


@pytest.fixture(scope="module")
def model(rows):
    return fit_hazard(rows)


def test_a_model_gives_chances_reasons_and_an_interval_of_its_own(model, customers):
    found = hazard_warning(model, customers, months=3, values=customers, currency="EUR")
    ranked = found.customers.set_index("customer_id")
    expected = pd.Series(model.probability(customers, months=3).to_numpy(), index=customers["customer_id"])
    assert ranked["probability"].to_dict() == pytest.approx(expected.to_dict())
    assert found.period == "3 months"
    warned = ranked[ranked["at_risk"]]
    assert (warned["driver"] == "response_hours").mean() > 0.9
    assert warned["action"].iloc[0] == "service_recovery"
    assert warned["reason"].str.contains(r"\(average \d").all()
    alone = hazard_warning(model, customers, months=3, probability_draws=None).leavers
    assert found.leavers.high - found.leavers.low > alone.high - alone.low


def test_drawn_coefficients_are_spread_around_the_chances(model, customers):
    from crmlab.churn.warning import _drawn_hazards

    drawn = np.array(list(_drawn_hazards(model, customers, 1, draws=300, seed=0)))
    x = model._design(customers)
    middle, error = x @ model.coefficients, 1.96 * np.sqrt(np.einsum("ij,jk,ik->i", x, model.covariance, x))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    assert np.abs(low - expit(middle - error)).max() < 0.01
    assert np.abs(high - expit(middle + error)).max() < 0.015


def test_last_contacts_are_joined_where_they_are_known(model, customers):
    contacts = pd.DataFrame({"customer_id": ["000", "zzz"], "last_contact": pd.Timestamp("2024-01-05")})
    found = hazard_warning(model, customers, contacts=contacts, threshold=0.0)
    assert found.customers.set_index("customer_id")["last_contact"].notna().sum() == 1
    assert len(found.customers) == 300
    assert "last_contact" in found.first(300).table()


def check(customers, out_of_time=True):
    cut_offs = CUT_OFFS if out_of_time else (None,)
    parts = [
        customers.assign(cut_off=cut_off, probability=0.1, left=0)[["customer_id", "cut_off", "probability", "left"]]
        for cut_off in cut_offs
    ]
    folds = tuple(
        SimpleNamespace(cut_off=cut_off, customers=customers.assign(value=1200.0 * (1 + place)))
        for place, cut_off in enumerate(CUT_OFFS)
    )
    data = SimpleNamespace(folds=folds, last_period=customers)
    return SimpleNamespace(predictions=pd.concat(parts, ignore_index=True), out_of_time=out_of_time), data


def test_a_customer_is_worth_at_each_cut_off_what_the_contract_was_then(customers):
    found = foretold_with_values(*check(customers))
    assert len(found) == 600
    assert found.groupby("fold")["value"].unique().map(list).to_dict() == {CUT_OFFS[0]: [1200], CUT_OFFS[1]: [2400]}
    stays = ConstantRetention(wilson(80, 100))
    later = foretold_with_values(*check(customers), stays, horizon_months=24)
    assert (later["value"] < 2 * found["value"]).all() and later["value"].min() > 0


def test_out_of_sample_there_is_one_period_and_customers_make_the_folds(customers):
    found = foretold_with_values(*check(customers, out_of_time=False))
    assert len(found) == 300 and found["fold"].isna().all()
    assert contact_threshold(found.assign(left=[1, 0, 0] * 100), contact_cost=1, save_rate=0.5).n == 300


def test_contracts_without_a_value_cannot_be_tried(customers):
    tested, data = check(customers, out_of_time=False)
    data.last_period = customers.drop(columns="value")
    with pytest.raises(FitError, match="the contracts have no column value"):
        foretold_with_values(tested, data)
