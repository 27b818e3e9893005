"""The spend model against published fits of CDNOW, and what it refuses."""

import functools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlab.intervals import Estimate
from crmlab.likelihood import FitError
from crmlab.spend import SpendModel, fit_gamma_gamma
from tests.test_purchases import sample


@functools.cache
def spend() -> SpendModel:
    return fit_gamma_gamma(sample())


def test_gamma_gamma_matches_fader_hardie_2013_and_clvtools():
    assert list(spend().params.values()) == pytest.approx([6.2496, 3.7442, 15.4435], rel=2e-4)
    assert spend().log_likelihood == pytest.approx(-4055.9177, abs=1e-3)
    assert spend().n == 946


def test_spend_matches_hardie_note_025():
    customers = sample()
    repeaters = customers[customers["frequency"] > 0]
    assert repeaters["monetary_value"].mean() == pytest.approx(35.078, abs=5e-4)
    assert spend().mean_spend.value == pytest.approx(35.17, abs=5e-3)
    assert spend().correlation.value == pytest.approx(0.1139, abs=5e-5)
    assert spend().conditional_mean(customers)[:5] == pytest.approx([24.65, 18.91, 35.17, 35.17, 35.17], abs=0.05)


def test_spend_of_customers_without_repeat_purchases_is_the_mean():
    found = spend().conditional_mean(pd.DataFrame({"frequency": [0, 1000], "monetary_value": [0.0, 80.0]}))
    assert found[0] == spend().mean_spend.value
    assert found[1] == pytest.approx(80, abs=0.1)


def test_the_lifetimes_fitter_agrees():
    customers = sample().head(300)
    found = spend().lifetimes.conditional_expected_average_profit(customers["frequency"], customers["monetary_value"])
    assert found.to_numpy() == pytest.approx(spend().conditional_mean(customers))


def test_correlation_has_fishers_interval():
    customers = sample()
    repeaters = customers[customers["frequency"] > 0]
    known_interval = stats.pearsonr(repeaters["frequency"], repeaters["monetary_value"]).confidence_interval()
    assert (spend().correlation.low, spend().correlation.high) == pytest.approx(tuple(known_interval))


@pytest.mark.parametrize(
    "x, m, message",
    [
        ([], [], "needs at least two customers with repeat purchases, got 0 of 0"),
        ([0, 2, 3], [0.0, 5.0, 0.0], "got 1 of 3"),
        ([1, 2, 3], [5.0, 5.0, 5.0], "all 3 customers with repeat purchases spend 5"),
        ([1, 2], [5.0, np.nan], "some are missing"),
    ],
)
def test_data_that_cannot_carry_a_spend_model_are_refused(x, m, message):
    with pytest.raises(FitError, match=message):
        fit_gamma_gamma(pd.DataFrame({"frequency": x, "monetary_value": m}, dtype=float))


def test_spend_without_a_mean_is_refused():
    m = stats.genpareto(2.5).ppf(np.linspace(0.01, 0.99, 200)) + 1
    with pytest.raises(FitError, match="so uneven that it has no mean"):
        fit_gamma_gamma(pd.DataFrame({"frequency": 1, "monetary_value": m}))


def test_simulated_amounts_have_the_expected_mean():
    customers = pd.DataFrame({"frequency": [0, 3, 20], "monetary_value": [0.0, 60.0, 15.0]})
    model = spend()
    certain = SpendModel(**vars(model) | {"covariance": np.zeros((3, 3)), "_maximum": None})
    many = pd.concat([customers] * 20_000)
    buyers, amounts = next(certain.simulate_amounts(many, [np.full(60_000, 2.0)], draws=1, seed=0))
    assert buyers.tolist() == list(range(60_000))
    amounts = amounts.reshape(-1, 3)
    error = amounts.std(axis=0) / np.sqrt(len(amounts))
    assert (np.abs(amounts.mean(axis=0) - 2 * model.conditional_mean(customers)) < 4.5 * error).all()


@pytest.mark.parametrize("link", [0, 0.2, -0.2])
def test_all_that_a_spend_model_says_is_translated(link, untranslated):
    model = replace(spend(), correlation=Estimate(link, link - 0.1, link + 0.1, "index", 946))
    assert untranslated(model.summary() + model.independence()) == []


def test_labels_of_a_spend_model_are_translated(untranslated):
    model = fit_gamma_gamma(sample())
    assert untranslated(f"{model.mean_spend.label} {model.correlation.label}") == []


def test_the_link_of_spend_and_frequency_is_told_by_its_interval():
    none, more, less = (
        replace(spend(), correlation=Estimate(link, link - 0.1, link + 0.1, "index", 946)).independence()
        for link in (0, 0.2, -0.2)
    )
    assert none.startswith("No link between spend and frequency can be told: their correlation is 0.00 (95% interval ")
    assert "also spend more each time" in more and "may underrate frequent buyers" in more
    assert "spend less each time" in less and "may overrate frequent buyers" in less


def test_spend_table_and_summary():
    assert spend().table()["parameter"].tolist() == ["p", "q", "v"]
    assert spend().summary().startswith("The average customer is expected to spend $35.17 (95% interval $33.47 to")
