"""Logistic regression: against statsmodels and closed forms, and where the likelihood has no maximum."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from crmlab.credit.logistic import fit_logistic
from crmlab.likelihood import FitError


def sample(n=400, seed=1):
    rng = np.random.default_rng(seed)
    design = pd.DataFrame({"capital": rng.normal(3e6, 1e6, n), "grade": rng.integers(0, 4, n).astype(float)})
    log_odds = -2 + 0.6 * design["grade"] - 0.4 * (design["capital"] - 3e6) / 1e6
    return design, (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(float)


def test_plain_fit_is_statsmodels_own_whatever_the_units():
    design, outcomes = sample()
    fit = fit_logistic(design, outcomes)
    scaled = design / [1e6, 1]
    reference = sm.Logit(outcomes, sm.add_constant(scaled)).fit(disp=0)
    assert fit.coefficients * [1, 1e6, 1] == pytest.approx(reference.params.to_numpy(), rel=1e-6)
    assert fit.standard_errors * [1, 1e6, 1] == pytest.approx(reference.bse.to_numpy(), rel=1e-5)
    assert fit.low * [1, 1e6, 1] == pytest.approx(reference.conf_int()[0].to_numpy(), rel=1e-5)
    assert fit.log_likelihood == pytest.approx(reference.llf)
    assert fit.log_odds(design).mean() == pytest.approx(reference.fittedvalues.mean(), rel=1e-6)
    assert not fit.penalised


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("good", [0, 1])
def test_a_level_without_a_default_has_a_finite_effect(good):
    # 10 of 50 default at level 0, nobody (or all) of 20 at level 1
    design = pd.DataFrame({"level": np.repeat([0.0, 1.0], [50, 20])})
    outcomes = np.concatenate([np.repeat([1.0, 0.0], [10, 40]), np.full(20, float(good))])
    fit = fit_logistic(design, outcomes)
    assert fit.penalised
    # Firth's penalty adds half a case of each kind to each cell of a two-by-two table
    slope = np.log((20 * good + 0.5) / (20 * (1 - good) + 0.5)) - np.log(10.5 / 40.5)
    assert fit.coefficients[1] == pytest.approx(slope, abs=1e-3)
    assert fit.low[1] < slope < fit.high[1]
    assert (fit.high[1] < 0) if not good else (fit.low[1] > 0)
    # the intercept is set so that the probabilities add up to the events
    assert (1 / (1 + np.exp(-fit.log_odds(design)))).sum() == pytest.approx(outcomes.sum(), rel=1e-6)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_number_that_separates_all_has_a_finite_effect():
    fit = fit_logistic(pd.DataFrame({"x": np.arange(20.0)}), (np.arange(20) >= 10).astype(float))
    assert fit.penalised
    assert 0 < fit.low[1] < fit.coefficients[1] < fit.high[1] < 50


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_what_cannot_be_fitted_is_refused_in_one_sentence():
    design, outcomes = sample(50)
    with pytest.raises(FitError, match="needs both outcomes, got 0 events among 50"):
        fit_logistic(design, np.zeros(50))
    with pytest.raises(FitError, match="follow from one another, or one is constant: capital, grade, twice"):
        fit_logistic(design.assign(twice=2 * design["grade"]), outcomes)
    with pytest.raises(ValueError, match="`outcomes` must be 0 or 1 for each of the 50 rows"):
        fit_logistic(design, outcomes + 1)
    with pytest.raises(ValueError, match="`design` must be finite"):
        fit_logistic(design.assign(grade=np.nan), outcomes)


def test_penalised_intervals_cover_where_a_level_is_rare():
    rng = np.random.default_rng(3)
    truth, held, used = -1.5, 0, 0
    design = pd.DataFrame({"level": np.repeat([0.0, 1.0], [80, 20])})
    chance = 1 / (1 + np.exp(1.5 - truth * design["level"].to_numpy()))
    for _draw in range(60):
        fit = fit_logistic(design, (rng.random(100) < chance).astype(float))
        held += fit.low[1] <= truth <= fit.high[1]
        used += fit.penalised
    assert used > 5
    assert held >= 53  # of 60: three standard errors below 95%
