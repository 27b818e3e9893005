from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crmlab.intervals import Estimate
from crmlab.likelihood import FitError
from crmlab.model_choice import FITS, ModelComparison, compare_models, fit_purchase_model

MISSED = Estimate(0.3, 0.2, 0.4, "share", 300)


@pytest.fixture(scope="module")
def calibration():
    """Customers who buy at gamma rates and leave after a purchase by a beta chance: BG/NBD by construction."""
    rng = np.random.default_rng(20)
    n, T, ahead = 1_500, 40.0, 30.0
    rows = []
    for rate, leave in zip(rng.gamma(0.8, 1 / 6, n), rng.beta(0.8, 3.0, n), strict=True):
        times, now = [], 0.0
        while (now := now + rng.exponential(1 / rate)) < T + ahead:
            times.append(now)
            if rng.random() < leave:
                break
        before = [time for time in times if time <= T]
        rows.append((len(before), before[-1] if before else 0.0, T, len(times) - len(before), ahead))
    return pd.DataFrame(rows, columns=["frequency", "recency", "T", "frequency_holdout", "T_holdout"])


def test_the_model_that_made_the_data_is_accepted_and_all_are_shown(calibration):
    comparison = compare_models(calibration, draws=100)
    assert set(comparison.checks) == set(FITS)
    assert comparison.failures == {}
    assert comparison.checks["bg_nbd"].fits
    table = comparison.table()
    assert table["model"].tolist() == ["BG/NBD", "MBG/NBD", "Pareto/NBD"]
    assert (table["actual"] == calibration["frequency_holdout"].sum()).all()
    assert table["log_likelihood"].idxmax() == 0
    assert "BG/NBD" in comparison.summary()


def test_all_that_a_comparison_says_is_translated(calibration, untranslated):
    comparison = compare_models(calibration.head(300), draws=39)
    none = replace(comparison, checks={name: replace(each, tolerance=-1, bias=MISSED)
                                       for name, each in comparison.checks.items()})  # fmt: skip
    names = {"BG/NBD", "MBG/NBD", "Pareto/NBD"}
    assert set(untranslated(comparison.summary() + none.summary())) <= names
    failed = replace(comparison, failures={"other": "why"}).summary()
    assert set(untranslated(failed)) - names == {"why"}


def test_models_that_were_accepted_or_could_not_be_fitted_are_named(calibration):
    comparison = compare_models(calibration.head(300), draws=39)
    none = replace(comparison, checks={name: replace(each, tolerance=-1, bias=MISSED)
                                       for name, each in comparison.checks.items()})  # fmt: skip
    assert none.summary().endswith("with a difference of 30.0%. The test accepts none of the models.")
    failed = replace(none, failures={"a": "A needs more", "b": "B needs more"}).summary()
    assert failed.endswith("none of the models. Not fitted: A needs more. Not fitted: B needs more.")


def test_data_that_no_model_can_carry_say_why(calibration):
    silent = calibration.assign(frequency=0, recency=0.0)
    with pytest.raises(FitError, match="repeat purchase"):
        compare_models(silent)


def test_fit_purchase_model_knows_its_names(calibration):
    assert fit_purchase_model("mbg_nbd", calibration).name == "mbg_nbd"
    with pytest.raises(ValueError, match="`name` must be one of bg_nbd, mbg_nbd, pareto_nbd, got 'bgnbd'"):
        fit_purchase_model("bgnbd", calibration)


def test_the_check_of_a_model_that_could_not_be_fitted_says_why():
    comparison = ModelComparison({}, {}, {"bg_nbd": "BG/NBD needs repeat purchases: none"})
    with pytest.raises(FitError, match="on the calibration period, BG/NBD needs repeat purchases: none"):
        comparison.check("bg_nbd")
