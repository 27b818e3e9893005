"""The maximiser against models whose maximum is known, and prediction intervals against their definition."""

import numpy as np
import pytest
from scipy import special, stats

from crmlab.likelihood import FitError, draw_params, maximise, prediction, prediction_bounds

WAITS = np.random.default_rng(0).exponential(3.0, 200)


def exponential(params):
    return stats.expon.logpdf(WAITS, scale=params[0]).sum()


def test_the_exponential_has_its_mean_and_standard_error():
    found = maximise(exponential, [50.0], shapes=[False], model="Exponential")
    assert found.params[0] == pytest.approx(WAITS.mean(), rel=1e-6)
    assert found.standard_errors[0] == pytest.approx(WAITS.mean() / np.sqrt(200), rel=1e-4)
    assert found.log_likelihood == pytest.approx(exponential([WAITS.mean()]))


def test_the_gamma_agrees_with_scipy():
    values = stats.gamma(2.5, scale=4).rvs(500, random_state=1)
    found = maximise(
        lambda params: stats.gamma.logpdf(values, params[0], scale=params[1]).sum(),
        [1.0, 1.0],
        shapes=[True, False],
        model="Gamma",
    )
    shape, _, scale = stats.gamma.fit(values, floc=0)
    assert found.params == pytest.approx([shape, scale], rel=1e-4)
    # Of the logarithms of shape and scale, at the maximum.
    information = 500 * shape * np.array([[shape * special.polygamma(1, shape), 1.0], [1.0, 1.0]])
    assert found.covariance == pytest.approx(np.linalg.inv(information), rel=1e-4)


def test_a_shape_without_a_maximum_stops_near_its_bound():
    found = maximise(lambda params: -1 / params[0], [1.0], shapes=[True], model="Endless")
    assert 10 < found.params[0] < 60
    assert 0 < found.standard_errors[0] / found.params[0] <= 2


def test_a_likelihood_without_a_maximum_is_refused():
    with pytest.raises(FitError, match="^Endless could not be fitted: its likelihood has no maximum"):
        maximise(lambda params: params[0], [1.0], shapes=[False], model="Endless")


def test_draws_have_the_covariance_of_the_logarithms():
    covariance = np.array([[0.04, 0.01], [0.01, 0.09]])
    drawn = np.log(draw_params([2.0, 5.0], covariance, draws=20_000, rng=np.random.default_rng(0)))
    assert drawn.mean(axis=0) == pytest.approx(np.log([2.0, 5.0]), abs=0.01)
    assert np.cov(drawn.T) == pytest.approx(covariance, abs=0.003)


def test_draws_of_a_skewed_likelihood_follow_it():
    """Twelve waits: with a flat prior of its logarithm, the exponential's rate is gamma (12, sum of the waits)."""
    waits = WAITS[:12]
    found = maximise(
        lambda params: 12 * np.log(params[0]) - params[0] * waits.sum(), [1.0], shapes=[False], model="Exponential"
    )
    rng = np.random.default_rng(0)
    drawn = draw_params(found.params, found.covariance, draws=4000, rng=rng, objective=found.objective)[:, 0]
    exact = stats.gamma(12, scale=1 / waits.sum())
    assert np.quantile(drawn, [0.025, 0.5, 0.975]) == pytest.approx(exact.ppf([0.025, 0.5, 0.975]), rel=0.03)
    assert stats.kstest(drawn, exact.cdf).statistic < 0.03


def test_draws_where_the_likelihood_is_normal_are_normal():
    covariance = np.array([[0.04, 0.01], [0.01, 0.09]])
    precision = np.linalg.inv(covariance)
    options = {"draws": 50, "objective": lambda log_params: -log_params @ precision @ log_params / 2}
    with_it = draw_params([1.0, 1.0], covariance, rng=np.random.default_rng(0), **options)
    without = draw_params([1.0, 1.0], covariance, rng=np.random.default_rng(0), draws=50)
    assert with_it.tolist() == without.tolist()


def test_bounds_of_few_draws_are_their_extremes():
    outcomes = np.arange(1.0, 40.0)
    assert prediction_bounds(outcomes, 0.95).tolist() == pytest.approx([1.0, 39.0])
    assert prediction_bounds(outcomes, 0.5).tolist() == pytest.approx([10.0, 30.0])
    with pytest.raises(ValueError, match="`draws` must be at least 39 for a 95% interval, got 38"):
        prediction_bounds(outcomes[1:], 0.95)


def test_bounds_cover_a_further_draw_as_often_as_stated():
    draws = np.random.default_rng(0).normal(size=(60, 20_000))
    low, high = prediction_bounds(draws[:59], 0.9)
    assert np.mean((low <= draws[59]) & (draws[59] <= high)) == pytest.approx(0.9, abs=0.01)


def test_bounds_of_counts_are_counts():
    """Nobody buys in 5 draws of 200: the lower end is 0, although the quantile lies just above."""
    outcomes = np.repeat([0.0, 1.0, 2.0], [5, 190, 5])
    assert prediction_bounds(outcomes, 0.95).tolist() == [0.0, 2.0]


def test_an_expected_value_beyond_the_quantiles_widens_the_interval():
    outcomes = np.zeros(200)
    outcomes[0] = 500.0
    found = prediction(2.5, outcomes, unit="USD", n=1, label="value", confidence_level=0.95)
    assert (found.low, found.high) == (0.0, 2.5)
