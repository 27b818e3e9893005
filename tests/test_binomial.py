"""Binomial regression: against statsmodels and closed forms, and where the likelihood has no maximum."""

import numpy as np
import pytest
import statsmodels.api as sm

from crmlab.binomial import fit_binomial, inverse_link
from crmlab.intervals import z_score

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def fitted(columns, outcomes):
    columns = np.asarray(columns, dtype=float).reshape(len(outcomes), -1)
    x, y = np.column_stack([np.ones(len(columns)), columns]), np.asarray(outcomes, dtype=float)
    return fit_binomial(x, y, np.ones(len(y)), z=z_score(0.95))


def test_plain_fit_is_statsmodels_own_whatever_the_units():
    rng = np.random.default_rng(1)
    capital, grade = rng.normal(3e6, 1e6, 400), rng.integers(0, 4, 400)
    outcomes = (rng.random(400) < inverse_link(-2 + 0.6 * grade - 0.4 * (capital - 3e6) / 1e6, "logit")).astype(float)
    fit, units = fitted(np.column_stack([capital, grade]), outcomes), [1, 1e6, 1]
    reference = sm.Logit(outcomes, sm.add_constant(np.column_stack([capital / 1e6, grade]))).fit(disp=0)
    assert fit.coefficients * units == pytest.approx(reference.params, rel=1e-6)
    assert fit.standard_errors * units == pytest.approx(reference.bse, rel=1e-5)
    assert fit.low * units == pytest.approx(reference.conf_int()[:, 0], rel=1e-5)
    assert fit.log_likelihood == pytest.approx(reference.llf)
    assert not fit.separated


@pytest.mark.parametrize("good", [0, 1])
def test_a_level_without_an_event_has_a_finite_effect(good):
    # 10 of 50 at level 0, nobody (or all) of 20 at level 1
    level, outcomes = np.repeat([0.0, 1.0], [50, 20]), np.concatenate([np.repeat([1.0, 0.0], [10, 40]), [good] * 20])
    fit = fitted(level, outcomes)
    assert fit.separated == (1,)
    # Firth's penalty adds half a case of each kind to each cell of a two-by-two table
    slope = np.log((20 * good + 0.5) / (20 * (1 - good) + 0.5)) - np.log(10.5 / 40.5)
    assert fit.coefficients[1] == pytest.approx(slope, abs=1e-3)
    assert fit.low[1] < slope < fit.high[1]
    assert (fit.high[1] < 0) if not good else (fit.low[1] > 0)
    # the intercept is set so that the probabilities add up to the events
    chances = inverse_link(fit.coefficients[0] + level * fit.coefficients[1], "logit")
    assert chances.sum() == pytest.approx(outcomes.sum(), rel=1e-6)


def test_trials_in_groups_are_those_outcomes_one_by_one():
    level, trials, events = np.array([0.0, 1.0, 2.0]), np.array([60.0, 50, 30]), np.array([12.0, 5, 0])
    x = np.column_stack([np.ones(3), level == 1, level == 2]).astype(float)
    grouped = fit_binomial(x, events, trials, z=z_score(0.95))
    rows = np.repeat(np.arange(3), trials.astype(int))
    single = fitted(x[rows, 1:], np.concatenate([np.arange(n) < k for n, k in zip(trials, events, strict=True)]))
    assert grouped.separated == single.separated == (2,)
    assert grouped.coefficients == pytest.approx(single.coefficients, abs=1e-3)
    assert grouped.low[2] == pytest.approx(single.low[2], abs=0.05)
    assert grouped.high[2] == pytest.approx(single.high[2], abs=0.05)


def test_a_number_that_separates_all_has_a_finite_effect():
    fit = fitted(np.arange(20.0), np.arange(20) >= 10)
    assert fit.separated and 0 < fit.low[1] < fit.coefficients[1] < fit.high[1] < 50


def test_penalised_intervals_cover_where_a_level_is_rare():
    rng = np.random.default_rng(3)
    truth, held, used = -1.5, 0, 0
    level = np.repeat([0.0, 1.0], [80, 20])
    for _draw in range(60):
        fit = fitted(level, rng.random(100) < inverse_link(-1.5 + truth * level, "logit"))
        held += fit.low[1] <= truth <= fit.high[1]
        used += bool(fit.separated)
    assert used > 5
    assert held >= 53  # of 60: three standard errors below 95%
