"""The holdout check against CDNOW's second half, and its verdict on made cases."""

import functools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crmlab.absence import FitError
from crmlab.clv import fit_bg_nbd, fit_mbg_nbd
from crmlab.holdout import holdout_check
from crmlab.intervals import Estimate
from tests.bench.coverage_clv import simulate_purchases, summarise
from tests.test_purchases import fitted, known, sample


@functools.cache
def checked(name: str, **options):
    return holdout_check(fitted(name), sample(), **options)


def test_bg_nbd_holdout_matches_fader_hardie_lee_2005():
    check = checked("bg_nbd")
    assert check.actual == 1882
    assert check.predicted == pytest.approx(1653, abs=0.5)
    assert check.bias.value == pytest.approx(check.predicted / 1882 - 1)
    actual = [0.2367, 0.697, 1.3925, 1.560, 2.5323, 2.9474, 3.8621, 6.3594]
    assert check.by_frequency["actual"].tolist() == pytest.approx(actual, abs=5e-5)
    predicted = [0.2251, 0.5231, 1.0441, 1.5203, 2.1638, 2.6538, 3.5040, 6.1570]
    assert check.by_frequency["predicted"].tolist() == pytest.approx(predicted, abs=5e-4)
    assert check.by_frequency["frequency"].tolist() == ["0", "1", "2", "3", "4", "5", "6", "7+"]
    assert check.by_frequency["customers"].sum() == 2357


def test_mean_absolute_error_is_that_of_customers():
    customers = sample()
    errors = np.abs(fitted("bg_nbd").conditional_expected_purchases(39, customers) - customers["frequency_holdout"])
    assert checked("bg_nbd").mae.value == pytest.approx(errors.mean())


def test_summary_names_the_direction():
    assert "forecast 12.1% fewer repeat purchases than came (1,653 against 1,882" in checked("bg_nbd").summary()
    generous = sample().assign(frequency_holdout=lambda frame: frame["frequency_holdout"] // 2)
    assert " more repeat purchases than came" in holdout_check(fitted("bg_nbd"), generous).summary()


def test_a_difference_that_rounds_to_nothing_has_no_direction():
    even = replace(checked("bg_nbd"), bias=Estimate(0.0001, -0.05, 0.06, "share", 2357))
    assert "forecast as many repeat purchases as came (1,653 against 1,882; 95% interval" in even.summary()
    assert "1,882; 99.5% interval" in replace(even, bias=replace(even.bias, confidence_level=0.995)).summary()


@pytest.mark.parametrize("bias", [0.0, 0.05, 0.3, -0.3])
def test_all_that_a_check_says_is_translated(bias, untranslated):
    found = replace(checked("bg_nbd"), bias=Estimate(bias, bias - 0.1, bias + 0.1, "share", 2357))
    assert untranslated(found.summary() + found.advice()) == ["BG/NBD"]
    labels = holdout_check(fitted("bg_nbd"), sample().head(100))
    assert untranslated(f"{labels.bias.label} {labels.mae.label}") == []


def test_advice_names_the_direction():
    few, many = (
        replace(checked("bg_nbd"), bias=Estimate(bias, bias - 0.1, bias + 0.1, "share", 2357)) for bias in (-0.3, 0.3)
    )
    assert few.advice().startswith("Read the total as cautious: on a later period that it had not seen, the model fore")
    assert "forecast 30.0% fewer purchases than came" in few.advice()
    assert many.advice().startswith("Read the total as optimistic:") and "30.0% more purchases" in many.advice()


def test_the_verdict_follows_interval_and_tolerance():
    strict, lenient = checked("bg_nbd"), checked("bg_nbd", tolerance=0.13)
    assert strict.bias.high < 0
    assert not strict.fits
    assert "The model does not fit" in strict.summary()
    assert lenient.fits
    assert "The model fits" in lenient.summary()


def test_a_model_of_the_truth_fits():
    base = summarise(simulate_purchases("bg_nbd", 5000, np.random.default_rng(11)))
    check = holdout_check(fit_bg_nbd(base), base, tolerance=0.0)
    assert check.bias.low <= 0 <= check.bias.high
    assert check.fits


def test_a_wrong_model_is_found_out():
    base = summarise(simulate_purchases("bg_nbd", 5000, np.random.default_rng(11)))
    loyal = known("bg_nbd", r=0.2426, alpha=4.4136, a=0.01, b=10.0)
    check = holdout_check(loyal, base)
    assert check.bias.low > 0.1
    assert not check.fits


def test_groups_without_customers_are_left_out():
    customers = sample()
    few = customers[customers["frequency"].isin([0, 2])]
    table = holdout_check(fitted("bg_nbd"), few).table()
    assert table["frequency"].tolist() == ["0", "2"]
    assert np.isfinite(table[["actual", "predicted", "low", "high"]].to_numpy()).all()


def test_intervals_hold_their_forecasts_and_are_seeded():
    table = checked("bg_nbd").by_frequency
    assert ((table["low"] < table["predicted"]) & (table["predicted"] < table["high"])).all()
    assert holdout_check(fitted("bg_nbd"), sample()).bias == checked("bg_nbd").bias
    assert holdout_check(fitted("bg_nbd"), sample(), seed=1).bias.low != checked("bg_nbd").bias.low


def test_mbg_nbd_forecasts_fewer_than_bg_nbd():
    assert holdout_check(fit_mbg_nbd(sample()), sample()).bias.value < checked("bg_nbd").bias.value < 0


def test_nothing_to_compare_with_is_refused():
    with pytest.raises(FitError, match="no repeat purchases in the holdout period to hold the forecast against"):
        holdout_check(fitted("bg_nbd"), sample().assign(frequency_holdout=0))
    mixed = pd.concat([sample(), sample().assign(T_holdout=20.0)])
    with pytest.raises(ValueError, match="must have one T_holdout for all customers, got 2 values"):
        holdout_check(fitted("bg_nbd"), mixed)
